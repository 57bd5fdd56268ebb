/* Where the fields of IP, TCP and UDP headers lie, in bytes, and what some of them hold. RFC 791,
 * RFC 8200, RFC 9293, RFC 768, RFC 792, RFC 4443. */
#ifndef GREYLINE_IP_HEADER_H
#define GREYLINE_IP_HEADER_H

enum {
	IPV4_HEADER = 20, /* bytes, without options */
	IPV4_TOS = 1,     /* DSCP and ECN */
	IPV4_LENGTH = 2,
	IPV4_ID = 4,
	IPV4_FRAGMENT = 6, /* flags and offset */
	IPV4_TTL = 8,
	IPV4_PROTOCOL = 9,
	IPV4_CHECKSUM = 10,
	IPV4_SOURCE = 12, /* the destination behind it */
	IPV4_DESTINATION = 16,
	IPV4_DONT_FRAGMENT = 0x4000,
	IPV4_MORE_FRAGMENTS = 0x2000,
	IPV4_OFFSET = 0x1fff,
};

enum {
	IPV6_HEADER = 40,
	IPV6_LENGTH = 4, /* of what follows the header */
	IPV6_NEXT = 6,
	IPV6_HOP_LIMIT = 7,
	IPV6_SOURCE = 8, /* the destination behind it */
	IPV6_DESTINATION = 24,
};

/* Of the protocol and next-header fields. */
enum {
	IPV6_HOP_BY_HOP = 0,
	PROTOCOL_ICMP = 1,
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
	IPV6_ROUTING = 43,
	IPV6_FRAGMENT = 44,
	IPV6_AUTHENTICATION = 51,
	PROTOCOL_ICMPV6 = 58,
	IPV6_OPTIONS = 60,
};

enum {
	TCP_HEADER = 20, /* bytes, without options */
	TCP_SEQUENCE = 4,
	TCP_ACK_NUMBER = 8,
	TCP_OFFSET = 12,
	TCP_FLAGS = 13,
	TCP_WINDOW = 14,
	TCP_CHECKSUM = 16,
	TCP_URGENT = 18,
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_PSH = 0x08,
	TCP_ACK = 0x10,
	TCP_URG = 0x20,
	TCP_CWR = 0x80,
};

enum {
	UDP_HEADER = 8,
	UDP_LENGTH = 4,
	UDP_CHECKSUM = 6,
};

enum {
	ICMP_HEADER = 8,
	ICMP_CHECKSUM = 2,
};

#endif
