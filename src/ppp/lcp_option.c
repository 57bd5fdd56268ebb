/* LCP's options (RFC 1661 §6, RFC 1662 §7.1, RFC 1570 §2.1, RFC 1994 §3, RFC 1989 §2.5; multilink's
 * are in lcp_multilink.c): what our Configure-Request holds, how the peer's is judged, and what a
 * Nak or Reject does to our wishes.
 *
 * The others of the IANA list, "PPP LCP Configuration Options", are known by name, for the log and
 * for `dump`, and rejected. */
#include "lcp.h"

#include <assert.h>

#include "link.h"
#include "protocol.h"

enum lcp_option {
	OPTION_MRU = 1,
	OPTION_ACCM = 2,
	OPTION_AUTH = 3,
	OPTION_QUALITY = 4,
	OPTION_MAGIC = 5,
	OPTION_PFC = 7,
	OPTION_ACFC = 8,
	OPTION_FCS = 9,
	OPTION_CALLBACK = 13,
	OPTION_MRRU = 17,
	OPTION_SSNHF = 18,
	OPTION_DISCRIMINATOR = 19,
};

enum ask {
	ASK_MRU = 1 << 0,
	ASK_ACCM = 1 << 1,
	ASK_MAGIC = 1 << 2,
	ASK_PFC = 1 << 3,
	ASK_ACFC = 1 << 4,
};

enum { CALLBACK_BY_CBCP = 6 }; /* RFC 1570 §2.3: the operation; MS-CBCP 2.2.1 */
enum { QUALITY_LENGTH = 8 };   /* of the whole option, with LQR */

enum { CHAP_ALGORITHM_MD5 = 5, CHAP_ALGORITHM_MS = 0x80, CHAP_ALGORITHM_MSV2 = 0x81 };

/* What of a mask goes into one option: its best method, and with one of EAP all of them, because
 * EAP settles for itself which it is (RFC 3748 §5.3.1). */
static uint8_t best_methods(const struct auth_order *order, uint8_t mask)
{
	uint8_t best = (uint8_t)auth_method_best(order, mask);
	return best & AUTH_EAP ? mask & AUTH_EAP : best;
}

/* The value of option 3 (RFC 1661 §6.2, RFC 1994 §3, RFC 3748 §7.2) as a mask; AUTH_NONE for what
 * we do not know. */
static uint8_t read_methods(struct reader value)
{
	uint16_t protocol = read_u16(&value);
	if (value.failed)
		return AUTH_NONE;
	if (protocol == PAP && reader_left(&value) == 0)
		return AUTH_PAP;
	if (protocol == EAP && reader_left(&value) == 0)
		return AUTH_EAP;
	if (protocol != CHAP || reader_left(&value) != 1)
		return AUTH_NONE;
	switch (read_u8(&value)) {
	case CHAP_ALGORITHM_MD5:
		return AUTH_CHAP_MD5;
	case CHAP_ALGORITHM_MS:
		return AUTH_MSCHAP;
	case CHAP_ALGORITHM_MSV2:
		return AUTH_MSCHAPV2;
	default:
		return AUTH_NONE;
	}
}

/* What best_methods has chosen. */
static void write_methods(struct writer *w, uint8_t mask)
{
	switch ((enum auth_method)(mask & AUTH_EAP ? AUTH_EAP_MSCHAPV2 : mask)) {
	case AUTH_NONE:
		break;
	case AUTH_PAP:
		write_u16(w, PAP);
		break;
	case AUTH_CHAP_MD5:
		write_u16(w, CHAP);
		write_u8(w, CHAP_ALGORITHM_MD5);
		break;
	case AUTH_MSCHAP:
		write_u16(w, CHAP);
		write_u8(w, CHAP_ALGORITHM_MS);
		break;
	case AUTH_MSCHAPV2:
		write_u16(w, CHAP);
		write_u8(w, CHAP_ALGORITHM_MSV2);
		break;
	case AUTH_EAP_MD5:
	case AUTH_EAP_MSCHAPV2:
	case AUTH_EAP_TLS:
		write_u16(w, EAP);
		break;
	}
}

static uint32_t fresh_magic(struct link *link)
{
	uint32_t magic;
	do
		magic = random_u32(link->random);
	while (magic == 0);
	return magic;
}

static struct lcp_peer peer_default(void)
{
	return (struct lcp_peer){
		.accm = LCP_ACCM_DEFAULT, .mru = PPP_MRU_DEFAULT, .fcs = LCP_FCS_16};
}

/* Everything we want, and nothing known of the peer: the start of any negotiation. */
void lcp_wish(struct link *link)
{
	struct lcp *lcp = &link->lcp;
	const struct link_config *config = link->config;
	lcp->ask = ASK_MAGIC;
	if (config->mru != PPP_MRU_DEFAULT)
		lcp->ask |= ASK_MRU;
	if (config->ask_accm)
		lcp->ask |= ASK_ACCM;
	if (config->ask_pfc)
		lcp->ask |= ASK_PFC;
	if (config->ask_acfc)
		lcp->ask |= ASK_ACFC;
	lcp->mru = config->mru;
	lcp->accm = config->accm;
	lcp->fcs = config->ask_fcs;
	lcp->quality_period = config->lqr_period;
	lcp->callback = config->callback_ask;
	lcp->magic = fresh_magic(link);
	lcp->auth_asked = best_methods(&config->demand_order, config->demand_auth);
	lcp->auth_refused = 0;
	lcp->we_refused = false;
	lcp->loops = 0;
	lcp->peer = peer_default();
	lcp_multilink_wish(link);
}

static void write_option_u32(struct writer *w, uint8_t type, uint32_t value)
{
	write_u8(w, type);
	write_u8(w, 6);
	write_u32(w, value);
}

static void write_quality(struct writer *w, uint32_t period)
{
	write_u16(w, LQR);
	write_u32(w, period);
}

bool lcp_asks_accm(const struct lcp *lcp)
{
	return lcp->ask & ASK_ACCM;
}

void lcp_request(const void *owner, struct writer *w)
{
	const struct lcp *lcp = &((const struct link *)owner)->lcp;
	if (lcp->ask & ASK_MRU) {
		write_u8(w, OPTION_MRU);
		write_u8(w, 4);
		write_u16(w, lcp->mru);
	}
	if (lcp->ask & ASK_ACCM)
		write_option_u32(w, OPTION_ACCM, lcp->accm);
	if (lcp->auth_asked) {
		write_u8(w, OPTION_AUTH);
		write_u8(w, lcp->auth_asked & (AUTH_PAP | AUTH_EAP) ? 4 : 5);
		write_methods(w, lcp->auth_asked);
	}
	if (lcp->quality_period) {
		write_u8(w, OPTION_QUALITY);
		write_u8(w, QUALITY_LENGTH);
		write_quality(w, lcp->quality_period);
	}
	if (lcp->ask & ASK_MAGIC)
		write_option_u32(w, OPTION_MAGIC, lcp->magic);
	if (lcp->ask & ASK_PFC) {
		write_u8(w, OPTION_PFC);
		write_u8(w, 2);
	}
	if (lcp->callback) {
		write_u8(w, OPTION_CALLBACK);
		write_u8(w, 3);
		write_u8(w, CALLBACK_BY_CBCP);
	}
	if (lcp->ask & ASK_ACFC) {
		write_u8(w, OPTION_ACFC);
		write_u8(w, 2);
	}
	if (lcp->fcs) {
		write_u8(w, OPTION_FCS);
		write_u8(w, 3);
		write_u8(w, lcp->fcs);
	}
	lcp_multilink_request(owner, w);
}

/* The negotiation cannot end well: the automaton closes instead of taking the packet's event. */
static void give_up(struct link *link, enum close_reason reason)
{
	if (link->closing == CLOSE_NONE)
		link->closing = reason;
	link->lcp.fsm.abandoned = true;
}

/* Judging the peer's request. */

static void judge_begin(void *owner)
{
	struct lcp *lcp = &((struct link *)owner)->lcp;
	lcp->peer = peer_default();
	lcp->we_refused = false;
	lcp_multilink_begin(owner);
}

/* A larger MRU than the default is fine: we need not use it, and never do. */
static enum option_verdict judge_mru(
	void *owner, const struct option_kind *kind, struct reader value, struct writer *wanted)
{
	struct lcp *lcp = &((struct link *)owner)->lcp;
	uint16_t mru = read_u16(&value);
	if (value.failed || mru < PPP_MRU_MIN) {
		write_u16(wanted, value.failed ? PPP_MRU_DEFAULT : PPP_MRU_MIN);
		return OPTION_NAK;
	}
	lcp->peer.mru = mru > PPP_MRU_DEFAULT ? PPP_MRU_DEFAULT : mru;
	return OPTION_ACK;
}

static enum option_verdict judge_accm(
	void *owner, const struct option_kind *kind, struct reader value, struct writer *wanted)
{
	struct lcp *lcp = &((struct link *)owner)->lcp;
	uint32_t accm = read_u32(&value);
	if (value.failed) {
		write_u32(wanted, 0);
		return OPTION_NAK;
	}
	lcp->peer.accm = accm;
	return OPTION_ACK;
}

static enum option_verdict judge_auth(
	void *owner, const struct option_kind *kind, struct reader value, struct writer *wanted)
{
	struct link *link = owner;
	uint8_t allowed = link->config->allow_auth;
	uint8_t methods = read_methods(value) & allowed;
	if (methods) {
		link->lcp.peer.auth = methods;
		return OPTION_ACK;
	}
	link->lcp.we_refused = true;
	if (!allowed)
		return OPTION_REJECT;
	write_methods(wanted, best_methods(&link->config->allow_order, allowed));
	return OPTION_NAK;
}

/* We report to whoever asks, but at most once a second, and nothing but what RFC 1989 has. */
static enum option_verdict judge_quality(
	void *owner, const struct option_kind *kind, struct reader value, struct writer *wanted)
{
	struct lcp *lcp = &((struct link *)owner)->lcp;
	uint16_t protocol = read_u16(&value);
	uint32_t period = read_u32(&value);
	if (value.failed || protocol != LQR || reader_left(&value)) {
		write_quality(wanted, LQR_PERIOD_WANTED);
		return OPTION_NAK;
	}
	if (period && period < LQR_PERIOD_MIN) {
		write_quality(wanted, LQR_PERIOD_MIN);
		return OPTION_NAK;
	}
	lcp->peer.quality = true;
	lcp->peer.quality_period = period < LQR_PERIOD_MAX ? period : LQR_PERIOD_MAX;
	return OPTION_ACK;
}

/* RFC 1661 §6.4: our own number in the peer's request means that the line may be looped; a new one
 * is proposed, and its coming back again and again is proof. */
static enum option_verdict judge_magic(
	void *owner, const struct option_kind *kind, struct reader value, struct writer *wanted)
{
	struct link *link = owner;
	struct lcp *lcp = &link->lcp;
	uint32_t magic = read_u32(&value);
	if (!value.failed && magic != 0 && magic != lcp->magic) {
		lcp->loops = 0;
		lcp->peer.magic = magic;
		return OPTION_ACK;
	}
	if (!value.failed && magic != 0 && ++lcp->loops >= LCP_LOOP_TRIES)
		give_up(link, CLOSE_LOOPBACK);
	write_u32(wanted, fresh_magic(link));
	return OPTION_NAK;
}

static enum option_verdict judge_callback(
	void *owner, const struct option_kind *kind, struct reader value, struct writer *wanted)
{
	struct link *link = owner;
	uint8_t operation = read_u8(&value); /* what may follow is to be ignored */
	/* One end calls: CBCP has no rule for two that do. */
	if (!link->config->callback_answer || link->lcp.callback)
		return OPTION_REJECT;
	if (operation != CALLBACK_BY_CBCP) {
		write_u8(wanted, CALLBACK_BY_CBCP);
		return OPTION_NAK;
	}
	link->lcp.peer.callback = true;
	return OPTION_ACK;
}

static enum option_verdict judge_pfc(
	void *owner, const struct option_kind *kind, struct reader value, struct writer *wanted)
{
	if (value.failed)
		return OPTION_REJECT; /* it has no value to propose another of */
	((struct link *)owner)->lcp.peer.pfc = true;
	return OPTION_ACK;
}

static enum option_verdict judge_acfc(
	void *owner, const struct option_kind *kind, struct reader value, struct writer *wanted)
{
	if (value.failed)
		return OPTION_REJECT;
	((struct link *)owner)->lcp.peer.acfc = true;
	return OPTION_ACK;
}

/* The null FCS is not for a line that loses bits. */
static enum option_verdict judge_fcs(
	void *owner, const struct option_kind *kind, struct reader value, struct writer *wanted)
{
	struct link *link = owner;
	uint8_t fcs = read_u8(&value);
	if (!link->config->line)
		return OPTION_REJECT;
	if (fcs != LCP_FCS_16 && fcs != LCP_FCS_32) {
		write_u8(wanted, fcs & LCP_FCS_32 ? LCP_FCS_32 : LCP_FCS_16);
		return OPTION_NAK;
	}
	link->lcp.peer.fcs = fcs;
	return OPTION_ACK;
}

/* The peer's answers to ours. */

static void naked_mru(void *owner, const struct option_kind *kind, struct reader value)
{
	struct lcp *lcp = &((struct link *)owner)->lcp;
	uint16_t mru = read_u16(&value);
	if (value.failed || !(lcp->ask & ASK_MRU))
		return;
	if (mru >= PPP_MRU_DEFAULT) { /* what holds without the option (RFC 1661 §6.1) */
		lcp->ask &= (uint8_t)~ASK_MRU;
		mru = PPP_MRU_DEFAULT;
	}
	lcp->mru = mru < PPP_MRU_MIN ? PPP_MRU_MIN : mru;
}

static void rejected_mru(void *owner, const struct option_kind *kind)
{
	struct lcp *lcp = &((struct link *)owner)->lcp;
	lcp->ask &= (uint8_t)~ASK_MRU;
	lcp->mru = PPP_MRU_DEFAULT;
}

static void naked_accm(void *owner, const struct option_kind *kind, struct reader value)
{
	struct lcp *lcp = &((struct link *)owner)->lcp;
	lcp->accm |= read_u32(&value);
}

static void rejected_accm(void *owner, const struct option_kind *kind)
{
	((struct link *)owner)->lcp.ask &= (uint8_t)~ASK_ACCM;
}

static void rejected_fcs(void *owner, const struct option_kind *kind)
{
	((struct link *)owner)->lcp.fcs = 0;
}

/* 16 bits are what holds without the option. */
static void naked_fcs(void *owner, const struct option_kind *kind, struct reader value)
{
	struct lcp *lcp = &((struct link *)owner)->lcp;
	if (read_u8(&value) != lcp->fcs)
		rejected_fcs(owner, kind);
}

/* The method asked for is out. The peer's own proposal is taken when we demand it too, else the
 * best one left; nobody is let in without. */
static void naked_auth(void *owner, const struct option_kind *kind, struct reader value)
{
	struct link *link = owner;
	struct lcp *lcp = &link->lcp;
	if (!lcp->auth_asked)
		return;
	uint8_t proposed = read_methods(value);
	if (proposed & lcp->auth_asked)
		return;
	lcp->auth_refused |= lcp->auth_asked;
	uint8_t left = link->config->demand_auth & (uint8_t)~lcp->auth_refused;
	if (!left) {
		give_up(link, CLOSE_AUTH_REFUSED);
		return;
	}
	lcp->auth_asked =
		best_methods(&link->config->demand_order, proposed & left ? proposed & left : left);
}

static void rejected_auth(void *owner, const struct option_kind *kind)
{
	give_up(owner, CLOSE_AUTH_REFUSED);
}

static void rejected_callback(void *owner, const struct option_kind *kind)
{
	((struct link *)owner)->lcp.callback = false;
}

/* Another way to call back is not what we asked for. */
static void naked_callback(void *owner, const struct option_kind *kind, struct reader value)
{
	if (read_u8(&value) != CALLBACK_BY_CBCP)
		rejected_callback(owner, kind);
}

static void rejected_quality(void *owner, const struct option_kind *kind)
{
	((struct link *)owner)->lcp.quality_period = 0;
}

/* Another period is as good; another protocol, or no timer at all, is not what we asked for. */
static void naked_quality(void *owner, const struct option_kind *kind, struct reader value)
{
	struct lcp *lcp = &((struct link *)owner)->lcp;
	uint16_t protocol = read_u16(&value);
	uint32_t period = read_u32(&value);
	if (!lcp->quality_period)
		return;
	bool fits = !value.failed && protocol == LQR && period >= LQR_PERIOD_MIN &&
		    period <= LQR_PERIOD_MAX;
	lcp->quality_period = fits ? period : 0;
}

static void naked_magic(void *owner, const struct option_kind *kind, struct reader value)
{
	struct link *link = owner;
	if (link->lcp.ask & ASK_MAGIC)
		link->lcp.magic = fresh_magic(link);
}

static void rejected_magic(void *owner, const struct option_kind *kind)
{
	struct lcp *lcp = &((struct link *)owner)->lcp;
	lcp->ask &= (uint8_t)~ASK_MAGIC;
	lcp->magic = 0;
}

static void rejected_pfc(void *owner, const struct option_kind *kind)
{
	((struct link *)owner)->lcp.ask &= (uint8_t)~ASK_PFC;
}

static void rejected_acfc(void *owner, const struct option_kind *kind)
{
	((struct link *)owner)->lcp.ask &= (uint8_t)~ASK_ACFC;
}

static void naked_pfc(void *owner, const struct option_kind *kind, struct reader value)
{
	rejected_pfc(owner, kind);
}

static void naked_acfc(void *owner, const struct option_kind *kind, struct reader value)
{
	rejected_acfc(owner, kind);
}

/* Reading aloud. */

static void print_number(struct text *t, struct reader value)
{
	text_unsigned(t, read_u16(&value));
}

static void print_hex(struct text *t, struct reader value)
{
	text_hex(t, read_u32(&value), 8);
}

static void print_fcs(struct text *t, struct reader value)
{
	uint8_t fcs = read_u8(&value);
	if (fcs & LCP_FCS_NULL)
		text_add(t, fcs & (uint8_t)~LCP_FCS_NULL ? "null+" : "null");
	if (fcs & LCP_FCS_16)
		text_add(t, fcs & LCP_FCS_32 ? "16+" : "16");
	if (fcs & LCP_FCS_32)
		text_add(t, "32");
}

static void print_callback(struct text *t, struct reader value)
{
	uint8_t operation = read_u8(&value);
	if (operation == CALLBACK_BY_CBCP)
		text_add(t, "CBCP");
	else
		text_unsigned(t, operation);
}

static void print_quality(struct text *t, struct reader value)
{
	const struct protocol *protocol = protocol_find(read_u16(&value));
	if (!protocol || protocol->number != LQR || reader_left(&value) != 4) {
		text_hex_bytes(t, value.at - 2, 2 + reader_left(&value));
		return;
	}
	text_add(t, "LQR ");
	text_unsigned(t, (uint64_t)read_u32(&value) * 10);
	text_add(t, " ms");
}

static void print_auth(struct text *t, struct reader value)
{
	uint8_t methods = read_methods(value);
	if (methods && !(methods & AUTH_EAP)) {
		text_add(t, auth_method_word((enum auth_method)methods));
		return;
	}
	const struct protocol *protocol = protocol_find(read_u16(&value));
	if (protocol)
		text_add(t, protocol->name);
	else
		text_hex_bytes(t, value.at - 2, 2);
	if (reader_left(&value)) {
		text_char(t, ' ');
		text_hex_bytes(t, value.at, reader_left(&value));
	}
}

#define NAMED(type, name)                                                                          \
	{                                                                                          \
		type, 2, 255, name, NULL, NULL, NULL, NULL                                         \
	}

static const struct option_kind kinds[] = {
	{OPTION_MRU, 4, 4, "mru", judge_mru, naked_mru, rejected_mru, print_number},
	{OPTION_ACCM, 6, 6, "asyncmap", judge_accm, naked_accm, rejected_accm, print_hex},
	{OPTION_AUTH, 4, 255, "auth", judge_auth, naked_auth, rejected_auth, print_auth},
	{OPTION_MAGIC, 6, 6, "magic", judge_magic, naked_magic, rejected_magic, print_hex},
	{OPTION_PFC, 2, 2, "pfc", judge_pfc, naked_pfc, rejected_pfc, NULL},
	{OPTION_ACFC, 2, 2, "acfc", judge_acfc, naked_acfc, rejected_acfc, NULL},
	{OPTION_QUALITY, 4, 255, "quality", judge_quality, naked_quality, rejected_quality,
		print_quality},
	{OPTION_FCS, 3, 3, "fcs", judge_fcs, naked_fcs, rejected_fcs, print_fcs},
	{OPTION_CALLBACK, 3, 255, "callback", judge_callback, naked_callback, rejected_callback,
		print_callback},
	{OPTION_MRRU, 4, 4, "mrru", judge_mrru, naked_mrru, rejected_mrru, print_number},
	{OPTION_SSNHF, 2, 2, "ssnhf", judge_ssnhf, naked_ssnhf, rejected_ssnhf, NULL},
	{OPTION_DISCRIMINATOR, 3, 255, "endpoint", judge_endpoint, naked_endpoint,
		rejected_endpoint, print_endpoint},
	NAMED(0, "vendor"),
	NAMED(6, "quality-deprecated"),
	NAMED(10, "self-describing-pad"),
	NAMED(11, "numbered-mode"),
	NAMED(12, "multilink-procedure-deprecated"),
	NAMED(14, "connect-time-deprecated"),
	NAMED(15, "compound-frames"),
	NAMED(16, "nominal-encapsulation-deprecated"),
	NAMED(20, "proprietary"),
	NAMED(21, "dce-identifier"),
	NAMED(22, "multilink-plus"),
	NAMED(23, "link-discriminator"),
	NAMED(24, "lcp-authentication"),
	NAMED(25, "cobs"),
	NAMED(26, "prefix-elision"),
	NAMED(27, "multilink-header"),
	NAMED(28, "internationalization"),
	NAMED(29, "sdl-on-sonet"),
};

static_assert(sizeof kinds / sizeof kinds[0] <= 32, "a bit of `seen` for each");

const struct option_set lcp_options = {
	.kinds = kinds,
	.count = sizeof kinds / sizeof kinds[0],
	.begin = judge_begin,
};
