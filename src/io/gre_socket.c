/* Raw GRE in batches of recvmmsg and sendmmsg.
 *
 * A raw socket gets a copy of every GRE packet of the host, other programs' too, and the kernel
 * answers nothing on its own as long as one is open. A classic BPF filter lets through only what
 * may be ours: version 1, key present, protocol PPP (RFC 2637 §4.1), and call IDs of this worker
 * (id % workers). A set of exact IDs does not fit a classic program, so unknown IDs are dropped
 * here, silently: another PPTP program on this host answers for its own.
 *
 * IPv4 raw sockets read the IP header in front; IPv6 ones start at the payload and tell the
 * addresses apart from it. The outer source address is chosen per packet (IP_PKTINFO): that of
 * the session's control connection. */
#include <assert.h>
#include <errno.h>
#include <linux/filter.h>
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
#include "gre_socket.h"

enum {
	IP4_HEADER_MAX = 60,
	SLOT_SIZE = 2176, /* an outer packet with the longest IPv4 header */
	SOCKET_BUFFER = 8 << 20,
	CONTROL_SIZE = CMSG_SPACE(sizeof(struct in6_pktinfo)),
	SEND_WAIT_MS = 1,
	GRE_KEY_VERSION_MASK = 0x2007,
	GRE_KEY_VERSION_1 = 0x2001,
};

static_assert(SLOT_SIZE >= OUTER_MAX + IP4_HEADER_MAX, "a buffer holds the largest datagram");
static_assert(BATCH_MAX <= 64, "a mask of 64 bits names every packet of a batch");

struct gre_batch {
	struct mmsghdr messages[BATCH_MAX];
	struct iovec pieces[BATCH_MAX];
	struct sockaddr_storage names[BATCH_MAX];
	_Alignas(8) uint8_t controls[BATCH_MAX][CONTROL_SIZE];
	uint8_t buffers[BATCH_MAX][SLOT_SIZE];
};

static int attach_filter(int fd, uint8_t family, unsigned worker, unsigned workers)
{
	/* X is where the GRE header starts. */
	struct sock_filter start =
		family == 4 ? (struct sock_filter)BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0)
			    : (struct sock_filter)BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, 0);
	struct sock_filter code[] = {
		start,
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 0),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, GRE_KEY_VERSION_MASK),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, GRE_KEY_VERSION_1, 0, 6),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, GRE_PROTOCOL_PPP, 0, 4),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 6), /* the call ID: low half of the key */
		BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, workers),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, worker, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) ? -errno : 0;
}

static void grow_buffer(int fd, int forced, int polite)
{
	int size = SOCKET_BUFFER;
	if (setsockopt(fd, SOL_SOCKET, forced, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, polite, &size, sizeof(size)); /* as much as we may */
}

static socklen_t fill_name(struct sockaddr_storage *name, const struct address *a)
{
	memset(name, 0, sizeof(*name));
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

static int set_options(int fd, uint8_t family)
{
	int on = 1;
	if (family == 4) {
		int discover = IP_PMTUDISC_WANT;
		return setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &discover, sizeof(discover));
	}
	int discover = IPV6_PMTUDISC_WANT;
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &discover, sizeof(discover)) < 0)
		return -1;
	return setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
}

static int prepare(
	int fd, uint8_t family, const struct address *local, unsigned worker, unsigned workers)
{
	int failed = attach_filter(fd, family, worker, workers);
	if (failed)
		return failed;
	if (set_options(fd, family) < 0)
		return -errno;
	grow_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF);
	grow_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF);
	if (local->family == 0)
		return 0;
	struct sockaddr_storage name;
	socklen_t length = fill_name(&name, local);
	return bind(fd, (struct sockaddr *)&name, length) < 0 ? -errno : 0;
}

int gre_socket_open(struct gre_socket *s, uint8_t family, const struct address *local,
	unsigned worker, unsigned workers, char error[256])
{
	assert(worker < workers && (local->family == 0 || local->family == family));
	*s = (struct gre_socket){.fd = -1, .family = family};
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
	int failed = prepare(fd, family, local, worker, workers);
	s->batch = failed ? NULL : calloc(1, sizeof(*s->batch));
	if (!failed && !s->batch)
		failed = -ENOMEM;
	if (failed) {
		snprintf(error, 256, "Couldn't set up the raw GRE socket (IPv%u): %s%s", family,
			strerror(-failed),
			failed == -EADDRNOTAVAIL ? ": this host has no such address" : "");
		close(fd);
		return failed;
	}
	s->fd = fd;
	return 0;
}

void gre_socket_close(struct gre_socket *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->batch);
	*s = (struct gre_socket){.fd = -1};
}

/* RFC 791 §3.1. The kernel checked all of this already; what reaches a parser is checked there. */
static bool read_ipv4(struct gre_datagram *d, uint8_t *bytes, size_t length)
{
	struct reader r = reader_over(bytes, length);
	uint8_t version = read_u8(&r);
	read_u8(&r);
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

static bool read_ipv6(struct gre_datagram *d, struct msghdr *header,
	const struct sockaddr_storage *name, uint8_t *bytes, size_t length)
{
	if (name->ss_family != AF_INET6 || length > OUTER_MAX)
		return false;
	struct sockaddr_in6 from;
	memcpy(&from, name, sizeof(from));
	d->source.family = 6;
	memcpy(d->source.bytes, &from.sin6_addr, 16);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level != IPPROTO_IPV6 || c->cmsg_type != IPV6_PKTINFO)
			continue;
		struct in6_pktinfo info;
		memcpy(&info, CMSG_DATA(c), sizeof(info));
		d->destination.family = 6;
		memcpy(d->destination.bytes, &info.ipi6_addr, 16);
	}
	d->gre = bytes;
	d->length = (uint32_t)length;
	return d->destination.family == 6;
}

size_t gre_socket_receive(struct gre_socket *s, struct gre_datagram datagrams[BATCH_MAX])
{
	struct gre_batch *b = s->batch;
	for (size_t i = 0; i < BATCH_MAX; i++) {
		b->pieces[i] = (struct iovec){b->buffers[i], SLOT_SIZE};
		b->messages[i].msg_hdr = (struct msghdr){
			.msg_name = &b->names[i],
			.msg_namelen = sizeof(b->names[i]),
			.msg_iov = &b->pieces[i],
			.msg_iovlen = 1,
			.msg_control = s->family == 6 ? b->controls[i] : NULL,
			.msg_controllen = s->family == 6 ? CONTROL_SIZE : 0,
		};
	}
	int count = recvmmsg(s->fd, b->messages, BATCH_MAX, MSG_DONTWAIT, NULL);
	for (int i = 0; i < count; i++) {
		struct gre_datagram *d = &datagrams[i];
		struct msghdr *header = &b->messages[i].msg_hdr;
		size_t length = b->messages[i].msg_len;
		memset(d, 0, sizeof(*d));
		if (header->msg_flags & MSG_TRUNC)
			d->truncated = true;
		else if (s->family == 6)
			d->malformed = !read_ipv6(d, header, &b->names[i], b->buffers[i], length);
		else
			d->malformed = !read_ipv4(d, b->buffers[i], length);
	}
	return count > 0 ? (size_t)count : 0;
}

/* The ancillary data that chooses the source address; returns its length. */
static size_t fill_source(uint8_t *control, const struct address *local)
{
	struct msghdr header = {.msg_control = control, .msg_controllen = CONTROL_SIZE};
	memset(control, 0, CONTROL_SIZE);
	struct cmsghdr *c = CMSG_FIRSTHDR(&header);
	if (local->family == 6) {
		struct in6_pktinfo info = {.ipi6_ifindex = 0};
		memcpy(&info.ipi6_addr, local->bytes, 16);
		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		return CMSG_SPACE(sizeof(info));
	}
	struct in_pktinfo info = {.ipi_ifindex = 0};
	memcpy(&info.ipi_spec_dst, local->bytes, 4);
	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	return CMSG_SPACE(sizeof(info));
}

static void fill_message(struct gre_batch *b, size_t i, const struct packet *packet)
{
	const struct datapath *dp = packet->datapath;
	b->pieces[i] = (struct iovec){packet->bytes, packet->length};
	struct msghdr *header = &b->messages[i].msg_hdr;
	*header = (struct msghdr){
		.msg_name = &b->names[i],
		.msg_namelen = fill_name(&b->names[i], &dp->peer),
		.msg_iov = &b->pieces[i],
		.msg_iovlen = 1,
	};
	if (dp->local.family == dp->peer.family) {
		header->msg_control = b->controls[i];
		header->msg_controllen = fill_source(b->controls[i], &dp->local);
	}
}

uint64_t gre_socket_send(struct gre_socket *s, const struct packet *const *packets, size_t count)
{
	struct gre_batch *b = s->batch;
	uint64_t refused = 0;
	bool waited = false;
	assert(count <= BATCH_MAX);
	for (size_t i = 0; i < count; i++)
		fill_message(b, i, packets[i]);
	for (size_t at = 0; at < count;) {
		int sent = sendmmsg(s->fd, b->messages + at, (unsigned)(count - at), MSG_DONTWAIT);
		if (sent > 0) {
			at += (size_t)sent;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN && !waited) {
			struct pollfd writable = {.fd = s->fd, .events = POLLOUT};
			poll(&writable, 1, SEND_WAIT_MS);
			waited = true;
			continue;
		}
		refused |= UINT64_C(1) << at; /* this one only: the next may go elsewhere */
		at++;
	}
	return refused;
}

static void header_checksum(uint8_t at[20])
{
	uint32_t sum = 0;
	for (size_t i = 0; i < 20; i += 2)
		sum += (uint32_t)(at[i] << 8 | at[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	put_u16(at + 10, (uint16_t)~sum);
}

size_t gre_outer_header(uint8_t at[40], const struct address *source,
	const struct address *destination, uint32_t length)
{
	memset(at, 0, 40);
	if (destination->family == 6) {
		at[0] = 0x60;
		put_u16(at + 4, (uint16_t)length);
		at[6] = IPPROTO_GRE;
		at[7] = IPDEFTTL;
		memcpy(at + 8, source->bytes, 16);
		memcpy(at + 24, destination->bytes, 16);
		return 40;
	}
	at[0] = 0x45;
	put_u16(at + 2, (uint16_t)(20 + length));
	put_u16(at + 6, IP_DF);
	at[8] = IPDEFTTL;
	at[9] = IPPROTO_GRE;
	memcpy(at + 12, source->bytes, 4);
	memcpy(at + 16, destination->bytes, 4);
	header_checksum(at);
	return 20;
}
