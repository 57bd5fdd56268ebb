/* From the outboxes of the link and the unit to data-path commands and facts.
 *
 * The order of the items is the order of the commands: the receive key stands before the frame
 * that lets the peer encrypt, an epoch before the first frame of the new negotiation, and the data
 * path executes commands one after the other (RFC 3078 §6, RFC 1661 §3.1 on renegotiation). Every
 * frame is said twice, once as a command and once for the log.
 */
#include "translate.h"

#include <assert.h>
#include <string.h>

#include "digest.h"
#include "services.h"
#include "text.h"
#include "tunnel.h"

void emit_command(struct session *session, const struct datapath_command *command,
	const uint8_t *frame, size_t length, struct outbox *out)
{
	struct writer w = outbox_open(out, sizeof *command + length);
	struct datapath_command whole = *command;
	whole.subject = session->subject;
	whole.epoch = session->epoch;
	write_bytes(&w, &whole, sizeof whole);
	secret_wipe(&whole, sizeof whole);
	write_bytes(&w, frame, length);
	outbox_close(out, TUNNEL_COMMAND, &w)->subject = session->subject;
}

void emit_drop(struct session *session, enum drop drop, struct outbox *out)
{
	assert(drop >= DROP_PACKETS);
	session->drops[drop - DROP_PACKETS]++;
	struct out_item *item = outbox_add(out, TUNNEL_DROP, NULL, 0);
	item->subject = session->subject;
	item->arg = (uint16_t)drop;
}

void emit_note(uint32_t subject, bool warning, const char *text, size_t length, struct outbox *out)
{
	struct out_item *item = outbox_add(out, TUNNEL_NOTE, text, length);
	item->subject = subject;
	item->arg = warning;
}

void emit_gre_silence(const struct session *session, struct outbox *out)
{
	char line[400];
	struct text t = text_over(line, sizeof line);
	text_add(&t, "TCP 1723 works, ");
	text_unsigned(
		&t, session->config->relay ? session->packets.packets_out : session->frames_sent);
	text_add(&t,
		" GRE sent, 0 received: GRE (IP protocol 47) is blocked, or a NAT on the way "
		"lacks PPTP tracking; on a Linux NAT: modprobe nf_conntrack_pptp; nft 'table ip "
		"pptp { ct helper pptp { type \"pptp\" protocol tcp; }; chain track { type "
		"filter hook prerouting priority filter; tcp dport 1723 ct helper set "
		"\"pptp\"; }; }'");
	emit_note(session->subject, true, line, t.used, out);
}

void emit_traffic_limit(const struct session *session, struct outbox *out)
{
	char line[80];
	struct text t = text_over(line, sizeof line);
	text_add(&t, "Traffic limit reached. Limit: ");
	text_unsigned(&t, session->config->max_octets);
	text_add(&t, " Used: ");
	text_unsigned(&t, session->octets);
	emit_note(session->subject, false, line, t.used, out);
}

void emit_frame(struct session *session, const uint8_t *frame, size_t length, struct outbox *out)
{
	struct out_item *item = outbox_add(out, TUNNEL_PPP, frame, length);
	item->subject = session->subject;
	item->arg = 1;
	struct datapath_command command = {.kind = DATAPATH_FRAME};
	command.frame.length = (uint16_t)length;
	emit_command(session, &command, frame, length, out);
	session->frames_sent++;
	session->frames.packets_out++;
	session->frames.octets_out += (uint32_t)length;
}

void emit_start_keys(
	struct session *session, const struct mppe_start_keys *keys, struct outbox *out)
{
	struct datapath_command command = {.kind = DATAPATH_START_KEYS, .key = {.keys = *keys}};
	emit_command(session, &command, NULL, 0, out);
	secret_wipe(&command.key, sizeof command.key);
}

/* A question or an event that goes up as it is. */
static void emit_copy(struct session *session, uint16_t kind, const struct outbox *items,
	const struct out_item *from, struct outbox *out)
{
	struct out_item *item = outbox_add(out, kind, outbox_bytes(items, from), from->length);
	item->subject = session->subject;
	item->arg = from->arg;
	item->token = from->token;
}

/* A link of a bundle leaves it; the bundle's unit goes on. */
static void leave(struct session *session, struct outbox *out)
{
	struct out_item *item = outbox_add(out, TUNNEL_LEAVE, NULL, 0);
	item->subject = session->subject;
	item->arg = session->closing != CLOSE_NONE ? (uint16_t)session->closing
						   : (uint16_t)CLOSE_PEER_TERMINATED;
	session->bundle = 0;
	session->up_since = 0;
	if (session->state == SESSION_UP)
		session->state = SESSION_STARTING;
}

void session_unit_down(struct session *session, uint64_t now, struct outbox *out)
{
	if (session->bundle && session->bundle != session->subject)
		leave(session, out);
	OUTBOX(items, UNIT_OUT_ITEMS, UNIT_OUT_BYTES);
	unit_down(&session->unit, now, &items);
	translate_unit(session, &items, now, out);
}

static void emit_framing(struct session *session, const struct link_framing *framing, uint16_t mtu,
	struct outbox *out)
{
	struct datapath_command command = {.kind = DATAPATH_FRAMING};
	command.framing.send_mru = framing->peer_mru;
	command.framing.receive_mru = framing->our_mru;
	command.framing.mtu = mtu;
	command.framing.compress_protocol = framing->compress_protocol;
	command.framing.compress_address = framing->compress_address;
	command.framing.multilink = link_bundles(&session->link);
	command.framing.send_accm = framing->send_accm;
	command.framing.receive_accm = framing->receive_accm;
	command.framing.send_fcs = framing->send_fcs;
	command.framing.receive_fcs = framing->receive_fcs;
	emit_command(session, &command, NULL, 0, out);
}

void emit_first_framing(struct session *session, struct outbox *out)
{
	struct link_framing framing = link_first_framing(&session->link);
	emit_framing(session, &framing, SESSION_MTU_DEFAULT, out);
}

/* LCP left Opened: whatever was agreed is void, and so is what the data path still holds of it. */
static void take_epoch(struct session *session, uint32_t epoch, uint64_t now, struct outbox *out)
{
	session->epoch = epoch;
	struct datapath_command command = {.kind = DATAPATH_EPOCH};
	emit_command(session, &command, NULL, 0, out);
	if (session->config->line)
		emit_first_framing(session, out);
	session_unit_down(session, now, out);
	/* A peer that starts over and over gets no new time for it. */
	if (session->setup_by == NEVER && session->state != SESSION_FINISHING)
		session->setup_by = now + SESSION_SETUP_MAX;
}

static void take_framing(struct session *session, const struct out_item *item,
	const struct outbox *items, struct outbox *out)
{
	struct link_framing framing;
	assert(item->length == sizeof framing);
	memcpy(&framing, outbox_bytes(items, item), sizeof framing);
	const struct session_config *config = session->config;
	bool ecp = config->unit.ecp_key.length;
	bool shared = config->unit.mppe_allow || config->unit.compress.transmit[CODEC_MPPC];
	uint16_t overhead = ecp ? ECP_OVERHEAD : shared ? MPPE_OVERHEAD : 0;
	uint16_t mtu = config->mtu ? config->mtu : (uint16_t)SESSION_MTU_DEFAULT;
	if (ecp && !config->mtu)
		mtu -= ECP_OVERHEAD - MPPE_OVERHEAD; /* which is part of the default */
	if (mtu > framing.peer_mru - overhead)
		mtu = (uint16_t)(framing.peer_mru - overhead);
	session->facts.peer_mru = framing.peer_mru;
	session->facts.our_mru = framing.our_mru;
	session->facts.mtu = mtu;
	unit_mtu(&session->unit, mtu);
	session->lcp_opened = true;
	emit_framing(session, &framing, mtu, out);
}

static void take_identity(struct session *session, const struct out_item *item,
	const struct outbox *from, uint64_t now, struct outbox *out)
{
	struct link_identity identity;
	assert(item->length == sizeof identity);
	memcpy(&identity, outbox_bytes(from, item), sizeof identity);
	struct session_facts *facts = &session->facts;
	facts->method =
		identity.peer_method != AUTH_NONE ? identity.peer_method : identity.our_method;
	if (link_bundles(&session->link)) {
		secret_wipe(&identity.keys, sizeof identity.keys);
		emit_copy(session, TUNNEL_JOIN, from, item, out);
		return;
	}
	emit_start_keys(session, &identity.keys, out);
	OUTBOX(items, UNIT_OUT_ITEMS, UNIT_OUT_BYTES);
	unit_up(&session->unit, &identity.keys, now, &items);
	secret_wipe(&identity.keys, sizeof identity.keys);
	translate_unit(session, &items, now, out);
}

static void take_closed(
	struct session *session, enum close_reason reason, uint64_t now, struct outbox *out)
{
	session->link_alive = false;
	session->hang_up = true;
	session->state = SESSION_FINISHING;
	if (session->closing == CLOSE_NONE) {
		bool unheard = reason == CLOSE_LCP_TIMEOUT && session_unheard(session);
		session->closing = unheard ? CLOSE_LCP_NO_GRE : reason;
		if (unheard)
			emit_gre_silence(session, out);
	}
	session_unit_down(session, now, out);
}

static void take_rejected(
	struct session *session, uint16_t protocol, uint64_t now, struct outbox *out)
{
	if (session->bundle) {
		struct out_item *item = outbox_add(out, TUNNEL_UNIT_REJECTED, NULL, 0);
		item->subject = session->subject;
		item->arg = protocol;
		return;
	}
	OUTBOX(items, UNIT_OUT_ITEMS, UNIT_OUT_BYTES);
	unit_rejected(&session->unit, protocol, now, &items);
	translate_unit(session, &items, now, out);
}

void translate_link(
	struct session *session, const struct outbox *items, uint64_t now, struct outbox *out)
{
	for (uint32_t i = 0; i < items->item_count; i++) {
		const struct out_item *item = &items->items[i];
		const uint8_t *bytes = outbox_bytes(items, item);
		switch ((enum link_out)item->kind) {
		case LINK_FRAME:
			emit_frame(session, bytes, item->length, out);
			break;
		case LINK_EPOCH:
			take_epoch(session, item->token, now, out);
			break;
		case LINK_FRAMING:
			take_framing(session, item, items, out);
			break;
		case LINK_CREDENTIALS:
			emit_copy(session, TUNNEL_CREDENTIALS, items, item, out);
			break;
		case LINK_TLS:
			emit_copy(session, TUNNEL_TLS, items, item, out);
			break;
		case LINK_RENEWED:
			session->facts.renewed = true;
			break;
		case LINK_NETWORK:
			take_identity(session, item, items, now, out);
			break;
		case LINK_ANSWERED:
			outbox_add(out, TUNNEL_ANSWERED, NULL, 0)->subject = session->subject;
			break;
		case LINK_REJECTED:
			take_rejected(session, item->arg, now, out);
			break;
		case LINK_CLOSED:
			take_closed(session, (enum close_reason)item->arg, now, out);
			break;
		case LINK_DROP:
			emit_drop(session, (enum drop)item->arg, out);
			break;
		case LINK_NOTE:
			emit_copy(session, TUNNEL_NOTE, items, item, out);
			break;
		}
	}
	secret_wipe(items->arena, items->arena_used); /* passwords and keys went through it */
}

static void take_key(struct session *session, enum datapath_command_kind kind,
	const struct out_item *item, const struct outbox *items, struct outbox *out)
{
	struct unit_key key;
	assert(item->length == sizeof key);
	memcpy(&key, outbox_bytes(items, item), sizeof key);
	struct datapath_command command = {.kind = kind};
	command.key.keys = key.keys;
	command.key.strength = key.strength;
	command.key.stateless = key.stateless;
	emit_command(session, &command, NULL, 0, out);
	secret_wipe(&key, sizeof key);
	secret_wipe(&command.key, sizeof command.key);
}

static bool same_vj(const struct ipcp_vj *a, const struct ipcp_vj *b)
{
	return a->slots == b->slots && a->omit_slot == b->omit_slot;
}

static void emit_headers(
	struct session *session, bool transmit, const struct ipcp_vj *vj, struct outbox *out)
{
	struct datapath_command command = {.kind = DATAPATH_HEADERS};
	command.headers.transmit = transmit;
	command.headers.slots = vj->slots;
	command.headers.omit_slot = vj->omit_slot;
	emit_command(session, &command, NULL, 0, out);
}

/* Behind the Configure-Ack that lets the peer take them. */
static void compress_headers(struct session *session, struct outbox *out)
{
	const struct ipcp_vj *vj = &session->facts.network.transmit_vj;
	if (same_vj(vj, &session->sent_vj))
		return;
	session->sent_vj = *vj;
	emit_headers(session, true, vj, out);
}

static void take_cipher(struct session *session, const struct out_item *item,
	const struct outbox *items, struct outbox *out)
{
	struct ecp_cipher cipher;
	assert(item->length == sizeof cipher);
	memcpy(&cipher, outbox_bytes(items, item), sizeof cipher);
	struct datapath_command command = {.kind = DATAPATH_CIPHER};
	command.cipher.transmit = cipher.transmit;
	command.cipher.key = cipher.key;
	memcpy(command.cipher.nonce, cipher.nonce, sizeof command.cipher.nonce);
	emit_command(session, &command, NULL, 0, out);
	secret_wipe(&cipher, sizeof cipher);
	secret_wipe(&command.cipher, sizeof command.cipher);
}

void emit_network(struct session *session, struct outbox *out)
{
	const struct unit_network *network = &session->facts.network;
	struct datapath_command command = {.kind = DATAPATH_NETWORK};
	command.network.ipv4 = network->ipv4;
	command.network.ipv6 = network->ipv6;
	if (network->ipv4) {
		command.network.local4 = address_ipv4(network->local4);
		command.network.remote4 = address_ipv4(network->remote4);
	}
	if (network->ipv6) {
		command.network.remote6 = ipv6cp_link_local(network->remote6);
		command.network.prefixes6[0] = network->prefix6;
		command.network.prefixes6[1] = session->lease.prefix;
	}
	emit_command(session, &command, NULL, 0, out);
}

static void take_codec(struct session *session, const struct out_item *item,
	const struct outbox *items, struct outbox *out)
{
	struct unit_codec codec;
	assert(item->length == sizeof codec);
	memcpy(&codec, outbox_bytes(items, item), sizeof codec);
	if (codec.transmit)
		session->facts.compress = codec.params;
	else
		session->facts.decompress = codec.params;
	struct datapath_command command = {.kind = DATAPATH_COMPRESS};
	command.compress.transmit = codec.transmit;
	command.compress.again = codec.again;
	command.compress.params = codec.params;
	emit_command(session, &command, NULL, 0, out);
}

static void take_network(struct session *session, const struct out_item *item,
	const struct outbox *items, uint64_t now, struct outbox *out)
{
	struct unit_network network;
	assert(item->length == sizeof network);
	memcpy(&network, outbox_bytes(items, item), sizeof network);
	if (!same_vj(&network.receive_vj, &session->facts.network.receive_vj))
		emit_headers(session, false, &network.receive_vj, out);
	session->facts.network = network;
	services_network(session, now);
	emit_network(session, out);
	bool up = network.ipv4 || network.ipv6;
	if (session->state != SESSION_FINISHING)
		session->state = up ? SESSION_UP : SESSION_STARTING;
	if (up && !session->up_since) {
		session->up_since = session->last_active = now;
		session->octets_at = now + session->config->octets_us;
		outbox_add(out, TUNNEL_SESSION_UP, NULL, 0)->subject = session->subject;
	} else if (session->up_since) {
		emit_copy(session, TUNNEL_SESSION_NETWORK, items, item, out);
	}
	if (up)
		session->setup_by = NEVER;
}

/* The item that says the network is up, where it may go first: before the Configure-Ack that lets
 * the peer send, so that a peer that sends at once is met. Not where a transmit key comes with it,
 * because no packet of ours may go before that key. */
static const struct out_item *network_first(const struct outbox *items)
{
	const struct out_item *found = NULL;
	struct unit_network network;
	for (uint32_t i = 0; i < items->item_count; i++) {
		const struct out_item *item = &items->items[i];
		if (item->kind == UNIT_TRANSMIT_KEY || item->kind == UNIT_CIPHER ||
			(item->kind == UNIT_NETWORK && found))
			return NULL;
		if (item->kind == UNIT_NETWORK)
			found = item;
	}
	if (!found)
		return NULL;
	memcpy(&network, outbox_bytes(items, found), sizeof network);
	return network.ipv4 || network.ipv6 ? found : NULL;
}

void translate_unit(
	struct session *session, const struct outbox *items, uint64_t now, struct outbox *out)
{
	const struct out_item *first = network_first(items);
	if (first)
		take_network(session, first, items, now, out);
	for (uint32_t i = 0; i < items->item_count; i++) {
		const struct out_item *item = &items->items[i];
		const uint8_t *bytes = outbox_bytes(items, item);
		switch ((enum unit_out)item->kind) {
		case UNIT_FRAME:
			emit_frame(session, bytes, item->length, out);
			break;
		case UNIT_RECEIVE_KEY:
			take_key(session, DATAPATH_RECEIVE_KEY, item, items, out);
			break;
		case UNIT_TRANSMIT_KEY:
			take_key(session, DATAPATH_TRANSMIT_KEY, item, items, out);
			break;
		case UNIT_CIPHER:
			take_cipher(session, item, items, out);
			break;
		case UNIT_COMPRESS:
			take_codec(session, item, items, out);
			break;
		case UNIT_ADDRESS:
			emit_copy(session, TUNNEL_ADDRESS, items, item, out);
			break;
		case UNIT_NETWORK:
			if (item != first)
				take_network(session, item, items, now, out);
			compress_headers(session, out);
			break;
		case UNIT_FAILED:
			if (session->failing == CLOSE_NONE)
				session->failing = (enum close_reason)item->arg;
			break;
		case UNIT_DROP:
			emit_drop(session, (enum drop)item->arg, out);
			break;
		case UNIT_NOTE:
			emit_copy(session, TUNNEL_NOTE, items, item, out);
			break;
		}
	}
	secret_wipe(items->arena, items->arena_used); /* keys went through it */
}
