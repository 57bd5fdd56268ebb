/* Packet sockets with rings: frames in memory that we share with the kernel (packet(7),
 * Documentation/networking/packet_mmap.rst).
 *
 * A packet of 1400 bytes costs, kernel and us together (test/bench/bench_outer, busy machine):
 * received 2400 ns by recvmmsg and 1160 by the ring with the TCX program that ends the packet
 * behind it; sent 2090 ns by sendmmsg and 730 by the ring. The ring saves the walk through routing,
 * netfilter and the socket's queue, the copy to or from us, and most system calls.
 *
 * Receiving. The socket is for ETH_P_ALL, because those are served before TCX ends the packet; it
 * does not want what we send. TPACKET_V2, not V3: V3 hands over blocks, when they are full or after
 * a time-out, and a single packet shall not wait. SOCK_DGRAM, so that a datagram starts with its IP
 * header whatever the link. The filter passes exactly our packets (outer_programs.c): there are no
 * VLAN tags, other hosts' packets or cut ones to look for here. A frame is the kernel's until its
 * status says otherwise (acquire), ours until we say so (release): we hand out what lies in it and
 * give it back at the next receive. Several workers share an interface by fanout on the call ID;
 * members keep the order in which they were made, also over a link that went down and up.
 *
 * Sending. The kernel takes frames strictly in ring order and stops at the first that is not
 * marked. A lent frame that is sent in its place is not copied; a packet from elsewhere is, and so
 * is one whose place is not its turn. A frame's data is referred to until its packet is gone; the
 * kernel itself copies it where a packet changes hands on this host (veth, tap), so a frame that is
 * free again is never read by others. The qdisc is not bypassed: that gains 20 ns and would lose
 * the host's shaping, its byte queue limits, and packets whenever the device is busy.
 *
 * On an interface without a qdisc (veth, which is what containers have) an AF_XDP socket sends in
 * place of the ring: it copies straight into the packet, where the kernel first refers to a ring's
 * frame and then, as the packet changes hands, copies it after all: 1160 instead of 1920 ns. It
 * needs neither XDP in the driver nor a program.
 *
 * What the kernel left in the ring (its buffer limit, a full qdisc, a link that is down) is tried
 * again once after a moment and then taken back, so that the next batch finds the ring as the
 * kernel does. */
#include <assert.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "outer_frame.h"
#include "outer_link.h"
#include "outer_rings.h"
#include "xdp_sender.h"

#ifndef PACKET_FANOUT_FLAG_IGNORE_OUTGOING
#define PACKET_FANOUT_FLAG_IGNORE_OUTGOING 0x4000 /* kernel 6.2; others pay for it, no more */
#endif

enum {
	FRAME = 2048,
	FRAMES_IN = 4096, /* the ring of one worker or two; of more it is smaller */
	FRAMES_IN_LEAST = 1024,
	FRAMES_OUT = 1024,
	BLOCK = 1 << 16,
	LENT_MAX = 256,
	SEND_BUFFER = 8 << 20,
	SEND_WAIT_MS = 1,
	CALL_ID_AT = OUTER_IP_HEADER + 6, /* of the IPv4 packets that are taken */
	/* Where the kernel looks for a frame to send. */
	DATA_AT = TPACKET_ALIGN(sizeof(struct tpacket2_hdr)),
};

static_assert(DATA_AT + FRAME_HEAD_MAX + TAKEN_MAX <= FRAME, "what is taken can be sent");
static_assert(TPACKET2_HDRLEN + 16 + 16 + TAKEN_MAX <= FRAME, "what is taken is not cut");

struct outer_link {
	int receive, send, drop;
	unsigned interface;
	uint8_t link_header;
	uint8_t *in, *out;       /* the rings */
	uint32_t frames_in;      /* a power of two */
	uint32_t in_at, in_held; /* the first frame handed out, and how many are */
	uint32_t out_at, lent;   /* the next frame to be filled, and how many from it are lent */
	uint32_t home[LENT_MAX]; /* in send: the packet that lies in it, and one */
	bool moved[LENT_MAX];    /* in send: to the spare one */
	struct outer_frame frame;
	struct xdp_socket queue; /* sends instead of the ring, if it is open */
	struct xdp_sender sender;
	uint8_t spare[LENT_MAX][FRAME];
};

static uint8_t *frame_in(const struct outer_link *l, uint32_t at)
{
	return l->in + (size_t)(at & (l->frames_in - 1)) * FRAME;
}

static uint8_t *frame_out(const struct outer_link *l, uint32_t at)
{
	return l->out + (size_t)(at % FRAMES_OUT) * FRAME;
}

static struct tpacket2_hdr *header_of(uint8_t *frame)
{
	return (struct tpacket2_hdr *)(void *)frame;
}

static uint32_t status_of(uint8_t *frame)
{
	return __atomic_load_n(&header_of(frame)->tp_status, __ATOMIC_ACQUIRE);
}

static void set_status(uint8_t *frame, uint32_t status)
{
	__atomic_store_n(&header_of(frame)->tp_status, status, __ATOMIC_RELEASE);
}

/* ---- opening ---- */

/* 14 for Ethernet, 0 for links without headers, or -errno. */
static int link_header_of(unsigned interface)
{
	struct ifreq request;
	memset(&request, 0, sizeof(request));
	if (!if_indextoname(interface, request.ifr_name))
		return -errno;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int failed = ioctl(fd, SIOCGIFHWADDR, &request) < 0 ? -errno : 0;
	close(fd);
	if (failed)
		return failed;
	switch (request.ifr_hwaddr.sa_family) {
	case ARPHRD_ETHER:
		return ETH_HLEN;
	case ARPHRD_NONE:
	case ARPHRD_PPP:
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static int bind_to(int fd, unsigned interface, uint16_t protocol)
{
	struct sockaddr_ll name = {.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = (int)interface};
	return bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0 ? -errno : 0;
}

static int map_ring(int fd, int which, unsigned frames, uint8_t **ring)
{
	int version = TPACKET_V2;
	struct tpacket_req request = {.tp_block_size = BLOCK,
		.tp_block_nr = frames * FRAME / BLOCK,
		.tp_frame_size = FRAME,
		.tp_frame_nr = frames};
	if (setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) < 0 ||
		setsockopt(fd, SOL_PACKET, which, &request, sizeof(request)) < 0)
		return -errno;
	void *at = mmap(NULL, (size_t)frames * FRAME, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	*ring = at;
	return 0;
}

/* Joins the workers' group, which worker 0 makes: packet to member `call ID % workers`. */
static int join_group(int fd, const struct outer_link_config *config)
{
	bool first = config->worker == 0;
	int flags = PACKET_FANOUT_CBPF | PACKET_FANOUT_FLAG_IGNORE_OUTGOING;
	int value = first ? (flags | PACKET_FANOUT_FLAG_UNIQUEID) << 16
			  : outer_programs_group(config->programs, config->position) | flags << 16;
	socklen_t length = sizeof(value);
	if (setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &value, length) < 0)
		return -errno;
	if (!first)
		return 0;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, CALL_ID_AT),
		BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, config->workers),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
	if (setsockopt(fd, SOL_PACKET, PACKET_FANOUT_DATA, &program, sizeof(program)) < 0 ||
		getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &value, &length) < 0)
		return -errno;
	outer_programs_set_group(config->programs, config->position, (uint16_t)value);
	return 0;
}

static int open_receive(struct outer_link *l, const struct outer_link_config *config)
{
	int on = 1;
	l->receive = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->receive < 0)
		return -errno;
	setsockopt(l->receive, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)); /* 4.20 */
	int failed = outer_programs_filter(config->programs, l->receive);
	if (!failed)
		failed = map_ring(l->receive, PACKET_RX_RING, l->frames_in, &l->in);
	if (!failed)
		failed = bind_to(l->receive, config->interface, ETH_P_ALL);
	if (!failed && config->workers > 1)
		failed = join_group(l->receive, config);
	return failed;
}

/* Protocol 0: this socket receives nothing. */
static int open_send(struct outer_link *l, const struct outer_link_config *config)
{
	int size = SEND_BUFFER;
	l->send = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->send < 0)
		return -errno;
	if (setsockopt(l->send, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(l->send, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	int failed = map_ring(l->send, PACKET_TX_RING, FRAMES_OUT, &l->out);
	return failed ? failed : bind_to(l->send, config->interface, 0);
}

static void rings_close(struct outer_link *l)
{
	if (!l)
		return;
	if (l->drop >= 0)
		close(l->drop); /* first: what the socket no longer takes shall climb */
	if (l->in)
		munmap(l->in, (size_t)l->frames_in * FRAME);
	if (l->out)
		munmap(l->out, (size_t)FRAMES_OUT * FRAME);
	if (l->receive >= 0)
		close(l->receive);
	if (l->send >= 0)
		close(l->send);
	xdp_socket_close(&l->queue);
	free(l);
}

/* Each worker needs a queue for itself; what fails here is no loss. */
static bool open_queue(struct outer_link *l, const struct outer_link_config *config)
{
	if (!config->unqueued || l->link_header != ETH_HLEN ||
		xdp_socket_open(&l->queue, config->interface, config->worker, XDP_SEND) < 0)
		return false;
	xdp_sender_init(&l->sender, &l->queue, config);
	return true;
}

static int open_all(struct outer_link *l, const struct outer_link_config *config, bool receives)
{
	int header = link_header_of(config->interface);
	if (header < 0)
		return header;
	l->link_header = (uint8_t)header;
	if (!receives)
		return open_send(l, config);
	int failed = open_queue(l, config) ? 0 : open_send(l, config);
	if (!failed)
		failed = open_receive(l, config);
	if (failed || config->worker != 0)
		return failed;
	l->drop = outer_programs_drop(config->programs, config->interface, l->link_header);
	return l->drop < 0 ? l->drop : 0;
}

static int open_link(
	struct outer_link **link, const struct outer_link_config *config, bool receives)
{
	struct outer_link *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->receive = l->send = l->drop = l->queue.fd = -1;
	l->interface = config->interface;
	l->frames_in = FRAMES_IN;
	while (l->frames_in * config->workers > 2 * FRAMES_IN && l->frames_in > FRAMES_IN_LEAST)
		l->frames_in /= 2;
	l->frame = outer_frame_of(config);
	int failed = open_all(l, config, receives);
	if (failed)
		rings_close(l);
	else
		*link = l;
	return failed;
}

int outer_rings_open_sender(struct outer_link **link, const struct outer_link_config *config)
{
	return open_link(link, config, false);
}

static int rings_open(
	struct outer_link **link, const struct outer_link_config *config, char error[256])
{
	int failed = open_link(link, config, true);
	if (failed)
		snprintf(error, 256,
			"Couldn't set up packet rings on interface %u: %s: the raw socket does "
			"without",
			config->interface, strerror(-failed));
	return failed;
}

static int rings_descriptor(const struct outer_link *l)
{
	return l->receive;
}

/* ---- receiving ---- */

static void give_back(struct outer_link *l)
{
	for (uint32_t i = 0; i < l->in_held; i++)
		set_status(frame_in(l, l->in_at + i), TP_STATUS_KERNEL);
	l->in_at += l->in_held;
	l->in_held = 0;
}

/* A link that went down leaves an error, which keeps the descriptor readable until it is read. */
static void clear_error(struct outer_link *l)
{
	int pending;
	socklen_t length = sizeof(pending);
	getsockopt(l->receive, SOL_SOCKET, SO_ERROR, &pending, &length);
}

static size_t rings_receive(struct outer_link *l, struct gre_datagram datagrams[BATCH_MAX])
{
	bool held = l->in_held > 0;
	give_back(l);
	while (l->in_held < BATCH_MAX) {
		uint8_t *frame = frame_in(l, l->in_at + l->in_held);
		if (!(status_of(frame) & TP_STATUS_USER))
			break;
		const struct tpacket2_hdr *h = header_of(frame);
		outer_frame_read(&datagrams[l->in_held++], frame + h->tp_net, h->tp_snaplen);
	}
	if (!l->in_held && !held)
		clear_error(l);
	return l->in_held;
}

/* ---- sending ---- */

static bool is_free(uint8_t *frame)
{
	return (status_of(frame) &
		       (TP_STATUS_SEND_REQUEST | TP_STATUS_SENDING | TP_STATUS_WRONG_FORMAT)) == 0;
}

static uint8_t *gre_in(const struct outer_link *l, uint8_t *frame)
{
	return frame + DATA_AT + l->link_header + OUTER_IP_HEADER;
}

static void rings_lend(struct outer_link *l, struct packet_list *list)
{
	if (l->queue.fd >= 0) {
		xdp_sender_lend(&l->sender, list);
		return;
	}
	assert(list->count == 0);
	for (l->lent = 0; l->lent < LENT_MAX && l->lent < list->max; l->lent++) {
		uint8_t *frame = frame_out(l, l->out_at + l->lent);
		if (!is_free(frame))
			break;
		packet_room(&list->at[l->lent], gre_in(l, frame), TAKEN_MAX - OUTER_IP_HEADER);
	}
}

/* Which lent frame, counted from the next to be filled, holds these bytes; LENT_MAX: none. */
static uint32_t lent_frame(const struct outer_link *l, const uint8_t *bytes)
{
	uintptr_t from = (uintptr_t)l->out, at = (uintptr_t)bytes;
	if (at < from || at >= from + (uintptr_t)FRAMES_OUT * FRAME)
		return LENT_MAX;
	uint32_t distance = ((uint32_t)((at - from) / FRAME) - l->out_at) % FRAMES_OUT;
	return distance < l->lent ? distance : LENT_MAX;
}

/* Puts packet number `n` into the n-th frame. If another packet still lies there it moves out. */
static void fill(struct outer_link *l, const struct packet *const *packets, size_t n,
	const struct direct_path *path)
{
	const struct packet *packet = packets[n];
	uint8_t *frame = frame_out(l, l->out_at + (uint32_t)n), *gre = gre_in(l, frame);
	uint32_t lies = lent_frame(l, packet->bytes);
	if (lies != n) {
		if (n < l->lent && l->home[n] > n + 1) {
			memcpy(l->spare[n], gre, packets[l->home[n] - 1]->length);
			l->moved[n] = true;
		}
		bool moved = lies < LENT_MAX && l->moved[lies];
		memcpy(gre, moved ? l->spare[lies] : packet->bytes, packet->length);
	}
	assert(path->link_header_length == l->link_header);
	size_t head = outer_frame_write(&l->frame, gre, packet, path);
	header_of(frame)->tp_len = (uint32_t)(head + packet->length);
	set_status(frame, TP_STATUS_SEND_REQUEST);
}

/* Makes the kernel take what is marked; false when it left some of the `count` frames. */
static bool kick(struct outer_link *l, size_t count)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = (int)l->interface};
	if (count == 0)
		return true;
	sendto(l->send, NULL, 0, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to));
	uint32_t last = status_of(frame_out(l, l->out_at + (uint32_t)count - 1));
	return (last & (TP_STATUS_SEND_REQUEST | TP_STATUS_WRONG_FORMAT)) == 0;
}

static void wait_for_room(struct outer_link *l)
{
	struct pollfd writable = {.fd = l->send, .events = POLLOUT};
	poll(&writable, 1, SEND_WAIT_MS);
}

static void note_homes(struct outer_link *l, const struct packet *const *packets, size_t count)
{
	memset(l->home, 0, l->lent * sizeof(l->home[0]));
	memset(l->moved, 0, l->lent * sizeof(l->moved[0]));
	for (size_t i = 0; i < count; i++) {
		uint32_t lies = lent_frame(l, packets[i]->bytes);
		if (lies < LENT_MAX)
			l->home[lies] = (uint32_t)i + 1;
	}
}

/* Takes the frames back that the kernel did not take; returns how many it did. */
static size_t take_back(struct outer_link *l, size_t count)
{
	while (count > 0) {
		uint8_t *frame = frame_out(l, l->out_at + (uint32_t)count - 1);
		if (!(status_of(frame) & (TP_STATUS_SEND_REQUEST | TP_STATUS_WRONG_FORMAT)))
			break;
		set_status(frame, TP_STATUS_AVAILABLE);
		count--;
	}
	return count;
}

static void rings_send(struct outer_link *l, const struct packet *const *packets,
	const struct direct_path *const *paths, size_t count, uint64_t *refused)
{
	size_t filled = 0;
	bool waited = false;
	if (l->queue.fd >= 0) {
		xdp_sender_send(&l->sender, packets, paths, count, refused);
		return;
	}
	note_homes(l, packets, count);
	while (filled < count) {
		if (is_free(frame_out(l, l->out_at + (uint32_t)filled)) && filled < FRAMES_OUT) {
			fill(l, packets, filled, paths[filled]);
			filled++;
			continue;
		}
		if (waited)
			break;
		kick(l, filled);
		wait_for_room(l);
		waited = true;
	}
	if (!kick(l, filled)) {
		if (!waited)
			wait_for_room(l);
		if (!kick(l, filled))
			filled = take_back(l, filled);
	}
	for (size_t i = filled; i < count; i++)
		refused[i / 64] |= UINT64_C(1) << i % 64;
	l->out_at += (uint32_t)filled;
	l->lent = 0;
}

const struct outer_link_ops outer_rings = {
	.open = rings_open,
	.close = rings_close,
	.descriptor = rings_descriptor,
	.receive = rings_receive,
	.lend = rings_lend,
	.send = rings_send,
};
