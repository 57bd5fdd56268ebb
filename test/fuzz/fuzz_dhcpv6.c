/* DHCPv6 messages, a 16-bit length before each, said in turn to a server that has one prefix and to
 * a client that wants one; the client's number stands in for the message's own where the first bit
 * says so, since none would guess it. What was read survives being written. */
#include <stdlib.h>
#include <string.h>

#include "dhcpv6_client.h"
#include "dhcpv6_server.h"
#include "limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum { ROOM = 4096 };

static void require(bool holds)
{
	if (!holds)
		abort();
}

static size_t write(uint8_t *at, const struct dhcpv6_message *message)
{
	struct writer w = writer_over(at, ROOM);
	dhcpv6_write(&w, message);
	return w.failed ? 0 : writer_length(&w);
}

static void survives(const struct dhcpv6_message *message)
{
	uint8_t first[ROOM], second[ROOM];
	struct dhcpv6_message again;
	char line[2048];
	struct text t = text_over(line, sizeof line);
	dhcpv6_print(&t, message);
	size_t length = write(first, message);
	require(length != 0 && dhcpv6_read(&again, reader_over(first, length)));
	require(write(second, &again) == length && memcmp(first, second, length) == 0);
}

struct link {
	struct dhcpv6_lease lease;
	struct dhcpv6_client client;
	struct random random;
	uint64_t now;
};

static void to_server(struct link *link, const struct dhcpv6_message *in)
{
	static const struct prefix prefix = {{6, {0xfd, 0, 0, 0x99}}, 56};
	static const struct link_services services = {.duid = {4, {0, 4, 2, 2}},
		.dns6 = {{6, {0xfd, [15] = 0x53}}},
		.delegates = true,
		.delegated_for = 600};
	struct dhcpv6_message answer;
	enum dhcpv6_verdict verdict =
		dhcpv6_serve(&services, &link->lease, in, false, link->now, &answer);
	if (verdict == DHCPV6_ASK) {
		dhcpv6_lend(&link->lease, &prefix, link->now);
		verdict = dhcpv6_serve(&services, &link->lease, in, true, link->now, &answer);
		require(verdict == DHCPV6_ANSWER);
	}
	if (verdict == DHCPV6_ANSWER)
		survives(&answer);
}

static void to_client(struct link *link, struct dhcpv6_message *in, bool ours)
{
	struct dhcpv6_message out;
	if (ours) {
		in->transaction = link->client.transaction;
		in->client = link->client.wish.duid;
	}
	if (dhcpv6_client_input(&link->client, in, link->now, &link->random, &out) & DHCPV6_SEND)
		survives(&out);
	uint64_t due = dhcpv6_client_deadline(&link->client);
	link->now = due == NEVER ? link->now + SECONDS(1) : due > link->now ? due : link->now;
	if (dhcpv6_client_tick(&link->client, link->now, &link->random, &out) & DHCPV6_SEND)
		survives(&out);
	require(dhcpv6_client_deadline(&link->client) > link->now);
	dhcpv6_lease_tick(&link->lease, link->now);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const uint8_t seed[32];
	struct reader r = reader_over(bytes, length);
	uint8_t flags = read_u8(&r);
	struct link link = {.now = SECONDS(1)};
	random_seed(&link.random, seed);
	link.client.wish = (struct dhcpv6_wish){.duid = {4, {0, 4, 1, 1}},
		.iaid = 1,
		.prefix = flags & 2,
		.length = 56,
		.dns = true};
	dhcpv6_client_up(&link.client, link.now, &link.random);
	dhcpv6_client_inform(&link.client, link.now, &link.random);
	while (!r.failed && reader_left(&r)) {
		struct dhcpv6_message in;
		if (!dhcpv6_read(&in, read_slice(&r, read_u16(&r))))
			continue;
		survives(&in);
		to_server(&link, &in);
		to_client(&link, &in, flags & 1);
	}
	struct dhcpv6_message out;
	if (dhcpv6_client_release(&link.client, &link.random, &out) & DHCPV6_SEND)
		survives(&out);
	return 0;
}
