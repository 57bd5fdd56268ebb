/* Which packets of a link are the control plane's, by what the session serves. */
#include "hex.h"

#include <string.h>

#include "bytes.h"
#include "command.h"
#include "handed_up.h"

enum {
	LINK = DATAPATH_SERVE_LINK,
	SERVER = DATAPATH_SERVE_DHCPV6,
	CLIENT = DATAPATH_CLIENT_DHCPV6
};

static const struct address near = {6, {0xfe, 0x80, [15] = 1}}, far = {6, {0x20, 1, [15] = 1}},
			    group = {6, {0xff, 2, [15] = 0x16}}, wide = {6, {0xff, 5, [15] = 1}},
			    none = {.family = 6};

/* `routed`: a hop-by-hop header stands before the ICMPv6 one, as MLD has it. */
static bool taken(
	uint8_t services, const struct address *to, uint8_t protocol, uint16_t word, bool routed)
{
	uint8_t packet[96];
	struct inner inner;
	struct writer w = writer_over(packet, sizeof packet);
	write_u32(&w, 0x60000000);
	write_u16(&w, routed ? 16 : 8);
	write_u8(&w, routed ? 0 : protocol);
	write_u8(&w, 64);
	write_bytes(&w, near.bytes, 16);
	write_bytes(&w, to->bytes, 16);
	if (routed) {
		write_u8(&w, protocol);
		write_zeros(&w, 7);
	}
	write_u16(&w, protocol == 58 ? (uint16_t)(word << 8) : 0);
	write_u16(&w, word);
	write_zeros(&w, 4);
	assert_true(inner_parse(&inner, packet, writer_length(&w)));
	return handed_up(services, &inner, packet);
}

static void routers(void **state)
{
	for (uint16_t type = 133; type <= 134; type++) {
		assert_true(taken(0, &near, 58, type, false));
		assert_true(taken(LINK, &group, 58, type, false));
	}
	assert_false(taken(0, &near, 6, 133, false));
}

static void link_local(void **state)
{
	static const uint16_t types[] = {130, 131, 132, 135, 136, 143};
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		assert_true(taken(LINK, &group, 58, types[i], i != 3));
		assert_false(taken(0, &group, 58, types[i], i != 3));
	}
	assert_true(taken(LINK, &near, 58, 128, false));
	assert_false(taken(LINK, &far, 58, 128, false));
	assert_false(taken(0, &near, 58, 128, false));
	assert_false(taken(LINK, &near, 58, 129, false));
}

static void dhcpv6(void **state)
{
	assert_true(taken(SERVER, &group, 17, 547, false));
	assert_true(taken(SERVER, &near, 17, 547, false));
	assert_false(taken(SERVER, &far, 17, 547, false));
	assert_false(taken(SERVER, &wide, 17, 547, false));
	assert_false(taken(SERVER, &near, 17, 546, false));
	assert_false(taken(LINK | CLIENT, &near, 17, 547, false));
	assert_true(taken(CLIENT, &near, 17, 546, false));
	assert_false(taken(0, &near, 17, 546, false));
}

static void nameless(void **state)
{
	struct inner inner = {.version = 6, .source = none, .destination = group};
	assert_true(handed_up_nameless(&inner));
	inner.destination = far;
	assert_false(handed_up_nameless(&inner));
	inner.destination = wide;
	assert_false(handed_up_nameless(&inner));
	inner.destination = group;
	inner.source = near;
	assert_false(handed_up_nameless(&inner));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(routers), cmocka_unit_test(link_local),
		cmocka_unit_test(dhcpv6), cmocka_unit_test(nameless)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
