/* Which back end takes a packet: the fast link of its path, or the raw sockets.
 *
 * The raw sockets are always open. A packet leaves by a fast link when the path of its session is
 * direct over that interface and the packet fits its MTU; everything else is the kernel's to send:
 * it resolves neighbours, fragments, looks into its policies. What arrives is shared out by the
 * kernel before it reaches us (outer_programs.h, outer_filter.h).
 *
 * The kernel confirms a neighbour only for those who send through it. So every few seconds one
 * packet of each path in use takes the raw socket: it keeps a live neighbour's entry alive, makes
 * the kernel find out that a dead one is gone, and lets netfilter and accounting see the flow. The
 * packet may arrive a little out of order, which the receiver's reordering hides. */
#include "outer.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datapath.h"
#include "outer_link.h"
#include "outer_programs.h"
#include "outer_raw.h"

enum {
	NO_LINK = 0xff,
	WAYS = CALL_IDS, /* path numbers below: no more paths than calls */
	PEER_BUCKETS = 1024,
	CONFIRM_EVERY_MS = 4000,
	SUSPECTS = 64,      /* that wait to be told; what is more comes back again */
	SORTED_FIRST = 512, /* packets of one call of outer_send; doubles */
};

/* A path as this worker uses it: 44 bytes, since there may be 10,000 of them. Those whose peers
 * have one hash are a list of indices: two peers that share it are suspected together, at the price
 * of a look. */
struct way {
	struct direct_path path; /* where it is direct over one of `links` */
	uint8_t link;            /* position in `links`, or NO_LINK */
	bool used, suspected;
	uint32_t peer_hash, next_same;
	uint32_t confirm_at; /* milliseconds, as far as they fit */
};

static_assert(sizeof(struct way) <= 44, "ten thousand paths stay cheap");

struct outer {
	struct outer_raw *raw;
	const struct outer_link_ops *ops; /* of all links */
	struct outer_link *links[OUTER_LINKS_MAX];
	unsigned interfaces[OUTER_LINKS_MAX];
	unsigned link_count;
	unsigned busy; /* the link that sent most in the last call, and so lends next */
	struct outer_programs *programs;

	struct way *ways; /* WAYS of them; pages are resident as they are used */
	uint32_t suspects[SUSPECTS];
	unsigned suspect_count;
	uint32_t same_peer[PEER_BUCKETS];

	/* Packets of one call, taken apart by link. */
	size_t sorted_max;
	const struct packet **packets;
	const struct direct_path **paths;
	size_t *places;
	uint64_t *refused;
	uint8_t *wheres;
};

const char *outer_kind_name(enum outer_kind kind)
{
	switch (kind) {
	case OUTER_AUTO:
		return "auto";
	case OUTER_RAW:
		return "raw";
	case OUTER_RINGS:
		return "rings";
	case OUTER_XDP:
		return "xdp";
	case OUTER_NONE:
		return "none";
	}
	assert(!"a kind");
	return "";
}

/* ---- opening ---- */

static const struct outer_link_ops *link_ops(enum outer_kind kind)
{
	return kind == OUTER_RINGS ? &outer_rings : kind == OUTER_XDP ? &outer_xdp : NULL;
}

static int open_links(struct outer *o, const struct outer_config *config, char error[256])
{
	const struct outer_choice *choice = config->choice;
	o->ops = choice ? link_ops(choice->kind) : NULL;
	if (!o->ops)
		return 0;
	assert(config->programs && choice->link_count <= OUTER_LINKS_MAX);
	o->programs = config->programs;
	for (unsigned n = 0; n < choice->link_count; n++) {
		struct outer_link_config link = {
			.interface = choice->links[n],
			.position = n,
			.worker = config->worker,
			.workers = config->workers,
			.ttl = config->ttl ? config->ttl : outer_raw_ttl(o->raw),
			.dont_fragment = config->dont_fragment,
			.unqueued = choice->unqueued[n],
			.programs = config->programs,
		};
		int failed = o->ops->open(&o->links[n], &link, error);
		if (failed)
			return failed;
		o->interfaces[n] = choice->links[n];
		o->link_count++;
	}
	return 0;
}

/* Room for `count` packets in one call. */
static bool grow_sorted(struct outer *o, size_t count)
{
	size_t max = o->sorted_max ? o->sorted_max : SORTED_FIRST;
	while (max < count)
		max *= 2;
	if (max == o->sorted_max)
		return true;
	free(o->packets);
	free(o->paths);
	free(o->places);
	free(o->refused);
	free(o->wheres);
	o->packets = calloc(max, sizeof(*o->packets));
	o->paths = calloc(max, sizeof(*o->paths));
	o->places = calloc(max, sizeof(*o->places));
	o->refused = calloc(max / 64, sizeof(*o->refused));
	o->wheres = calloc(max, sizeof(*o->wheres));
	bool there = o->packets && o->paths && o->places && o->refused && o->wheres;
	o->sorted_max = there ? max : 0;
	return there;
}

int outer_open(struct outer **out, const struct outer_config *config, char error[256])
{
	struct outer *o = calloc(1, sizeof(*o));
	if (o)
		o->ways = calloc(WAYS, sizeof(*o->ways));
	if (!o || !o->ways || !grow_sorted(o, 1)) {
		snprintf(error, 256, "Couldn't open the outer link: out of memory");
		outer_close(o);
		return -ENOMEM;
	}
	bool none = config->choice && config->choice->kind == OUTER_NONE;
	int failed = none ? 0 : outer_raw_open(&o->raw, config, error);
	if (!failed)
		failed = open_links(o, config, error);
	if (failed) {
		outer_close(o);
		return failed;
	}
	*out = o;
	return 0;
}

void outer_close(struct outer *o)
{
	if (!o)
		return;
	for (unsigned n = 0; n < OUTER_LINKS_MAX; n++)
		if (o->links[n])
			o->ops->close(o->links[n]);
	outer_raw_close(o->raw);
	free(o->ways);
	free(o->packets);
	free(o->paths);
	free(o->places);
	free(o->refused);
	free(o->wheres);
	free(o);
}

size_t outer_sources(const struct outer *o, int descriptors[OUTER_SOURCES_MAX])
{
	static_assert(RAW_SOURCES + OUTER_LINKS_MAX <= OUTER_SOURCES_MAX, "every source has room");
	if (!o->raw)
		return 0;
	for (unsigned i = 0; i < RAW_SOURCES; i++)
		descriptors[i] = outer_raw_descriptor(o->raw, (enum raw_source)i);
	for (unsigned n = 0; n < o->link_count; n++)
		descriptors[RAW_SOURCES + n] = o->ops->descriptor(o->links[n]);
	return RAW_SOURCES + o->link_count;
}

/* ---- paths ---- */

static uint32_t hash_peer(const struct address *peer)
{
	uint32_t hash = peer->family;
	for (size_t i = 0; i < (peer->family == 4 ? 4 : 16); i++)
		hash = (hash ^ peer->bytes[i]) * 0x01000193;
	return hash ^ hash >> 16;
}

static struct way *way_of(struct outer *o, uint32_t index)
{
	return index && index < WAYS && o->ways[index].used ? &o->ways[index] : NULL;
}

static void forget_way(struct outer *o, uint32_t index)
{
	struct way *way = &o->ways[index];
	uint32_t *at = &o->same_peer[way->peer_hash % PEER_BUCKETS];
	while (*at != index)
		at = &o->ways[*at].next_same;
	*at = way->next_same;
	way->used = false;
}

/* The position of the link that a path is direct over. */
static uint8_t link_of(const struct outer *o, const struct path *path)
{
	for (unsigned n = 0; path->direct && n < o->link_count; n++)
		if (o->interfaces[n] == path->link)
			return (uint8_t)n;
	return NO_LINK;
}

void outer_path(struct outer *o, uint32_t index, const struct path *path)
{
	if (way_of(o, index))
		forget_way(o, index);
	if (!path || !index || index >= WAYS)
		return;
	struct way *way = &o->ways[index];
	*way = (struct way){
		.link = link_of(o, path),
		.used = true,
		.suspected = way->suspected,
		.peer_hash = hash_peer(&path->peer),
	};
	if (way->link != NO_LINK)
		way->path = direct_path_of(path);
	uint32_t *bucket = &o->same_peer[way->peer_hash % PEER_BUCKETS];
	way->next_same = *bucket;
	*bucket = index;
}

static void suspect_peer(struct outer *o, const struct address *peer)
{
	uint32_t hash = hash_peer(peer);
	for (uint32_t i = o->same_peer[hash % PEER_BUCKETS]; i; i = o->ways[i].next_same) {
		struct way *way = &o->ways[i];
		if (way->suspected || way->peer_hash != hash || o->suspect_count == SUSPECTS)
			continue;
		way->suspected = true;
		o->suspects[o->suspect_count++] = i;
	}
}

uint32_t outer_suspect(struct outer *o)
{
	while (o->suspect_count) {
		uint32_t index = o->suspects[--o->suspect_count];
		o->ways[index].suspected = false;
		if (way_of(o, index))
			return index;
	}
	return 0;
}

void outer_claim(
	struct outer *o, uint16_t call_id, const struct address *local, const struct address *peer)
{
	if (o->link_count)
		outer_programs_claim(o->programs, call_id, local, peer);
}

void outer_release(struct outer *o, uint16_t call_id)
{
	if (o->link_count)
		outer_programs_release(o->programs, call_id);
}

/* ---- receiving ---- */

static size_t receive_raw(
	struct outer *o, enum raw_source source, struct gre_datagram datagrams[BATCH_MAX])
{
	struct address peers[RAW_RETURNED_MAX];
	size_t count = outer_raw_receive(o->raw, source, datagrams);
	if (count == BATCH_MAX)
		return count; /* errors can wait: nothing is lost by them */
	size_t returned = outer_raw_returned(o->raw, source, peers);
	for (size_t i = 0; i < returned; i++)
		suspect_peer(o, &peers[i]);
	return count;
}

size_t outer_receive(struct outer *o, unsigned source, struct gre_datagram datagrams[BATCH_MAX])
{
	if (source < RAW_SOURCES)
		return receive_raw(o, (enum raw_source)source, datagrams);
	assert(source - RAW_SOURCES < o->link_count);
	return o->ops->receive(o->links[source - RAW_SOURCES], datagrams);
}

/* ---- sending ---- */

void outer_lend(struct outer *o, struct packet_list *list)
{
	if (o->link_count)
		o->ops->lend(o->links[o->busy], list);
}

/* The link for one packet, with its path in *path; NO_LINK: the raw socket. */
static uint8_t choose_link(
	struct outer *o, const struct packet *packet, uint32_t now, const struct direct_path **path)
{
	struct way *way = way_of(o, packet->datapath->path);
	if (!way || way->link == NO_LINK || packet->control ||
		!outer_link_takes(packet, &way->path))
		return NO_LINK;
	if (!way->confirm_at || (int32_t)(now - way->confirm_at) >= 0) {
		way->confirm_at = (now + CONFIRM_EVERY_MS) | 1; /* 0: never yet */
		return NO_LINK;
	}
	*path = &way->path;
	return way->link;
}

static void refuse(uint64_t *refused, size_t place)
{
	refused[place / 64] |= UINT64_C(1) << place % 64;
}

/* Sends those whose place in the call is given (NULL: all of them), by the raw sockets. Control
 * frames are few, so a batch seldom ends at one. */
static void send_raw(struct outer *o, const struct packet *const *packets, const size_t *places,
	size_t count, uint64_t *refused)
{
	for (size_t at = 0, size; at < count; at += size) {
		bool control = packets[at]->control;
		for (size = 1; size < BATCH_MAX && at + size < count; size++)
			if (packets[at + size]->control != control)
				break;
		uint64_t bits = outer_raw_send(o->raw, packets + at, size, control);
		for (size_t i = 0; bits && i < size; i++)
			if (bits >> i & 1)
				refuse(refused, places ? places[at + i] : at + i);
	}
}

static void send_link(struct outer *o, unsigned link, size_t count, uint64_t *refused)
{
	memset(o->refused, 0, (count + 63) / 64 * sizeof(*o->refused));
	o->ops->send(o->links[link], o->packets, o->paths, count, o->refused);
	for (size_t i = 0; i < count; i++)
		if (o->refused[i / 64] >> i % 64 & 1)
			refuse(refused, o->places[i]);
}

/* The packets of one call that go to `where`, in their order. */
static size_t pick(
	struct outer *o, const struct packet *const *packets, size_t count, uint8_t where)
{
	size_t picked = 0;
	for (size_t i = 0; i < count; i++) {
		if (o->wheres[i] != where)
			continue;
		o->packets[picked] = packets[i];
		o->paths[picked] =
			where == NO_LINK ? NULL : &way_of(o, packets[i]->datapath->path)->path;
		o->places[picked++] = i;
	}
	return picked;
}

void outer_send(struct outer *o, const struct packet *const *packets, size_t count, uint64_t now,
	uint64_t *refused)
{
	size_t by_raw = 0, picked;
	memset(refused, 0, (count + 63) / 64 * sizeof(*refused));
	if (!o->link_count || (count > o->sorted_max && !grow_sorted(o, count))) {
		send_raw(o, packets, NULL, count, refused);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		o->wheres[i] = choose_link(o, packets[i], (uint32_t)(now / 1000), &o->paths[i]);
		by_raw += o->wheres[i] == NO_LINK;
	}
	if (!by_raw && o->link_count == 1) {
		o->ops->send(o->links[0], packets, o->paths, count, refused);
		return;
	}
	/* First what is waited for, and what others copy: then frames change hands with those of
	 * the link that lent them. */
	unsigned lender = o->busy;
	size_t most = 0;
	picked = by_raw ? pick(o, packets, count, NO_LINK) : 0;
	send_raw(o, o->packets, o->places, picked, refused);
	for (unsigned n = 1; n <= o->link_count; n++) {
		unsigned link = (lender + n) % o->link_count;
		picked = pick(o, packets, count, (uint8_t)link);
		if (picked)
			send_link(o, link, picked, refused);
		if (picked > most) {
			most = picked;
			o->busy = link;
		}
	}
}
