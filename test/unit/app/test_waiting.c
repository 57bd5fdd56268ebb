/* Packets that wait for a connection: the queue's bounds, which are worth one, and new addresses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bytes.h"
#include "checksum.h"
#include "ip_header.h"
#include "waiting.h"

static struct waiting waiting;

static int emptied(void **state)
{
	memset(&waiting, 0, sizeof waiting);
	return 0;
}

static void put(uint8_t first, size_t length, uint64_t now, bool taken)
{
	uint8_t bytes[PPP_MRU_DEFAULT + 1] = {first};
	assert_int_equal(waiting_put(&waiting, bytes, length, now), taken);
}

static void in_the_order_they_came(void **state)
{
	assert_null(waiting_first(&waiting));
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < WAITING_PACKETS - 5; i++)
			put((uint8_t)i, 20 + i, 7, true);
		for (unsigned i = 0; i < WAITING_PACKETS - 5; i++) {
			assert_int_equal(waiting_first(&waiting)->bytes[0], i);
			assert_int_equal(waiting_first(&waiting)->length, 20 + i);
			waiting_drop_first(&waiting);
		}
		assert_null(waiting_first(&waiting));
		assert_int_equal(waiting.bytes, 0);
	}
}

/* The first ones stay: they are the reason for the dial. */
static void bounded_in_packets_and_bytes(void **state)
{
	put(1, PPP_MRU_DEFAULT + 1, 0, false);
	for (unsigned i = 0; i < WAITING_PACKETS; i++)
		put((uint8_t)i, 40, 0, true);
	put(99, 40, 0, false);
	assert_int_equal(waiting_first(&waiting)->bytes[0], 0);
	while (waiting_first(&waiting))
		waiting_drop_first(&waiting);
	unsigned most = WAITING_BYTES / PPP_MRU_DEFAULT;
	for (unsigned i = 0; i < most; i++)
		put((uint8_t)i, PPP_MRU_DEFAULT, 0, true);
	put(99, PPP_MRU_DEFAULT, 0, false);
	put(98, WAITING_BYTES - most * PPP_MRU_DEFAULT, 0, true);
	put(97, 1, 0, false);
	waiting_drop_first(&waiting);
	put(96, 1, 0, true);
}

static void not_for_ever(void **state)
{
	put(1, 40, SECONDS(1), true);
	put(2, 40, SECONDS(2), true);
	put(3, 40, SECONDS(9), true);
	assert_int_equal(waiting_expire(&waiting, SECONDS(1) + WAITING_AGE), 0);
	assert_int_equal(waiting_expire(&waiting, SECONDS(3) + WAITING_AGE), 2);
	assert_int_equal(waiting_first(&waiting)->bytes[0], 3);
	assert_int_equal(waiting_expire(&waiting, SECONDS(99)), 1);
	assert_int_equal(waiting_expire(&waiting, SECONDS(99)), 0);
}

enum { FROM = 0x0a404040, TO = 0x0a620001 };

/* A packet of `length` bytes behind the IP header, with checksums that hold. */
static size_t ipv4(uint8_t *packet, uint8_t protocol, size_t length)
{
	size_t whole = IPV4_HEADER + length, field = 0;
	memset(packet, 0, whole);
	packet[0] = 0x45;
	put_u16(packet + IPV4_LENGTH, (uint16_t)whole);
	packet[IPV4_TTL] = 64;
	packet[IPV4_PROTOCOL] = protocol;
	put_u32(packet + IPV4_SOURCE, FROM);
	put_u32(packet + IPV4_DESTINATION, TO);
	put_u16(packet + IPV4_CHECKSUM, (uint16_t)~checksum_of(0, packet, IPV4_HEADER));
	for (size_t i = IPV4_HEADER + 8; i < whole; i++)
		packet[i] = (uint8_t)(i * 37);
	if (protocol == PROTOCOL_TCP) {
		packet[IPV4_HEADER + TCP_OFFSET] = 5 << 4;
		packet[IPV4_HEADER + TCP_FLAGS] = TCP_SYN;
		field = TCP_CHECKSUM;
	} else if (protocol == PROTOCOL_UDP) {
		put_u16(packet + IPV4_HEADER + UDP_LENGTH, (uint16_t)length);
		field = UDP_CHECKSUM;
	}
	if (!field)
		return whole;
	put_u16(packet + IPV4_HEADER + field, 0);
	uint64_t pseudo = checksum_add(protocol + length, packet + IPV4_SOURCE, 8);
	put_u16(packet + IPV4_HEADER + field,
		(uint16_t)~checksum_of(pseudo, packet + IPV4_HEADER, length));
	return whole;
}

static bool checksums_hold(const uint8_t *packet, size_t whole)
{
	size_t length = whole - IPV4_HEADER;
	uint64_t pseudo = checksum_add(packet[IPV4_PROTOCOL] + length, packet + IPV4_SOURCE, 8);
	return checksum_of(0, packet, IPV4_HEADER) == 0xffff &&
	       checksum_of(pseudo, packet + IPV4_HEADER, length) == 0xffff;
}

static void another_address(void **state)
{
	static const uint8_t protocols[] = {PROTOCOL_TCP, PROTOCOL_UDP};
	uint8_t packet[256];
	for (size_t i = 0; i < sizeof protocols; i++)
		for (size_t length = 20; length < 200; length += 9) {
			size_t whole = ipv4(packet, protocols[i], length);
			assert_true(checksums_hold(packet, whole));
			waiting_readdress(packet, whole, FROM, 0xc0a80107 + (uint32_t)length);
			assert_int_equal(get_u32(packet + IPV4_SOURCE), 0xc0a80107 + length);
			assert_true(checksums_hold(packet, whole));
		}
}

static void what_is_left_as_it_is(void **state)
{
	uint8_t packet[256], before[256];
	size_t whole = ipv4(packet, PROTOCOL_UDP, 50);
	put_u16(packet + IPV4_HEADER + UDP_CHECKSUM, 0); /* none */
	waiting_readdress(packet, whole, FROM, 0x01020304);
	assert_int_equal(get_u16(packet + IPV4_HEADER + UDP_CHECKSUM), 0);
	assert_int_equal(checksum_of(0, packet, IPV4_HEADER), 0xffff);
	/* Behind the first fragment there is no header to mend. */
	whole = ipv4(packet, PROTOCOL_UDP, 50);
	put_u16(packet + IPV4_FRAGMENT, 4);
	memcpy(before, packet, sizeof before);
	waiting_readdress(packet, whole, FROM, 0x01020304);
	assert_memory_equal(packet + IPV4_HEADER, before + IPV4_HEADER, 50);
	/* Of another source, or none at all. */
	whole = ipv4(packet, PROTOCOL_TCP, 50);
	memcpy(before, packet, sizeof before);
	waiting_readdress(packet, whole, FROM + 1, 0x01020304);
	for (size_t part = 0; part < whole; part++) {
		uint8_t *piece = malloc(part ? part : 1); /* its end is the memory's */
		memcpy(piece, packet, part);
		waiting_readdress(piece, part, FROM, 0x01020304);
		waiting_is_wish(piece, part);
		free(piece);
	}
	assert_memory_equal(packet, before, whole);
}

static void worth_a_connection(void **state)
{
	uint8_t packet[256];
	size_t whole = ipv4(packet, PROTOCOL_UDP, 50);
	assert_true(waiting_is_wish(packet, whole));
	put_u16(packet + IPV4_FRAGMENT, IPV4_MORE_FRAGMENTS);
	assert_true(waiting_is_wish(packet, whole));
	put_u16(packet + IPV4_FRAGMENT, IPV4_MORE_FRAGMENTS | 4);
	assert_false(waiting_is_wish(packet, whole));
	whole = ipv4(packet, PROTOCOL_TCP, 20);
	assert_true(waiting_is_wish(packet, whole));
	packet[IPV4_HEADER + TCP_FLAGS] = TCP_FIN | TCP_ACK;
	assert_false(waiting_is_wish(packet, whole));
	whole = ipv4(packet, PROTOCOL_TCP, 21); /* with data */
	packet[IPV4_HEADER + TCP_FLAGS] = TCP_FIN | TCP_ACK;
	assert_true(waiting_is_wish(packet, whole));
	whole = ipv4(packet, PROTOCOL_TCP, 19);
	assert_false(waiting_is_wish(packet, whole));
	whole = ipv4(packet, PROTOCOL_ICMP, 8);
	assert_true(waiting_is_wish(packet, whole));
	packet[0] = 0x55;
	assert_false(waiting_is_wish(packet, whole));
}

static void worth_a_connection_over_ipv6(void **state)
{
	uint8_t packet[IPV6_HEADER + TCP_HEADER] = {0x60};
	put_u16(packet + IPV6_LENGTH, TCP_HEADER);
	packet[IPV6_NEXT] = PROTOCOL_TCP;
	packet[IPV6_HEADER + TCP_OFFSET] = 5 << 4;
	assert_true(waiting_is_wish(packet, sizeof packet));
	packet[IPV6_HEADER + TCP_FLAGS] = TCP_FIN;
	assert_false(waiting_is_wish(packet, sizeof packet));
	packet[IPV6_NEXT] = IPV6_FRAGMENT;
	assert_false(waiting_is_wish(packet, sizeof packet));
	packet[IPV6_NEXT] = PROTOCOL_ICMPV6;
	assert_true(waiting_is_wish(packet, sizeof packet));
	uint8_t before[sizeof packet];
	memcpy(before, packet, sizeof packet);
	waiting_readdress(packet, sizeof packet, 0, 1);
	assert_memory_equal(packet, before, sizeof packet);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(in_the_order_they_came, emptied),
		cmocka_unit_test_setup(bounded_in_packets_and_bytes, emptied),
		cmocka_unit_test_setup(not_for_ever, emptied),
		cmocka_unit_test(another_address),
		cmocka_unit_test(what_is_left_as_it_is),
		cmocka_unit_test(worth_a_connection),
		cmocka_unit_test(worth_a_connection_over_ipv6),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
