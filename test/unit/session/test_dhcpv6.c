/* The two machines of DHCPv6: each rule of RFC 8415 §18 that is ours, and one against the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dhcpv6_client.h"
#include "dhcpv6_server.h"
#include "limits.h"

static const struct dhcpv6_duid mine = {4, {0, 4, 1, 1}}, ours = {4, {0, 4, 2, 2}},
				other = {4, {0, 4, 3, 3}};
static const struct prefix lent = {{6, {0xfd, 0, 0, 0x99, 0, 0, 1}}, 56};
static const struct link_services services = {.duid = {4, {0, 4, 2, 2}},
	.dns6 = {{6, {0xfd, [15] = 0x53}}},
	.delegates = true,
	.delegated_for = 7200};

static struct dhcpv6_message ask(enum dhcpv6_type type, uint32_t iaid)
{
	struct dhcpv6_message m = {.type = type, .transaction = 5, .client = mine, .ia_count = 1};
	m.ias[0] = (struct dhcpv6_ia){.kind = DHCPV6_IA_PD, .iaid = iaid};
	if (type == DHCPV6_REQUEST || type == DHCPV6_RENEW || type == DHCPV6_RELEASE)
		m.server = ours;
	return m;
}

static enum dhcpv6_verdict serve(struct dhcpv6_lease *lease, const struct dhcpv6_message *in,
	struct dhcpv6_message *answer, uint64_t now)
{
	enum dhcpv6_verdict verdict = dhcpv6_serve(&services, lease, in, false, now, answer);
	if (verdict != DHCPV6_ASK)
		return verdict;
	dhcpv6_lend(lease, &lent, now);
	return dhcpv6_serve(&services, lease, in, true, now, answer);
}

/* §16: who may say what, with which identities. */
static void validity(void **state)
{
	static const struct {
		enum dhcpv6_type type;
		const struct dhcpv6_duid *client, *server;
		bool answered;
	} cases[] = {
		{DHCPV6_SOLICIT, &mine, NULL, true}, {DHCPV6_SOLICIT, NULL, NULL, false},
		{DHCPV6_SOLICIT, &mine, &ours, false}, {DHCPV6_REQUEST, &mine, &ours, true},
		{DHCPV6_REQUEST, &mine, NULL, false}, {DHCPV6_REQUEST, &mine, &other, false},
		{DHCPV6_CONFIRM, &mine, NULL, false}, {DHCPV6_RENEW, &mine, &ours, true},
		{DHCPV6_RENEW, &mine, &other, false}, {DHCPV6_REBIND, &mine, NULL, true},
		{DHCPV6_REBIND, &mine, &ours, false}, {DHCPV6_RELEASE, &mine, &ours, true},
		{DHCPV6_DECLINE, &mine, &ours, true}, {DHCPV6_DECLINE, NULL, &ours, false},
		{DHCPV6_ADVERTISE, &mine, &ours, false}, {DHCPV6_REPLY, &mine, &ours, false},
		{DHCPV6_RECONFIGURE, &mine, &ours, false},
		{DHCPV6_INFORMATION_REQUEST, NULL, NULL, false}, /* it names an association */
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct dhcpv6_lease lease = {.until = 0};
		struct dhcpv6_message in = ask(cases[i].type, 1), answer;
		in.client = cases[i].client ? *cases[i].client : (struct dhcpv6_duid){0};
		in.server = cases[i].server ? *cases[i].server : (struct dhcpv6_duid){0};
		assert_int_equal(
			serve(&lease, &in, &answer, 1) == DHCPV6_ANSWER, cases[i].answered);
	}
	struct dhcpv6_lease lease = {.until = 0};
	struct dhcpv6_message in = {.type = DHCPV6_INFORMATION_REQUEST, .wants = DHCPV6_WANTS_DNS},
			      answer;
	assert_int_equal(serve(&lease, &in, &answer, 1), DHCPV6_ANSWER);
	assert_int_equal(answer.dns[0].bytes[15], 0x53);
	in.wants = 0;
	assert_int_equal(serve(&lease, &in, &answer, 1), DHCPV6_ANSWER);
	assert_int_equal(answer.dns[0].family, 0);
	in.server = other;
	assert_int_equal(serve(&lease, &in, &answer, 1), DHCPV6_SILENT);
}

static void lease_of_a_router(void **state)
{
	struct dhcpv6_lease lease = {.until = 0};
	struct dhcpv6_message in = ask(DHCPV6_SOLICIT, 1), answer;
	assert_int_equal(serve(&lease, &in, &answer, 1000), DHCPV6_ANSWER);
	assert_int_equal(answer.type, DHCPV6_ADVERTISE);
	assert_true(answer.first_choice);
	assert_true(dhcpv6_same_duid(&answer.client, &mine));
	assert_true(dhcpv6_same_duid(&answer.server, &ours));
	assert_int_equal(answer.transaction, 5);
	assert_true(dhcpv6_same_prefix(&answer.ias[0].prefixes[0].prefix, &lent));
	assert_int_equal(answer.ias[0].prefixes[0].valid, 7200);
	assert_int_equal(answer.ias[0].prefixes[0].preferred, 3600);
	assert_int_equal(answer.ias[0].t1, 1800);
	assert_int_equal(answer.ias[0].t2, 2880);
	assert_int_equal(lease.until, 1000 + SECONDS(60)); /* only offered */
	in = ask(DHCPV6_REQUEST, 1);
	assert_int_equal(serve(&lease, &in, &answer, 2000), DHCPV6_ANSWER);
	assert_int_equal(answer.type, DHCPV6_REPLY);
	assert_int_equal(lease.until, 2000 + SECONDS(7200));
	/* An offer does not shorten what is held. */
	in = ask(DHCPV6_SOLICIT, 1);
	serve(&lease, &in, &answer, 3000);
	assert_int_equal(lease.until, 2000 + SECONDS(7200));
	in = ask(DHCPV6_RENEW, 1);
	serve(&lease, &in, &answer, SECONDS(1800));
	assert_int_equal(lease.until, SECONDS(9000));
	assert_false(dhcpv6_lease_tick(&lease, SECONDS(9000) - 1));
	assert_true(dhcpv6_lease_tick(&lease, SECONDS(9000)));
	assert_int_equal(lease.prefix.length, 0);
	assert_false(dhcpv6_lease_tick(&lease, NEVER - 1));
	assert_true(dhcpv6_lease_deadline(&lease) == NEVER);
}

static void rapid_commit(void **state)
{
	struct dhcpv6_lease lease = {.until = 0};
	struct dhcpv6_message in = ask(DHCPV6_SOLICIT, 1), answer;
	in.rapid_commit = true;
	serve(&lease, &in, &answer, 1000);
	assert_int_equal(answer.type, DHCPV6_REPLY);
	assert_true(answer.rapid_commit && !answer.first_choice);
	assert_int_equal(lease.until, 1000 + SECONDS(7200));
}

static void nothing_left(void **state)
{
	struct dhcpv6_lease lease = {.until = 0};
	struct dhcpv6_message in = ask(DHCPV6_SOLICIT, 1), answer;
	assert_int_equal(dhcpv6_serve(&services, &lease, &in, false, 1, &answer), DHCPV6_ASK);
	assert_int_equal(dhcpv6_serve(&services, &lease, &in, true, 1, &answer), DHCPV6_ANSWER);
	assert_int_equal(answer.ias[0].status, DHCPV6_NO_PREFIX_AVAIL);
	assert_int_equal(answer.ias[0].count, 0);
	/* Without a pool nobody is asked, and addresses there are never. */
	struct link_services poor = services;
	poor.delegates = false;
	in.ias[in.ia_count++] = (struct dhcpv6_ia){.kind = DHCPV6_IA_NA, .iaid = 3};
	assert_int_equal(dhcpv6_serve(&poor, &lease, &in, false, 1, &answer), DHCPV6_ANSWER);
	assert_int_equal(answer.ias[0].status, DHCPV6_NO_PREFIX_AVAIL);
	assert_int_equal(answer.ias[1].status, DHCPV6_NO_ADDRS_AVAIL);
}

static void unknown_bindings(void **state)
{
	struct dhcpv6_lease lease = {.until = 0};
	struct dhcpv6_message in = ask(DHCPV6_RENEW, 1), answer;
	serve(&lease, &in, &answer, 1);
	assert_int_equal(answer.ias[0].status, DHCPV6_NO_BINDING);
	in = ask(DHCPV6_RELEASE, 1);
	serve(&lease, &in, &answer, 1);
	assert_int_equal(answer.ias[0].status, DHCPV6_NO_BINDING);
	/* A router that was here before comes with what it had: it learns what it has now. */
	in = ask(DHCPV6_REBIND, 1);
	in.ias[0].count = 1;
	in.ias[0].prefixes[0].prefix = (struct prefix){{6, {0xfd, 7}}, 56};
	struct prefix hint = dhcpv6_hint(&in);
	assert_int_equal(hint.address.bytes[1], 7);
	serve(&lease, &in, &answer, 1);
	assert_int_equal(answer.ias[0].status, 0);
	assert_int_equal(answer.ias[0].count, 2);
	assert_true(dhcpv6_same_prefix(&answer.ias[0].prefixes[0].prefix, &lent));
	assert_int_equal(answer.ias[0].prefixes[1].valid, 0);
	in = ask(DHCPV6_RELEASE, 2); /* not the one that holds it */
	serve(&lease, &in, &answer, 1);
	assert_int_equal(lease.prefix.length, 56);
	in = ask(DHCPV6_DECLINE, 1);
	in.server = ours;
	serve(&lease, &in, &answer, 1);
	assert_int_equal(lease.prefix.length, 56);
	in = ask(DHCPV6_RELEASE, 1);
	serve(&lease, &in, &answer, 1);
	assert_int_equal(answer.ia_count, 0);
	assert_int_equal(answer.status, DHCPV6_SUCCESS);
	assert_int_equal(lease.prefix.length, 0);
}

/* One link, one prefix; who comes again under another number takes it along. */
static void two_associations(void **state)
{
	struct dhcpv6_lease lease = {.until = 0};
	struct dhcpv6_message in = ask(DHCPV6_REQUEST, 1), answer;
	in.ias[in.ia_count++] = (struct dhcpv6_ia){.kind = DHCPV6_IA_PD, .iaid = 2};
	serve(&lease, &in, &answer, 1);
	assert_int_equal(answer.ias[0].count, 1);
	assert_int_equal(answer.ias[1].status, DHCPV6_NO_PREFIX_AVAIL);
	in = ask(DHCPV6_SOLICIT, 9);
	serve(&lease, &in, &answer, 2);
	assert_int_equal(answer.ias[0].count, 1);
	assert_int_equal(lease.iaid, 9);
	in = ask(DHCPV6_RENEW, 1);
	serve(&lease, &in, &answer, 3);
	assert_int_equal(answer.ias[0].status, DHCPV6_NO_BINDING);
}

/* The client. */

static struct random dice;

static struct dhcpv6_client fresh(bool prefix)
{
	static const uint8_t seed[32] = {7};
	random_seed(&dice, seed);
	return (struct dhcpv6_client){
		.wish = {.duid = mine, .iaid = 1, .prefix = prefix, .length = 56, .dns = true}};
}

/* Until it says something. */
static unsigned next(struct dhcpv6_client *client, uint64_t *now, struct dhcpv6_message *out)
{
	*now = dhcpv6_client_deadline(client);
	assert_true(*now != NEVER);
	return dhcpv6_client_tick(client, *now, &dice, out);
}

static struct dhcpv6_message reply_to(const struct dhcpv6_message *asked, enum dhcpv6_type type)
{
	struct dhcpv6_message m = {.type = type,
		.transaction = asked->transaction,
		.client = mine,
		.server = ours,
		.ia_count = 1};
	m.ias[0] = (struct dhcpv6_ia){.kind = DHCPV6_IA_PD,
		.iaid = 1,
		.t1 = 100,
		.t2 = 160,
		.count = 1,
		.prefixes = {{lent, 200, 400}}};
	return m;
}

static struct dhcpv6_client bound(uint64_t *now)
{
	struct dhcpv6_client client = fresh(true);
	struct dhcpv6_message out;
	dhcpv6_client_up(&client, *now, &dice);
	assert_int_equal(next(&client, now, &out), DHCPV6_SEND);
	assert_int_equal(out.type, DHCPV6_SOLICIT);
	assert_true(out.rapid_commit);
	struct dhcpv6_message in = reply_to(&out, DHCPV6_REPLY);
	in.rapid_commit = true;
	unsigned done = dhcpv6_client_input(&client, &in, *now, &dice, &out);
	assert_true(done & DHCPV6_CHANGED && !(done & DHCPV6_SEND));
	assert_int_equal(client.state, DHCPV6_BOUND);
	return client;
}

static void solicits(void **state)
{
	struct dhcpv6_client client = fresh(true);
	struct dhcpv6_message out, in;
	uint64_t now = SECONDS(100), before;
	dhcpv6_client_up(&client, now, &dice);
	assert_in_range(dhcpv6_client_deadline(&client), now, now + SECONDS(1));
	next(&client, &now, &out);
	assert_int_equal(out.elapsed, 0);
	assert_int_equal(out.ias[0].prefixes[0].prefix.length, 56); /* a hint of its length */
	/* §15: twice as long each time, within a tenth; the first never shorter. */
	for (unsigned n = 0; n < 5; n++) {
		before = now;
		uint32_t transaction = out.transaction;
		next(&client, &now, &out);
		assert_int_equal(out.transaction, transaction);
		uint64_t wait = now - before, whole = SECONDS(1) << n;
		assert_true(wait >= (n ? whole * 7 / 10 : whole) && wait <= whole * 14 / 10);
	}
	assert_true(out.elapsed > 2500 && out.elapsed < 4500);
	/* It is past the first wait: the first that offers a prefix is taken. */
	in = reply_to(&out, DHCPV6_ADVERTISE);
	in.ias[0].status = DHCPV6_NO_PREFIX_AVAIL;
	assert_int_equal(dhcpv6_client_input(&client, &in, now, &dice, &out), DHCPV6_NO_LUCK);
	in.ias[0].status = 0;
	assert_int_equal(dhcpv6_client_input(&client, &in, now, &dice, &out), DHCPV6_SEND);
	assert_int_equal(out.type, DHCPV6_REQUEST);
	assert_true(dhcpv6_same_duid(&out.server, &ours));
	assert_true(dhcpv6_same_prefix(&out.ias[0].prefixes[0].prefix, &lent));
	/* Ten Requests without an answer, and it begins again. */
	for (unsigned n = 1; n < 10; n++) {
		next(&client, &now, &out);
		assert_int_equal(out.type, DHCPV6_REQUEST);
	}
	next(&client, &now, &out);
	assert_int_equal(out.type, DHCPV6_SOLICIT);
}

/* Advertisements are weighed for the first wait, unless one has the highest preference. */
static void weighs(void **state)
{
	struct dhcpv6_client client = fresh(true);
	struct dhcpv6_message out, in;
	uint64_t now = 0;
	dhcpv6_client_up(&client, now, &dice);
	next(&client, &now, &out);
	in = reply_to(&out, DHCPV6_ADVERTISE);
	in.server = other;
	assert_int_equal(dhcpv6_client_input(&client, &in, now, &dice, &out), 0);
	in.server = ours;
	assert_int_equal(dhcpv6_client_input(&client, &in, now, &dice, &out), 0);
	assert_int_equal(next(&client, &now, &out), DHCPV6_SEND);
	assert_int_equal(out.type, DHCPV6_REQUEST);
	assert_true(dhcpv6_same_duid(&out.server, &other)); /* the first one */
	client = fresh(true);
	dhcpv6_client_up(&client, now, &dice);
	next(&client, &now, &out);
	in = reply_to(&out, DHCPV6_ADVERTISE);
	in.first_choice = true;
	assert_int_equal(dhcpv6_client_input(&client, &in, now, &dice, &out), DHCPV6_SEND);
	assert_int_equal(out.type, DHCPV6_REQUEST);
	in = reply_to(&out, DHCPV6_REPLY);
	dhcpv6_client_input(&client, &in, now, &dice, &out);
	assert_int_equal(client.state, DHCPV6_BOUND);
}

static void not_for_us(void **state)
{
	struct dhcpv6_client client = fresh(true);
	struct dhcpv6_message out, in;
	uint64_t now = 0;
	dhcpv6_client_up(&client, now, &dice);
	in = (struct dhcpv6_message){.type = DHCPV6_REPLY};
	assert_int_equal(dhcpv6_client_input(&client, &in, now, &dice, &out), DHCPV6_DISCARD);
	next(&client, &now, &out);
	struct dhcpv6_message good = reply_to(&out, DHCPV6_REPLY);
	good.rapid_commit = true;
	for (unsigned n = 0; n < 6; n++) {
		in = good;
		if (n == 0)
			in.transaction ^= 1;
		if (n == 1)
			in.client = other;
		if (n == 2)
			in.server.length = 0;
		if (n == 3)
			in.rapid_commit = false;
		if (n == 4)
			in.ias[0].iaid = 2;
		if (n == 5)
			in.status = DHCPV6_UNSPEC_FAIL;
		assert_int_equal(
			dhcpv6_client_input(&client, &in, now, &dice, &out), DHCPV6_DISCARD);
		assert_int_equal(client.state, DHCPV6_SOLICITS);
	}
	in = good;
	in.type = DHCPV6_RECONFIGURE;
	assert_int_equal(dhcpv6_client_input(&client, &in, now, &dice, &out), DHCPV6_DISCARD);
	assert_true(dhcpv6_client_input(&client, &good, now, &dice, &out) & DHCPV6_CHANGED);
}

static void renews(void **state)
{
	uint64_t now = SECONDS(50);
	struct dhcpv6_client client = bound(&now);
	struct dhcpv6_message out, in;
	uint64_t since = now;
	next(&client, &now, &out);
	assert_int_equal(now, since + SECONDS(100));
	assert_int_equal(out.type, DHCPV6_RENEW);
	assert_true(dhcpv6_same_duid(&out.server, &ours));
	in = reply_to(&out, DHCPV6_REPLY);
	assert_true(dhcpv6_client_input(&client, &in, now, &dice, &out) & DHCPV6_CHANGED);
	since = now;
	do {
		next(&client, &now, &out);
		assert_true(now <= since + SECONDS(160));
	} while (out.type == DHCPV6_RENEW);
	assert_int_equal(now, since + SECONDS(160));
	assert_int_equal(out.type, DHCPV6_REBIND);
	assert_int_equal(out.server.length, 0);
	unsigned done;
	do
		done = next(&client, &now, &out);
	while (out.type == DHCPV6_REBIND);
	assert_int_equal(now, since + SECONDS(400));
	assert_true(done & DHCPV6_CHANGED);
	assert_int_equal(client.held.prefix.length, 0);
	assert_int_equal(out.type, DHCPV6_SOLICIT);
}

static void server_forgot(void **state)
{
	uint64_t now = SECONDS(50);
	struct dhcpv6_client client = bound(&now);
	struct dhcpv6_message out, in;
	next(&client, &now, &out);
	in = reply_to(&out, DHCPV6_REPLY);
	in.ias[0].status = DHCPV6_NO_BINDING;
	assert_int_equal(dhcpv6_client_input(&client, &in, now, &dice, &out), DHCPV6_SEND);
	assert_int_equal(out.type, DHCPV6_REQUEST);
	assert_true(dhcpv6_same_prefix(&out.ias[0].prefixes[0].prefix, &lent));
	in = reply_to(&out, DHCPV6_REPLY);
	in.ias[0].status = DHCPV6_NO_PREFIX_AVAIL;
	assert_int_equal(dhcpv6_client_input(&client, &in, now, &dice, &out), DHCPV6_NO_LUCK);
	assert_int_equal(client.state, DHCPV6_SOLICITS);
	/* A Renew answered with no time left: the prefix is another's. */
	now = SECONDS(50);
	client = bound(&now);
	next(&client, &now, &out);
	in = reply_to(&out, DHCPV6_REPLY);
	in.ias[0].prefixes[0].valid = in.ias[0].prefixes[0].preferred = 0;
	assert_true(dhcpv6_client_input(&client, &in, now, &dice, &out) & DHCPV6_CHANGED);
	assert_int_equal(client.held.prefix.length, 0);
}

static void times_left_to_us(void **state)
{
	struct dhcpv6_client client = fresh(true);
	struct dhcpv6_message out, in;
	uint64_t now = 0;
	dhcpv6_client_up(&client, now, &dice);
	next(&client, &now, &out);
	in = reply_to(&out, DHCPV6_REPLY);
	in.rapid_commit = true;
	in.ias[0].t1 = in.ias[0].t2 = 0;
	dhcpv6_client_input(&client, &in, now, &dice, &out);
	assert_int_equal(client.renew_at, now + SECONDS(100));
	assert_int_equal(client.rebind_at, now + SECONDS(160));
	dhcpv6_client_up(&client, now, &dice);
	next(&client, &now, &out);
	assert_true(dhcpv6_same_prefix(&out.ias[0].prefixes[0].prefix, &lent)); /* once more */
	in.transaction = out.transaction;
	in.ias[0].prefixes[0].valid = in.ias[0].prefixes[0].preferred = DHCPV6_FOREVER;
	dhcpv6_client_input(&client, &in, now, &dice, &out);
	assert_true(dhcpv6_client_deadline(&client) == NEVER);
}

static void information(void **state)
{
	struct dhcpv6_client client = fresh(false);
	struct dhcpv6_message out, in;
	uint64_t now = 0;
	dhcpv6_client_up(&client, now, &dice);
	assert_true(dhcpv6_client_deadline(&client) == NEVER);
	dhcpv6_client_inform(&client, now, &dice);
	dhcpv6_client_inform(&client, now, &dice);
	next(&client, &now, &out);
	assert_int_equal(out.type, DHCPV6_INFORMATION_REQUEST);
	assert_int_equal(out.ia_count, 0);
	in = (struct dhcpv6_message){.type = DHCPV6_REPLY,
		.transaction = out.transaction,
		.client = mine,
		.server = ours,
		.dns = {{6, {0xfd, [15] = 9}}}};
	assert_int_equal(dhcpv6_client_input(&client, &in, now, &dice, &out), DHCPV6_CHANGED);
	assert_int_equal(client.dns[0].bytes[15], 9);
	uint64_t since = now;
	dhcpv6_client_inform(&client, now, &dice); /* known already */
	next(&client, &now, &out);
	assert_int_equal(now, since + SECONDS(86400));
	assert_int_equal(out.type, DHCPV6_INFORMATION_REQUEST);
	dhcpv6_client_down(&client);
	assert_true(dhcpv6_client_deadline(&client) == NEVER);
	client.wish.dns = false;
	dhcpv6_client_inform(&client, now, &dice);
	assert_true(dhcpv6_client_deadline(&client) == NEVER);
}

static void releases(void **state)
{
	uint64_t now = SECONDS(50);
	struct dhcpv6_client client = bound(&now);
	struct dhcpv6_message out;
	assert_true(dhcpv6_client_release(&client, &dice, &out) & DHCPV6_SEND);
	assert_int_equal(out.type, DHCPV6_RELEASE);
	assert_true(dhcpv6_same_duid(&out.server, &ours));
	assert_true(dhcpv6_same_prefix(&out.ias[0].prefixes[0].prefix, &lent));
	assert_int_equal(dhcpv6_client_release(&client, &dice, &out), 0);
	client = fresh(true);
	assert_int_equal(dhcpv6_client_release(&client, &dice, &out), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(validity),
		cmocka_unit_test(lease_of_a_router),
		cmocka_unit_test(rapid_commit),
		cmocka_unit_test(nothing_left),
		cmocka_unit_test(unknown_bindings),
		cmocka_unit_test(two_associations),
		cmocka_unit_test(solicits),
		cmocka_unit_test(weighs),
		cmocka_unit_test(not_for_us),
		cmocka_unit_test(renews),
		cmocka_unit_test(server_forgot),
		cmocka_unit_test(times_left_to_us),
		cmocka_unit_test(information),
		cmocka_unit_test(releases),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
