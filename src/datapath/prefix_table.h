/* Which session an inner address belongs to: hosts and routes, IPv4 and IPv6, longest match.
 *
 * Any number of threads look up without a lock while one writer inserts and removes, in time that
 * does not grow with the table. A lookup costs one probe for each prefix length in use. The memory
 * is the caller's. A removed entry is used again only after every reader has been quiescent. */
#ifndef GREYLINE_PREFIX_TABLE_H
#define GREYLINE_PREFIX_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "address.h"

enum {
	PREFIX_READERS_MAX = 64,
	PREFIX_NONE = 0, /* no node; node n is nodes[n - 1] */
};

struct prefix_node {
	uint8_t bytes[16]; /* masked; constant while a reader may see the node */
	uint8_t family, length;
	_Atomic uint32_t subject;
	_Atomic uint32_t next; /* in the bucket */
	uint32_t link;         /* in the list of removed nodes */
	uint64_t retired;      /* epoch of the removal */
};

struct prefix_table {
	struct prefix_node *nodes;
	_Atomic uint32_t *buckets;
	uint32_t node_count, bucket_mask;
	uint64_t seed;
	_Atomic uint64_t lengths4; /* bit n: some prefix has n bits */
	_Atomic uint64_t lengths6[3];
	/* The writer's. */
	uint32_t used4[33], used6[129];
	uint32_t fresh, retired_head, retired_tail, entries;
	uint32_t readers;
	_Atomic uint64_t epoch;
	_Atomic uint64_t reader_epoch[PREFIX_READERS_MAX];
};

/* `bucket_count` is a power of two, best not below `node_count`. Buckets and nodes need no initial
 * value, but the buckets are cleared here. `seed` is unpredictable, so that nobody can choose
 * addresses that fall into one bucket. */
void prefix_table_init(struct prefix_table *table, struct prefix_node *nodes, uint32_t node_count,
	_Atomic uint32_t *buckets, uint32_t bucket_count, uint64_t seed);

/* Writer. Bits of the address behind the length are ignored. A prefix already there changes hands.
 * False when the table is full (or every free entry may still be read), or the prefix is none. */
bool prefix_table_insert(struct prefix_table *table, const struct prefix *prefix, uint32_t subject);
/* Writer. Removes the prefix when it still belongs to `subject`; false when it does not. */
bool prefix_table_remove(struct prefix_table *table, const struct prefix *prefix, uint32_t subject);

/* Reader. The session of the longest prefix that covers `address`. */
bool prefix_table_find(
	const struct prefix_table *table, const struct address *address, uint32_t *subject);

/* A reader that is not on the writer's thread takes a number once (from the writer's thread), goes
 * online before it looks up, says between batches that it holds nothing, and goes offline before
 * it sleeps. -1 when there are too many readers. */
int prefix_reader_add(struct prefix_table *table);
void prefix_reader_online(struct prefix_table *table, int reader);
void prefix_reader_quiescent(struct prefix_table *table, int reader);
void prefix_reader_offline(struct prefix_table *table, int reader);

#endif
