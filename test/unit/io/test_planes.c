/* Two data planes as one: who is told what, in which order, when a session moves. The planes are
 * two that only write down what they are told. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "planes.h"
#include "subject.h"

enum { KERNEL, USER };

struct dataplane {
	char letter;
	struct dataplane_config config;
	uint64_t gre_tx;
};

static struct dataplane parts[2] = {{.letter = 'K'}, {.letter = 'U'}};
static char told[1024], heard[1024];
static bool no_user;
static struct dataplane *both;

static const char *const words[] = {
	[DATAPATH_ATTACH] = "attach",
	[DATAPATH_CONNECT] = "connect",
	[DATAPATH_FRAME] = "frame",
	[DATAPATH_START_KEYS] = "start-keys",
	[DATAPATH_RECEIVE_KEY] = "receive-key",
	[DATAPATH_TRANSMIT_KEY] = "transmit-key",
	[DATAPATH_COMPRESS] = "compress",
	[DATAPATH_CIPHER] = "cipher",
	[DATAPATH_HEADERS] = "headers",
	[DATAPATH_FRAMING] = "framing",
	[DATAPATH_NETWORK] = "network",
	[DATAPATH_BUNDLE] = "bundle",
	[DATAPATH_PATH] = "path",
	[DATAPATH_EPOCH] = "epoch",
	[DATAPATH_DETACH] = "detach",
};

__attribute__((format(printf, 2, 3))) static void note(char *log, const char *format, ...)
{
	size_t length = strlen(log);
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(log + length, sizeof(told) - length, format, arguments);
	va_end(arguments);
}

/* What was told since the last question. */
static void expect(char *log, const char *wanted)
{
	assert_string_equal(log, wanted);
	log[0] = '\0';
}

static int fake_start(
	struct dataplane *part, struct dataplane **dataplane, const struct dataplane_config *config)
{
	part->config = *config;
	*dataplane = part;
	return 0;
}

static int kernel_start(
	struct dataplane **dataplane, const struct dataplane_config *config, char error[256])
{
	return fake_start(&parts[KERNEL], dataplane, config);
}

static int user_start(
	struct dataplane **dataplane, const struct dataplane_config *config, char error[256])
{
	snprintf(error, 256, "no sockets");
	return no_user ? -ENOENT : fake_start(&parts[USER], dataplane, config);
}

static void fake_command(
	struct dataplane *d, const struct datapath_command *command, const uint8_t *frame)
{
	note(told, "%c:%s", d->letter, words[command->kind]);
	if (command->kind == DATAPATH_ATTACH)
		note(told, "(%u,%u)", command->attach.sequence, command->epoch);
	note(told, " ");
}

static const char *kernel_lacks(
	struct dataplane *d, const struct datapath_command *command, const uint8_t *frame)
{
	bool key = command->kind == DATAPATH_RECEIVE_KEY || command->kind == DATAPATH_TRANSMIT_KEY;
	if (command->kind == DATAPATH_ATTACH && command->attach.peer.family == 6)
		return "no IPv6";
	if (key && command->key.strength == MPPE_56)
		return "no 56 bits";
	return command->kind == DATAPATH_CIPHER ? "no ECP" : NULL;
}

static int fake_interface(struct dataplane *d, uint32_t subject, int fd)
{
	note(told, "%c:interface ", d->letter);
	return 0;
}

static int kernel_open_interface(struct dataplane *d, uint32_t subject, const char *wanted,
	int kept, char name[16], char error[256])
{
	note(told, "K:open %s ", wanted);
	return 7;
}

static bool fake_route(
	struct dataplane *d, uint32_t subject, const struct prefix *network, bool add)
{
	note(told, "%c:route ", d->letter);
	return true;
}

static bool fake_statistics(
	struct dataplane *d, uint32_t subject, struct dataplane_statistics *statistics)
{
	*statistics = (struct dataplane_statistics){.counters = {.gre_tx = d->gre_tx}};
	return true;
}

static void fake_describe(struct dataplane *d, struct dataplane_facts *facts)
{
	*facts = (struct dataplane_facts){.workers = 0};
}

static void fake_drops(struct dataplane *d, uint64_t drops[DROP_COUNT])
{
	for (unsigned i = 0; i < DROP_COUNT; i++)
		drops[i] = d->letter == 'K' ? 1 : 2;
}

static void fake_capture(struct dataplane *d, dataplane_tap *tap, void *context)
{
	note(told, "%c:capture ", d->letter);
}

static void fake_stop(struct dataplane *d)
{
	note(told, "%c:stop ", d->letter);
}

#define FAKE                                                                                       \
	.command = fake_command, .interface = fake_interface, .route = fake_route,                 \
	.statistics = fake_statistics, .describe = fake_describe, .drops = fake_drops,             \
	.stop = fake_stop

static const struct dataplane_ops kernel = {.name = "kernel",
	.start = kernel_start,
	.lacks = kernel_lacks,
	.open_interface = kernel_open_interface,
	FAKE};
static const struct dataplane_ops user = {
	.name = "user", .start = user_start, .capture = fake_capture, FAKE};

static void on_event(void *context, const struct dataplane_event *event)
{
	switch (event->kind) {
	case DATAPLANE_CONTROL:
		note(heard, "control ");
		break;
	case DATAPLANE_DETACHED:
		note(heard, "detached(%llu) ", (unsigned long long)event->counters->rx_packets);
		break;
	case DATAPLANE_MOVED:
		note(heard, "moved: %s ", event->why);
		break;
	case DATAPLANE_UNABLE:
		note(heard, "unable: %s ", event->why);
		break;
	case DATAPLANE_NO_MEMORY:
	case DATAPLANE_KEYS_DIFFER:
	case DATAPLANE_STRANGER:
	case DATAPLANE_PEER_FOUND:
	case DATAPLANE_TUN_GONE:
	case DATAPLANE_LINE_GONE:
		note(heard, "other ");
		break;
	}
}

static void event_of(unsigned part, enum dataplane_event_kind kind, uint32_t subject)
{
	struct datapath_counters counters = {.rx_packets = part == KERNEL ? 10 : 20};
	struct dataplane_event event = {.kind = kind,
		.subject = subject,
		.counters = kind == DATAPLANE_DETACHED ? &counters : NULL,
		.why = "refused"};
	parts[part].config.event(parts[part].config.context, &event);
}

static void command(uint32_t subject, enum datapath_command_kind kind)
{
	struct datapath_command c = {.kind = kind, .subject = subject};
	if (kind == DATAPATH_ATTACH)
		c.attach.local_call_id = 5;
	if (kind == DATAPATH_NETWORK)
		c.network.ipv4 = true;
	if (kind == DATAPATH_EPOCH)
		c.epoch = 9;
	dataplane_planes.command(both, &c, NULL);
}

static void key(uint32_t subject, enum datapath_command_kind kind, enum mppe_strength strength)
{
	struct datapath_command c = {.kind = kind, .subject = subject, .key.strength = strength};
	dataplane_planes.command(both, &c, NULL);
}

static int set_up(void **state)
{
	const struct planes_parts fakes = {&kernel, &user};
	struct dataplane_config config = {
		.loop = uv_default_loop(), .sessions_max = 4, .event = on_event};
	char error[256];
	told[0] = heard[0] = '\0';
	parts[KERNEL].gre_tx = 0;
	return planes_start(&both, &fakes, &config, error);
}

static int set_up_alone(void **state)
{
	no_user = true;
	return set_up(state);
}

static int tear_down(void **state)
{
	uint64_t drops[DROP_COUNT];
	dataplane_planes.stop(both);
	dataplane_planes.drops(both, drops); /* until the loop has run */
	uv_run(uv_default_loop(), UV_RUN_NOWAIT);
	no_user = false;
	return 0;
}

static const uint32_t one = 1 << 16 | 1, next_one = 2 << 16 | 1, two = 1 << 16 | 2;

static void test_stays_with_the_kernel(void **state)
{
	char name[16], error[256];
	assert_int_equal(dataplane_planes.open_interface(both, one, "ppp%d", -1, name, error), 7);
	command(one, DATAPATH_ATTACH);
	command(one, DATAPATH_CONNECT);
	key(one, DATAPATH_RECEIVE_KEY, MPPE_128);
	command(one, DATAPATH_NETWORK);
	assert_int_equal(dataplane_planes.interface(both, one, 7), 0);
	command(one, DATAPATH_DETACH);
	command(one, DATAPATH_DETACH); /* answered once */
	command(one, DATAPATH_FRAME);
	expect(told, "K:open ppp%d K:attach(0,0) K:connect K:receive-key K:network K:interface "
		     "K:detach ");
	event_of(KERNEL, DATAPLANE_CONTROL, one);
	event_of(KERNEL, DATAPLANE_DETACHED, one);
	expect(heard, "control detached(10) ");
	assert_int_equal(dataplane_planes.interface(both, one, 7), -ENOENT);
}

static void test_moves_while_it_negotiates(void **state)
{
	struct dataplane_statistics seen;
	command(one, DATAPATH_ATTACH);
	command(one, DATAPATH_CONNECT);
	for (unsigned i = 0; i < 3; i++)
		command(one, DATAPATH_FRAME);
	command(one, DATAPATH_FRAMING);
	expect(told, "K:attach(0,0) K:connect K:frame K:frame K:frame K:framing ");
	key(one, DATAPATH_RECEIVE_KEY, MPPE_56);
	command(one, DATAPATH_FRAME);
	/* The kernel's first number is 1: the next one is 4. */
	expect(told, "K:detach U:attach(4,0) U:connect U:framing U:receive-key U:frame ");
	event_of(KERNEL, DATAPLANE_CONTROL, one); /* it was read before */
	event_of(KERNEL, DATAPLANE_KEYS_DIFFER, one);
	event_of(KERNEL, DATAPLANE_DETACHED, one);
	expect(heard, "control moved: no 56 bits ");
	event_of(USER, DATAPLANE_CONTROL, one);
	expect(heard, "control ");
	assert_int_equal(dataplane_planes.interface(both, one, 7), 0);
	assert_true(dataplane_planes.statistics(both, one, &seen));
	command(one, DATAPATH_DETACH);
	expect(told, "U:interface U:detach ");
	event_of(USER, DATAPLANE_DETACHED, one);
	expect(heard, "detached(20) ");
}

/* What the kernel counts is more than the frames: its own packets have numbers, too. */
static void test_numbers_of_packets_count(void **state)
{
	command(one, DATAPATH_ATTACH);
	command(one, DATAPATH_FRAME);
	parts[KERNEL].gre_tx = 1000;
	key(one, DATAPATH_TRANSMIT_KEY, MPPE_56);
	expect(told, "K:attach(0,0) K:frame K:detach U:attach(1001,0) U:transmit-key ");
}

static void test_moves_when_the_kernel_refuses(void **state)
{
	command(one, DATAPATH_ATTACH);
	key(one, DATAPATH_RECEIVE_KEY, MPPE_128);
	event_of(KERNEL, DATAPLANE_UNABLE, one);
	event_of(KERNEL, DATAPLANE_UNABLE, one);
	expect(told, "K:attach(0,0) K:receive-key K:detach U:attach(0,0) U:receive-key ");
	/* Ended before the kernel has let go: told when both have. */
	command(one, DATAPATH_DETACH);
	event_of(USER, DATAPLANE_DETACHED, one);
	expect(heard, "");
	event_of(KERNEL, DATAPLANE_DETACHED, one);
	expect(heard, "detached(20) ");
	/* And the slot is another's. */
	command(next_one, DATAPATH_ATTACH);
	expect(told, "U:detach K:attach(0,0) ");
}

static void test_moves_before_it_is_attached(void **state)
{
	char name[16], error[256];
	struct datapath_command attach = {.kind = DATAPATH_ATTACH, .subject = one};
	attach.attach.peer.family = 6;
	attach.attach.local_call_id = 5;
	dataplane_planes.open_interface(both, one, "ppp5", -1, name, error);
	dataplane_planes.command(both, &attach, NULL);
	expect(told, "K:open ppp5 K:detach U:attach(0,0) ");
	assert_int_equal(
		dataplane_planes.open_interface(both, one, "ppp5", -1, name, error), -EOPNOTSUPP);
	event_of(KERNEL, DATAPLANE_DETACHED, one);
	expect(heard, "moved: no IPv6 ");
}

static void test_a_new_epoch_forgets(void **state)
{
	command(one, DATAPATH_ATTACH);
	command(one, DATAPATH_FRAMING);
	key(one, DATAPATH_RECEIVE_KEY, MPPE_128);
	command(one, DATAPATH_NETWORK);
	command(one, DATAPATH_EPOCH);
	told[0] = '\0';
	key(one, DATAPATH_RECEIVE_KEY, MPPE_56);
	expect(told, "K:detach U:attach(0,9) U:receive-key ");
}

/* Keys are in use where they are. */
static void test_an_open_network_does_not_move(void **state)
{
	command(one, DATAPATH_ATTACH);
	command(one, DATAPATH_NETWORK);
	struct datapath_command cipher = {.kind = DATAPATH_CIPHER, .subject = one};
	cipher.cipher.key.length = 8;
	dataplane_planes.command(both, &cipher, NULL);
	command(one, DATAPATH_FRAME);
	expect(told, "K:attach(0,0) K:network K:detach ");
	event_of(KERNEL, DATAPLANE_DETACHED, one);
	expect(heard, "unable: no ECP ");
	command(one, DATAPATH_DETACH);
	expect(told, "K:detach ");
	event_of(KERNEL, DATAPLANE_DETACHED, one);
	expect(heard, "detached(10) ");
}

static void test_nowhere_to_go(void **state)
{
	command(one, DATAPATH_ATTACH);
	key(one, DATAPATH_RECEIVE_KEY, MPPE_56);
	expect(told, "K:attach(0,0) K:detach ");
	event_of(KERNEL, DATAPLANE_DETACHED, one);
	expect(heard, "unable: no 56 bits; no sockets ");
}

static void test_bundles_stay_together(void **state)
{
	struct datapath_command bundle = {.kind = DATAPATH_ATTACH, .subject = two};
	struct datapath_command join = {.kind = DATAPATH_BUNDLE, .subject = one};
	bundle.attach.bundle = true;
	join.bundle.subject = two;
	command(one, DATAPATH_ATTACH);
	key(one, DATAPATH_RECEIVE_KEY, MPPE_56);
	dataplane_planes.command(both, &bundle, NULL);
	told[0] = '\0';
	dataplane_planes.command(both, &join, NULL);
	expect(told, "K:detach U:attach(0,0) U:bundle ");
}

static void test_the_rest(void **state)
{
	uint64_t drops[DROP_COUNT];
	struct prefix network = {.length = 32};
	command(one, DATAPATH_ATTACH);
	assert_true(dataplane_planes.route(both, one, &network, true));
	dataplane_planes.drops(both, drops);
	assert_int_equal(drops[1], 1);
	key(one, DATAPATH_RECEIVE_KEY, MPPE_56);
	dataplane_planes.drops(both, drops);
	assert_int_equal(drops[1], 3);
	assert_true(dataplane_planes.route(both, one, &network, true));
	dataplane_planes.capture(both, NULL, NULL);
	expect(told,
		"K:attach(0,0) K:route K:detach U:attach(0,0) U:receive-key U:route U:capture ");
	command(next_one, DATAPATH_DETACH); /* nothing there: answered all the same */
	expect(told, "K:detach ");
	event_of(KERNEL, DATAPLANE_DETACHED, next_one);
	expect(heard, "detached(10) ");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_stays_with_the_kernel),
		TEST(test_moves_while_it_negotiates),
		TEST(test_numbers_of_packets_count),
		TEST(test_moves_when_the_kernel_refuses),
		TEST(test_moves_before_it_is_attached),
		TEST(test_a_new_epoch_forgets),
		TEST(test_an_open_network_does_not_move),
		cmocka_unit_test_setup_teardown(test_nowhere_to_go, set_up_alone, tear_down),
		TEST(test_bundles_stay_together),
		TEST(test_the_rest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
