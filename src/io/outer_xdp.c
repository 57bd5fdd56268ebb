/* AF_XDP: packets pass between the driver and our memory before the stack makes anything of them.
 *
 * A packet of 1400 bytes costs 530 ns to receive, kernel and us together (raw sockets 2400, rings
 * 1160), and 1280 to send (3020; rings 1160 to 1920), on a veth, which copies (test/bench/
 * bench_outer, busy machine); a driver with zero copy does better. The XDP program runs in the
 * driver: the generic mode, which runs behind the allocation of a socket buffer, costs more than a
 * ring does, and is not used.
 *
 * A socket serves one queue of the interface. Queue q belongs to worker q % workers; the hardware
 * chooses the queue by the outer addresses, so packets of a call may arrive at a worker that hands
 * them on. A worker sends by its first queue; one that has none (more workers than queues) by the
 * transmit ring of a packet socket (outer_rings.c). */
#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
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
#include "xdp_sender.h"
#include "xdp_socket.h"

enum { ETHERNET = 14 };

static_assert(256 + ETHERNET + TAKEN_MAX <= XDP_FRAME, "a packet fits behind what XDP keeps free");

struct outer_link {
	int attached, poll;
	struct outer_link *ring; /* of a worker without a queue: to send */
	unsigned queue_count;
	struct xdp_socket queues[XDP_QUEUES_MAX];
	unsigned held_queue; /* the datagrams handed out are of this one */
	size_t held_count;
	struct xdp_packet held[BATCH_MAX];
	struct xdp_sender sender; /* by the first queue */
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
	int failed = xdp_socket_open(
		s, config->interface, queue, l->queue_count == 0 ? XDP_BOTH : XDP_RECEIVE);
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
	outer_rings.close(l->ring);
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
		failed = outer_rings_open_sender(&l->ring, config);
	else if (!failed)
		xdp_sender_init(&l->sender, &l->queues[0], config);
	return failed;
}

static int xdp_open(
	struct outer_link **link, const struct outer_link_config *config, char error[256])
{
	struct outer_link *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->attached = l->poll = -1;
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

static void xdp_lend(struct outer_link *l, struct packet_list *list)
{
	if (l->ring)
		outer_rings.lend(l->ring, list);
	else
		xdp_sender_lend(&l->sender, list);
}

static void xdp_send(struct outer_link *l, const struct packet *const *packets,
	const struct direct_path *const *paths, size_t count, uint64_t *refused)
{
	if (l->ring)
		outer_rings.send(l->ring, packets, paths, count, refused);
	else
		xdp_sender_send(&l->sender, packets, paths, count, refused);
}

const struct outer_link_ops outer_xdp = {
	.open = xdp_open,
	.close = xdp_close,
	.descriptor = xdp_descriptor,
	.receive = xdp_receive,
	.lend = xdp_lend,
	.send = xdp_send,
};
