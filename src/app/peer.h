/* One peer: a TCP connection and the tunnel in it, or a line, and the way its outbox is carried
 * out. */
#ifndef GREYLINE_PEER_H
#define GREYLINE_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "host.h"
#include "tcp.h"
#include "tunnel.h"

struct host_bundle;

struct peer {
	struct host *host;
	uint32_t number;
	struct tcp_connection *tcp; /* NULL once closed */
	struct tunnel tunnel;
	const struct tunnel_config *config; /* shared: profile.h */
	struct address local, address;      /* outer; family 0 before a dialled connection stands */
	struct host_bundle *bundle; /* no tunnel at all: the links of a bundle have theirs */
	bool line;           /* none either: it is at the other end of a line, for one session, */
	struct seat *leased; /* this; NULL once it is over */
	uint16_t port;
	bool dialled, opened;
	int tcp_error; /* why a dial failed */
	uint32_t seats;
	size_t compression; /* memory its compressors may come to need */
	uint64_t since;
	struct peer *half_next, *half_previous; /* the server's list of half-open ones */
	bool half_listed;
};

/* NULL when there is no place or memory. An accepted peer begins with peer_begin, a dialled one
 * by itself when the connection stands; both ask the policy to complete their configuration. */
struct peer *peer_accept(struct host *host, struct tcp_connection *tcp);
struct peer *peer_dial(struct host *host, const char *host_name, uint16_t port,
	const struct address *local, int *error);
void peer_begin(struct peer *peer);

/* A peer at the other end of a line, and the seat of its session, whose interface may be opened
 * before seat_lease begins it; NULL when there is no place or memory. */
struct seat *peer_lease(struct host *host);
/* `line` is the data plane's from here on. */
void seat_lease(struct seat *seat, struct line *line);

/* Sessions. A seat with handle, call ID and identifier; NULL when one of them is out. */
struct seat *peer_seat(struct peer *peer);
/* The same with Call ID 0, which no other session of this process may have. */
struct seat *peer_seat_zero(struct peer *peer);
void peer_dial_call(struct peer *peer, struct seat *seat);
void peer_accept_call(struct peer *peer, uint32_t token, struct seat *seat);
void peer_refuse_call(struct peer *peer, uint32_t token, uint16_t result);
void seat_credentials(struct seat *seat, uint32_t token, const struct auth_answer *answer);
void seat_tls(struct seat *seat, uint32_t token, const struct tls_reply *reply);
void seat_addresses(struct seat *seat, uint32_t token, const struct unit_addresses *addresses);
/* `prefix` of length 0: none is left. */
void seat_delegate(
	struct seat *seat, const struct delegate_question *question, const struct prefix *prefix);
/* The policy hears `answered` when the peer has acted on all that was sent by now; false: it will
 * not. Of a bundle one of its links is the one that answers. */
bool seat_probe(struct seat *seat);
void seat_close(struct seat *seat, enum close_reason reason);
/* Compression and encryption are negotiated anew. */
void seat_renegotiate(struct seat *seat);
/* At once: the tunnel too, when the session is its only one. */
void seat_cut(struct seat *seat, enum close_reason reason);

/* What who dials says to a peer that asks: it takes no calls, knows nobody's password, and gives
 * out no addresses. For its policy. */
void dialler_wanted(struct peer *peer, uint32_t token, const struct call_wanted *wanted);
void dialler_credentials(struct seat *seat, uint32_t token, const struct auth_question *question);
const char *dialler_certificate(
	struct seat *seat, const struct auth_question *question, bool failed);
void dialler_address(struct seat *seat, uint32_t token);

void peer_stop(struct peer *peer, enum close_reason reason);
void peer_lose(struct peer *peer, enum close_reason reason);
/* The clock has gone on without us: see tunnel_awake(). What is due waits for what has arrived. */
void peer_awake(struct peer *peer, uint64_t now);
void peer_tick(struct peer *peer, uint64_t now);

/* The data plane's events. */
void peer_dataplane_event(void *context, const struct dataplane_event *event);

#endif
