/* DHCPINFORM: what Windows asks for, and the answer byte for byte where it matters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dhcp_inform.h"
#include "ip_header.h"

static const struct dhcp_facts facts = {.own = 0x0a620001, .dns = {0x0a620035, 0x0a620036}};

static struct link_services told(void)
{
	struct link_services services = {.route_count = 2,
		.routes = {{address_ipv4(0xc0a80000), 16}, {address_ipv4(0x0a010200), 23}}};
	assert_true(domains_add(&services.search, "corp.example"));
	assert_true(domains_add(&services.search, "b.net"));
	return services;
}

/* Of type `type`, with a client identifier and, unless it is empty, a list of what is wanted. */
static size_t ask(uint8_t *packet, uint8_t type, const char *wanted, struct ip_packet *in)
{
	struct ip_packet head = {.source = address_ipv4(0x0a620002),
		.destination = address_ipv4(UINT32_MAX),
		.protocol = PROTOCOL_UDP,
		.hop_limit = 128,
		.from = 68,
		.to = 67};
	struct writer w = writer_over(packet, IP_PACKET_MAX);
	ip_packet_begin(&w, &head);
	write_u32(&w, 0x01080600); /* hardware 8, as Windows has it for PPP */
	write_u32(&w, 0xdecade01);
	write_u32(&w, 0);
	write_u32(&w, 0x0a620002);
	write_zeros(&w, 12);
	write_bytes(&w, "SEh@rd", 6);
	write_zeros(&w, 10 + 192);
	write_u32(&w, 0x63825363);
	write_bytes(&w, (uint8_t[]){53, 1, type, 61, 3, 8, 1, 2, 0}, 9);
	if (*wanted) {
		write_u8(&w, 55);
		write_u8(&w, (uint8_t)strlen(wanted));
		write_bytes(&w, wanted, strlen(wanted));
	}
	write_u8(&w, 255);
	size_t length = ip_packet_end(&w);
	assert_true(ip_packet_read(in, packet, length));
	return length;
}

/* The value of an option; NULL when it is not there. */
static const uint8_t *find(const struct ip_packet *packet, uint8_t code, uint8_t *length)
{
	struct reader r = packet->body;
	read_bytes(&r, 240);
	while (reader_left(&r)) {
		uint8_t found = read_u8(&r);
		if (found == 255)
			break;
		*length = read_u8(&r);
		const uint8_t *value = read_bytes(&r, *length);
		assert_non_null(value);
		if (found == code)
			return value;
	}
	return NULL;
}

static void windows(void **state)
{
	static const uint8_t routes[] = {16, 192, 168, 10, 98, 0, 1, 23, 10, 1, 2, 10, 98, 0, 1};
	struct link_services services = told();
	uint8_t packet[IP_PACKET_MAX], answer[IP_PACKET_MAX], length;
	struct ip_packet in, out;
	ask(packet, 8, "\1\17\3\6\54\56\57\37\41\171\371\53", &in);
	size_t size = dhcp_inform_answer(answer, &in, &services, &facts);
	assert_true(size > 0 && ip_packet_read(&out, answer, size));
	assert_int_equal(address_to_ipv4(&out.source), 0x0a620001);
	assert_int_equal(address_to_ipv4(&out.destination), 0x0a620002);
	assert_int_equal(out.from, 67);
	assert_int_equal(out.to, 68);
	assert_int_equal(out.body.at[0], 2);
	assert_memory_equal(out.body.at + 4, packet + 28 + 4, 4);
	assert_memory_equal(out.body.at + 12, packet + 28 + 12, 4); /* its own address, ... */
	assert_int_equal(out.body.at[16] | out.body.at[19], 0);     /* ... and none from us */
	assert_memory_equal(out.body.at + 28, "SEh@rd", 6);
	assert_int_equal(*find(&out, 53, &length), 5);
	assert_memory_equal(find(&out, 54, &length), "\12\142\0\1", 4);
	assert_memory_equal(find(&out, 61, &length), "\10\1\2", 3);
	assert_memory_equal(find(&out, 1, &length), "\377\377\377\377", 4);
	assert_memory_equal(find(&out, 6, &length), "\12\142\0\65\12\142\0\66", 8);
	assert_null(find(&out, 44, &length));
	assert_memory_equal(find(&out, 15, &length), "corp.example", 12);
	assert_int_equal(length, 12);
	assert_null(find(&out, 119, &length)); /* not asked for */
	for (unsigned i = 0; i < 2; i++) {
		assert_memory_equal(find(&out, i ? 121 : 249, &length), routes, sizeof routes);
		assert_int_equal(length, sizeof routes);
	}
	assert_null(find(&out, 51, &length)); /* nothing is leased */
}

static void all_of_it(void **state)
{
	struct link_services services = told();
	uint8_t packet[IP_PACKET_MAX], answer[IP_PACKET_MAX], length;
	struct ip_packet in, out;
	ask(packet, 8, "", &in);
	size_t size = dhcp_inform_answer(answer, &in, &services, &facts);
	assert_true(ip_packet_read(&out, answer, size));
	assert_memory_equal(find(&out, 119, &length), "\4corp\7example\0\1b\3net", 20);
	services.route_count = services.search.length = 0;
	size = dhcp_inform_answer(answer, &in, &services, &facts);
	assert_true(ip_packet_read(&out, answer, size));
	assert_null(find(&out, 121, &length));
	assert_null(find(&out, 15, &length));
}

/* Whoever wants an address, and what is malformed, gets no answer. */
static void refused(void **state)
{
	struct link_services services = told();
	uint8_t packet[IP_PACKET_MAX], answer[IP_PACKET_MAX];
	struct ip_packet in;
	for (uint8_t type = 0; type < 20; type++) {
		ask(packet, type, "", &in);
		size_t size = dhcp_inform_answer(answer, &in, &services, &facts);
		assert_int_equal(size != 0, type == 8);
	}
	size_t whole = ask(packet, 8, "\6", &in) - 28;
	const struct reader body = in.body;
	for (size_t n = 0; n < whole; n++) {
		in.body = reader_over(body.at, n);
		size_t size = dhcp_inform_answer(answer, &in, &services, &facts);
		assert_true(n >= 243 || !size);
	}
	in.body = body;
	packet[28 + 24] = 1; /* through a relay */
	assert_int_equal(dhcp_inform_answer(answer, &in, &services, &facts), 0);
	packet[28 + 24] = 0;
	packet[28] = 2; /* itself an answer */
	assert_int_equal(dhcp_inform_answer(answer, &in, &services, &facts), 0);
	packet[28] = 1;
	in.to = 68;
	assert_int_equal(dhcp_inform_answer(answer, &in, &services, &facts), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows), cmocka_unit_test(all_of_it), cmocka_unit_test(refused)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
