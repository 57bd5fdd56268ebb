/* Bundles through whole data paths: shares of the links, order, pieces, control frames, links that
 * come and go, and MPPE over all of it. */
#include "toy_codec.h"

#include "bundle_link.h"
#include "layers.h"

enum { LINKS = 3, MAIL_MAX = 1024 };

/* An end: the bundle and its links. */
struct end {
	struct datapath own, link[LINKS];
};

struct bench {
	struct lab *lab;
	struct end client, server;
	struct mail {
		struct flight flight;
		unsigned link;
	} mail[MAIL_MAX];
	size_t mail_count;
	uint32_t got[MAIL_MAX]; /* numbers of inner packets */
	size_t got_count;
	unsigned memories;     /* that are given back in the end */
	struct flight control; /* the latest control frame */
	struct datapath *control_of;
};

static bool is_client(const struct bench *b, const struct end *end)
{
	return end == &b->client;
}

static struct layer_memory *memory_for(const struct datapath_command *command)
{
	size_t need = layers_need(command);
	struct layer_memory *memory = need ? calloc(1, sizeof(*memory) + need) : NULL;
	if (memory)
		memory->size = need;
	return memory;
}

static void start_own(struct bench *b, struct end *end, bool short_sequence, bool encrypted)
{
	struct lab *lab = b->lab;
	bool client = is_client(b, end);
	struct datapath_command attach = {.kind = DATAPATH_ATTACH, .subject = client ? 11 : 12};
	end->own.streams = &lab->streams[lab->streams_used++];
	attach.attach.bundle = true;
	attach.attach.local_call_id = client ? 100 : 200;
	attach.attach.require_encryption = encrypted;
	attach.attach.mrru = 1500;
	attach.attach.send_short = attach.attach.receive_short = short_sequence;
	attach.memory = memory_for(&attach);
	lab_command(lab, &end->own, &attach);
	struct datapath_command framing = {.kind = DATAPATH_FRAMING};
	framing.framing.send_mru = 1500;
	framing.framing.mtu = 1496;
	framing.framing.compress_address = true;
	lab_command(lab, &end->own, &framing);
	struct datapath_command network = {.kind = DATAPATH_NETWORK};
	network.network.ipv4 = true;
	network.network.local4 = address_ipv4(client ? CLIENT_IP : SERVER_IP);
	network.network.remote4 = address_ipv4(client ? SERVER_IP : CLIENT_IP);
	lab_command(lab, &end->own, &network);
}

static void start_link(struct bench *b, struct end *end, unsigned n, uint16_t mtu)
{
	struct lab *lab = b->lab;
	bool client = is_client(b, end);
	struct datapath_command attach = {
		.kind = DATAPATH_ATTACH, .subject = (client ? 20 : 30) + n};
	end->link[n].streams = &lab->streams[lab->streams_used++];
	attach.attach.local_call_id = (uint16_t)((client ? 100 : 200) + n);
	attach.attach.local = lab_outer(client);
	attach.attach.peer = lab_outer(!client);
	attach.attach.require_encryption = true;
	lab_command(lab, &end->link[n], &attach);
	struct datapath_command connect = {.kind = DATAPATH_CONNECT};
	connect.connect.peer_call_id = (uint16_t)((client ? 200 : 100) + n);
	lab_command(lab, &end->link[n], &connect);
	struct datapath_command framing = {.kind = DATAPATH_FRAMING};
	framing.framing.send_mru = 1500;
	framing.framing.mtu = mtu;
	framing.framing.compress_address = framing.framing.compress_protocol = n % 2;
	framing.framing.multilink = true;
	lab_command(lab, &end->link[n], &framing);
}

static void join(struct bench *b, struct end *end, unsigned n)
{
	struct datapath_command command = {.kind = DATAPATH_BUNDLE};
	command.bundle.datapath = &end->own;
	lab_command(b->lab, &end->link[n], &command);
}

static struct bench *bench_new(unsigned links, bool encrypted, bool short_sequence)
{
	struct bench *b = calloc(1, sizeof(*b));
	assert_non_null(b);
	b->lab = lab_new();
	b->memories = 2;
	struct end *ends[] = {&b->client, &b->server};
	for (unsigned e = 0; e < 2; e++) {
		start_own(b, ends[e], short_sequence, encrypted);
		for (unsigned n = 0; n < links; n++) {
			start_link(b, ends[e], n, 1400);
			join(b, ends[e], n);
		}
	}
	if (encrypted) {
		lab_encrypt(b->lab, &b->client.own, &b->server.own, MPPE_128, true, 1);
		lab_encrypt(b->lab, &b->server.own, &b->client.own, MPPE_128, true, 2);
	}
	return b;
}

static void end_one(struct bench *b, struct end *end)
{
	struct datapath_command detach = {.kind = DATAPATH_DETACH};
	for (unsigned n = 0; n < LINKS; n++)
		lab_command(b->lab, &end->link[n], &detach);
	lab_command(b->lab, &end->own, &detach);
	assert_null(end->own.bundle);
}

static void bench_free(struct bench *b)
{
	end_one(b, &b->client);
	end_one(b, &b->server);
	assert_int_equal(b->lab->pool.used, 0);
	assert_int_equal(lab_spent(b->lab), b->memories);
	free(b->lab);
	free(b);
}

/* What is in the list goes into the mail, by the link it leaves on. */
static void post(struct bench *b, struct end *from)
{
	for (size_t n = 0; n < b->lab->out.count; n++) {
		const struct packet *packet = &b->lab->out.at[n];
		assert_int_equal(packet->kind, PACKET_OUTER);
		struct mail *mail = &b->mail[b->mail_count++];
		mail->link = (unsigned)(packet->datapath - from->link);
		assert_true(mail->link < LINKS && b->mail_count < MAIL_MAX);
		mail->flight.length = packet->length;
		memcpy(mail->flight.bytes, packet->bytes, packet->length);
	}
	lab_clear(b->lab);
}

static void send(struct bench *b, struct end *from, uint32_t number, size_t length)
{
	uint8_t bytes[OUTER_MAX];
	struct packet in = {.datapath = &from->own, .kind = PACKET_INNER, .bytes = bytes};
	in.length = (uint32_t)lab_ipv4(bytes, length, is_client(b, from), number);
	lab_clear(b->lab);
	assert_int_equal(datapath_seal(&b->lab->engine, &in, 1, b->lab->now, &b->lab->out), 1);
	post(b, from);
}

static void look_at_outputs(struct bench *b)
{
	for (size_t n = 0; n < b->lab->out.count; n++) {
		const struct packet *packet = &b->lab->out.at[n];
		if (packet->kind == PACKET_INNER) {
			assert_inner(b->lab, n, lab_number(packet->bytes));
			b->got[b->got_count++] = lab_number(packet->bytes);
		} else if (packet->kind == PACKET_CONTROL) {
			b->control.length = packet->length;
			memcpy(b->control.bytes, packet->bytes, packet->length);
			b->control_of = packet->datapath;
		}
	}
	lab_clear(b->lab);
}

static void receive(struct bench *b, struct end *to, const struct mail *mail)
{
	lab_open(b->lab, &to->link[mail->link], &mail->flight);
	look_at_outputs(b);
}

static void receive_all(struct bench *b, struct end *to)
{
	for (size_t n = 0; n < b->mail_count; n++)
		receive(b, to, &b->mail[n]);
	b->mail_count = 0;
}

static void equal_shares_in_order(void **state)
{
	for (unsigned kind = 0; kind < 4; kind++) {
		struct bench *b = bench_new(2, kind & 1, kind & 2);
		unsigned share[2] = {0};
		for (uint32_t n = 0; n < 100; n++)
			send(b, &b->client, n, 600);
		assert_int_equal(b->mail_count, 100); /* each in one piece */
		for (size_t n = 0; n < 100; n++)
			share[b->mail[n].link]++;
		assert_true(share[0] > 45 && share[1] > 45);
		/* One link is much slower than the other. */
		for (unsigned link = 0; link < 2; link++)
			for (size_t n = 0; n < 100; n++)
				if (b->mail[n].link == link)
					receive(b, &b->server, &b->mail[n]);
		assert_int_equal(b->got_count, 100);
		for (uint32_t n = 0; n < 100; n++)
			assert_int_equal(b->got[n], n);
		assert_no_drops(&b->server.own);
		assert_int_equal(b->server.own.counters.rx_packets, 100);
		bench_free(b);
	}
}

/* GRE, FF 03, 00 3D, the header of RFC 1990 §3, and the frame without an address field. */
static void golden(void **state)
{
	struct bench *b = bench_new(1, false, false);
	send(b, &b->client, 7, 24);
	const struct flight *f = &b->mail[0].flight;
	assert_hex(f->bytes + 12, 12, "ff03 003d c0000000 0021 4500");
	assert_int_equal(f->length, 12 + 10 + 24);
	bench_free(b);
}

/* A packet that no link takes whole. */
static void pieces(void **state)
{
	for (unsigned encrypted = 0; encrypted < 2; encrypted++) {
		struct bench *b = bench_new(2, encrypted, false);
		for (uint32_t n = 0; n < 20; n++)
			send(b, &b->client, n, 1496);
		assert_int_equal(b->mail_count, 40);
		unsigned share = 0;
		for (size_t n = 0; n < 40; n++)
			share += b->mail[n].link;
		assert_true(share >= 18 && share <= 22);
		for (size_t n = 0; n < 40; n += 2) { /* the second half comes first */
			receive(b, &b->server, &b->mail[n + 1]);
			receive(b, &b->server, &b->mail[n]);
		}
		assert_int_equal(b->got_count, 20);
		assert_int_equal(b->server.own.counters.tx_packets, 0);
		assert_int_equal(b->client.own.counters.tx_packets, 20);
		bench_free(b);
	}
}

/* More pieces than the list has room for: the packet is not begun. */
static void pieces_without_room(void **state)
{
	struct bench *b = bench_new(2, true, false);
	uint8_t bytes[OUTER_MAX];
	struct packet in = {.datapath = &b->client.own, .kind = PACKET_INNER, .bytes = bytes};
	in.length = (uint32_t)lab_ipv4(bytes, 1496, true, 1);
	lab_clear(b->lab);
	b->lab->out.max = 1;
	assert_int_equal(datapath_seal(&b->lab->engine, &in, 1, b->lab->now, &b->lab->out), 0);
	assert_int_equal(b->lab->out.count, 0);
	b->lab->out.max = LAB_OUT;
	bench_free(b);
}

/* The next thing that is due at an end; false when nothing is but acknowledgements. */
static bool tick(struct bench *b, struct end *end)
{
	struct datapath *due = &end->own;
	uint64_t at = datapath_deadline(due);
	for (unsigned n = 0; n < 2; n++)
		if (end->link[n].gre.order.expires < at) {
			due = &end->link[n];
			at = due->gre.order.expires;
		}
	if (at == NEVER)
		return false;
	b->lab->now = at;
	datapath_tick(&b->lab->engine, due, at, &b->lab->out);
	look_at_outputs(b);
	return true;
}

static void lost_pieces(void **state)
{
	struct bench *b = bench_new(2, true, false);
	for (uint32_t n = 0; n < 10; n++)
		send(b, &b->client, n, n % 2 ? 1496 : 300);
	size_t lost = 0;
	for (size_t n = 0; n < b->mail_count; n++)
		if (n == 4) /* half of number 3 */
			lost++;
		else
			receive(b, &b->server, &b->mail[n]);
	assert_int_equal(lost, 1);
	while (tick(b, &b->server))
		;
	assert_int_equal(b->got_count, 9);
	assert_int_equal(b->server.own.counters.drops[DROP_MP_INCOMPLETE], 1);
	assert_int_equal(b->server.own.counters.lost, 1);
	bench_free(b);
}

static void command_frame(struct bench *b, struct end *from, struct datapath *dp, const char *hex)
{
	uint8_t frame[PPP_FRAME_MAX];
	struct datapath_command command = {.kind = DATAPATH_FRAME};
	command.frame.length = (uint16_t)hex_bytes(frame, sizeof(frame), hex);
	lab_clear(b->lab);
	datapath_execute(&b->lab->engine, dp, &command, frame, b->lab->now, &b->lab->out);
	post(b, from);
}

/* The unit's frames go over the bundle and are taken either way; a link's are its own (§2). */
static void control_frames(void **state)
{
	struct bench *b = bench_new(2, true, false);
	command_frame(b, &b->client, &b->client.own, "8021 0101 0004");
	receive_all(b, &b->server);
	assert_hex(b->control.bytes, b->control.length, "8021 0101 0004");
	assert_ptr_equal(b->control_of, &b->server.own);
	command_frame(b, &b->client, &b->client.link[1], "8021 0102 0004");
	receive_all(b, &b->server);
	assert_hex(b->control.bytes, b->control.length, "8021 0102 0004");
	assert_ptr_equal(b->control_of, &b->server.own);
	command_frame(b, &b->client, &b->client.link[1], "c021 0901 0008 00000000");
	receive_all(b, &b->server);
	assert_ptr_equal(b->control_of, &b->server.link[1]);
	/* A reset of the bundle's encryption is the bundle's too. */
	command_frame(b, &b->client, &b->client.link[0], "80fd 0e05 0004");
	size_t mail = b->mail_count;
	lab_open(b->lab, &b->server.link[0], &b->mail[mail - 1].flight);
	assert_int_equal(b->lab->out.count, 1);
	assert_int_equal(b->lab->out.at[0].kind, PACKET_OUTER);
	b->mail_count = 0;
	bench_free(b);
}

/* A history that misses a packet is asked for at once, also when what comes next is in clear. */
static void a_lost_history_is_asked_for(void **state)
{
	struct bench *b = bench_new(1, false, false);
	lab_toy(&b->server.own, LAYER_RECEIVE, &toy_codec);
	b->server.own.layers->codec[LAYER_RECEIVE].started = true;
	b->memories++;
	for (uint32_t number = 0; number < 3; number++)
		send(b, &b->client, number, 100);
	receive(b, &b->server, &b->mail[0]);
	lab_open(b->lab, &b->server.link[0], &b->mail[2].flight);
	b->lab->now += SECONDS(1); /* number 1 does not come any more */
	datapath_tick(&b->lab->engine, &b->server.link[0], b->lab->now, &b->lab->out);
	bool asked = false;
	for (size_t n = 0; n < b->lab->out.count; n++)
		asked |= b->lab->out.at[n].kind == PACKET_OUTER &&
			 b->lab->out.at[n].datapath == &b->server.link[0];
	assert_true(asked);
	assert_int_equal(b->server.own.counters.resyncs, 1);
	b->mail_count = 0;
	bench_free(b);
}

/* Fragments in fragments, and networks in clear, do not get in. */
static void intruders(void **state)
{
	struct bench *b = bench_new(1, true, false);
	struct flight f;
	lab_raw(&f, &b->server.link[0], 0, "ff03 003d c0000000 003d c0000001 8021 01010004");
	lab_open(b->lab, &b->server.link[0], &f);
	look_at_outputs(b);
	assert_dropped(&b->server.own, DROP_PPP_PROTOCOL);
	lab_raw(&f, &b->server.link[0], 1, "ff03 003d c0000001 0021 4500");
	lab_open(b->lab, &b->server.link[0], &f);
	assert_dropped(&b->server.own, DROP_MPPE_CLEAR);
	lab_raw(&f, &b->server.link[0], 2, "ff03 0021 4500");
	lab_open(b->lab, &b->server.link[0], &f);
	assert_dropped(&b->server.link[0], DROP_MPPE_CLEAR);
	lab_raw(&f, &b->server.link[0], 3, "ff03 003d c000");
	lab_open(b->lab, &b->server.link[0], &f);
	assert_dropped(&b->server.own, DROP_MP_SHORT);
	assert_null(b->control_of);
	bench_free(b);
}

/* Before the link has joined its fragments go to the session. */
static void early_fragments(void **state)
{
	struct bench *b = bench_new(1, false, false);
	struct flight f;
	start_link(b, &b->server, 1, 1400);
	lab_raw(&f, &b->server.link[1], 0, "ff03 003d c0000005 8021 01010004");
	lab_open(b->lab, &b->server.link[1], &f);
	look_at_outputs(b);
	assert_ptr_equal(b->control_of, &b->server.link[1]);
	assert_hex(b->control.bytes, b->control.length, "003d c0000005 8021 01010004");
	bench_free(b);
}

static void links_come_and_go(void **state)
{
	struct bench *b = bench_new(2, true, false);
	uint32_t number = 0;
	for (; number < 10; number++)
		send(b, &b->client, number, 500);
	receive_all(b, &b->server);
	/* One leaves at the sender: its last packets are on their way. */
	struct datapath_command epoch = {.kind = DATAPATH_EPOCH, .epoch = 9};
	for (; number < 20; number++)
		send(b, &b->client, number, 500);
	lab_command(b->lab, &b->client.link[0], &epoch);
	for (; number < 30; number++)
		send(b, &b->client, number, 500);
	for (size_t n = 10; n < b->mail_count; n++)
		assert_int_equal(b->mail[n].link, 1);
	receive_all(b, &b->server);
	assert_int_equal(b->got_count, 30);
	/* A third joins. */
	start_link(b, &b->client, 2, 1400);
	start_link(b, &b->server, 2, 1400);
	join(b, &b->server, 2);
	join(b, &b->client, 2);
	for (; number < 40; number++)
		send(b, &b->client, number, 500);
	unsigned share = 0;
	for (size_t n = 0; n < b->mail_count; n++)
		share += b->mail[n].link == 2;
	assert_int_equal(share, 5);
	receive_all(b, &b->server);
	assert_int_equal(b->got_count, 40);
	/* The receiver loses one with a hole in it: nothing waits for that link any more. */
	for (; number < 44; number++)
		send(b, &b->client, number, 500);
	struct datapath_command detach = {.kind = DATAPATH_DETACH};
	for (size_t n = 0; n < 4; n++)
		if (b->mail[n].link == 1)
			receive(b, &b->server, &b->mail[n]);
	lab_command(b->lab, &b->server.link[2], &detach);
	lab_command(b->lab, &b->server.link[0], &detach);
	b->mail_count = 0;
	lab_command(b->lab, &b->client.link[2], &detach);
	for (; number < 48; number++)
		send(b, &b->client, number, 500);
	receive_all(b, &b->server);
	assert_int_equal(b->got_count, 46);
	/* Without links nothing is sent. */
	lab_command(b->lab, &b->client.link[1], &detach);
	send(b, &b->client, number, 500);
	assert_int_equal(b->mail_count, 0);
	assert_dropped(&b->client.own, DROP_INNER_EARLY);
	bench_free(b);
}

/* LCP starts again at the server, */
static void restart_link(struct bench *b)
{
	struct datapath_command epoch = {.kind = DATAPATH_EPOCH, .epoch = 1};
	lab_command(b->lab, &b->server.link[0], &epoch);
}

/* and with it the bundle. */
static void restart_bundle(struct bench *b)
{
	struct datapath_command detach = {.kind = DATAPATH_DETACH};
	lab_command(b->lab, &b->server.own, &detach);
	struct layer_memory *spent = b->lab->engine.spent;
	b->lab->engine.spent = spent->next;
	free(spent);
	b->lab->streams_used = 0;
	start_own(b, &b->server, false, false);
	join(b, &b->server, 0);
	b->got_count = 0;
}

/* It is of the bundle before, which had numbers of its own. */
static void assert_stale(struct bench *b, const struct mail *mail)
{
	receive(b, &b->server, mail);
	assert_int_equal(b->got_count, 0);
	assert_dropped(&b->server.own, DROP_MP_LATE);
	assert_false(b->server.own.bundle->receiver.started);
}

static void late_for_another_bundle(void **state)
{
	struct bench *b = bench_new(1, false, false);
	for (uint32_t n = 0; n < 5; n++)
		send(b, &b->client, n, 500);
	receive(b, &b->server, &b->mail[0]);
	receive(b, &b->server, &b->mail[3]);
	b->lab->now += REORDER_WAIT_MAX;
	datapath_tick(&b->lab->engine, &b->server.link[0], b->lab->now, &b->lab->out);
	look_at_outputs(b);
	receive(b, &b->server, &b->mail[1]); /* its place was given up, but not MP's */
	assert_int_equal(b->got_count, 2);
	restart_link(b);
	restart_bundle(b);
	assert_stale(b, &b->mail[2]);
	/* LCP's frames are read ahead of data of the old one. */
	restart_link(b);
	struct flight request;
	lab_raw(&request, &b->server.link[0], 1000, "ff03 c021 01 01 0004");
	lab_open_as(b->lab, &b->server.link[0], &request, 0, true);
	look_at_outputs(b);
	assert_int_equal(b->control.bytes[0], 0xc0);
	restart_bundle(b);
	assert_stale(b, &b->mail[4]);
	bench_free(b);
}

static void without_memory(void **state)
{
	struct lab *lab = lab_new();
	struct datapath own = {.streams = &lab->streams[0]}, link = {.streams = &lab->streams[1]};
	struct datapath_command attach = {.kind = DATAPATH_ATTACH, .subject = 1};
	attach.attach.bundle = true;
	lab_command(lab, &own, &attach);
	attach.attach.bundle = false;
	lab_command(lab, &link, &attach);
	struct datapath_command join_it = {.kind = DATAPATH_BUNDLE};
	join_it.bundle.datapath = &own;
	lab_command(lab, &link, &join_it);
	assert_null(link.bundle);
	join_it.bundle.datapath = NULL;
	lab_command(lab, &link, &join_it);
	assert_null(link.bundle);
	free(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_shares_in_order),
		cmocka_unit_test(golden),
		cmocka_unit_test(pieces),
		cmocka_unit_test(pieces_without_room),
		cmocka_unit_test(lost_pieces),
		cmocka_unit_test(control_frames),
		cmocka_unit_test(a_lost_history_is_asked_for),
		cmocka_unit_test(intruders),
		cmocka_unit_test(early_fragments),
		cmocka_unit_test(links_come_and_go),
		cmocka_unit_test(late_for_another_bundle),
		cmocka_unit_test(without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
