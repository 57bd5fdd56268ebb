/* The table of paths, and the questions that fill it.
 *
 * Each path is the answer to two questions: which way (RTM_GETROUTE with both addresses, which the
 * kernel answers from its own route cache, a learnt MTU and the choice among equal next hops
 * included) and who is the next hop there (RTM_GETNEIGH). The kernel's notices only say what to ask
 * again: an entry is marked and the marked ones are asked for in slices, so that the loop serves
 * others in between when a default route takes 10,000 paths with it. A question costs about 10 us.
 *
 * Two things the kernel tells nobody: it learnt a path MTU, which the worker suspects when its
 * packets come back (paths_suspect), and it forgot one (after ten minutes, ip_rt_mtu_expires),
 * which is looked at when the answer said it would.
 *
 * Of several equal next hops the kernel picks one by a hash of the addresses, and the question
 * hashes the same ones. Where it hashes more (fib_multipath_hash_policy 1 to 3), the answer still
 * names one of the equal ones.
 *
 * IPv6 paths are never direct: the raw socket takes them, and only their MTU matters. */
#include "path.h"

#include <assert.h>
#include <errno.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "bytes.h"
#include "limits.h"
#include "path_inner.h"
#include "survey.h"

enum {
	DEBOUNCE_MS = 20, /* changes come in bursts */
	SLICE = 64,       /* questions at once */
	SLICE_PAUSE_MS = 1,
	SUSPECT_EVERY_MS = 250, /* one path, whatever comes back */
	ETHERNET_IPV4 = 0x0800,
};

static_assert(14 <= PATH_LINK_HEADER_MAX, "an Ethernet header fits");

/* ---- the table ---- */

static uint32_t *bucket_of(struct paths *p, const struct address *local, const struct address *peer)
{
	uint64_t hash = p->seed ^ (uint64_t)(local->family << 8 | peer->family);
	for (unsigned i = 0; i < 16; i++) {
		uint64_t pair = (uint64_t)(peer->bytes[i] << 8 | local->bytes[i]);
		hash = (hash ^ pair) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 29;
	}
	return &p->buckets[hash & p->bucket_mask];
}

/* The bytes behind an IPv4 address are not part of it. */
static struct address tidy(const struct address *a)
{
	struct address b = {.family = a->family};
	memcpy(b.bytes, a->bytes, a->family == 6 ? 16 : a->family == 4 ? 4 : 0);
	return b;
}

static uint32_t take_index(struct paths *p)
{
	uint32_t index = p->free;
	if (index) {
		p->free = p->entries[index].next;
		return index;
	}
	return p->high < p->config.count_max ? ++p->high : 0;
}

/* ---- looking ---- */

/* What is known of an interface; asked for once, and kept up to date by path_watch.c. */
static const struct netlink_link *link_of(struct paths *p, unsigned index)
{
	for (uint32_t i = 0; i < p->link_count; i++)
		if (p->links[i].index == index)
			return &p->links[i];
	if (p->link_count == p->link_max) {
		uint32_t max = p->link_max ? 2 * p->link_max : 8;
		struct netlink_link *links = realloc(p->links, max * sizeof(*links));
		if (!links)
			return NULL;
		p->links = links;
		p->link_max = max;
	}
	struct netlink_link *link = &p->links[p->link_count];
	if (netlink_link_get(p->netlink, index, link) < 0)
		return NULL;
	p->link_count++;
	return link;
}

/* The largest IP packet that goes this way. */
static uint16_t mtu_of(const struct netlink_route *route, const struct netlink_link *link)
{
	uint32_t mtu = route->mtu && route->mtu < link->mtu ? route->mtu : link->mtu;
	return mtu < UINT16_MAX ? (uint16_t)mtu : UINT16_MAX;
}

uint16_t path_mtu(struct netlink *netlink, const struct address *local, const struct address *peer)
{
	struct netlink_route route;
	struct netlink_link link;
	if (netlink_route_get(netlink, local, peer, &route) < 0 ||
		netlink_link_get(netlink, route.link, &link) < 0)
		return 0;
	return mtu_of(&route, &link);
}

/* Whether a packet can be written to the interface, and what stands in front of it there. */
static bool make_direct(struct paths *p, struct path *path, const struct netlink_route *route,
	const struct netlink_link *link, const struct address *next_hop)
{
	struct netlink_neighbour neighbour;
	if (p->diverted || path->local.family != 4 || path->peer.family != 4 ||
		next_hop->family != 4 || !route->unicast || route->encapsulated || !link->running)
		return false;
	if (link->type == ARPHRD_NONE || link->type == ARPHRD_RAWIP)
		return true;
	if (link->type != ARPHRD_ETHER || link->mac_length != 6 || !link->resolves)
		return false;
	if (netlink_neighbour_get(p->netlink, path->link, next_hop, &neighbour) < 0 ||
		!neighbour.valid || neighbour.mac_length != 6)
		return false;
	memcpy(path->link_header, neighbour.mac, 6);
	memcpy(path->link_header + 6, link->mac, 6);
	put_u16(path->link_header + 12, ETHERNET_IPV4);
	path->link_header_length = 14;
	return true;
}

static void look_later(struct paths *p, struct path_entry *entry, uint64_t at);

/* Asks; what is not to be had leaves a path without a link. */
static struct path look(struct paths *p, struct path_entry *entry)
{
	struct path path = {.local = entry->path.local, .peer = entry->path.peer};
	struct netlink_route route;
	entry->looked_at = uv_now(p->config.loop);
	entry->look_at = NEVER;
	if (netlink_route_get(p->netlink, &path.local, &path.peer, &route) < 0)
		return path;
	const struct netlink_link *link = link_of(p, route.link);
	if (!link)
		return path;
	path.link = route.link;
	path.mtu = mtu_of(&route, link);
	const struct address *next_hop = route.gateway.family ? &route.gateway : &path.peer;
	memcpy(entry->next_hop, next_hop->bytes, sizeof(entry->next_hop));
	path.direct = make_direct(p, &path, &route, link, next_hop);
	if (route.expires)
		look_later(p, entry, entry->looked_at + (uint64_t)route.expires * 1000);
	return path;
}

static bool same_path(const struct path *a, const struct path *b)
{
	return a->direct == b->direct && a->link == b->link && a->mtu == b->mtu &&
	       a->link_header_length == b->link_header_length &&
	       memcmp(a->link_header, b->link_header, a->link_header_length) == 0;
}

/* ---- looking again ---- */

static void on_work(uv_timer_t *timer);

void paths_mark(struct paths *p, uint32_t index)
{
	struct path_entry *entry = &p->entries[index];
	if (entry->dirty || !entry->wanted)
		return;
	entry->dirty = true;
	entry->next_dirty = 0;
	if (p->dirty_last)
		p->entries[p->dirty_last].next_dirty = index;
	else
		p->dirty_first = index;
	p->dirty_last = index;
	if (!uv_is_active((uv_handle_t *)&p->work))
		uv_timer_start(&p->work, on_work, DEBOUNCE_MS, 0);
}

void paths_mark_all(struct paths *p)
{
	for (uint32_t index = 1; index <= p->high; index++)
		paths_mark(p, index);
}

static uint32_t take_dirty(struct paths *p)
{
	uint32_t index = p->dirty_first;
	if (!index)
		return 0;
	p->dirty_first = p->entries[index].next_dirty;
	if (!p->dirty_first)
		p->dirty_last = 0;
	p->entries[index].dirty = false;
	return index;
}

/* A slice of what is marked. The owner may want and drop paths when it is told. */
static void on_work(uv_timer_t *timer)
{
	struct paths *p = timer->data;
	uv_update_time(p->config.loop);
	for (unsigned n = 0; n < SLICE && !p->closing; n++) {
		uint32_t index = take_dirty(p);
		if (!index)
			return;
		struct path_entry *entry = &p->entries[index];
		if (!entry->wanted)
			continue;
		struct path now = look(p, entry);
		if (same_path(&now, &entry->path))
			continue;
		entry->path = now;
		p->config.changed(p->config.context, index, &now);
	}
	if (!p->closing && p->dirty_first)
		uv_timer_start(&p->work, on_work, SLICE_PAUSE_MS, 0);
}

static void arm_look(struct paths *p);

static void on_look(uv_timer_t *timer)
{
	struct paths *p = timer->data;
	uint64_t now = uv_now(p->config.loop);
	p->look_next = NEVER;
	for (uint32_t index = 1; index <= p->high; index++) {
		struct path_entry *entry = &p->entries[index];
		if (!entry->wanted || entry->look_at == NEVER)
			continue;
		if (entry->look_at <= now) {
			entry->look_at = NEVER;
			paths_mark(p, index);
		} else if (entry->look_at < p->look_next) {
			p->look_next = entry->look_at;
		}
	}
	arm_look(p);
}

static void arm_look(struct paths *p)
{
	uint64_t now = uv_now(p->config.loop);
	if (p->look_next != NEVER)
		uv_timer_start(&p->look, on_look, p->look_next > now ? p->look_next - now : 0, 0);
}

static void look_later(struct paths *p, struct path_entry *entry, uint64_t at)
{
	if (at < entry->look_at)
		entry->look_at = at;
	if (at >= p->look_next)
		return;
	p->look_next = at;
	arm_look(p);
}

void paths_look_at_policies(struct paths *p)
{
	/* What cannot be known is taken for there. */
	p->diverted = survey_ipsec() != 0 || survey_rules(p->netlink) != 0;
}

/* ---- what the owner calls ---- */

uint32_t paths_want(
	struct paths *p, const struct address *local, const struct address *peer, struct path *path)
{
	struct path wanted = {.local = tidy(local), .peer = tidy(peer)};
	uint32_t *bucket = bucket_of(p, &wanted.local, &wanted.peer), index;
	for (index = *bucket; index; index = p->entries[index].next)
		if (address_equal(&p->entries[index].path.local, &wanted.local) &&
			address_equal(&p->entries[index].path.peer, &wanted.peer))
			break;
	if (!index) {
		index = take_index(p);
		*path = wanted;
		if (!index)
			return 0;
		struct path_entry *entry = &p->entries[index];
		bool dirty = entry->dirty; /* it may still be in that list */
		uint32_t next_dirty = entry->next_dirty;
		*entry = (struct path_entry){
			.path = wanted, .next = *bucket, .dirty = dirty, .next_dirty = next_dirty};
		*bucket = index;
		entry->path = look(p, entry);
	}
	p->entries[index].wanted++;
	*path = p->entries[index].path;
	return index;
}

const struct path *paths_known(const struct paths *p, uint32_t index)
{
	return &p->entries[index].path;
}

void paths_drop(struct paths *p, uint32_t index)
{
	assert(index && index <= p->high && p->entries[index].wanted);
	struct path_entry *entry = &p->entries[index];
	if (--entry->wanted)
		return;
	uint32_t *at = bucket_of(p, &entry->path.local, &entry->path.peer);
	while (*at != index)
		at = &p->entries[*at].next;
	*at = entry->next;
	entry->next = p->free;
	p->free = index;
}

void paths_suspect(struct paths *p, uint32_t index)
{
	struct path_entry *entry = &p->entries[index];
	uint64_t now = uv_now(p->config.loop);
	assert(index <= p->high);
	if (!index || !entry->wanted)
		return;
	if (entry->looked_at + SUSPECT_EVERY_MS <= now)
		paths_mark(p, index);
	else
		look_later(p, entry, entry->looked_at + SUSPECT_EVERY_MS);
}

static int fail(char error[256], const char *what, int failed)
{
	snprintf(error, 256, "Couldn't %s: %s", what, strerror(-failed));
	return failed;
}

static void release(struct paths *p)
{
	netlink_close(p->netlink);
	free(p->entries);
	free(p->buckets);
	free(p->links);
	free(p);
}

static void on_closed(uv_handle_t *handle)
{
	struct paths *p = handle->data;
	if (--p->closing == 0)
		release(p);
}

void paths_close(struct paths *p)
{
	if (!p)
		return;
	p->closing = 2;
	uv_close((uv_handle_t *)&p->work, on_closed);
	uv_close((uv_handle_t *)&p->look, on_closed);
	paths_watch_stop(p, on_closed);
}

int paths_open(struct paths **paths, const struct paths_config *config, char error[256])
{
	struct paths *p = calloc(1, sizeof(*p));
	uint32_t buckets = 64;
	while (buckets < config->count_max)
		buckets *= 2;
	if (p) {
		p->entries = calloc((size_t)config->count_max + 1, sizeof(*p->entries));
		p->buckets = calloc(buckets, sizeof(*p->buckets));
	}
	if (!p || !p->entries || !p->buckets) {
		if (p)
			release(p);
		return fail(error, "keep paths", -ENOMEM);
	}
	p->config = *config;
	p->bucket_mask = buckets - 1;
	p->look_next = NEVER;
	int failed = netlink_open(&p->netlink);
	if (!failed && getrandom(&p->seed, sizeof(p->seed), 0) != sizeof(p->seed))
		failed = -errno;
	if (failed) {
		release(p);
		return fail(error, "open a netlink socket", failed);
	}
	p->work.data = p->look.data = p;
	uv_timer_init(config->loop, &p->work);
	uv_timer_init(config->loop, &p->look);
	paths_look_at_policies(p);
	failed = paths_watch(p, error);
	if (failed) {
		paths_close(p);
		return failed;
	}
	*paths = p;
	return 0;
}
