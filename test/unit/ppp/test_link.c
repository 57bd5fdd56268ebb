/* Whole endpoints against each other: who may prove itself how, what is lost, what ends a link. */
#include "pair.h"

#include <stdio.h>
#include <string.h>

static struct pair p;

static void up_with_defaults(void **state)
{
	pair_init(&p);
	pair_start(&p);
	pair_run(&p, p.now + SECONDS(1));
	if (!pair_up(&p))
		fail_msg("%s\n%s%s", p.log, p.a.notes, p.b.notes);
	assert_int_equal(p.a.net.local4, 0x0a000002);
	assert_int_equal(p.a.transmit.strength, MPPE_128);
	assert_true(p.a.transmit.stateless);
	assert_int_equal(p.b.identity.peer_method, AUTH_MSCHAPV2);
	assert_memory_equal(p.b.identity.peer_name, "user", 4);
	assert_int_equal(p.a.identity.our_method, AUTH_MSCHAPV2);
	assert_true(end_noted(&p.a, "CHAP authentication succeeded\n"));
	assert_true(end_noted(&p.a, "MPPE 128-bit stateless compression enabled\n"));
	assert_true(end_noted(&p.b, "MPPE 128-bit stateless compression enabled\n"));
	assert_int_equal(p.b.credentials, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(up_with_defaults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
