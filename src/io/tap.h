/* A running capture: packets tapped on the worker's thread come out on the control thread as
 * pcapng bytes, through a bounded ring. When the reader is slower than the packets, packets are
 * left out of the capture (and counted), never delayed. */
#ifndef GREYLINE_TAP_H
#define GREYLINE_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "dataplane.h"

struct tap;

struct tap_config {
	uv_loop_t *loop;
	uint32_t subject; /* one session, or 0 for all */
	bool outer, inner;
	uint32_t snap; /* bytes kept of each packet; 0: all */
	/* pcapng bytes, whole blocks, the file header first; valid during the call. */
	void (*bytes)(void *context, const uint8_t *bytes, size_t length);
	void *context;
};

/* One tap at a time on a data plane. 0 or -errno. */
int tap_start(struct tap **tap, const struct dataplane_ops *ops, struct dataplane *dataplane,
	const struct tap_config *config);
uint64_t tap_missed(const struct tap *tap); /* packets left out */
/* What was tapped before is still delivered, inside this call (not when it is made from inside
 * bytes()); nothing afterwards. Stop it before the data plane. */
void tap_stop(struct tap *tap);

#endif
