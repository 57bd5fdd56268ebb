/* VJ header compression (see vj.h). RFC 1144 §3.2 (what is sent), §4 (errors), appendix A;
 * RFC 1332 §4 (on PPP).
 *
 * Both ends keep the headers of the last packet of each connection. Of the next one only what
 * changed is sent, as differences:
 *
 *     changes | slot, if C | TCP checksum | urgent, window, ack, sequence, IP ID, each if its bit |
 *     data
 *
 * Two impossible sets of changes stand for the commonest ones: SWU for the echo of what was typed
 * (sequence and acknowledgement both moved by the data of the packet before), SAWU for the next
 * packet of a bulk transfer. What seldom changes in mid-connection is not sent as a difference: the
 * packet goes whole, and is the new memory. So does whatever looks like a retransmission, since the
 * far end may have lost the one before. SYN, FIN, RST and fragments are not ours.
 *
 * A lost packet leaves the far memory behind, and every difference that follows is added to a wrong
 * number. The TCP checksum is the only witness (RFC 1144 §4.2), so it is looked at before anything
 * is delivered, which the RFC leaves to the host. A slot that failed it once is empty until a whole
 * packet fills it again: after many losses wrong numbers can sum up to the right checksum. (What it
 * cannot see at all is an acknowledgement that lags as far as its window leads. To TCP that is an
 * older acknowledgement, and the repetition that asks for the newer one goes whole.) After a loss
 * the slot of a packet that does not name it is not known either; such packets are tossed.
 *
 * Three departures. Flags besides PSH and URG must be unchanged as well, or the packet goes whole:
 * RFC 3168 found uses for two of the reserved bits, which the RFC's own program loses. The two
 * shorthands are not used behind an urgent packet, and clear URG when they come: that program would
 * leave it set. And what arrives whole with a wrong TCP checksum is delivered, as it would be
 * without compression, but not remembered. */
#include "vj.h"

#include <assert.h>

#include "bytes.h"
#include "checksum.h"
#include "ip_header.h"

enum {
	NEW_SLOT = 0x40,
	NEW_ID = 0x20,
	PUSHED = 0x10,
	NEW_SEQUENCE = 0x08,
	NEW_ACK = 0x04,
	NEW_WINDOW = 0x02,
	URGENT = 0x01,
	DIFFERENCES = NEW_SEQUENCE | NEW_ACK | NEW_WINDOW | URGENT,
	ECHOED = NEW_SEQUENCE | NEW_WINDOW | URGENT,
	NEXT_DATA = NEW_SEQUENCE | NEW_ACK | NEW_WINDOW | URGENT,
};

enum { FIXED = IPV4_HEADER + TCP_HEADER, PORTS = 4, ADDRESSES = 8 };

/* The headers of a packet. */
struct headers {
	uint8_t *ip, *tcp;
	size_t length; /* of both */
};

static size_t ip_length(const uint8_t *ip)
{
	return (size_t)(ip[0] & 15) * 4;
}

static size_t tcp_length(const uint8_t *tcp)
{
	return (size_t)(tcp[TCP_OFFSET] >> 4) * 4;
}

/* The headers of a whole TCP packet that fills no more than `length` bytes. The IP protocol field
 * is not looked at: it holds a slot's number in some. */
static bool find_headers(uint8_t *packet, size_t length, struct headers *h)
{
	if (length < FIXED || packet[0] >> 4 != 4 || ip_length(packet) < IPV4_HEADER ||
		ip_length(packet) + TCP_HEADER > length)
		return false;
	h->ip = packet;
	h->tcp = packet + ip_length(packet);
	h->length = ip_length(packet) + tcp_length(h->tcp);
	size_t total = get_u16(packet + IPV4_LENGTH);
	return tcp_length(h->tcp) >= TCP_HEADER && h->length <= total && total <= length &&
	       !(get_u16(packet + IPV4_FRAGMENT) & (IPV4_MORE_FRAGMENTS | IPV4_OFFSET));
}

static struct headers remembered(struct vj_slot *slot)
{
	return (struct headers){slot->header, slot->header + ip_length(slot->header), slot->length};
}

static void remember(struct vj_slot *slot, const struct headers *h)
{
	slot->length = (uint8_t)h->length;
	memcpy(slot->header, h->ip, h->length);
}

/* Bytes of data in the packet that these are the headers of. */
static uint16_t data_of(const struct headers *h)
{
	return (uint16_t)(get_u16(h->ip + IPV4_LENGTH) - h->length);
}

/* Sending. */

size_t vj_sender_size(unsigned slots)
{
	return sizeof(struct vj_sender) + slots * sizeof(struct vj_slot);
}

void vj_sender_init(struct vj_sender *vj, unsigned slots, bool omit_slot)
{
	assert(slots >= VJ_SLOTS_MIN && slots <= VJ_SLOTS_MAX);
	memset(vj, 0, vj_sender_size(slots));
	vj->slots = (uint16_t)slots;
	vj->omit_slot = omit_slot;
	for (unsigned i = 0; i < slots; i++)
		vj->order[i] = (uint8_t)(slots - 1 - i);
}

static bool same_connection(const struct headers *a, const struct headers *b)
{
	return !memcmp(a->ip + IPV4_SOURCE, b->ip + IPV4_SOURCE, ADDRESSES) &&
	       !memcmp(a->tcp, b->tcp, PORTS);
}

/* The slot of this connection, or the one that was not used for longest; now the latest. */
static uint8_t take_slot(struct vj_sender *vj, const struct headers *h, bool *known)
{
	size_t i = 0;

	*known = false;
	for (; i < vj->slots; i++) {
		struct vj_slot *slot = &vj->at[vj->order[i]];
		struct headers old = remembered(slot);
		*known = slot->length && same_connection(&old, h);
		if (*known || i + 1u == vj->slots)
			break;
	}
	uint8_t slot = vj->order[i];
	memmove(vj->order + 1, vj->order, i);
	vj->order[0] = slot;
	return slot;
}

/* Whether all is as it was that no difference is sent of. */
static bool alike(const struct headers *old, const struct headers *new)
{
	size_t ip = ip_length(new->ip), tcp = tcp_length(new->tcp);

	return old->length == new->length && !memcmp(old->ip, new->ip, IPV4_LENGTH) &&
	       !memcmp(old->ip + IPV4_FRAGMENT, new->ip + IPV4_FRAGMENT,
		       IPV4_CHECKSUM - IPV4_FRAGMENT) &&
	       !memcmp(old->ip + IPV4_HEADER, new->ip + IPV4_HEADER, ip - IPV4_HEADER) &&
	       old->tcp[TCP_OFFSET] == new->tcp[TCP_OFFSET] &&
	       !((old->tcp[TCP_FLAGS] ^ new->tcp[TCP_FLAGS]) & ~(TCP_PSH | TCP_URG)) &&
	       !memcmp(old->tcp + TCP_HEADER, new->tcp + TCP_HEADER, tcp - TCP_HEADER);
}

static void write_number(struct writer *w, uint16_t number)
{
	if (number == 0 || number > UINT8_MAX)
		write_u8(w, 0);
	if (number == 0 || number > UINT8_MAX)
		write_u16(w, number);
	else
		write_u8(w, (uint8_t)number);
}

/* A number that only grows, and by less than 65536; false: it did not. */
static bool write_growth(struct writer *w, const struct headers *old, const struct headers *new,
	size_t field, uint8_t bit, uint8_t *changes, uint16_t *growth)
{
	uint32_t by = get_u32(new->tcp + field) - get_u32(old->tcp + field);

	*growth = (uint16_t)by;
	if (by > UINT16_MAX)
		return false;
	if (by) {
		*changes |= bit;
		write_number(w, *growth);
	}
	return true;
}

/* The shorthands of the RFC, and what cannot be told from them or from a retransmission: false. */
static bool shorten(const struct headers *old, const struct headers *new, uint16_t sent,
	uint16_t acked, uint8_t *changes, struct writer *w)
{
	uint16_t before = data_of(old);
	bool calm = !(old->tcp[TCP_FLAGS] & TCP_URG);
	uint8_t shorthand = 0;

	switch (*changes) {
	case 0:
		return before == 0 && data_of(new) != 0;
	case ECHOED:
	case NEXT_DATA:
		return false;
	case NEW_SEQUENCE | NEW_ACK:
		if (sent == acked && sent == before && calm)
			shorthand = ECHOED;
		break;
	case NEW_SEQUENCE:
		if (sent == before && calm)
			shorthand = NEXT_DATA;
		break;
	}
	if (shorthand) {
		*changes = shorthand;
		*w = writer_over(w->start, (size_t)(w->end - w->start));
	}
	return true;
}

/* The differences between two headers of one connection; false: they cannot be told. */
static bool write_differences(
	const struct headers *old, const struct headers *new, uint8_t *changes, struct writer *w)
{
	uint16_t window =
		(uint16_t)(get_u16(new->tcp + TCP_WINDOW) - get_u16(old->tcp + TCP_WINDOW));
	uint16_t id = (uint16_t)(get_u16(new->ip + IPV4_ID) - get_u16(old->ip + IPV4_ID));
	uint16_t urgent = get_u16(new->tcp + TCP_URGENT), sent, acked;

	*changes = 0;
	if (!alike(old, new))
		return false;
	if (new->tcp[TCP_FLAGS] & TCP_URG) {
		*changes |= URGENT;
		write_number(w, urgent);
	} else if (urgent != get_u16(old->tcp + TCP_URGENT)) {
		return false;
	}
	if (window) {
		*changes |= NEW_WINDOW;
		write_number(w, window);
	}
	if (!write_growth(w, old, new, TCP_ACK_NUMBER, NEW_ACK, changes, &acked) ||
		!write_growth(w, old, new, TCP_SEQUENCE, NEW_SEQUENCE, changes, &sent) ||
		!shorten(old, new, sent, acked, changes, w))
		return false;
	if (id != 1) {
		*changes |= NEW_ID;
		write_number(w, id);
	}
	if (new->tcp[TCP_FLAGS] & TCP_PSH)
		*changes |= PUSHED;
	return true;
}

/* Puts the compressed header right in front of the data. */
static void place(struct vj_sender *vj, uint8_t slot, uint8_t changes, const struct writer *numbers,
	const struct headers *h, uint8_t **packet, size_t *length)
{
	uint8_t bytes[VJ_COMPRESSED_MAX];
	struct writer w = writer_over(bytes, sizeof(bytes));
	bool omitted = vj->omit_slot && vj->told && vj->last == slot;

	write_u8(&w, omitted ? changes : changes | NEW_SLOT);
	if (!omitted)
		write_u8(&w, slot);
	write_u16(&w, get_u16(h->tcp + TCP_CHECKSUM));
	write_bytes(&w, numbers->start, writer_length(numbers));
	assert(!w.failed);
	size_t saved = h->length - writer_length(&w);
	*packet += saved;
	*length -= saved;
	memcpy(*packet, bytes, writer_length(&w));
}

uint16_t vj_compress(struct vj_sender *vj, uint8_t **packet, size_t *length)
{
	uint8_t numbers[VJ_COMPRESSED_MAX], changes;
	struct writer w = writer_over(numbers, sizeof(numbers));
	struct headers h;
	bool known;

	if (!find_headers(*packet, *length, &h) || h.ip[IPV4_PROTOCOL] != PROTOCOL_TCP ||
		get_u16(h.ip + IPV4_LENGTH) != *length ||
		(h.tcp[TCP_FLAGS] & (TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK)) != TCP_ACK)
		return VJ_PLAIN;
	uint8_t number = take_slot(vj, &h, &known);
	struct vj_slot *slot = &vj->at[number];
	struct headers old = remembered(slot);
	bool told = known && write_differences(&old, &h, &changes, &w);
	remember(slot, &h);
	if (told)
		place(vj, number, changes, &w, &h, packet, length);
	else
		h.ip[IPV4_PROTOCOL] = number;
	vj->last = number;
	vj->told = true;
	return told ? VJ_COMPRESSED : VJ_UNCOMPRESSED;
}

/* Receiving. */

size_t vj_receiver_size(unsigned slots)
{
	return sizeof(struct vj_receiver) + slots * sizeof(struct vj_slot);
}

void vj_receiver_init(struct vj_receiver *vj, unsigned slots)
{
	assert(slots >= VJ_SLOTS_MIN && slots <= VJ_SLOTS_MAX);
	memset(vj, 0, vj_receiver_size(slots));
	vj->slots = (uint16_t)slots;
	vj->tossing = true;
}

void vj_lost(struct vj_receiver *vj)
{
	vj->tossing = true;
}

static bool refuse(enum drop *why, enum drop reason)
{
	*why = reason;
	return false;
}

/* The slot a packet names, which those that name none will mean. */
static struct vj_slot *name_slot(struct vj_receiver *vj, uint8_t number)
{
	vj->tossing = number >= vj->slots;
	vj->last = number;
	return vj->tossing ? NULL : &vj->at[number];
}

static bool tcp_checksum_holds(const struct headers *h)
{
	size_t length = get_u16(h->ip + IPV4_LENGTH) - (size_t)(h->tcp - h->ip);
	uint64_t sum = checksum_add(PROTOCOL_TCP + length, h->ip + IPV4_SOURCE, ADDRESSES);

	return checksum_of(sum, h->tcp, length) == UINT16_MAX;
}

static bool restore_whole(struct vj_receiver *vj, const uint8_t *from, size_t length, uint8_t *to,
	size_t capacity, size_t *restored, enum drop *why)
{
	struct headers h;

	if (length > capacity)
		return refuse(why, DROP_INNER_SIZE);
	memcpy(to, from, length);
	if (!find_headers(to, length, &h))
		return refuse(why, DROP_VJ_HEADER);
	struct vj_slot *slot = name_slot(vj, to[IPV4_PROTOCOL]);
	if (!slot)
		return refuse(why, DROP_VJ_SLOT);
	slot->length = 0;
	to[IPV4_PROTOCOL] = PROTOCOL_TCP;
	if (checksum_of(0, to, ip_length(to)) != UINT16_MAX)
		return refuse(why, DROP_VJ_HEADER);
	if (tcp_checksum_holds(&h))
		remember(slot, &h);
	*restored = get_u16(to + IPV4_LENGTH);
	return true;
}

static uint16_t read_number(struct reader *r)
{
	uint8_t first = read_u8(r);

	return first ? first : read_u16(r);
}

static void grow(uint8_t *field, uint16_t by)
{
	put_u32(field, get_u32(field) + by);
}

/* Adds the differences to the headers of the packet before. */
static void apply(struct headers *h, uint8_t changes, struct reader *r)
{
	uint8_t differences = changes & DIFFERENCES;
	uint16_t before = data_of(h), id = 1;
	bool shorthand = differences == ECHOED || differences == NEXT_DATA;

	h->tcp[TCP_FLAGS] &= (uint8_t) ~(TCP_PSH | TCP_URG);
	if (changes & PUSHED)
		h->tcp[TCP_FLAGS] |= TCP_PSH;
	if (differences == ECHOED)
		grow(h->tcp + TCP_ACK_NUMBER, before);
	if (shorthand)
		grow(h->tcp + TCP_SEQUENCE, before);
	if (!shorthand && differences & URGENT) {
		h->tcp[TCP_FLAGS] |= TCP_URG;
		put_u16(h->tcp + TCP_URGENT, read_number(r));
	}
	if (!shorthand && differences & NEW_WINDOW)
		put_u16(h->tcp + TCP_WINDOW,
			(uint16_t)(get_u16(h->tcp + TCP_WINDOW) + read_number(r)));
	if (!shorthand && differences & NEW_ACK)
		grow(h->tcp + TCP_ACK_NUMBER, read_number(r));
	if (!shorthand && differences & NEW_SEQUENCE)
		grow(h->tcp + TCP_SEQUENCE, read_number(r));
	if (changes & NEW_ID)
		id = read_number(r);
	put_u16(h->ip + IPV4_ID, (uint16_t)(get_u16(h->ip + IPV4_ID) + id));
}

/* Puts headers and data together, with the lengths and the IP checksum they now have. */
static bool assemble(struct headers *h, const struct reader *data, size_t capacity, size_t *total,
	enum drop *why)
{
	*total = h->length + reader_left(data);
	if (data->failed || *total > UINT16_MAX)
		return refuse(why, DROP_VJ_HEADER);
	if (*total > capacity)
		return refuse(why, DROP_INNER_SIZE);
	memcpy(h->ip + h->length, data->at, reader_left(data));
	put_u16(h->ip + IPV4_LENGTH, (uint16_t)*total);
	put_u16(h->ip + IPV4_CHECKSUM, 0);
	put_u16(h->ip + IPV4_CHECKSUM, (uint16_t)~checksum_of(0, h->ip, ip_length(h->ip)));
	return tcp_checksum_holds(h) || refuse(why, DROP_VJ_CHECKSUM);
}

static bool restore_compressed(struct vj_receiver *vj, const uint8_t *from, size_t length,
	uint8_t *to, size_t capacity, size_t *restored, enum drop *why)
{
	struct reader r = reader_over(from, length);
	uint8_t changes = read_u8(&r);

	if (changes & NEW_SLOT)
		name_slot(vj, read_u8(&r));
	uint16_t checksum = read_u16(&r);
	if (r.failed)
		return refuse(why, DROP_VJ_HEADER);
	struct vj_slot *slot = vj->tossing ? NULL : &vj->at[vj->last];
	if (!slot || !slot->length)
		return refuse(why, DROP_VJ_SLOT);
	size_t known = slot->length;
	slot->length = 0; /* until it is known to be right */
	if (known > capacity)
		return refuse(why, DROP_INNER_SIZE);
	memcpy(to, slot->header, known);
	struct headers h = {to, to + ip_length(to), known};
	put_u16(h.tcp + TCP_CHECKSUM, checksum);
	apply(&h, changes, &r);
	if (!assemble(&h, &r, capacity, restored, why))
		return false;
	remember(slot, &h);
	return true;
}

bool vj_restore(struct vj_receiver *vj, uint16_t protocol, const uint8_t *from, size_t length,
	uint8_t *to, size_t capacity, size_t *restored, enum drop *why)
{
	bool good = protocol == VJ_COMPRESSED
			    ? restore_compressed(vj, from, length, to, capacity, restored, why)
			    : restore_whole(vj, from, length, to, capacity, restored, why);

	if (!good && *why == DROP_VJ_HEADER)
		vj_lost(vj);
	return good;
}
