/* The addresses a program takes control connections on. */
#ifndef GREYLINE_LISTENERS_H
#define GREYLINE_LISTENERS_H

#include <stdint.h>

#include "host.h"
#include "tcp.h"

enum { LISTENERS_MAX = 16 };

struct listeners {
	struct tcp_listener *at[LISTENERS_MAX];
	unsigned count;
};

/* One more: an address with :PORT if need be. 0, or an exit code with the fault logged. */
int listeners_add(struct listeners *listeners, struct host *host, const char *word,
	void (*accepted)(void *context, struct tcp_connection *tcp), void *context);
void listeners_close(struct listeners *listeners);

#endif
