/* One address of a session at a time: the old one out, the new one in. The table has room to spare,
 * because what was taken out is used again only when every worker has been between two batches. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

#include "memory.h"
#include "routing.h"

enum {
	PREFIXES_PER_SESSION = 4, /* its addresses of both families, and routes behind it */
	PREFIXES_SPARE = 1024,    /* logins and logouts within one batch */
};

int routing_init(struct routing *r, uint32_t sessions)
{
	uint64_t seed;
	memset(r, 0, sizeof(*r));
	r->node_count = sessions * PREFIXES_PER_SESSION + PREFIXES_SPARE;
	r->bucket_count = 1;
	while (r->bucket_count < sessions * PREFIXES_PER_SESSION)
		r->bucket_count *= 2;
	r->nodes = memory_map(r->node_count * sizeof(*r->nodes));
	r->buckets = memory_map(r->bucket_count * sizeof(*r->buckets));
	if (!r->nodes || !r->buckets)
		return -ENOMEM;
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return -errno;
	prefix_table_init(&r->table, r->nodes, r->node_count, r->buckets, r->bucket_count, seed);
	return 0;
}

void routing_free(struct routing *r)
{
	memory_unmap(r->nodes, r->node_count * sizeof(*r->nodes));
	memory_unmap(r->buckets, r->bucket_count * sizeof(*r->buckets));
	memset(r, 0, sizeof(*r));
}

static bool leads_somewhere(const struct prefix *prefix)
{
	const struct address *address = &prefix->address;
	bool link_local = address->family == 6 && address->bytes[0] == 0xfe &&
			  (address->bytes[1] & 0xc0) == 0x80;
	return address->family && !link_local;
}

static struct prefix host(const struct address *address)
{
	return (struct prefix){.address = *address, .length = 32};
}

static void set_one(
	struct routing *r, const struct prefix *held, const struct prefix *wanted, uint32_t subject)
{
	if (held->length == wanted->length && address_equal(&held->address, &wanted->address))
		return;
	if (leads_somewhere(held))
		prefix_table_remove(&r->table, held, subject);
	if (leads_somewhere(wanted))
		prefix_table_insert(&r->table, wanted, subject);
}

void routing_set(struct routing *r, struct routing_hosts *held, const struct routing_hosts *wanted,
	uint32_t subject, unsigned worker)
{
	uint32_t before = address_to_ipv4(&held->host4);
	struct prefix old4 = host(&held->host4), new4 = host(&wanted->host4);
	set_one(r, &old4, &new4, subject);
	for (unsigned i = 0; i < sizeof(held->nets6) / sizeof(held->nets6[0]); i++)
		set_one(r, &held->nets6[i], &wanted->nets6[i], subject);
	*held = *wanted;
	uint32_t after = address_to_ipv4(&held->host4);
	if (!r->steering || before == after)
		return;
	if (before)
		tun_steering_clear(r->steering, before);
	if (after)
		tun_steering_set(r->steering, after, worker);
}
