/* From the workers' threads to the control thread: a ring of packets and an eventfd. The data plane
 * calls one worker at a time, so for the ring they are one producer.
 *
 * The worker writes a record a packet and wakes the control thread only when that has nothing to
 * do yet, so a capture under load costs few system calls. A full ring loses packets of the
 * capture, and says how many. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "pcapng.h"
#include "ring.h"
#include "subject.h"
#include "tap.h"

enum { TAP_RING = 4 << 20, SNAP_MAX = 65535, BLOCK_MAX = SNAP_MAX + 512 };

struct tapped {
	uint64_t now;
	uint32_t subject, original;
	bool outer, sent;
};

struct tap {
	struct ring ring;
	struct tap_config config;
	const struct dataplane_ops *ops;
	struct dataplane *dataplane;
	uv_poll_t poll;
	int wake;
	bool started; /* the file's header has been given */
	bool stopped, draining;
	_Atomic bool signalled;
	_Atomic uint64_t missed;
	uint8_t block[BLOCK_MAX];
};

/* On a worker's thread. */
static void on_packet(void *context, bool outer, bool sent, uint32_t subject, const uint8_t *bytes,
	size_t length, uint64_t now)
{
	struct tap *tap = context;
	uint32_t kept = (uint32_t)length;
	if ((outer ? !tap->config.outer : !tap->config.inner) ||
		(tap->config.subject && tap->config.subject != subject))
		return;
	if (kept > tap->config.snap)
		kept = tap->config.snap;
	struct tapped *record = ring_reserve(&tap->ring, (uint32_t)sizeof(*record) + kept);
	if (!record) {
		atomic_fetch_add_explicit(&tap->missed, 1, memory_order_relaxed);
		return;
	}
	*record = (struct tapped){
		.now = now,
		.subject = subject,
		.original = (uint32_t)length,
		.outer = outer,
		.sent = sent,
	};
	memcpy(record + 1, bytes, kept);
	ring_commit(&tap->ring, (uint32_t)sizeof(*record) + kept);
	if (!atomic_exchange(&tap->signalled, true)) {
		uint64_t one = 1;
		ssize_t written = write(tap->wake, &one, sizeof(one));
		(void)written;
	}
}

static void give(struct tap *tap, size_t length)
{
	if (length)
		tap->config.bytes(tap->config.context, tap->block, length);
}

static void drain(struct tap *tap)
{
	uint64_t offset = clock_unix_offset();
	uint32_t length;
	tap->draining = true;
	if (!tap->started)
		give(tap, pcapng_start(tap->block, sizeof(tap->block)));
	tap->started = true;
	for (const struct tapped *record;
		!tap->stopped && (record = ring_peek(&tap->ring, &length));) {
		char comment[32];
		snprintf(comment, sizeof(comment), "session %u", subject_index(record->subject));
		struct pcapng_packet packet = {
			.outer = record->outer,
			.sent = record->sent,
			.unix_us = record->now + offset,
			.bytes = (const uint8_t *)(record + 1),
			.length = length - (uint32_t)sizeof(*record),
			.original = record->original,
			.comment = tap->config.subject ? NULL : comment,
		};
		give(tap, pcapng_packet(tap->block, sizeof(tap->block), &packet));
		ring_release(&tap->ring);
	}
	tap->draining = false;
}

static void on_closed(uv_handle_t *handle)
{
	struct tap *tap = handle->data;
	close(tap->wake);
	free(tap);
}

static void finish(struct tap *tap)
{
	ring_free(&tap->ring);
	uv_close((uv_handle_t *)&tap->poll, on_closed);
}

static void on_wake(uv_poll_t *poll, int status, int events)
{
	struct tap *tap = poll->data;
	uint64_t count;
	ssize_t got = read(tap->wake, &count, sizeof(count));
	(void)got;
	/* Lowered first: a packet that comes during the work wakes us again. */
	atomic_store(&tap->signalled, false);
	drain(tap);
	if (tap->stopped)
		finish(tap); /* from inside bytes() */
}

int tap_start(struct tap **out, const struct dataplane_ops *ops, struct dataplane *dataplane,
	const struct tap_config *config)
{
	struct tap *tap = aligned_alloc(64, (sizeof(*tap) + 63) & ~(size_t)63);
	if (!tap)
		return -ENOMEM;
	memset(tap, 0, sizeof(*tap));
	tap->config = *config;
	if (tap->config.snap == 0 || tap->config.snap > SNAP_MAX)
		tap->config.snap = SNAP_MAX;
	tap->ops = ops;
	tap->dataplane = dataplane;
	tap->poll.data = tap;
	tap->wake = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC); /* 1: the header goes out at once */
	int failed = tap->wake < 0 ? -errno : ring_init(&tap->ring, TAP_RING);
	if (!failed)
		failed = uv_poll_init(config->loop, &tap->poll, tap->wake);
	if (failed) {
		ring_free(&tap->ring);
		if (tap->wake >= 0)
			close(tap->wake);
		free(tap);
		return failed;
	}
	uv_poll_start(&tap->poll, UV_READABLE, on_wake);
	ops->capture(dataplane, on_packet, tap);
	*out = tap;
	return 0;
}

uint64_t tap_missed(const struct tap *tap)
{
	return atomic_load_explicit(&tap->missed, memory_order_relaxed);
}

void tap_stop(struct tap *tap)
{
	if (tap->stopped)
		return;
	tap->ops->capture(tap->dataplane, NULL, NULL);
	if (!tap->draining)
		drain(tap);
	tap->stopped = true;
	if (!tap->draining)
		finish(tap);
}
