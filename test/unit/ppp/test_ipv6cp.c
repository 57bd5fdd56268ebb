/* IPV6CP: identifiers named, refused and drawn again, and IPv6 beside, without and after IPv4. */
#include "pair.h"
#include "solo.h"

#include <stdio.h>
#include <string.h>

static struct solo s;
static struct pair p;

static const struct unit_config both = {.local4 = 0x0a000001, .remote4 = 0x0a000002, .ipv6 = true};

/* A unit whose identifier is 1:2:3:4 and whose offer is 5:6:7:8. */
static void begin(const struct unit_config *config)
{
	solo_unit(&s, config, false);
	s.unit.ipv6cp.local = UINT64_C(0x0001000200030004);
	s.unit.ipv6cp.offered = UINT64_C(0x0005000600070008);
}

static void identifiers_judged(void **state)
{
	static const struct {
		const char *options, *answer;
	} cases[] = {
		{"0e 01 0a 0009000900090009", "Configure-Ack id 1 id 0009:0009:0009:0009"},
		{"0e 01 0a 0000000000000000", "Configure-Nak id 1 id 0005:0006:0007:0008"},
		{"0e 01 0a 0001000200030004", "Configure-Nak id 1 id 0005:0006:0007:0008"},
		{"0c 01 08 000900090009", "Configure-Nak id 1 id 0005:0006:0007:0008"},
		{"04", "Configure-Nak id 1 id 0005:0006:0007:0008"},
		{"12 01 0a 0000000000000000 02 04 004f", "Configure-Reject id 1 compress 004f"},
		{"07 09 03 01", "Configure-Reject id 1 option-9 01"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char hex[128] = "8057 01 01 00 ", expected[128] = "< IPV6CP ";
		begin(&both);
		strcat(hex, cases[i].options);
		solo_hears(&s, hex);
		assert_said(&s, strcat(strcat(expected, cases[i].answer), "\n"));
	}
}

/* Our request, and what each Nak for it leads to. */
static void naks_taken(void **state)
{
	begin(&both);
	assert_non_null(strstr(s.said, "< IPCP Configure-Request id 1 addr 10.0.0.1\n< IPV6CP "
				       "Configure-Request id 1 id "));
	assert_false(s.frame[8] & 2); /* the u bit of what was drawn */
	solo_hears(&s, "8057 03 01 000e 01 0a 00aa00bb00cc00dd");
	assert_said(&s, "< IPV6CP Configure-Request id 2 id 00aa:00bb:00cc:00dd\n");
	solo_hears(&s, "8057 03 02 000e 01 0a 0000000000000000");
	assert_true(s.unit.ipv6cp.local && s.unit.ipv6cp.local != UINT64_C(0x00aa00bb00cc00dd));
	uint64_t drawn = s.unit.ipv6cp.local;
	solo_hears(&s, "8057 03 03 000e 01 0a 0005000600070008"); /* what we offered to the peer */
	assert_true(s.unit.ipv6cp.local != UINT64_C(0x0005000600070008));
	assert_true(s.unit.ipv6cp.local != drawn);
	solo_hears(&s, "8057 01 01 000e 01 0a 0009000900090009");
	solo_hears(&s, "8057 03 04 000e 01 0a 0009000900090009"); /* the peer's own */
	assert_true(s.unit.ipv6cp.local != UINT64_C(0x0009000900090009));
	solo_hears(&s, "8057 03 05 000e 01 0a 0005000600070008");
	assert_true(s.unit.ipv6cp.offered != s.unit.ipv6cp.local);
}

/* Those that are configured, and what the peer makes of them. */
static void identifiers_named(void **state)
{
	struct unit_config named = both;
	named.local6 = 1;
	named.remote6 = 2;
	solo_unit(&s, &named, false);
	assert_non_null(strstr(s.said, "< IPV6CP Configure-Request id 1 id 0000:0000:0000:0001\n"));
	solo_hears(&s, "8057 03 01 000e 01 0a 0009000900090009"); /* no other will do */
	assert_said(&s, "< IPV6CP Configure-Request id 2 id 0000:0000:0000:0001\n");
	solo_hears(&s, "8057 01 01 000e 01 0a 0009000900090009");
	assert_said(&s, "< IPV6CP Configure-Nak id 1 id 0000:0000:0000:0002\n");
	solo_hears(&s, "8057 01 02 000e 01 0a 0000000000000002");
	assert_said(&s, "< IPV6CP Configure-Ack id 2 id 0000:0000:0000:0002\n");
	named.accept_local6 = named.accept_remote6 = true;
	solo_unit(&s, &named, false);
	solo_hears(&s, "8057 03 01 000e 01 0a 0009000900090008");
	assert_said(&s, "< IPV6CP Configure-Request id 2 id 0009:0009:0009:0008\n");
	solo_hears(&s, "8057 01 01 000e 01 0a 0009000900090009");
	assert_said(&s, "< IPV6CP Configure-Ack id 1 id 0009:0009:0009:0009\n");
	solo_hears(&s, "8057 01 02 000e 01 0a 0000000000000000"); /* that is none */
	assert_said(&s, "< IPV6CP Configure-Nak id 2 id 0000:0000:0000:0002\n");
}

/* IPv6 is told when IPv4 is there, and with the network that the app gave. */
static void after_ipv4(void **state)
{
	struct unit_config asking = both;
	asking.ask_address = true;
	solo_unit(&s, &asking, false);
	assert_said(&s, "address?\n");
	OUTBOX(out, UNIT_OUT_ITEMS, UNIT_OUT_BYTES);
	struct unit_addresses given = {.granted = true, .remote4 = 0x0a000002};
	given.prefix6 = (struct prefix){.address = {6, {0xfd, 0, 0, 7}}, .length = 64};
	unit_addresses(&s.unit, s.token, &given, s.now, &out);
	s.unit.ipv6cp.local = 1;
	solo_hears(&s, "8057 01 01 000e 01 0a 0009000900090009");
	solo_hears(&s, "8057 02 01 000e 01 0a 0000000000000001");
	assert_said(&s, "");
	solo_hears(&s, "8021 01 01 000a 03 06 0a000002");
	solo_hears(&s, "8021 02 01 000a 03 06 0a000001");
	assert_said(&s, "network 10.0.0.1 to 10.0.0.2 fe80::1 to fe80::9:9:9:9 with "
			"fd00:7::/64 mppe 0\n");
	/* IPv4 negotiated anew does not take IPv6 away. */
	solo_hears(&s, "8021 01 02 000a 03 06 0a000002");
	assert_non_null(strstr(s.said, "network fe80::1 to fe80::9:9:9:9"));
	assert_true(unit_deadline(&s.unit) > s.now + SECONDS(1));
}

static void open_ipv6(void)
{
	s.unit.ipv6cp.local = 1;
	solo_hears(&s, "8057 01 01 000e 01 0a 0009000900090009");
	solo_hears(&s, "8057 02 01 000e 01 0a 0000000000000001");
}

/* IPv6 alone suffices, whichever ends first; and IPCP is not spoken any more. */
static void without_ipv4(void **state)
{
	begin(&both);
	open_ipv6();
	assert_said(&s, "");
	OUTBOX(out, UNIT_OUT_ITEMS, UNIT_OUT_BYTES);
	unit_rejected(&s.unit, 0x8021, s.now, &out);
	assert_int_equal(out.items[out.item_count - 1].kind, UNIT_NETWORK);
	assert_true(s.unit.reported.ipv6 && !s.unit.reported.ipv4);
	solo_hears(&s, "8021 01 01 000a 03 06 0a000002");
	assert_said(&s, "rejected\n");

	begin(&both);
	outbox_clear(&out);
	unit_rejected(&s.unit, 0x8021, s.now, &out);
	assert_false(s.unit.failed);
	open_ipv6();
	assert_true(s.unit.reported.ipv6);
}

/* Nor does it matter to IPv4 how IPV6CP ends; without both the unit ends, for IPv4's reason. */
static void without_ipv6(void **state)
{
	static const char *const ends[] = {"8057 05 07 0004", "8057 07 01 000a 01 01 000e 0000"};
	for (size_t i = 0; i < 2; i++) {
		begin(&both);
		solo_hears(&s, ends[i]);
		assert_false(s.unit.failed);
		solo_hears(&s, "8021 01 01 000a 03 06 0a000002");
		solo_hears(&s, "8021 02 01 000a 03 06 0a000001");
		assert_said(&s, "network 10.0.0.1 to 10.0.0.2 mppe 0\n");
		assert_false(s.unit.reported.ipv6);
	}
	begin(&both);
	OUTBOX(out, UNIT_OUT_ITEMS, UNIT_OUT_BYTES);
	unit_rejected(&s.unit, 0x0057, s.now, &out); /* it does not take the packets */
	assert_true(s.unit.ipv6cp.ended && !s.unit.failed);
	unit_rejected(&s.unit, 0x8021, s.now, &out);
	assert_true(s.unit.failed);
	assert_int_equal(s.unit.failing, CLOSE_NETWORK_REFUSED);
	begin(&both);
	outbox_clear(&out);
	unit_rejected(&s.unit, 0x8021, s.now, &out);
	assert_false(s.unit.failed);
	unit_rejected(&s.unit, 0x8057, s.now, &out);
	assert_true(s.unit.failed);
	assert_int_equal(s.unit.failing, CLOSE_NETWORK_REFUSED);
}

/* A peer that says nothing of IPv4 may be up with it. */
static void silence_about_ipv4(void **state)
{
	begin(&both);
	open_ipv6();
	for (int i = 0; i < 40 && !s.unit.failed; i++)
		solo_tick(&s);
	assert_int_equal(s.unit.failing, CLOSE_NETWORK_TIMEOUT);
}

/* One that does not answer IPV6CP is told when we give up. */
static void silence_about_ipv6(void **state)
{
	begin(&both);
	solo_hears(&s, "8021 01 01 000a 03 06 0a000002");
	solo_hears(&s, "8021 02 01 000a 03 06 0a000001");
	for (int i = 0; i < 10; i++)
		solo_tick(&s);
	assert_said(&s, "< IPV6CP Terminate-Request id 2\nnote IPV6CP: timeout sending "
			"Config-Requests: going on without IPv6\n");
	assert_true(s.unit.reported.ipv4 && !s.unit.failed);
}

/* Who is not asked to speak it, and who cannot, leaves it to LCP to say so. */
static void not_spoken(void **state)
{
	struct unit_config without = both;
	without.ipv6 = false;
	solo_unit(&s, &without, false);
	assert_said(&s, "< IPCP Configure-Request id 1 addr 10.0.0.1\n");
	solo_hears(&s, "8057 01 01 000e 01 0a 0009000900090009");
	assert_said(&s, "rejected\n");

	for (uint16_t mtu = 1279; mtu <= 1280; mtu++) {
		OUTBOX(out, UNIT_OUT_ITEMS, UNIT_OUT_BYTES);
		struct mppe_start_keys none = {.valid = false};
		begin(&both);
		unit_down(&s.unit, s.now, &out);
		unit_mtu(&s.unit, mtu);
		outbox_clear(&out);
		unit_up(&s.unit, &none, s.now, &out);
		if (mtu == 1279)
			assert_memory_equal(outbox_bytes(&out, &out.items[0]),
				"No IPv6: it needs an MTU of 1280, and here it is 1279", 53);
		else
			assert_int_equal(out.items[0].kind, UNIT_FRAME);
		solo_hears(&s, "8057 01 01 000e 01 0a 0009000900090009");
		assert_string_equal(s.said, mtu == 1279 ? "rejected\n"
							: "< IPV6CP Configure-Ack id 1 id "
							  "0009:0009:0009:0009\n");
	}
}

/* One that insists on an identifier that cannot be is not told to do without; IPv4 goes on. */
static void insisting(void **state)
{
	begin(&both);
	char hex[64];
	for (int i = 1; i <= 5; i++) {
		snprintf(hex, sizeof hex, "8057 01 %02x 000e 01 0a 0000000000000000", i);
		solo_hears(&s, hex);
		assert_non_null(strstr(s.said, "Configure-Nak"));
	}
	solo_hears(&s, "8057 01 06 000e 01 0a 0000000000000000");
	assert_non_null(strstr(s.said, "IPV6CP options did not converge: going on without IPv6"));
	assert_false(s.unit.failed);
}

/* Two whole ends, with the same identifier at first. */
static void ends_that_drew_the_same(void **state)
{
	for (unsigned seed = 0; seed < 32; seed++) {
		pair_init(&p);
		p.a.unit_config.ipv6 = p.b.unit_config.ipv6 = true;
		p.lose = (int)seed - 1;
		pair_start(&p);
		p.a.unit.ipv6cp.local = p.b.unit.ipv6cp.local = 7;
		pair_run(&p, p.now + SECONDS(60));
		if (!pair_up(&p) || !p.a.net.ipv6 || !p.b.net.ipv6)
			FAIL_TOLD("not up, without frame %d", p.lose);
		assert_true(p.a.net.local6 == p.b.net.remote6);
		assert_true(p.b.net.local6 == p.a.net.remote6);
		assert_true(p.a.net.local6 != p.b.net.local6 && p.a.net.local6 && p.b.net.local6);
	}
}

/* One end without: it makes no difference to the other. */
static void one_end_without(void **state)
{
	for (int which = 0; which < 2; which++) {
		pair_init(&p);
		(which ? &p.a : &p.b)->unit_config.ipv6 = true;
		pair_start(&p);
		pair_run(&p, p.now + SECONDS(60));
		assert_true(pair_up(&p));
		assert_false(p.a.net.ipv6 || p.b.net.ipv6);
		assert_true(end_noted(
			which ? &p.a : &p.b, "Peer refuses IPV6CP: going on without IPv6"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identifiers_judged),
		cmocka_unit_test(naks_taken),
		cmocka_unit_test(identifiers_named),
		cmocka_unit_test(after_ipv4),
		cmocka_unit_test(without_ipv4),
		cmocka_unit_test(without_ipv6),
		cmocka_unit_test(silence_about_ipv4),
		cmocka_unit_test(silence_about_ipv6),
		cmocka_unit_test(not_spoken),
		cmocka_unit_test(insisting),
		cmocka_unit_test(ends_that_drew_the_same),
		cmocka_unit_test(one_end_without),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
