/* Router Solicitations and Advertisements: golden bytes, round trips, what is refused; and two
 * sessions of which one advertises to the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "advert.h"
#include "bytes.h"
#include "pair.h"

static const struct address from = {6, {0xfe, 0x80, [15] = 1}};
static const struct address to = {6, {0xff, 2, [15] = 1}};

static struct advert whole(void)
{
	return (struct advert){.router_lifetime = 1800,
		.mtu = 1456,
		.prefix = {.address = {6, {0xfd, 0, 0, 0x98, 0, 0, 0, 1}}, .length = 64},
		.valid = 2592000,
		.preferred = 604800,
		.dns = {{6, {0xfd, [15] = 0x53}}, {6, {0xfd, [15] = 0x54}}}};
}

/* The checksum added up by hand. */
static void golden(void **state)
{
	static const uint8_t solicitation[48] = {0x60, 0, 0, 0, 0, 8, 58, 255, 0xfe,
		0x80, [23] = 1, [24] = 0xff, 2, [39] = 2, [40] = 133, 0, 0x7d, 0x36};
	uint8_t packet[ADVERT_MAX];
	assert_int_equal(solicit_write(packet, &from), sizeof solicitation);
	assert_memory_equal(packet, solicitation, sizeof solicitation);
	assert_true(solicit_read(packet, sizeof solicitation));
	struct advert nothing = {0};
	assert_int_equal(advert_write(packet, &nothing, NULL, &from, &to), 56);
	assert_int_equal(packet[40], 134);
	assert_int_equal(packet[7], 255);
}

/* Field by field: what lies between them is anybody's. */
static void assert_same(const struct advert *a, const struct advert *b)
{
	assert_int_equal(a->router_lifetime, b->router_lifetime);
	assert_int_equal(a->mtu, b->mtu);
	assert_memory_equal(&a->prefix, &b->prefix, sizeof a->prefix);
	assert_int_equal(a->valid, b->valid);
	assert_int_equal(a->preferred, b->preferred);
	assert_memory_equal(a->dns, b->dns, sizeof a->dns);
	assert_int_equal(a->stateless, b->stateless);
}

static void round_trip(void **state)
{
	struct advert sent = whole(), got;
	uint8_t packet[ADVERT_MAX];
	size_t length = advert_write(packet, &sent, NULL, &from, &to);
	assert_int_equal(length, 40 + 16 + 32 + 8 + 40);
	assert_true(advert_read(&got, NULL, packet, length));
	assert_same(&got, &sent);
	assert_int_equal(packet[56 + 3], 0x40); /* A, not L */
	assert_false(solicit_read(packet, length));
	for (size_t n = 0; n < length; n++)
		assert_false(advert_read(&got, NULL, packet, n));
	for (size_t n = 4; n < length; n++) { /* the checksum covers what is behind byte 8 */
		packet[n] ^= 4;
		assert_false(advert_read(&got, NULL, packet, length) && n >= 8);
		packet[n] ^= 4;
	}
}

static void set_sum(uint8_t *packet, size_t length)
{
	uint32_t sum = (uint32_t)(58 + length - 40);
	put_u16(packet + 42, 0);
	for (size_t n = 8; n < length; n += 2)
		sum += get_u16(packet + n);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	put_u16(packet + 42, (uint16_t)~sum);
}

/* One byte of a good advertisement is another: is it still one, and has it a prefix? */
static void refused(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		bool read, prefix;
	} cases[] = {
		{7, 254, false, false},  /* it came through a router */
		{41, 1, false, false},   /* code */
		{8, 0x20, false, false}, /* not from a link-local address */
		{57, 0, false, false},   /* an option of no length */
		{57, 40, false, false},  /* ... and one beyond the packet */
		{58, 48, true, false},   /* a prefix that hosts cannot use */
		{59, 0x80, true, false}, /* on-link only */
		{64, 1, true, false},    /* preferred longer than valid */
		{72, 0xff, true, false}, /* multicast */
		{56, 99, true, false},   /* an option nobody knows */
		{60, 0xff, true, true},  /* valid for ever */
	};
	struct advert sent = whole(), got;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t packet[ADVERT_MAX];
		size_t length = advert_write(packet, &sent, NULL, &from, &to);
		packet[cases[i].at] = cases[i].value;
		set_sum(packet, length);
		assert_int_equal(advert_read(&got, NULL, packet, length), cases[i].read);
		if (cases[i].read)
			assert_int_equal(got.prefix.length != 0, cases[i].prefix);
	}
	sent.mtu = 1279;
	uint8_t packet[ADVERT_MAX];
	size_t length = advert_write(packet, &sent, NULL, &from, &to);
	assert_true(advert_read(&got, NULL, packet, length));
	assert_int_equal(got.mtu, 0);
	put_u32(packet + 40 + 16 + 32 + 8 + 4, 0); /* DNS servers to be forgotten */
	set_sum(packet, length);
	assert_true(advert_read(&got, NULL, packet, length));
	assert_int_equal(got.dns[0].family, 0);
}

/* RFC 8106 §5.2. */
static void search_list(void **state)
{
	struct advert sent = whole(), got;
	struct domains search = {.length = 0}, found;
	uint8_t packet[ADVERT_MAX];
	assert_true(domains_add(&search, "a.example"));
	sent.stateless = true;
	size_t length = advert_write(packet, &sent, &search, &from, &to);
	assert_int_equal(length, 40 + 16 + 32 + 8 + 40 + 24);
	assert_int_equal(packet[45], 0x40); /* O, not M */
	assert_true(advert_read(&got, &found, packet, length));
	assert_true(got.stateless);
	assert_int_equal(found.length, search.length);
	assert_memory_equal(found.bytes, search.bytes, search.length);
	uint8_t *option = packet + length - 24;
	assert_int_equal(option[0], 31);
	assert_int_equal(option[1], 3);
	put_u32(option + 4, 0); /* to be forgotten */
	set_sum(packet, length);
	assert_true(advert_read(&got, &found, packet, length));
	assert_int_equal(found.length, 0);
	option[8] = 0xc0; /* compressed: not here */
	set_sum(packet, length);
	assert_false(advert_read(&got, &found, packet, length));
}

static unsigned said(const struct end *end)
{
	unsigned count = 0;
	for (uint32_t i = 0; i < end->seen_count; i++)
		count += end->seen[i].kind == TUNNEL_COMMAND &&
			 end->seen[i].command == DATAPATH_FRAME && end->seen[i].protocol == 0x57;
	return count;
}

static const struct link_services services = {.dns6 = {{6, {0xfd, [15] = 0x53}}}};

static struct pair *opened(void)
{
	struct pair *pair = pair_new();
	pair->client.config.session.unit.ipv6 = pair->server.config.session.unit.ipv6 = true;
	pair->server.config.session.services = &services;
	pair->server.prefix6 =
		(struct prefix){.address = {6, {0xfd, 0, 0, 0x98, 0, 0, 0, 1}}, .length = 64};
	pair_start(pair, 1);
	return pair;
}

static void told_to_a_client(void **state)
{
	struct pair *pair = opened();
	const struct session_facts *facts = &pair->client.sessions[0].facts;
	assert_true(facts->network.ipv4 && facts->network.ipv6);
	assert_int_equal(facts->advert.prefix.length, 0);
	uint32_t before = seen_total(&pair->client, TUNNEL_SESSION_NETWORK, -1);
	pair_pass(pair, SECONDS(1));
	assert_true(address_equal(&facts->advert.prefix.address, &pair->server.prefix6.address));
	assert_int_equal(facts->advert.mtu, pair->server.sessions[0].facts.mtu);
	assert_int_equal(facts->advert.dns[0].bytes[15], 0x53);
	assert_int_equal(seen_total(&pair->client, TUNNEL_SESSION_NETWORK, -1), before + 1);
	/* Known, it is neither asked for nor told to the app again. */
	unsigned asked = said(&pair->client);
	pair_pass(pair, SECONDS(40));
	assert_int_equal(said(&pair->client), asked);
	assert_int_equal(seen_total(&pair->client, TUNNEL_SESSION_NETWORK, -1), before + 1);
	/* Three or four at first, then one in 450 seconds. */
	unsigned first = said(&pair->server);
	assert_in_range(first, 3, 4);
	pair_pass(pair, SECONDS(900));
	assert_in_range(said(&pair->server) - first, 1, 2);
}

/* A server without a network for its peer neither advertises nor asks; the client asks thrice. */
static void nothing_to_tell(void **state)
{
	struct pair *pair = pair_new();
	pair->client.config.session.unit.ipv6 = pair->server.config.session.unit.ipv6 = true;
	pair_start(pair, 1);
	pair_pass(pair, SECONDS(60));
	assert_int_equal(said(&pair->server), 0);
	assert_int_equal(said(&pair->client), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(refused),
		cmocka_unit_test(search_list),
		cmocka_unit_test(told_to_a_client),
		cmocka_unit_test(nothing_to_tell),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
