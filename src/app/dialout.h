/* Control connections that a server opens: to PACs that wait to be called before they offer their
 * own incoming calls (--connect; RFC 2637 §3.1). */
#ifndef GREYLINE_DIALOUT_H
#define GREYLINE_DIALOUT_H

#include <stdbool.h>

#include <uv.h>

#include "address.h"
#include "reason.h"

struct peer;
struct server;

enum { DIALOUTS_MAX = 16 };

/* One PAC. In the server's memory, which outlives the loop. */
struct dialout {
	struct server *server;
	char host_name[256];
	uint16_t port;
	struct address address; /* where it was found last; family 0: not yet */
	struct peer *peer;      /* the connection we opened, or NULL */
	unsigned failures;      /* in a row */
	uv_timer_t redial;
};

/* Dials every --connect. 0, or an exit code with the reason logged. */
int dialout_start(struct server *server);
void dialout_up(struct server *server, const struct peer *peer);
/* The connection is gone: it is dialled again after a while. */
void dialout_down(struct server *server, const struct peer *peer, enum close_reason reason);
/* Whether a connection from there is that of a PAC we are to call. */
bool dialout_knows(const struct server *server, const struct address *address);
/* A connection came from `peer` to our `local` (§3.1.3). While ours to the same host is not yet
 * established, the one opened by the higher address stays: true when that is ours, and theirs is
 * to be dropped; else ours was dropped if there was one. */
bool dialout_wins(struct server *server, const struct address *local, const struct address *peer);

#endif
