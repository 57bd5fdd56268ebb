/* One queue of a TUN interface, with the offloads its kernel has. Reading gives packets as the
 * kernel made them: super-packets of TCP (TSO) and UDP (USO) not cut yet, checksums not taken yet.
 * Writing takes what coalesce.h gathered, one system call each. Linux's tuntap.rst; the header is
 * virtio's (virtio 1.2 §5.1.6). */
#ifndef GREYLINE_TUN_QUEUE_H
#define GREYLINE_TUN_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/uio.h>

#include "coalesce.h"
#include "limits.h"
#include "packet.h"

enum {
	TUN_HEADER_SIZE = 10,              /* of virtio's header */
	TUN_PACKET_ROOM = 16 + 65536,      /* what a packet of unknown size may take */
	TUN_PACKET_USUAL = OUTER_MAX + 64, /* what one that is not a super-packet does */
	TUN_ARENA_SIZE = BATCH_MAX * TUN_PACKET_USUAL + TUN_PACKET_ROOM,
};

struct tun_queue {
	int fd;                      /* -1: none */
	bool vnet;                   /* a header comes with each packet */
	bool checksums;              /* the kernel may leave them to us */
	struct coalesce_rules rules; /* what it takes in one write */
};

/* What one round of reading gave. Packets lie one behind another in the arena: a batch is up to
 * BATCH_MAX ordinary packets, or few super-packets. */
struct tun_batch {
	uint8_t *arena; /* TUN_ARENA_SIZE bytes, the caller's */
	size_t count;
	uint32_t refused;                 /* packets whose header contradicts them: TUN_HEADER */
	struct packet packets[BATCH_MAX]; /* datapath NULL, offload set */
};

/* Finds out what the descriptor of a TUN can do, and switches on what we can. The descriptor
 * stays the caller's to close. */
void tun_queue_adopt(struct tun_queue *queue, int fd);

/* The same, but nothing is switched on, and what somebody switched on is off again: packets come
 * whole, but for those that the interface's queue already holds. */
void tun_queue_adopt_plain(struct tun_queue *queue, int fd);

/* In words, for status: "TSO, USO, checksums", or "none: " and why. */
const char *tun_queue_words(const struct tun_queue *queue);

/* Replaces what is in `batch` by what is waiting, without blocking. False when the interface is
 * gone; what was read before is in the batch all the same. */
bool tun_queue_read(const struct tun_queue *queue, struct tun_batch *batch);

/* Writes one of coalesce()'s results; its pieces begin at pieces[gathered->first]. False when the
 * kernel refused it. */
bool tun_queue_write(
	const struct tun_queue *queue, const struct gathered *gathered, const struct iovec *pieces);

/* Writes one packet as it is. */
bool tun_queue_write_packet(const struct tun_queue *queue, const struct packet *packet);

/* virtio's header in front of a packet of `length` bytes; false when it cannot be true. */
bool tun_header_parse(
	struct offload *offload, const uint8_t header[TUN_HEADER_SIZE], size_t length);
/* `headers`: bytes of the IP and transport headers of a super-packet; `congested`: it carries
 * TCP's CWR. */
void tun_header_build(uint8_t header[TUN_HEADER_SIZE], const struct offload *offload,
	uint16_t headers, bool congested);

#endif
