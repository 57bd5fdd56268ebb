/* The client's unit: its interface, with addresses and routes, which may outlive its sessions.
 *
 *   opened ─▶ lent to a session ─▶ waits (demand.h) ─▶ lent to the next ─▶ ... ─▶ closed
 *
 * It stays with --demand, and with --persist unless --no-keep-interface is said. Nothing leaks past
 * the tunnel meanwhile, and connections through it live on when the next session has the same
 * address. With another address it is renumbered. */
#ifndef GREYLINE_CLIENT_UNIT_H
#define GREYLINE_CLIENT_UNIT_H

#include <stdbool.h>
#include <stdint.h>

#include "address.h"

struct client;
struct seat;

struct client_unit {
	int tun; /* our own descriptor of it, which keeps it; -1: there is no unit */
	char interface[16];
	unsigned link;
	uint32_t local4, remote4; /* that it has; 0: none */
	uint32_t given4;          /* ... local4, when a server gave it; 0: none did */
	uint64_t local6;          /* of its link-local address; 0: none */
	struct address own6;      /* in the network that a server advertised; family 0: none */
	struct prefix network;    /* that a server said it is in, and led to; length 0: none */
	bool routed4, routed6;    /* --route and --default-route lead to it */
	bool routed_all6;
};

void client_unit_init(struct client *client);
/* Whether it is to outlive a session that ended for this reason. */
bool client_unit_stays(const struct client *client);
/* Makes it where it is not there yet, for this session or (0) before any: 0 or -errno, logged. */
int client_unit_make(struct client *client, uint32_t subject);
/* The same for a session: a descriptor of it for seat->tun, or -errno; the seat is told its name.
 */
int client_unit_lend(struct client *client, struct seat *seat);
/* The session is at another data plane now, and its unit still down: it has a new one. 0 or -errno,
 * logged. */
int client_unit_moved(struct client *client, struct seat *seat);
/* Before any session, for --demand: made-up addresses where nobody told them, as pppd's, and
 * routes; it comes up. 0 or -errno, logged. */
int client_unit_offer(struct client *client);
/* It has this session's addresses and MTU from now on; the session is told which were there before
 * (seat->old_local4, old_remote4). 0 or -errno, logged. */
int client_unit_number(struct client *client, struct seat *seat);
/* --route and the like, those that are not there yet: IPv4's, and where the server told one, that
 * of its network. */
void client_unit_route(struct client *client, const struct prefix *network);
/* The same of IPv6; `everything`: the server is a way to everywhere. */
void client_unit_route6(struct client *client, bool everything);
/* Its link-local address, and one in the network advertised. 0 or -errno, logged. */
int client_unit_number6(struct client *client, const struct seat *seat);
int client_unit_join6(struct client *client, const struct seat *seat);
/* Closed, its routes outside forgotten. */
void client_unit_close(struct client *client);

#endif
