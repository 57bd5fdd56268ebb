/* The batch cipher by every engine, with keys made ahead and without, against MPPE as RFC 3078 has
 * it, one packet after the other with nettle's RC4 and SHA-1: sessions of every strength and both
 * modes mixed, any lengths and places, batches of any size; on the way back with losses and late
 * packets. Nothing but the packets may change, to the byte. The seed is printed; GREYLINE_SEED
 * takes another. */
#include "hex.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cipher.h"
#include "ip_head.h"
#include "mppe_formula.h"
#include "seed.h"

enum {
	SESSIONS = 9,
	KINDS = 6, /* three strengths, two modes */
	BATCHES = 60,
	BATCH = 64,
	LENGTH_MAX = 2100,
	GUARD = 24,
	SLOT = MPPE_HEADER_SIZE + LENGTH_MAX + 2 * GUARD,
};

/* --- MPPE by the book ----------------------------------------------------------------------- */

struct book {
	struct mppe_formula formula;
	bool stateless;
	uint16_t count;
	struct arcfour_ctx stream;
};

static void book_schedule(struct book *b)
{
	arcfour_set_key(&b->stream, b->formula.length, b->formula.key);
}

static void book_init(
	struct book *b, enum mppe_strength strength, bool stateless, const uint8_t *start)
{
	memset(b, 0, sizeof(*b));
	b->stateless = stateless;
	mppe_formula_begin(&b->formula, strength, start);
	book_schedule(b);
}

static void book_seal(struct book *b, uint8_t *sealed, const uint8_t *clear, size_t length)
{
	bool change = b->stateless || (b->count & 0xff) == 0xff;
	uint16_t header = (uint16_t)((change ? 0x9000 : 0x1000) | b->count);
	if (change) {
		mppe_formula_next(&b->formula);
		book_schedule(b);
	}
	sealed[0] = (uint8_t)(header >> 8);
	sealed[1] = (uint8_t)header;
	arcfour_crypt(&b->stream, length, sealed + 2, clear);
	b->count = (b->count + 1) & 0xfff;
}

/* --- the trial ------------------------------------------------------------------------------ */

struct session {
	struct book book;
	struct mppe out, in;
	struct rc4 out_stream, in_stream;
	struct mppe_history history;
};

struct flight {
	struct session *session;
	size_t length; /* in clear */
	uint8_t clear[LENGTH_MAX];
	uint8_t sealed[MPPE_HEADER_SIZE + LENGTH_MAX];
};

struct slot {
	uint8_t bytes[SLOT], expected[SLOT];
};

struct trial {
	struct random random;
	struct cipher cipher;
	struct key_pool pool;
	struct session sessions[SESSIONS];
	struct flight flights[BATCH];
	struct slot slots[BATCH], sources[BATCH];
};

static uint32_t below(struct trial *t, uint32_t limit)
{
	return random_u32(&t->random) % limit;
}

static void start(struct trial *t, const struct mppe_engine *engine, uint64_t seed)
{
	static const enum mppe_strength strengths[] = {MPPE_40, MPPE_56, MPPE_128};
	memset(t, 0, sizeof(*t));
	t->random = random_from(seed);
	for (unsigned n = 0; n < SESSIONS; n++) {
		struct session *s = &t->sessions[n];
		enum mppe_strength strength = strengths[n % 3];
		bool stateless = n % KINDS < 3;
		const struct mppe_memory out = {.stream = &s->out_stream};
		const struct mppe_memory in = {.stream = &s->in_stream, .history = &s->history};
		uint8_t key[16];
		random_bytes(&t->random, key, sizeof(key));
		book_init(&s->book, strength, stateless, key);
		mppe_arm(&s->out, &out, engine, strength, stateless, key);
		mppe_arm(&s->in, &in, engine, strength, stateless, key);
	}
}

static void make_flight(struct trial *t, struct flight *f)
{
	f->session = &t->sessions[below(t, SESSIONS)];
	f->length = 1 + (below(t, 3) ? below(t, 90) : below(t, LENGTH_MAX));
	if (f->session->book.count == 0 && f->length < IP_HEAD)
		f->length = IP_HEAD; /* the first under new keys has to prove them */
	random_bytes(&t->random, f->clear, f->length);
	/* Where packets were lost the receiver looks for an IP packet. */
	if (f->length >= IP_HEAD)
		ip_head(f->clear, f->length);
	book_seal(&f->session->book, f->sealed, f->clear, f->length);
}

static void idle(struct trial *t)
{
	for (uint32_t left = below(t, 60); left > 0 && key_pool_fill(&t->pool); left--)
		;
}

static void seal_all(struct trial *t, size_t count)
{
	for (size_t n = 0; n < count; n++) {
		struct flight *f = &t->flights[n];
		struct slot *slot = &t->slots[n];
		size_t at = below(t, GUARD);
		make_flight(t, f);
		random_bytes(&t->random, slot->bytes, SLOT);
		memcpy(slot->expected, slot->bytes, SLOT);
		memcpy(slot->expected + at, f->sealed, MPPE_HEADER_SIZE + f->length);
		memcpy(slot->bytes + at + MPPE_HEADER_SIZE, f->clear, f->length);
		cipher_seal(&t->cipher, &f->session->out, slot->bytes + at,
			MPPE_HEADER_SIZE + f->length);
	}
	cipher_flush(&t->cipher);
	for (size_t n = 0; n < count; n++)
		assert_memory_equal(t->slots[n].bytes, t->slots[n].expected, SLOT);
}

static void open_one(struct trial *t, size_t n, enum cipher_arrival arrival)
{
	struct flight *f = &t->flights[n];
	struct slot *slot = &t->slots[n], *source = &t->sources[n];
	size_t from = below(t, GUARD), to = below(t, GUARD);
	bool fleeting = below(t, 2);
	enum drop why = DROP_COUNT;
	random_bytes(&t->random, source->bytes, SLOT);
	memcpy(source->bytes + from, f->sealed, MPPE_HEADER_SIZE + f->length);
	memcpy(source->expected, source->bytes, SLOT);
	random_bytes(&t->random, slot->bytes, SLOT);
	memcpy(slot->expected, slot->bytes, SLOT);
	memcpy(slot->expected + to, f->clear, f->length);
	if (!cipher_open(&t->cipher, &f->session->in, arrival, source->bytes + from,
		    MPPE_HEADER_SIZE + f->length, fleeting, slot->bytes + to, &why))
		fail_msg("flight %zu of %zu bytes: %s", n, f->length, drop_word(why));
	assert_memory_equal(source->bytes, source->expected, SLOT);
	if (fleeting)
		memset(source->bytes, 0xee, SLOT);
}

/* Whether a later packet of the session will show the receiver that this one is missing. */
static bool has_successor(const struct trial *t, size_t n, size_t count)
{
	for (size_t m = n + 1; m < count; m++)
		if (t->flights[m].session == t->flights[n].session)
			return t->flights[m].length >= IP_HEAD;
	return false;
}

/* Stateless packets may be lost, or come after all that followed them. */
static void open_all(struct trial *t, size_t count)
{
	bool opened[BATCH] = {false}, late[BATCH] = {false};
	for (size_t n = 0; n < count; n++) {
		late[n] = t->flights[n].session->book.stateless && has_successor(t, n, count) &&
			  below(t, 8) == 0;
		if (!late[n])
			open_one(t, n, CIPHER_IN_ORDER);
		opened[n] = !late[n];
	}
	for (size_t n = 0; n < count; n++)
		if (late[n] && below(t, 2)) {
			open_one(t, n, CIPHER_LATE);
			opened[n] = true;
		}
	cipher_flush(&t->cipher);
	for (size_t n = 0; n < count; n++)
		if (opened[n])
			assert_memory_equal(t->slots[n].bytes, t->slots[n].expected, SLOT);
}

static void run(struct trial *t, const struct mppe_engine *engine, uint64_t seed, bool ahead)
{
	start(t, engine, seed);
	for (unsigned n = 0; n < BATCHES; n++) {
		size_t count = 1 + below(t, below(t, 3) ? BATCH : 5);
		cipher_start(&t->cipher, engine, ahead ? &t->pool : NULL);
		if (ahead)
			idle(t);
		seal_all(t, count);
		if (ahead)
			idle(t);
		open_all(t, count);
	}
	for (unsigned n = 0; n < SESSIONS; n++) {
		mppe_wipe(&t->sessions[n].out, &t->pool);
		mppe_wipe(&t->sessions[n].in, &t->pool);
	}
	static const struct key_ring no_keys[KEY_RINGS];
	assert_memory_equal(t->pool.rings, no_keys, sizeof(no_keys));
}

static void every_engine(void **state)
{
	struct trial *t = aligned_alloc(64, sizeof(*t));
	const struct mppe_engine *engine;
	uint64_t seed = seed_of_run(17);
	assert_non_null(t);
	for (size_t e = 0; (engine = mppe_engine_at(e)); e++)
		for (uint32_t round = 0; round < 6; round++)
			run(t, engine, seed + round, round % 2);
	free(t);
}

/* No secret stays behind in the cipher. */
static void flushed_is_wiped(void **state)
{
	struct trial *t = aligned_alloc(64, sizeof(*t));
	static const struct mppe_stream none[RC4_LANES];
	assert_non_null(t);
	start(t, mppe_engine_best(), 1);
	cipher_start(&t->cipher, mppe_engine_best(), NULL);
	memset(t->cipher.streams, 0, sizeof(t->cipher.streams));
	for (size_t count = 1; count < 20; count++) {
		seal_all(t, count);
		assert_memory_equal(t->cipher.streams, none, sizeof(none));
	}
	free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_engine),
		cmocka_unit_test(flushed_is_wiped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
