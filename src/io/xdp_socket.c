/* The rings' counters run freely and are the only thing shared without a system call: the producer
 * writes entries, then releases its counter; the consumer acquires it, then reads. Both counters of
 * a ring are in memory mapped from the socket.
 *
 * need_wakeup: the kernel sets a flag in the fill and send rings when it wants to be called; where
 * it polls the device by itself neither costs a system call. In copy mode sending happens inside
 * sendto, a batch of at most 32 packets a call, so a flush may take several. */
#include <assert.h>
#include <errno.h>
#include <linux/if_xdp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "xdp_socket.h"

#ifndef SOL_XDP
#define SOL_XDP 283
#endif
#ifndef AF_XDP
#define AF_XDP 44
#endif

enum {
	XDP_SHRINK_MAX = 3, /* to an eighth */
	BIND_TRIES = 50,
	BIND_PAUSE_NS = 20000000,
	/* Calls of one flush: a full ring in the smallest batches. */
	FLUSH_CALLS = XDP_FRAMES_OUT / 16,
};

static int make_ring(int fd, uint64_t page, const struct xdp_ring_offset *offset, uint32_t size,
	size_t entry, struct xdp_ring *ring)
{
	size_t length = (size_t)offset->desc + size * entry;
	uint8_t *at = mmap(
		NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, (off_t)page);
	if (at == MAP_FAILED)
		return -errno;
	*ring = (struct xdp_ring){.producer = (uint32_t *)(void *)(at + offset->producer),
		.consumer = (uint32_t *)(void *)(at + offset->consumer),
		.flags = (uint32_t *)(void *)(at + offset->flags),
		.entries = at + offset->desc,
		.size = size,
		.mapped = at,
		.mapped_length = length};
	return 0;
}

static int make_memory(struct xdp_socket *s)
{
	s->memory_length = (size_t)(s->frames_in + s->frames_out) * XDP_FRAME;
	void *at = mmap(
		NULL, s->memory_length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		return -errno;
	s->memory = at;
	struct xdp_umem_reg region = {
		.addr = (uintptr_t)at, .len = s->memory_length, .chunk_size = XDP_FRAME};
	return setsockopt(s->fd, SOL_XDP, XDP_UMEM_REG, &region, sizeof(region)) < 0 ? -errno : 0;
}

static int set_size(int fd, int option, uint32_t size)
{
	return setsockopt(fd, SOL_XDP, option, &size, sizeof(size)) < 0 ? -errno : 0;
}

/* The fill and completion rings have to be there even when nothing goes through them. */
static int set_sizes(struct xdp_socket *s)
{
	uint32_t in = (uint32_t)s->frames_in, out = (uint32_t)s->frames_out;
	int failed = set_size(s->fd, XDP_UMEM_FILL_RING, in ? in : 1);
	if (!failed)
		failed = set_size(s->fd, XDP_UMEM_COMPLETION_RING, out ? out : 1);
	if (!failed && in)
		failed = set_size(s->fd, XDP_RX_RING, in);
	if (!failed && out)
		failed = set_size(s->fd, XDP_TX_RING, out);
	return failed;
}

static int make_rings(struct xdp_socket *s)
{
	uint32_t in = (uint32_t)s->frames_in, out = (uint32_t)s->frames_out;
	struct xdp_mmap_offsets o;
	socklen_t length = sizeof(o);
	int failed = set_sizes(s);
	if (failed)
		return failed;
	if (getsockopt(s->fd, SOL_XDP, XDP_MMAP_OFFSETS, &o, &length) < 0)
		return -errno;
	if (length < sizeof(o))
		return -EOPNOTSUPP; /* before kernel 5.4, without need_wakeup */
	failed = make_ring(
		s->fd, XDP_UMEM_PGOFF_FILL_RING, &o.fr, in ? in : 1, sizeof(uint64_t), &s->fill);
	if (!failed)
		failed = make_ring(s->fd, XDP_UMEM_PGOFF_COMPLETION_RING, &o.cr, out ? out : 1,
			sizeof(uint64_t), &s->completion);
	if (!failed && in)
		failed = make_ring(
			s->fd, XDP_PGOFF_RX_RING, &o.rx, in, sizeof(struct xdp_desc), &s->receive);
	if (!failed && out)
		failed = make_ring(
			s->fd, XDP_PGOFF_TX_RING, &o.tx, out, sizeof(struct xdp_desc), &s->send);
	return failed;
}

/* Before the driver looks: it takes what it needs as soon as the socket is bound. */
static void fill_first(struct xdp_socket *s)
{
	uint64_t *entries = s->fill.entries;
	for (int i = 0; i < s->frames_in; i++)
		entries[i] = (uint64_t)i * XDP_FRAME;
	s->fill.at = (uint32_t)s->frames_in;
	__atomic_store_n(s->fill.producer, s->fill.at, __ATOMIC_RELEASE);
}

static int bind_queue(struct xdp_socket *s, unsigned interface, unsigned queue)
{
	/* One that receives asks neither for copies nor for none: the kernel tries the better. */
	struct sockaddr_xdp name = {.sxdp_family = AF_XDP,
		.sxdp_flags = XDP_USE_NEED_WAKEUP | (s->frames_in ? 0 : XDP_COPY),
		.sxdp_ifindex = interface,
		.sxdp_queue_id = queue};
	struct timespec pause = {.tv_nsec = BIND_PAUSE_NS};
	for (unsigned i = 0; bind(s->fd, (struct sockaddr *)&name, sizeof(name)) < 0; i++) {
		if (errno != EBUSY || i == BIND_TRIES)
			return -errno;
		nanosleep(&pause, NULL);
	}
	struct xdp_options options = {0};
	socklen_t length = sizeof(options);
	if (getsockopt(s->fd, SOL_XDP, XDP_OPTIONS, &options, &length) == 0)
		s->zero_copy = options.flags & XDP_OPTIONS_ZEROCOPY;
	return 0;
}

static int open_sized(
	struct xdp_socket *s, unsigned interface, unsigned queue, int frames_in, int frames_out)
{
	*s = (struct xdp_socket){.fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0),
		.frames_in = frames_in,
		.frames_out = frames_out};
	if (s->fd < 0)
		return -errno;
	int failed = make_memory(s);
	if (!failed)
		failed = make_rings(s);
	if (!failed)
		fill_first(s);
	if (!failed)
		failed = bind_queue(s, interface, queue);
	if (failed)
		xdp_socket_close(s);
	return failed;
}

/* The memory is locked, and what a user may lock is 8 MiB in many a container: less will do. */
int xdp_socket_open(struct xdp_socket *s, unsigned interface, unsigned queue, enum xdp_use use)
{
	int failed = -ENOBUFS;
	for (unsigned shift = 0; failed == -ENOBUFS && shift <= XDP_SHRINK_MAX; shift++)
		failed = open_sized(s, interface, queue,
			use & XDP_RECEIVE ? XDP_FRAMES_IN >> shift : 0,
			use & XDP_SEND ? XDP_FRAMES_OUT >> shift : 0);
	return failed;
}

static void unmap_ring(struct xdp_ring *ring)
{
	if (ring->mapped)
		munmap(ring->mapped, ring->mapped_length);
}

void xdp_socket_close(struct xdp_socket *s)
{
	unmap_ring(&s->receive);
	unmap_ring(&s->send);
	unmap_ring(&s->fill);
	unmap_ring(&s->completion);
	if (s->fd >= 0)
		close(s->fd);
	if (s->memory)
		munmap(s->memory, s->memory_length);
	*s = (struct xdp_socket){.fd = -1};
}

size_t xdp_socket_receive(struct xdp_socket *s, struct xdp_packet *packets, size_t max)
{
	struct xdp_ring *r = &s->receive;
	const struct xdp_desc *entries = r->entries;
	uint32_t waiting = __atomic_load_n(r->producer, __ATOMIC_ACQUIRE) - r->at;
	size_t count = waiting < max ? waiting : max;
	for (size_t i = 0; i < count; i++) {
		const struct xdp_desc *d = &entries[(r->at + i) & (r->size - 1)];
		packets[i] = (struct xdp_packet){s->memory + d->addr, d->len};
	}
	r->at += (uint32_t)count;
	if (count)
		__atomic_store_n(r->consumer, r->at, __ATOMIC_RELEASE);
	return count;
}

static bool wants_wakeup(const struct xdp_ring *ring)
{
	return __atomic_load_n(ring->flags, __ATOMIC_RELAXED) & XDP_RING_NEED_WAKEUP;
}

void xdp_socket_refill(struct xdp_socket *s, const struct xdp_packet *packets, size_t count)
{
	struct xdp_ring *r = &s->fill;
	uint64_t *entries = r->entries;
	if (!count)
		return;
	for (size_t i = 0; i < count; i++) {
		uint64_t at = (uint64_t)(packets[i].bytes - s->memory);
		entries[r->at++ & (r->size - 1)] = at - at % XDP_FRAME;
	}
	__atomic_store_n(r->producer, r->at, __ATOMIC_RELEASE);
	if (wants_wakeup(r))
		recvfrom(s->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
}

void xdp_socket_queue(struct xdp_socket *s, const uint8_t *bytes, uint32_t length)
{
	struct xdp_ring *r = &s->send;
	struct xdp_desc *entries = r->entries;
	assert(r->at - __atomic_load_n(r->consumer, __ATOMIC_RELAXED) < r->size);
	entries[r->at++ & (r->size - 1)] =
		(struct xdp_desc){.addr = (uint64_t)(bytes - s->memory), .len = length};
}

bool xdp_socket_flush(struct xdp_socket *s)
{
	struct xdp_ring *r = &s->send;
	__atomic_store_n(r->producer, r->at, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < FLUSH_CALLS; i++) {
		uint32_t before = __atomic_load_n(r->consumer, __ATOMIC_ACQUIRE);
		if (before == r->at)
			return true;
		if (!wants_wakeup(r))
			return true; /* the driver is at it */
		bool failed = sendto(s->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0;
		if (failed && before == __atomic_load_n(r->consumer, __ATOMIC_ACQUIRE))
			return false;
		if (s->zero_copy)
			return true;
	}
	return __atomic_load_n(r->consumer, __ATOMIC_ACQUIRE) == r->at;
}

/* With copies the kernel reads the ring in our own calls only. */
int xdp_socket_take_back(struct xdp_socket *s)
{
	struct xdp_ring *r = &s->send;
	const struct xdp_desc *entries = r->entries;
	if (s->zero_copy || __atomic_load_n(r->consumer, __ATOMIC_ACQUIRE) == r->at)
		return -1;
	__atomic_store_n(r->producer, --r->at, __ATOMIC_RELEASE);
	return (int)(entries[r->at & (r->size - 1)].addr / XDP_FRAME);
}

int xdp_socket_sent(struct xdp_socket *s)
{
	struct xdp_ring *r = &s->completion;
	const uint64_t *entries = r->entries;
	if (__atomic_load_n(r->producer, __ATOMIC_ACQUIRE) == r->at)
		return -1;
	int frame = (int)(entries[r->at++ & (r->size - 1)] / XDP_FRAME);
	__atomic_store_n(r->consumer, r->at, __ATOMIC_RELEASE);
	return frame;
}
