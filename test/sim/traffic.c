/* Traffic that checks itself (see traffic.h). */
#include "traffic.h"

#include <assert.h>
#include <string.h>

#include "bytes.h"

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

void flow_init(struct flow *flow, uint32_t id)
{
	memset(flow, 0, sizeof *flow);
	flow->id = id;
}

static uint16_t header_sum(const uint8_t *header)
{
	uint32_t sum = 0;
	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)header[i] << 8 | header[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~((sum & 0xffff) + (sum >> 16));
}

static void build(uint8_t *bytes, size_t length, uint32_t source, uint32_t destination, uint32_t id,
	uint32_t number)
{
	struct writer w = writer_over(bytes, length);
	write_u16(&w, 0x4500);
	write_u16(&w, (uint16_t)length);
	write_u16(&w, (uint16_t)number);
	write_u16(&w, 0x4000); /* do not fragment */
	write_u16(&w, 64 << 8 | PROTOCOL_EXPERIMENT);
	write_u16(&w, 0);
	write_u32(&w, source);
	write_u32(&w, destination);
	write_u32(&w, id);
	write_u32(&w, number);
	assert(!w.failed);
	put_u16(bytes + 10, header_sum(bytes));
	uint32_t x = id * 2654435761u ^ number * 40503u;
	size_t i = TRAFFIC_HEADER;
	for (; i + 4 <= length; i += 4) {
		x = x * 1664525u + 1013904223u;
		put_u32(bytes + i, x);
	}
	for (; i < length; i++)
		bytes[i] = (uint8_t)(x >> 24);
}

void flow_build(
	struct flow *flow, uint8_t *bytes, size_t length, uint32_t source, uint32_t destination)
{
	assert(length >= TRAFFIC_HEADER && flow->sent < TRAFFIC_PACKETS);
	build(bytes, length, source, destination, flow->id, flow->sent++);
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
	struct reader r = reader_over(bytes + 20, 8);
	uint32_t id = read_u32(&r), number = read_u32(&r);
	if (id != flow->id)
		return TRAFFIC_FLOW;
	if (number >= flow->sent)
		return TRAFFIC_NEVER_SENT;
	uint8_t expected[2048];
	build(expected, length, source, destination, id, number);
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
