/* IPCP beyond what every session negotiates: VJ header compression, each direction by itself, and
 * addresses on demand, with the answers pppd gives. */
#include "pair.h"
#include "solo.h"

#include <string.h>

static struct solo s;
static struct pair p;

/* A Configure-Request's options, behind the last byte of its length, and the answer. */
static void assert_judged(const struct unit_config *config, const char *options, const char *answer)
{
	char hex[160] = "8021 01 01 00 ", expected[160] = "< IPCP ";
	solo_unit(&s, config, false);
	solo_hears(&s, strcat(hex, options));
	assert_said(&s, strcat(strcat(expected, answer), "\n"));
}

static void assert_vj(const struct ipcp_vj *vj, unsigned slots, bool omit)
{
	assert_int_equal(vj->slots, slots);
	assert_true(vj->omit_slot == omit);
}

static void vj_requests_judged(void **state)
{
	static const struct {
		const char *options, *answer;
		struct ipcp_vj theirs;
	} cases[] = {
		{"0a 02 06 002d0f01", "Configure-Ack id 1 compress VJ 0f01", {8, true}},
		{"0a 02 06 002d0700", "Configure-Ack id 1 compress VJ 0700", {8, false}},
		{"0a 02 06 002d0301", "Configure-Ack id 1 compress VJ 0301", {4, true}},
		{"0a 02 06 002d0001", "Configure-Ack id 1 compress VJ 0001", {1, true}},
		{"0a 02 06 002dff01", "Configure-Ack id 1 compress VJ ff01", {8, true}},
		/* as RFC 1172 had it */
		{"08 02 04 002d", "Configure-Ack id 1 compress VJ", {8, true}},
		{"08 02 04 0037", "Configure-Ack id 1 compress old-VJ", {8, true}},
		/* other compressions (RFC 2509, RFC 3241), and lengths of nobody */
		{"12 02 0e 0061 000f 0001 0005 00a8 0100",
			"Configure-Reject id 1 compress 0061 000f0001000500a80100", {0, false}},
		{"0a 02 06 00370f01", "Configure-Reject id 1 compress old-VJ 0f01", {0, false}},
		{"08 02 04 0003", "Configure-Reject id 1 compress 0003", {0, false}},
		{"07 02 03 00", "Configure-Reject id 1 compress 00", {0, false}},
		{"09 02 05 002d0f", "Configure-Reject id 1 compress VJ 0f", {0, false}},
		{"0b 02 07 002d0f0100", "Configure-Reject id 1 compress VJ 0f0100", {0, false}},
	};
	struct unit_config config = {.local4 = 0x0a000001, .vj = {8, true}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_judged(&config, cases[i].options, cases[i].answer);
		assert_vj(&s.unit.ipcp.theirs, cases[i].theirs.slots, cases[i].theirs.omit_slot);
	}
	config.vj.omit_slot = false; /* then it is nothing that we do */
	assert_judged(&config, "0a 02 06 002d0701", "Configure-Ack id 1 compress VJ 0701");
	assert_vj(&s.unit.ipcp.theirs, 8, false);
	config.vj.slots = 0;
	assert_judged(&config, "0a 02 06 002d0701", "Configure-Reject id 1 compress VJ 0701");
	assert_judged(&config, "08 02 04 0037", "Configure-Reject id 1 compress old-VJ");
	assert_vj(&s.unit.ipcp.theirs, 0, false);
}

/* Fewer slots than we take and named ones are no trouble; more, or something else, are. */
static void vj_wishes(void **state)
{
	static const struct {
		const char *answer, *next;
		struct ipcp_vj ours;
	} cases[] = {
		{"8021 03 01 000a 02 06 002d0301", "addr 10.0.0.1 compress VJ 0301", {4, true}},
		{"8021 03 01 000a 02 06 002d0f00", "addr 10.0.0.1 compress VJ 0f00", {16, false}},
		{"8021 03 01 000a 02 06 002dff01", "addr 10.0.0.1 compress VJ 0f01", {16, true}},
		{"8021 03 01 0008 02 04 002d", "addr 10.0.0.1", {0, false}},
		{"8021 03 01 0008 02 04 0037", "addr 10.0.0.1", {0, false}},
		{"8021 03 01 000a 02 06 00610f01", "addr 10.0.0.1", {0, false}},
		{"8021 03 01 0006 02 02", "addr 10.0.0.1", {0, false}},
		{"8021 04 01 000a 02 06 002d0f01", "addr 10.0.0.1", {0, false}},
	};
	struct unit_config config = {.local4 = 0x0a000001, .vj = {16, true}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char expected[128] = "< IPCP Configure-Request id 2 ";
		solo_unit(&s, &config, false);
		assert_said(&s, "< IPCP Configure-Request id 1 addr 10.0.0.1 compress VJ 0f01\n");
		assert_frame(&s, "8021 01 01 0010 0306 0a000001 0206 002d 0f 01");
		solo_hears(&s, cases[i].answer);
		assert_said(&s, strcat(strcat(expected, cases[i].next), "\n"));
		assert_vj(&s.unit.ipcp.ours, cases[i].ours.slots, cases[i].ours.omit_slot);
	}
	config.vj.slots = 0; /* a Nak for what was never asked changes nothing */
	solo_unit(&s, &config, false);
	solo_hears(&s, "8021 03 01 000a 02 06 002d0301");
	assert_said(&s, "< IPCP Configure-Request id 2 addr 10.0.0.1\n");
}

static void start_pair(const struct ipcp_vj *a, const struct ipcp_vj *b)
{
	pair_init(&p);
	p.a.unit_config.vj = *a;
	p.b.unit_config.vj = *b;
	pair_start(&p);
	pair_run(&p, p.now + SECONDS(5));
	if (!pair_up(&p))
		FAIL_TOLD("not up");
}

static void each_direction_by_itself(void **state)
{
	static const struct ipcp_vj none = {0}, few = {4, false}, many = {16, true};
	start_pair(&few, &many); /* what both can, in the words of who receives */
	assert_vj(&p.a.net.transmit_vj, 4, false);
	assert_vj(&p.b.net.receive_vj, 16, true);
	assert_vj(&p.b.net.transmit_vj, 4, false);
	assert_vj(&p.a.net.receive_vj, 4, false);
	start_pair(&none, &many);
	assert_vj(&p.a.net.transmit_vj, 0, false);
	assert_vj(&p.a.net.receive_vj, 0, false);
	assert_vj(&p.b.net.transmit_vj, 0, false);
	assert_vj(&p.b.net.receive_vj, 0, false);
	assert_true(pair_logged(&p, "Configure-Reject id 1 compress VJ 0f01\n"));

	/* A peer that asks and gives nothing, and one that gives and asks for nothing. */
	struct unit_config config = {.local4 = 0x0a000001, .vj = many};
	solo_unit(&s, &config, false);
	solo_hears(&s, "8021 04 01 000a 02 06 002d0f01");
	solo_hears(&s, "8021 02 02 000a 03 06 0a000001");
	solo_hears(&s, "8021 01 01 0010 03 06 0a000002 02 06 002d0300");
	assert_vj(&s.unit.reported.transmit_vj, 4, false);
	assert_vj(&s.unit.reported.receive_vj, 0, false);
	solo_unit(&s, &config, false);
	solo_hears(&s, "8021 02 01 0010 03 06 0a000001 02 06 002d0f01");
	solo_hears(&s, "8021 01 01 000a 03 06 0a000002");
	assert_vj(&s.unit.reported.transmit_vj, 0, false);
	assert_vj(&s.unit.reported.receive_vj, 16, true);
	/* Negotiated anew, without it: who sends hears of it. */
	solo_hears(&s, "8021 01 02 0010 03 06 0a000002 02 06 002d0301");
	assert_false(s.unit.reported.ipv4);
	assert_vj(&s.unit.reported.receive_vj, 0, false);
	solo_hears(&s, "8021 02 02 0010 03 06 0a000001 02 06 002d0f01");
	assert_vj(&s.unit.reported.transmit_vj, 4, true);
	assert_vj(&s.unit.reported.receive_vj, 16, true);
	solo_hears(&s, "8021 01 03 000a 03 06 0a000002"); /* and what it leaves out is over */
	assert_vj(&s.unit.ipcp.theirs, 0, false);
}

/* pppd's ipcp-accept-remote: the peer knows better than we; 0.0.0.0 still asks to be told. */
static void the_peers_own_address(void **state)
{
	static const struct {
		const char *options, *taken, *kept;
	} cases[] = {
		{"0a 03 06 0a000002", "Configure-Ack id 1 addr 10.0.0.2",
			"Configure-Ack id 1 addr 10.0.0.2"},
		{"0a 03 06 c0a80009", "Configure-Ack id 1 addr 192.168.0.9",
			"Configure-Nak id 1 addr 10.0.0.2"},
		{"0a 03 06 00000000", "Configure-Nak id 1 addr 10.0.0.2",
			"Configure-Nak id 1 addr 10.0.0.2"},
		{"0a 03 06 7f000001", "Configure-Nak id 1 addr 10.0.0.2",
			"Configure-Nak id 1 addr 10.0.0.2"},
		{"04", "Configure-Nak id 1 addr 10.0.0.2", "Configure-Nak id 1 addr 10.0.0.2"},
	};
	struct unit_config config = {.local4 = 0x0a000001, .remote4 = 0x0a000002};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		config.accept_remote4 = true;
		assert_judged(&config, cases[i].options, cases[i].taken);
		config.accept_remote4 = false;
		assert_judged(&config, cases[i].options, cases[i].kept);
	}
	config.accept_remote4 = true;
	solo_unit(&s, &config, false);
	solo_hears(&s, "8021 02 01 000a 03 06 0a000001");
	solo_hears(&s, "8021 01 01 000a 03 06 c0a80009");
	assert_said(&s, "< IPCP Configure-Ack id 1 addr 192.168.0.9\n"
			"network 10.0.0.1 to 192.168.0.9 mppe 0\n");
}

/* Cisco's mask: asked for where it is wanted, and only what is one is taken. */
static void mask_of_the_network_behind(void **state)
{
	static const struct {
		const char *answer, *next;
		uint32_t mask;
	} cases[] = {
		{"03 01 000a 90 06 ffffff00", "addr 10.0.0.9 mask 255.255.255.0", 0xffffff00},
		{"03 01 000a 90 06 80000000", "addr 10.0.0.9 mask 128.0.0.0", 0x80000000},
		{"03 01 000a 90 06 ffff00ff", "addr 10.0.0.9", 0},
		{"03 01 000a 90 06 00000000", "addr 10.0.0.9", 0},
		{"03 01 000a 90 06 ffffffff", "addr 10.0.0.9", 0},
		{"03 01 0008 90 04 ffff", "addr 10.0.0.9", 0},
		{"04 01 000a 90 06 00000000", "addr 10.0.0.9", 0},
	};
	struct unit_config config = {.local4 = 0x0a000009, .ask_mask = true};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char hex[64] = "8021 ", expected[128] = "< IPCP Configure-Request id 2 ";
		solo_unit(&s, &config, false);
		assert_said(&s, "< IPCP Configure-Request id 1 addr 10.0.0.9 mask 0.0.0.0\n");
		solo_hears(&s, strcat(hex, cases[i].answer));
		assert_said(&s, strcat(strcat(expected, cases[i].next), "\n"));
		assert_int_equal(s.unit.ipcp.mask4, cases[i].mask);
	}
	solo_unit(&s, &config, false);
	solo_hears(&s, "8021 03 01 000a 90 06 ffffff00");
	solo_hears(&s, "8021 02 02 0010 03 06 0a000009 90 06 ffffff00");
	solo_hears(&s, "8021 01 01 000a 03 06 0a000001");
	assert_int_equal(s.unit.reported.mask4, 0xffffff00);
	config.ask_mask = false; /* a Nak for what was not asked is no answer; nobody is given it */
	solo_unit(&s, &config, false);
	solo_hears(&s, "8021 03 01 000a 90 06 ffffff00");
	assert_said(&s, "< IPCP Configure-Request id 2 addr 10.0.0.9\n");
	assert_int_equal(s.unit.ipcp.mask4, 0);
	assert_judged(&config, "0a 90 06 00000000", "Configure-Reject id 1 mask 0.0.0.0");
}

/* pppd's ipcp-no-address: what both ends were told beforehand is not spoken about. */
static void no_address_spoken_about(void **state)
{
	struct unit_config config = {
		.local4 = 0x0a000001, .remote4 = 0x0a000002, .no_address4 = true};
	assert_judged(&config, "0a 03 06 0a000002", "Configure-Reject id 1 addr 10.0.0.2");
	solo_unit(&s, &config, false);
	assert_said(&s, "< IPCP Configure-Request id 1\n");
	solo_hears(&s, "8021 03 01 000a 03 06 0a000007"); /* the peer would like it spoken about */
	assert_said(&s, "< IPCP Configure-Request id 2\n");
	solo_hears(&s, "8021 02 02 0004");
	solo_hears(&s, "8021 01 01 0004");
	assert_said(&s, "< IPCP Configure-Ack id 1\nnetwork 10.0.0.1 to 10.0.0.2 mppe 0\n");
	config.local4 = 0;
	solo_unit(&s, &config, false);
	solo_hears(&s, "8021 02 01 0004");
	solo_hears(&s, "8021 01 01 0004");
	assert_said(&s, "< IPCP Configure-Ack id 1\nnote Peer gave us no IP address\n"
			"failed address-none\n");
	/* Against an end that does speak of them. */
	pair_init(&p);
	p.a.unit_config.no_address4 = true;
	p.a.unit_config.local4 = 0x0a000002;
	p.a.unit_config.remote4 = 0x0a000001;
	pair_start(&p);
	pair_run(&p, p.now + SECONDS(20));
	if (!pair_up(&p))
		FAIL_TOLD("not up");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vj_requests_judged),
		cmocka_unit_test(vj_wishes),
		cmocka_unit_test(each_direction_by_itself),
		cmocka_unit_test(the_peers_own_address),
		cmocka_unit_test(mask_of_the_network_behind),
		cmocka_unit_test(no_address_spoken_about),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
