/* Proving oneself again in the Network phase: RFC 1994 §4.1, RFC 3748 §4. */
#include "pair.h"

#include <string.h>

static struct pair p;

static const uint8_t methods[] = {
	AUTH_CHAP_MD5, AUTH_MSCHAP, AUTH_MSCHAPV2, AUTH_EAP_MSCHAPV2, AUTH_EAP_MD5};

static void begin(uint8_t method)
{
	pair_init(&p);
	p.a.link_config.allow_auth = method;
	p.b.link_config.demand_auth = method;
	p.b.link_config.rechallenge_us = SECONDS(60);
	p.a.unit_config.mppe_require = p.b.unit_config.mppe_require = method & AUTH_KEYED;
	if (!(method & AUTH_KEYED))
		p.a.unit_config.mppe_allow = p.b.unit_config.mppe_allow = 0;
}

/* Every minute, without a word to the app of the client, and the keys stay. */
static void again_and_again(void **state)
{
	for (size_t i = 0; i < sizeof methods; i++) {
		begin(methods[i]);
		pair_start(&p);
		pair_run(&p, p.now + SECONDS(10));
		assert_true(pair_up(&p));
		struct keying transmit = p.a.transmit, receive = p.a.receive;
		unsigned drops[DROP_COUNT];
		memcpy(drops, p.b.drops, sizeof drops);
		pair_run(&p, p.now + SECONDS(600));
		if (!pair_up(&p) || p.b.credentials != 11)
			FAIL_TOLD("method %d: %u credentials", methods[i], p.b.credentials);
		assert_memory_equal(&transmit, &p.a.transmit, sizeof transmit);
		assert_memory_equal(&receive, &p.a.receive, sizeof receive);
		assert_int_equal(p.a.networks, 1);
		assert_memory_equal(drops, p.b.drops, sizeof drops);
		for (int drop = 0; drop < DROP_COUNT; drop++)
			assert_int_equal(p.a.drops[drop], 0);
		/* One line of each side for all of it. */
		const char *first = strstr(p.a.notes, "authentication succeeded");
		assert_true(first && !strstr(first + 1, "authentication succeeded"));
		first = strstr(p.b.notes, "authentication succeeded");
		assert_true(first && !strstr(first + 1, "authentication succeeded"));
	}
}

static void not_by_itself(void **state)
{
	begin(AUTH_MSCHAPV2);
	p.b.link_config.rechallenge_us = 0;
	pair_start(&p);
	pair_run(&p, p.now + SECONDS(3600));
	assert_true(pair_up(&p));
	assert_int_equal(p.b.credentials, 1);
}

/* Each frame of the second exchange in turn is lost. */
static void under_loss(void **state)
{
	for (size_t i = 0; i < sizeof methods; i++)
		for (int lose = 0; lose < 8; lose++) {
			begin(methods[i]);
			pair_start(&p);
			pair_run(&p, p.now + SECONDS(30));
			p.lose = (int)p.sent + lose;
			pair_run(&p, p.now + SECONDS(60));
			if (!pair_up(&p) || p.b.credentials != 2)
				FAIL_TOLD("method %d, frame %d", methods[i], lose);
		}
}

static void failure(void **state)
{
	for (size_t i = 0; i < sizeof methods; i++) {
		begin(methods[i]);
		pair_start(&p);
		pair_run(&p, p.now + SECONDS(30));
		p.b.peer_password = "another by now";
		pair_run(&p, p.now + SECONDS(60));
		assert_true(p.a.closed && p.b.closed);
		assert_int_equal(p.b.reason, CLOSE_AUTH_FAILED);
		if (methods[i] != AUTH_EAP_MD5) /* whose Failure looks like one come late */
			assert_int_equal(p.a.reason, CLOSE_AUTH_WE_FAILED);
		assert_true(end_noted(&p.b, "failed"));
	}
}

static void silence(void **state)
{
	for (size_t i = 0; i < sizeof methods; i++) {
		begin(methods[i]);
		pair_start(&p);
		pair_run(&p, p.now + SECONDS(30));
		p.stop_a = true;
		pair_run(&p, p.now + SECONDS(120));
		assert_true(p.b.closed);
		assert_int_equal(p.b.reason, CLOSE_AUTH_TIMEOUT);
	}
}

/* The client does not know yet that it was believed: asking again now would leave the two ends with
 * keys of different exchanges. */
static void not_before_the_peer_has_begun(void **state)
{
	begin(AUTH_MSCHAPV2);
	p.b.link_config.rechallenge_us = SECONDS(1);
	p.b.hold_answers = true;
	pair_start(&p);
	pair_run(&p, p.now + SECONDS(1));
	p.lose = (int)p.sent; /* the Success */
	pair_answer(&p, &p.b, true);
	p.b.hold_answers = false;
	pair_run(&p, p.now + SECONDS(10));
	if (!pair_up(&p))
		FAIL_TOLD("not up");
	assert_true(p.b.credentials > 3);
}

/* In the middle of the session it may turn out that the password has expired. */
static void expired_meanwhile(void **state)
{
	begin(AUTH_MSCHAPV2);
	p.a.link_config.new_password = "newer";
	p.a.link_config.new_password_length = 5;
	pair_start(&p);
	pair_run(&p, p.now + SECONDS(30));
	struct keying transmit = p.a.transmit;
	p.b.expired = true;
	pair_run(&p, p.now + SECONDS(200));
	assert_true(pair_up(&p));
	assert_int_equal(p.b.changes, 1);
	assert_int_equal(p.b.credentials, 5);
	assert_memory_equal(&transmit, &p.a.transmit, sizeof transmit);
}

/* Both ends ask, each for itself. */
static void both_ways(void **state)
{
	begin(AUTH_MSCHAPV2);
	p.a.link_config.demand_auth = p.b.link_config.allow_auth = AUTH_EAP_MSCHAPV2;
	p.a.link_config.rechallenge_us = SECONDS(45);
	p.a.peer_password = "secret";
	pair_start(&p);
	pair_run(&p, p.now + SECONDS(10));
	assert_true(pair_up(&p));
	struct keying transmit = p.a.transmit;
	pair_run(&p, p.now + SECONDS(600));
	assert_true(pair_up(&p));
	assert_int_equal(p.b.credentials, 11);
	assert_in_range(p.a.credentials, 13, 14);
	assert_memory_equal(&transmit, &p.a.transmit, sizeof transmit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(again_and_again),
		cmocka_unit_test(not_by_itself),
		cmocka_unit_test(under_loss),
		cmocka_unit_test(failure),
		cmocka_unit_test(silence),
		cmocka_unit_test(not_before_the_peer_has_begun),
		cmocka_unit_test(expired_meanwhile),
		cmocka_unit_test(both_ways),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
