/* Raw GRE in batches of recvmmsg and sendmmsg.
 *
 * A raw socket gets a copy of every GRE packet of the host, other programs' too, and the kernel
 * answers nothing on its own as long as one is open; outer_filter.c says which ones pass. The
 * kernel puts fragments together before.
 *
 * IPv4 raw sockets read the IP header in front; IPv6 ones start at the payload and tell addresses
 * and traffic class apart from it. The outer source address is chosen per packet (IP_PKTINFO):
 * that of the session's control connection.
 *
 * ICMP errors come to the sockets for control frames alone (IP_RECVERR): each socket would get its
 * own copy, and one is enough. It is switched on also because the kernel takes an IPv6 path MTU
 * from "too big" only for sockets that want errors (rawv6_err). With it the kernel tells a packet
 * that a qdisc dropped (ENOBUFS), so a control frame can be sent again.
 *
 * What it costs, measured with 1400 bytes over a veth: sendto 2284 ns a packet, sendmmsg of 64
 * with DF set 1659; recvmmsg about 1900. */
#include "outer_raw.h"

#include <assert.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <linux/pkt_sched.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bytes.h"
#include "datapath.h"
#include "outer_filter.h"

enum {
	IP4_HEADER_MAX = 60,
	SLOT_SIZE = 2176, /* an outer packet with the longest IPv4 header */
	DATA_BUFFER = 8 << 20,
	CONTROL_BUFFER = 2 << 20,
	ANCILLARY_SIZE = CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int)),
	ERROR_ANCILLARY_SIZE = 256,
	SEND_WAIT_MS = 1,
};

static_assert(SLOT_SIZE >= OUTER_MAX + IP4_HEADER_MAX, "a buffer holds the largest datagram");
static_assert(BATCH_MAX <= 64, "a mask of 64 bits names every packet of a batch");

/* What describes a batch to the kernel. */
struct raw_batch {
	struct mmsghdr messages[BATCH_MAX];
	struct iovec pieces[BATCH_MAX];
	struct sockaddr_storage names[BATCH_MAX];
	_Alignas(8) uint8_t ancillary[BATCH_MAX][ANCILLARY_SIZE];
};

struct raw_arrivals {
	struct raw_batch batch;
	uint8_t buffers[BATCH_MAX][SLOT_SIZE];
};

struct raw_socket {
	int fd; /* -1: not open */
	struct raw_arrivals *arrivals;
};

struct outer_raw {
	struct raw_socket sockets[RAW_SOURCES];
	struct raw_batch leaving;
};

static uint8_t family_of(enum raw_source source)
{
	return source == RAW_CONTROL6 || source == RAW_DATA6 ? 6 : 4;
}

static bool is_control(enum raw_source source)
{
	return source == RAW_CONTROL4 || source == RAW_CONTROL6;
}

/* ---- opening ---- */

static void grow_buffer(int fd, int size, int forced, int polite)
{
	if (setsockopt(fd, SOL_SOCKET, forced, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, polite, &size, sizeof(size)); /* as much as we may */
}

static socklen_t fill_name(struct sockaddr_storage *name, const struct address *a)
{
	if (a->family == 6) {
		struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
		memcpy(&in6.sin6_addr, a->bytes, 16);
		memcpy(name, &in6, sizeof(in6));
		return sizeof(in6);
	}
	struct sockaddr_in in = {.sin_family = AF_INET};
	memcpy(&in.sin_addr, a->bytes, 4);
	memcpy(name, &in, sizeof(in));
	return sizeof(in);
}

static int switch_on(int fd, int level, int option)
{
	int on = 1;
	return setsockopt(fd, level, option, &on, sizeof(on)) < 0 ? -errno : 0;
}

static int set_ip_options(int fd, enum raw_source source, bool dont_fragment)
{
	bool six = family_of(source) == 6;
	int level = six ? IPPROTO_IPV6 : IPPROTO_IP, failed = 0;
	int want = six ? IPV6_PMTUDISC_WANT : IP_PMTUDISC_WANT;
	int dont = six ? IPV6_PMTUDISC_DONT : IP_PMTUDISC_DONT;
	int discover = dont_fragment ? want : dont;
	if (setsockopt(fd, level, six ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER, &discover,
		    sizeof(discover)) < 0)
		return -errno;
	if (is_control(source))
		failed = switch_on(fd, level, six ? IPV6_RECVERR : IP_RECVERR);
	if (!failed && six)
		failed = switch_on(fd, level, IPV6_RECVPKTINFO);
	if (!failed && six)
		failed = switch_on(fd, level, IPV6_RECVTCLASS);
	return failed;
}

static int prepare(int fd, enum raw_source source, const struct outer_config *config)
{
	bool control = is_control(source);
	int size = control ? CONTROL_BUFFER : DATA_BUFFER;
	int priority = TC_PRIO_INTERACTIVE; /* the highest that needs no privilege */
	int failed = outer_filter_attach(
		fd, family_of(source), control, config->worker, config->workers);
	if (!failed)
		failed = set_ip_options(fd, source, config->dont_fragment);
	if (!failed && config->mark &&
		setsockopt(fd, SOL_SOCKET, SO_MARK, &config->mark, sizeof(config->mark)) < 0)
		failed = -errno;
	if (failed)
		return failed;
	grow_buffer(fd, size, SO_RCVBUFFORCE, SO_RCVBUF);
	grow_buffer(fd, size, SO_SNDBUFFORCE, SO_SNDBUF);
	if (control)
		setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &priority, sizeof(priority));
	if (config->local.family == 0)
		return 0;
	struct sockaddr_storage name;
	socklen_t length = fill_name(&name, &config->local);
	return bind(fd, (struct sockaddr *)&name, length) < 0 ? -errno : 0;
}

static void prepare_arrivals(struct raw_arrivals *arrivals)
{
	struct raw_batch *b = &arrivals->batch;
	for (size_t i = 0; i < BATCH_MAX; i++) {
		b->pieces[i] = (struct iovec){arrivals->buffers[i], SLOT_SIZE};
		b->messages[i].msg_hdr = (struct msghdr){
			.msg_name = &b->names[i],
			.msg_namelen = sizeof(b->names[i]),
			.msg_iov = &b->pieces[i],
			.msg_iovlen = 1,
			.msg_control = b->ancillary[i],
			.msg_controllen = ANCILLARY_SIZE,
		};
	}
}

static int open_socket(struct raw_socket *s, enum raw_source source,
	const struct outer_config *config, char *error)
{
	uint8_t family = family_of(source);
	int fd = socket(family == 6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
		IPPROTO_GRE);
	if (fd < 0) {
		int failed = errno;
		snprintf(error, 256, "Couldn't open a raw GRE socket (IPv%u): %s%s", family,
			strerror(failed),
			failed == EPERM ? ": CAP_NET_RAW is missing: run as root (container: "
					  "--cap-add NET_RAW)"
					: "");
		return -failed;
	}
	s->fd = fd;
	int failed = prepare(fd, source, config);
	s->arrivals = failed ? NULL : calloc(1, sizeof(*s->arrivals));
	if (!failed && !s->arrivals)
		failed = -ENOMEM;
	if (failed) {
		snprintf(error, 256, "Couldn't set up the raw GRE socket (IPv%u): %s%s", family,
			strerror(-failed),
			failed == -EADDRNOTAVAIL ? ": this host has no such address" : "");
		return failed;
	}
	prepare_arrivals(s->arrivals);
	return 0;
}

static void close_socket(struct raw_socket *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->arrivals);
	*s = (struct raw_socket){.fd = -1};
}

static int open_family(
	struct outer_raw *raw, uint8_t family, const struct outer_config *config, char error[256])
{
	enum raw_source control = family == 6 ? RAW_CONTROL6 : RAW_CONTROL4;
	enum raw_source data = family == 6 ? RAW_DATA6 : RAW_DATA4;
	int failed = open_socket(&raw->sockets[control], control, config, error);
	if (!failed)
		failed = open_socket(&raw->sockets[data], data, config, error);
	if (failed) {
		close_socket(&raw->sockets[control]);
		close_socket(&raw->sockets[data]);
	}
	return failed;
}

int outer_raw_open(struct outer_raw **out, const struct outer_config *config, char error[256])
{
	char ignored[256];
	uint8_t only = config->local.family;
	assert(config->worker < config->workers);
	struct outer_raw *raw = calloc(1, sizeof(*raw));
	if (!raw) {
		snprintf(error, 256, "Couldn't open raw GRE sockets: out of memory");
		return -ENOMEM;
	}
	for (unsigned i = 0; i < RAW_SOURCES; i++)
		raw->sockets[i].fd = -1;
	int failed = only == 6 ? 0 : open_family(raw, 4, config, error);
	if (!failed && only == 6)
		failed = open_family(raw, 6, config, error);
	else if (!failed && only == 0)
		open_family(raw, 6, config, ignored);
	if (failed) {
		outer_raw_close(raw);
		return failed;
	}
	*out = raw;
	return 0;
}

void outer_raw_close(struct outer_raw *raw)
{
	if (!raw)
		return;
	for (unsigned i = 0; i < RAW_SOURCES; i++)
		close_socket(&raw->sockets[i]);
	free(raw);
}

int outer_raw_descriptor(const struct outer_raw *raw, enum raw_source source)
{
	return raw->sockets[source].fd;
}

uint8_t outer_raw_ttl(const struct outer_raw *raw)
{
	int ttl = 0;
	socklen_t size = sizeof(ttl);
	if (raw->sockets[RAW_DATA4].fd < 0 ||
		getsockopt(raw->sockets[RAW_DATA4].fd, IPPROTO_IP, IP_TTL, &ttl, &size) < 0)
		return IPDEFTTL;
	return ttl > 0 && ttl < 256 ? (uint8_t)ttl : IPDEFTTL;
}

/* ---- receiving ---- */

/* RFC 791 §3.1. The kernel checked all of this already; what reaches a parser is checked there. */
static bool read_ipv4(struct gre_datagram *d, uint8_t *bytes, size_t length)
{
	struct reader r = reader_over(bytes, length);
	uint8_t version = read_u8(&r);
	d->tos = read_u8(&r);
	uint16_t total = read_u16(&r);
	read_bytes(&r, 8);
	const uint8_t *addresses = read_bytes(&r, 8);
	size_t header = (size_t)(version & 0x0f) * 4;
	if (!addresses || version >> 4 != 4 || header < 20 || total < header || total > length)
		return false;
	d->source.family = d->destination.family = 4;
	memcpy(d->source.bytes, addresses, 4);
	memcpy(d->destination.bytes, addresses + 4, 4);
	d->gre = bytes + header;
	d->length = (uint32_t)(total - header);
	return d->length <= OUTER_MAX;
}

static void read_ancillary(struct gre_datagram *d, struct msghdr *header)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level != IPPROTO_IPV6)
			continue;
		if (c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			d->destination.family = 6;
			memcpy(d->destination.bytes, &info.ipi6_addr, 16);
		} else if (c->cmsg_type == IPV6_TCLASS) {
			int class;
			memcpy(&class, CMSG_DATA(c), sizeof(class));
			d->tos = (uint8_t) class;
		}
	}
}

static bool read_ipv6(struct gre_datagram *d, struct msghdr *header,
	const struct sockaddr_storage *name, uint8_t *bytes, size_t length)
{
	if (name->ss_family != AF_INET6 || length > OUTER_MAX)
		return false;
	struct sockaddr_in6 from;
	memcpy(&from, name, sizeof(from));
	d->source.family = 6;
	memcpy(d->source.bytes, &from.sin6_addr, 16);
	read_ancillary(d, header);
	d->gre = bytes;
	d->length = (uint32_t)length;
	return d->destination.family == 6;
}

size_t outer_raw_receive(
	struct outer_raw *raw, enum raw_source source, struct gre_datagram datagrams[BATCH_MAX])
{
	struct raw_socket *s = &raw->sockets[source];
	if (s->fd < 0)
		return 0;
	struct raw_batch *b = &s->arrivals->batch;
	int count = recvmmsg(s->fd, b->messages, BATCH_MAX, MSG_DONTWAIT, NULL);
	if (count < 0 && errno != EAGAIN) /* an error of a packet we sent; it is in the queue too */
		count = recvmmsg(s->fd, b->messages, BATCH_MAX, MSG_DONTWAIT, NULL);
	for (int i = 0; i < count; i++) {
		struct gre_datagram *d = &datagrams[i];
		struct msghdr *header = &b->messages[i].msg_hdr;
		uint8_t *bytes = s->arrivals->buffers[i];
		size_t length = b->messages[i].msg_len;
		memset(d, 0, sizeof(*d));
		d->control = is_control(source);
		if (header->msg_flags & MSG_TRUNC)
			d->truncated = true;
		else if (family_of(source) == 6)
			d->malformed = !read_ipv6(d, header, &b->names[i], bytes, length);
		else
			d->malformed = !read_ipv4(d, bytes, length);
		header->msg_namelen = sizeof(b->names[i]);
		header->msg_controllen = ANCILLARY_SIZE;
		header->msg_flags = 0;
	}
	return count > 0 ? (size_t)count : 0;
}

/* ---- errors ---- */

static struct address address_of(const struct sockaddr_storage *name)
{
	struct address a = {.family = 0};
	if (name->ss_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, name, sizeof(in6));
		a.family = 6;
		memcpy(a.bytes, &in6.sin6_addr, 16);
	} else if (name->ss_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, name, sizeof(in));
		a.family = 4;
		memcpy(a.bytes, &in.sin_addr, 4);
	}
	return a;
}

/* Takes one record off the error queue: the name is where the packet was to go (ip(7)). */
static bool next_error(struct raw_socket *s, struct address *peer)
{
	struct sockaddr_storage name = {.ss_family = AF_UNSPEC};
	_Alignas(8) uint8_t ancillary[ERROR_ANCILLARY_SIZE];
	struct msghdr header = {
		.msg_name = &name,
		.msg_namelen = sizeof(name),
		.msg_control = ancillary,
		.msg_controllen = sizeof(ancillary),
	};
	if (recvmsg(s->fd, &header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
		return false;
	*peer = address_of(&name);
	return true;
}

size_t outer_raw_returned(
	struct outer_raw *raw, enum raw_source source, struct address peers[RAW_RETURNED_MAX])
{
	struct raw_socket *s = &raw->sockets[source];
	size_t count = 0;
	if (s->fd < 0 || !is_control(source))
		return 0;
	while (count < RAW_RETURNED_MAX && next_error(s, &peers[count]))
		count++;
	return count;
}

/* ---- sending ---- */

static void put_ancillary(
	struct msghdr *header, int level, int type, const void *value, size_t length)
{
	uint8_t *at = (uint8_t *)header->msg_control + header->msg_controllen;
	struct cmsghdr c = {.cmsg_level = level, .cmsg_type = type, .cmsg_len = CMSG_LEN(length)};
	assert(header->msg_controllen + CMSG_SPACE(length) <= ANCILLARY_SIZE);
	memset(at, 0, CMSG_SPACE(length));
	memcpy(at, &c, sizeof(c));
	memcpy(at + CMSG_LEN(0), value, length);
	header->msg_controllen += CMSG_SPACE(length);
}

/* The source address, and marks when there are any. */
static void fill_ancillary(struct msghdr *header, const struct datapath *dp, uint8_t tos)
{
	bool six = dp->peer.family == 6;
	int marks = tos;
	if (dp->local.family == dp->peer.family && six) {
		struct in6_pktinfo info = {.ipi6_ifindex = 0};
		memcpy(&info.ipi6_addr, dp->local.bytes, 16);
		put_ancillary(header, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	} else if (dp->local.family == dp->peer.family) {
		struct in_pktinfo info = {.ipi_ifindex = 0};
		memcpy(&info.ipi_spec_dst, dp->local.bytes, 4);
		put_ancillary(header, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	}
	if (marks && six)
		put_ancillary(header, IPPROTO_IPV6, IPV6_TCLASS, &marks, sizeof(marks));
	else if (marks)
		put_ancillary(header, IPPROTO_IP, IP_TOS, &marks, sizeof(marks));
}

/* Packets of a batch are often of one session: those share name and ancillary data. */
static void fill_message(struct raw_batch *b, size_t i, const struct packet *const *packets)
{
	const struct packet *packet = packets[i], *before = i ? packets[i - 1] : NULL;
	struct msghdr *header = &b->messages[i].msg_hdr;
	b->pieces[i] = (struct iovec){packet->bytes, packet->length};
	if (before && before->datapath == packet->datapath && before->tos == packet->tos) {
		*header = b->messages[i - 1].msg_hdr;
		header->msg_iov = &b->pieces[i];
		return;
	}
	*header = (struct msghdr){
		.msg_name = &b->names[i],
		.msg_namelen = fill_name(&b->names[i], &packet->datapath->peer),
		.msg_iov = &b->pieces[i],
		.msg_iovlen = 1,
		.msg_control = b->ancillary[i],
	};
	fill_ancillary(header, packet->datapath, packet->tos);
	if (!header->msg_controllen)
		header->msg_control = NULL;
}

/* Whether a refused packet is worth another try. A full send buffer (ENOBUFS: raw sockets do not
 * say EAGAIN) is waited for, once in a batch, so that the TUN's queue grows instead. On a socket
 * for control frames ENOBUFS may as well be a qdisc's drop, so there it is only waited. Any other
 * refusal is about this packet: errors of older ones are told to recvmsg alone. */
static bool try_again(bool *waited, int fd, bool control, int failed)
{
	struct pollfd writable = {.fd = fd, .events = POLLOUT};
	if (failed == EINTR)
		return true;
	if (*waited || (failed != ENOBUFS && failed != EAGAIN))
		return false;
	poll(control ? NULL : &writable, !control, SEND_WAIT_MS);
	*waited = true;
	return true;
}

static uint64_t send_family(struct outer_raw *raw, const struct packet *const *packets,
	size_t count, enum raw_source source)
{
	struct raw_batch *b = &raw->leaving;
	int fd = raw->sockets[source].fd;
	uint64_t refused = 0;
	bool waited = false;
	if (fd < 0)
		return UINT64_MAX;
	for (size_t i = 0; i < count; i++)
		fill_message(b, i, packets);
	for (size_t at = 0; at < count;) {
		int sent = sendmmsg(fd, b->messages + at, (unsigned)(count - at), MSG_DONTWAIT);
		if (sent > 0) {
			at += (size_t)sent;
			continue;
		}
		if (try_again(&waited, fd, is_control(source), errno))
			continue;
		refused |= UINT64_C(1) << at; /* this one only: the next may go elsewhere */
		at++;
	}
	return refused;
}

uint64_t outer_raw_send(
	struct outer_raw *raw, const struct packet *const *packets, size_t count, bool control)
{
	uint64_t refused = 0;
	assert(count <= BATCH_MAX);
	/* Runs of one family; mixed batches are rare. */
	for (size_t from = 0, to; from < count; from = to) {
		bool six = packets[from]->datapath->peer.family == 6;
		for (to = from + 1; to < count; to++)
			if ((packets[to]->datapath->peer.family == 6) != six)
				break;
		enum raw_source source = control ? (six ? RAW_CONTROL6 : RAW_CONTROL4)
						 : (six ? RAW_DATA6 : RAW_DATA4);
		uint64_t bits = send_family(raw, packets + from, to - from, source);
		refused |= to - from == 64 ? bits
					   : (bits & ((UINT64_C(1) << (to - from)) - 1)) << from;
	}
	return refused;
}
