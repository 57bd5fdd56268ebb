/* An expired password is changed on the way in: RFC 2759 §7, the same inside EAP, both roles, and
 * what does not work out. */
#include "pair.h"

#include <string.h>

static struct pair p;

static void begin(uint8_t method)
{
	pair_init(&p);
	p.a.link_config.allow_auth = method;
	p.b.link_config.demand_auth = method;
	p.a.link_config.new_password = "newer";
	p.a.link_config.new_password_length = 5;
	p.b.expired = true;
}

static const uint8_t methods[] = {AUTH_MSCHAPV2, AUTH_EAP_MSCHAPV2};

static void check_changed(void)
{
	if (!pair_up(&p))
		FAIL_TOLD("the pair is not up");
	assert_string_equal(p.b.changed, "newer");
	assert_int_equal(p.b.changes, 1);
	assert_int_equal(p.a.renewals, 1);
	assert_int_equal(p.b.credentials, 2);
	assert_true(end_noted(&p.a, "Our password has expired and is changed"));
	assert_true(end_noted(&p.b, "The password of \"user\" has expired: waiting for a new one"));
	assert_true(pair_logged(&p, "Change-Password"));
	assert_false(pair_logged(&p, "newer"));
}

static void changed(void **state)
{
	for (size_t i = 0; i < sizeof methods; i++) {
		begin(methods[i]);
		pair_start(&p);
		pair_run(&p, p.now + SECONDS(5));
		check_changed();
		/* Whoever starts over logs in with the new one. */
		uint32_t epoch = p.a.epoch;
		static const uint8_t request[] = {0xc0, 0x21, 1, 77, 0, 4};
		pair_inject(&p, &p.a, request, sizeof request);
		pair_run(&p, p.now + SECONDS(30));
		assert_true(p.a.epoch > epoch);
		assert_true(pair_up(&p));
		assert_int_equal(p.b.credentials, 3);
		assert_int_equal(p.a.renewals, 1);
	}
}

/* Each frame in turn is lost, and it still comes about. */
static void changed_under_loss(void **state)
{
	for (size_t i = 0; i < sizeof methods; i++)
		for (int lose = 0; lose < 24; lose++) {
			begin(methods[i]);
			p.lose = lose;
			pair_start(&p);
			pair_run(&p, p.now + SECONDS(60));
			check_changed();
		}
}

/* Frames come twice: the app is asked no more often for it. */
static void changed_with_duplicates(void **state)
{
	for (size_t i = 0; i < sizeof methods; i++) {
		begin(methods[i]);
		p.twice = true;
		pair_start(&p);
		pair_run(&p, p.now + SECONDS(10));
		check_changed();
	}
}

static void no_new_password(void **state)
{
	for (size_t i = 0; i < sizeof methods; i++) {
		begin(methods[i]);
		p.a.link_config.new_password = NULL;
		pair_start(&p);
		pair_run(&p, p.now + SECONDS(120));
		assert_true(p.a.closed && p.b.closed);
		assert_int_equal(p.a.reason, CLOSE_AUTH_EXPIRED);
		assert_true(end_noted(&p.a, "E=648 password expired"));
		assert_int_equal(p.b.changes, 0);
	}
}

/* The new password may not be as the server wants it. */
static void refused(void **state)
{
	for (size_t i = 0; i < sizeof methods; i++) {
		begin(methods[i]);
		p.b.hold_answers = true;
		pair_start(&p);
		pair_run(&p, p.now + SECONDS(1));
		pair_answer(&p, &p.b, true); /* expired */
		pair_run(&p, p.now + SECONDS(1));
		assert_true(p.b.asked.changes);
		p.b.denial = AUTH_ERROR_CHANGING;
		pair_answer(&p, &p.b, true);
		pair_run(&p, p.now + SECONDS(20));
		assert_int_equal(p.a.reason, CLOSE_AUTH_WE_FAILED);
		assert_int_equal(p.b.reason, CLOSE_AUTH_FAILED);
		assert_true(end_noted(&p.a, "E=709 error changing the password"));
		assert_int_equal(p.a.renewals, 0);
	}
}

/* It was changed, and is said to have expired all the same. */
static void expired_again(void **state)
{
	static const char words[] = "E=648 R=0 C=00112233445566778899aabbccddeeff V=3 M=again";
	uint8_t frame[6 + sizeof words - 1] = {0xc2, 0x23, 4, 0, 0, sizeof frame - 2};
	memcpy(frame + 6, words, sizeof words - 1);
	begin(AUTH_MSCHAPV2);
	p.b.hold_answers = true;
	pair_start(&p);
	pair_run(&p, p.now + SECONDS(1));
	pair_answer(&p, &p.b, true);
	pair_run(&p, p.now + SECONDS(1));
	assert_true(p.b.asked.changes);
	p.stop_b = true;
	frame[3] = p.b.link.chap.theirs.id;
	pair_inject(&p, &p.a, frame, sizeof frame);
	assert_int_equal(p.a.link.closing, CLOSE_AUTH_EXPIRED);
	assert_int_equal(p.a.renewals, 0);
}

/* The old one must have been right. */
static void wrong_password(void **state)
{
	for (size_t i = 0; i < sizeof methods; i++) {
		begin(methods[i]);
		p.b.peer_password = "another";
		pair_start(&p);
		pair_run(&p, p.now + SECONDS(20));
		assert_int_equal(p.a.reason, CLOSE_AUTH_WE_FAILED);
		assert_true(end_noted(&p.a, "E=691"));
		assert_int_equal(p.b.changes, 0);
	}
}

/* A client that says nothing more is waited for, but not for ever. */
static void never_answered(void **state)
{
	for (size_t i = 0; i < sizeof methods; i++) {
		begin(methods[i]);
		p.b.hold_answers = true;
		pair_start(&p);
		pair_run(&p, p.now + SECONDS(1));
		p.stop_a = true;
		pair_answer(&p, &p.b, true);
		pair_run(&p, p.now + SECONDS(60));
		assert_false(p.b.closed); /* people type it */
		pair_run(&p, p.now + SECONDS(60));
		assert_true(p.b.closed);
	}
}

static void cut_off(uint8_t *frame, size_t *length, size_t missing)
{
	*length -= missing;
	frame[4] = (uint8_t)((*length - 2) >> 8);
	frame[5] = (uint8_t)(*length - 2);
}

/* A Change-Password where none is awaited, with another identifier, or too short. */
static void malformed(void **state)
{
	uint8_t frame[2 + 586] = {0xc2, 0x23, 7, 9, 586 >> 8, 586 & 255};
	size_t length = sizeof frame;
	begin(AUTH_MSCHAPV2);
	p.b.hold_answers = true;
	pair_start(&p);
	pair_run(&p, p.now + SECONDS(1));
	pair_inject(&p, &p.b, frame, length);
	assert_int_equal(p.b.drops[DROP_FRAME_CODE], 1);
	p.stop_a = true;
	pair_answer(&p, &p.b, true);
	uint8_t id = p.b.link.chap.theirs.id;
	for (unsigned i = 0; i < 256; i++) {
		if ((uint8_t)(id + 1) == i)
			continue;
		frame[3] = (uint8_t)i;
		pair_inject(&p, &p.b, frame, length);
	}
	assert_int_equal(p.b.drops[DROP_FRAME_ID], 255);
	frame[3] = (uint8_t)(id + 1);
	cut_off(frame, &length, 1);
	pair_inject(&p, &p.b, frame, length);
	assert_int_equal(p.b.drops[DROP_AUTH_NAME], 1);
	assert_int_equal(p.b.credentials, 1);
}

/* What is signed with a password that is not the new one, or seals another hash, is refused. */
static void every_part_is_checked(void **state)
{
	static const size_t places[] = {0, 515, 516, 531, 532, 547, 548, 571};
	struct auth_password fresh;
	struct auth_answer answer;
	begin(AUTH_MSCHAPV2);
	p.b.hold_answers = true;
	pair_start(&p);
	pair_run(&p, p.now + SECONDS(1));
	pair_answer(&p, &p.b, true);
	pair_run(&p, p.now + SECONDS(1));
	struct auth_question good = p.b.asked;
	assert_true(good.changes);
	auth_check_change(&good, "secret", 6, false, &fresh, &answer);
	assert_true(answer.accepted && answer.keys.valid);
	assert_int_equal(fresh.length, 5);
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		struct auth_question bad = good;
		((uint8_t *)&bad.change)[places[i]] ^= 1;
		auth_check_change(&bad, "secret", 6, false, &fresh, &answer);
		/* The random bytes around the password are nobody's business. */
		assert_int_equal(answer.accepted, places[i] == 0);
	}
	struct auth_question other = good;
	other.challenge[3] ^= 1;
	auth_check_change(&other, "secret", 6, false, &fresh, &answer);
	assert_false(answer.accepted);
	assert_int_equal(answer.error, AUTH_ERROR_CHANGING);
	auth_check_change(&good, "Secret", 6, false, &fresh, &answer);
	assert_false(answer.accepted);
	uint8_t hash[16];
	nt_password_hash(hash, "secret", 6);
	auth_check_change(&good, hash, 16, true, &fresh, &answer);
	assert_true(answer.accepted);
}

/* A peer without a name that fits cannot be asked: the name is hashed. */
static void long_names(void **state)
{
	static const char name[64] =
		"a-name-of-64-bytes-0123456789-0123456789-0123456789-0123456789-";
	begin(AUTH_MSCHAPV2);
	p.a.link_config.name = name;
	p.a.link_config.name_length = 64;
	pair_start(&p);
	pair_run(&p, p.now + SECONDS(20));
	assert_true(p.a.closed);
	assert_int_equal(p.b.changes, 0);
	begin(AUTH_MSCHAPV2);
	p.a.link_config.name = name;
	p.a.link_config.name_length = 63;
	pair_start(&p);
	pair_run(&p, p.now + SECONDS(20));
	assert_true(pair_up(&p));
}

/* Both ends demand, both have expired. */
static void both_ways(void **state)
{
	begin(AUTH_MSCHAPV2);
	p.b.link_config.allow_auth = AUTH_EAP_MSCHAPV2;
	p.a.link_config.demand_auth = AUTH_EAP_MSCHAPV2;
	p.b.link_config.new_password = "of the server";
	p.b.link_config.new_password_length = 13;
	p.a.peer_password = "secret";
	p.a.expired = true;
	pair_start(&p);
	pair_run(&p, p.now + SECONDS(20));
	check_changed();
	assert_string_equal(p.a.changed, "of the server");
	assert_int_equal(p.b.renewals, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changed),
		cmocka_unit_test(changed_under_loss),
		cmocka_unit_test(changed_with_duplicates),
		cmocka_unit_test(no_new_password),
		cmocka_unit_test(refused),
		cmocka_unit_test(expired_again),
		cmocka_unit_test(wrong_password),
		cmocka_unit_test(never_answered),
		cmocka_unit_test(malformed),
		cmocka_unit_test(every_part_is_checked),
		cmocka_unit_test(long_names),
		cmocka_unit_test(both_ways),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
