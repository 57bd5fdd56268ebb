/* One line for every kind of frame, none for a secret, and never a fault on what is malformed. */
#include "hex.h"

#include <stdlib.h>
#include <string.h>

#include "print.h"
#include "protocol.h"

static const struct {
	const char *frame, *line;
} frames[] = {
	{"8053 0105000e 030a 0102030405060708",
		"ECP Configure-Request id 5 dese-bis 0102030405060708"},
	{"8053 04060012 020a 1122334455667788 0104abcd",
		"ECP Configure-Reject id 6 3dese 1122334455667788 dese abcd"},
	{"8053 0e070004", "ECP Reset-Request id 7"},
	{"8053 0f070004", "ECP Reset-Ack id 7"},
	{"0053 0001 1122334455667788", "encrypted 10 bytes"},
	{"c021 01 01 0012 01 04 0578 05 06 5a3c1122 07 02 08 02",
		"LCP Configure-Request id 1 mru 1400 magic 5a3c1122 pfc acfc"},
	{"c021 02 02 0017 02 06 000a0000 03 05 c223 81 03 04 c023 03 04 c227",
		"LCP Configure-Ack id 2 asyncmap 000a0000 auth MS-CHAPv2 auth PAP auth EAP"},
	{"c021 03 03 0012 03 05 c223 05 03 05 c223 80 03 04 1234",
		"LCP Configure-Nak id 3 auth CHAP-MD5 auth MS-CHAP auth 1234"},
	{"c021 03 03 000a 03 06 c223 8107", "LCP Configure-Nak id 3 auth CHAP 8107"},
	{"c021 04 04 0018 11 04 05dc 12 02 13 03 01 04 05 c02500 0d 03 06 09 03 01",
		"LCP Configure-Reject id 4 mrru 1500 ssnhf endpoint local: quality c02500 callback "
		"CBCP fcs null"},
	{"c021 01 04 002f 13 03 00 13 07 02 c0000201 13 09 03 001122aabbcc 13 07 04 deadbeef "
	 "13 06 05 343231 13 05 09 abcd 13 06 02 c00002",
		"LCP Configure-Request id 4 endpoint null: endpoint IP:192.0.2.1 endpoint "
		"MAC:00:11:22:aa:bb:cc endpoint magic:deadbeef endpoint phone:\"421\" endpoint "
		"class-9:abcd endpoint IP:c00002"},
	{"c021 01 04 001a 00 06 00000c01 0a 03 04 0b 03 02 0f 02 17 04 0001 1d 02 1e 02",
		"LCP Configure-Request id 4 vendor 00000c01 self-describing-pad 04 numbered-mode "
		"02 "
		"compound-frames link-discriminator 0001 sdl-on-sonet option-30"},
	{"c021 01 04 000c 04 08 c025 00000bb8", "LCP Configure-Request id 4 quality LQR 30000 ms"},
	{"c025 01020304 00000001 00000002 00000003 00000004 00000005 00000006 00000007 00000008 "
	 "00000009 0000000a 0000000b",
		"LQR magic 01020304 last-out 1/2/3 peer-in 4/5/8 discards 6 errors 7 "
		"peer-out 9/10/11"},
	{"c025 0102", "LQR [short] 2 bytes"},
	{"c021 04 04 0007 63 03 aa", "LCP Configure-Reject id 4 option-99 aa"},
	{"c021 01 04 0008 01 05 aabb", "LCP Configure-Request id 4 [malformed option]"},
	{"c021 01 04 0007 01 03 aa", "LCP Configure-Request id 4 mru aa"},
	{"c021 05 05 0008 62796521", "LCP Terminate-Request id 5 \"bye!\""},
	{"c021 06 05 0004", "LCP Terminate-Ack id 5"},
	{"c021 07 06 0008 0c 01 0004", "LCP Code-Reject id 6 code 12"},
	{"c021 07 06 0004", "LCP Code-Reject id 6 code [short]"},
	{"c021 08 07 0008 8057 0101", "LCP Protocol-Reject id 7 IPV6CP"},
	{"c021 08 07 0006 1235", "LCP Protocol-Reject id 7 0x1235"},
	{"c021 08 07 0005 80", "LCP Protocol-Reject id 7 [short]"},
	{"c021 09 08 0008 deadbeef", "LCP Echo-Request id 8 magic deadbeef"},
	{"c021 0a 08 000a deadbeef 0102", "LCP Echo-Reply id 8 magic deadbeef 2 bytes"},
	{"c021 0b 08 0007 deadbe", "LCP Discard-Request id 8 [short]"},
	{"c021 0c 09 000b 00000000 4d535f", "LCP Identification id 9 magic 00000000 \"MS_\""},
	{"c021 0d 09 000c 00000001 0000012c", "LCP Time-Remaining id 9 magic 00000001 seconds 300"},
	{"c021 10 09 0004", "LCP code 16 id 9"},
	{"c021", "LCP [short] 0 bytes"},
	{"c021 01 01 00", "LCP [short] 3 bytes"},
	{"c021 01 01 0009 01 04", "LCP [short] 6 bytes"},
	{"c023 01 01 000c 03 626f62 03 736563",
		"PAP Authenticate-Request id 1 user \"bob\" password "
		"<hidden>"},
	{"c023 02 01 0007 02 4f4b", "PAP Authenticate-Ack id 1 \"OK\""},
	{"c023 03 01 0005 00", "PAP Authenticate-Nak id 1 \"\""},
	{"c023 03 01 0004", "PAP Authenticate-Nak id 1 [short]"},
	{"c023 09 01 0005 00", "PAP code 9 id 1 1 bytes"},
	{"c223 01 01 000b 02 abcd 737276 0a", "CHAP Challenge id 1 value abcd name \"srv\\012\""},
	{"c223 02 01 0009 02 abcd 6d65", "CHAP Response id 1 value <hidden> name \"me\""},
	{"c223 03 01 0006 4f4b", "CHAP Success id 1 \"OK\""},
	{"c223 04 01 0009 453d363931", "CHAP Failure id 1 \"E=691\""},
	{"c029 01 01 000b 01 02 02 03 05 05 02",
		"CBCP Callback-Request id 1 none user-number type 5"},
	{"c029 03 01 0006 01 03", "CBCP Callback-Ack id 1 [short]"},
	{"c029 04 01 0004", "CBCP code 4 id 1"},
	{"c223 01 01 0006 05 00", "CHAP Challenge id 1 [short]"},
	{"c223 07 01 0004", "CHAP Change-Password id 1 <hidden>"},
	{"c223 08 01 0004", "CHAP code 8 id 1"},
	{"80fd 01 01 000a 12 06 010000e1", "CCP Configure-Request id 1 mppe +H +M +S +L -D +C"},
	{"80fd 03 01 000a 12 06 12000010",
		"CCP Configure-Nak id 1 mppe -H -M -S -L +D -C +0x12000000"},
	{"80fd 04 01 000b 15 03 2f 1a 04 7800", "CCP Configure-Reject id 1 bsd v1 15 deflate 15"},
	{"80fd 0e 02 0004", "CCP Reset-Request id 2"},
	{"80fd 0f 02 0004", "CCP Reset-Ack id 2"},
	{"8057 01 01 0012 01 0a 0011223344556677 02 04 004f",
		"IPV6CP Configure-Request id 1 id 0011:2233:4455:6677 compress 004f"},
	{"8057 03 02 000c 01 08 001122334455", "IPV6CP Configure-Nak id 2 id 001122334455"},
	{"8021 01 01 0010 03 06 0a000001 02 06 002d0f01",
		"IPCP Configure-Request id 1 addr 10.0.0.1 compress VJ 0f01"},
	{"8021 01 01 000e 02 04 0061 01 06 0a000001",
		"IPCP Configure-Request id 1 compress 0061 addrs 0a000001"},
	{"8021 03 01 001c 81 06 01020304 82 06 01020305 83 06 01020306 84 06 01020307",
		"IPCP Configure-Nak id 1 ms-dns1 1.2.3.4 ms-wins1 1.2.3.5 ms-dns2 1.2.3.6 ms-wins2 "
		"1.2.3.7"},
	{"8057 01 01 000e 01 0a 0102030405060708",
		"IPV6CP Configure-Request id 1 id 0102:0304:0506:0708"},
	{"c227 01 01 0005 01", "EAP Request id 1 Identity \"\""},
	{"c227 02 01 0007 01 4f6b", "EAP Response id 1 Identity \"Ok\""},
	{"c227 01 09 0007 02 0a22", "EAP Request id 9 Notification \"\\012\\\"\""},
	{"c227 02 02 0009 03 1a 04 fe 0d",
		"EAP Response id 2 Nak MS-CHAPv2 MD5-Challenge Expanded TLS"},
	{"c227 01 02 000a 04 02 abcd 6161",
		"EAP Request id 2 MD5-Challenge value abcd name \"aa\""},
	{"c227 02 02 0008 04 01 ab 61",
		"EAP Response id 2 MD5-Challenge value <hidden> name \"a\""},
	{"c227 02 02 0008 04 03 ab 61", "EAP Response id 2 MD5-Challenge [short]"},
	{"c227 01 02 000d 1a 01 02 0008 02 abcd 61",
		"EAP Request id 2 MS-CHAPv2 Challenge value abcd name \"a\""},
	{"c227 02 02 000d 1a 02 02 0008 02 abcd 61",
		"EAP Response id 2 MS-CHAPv2 Response value <hidden> name \"a\""},
	{"c227 01 03 000b 1a 03 02 0006 533d", "EAP Request id 3 MS-CHAPv2 Success \"S=\""},
	{"c227 02 03 0006 1a 03", "EAP Response id 3 MS-CHAPv2 Success"},
	{"c227 01 03 0006 1a 04", "EAP Request id 3 MS-CHAPv2 Failure [short]"},
	{"c227 02 03 0006 1a 07", "EAP Response id 3 MS-CHAPv2 Change-Password <hidden>"},
	{"c227 01 03 0006 0d 20", "EAP Request id 3 TLS start"},
	{"c227 01 03 000c fe 000137 00000001", "EAP Request id 3 Expanded vendor 311 type 1"},
	{"c227 02 03 0014 fe 000000 00000003 fe 000000 0000001a",
		"EAP Response id 3 Expanded Nak MS-CHAPv2"},
	{"c227 02 03 000d fe 000000 00000003 fe", "EAP Response id 3 Expanded Nak [short]"},
	{"c227 01 03 0008 fe 000137", "EAP Request id 3 Expanded [short]"},
	{"c227 02 03 0006 0d 00", "EAP Response id 3 TLS ack"},
	{"c227 02 03 0009 0d 00 160301", "EAP Response id 3 TLS 3 bytes"},
	{"c227 01 04 000c 0d c0 00000bb8 1603", "EAP Request id 4 TLS length 3000 more 2 bytes"},
	{"c227 01 04 0008 0d 80 0000", "EAP Request id 4 TLS length 0 [short]"},
	{"c227 01 04 0005 0d", "EAP Request id 4 TLS [short]"},
	{"c227 01 03 0007 06 0000", "EAP Request id 3 GTC 2 bytes"},
	{"c227 01 03 0005 63", "EAP Request id 3 type 99 0 bytes"},
	{"c227 01 03 0004", "EAP Request id 3 [short]"},
	{"c227 03 03 0004", "EAP Success id 3"},
	{"c227 04 03 0004", "EAP Failure id 3"},
	{"c227 05 03 0004", "EAP code 5 id 3"},
	{"0021 4500", "IP 2 bytes"},
	{"00fd 9000 aa", "compressed 3 bytes"},
	{"0057", "IPv6 0 bytes"},
	{"1235 aa", "protocol 0x1235 1 bytes"},
	{"9235 aa", "protocol 0x9235 1 bytes"},
	{"c0", "PPP [short] 1 bytes"},
	{"", "PPP [short] 0 bytes"},
};

enum { FRAMES = sizeof frames / sizeof frames[0] };

static void every_kind_of_frame(void **state)
{
	for (size_t i = 0; i < FRAMES; i++) {
		char line[512];
		uint8_t bytes[256];
		struct text t = text_over(line, sizeof line);
		ppp_print(&t, bytes, hex_bytes(bytes, sizeof bytes, frames[i].frame));
		assert_string_equal(line, frames[i].line);
	}
}

/* Exact memory, so that a sanitizer sees a read past the end; any size of text. */
static void print_exactly(const uint8_t *bytes, size_t length, size_t room)
{
	uint8_t *exact = malloc(length ? length : 1);
	char *line = malloc(room);
	assert_true(exact && line);
	if (length)
		memcpy(exact, bytes, length);
	struct text t = text_over(line, room);
	ppp_print(&t, exact, length);
	assert_int_equal(strlen(line), t.used);
	assert_true(t.used < room);
	for (size_t i = 0; i < t.used; i++)
		assert_in_range((unsigned char)line[i], 0x20, 0x7e); /* one line, always */
	free(line);
	free(exact);
}

static void truncated_and_changed(void **state)
{
	for (size_t i = 0; i < FRAMES; i++) {
		uint8_t bytes[256];
		size_t length = hex_bytes(bytes, sizeof bytes, frames[i].frame);
		for (size_t cut = 0; cut <= length; cut++)
			print_exactly(bytes, cut, 512);
		for (size_t room = 1; room < 40; room++)
			print_exactly(bytes, length, room);
		for (size_t at = 0; at < length; at++)
			for (unsigned bit = 0; bit < 8; bit++) {
				bytes[at] ^= (uint8_t)(1u << bit);
				print_exactly(bytes, length, 512);
				bytes[at] ^= (uint8_t)(1u << bit);
			}
	}
}

/* The table: numbers as RFC 1661 §2 wants them, each once, each with a name. */
static void protocol_table(void **state)
{
	for (size_t i = 0; i < protocol_count; i++) {
		const struct protocol *row = &protocols[i];
		assert_true((row->number & 0x0101) == 1);
		assert_true(strlen(row->name) > 1 && !strchr(row->name, ' '));
		assert_int_equal(row->side == SIDE_NONE, row->ops == NULL);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(protocols[j].number, row->number);
		assert_ptr_equal(protocol_find(row->number), row);
		if (row->ops)
			assert_ptr_equal(protocol_spoken(row->number), row);
	}
	static const uint16_t known[] = {0x0021, 0x0057, 0x0023, 0x0025, 0x0027, 0x0029, 0x002b,
		0x002d, 0x002f, 0x0031, 0x0033, 0x0035, 0x003d, 0x0053, 0x0055, 0x00fb, 0x00fd,
		0x8021, 0x8023, 0x8029, 0x802b, 0x8053, 0x8057, 0x80fb, 0x80fd, 0x8281, 0xc021,
		0xc023, 0xc025, 0xc029, 0xc02b, 0xc223, 0xc227};
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		assert_non_null(protocol_find(known[i]));
	assert_string_equal(protocol_spoken(0x0021)->name, "IPCP");
	assert_string_equal(protocol_spoken(0x00fd)->name, "CCP");
	assert_string_equal(protocol_spoken(0x0057)->name, "IPV6CP");
	assert_string_equal(protocol_spoken(0x0053)->name, "ECP");
	assert_null(protocol_spoken(0x8055));
	assert_null(protocol_find(0x1235));
	const struct protocol *row = NULL;
	static const char *const link_rows[] = {"LCP", "PAP", "CHAP", "EAP", "LQR", "CBCP"};
	for (size_t i = 0; i < sizeof link_rows / sizeof *link_rows; i++) {
		row = protocol_next(row, SIDE_LINK);
		assert_string_equal(row->name, link_rows[i]);
	}
	assert_null(protocol_next(row, SIDE_LINK));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_frame),
		cmocka_unit_test(truncated_and_changed),
		cmocka_unit_test(protocol_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
