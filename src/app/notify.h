/* sd_notify by hand: one datagram to the socket named by $NOTIFY_SOCKET. */
#ifndef GREYLINE_NOTIFY_H
#define GREYLINE_NOTIFY_H

#include <stdint.h>

/* Packets pass. */
#define NOTIFY_UP "STATUS=up"

/* Whom to tell instead of the one that the environment names; before notify_open(). */
void notify_use(int fd);
/* Reads the environment once; call it before privileges are dropped. */
void notify_open(void);
/* "READY=1", "STOPPING=1", "STATUS=..."; does nothing when nobody listens. */
void notify_send(const char *text);
/* Half of $WATCHDOG_USEC in milliseconds, when it is meant for us; 0: no watchdog. */
uint64_t notify_watchdog_ms(void);

#endif
