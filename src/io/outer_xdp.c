/* AF_XDP: packets pass between the driver and our memory before the stack makes anything of them.
 *
 * A packet of 1400 bytes costs 140 ns to take and 90 ns in the kernel (a ring with TCX: 280 and
 * 490), and 430 ns to send (a ring: 580), on a veth that copies; a driver with zero copy does
 * better. The XDP program runs in the driver: the generic mode, which runs behind the allocation of
 * a socket buffer, costs more than a ring does, and is not used.
 *
 * A socket serves one queue of the interface. Queue q belongs to worker q % workers; the hardware
 * chooses the queue by the outer addresses, so packets of a call may arrive at a worker that hands
 * them on. A worker sends by its first queue; one that has none (more workers than queues) by the
 * transmit ring of a packet socket (outer_rings.c).
 *
 * Frames to send are taken and given back in any order, so a lent frame is never copied.
 *
 * When the driver does not keep up, what waits stays in the ring and goes with the next batch; what
 * finds no frame is refused after one moment's wait. */
#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* <linux/ethtool.h> wants it from <limits.h>, and here that name is ours. */
#ifndef INT_MAX
#define INT_MAX __INT_MAX__
#endif
#include <linux/ethtool.h>

#include "outer_frame.h"
#include "outer_link.h"
#include "outer_rings.h"
#include "xdp_socket.h"

enum {
	ETHERNET = 14,
	GRE_AT = 64, /* in a frame to be sent: behind the headers */
	LENT_MAX = 256,
	SEND_WAIT_MS = 1,
};

static_assert((int)GRE_AT >= (int)FRAME_HEAD_MAX, "the headers fit");
static_assert(GRE_AT + TAKEN_MAX <= XDP_FRAME, "the packet fits");
static_assert(256 + ETHERNET + TAKEN_MAX <= XDP_FRAME, "also behind what XDP keeps free");

struct outer_link {
	int attached, poll;
	struct outer_link *sender; /* of a worker without a queue */
	unsigned queue_count;
	struct xdp_socket queues[XDP_QUEUES_MAX];
	unsigned held_queue; /* the datagrams handed out are of this one */
	size_t held_count;
	struct xdp_packet held[BATCH_MAX];
	struct outer_frame frame;
	unsigned free_count, lent_count;
	int free[XDP_FRAMES_OUT]; /* frames of the first queue's socket */
	int lent[LENT_MAX];       /* -1: used */
};

/* ---- opening ---- */

struct interface {
	unsigned queues;
	uint8_t mac[6];
};

static int look_at(unsigned index, struct interface *found)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	struct ifreq request;
	memset(&request, 0, sizeof(request));
	if (!if_indextoname(index, request.ifr_name))
		return -errno;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int failed = ioctl(fd, SIOCGIFHWADDR, &request) < 0 ? -errno : 0;
	if (!failed && request.ifr_hwaddr.sa_family != ARPHRD_ETHER)
		failed = -EOPNOTSUPP;
	memcpy(found->mac, request.ifr_hwaddr.sa_data, 6);
	request.ifr_data = (char *)&channels;
	found->queues = 1;
	if (!failed && ioctl(fd, SIOCETHTOOL, &request) == 0)
		found->queues = channels.combined_count + channels.rx_count;
	close(fd);
	if (found->queues == 0)
		found->queues = 1;
	return found->queues > XDP_QUEUES_MAX ? -E2BIG : failed;
}

static int open_queue(struct outer_link *l, const struct outer_link_config *config, unsigned queue)
{
	struct xdp_socket *s = &l->queues[l->queue_count];
	int failed = xdp_socket_open(s, config->interface, queue, l->queue_count == 0);
	if (failed)
		return failed;
	l->queue_count++;
	failed = outer_programs_queue(config->programs, config->position, queue, s->fd);
	if (failed)
		return failed;
	struct epoll_event event = {.events = EPOLLIN};
	return epoll_ctl(l->poll, EPOLL_CTL_ADD, s->fd, &event) < 0 ? -errno : 0;
}

static void xdp_close(struct outer_link *l)
{
	if (!l)
		return;
	if (l->attached >= 0)
		close(l->attached);
	for (unsigned i = 0; i < l->queue_count; i++)
		xdp_socket_close(&l->queues[i]);
	if (l->poll >= 0)
		close(l->poll);
	outer_rings.close(l->sender);
	free(l);
}

static int open_all(struct outer_link *l, const struct outer_link_config *config)
{
	struct interface interface;
	int failed = look_at(config->interface, &interface);
	l->poll = epoll_create1(EPOLL_CLOEXEC);
	if (!failed && l->poll < 0)
		failed = -errno;
	if (!failed && config->worker == 0) {
		l->attached = outer_programs_redirect(
			config->programs, config->position, config->interface, interface.mac);
		failed = l->attached < 0 ? l->attached : 0;
	}
	for (unsigned q = config->worker; !failed && q < interface.queues; q += config->workers)
		failed = open_queue(l, config, q);
	if (!failed && l->queue_count == 0)
		failed = outer_rings_open_sender(&l->sender, config);
	return failed;
}

static int xdp_open(
	struct outer_link **link, const struct outer_link_config *config, char error[256])
{
	struct outer_link *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->attached = l->poll = -1;
	l->frame = outer_frame_of(config);
	int failed = open_all(l, config);
	if (failed) {
		snprintf(error, 256, "Couldn't set up AF_XDP on interface %u: %s%s",
			config->interface, strerror(-failed),
			failed == -EBUSY        ? ": another program has XDP there"
			: failed == -EOPNOTSUPP ? ": its driver has no XDP"
						: ": packet rings or the raw socket do without");
		xdp_close(l);
		return failed;
	}
	for (int i = 0; i < XDP_FRAMES_OUT; i++)
		l->free[l->free_count++] = XDP_FRAMES_IN + i;
	*link = l;
	return 0;
}

static int xdp_descriptor(const struct outer_link *l)
{
	return l->poll;
}

/* ---- receiving ---- */

static size_t xdp_receive(struct outer_link *l, struct gre_datagram datagrams[BATCH_MAX])
{
	if (l->held_count)
		xdp_socket_refill(&l->queues[l->held_queue], l->held, l->held_count);
	l->held_count = 0;
	/* In turns: the one behind the last first. */
	for (unsigned i = 0; i < l->queue_count && !l->held_count; i++) {
		l->held_queue = (l->held_queue + 1) % l->queue_count;
		l->held_count = xdp_socket_receive(&l->queues[l->held_queue], l->held, BATCH_MAX);
	}
	for (size_t i = 0; i < l->held_count; i++) {
		const struct xdp_packet *p = &l->held[i];
		if (p->length < ETHERNET)
			datagrams[i] = (struct gre_datagram){.malformed = true};
		else
			outer_frame_read(&datagrams[i], p->bytes + ETHERNET, p->length - ETHERNET);
	}
	return l->held_count;
}

/* ---- sending ---- */

static uint8_t *gre_in(const struct outer_link *l, int frame)
{
	return l->queues[0].memory + (size_t)frame * XDP_FRAME + GRE_AT;
}

static void collect_sent(struct outer_link *l)
{
	for (int frame; (frame = xdp_socket_sent(&l->queues[0])) >= 0;)
		l->free[l->free_count++] = frame;
}

static void take_lent_back(struct outer_link *l)
{
	while (l->lent_count > 0)
		if (l->lent[--l->lent_count] >= 0)
			l->free[l->free_count++] = l->lent[l->lent_count];
}

static void xdp_lend(struct outer_link *l, struct packet_list *list)
{
	assert(list->count == 0);
	if (l->sender) {
		outer_rings.lend(l->sender, list);
		return;
	}
	take_lent_back(l);
	collect_sent(l);
	while (l->free_count > 0 && l->lent_count < LENT_MAX && l->lent_count < list->max) {
		int frame = l->free[--l->free_count];
		packet_room(
			&list->at[l->lent_count], gre_in(l, frame), TAKEN_MAX - OUTER_IP_HEADER);
		l->lent[l->lent_count++] = frame;
	}
}

/* The frame that was lent with these bytes, which is then used; -1: none. Packets mostly come in
 * the order in which their frames were lent: `*next` is where to look first. */
static int lent_frame(struct outer_link *l, const uint8_t *bytes, unsigned *next)
{
	const uint8_t *from = l->queues[0].memory + (size_t)XDP_FRAMES_IN * XDP_FRAME;
	uintptr_t at = (uintptr_t)bytes, start = (uintptr_t)from;
	if (at < start || at >= start + (uintptr_t)XDP_FRAMES_OUT * XDP_FRAME)
		return -1;
	int frame = XDP_FRAMES_IN + (int)((at - start) / XDP_FRAME);
	for (unsigned i = 0; i < l->lent_count; i++) {
		unsigned look = (*next + i) % l->lent_count;
		if (l->lent[look] != frame)
			continue;
		l->lent[look] = -1;
		*next = look + 1;
		return frame;
	}
	return -1;
}

/* A free frame with a copy of the packet; -1: none. */
static int copied_frame(struct outer_link *l, const struct packet *packet, bool *waited)
{
	if (l->free_count == 0)
		collect_sent(l);
	if (l->free_count == 0 && !*waited) {
		struct pollfd writable = {.fd = l->queues[0].fd, .events = POLLOUT};
		*waited = true;
		if (!xdp_socket_flush(&l->queues[0]))
			poll(&writable, 1, SEND_WAIT_MS);
		collect_sent(l);
	}
	if (l->free_count == 0)
		return -1;
	int frame = l->free[--l->free_count];
	memcpy(gre_in(l, frame), packet->bytes, packet->length);
	return frame;
}

static void xdp_send(struct outer_link *l, const struct packet *const *packets,
	const struct path *const *paths, size_t count, uint64_t *refused)
{
	unsigned next = 0;
	bool waited = false;
	if (l->sender) {
		outer_rings.send(l->sender, packets, paths, count, refused);
		return;
	}
	collect_sent(l);
	for (size_t i = 0; i < count; i++) {
		int frame = lent_frame(l, packets[i]->bytes, &next);
		if (frame < 0)
			frame = copied_frame(l, packets[i], &waited);
		if (frame < 0) {
			refused[i / 64] |= UINT64_C(1) << i % 64;
			continue;
		}
		uint8_t *gre = gre_in(l, frame);
		size_t head = outer_frame_write(&l->frame, gre, packets[i], paths[i]);
		xdp_socket_queue(&l->queues[0], gre - head, (uint32_t)head + packets[i]->length);
	}
	xdp_socket_flush(&l->queues[0]);
	take_lent_back(l);
}

const struct outer_link_ops outer_xdp = {
	.open = xdp_open,
	.close = xdp_close,
	.descriptor = xdp_descriptor,
	.receive = xdp_receive,
	.lend = xdp_lend,
	.send = xdp_send,
};
