/* Giving up what the program does not need: capabilities, new privileges, system calls.
 *
 * Order in main(): helper_start(), privilege_drop(), then sockets, workers and loop (threads take
 * the capabilities of the thread that makes them, so none may exist earlier), then
 * privilege_filter(), which covers threads that are there already. */
#ifndef GREYLINE_PRIVILEGE_H
#define GREYLINE_PRIVILEGE_H

#include <stdbool.h>

/* Keeps CAP_NET_ADMIN and CAP_NET_RAW (and, while `bind` is true, CAP_NET_BIND_SERVICE) in the
 * permitted, effective and bounding sets, nothing inheritable or ambient, and sets no_new_privs.
 * Where locked memory is limited CAP_IPC_LOCK stays until privilege_end_locking.
 * `user` (may be NULL: stay who we are) is changed to with its groups.
 * 0 or -errno with `error`; -EBUSY when threads exist. */
int privilege_drop(const char *user, bool bind, char error[256]);

/* The sockets of the data plane are open. Before any thread is made, which would keep it. */
void privilege_end_locking(void);

/* Which of the needed capabilities the process has now: for start-up checks and doctor. */
bool privilege_have_net_admin(void);
bool privilege_have_net_raw(void);

/* The seccomp filter of the main process. System calls outside the list fail with EPERM; those no
 * honest path of ours leads to (execve, ptrace, module loading and the like) kill the process.
 * `ppp`: with what the kernel's data plane needs besides.
 * 0; 1 when it was left out with the reason in `error` (a sanitizer build, a kernel without
 * seccomp: print it); or -errno with `error`. */
int privilege_filter(bool ppp, char error[256]);

#endif
