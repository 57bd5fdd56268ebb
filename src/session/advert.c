/* Neighbour discovery, as much of it as a point-to-point link needs (see advert.h). RFC 4861 §4.1
 * (solicitation), §4.2 (advertisement), §4.6.2 (prefix), §4.6.4 (MTU), §6.1 (what makes them
 * valid); RFC 8106 §5.1 (DNS servers); RFC 8200 §8.1 (checksum).
 *
 * The prefix is given for addresses (A) and not as on-link (L): all else is behind the router. */
#include "advert.h"

#include <string.h>

#include "bytes.h"
#include "ip_header.h"
#include "ip_packet.h"

enum {
	HOP_LIMIT = 255, /* no router can have let it through */
	SOLICITATION = 133,
	ADVERTISEMENT = 134,
	OPTION_PREFIX = 3,
	OPTION_MTU = 5,
	OPTION_DNS = 25,
	OPTION_SEARCH = 31,
	FLAG_OTHER = 0x40,
	FLAG_ADDRESSES = 0x40,
	SLAAC_LENGTH = 64, /* RFC 4291 §2.5.1 */
};

static void begin(
	struct writer *w, const struct address *from, const struct address *to, uint8_t type)
{
	struct ip_packet head = {.source = *from,
		.destination = *to,
		.protocol = PROTOCOL_ICMPV6,
		.hop_limit = HOP_LIMIT};
	ip_packet_begin(w, &head);
	write_u8(w, type);
	write_u8(w, 0);
	write_u16(w, 0); /* checksum */
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

static void write_search(
	struct writer *w, const struct advert *advert, const struct domains *search)
{
	if (!search || !search->length)
		return;
	uint8_t units = (uint8_t)((8 + search->length + 7) / 8);
	write_u8(w, OPTION_SEARCH);
	write_u8(w, units);
	write_u16(w, 0);
	write_u32(w, advert->router_lifetime);
	write_bytes(w, search->bytes, search->length);
	write_zeros(w, units * 8u - 8 - search->length);
}

size_t advert_write(uint8_t *at, const struct advert *advert, const struct domains *search,
	const struct address *from, const struct address *to)
{
	struct writer w = writer_over(at, ADVERT_MAX);
	begin(&w, from, to, ADVERTISEMENT);
	write_u8(&w, 64);                                 /* hop limit of the hosts */
	write_u8(&w, advert->stateless ? FLAG_OTHER : 0); /* never M: DHCPv6 gives no addresses */
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
	write_search(&w, advert, search);
	return ip_packet_end(&w);
}

size_t solicit_write(uint8_t *at, const struct address *from)
{
	static const struct address all_routers = {6, {0xff, 2, [15] = 2}};
	struct writer w = writer_over(at, ADVERT_MAX);
	begin(&w, from, &all_routers, SOLICITATION);
	write_u32(&w, 0);
	return ip_packet_end(&w);
}

/* What both have in common; `r` is left behind the checksum. */
static bool open_packet(
	struct reader *r, struct ip_packet *ip, const uint8_t *packet, size_t length, uint8_t type)
{
	if (!ip_packet_read(ip, packet, length) || ip->protocol != PROTOCOL_ICMPV6 ||
		ip->hop_limit != HOP_LIMIT)
		return false;
	*r = ip->body;
	bool right = read_u8(r) == type;
	right &= read_u8(r) == 0;
	read_u16(r);
	return right;
}

bool solicit_read(const uint8_t *packet, size_t length)
{
	struct ip_packet ip;
	struct reader r;
	return open_packet(&r, &ip, packet, length, SOLICITATION);
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

static bool read_search(struct domains *search, struct reader *r)
{
	struct domains found;
	read_u16(r);
	bool stays = read_u32(r) != 0;
	if (r->failed || !domains_read(&found, r->at, reader_left(r)))
		return false;
	if (stays && search && !search->length)
		*search = found;
	return true;
}

static bool read_option(
	struct advert *advert, struct domains *search, uint8_t type, struct reader r)
{
	if (type == OPTION_PREFIX) {
		read_prefix(advert, &r);
	} else if (type == OPTION_DNS) {
		read_dns(advert, &r);
	} else if (type == OPTION_SEARCH) {
		return read_search(search, &r);
	} else if (type == OPTION_MTU) {
		read_u16(&r);
		uint32_t mtu = read_u32(&r);
		if (!r.failed && mtu >= 1280 && mtu <= UINT16_MAX)
			advert->mtu = (uint16_t)mtu;
	}
	return true;
}

bool advert_read(
	struct advert *advert, struct domains *search, const uint8_t *packet, size_t length)
{
	enum { MANAGED_OR_OTHER = 0xc0 }; /* with M there is all that O stands for */
	struct ip_packet ip;
	struct reader r;
	*advert = (struct advert){0};
	if (search)
		search->length = 0;
	if (!open_packet(&r, &ip, packet, length, ADVERTISEMENT))
		return false;
	if (!address_is_link_local(&ip.source))
		return false; /* a router speaks under its link-local address */
	read_u8(&r);
	advert->stateless = read_u8(&r) & MANAGED_OR_OTHER;
	advert->router_lifetime = read_u16(&r);
	read_u32(&r);
	read_u32(&r);
	while (!r.failed && reader_left(&r)) {
		uint8_t type = read_u8(&r);
		size_t size = (size_t)read_u8(&r) * 8;
		if (size < 8)
			return false;
		struct reader value = read_slice(&r, size - 2);
		if (!r.failed && !read_option(advert, search, type, value))
			return false;
	}
	return !r.failed;
}
