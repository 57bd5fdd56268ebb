/* VJ header compression. The first byte says how many slots there are (bits 0 to 3, and one) and
 * whether their numbers may be left out (bit 4); packets follow, each behind a byte that says what
 * becomes of it and one of length. Bytes from a peer are restored as they are; a packet of ours is
 * given right lengths and checksums first (mutation need not guess them), and must come out of the
 * other end as it was, unless it is lost on the way. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "checksum.h"
#include "ip_header.h"
#include "vj.h"

enum { ROOM = 2048, OURS = 1, LOST = 2, COMPRESSED = 4, AS_IT_IS = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static struct {
	struct vj_sender *sender;
	struct vj_receiver *receiver, *stranger; /* the stranger hears what the input says */
} world;

static bool tcp_holds(const uint8_t *ip, size_t length)
{
	size_t header = (size_t)(ip[0] & 15) * 4;
	uint64_t sum = checksum_add(PROTOCOL_TCP + (length - header), ip + IPV4_SOURCE, 8);
	return checksum_of(sum, ip + header, length - header) == UINT16_MAX;
}

static void repair(uint8_t *ip, size_t length)
{
	size_t header = (size_t)(ip[0] & 15) * 4;
	if (header < IPV4_HEADER || length < header + TCP_HEADER)
		return;
	ip[0] = (uint8_t)(0x40 | (ip[0] & 15));
	ip[IPV4_PROTOCOL] = PROTOCOL_TCP;
	put_u16(ip + IPV4_FRAGMENT, IPV4_DONT_FRAGMENT);
	put_u16(ip + IPV4_LENGTH, (uint16_t)length);
	put_u16(ip + IPV4_CHECKSUM, 0);
	put_u16(ip + IPV4_CHECKSUM, (uint16_t)~checksum_of(0, ip, header));
	uint64_t sum = checksum_add(PROTOCOL_TCP + (length - header), ip + IPV4_SOURCE, 8);
	uint8_t *field = ip + header + TCP_CHECKSUM;
	put_u16(field, 0);
	put_u16(field, (uint16_t)~checksum_of(sum, ip + header, length - header));
}

static void hear(const uint8_t *from, size_t length, uint16_t protocol)
{
	uint8_t to[ROOM];
	size_t restored = 0;
	enum drop why = DROP_COUNT;
	if (!vj_restore(world.stranger, protocol, from, length, to, sizeof to, &restored, &why)) {
		assert(why == DROP_VJ_HEADER || why == DROP_VJ_SLOT || why == DROP_VJ_CHECKSUM);
		return;
	}
	assert(restored >= IPV4_HEADER + TCP_HEADER && restored <= length + VJ_HEADER_MAX);
	assert(to[0] >> 4 == 4 && get_u16(to + IPV4_LENGTH) == restored);
	assert(checksum_of(0, to, (size_t)(to[0] & 15) * 4) == UINT16_MAX);
	assert(protocol == VJ_UNCOMPRESSED || tcp_holds(to, restored));
}

static void carry(uint8_t *packet, size_t length, uint8_t how)
{
	uint8_t before[ROOM], to[ROOM], *at = packet;
	size_t sent = length, restored = 0;
	enum drop why;
	if (!(how & AS_IT_IS))
		repair(packet, length);
	memcpy(before, packet, length);
	uint16_t protocol = vj_compress(world.sender, &at, &sent);
	assert(sent <= length && at + sent == packet + length);
	if (protocol == VJ_PLAIN) {
		assert(sent == length && !memcmp(at, before, length));
		return;
	}
	assert(protocol == VJ_COMPRESSED || sent == length);
	if (how & LOST) {
		vj_lost(world.receiver);
		return;
	}
	bool good = vj_restore(world.receiver, protocol, at, sent, to, sizeof to, &restored, &why);
	/* A wrong checksum of the host's own is not told from a wrong restoration. */
	if (good && tcp_holds(before, length) && protocol == VJ_UNCOMPRESSED)
		assert(restored == length && !memcmp(to, before, length));
	assert(good || protocol == VJ_COMPRESSED || (how & AS_IT_IS));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct reader r = reader_over(bytes, length);
	uint8_t first = read_u8(&r);
	unsigned slots = (first & 15u) + 1;
	world.sender = malloc(vj_sender_size(slots));
	world.receiver = malloc(vj_receiver_size(slots));
	world.stranger = malloc(vj_receiver_size(slots));
	if (!world.sender || !world.receiver || !world.stranger)
		abort();
	vj_sender_init(world.sender, slots, first & 16);
	vj_receiver_init(world.receiver, slots);
	vj_receiver_init(world.stranger, slots);
	while (reader_left(&r) > 2) {
		uint8_t how = read_u8(&r), wanted = read_u8(&r), packet[256];
		size_t left = reader_left(&r), take = wanted < left ? wanted : left;
		memcpy(packet, read_bytes(&r, take), take);
		if (how & OURS)
			carry(packet, take, how);
		else if (how & LOST)
			vj_lost(world.stranger);
		else
			hear(packet, take, how & COMPRESSED ? VJ_COMPRESSED : VJ_UNCOMPRESSED);
	}
	free(world.sender);
	free(world.receiver);
	free(world.stranger);
	return 0;
}
