/* VJ header compression: golden bytes made by hand from RFC 1144 §3.2, round trips over random TCP
 * streams against a decompressor of this file's own, and what loss and forgery may not do. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../seed.h"
#include "bytes.h"
#include "hex.h"
#include "vj.h"

enum { ROOM = 2048, URG = 0x20, ACK = 0x10, PSH = 8, RST = 4, SYN = 2, FIN = 1 };

/* A packet as a host would make it. */
struct flow {
	uint32_t source, destination, seq, ack;
	uint16_t ports[2], id, window, urgent;
	uint8_t ttl, tos, flags, reserved, ip_options, tcp_options; /* words of options */
	uint32_t stamp;                                             /* in the options */
	uint16_t fragment;
};

struct bytes {
	uint8_t at[ROOM];
	size_t length;
};

static uint32_t naive_sum(const uint8_t *bytes, size_t length)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < length; i++)
		sum += i & 1 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static uint32_t naive_tcp_sum(const uint8_t *ip, size_t length)
{
	size_t header = (ip[0] & 15u) * 4;
	uint32_t sum = naive_sum(ip + 12, 8) + 6 + (uint32_t)(length - header);
	sum += naive_sum(ip + header, length - header);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void close_ip(uint8_t *ip)
{
	put_u16(ip + 10, 0);
	put_u16(ip + 10, (uint16_t)~naive_sum(ip, (ip[0] & 15u) * 4));
}

static void close_tcp(uint8_t *ip, size_t length)
{
	uint8_t *sum = ip + (ip[0] & 15) * 4 + 16;
	put_u16(sum, 0);
	put_u16(sum, (uint16_t)~naive_tcp_sum(ip, length));
}

static struct bytes build(const struct flow *f, size_t data)
{
	struct bytes b = {.length = 40 + 4u * (f->ip_options + f->tcp_options) + data};
	uint8_t *ip = b.at, *tcp = b.at + 20 + 4 * f->ip_options;
	assert_true(b.length <= ROOM);
	ip[0] = (uint8_t)(0x45 + f->ip_options), ip[1] = f->tos, ip[8] = f->ttl, ip[9] = 6;
	put_u16(ip + 2, (uint16_t)b.length), put_u16(ip + 4, f->id), put_u16(ip + 6, f->fragment);
	put_u32(ip + 12, f->source), put_u32(ip + 16, f->destination);
	put_u16(tcp, f->ports[0]), put_u16(tcp + 2, f->ports[1]);
	put_u32(tcp + 4, f->seq), put_u32(tcp + 8, f->ack);
	tcp[12] = (uint8_t)((5 + f->tcp_options) << 4 | f->reserved), tcp[13] = f->flags;
	put_u16(tcp + 14, f->window), put_u16(tcp + 18, f->urgent);
	memset(ip + 20, 1, 4u * f->ip_options);
	for (unsigned i = 0; i < f->tcp_options; i++)
		put_u32(tcp + 20 + 4 * i, i + 1u == f->tcp_options ? f->stamp : 0x01010101);
	for (size_t i = 0; i < data; i++)
		b.at[b.length - data + i] = (uint8_t)(f->seq + i * 7);
	close_ip(ip);
	close_tcp(ip, b.length);
	return b;
}

static const struct flow plain_flow = {.source = 0xc0a80001,
	.destination = 0x0a000005,
	.seq = 0x10000000,
	.ack = 0x20000000,
	.ports = {0x8001, 23},
	.id = 0x1234,
	.window = 4096,
	.ttl = 64,
	.tos = 0x10,
	.flags = ACK};

struct ends {
	struct vj_sender *sender;
	struct vj_receiver *receiver;
};

static struct ends ends(unsigned slots, bool omit)
{
	struct ends e = {malloc(vj_sender_size(slots)), malloc(vj_receiver_size(slots))};
	assert_true(e.sender && e.receiver);
	vj_sender_init(e.sender, slots, omit);
	vj_receiver_init(e.receiver, slots);
	return e;
}

static void free_ends(struct ends *e)
{
	free(e->sender);
	free(e->receiver);
}

static uint16_t shrink(struct ends *e, const struct bytes *packet, struct bytes *sent)
{
	struct bytes copy = *packet;
	uint8_t *at = copy.at;
	size_t length = copy.length;
	uint16_t protocol = vj_compress(e->sender, &at, &length);
	assert_true(at >= copy.at && at + length == copy.at + copy.length);
	sent->length = length;
	memcpy(sent->at, at, length);
	return protocol;
}

static bool restore(struct ends *e, uint16_t protocol, const struct bytes *sent, struct bytes *got,
	enum drop *why)
{
	return vj_restore(
		e->receiver, protocol, sent->at, sent->length, got->at, ROOM, &got->length, why);
}

static void assert_same(const struct bytes *a, const struct bytes *b)
{
	assert_int_equal(a->length, b->length);
	assert_memory_equal(a->at, b->at, a->length);
}

/* Sends one, and it arrives as it was. */
static uint16_t carry(struct ends *e, const struct flow *f, size_t data, struct bytes *sent)
{
	struct bytes packet = build(f, data), got;
	enum drop why = DROP_COUNT;
	uint16_t protocol = shrink(e, &packet, sent);
	if (protocol == VJ_PLAIN) {
		assert_same(&packet, sent);
		return protocol;
	}
	assert_true(restore(e, protocol, sent, &got, &why));
	assert_same(&packet, &got);
	return protocol;
}

/* The compressed header, with the checksum shown as ----. */
static void assert_header(
	const struct bytes *sent, size_t data, const char *before, const char *behind)
{
	uint8_t expected[64];
	size_t first = hex_bytes(expected, sizeof(expected), before);
	size_t second = hex_bytes(expected + first, sizeof(expected) - first, behind);
	assert_int_equal(sent->length, first + 2 + second + data);
	assert_memory_equal(sent->at, expected, first);
	assert_memory_equal(sent->at + first + 2, expected + first, second);
}

/* RFC 1144 §3.2.2 and §3.2.3, bit by bit. */
static void golden_bytes(void **state)
{
	struct ends e = ends(16, true);
	struct flow f = plain_flow;
	struct bytes sent, packet = build(&f, 1);

	assert_int_equal(shrink(&e, &packet, &sent), VJ_UNCOMPRESSED);
	assert_int_equal(sent.length, packet.length);
	assert_int_equal(sent.at[9], 0); /* the slot, where the protocol was; the rest as it is */
	sent.at[9] = 6;
	assert_same(&packet, &sent);
	sent.at[9] = 0;
	struct bytes got;
	enum drop why;
	assert_true(restore(&e, VJ_UNCOMPRESSED, &sent, &got, &why));
	assert_same(&packet, &got);

	f.seq += 1, f.ack += 1, f.id++; /* a typed character and its echo: SWU */
	assert_int_equal(carry(&e, &f, 1, &sent), VJ_COMPRESSED);
	assert_header(&sent, 1, "0b", "");
	f.seq += 1, f.id++, f.flags = ACK | PSH; /* the next of a transfer: SAWU */
	assert_int_equal(carry(&e, &f, 1000, &sent), VJ_COMPRESSED);
	assert_header(&sent, 1000, "1f", "");
	f.seq += 1000, f.id += 3, f.flags = ACK; /* another identification: I */
	assert_int_equal(carry(&e, &f, 0, &sent), VJ_COMPRESSED);
	assert_header(&sent, 0, "2f", "03");
	f.id++; /* data behind an acknowledgement: nothing changed */
	assert_int_equal(carry(&e, &f, 5, &sent), VJ_COMPRESSED);
	assert_header(&sent, 5, "00", "");
	f.seq += 5, f.ack += 255, f.window -= 1, f.id += 256; /* W, A, S, I in the RFC's order */
	assert_int_equal(carry(&e, &f, 0, &sent), VJ_COMPRESSED);
	assert_header(&sent, 0, "2e", "00ffff ff 05 000100");
	f.ack += 256, f.id += 0; /* differences of 256 and of 0 take three bytes */
	assert_int_equal(carry(&e, &f, 0, &sent), VJ_COMPRESSED);
	assert_header(&sent, 0, "24", "000100 000000");
	f.flags = ACK | URG, f.urgent = 4, f.ack += 1, f.id++; /* the pointer itself */
	assert_int_equal(carry(&e, &f, 0, &sent), VJ_COMPRESSED);
	assert_header(&sent, 0, "05", "04 01");
	f.urgent = 0, f.ack += 65535, f.id++;
	assert_int_equal(carry(&e, &f, 0, &sent), VJ_COMPRESSED);
	assert_header(&sent, 0, "05", "000000 00ffff");
	free_ends(&e);
}

static void slots_are_named_and_left_out(void **state)
{
	struct ends named = ends(4, false), omitted = ends(4, true);
	struct flow f[2] = {plain_flow, plain_flow};
	struct bytes sent;
	f[1].ports[0]++;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(carry(&named, &f[i], 1, &sent), VJ_UNCOMPRESSED);
		assert_int_equal(carry(&omitted, &f[i], 1, &sent), VJ_UNCOMPRESSED);
	}
	static const char *const heads[] = {"4f00", "4f00", "4f01"};
	static const unsigned whose[] = {0, 0, 1};
	for (unsigned i = 0; i < 3; i++) {
		struct flow *one = &f[whose[i]];
		one->seq++, one->id++;
		assert_int_equal(carry(&named, one, 1, &sent), VJ_COMPRESSED);
		assert_header(&sent, 1, heads[i], "");
		assert_int_equal(carry(&omitted, one, 1, &sent), VJ_COMPRESSED);
		assert_header(&sent, 1, i == 1 ? "0f" : heads[i], "");
	}
	free_ends(&named);
	free_ends(&omitted);
}

/* RFC 1144 §3.2.4: the slot that was not used for longest goes to a new connection. */
static void oldest_slot_goes(void **state)
{
	enum { SLOTS = 3 };
	struct ends e = ends(SLOTS, true);
	struct flow f[SLOTS + 1];
	struct bytes sent;
	for (unsigned i = 0; i <= SLOTS; i++)
		f[i] = plain_flow, f[i].ports[1] = (uint16_t)i;
	for (unsigned i = 0; i < SLOTS; i++)
		assert_int_equal(carry(&e, &f[i], 1, &sent), VJ_UNCOMPRESSED);
	f[0].seq++;
	assert_int_equal(carry(&e, &f[0], 1, &sent), VJ_COMPRESSED);
	assert_int_equal(carry(&e, &f[SLOTS], 1, &sent), VJ_UNCOMPRESSED); /* takes f[1]'s */
	for (unsigned i = 0; i <= SLOTS; i++)
		f[i].seq++;
	assert_int_equal(carry(&e, &f[0], 1, &sent), VJ_COMPRESSED);
	assert_int_equal(carry(&e, &f[2], 1, &sent), VJ_COMPRESSED);
	assert_int_equal(carry(&e, &f[1], 1, &sent), VJ_UNCOMPRESSED);
	free_ends(&e);
}

/* What must go whole, so that nothing of it is lost. */
static void whole_where_differences_do_not_reach(void **state)
{
	struct ends e = ends(16, true);
	struct flow f = plain_flow;
	struct bytes sent;
	carry(&e, &f, 10, &sent);
#define WHOLE(change)                                                                              \
	do {                                                                                       \
		f.seq += 10, f.id++;                                                               \
		assert_int_equal(carry(&e, &f, 10, &sent), VJ_COMPRESSED);                         \
		f.seq += 10, f.id++;                                                               \
		change;                                                                            \
		assert_int_equal(carry(&e, &f, 10, &sent), VJ_UNCOMPRESSED);                       \
	} while (0)
	WHOLE(f.ttl--);
	WHOLE(f.tos ^= 3); /* congestion met (RFC 3168) */
	WHOLE(f.fragment = 0x4000);
	WHOLE(f.flags |= 0x40);
	WHOLE(f.flags |= 0x80);
	WHOLE(f.reserved = 1);
	WHOLE(f.tcp_options = 3);
	WHOLE(f.stamp++);
	WHOLE(f.ip_options = 1);
	WHOLE(f.urgent = 1);
	WHOLE(f.seq -= 20);    /* sent again */
	WHOLE(f.seq -= 10);    /* the same once more */
	WHOLE(f.seq += 65536); /* too far */
	WHOLE(f.ack -= 1);
	WHOLE(f.ack += 65536);
#undef WHOLE
	f.seq += 10, f.flags |= URG, f.urgent = 7;
	assert_int_equal(carry(&e, &f, 10, &sent), VJ_COMPRESSED);
	f.window++, f.ack++, f.seq += 7; /* exactly the bits of a shorthand */
	assert_int_equal(carry(&e, &f, 10, &sent), VJ_UNCOMPRESSED);
	f.flags &= ~URG, f.seq += 10,
		f.id++; /* behind it no shorthand, which might leave URG set */
	assert_int_equal(carry(&e, &f, 10, &sent), VJ_COMPRESSED);
	assert_header(&sent, 10, "08", "0a");
	free_ends(&e);
}

static void not_for_us(void **state)
{
	struct ends e = ends(16, true);
	static const uint8_t flags[] = {SYN, SYN | ACK, FIN | ACK, RST, RST | ACK, PSH, 0};
	struct bytes sent;
	for (size_t i = 0; i < sizeof(flags); i++) {
		struct flow f = plain_flow;
		f.flags = flags[i];
		assert_int_equal(carry(&e, &f, 4, &sent), VJ_PLAIN);
	}
	static const uint16_t fragments[] = {0x2000, 1, 0x1fff, 0x3001};
	for (size_t i = 0; i < 4; i++) {
		struct flow f = plain_flow;
		f.fragment = fragments[i];
		assert_int_equal(carry(&e, &f, 4, &sent), VJ_PLAIN);
	}
	static const struct {
		unsigned at;
		uint8_t value;
	} odd[] = {
		{0, 0x65}, {0, 0x44}, {0, 0x4f}, {9, 17}, {32, 0x40}, {32, 0xf0}, {3, 39}, {3, 45}};
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		struct bytes packet = build(&plain_flow, 4);
		packet.at[odd[i].at] = odd[i].value;
		assert_int_equal(shrink(&e, &packet, &sent), VJ_PLAIN);
		assert_same(&packet, &sent);
	}
	for (size_t cut = 0; cut < 44; cut++) {
		struct bytes packet = build(&plain_flow, 4);
		packet.length = cut;
		assert_int_equal(shrink(&e, &packet, &sent), VJ_PLAIN);
	}
	free_ends(&e);
}

static void assert_refused(
	struct ends *e, uint16_t protocol, const struct bytes *sent, enum drop expected)
{
	struct bytes got;
	enum drop why = DROP_COUNT;
	assert_false(restore(e, protocol, sent, &got, &why));
	assert_int_equal(why, expected);
}

static void unknown_slots(void **state)
{
	struct ends e = ends(2, false);
	struct flow f = plain_flow;
	struct bytes sent, packet = build(&f, 3);
	struct bytes compressed = {.at = {0x0f, 1, 2}, .length = 3};
	assert_refused(&e, VJ_COMPRESSED, &compressed, DROP_VJ_SLOT); /* nothing came before */
	shrink(&e, &packet, &sent);
	for (unsigned slot = 2; slot < 256; slot += 127) {
		sent.at[9] = (uint8_t)slot;
		assert_refused(&e, VJ_UNCOMPRESSED, &sent, DROP_VJ_SLOT);
		compressed = (struct bytes){.at = {0x4f, (uint8_t)slot, 1, 2}, .length = 4};
		assert_refused(&e, VJ_COMPRESSED, &compressed, DROP_VJ_SLOT);
		/* and which one the next means is not known */
		compressed = (struct bytes){.at = {0x0f, 1, 2}, .length = 3};
		assert_refused(&e, VJ_COMPRESSED, &compressed, DROP_VJ_SLOT);
	}
	compressed = (struct bytes){.at = {0x4f, 1, 1, 2}, .length = 4}; /* ours, but empty */
	assert_refused(&e, VJ_COMPRESSED, &compressed, DROP_VJ_SLOT);
	free_ends(&e);
}

/* Every cut of every form is refused, and so is every changed bit of a compressed header. */
static void damage_is_refused(void **state)
{
	struct flow f = plain_flow;
	f.tcp_options = 1;
	struct bytes first = build(&f, 9);
	f.seq += 9, f.ack += 300, f.id += 2, f.flags = ACK | URG | PSH, f.urgent = 3;
	struct bytes second = build(&f, 9), whole, sent, got;
	enum drop why;
	for (size_t cut = 0;; cut++) {
		struct ends e = ends(2, false);
		shrink(&e, &first, &whole);
		size_t all = whole.length;
		whole.length = cut < all ? cut : all;
		if (cut < all)
			assert_refused(&e, VJ_UNCOMPRESSED, &whole, DROP_VJ_HEADER);
		whole.length = all;
		assert_true(restore(&e, VJ_UNCOMPRESSED, &whole, &got, &why));
		assert_int_equal(shrink(&e, &second, &sent), VJ_COMPRESSED);
		all = sent.length;
		sent.length = cut < all ? cut : all;
		assert_true(restore(&e, VJ_COMPRESSED, &sent, &got, &why) == (cut >= all));
		free_ends(&e);
		if (cut >= whole.length)
			break;
	}
	for (size_t bit = 0; bit < 8 * sent.length; bit++) {
		struct ends e = ends(2, false);
		shrink(&e, &first, &whole);
		assert_true(restore(&e, VJ_UNCOMPRESSED, &whole, &got, &why));
		shrink(&e, &second, &sent);
		sent.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
		/* The highest bit of the changes means nothing, the identification is not
		 * protected. */
		bool harmless = bit == 7 || restore(&e, VJ_COMPRESSED, &sent, &got, &why);
		if (harmless && bit != 7) {
			put_u16(got.at + 4, get_u16(second.at + 4));
			close_ip(got.at);
			assert_same(&second, &got);
		}
		free_ends(&e);
	}
}

/* A slot that was wrong once is not trusted until a whole packet comes. */
static void failed_slot_is_empty(void **state)
{
	struct ends e = ends(2, false);
	struct flow f = plain_flow;
	struct bytes sent, packet, got;
	enum drop why;
	carry(&e, &f, 100, &sent);
	f.seq += 100, f.id++;
	packet = build(&f, 100);
	assert_int_equal(shrink(&e, &packet, &sent), VJ_COMPRESSED); /* lost */
	f.seq += 100, f.id++;
	packet = build(&f, 100);
	assert_int_equal(shrink(&e, &packet, &sent), VJ_COMPRESSED);
	assert_refused(&e, VJ_COMPRESSED, &sent, DROP_VJ_CHECKSUM);
	assert_refused(&e, VJ_COMPRESSED, &sent, DROP_VJ_SLOT);
	f.seq -= 100; /* sent again: whole */
	packet = build(&f, 100);
	assert_int_equal(shrink(&e, &packet, &sent), VJ_UNCOMPRESSED);
	assert_true(restore(&e, VJ_UNCOMPRESSED, &sent, &got, &why));
	f.seq += 100, f.id++;
	assert_int_equal(carry(&e, &f, 100, &sent), VJ_COMPRESSED);

	/* Whole, but with a checksum that was wrong from the start: it passes, unremembered. */
	f.seq += 100, f.ttl--;
	packet = build(&f, 100);
	packet.at[60] ^= 1;
	assert_int_equal(shrink(&e, &packet, &sent), VJ_UNCOMPRESSED);
	assert_true(restore(&e, VJ_UNCOMPRESSED, &sent, &got, &why));
	assert_same(&packet, &got);
	f.seq += 100, f.id++;
	packet = build(&f, 100);
	assert_int_equal(shrink(&e, &packet, &sent), VJ_COMPRESSED);
	assert_refused(&e, VJ_COMPRESSED, &sent, DROP_VJ_SLOT);
	free_ends(&e);
}

static void malformed_whole_packets(void **state)
{
	static const struct {
		unsigned at;
		uint8_t value;
	} cases[] = {{0, 0x65}, {0, 0x44}, {0, 0x4f}, {32, 0x40}, {32, 0xf0}, {3, 39}, {3, 45},
		{6, 0x20}, {7, 1}, {8, 65} /* the IP checksum */};
	struct bytes packet = build(&plain_flow, 4), sent, got;
	enum drop why;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ends e = ends(1, true);
		shrink(&e, &packet, &sent);
		assert_true(restore(&e, VJ_UNCOMPRESSED, &sent, &got, &why));
		sent.at[cases[i].at] = cases[i].value;
		assert_refused(&e, VJ_UNCOMPRESSED, &sent, DROP_VJ_HEADER);
		struct bytes next = {.at = {0x0f, 1, 2}, .length = 3}; /* what it means is gone */
		assert_refused(&e, VJ_COMPRESSED, &next, DROP_VJ_SLOT);
		free_ends(&e);
	}
	struct ends e = ends(1, true); /* padding is cut off */
	shrink(&e, &packet, &sent);
	sent.length += 3;
	assert_true(restore(&e, VJ_UNCOMPRESSED, &sent, &got, &why));
	assert_same(&packet, &got);
	free_ends(&e);
}

static void room_is_respected(void **state)
{
	struct flow f = plain_flow;
	struct bytes first = build(&f, 50), whole, sent;
	f.seq += 50;
	struct bytes second = build(&f, 50);
	for (size_t room = 0; room <= 90; room++) {
		struct ends e = ends(1, true);
		uint8_t *to = malloc(room ? room : 1);
		size_t restored = 0;
		enum drop why = DROP_COUNT;
		assert_non_null(to);
		shrink(&e, &first, &whole);
		bool good = vj_restore(e.receiver, VJ_UNCOMPRESSED, whole.at, whole.length, to,
			room, &restored, &why);
		assert_true(good == (room == 90) && (good || why == DROP_INNER_SIZE));
		struct bytes got;
		assert_true(restore(&e, VJ_UNCOMPRESSED, &whole, &got, &why));
		shrink(&e, &second, &sent);
		good = vj_restore(
			e.receiver, VJ_COMPRESSED, sent.at, sent.length, to, room, &restored, &why);
		assert_true(good == (room == 90) && (good || why == DROP_INNER_SIZE));
		free(to);
		free_ends(&e);
	}
}

static void too_long_for_ip(void **state)
{
	static uint8_t sent[65536 + 8] = {0x4f, 0}, to[2 * 65536];
	struct ends e = ends(1, false);
	struct flow f = plain_flow;
	struct bytes whole;
	size_t restored;
	enum drop why = DROP_COUNT;
	carry(&e, &f, 1, &whole);
	assert_false(vj_restore(
		e.receiver, VJ_COMPRESSED, sent, 4 + 65536 - 40, to, sizeof(to), &restored, &why));
	assert_int_equal(why, DROP_VJ_HEADER);
	free_ends(&e);
}

/* A second decompressor, for slots that are always named: no shared code, no checks. */
struct model {
	struct bytes slot[256];
};

static unsigned take(const uint8_t **at)
{
	unsigned value = *(*at)++;
	if (value)
		return value;
	value = get_u16(*at);
	*at += 2;
	return value;
}

static struct bytes model_restore(struct model *m, uint16_t protocol, const struct bytes *sent)
{
	if (protocol == VJ_UNCOMPRESSED) {
		struct bytes *slot = &m->slot[sent->at[9]];
		*slot = *sent;
		slot->at[9] = 6;
		return *slot;
	}
	const uint8_t *at = sent->at;
	unsigned c = *at++;
	struct bytes *slot = &m->slot[*at++];
	size_t ip = (slot->at[0] & 15u) * 4, header = ip + (slot->at[ip + 12] >> 4) * 4u;
	unsigned before = (unsigned)(slot->length - header), id = 1;
	uint8_t *tcp = slot->at + ip;
	uint32_t seq = get_u32(tcp + 4), ack = get_u32(tcp + 8);
	memcpy(tcp + 16, at, 2);
	at += 2;
	tcp[13] = (uint8_t)((tcp[13] & ~(PSH | URG)) | (c & 0x10 ? PSH : 0));
	if ((c & 15) == 11) {
		seq += before, ack += before;
	} else if ((c & 15) == 15) {
		seq += before;
	} else {
		if (c & 1)
			tcp[13] |= URG, put_u16(tcp + 18, (uint16_t)take(&at));
		if (c & 2)
			put_u16(tcp + 14, (uint16_t)(get_u16(tcp + 14) + take(&at)));
		if (c & 4)
			ack += take(&at);
		if (c & 8)
			seq += take(&at);
	}
	if (c & 32)
		id = take(&at);
	put_u32(tcp + 4, seq), put_u32(tcp + 8, ack);
	put_u16(slot->at + 4, (uint16_t)(get_u16(slot->at + 4) + id));
	size_t data = (size_t)(sent->at + sent->length - at);
	memcpy(slot->at + header, at, data);
	slot->length = header + data;
	put_u16(slot->at + 2, (uint16_t)slot->length);
	close_ip(slot->at);
	return *slot;
}

/* The next packet of a connection: mostly what TCP does, now and then anything. */
static size_t go_on(struct flow *f, size_t data, struct random *r)
{
	static const uint16_t sizes[] = {0, 0, 1, 1, 2, 100, 536, 1400, 1400};
	f->seq += (uint32_t)data;
	f->id += random_u32(r) % 8 ? 1 : (uint16_t)random_u32(r);
	f->flags = (uint8_t)(ACK | (random_u32(r) % 4 ? 0 : PSH));
	if (random_u32(r) % 3 == 0)
		f->ack += random_u32(r) % 2 ? (uint32_t)data : random_u32(r) % 3000;
	if (random_u32(r) % 5 == 0)
		f->window +=
			(uint16_t)(random_u32(r) % 5 ? random_u32(r) % 600 - 300 : random_u32(r));
	if (random_u32(r) % 24 == 0)
		f->flags |= URG, f->urgent = (uint16_t)(random_u32(r) % 300);
	switch (random_u32(r) % 100) {
	case 0:
		f->seq -= (uint32_t)data; /* sent again */
		break;
	case 1:
		f->ttl++;
		break;
	case 2:
		f->tos ^= 3;
		break;
	case 3:
		f->flags ^= 0x40;
		break;
	case 4:
		f->tcp_options = (uint8_t)(random_u32(r) % 11);
		break;
	case 5:
		f->ip_options = (uint8_t)(random_u32(r) % 11);
		break;
	case 6:
		f->stamp++;
		break;
	case 7:
		f->flags = (uint8_t)random_u32(r);
		break;
	case 8:
		f->seq = random_u32(r);
		break;
	case 9:
		f->ack = random_u32(r);
		break;
	}
	return sizes[random_u32(r) % (sizeof(sizes) / sizeof(sizes[0]))];
}

static void any_stream_arrives(void **state)
{
	enum { FLOWS = 40, PACKETS = 60000 };
	static struct model model;
	struct random r = random_from(seed_of_run(1144));
	unsigned counts[3] = {0};
	for (unsigned slots = 1; slots <= 256; slots = slots * 2 + slots / 3) {
		struct ends named = ends(slots, false), omitted = ends(slots, true);
		struct flow f[FLOWS];
		size_t data[FLOWS] = {0};
		for (unsigned i = 0; i < FLOWS; i++)
			f[i] = plain_flow, f[i].ports[0] = (uint16_t)i, f[i].seq = random_u32(&r);
		for (unsigned n = 0; n < PACKETS / 8; n++) {
			unsigned i = random_u32(&r) % (random_u32(&r) % 4 ? 4 : FLOWS);
			struct bytes sent, again;
			data[i] = go_on(&f[i], data[i], &r);
			uint16_t protocol = carry(&named, &f[i], data[i], &sent);
			assert_int_equal(carry(&omitted, &f[i], data[i], &again), protocol);
			counts[protocol == VJ_PLAIN ? 0 : protocol == VJ_COMPRESSED ? 1 : 2]++;
			if (protocol == VJ_PLAIN)
				continue;
			struct bytes packet = build(&f[i], data[i]);
			struct bytes naive = model_restore(&model, protocol, &sent);
			assert_same(&packet, &naive);
		}
		free_ends(&named);
		free_ends(&omitted);
	}
	printf("plain %u, compressed %u, whole %u\n", counts[0], counts[1], counts[2]);
	assert_true(counts[1] > counts[2] && counts[2] > 1000 && counts[0] > 100);
}

/* Connections that only grow, and go whole before they have grown by 65535: no sum of losses looks
 * right. What arrives is what was sent, or nothing; and what is sent again arrives. */
static void loss_never_delivers_wrong_packets(void **state)
{
	enum { FLOWS = 6, PACKETS = 40000, FRESH = 20 };
	struct random r = random_from(seed_of_run(4));
	unsigned arrived = 0, refused = 0;
	for (unsigned omit = 0; omit < 2; omit++) {
		struct ends e = ends(4, omit);
		struct flow f[FLOWS];
		size_t data[FLOWS] = {0};
		for (unsigned i = 0; i < FLOWS; i++)
			f[i] = plain_flow, f[i].ports[0] = (uint16_t)i;
		for (unsigned n = 0; n < PACKETS; n++) {
			unsigned i = random_u32(&r) % FLOWS;
			f[i].seq += (uint32_t)data[i], f[i].id++;
			f[i].ack += random_u32(&r) % 3 ? 0 : random_u32(&r) % 1400;
			data[i] = random_u32(&r) % 1400 + 1;
			bool whole = random_u32(&r) % FRESH == 0;
			f[i].ttl += whole;
			struct bytes packet = build(&f[i], data[i]), sent, got;
			uint16_t protocol = shrink(&e, &packet, &sent);
			assert_true(!whole || protocol == VJ_UNCOMPRESSED);
			if (random_u32(&r) % 50 == 0) { /* GRE sees the gap */
				vj_lost(e.receiver);
				continue;
			}
			enum drop why = DROP_COUNT;
			bool good = restore(&e, protocol, &sent, &got, &why);
			assert_true(good || protocol == VJ_COMPRESSED);
			assert_true(good || why == DROP_VJ_SLOT || why == DROP_VJ_CHECKSUM);
			if (good)
				assert_same(&packet, &got);
			arrived += good;
			refused += !good;
		}
		free_ends(&e);
	}
	printf("arrived %u, refused %u\n", arrived, refused);
	assert_true(arrived > refused && refused > 1000);
}

/* Without its slot's number a packet behind a loss may be anyone's. */
static void tossed_until_a_slot_is_named(void **state)
{
	struct ends e = ends(2, true);
	struct flow f[2] = {plain_flow, plain_flow};
	struct bytes sent, packet, got;
	enum drop why;
	f[1].source++;
	carry(&e, &f[0], 5, &sent);
	carry(&e, &f[1], 5, &sent);
	f[0].seq += 5, packet = build(&f[0], 5);
	assert_int_equal(shrink(&e, &packet, &sent), VJ_COMPRESSED); /* names its slot; lost */
	vj_lost(e.receiver);
	f[0].seq += 5, packet = build(&f[0], 5);
	assert_int_equal(shrink(&e, &packet, &sent), VJ_COMPRESSED);
	assert_refused(&e, VJ_COMPRESSED, &sent, DROP_VJ_SLOT);
	f[1].seq += 5, packet = build(&f[1], 5); /* names its own, and lost nothing */
	assert_int_equal(shrink(&e, &packet, &sent), VJ_COMPRESSED);
	assert_true(restore(&e, VJ_COMPRESSED, &sent, &got, &why));
	assert_same(&packet, &got);
	free_ends(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_bytes),
		cmocka_unit_test(slots_are_named_and_left_out),
		cmocka_unit_test(oldest_slot_goes),
		cmocka_unit_test(whole_where_differences_do_not_reach),
		cmocka_unit_test(not_for_us),
		cmocka_unit_test(unknown_slots),
		cmocka_unit_test(damage_is_refused),
		cmocka_unit_test(failed_slot_is_empty),
		cmocka_unit_test(malformed_whole_packets),
		cmocka_unit_test(room_is_respected),
		cmocka_unit_test(too_long_for_ip),
		cmocka_unit_test(any_stream_arrives),
		cmocka_unit_test(loss_never_delivers_wrong_packets),
		cmocka_unit_test(tossed_until_a_slot_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
