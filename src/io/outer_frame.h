/* The headers in front of a GRE packet in a transmit frame of ours, and behind those in a received
 * one (RFC 791 §3.1). Inline: once a packet, some ten nanoseconds of work. */
#ifndef GREYLINE_OUTER_FRAME_H
#define GREYLINE_OUTER_FRAME_H

#include <netinet/in.h>
#include <netinet/ip.h>
#include <string.h>

#include "bytes.h"
#include "outer_link.h"

/* Room for them in front of a lent buffer. */
enum { FRAME_HEAD_MAX = PATH_LINK_HEADER_MAX + OUTER_IP_HEADER };

/* What the headers of one link have in common. */
struct outer_frame {
	uint8_t ttl;
	bool dont_fragment;
	uint16_t id, id_step; /* of packets that may be fragmented: workers count in turns */
};

static inline struct outer_frame outer_frame_of(const struct outer_link_config *config)
{
	return (struct outer_frame){.ttl = config->ttl,
		.dont_fragment = config->dont_fragment,
		.id = (uint16_t)config->worker,
		.id_step = (uint16_t)config->workers};
}

/* Writes the headers that end where the GRE packet starts; returns how long they are. A packet
 * that is not to be fragmented is atomic and needs no identification (RFC 6864 §4.1). */
static inline size_t outer_frame_write(struct outer_frame *f, uint8_t *gre,
	const struct packet *packet, const struct direct_path *path)
{
	uint8_t *ip = gre - OUTER_IP_HEADER;
	uint16_t id = 0;
	if (!f->dont_fragment)
		id = f->id = (uint16_t)(f->id + f->id_step);
	put_u16(ip, (uint16_t)(0x4500 | packet->tos));
	put_u16(ip + 2, (uint16_t)(OUTER_IP_HEADER + packet->length));
	put_u16(ip + 4, id);
	put_u16(ip + 6, f->dont_fragment ? IP_DF : 0);
	put_u16(ip + 8, (uint16_t)(f->ttl << 8 | IPPROTO_GRE));
	put_u16(ip + 10, 0);
	memcpy(ip + 12, path->local, 4);
	memcpy(ip + 16, path->peer, 4);
	uint32_t sum = 0; /* RFC 1071: in any byte order, as it is stored in the same */
	for (size_t i = 0; i < OUTER_IP_HEADER; i += 2) {
		uint16_t word;
		memcpy(&word, ip + i, 2);
		sum += word;
	}
	sum = (sum & 0xffff) + (sum >> 16);
	uint16_t checksum = (uint16_t) ~((sum & 0xffff) + (sum >> 16));
	memcpy(ip + 10, &checksum, 2);
	memcpy(ip - path->link_header_length, path->link_header, path->link_header_length);
	return OUTER_IP_HEADER + (size_t)path->link_header_length;
}

/* Of a packet that outer_programs took: its header was looked at, but not by us. */
static inline void outer_frame_read(struct gre_datagram *d, uint8_t *ip, uint32_t length)
{
	memset(d, 0, sizeof(*d));
	if (length < OUTER_IP_HEADER || ip[0] != 0x45) {
		d->malformed = true;
		return;
	}
	uint32_t total = (uint32_t)(ip[2] << 8 | ip[3]);
	if (total < OUTER_IP_HEADER || total > length) {
		d->malformed = true;
		return;
	}
	d->source.family = d->destination.family = 4;
	memcpy(d->source.bytes, ip + 12, 4);
	memcpy(d->destination.bytes, ip + 16, 4);
	d->gre = ip + OUTER_IP_HEADER;
	d->length = total - OUTER_IP_HEADER;
	d->tos = ip[1];
}

#endif
