/* The prefix table: a hash table keyed by (length, masked address), probed from the longest length
 * in use to the shortest.
 *
 * A server's table is nearly all hosts of one length with a few routes beside them, so a lookup is
 * one or two probes, an entry is 40 bytes, and nothing ever has to be resized or rebalanced: the
 * memory is given once and insert and remove touch one bucket.
 *
 * Readers walk without locks. A node is complete before its bucket points to it; taken out, it
 * keeps its `next`, so that a reader standing on it finds its way on. It is used again only when
 * every reader that was online at its removal has since been quiescent: the writer stamps it with
 * the epoch it ends, and a reader publishes the epoch it has seen. The fences in going online and
 * in reclaiming make sure that of a reader and the writer at least one sees the other. */
#include "prefix_table.h"

#include <assert.h>
#include <string.h>

#define OFFLINE UINT64_MAX

void prefix_table_init(struct prefix_table *table, struct prefix_node *nodes, uint32_t node_count,
	_Atomic uint32_t *buckets, uint32_t bucket_count, uint64_t seed)
{
	assert(bucket_count && (bucket_count & (bucket_count - 1)) == 0);
	memset(table, 0, sizeof(*table));
	table->nodes = nodes;
	table->node_count = node_count;
	table->buckets = buckets;
	table->bucket_mask = bucket_count - 1;
	table->seed = seed;
	atomic_init(&table->epoch, 1);
	for (uint32_t n = 0; n < bucket_count; n++)
		atomic_init(&buckets[n], PREFIX_NONE);
	for (unsigned n = 0; n < PREFIX_READERS_MAX; n++)
		atomic_init(&table->reader_epoch[n], OFFLINE);
}

static unsigned bits_of(uint8_t family)
{
	return family == 4 ? 32 : family == 6 ? 128 : 0;
}

static void mask(uint8_t out[16], const uint8_t in[16], unsigned length)
{
	memset(out, 0, 16);
	memcpy(out, in, length / 8);
	if (length % 8)
		out[length / 8] = (uint8_t)(in[length / 8] & 0xff << (8 - length % 8));
}

static uint64_t stir(uint64_t x)
{
	x ^= x >> 32;
	x *= UINT64_C(0xd6e8feb86659fd93);
	x ^= x >> 32;
	x *= UINT64_C(0xd6e8feb86659fd93);
	return x ^ x >> 32;
}

static uint32_t bucket_of(
	const struct prefix_table *table, const uint8_t bytes[16], uint8_t family, uint8_t length)
{
	uint64_t halves[2];

	memcpy(halves, bytes, sizeof(halves));
	uint64_t hash = stir(halves[0] ^ table->seed);
	hash = stir(hash ^ halves[1] ^ ((uint64_t)family << 8 | length));
	return (uint32_t)hash & table->bucket_mask;
}

static struct prefix_node *node_at(const struct prefix_table *table, uint32_t node)
{
	return &table->nodes[node - 1];
}

static uint32_t find_exact(
	const struct prefix_table *table, const uint8_t bytes[16], uint8_t family, uint8_t length)
{
	uint32_t bucket = bucket_of(table, bytes, family, length);
	uint32_t at = atomic_load_explicit(&table->buckets[bucket], memory_order_acquire);

	while (at != PREFIX_NONE) {
		const struct prefix_node *node = node_at(table, at);
		if (node->length == length && node->family == family &&
			memcmp(node->bytes, bytes, 16) == 0)
			return at;
		at = atomic_load_explicit(&node->next, memory_order_acquire);
	}
	return PREFIX_NONE;
}

/* The lowest epoch a reader may still be in. */
static uint64_t oldest_reader(const struct prefix_table *table)
{
	uint64_t oldest = OFFLINE;

	atomic_thread_fence(memory_order_seq_cst);
	for (uint32_t n = 0; n < table->readers; n++) {
		uint64_t epoch =
			atomic_load_explicit(&table->reader_epoch[n], memory_order_acquire);
		if (epoch < oldest)
			oldest = epoch;
	}
	return oldest;
}

static uint32_t take_node(struct prefix_table *table)
{
	uint32_t node = table->retired_head;

	if (table->fresh < table->node_count)
		return ++table->fresh;
	if (node == PREFIX_NONE || node_at(table, node)->retired >= oldest_reader(table))
		return PREFIX_NONE;
	table->retired_head = node_at(table, node)->link;
	if (table->retired_head == PREFIX_NONE)
		table->retired_tail = PREFIX_NONE;
	return node;
}

static void retire_node(struct prefix_table *table, uint32_t node)
{
	uint64_t epoch = atomic_load_explicit(&table->epoch, memory_order_relaxed);

	node_at(table, node)->retired = epoch;
	node_at(table, node)->link = PREFIX_NONE;
	if (table->retired_tail != PREFIX_NONE)
		node_at(table, table->retired_tail)->link = node;
	else
		table->retired_head = node;
	table->retired_tail = node;
	atomic_store_explicit(&table->epoch, epoch + 1, memory_order_seq_cst);
}

/* Keeps the readers' bit maps of lengths in use. */
static void count_length(struct prefix_table *table, uint8_t family, uint8_t length, int change)
{
	uint32_t *used = family == 4 ? &table->used4[length] : &table->used6[length];
	_Atomic uint64_t *bits = family == 4 ? &table->lengths4 : &table->lengths6[length / 64];
	uint64_t bit = UINT64_C(1) << length % 64;
	uint64_t now = atomic_load_explicit(bits, memory_order_relaxed);

	*used += (uint32_t)change;
	table->entries += (uint32_t)change;
	atomic_store_explicit(bits, *used ? now | bit : now & ~bit, memory_order_release);
}

bool prefix_table_insert(struct prefix_table *table, const struct prefix *prefix, uint32_t subject)
{
	uint8_t family = prefix->address.family, bytes[16];

	if (!bits_of(family) || prefix->length > bits_of(family))
		return false;
	mask(bytes, prefix->address.bytes, prefix->length);
	uint32_t at = find_exact(table, bytes, family, prefix->length);
	if (at != PREFIX_NONE) {
		atomic_store_explicit(&node_at(table, at)->subject, subject, memory_order_release);
		return true;
	}
	at = take_node(table);
	if (at == PREFIX_NONE)
		return false;
	struct prefix_node *node = node_at(table, at);
	memcpy(node->bytes, bytes, sizeof(bytes));
	node->family = family;
	node->length = prefix->length;
	_Atomic uint32_t *bucket = &table->buckets[bucket_of(table, bytes, family, prefix->length)];
	atomic_init(&node->subject, subject);
	atomic_init(&node->next, atomic_load_explicit(bucket, memory_order_relaxed));
	atomic_store_explicit(bucket, at, memory_order_release);
	count_length(table, family, prefix->length, 1);
	return true;
}

bool prefix_table_remove(struct prefix_table *table, const struct prefix *prefix, uint32_t subject)
{
	uint8_t family = prefix->address.family, bytes[16];

	if (!bits_of(family) || prefix->length > bits_of(family))
		return false;
	mask(bytes, prefix->address.bytes, prefix->length);
	uint32_t at = find_exact(table, bytes, family, prefix->length);
	if (at == PREFIX_NONE ||
		atomic_load_explicit(&node_at(table, at)->subject, memory_order_relaxed) != subject)
		return false;
	_Atomic uint32_t *link = &table->buckets[bucket_of(table, bytes, family, prefix->length)];
	while (atomic_load_explicit(link, memory_order_relaxed) != at)
		link = &node_at(table, atomic_load_explicit(link, memory_order_relaxed))->next;
	atomic_store_explicit(link,
		atomic_load_explicit(&node_at(table, at)->next, memory_order_relaxed),
		memory_order_release);
	count_length(table, family, prefix->length, -1);
	retire_node(table, at);
	return true;
}

static bool find_length(const struct prefix_table *table, const struct address *address,
	unsigned length, uint32_t *subject)
{
	uint8_t bytes[16];

	mask(bytes, address->bytes, length);
	uint32_t at = find_exact(table, bytes, address->family, (uint8_t)length);
	if (at == PREFIX_NONE)
		return false;
	*subject = atomic_load_explicit(&node_at(table, at)->subject, memory_order_acquire);
	return true;
}

bool prefix_table_find(
	const struct prefix_table *table, const struct address *address, uint32_t *subject)
{
	const _Atomic uint64_t *maps = address->family == 4 ? &table->lengths4 : table->lengths6;

	if (!bits_of(address->family))
		return false;
	for (int map = address->family == 4 ? 0 : 2; map >= 0; map--) {
		uint64_t lengths = atomic_load_explicit(&maps[map], memory_order_acquire);
		while (lengths) {
			unsigned bit = 63u - (unsigned)__builtin_clzll(lengths);
			lengths &= ~(UINT64_C(1) << bit);
			if (find_length(table, address, (unsigned)map * 64 + bit, subject))
				return true;
		}
	}
	return false;
}

int prefix_reader_add(struct prefix_table *table)
{
	if (table->readers == PREFIX_READERS_MAX)
		return -1;
	return (int)table->readers++;
}

void prefix_reader_online(struct prefix_table *table, int reader)
{
	uint64_t epoch = atomic_load_explicit(&table->epoch, memory_order_acquire);

	atomic_store_explicit(&table->reader_epoch[reader], epoch, memory_order_seq_cst);
	atomic_thread_fence(memory_order_seq_cst);
}

void prefix_reader_quiescent(struct prefix_table *table, int reader)
{
	prefix_reader_online(table, reader);
}

void prefix_reader_offline(struct prefix_table *table, int reader)
{
	atomic_store_explicit(&table->reader_epoch[reader], OFFLINE, memory_order_release);
}
