/* Frames of a bundle on their way to its links. */
#ifndef GREYLINE_SEAL_BUNDLE_H
#define GREYLINE_SEAL_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle_link.h"

/* Starts the outer packet for a frame of `length` bytes (protocol field and information) in one
 * fragment: `w` stands where the frame is to be written; seal_finish ends it. NULL: the list is
 * full, or it must be cut. */
struct packet *bundle_seal_whole(
	struct datapath_bundle *bundle, size_t length, struct packet_list *out, struct writer *w);

/* A complete frame, in as many fragments as it takes: all of them or none. */
bool bundle_seal_cut(struct datapath_bundle *bundle, const uint8_t *frame, size_t length,
	uint8_t tos, bool control, struct packet_list *out);

#endif
