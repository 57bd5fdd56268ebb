/* Reading pcap and pcapng (see capture_file.h; draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng).
 * Every length is checked against what is left before it is used. */
#include "capture_file.h"

#include <stdio.h>
#include <string.h>

enum {
	PCAP_HEADER = 24,
	PCAP_RECORD = 16,
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_SIMPLE = 3,
	BLOCK_PACKET = 6,
	BLOCK_MIN = 12,
	OPTION_END = 0,
	OPTION_TSRESOL = 9,
};

#define MAGIC_MICRO 0xa1b2c3d4u
#define MAGIC_NANO  0xa1b23c4du
#define MAGIC_ORDER 0x1a2b3c4du

static uint16_t get16(const struct capture_file *file, const uint8_t *b)
{
	return file->swapped ? (uint16_t)(b[0] << 8 | b[1]) : (uint16_t)(b[1] << 8 | b[0]);
}

static uint32_t get32(const struct capture_file *file, const uint8_t *b)
{
	return file->swapped
		       ? (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3]
		       : (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0];
}

static size_t left(const struct capture_file *file)
{
	return (size_t)(file->end - file->at);
}

static bool damaged(struct capture_file *file, const char *what)
{
	snprintf(file->error, sizeof file->error, "%s", what);
	file->at = file->end;
	return false;
}

static bool open_pcap(struct capture_file *file)
{
	for (unsigned swapped = 0; swapped < 2; swapped++) {
		file->swapped = swapped;
		uint32_t magic = get32(file, file->at);
		if (magic != MAGIC_MICRO && magic != MAGIC_NANO)
			continue;
		file->nanoseconds = magic == MAGIC_NANO;
		file->interfaces[0].linktype = get32(file, file->at + 20) & 0x0fffffff;
		file->interface_count = 1;
		file->at += PCAP_HEADER;
		return true;
	}
	return damaged(file, "neither pcap nor pcapng");
}

bool capture_open(struct capture_file *file, const uint8_t *bytes, size_t length)
{
	memset(file, 0, sizeof *file);
	file->at = bytes;
	file->end = bytes + length;
	if (length < PCAP_HEADER)
		return damaged(file, "too short to be a capture");
	file->pcapng = get32(file, bytes) == BLOCK_SECTION; /* reads the same in both orders */
	return file->pcapng || open_pcap(file);
}

static bool next_pcap(struct capture_file *file, struct capture_packet *packet)
{
	if (!left(file))
		return false;
	if (left(file) < PCAP_RECORD)
		return damaged(file, "the file ends inside a packet's header");
	uint32_t seconds = get32(file, file->at), fraction = get32(file, file->at + 4);
	packet->length = get32(file, file->at + 8);
	packet->original = get32(file, file->at + 12);
	packet->unix_us =
		(uint64_t)seconds * 1000000 + (file->nanoseconds ? fraction / 1000 : fraction);
	packet->linktype = file->interfaces[0].linktype;
	file->at += PCAP_RECORD;
	if (packet->length > left(file))
		return damaged(file, "the file ends inside a packet");
	packet->bytes = file->at;
	file->at += packet->length;
	return true;
}

/* Time stamps in units of the interface, to microseconds. */
static uint64_t to_microseconds(uint64_t stamp, uint8_t resolution)
{
	unsigned n = resolution & 0x7f;
	if (resolution & 0x80) {
		if (n >= 64)
			return 0;
		uint64_t whole = stamp >> n, part = stamp & ((UINT64_C(1) << n) - 1);
		unsigned shift = n > 40 ? n - 40 : 0; /* keeps the product within 64 bits */
		return whole * 1000000 + ((part >> shift) * 1000000 >> (n - shift));
	}
	for (; n > 6; n--)
		stamp /= 10;
	for (; n < 6; n++)
		stamp *= 10;
	return stamp;
}

static bool section_block(struct capture_file *file, const uint8_t *body, size_t length)
{
	if (length < 16)
		return damaged(file, "a section header is too short");
	file->interface_count = 0;
	return true;
}

static void interface_options(
	struct capture_file *file, const uint8_t *at, size_t length, uint8_t *resolution)
{
	while (length >= 4) {
		uint16_t code = get16(file, at), size = get16(file, at + 2);
		size_t padded = ((size_t)size + 3) & ~(size_t)3;
		if (code == OPTION_END || padded > length - 4)
			return;
		if (code == OPTION_TSRESOL && size == 1)
			*resolution = at[4];
		at += 4 + padded;
		length -= 4 + padded;
	}
}

static bool interface_block(struct capture_file *file, const uint8_t *body, size_t length)
{
	if (length < 8)
		return damaged(file, "an interface description is too short");
	if (file->interface_count == CAPTURE_INTERFACES_MAX)
		return damaged(file, "more than 64 interfaces");
	uint32_t i = file->interface_count++;
	file->interfaces[i].linktype = get16(file, body);
	file->interfaces[i].resolution = 6;
	interface_options(file, body + 8, length - 8, &file->interfaces[i].resolution);
	return true;
}

static bool packet_block(struct capture_file *file, const uint8_t *body, size_t length,
	struct capture_packet *packet)
{
	if (length < 20)
		return damaged(file, "a packet block is too short");
	uint32_t interface = get32(file, body);
	uint64_t stamp = (uint64_t)get32(file, body + 4) << 32 | get32(file, body + 8);
	packet->length = get32(file, body + 12);
	packet->original = get32(file, body + 16);
	if (interface >= file->interface_count)
		return damaged(file, "a packet of an interface that was never described");
	if (packet->length > length - 20)
		return damaged(file, "a packet longer than its block");
	packet->linktype = file->interfaces[interface].linktype;
	packet->unix_us = to_microseconds(stamp, file->interfaces[interface].resolution);
	packet->bytes = body + 20;
	return true;
}

static bool simple_block(struct capture_file *file, const uint8_t *body, size_t length,
	struct capture_packet *packet)
{
	if (length < 4 || !file->interface_count)
		return damaged(file, "a simple packet block without an interface");
	packet->original = get32(file, body);
	packet->length = packet->original < length - 4 ? packet->original : (uint32_t)(length - 4);
	packet->linktype = file->interfaces[0].linktype;
	packet->unix_us = 0;
	packet->bytes = body + 4;
	return true;
}

/* A section header says in which order everything behind it is, its own length included. */
static bool take_order(struct capture_file *file)
{
	for (unsigned swapped = 0; swapped < 2; swapped++) {
		file->swapped = swapped;
		if (left(file) >= BLOCK_MIN && get32(file, file->at + 8) == MAGIC_ORDER)
			return true;
	}
	return damaged(file, "a section header without its byte-order magic");
}

static bool next_block(
	struct capture_file *file, uint32_t *type, const uint8_t **body, size_t *length)
{
	if (!left(file))
		return false;
	if (left(file) < BLOCK_MIN)
		return damaged(file, "the file ends inside a block");
	*type = get32(file, file->at);
	if (*type == BLOCK_SECTION && !take_order(file))
		return false;
	uint32_t whole = get32(file, file->at + 4);
	if (whole < BLOCK_MIN || whole % 4 || whole > left(file))
		return damaged(file, "a block with an impossible length");
	*body = file->at + 8;
	*length = whole - BLOCK_MIN;
	file->at += whole;
	return true;
}

static bool next_pcapng(struct capture_file *file, struct capture_packet *packet)
{
	uint32_t type;
	const uint8_t *body;
	size_t length;
	while (next_block(file, &type, &body, &length)) {
		if (type == BLOCK_PACKET)
			return packet_block(file, body, length, packet);
		if (type == BLOCK_SIMPLE)
			return simple_block(file, body, length, packet);
		if (type == BLOCK_SECTION && !section_block(file, body, length))
			return false;
		if (type == BLOCK_INTERFACE && !interface_block(file, body, length))
			return false;
	}
	return false;
}

bool capture_next(struct capture_file *file, struct capture_packet *packet)
{
	return file->pcapng ? next_pcapng(file, packet) : next_pcap(file, packet);
}
