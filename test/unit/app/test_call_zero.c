/* When Call ID 0 is tried, kept and given up. */
#include "expect.h"

#include <string.h>
#include <unistd.h>

#include "call_zero.h"
#include "limits.h"

static struct log nowhere = {.fd = -1};

static struct call_zero_try unheard(void)
{
	return (struct call_zero_try){
		.unheard = true, .reason = CLOSE_LCP_NO_GRE, .peer = "192.0.2.1"};
}

static void silence_is_answered_once(void **state)
{
	struct call_zero zero;
	struct call_zero_try how = unheard();
	call_zero_init(&zero, NAT_FALLBACK_AUTO);
	assert_false(zero.now);
	assert_true(call_zero_again(&zero, &how, &nowhere));
	assert_true(zero.now);
	how.reason = CLOSE_CALL_REFUSED;
	how.unheard = false;
	assert_false(call_zero_again(&zero, &how, &nowhere));
	assert_false(zero.now); /* and from the beginning */
}

static void what_helped_is_kept(void **state)
{
	struct call_zero zero;
	struct call_zero_try how = unheard();
	call_zero_init(&zero, NAT_FALLBACK_AUTO);
	call_zero_again(&zero, &how, &nowhere);
	how = (struct call_zero_try){.up = true, .reason = CLOSE_TCP_CLOSED};
	assert_false(call_zero_again(&zero, &how, &nowhere));
	assert_true(zero.now);
}

static void only_silence_counts(void **state)
{
	static const enum nat_fallback modes[] = {NAT_FALLBACK_ON, NAT_FALLBACK_OFF};
	struct call_zero zero;
	struct call_zero_try how = {.reason = CLOSE_TCP_FAILED};
	call_zero_init(&zero, NAT_FALLBACK_AUTO);
	assert_false(call_zero_again(&zero, &how, &nowhere));
	how = unheard();
	for (unsigned n = 0; n < 2; n++) {
		call_zero_init(&zero, modes[n]);
		assert_int_equal(zero.now, modes[n] == NAT_FALLBACK_ON);
		assert_false(call_zero_again(&zero, &how, &nowhere));
		assert_int_equal(zero.now, modes[n] == NAT_FALLBACK_ON);
	}
}

static void the_session_knows(void **state)
{
	struct call_zero zero;
	struct tunnel_config config;
	memset(&config, 0, sizeof config);
	call_zero_init(&zero, NAT_FALLBACK_AUTO);
	call_zero_configure(&zero, &config);
	assert_int_equal(config.session.silence_us, GRE_SILENCE_MAX);
	assert_false(config.session.nat);
	memset(&config, 0, sizeof config);
	zero.now = true;
	call_zero_configure(&zero, &config);
	assert_int_equal(config.session.silence_us, 0);
	assert_true(config.session.nat);
	assert_int_equal(config.session.link.echo_interval_us, NAT_OPEN_EVERY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silence_is_answered_once),
		cmocka_unit_test(what_helped_is_kept),
		cmocka_unit_test(only_silence_counts),
		cmocka_unit_test(the_session_knows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
