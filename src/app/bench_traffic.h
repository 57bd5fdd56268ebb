/* The traffic of `greyline bench load`: what --traffic says, the packets, and their answers. */
#ifndef GREYLINE_BENCH_TRAFFIC_H
#define GREYLINE_BENCH_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limits.h"

enum traffic_kind { TRAFFIC_NONE, TRAFFIC_PING, TRAFFIC_UDP };

enum {
	TRAFFIC_SIZE_MIN = 44, /* IP, ICMP or UDP, and what an answer is known by */
	TRAFFIC_SIZE_MAX = PPP_MRU_DEFAULT,
	TRAFFIC_RATE_MAX = 100000, /* packets a second and session */
	TRAFFIC_ERROR_MAX = 160,
};
#define TRAFFIC_RATE_UNLIMITED UINT32_MAX /* `max` */

struct traffic_spec {
	enum traffic_kind kind;
	uint16_t size; /* of the inner IP packet, header included */
	uint16_t port; /* UDP destination */
	uint32_t rate; /* thousandths of a packet a second, of each session; or UNLIMITED */
};

/* none, ping[:SIZE[:RATE]] or udp:SIZE:RATE[:PORT]; RATE may be `max`. False with `error` filled
 * in. */
bool traffic_parse(struct traffic_spec *spec, const char *words, char error[TRAFFIC_ERROR_MAX]);
const char *traffic_word(enum traffic_kind kind);

/* What all packets have in common. */
struct traffic {
	struct traffic_spec spec;
	uint32_t mark; /* drawn for the run: an answer repeats it */
	uint16_t sum;  /* one's complement sum of the template behind the IP header */
	uint8_t whole[TRAFFIC_SIZE_MAX];
};

void traffic_init(struct traffic *traffic, const struct traffic_spec *spec, uint32_t mark);

/* Whose packet it is; addresses in host order. */
struct traffic_flow {
	uint32_t source, target;
	uint16_t id; /* ICMP identifier, UDP source port */
};

/* Writes a packet of spec.size bytes to `at`. */
void traffic_build(const struct traffic *traffic, uint8_t *at, const struct traffic_flow *flow,
	uint16_t sequence, uint64_t now);

/* Whether an inner IPv4 packet is the answer to one of ours: the echo reply, or our datagram sent
 * back. `sent` gets when that one left. */
bool traffic_answer(const struct traffic *traffic, const uint8_t *packet, size_t length,
	uint64_t now, uint64_t *sent);

#endif
