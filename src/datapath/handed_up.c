/* What the control plane takes for itself of the packets of a link (see handed_up.h). RFC 4861 §4
 * (neighbour discovery), RFC 2710 and 3810 (MLD: behind a hop-by-hop header), RFC 4443 §4 (echo),
 * RFC 8415 §7 (addresses and ports of DHCPv6), RFC 2131 §4.1 (of DHCP).
 *
 * Router Solicitations and Advertisements always are: only the session knows its prefix. On an
 * interface that sessions share, what is said about or to our link-local address is too, because
 * any two of them may have the same. */
#include "handed_up.h"

#include "command.h"
#include "ip_header.h"

enum {
	ECHO_REQUEST = 128,
	LISTENER_FIRST = 130,
	LISTENER_LAST = 132,
	ROUTER_SOLICITATION = 133,
	ROUTER_ADVERTISEMENT = 134,
	NEIGHBOUR_SOLICITATION = 135,
	NEIGHBOUR_ADVERTISEMENT = 136,
	LISTENER_REPORT_2 = 143,
	DHCP_SERVER = 67,
	DHCPV6_CLIENT = 546,
	DHCPV6_SERVER = 547,
};

static bool is_link_local(const struct address *a)
{
	return a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}

static bool is_link_multicast(const struct address *a)
{
	return a->bytes[0] == 0xff && (a->bytes[1] & 0xf) <= 2;
}

static bool takes_icmp(uint8_t services, const struct inner *inner, uint8_t type)
{
	bool link = services & DATAPATH_SERVE_LINK;

	switch (type) {
	case ROUTER_SOLICITATION:
	case ROUTER_ADVERTISEMENT:
		return true;
	case NEIGHBOUR_SOLICITATION:
	case NEIGHBOUR_ADVERTISEMENT:
	case LISTENER_REPORT_2:
		return link;
	case ECHO_REQUEST:
		return link && is_link_local(&inner->destination);
	}
	return link && type >= LISTENER_FIRST && type <= LISTENER_LAST;
}

static bool takes_udp(uint8_t services, const struct inner *inner, uint16_t port)
{
	if (!is_link_local(&inner->destination) && !is_link_multicast(&inner->destination))
		return false;
	return (port == DHCPV6_SERVER && services & DATAPATH_SERVE_DHCPV6) ||
	       (port == DHCPV6_CLIENT && services & DATAPATH_CLIENT_DHCPV6);
}

/* What a client says to whatever server there is. One that is named is not ours. */
static bool takes_dhcp(const struct inner *inner, const uint8_t *bytes)
{
	size_t at = inner->header_length;

	return inner->protocol == PROTOCOL_UDP &&
	       address_to_ipv4(&inner->destination) == UINT32_MAX && !inner->offset &&
	       inner->length - at >= UDP_HEADER && get_u16(bytes + at + 2) == DHCP_SERVER;
}

bool handed_up(uint8_t services, const struct inner *inner, const uint8_t *bytes)
{
	uint8_t protocol;

	if (inner->version == 4)
		return services & DATAPATH_SERVE_DHCP && takes_dhcp(inner, bytes);
	if (inner->protocol == PROTOCOL_TCP || (inner->protocol == PROTOCOL_UDP && !services))
		return false;
	size_t at = inner_transport(inner, bytes, &protocol);
	if (!at || inner->length - at < 8)
		return false;
	if (protocol == PROTOCOL_ICMPV6)
		return takes_icmp(services, inner, bytes[at]);
	return protocol == PROTOCOL_UDP && takes_udp(services, inner, get_u16(bytes + at + 2));
}

bool handed_up_nameless(const struct inner *inner)
{
	static const struct address none = {.family = 6};

	return inner->version == 6 && address_equal(&inner->source, &none) &&
	       is_link_multicast(&inner->destination);
}
