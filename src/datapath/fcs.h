/* The frame check sequences of PPP: CRC-16 (RFC 1662 §C.2) and CRC-32 (§C.3). */
#ifndef GREYLINE_FCS_H
#define GREYLINE_FCS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FCS_START = 0xffff,
	FCS_GOOD = 0xf0b8, /* of what ends in its own check sequence */
};
#define FCS32_START 0xffffffffu
#define FCS32_GOOD  0xdebb20e3u

/* Goes on from `fcs`, which is FCS_START at first. What is sent is the complement of the result,
 * low byte first. */
uint16_t fcs_add(uint16_t fcs, const uint8_t *bytes, size_t length);
/* The same with FCS32_START. */
uint32_t fcs32_add(uint32_t fcs, const uint8_t *bytes, size_t length);

/* The same by the fastest means a processor has. */
struct fcs_engine {
	const char *name;
	uint16_t (*add)(uint16_t fcs, const uint8_t *bytes, size_t length);
	uint32_t (*add32)(uint32_t fcs, const uint8_t *bytes, size_t length);
};
extern const struct fcs_engine fcs_plain; /* those above */
#if defined(__x86_64__)
extern const struct fcs_engine fcs_clmul; /* where fcs_has_clmul() */
bool fcs_has_clmul(void);
#endif
const struct fcs_engine *fcs_engine_best(void);

#endif
