/* Network namespaces beside the one we were started in: by the name `ip netns` gives them, or a
 * path such as /proc/PID/ns/net. Entering one needs CAP_SYS_ADMIN, and is of the calling thread. */
#ifndef GREYLINE_NAMESPACE_H
#define GREYLINE_NAMESPACE_H

#include <stddef.h>

/* Where `name` is: 0, or -ENAMETOOLONG. */
int namespace_path(const char *name, char *path, size_t size);
/* A descriptor, or -errno with `error`: what failed, on what, and what to do next. */
int namespace_open(const char *name, char error[256]);
/* The thread is in `space` from here on; what it was in before is the result, for namespace_leave,
 * or -errno with `error`. */
int namespace_enter(int space, char error[256]);
/* To stay: 0 or -errno. */
int namespace_settle(const char *name);
/* And back. Failing would leave us in the wrong network: it ends the program. */
void namespace_leave(int before);

#endif
