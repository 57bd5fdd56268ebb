/* LCP, PAP and CHAP (EAP is in test_eap.c) in golden bytes: one link alone, both roles. */
#include "solo.h"

#include <stdio.h>
#include <string.h>

#include "chap_message.h"

static struct solo s;

static const struct link_config plain = {.mru = 1500, .name = "", .password = ""};

/* To Opened, with the options the peer's request has (their length in the packet's). */
static void open_with(const struct link_config *config, const char *request)
{
	static const char digits[] = "0123456789abcdef";
	solo_link(&s, config);
	/* Our own request, acked as it is. */
	char ack[2 * PPP_FRAME_MAX + 1];
	for (size_t i = 0; i < s.frame_length; i++) {
		ack[2 * i] = digits[s.frame[i] >> 4];
		ack[2 * i + 1] = digits[s.frame[i] & 15];
	}
	ack[2 * s.frame_length] = '\0';
	ack[5] = '2';
	solo_hears(&s, ack);
	assert_said(&s, "");
	solo_hears(&s, request);
}

static void first_request(void **state)
{
	struct link_config config = plain;
	solo_link(&s, &config);
	uint32_t magic = s.link.lcp.magic;
	assert_true(magic != 0);
	uint8_t expected[12] = {0xc0, 0x21, 1, 1, 0, 10, 5, 6};
	put_u32(expected + 8, magic);
	assert_memory_equal(s.frame, expected, sizeof expected);
	assert_int_equal(s.frame_length, sizeof expected);

	config.mru = 1400;
	config.ask_accm = config.ask_pfc = config.ask_acfc = true;
	static const struct {
		uint8_t demand;
		const char *option;
		unsigned length;
	} methods[] = {{AUTH_PAP, "03 04 c023", 4}, {AUTH_CHAP_MD5, "03 05 c223 05", 5},
		{AUTH_MSCHAP, "03 05 c223 80", 5}, {AUTH_MSCHAPV2 | AUTH_PAP, "03 05 c223 81", 5},
		{AUTH_MSCHAPV2 | AUTH_EAP_MSCHAPV2, "03 05 c223 81", 5},
		{AUTH_MSCHAPV2 | AUTH_EAP, "03 04 c227", 4},
		{AUTH_EAP | AUTH_MSCHAP, "03 04 c227", 4}};
	for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
		config.demand_auth = methods[i].demand;
		solo_link(&s, &config);
		uint8_t golden[64];
		size_t n = hex_bytes(
			golden, sizeof golden, "c021 01 01 0000 01 04 0578 02 06 00000000");
		n += hex_bytes(golden + n, sizeof golden - n, methods[i].option);
		n += hex_bytes(golden + n, sizeof golden - n, "05 06");
		put_u32(golden + n, s.link.lcp.magic);
		n += 4;
		n += hex_bytes(golden + n, sizeof golden - n, "07 02 08 02");
		golden[5] = (uint8_t)(n - 2);
		assert_int_equal(s.frame_length, n);
		assert_memory_equal(s.frame, golden, n);
	}
}

static void requests_judged(void **state)
{
	static const struct {
		const char *options, *answer;
	} cases[] = {
		{"0004", "c021 02 07 0004"}, {"0008 01 04 0578", "c021 02 07 0008 01 04 0578"},
		{"0008 01 04 0080", "c021 02 07 0008 01 04 0080"},
		{"0008 01 04 007f", "c021 03 07 0008 01 04 0080"},
		{"0008 01 04 0000", "c021 03 07 0008 01 04 0080"},
		{"0008 01 04 05dd", "c021 02 07 0008 01 04 05dd"}, /* more than 1500 is no fault */
		{"0008 01 04 ffff", "c021 02 07 0008 01 04 ffff"},
		{"0007 01 03 05", "c021 03 07 0008 01 04 05dc"},
		{"000a 02 06 000a0000", "c021 02 07 000a 02 06 000a0000"},
		{"0006 02 02", "c021 03 07 000a 02 06 00000000"},
		{"0008 07 02 08 02", "c021 02 07 0008 07 02 08 02"},
		{"0007 07 03 00", "c021 04 07 0007 07 03 00"},
		{"0007 08 03 00", "c021 04 07 0007 08 03 00"},
		{"000a 05 06 12345678", "c021 02 07 000a 05 06 12345678"},
		{"0008 11 04 05dc", "c021 04 07 0008 11 04 05dc"}, /* MRRU */
		{"0007 0d 03 06", "c021 04 07 0007 0d 03 06"},     /* callback */
		{"000c 04 08 c025 00000064", "c021 02 07 000c 04 08 c025 00000064"},
		{"0007 13 03 00", "c021 04 07 0007 13 03 00"}, /* endpoint */
		{"0006 09 02", "c021 04 07 0006 09 02"},
		{"000a 01 04 0000 09 02", "c021 04 07 0006 09 02"},
		{"0009 03 05 c223 81", "c021 04 07 0009 03 05 c223 81"}, /* nothing is allowed */
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char hex[128] = "c021 01 07 ";
		solo_link(&s, &plain);
		solo_hears(&s, strcat(hex, cases[i].options));
		assert_frame(&s, cases[i].answer);
	}
}

static void large_mru_is_not_used(void **state)
{
	open_with(&plain, "c021 01 07 0008 01 04 ffff");
	assert_int_equal(s.link.lcp.peer.mru, 1500);
	assert_int_equal(s.link.phase, PHASE_NETWORK);
}

static void magic_of_zero_or_ours(void **state)
{
	solo_link(&s, &plain);
	solo_hears(&s, "c021 01 07 000a 05 06 00000000");
	assert_int_equal(s.frame[2], CONFIGURE_NAK);
	uint8_t none[4] = {0};
	assert_memory_not_equal(s.frame + 8, none, 4);
	uint8_t ours[12] = {0xc0, 0x21, 1, 8, 0, 10, 5, 6};
	put_u32(ours + 8, s.link.lcp.magic);
	OUTBOX(out, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	link_input(&s.link, ours, sizeof ours, s.now, &out);
	const uint8_t *nak = outbox_bytes(&out, &out.items[0]);
	assert_int_equal(nak[2], CONFIGURE_NAK);
	assert_memory_not_equal(nak + 8, ours + 8, 4);
	assert_int_equal(s.link.lcp.loops, 1);
	solo_hears(&s, "c021 01 09 000a 05 06 12345678"); /* another's: no loop after all */
	assert_int_equal(s.link.lcp.loops, 0);
}

static void methods_judged(void **state)
{
	static const struct {
		uint8_t allow;
		const char *option, *answer;
	} cases[] = {
		{AUTH_MSCHAPV2, "0009 03 05 c223 81", "c021 02 07 0009 03 05 c223 81"},
		{AUTH_MSCHAPV2, "0008 03 04 c023", "c021 03 07 0009 03 05 c223 81"},
		{AUTH_MSCHAPV2, "0009 03 05 c223 05", "c021 03 07 0009 03 05 c223 81"},
		{AUTH_MSCHAPV2 | AUTH_PAP, "0009 03 05 c223 80", "c021 03 07 0009 03 05 c223 81"},
		{AUTH_MSCHAPV2 | AUTH_PAP, "0008 03 04 c023", "c021 02 07 0008 03 04 c023"},
		{AUTH_PAP, "0009 03 05 c023 00", "c021 03 07 0008 03 04 c023"},      /* too long */
		{AUTH_MSCHAPV2, "0008 03 04 c223", "c021 03 07 0009 03 05 c223 81"}, /* too short */
		{AUTH_MSCHAPV2, "000a 03 06 c223 81 81", "c021 03 07 0009 03 05 c223 81"},
		{AUTH_MSCHAPV2, "0008 03 04 c227", "c021 03 07 0009 03 05 c223 81"},
		{AUTH_MSCHAPV2 | AUTH_EAP, "0008 03 04 c227", "c021 02 07 0008 03 04 c227"},
		{AUTH_EAP_MSCHAPV2 | AUTH_PAP, "0009 03 05 c223 81", "c021 03 07 0008 03 04 c227"},
		{AUTH_EAP_MD5 | AUTH_MSCHAP, "0008 03 04 c023", "c021 03 07 0009 03 05 c223 80"},
		{AUTH_EAP, "0009 03 05 c227 00", "c021 03 07 0008 03 04 c227"}, /* too long */
		{AUTH_MSCHAPV2, "0006 03 02", "c021 03 07 0009 03 05 c223 81"},
		{AUTH_MSCHAP, "0007 03 03 c2", "c021 03 07 0009 03 05 c223 80"},
		{AUTH_CHAP_MD5, "0009 03 05 c223 06", "c021 03 07 0009 03 05 c223 05"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct link_config config = plain;
		char hex[128] = "c021 01 07 ";
		config.allow_auth = cases[i].allow;
		solo_link(&s, &config);
		solo_hears(&s, strcat(hex, cases[i].option));
		assert_frame(&s, cases[i].answer);
	}
}

/* A peer that insists on a method we do not allow is rejected it, and its leaving is named. */
static void insisting_on_a_method(void **state)
{
	struct link_config config = plain;
	config.allow_auth = AUTH_MSCHAPV2;
	solo_link(&s, &config);
	static const char *const requests[] = {"c021 01 01 0008 03 04 c023",
		"c021 01 02 0008 03 04 c023", "c021 01 03 0008 03 04 c023",
		"c021 01 04 0008 03 04 c023", "c021 01 05 0008 03 04 c023"};
	for (int i = 0; i < 5; i++) {
		solo_hears(&s, requests[i]);
		assert_non_null(strstr(s.said, "< LCP Configure-Nak id "));
	}
	solo_hears(&s, "c021 01 07 0008 03 04 c023");
	assert_frame(&s, "c021 04 07 0008 03 04 c023");
	solo_hears(&s, "c021 05 08 0004");
	assert_said(&s,
		"note LCP terminated by peer\n< LCP Terminate-Ack id 8\n"
		"< LCP Terminate-Request id 2 \"the peer demands an authentication we do not "
		"allow\"\n");
	solo_hears(&s, "c021 06 02 0004");
	assert_said(&s, "closed auth-we-refused\n");

	solo_link(&s, &config); /* or it never leaves and never gives in */
	for (int i = 0; i < 60; i++)
		solo_hears(&s, "c021 01 07 0008 03 04 c023");
	assert_int_equal(s.link.closing, CLOSE_AUTH_WE_REFUSED);
	assert_int_equal(s.link.phase, PHASE_TERMINATE);
}

/* Nobody is let in without the authentication we demand. */
static void refusing_to_authenticate(void **state)
{
	struct link_config config = plain;
	config.demand_auth = AUTH_MSCHAPV2 | AUTH_PAP;
	solo_link(&s, &config);
	solo_hears(&s, "c021 03 01 0009 03 05 c223 05"); /* MD5: not ours; PAP is what is left */
	assert_non_null(strstr(s.said, "< LCP Configure-Request id 2 auth PAP magic "));
	solo_hears(&s, "c021 03 02 0009 03 05 c223 81"); /* back to one it refused */
	assert_non_null(strstr(s.said, "< LCP Terminate-Request id 3 \"the peer refuses to "
				       "authenticate itself\"\n"));
	solo_link(&s, &config);
	solo_hears(&s, "c021 04 01 0009 03 05 c223 81");
	assert_non_null(strstr(s.said, "< LCP Terminate-Request id 2"));
	assert_int_equal(s.link.closing, CLOSE_AUTH_REFUSED);
	solo_link(&s, &config);
	solo_hears(&s, "c021 03 01 0008 03 04 c023"); /* its own wish, when allowed, at once */
	assert_non_null(strstr(s.said, "< LCP Configure-Request id 2 auth PAP magic "));
}

static void our_wishes_change(void **state)
{
	struct link_config config = plain;
	config.mru = 1400;
	config.ask_pfc = config.ask_acfc = config.ask_accm = true;
	solo_link(&s, &config);
	solo_hears(&s, "c021 04 01 000e 02 06 00000000 07 02 08 02");
	assert_non_null(strstr(s.said, "< LCP Configure-Request id 2 mru 1400 magic "));
	assert_null(strstr(s.said, "pfc"));
	solo_hears(&s, "c021 03 02 0008 01 04 0200");
	assert_non_null(strstr(s.said, "< LCP Configure-Request id 3 mru 512 magic "));
	solo_hears(&s, "c021 03 03 0008 01 04 0010"); /* below what the RFC allows */
	assert_non_null(strstr(s.said, "< LCP Configure-Request id 4 mru 128 magic "));
	solo_hears(&s, "c021 03 04 0008 01 04 0800");
	assert_non_null(strstr(s.said, "< LCP Configure-Request id 5 magic "));
	assert_int_equal(s.link.lcp.mru, 1500);
	uint32_t magic = s.link.lcp.magic;
	solo_hears(&s, "c021 03 05 000a 05 06 11111111");
	assert_int_not_equal(s.link.lcp.magic, magic);
	uint8_t reject[12] = {0xc0, 0x21, 4, 6, 0, 10, 5, 6};
	put_u32(reject + 8, s.link.lcp.magic);
	OUTBOX(out, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	link_input(&s.link, reject, sizeof reject, s.now, &out);
	assert_int_equal(out.items[0].length, 6); /* nothing is left to ask for */
	assert_int_equal(s.link.lcp.magic, 0);

	solo_link(&s, &config);
	solo_hears(&s, "c021 03 01 000e 02 06 000a0000 07 02 08 02");
	assert_non_null(strstr(s.said, "id 2 mru 1400 asyncmap 000a0000 magic "));
	assert_null(strstr(s.said, "pfc"));
	solo_hears(&s, "c021 04 02 0008 01 04 0578");
	assert_non_null(strstr(s.said, "id 3 asyncmap 000a0000 magic "));
}

/* What we ask of a line (RFC 1570 §2.1), and what becomes of it. */
static void check_sequences(void **state)
{
	struct link_config config = plain;
	config.line = true;
	config.ask_fcs = LCP_FCS_32;
	solo_link(&s, &config);
	assert_non_null(strstr(s.said, " fcs 32"));
	solo_hears(&s, "c021 03 01 0007 09 03 02");
	assert_non_null(strstr(s.said, "LCP Configure-Request id 2 magic"));
	assert_null(strstr(s.said, "fcs")); /* 16 bits go without saying */
	solo_link(&s, &config);
	solo_hears(&s, "c021 03 01 0007 09 03 04");
	assert_non_null(strstr(s.said, " fcs 32"));
	solo_hears(&s, "c021 04 02 0007 09 03 04");
	assert_null(strstr(s.said, "fcs"));
}

static void check_sequences_judged(void **state)
{
	static const struct {
		const char *options, *answer;
	} cases[] = {
		{"0007 09 03 04", "c021 02 07 0007 09 03 04"},
		{"0007 09 03 02", "c021 02 07 0007 09 03 02"},
		{"0007 09 03 01", "c021 03 07 0007 09 03 02"}, /* none: the line has errors */
		{"0007 09 03 06", "c021 03 07 0007 09 03 04"},
		{"0006 09 02", "c021 03 07 0007 09 03 02"},
	};
	struct link_config config = plain;
	char request[64];
	config.line = true;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		solo_link(&s, &config);
		snprintf(request, sizeof request, "c021 01 07 %s", cases[i].options);
		solo_hears(&s, request);
		assert_frame(&s, cases[i].answer);
	}
	solo_link(&s, &config);
	solo_hears(&s, "c021 01 07 000d 02 06 000a0000 09 03 04");
	assert_int_equal(s.link.lcp.peer.fcs, LCP_FCS_32);
	assert_int_equal(s.link.lcp.peer.accm, 0x000a0000);
	solo_hears(&s, "c021 01 08 0004"); /* what it does not repeat it has no more */
	assert_int_equal(s.link.lcp.peer.fcs, LCP_FCS_16);
	assert_int_equal(s.link.lcp.peer.accm, LCP_ACCM_DEFAULT);
}

/* What is received while LCP still negotiates. */
static void first_framing(void **state)
{
	struct link_config config = plain;
	config.line = true;
	solo_link(&s, &config);
	struct link_framing framing = link_first_framing(&s.link);
	assert_int_equal(framing.receive_accm, LCP_ACCM_DEFAULT);
	assert_int_equal(framing.send_accm, LCP_ACCM_DEFAULT);
	config.ask_accm = true;
	config.accm = 0x00020000;
	solo_link(&s, &config);
	assert_int_equal(link_first_framing(&s.link).receive_accm, 0x00020000);
	config.receive_all = true;
	solo_link(&s, &config);
	assert_int_equal(link_first_framing(&s.link).receive_accm, 0);
}

static void echo(void **state)
{
	open_with(&plain, "c021 01 07 0008 01 04 0080");
	uint32_t magic = s.link.lcp.magic;
	solo_hears(&s, "c021 09 2a 000b 00000000 616263");
	uint8_t reply[13] = {0xc0, 0x21, 10, 0x2a, 0, 11, 0, 0, 0, 0, 'a', 'b', 'c'};
	put_u32(reply + 6, magic);
	assert_int_equal(s.frame_length, sizeof reply);
	assert_memory_equal(s.frame, reply, sizeof reply);
	solo_hears(&s, "c021 09 2b 0008 deadbeef"); /* a stranger's magic number: tolerated */
	assert_int_equal(s.frame[3], 0x2b);
	solo_hears(&s, "c021 0a 2b 0008 deadbeef");
	assert_said(&s, "");
	solo_hears(&s, "c021 0b 2b 0009 deadbeef 00");
	assert_said(&s, "");
	solo_hears(&s, "c021 09 2b 0007 deadbe");
	assert_said(&s, "drop frame-short\n");
	solo_hears(&s, "c021 0c 2b 0007 deadbe");
	assert_said(&s, "drop frame-short\n");
	solo_hears(&s, "c021 0d 2b 000b deadbeef 000000");
	assert_said(&s, "drop frame-short\n");
	solo_hears(&s, "c021 08 2b 0005 80");
	assert_said(&s, "drop frame-short\n");
	/* The reply fits the peer's MRU of 128. */
	char hex[2 * 300 + 32] = "c021 09 2c 012c 00000000";
	for (int i = 0; i < 292; i++)
		strcat(hex, "55");
	solo_hears(&s, hex);
	assert_int_equal(s.frame_length, 2 + 128);
	/* Not in Opened: silence. */
	solo_link(&s, &plain);
	solo_hears(&s, "c021 09 2a 0008 00000000");
	assert_said(&s, "drop frame-phase\n");
	solo_hears(&s, "c021 08 2a 0006 8021");
	assert_said(&s, "drop frame-phase\n");
	solo_hears(&s, "c021 0e 2a 0004");
	assert_said(&s, "drop frame-code\n< LCP Code-Reject id 2 code 14\n");
}

/* PAP, in bytes of RFC 1334 §2.2. */
static void pap(void **state)
{
	struct link_config config = plain;
	config.name = "me";
	config.name_length = 2;
	config.password = "pw";
	config.password_length = 2;
	config.allow_auth = AUTH_PAP;
	open_with(&config, "c021 01 07 0008 03 04 c023");
	assert_said(&s, "< LCP Configure-Ack id 7 auth PAP\nframing\n"
			"< PAP Authenticate-Request id 1 user \"me\" password <hidden>\n");
	assert_frame(&s, "c023 01 01 000a 02 6d65 02 7077");
	solo_tick(&s);
	assert_frame(&s, "c023 01 01 000a 02 6d65 02 7077");
	solo_hears(&s, "c023 02 02 0005 00");
	assert_said(&s, "drop frame-id\n");
	solo_hears(&s, "c023 01 02 0006 00 00"); /* we demanded nothing */
	assert_said(&s, "drop frame-protocol\n");
	solo_hears(&s, "c023 04 02 0004");
	assert_said(&s, "drop frame-code\n");
	solo_hears(&s, "c023 02 01 0005 00");
	assert_said(&s, "note PAP authentication succeeded\nnetwork\n");
	solo_hears(&s, "c023 02 01 0005 00");
	assert_said(&s, "drop frame-id\n");

	config.allow_auth = 0;
	config.demand_auth = AUTH_PAP;
	open_with(&config, "c021 01 07 0004");
	assert_said(&s, "< LCP Configure-Ack id 7\nframing\n");
	static const char *const bad[] = {"c023 01 05 0004", "c023 01 05 0005 05",
		"c023 01 05 0006 ff 00", "c023 01 05 0007 01 75 01", "c023 01 05 0007 01 75 ff"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		solo_hears(&s, bad[i]);
		assert_said(&s, "drop auth-name\n");
	}
	solo_hears(&s, "c023 02 05 0005 00"); /* we offered nothing */
	assert_said(&s, "drop frame-protocol\n");
	solo_hears(&s, "c023 01 05 000a 02 7566 02 6869");
	assert_said(&s, "credentials PAP\n");
	assert_int_equal(s.asked.name_length, 2);
	assert_memory_equal(s.asked.name, "uf", 2);
	assert_memory_equal(s.asked.response, "hi", 2);
	solo_hears(&s, "c023 01 06 000a 02 7566 02 6869"); /* again: no second question */
	assert_said(&s, "");
	struct auth_answer yes = {.accepted = true};
	solo_answer(&s, &yes);
	assert_said(&s, "< PAP Authenticate-Ack id 6 \"Login ok\"\n"
			"note PAP peer authentication succeeded for \"uf\"\nnetwork\n");
	solo_hears(&s, "c023 01 07 000a 02 7566 02 6869"); /* our Ack was lost */
	assert_said(&s, "< PAP Authenticate-Ack id 7 \"Login ok\"\n");
}

static void pap_gives_up(void **state)
{
	struct link_config config = plain;
	config.allow_auth = AUTH_PAP;
	config.auth_timeout_us = SECONDS(300);
	open_with(&config, "c021 01 07 0008 03 04 c023");
	for (int i = 0; i < 9; i++)
		solo_tick(&s);
	solo_tick(&s);
	assert_non_null(strstr(s.said, "< LCP Terminate-Request"));
	assert_int_equal(s.link.closing, CLOSE_AUTH_TIMEOUT);
}

static struct link_config chap_client(void)
{
	struct link_config config = plain;
	config.name = "User";
	config.name_length = 4;
	config.password = "clientPass";
	config.password_length = 10;
	config.allow_auth = AUTH_MSCHAPV2 | AUTH_MSCHAP | AUTH_CHAP_MD5;
	return config;
}

/* The vectors of RFC 2759 §9.2 through the whole of it, as the peer. */
static void mschapv2_peer(void **state)
{
	struct link_config config = chap_client();
	open_with(&config, "c021 01 07 0009 03 05 c223 81");
	assert_said(&s, "< LCP Configure-Ack id 7 auth MS-CHAPv2\nframing\n");
	solo_hears(&s, "c223 01 09 0017 10 5B5D7C7D7B3F2F3E3C2C602132262628 737276");
	assert_int_equal(s.frame_length, 2 + 4 + 1 + 49 + 4);
	assert_int_equal(s.frame[2], 2);
	assert_int_equal(s.frame[3], 9);
	assert_memory_equal(s.frame + 56, "User", 4);
	/* With the RFC's own challenge of the peer in it, the RFC's response. */
	hex_bytes(s.link.ours.remembered, 16, "21402324255E262A28295F2B3A337C7E");
	solo_hears(&s, "c223 01 09 0017 10 5B5D7C7D7B3F2F3E3C2C602132262628 737276");
	assert_frame(&s, "c223 02 09 003a 31 21402324255E262A28295F2B3A337C7E 0000000000000000 "
			 "82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF 00 55736572");
	solo_tick(&s); /* unanswered: the very same again */
	assert_frame(&s, "c223 02 09 003a 31 21402324255E262A28295F2B3A337C7E 0000000000000000 "
			 "82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF 00 55736572");
	struct mppe_start_keys keys;
	chap_our_keys(&s.link, &keys);
	assert_hex(keys.receive, 16, "8B7CDC149B993A1BA118CB153F56DCCB"); /* RFC 3079 §3.5.3 */
	solo_hears(&s, "c223 03 08 0004");
	assert_said(&s, "drop frame-id\n");
	/* "S=407A5589115FD0D6209F510FE9C04566932CDA56" */
	solo_hears(&s, "c223 03 09 002e 533d 3430374135353839313135464430443632303946353130464539"
		       "43303435363639333243444135 36");
	assert_said(&s, "note CHAP authentication succeeded\nnetwork\n");
	solo_hears(&s, "c223 03 09 0004"); /* a copy */
	assert_said(&s, "drop frame-id\n");
	/* The authenticator may ask again at any time (RFC 1994 §2). */
	solo_hears(&s, "c223 01 0a 0017 10 000102030405060708090a0b0c0d0e0f 737276");
	assert_int_equal(s.frame[3], 10);
	assert_int_equal(s.link.phase, PHASE_NETWORK);
}

static void mschapv2_false_proofs(void **state)
{
	static const char *const bad[] = {
		"c223 03 09 0004",
		/* the last digit differs; one digit short; not hex; another letter */
		"c223 03 09 002e 533d "
		"3430374135353839313135464430443632303946353130464539433034353636"
		"3933324344413537",
		"c223 03 09 002d 533d "
		"3430374135353839313135464430443632303946353130464539433034353636"
		"39333243444135",
		"c223 03 09 002e 533d "
		"3430374135353839313135464430443632303946353130464539433034353636"
		"3933324344413567",
		"c223 03 09 002e 543d "
		"3430374135353839313135464430443632303946353130464539433034353636"
		"3933324344413536",
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct link_config config = chap_client();
		open_with(&config, "c021 01 07 0009 03 05 c223 81");
		solo_hears(&s, "c223 01 09 0017 10 5B5D7C7D7B3F2F3E3C2C602132262628 737276");
		hex_bytes(s.link.ours.remembered, 16, "21402324255E262A28295F2B3A337C7E");
		solo_hears(&s, bad[i]);
		assert_non_null(strstr(s.said, "the peer does not know our password"));
		assert_int_equal(s.link.closing, CLOSE_AUTH_PEER_FALSE);
		assert_int_equal(s.link.phase, PHASE_TERMINATE);
	}
}

/* As the authenticator. */
static void chap_authenticator(void **state)
{
	struct link_config config = plain;
	config.name = "srv";
	config.name_length = 3;
	config.demand_auth = AUTH_MSCHAPV2;
	open_with(&config, "c021 01 07 0004");
	assert_int_equal(s.frame_length, 2 + 4 + 1 + 16 + 3);
	uint8_t id = s.frame[3];
	assert_int_equal(id, 1);
	uint8_t first[26];
	memcpy(first, s.frame, sizeof first);
	solo_tick(&s); /* the same Challenge again */
	assert_memory_equal(s.frame, first, sizeof first);
	solo_hears(&s, "c223 02 02 003a 31 21402324255E262A28295F2B3A337C7E 0000000000000000 "
		       "82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF 00 55736572");
	assert_said(&s, "drop frame-id\n");
	static const char *const bad[] = {"c223 02 01 0004", "c223 02 01 0005 00",
		"c223 02 01 0005 31", "c223 02 01 0015 10 00000000000000000000000000000000",
		"c223 02 01 0006 ff 00"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		solo_hears(&s, bad[i]);
		assert_said(&s, "drop auth-name\n");
	}
	char long_value[256] = "c223 02 01 0037 32 "; /* 50 bytes where 49 are due */
	for (int i = 0; i < 50; i++)
		strcat(long_value, "01");
	solo_hears(&s, long_value);
	assert_said(&s, "drop auth-name\n");
	/* The RFC's Challenge in place of ours gives the RFC's proof. */
	hex_bytes(s.link.theirs.challenge, 16, "5B5D7C7D7B3F2F3E3C2C602132262628");
	static const char response[] =
		"c223 02 01 003a 31 21402324255E262A28295F2B3A337C7E 0000000000000000 "
		"82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF 00 55736572";
	solo_hears(&s, response);
	assert_said(&s, "credentials MS-CHAPv2\n");
	solo_hears(&s, response);
	assert_said(&s, ""); /* no second question */
	struct auth_answer answer;
	auth_check(&s.asked, "clientPass", 10, false, &answer);
	assert_true(answer.accepted);
	solo_answer(&s, &answer);
	static const char success[] =
		"< CHAP Success id 1 \"S=407A5589115FD0D6209F510FE9C04566932CDA56 M=Access "
		"granted\"\n";
	char expected[256];
	strcpy(expected, success);
	assert_said(&s, strcat(expected, "note CHAP peer authentication succeeded for \"User\"\n"
					 "network\n"));
	solo_hears(&s, response); /* our Success was lost: the same again (RFC 1994 §4.1) */
	assert_said(&s, success);
	assert_int_equal(s.link.phase, PHASE_NETWORK);
	solo_hears(&s, "c223 03 01 0004");
	assert_said(&s, "drop frame-protocol\n");
	solo_hears(&s, "c223 01 01 0004");
	assert_said(&s, "drop frame-protocol\n");
	solo_hears(&s, "c223 05 01 0004");
	assert_said(&s, "drop frame-code\n");
	solo_hears(&s, "c223 02 01 0003");
	assert_said(&s, "drop frame-short\n");
}

static void chap_failure_packet(void **state)
{
	struct link_config config = plain;
	config.demand_auth = AUTH_MSCHAPV2;
	open_with(&config, "c021 01 07 0004");
	hex_bytes(s.link.theirs.challenge, 16, "5B5D7C7D7B3F2F3E3C2C602132262628");
	solo_hears(&s, "c223 02 01 003a 31 21402324255E262A28295F2B3A337C7E 0000000000000000 "
		       "82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF 00 55736572");
	struct auth_answer no = {.error = AUTH_ERROR_EXPIRED};
	solo_answer(&s, &no);
	assert_non_null(strstr(s.said,
		"< CHAP Failure id 1 \"E=648 R=0 C=5B5D7C7D7B3F2F3E3C2C602132262628 V=3 "
		"M=password expired\"\nnote Peer \"User\" failed CHAP authentication\n"));
	assert_int_equal(s.link.closing, CLOSE_AUTH_FAILED);
}

static void chap_authenticator_waits_in_vain(void **state)
{
	struct link_config config = plain;
	config.demand_auth = AUTH_CHAP_MD5;
	config.auth_timeout_us = SECONDS(300);
	open_with(&config, "c021 01 07 0004");
	for (int i = 0; i < 9; i++) {
		solo_tick(&s);
		assert_non_null(strstr(s.said, "< CHAP Challenge id 1"));
	}
	solo_tick(&s);
	assert_int_equal(s.link.closing, CLOSE_AUTH_TIMEOUT);
}

static void challenges_are_unpredictable_and_new(void **state)
{
	struct link_config config = plain;
	config.demand_auth = AUTH_MSCHAPV2;
	open_with(&config, "c021 01 07 0004");
	uint8_t first[16];
	memcpy(first, s.link.theirs.challenge, 16);
	solo_hears(&s, "c021 06 07 0004"); /* LCP starts over */
	solo_hears(&s, "c021 01 08 0004");
	OUTBOX(out, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	uint8_t frame[32];
	struct writer w = writer_over(frame, sizeof frame);
	write_bytes(&w, "\xc0\x21\x02", 3);
	write_u8(&w, s.link.lcp.fsm.request_id);
	write_u16(&w, 15);
	write_bytes(&w, "\x03\x05\xc2\x23\x81\x05\x06", 7);
	write_u32(&w, s.link.lcp.magic);
	link_input(&s.link, frame, writer_length(&w), s.now, &out);
	assert_int_equal(s.link.phase, PHASE_AUTHENTICATE);
	assert_memory_not_equal(s.link.theirs.challenge, first, 16);
	assert_int_equal(s.link.chap.theirs.id, 2);
}

static void a_reflected_challenge(void **state)
{
	struct link_config config = chap_client();
	config.demand_auth = AUTH_CHAP_MD5;
	config.allow_auth = AUTH_CHAP_MD5;
	open_with(&config, "c021 01 07 0009 03 05 c223 05");
	assert_int_equal(s.frame[2], 1);
	OUTBOX(out, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	uint8_t reflected[PPP_FRAME_MAX];
	memcpy(reflected, s.frame, s.frame_length);
	link_input(&s.link, reflected, s.frame_length, s.now, &out);
	assert_int_equal(s.link.closing, CLOSE_AUTH_PEER_FALSE);
	for (uint32_t i = 0; i < out.item_count; i++) {
		const uint8_t *b = outbox_bytes(&out, &out.items[i]);
		assert_false(out.items[i].kind == LINK_FRAME && b[0] == 0xc2); /* no Response */
	}
}

static void chap_challenges_judged(void **state)
{
	static const char *const bad[] = {"c223 01 09 0004", "c223 01 09 0005 00",
		"c223 01 09 0005 10", "c223 01 09 000d 08 0001020304050607",
		"c223 01 09 0016 11 000102030405060708090a0b0c0d0e0f10"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct link_config config = chap_client();
		open_with(&config, "c021 01 07 0009 03 05 c223 81");
		solo_hears(&s, bad[i]);
		assert_said(&s, "drop auth-name\n");
	}
	/* MD5 takes a challenge of any length, and a name of none (accel-ppp). */
	struct link_config config = chap_client();
	open_with(&config, "c021 01 07 0009 03 05 c223 05");
	solo_hears(&s, "c223 01 09 0006 01 00");
	assert_int_equal(s.frame_length, 2 + 4 + 1 + 16 + 4);
	open_with(&config, "c021 01 07 0009 03 05 c223 80");
	solo_hears(&s, "c223 01 09 000d 08 0001020304050607");
	assert_int_equal(s.frame_length, 2 + 4 + 1 + 49 + 4);
	assert_int_equal(s.frame[2 + 4 + 1 + 48], 1);
}

static void messages(void **state)
{
	static const struct {
		const char *text;
		unsigned error;
		const char *words;
	} cases[] = {
		{"E=691 R=1 C=00112233445566778899AABBCCDDEEFF V=3 M=Try again", 691, "Try again"},
		{"E=691 R=0 C=0011223344556677 V=2", 691, ""},
		{"E=0000000648 R=0", 648, ""},
		{"R=0 E=649", 649, ""},
		{"M=no E", 0, "M=no E"},
		{"Access denied", 0, "Access denied"},
		{"E=", 0, ""},
		{"E", 0, "E"},
		{"", 0, ""},
		{"E=99999999999999 M=x", 999999999, "x"},
		{"xE=691", 0, "xE=691"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct chap_failure f =
			chap_read_failure((const uint8_t *)cases[i].text, strlen(cases[i].text));
		assert_int_equal(f.error, cases[i].error);
		assert_int_equal(f.words_length, strlen(cases[i].words));
		assert_memory_equal(f.words, cases[i].words, f.words_length);
	}
	assert_null(chap_error_words(0));
	assert_null(chap_error_words(692));
	uint8_t proof[20];
	static const char lower[] = "M=hi S=407a5589115fd0d6209f510fe9c04566932cda56";
	assert_true(chap_read_proof((const uint8_t *)lower, strlen(lower), proof));
	assert_hex(proof, 20, "407A5589115FD0D6209F510FE9C04566932CDA56");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_request),
		cmocka_unit_test(requests_judged),
		cmocka_unit_test(large_mru_is_not_used),
		cmocka_unit_test(magic_of_zero_or_ours),
		cmocka_unit_test(methods_judged),
		cmocka_unit_test(insisting_on_a_method),
		cmocka_unit_test(refusing_to_authenticate),
		cmocka_unit_test(our_wishes_change),
		cmocka_unit_test(check_sequences),
		cmocka_unit_test(check_sequences_judged),
		cmocka_unit_test(first_framing),
		cmocka_unit_test(echo),
		cmocka_unit_test(pap),
		cmocka_unit_test(pap_gives_up),
		cmocka_unit_test(mschapv2_peer),
		cmocka_unit_test(mschapv2_false_proofs),
		cmocka_unit_test(chap_authenticator),
		cmocka_unit_test(chap_failure_packet),
		cmocka_unit_test(chap_authenticator_waits_in_vain),
		cmocka_unit_test(challenges_are_unpredictable_and_new),
		cmocka_unit_test(a_reflected_challenge),
		cmocka_unit_test(chap_challenges_judged),
		cmocka_unit_test(messages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
