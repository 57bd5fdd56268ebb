/* Packets out of a pcap or pcapng file that is in memory.
 *
 * pcap with microseconds or nanoseconds, pcapng with any number of sections and interfaces, either
 * byte order. The packets' bytes stay in the caller's memory. */
#ifndef GREYLINE_CAPTURE_FILE_H
#define GREYLINE_CAPTURE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CAPTURE_INTERFACES_MAX = 64 };

enum { /* link types, https://www.tcpdump.org/linktypes.html */
	LINKTYPE_ETHERNET = 1,
	LINKTYPE_RAW = 101,
	LINKTYPE_RAW_BSD = 12,
	LINKTYPE_LINUX_SLL = 113,
	LINKTYPE_IPV4 = 228,
	LINKTYPE_IPV6 = 229,
	LINKTYPE_LINUX_SLL2 = 276,
};

struct capture_file {
	const uint8_t *at, *end;
	bool pcapng, swapped;
	bool nanoseconds; /* pcap */
	struct {
		uint32_t linktype;
		uint8_t resolution; /* if_tsresol: 10^-n, or 2^-n with the high bit; 6 by default */
	} interfaces[CAPTURE_INTERFACES_MAX];
	uint32_t interface_count;
	char error[96]; /* why capture_next stopped; empty at the end of a whole file */
};

struct capture_packet {
	uint64_t unix_us;
	uint32_t linktype;
	const uint8_t *bytes;
	uint32_t length;   /* captured */
	uint32_t original; /* on the wire */
};

/* False with `error` when it is neither. */
bool capture_open(struct capture_file *file, const uint8_t *bytes, size_t length);
/* False at the end, or at damage: then `error` says what. */
bool capture_next(struct capture_file *file, struct capture_packet *packet);

#endif
