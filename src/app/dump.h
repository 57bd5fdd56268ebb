/* Decoding a capture: one line a control message and a GRE packet, with the PPP frame in it. */
#ifndef GREYLINE_DUMP_H
#define GREYLINE_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DUMP_STREAMS = 256, DUMP_LINE_MAX = 4096 };

/* Where lines go, without their newline. */
typedef void dump_line(void *context, const char *line);

struct dump_totals {
	uint64_t packets, messages, gre, others, gaps;
};

/* Decodes a whole file in memory. False when it could not be read to its end: the last line says
 * why. Memory is bounded whatever the file holds: of more than DUMP_STREAMS TCP flows the
 * longest silent one is forgotten. */
bool dump_capture(const uint8_t *bytes, size_t length, dump_line *line, void *context,
	struct dump_totals *totals);

#endif
