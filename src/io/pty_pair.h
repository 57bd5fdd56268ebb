/* A pair of pseudo terminals for somebody else's PPP program. */
#ifndef GREYLINE_PTY_PAIR_H
#define GREYLINE_PTY_PAIR_H

/* Both ends, raw, neither inherited nor a controlling terminal. What is behind the slave sees a
 * hangup when the master is closed, and the other way round once every copy of the slave is. Needs
 * no privilege, and none of the calls that a filter forbids (privilege.h). 0 or -errno. */
int pty_open(int *master, int *slave);

#endif
