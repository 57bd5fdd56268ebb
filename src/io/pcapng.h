/* Blocks of a pcapng file (draft-ietf-opsawg-pcapng), little-endian, written into the caller's
 * memory: a file, a socket or a test takes them from there.
 *
 * A capture of ours has two interfaces: 0 "outer" and 1 "inner". Both carry whole IP packets
 * (LINKTYPE_RAW). Time stamps are microseconds since 1970. */
#ifndef GREYLINE_PCAPNG_H
#define GREYLINE_PCAPNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PCAPNG_LINKTYPE_RAW = 101,
	PCAPNG_HEADER_MAX = 256,  /* pcapng_start() with its interfaces */
	PCAPNG_OVERHEAD_MAX = 64, /* what a packet's block adds, comment and padding of it apart */
};

/* The section header and the two interface blocks. Returns the length; 0 when `size` is below
 * PCAPNG_HEADER_MAX. */
size_t pcapng_start(uint8_t *at, size_t size);

struct pcapng_packet {
	bool outer; /* interface 0, else 1 */
	bool sent;  /* direction, as epb_flags */
	uint64_t unix_us;
	const uint8_t *bytes;
	uint32_t length;     /* stored */
	uint32_t original;   /* on the wire; >= length */
	const char *comment; /* NULL for none; at most 200 characters are kept */
};

/* One enhanced packet block. Returns its length; 0 when it does not fit. */
size_t pcapng_packet(uint8_t *at, size_t size, const struct pcapng_packet *packet);

#endif
