/* EAP (see eap.h): its packets, its row in the protocol table, and how it prints. The authenticator
 * is in eap_authenticator.c, the peer in eap_peer.c, and the fragments of EAP-TLS in eap_tls.c.
 *
 * RFC 3748 §4: Request and Response carry a type and its data, Success and Failure nothing. The
 * authenticator alone repeats and counts; the peer answers a Request it has seen before as it did
 * then. A name or a value is bounded by what is left of the packet, never by a length in it
 * (CVE-2020-8597).
 *
 * EAP-MS-CHAPv2 (draft-kamath-pppext-eap-mschapv2 §2) is CHAP's packet inside that: code (called
 * OpCode), identifier, length, and from there on the same bytes. Its length says nothing that EAP's
 * own does not, and there are servers that fill it in wrongly: it is written, and not read. */
#include "eap.h"

#include "eap_inner.h"
#include "link_inner.h"
#include "protocol.h"

enum { MS_HEADER = 4, MS_LENGTH_AT = 2 + 4 + 1 + 2, EAP_AT = 2 + 4 + 1 };

uint8_t eap_type_of(enum auth_method method)
{
	if (method == AUTH_EAP_MD5)
		return EAP_TYPE_MD5;
	if (method == AUTH_EAP_TLS)
		return EAP_TYPE_TLS;
	return method == AUTH_EAP_MSCHAPV2 ? EAP_TYPE_MSCHAPV2 : 0;
}

enum auth_method eap_method_of(uint8_t type)
{
	if (type == EAP_TYPE_MD5)
		return AUTH_EAP_MD5;
	if (type == EAP_TYPE_TLS)
		return AUTH_EAP_TLS;
	return type == EAP_TYPE_MSCHAPV2 ? AUTH_EAP_MSCHAPV2 : AUTH_NONE;
}

struct writer eap_ms_open(
	const struct turn *turn, enum eap_code code, uint8_t id, uint8_t opcode, uint8_t ms_id)
{
	struct writer w = packet_open(turn, EAP, (uint8_t)code, id);
	write_u8(&w, EAP_TYPE_MSCHAPV2);
	write_u8(&w, opcode);
	write_u8(&w, ms_id);
	write_u16(&w, 0);
	return w;
}

void eap_ms_close(const struct turn *turn, struct writer *w)
{
	write_patch_u16(w, MS_LENGTH_AT, (uint16_t)(writer_length(w) - EAP_AT));
	packet_close(turn, w);
}

void eap_ms_read(struct reader *r, uint8_t *opcode, uint8_t *ms_id)
{
	*opcode = read_u8(r);
	*ms_id = read_u8(r);
	read_u16(r);
}

static void reset(struct eap *eap)
{
	uint8_t id = eap->theirs.id; /* a new Request never has the identifier of an old one */
	*eap = (struct eap){.theirs = {.id = id, .timer = NEVER}, .ours = {.timer = NEVER}};
}

void eap_start(struct link *link, uint8_t demand, uint8_t prove, const struct turn *turn)
{
	struct eap *eap = &link->eap;
	reset(eap);
	if (prove & AUTH_EAP) {
		eap->ours.state = PROOF_OPEN;
		eap->ours.allowed = prove & AUTH_EAP;
	}
	if (demand & AUTH_EAP) {
		eap->theirs.state = PROOF_OPEN;
		eap->theirs.left = demand & AUTH_EAP;
		eap_ask_identity(link, turn);
	}
}

static void row_init(void *side)
{
	struct link *link = side;
	link->eap = (struct eap){0};
	reset(&link->eap);
}

static bool row_packet(void *side, const struct turn *turn, const struct packet_view *p)
{
	switch (p->code) {
	case EAP_REQUEST:
		eap_input_request(side, p, turn);
		return true;
	case EAP_RESPONSE:
		eap_input_response(side, p, turn);
		return true;
	case EAP_SUCCESS:
		eap_input_success(side, p, turn);
		return true;
	case EAP_FAILURE:
		eap_input_failure(side, p, turn);
		return true;
	default:
		return false;
	}
}

static void row_rejected(void *side, const struct turn *turn)
{
	struct link *link = side;
	link_proof_rejected(link, link->eap.theirs.state, link->eap.ours.state, turn);
}

/* LCP left Opened: whatever was proved holds no longer. */
static void row_lower_down(void *side, const struct turn *turn)
{
	eap_tls_end(side, turn);
	reset(&((struct link *)side)->eap);
}

static uint64_t row_deadline(const void *side)
{
	const struct eap *eap = &((const struct link *)side)->eap;
	uint64_t a = eap_request_deadline(eap), b = eap_success_deadline(eap);
	return a < b ? a : b;
}

static void row_tick(void *side, const struct turn *turn)
{
	struct link *link = side;
	if (turn->now >= eap_success_deadline(&link->eap))
		eap_success_tick(link, turn);
	if (turn->now >= eap_request_deadline(&link->eap))
		eap_request_tick(link, turn);
}

/* Reading aloud. IANA, "EAP Registry, Method Types". */

static void print_type(struct text *t, uint8_t type)
{
	static const struct {
		uint8_t type;
		const char *word;
	} words[] = {{1, "Identity"}, {2, "Notification"}, {3, "Nak"}, {4, "MD5-Challenge"},
		{5, "OTP"}, {6, "GTC"}, {13, "TLS"}, {18, "SIM"}, {21, "TTLS"}, {23, "AKA"},
		{25, "PEAP"}, {26, "MS-CHAPv2"}, {43, "FAST"}, {50, "AKA'"}, {52, "PWD"},
		{55, "TEAP"}, {254, "Expanded"}};
	text_char(t, ' ');
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (words[i].type == type) {
			text_add(t, words[i].word);
			return;
		}
	text_add(t, "type ");
	text_unsigned(t, type);
}

/* A counted value, then a name. With a Response in a log a password could be guessed at leisure. */
static void print_value(struct text *t, struct reader *r, bool hide)
{
	struct reader value = read_slice(r, read_u8(r));
	if (r->failed) {
		text_add(t, " [short]");
		return;
	}
	text_add(t, hide ? " value <hidden>" : " value ");
	if (!hide)
		text_hex_bytes(t, value.at, reader_left(&value));
	text_add(t, " name ");
	text_quoted(t, r->at, reader_left(r));
}

static void print_mschapv2(struct text *t, uint8_t code, struct reader *r)
{
	static const char *const words[] = {" Challenge", " Response", " Success", " Failure", NULL,
		NULL, " Change-Password <hidden>"};
	bool verdict_response = code == EAP_RESPONSE && reader_left(r) == 1;
	uint8_t opcode, ms_id;
	eap_ms_read(r, &opcode, &ms_id);
	if (opcode < MS_CHALLENGE || opcode > MS_CHANGE_PASSWORD || !words[opcode - MS_CHALLENGE]) {
		text_add(t, " opcode ");
		text_unsigned(t, opcode);
		return;
	}
	text_add(t, words[opcode - MS_CHALLENGE]);
	if (verdict_response || opcode == MS_CHANGE_PASSWORD)
		return;
	if (r->failed) {
		text_add(t, " [short]");
	} else if (opcode <= MS_RESPONSE) {
		print_value(t, r, opcode == MS_RESPONSE);
	} else {
		text_char(t, ' ');
		text_quoted(t, r->at, reader_left(r));
	}
}

/* RFC 5216 §3.1: flags, the length of the whole message, and a piece of it. */
static void print_tls(struct text *t, struct reader *r)
{
	uint8_t flags = read_u8(r);
	if (flags & EAP_TLS_START)
		text_add(t, " start");
	if (flags & EAP_TLS_LENGTH) {
		text_add(t, " length ");
		text_unsigned(t, read_u32(r));
	}
	if (flags & EAP_TLS_MORE)
		text_add(t, " more");
	if (r->failed) {
		text_add(t, " [short]");
	} else if (reader_left(r)) {
		text_char(t, ' ');
		text_unsigned(t, reader_left(r));
		text_add(t, " bytes");
	} else if (!flags) {
		text_add(t, " ack");
	}
}

/* A vendor's type. True for the IETF's third, the Expanded Nak: types follow it. */
static bool print_expanded(struct text *t, struct reader *r)
{
	uint32_t vendor = read_u8(r);
	vendor = vendor << 16 | read_u16(r);
	uint32_t type = read_u32(r);
	if (r->failed) {
		text_add(t, " [short]");
	} else if (!vendor && type < EAP_TYPE_EXPANDED) {
		print_type(t, (uint8_t)type);
	} else {
		text_add(t, " vendor ");
		text_unsigned(t, vendor);
		text_add(t, " type ");
		text_unsigned(t, type);
	}
	return !r->failed && !vendor && type == EAP_TYPE_NAK;
}

static void print_typed(struct text *t, uint8_t code, struct reader r)
{
	uint8_t type = read_u8(&r);
	if (r.failed) {
		text_add(t, " [short]");
		return;
	}
	print_type(t, type);
	switch (type) {
	case EAP_TYPE_IDENTITY:
	case EAP_TYPE_NOTIFICATION:
		text_char(t, ' ');
		text_quoted(t, r.at, reader_left(&r));
		break;
	case EAP_TYPE_NAK:
		while (reader_left(&r))
			print_type(t, read_u8(&r));
		break;
	case EAP_TYPE_MD5:
		print_value(t, &r, code == EAP_RESPONSE);
		break;
	case EAP_TYPE_TLS:
		print_tls(t, &r);
		break;
	case EAP_TYPE_EXPANDED:
		if (print_expanded(t, &r))
			while (reader_left(&r) && read_u8(&r) == EAP_TYPE_EXPANDED)
				print_expanded(t, &r);
		break;
	case EAP_TYPE_MSCHAPV2:
		print_mschapv2(t, code, &r);
		break;
	default:
		text_char(t, ' ');
		text_unsigned(t, reader_left(&r));
		text_add(t, " bytes");
		break;
	}
}

static void row_print(struct text *t, const uint8_t *packet, size_t length)
{
	static const char *const words[] = {"Request", "Response", "Success", "Failure"};
	struct packet_view p;
	if (!packet_read(&p, packet, length) || p.code < EAP_REQUEST || p.code > EAP_FAILURE) {
		print_unknown(t, packet, length);
		return;
	}
	text_add(t, words[p.code - EAP_REQUEST]);
	text_add(t, " id ");
	text_unsigned(t, p.id);
	if (p.code <= EAP_RESPONSE)
		print_typed(t, p.code, reader_over(p.body, p.length));
}

const struct protocol_ops eap_protocol = {
	.init = row_init,
	.packet = row_packet,
	.rejected = row_rejected,
	.lower_down = row_lower_down,
	.tick = row_tick,
	.deadline = row_deadline,
	.print = row_print,
};
