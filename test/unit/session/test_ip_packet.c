/* Packets of the control plane's own: checksums by hand, round trips, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ip_header.h"
#include "ip_packet.h"
#include "neighbour.h"

static const struct address one = {6, {0xfe, 0x80, [15] = 1}}, two = {6, {0xfe, 0x80, [15] = 2}};

static size_t build(uint8_t *at, const struct ip_packet *head, const char *body)
{
	struct writer w = writer_over(at, IP_PACKET_MAX);
	ip_packet_begin(&w, head);
	write_bytes(&w, body, strlen(body));
	return ip_packet_end(&w);
}

/* The sum over words, apart from what the program does. */
static uint16_t sum(const uint8_t *bytes, size_t length, uint32_t start)
{
	for (size_t n = 0; n < length; n++)
		start += n % 2 ? bytes[n] : (uint32_t)bytes[n] << 8;
	while (start >> 16)
		start = (start & 0xffff) + (start >> 16);
	return (uint16_t)start;
}

static void udp(void **state)
{
	uint8_t packet[IP_PACKET_MAX];
	struct ip_packet head = {.source = one,
				 .destination = two,
				 .protocol = PROTOCOL_UDP,
				 .hop_limit = 64,
				 .from = 546,
				 .to = 547},
			 got;
	size_t length = build(packet, &head, "odd");
	assert_int_equal(length, 40 + 8 + 3);
	assert_int_equal(get_u16(packet + 4), 11);
	assert_int_equal(sum(packet + 8, length - 8, 17 + 11), 0xffff);
	assert_true(ip_packet_read(&got, packet, length));
	assert_true(address_equal(&got.source, &one) && address_equal(&got.destination, &two));
	assert_int_equal(got.from, 546);
	assert_int_equal(got.to, 547);
	assert_int_equal(reader_left(&got.body), 3);
	assert_memory_equal(got.body.at, "odd", 3);
	for (size_t n = 0; n < length; n++)
		assert_false(ip_packet_read(&got, packet, n));
	for (size_t n = 8; n < length; n++) {
		packet[n] ^= 1;
		assert_false(ip_packet_read(&got, packet, length));
		packet[n] ^= 1;
	}
	packet[40 + 5] = 12; /* longer than what there is */
	assert_false(ip_packet_read(&got, packet, length));
	packet[40 + 5] = 7; /* shorter than its own header */
	assert_false(ip_packet_read(&got, packet, length));
}

static void ipv4(void **state)
{
	uint8_t packet[IP_PACKET_MAX];
	struct ip_packet head = {.source = address_ipv4(0x0a000001),
				 .destination = address_ipv4(0x0a000002),
				 .protocol = PROTOCOL_UDP,
				 .hop_limit = 64,
				 .from = 67,
				 .to = 68},
			 got;
	size_t length = build(packet, &head, "four");
	assert_int_equal(length, 32);
	assert_int_equal(sum(packet, 20, 0), 0xffff);
	assert_int_equal(sum(packet + 12, 20, 17 + 12), 0xffff);
	assert_true(ip_packet_read(&got, packet, length));
	assert_int_equal(got.to, 68);
	put_u16(packet + 26, 0); /* UDP of IPv4 may have no checksum */
	assert_true(ip_packet_read(&got, packet, length));
	put_u16(packet + 26, 1);
	assert_false(ip_packet_read(&got, packet, length));
}

static void something_else(void **state)
{
	uint8_t packet[IP_PACKET_MAX] = {0x60, [5] = 8, [6] = PROTOCOL_TCP};
	struct ip_packet got;
	assert_false(ip_packet_read(&got, packet, 48));
	assert_false(ip_packet_read(&got, packet, 0));
	packet[6] = PROTOCOL_ICMPV6;
	packet[5] = 7;
	assert_false(ip_packet_read(&got, packet, 48));
}

/* Neighbour discovery and echo. */

static size_t solicit(uint8_t *packet, const struct address *from, const struct address *target,
	uint8_t hop_limit)
{
	struct ip_packet head = {.source = *from,
		.destination = one,
		.protocol = PROTOCOL_ICMPV6,
		.hop_limit = hop_limit};
	struct writer w = writer_over(packet, IP_PACKET_MAX);
	ip_packet_begin(&w, &head);
	write_u8(&w, 135);
	write_zeros(&w, 7);
	write_bytes(&w, target->bytes, 16);
	return ip_packet_end(&w);
}

static void neighbours(void **state)
{
	static const struct address none = {.family = 6};
	uint8_t packet[IP_PACKET_MAX], answer[IP_PACKET_MAX];
	struct ip_packet in, got;
	assert_true(ip_packet_read(&in, packet, solicit(packet, &two, &one, 255)));
	size_t length = neighbour_answer(answer, &in, &one);
	assert_int_equal(length, 64);
	assert_true(ip_packet_read(&got, answer, length));
	assert_true(address_equal(&got.destination, &two) && address_equal(&got.source, &one));
	assert_int_equal(got.hop_limit, 255);
	assert_int_equal(got.body.at[0], 136);
	assert_int_equal(got.body.at[4], 0xe0); /* router, solicited, override */
	assert_memory_equal(got.body.at + 8, one.bytes, 16);
	/* Duplicate address detection: somebody wants what is ours. */
	assert_true(ip_packet_read(&in, packet, solicit(packet, &none, &one, 255)));
	length = neighbour_answer(answer, &in, &one);
	assert_true(ip_packet_read(&got, answer, length));
	assert_int_equal(got.destination.bytes[0], 0xff);
	assert_int_equal(got.body.at[4], 0xa0);
	/* Another's address, and what came through a router, have no answer. */
	assert_true(ip_packet_read(&in, packet, solicit(packet, &none, &two, 255)));
	assert_int_equal(neighbour_answer(answer, &in, &one), 0);
	assert_true(neighbour_chatter(&in));
	assert_true(ip_packet_read(&in, packet, solicit(packet, &two, &one, 254)));
	assert_int_equal(neighbour_answer(answer, &in, &one), 0);
}

static void echoes(void **state)
{
	uint8_t packet[IP_PACKET_MAX], answer[IP_PACKET_MAX];
	struct ip_packet head = {.source = two,
				 .destination = one,
				 .protocol = PROTOCOL_ICMPV6,
				 .hop_limit = 64},
			 in, got;
	struct writer w = writer_over(packet, sizeof packet);
	ip_packet_begin(&w, &head);
	write_u32(&w, 128u << 24);
	write_bytes(&w, "idseqdata", 9);
	assert_true(ip_packet_read(&in, packet, ip_packet_end(&w)));
	size_t length = neighbour_answer(answer, &in, &one);
	assert_int_equal(length, 40 + 4 + 9);
	assert_true(ip_packet_read(&got, answer, length));
	assert_int_equal(got.body.at[0], 129);
	assert_memory_equal(got.body.at + 4, "idseqdata", 9);
	assert_int_equal(neighbour_answer(answer, &in, &two), 0);
	assert_false(neighbour_chatter(&in));
	/* What would not fit is not answered. */
	w = writer_over(packet, sizeof packet);
	ip_packet_begin(&w, &head);
	write_u32(&w, 128u << 24);
	write_zeros(&w, IP_PACKET_MAX - 44);
	assert_true(ip_packet_read(&in, packet, ip_packet_end(&w)));
	assert_int_equal(neighbour_answer(answer, &in, &one), IP_PACKET_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(udp), cmocka_unit_test(ipv4),
		cmocka_unit_test(something_else), cmocka_unit_test(neighbours),
		cmocka_unit_test(echoes)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
