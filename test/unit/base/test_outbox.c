/* The outbox: order, alignment, storage, and that overrunning it is caught. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "outbox.h"

static void items_in_order(void **state)
{
	OUTBOX(out, 4, 64);
	struct out_item *item = outbox_add(&out, 7, "abc", 3);
	item->arg = 1;
	item->subject = 2;
	item->token = 3;
	outbox_add(&out, 8, NULL, 0);
	outbox_add(&out, 9, "defgh", 5);
	assert_int_equal(out.item_count, 3);
	assert_int_equal(out.items[0].kind, 7);
	assert_int_equal(out.items[0].arg, 1);
	assert_int_equal(out.items[0].subject, 2);
	assert_int_equal(out.items[0].token, 3);
	assert_int_equal(out.items[0].length, 3);
	assert_memory_equal(outbox_bytes(&out, &out.items[0]), "abc", 3);
	assert_int_equal(out.items[1].kind, 8);
	assert_int_equal(out.items[1].length, 0);
	assert_int_equal(out.items[1].arg, 0);
	assert_memory_equal(outbox_bytes(&out, &out.items[2]), "defgh", 5);
}

static void payloads_are_aligned(void **state)
{
	OUTBOX(out, 16, 256);
	for (size_t n = 0; n < 16; n++) {
		struct out_item *item = outbox_add(&out, 1, "0123456789abcdef", n);
		assert_int_equal((uintptr_t)outbox_bytes(&out, item) % 8, 0);
	}
}

static void frames_in_place(void **state)
{
	OUTBOX(out, 4, 64);
	outbox_add(&out, 1, "x", 1);
	struct writer w = outbox_open(&out, 32);
	write_u16(&w, 0xc021);
	write_u16(&w, 0);
	write_patch_u16(&w, 2, 4);
	struct out_item *item = outbox_close(&out, 2, &w);
	assert_int_equal(item->length, 4);
	assert_memory_equal(outbox_bytes(&out, item), "\xc0\x21\x00\x04", 4);
	/* Only what was written is taken; an opened frame that is not closed takes nothing. */
	w = outbox_open(&out, 32);
	write_u32(&w, 1);
	item = outbox_add(&out, 3, "next", 4);
	assert_int_equal(item->offset, 16);
	assert_memory_equal(outbox_bytes(&out, item), "next", 4);
}

static void clearing(void **state)
{
	OUTBOX(out, 1, 8);
	for (int n = 0; n < 3; n++) {
		outbox_add(&out, 1, "12345678", 8);
		outbox_clear(&out);
		assert_int_equal(out.item_count, 0);
		assert_int_equal(out.arena_used, 0);
	}
}

static void too_many_items(void)
{
	OUTBOX(out, 2, 64);
	for (int n = 0; n < 3; n++)
		outbox_add(&out, 1, NULL, 0);
}

static void too_many_bytes(void)
{
	OUTBOX(out, 4, 16);
	outbox_add(&out, 1, "1", 1);
	outbox_add(&out, 1, "123456789", 9);
}

static void failed_frame(void)
{
	OUTBOX(out, 4, 16);
	struct writer w = outbox_open(&out, 2);
	write_u32(&w, 1);
	outbox_close(&out, 1, &w);
}

static void stale_frame(void)
{
	OUTBOX(out, 4, 64);
	struct writer w = outbox_open(&out, 4);
	outbox_add(&out, 1, "between", 7);
	outbox_close(&out, 1, &w);
}

/* Our own bugs end the program, in release builds too. */
static void check_aborts(void (*bug)(void))
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
		signal(SIGABRT, SIG_DFL);
		assert_non_null(freopen("/dev/null", "w", stderr));
		bug();
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void overruns_abort(void **state)
{
	check_aborts(too_many_items);
	check_aborts(too_many_bytes);
	check_aborts(failed_frame);
	check_aborts(stale_frame);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_in_order),
		cmocka_unit_test(payloads_are_aligned),
		cmocka_unit_test(frames_in_place),
		cmocka_unit_test(clearing),
		cmocka_unit_test(overruns_abort),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
