/* PPP Multilink (RFC 1990): packets cut into fragments for the links of a bundle, and put together
 * again.
 *
 * A fragment bears B (first of its packet), E (last) and a sequence number of the bundle: 24 bits,
 * or 12 where agreed. On each link the numbers only grow, so that a missing fragment is lost for
 * certain once every link has brought a later one (§4.1); else it is waited for, for a bounded
 * time. Links are small numbers here; nothing is known of what carries them. */
#ifndef GREYLINE_MULTILINK_H
#define GREYLINE_MULTILINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "hold.h"
#include "limits.h"
#include "reason.h"

enum {
	MULTILINK_HEADER_MAX = 4,
	MULTILINK_HEADER_SHORT = 2,
	MULTILINK_LATE_RUN = 32, /* late fragments in a row: the sender began anew */
};

/* A missing fragment is waited for so long; and a link on which nothing came for as long has no say
 * in whether it is lost. */
#define MULTILINK_WAIT   MS(300)
#define MULTILINK_SILENT MS(500)

struct multilink_header {
	bool begins, ends;
	uint32_t sequence;
};

/* Takes the header from `r`; the fragment is what is left. False when it is too short. */
bool multilink_parse(struct multilink_header *header, struct reader *r, bool short_sequence);
/* The frame inside a fragment that is all of it; another frame as it is. Protocol field first. */
struct reader multilink_unwrap(struct reader frame, bool short_sequence);
void multilink_build(struct writer *w, const struct multilink_header *header, bool short_sequence);
static inline size_t multilink_header_size(bool short_sequence)
{
	return short_sequence ? MULTILINK_HEADER_SHORT : MULTILINK_HEADER_MAX;
}

/* The receiving side of one bundle. */
struct multilink_receiver {
	uint32_t *drops; /* the owner's, by enum drop */
	uint16_t mrru;   /* the largest packet taken, its protocol field not counted */
	bool short_sequence;
	bool started;
	uint32_t next;             /* the fragment wanted; numbers are continued to 32 bits here */
	uint32_t newest;           /* the latest received */
	uint32_t lost;             /* numbers given up */
	uint32_t late;             /* fragments in a row that came too late */
	uint32_t forgone;          /* numbers before this one are not waited for */
	uint64_t expires;          /* when the present hole is given up; NEVER: there is none */
	uint32_t hole;             /* the number that `expires` is about */
	uint16_t head, tail, held; /* fragments kept, sorted by number; tail: while any is held */
	uint32_t links;            /* mask of those that are there */
	struct {
		uint32_t last;  /* number of the latest fragment that came over it */
		uint64_t heard; /* when */
	} link[BUNDLE_LINKS_MAX];
	uint8_t packet[2 + MRRU_MAX]; /* the one put together last */
};

/* A fragment's place: what multilink_take found. */
enum multilink_verdict {
	MULTILINK_WHOLE,   /* a packet of its own, in its turn: use it, then multilink_next */
	MULTILINK_KEPT,    /* multilink_next says whether a packet is complete now */
	MULTILINK_REFUSED, /* dropped and counted; multilink_next all the same */
};

void multilink_receive_init(struct multilink_receiver *r, uint16_t mrru, bool short_sequence,
	uint32_t drops[DROP_PACKETS]);
void multilink_link_up(struct multilink_receiver *r, unsigned link, uint64_t now);
/* Then multilink_next: what only this link could have brought is not waited for. */
void multilink_link_down(struct multilink_receiver *r, unsigned link);

/* One fragment, as it came over `link`; `tos` of the outer header around it. */
enum multilink_verdict multilink_take(struct multilink_receiver *r, struct hold_pool *pool,
	unsigned link, struct reader fragment, uint8_t tos, uint64_t now);
/* The next complete packet, or false: then `expires` is set. `packet` is valid until the next
 * call. At most `held` packets come in a row. */
bool multilink_next(struct multilink_receiver *r, struct hold_pool *pool, struct reader *packet,
	uint8_t *tos, uint64_t now);
/* The wait is over: the present hole is given up. Then multilink_next. */
void multilink_expire(struct multilink_receiver *r, const struct hold_pool *pool);
/* Gives every fragment back. */
void multilink_clear(struct multilink_receiver *r, struct hold_pool *pool);

/* The sending side: the next number, and which link's turn it is. */
struct multilink_sender {
	bool short_sequence;
	uint32_t next;
	uint32_t links;
	uint64_t sent[BUNDLE_LINKS_MAX]; /* octets, as far as they count for the balance */
};

void multilink_send_init(struct multilink_sender *s, bool short_sequence);
void multilink_send_up(struct multilink_sender *s, unsigned link);
void multilink_send_down(struct multilink_sender *s, unsigned link);
/* The link that has carried least; there must be one. */
unsigned multilink_turn(const struct multilink_sender *s);
/* The header of the next fragment, which takes `octets` on `link`. */
struct multilink_header multilink_number(
	struct multilink_sender *s, unsigned link, size_t octets, bool begins, bool ends);

#endif
