/* What the control plane answers on the link of a kernel session (handed_up.h): Router
 * Solicitations, DHCPv6, DHCPINFORM.
 *
 * The kernel gives every packet to its interface, so these are overheard there, by a packet socket
 * with a filter, and go to the session as they do elsewhere. The interface has them too: nobody
 * there answers them, unless a router daemon does. Where interfaces are in another network
 * namespace there is one such socket for all, made while we could enter it. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "frame.h"
#include "handed_up.h"
#include "kernel_session.h"
#include "ppp_filter.h"

static struct kernel_session *session_at(struct dataplane *d, unsigned link)
{
	for (uint32_t i = 0; i < d->config.sessions_max; i++)
		if (d->sessions[i] && d->sessions[i]->unit.link == link)
			return d->sessions[i];
	return NULL;
}

/* From the IP header on, behind room for the protocol field. */
static size_t overhear(
	struct dataplane *d, const struct kernel_watch *watch, struct kernel_session **session)
{
	struct sockaddr_ll from = {.sll_ifindex = 0};
	socklen_t size = sizeof(from);
	ssize_t length = recvfrom(watch->fd, d->frame + 2, sizeof(d->frame) - 2, MSG_TRUNC,
		(struct sockaddr *)&from, &size);
	if (length <= 0)
		return 0;
	*session = watch->subject ? kernel_find(d, watch->subject)
				  : session_at(d, (unsigned)from.sll_ifindex);
	bool sent = from.sll_pkttype == PACKET_OUTGOING;
	return sent || (size_t)length > sizeof(d->frame) - 2 ? 1 : (size_t)length;
}

static bool read_services(struct dataplane *d, struct kernel_watch *watch)
{
	for (unsigned n = 0; n < KERNEL_FRAMES_AT_ONCE; n++) {
		struct inner inner;
		if (d->stopped || uv_is_closing((uv_handle_t *)&watch->poll))
			return true;
		struct kernel_session *s = NULL;
		size_t length = overhear(d, watch, &s);
		if (!length)
			return true;
		if (!s || !inner_parse(&inner, d->frame + 2, length) ||
			!handed_up(s->services, &inner, d->frame + 2) ||
			inner.length + 2 > PPP_FRAME_MAX)
			continue;
		put_u16(d->frame, inner.version == 4 ? PROTOCOL_IPV4 : PROTOCOL_IPV6);
		const struct dataplane_event event = {.kind = DATAPLANE_CONTROL,
			.subject = s->subject,
			.epoch = s->epoch,
			.bytes = d->frame,
			.length = inner.length + 2};
		d->config.event(d->config.context, &event);
	}
	return true;
}

static int listen_to(int fd, const struct kernel_session *s)
{
	struct ppp_filter filter;
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_ifindex = (int)s->unit.link};
	at.sll_protocol = htons(s->services & DATAPATH_SERVE_DHCP ? ETH_P_ALL : ETH_P_IPV6);
	ppp_filter_services(&filter);
	int failed = ppp_filter_attach(&filter, fd);
	if (!failed && bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		failed = -errno;
	return failed;
}

/* All interfaces there, and all their packets: the sessions sort them out. */
static int open_inside(struct dataplane *d)
{
	struct ppp_filter filter;
	struct sockaddr_ll any = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	if (d->inside_watch)
		return 0;
	ppp_filter_services(&filter);
	int failed = ppp_filter_attach(&filter, d->config.inside_packets);
	if (!failed && bind(d->config.inside_packets, (const struct sockaddr *)&any, sizeof(any)))
		failed = -errno;
	if (!failed)
		d->inside_watch = kernel_watch(d, 0, d->config.inside_packets, read_services);
	return failed ? failed : d->inside_watch ? 0 : -ENOMEM;
}

void kernel_services_end(struct dataplane *d)
{
	kernel_unwatch(&d->inside_watch);
}

int kernel_services_open(struct dataplane *d, struct kernel_session *s)
{
	if (d->config.inside)
		return open_inside(d);
	if (s->services_watch)
		return 0;
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	int failed = listen_to(fd, s);
	if (!failed)
		s->services_watch = kernel_watch(d, s->subject, fd, read_services);
	if (!s->services_watch)
		close(fd);
	return failed ? failed : s->services_watch ? 0 : -ENOMEM;
}

void kernel_services_close(struct kernel_session *s)
{
	int fd = s->services_watch ? s->services_watch->fd : -1;
	kernel_unwatch(&s->services_watch);
	if (fd >= 0)
		close(fd);
}
