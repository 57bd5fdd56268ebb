/* Async HDLC (see hdlc.h). RFC 1662 §4.2 (transparency), §4.3 (invalid frames), §7 (the map), §C;
 * RFC 1570 §2.1 (other check sequences).
 *
 * Most bytes of most frames need nothing done to them. Both directions take eight at a time, ask of
 * all eight at once whether one is special, and copy them if not. The question is the well-known
 * one after a zero byte, (x - 0x01...) & ~x & 0x80..., with x the bytes exclusive-ored with what is
 * looked for. The check sequence is a pass of its own over what lies in the nearest cache.
 *
 * A byte of the receiving map is taken out before anything else is looked at, even behind an
 * escape: it was put in on the way (RFC 1662 §7.1). */
#include "hdlc.h"

#include <assert.h>
#include <string.h>

#include "fcs.h"

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

enum {
	WORD = 8,
	LCP = 0xc021,
	LCP_CODES_DEFAULT = 7,
	CONFIGURE_REQUEST = 1,
	TERMINATE_REQUEST = 5,
	FRAME_MIN = 4, /* with its check sequence (§4.3) */
};

/* The lowest byte whose highest bit is set is the first to be less than `limit` (at most 0x80);
 * nothing is said about those behind it. */
static uint64_t less(uint64_t word, uint8_t limit)
{
	return (word - EACH(limit)) & ~word & EACH(0x80);
}

static uint64_t flags_and_escapes(uint64_t word)
{
	return less(word ^ EACH(HDLC_FLAG), 1) | less(word ^ EACH(HDLC_ESCAPE), 1);
}

static uint64_t load(const uint8_t *bytes)
{
	uint64_t word;
	memcpy(&word, bytes, WORD);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

static uint16_t protocol_of(const uint8_t *frame, size_t length, const uint8_t **behind)
{
	if (length >= 2 && frame[0] == 0xff && frame[1] == 0x03) {
		frame += 2;
		length -= 2;
	}
	if (length == 0)
		return 0;
	bool one_byte = frame[0] & 1;
	*behind = frame + (one_byte ? 1 : 2);
	return one_byte ? frame[0] : length > 1 ? (uint16_t)(frame[0] << 8 | frame[1]) : 0;
}

/* 0 for what is no LCP packet. */
static uint8_t lcp_code(const uint8_t *frame, size_t length)
{
	const uint8_t *code = frame;
	bool lcp = protocol_of(frame, length, &code) == LCP && code < frame + length;
	return lcp ? *code : 0;
}

/* LCP packets that go as if nothing had been agreed. */
static bool is_default(const uint8_t *frame, size_t length)
{
	uint8_t code = lcp_code(frame, length);
	return code >= 1 && code <= LCP_CODES_DEFAULT;
}

bool hdlc_restarts(const uint8_t *frame, size_t length)
{
	uint8_t code = lcp_code(frame, length);
	return code == CONFIGURE_REQUEST || code == TERMINATE_REQUEST;
}

static bool may_go_unchecked(const uint8_t *frame, size_t length)
{
	const uint8_t *behind = frame;
	return protocol_of(frame, length, &behind) < 0x8000;
}

void hdlc_transmit_init(struct hdlc_transmit *t)
{
	*t = (struct hdlc_transmit){
		.accm = HDLC_ACCM_DEFAULT, .fcs = HDLC_FCS_16, .engine = fcs_engine_best()};
}

bool hdlc_escape(struct hdlc_transmit *t, uint8_t byte)
{
	uint8_t changed = byte ^ HDLC_CHANGE;
	if ((byte >= 0x20 && byte < 0x40) || changed == HDLC_FLAG || changed == HDLC_ESCAPE)
		return false;
	t->escape[byte / 32] |= 1u << byte % 32;
	t->by_table |= byte >= 0x40 && byte != HDLC_FLAG && byte != HDLC_ESCAPE;
	return true;
}

/* The bytes that are escaped in a frame, and what finds eight without any. */
struct map {
	uint32_t escaped[8];
	uint64_t controls; /* all bits: any control character may be escaped */
	uint64_t always;   /* as if the first byte were special: look at each */
};

static uint8_t *put(uint8_t *to, const struct map *map, uint8_t byte)
{
	uint32_t escaped = map->escaped[byte / 32] >> byte % 32 & 1;
	*to = HDLC_ESCAPE;
	to += escaped;
	*to = (uint8_t)(byte ^ escaped * HDLC_CHANGE);
	return to + 1;
}

static uint8_t *put_all(uint8_t *to, const struct map *map, const uint8_t *bytes, size_t length)
{
	const uint8_t *end = bytes + length;
	while (end - bytes >= WORD) {
		uint64_t word = load(bytes);
		uint64_t special = flags_and_escapes(word) | (less(word, 0x20) & map->controls);
		special |= map->always;
		memcpy(to, bytes, WORD);
		size_t plain = special ? (size_t)__builtin_ctzll(special) / 8 : WORD;
		to += plain;
		bytes += plain;
		if (special)
			to = put(to, map, *bytes++);
	}
	while (bytes < end)
		to = put(to, map, *bytes++);
	return to;
}

static size_t encode(const struct hdlc_transmit *t, uint32_t accm, uint8_t fcs,
	const uint8_t *frame, size_t length, uint8_t *to, size_t capacity)
{
	struct map map;
	uint8_t check[HDLC_CHECK_MAX], *at = to;
	size_t check_length = 0;
	uint32_t sum = 0;
	if (capacity < hdlc_encoded_max(length))
		return 0;
	memcpy(map.escaped, t->escape, sizeof(map.escaped));
	map.escaped[0] |= accm;
	map.escaped[HDLC_FLAG / 32] |= 1u << HDLC_FLAG % 32 | 1u << HDLC_ESCAPE % 32;
	map.controls = map.escaped[0] ? UINT64_MAX : 0;
	map.always = t->by_table ? 0x80 : 0;
	if (fcs & HDLC_FCS_32) {
		sum = ~t->engine->add32(FCS32_START, frame, length);
		check_length = 4;
	} else if (fcs & HDLC_FCS_16) {
		sum = ~(uint32_t)t->engine->add(FCS_START, frame, length);
		check_length = 2;
	}
	for (size_t n = 0; n < check_length; n++)
		check[n] = (uint8_t)(sum >> 8 * n);
	at = put_all(at, &map, frame, length);
	at = put_all(at, &map, check, check_length);
	*at++ = HDLC_FLAG;
	return (size_t)(at - to);
}

/* The check sequence of a frame that is not bound to the default. */
static uint8_t agreed(uint8_t fcs, const uint8_t *frame, size_t length)
{
	if (fcs & HDLC_FCS_NULL && may_go_unchecked(frame, length))
		return HDLC_FCS_NULL;
	return fcs & HDLC_FCS_32 ? HDLC_FCS_32 : HDLC_FCS_16;
}

size_t hdlc_encode(const struct hdlc_transmit *t, const uint8_t *frame, size_t length, uint8_t *to,
	size_t capacity)
{
	if (is_default(frame, length))
		return encode(t, HDLC_ACCM_DEFAULT, HDLC_FCS_16, frame, length, to, capacity);
	return encode(t, t->accm, agreed(t->fcs, frame, length), frame, length, to, capacity);
}

size_t hdlc_encode_agreed(const struct hdlc_transmit *t, const uint8_t *frame, size_t length,
	uint8_t *to, size_t capacity)
{
	uint8_t fcs = agreed(t->fcs, frame, length);
	return encode(t, HDLC_ACCM_DEFAULT, fcs, frame, length, to, capacity);
}

void hdlc_receive_init(struct hdlc_receive *r, uint8_t *memory, size_t capacity)
{
	*r = (struct hdlc_receive){
		.accm = HDLC_ACCM_DEFAULT, .fcs = HDLC_FCS_16, .engine = fcs_engine_best()};
	hdlc_receive_into(r, memory, capacity);
}

void hdlc_receive_into(struct hdlc_receive *r, uint8_t *memory, size_t capacity)
{
	assert(capacity <= UINT16_MAX);
	r->tossing |= r->length > capacity;
	if (r->tossing || r->whole)
		r->length = 0;
	if (r->length)
		memmove(memory, r->frame, r->length);
	r->frame = memory;
	r->capacity = (uint16_t)capacity;
}

/* Cuts the check sequence off, if it is right. */
static bool check(struct hdlc_receive *r, enum hdlc_fcs fcs)
{
	unsigned size = fcs == HDLC_FCS_32 ? 4 : 2;
	if (r->length < size + 2)
		return false;
	if (fcs == HDLC_FCS_32 ? r->engine->add32(FCS32_START, r->frame, r->length) != FCS32_GOOD
			       : r->engine->add(FCS_START, r->frame, r->length) != FCS_GOOD)
		return false;
	r->length = (uint16_t)(r->length - size);
	return true;
}

static bool check_any(struct hdlc_receive *r)
{
	if (r->fcs & HDLC_FCS_NULL && may_go_unchecked(r->frame, r->length))
		return true;
	bool by_default = !(r->fcs & HDLC_FCS_32) || is_default(r->frame, r->length);
	return ((r->fcs & HDLC_FCS_16 || by_default) && check(r, HDLC_FCS_16)) ||
	       (r->fcs & HDLC_FCS_32 && check(r, HDLC_FCS_32));
}

/* A flag has come behind at least one byte. */
static enum hdlc_result end_frame(struct hdlc_receive *r)
{
	enum hdlc_result result;
	if (r->escaped)
		result = HDLC_ABORTED;
	else if (r->tossing)
		result = HDLC_LONG;
	else if (r->length < FRAME_MIN)
		result = HDLC_SHORT;
	else
		result = check_any(r) ? HDLC_FRAME : HDLC_DAMAGED;
	r->escaped = r->tossing = false;
	r->whole = result == HDLC_FRAME;
	if (!r->whole)
		r->length = 0;
	return result;
}

/* Stores the bytes in front of the first special one; returns how many there are. */
static size_t take_plain(struct hdlc_receive *r, const uint8_t *bytes, size_t length)
{
	uint64_t controls = r->accm ? UINT64_MAX : 0, special = 0;
	size_t room = r->capacity - (size_t)r->length, taken = 0;
	uint8_t *to = r->frame + r->length;
	if (length > room)
		length = room;
	for (; length - taken >= WORD && !special; taken += WORD) {
		uint64_t word = load(bytes + taken);
		memcpy(to + taken, bytes + taken, WORD);
		special = flags_and_escapes(word) | (less(word, 0x20) & controls);
	}
	if (special)
		taken = taken - WORD + (size_t)__builtin_ctzll(special) / 8;
	r->length = (uint16_t)(r->length + taken);
	return taken;
}

/* One byte that is not a flag. */
static void take(struct hdlc_receive *r, uint8_t byte)
{
	if (byte < 0x20 && r->accm >> byte & 1)
		return;
	if (byte == HDLC_ESCAPE) {
		r->escaped = true;
		return;
	}
	if (r->length == r->capacity)
		r->tossing = true;
	else if (!r->tossing)
		r->frame[r->length++] = (uint8_t)(byte ^ (r->escaped ? HDLC_CHANGE : 0));
	r->escaped = false;
}

enum hdlc_result hdlc_decode(struct hdlc_receive *r, const uint8_t **bytes, size_t *length)
{
	const uint8_t *at = *bytes, *end = at + *length;
	enum hdlc_result result = HDLC_MORE;
	if (r->whole) {
		r->whole = false;
		r->length = 0;
	}
	while (at < end && result == HDLC_MORE) {
		if (!r->escaped && !r->tossing)
			at += take_plain(r, at, (size_t)(end - at));
		if (at == end)
			break;
		uint8_t byte = *at++;
		if (byte != HDLC_FLAG)
			take(r, byte);
		else if (r->length || r->escaped || r->tossing)
			result = end_frame(r);
	}
	*bytes = at;
	*length = (size_t)(end - at);
	return result;
}
