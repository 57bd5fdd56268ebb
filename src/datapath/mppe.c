/* MPPE, one direction at a time (RFC 3078).
 *
 *     |A|B|C|D| coherency count |  RC4( protocol field, network packet )
 *
 * Stateless: the key changes for every packet, so a packet needs only its number. Stateful: RC4
 * runs on from packet to packet and the key changes with every packet whose count ends in FF (a
 * "flag" packet); after a loss the receiver asks for a flushed packet and throws away what comes
 * before it. B and C belong to MPPC (mppc.c); without it they mean nothing.
 *
 * Nothing in MPPE is authenticated, and its 12-bit count is all a receiver has to go by. So no jump
 * of the count is believed before the packet that makes it opens to something that looks like an
 * IP packet under the key it implies (`looks_like_ip`, its header, only after a loss). A
 * forged or broken packet therefore costs itself and not the session.
 *
 * Nor is the first packet of new keys: it may be of the keys before them, with the count that these
 * wait for. After it, whatever comes in the sequence of the channel is of the same keys.
 *
 * A count more than MPPE_REKEY_AHEAD ahead would cost thousands of key changes for one packet,
 * which has stalled kernels. Here a second chain makes at most MPPE_REKEY_AHEAD keys a packet until
 * it has caught up, while the packets that drive it are dropped; then the session goes on. It also
 * catches up with whole turns of the count, which the number alone cannot tell: the GRE sequence
 * says when that may be (mppe_lost). Even so a packet may cost hundreds of keys: mppe_search says
 * how many, for the caller to ration.
 *
 * Keys of skipped packets are not stored one by one: a gap remembers its first key and makes the
 * others again, so a session pays 20 bytes a gap.
 *
 * The chain of keys is one ahead of the packets in stateless mode: the key of the next packet is
 * there already, and whoever takes its stream makes the key after it on the side (mppe_chain.c).
 *
 * A flushed packet in the middle of a key's life is made in two ways. RFC 3078 §3.1 starts the
 * tables from the current key (Windows, FreeBSD); Linux and lwIP change the key first. A receiver
 * can tell, by looking. A sender cannot, so it answers a Reset-Request by moving its count forward
 * to the next flag packet, where both ways are the same; to the receiver it looks like more loss.
 * The first packet of all does not carry A in stateful mode, although its tables are fresh: Linux
 * would change the key for it. */
#include "mppe.h"

#include <string.h>

#include "bytes.h"
#include "checksum.h"
#include "digest.h"
#include "frame.h"
#include "ip_header.h"
#include "mppc.h"
#include "vj.h"

enum {
	COUNT_MASK = MPPE_COUNTS - 1,
	FLAG_COUNT = 0xff, /* low byte of a flag packet's count */
	PEEK = 2 + 60,     /* bytes that tell an IP packet from noise: protocol, longest header */
	PEEK_PACKED = 2 * PEEK,
	PADDING = 255,  /* behind a packet, at most (RFC 1570 §2.4) */
	TURNS = 4,      /* whole turns of the count a flushed packet may be ahead, at least */
	TURNS_MAX = 68, /* ... and at most */
};

void mppe_wipe(struct mppe *m, struct key_pool *pool)
{
	if (pool)
		key_pool_forget(pool, &m->chain);
	if (mppe_armed(m) && !m->stateless)
		secret_wipe(m->memory.stream, sizeof(*m->memory.stream));
	if (mppe_armed(m) && m->stateless && m->memory.history)
		secret_wipe(m->memory.history, sizeof(*m->memory.history));
	secret_wipe(m, sizeof(*m));
}

void mppe_arm(struct mppe *m, const struct mppe_memory *memory, const struct mppe_engine *engine,
	enum mppe_strength strength, bool stateless, const uint8_t *start_key)
{
	memset(m, 0, sizeof(*m));
	if (strength == MPPE_NONE)
		return;
	mppe_chain_init(&m->chain, engine, strength, start_key);
	m->memory = *memory;
	m->stateless = stateless;
	if (stateless)
		mppe_chain_next(&m->chain);
	else
		mppe_chain_stream(&m->chain, m->memory.stream);
}

void mppe_copy(struct mppe *to, const struct mppe_memory *memory, const struct mppe *from)
{
	*to = *from;
	to->memory = *memory;
	if (mppe_armed(from) && !from->stateless)
		*to->memory.stream = *from->memory.stream;
}

static bool is_flag(uint16_t count)
{
	return (count & FLAG_COUNT) == FLAG_COUNT;
}

static uint16_t distance(uint16_t to, uint16_t from)
{
	return (to - from) & COUNT_MASK;
}

/* Stateless: the stream of the packet whose turn it is. */
static void take(struct mppe *m, struct key_pool *pool, struct mppe_stream *fresh)
{
	memcpy(fresh->key, m->chain.key, sizeof(fresh->key));
	fresh->key_only = pool && key_pool_next(pool, &m->chain);
	if (!fresh->key_only)
		mppe_chain_take(&m->chain, &fresh->rc4);
	m->count = (m->count + 1) & COUNT_MASK;
}

struct rc4 *mppe_seal(
	struct mppe *m, struct key_pool *pool, struct mppe_stream *fresh, uint16_t *header)
{
	uint16_t bits = MPPE_ENCRYPTED;

	if (m->stateless) {
		*header = bits | MPPE_FLUSHED | m->count;
		take(m, pool, fresh);
		return &fresh->rc4;
	}
	if (m->flush)
		m->count |= FLAG_COUNT;
	m->flush = false;
	if (is_flag(m->count)) {
		mppe_chain_next(&m->chain);
		mppe_chain_stream(&m->chain, m->memory.stream);
		bits |= MPPE_FLUSHED;
	}
	*header = bits | m->count;
	m->count = (m->count + 1) & COUNT_MASK;
	return m->memory.stream;
}

void mppe_flush(struct mppe *m)
{
	m->flush = true;
}

static bool refuse(enum drop *why, enum drop reason)
{
	*why = reason;
	return false;
}

/* `header` bytes of a packet are there, which has `length` bytes. */
static bool is_ipv4(const uint8_t *ip, size_t header, size_t length)
{
	size_t own = header ? (size_t)(ip[0] & 0xf) * 4 : 0;

	return own >= IPV4_HEADER && own <= header && ip[0] >> 4 == 4 &&
	       get_u16(ip + IPV4_LENGTH) <= length && checksum_of(0, ip, own) == 0xffff;
}

static bool is_ipv6(const uint8_t *ip, size_t header, size_t length)
{
	if (header < IPV6_HEADER || ip[0] >> 4 != 6)
		return false;
	size_t own = IPV6_HEADER + get_u16(ip + IPV6_LENGTH);
	return own <= length && length - own <= PADDING;
}

/* What shows little of itself is believed where no more packets are missing than the channel knows
 * of: compressed headers (RFC 1144), and what refers to a history. */
static bool in_step(const struct mppe *m, const uint8_t *packet, size_t length)
{
	return mppe_ahead(m, packet, length) <= m->lost;
}

/* What a packet, from its MPPE header on, begins with under a stream. */
static size_t uncover(const struct rc4 *stream, const uint8_t *packet, size_t length, bool packed,
	uint8_t clear[PEEK])
{
	size_t sealed = length > MPPE_HEADER_SIZE ? length - MPPE_HEADER_SIZE : 0;
	size_t most = packed ? PEEK_PACKED : PEEK;
	size_t seen = sealed < most ? sealed : most;
	uint8_t bytes[PEEK_PACKED];
	struct rc4 copy = *stream;

	rc4_crypt(&copy, bytes, packet + MPPE_HEADER_SIZE, seen);
	secret_wipe(&copy, sizeof(copy));
	if (packed)
		return mppc_peek(bytes, seen, clear, PEEK);
	memcpy(clear, bytes, seen);
	return seen;
}

/* How long the protocol field and packet are that MPPC has packed, with no history before them. */
static size_t packed_length(const struct rc4 *stream, const uint8_t *packet, size_t length)
{
	uint8_t bytes[OUTER_MAX], clear[OUTER_MAX];
	size_t sealed = length - MPPE_HEADER_SIZE;
	struct rc4 copy = *stream;

	if (sealed > sizeof(bytes))
		return 0;
	rc4_crypt(&copy, bytes, packet + MPPE_HEADER_SIZE, sealed);
	secret_wipe(&copy, sizeof(copy));
	return mppc_peek(bytes, sealed, clear, sizeof(clear));
}

/* Whether a packet, from its MPPE header on, is an IP packet under a stream. Noise is one in a
 * billion for IPv4, whose header has a sum, and one in a million for IPv6: less would do until a
 * run of packets under older keys comes late, each of them a try. */
static bool looks_like_ip(
	const struct mppe *m, const struct rc4 *stream, const uint8_t *packet, size_t length)
{
	uint8_t clear[PEEK];
	uint16_t bits = length > MPPE_HEADER_SIZE ? get_u16(packet) : 0;
	bool packed = m->packed && (bits & MPPC_COMPRESSED);
	uint16_t protocol;
	enum drop why;

	if (packed && !(bits & MPPE_FLUSHED))
		return in_step(m, packet, length);
	size_t seen = uncover(stream, packet, length, packed, clear);
	struct reader r = reader_over(clear, seen);
	if (!frame_protocol(&r, &protocol, &why))
		return false;
	size_t header = reader_left(&r);
	size_t whole = packed ? INNER_MAX : length - MPPE_HEADER_SIZE - (seen - header);
	switch (protocol) {
	case PROTOCOL_IPV4:
		return is_ipv4(r.at, header, whole);
	case PROTOCOL_IPV6:
		if (packed && header && *r.at >> 4 == 6)
			whole = packed_length(stream, packet, length) - (seen - header);
		return is_ipv6(r.at, header, whole);
	case VJ_UNCOMPRESSED: /* its slot stands where the protocol was */
		if (!m->headers || header < IPV4_HEADER)
			return false;
		clear[seen - header + IPV4_PROTOCOL] = PROTOCOL_TCP;
		return is_ipv4(r.at, header, whole);
	case VJ_COMPRESSED:
		return m->headers && header && *r.at >> 7 == 0 && in_step(m, packet, length);
	}
	return false;
}

static bool key_fits(
	const struct mppe *m, const struct mppe_chain *chain, const uint8_t *packet, size_t length)
{
	struct rc4 stream;

	mppe_chain_stream(chain, &stream);
	bool fits = looks_like_ip(m, &stream, packet, length);
	secret_wipe(&stream, sizeof(stream));
	return fits;
}

/* Stateless. The chain went past `skipped` packets and the one after them, which opened; the last
 * REORDER_PACKETS skipped of them become a gap: no packet comes later than that. */
static void skip_to(struct mppe *m, const struct mppe_chain *reached, uint16_t skipped,
	const uint8_t *first_key)
{
	struct mppe_history *history = m->memory.history;

	if (history && skipped) {
		struct mppe_gap *gap = &history->gaps[history->next];
		gap->count = skipped < REORDER_PACKETS ? skipped : REORDER_PACKETS;
		gap->first = (m->count + skipped - gap->count) & COUNT_MASK;
		memcpy(gap->key, first_key, sizeof(gap->key));
		history->next = (history->next + 1) % MPPE_GAPS;
	}
	m->chain = *reached;
	m->count = (m->count + skipped + 1) & COUNT_MASK;
	m->chased = m->lost = 0;
	m->proven = true;
}

/* Packets were lost, not too many: try the key the count implies. */
static bool open_ahead(
	struct mppe *m, uint16_t ahead, const uint8_t *packet, size_t length, struct rc4 *fresh)
{
	struct mppe_chain chain = m->chain;
	uint8_t first_key[sizeof(chain.key)];

	memcpy(first_key, chain.key, sizeof(first_key));
	for (unsigned left = ahead; left > 0; left--) {
		if (left == REORDER_PACKETS)
			memcpy(first_key, chain.key, sizeof(first_key));
		mppe_chain_next(&chain);
	}
	mppe_chain_take(&chain, fresh);
	bool fits = looks_like_ip(m, fresh, packet, length);
	if (fits)
		skip_to(m, &chain, ahead, first_key);
	secret_wipe(&chain, sizeof(chain));
	secret_wipe(first_key, sizeof(first_key));
	return fits;
}

/* Too many were lost: a bounded part of the way for each packet. True when it has arrived. Passing
 * the packet's count without a fit means that it lies a turn further on, or that the packet was
 * false; after some turns without a fit the way starts over. */
static bool chase(
	struct mppe *m, uint16_t count, const uint8_t *packet, size_t length, struct rc4 *fresh)
{
	struct mppe_chain chain = m->chain;
	bool arrived = false;

	if (m->chased >= MPPE_CHASE_MAX)
		m->chased = 0;
	if (m->chased == 0)
		m->chase_count = m->count;
	else
		memcpy(chain.key, m->chase_key, sizeof(chain.key));
	for (unsigned n = 0; n < MPPE_REKEY_AHEAD && !arrived; n++) {
		if (m->chase_count == count) {
			mppe_chain_take(&chain, fresh);
			arrived = looks_like_ip(m, fresh, packet, length);
		} else {
			mppe_chain_next(&chain);
		}
		m->chase_count = (m->chase_count + 1) & COUNT_MASK;
	}
	m->chased += MPPE_REKEY_AHEAD;
	memcpy(m->chase_key, chain.key, sizeof(chain.key));
	if (arrived) {
		m->chain = chain;
		m->count = m->chase_count;
		m->chased = m->lost = 0;
		m->doubt = false;
		m->proven = true;
		if (m->memory.history)
			secret_wipe(m->memory.history, sizeof(*m->memory.history));
	}
	secret_wipe(&chain, sizeof(chain));
	return arrived;
}

static bool open_stateless(struct mppe *m, struct key_pool *pool, uint16_t header,
	const uint8_t *packet, size_t length, struct mppe_stream *fresh, enum drop *why)
{
	uint16_t count = header & COUNT_MASK;
	uint16_t ahead = distance(count, m->count);

	if (!(header & MPPE_FLUSHED))
		return refuse(why, DROP_MPPE_BITS);
	fresh->key_only = false;
	if (ahead == 0 && m->proven && !m->doubt) {
		take(m, pool, fresh);
		m->chased = m->lost = 0;
	} else if (ahead <= MPPE_REKEY_AHEAD && !m->doubt) {
		if (!open_ahead(m, ahead, packet, length, &fresh->rc4))
			return refuse(why, DROP_MPPE_INNER);
	} else if (!chase(m, count, packet, length, &fresh->rc4)) {
		return refuse(why, DROP_MPPE_FAR);
	}
	return true;
}

void mppe_lost(struct mppe *m, uint32_t packets)
{
	uint32_t lost = m->lost + packets;

	m->lost = lost < packets || lost > COUNT_MASK ? COUNT_MASK : (uint16_t)lost;
	if (m->stateless && packets >= MPPE_COUNTS - MPPE_REKEY_AHEAD)
		m->doubt = true;
}

/* The stream of a packet whose key a gap can make again. */
static bool make_again(const struct mppe *m, uint16_t count, struct rc4 *fresh)
{
	const struct mppe_history *history = m->memory.history;

	for (unsigned n = 0; history && n < MPPE_GAPS; n++) {
		const struct mppe_gap *gap = &history->gaps[n];
		uint16_t offset = distance(count, gap->first);
		if (offset >= gap->count)
			continue;
		struct mppe_chain chain = m->chain;
		memcpy(chain.key, gap->key, sizeof(chain.key));
		for (unsigned steps = 0; steps < offset; steps++)
			mppe_chain_next(&chain);
		mppe_chain_stream(&chain, fresh);
		secret_wipe(&chain, sizeof(chain));
		return true;
	}
	return false;
}

struct rc4 *mppe_open_late(const struct mppe *m, const uint8_t *packet, size_t length,
	struct mppe_stream *fresh, enum drop *why)
{
	struct reader r = reader_over(packet, length);
	uint16_t header = read_u16(&r);
	uint16_t count = header & COUNT_MASK;

	fresh->key_only = false;
	if (r.failed || reader_left(&r) == 0)
		*why = DROP_MPPE_SHORT;
	else if (!(header & MPPE_ENCRYPTED) || !(header & MPPE_FLUSHED))
		*why = DROP_MPPE_BITS;
	else if (!m->stateless || distance(m->count, count) > REORDER_PACKETS ||
		 !make_again(m, count, &fresh->rc4))
		*why = DROP_MPPE_COHERENCY;
	else
		return &fresh->rc4;
	return NULL;
}

/* Stateful: a flushed packet that is not a flag packet. Which key made its tables? */
static bool choose_key(
	struct mppe *m, struct mppe_chain *chain, const uint8_t *packet, size_t length)
{
	struct mppe_chain changed = *chain;
	bool fits = key_fits(m, chain, packet, length);

	mppe_chain_next(&changed);
	if (fits) {
		m->dialect = MPPE_FLUSH_SAME_KEY;
	} else if (key_fits(m, &changed, packet, length)) {
		m->dialect = MPPE_FLUSH_NEW_KEY;
		*chain = changed;
		fits = true;
	}
	secret_wipe(&changed, sizeof(changed));
	return fits;
}

/* How many whole turns of the count a flushed packet may be ahead: each packet that was lost may
 * have moved it to the next flag packet, as MPPC does with every packet it cannot make smaller. */
static unsigned turns_of(const struct mppe *m)
{
	unsigned turns = TURNS + m->lost / (MPPE_COUNTS / (FLAG_COUNT + 1));

	return turns < TURNS_MAX ? turns : TURNS_MAX;
}

/* Stateful, after a loss: key changes that were missed, then the flushed packet's own. The count
 * may have gone round more than once. */
static bool open_flushed(struct mppe *m, uint16_t count, const uint8_t *packet, size_t length)
{
	struct mppe_chain chain = m->chain;
	unsigned missed = ((m->count & FLAG_COUNT) + distance(count, m->count)) >> 8;
	bool fits = false;

	for (unsigned turn = turns_of(m); turn > 0 && !fits; turn--) {
		for (unsigned n = 0; n < missed; n++)
			mppe_chain_next(&chain);
		missed = MPPE_COUNTS >> 8;
		if (is_flag(count)) {
			struct mppe_chain changed = chain;
			mppe_chain_next(&changed);
			fits = key_fits(m, &changed, packet, length);
			if (fits)
				chain = changed;
			secret_wipe(&changed, sizeof(changed));
		} else {
			fits = choose_key(m, &chain, packet, length);
		}
	}
	if (fits)
		m->chain = chain;
	secret_wipe(&chain, sizeof(chain));
	return fits;
}

static bool open_stateful(
	struct mppe *m, uint16_t header, const uint8_t *packet, size_t length, enum drop *why)
{
	uint16_t count = header & COUNT_MASK;
	bool flushed = header & MPPE_FLUSHED;

	if (m->resync || count != m->count) {
		m->resync = true;
		if (!flushed || !open_flushed(m, count, packet, length)) {
			mppe_lost(m, 1);
			return refuse(why, DROP_MPPE_RESYNC);
		}
		m->resync = false;
		mppe_chain_stream(&m->chain, m->memory.stream);
	} else if (is_flag(count)) {
		mppe_chain_next(&m->chain);
		mppe_chain_stream(&m->chain, m->memory.stream);
	} else if (flushed) {
		if (!choose_key(m, &m->chain, packet, length) && m->dialect == MPPE_FLUSH_NEW_KEY)
			mppe_chain_next(&m->chain);
		mppe_chain_stream(&m->chain, m->memory.stream);
	}
	m->count = (count + 1) & COUNT_MASK;
	m->lost = 0;
	return true;
}

struct rc4 *mppe_open(struct mppe *m, struct key_pool *pool, const uint8_t *packet, size_t length,
	struct mppe_stream *fresh, enum drop *why)
{
	struct reader r = reader_over(packet, length);
	uint16_t header = read_u16(&r);

	if (r.failed || reader_left(&r) == 0)
		*why = DROP_MPPE_SHORT;
	else if (!(header & MPPE_ENCRYPTED))
		*why = DROP_MPPE_BITS;
	else if (m->stateless)
		return open_stateless(m, pool, header, packet, length, fresh, why) ? &fresh->rc4
										   : NULL;
	else
		return open_stateful(m, header, packet, length, why) ? m->memory.stream : NULL;
	return NULL;
}

uint16_t mppe_ahead(const struct mppe *m, const uint8_t *packet, size_t length)
{
	struct reader r = reader_over(packet, length);

	return distance(read_u16(&r) & COUNT_MASK, m->count);
}

uint32_t mppe_search(const struct mppe *m, const uint8_t *packet, size_t length)
{
	struct reader r = reader_over(packet, length);
	uint16_t header = read_u16(&r);
	uint16_t ahead = mppe_ahead(m, packet, length);

	if (!mppe_armed(m) || !(header & MPPE_FLUSHED))
		return 0;
	if (m->stateless)
		return ahead < MPPE_REKEY_AHEAD && !m->doubt ? ahead : MPPE_REKEY_AHEAD;
	return m->resync || ahead ? turns_of(m) * ((MPPE_COUNTS >> 8) + 1) : 0;
}

bool mppe_fits(const struct mppe *m, const uint8_t *packet, size_t length)
{
	struct rc4 stateful;
	struct mppe copy;
	struct mppe_stream fresh;
	enum drop why;

	mppe_copy(&copy, &(struct mppe_memory){.stream = &stateful}, m);
	struct rc4 *stream = mppe_open(&copy, NULL, packet, length, &fresh, &why);
	bool fits = stream && looks_like_ip(m, stream, packet, length);
	mppe_wipe(&copy, NULL);
	secret_wipe(&fresh, sizeof(fresh));
	return fits;
}
