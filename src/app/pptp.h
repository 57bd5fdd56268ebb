/* pptp-linux's place: our control connection and GRE for somebody else's pppd.
 *
 *   pppd ─ pty ─▶ standard input and output ─▶ line ─▶ relayed session ─▶ GRE */
#ifndef GREYLINE_PPTP_H
#define GREYLINE_PPTP_H

#include "call_zero.h"
#include "host.h"
#include "pptp_arguments.h"

struct pptp {
	struct host host;
	struct settings *settings;
	struct pptp_arguments arguments;
	struct address server, local;
	char server_text[64]; /* the address that HOST stands for */
	char name[256];       /* ours, in the control connection */
	int in, out;          /* what carries PPP; may be the same */
	int waiting;          /* a pipe to who waits to become pppd; -1: nobody does */
	struct peer *peer;
	struct seat *seat;
	struct call_zero zero;
	bool was_up, heard, unheard;
	enum close_reason reason;
	struct netlink *netlink;
	struct netlink_route route; /* to the server */
	bool route_added;
	uv_timer_t redial;
	uv_signal_t statistics; /* USR1 */
};

/* The whole program, when it was called as pptp. Exit codes are pptp-linux's: 0 when there was a
 * call, 1 when there was none, 2 for a bad value. */
int pptp_main(int argc, char **argv);

/* pptp_launch.c: before anything is opened, makes the pty and a process that will be pppd with
 * these words behind its name, once pptp_launched() says so. Returns in the other process, whose
 * `in`, `out` and `waiting` it sets; or with an exit code, told. */
int pptp_launch(struct pptp *pptp);
void pptp_launched(struct pptp *pptp);

#endif
