/* pcapng blocks: type, length, body padded to 4 bytes, the length again; options are (code, length,
 * value padded to 4) and end with code 0. draft-ietf-opsawg-pcapng, sections 4.1 (Section Header),
 * 4.2 (Interface Description), 4.3 (Enhanced Packet).
 *
 * The format lets the writer choose its byte order; little-endian always, so that golden bytes
 * are the same on every machine. */
#include <string.h>

#include "pcapng.h"

enum {
	BLOCK_SECTION = 0x0A0D0D0A,
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 6,
	BYTE_ORDER_MAGIC = 0x1A2B3C4D,
	OPTION_END = 0,
	OPTION_COMMENT = 1,
	OPTION_NAME = 2,        /* if_name */
	OPTION_FLAGS = 2,       /* epb_flags */
	OPTION_APPLICATION = 4, /* shb_userappl */
	OPTION_RESOLUTION = 9,  /* if_tsresol */
	COMMENT_MAX = 200,
};

struct block {
	uint8_t *start;
	size_t at, size;
	bool failed;
};

static uint8_t *block_space(struct block *b, size_t length)
{
	if (b->failed || b->size - b->at < length) {
		b->failed = true;
		return NULL;
	}
	b->at += length;
	return b->start + b->at - length;
}

static void block_le(struct block *b, uint64_t value, unsigned bytes)
{
	uint8_t *at = block_space(b, bytes);
	for (unsigned i = 0; at && i < bytes; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static void block_padded(struct block *b, const void *bytes, size_t length)
{
	size_t padded = (length + 3) & ~(size_t)3;
	uint8_t *at = block_space(b, padded);
	if (!at)
		return;
	memcpy(at, bytes, length);
	memset(at + length, 0, padded - length);
}

static void block_option(struct block *b, uint16_t code, const void *bytes, size_t length)
{
	block_le(b, code, 2);
	block_le(b, length, 2);
	block_padded(b, bytes, length);
}

static struct block block_open(uint8_t *at, size_t size, uint32_t type)
{
	struct block b = {.start = at, .size = size};
	block_le(&b, type, 4);
	block_le(&b, 0, 4); /* patched */
	return b;
}

static size_t block_close(struct block *b)
{
	uint32_t whole = (uint32_t)b->at + 4;
	block_le(b, whole, 4);
	if (b->failed)
		return 0;
	struct block patch = {.start = b->start + 4, .size = 4};
	block_le(&patch, whole, 4);
	return b->at;
}

static size_t section_block(uint8_t *at, size_t size)
{
	struct block b = block_open(at, size, BLOCK_SECTION);
	block_le(&b, BYTE_ORDER_MAGIC, 4);
	block_le(&b, 1, 2); /* version 1.0 */
	block_le(&b, 0, 2);
	block_le(&b, UINT64_MAX, 8); /* the section's length is not told */
	block_option(&b, OPTION_APPLICATION, "greyline", 8);
	block_le(&b, OPTION_END, 4);
	return block_close(&b);
}

static size_t interface_block(uint8_t *at, size_t size, const char *name)
{
	static const uint8_t microseconds = 6; /* 10^-6 */
	struct block b = block_open(at, size, BLOCK_INTERFACE);
	block_le(&b, PCAPNG_LINKTYPE_RAW, 2);
	block_le(&b, 0, 2);
	block_le(&b, 0, 4); /* no snap length */
	block_option(&b, OPTION_NAME, name, strlen(name));
	block_option(&b, OPTION_RESOLUTION, &microseconds, 1);
	block_le(&b, OPTION_END, 4);
	return block_close(&b);
}

size_t pcapng_start(uint8_t *at, size_t size)
{
	if (size < PCAPNG_HEADER_MAX)
		return 0;
	size_t used = section_block(at, size);
	used += interface_block(at + used, size - used, "outer");
	used += interface_block(at + used, size - used, "inner");
	return used;
}

size_t pcapng_packet(uint8_t *at, size_t size, const struct pcapng_packet *packet)
{
	uint8_t flags[4] = {packet->sent ? 2 : 1}; /* bits 0 and 1: 1 inbound, 2 outbound */
	struct block b = block_open(at, size, BLOCK_PACKET);
	block_le(&b, packet->outer ? 0 : 1, 4);
	block_le(&b, packet->unix_us >> 32, 4);
	block_le(&b, packet->unix_us & UINT32_MAX, 4);
	block_le(&b, packet->length, 4);
	block_le(&b, packet->original, 4);
	block_padded(&b, packet->bytes, packet->length);
	block_option(&b, OPTION_FLAGS, flags, sizeof(flags));
	if (packet->comment)
		block_option(
			&b, OPTION_COMMENT, packet->comment, strnlen(packet->comment, COMMENT_MAX));
	block_le(&b, OPTION_END, 4);
	return block_close(&b);
}
