/* Packet filters: what pppd's expressions take, and what is said about those that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "limits.h"
#include "packet_filter.h"

enum { TCP = 6, UDP = 17, ICMP = 1 };

static size_t ipv4(uint8_t *packet, uint8_t protocol, uint16_t port)
{
	static const uint8_t header[20] = {
		0x45, 0, 0, 40, 0, 0, 0, 0, 64, 0, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2};
	memset(packet, 0, 40);
	memcpy(packet, header, sizeof header);
	packet[9] = protocol;
	packet[22] = (uint8_t)(port >> 8);
	packet[23] = (uint8_t)port;
	return 40;
}

static size_t ipv6(uint8_t *packet, uint8_t protocol, uint16_t port)
{
	memset(packet, 0, 60);
	packet[0] = 0x60;
	packet[5] = 20;
	packet[6] = protocol;
	packet[42] = (uint8_t)(port >> 8);
	packet[43] = (uint8_t)port;
	return 60;
}

static struct packet_filter *compiled(const char *expression)
{
	char error[PACKET_FILTER_ERROR];
	struct packet_filter *filter;
	if (packet_filter_compile(&filter, expression, error) < 0)
		fail_msg("%s: %s", expression, error);
	return filter;
}

static bool takes(const char *expression, bool outbound, const uint8_t *packet, size_t length)
{
	struct packet_filter *filter = compiled(expression);
	bool taken = packet_filter_takes(filter, outbound, packet, length);
	packet_filter_free(filter);
	return taken;
}

static void both_families(void **state)
{
	uint8_t four[64], six[64];
	size_t four_length = ipv4(four, TCP, 80), six_length = ipv6(six, TCP, 80);
	assert_true(takes("tcp dst port 80", true, four, four_length));
	assert_true(takes("tcp dst port 80", true, six, six_length));
	assert_false(takes("tcp dst port 81", true, four, four_length));
	assert_false(takes("not tcp", true, six, six_length));
	assert_true(takes("ip6", true, six, six_length));
	assert_false(takes("ip6", true, four, four_length));
	assert_false(takes("ip", true, six, six_length));
	assert_true(takes("host 10.0.0.2 and not udp port 53", true, four, four_length));
	four_length = ipv4(four, UDP, 53);
	assert_false(takes("not (udp port 53)", true, four, four_length));
}

static void either_direction(void **state)
{
	uint8_t packet[64];
	size_t length = ipv4(packet, UDP, 7);
	assert_true(takes("outbound", true, packet, length));
	assert_false(takes("outbound", false, packet, length));
	assert_true(takes("inbound and udp", false, packet, length));
	assert_false(takes("inbound and udp", true, packet, length));
	assert_true(takes("outbound or icmp", true, packet, length));
}

static void what_is_no_packet(void **state)
{
	uint8_t packet[64] = {0x25};
	assert_false(takes("ip or ip6", true, packet, 40));
	assert_false(takes("ip or ip6", true, packet, 0));
	size_t length = ipv4(packet, TCP, 80);
	for (size_t part = 1; part < 22; part++) /* the port is not there */
		assert_false(takes("tcp dst port 80", true, packet, part));
	assert_true(takes("tcp dst port 80", true, packet, length));
	assert_true(packet_filter_takes(NULL, true, packet, 0));
}

/* Of a super-packet the filter sees as much as of the largest ordinary one, and the whole length.
 */
static void large_packets(void **state)
{
	static uint8_t packet[65535];
	ipv4(packet, TCP, 80);
	assert_true(takes("tcp and greater 60000", true, packet, sizeof packet));
	assert_true(takes("ip[2047] == 0", true, packet, sizeof packet));
	assert_false(takes("ip[2048] == 0", true, packet, sizeof packet));
}

static void faults_name_the_word(void **state)
{
	static const struct {
		const char *expression, *said;
	} wrong[] = {
		{"tcp port 80 und udp", "syntax error at 'und' (column 13)"},
		{"outbound and prot tcp", " at 'prot' (column 14)"},
		{"gibberish", " at 'gibberish' (column 1)"},
		{"  tcp prot 5", " at 'prot' (column 7)"},
		{"tcp and", "something is missing at its end"},
		{"not (tcp", " at '(tcp' (column 5)"},
		{"tcp port nosuchservice", "nosuchservice"},
		{"vlan 5 and", "vlan"},
	};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		char error[PACKET_FILTER_ERROR] = "";
		struct packet_filter *filter = NULL;
		int failed = packet_filter_compile(&filter, wrong[i].expression, error);
		if (failed >= 0 || !strstr(error, wrong[i].said))
			fail_msg("%s: %d %s", wrong[i].expression, failed, error);
		assert_null(filter);
	}
	packet_filter_free(NULL);
}

static void an_empty_one_takes_all(void **state)
{
	uint8_t packet[64];
	size_t length = ipv4(packet, ICMP, 0);
	assert_true(takes("", true, packet, length));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_families),
		cmocka_unit_test(either_direction),
		cmocka_unit_test(what_is_no_packet),
		cmocka_unit_test(large_packets),
		cmocka_unit_test(faults_name_the_word),
		cmocka_unit_test(an_empty_one_takes_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
