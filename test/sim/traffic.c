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
static bool is_tcp(const struct flow *flow, size_t length)
{
	return flow->tcp && length >= TRAFFIC_TCP;
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

static void build(const struct flow *flow, uint8_t *bytes, size_t length, uint32_t source,
	uint32_t destination, uint32_t number)
{
	bool tcp = is_tcp(flow, length);
	struct writer w = writer_over(bytes, length);
	write_u16(&w, 0x4500);
	write_u16(&w, (uint16_t)length);
	write_u16(&w, (uint16_t)number);
	write_u16(&w, 0x4000); /* do not fragment */
	write_u8(&w, time_to_live(number));
	write_u8(&w, tcp ? PROTOCOL_TCP : PROTOCOL_EXPERIMENT);
	write_u16(&w, 0);
	write_u32(&w, source);
	write_u32(&w, destination);
	if (tcp)
		write_tcp(&w, flow, number);
	write_u32(&w, flow->id);
	write_u32(&w, number);
	assert(!w.failed);
	put_u16(bytes + 10, checksum_from(sum_of(0, bytes, 20)));
	uint32_t x = flow->id * 2654435761u ^ number * 40503u;
	size_t i = writer_length(&w);
	for (; i + 4 <= length; i += 4) {
		x = x * 1664525u + 1013904223u;
		put_u32(bytes + i, x);
	}
	for (; i < length; i++)
		bytes[i] = (uint8_t)(x >> 24);
	if (tcp)
		close_tcp(bytes, length);
}

void flow_build(
	struct flow *flow, uint8_t *bytes, size_t length, uint32_t source, uint32_t destination)
{
	assert(length >= TRAFFIC_HEADER && flow->sent < TRAFFIC_PACKETS);
	uint32_t *next = &flow->next[flow->sent % TRAFFIC_CONNECTIONS];
	flow->sequence[flow->sent] = *next;
	if (is_tcp(flow, length))
		*next += (uint32_t)length - 40;
	build(flow, bytes, length, source, destination, flow->sent++);
}

bool flow_seen(const struct flow *flow, uint32_t number)
{
	return flow->seen[number / 64] & 1ull << number % 64;
}

enum traffic_fault flow_take(struct flow *flow, const uint8_t *bytes, size_t length,
	uint32_t source, uint32_t destination)
{
	if (length < TRAFFIC_HEADER || length > 2048)
		return TRAFFIC_CONTENT;
	bool tcp = is_tcp(flow, length);
	struct reader r = reader_over(bytes + (tcp ? 40 : 20), 8);
	uint32_t id = read_u32(&r), number = read_u32(&r);
	if (id != flow->id)
		return TRAFFIC_FLOW;
	if (number >= flow->sent)
		return TRAFFIC_NEVER_SENT;
	uint8_t expected[2048];
	build(flow, expected, length, source, destination, number);
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
