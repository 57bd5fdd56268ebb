/* Microsoft Point-to-Point Encryption, one direction (RFC 3078).
 *
 * Neither sealing nor opening runs RC4 over the payload: both say under which stream, so that the
 * packets of a batch, of any sessions, can run side by side (cipher.h). */
#ifndef GREYLINE_MPPE_H
#define GREYLINE_MPPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "key_pool.h"
#include "limits.h"
#include "mppe_chain.h"
#include "rc4.h"
#include "reason.h"

enum {
	MPPE_HEADER_SIZE = 2,
	MPPE_COUNTS = 4096,        /* the coherency count has 12 bits */
	MPPE_FLUSHED = 0x8000,     /* bit A: the tables were initialized before this packet */
	MPPE_ENCRYPTED = 0x1000,   /* bit D */
	MPPE_GAPS = 8,             /* runs of skipped packets whose keys can still be made */
	MPPE_CHASE_MAX = 8 * 4096, /* keys made in pursuit of a count before starting over */
};

/* Skipped packets: from the key of the first of them every key of the run can be made again. */
struct mppe_gap {
	uint16_t first, count;
	uint8_t key[16];
};

struct mppe_history {
	struct mppe_gap gaps[MPPE_GAPS];
	uint8_t next; /* the gap to overwrite next */
};

/* Where a direction keeps what only one of the modes needs: not inside it, because a server has
 * thousands that need neither. Untouched in the other mode. */
struct mppe_memory {
	struct rc4 *stream;           /* stateful mode */
	struct mppe_history *history; /* stateless mode, receive; NULL: no packet is opened late */
};

/* How a peer makes the key of a flushed packet that is not a key change by its number. */
enum mppe_flush {
	MPPE_FLUSH_SAME_KEY, /* tables from the current key: RFC 3078 §3.1, Windows, FreeBSD */
	MPPE_FLUSH_NEW_KEY,  /* the key is changed first: Linux and lwIP */
};

struct mppe {
	/* Length 0: not armed. Stateless, the key is already that of the next packet. */
	struct mppe_chain chain;
	struct mppe_memory memory;
	bool stateless;
	bool flush;      /* transmit: the next packet must be a flushed one */
	bool resync;     /* receive, stateful: wait for a flushed packet */
	bool active;     /* receive: a packet was opened under these keys */
	bool headers;    /* receive: packets may come with VJ headers */
	bool packed;     /* receive: packets may be compressed by MPPC */
	uint16_t lost;   /* receive: packets missing, as far as is known, since the last one */
	uint8_t dialect; /* receive, stateful: enum mppe_flush */
	uint16_t count;  /* coherency count of the next packet */
	bool proven;     /* receive, stateless: a packet looked right under these keys */
	bool doubt;      /* receive, stateless: so many were lost that the count says nothing */
	/* Receive, stateless: a second chain on its way to a count further ahead than
	 * MPPE_REKEY_AHEAD, that many keys a packet. */
	uint16_t chase_count;
	uint32_t chased; /* keys it has made; 0: not under way */
	uint8_t chase_key[16];
};

/* A stream made for one packet. It begins on a cache line, so that it has four of them, not five.
 */
struct mppe_stream {
	_Alignas(64) struct rc4 rc4;
	uint8_t key[RC4_KEY];
	bool key_only; /* `rc4` is still to be scheduled, from `key` */
};

/* Arms one direction, which was wiped or is new. `memory` must last until it is wiped. `start_key`
 * is 8 bytes for 40 and 56 bits, 16 for 128. */
void mppe_arm(struct mppe *m, const struct mppe_memory *memory, const struct mppe_engine *engine,
	enum mppe_strength strength, bool stateless, const uint8_t *start_key);
/* `to` goes on where `from` stands, in `memory` of its own, whose history is empty. */
void mppe_copy(struct mppe *to, const struct mppe_memory *memory, const struct mppe *from);
/* Forgets the keys, those made ahead in `pool` (may be NULL) too. */
void mppe_wipe(struct mppe *m, struct key_pool *pool);

static inline bool mppe_armed(const struct mppe *m)
{
	return m->chain.length != 0;
}

/* The stream of the next packet, and the two bytes of its header. In stateless mode it is that of
 * `fresh`, which is `key_only` when the key was made ahead (`pool`, may be NULL); in stateful mode
 * it is the one of `m`, to be run before the next call for the same `m`. */
struct rc4 *mppe_seal(
	struct mppe *m, struct key_pool *pool, struct mppe_stream *fresh, uint16_t *header);

/* The peer lost track (CCP Reset-Request): what we send next starts afresh. */
void mppe_flush(struct mppe *m);

/* The stream of a received packet, likewise: `packet` starts with the MPPE header. It comes in
 * sequence: a count other than the next one means that packets were lost. After NULL a stateful
 * receiver may wait for a flushed packet (`resync`); nothing that worked before is lost. */
struct rc4 *mppe_open(struct mppe *m, struct key_pool *pool, const uint8_t *packet, size_t length,
	struct mppe_stream *fresh, enum drop *why);

/* The channel knows that `packets` were lost: when the count may have gone round meanwhile, it is
 * not believed before a packet opened. */
void mppe_lost(struct mppe *m, uint32_t packets);

/* The same for a packet whose place in the sequence was given up: stateless mode only, and only
 * while its key can still be made. */
struct rc4 *mppe_open_late(const struct mppe *m, const uint8_t *packet, size_t length,
	struct mppe_stream *fresh, enum drop *why);

/* How many keys mppe_open would make at most to find this packet's; 0 for one in sequence. */
uint32_t mppe_search(const struct mppe *m, const uint8_t *packet, size_t length);

/* How far ahead of the next count a packet is; 0 for one in sequence. */
uint16_t mppe_ahead(const struct mppe *m, const uint8_t *packet, size_t length);

/* Whether a packet would open, and to an IP packet; changes nothing. */
bool mppe_fits(const struct mppe *m, const uint8_t *packet, size_t length);

#endif
