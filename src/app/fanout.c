/* Several captures on one data plane (see fanout.h). The worker's thread walks the outlets under a
 * lock that the control thread takes only to plug one in or out, so that a tap that was stopped is
 * never called again. */
#include "fanout.h"

#include <pthread.h>
#include <stdlib.h>

/* One outlet: all of a data plane that a tap sees. */
struct dataplane {
	struct fanout *fanout;
	dataplane_tap *tap;
	void *context;
	bool taken;
};

struct fanout {
	const struct dataplane_ops *ops;
	struct dataplane *real;
	pthread_mutex_t lock;
	unsigned running;
	struct dataplane outlets[FANOUT_MAX];
};

/* On the worker's thread. */
static void on_packet(void *context, bool outer, bool sent, uint32_t subject, const uint8_t *bytes,
	size_t length, uint64_t now)
{
	struct fanout *fanout = context;
	pthread_mutex_lock(&fanout->lock);
	for (unsigned i = 0; i < FANOUT_MAX; i++) {
		const struct dataplane *outlet = &fanout->outlets[i];
		if (outlet->tap)
			outlet->tap(outlet->context, outer, sent, subject, bytes, length, now);
	}
	pthread_mutex_unlock(&fanout->lock);
}

static void outlet_capture(struct dataplane *outlet, dataplane_tap *tap, void *context)
{
	struct fanout *fanout = outlet->fanout;
	pthread_mutex_lock(&fanout->lock);
	fanout->running += (tap != NULL) - (outlet->tap != NULL);
	outlet->tap = tap;
	outlet->context = context;
	outlet->taken = tap != NULL;
	unsigned running = fanout->running;
	pthread_mutex_unlock(&fanout->lock);
	fanout->ops->capture(fanout->real, running ? on_packet : NULL, fanout);
}

const struct dataplane_ops fanout_ops = {.name = "capture", .capture = outlet_capture};

struct fanout *fanout_open(const struct dataplane_ops *ops, struct dataplane *real)
{
	struct fanout *fanout = calloc(1, sizeof *fanout);
	if (!fanout)
		return NULL;
	fanout->ops = ops;
	fanout->real = real;
	pthread_mutex_init(&fanout->lock, NULL);
	for (unsigned i = 0; i < FANOUT_MAX; i++)
		fanout->outlets[i].fanout = fanout;
	return fanout;
}

void fanout_close(struct fanout *fanout)
{
	pthread_mutex_destroy(&fanout->lock);
	free(fanout);
}

struct dataplane *fanout_outlet(struct fanout *fanout)
{
	for (unsigned i = 0; i < FANOUT_MAX; i++)
		if (!fanout->outlets[i].taken) {
			fanout->outlets[i].taken = true;
			return &fanout->outlets[i];
		}
	return NULL;
}
