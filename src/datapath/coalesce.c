/* Gathering the segments of one flow into super-packets, as a TUN with offloads takes them. The
 * rules are those of the Linux kernel's own receive offload (GRO), so that cutting the super-packet
 * again gives the packets that came: what differs from its predecessor in more than sequence
 * number, IPv4 identification, length and checksum, begins anew.
 *
 * - Addresses, ports, TTL, DSCP and ECN, flow label, acknowledgement, window and options (with
 *   them timestamps) are equal, and the sequence number is the one expected.
 * - Every segment but the last carries as much as the first. One that carries less, or has PSH or
 *   FIN set, ends the run; SYN, RST and URG are never gathered; CWR may only be the first's.
 * - IPv4 identifications go up by one, or stay the same where DF makes them meaningless (RFC 6864
 *   §4.1): cutting then numbers them.
 * - Fragments, IPv4 options, IPv6 extension headers, UDP without checksum and what carries no data
 *   are written as they are. They end the run of their flow, or of all flows when theirs cannot be
 *   told, so that nothing overtakes within a flow.
 *
 * MPPE encrypts with RC4 and no integrity check: a damaged packet decrypts to a packet. A
 * super-packet hides that, as its own checksum is left to the kernel. So the checksums of all
 * segments are verified first; what fails is written alone, for the host to drop and to count. A
 * packet that finds no company is not summed at all: the host does that.
 *
 * Of the 55 to 70 ns a segment of 1400 bytes takes, 34 are its sum; a packet that stays alone costs
 * 14.
 *
 * Open runs stand in a small set-associative table: a flow has four places, and a fifth flow that
 * hashes there takes the place of one of them, which costs that one a new super-packet and nothing
 * else. */
#include "coalesce.h"

#include <assert.h>
#include <string.h>

#include "bytes.h"
#include "checksum.h"
#include "ip_header.h"

enum {
	UDP_SEGMENTS_MAX = 64, /* the least that any kernel with USO takes */
	SETS = 32,
	WAYS = 4,
};

static_assert(WAYS <= 8, "a set's places are the bits of a byte");

/* A packet of a kind that may be gathered, and where its parts are. */
struct segment {
	uint8_t *ip, *transport;
	enum { NOT_SUMMED, SOUND, DAMAGED } sums;
	uint8_t kind;         /* enum offload_kind */
	uint8_t ip_length;    /* bytes of its header */
	uint8_t flags;        /* of TCP */
	uint16_t header;      /* IP and transport header, bytes */
	uint16_t payload;     /* bytes behind them */
	uint16_t transported; /* transport header and payload */
};

/* A super-packet that may still grow. */
struct run {
	struct segment first;
	uint16_t home;     /* its index in `gathered` */
	uint32_t sequence; /* of the segment it waits for */
	uint16_t id;       /* IPv4 identification of its last packet */
	uint16_t id_step;  /* from packet to packet; known from the second on */
};

struct gathering {
	struct coalescer *c;
	uint16_t home[COALESCE_MAX]; /* which of `gathered` each packet went to */
	uint8_t open[SETS];          /* bit n: runs[set][n] is a run */
	uint8_t turn[SETS];          /* the place to take when all are */
	struct run runs[SETS][WAYS];
};

static bool is_ipv4(const struct segment *s)
{
	return s->ip_length == IPV4_HEADER;
}

/* What a packet turns out to be: how much of its flow is known. */
enum shape {
	SHAPE_OTHER,  /* nothing that is gathered here: it shares no flow with what is */
	SHAPE_HIDDEN, /* it may be of any flow: its ports are not where they usually are */
	SHAPE_SEGMENT,
};

static enum shape read_ipv4(struct segment *s, const struct packet *packet, uint8_t *protocol)
{
	const uint8_t *ip = packet->bytes;

	if (packet->length < IPV4_HEADER || get_u16(ip + IPV4_LENGTH) != packet->length)
		return SHAPE_OTHER;
	*protocol = ip[IPV4_PROTOCOL];
	if (ip[0] != 0x45 || get_u16(ip + IPV4_FRAGMENT) & ~IPV4_DONT_FRAGMENT)
		return *protocol == PROTOCOL_TCP || *protocol == PROTOCOL_UDP ? SHAPE_HIDDEN
									      : SHAPE_OTHER;
	s->ip_length = IPV4_HEADER;
	return SHAPE_SEGMENT;
}

/* Headers that may have TCP or UDP behind them (RFC 8200 §4.1). */
static bool is_extension(uint8_t next_header)
{
	switch (next_header) {
	case IPV6_HOP_BY_HOP:
	case IPV6_ROUTING:
	case IPV6_FRAGMENT:
	case IPV6_AUTHENTICATION:
	case IPV6_OPTIONS:
		return true;
	default:
		return false;
	}
}

static enum shape read_ipv6(struct segment *s, const struct packet *packet, uint8_t *protocol)
{
	const uint8_t *ip = packet->bytes;

	if (packet->length < IPV6_HEADER ||
		get_u16(ip + IPV6_LENGTH) != packet->length - IPV6_HEADER)
		return SHAPE_OTHER;
	*protocol = ip[IPV6_NEXT];
	s->ip_length = IPV6_HEADER;
	return is_extension(*protocol) ? SHAPE_HIDDEN : SHAPE_SEGMENT;
}

static enum shape read_tcp(struct segment *s, const struct coalesce_rules *rules)
{
	if (!(is_ipv4(s) ? rules->tcp4 : rules->tcp6))
		return SHAPE_OTHER;
	if (s->transported < TCP_HEADER)
		return SHAPE_HIDDEN;
	uint16_t length = (uint16_t)((s->transport[TCP_OFFSET] >> 4) * 4);
	if (length < TCP_HEADER || length > s->transported)
		return SHAPE_HIDDEN;
	s->kind = is_ipv4(s) ? OFFLOAD_TCP4 : OFFLOAD_TCP6;
	s->flags = s->transport[TCP_FLAGS];
	s->header = s->ip_length + length;
	s->payload = s->transported - length;
	return SHAPE_SEGMENT;
}

static enum shape read_udp(struct segment *s, const struct coalesce_rules *rules)
{
	if (!rules->udp)
		return SHAPE_OTHER;
	if (s->transported < UDP_HEADER || get_u16(s->transport + UDP_LENGTH) != s->transported)
		return SHAPE_HIDDEN;
	s->kind = OFFLOAD_UDP;
	s->flags = 0;
	s->header = s->ip_length + UDP_HEADER;
	s->payload = s->transported - UDP_HEADER;
	return SHAPE_SEGMENT;
}

static enum shape read_segment(
	struct segment *s, const struct coalesce_rules *rules, const struct packet *packet)
{
	uint8_t version = packet->length ? packet->bytes[0] >> 4 : 0, protocol = 0;
	enum shape shape = SHAPE_OTHER;

	if (version == 4)
		shape = read_ipv4(s, packet, &protocol);
	else if (version == 6)
		shape = read_ipv6(s, packet, &protocol);
	if (shape != SHAPE_SEGMENT)
		return shape;
	s->ip = packet->bytes;
	s->transport = s->ip + s->ip_length;
	s->sums = NOT_SUMMED;
	s->transported = (uint16_t)(packet->length - s->ip_length);
	if (protocol == PROTOCOL_TCP)
		return read_tcp(s, rules);
	return protocol == PROTOCOL_UDP ? read_udp(s, rules) : SHAPE_OTHER;
}

/* The sum of the pseudo header (RFC 9293 §3.1, RFC 8200 §8.1). */
static uint64_t pseudo_header(const struct segment *s)
{
	uint64_t sum = s->transported + (s->kind == OFFLOAD_UDP ? PROTOCOL_UDP : PROTOCOL_TCP);

	return is_ipv4(s) ? checksum_add(sum, s->ip + IPV4_SOURCE, 8)
			  : checksum_add(sum, s->ip + IPV6_SOURCE, 32);
}

static bool checksums_hold(const struct segment *s)
{
	if (s->kind == OFFLOAD_UDP && get_u16(s->transport + UDP_CHECKSUM) == 0)
		return false; /* none was taken, so cutting would add one */
	if (is_ipv4(s) && checksum_of(0, s->ip, IPV4_HEADER) != 0xffff)
		return false;
	return checksum_of(pseudo_header(s), s->transport, s->transported) == 0xffff;
}

static bool is_sound(struct segment *s)
{
	if (s->sums == NOT_SUMMED)
		s->sums = checksums_hold(s) ? SOUND : DAMAGED;
	return s->sums == SOUND;
}

static uint64_t load(const uint8_t *bytes, size_t length)
{
	uint64_t value = 0;

	memcpy(&value, bytes, length);
	return value;
}

/* The set of a flow: the highest bits of a product mix best. Peers may aim at one set; all they get
 * is less gathering. */
static unsigned set_of(const struct segment *s)
{
	const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t hash = load(s->transport, 4) * odd;

	if (is_ipv4(s))
		hash ^= load(s->ip + IPV4_SOURCE, 8);
	else
		hash ^= load(s->ip + IPV6_SOURCE + 8, 8) ^ load(s->ip + IPV6_SOURCE + 24, 8);
	return (unsigned)((hash ^ hash >> 32) * odd >> 32) / (UINT32_MAX / SETS + 1);
}

static bool same_flow(const struct segment *a, const struct segment *b)
{
	size_t addresses = is_ipv4(a) ? IPV4_SOURCE : IPV6_SOURCE;

	return a->kind == b->kind && a->ip_length == b->ip_length &&
	       load(a->transport, 4) == load(b->transport, 4) &&
	       memcmp(a->ip + addresses, b->ip + addresses, a->ip_length - addresses) == 0;
}

static unsigned find(const struct gathering *g, unsigned set, const struct segment *s)
{
	unsigned way = 0;

	while (way < WAYS && !(g->open[set] >> way & 1 && same_flow(&g->runs[set][way].first, s)))
		way++;
	return way;
}

/* `packets`: those in the run so far. */
static bool ip_continues(const struct run *run, const struct segment *s, unsigned packets)
{
	const uint8_t *a = run->first.ip, *b = s->ip;

	if (!is_ipv4(s))
		return load(a, 4) == load(b, 4) && a[IPV6_HOP_LIMIT] == b[IPV6_HOP_LIMIT];
	if (a[IPV4_TOS] != b[IPV4_TOS] || a[IPV4_TTL] != b[IPV4_TTL] ||
		load(a + IPV4_FRAGMENT, 2) != load(b + IPV4_FRAGMENT, 2))
		return false;
	uint16_t step = (uint16_t)(get_u16(b + IPV4_ID) - run->id);
	if (packets > 1)
		return step == run->id_step;
	return step == 1 || (step == 0 && get_u16(b + IPV4_FRAGMENT) & IPV4_DONT_FRAGMENT);
}

static bool tcp_continues(const struct run *run, const struct segment *s)
{
	const uint8_t *a = run->first.transport, *b = s->transport;
	uint8_t flags = run->first.flags ^ s->flags;

	return get_u32(b + TCP_SEQUENCE) == run->sequence &&
	       load(a + TCP_ACK_NUMBER, 4) == load(b + TCP_ACK_NUMBER, 4) &&
	       a[TCP_OFFSET] == b[TCP_OFFSET] && !(flags & ~(TCP_FIN | TCP_PSH | TCP_CWR)) &&
	       !(s->flags & TCP_CWR) && load(a + TCP_WINDOW, 2) == load(b + TCP_WINDOW, 2) &&
	       load(a + TCP_URGENT, 2) == load(b + TCP_URGENT, 2) &&
	       memcmp(a + TCP_HEADER, b + TCP_HEADER,
		       (size_t)(s->header - s->ip_length - TCP_HEADER)) == 0;
}

static bool continues(const struct run *run, const struct segment *s, const struct gathered *whole)
{
	if (s->payload == 0 || s->payload > run->first.payload || s->header != run->first.header ||
		whole->length + s->payload > INNER_MAX || !ip_continues(run, s, whole->packets))
		return false;
	return s->kind == OFFLOAD_UDP ? whole->packets < UDP_SEGMENTS_MAX : tcp_continues(run, s);
}

/* Whether more may follow a segment in its run. */
static bool may_grow(const struct run *run, const struct segment *s)
{
	return s->payload == run->first.payload && !(s->flags & (TCP_FIN | TCP_PSH));
}

static bool may_begin(const struct segment *s)
{
	return s->payload > 0 && s->sums != DAMAGED &&
	       !(s->flags & (TCP_SYN | TCP_RST | TCP_URG | TCP_FIN | TCP_PSH));
}

/* Adds a segment to the run it continues. */
static void append(struct gathered *whole, struct run *run, const struct segment *s)
{
	whole->packets++;
	whole->length += s->payload;
	run->sequence += s->payload;
	if (is_ipv4(s)) {
		run->id_step = (uint16_t)(get_u16(s->ip + IPV4_ID) - run->id);
		run->id = get_u16(s->ip + IPV4_ID);
	}
	if (s->kind != OFFLOAD_UDP)
		run->first.transport[TCP_FLAGS] |= s->flags & (TCP_FIN | TCP_PSH);
	if (whole->packets > 2)
		return;
	whole->header_length = s->header;
	whole->offload = (struct offload){
		.kind = s->kind,
		.checksum_missing = true,
		.checksum_start = s->ip_length,
		.checksum_offset = s->kind == OFFLOAD_UDP ? UDP_CHECKSUM : TCP_CHECKSUM,
		.segment = run->first.payload,
	};
}

/* Lets a segment join the run of its flow; a run it does not continue is over. Gives the index of
 * the super-packet. */
static bool join(struct gathering *g, unsigned set, struct segment *s, uint16_t *home)
{
	unsigned way = find(g, set, s);

	if (way == WAYS)
		return false;
	struct run *run = &g->runs[set][way];
	struct gathered *whole = &g->c->gathered[run->home];
	bool joins = continues(run, s, whole) && is_sound(&run->first) && is_sound(s);
	if (joins)
		append(whole, run, s);
	if (!joins || !may_grow(run, s))
		g->open[set] &= (uint8_t) ~(1u << way);
	*home = run->home;
	return joins;
}

/* Begins a run with a packet that joined none. */
static void begin(struct gathering *g, unsigned set, const struct segment *s, uint16_t home)
{
	unsigned way = 0;

	while (way < WAYS && g->open[set] >> way & 1)
		way++;
	if (way == WAYS)
		way = g->turn[set]++ % WAYS;
	g->open[set] |= (uint8_t)(1u << way);
	g->runs[set][way] = (struct run){
		.first = *s,
		.home = home,
		.sequence = get_u32(s->transport + TCP_SEQUENCE) + s->payload,
		.id = get_u16(s->ip + IPV4_ID),
	};
}

/* Which super-packet a packet goes to. */
static uint16_t gather(
	struct gathering *g, const struct coalesce_rules *rules, const struct packet *packet)
{
	struct segment s;
	enum shape shape = read_segment(&s, rules, packet);
	uint16_t home = (uint16_t)g->c->count;

	if (shape == SHAPE_HIDDEN)
		memset(g->open, 0, sizeof(g->open));
	if (shape == SHAPE_SEGMENT) {
		unsigned set = set_of(&s);
		if (join(g, set, &s, &home))
			return home;
		home = (uint16_t)g->c->count;
		if (may_begin(&s))
			begin(g, set, &s, home);
	}
	g->c->gathered[g->c->count++] = (struct gathered){
		.datapath = packet->datapath, .length = packet->length, .packets = 1};
	return home;
}

/* Makes the headers of the first segment those of the whole (RFC 791 §3.1, RFC 8200 §3). */
static void complete(const struct gathered *whole, uint8_t *ip)
{
	struct segment s = {
		.ip = ip,
		.ip_length = (uint8_t)whole->offload.checksum_start,
		.kind = whole->offload.kind,
		.transport = ip + whole->offload.checksum_start,
		.transported = (uint16_t)(whole->length - whole->offload.checksum_start),
	};

	if (is_ipv4(&s)) {
		put_u16(ip + IPV4_LENGTH, (uint16_t)whole->length);
		put_u16(ip + IPV4_CHECKSUM, 0);
		put_u16(ip + IPV4_CHECKSUM, (uint16_t)~checksum_of(0, ip, IPV4_HEADER));
	} else {
		put_u16(ip + IPV6_LENGTH, s.transported);
	}
	if (s.kind == OFFLOAD_UDP)
		put_u16(s.transport + UDP_LENGTH, s.transported);
	put_u16(s.transport + whole->offload.checksum_offset, checksum_fold(pseudo_header(&s)));
}

/* The pieces of each super-packet side by side: the first packet whole, of the others the payload.
 */
static void lay_out(const struct gathering *g, const struct packet *const *packets, size_t count)
{
	struct coalescer *c = g->c;
	uint16_t first = 0;

	for (size_t n = 0; n < c->count; n++) {
		c->gathered[n].first = first;
		first += c->gathered[n].packets;
	}
	for (size_t n = 0; n < count; n++) {
		struct gathered *whole = &c->gathered[g->home[n]];
		size_t skip = whole->count ? whole->header_length : 0;
		if (!skip && whole->offload.kind != OFFLOAD_NONE)
			complete(whole, packets[n]->bytes);
		c->pieces[whole->first + whole->count++] = (struct iovec){
			.iov_base = packets[n]->bytes + skip,
			.iov_len = packets[n]->length - skip,
		};
	}
}

void coalesce(struct coalescer *c, const struct coalesce_rules *rules,
	const struct packet *const *packets, size_t count)
{
	struct gathering g;

	assert(count <= COALESCE_MAX);
	g.c = c;
	memset(g.open, 0, sizeof(g.open));
	memset(g.turn, 0, sizeof(g.turn));
	c->count = 0;
	for (size_t n = 0; n < count; n++)
		g.home[n] = gather(&g, rules, packets[n]);
	lay_out(&g, packets, count);
}
