/* CCP's options: MPPE's and MPPC's, and the names of all. RFC 1962 §4, RFC 3078 §2.1, RFC 2118 §2.
 *
 * The MPPE option is a mask of what the sender can receive. We offer every strength allowed at
 * once; whoever answers names the strongest of them that it allows too, and the next request has
 * that one alone. Both ends judge alike, so both directions come to the same bits.
 *
 * MPPC is a bit of the same option, with a strength or alone. A request lists methods in the order
 * in which they are wanted; the first that is acked is the one in use, the others stand in for it
 * where it is rejected. With MPPE required there are no others. */
#include "ccp.h"

#include "protocol.h"
#include "unit.h"

enum ccp_option { OPTION_MPPE = 18 };

enum { MPPE_OPTION_SIZE = 6 };

#define BIT_STATELESS   0x01000000u /* H */
#define BIT_56          0x00000080u /* M */
#define BIT_128         0x00000040u /* S */
#define BIT_40          0x00000020u /* L */
#define BIT_OBSOLETE    0x00000010u /* D */
#define BIT_COMPRESSION 0x00000001u /* C: MPPC */

/* Weakest first. */
static const struct {
	uint32_t bit;
	uint8_t allow;
	enum mppe_strength strength;
	const char *word, *option;
} strengths[] = {
	{BIT_40, MPPE_ALLOW_40, MPPE_40, "40-bit", "allow-mppe-40"},
	{BIT_56, MPPE_ALLOW_56, MPPE_56, "56-bit", "allow-mppe-56"},
	{BIT_128, MPPE_ALLOW_128, MPPE_128, "128-bit", "require-mppe-128"},
};

enum { STRENGTHS = sizeof strengths / sizeof strengths[0] };

static uint8_t mask_of(uint32_t bits)
{
	uint8_t mask = 0;
	for (size_t i = 0; i < STRENGTHS; i++)
		if (bits & strengths[i].bit)
			mask |= strengths[i].allow;
	return mask;
}

static uint32_t bits_of(uint8_t mask, bool stateless)
{
	uint32_t bits = stateless ? BIT_STATELESS : 0;
	for (size_t i = 0; i < STRENGTHS; i++)
		if (mask & strengths[i].allow)
			bits |= strengths[i].bit;
	return bits;
}

static uint8_t strongest_mask(uint8_t mask)
{
	for (size_t i = STRENGTHS; i-- > 0;)
		if (mask & strengths[i].allow)
			return strengths[i].allow;
	return 0;
}

enum mppe_strength mppe_strongest(uint8_t mask)
{
	for (size_t i = STRENGTHS; i-- > 0;)
		if (mask & strengths[i].allow)
			return strengths[i].strength;
	return MPPE_NONE;
}

void ccp_wish(struct unit *unit)
{
	struct ccp *ccp = &unit->ccp;
	ccp->wish = ccp->able;
	ccp->wish_stateless = true; /* better in every way, so asked for first */
	ccp->wish_mppc = unit->config->compress.receive[CODEC_MPPC] &&
			 (ccp->able || !unit->config->mppe_require);
	ccp->said = false;
	ccp->lost = ccp->able ? CCP_AGREED : CCP_NO_KEYS;
	ccp_compress_wish(unit);
}

bool ccp_wanted(const struct unit *unit)
{
	const struct ccp *ccp = &unit->ccp;
	bool send = false;
	for (size_t i = 0; i < CODEC_METHODS && !unit->config->mppe_require; i++)
		send = send || unit->config->compress.transmit[i];
	return ccp->wish || ccp->wish_mppc || ccp->wishes || send;
}

struct codec_params ccp_wished(const struct ccp *ccp)
{
	if (!ccp->wish && !ccp->wish_mppc)
		return ccp_compress_first(ccp);
	if (!ccp->wish_mppc)
		return (struct codec_params){.method = CODEC_NONE};
	return (struct codec_params){.method = CODEC_MPPC,
		.stateless = ccp->wish && ccp->wish_stateless,
		.encrypted = ccp->wish};
}

void ccp_ended(struct ccp *ccp, enum ccp_refusal why)
{
	ccp->refusal = (uint8_t)why;
	ccp->said = true;
}

void ccp_narrowed(struct unit *unit)
{
	struct ccp *ccp = &unit->ccp;
	if (ccp_wanted(unit))
		return;
	ccp->fsm.abandoned = ccp->said = true;
}

void ccp_without_mppe(struct unit *unit, enum ccp_refusal why)
{
	struct ccp *ccp = &unit->ccp;
	ccp->refusal = ccp->lost = (uint8_t)why;
	ccp->wish = 0;
	ccp->wish_mppc = false;
	if (unit->config->mppe_require)
		ccp->fsm.abandoned = ccp->said = true;
	ccp_narrowed(unit);
}

static void write_mppe(struct writer *w, uint32_t bits)
{
	write_u8(w, OPTION_MPPE);
	write_u8(w, MPPE_OPTION_SIZE);
	write_u32(w, bits);
}

void ccp_request(const void *owner, struct writer *w)
{
	const struct ccp *ccp = &((const struct unit *)owner)->ccp;
	uint32_t bits = ccp->wish_mppc ? BIT_COMPRESSION : 0;
	if (ccp->wish)
		bits |= bits_of(ccp->wish, ccp->wish_stateless);
	if (bits)
		write_mppe(w, bits);
	ccp_compress_request(ccp, w);
}

static void judge_begin(void *owner)
{
	struct ccp *ccp = &((struct unit *)owner)->ccp;
	ccp->theirs = MPPE_NONE;
	ccp->their_codec = (struct codec_params){.method = CODEC_NONE};
	ccp->chosen = false;
}

/* The one answer we would ack to a peer that named `bits`; 0: none. */
static uint32_t acceptable(const struct unit *unit, uint32_t bits)
{
	uint8_t able = unit->ccp.able, common = mask_of(bits) & able;
	bool stateless = (bits & BIT_STATELESS) || !unit->config->mppe_stateful;
	uint32_t mppc = unit->config->compress.transmit[CODEC_MPPC] ? bits & BIT_COMPRESSION : 0;
	if (!common && mppc && !unit->config->mppe_require)
		return mppc | (bits & BIT_STATELESS);
	if (!able)
		return 0;
	return bits_of(strongest_mask(common ? common : able), stateless) | mppc;
}

static enum option_verdict judge_mppe(
	void *owner, const struct option_kind *kind, struct reader value, struct writer *wanted)
{
	struct ccp *ccp = &((struct unit *)owner)->ccp;
	uint32_t bits = read_u32(&value);
	uint32_t good = acceptable(owner, value.failed ? BIT_STATELESS : bits);
	if (!value.failed)
		ccp->their_bits = bits;
	if (!good)
		return OPTION_REJECT;
	if (value.failed || bits != good) {
		write_u32(wanted, good);
		return OPTION_NAK;
	}
	if (ccp->chosen)
		return OPTION_ACK;
	ccp->chosen = true;
	ccp->theirs = (uint8_t)mppe_strongest(mask_of(bits));
	ccp->their_stateless = bits & BIT_STATELESS;
	if (bits & BIT_COMPRESSION)
		ccp->their_codec = (struct codec_params){.method = CODEC_MPPC,
			.stateless = ccp->their_stateless,
			.encrypted = ccp->theirs};
	return OPTION_ACK;
}

/* A peer that must take encrypted packets is told so when it does not ask for them. */
static void missing(void *owner, uint32_t seen, struct writer *reply)
{
	const struct unit *unit = owner;
	if (unit->config->mppe_require && !(seen & 1))
		write_mppe(reply, acceptable(unit, BIT_STATELESS));
}

static void naked_mppe(void *owner, const struct option_kind *kind, struct reader value)
{
	struct unit *unit = owner;
	struct ccp *ccp = &unit->ccp;
	uint32_t bits = read_u32(&value);
	if (value.failed || (!ccp->wish && !ccp->wish_mppc))
		return;
	uint8_t common = mask_of(bits) & ccp->able;
	bool stateless = bits & BIT_STATELESS;
	bool mppc = ccp->wish_mppc && (bits & BIT_COMPRESSION);
	ccp->their_bits = bits;
	if (ccp->wish && (!common || (!stateless && !unit->config->mppe_stateful))) {
		ccp_without_mppe(unit, CCP_OFFER);
		return;
	}
	ccp->wish = strongest_mask(common);
	ccp->wish_stateless = stateless;
	ccp->wish_mppc = mppc;
	ccp_narrowed(unit);
}

static void rejected_mppe(void *owner, const struct option_kind *kind)
{
	ccp_without_mppe(owner, CCP_REJECTED);
}

/* As pppd shows them. */
static void print_mppe(struct text *t, struct reader value)
{
	static const struct {
		uint32_t bit;
		char letter;
	} letters[] = {{BIT_STATELESS, 'H'}, {BIT_56, 'M'}, {BIT_128, 'S'}, {BIT_40, 'L'},
		{BIT_OBSOLETE, 'D'}, {BIT_COMPRESSION, 'C'}};
	uint32_t bits = read_u32(&value);
	for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++) {
		if (i)
			text_char(t, ' ');
		text_char(t, bits & letters[i].bit ? '+' : '-');
		text_char(t, letters[i].letter);
		bits &= ~letters[i].bit;
	}
	if (bits) {
		text_add(t, " +0x");
		text_hex(t, bits, 8);
	}
}

#define KNOWN(number, word)                                                                        \
	{                                                                                          \
		number, 2, 255, word, NULL, NULL, NULL, NULL                                       \
	}

#define COMPRESSOR(number, size, word, print)                                                      \
	{                                                                                          \
		number, 2 + size, 2 + size, word, ccp_compress_judge, ccp_compress_naked,          \
			ccp_compress_rejected, print                                               \
	}

/* MPPE first: `missing` looks for its bit. */
static const struct option_kind kinds[] = {
	{OPTION_MPPE, MPPE_OPTION_SIZE, MPPE_OPTION_SIZE, "mppe", judge_mppe, naked_mppe,
		rejected_mppe, print_mppe},
	COMPRESSOR(26, 2, "deflate", ccp_print_deflate),
	COMPRESSOR(24, 2, "deflate-draft", ccp_print_deflate),
	COMPRESSOR(21, 1, "bsd", ccp_print_bsd),
	COMPRESSOR(1, 0, "predictor-1", NULL),
	KNOWN(0, "oui"),
	KNOWN(2, "predictor-2"),
	KNOWN(3, "puddle-jumper"),
	KNOWN(16, "hp-ppc"),
	KNOWN(17, "stac-lzs"),
	KNOWN(19, "gandalf-fza"),
	KNOWN(20, "v42bis"),
	KNOWN(23, "lzs-dcp"),
};

const struct option_set ccp_options = {
	.kinds = kinds,
	.count = sizeof kinds / sizeof kinds[0],
	.begin = judge_begin,
	.missing = missing,
};

/* Saying it in words. */

static void add_strengths(struct text *t, uint8_t mask, bool stateless)
{
	bool first = true;
	for (size_t i = 0; i < STRENGTHS; i++) {
		if (!(mask & strengths[i].allow))
			continue;
		text_add(t, first ? "" : ", ");
		text_add(t, strengths[i].word);
		first = false;
	}
	text_add(t, first ? "no strength" : "");
	text_add(t, stateless ? " stateless" : " stateful");
}

/* The options on our side that would have taken the peer's offer. */
static void add_remedy(const struct unit *unit, struct text *t)
{
	uint32_t bits = unit->ccp.their_bits;
	uint8_t more = mask_of(bits) & (uint8_t)~unit->config->mppe_allow;
	bool first = true;
	for (size_t i = 0; i < STRENGTHS && !(mask_of(bits) & unit->config->mppe_allow); i++) {
		if (!(more & strengths[i].allow))
			continue;
		text_add(t, first ? "; option " : " or ");
		text_add(t, strengths[i].option);
		first = false;
	}
	if (!(bits & BIT_STATELESS) && !unit->config->mppe_stateful) {
		text_add(t, first ? "; option " : " with ");
		text_add(t, "mppe-stateful");
		first = false;
	}
	text_add(t, first ? "" : " would accept it");
}

static void add_offer(const struct unit *unit, struct text *t)
{
	uint32_t bits = unit->ccp.their_bits;
	text_add(t, "the peer offers ");
	add_strengths(t, mask_of(bits), bits & BIT_STATELESS);
	text_add(t, ", we allow ");
	add_strengths(t, unit->config->mppe_allow, !unit->config->mppe_stateful);
	add_remedy(unit, t);
}

/* True when the peer has named strengths and we allow none of them. */
static bool offers_in_vain(const struct unit *unit)
{
	uint32_t bits = unit->ccp.their_bits;
	return bits && !(mask_of(bits) & unit->config->mppe_allow);
}

void ccp_explain(const struct unit *unit, struct text *t)
{
	const struct ccp *ccp = &unit->ccp;
	switch ((enum ccp_refusal)ccp->refusal) {
	case CCP_AGREED:
		return;
	case CCP_NO_KEYS:
		text_add(t, "authentication left no keys, MS-CHAPv2 or MS-CHAP would");
		break;
	case CCP_SILENT:
		text_add(t, "the peer does not answer CCP");
		break;
	case CCP_UNKNOWN:
		text_add(t, "the peer does not know CCP");
		break;
	case CCP_REJECTED:
		text_add(t, "the peer rejects MPPE, we offered ");
		add_strengths(t, ccp->able, ccp->wish_stateless);
		break;
	case CCP_OFFER:
		add_offer(unit, t);
		return;
	case CCP_UNWANTED:
		if (offers_in_vain(unit)) {
			add_offer(unit, t);
			return;
		}
		text_add(t, "the peer does not take encrypted packets");
		break;
	case CCP_TERMINATED:
		text_add(t, "the peer ended CCP");
		break;
	case CCP_STUCK:
		text_add(t, "CCP options did not converge");
		break;
	}
	if (unit->config->mppe_require)
		text_add(t, "; option allow-clear-text would do without");
}
