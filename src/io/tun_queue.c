/* Packets in and out of a TUN, whole and in super-packets.
 *
 * With IFF_VNET_HDR the kernel's TCP hands over up to 64 KiB at once and leaves cutting and summing
 * to us, where it is nearly free: the bytes are being copied anyway (segment.c). A 1400-byte
 * segment costs 160 ns that way and 585 as a packet of its own; towards the kernel it is 227
 * instead of 1125, because a gathered write passes the stack once.
 *
 * Each step the kernel refuses is left out: USO came with Linux 6.2 (and only for both families
 * together), TSO and checksums long before, and without IFF_VNET_HDR everything is single packets.
 * What was got is kept in `rules`, since a kernel that cannot cut UDP does not take it gathered
 * either.
 *
 * Nobody knows how long the next packet is, but super-packets are few and ordinary ones are small.
 * So packets lie one behind another in an arena, each read with 64 KiB of room behind the last,
 * and a round of reading ends when that is gone: 200 KiB do for 64 ordinary packets, or for two
 * super-packets, which make more work than those. */
#include <assert.h>
#include <errno.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tun_queue.h"

#include "ip_header.h"

/* Newer than the headers of many systems. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

static_assert(sizeof(struct virtio_net_hdr) == TUN_HEADER_SIZE, "the header of one buffer");

enum { LEAD = 16, ALIGN = 64 };

static bool has_header(int fd)
{
	struct ifreq request;
	memset(&request, 0, sizeof(request));
	return fd >= 0 && ioctl(fd, TUNGETIFF, &request) == 0 && request.ifr_flags & IFF_VNET_HDR;
}

void tun_queue_adopt_plain(struct tun_queue *queue, int fd)
{
	*queue = (struct tun_queue){.fd = fd, .vnet = has_header(fd)};
	if (queue->vnet)
		ioctl(fd, TUNSETOFFLOAD, 0ul);
}

void tun_queue_adopt(struct tun_queue *queue, int fd)
{
	enum {
		CHECKSUMS = TUN_F_CSUM,
		TSO = CHECKSUMS | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN,
		USO = TSO | TUN_F_USO4 | TUN_F_USO6,
	};
	static const unsigned long steps[] = {USO, TSO, CHECKSUMS, 0};
	*queue = (struct tun_queue){.fd = fd, .vnet = has_header(fd)};
	if (!queue->vnet)
		return;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (ioctl(fd, TUNSETOFFLOAD, steps[i]) < 0)
			continue;
		queue->checksums = steps[i] & TUN_F_CSUM;
		queue->rules.tcp4 = queue->rules.tcp6 = steps[i] & TUN_F_TSO4;
		queue->rules.udp = steps[i] & TUN_F_USO4;
		return;
	}
}

const char *tun_queue_words(const struct tun_queue *queue)
{
	if (!queue->vnet)
		return "none: the interface has no virtio header";
	if (queue->rules.udp)
		return "TSO, USO, checksums";
	if (queue->rules.tcp4)
		return "TSO, checksums";
	return queue->checksums ? "checksums" : "none: the kernel refuses them";
}

bool tun_header_parse(struct offload *offload, const uint8_t bytes[TUN_HEADER_SIZE], size_t length)
{
	struct virtio_net_hdr header;
	memcpy(&header, bytes, sizeof(header));
	memset(offload, 0, sizeof(*offload));
	if (header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		if ((size_t)header.csum_start + header.csum_offset + 2 > length)
			return false;
		offload->checksum_missing = true;
		offload->checksum_start = header.csum_start;
		offload->checksum_offset = header.csum_offset;
	}
	if (header.gso_type == VIRTIO_NET_HDR_GSO_NONE)
		return true;
	switch (header.gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		offload->kind = OFFLOAD_TCP4;
		break;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		offload->kind = OFFLOAD_TCP6;
		break;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		offload->kind = OFFLOAD_UDP;
		break;
	default:
		return false;
	}
	offload->segment = header.gso_size;
	return header.gso_size != 0;
}

void tun_header_build(uint8_t bytes[TUN_HEADER_SIZE], const struct offload *offload,
	uint16_t headers, bool congested)
{
	static const uint8_t types[] = {
		[OFFLOAD_NONE] = VIRTIO_NET_HDR_GSO_NONE,
		[OFFLOAD_TCP4] = VIRTIO_NET_HDR_GSO_TCPV4,
		[OFFLOAD_TCP6] = VIRTIO_NET_HDR_GSO_TCPV6,
		[OFFLOAD_UDP] = VIRTIO_NET_HDR_GSO_UDP_L4,
	};
	struct virtio_net_hdr header;
	memset(&header, 0, sizeof(header));
	if (offload->kind != OFFLOAD_NONE) {
		header.gso_type = types[offload->kind];
		header.gso_size = offload->segment;
		header.hdr_len = headers;
		if (congested)
			header.gso_type |= VIRTIO_NET_HDR_GSO_ECN;
	}
	if (offload->checksum_missing) {
		header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		header.csum_start = offload->checksum_start;
		header.csum_offset = offload->checksum_offset;
	}
	memcpy(bytes, &header, sizeof(header));
}

bool tun_queue_read(const struct tun_queue *queue, struct tun_batch *batch)
{
	size_t header = queue->vnet ? TUN_HEADER_SIZE : 0, at = 0;
	batch->count = 0;
	batch->refused = 0;
	while (batch->count + batch->refused < BATCH_MAX &&
		TUN_ARENA_SIZE - at >= TUN_PACKET_ROOM) {
		uint8_t *bytes = batch->arena + at + LEAD;
		ssize_t got = read(queue->fd, bytes - header, header + TUN_PACKET_ROOM - LEAD);
		if (got <= 0)
			return got < 0 && (errno == EAGAIN || errno == EINTR);
		struct packet *packet = &batch->packets[batch->count];
		*packet = (struct packet){.kind = PACKET_INNER, .bytes = bytes};
		packet->length = (size_t)got > header ? (uint32_t)((size_t)got - header) : 0;
		packet->capacity = packet->length;
		if (header && !tun_header_parse(&packet->offload, bytes - header, packet->length)) {
			batch->refused++;
			continue;
		}
		batch->count++;
		at += (LEAD + packet->length + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	}
	return true;
}

/* Whether a super-packet's TCP header says that the sender slowed down (RFC 3168 §6.1.2): the
 * kernel must know, since of its segments only the first may. */
static bool congested(const struct offload *offload, const struct iovec *first)
{
	size_t flags = (size_t)offload->checksum_start + TCP_FLAGS;
	const uint8_t *bytes = first->iov_base;
	return (offload->kind == OFFLOAD_TCP4 || offload->kind == OFFLOAD_TCP6) &&
	       flags < first->iov_len && bytes[flags] & TCP_CWR;
}

bool tun_queue_write(
	const struct tun_queue *queue, const struct gathered *gathered, const struct iovec *pieces)
{
	uint8_t header[TUN_HEADER_SIZE];
	struct iovec all[1 + COALESCE_MAX];
	size_t lead = queue->vnet ? 1 : 0;
	const struct iovec *own = pieces + gathered->first;
	assert(gathered->count > 0 && gathered->count <= COALESCE_MAX);
	if (lead) {
		tun_header_build(header, &gathered->offload, gathered->header_length,
			congested(&gathered->offload, own));
		all[0] = (struct iovec){.iov_base = header, .iov_len = TUN_HEADER_SIZE};
	}
	memcpy(all + lead, own, gathered->count * sizeof(*own));
	ssize_t written = writev(queue->fd, all, (int)(gathered->count + lead));
	return written == (ssize_t)(gathered->length + lead * TUN_HEADER_SIZE);
}

bool tun_queue_write_packet(const struct tun_queue *queue, const struct packet *packet)
{
	struct iovec piece = {.iov_base = packet->bytes, .iov_len = packet->length};
	struct gathered gathered = {.count = 1, .packets = 1, .length = packet->length};
	return tun_queue_write(queue, &gathered, &piece);
}
