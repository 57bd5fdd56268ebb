/* The answer to a client that has its address and asks for the rest (DHCPINFORM, RFC 2131 §3.4). */
#ifndef GREYLINE_DHCP_INFORM_H
#define GREYLINE_DHCP_INFORM_H

#include <stddef.h>
#include <stdint.h>

#include "ip_packet.h"
#include "link_services.h"

enum { DHCP_SERVER_PORT = 67, DHCP_CLIENT_PORT = 68 };

/* What a link has told by IPCP already, and says once more. */
struct dhcp_facts {
	uint32_t own;             /* our address on the link, host order */
	uint32_t dns[2], wins[2]; /* 0: none */
};

/* Writes the whole packet that answers `in` to `at` (of IP_PACKET_MAX). Its length; 0 when `in` is
 * no DHCPINFORM. */
size_t dhcp_inform_answer(uint8_t *at, const struct ip_packet *in,
	const struct link_services *services, const struct dhcp_facts *facts);

#endif
