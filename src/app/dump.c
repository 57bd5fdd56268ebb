/* greyline dump: a capture through our own decoders (see dump.h).
 *
 *   capture file ─▶ link layer ─▶ IP ─▶ TCP 1723 ─▶ stream ─▶ framer ─▶ pptp_print
 *                                   └─▶ GRE ─▶ gre_parse ─▶ frame_parse ─▶ ppp_print
 *
 * Streams are followed in order; a segment that was seen is trimmed, one that is missing is told
 * as a gap, and reading goes on where a message seems to begin. Everything in a capture is
 * somebody else's: lengths are checked, text is quoted by the printers. */
#include "dump.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "address.h"
#include "address.h"
#include "capture_file.h"
#include "frame.h"
#include "gre.h"
#include "packet_print.h"
#include "pptp_print.h"
#include "pptp_wire.h"
#include "serial.h"

enum {
	IP_TCP = 6,
	IP_GRE = 47,
	ETHER_IPV4 = 0x0800,
	ETHER_IPV6 = 0x86dd,
	ETHER_VLAN = 0x8100,
	ETHER_QINQ = 0x88a8,
	TCP_SYN = 2,
};

struct stream {
	bool used, synced;
	struct address from, to;
	uint16_t from_port, to_port;
	uint32_t next;
	uint64_t last;
	struct pptp_framer framer;
};

struct dump {
	dump_line *line;
	void *context;
	struct dump_totals *totals;
	uint64_t now; /* of the packet being looked at */
	struct address from, to;
	struct stream streams[DUMP_STREAMS];
};

/* Lines. */

static struct text begin(const struct dump *dump, char line[DUMP_LINE_MAX])
{
	struct text t = text_over(line, DUMP_LINE_MAX);
	char clock[32] = "";
	time_t seconds = (time_t)(dump->now / 1000000);
	struct tm parts;
	if (gmtime_r(&seconds, &parts))
		strftime(clock, sizeof clock, "%H:%M:%S", &parts);
	snprintf(clock + strlen(clock), sizeof clock - strlen(clock), ".%06u ",
		(unsigned)(dump->now % 1000000));
	text_add(&t, clock);
	text_address(&t, &dump->from);
	text_add(&t, " > ");
	text_address(&t, &dump->to);
	text_char(&t, ' ');
	return t;
}

static void say(struct dump *dump, const char *kind, const char *what)
{
	char line[DUMP_LINE_MAX];
	struct text t = begin(dump, line);
	text_add(&t, kind);
	text_add(&t, what);
	dump->line(dump->context, line);
}

/* TCP. */

static struct stream *find_stream(struct dump *dump, uint16_t from_port, uint16_t to_port)
{
	struct stream *oldest = &dump->streams[0];
	for (unsigned i = 0; i < DUMP_STREAMS; i++) {
		struct stream *s = &dump->streams[i];
		if (s->used && s->from_port == from_port && s->to_port == to_port &&
			address_equal(&s->from, &dump->from) && address_equal(&s->to, &dump->to)) {
			s->last = dump->now;
			return s;
		}
		if (oldest->used && (!s->used || s->last < oldest->last))
			oldest = s;
	}
	*oldest = (struct stream){.used = true,
		.from = dump->from,
		.to = dump->to,
		.from_port = from_port,
		.to_port = to_port,
		.last = dump->now};
	return oldest;
}

static void put_message(struct dump *dump, const struct pptp_framer *framer)
{
	char line[DUMP_LINE_MAX];
	struct text t = begin(dump, line);
	text_add(&t, "PPTP ");
	pptp_print(&t, framer->bytes, framer->filled);
	dump->line(dump->context, line);
	dump->totals->messages++;
}

static void feed(struct dump *dump, struct stream *s, const uint8_t *bytes, size_t length)
{
	struct reader in = reader_over(bytes, length);
	for (;;) {
		switch (pptp_frame(&s->framer, &in)) {
		case PPTP_FRAMED_WHOLE:
			put_message(dump, &s->framer);
			continue;
		case PPTP_FRAMED_PART:
			return;
		case PPTP_FRAMED_LENGTH:
			say(dump, "PPTP ",
				"message with an impossible length: the rest is left out");
			break;
		case PPTP_FRAMED_COOKIE:
			say(dump, "PPTP ", "no magic cookie where a message should begin");
			break;
		}
		s->framer = (struct pptp_framer){0};
		s->synced = false;
		return;
	}
}

/* Where this segment joins the stream; what was seen already is cut off its front. */
static bool join(struct dump *dump, struct stream *s, uint32_t sequence, const uint8_t **bytes,
	size_t *length)
{
	if (!s->synced) {
		s->synced = true;
		s->next = sequence;
	}
	int32_t ahead = serial_distance(sequence, s->next);
	if (ahead > 0) {
		char what[64];
		snprintf(what, sizeof what, "gap of %d bytes in the stream", ahead);
		say(dump, "TCP  ", what);
		dump->totals->gaps++;
		s->framer = (struct pptp_framer){0};
		s->next = sequence;
	} else if ((size_t) - (int64_t)ahead >= *length) {
		return false; /* seen before */
	} else {
		*bytes -= ahead;
		*length -= (size_t) - (int64_t)ahead;
	}
	s->next += (uint32_t)*length;
	return true;
}

static void take_tcp(struct dump *dump, struct reader *r)
{
	uint16_t from_port = read_u16(r), to_port = read_u16(r);
	uint32_t sequence = read_u32(r);
	read_u32(r);
	uint8_t offset = read_u8(r), flags = read_u8(r);
	read_bytes(r, 6);
	size_t header = (size_t)(offset >> 4) * 4;
	if (r->failed || header < 20 || !read_bytes(r, header - 20)) {
		say(dump, "TCP  ", "malformed header");
		return;
	}
	if (from_port != PPTP_PORT && to_port != PPTP_PORT) {
		dump->totals->others++;
		return;
	}
	struct stream *s = find_stream(dump, from_port, to_port);
	if (flags & TCP_SYN) {
		s->framer = (struct pptp_framer){0};
		s->synced = true;
		s->next = sequence + 1;
		return;
	}
	const uint8_t *bytes = r->at;
	size_t length = reader_left(r);
	if (length && join(dump, s, sequence, &bytes, &length))
		feed(dump, s, bytes, length);
}

/* GRE. */

static void put_payload(struct text *t, struct reader *payload)
{
	uint16_t protocol;
	enum drop why;
	uint8_t frame[2 + 65535];
	if (!reader_left(payload))
		return;
	text_add(t, ": ");
	if (!frame_parse(payload, &protocol, &why)) {
		text_add(t, drop_sentence(why));
		return;
	}
	/* The printer wants the protocol field whole, whatever was compressed away. */
	struct writer w = writer_over(frame, sizeof frame);
	write_u16(&w, protocol);
	write_bytes(&w, payload->at, reader_left(payload));
	packet_print(t, frame, writer_length(&w));
}

static void take_gre(struct dump *dump, struct reader *r)
{
	struct gre_header header;
	struct reader payload;
	enum drop why;
	char line[DUMP_LINE_MAX];
	struct text t = begin(dump, line);
	dump->totals->gre++;
	text_add(&t, "GRE  ");
	if (!gre_parse(&header, r, &payload, &why)) {
		text_add(&t, drop_sentence(why));
		dump->line(dump->context, line);
		return;
	}
	text_add(&t, "call ");
	text_unsigned(&t, header.call_id);
	if (header.has_sequence) {
		text_add(&t, " seq ");
		text_unsigned(&t, header.sequence);
	}
	if (header.has_ack) {
		text_add(&t, " ack ");
		text_unsigned(&t, header.ack);
	}
	text_add(&t, " length ");
	text_unsigned(&t, header.payload_length);
	put_payload(&t, &payload);
	dump->line(dump->context, line);
}

/* IP. */

static void take_payload(struct dump *dump, uint8_t protocol, struct reader *r)
{
	if (protocol == IP_TCP)
		take_tcp(dump, r);
	else if (protocol == IP_GRE)
		take_gre(dump, r);
	else
		dump->totals->others++;
}

static struct address take_address(struct reader *r, uint8_t family)
{
	struct address address = {.family = family};
	size_t size = family == 4 ? 4 : 16;
	const uint8_t *bytes = read_bytes(r, size);
	if (bytes)
		memcpy(address.bytes, bytes, size);
	return address;
}

static void take_ipv4(struct dump *dump, struct reader *r)
{
	size_t header = (size_t)(read_u8(r) & 15) * 4;
	read_u8(r);
	size_t total = read_u16(r);
	read_u16(r);
	uint16_t fragment = read_u16(r);
	read_u8(r);
	uint8_t protocol = read_u8(r);
	read_u16(r);
	dump->from = take_address(r, 4);
	dump->to = take_address(r, 4);
	if (r->failed || header < 20 || total < header || !read_bytes(r, header - 20)) {
		dump->totals->others++;
		return;
	}
	size_t length = total - header;
	if (length > reader_left(r))
		length = reader_left(r); /* a capture cut short */
	struct reader payload = read_slice(r, length);
	if (fragment & 0x3fff && (protocol == IP_GRE || protocol == IP_TCP))
		say(dump, "IP   ", "fragment: not looked into");
	else
		take_payload(dump, protocol, &payload);
}

static void take_ipv6(struct dump *dump, struct reader *r)
{
	read_u32(r);
	size_t length = read_u16(r);
	uint8_t protocol = read_u8(r);
	read_u8(r);
	dump->from = take_address(r, 6);
	dump->to = take_address(r, 6);
	if (r->failed) {
		dump->totals->others++;
		return;
	}
	if (length > reader_left(r))
		length = reader_left(r);
	struct reader payload = read_slice(r, length);
	take_payload(dump, protocol, &payload);
}

static void take_ip(struct dump *dump, struct reader *r)
{
	uint8_t version = reader_left(r) ? *r->at >> 4 : 0;
	if (version == 4)
		take_ipv4(dump, r);
	else if (version == 6)
		take_ipv6(dump, r);
	else
		dump->totals->others++;
}

static void take_ethertype(struct dump *dump, struct reader *r)
{
	uint16_t type = read_u16(r);
	for (unsigned tags = 0; tags < 2 && (type == ETHER_VLAN || type == ETHER_QINQ); tags++) {
		read_u16(r);
		type = read_u16(r);
	}
	if (!r->failed && (type == ETHER_IPV4 || type == ETHER_IPV6))
		take_ip(dump, r);
	else
		dump->totals->others++;
}

static void take_packet(struct dump *dump, const struct capture_packet *packet)
{
	struct reader r = reader_over(packet->bytes, packet->length);
	dump->now = packet->unix_us;
	dump->totals->packets++;
	switch (packet->linktype) {
	case LINKTYPE_ETHERNET:
		read_bytes(&r, 12);
		take_ethertype(dump, &r);
		break;
	case LINKTYPE_LINUX_SLL:
		read_bytes(&r, 14);
		take_ethertype(dump, &r);
		break;
	case LINKTYPE_LINUX_SLL2: {
		uint16_t type = read_u16(&r);
		read_bytes(&r, 18);
		if (!r.failed && (type == ETHER_IPV4 || type == ETHER_IPV6))
			take_ip(dump, &r);
		else
			dump->totals->others++;
		break;
	}
	case LINKTYPE_RAW:
	case LINKTYPE_RAW_BSD:
	case LINKTYPE_IPV4:
	case LINKTYPE_IPV6:
		take_ip(dump, &r);
		break;
	default:
		dump->totals->others++;
		break;
	}
}

bool dump_capture(const uint8_t *bytes, size_t length, dump_line *line, void *context,
	struct dump_totals *totals)
{
	struct capture_file file;
	struct capture_packet packet;
	struct dump *dump = calloc(1, sizeof *dump);
	*totals = (struct dump_totals){0};
	if (!dump)
		return false;
	dump->line = line;
	dump->context = context;
	dump->totals = totals;
	if (capture_open(&file, bytes, length))
		while (capture_next(&file, &packet))
			take_packet(dump, &packet);
	free(dump);
	if (file.error[0])
		line(context, file.error);
	return !file.error[0];
}
