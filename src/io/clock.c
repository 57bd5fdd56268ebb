/* CLOCK_BOOTTIME, which neither jumps when the time is set nor stands still in suspend: a session
 * that slept through its keepalive is found dead at wake-up instead of minutes later. */
#include <time.h>

#include "clock.h"

static uint64_t microseconds(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts); /* cannot fail for these two clocks on Linux */
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t clock_now(void)
{
	return microseconds(CLOCK_BOOTTIME);
}

uint64_t clock_unix_offset(void)
{
	return microseconds(CLOCK_REALTIME) - clock_now();
}
