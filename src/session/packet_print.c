/* Frames in words (see packet_print.h): ppp_print knows the control protocols, this the packets of
 * the link (RFC 4861, RFC 4443, RFC 8415). Whatever else travels is traffic, and said by its size.
 */
#include "packet_print.h"

#include "advert.h"
#include "bytes.h"
#include "dhcpv6_wire.h"
#include "ip_header.h"
#include "ip_packet.h"
#include "print.h"

static void print_advert(struct text *t, const uint8_t *packet, size_t length)
{
	struct advert advert;
	struct domains search;
	text_add(t, "Router Advertisement");
	if (!advert_read(&advert, &search, packet, length)) {
		text_add(t, " [malformed]");
		return;
	}
	if (advert.prefix.length) {
		text_add(t, " prefix ");
		text_address(t, &advert.prefix.address);
		text_char(t, '/');
		text_unsigned(t, advert.prefix.length);
	}
	if (advert.mtu) {
		text_add(t, " mtu ");
		text_unsigned(t, advert.mtu);
	}
	for (unsigned i = 0; i < ADVERT_DNS && advert.dns[i].family; i++) {
		text_add(t, " dns ");
		text_address(t, &advert.dns[i]);
	}
	if (search.length) {
		text_add(t, " search ");
		domains_text(t, &search);
	}
	if (advert.stateless)
		text_add(t, " other");
}

static const char *icmp_word(uint8_t type)
{
	switch (type) {
	case 128:
		return "Echo Request";
	case 129:
		return "Echo Reply";
	case 130:
	case 131:
	case 132:
	case 143:
		return "Multicast Listener";
	case 133:
		return "Router Solicitation";
	case 135:
		return "Neighbour Solicitation";
	case 136:
		return "Neighbour Advertisement";
	}
	return NULL;
}

static bool print_udp(struct text *t, const struct ip_packet *ip)
{
	struct dhcpv6_message message;
	if (ip->source.family != 6 ||
		(ip->to != DHCPV6_CLIENT_PORT && ip->to != DHCPV6_SERVER_PORT) ||
		!dhcpv6_read(&message, ip->body))
		return false;
	dhcpv6_print(t, &message);
	return true;
}

void packet_print(struct text *t, const uint8_t *frame, size_t length)
{
	enum { ADVERTISEMENT = 134, IPV6 = 0x0057 };
	struct reader r = reader_over(frame, length);
	struct ip_packet ip;
	if (read_u16(&r) != IPV6 || !ip_packet_read(&ip, r.at, reader_left(&r))) {
		ppp_print(t, frame, length);
		return;
	}
	size_t before = t->used;
	text_add(t, "IPv6 ");
	bool icmp = ip.protocol == PROTOCOL_ICMPV6;
	uint8_t type = icmp ? ip.body.at[0] : 0;
	if (icmp && type == ADVERTISEMENT) {
		print_advert(t, r.at, reader_left(&r));
	} else if (icmp && icmp_word(type)) {
		text_add(t, icmp_word(type));
	} else if (icmp || !print_udp(t, &ip)) {
		t->used = before;
		ppp_print(t, frame, length);
	}
}
