/* Serial-number arithmetic over the 32-bit wrap (RFC 1982), for GRE sequence and ack numbers. */
#ifndef GREYLINE_SERIAL_H
#define GREYLINE_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

/* How far `a` is ahead of `b`; negative when it lies behind. */
static inline int32_t serial_distance(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

static inline bool serial_after(uint32_t a, uint32_t b)
{
	return serial_distance(a, b) > 0;
}

#endif
