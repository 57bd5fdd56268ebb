/* What two sessions do on their link: a prefix and information over DHCPv6, and the answers to what
 * is asked of a link-local address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ip_header.h"
#include "neighbour.h"
#include "pair.h"
#include "services.h"

static struct link_services services;
static struct link_client client;

static struct pair *opened(bool prefix)
{
	struct pair *pair = pair_new();
	services = (struct link_services){.duid = {4, {0, 4, 2, 2}},
		.dns6 = {{6, {0xfd, [15] = 0x53}}},
		.delegates = true,
		.delegated_for = 600};
	domains_add(&services.search, "example.net");
	client = (struct link_client){
		.dhcpv6.wish = {
			.duid = {4, {0, 4, 1, 1}}, .iaid = 1, .prefix = prefix, .dns = true}};
	pair->client.config.session.unit.ipv6 = pair->server.config.session.unit.ipv6 = true;
	pair->server.config.session.services = &services;
	pair->server.config.session.shared = true;
	pair->server.prefix6 = (struct prefix){{6, {0xfd, 0, 0, 0x98, 0, 0, 0, 1}}, 64};
	pair->server.delegated = (struct prefix){{6, {0xfd, 0, 0, 0x99}}, 56};
	session_borrow(&pair->client.sessions[0], &client);
	pair_start(pair, 1);
	return pair;
}

static struct session *server_of(struct pair *pair)
{
	return &pair->server.sessions[0];
}

/* The networks behind a session, as the data path of this end was told of last. */
static struct prefix behind(const struct end *end)
{
	struct prefix prefix = {.length = 0};
	for (uint32_t i = 0; i < end->seen_count; i++)
		if (end->seen[i].kind == TUNNEL_COMMAND && end->seen[i].command == DATAPATH_NETWORK)
			prefix = end->seen[i].behind;
	return prefix;
}

static void a_prefix_for_a_while(void **state)
{
	struct pair *pair = opened(true);
	assert_int_equal(services_wanted(server_of(pair)),
		DATAPATH_SERVE_LINK | DATAPATH_SERVE_DHCPV6 | DATAPATH_SERVE_DHCP);
	assert_int_equal(services_wanted(&pair->client.sessions[0]), DATAPATH_CLIENT_DHCPV6);
	pair_pass(pair, SECONDS(3));
	struct prefix there = services_delegated(server_of(pair));
	struct prefix here = services_delegated(&pair->client.sessions[0]);
	assert_true(dhcpv6_same_prefix(&there, &pair->server.delegated));
	struct prefix route = behind(&pair->server);
	assert_true(dhcpv6_same_prefix(&route, &there));
	assert_true(dhcpv6_same_prefix(&here, &there));
	assert_int_equal(seen_total(&pair->server, TUNNEL_DELEGATE, -1), 1);
	assert_int_equal(client.dhcpv6.dns[0].bytes[15], 0x53);
	assert_int_equal(client.search.length, services.search.length);
	/* It is renewed in time, for as long as it takes, and nobody is asked again. */
	pair_pass(pair, SECONDS(5000));
	there = services_delegated(server_of(pair));
	assert_int_equal(there.length, 56);
	assert_int_equal(seen_total(&pair->server, TUNNEL_DELEGATE, -1), 1);
	/* Not renewed it ends, at both ends. */
	pair->server.deaf_gre = true;
	pair->server.sessions[0].setup_by = NEVER;
	pair_pass(pair, SECONDS(601));
	if (server_of(pair)->state == SESSION_UP) {
		there = services_delegated(server_of(pair));
		assert_int_equal(there.length, 0);
	}
}

static void given_back_at_the_end(void **state)
{
	struct pair *pair = opened(true);
	pair_pass(pair, SECONDS(3));
	uint32_t before = seen_total(&pair->server, TUNNEL_SESSION_SERVICES, -1);
	tunnel_stop(&pair->client.tunnel, CLOSE_ADMIN, pair->now, pair_out());
	pair_take(pair, &pair->client);
	pair_pass(pair, SECONDS(1));
	assert_int_equal(seen_total(&pair->server, TUNNEL_SESSION_SERVICES, -1), before + 1);
	assert_int_equal(client.dhcpv6.held.prefix.length, 0);
}

static void nothing_is_left(void **state)
{
	struct pair *pair = opened(true);
	pair->server.delegated.length = 0;
	pair_pass(pair, SECONDS(10));
	struct prefix there = services_delegated(server_of(pair));
	assert_int_equal(there.length, 0);
	assert_non_null(strstr(pair->client.notes, "no prefix for us"));
}

static void information_alone(void **state)
{
	struct pair *pair = opened(false);
	pair_pass(pair, SECONDS(3));
	assert_int_equal(client.dhcpv6.dns[0].bytes[15], 0x53);
	assert_int_equal(client.dhcpv6.search.length, services.search.length);
	assert_int_equal(seen_total(&pair->server, TUNNEL_DELEGATE, -1), 0);
}

/* A packet from the link, as the data path hands it up. */
static void hear(
	struct pair *pair, const struct ip_packet *head, const uint8_t *body, size_t length)
{
	uint8_t frame[2 + IP_PACKET_MAX] = {0, 0x57};
	struct writer w = writer_over(frame + 2, IP_PACKET_MAX);
	ip_packet_begin(&w, head);
	write_bytes(&w, body, length);
	size_t size = ip_packet_end(&w);
	struct session *session = server_of(pair);
	tunnel_frame(&pair->server.tunnel, session, session->epoch, frame, 2 + size, pair->now,
		pair_out());
	pair_take(pair, &pair->server);
}

static unsigned frames(const struct end *end)
{
	unsigned count = 0;
	for (uint32_t i = 0; i < end->seen_count; i++)
		count += end->seen[i].kind == TUNNEL_COMMAND &&
			 end->seen[i].command == DATAPATH_FRAME && end->seen[i].protocol == 0x57;
	return count;
}

static void link_local(void **state)
{
	struct pair *pair = opened(false);
	pair_pass(pair, SECONDS(3));
	const struct unit_network *network = &server_of(pair)->facts.network;
	struct ip_packet head = {.source = ipv6cp_link_local(network->remote6),
		.destination = ipv6cp_link_local(network->local6),
		.protocol = PROTOCOL_ICMPV6,
		.hop_limit = 255};
	uint8_t body[24] = {128};
	unsigned before = frames(&pair->server);
	uint32_t drops = seen_total(&pair->server, TUNNEL_DROP, -1);
	hear(pair, &head, body, 8);
	assert_int_equal(frames(&pair->server), before + 1);
	body[0] = 135;
	memcpy(body + 8, head.destination.bytes, 16);
	hear(pair, &head, body, 24);
	assert_int_equal(frames(&pair->server), before + 2);
	body[0] = 143;
	hear(pair, &head, body, 24);
	assert_int_equal(frames(&pair->server), before + 2);
	assert_int_equal(seen_total(&pair->server, TUNNEL_DROP, -1), drops);
	body[0] = 1;
	hear(pair, &head, body, 24);
	assert_int_equal(seen_total(&pair->server, TUNNEL_DROP, -1), drops + 1);
	head.protocol = PROTOCOL_UDP;
	head.to = 547;
	hear(pair, &head, body, 3); /* no message at all */
	assert_int_equal(seen_total(&pair->server, TUNNEL_DROP, -1), drops + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_prefix_for_a_while),
		cmocka_unit_test(given_back_at_the_end), cmocka_unit_test(nothing_is_left),
		cmocka_unit_test(information_alone), cmocka_unit_test(link_local)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
