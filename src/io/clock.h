/* The one clock of the program: microseconds of CLOCK_BOOTTIME, so that suspend counts. */
#ifndef GREYLINE_CLOCK_H
#define GREYLINE_CLOCK_H

#include <stdint.h>

uint64_t clock_now(void);

/* Microseconds between 1970 (UTC) and the zero of clock_now(): added to a clock_now() it gives the
 * time of day, for log lines and captures. It moves when somebody sets the time. */
uint64_t clock_unix_offset(void);

#endif
