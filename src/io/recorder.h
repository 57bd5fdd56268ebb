/* A process between a line and whoever uses it that writes down what passes, byte for byte, as
 * pppd's `record` does; pppdump(8) shows it. */
#ifndef GREYLINE_RECORDER_H
#define GREYLINE_RECORDER_H

#include <stdbool.h>
#include <sys/types.h>

/* Appends to `path`, made for its owner alone. `in` and `out` are the line, which stays the
 * caller's; *end is to be used in its place, for both directions, and is the caller's. `sync`: a
 * read is a frame, and stays one. The process, or -errno. It ends when either side does. */
pid_t recorder_start(const char *path, int in, int out, bool sync, int *end);
/* Ends it and waits for that. */
void recorder_stop(pid_t recorder);

#endif
