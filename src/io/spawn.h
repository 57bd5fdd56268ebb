/* Running another program: for the helper and for undoing, never in the main process once its
 * filter is installed. */
#ifndef GREYLINE_SPAWN_H
#define GREYLINE_SPAWN_H

#include <stdint.h>
#include <sys/types.h>

/* Starts `path` as the leader of a process group of its own, signals reset, in /, with exactly
 * this environment and `input` as standard input; output goes to `output`. A descriptor of -1 is
 * /dev/null. The pid, or -errno (-ENOENT when it is not there, -EACCES when it cannot be run). */
pid_t spawn_start(const char *path, char *const arguments[], char *const environment[], int input,
	int output);

/* The same on a terminal, which is standard input and output but not standard error. */
pid_t spawn_on_terminal(
	const char *path, char *const arguments[], char *const environment[], int terminal);

/* Runs `nft -f -` on a script of at most 64 KiB and waits for it. 0, or -errno with `error`: nft's
 * own first line where it gave one. */
int spawn_nft(const char *script, char error[256]);

#endif
