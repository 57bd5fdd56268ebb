/* One step of a session, by what it belongs to: a tunnel with its calls, a bundle of links, a line.
 * Each is one call into the room of sessions, whose outbox is then carried out (peer.c). */
#include "bundles.h"
#include "clock.h"
#include "leased.h"
#include "line.h"
#include "peer_inner.h"

void seat_credentials(struct seat *seat, uint32_t token, const struct auth_answer *answer)
{
	struct peer *peer = seat->peer;
	if (!peer)
		return;
	if (peer->line)
		leased_credentials(&seat->session, token, answer, clock_now(), &peer->host->out);
	else
		tunnel_credentials(&peer->tunnel, &seat->session, token, answer, clock_now(),
			&peer->host->out);
	peer_pump(peer);
}

void seat_tls(struct seat *seat, uint32_t token, const struct tls_reply *reply)
{
	struct peer *peer = seat->peer;
	if (!peer)
		return;
	if (peer->line)
		leased_tls(&seat->session, token, reply, clock_now(), &peer->host->out);
	else
		tunnel_tls(
			&peer->tunnel, &seat->session, token, reply, clock_now(), &peer->host->out);
	peer_pump(peer);
}

void seat_addresses(struct seat *seat, uint32_t token, const struct unit_addresses *addresses)
{
	struct peer *peer = seat->peer;
	if (!peer)
		return;
	if (peer->bundle)
		bundle_addresses(
			&peer->bundle->bundle, token, addresses, clock_now(), &peer->host->out);
	else if (peer->line)
		leased_addresses(&seat->session, token, addresses, clock_now(), &peer->host->out);
	else
		tunnel_addresses(&peer->tunnel, &seat->session, token, addresses, clock_now(),
			&peer->host->out);
	peer_pump(peer);
}

void seat_delegate(
	struct seat *seat, const struct delegate_question *question, const struct prefix *prefix)
{
	struct peer *peer = seat->peer;
	if (!peer)
		return;
	if (peer->bundle)
		bundle_delegate(
			&peer->bundle->bundle, question, prefix, clock_now(), &peer->host->out);
	else if (peer->line)
		leased_delegate(&seat->session, question, prefix, clock_now(), &peer->host->out);
	else
		tunnel_delegate(&peer->tunnel, &seat->session, question, prefix, clock_now(),
			&peer->host->out);
	peer_pump(peer);
}

bool seat_probe(struct seat *seat)
{
	struct peer *peer = seat->peer;
	uint64_t now = clock_now();
	bool sent;
	if (!peer)
		return false;
	if (peer->bundle)
		sent = bundle_probe(&peer->bundle->bundle, now, &peer->host->out);
	else if (peer->line)
		sent = leased_probe(&seat->session, now, &peer->host->out);
	else
		sent = tunnel_probe(&peer->tunnel, &seat->session, now, &peer->host->out);
	peer_pump(peer);
	return sent;
}

void seat_close(struct seat *seat, enum close_reason reason)
{
	struct peer *peer = seat->peer;
	if (!peer)
		return;
	if (peer->bundle)
		bundle_close(&peer->bundle->bundle, reason, clock_now(), &peer->host->out);
	else if (peer->line)
		leased_close(&seat->session, reason, clock_now(), &peer->host->out);
	else
		tunnel_close_session(
			&peer->tunnel, &seat->session, reason, clock_now(), &peer->host->out);
	peer_pump(peer);
}

void seat_cut(struct seat *seat, enum close_reason reason)
{
	struct peer *peer = seat->peer;
	if (!peer)
		return;
	if (peer->bundle)
		bundles_cut(seat, reason);
	else if (peer->line || peer->seats == 1)
		peer_lose(peer, reason);
	else
		seat_close(seat, reason);
}

void seat_frame(struct seat *seat, uint32_t epoch, const uint8_t *frame, size_t length)
{
	struct peer *peer = seat->peer;
	if (peer->bundle)
		bundle_frame(
			&peer->bundle->bundle, epoch, frame, length, clock_now(), &peer->host->out);
	else if (peer->line)
		leased_frame(&seat->session, epoch, frame, length, clock_now(), &peer->host->out);
	else
		tunnel_frame(&peer->tunnel, &seat->session, epoch, frame, length, clock_now(),
			&peer->host->out);
	peer_pump(peer);
}

void seat_keys_differ(struct seat *seat)
{
	struct peer *peer = seat->peer;
	if (peer->bundle)
		bundle_keys_differ(&peer->bundle->bundle, clock_now(), &peer->host->out);
	else if (peer->line)
		leased_keys_differ(&seat->session, clock_now(), &peer->host->out);
	else
		tunnel_keys_differ(&peer->tunnel, &seat->session, clock_now(), &peer->host->out);
	peer_pump(peer);
}

void seat_renegotiate(struct seat *seat)
{
	struct peer *peer = seat->peer;
	if (!peer)
		return;
	if (peer->bundle)
		bundle_renegotiate(&peer->bundle->bundle, clock_now(), &peer->host->out);
	else if (peer->line)
		leased_renegotiate(&seat->session, clock_now(), &peer->host->out);
	else
		tunnel_renegotiate(&peer->tunnel, &seat->session, clock_now(), &peer->host->out);
	peer_pump(peer);
}
