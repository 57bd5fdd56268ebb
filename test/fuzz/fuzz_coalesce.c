/* Gathering of inner packets. The first byte says what the TUN takes (bits 0 to 2) and whether
 * lengths and checksums are set right (bit 3), so that mutation need not guess them; packets
 * follow, each behind two bytes of length. Whatever they are: each comes out once, those of a flow
 * in order, and cutting what was gathered gives them back. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "../unit/datapath/cutter.h"

enum { PACKETS = 96, REPAIR = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static uint8_t came[PACKETS][OUTER_MAX], held[PACKETS][OUTER_MAX];
static uint8_t flat[2 * INNER_MAX];
static struct packet packets[PACKETS];
static struct coalescer coalescer;

/* Where the transport header of a packet begins that says what flow it is of; 0: it does not. */
static size_t transport_of(const uint8_t *ip, size_t length)
{
	if (length >= 28 && ip[0] == 0x45 && (ip[9] == 6 || ip[9] == 17) &&
		get_u16(ip + 2) == length && !(get_u16(ip + 6) & 0x3fff))
		return 20;
	if (length >= 48 && ip[0] >> 4 == 6 && (ip[6] == 6 || ip[6] == 17) &&
		get_u16(ip + 4) == length - 40)
		return 40;
	return 0;
}

static bool same_flow(const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length)
{
	size_t transport = transport_of(a, a_length), from = transport == 20 ? 12 : 8;

	return transport && transport == transport_of(b, b_length) &&
	       a[transport == 20 ? 9 : 6] == b[transport == 20 ? 9 : 6] &&
	       !memcmp(a + from, b + from, transport - from + 4);
}

static void repair(uint8_t *ip, size_t length)
{
	size_t transport = length >= 28 && ip[0] == 0x45 ? 20 : 0;

	if (length >= 48 && ip[0] >> 4 == 6)
		transport = 40;
	if (!transport)
		return;
	bool udp = ip[transport == 20 ? 9 : 6] == 17;
	if (length >= transport + (udp ? 8 : 20))
		cutter_seal(ip, transport, length, udp);
}

static void check_order(const size_t *order, size_t count)
{
	for (size_t n = 1; n < count; n++)
		for (size_t m = 0; m < n; m++)
			assert(order[m] < order[n] ||
				!same_flow(came[order[m]], packets[order[m]].length, came[order[n]],
					packets[order[n]].length));
}

static void check(size_t count)
{
	size_t order[PACKETS], seen = 0;
	uint8_t cut[OUTER_MAX];

	for (size_t n = 0; n < coalescer.count; n++) {
		const struct gathered *whole = &coalescer.gathered[n];
		assert(whole->first == seen);
		cutter_flatten(flat, whole, coalescer.pieces);
		for (size_t part = 0; part < whole->count; part++) {
			const uint8_t *at = coalescer.pieces[whole->first + part].iov_base;
			size_t from = (size_t)(at - held[0]) / OUTER_MAX, size = whole->length;
			if (whole->offload.kind == OFFLOAD_NONE)
				memcpy(cut, flat, size);
			else
				size = cutter_cut(cut, flat, whole, part);
			assert(cutter_same(came[from], packets[from].length, cut, size));
			order[seen++] = from;
		}
	}
	assert(seen == count);
	check_order(order, count);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	const struct packet *list[PACKETS];
	struct reader r = reader_over(bytes, length);
	uint8_t options = read_u8(&r);
	struct coalesce_rules rules = {
		.tcp4 = options & 1, .tcp6 = options & 2, .udp = options & 4};
	size_t count = 0;

	for (; count < PACKETS; count++) {
		size_t size = read_u16(&r);
		const uint8_t *packet = size < OUTER_MAX ? read_bytes(&r, size) : NULL;
		if (!packet)
			break;
		memcpy(came[count], packet, size);
		if (options & REPAIR)
			repair(came[count], size);
		memcpy(held[count], came[count], size);
		packets[count] = (struct packet){.bytes = held[count], .length = (uint32_t)size};
		list[count] = &packets[count];
	}
	coalesce(&coalescer, &rules, list, count);
	check(count);
	return 0;
}
