/* Neighbour discovery, as much of it as a point-to-point link needs (see advert.h). RFC 4861 §4.1
 * (solicitation), §4.2 (advertisement), §4.6.2 (prefix), §4.6.4 (MTU), §6.1 (what makes them
 * valid); RFC 8106 §5.1 (DNS servers); RFC 8200 §8.1 (checksum).
 *
 * The prefix is given for addresses (A) and not as on-link (L): all else is behind the router. */
#include "advert.h"

#include <string.h>

#include "bytes.h"
#include "checksum.h"
#include "inner.h"

enum {
	IPV6_HEADER = 40,
	ICMPV6 = 58,
	HOP_LIMIT = 255, /* no router can have let it through */
	SOLICITATION = 133,
	ADVERTISEMENT = 134,
	OPTION_PREFIX = 3,
	OPTION_MTU = 5,
	OPTION_DNS = 25,
	FLAG_ADDRESSES = 0x40,
	SLAAC_LENGTH = 64, /* RFC 4291 §2.5.1 */
};

static void begin(
	struct writer *w, const struct address *from, const struct address *to, uint8_t type)
{
	write_u32(w, 0x60000000);
	write_u16(w, 0); /* length: see finish */
	write_u8(w, ICMPV6);
	write_u8(w, HOP_LIMIT);
	write_bytes(w, from->bytes, 16);
	write_bytes(w, to->bytes, 16);
	write_u8(w, type);
	write_u8(w, 0);
	write_u16(w, 0); /* checksum */
}

static uint16_t sum_of(const uint8_t *packet, size_t length)
{
	uint64_t pseudo = ICMPV6 + length - IPV6_HEADER;
	return checksum_of(pseudo, packet + 8, length - 8);
}

static size_t finish(struct writer *w)
{
	size_t length = writer_length(w);
	if (w->failed)
		return 0;
	put_u16(w->start + 4, (uint16_t)(length - IPV6_HEADER));
	put_u16(w->start + IPV6_HEADER + 2, (uint16_t)~sum_of(w->start, length));
	return length;
}

static void write_prefix(struct writer *w, const struct advert *advert)
{
	write_u8(w, OPTION_PREFIX);
	write_u8(w, 4);
	write_u8(w, advert->prefix.length);
	write_u8(w, FLAG_ADDRESSES);
	write_u32(w, advert->valid);
	write_u32(w, advert->preferred);
	write_u32(w, 0);
	write_bytes(w, advert->prefix.address.bytes, 16);
}

static void write_dns(struct writer *w, const struct advert *advert)
{
	uint8_t count = 0;
	while (count < ADVERT_DNS && advert->dns[count].family == 6)
		count++;
	if (!count)
		return;
	write_u8(w, OPTION_DNS);
	write_u8(w, (uint8_t)(1 + 2 * count));
	write_u16(w, 0);
	write_u32(w, advert->router_lifetime);
	for (uint8_t i = 0; i < count; i++)
		write_bytes(w, advert->dns[i].bytes, 16);
}

size_t advert_write(uint8_t *at, const struct advert *advert, const struct address *from,
	const struct address *to)
{
	struct writer w = writer_over(at, ADVERT_MAX);
	begin(&w, from, to, ADVERTISEMENT);
	write_u8(&w, 64); /* hop limit of the hosts */
	write_u8(&w, 0);  /* neither M nor O: there is no DHCPv6 */
	write_u16(&w, advert->router_lifetime);
	write_u32(&w, 0);
	write_u32(&w, 0);
	if (advert->prefix.length)
		write_prefix(&w, advert);
	if (advert->mtu) {
		write_u8(&w, OPTION_MTU);
		write_u8(&w, 1);
		write_u16(&w, 0);
		write_u32(&w, advert->mtu);
	}
	write_dns(&w, advert);
	return finish(&w);
}

size_t solicit_write(uint8_t *at, const struct address *from)
{
	static const struct address all_routers = {6, {0xff, 2, [15] = 2}};
	struct writer w = writer_over(at, ADVERT_MAX);
	begin(&w, from, &all_routers, SOLICITATION);
	write_u32(&w, 0);
	return finish(&w);
}

/* What both have in common; `r` is left behind the checksum. */
static bool open_packet(struct reader *r, const uint8_t *packet, size_t length, uint8_t type)
{
	struct inner inner;
	if (!inner_parse(&inner, packet, length) || inner.version != 6 ||
		inner.protocol != ICMPV6 || packet[7] != HOP_LIMIT ||
		inner.length < IPV6_HEADER + 8)
		return false;
	if (sum_of(packet, inner.length) != 0xffff)
		return false;
	*r = reader_over(packet + IPV6_HEADER, inner.length - IPV6_HEADER);
	bool right = read_u8(r) == type;
	right &= read_u8(r) == 0;
	read_u16(r);
	return right;
}

bool solicit_read(const uint8_t *packet, size_t length)
{
	struct reader r;
	return open_packet(&r, packet, length, SOLICITATION);
}

static void read_prefix(struct advert *advert, struct reader *r)
{
	uint8_t length = read_u8(r), flags = read_u8(r);
	uint32_t valid = read_u32(r), preferred = read_u32(r);
	read_u32(r);
	const uint8_t *bytes = read_bytes(r, 16);
	bool link_local = bytes && bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
	/* RFC 4862 §5.5.3 */
	if (!bytes || link_local || bytes[0] == 0xff || !(flags & FLAG_ADDRESSES) ||
		length != SLAAC_LENGTH || !valid || preferred > valid || advert->prefix.length)
		return;
	advert->prefix = (struct prefix){.address = {.family = 6}, .length = length};
	memcpy(advert->prefix.address.bytes, bytes, SLAAC_LENGTH / 8);
	advert->valid = valid;
	advert->preferred = preferred;
}

static void read_dns(struct advert *advert, struct reader *r)
{
	read_u16(r);
	if (!read_u32(r))
		return; /* they are to be forgotten */
	for (int i = 0; i < ADVERT_DNS && reader_left(r) >= 16; i++) {
		advert->dns[i].family = 6;
		memcpy(advert->dns[i].bytes, read_bytes(r, 16), 16);
	}
}

static void read_option(struct advert *advert, uint8_t type, struct reader r)
{
	if (type == OPTION_PREFIX) {
		read_prefix(advert, &r);
	} else if (type == OPTION_DNS) {
		read_dns(advert, &r);
	} else if (type == OPTION_MTU) {
		read_u16(&r);
		uint32_t mtu = read_u32(&r);
		if (!r.failed && mtu >= 1280 && mtu <= UINT16_MAX)
			advert->mtu = (uint16_t)mtu;
	}
}

bool advert_read(struct advert *advert, const uint8_t *packet, size_t length)
{
	struct reader r;
	*advert = (struct advert){0};
	if (!open_packet(&r, packet, length, ADVERTISEMENT))
		return false;
	if (packet[8] != 0xfe || (packet[9] & 0xc0) != 0x80)
		return false; /* a router speaks under its link-local address */
	read_u16(&r);
	advert->router_lifetime = read_u16(&r);
	read_u32(&r);
	read_u32(&r);
	while (!r.failed && reader_left(&r)) {
		uint8_t type = read_u8(&r);
		size_t size = (size_t)read_u8(&r) * 8;
		if (size < 8)
			return false;
		struct reader value = read_slice(&r, size - 2);
		if (!r.failed)
			read_option(advert, type, value);
	}
	return !r.failed;
}
