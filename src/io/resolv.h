/* resolv.conf: replaced while a tunnel gives us name servers, and put back. */
#ifndef GREYLINE_RESOLV_H
#define GREYLINE_RESOLV_H

#include <stddef.h>

#include "address.h"

/* Saves what is at `path` (its contents in `backup`, or just where a symbolic link points) and
 * writes the line for the state file that restores it. 0 or -errno. */
int resolv_save(const char *path, const char *backup, char *line, size_t size);
/* Puts these servers in its place, and a search list unless it is empty (-EINVAL when that is more
 * than names and blanks). A symbolic link is replaced, its target untouched. */
int resolv_write(
	const char *path, const struct address *servers, unsigned count, const char *search);
/* Undoes both, given the state line behind "dns "; removes the backup. What somebody else wrote
 * in the meantime stays. 0 or -errno. */
int resolv_restore(const char *rest);

#endif
