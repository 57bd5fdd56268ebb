#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "waiting.h"

enum { GUARD_SECONDS = 20, BEAT_MILLISECONDS = 5 };

uv_loop_t loop;
static uv_timer_t guard, beat;
static bool over;

static void on_guard(uv_timer_t *timer)
{
	fail_msg("what was waited for did not happen within %d seconds", GUARD_SECONDS);
}

static void on_beat(uv_timer_t *timer)
{
}

static void on_over(uv_timer_t *timer)
{
	over = true;
}

void waiting_open(void)
{
	uv_loop_init(&loop);
	uv_timer_init(&loop, &guard);
	uv_timer_init(&loop, &beat);
}

void waiting_close(void)
{
	uv_close((uv_handle_t *)&guard, NULL);
	uv_close((uv_handle_t *)&beat, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

void waiting_begin(void)
{
	uv_timer_start(&guard, on_guard, GUARD_SECONDS * 1000, 0);
	uv_timer_start(&beat, on_beat, BEAT_MILLISECONDS, BEAT_MILLISECONDS);
}

void waiting_end(void)
{
	uv_timer_stop(&beat);
	uv_timer_stop(&guard);
}

void settle(unsigned milliseconds)
{
	over = false;
	uv_timer_start(&guard, on_over, milliseconds, 0);
	while (!over)
		uv_run(&loop, UV_RUN_ONCE);
}
