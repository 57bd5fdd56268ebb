/* Longest match against a plain list; memory used again only when readers are done; a reader
 * thread that never sees anything but true answers. */
#include "hex.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prefix_table.h"
#include "random.h"

enum { NODES = 512, BUCKETS = 256 };

struct fixture {
	struct prefix_table table;
	struct prefix_node nodes[NODES];
	_Atomic uint32_t buckets[BUCKETS];
};

static struct fixture *fixture_new(uint32_t nodes)
{
	struct fixture *f = malloc(sizeof(*f));
	assert_non_null(f);
	memset(f, 0xee, sizeof(*f)); /* no initial value is needed */
	prefix_table_init(&f->table, f->nodes, nodes, f->buckets, BUCKETS, 0x1234567);
	return f;
}

static struct prefix ipv4(uint32_t address, uint8_t length)
{
	return (struct prefix){.address = address_ipv4(address), .length = length};
}

static uint32_t find(struct fixture *f, uint32_t address)
{
	struct address a = address_ipv4(address);
	uint32_t subject = 0;
	return prefix_table_find(&f->table, &a, &subject) ? subject : 0;
}

static bool insert(struct fixture *f, uint32_t address, uint8_t length, uint32_t subject)
{
	struct prefix p = ipv4(address, length);
	return prefix_table_insert(&f->table, &p, subject);
}

static bool take_out(struct fixture *f, uint32_t address, uint8_t length, uint32_t subject)
{
	struct prefix p = ipv4(address, length);
	return prefix_table_remove(&f->table, &p, subject);
}

static void longest_wins(void **state)
{
	struct fixture *f = fixture_new(NODES);
	assert_int_equal(find(f, 0x0a000001), 0);
	assert_true(insert(f, 0, 0, 1));
	assert_true(insert(f, 0x0a0000ff, 8, 2)); /* bits behind the length do not count */
	assert_true(insert(f, 0x0a000001, 32, 3));
	assert_true(insert(f, 0x0a000000, 31, 4));
	assert_int_equal(find(f, 0x0a000001), 3);
	assert_int_equal(find(f, 0x0a000000), 4);
	assert_int_equal(find(f, 0x0a000002), 2);
	assert_int_equal(find(f, 0x0b000000), 1);
	assert_true(take_out(f, 0x0a000001, 32, 3));
	assert_int_equal(find(f, 0x0a000001), 4);
	assert_true(take_out(f, 0x0a000000, 31, 4));
	assert_int_equal(find(f, 0x0a000001), 2);
	assert_true(take_out(f, 0, 8, 2) == false);
	assert_true(take_out(f, 0x0a000000, 8, 2));
	assert_true(take_out(f, 0, 0, 1));
	assert_int_equal(find(f, 0x0a000001), 0);
	assert_int_equal(f->table.entries, 0);
	free(f);
}

static void families_do_not_mix(void **state)
{
	struct fixture *f = fixture_new(NODES);
	struct prefix six = {.address = {.family = 6, .bytes = {0x0a, 0, 0, 1}}, .length = 32};
	struct address a = {.family = 6, .bytes = {0x0a, 0, 0, 1, 9, 9}};
	uint32_t subject = 0;
	assert_true(insert(f, 0x0a000001, 32, 4));
	assert_false(prefix_table_find(&f->table, &a, &subject));
	assert_true(prefix_table_insert(&f->table, &six, 6));
	assert_true(prefix_table_find(&f->table, &a, &subject));
	assert_int_equal(subject, 6);
	assert_int_equal(find(f, 0x0a000001), 4);
	for (uint8_t length = 0; length <= 128; length += 64) {
		struct prefix p = {.address = a, .length = length};
		assert_true(prefix_table_insert(&f->table, &p, 100u + length));
	}
	assert_true(prefix_table_find(&f->table, &a, &subject));
	assert_int_equal(subject, 228);
	a.bytes[15] = 1;
	assert_true(prefix_table_find(&f->table, &a, &subject));
	assert_int_equal(subject, 164);
	free(f);
}

static void nonsense_is_refused(void **state)
{
	struct fixture *f = fixture_new(NODES);
	struct prefix none = {.length = 0}, long4 = ipv4(1, 33);
	struct prefix long6 = {.address = {.family = 6}, .length = 129};
	struct address nowhere = {0};
	uint32_t subject;
	assert_false(prefix_table_insert(&f->table, &none, 1));
	assert_false(prefix_table_insert(&f->table, &long4, 1));
	assert_false(prefix_table_insert(&f->table, &long6, 1));
	assert_false(prefix_table_remove(&f->table, &none, 1));
	assert_false(prefix_table_remove(&f->table, &long6, 1));
	assert_false(prefix_table_find(&f->table, &nowhere, &subject));
	free(f);
}

static void changing_hands(void **state)
{
	struct fixture *f = fixture_new(NODES);
	assert_true(insert(f, 5, 32, 1));
	assert_true(insert(f, 5, 32, 2));
	assert_int_equal(f->table.entries, 1);
	assert_false(take_out(f, 5, 32, 1)); /* the old owner's late farewell */
	assert_int_equal(find(f, 5), 2);
	assert_true(take_out(f, 5, 32, 2));
	assert_false(take_out(f, 5, 32, 2));
	free(f);
}

static void memory_waits_for_readers(void **state)
{
	struct fixture *f = fixture_new(2);
	int one = prefix_reader_add(&f->table), two = prefix_reader_add(&f->table);
	assert_true(insert(f, 1, 32, 1));
	assert_true(insert(f, 2, 32, 2));
	assert_false(insert(f, 3, 32, 3)); /* full */
	prefix_reader_online(&f->table, one);
	assert_true(take_out(f, 1, 32, 1));
	assert_false(insert(f, 3, 32, 3));    /* somebody may stand on it */
	prefix_reader_online(&f->table, two); /* came later: it cannot */
	assert_false(insert(f, 3, 32, 3));
	prefix_reader_quiescent(&f->table, one);
	assert_true(insert(f, 3, 32, 3));
	assert_true(take_out(f, 2, 32, 2));
	prefix_reader_offline(&f->table, one);
	assert_false(insert(f, 4, 32, 4));
	prefix_reader_offline(&f->table, two);
	assert_true(insert(f, 4, 32, 4));
	assert_int_equal(find(f, 3), 3);
	assert_int_equal(find(f, 4), 4);
	assert_int_equal(find(f, 1), 0);
	free(f);
}

static void readers_are_counted(void **state)
{
	struct fixture *f = fixture_new(2);
	for (int n = 0; n < PREFIX_READERS_MAX; n++)
		assert_int_equal(prefix_reader_add(&f->table), n);
	assert_int_equal(prefix_reader_add(&f->table), -1);
	free(f);
}

struct entry {
	struct prefix prefix;
	uint32_t subject; /* 0: not in */
};

static bool covers(const struct prefix *p, const struct address *a)
{
	if (p->address.family != a->family)
		return false;
	for (unsigned bit = 0; bit < p->length; bit++)
		if ((p->address.bytes[bit / 8] ^ a->bytes[bit / 8]) >> (7 - bit % 8) & 1)
			return false;
	return true;
}

static uint32_t find_plain(const struct entry *entries, size_t count, const struct address *a)
{
	const struct entry *best = NULL;
	for (size_t n = 0; n < count; n++)
		if (entries[n].subject && covers(&entries[n].prefix, a) &&
			(!best || entries[n].prefix.length > best->prefix.length))
			best = &entries[n];
	return best ? best->subject : 0;
}

static struct address any_address(struct random *r)
{
	struct address a = {.family = random_u32(r) & 1 ? 4 : 6};
	for (unsigned n = 0; n < (a.family == 4 ? 4u : 16u); n++)
		a.bytes[n] = random_u32(r) & 1; /* few, so that prefixes nest */
	return a;
}

/* Random inserts, removals and lookups; the list is the truth. GREYLINE_SEED takes another run. */
static void against_a_list(void **state)
{
	const char *seed_text = getenv("GREYLINE_SEED");
	uint64_t seed = seed_text ? strtoull(seed_text, NULL, 0) : 42;
	printf("seed %llu\n", (unsigned long long)seed);
	uint8_t bytes[32] = {0};
	struct random r;
	memcpy(bytes, &seed, sizeof(seed));
	random_seed(&r, bytes);
	enum { ENTRIES = 300 };
	static struct entry entries[ENTRIES];
	struct fixture *f = fixture_new(NODES);
	for (size_t n = 0; n < ENTRIES; n++) {
		entries[n].prefix.address = any_address(&r);
		unsigned bits = entries[n].prefix.address.family == 4 ? 32 : 128;
		entries[n].prefix.length = (uint8_t)(random_u32(&r) % (bits + 1));
		entries[n].subject = 0;
		for (size_t m = 0; m < n; m++) /* equal prefixes are one entry */
			if (entries[m].prefix.length == entries[n].prefix.length &&
				covers(&entries[m].prefix, &entries[n].prefix.address))
				entries[n].prefix.address.family = 0;
	}
	for (unsigned step = 0; step < 20000; step++) {
		struct entry *entry = &entries[random_u32(&r) % ENTRIES];
		struct address a = any_address(&r);
		uint32_t subject = 0;
		if (entry->prefix.address.family && !entry->subject) {
			entry->subject = 1 + random_u32(&r) % 1000;
			assert_true(prefix_table_insert(&f->table, &entry->prefix, entry->subject));
		} else if (entry->subject) {
			assert_true(prefix_table_remove(&f->table, &entry->prefix, entry->subject));
			entry->subject = 0;
		}
		bool found = prefix_table_find(&f->table, &a, &subject);
		assert_int_equal(found ? subject : 0, find_plain(entries, ENTRIES, &a));
	}
	free(f);
}

enum { ROUNDS = 20000, HOSTS = 64 };

struct chase {
	struct fixture *f;
	int reader;
	_Atomic bool stop;
	uint64_t wrong, found;
};

/* Host n belongs to subject n or to nobody. */
static void *look_up(void *context)
{
	struct chase *chase = context;
	prefix_reader_online(&chase->f->table, chase->reader);
	for (uint32_t n = 0; !atomic_load(&chase->stop); n++) {
		struct address a = address_ipv4(1 + n % HOSTS);
		uint32_t subject;
		if (prefix_table_find(&chase->f->table, &a, &subject)) {
			chase->found++;
			if (subject != 1 + n % HOSTS)
				chase->wrong++;
		}
		prefix_reader_quiescent(&chase->f->table, chase->reader);
	}
	prefix_reader_offline(&chase->f->table, chase->reader);
	return NULL;
}

static void readers_run_beside_the_writer(void **state)
{
	struct fixture *f = fixture_new(HOSTS / 2);
	struct chase chase = {.f = f, .reader = prefix_reader_add(&f->table)};
	pthread_t thread;
	uint32_t refused = 0;
	for (uint32_t n = 1; n <= HOSTS / 2; n++)
		assert_true(insert(f, n, 32, n));
	assert_int_equal(pthread_create(&thread, NULL, look_up, &chase), 0);
	for (uint32_t n = 0; n < ROUNDS; n++) {
		uint32_t host = 1 + n * 7 % HOSTS;
		if (!take_out(f, host, 32, host) && !insert(f, host, 32, host))
			refused++;
	}
	atomic_store(&chase.stop, true);
	pthread_join(thread, NULL);
	assert_int_equal(chase.wrong, 0);
	assert_true(refused < ROUNDS);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(longest_wins),
		cmocka_unit_test(families_do_not_mix),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(changing_hands),
		cmocka_unit_test(memory_waits_for_readers),
		cmocka_unit_test(readers_are_counted),
		cmocka_unit_test(against_a_list),
		cmocka_unit_test(readers_run_beside_the_writer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
