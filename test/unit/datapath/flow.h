/* Flows of TCP and UDP packets whose every field a test may change. */
#ifndef GREYLINE_TEST_FLOW_H
#define GREYLINE_TEST_FLOW_H

#include "cutter.h"

/* What the next packet of a flow looks like. */
struct flow {
	bool ipv6, udp;
	uint8_t tos, ttl, options; /* bytes of TCP options */
	bool dont_fragment;
	uint16_t id, id_step, port, window;
	uint32_t label, sequence, ack, stamp;
	uint8_t flags;
};

static inline struct flow flow_of(unsigned number)
{
	return (struct flow){
		.ipv6 = number & 1,
		.udp = number & 2,
		.ttl = 64,
		.options = 12,
		.dont_fragment = !(number & 4),
		.id = (uint16_t)(0xfff0 + number),
		.id_step = !(number & 8),
		.port = (uint16_t)(40000 + number),
		.window = 501,
		.sequence = 0xfffff000 + number,
		.ack = 77,
		.stamp = 1000,
		.flags = 0x10,
	};
}

static inline size_t transport_of(const struct flow *f)
{
	return f->ipv6 ? 40 : 20;
}

static inline size_t header_of(const struct flow *f)
{
	return transport_of(f) + (f->udp ? 8u : 20u + f->options);
}

static inline void write_ip(uint8_t *ip, const struct flow *f)
{
	if (f->ipv6) {
		put_u32(ip, 0x60000000 | (uint32_t)f->tos << 20 | f->label);
		ip[6] = f->udp ? 17 : 6;
		ip[7] = f->ttl;
		memset(ip + 8, 0xfd, 32);
		ip[39] = 1;
		return;
	}
	ip[0] = 0x45;
	ip[1] = f->tos;
	put_u16(ip + 4, f->id);
	put_u16(ip + 6, f->dont_fragment ? 0x4000 : 0);
	ip[8] = f->ttl;
	ip[9] = f->udp ? 17 : 6;
	put_u32(ip + 12, 0x0a000001);
	put_u32(ip + 16, 0x0a000002);
}

static inline void write_tcp(uint8_t *tcp, const struct flow *f)
{
	put_u32(tcp + 4, f->sequence);
	put_u32(tcp + 8, f->ack);
	tcp[12] = (uint8_t)((20 + f->options) / 4 << 4);
	tcp[13] = f->flags;
	put_u16(tcp + 14, f->window);
	for (size_t n = 0; n < f->options; n++)
		tcp[20 + n] = 1;
	if (f->options >= 12) {
		put_u32(tcp + 20, 0x0101080a);
		put_u32(tcp + 24, f->stamp);
	}
}

/* Writes the next packet of a flow, which goes on behind it; its length. `salt` makes payloads
 * differ. */
static inline size_t flow_next(uint8_t *ip, struct flow *f, size_t payload, size_t salt)
{
	size_t header = header_of(f), transport = transport_of(f);

	memset(ip, 0, header);
	write_ip(ip, f);
	put_u16(ip + transport, f->port);
	put_u16(ip + transport + 2, 443);
	if (!f->udp)
		write_tcp(ip + transport, f);
	for (size_t at = 0; at < payload; at++)
		ip[header + at] = (uint8_t)(at * 31 + salt * 7 + f->sequence);
	cutter_seal(ip, transport, header + payload, f->udp);
	f->sequence += (uint32_t)payload;
	f->id += f->id_step;
	return header + payload;
}

#endif
