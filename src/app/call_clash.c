/* Two calls that a peer's NAT cannot tell apart (see call_clash.h).
 *
 * GRE to a client is addressed by its outer address and its Call ID (RFC 2637 §4.1). Two clients
 * behind one NAT share the address. A NAT that tracks PPTP gives them different Call IDs; without
 * that, two calls with one ID are one flow, and each would get what is meant for the other. */
#include "call_clash.h"

static uint32_t bucket_of(const struct address *outer, uint16_t peer_call_id)
{
	uint32_t hash = 0x811c9dc5u ^ peer_call_id;
	for (unsigned i = 0; i < (outer->family == 4 ? 4 : 16); i++)
		hash = (hash ^ outer->bytes[i]) * 0x01000193u;
	return (hash ^ hash >> 15) % CALL_CLASH_BUCKETS;
}

static struct seat *seat_at(const struct seats *seats, uint32_t index)
{
	return &seats->blocks[index / SEATS_PER_BLOCK][index % SEATS_PER_BLOCK];
}

struct seat *call_clash_find(const struct call_clash *clash, const struct seats *seats,
	const struct address *outer, uint16_t peer_call_id, const struct peer *except)
{
	uint32_t next = clash->first[bucket_of(outer, peer_call_id)];
	while (next) {
		struct seat *seat = seat_at(seats, next - 1);
		if (seat->peer_call_id == peer_call_id && address_equal(&seat->outer, outer) &&
			seat->peer != except)
			return seat;
		next = seat->next_alike;
	}
	return NULL;
}

void call_clash_add(struct call_clash *clash, struct seat *seat)
{
	uint32_t *first = &clash->first[bucket_of(&seat->outer, seat->peer_call_id)];
	seat->next_alike = *first;
	*first = seat->index + 1;
	seat->alike_listed = true;
}

void call_clash_remove(struct call_clash *clash, const struct seats *seats, struct seat *seat)
{
	uint32_t *at = &clash->first[bucket_of(&seat->outer, seat->peer_call_id)];
	if (!seat->alike_listed)
		return;
	while (*at != seat->index + 1)
		at = &seat_at(seats, *at - 1)->next_alike;
	*at = seat->next_alike;
	seat->alike_listed = false;
}
