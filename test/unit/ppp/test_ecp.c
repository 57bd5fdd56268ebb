/* ECP: both ends and each alone; what it arms and when, what ends it, in words. */
#include "pair.h"
#include "solo.h"

#include <stdio.h>
#include <string.h>

static struct pair p;
static struct solo s;

static struct ecp_key key_of(uint8_t length)
{
	struct ecp_key key = {.length = length};
	memset(key.bytes, 0x3c, length);
	return key;
}

static void start(uint8_t ours, uint8_t theirs)
{
	pair_init(&p);
	struct unit_config *ends[] = {&p.a.unit_config, &p.b.unit_config};
	for (unsigned n = 0; n < 2; n++) {
		ends[n]->mppe_allow = 0;
		ends[n]->mppe_require = false;
		ends[n]->ecp_key = key_of(n ? theirs : ours);
	}
	pair_start(&p);
	pair_run(&p, p.now + SECONDS(60));
}

static void assert_ciphers(uint8_t length)
{
	struct end *ends[] = {&p.a, &p.b};
	for (unsigned n = 0; n < 2; n++) {
		const struct ecp_cipher *out = &ends[n]->ciphers[1], *in = &ends[!n]->ciphers[0];
		assert_true(out->transmit && !in->transmit);
		assert_int_equal(out->key.length, length);
		assert_memory_equal(&out->key, &in->key, sizeof out->key);
		assert_memory_equal(out->nonce, in->nonce, ECP_NONCE);
	}
	assert_memory_not_equal(p.a.ciphers[1].nonce, p.b.ciphers[1].nonce, ECP_NONCE);
}

static void both_methods(void **state)
{
	static const uint8_t lengths[] = {ECP_KEY_DES, ECP_KEY_DES3};
	for (unsigned n = 0; n < 2; n++) {
		start(lengths[n], lengths[n]);
		if (!p.a.net.ipv4 || !p.b.net.ipv4)
			FAIL_TOLD("not up");
		assert_true(p.a.net.ecp && p.b.net.ecp);
		assert_int_equal(p.a.net.strength, MPPE_NONE);
		assert_ciphers(lengths[n]);
		assert_true(end_noted(
			&p.a, n ? "3DESE encryption enabled" : "DESE-bis encryption enabled"));
	}
}

/* Whichever control frame is lost, it comes up in the end, by the same nonces. */
static void losses(void **state)
{
	for (int lost = 0; lost < 40; lost++) {
		pair_init(&p);
		p.a.unit_config.mppe_allow = p.b.unit_config.mppe_allow = 0;
		p.a.unit_config.mppe_require = p.b.unit_config.mppe_require = false;
		p.a.unit_config.ecp_key = p.b.unit_config.ecp_key = key_of(ECP_KEY_DES);
		p.lose = lost;
		pair_start(&p);
		pair_run(&p, p.now + SECONDS(60));
		if (!p.a.net.ipv4 || !p.b.net.ipv4)
			FAIL_TOLD("not up without frame %d", lost);
		assert_ciphers(ECP_KEY_DES);
	}
}

static void refusals_in_words(void **state)
{
	start(ECP_KEY_DES, 0);
	assert_int_equal(p.a.unit_reason, CLOSE_ECP_REFUSED);
	assert_true(end_noted(&p.a, "ECP required but not available: the peer does not know ECP; "
				    "without option ecp-key-file MPPE would be tried\n"));
	assert_false(p.a.net.ipv4 || p.b.net.ipv4);
	start(ECP_KEY_DES, ECP_KEY_DES3);
	assert_true(p.a.failed || p.b.failed);
	assert_true(end_noted(p.a.failed ? &p.a : &p.b, "the peer rejects "));
	assert_false(p.a.net.ipv4 || p.b.net.ipv4);
}

static void alone(uint8_t length)
{
	struct unit_config config = {.local4 = 0x0a000001, .ecp_key = key_of(length)};
	memset(&s, 0, sizeof s);
	solo_unit(&s, &config, false);
}

/* The receiver before the Ack, the transmitter behind it, IPCP behind both. */
static void in_order(void **state)
{
	char nonce[2 * ECP_NONCE + 1], ack[64];
	alone(ECP_KEY_DES);
	assert_non_null(strstr(s.said, "< ECP Configure-Request id 1 dese-bis "));
	assert_null(strstr(s.said, "IPCP"));
	for (unsigned n = 0; n < ECP_NONCE; n++)
		snprintf(nonce + 2 * n, 3, "%02x", s.ecp.ours[n]);
	snprintf(ack, sizeof ack, "8053 0201000e 030a%s", nonce);
	solo_hears(&s, "8053 0107000e 030a 1122334455667788");
	assert_said(&s, "receive cipher DESE-bis\n"
			"< ECP Configure-Ack id 7 dese-bis 1122334455667788\n");
	solo_hears(&s, ack);
	assert_non_null(strstr(s.said, "transmit cipher DESE-bis\n"
				       "note DESE-bis encryption enabled\n"
				       "< IPCP Configure-Request"));
	assert_memory_equal(s.ecp.theirs, "\x11\x22\x33\x44\x55\x66\x77\x88", ECP_NONCE);
	/* A reset asked for is granted: there is nothing to do. */
	solo_hears(&s, "8053 0e090004");
	assert_said(&s, "< ECP Reset-Ack id 9\n");
	solo_hears(&s, "8053 0f090004");
	assert_said(&s, "drop frame-code\n");
	/* The peer begins again: everything from new nonces, and nothing in between. */
	uint8_t before[ECP_NONCE];
	memcpy(before, s.ecp.ours, sizeof before);
	solo_hears(&s, "8053 0108000e 030a 2122334455667788");
	assert_non_null(strstr(s.said, "transmit cipher none\nreceive cipher none\n"));
	assert_non_null(strstr(s.said, "receive cipher DESE-bis\n"));
	assert_memory_not_equal(s.ecp.ours, before, ECP_NONCE);
	assert_true(strstr(s.said, "receive cipher none") < strstr(s.said, "receive cipher DESE"));
}

static void options_of_a_peer(void **state)
{
	alone(ECP_KEY_DES3);
	/* The deprecated one, somebody's own, the other method, a wrong length: rejected. */
	solo_hears(&s, "8053 01010028 010a1122334455667788 0006aabbcc01 030a1122334455667788 "
		       "020a1122334455667788");
	assert_said(&s, "< ECP Configure-Reject id 1 dese 1122334455667788 oui aabbcc01 "
			"dese-bis 1122334455667788\n");
	solo_hears(&s, "8053 01020009 0205112233");
	assert_non_null(strstr(s.said, "< ECP Configure-Reject id 2 3dese"));
	/* None at all: told which. */
	solo_hears(&s, "8053 01030004");
	assert_non_null(strstr(s.said, "< ECP Configure-Nak id 3 3dese "));
	/* Ours Nak'd: there is nothing to haggle over, and it stays what it is. */
	uint8_t before[ECP_NONCE];
	memcpy(before, s.ecp.ours, sizeof before);
	solo_hears(&s, "8053 0301000e 020a0000000000000000");
	assert_memory_equal(s.ecp.ours, before, ECP_NONCE);
	solo_hears(&s, "8053 0107000e 020a1122334455667788");
	assert_non_null(strstr(s.said, "receive cipher 3DESE\n"));
}

/* Patience ends: what is asked for no more is taken for a refusal. */
static void a_peer_that_wants_none(void **state)
{
	char frame[64], all[16384] = "";
	alone(ECP_KEY_DES);
	for (unsigned id = 1; id < 12 && !strstr(all, "failed"); id++) {
		snprintf(frame, sizeof frame, "8053 01%02x0004", id);
		solo_hears(&s, frame);
		strncat(all, s.said, sizeof all - strlen(all) - 1);
		snprintf(frame, sizeof frame, "8053 02%02x000e 030a", s.ecp.fsm.request_id);
		for (unsigned n = 0; n < ECP_NONCE; n++)
			snprintf(frame + strlen(frame), 3, "%02x", s.ecp.ours[n]);
		solo_hears(&s, frame);
		strncat(all, s.said, sizeof all - strlen(all) - 1);
	}
	assert_non_null(strstr(all, "the peer does not take packets encrypted by DESE-bis"));
	assert_non_null(strstr(all, "failed ecp-refused"));
	assert_null(strstr(all, "transmit cipher DESE"));
	assert_null(strstr(all, "IPCP"));
}

/* It ends the session, whatever was up. */
static void the_peer_ends_it(void **state)
{
	start(ECP_KEY_DES, ECP_KEY_DES);
	assert_true(p.a.net.ipv4);
	static const uint8_t terminate[] = {0x80, 0x53, 5, 99, 0, 4};
	pair_inject(&p, &p.a, terminate, sizeof terminate);
	pair_run(&p, p.now + SECONDS(60));
	assert_int_equal(p.a.unit_reason, CLOSE_ECP_REFUSED);
	assert_true(end_noted(&p.a, "the peer ended ECP"));
	assert_false(p.a.net.ipv4);
	assert_int_equal(p.a.ciphers[0].key.length, 0);
	assert_int_equal(p.a.ciphers[1].key.length, 0);
}

static void silence(void **state)
{
	alone(ECP_KEY_DES);
	for (unsigned n = 0; n < 40 && unit_deadline(&s.unit) != NEVER; n++)
		solo_tick(&s);
	assert_non_null(strstr(s.said, "ECP required but not available: the peer does not answer "
				       "ECP"));
	assert_non_null(strstr(s.said, "failed ecp-refused"));
}

/* Without a key its frames are not the unit's, and the link rejects them by name. */
static void without_a_key(void **state)
{
	struct unit_config config = {.local4 = 0x0a000001};
	memset(&s, 0, sizeof s);
	solo_unit(&s, &config, false);
	static const uint8_t frame[] = {0x80, 0x53, 1, 1, 0, 4};
	OUTBOX(out, UNIT_OUT_ITEMS, UNIT_OUT_BYTES);
	assert_false(unit_input(&s.unit, frame, sizeof frame, s.now, &out));
	assert_int_equal(out.item_count, 0);
	unit_rejected(&s.unit, ECP, s.now, &out);
	assert_int_equal(out.item_count, 1);
	assert_int_equal(out.items[0].arg, DROP_FRAME_PROTOCOL);
}

/* A key, and no memory to use it: closed, not in clear. */
static void without_memory(void **state)
{
	struct unit_config config = {.local4 = 0x0a000001, .ecp_key = key_of(ECP_KEY_DES)};
	struct mppe_start_keys none = {.valid = false};
	struct random random = {0};
	struct unit unit;
	OUTBOX(out, UNIT_OUT_ITEMS, UNIT_OUT_BYTES);
	unit_config_defaults(&config);
	unit_init(&unit, &config, NULL, &random);
	unit_up(&unit, &none, SECONDS(1), &out);
	const struct out_item *last = &out.items[out.item_count - 1];
	assert_int_equal(last->kind, UNIT_FAILED);
	assert_int_equal(last->arg, CLOSE_LOCAL_ERROR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_methods),
		cmocka_unit_test(losses),
		cmocka_unit_test(refusals_in_words),
		cmocka_unit_test(in_order),
		cmocka_unit_test(options_of_a_peer),
		cmocka_unit_test(a_peer_that_wants_none),
		cmocka_unit_test(the_peer_ends_it),
		cmocka_unit_test(silence),
		cmocka_unit_test(without_a_key),
		cmocka_unit_test(without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
