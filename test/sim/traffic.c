/* Traffic that checks itself (see traffic.h). */
#include "traffic.h"

#include <assert.h>
#include <string.h>

#include "bytes.h"
#include "ip_header.h"

enum { PROTOCOL_EXPERIMENT = 253 };

const char *traffic_fault_word(enum traffic_fault fault)
{
	switch (fault) {
	case TRAFFIC_GOOD:
		return "good";
	case TRAFFIC_CONTENT:
		return "its content is not what was sent";
	case TRAFFIC_FLOW:
		return "it belongs to another session";
	case TRAFFIC_TWICE:
		return "it came twice";
	case TRAFFIC_NEVER_SENT:
		return "it was never sent";
	}
	return "unknown";
}

void flow_init(struct flow *flow, uint32_t id, bool tcp)
{
	memset(flow, 0, offsetof(struct flow, sequence));
	flow->id = id;
	flow->tcp = tcp;
}

static uint32_t sum_of(uint32_t sum, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		sum += i & 1 ? bytes[i] : (uint32_t)bytes[i] << 8;
	return sum;
}

static uint16_t checksum_from(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~((sum & 0xffff) + (sum >> 16));
}

/* Where a packet of a flow is TCP's. */
static bool is_tcp(const struct flow *flow, size_t length, const struct traffic_ends *ends)
{
	return flow->tcp && length >= TRAFFIC_TCP && ends->source.family == 4;
}

/* Numbers that only grow, as bulk data and its acknowledgements do. */
static void write_tcp(struct writer *w, const struct flow *flow, uint32_t number)
{
	enum { ACK_FLAG = 0x10, PSH_FLAG = 8 };
	write_u16(w, (uint16_t)(1024 + number % TRAFFIC_CONNECTIONS));
	write_u16(w, 80);
	write_u32(w, flow->sequence[number]);
	write_u32(w, number * 7);
	write_u8(w, 5 << 4);
	write_u8(w, number % 4 ? ACK_FLAG : ACK_FLAG | PSH_FLAG);
	write_u16(w, (uint16_t)(4096 + number % 5));
	write_u32(w, 0); /* checksum, urgent pointer */
}

static void close_tcp(uint8_t *bytes, size_t length)
{
	uint32_t sum = sum_of((uint32_t)(PROTOCOL_TCP + length - 20), bytes + 12, length - 12);
	put_u16(bytes + 20 + TCP_CHECKSUM, checksum_from(sum));
}

/* Another one now and then: packets whose headers are compressed go whole where it changes, and who
 * lost one understands the next. */
static uint8_t time_to_live(uint32_t number)
{
	return (uint8_t)(64 - number / (4 * TRAFFIC_CONNECTIONS) % 2);
}

static void build_ipv4(struct writer *w, const struct flow *flow, size_t length,
	const struct traffic_ends *ends, uint32_t number)
{
	bool tcp = is_tcp(flow, length, ends);
	write_u16(w, 0x4500);
	write_u16(w, (uint16_t)length);
	write_u16(w, (uint16_t)number);
	write_u16(w, 0x4000); /* do not fragment */
	write_u8(w, time_to_live(number));
	write_u8(w, tcp ? PROTOCOL_TCP : PROTOCOL_EXPERIMENT);
	write_u16(w, 0);
	write_bytes(w, ends->source.bytes, 4);
	write_bytes(w, ends->destination.bytes, 4);
	put_u16(w->start + 10, checksum_from(sum_of(0, w->start, 20)));
	if (tcp)
		write_tcp(w, flow, number);
}

static void build_ipv6(struct writer *w, size_t length, const struct traffic_ends *ends)
{
	write_u32(w, 0x60000000);
	write_u16(w, (uint16_t)(length - IPV6_HEADER));
	write_u16(w, PROTOCOL_EXPERIMENT << 8 | 64);
	write_bytes(w, ends->source.bytes, 16);
	write_bytes(w, ends->destination.bytes, 16);
}

static void build(const struct flow *flow, uint8_t *bytes, size_t length,
	const struct traffic_ends *ends, uint32_t number)
{
	struct writer w = writer_over(bytes, length);
	if (ends->source.family == 4)
		build_ipv4(&w, flow, length, ends, number);
	else
		build_ipv6(&w, length, ends);
	write_u32(&w, flow->id);
	write_u32(&w, number);
	assert(!w.failed);
	/* Three of four repeat themselves, so that a compressor has something to do. */
	bool repeats = number % 4;
	uint32_t x = flow->id * 2654435761u ^ number * 40503u;
	size_t i = writer_length(&w);
	for (; i + 4 <= length; i += 4) {
		x = repeats ? flow->id * 40503u + (uint32_t)(i % 20) : x * 1664525u + 1013904223u;
		put_u32(bytes + i, x);
	}
	for (; i < length; i++)
		bytes[i] = (uint8_t)(x >> 24);
	if (is_tcp(flow, length, ends))
		close_tcp(bytes, length);
}

void flow_build(struct flow *flow, uint8_t *bytes, size_t length, const struct traffic_ends *ends)
{
	assert(length >= TRAFFIC_HEADER && flow->sent < TRAFFIC_PACKETS);
	uint32_t *next = &flow->next[flow->sent % TRAFFIC_CONNECTIONS];
	flow->sequence[flow->sent] = *next;
	if (is_tcp(flow, length, ends))
		*next += (uint32_t)length - 40;
	build(flow, bytes, length, ends, flow->sent++);
}

struct traffic_ends traffic_ends6(const uint8_t *bytes)
{
	struct traffic_ends ends = {{.family = 6}, {.family = 6}};
	memcpy(ends.source.bytes, bytes + IPV6_SOURCE, 16);
	memcpy(ends.destination.bytes, bytes + IPV6_DESTINATION, 16);
	return ends;
}

bool flow_seen(const struct flow *flow, uint32_t number)
{
	return flow->seen[number / 64] & 1ull << number % 64;
}

enum traffic_fault flow_take(
	struct flow *flow, const uint8_t *bytes, size_t length, const struct traffic_ends *ends)
{
	size_t header = ends->source.family == 6     ? TRAFFIC_HEADER6
			: is_tcp(flow, length, ends) ? TRAFFIC_HEADER + TCP_HEADER
						     : TRAFFIC_HEADER;
	if (length < header || length > 2048)
		return TRAFFIC_CONTENT;
	struct reader r = reader_over(bytes + header - 8, 8);
	uint32_t id = read_u32(&r), number = read_u32(&r);
	if (id != flow->id)
		return TRAFFIC_FLOW;
	if (number >= flow->sent)
		return TRAFFIC_NEVER_SENT;
	uint8_t expected[2048];
	build(flow, expected, length, ends, number);
	if (memcmp(bytes, expected, length) != 0)
		return TRAFFIC_CONTENT;
	uint64_t bit = 1ull << number % 64;
	if (flow->seen[number / 64] & bit)
		return TRAFFIC_TWICE;
	flow->seen[number / 64] |= bit;
	flow->newest_late = flow->received && number < flow->newest;
	if (!flow->newest_late)
		flow->newest = number;
	flow->received++;
	return TRAFFIC_GOOD;
}
