/* Inner IP headers, and what IPv6 puts behind them. The first two bytes are an MTU; what parses is
 * fragmented, put together again and compared, and answered with an ICMP error that must itself be
 * sound and never be answered. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "inner.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void check_fragments(const struct inner *inner, const uint8_t *packet, uint16_t mtu)
{
	static uint8_t out[65536];
	size_t count = inner_fragment_count(inner, mtu), at = inner->header_length;

	for (size_t n = 0; n < count; n++) {
		struct inner part;
		struct writer w = writer_over(out, mtu);
		size_t size = inner_fragment(&w, inner, packet, mtu, n);
		assert(size > inner->header_length && size <= mtu);
		assert(inner_parse(&part, out, size) && inner_checksum_holds(&part, out));
		assert(part.length == size &&
			part.offset == inner->offset + at - inner->header_length);
		assert(part.more_fragments == (n + 1 < count || inner->more_fragments));
		assert(!memcmp(
			out + inner->header_length, packet + at, size - inner->header_length));
		at += size - inner->header_length;
	}
	assert(!count || at == inner->length);
}

static void check_answer(const struct inner *inner, const uint8_t *packet, uint16_t mtu)
{
	uint8_t out[INNER_TOO_BIG_MAX], again[INNER_TOO_BIG_MAX];
	struct address from = {.family = inner->version, .bytes = {10, 1, 1, 1}};
	struct inner answer;
	size_t size = inner_too_big(out, sizeof(out), inner, packet, mtu, &from);

	if (!size)
		return;
	assert(inner_parse(&answer, out, size) && answer.length == size);
	assert(inner_checksum_holds(&answer, out));
	assert(!memcmp(&answer.destination, &inner->source, sizeof(answer.destination)));
	assert(!inner_too_big(again, sizeof(again), &answer, out, mtu, &from));
	assert(!inner_too_big(out, size - 1, inner, packet, mtu, &from));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct inner inner;

	if (length < 2)
		return 0;
	uint16_t mtu = (uint16_t)(bytes[0] << 8 | bytes[1]);
	bytes += 2;
	length -= 2;
	if (!inner_parse(&inner, bytes, length))
		return 0;
	assert(inner.length <= length && inner.header_length <= inner.length);
	inner_checksum_holds(&inner, bytes);
	uint8_t protocol;
	size_t transport = inner_transport(&inner, bytes, &protocol);
	assert(transport == 0 || (transport >= inner.header_length && transport <= inner.length));
	if (inner.version == 4)
		check_fragments(&inner, bytes, mtu);
	check_answer(&inner, bytes, mtu);
	return 0;
}
