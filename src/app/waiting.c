/* Packets that wait for a connection (see waiting.h). RFC 791, RFC 9293 §3.1, RFC 768; RFC 1624 for
 * checksums that follow a change.
 *
 * A packet may wait under an address that turns out to be another: the one made up before the
 * server was asked. It is sent from the new one, since nobody would answer to the old. A ping and a
 * query from a socket that is bound to no address get their answers so; a TCP connection is begun
 * again by its program, or by the kernel with net.ipv4.ip_dynaddr. */
#include "waiting.h"

#include <string.h>

#include "checksum.h"
#include "inner.h"
#include "ip_header.h"

bool waiting_put(struct waiting *waiting, const uint8_t *bytes, size_t length, uint64_t now)
{
	if (waiting->count == WAITING_PACKETS || length > PPP_MRU_DEFAULT ||
		waiting->bytes + length > WAITING_BYTES)
		return false;
	uint32_t last = (waiting->first + waiting->count++) % WAITING_PACKETS;
	waiting->at[last].since = now;
	waiting->at[last].length = (uint32_t)length;
	memcpy(waiting->at[last].bytes, bytes, length);
	waiting->bytes += length;
	return true;
}

struct waiting_packet *waiting_first(struct waiting *waiting)
{
	return waiting->count ? &waiting->at[waiting->first] : NULL;
}

void waiting_drop_first(struct waiting *waiting)
{
	waiting->bytes -= waiting->at[waiting->first].length;
	waiting->first = (waiting->first + 1) % WAITING_PACKETS;
	waiting->count--;
}

uint32_t waiting_expire(struct waiting *waiting, uint64_t now)
{
	uint32_t expired = 0;
	while (waiting->count && now - waiting->at[waiting->first].since > WAITING_AGE) {
		waiting_drop_first(waiting);
		expired++;
	}
	return expired;
}

bool waiting_is_wish(const uint8_t *ip, size_t length)
{
	struct inner inner;
	uint8_t protocol;
	if (!inner_parse(&inner, ip, length) || inner.offset)
		return false;
	size_t at = inner_transport(&inner, ip, &protocol);
	if (!at) /* the first of several fragments is one; of IPv6 pppd takes none */
		return inner.version == 4 && inner.more_fragments;
	if (protocol != PROTOCOL_TCP)
		return true;
	if (at + TCP_HEADER > inner.length)
		return false;
	size_t end = at + (size_t)(ip[at + TCP_OFFSET] >> 4) * 4;
	return !(ip[at + TCP_FLAGS] & TCP_FIN && end == inner.length);
}

static void follow(uint8_t *checksum, uint32_t before, uint32_t now)
{
	uint16_t value = get_u16(checksum);
	value = checksum_adjust(value, (uint16_t)(before >> 16), (uint16_t)(now >> 16));
	put_u16(checksum, checksum_adjust(value, (uint16_t)before, (uint16_t)now));
}

void waiting_readdress(uint8_t *ip, size_t length, uint32_t before, uint32_t now)
{
	struct inner inner;
	if (!inner_parse(&inner, ip, length) || inner.version != 4 ||
		get_u32(ip + IPV4_SOURCE) != before)
		return;
	put_u32(ip + IPV4_SOURCE, now);
	follow(ip + IPV4_CHECKSUM, before, now);
	uint8_t *transport = ip + inner.header_length;
	size_t left = inner.length - inner.header_length;
	if (inner.offset)
		return;
	if (inner.protocol == PROTOCOL_TCP && left >= TCP_HEADER)
		follow(transport + TCP_CHECKSUM, before, now);
	/* No checksum stays none, and one that comes out as that is written the other way. */
	if (inner.protocol != PROTOCOL_UDP || left < UDP_HEADER ||
		!get_u16(transport + UDP_CHECKSUM))
		return;
	follow(transport + UDP_CHECKSUM, before, now);
	if (!get_u16(transport + UDP_CHECKSUM))
		put_u16(transport + UDP_CHECKSUM, UINT16_MAX);
}
