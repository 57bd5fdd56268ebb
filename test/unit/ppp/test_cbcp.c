/* CBCP: two ends agree on no callback, and whoever wants more is let go. */
#include "pair.h"

#include <string.h>

static struct pair p;

#define INJECT(end, ...)                                                                           \
	do {                                                                                       \
		static const uint8_t bytes[] = {__VA_ARGS__};                                      \
		pair_inject(&p, end, bytes, sizeof bytes);                                         \
	} while (0)

static void begin(void)
{
	pair_init(&p);
	p.a.link_config.callback_ask = true;
	p.b.link_config.callback_answer = true;
}

static void nobody_calls_back(void **state)
{
	begin();
	pair_start(&p);
	pair_run(&p, p.now + SECONDS(5));
	assert_true(pair_up(&p));
	assert_true(pair_logged(&p, "callback CBCP"));
	assert_true(pair_logged(&p, "server CBCP Callback-Request id 1 none\n"));
	assert_true(pair_logged(&p, "client CBCP Callback-Response id 1 none\n"));
	assert_true(pair_logged(&p, "server CBCP Callback-Ack id 1 none\n"));
	/* A Response that comes again gets its Ack again; the rest is nothing any more. */
	INJECT(&p.b, 0xc0, 0x29, 2, 1, 0, 6, 1, 2);
	assert_int_equal(p.b.drops[DROP_FRAME_ID], 0);
	INJECT(&p.b, 0xc0, 0x29, 2, 7, 0, 6, 1, 2);
	assert_int_equal(p.b.drops[DROP_FRAME_ID], 1);
	INJECT(&p.a, 0xc0, 0x29, 1, 1, 0, 6, 1, 2);
	assert_int_equal(p.a.drops[DROP_FRAME_PROTOCOL], 1);
	assert_true(pair_up(&p));
}

static void under_loss(void **state)
{
	for (int lose = 0; lose < 20; lose++) {
		begin();
		p.lose = lose;
		pair_start(&p);
		pair_run(&p, p.now + SECONDS(60));
		if (!pair_up(&p))
			FAIL_TOLD("frame %d", lose);
	}
}

/* Each end without the other: LCP leaves it out. */
static void one_end_alone(void **state)
{
	for (int i = 0; i < 2; i++) {
		begin();
		p.a.link_config.callback_ask = i == 0;
		p.b.link_config.callback_answer = i == 1;
		pair_start(&p);
		pair_run(&p, p.now + SECONDS(10));
		assert_true(pair_up(&p));
		assert_false(pair_logged(&p, "CBCP Callback"));
	}
}

/* Both call: neither is answered, and both go on. */
static void both_call(void **state)
{
	begin();
	p.a.link_config.callback_answer = true;
	p.b.link_config.callback_ask = true;
	pair_start(&p);
	pair_run(&p, p.now + SECONDS(10));
	assert_true(pair_up(&p));
	assert_false(pair_logged(&p, "CBCP Callback"));
}

/* Up to the answerer's Request or the caller's wait for it. */
static void until_callback(bool deaf_client)
{
	begin();
	pair_start(&p);
	while (p.count && !pair_logged(&p, "Callback-Request"))
		pair_step(&p);
	assert_int_equal(p.a.link.phase, PHASE_AUTHENTICATE);
	assert_int_equal(p.b.link.phase, PHASE_AUTHENTICATE);
	p.stop_a = deaf_client;
	p.stop_b = !deaf_client;
}

static void more_is_wanted(void **state)
{
	until_callback(true);
	INJECT(&p.b, 0xc0, 0x29, 2, 1, 0, 7, 3, 3, 5);
	assert_true(end_noted(&p.b, "The peer wants to be called back"));
	assert_int_equal(p.b.link.closing, CLOSE_CALLBACK);
	until_callback(false);
	while (p.count)
		pair_step(&p);
	INJECT(&p.a, 0xc0, 0x29, 1, 9, 0, 10, 2, 3, 5, 3, 3, 5);
	assert_true(end_noted(&p.a, "The peer insists on calling us back"));
	assert_int_equal(p.a.link.closing, CLOSE_CALLBACK);
	/* Among several ways there is none. */
	until_callback(false);
	while (p.count)
		pair_step(&p);
	INJECT(&p.a, 0xc0, 0x29, 1, 9, 0, 12, 2, 3, 5, 1, 2, 3, 3, 5);
	assert_true(pair_logged(&p, "client CBCP Callback-Response id 9 none"));
}

static void malformed(void **state)
{
	until_callback(true);
	INJECT(&p.b, 0xc0, 0x29, 2, 1, 0, 6, 1, 1);
	INJECT(&p.b, 0xc0, 0x29, 2, 1, 0, 6, 1, 3);
	INJECT(&p.b, 0xc0, 0x29, 2, 1, 0, 5, 1);
	assert_int_equal(p.b.drops[DROP_FRAME_OPTIONS], 3);
	INJECT(&p.b, 0xc0, 0x29, 2, 2, 0, 6, 1, 2);
	assert_int_equal(p.b.drops[DROP_FRAME_ID], 1);
	INJECT(&p.b, 0xc0, 0x29, 9, 1, 0, 4);
	assert_int_equal(p.b.drops[DROP_FRAME_CODE], 1);
	INJECT(&p.b, 0xc0, 0x29, 2, 1, 0, 3);
	assert_int_equal(p.b.drops[DROP_FRAME_SHORT], 1);
	assert_int_equal(p.b.link.closing, CLOSE_NONE);
}

static void silence(void **state)
{
	until_callback(true);
	pair_run(&p, p.now + SECONDS(60));
	assert_int_equal(p.b.reason, CLOSE_CALLBACK);
	until_callback(false);
	pair_run(&p, p.now + SECONDS(60));
	assert_true(p.a.closed);
}

static void rejected(void **state)
{
	until_callback(true);
	INJECT(&p.b, 0xc0, 0x21, 8, 1, 0, 10, 0xc0, 0x29, 1, 1, 0, 6);
	assert_int_equal(p.b.link.closing, CLOSE_CALLBACK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_calls_back),
		cmocka_unit_test(under_loss),
		cmocka_unit_test(one_end_alone),
		cmocka_unit_test(both_call),
		cmocka_unit_test(more_is_wanted),
		cmocka_unit_test(malformed),
		cmocka_unit_test(silence),
		cmocka_unit_test(rejected),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
