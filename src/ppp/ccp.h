/* The Compression Control Protocol (RFC 1962): MPPE (RFC 3078) and compressors. */
#ifndef GREYLINE_CCP_H
#define GREYLINE_CCP_H

#include <stdbool.h>
#include <stdint.h>

#include "codec_params.h"
#include "fsm.h"
#include "mppe_key.h"
#include "option.h"

enum { CCP = 0x80fd };

struct unit;

/* A unit that could do without encryption asks a peer that wants it this many times longer. */
enum { CCP_PATIENCE = 3 };

/* Which compressors, by enum codec_method: the most bits of a code (BSD-Compress) or a window
 * (Deflate) that we take, or send; 1 for those that have none; 0: not at all. Any but MPPC is for
 * sessions that can do without encryption. */
struct ccp_compressors {
	uint8_t receive[CODEC_METHODS], transmit[CODEC_METHODS];
};

enum { CCP_BITS_MIN = 9, CCP_BITS_MAX = 15 }; /* that peers understand: pppd's range */

/* Why there is no encryption. */
enum ccp_refusal {
	CCP_AGREED,
	CCP_NO_KEYS,    /* authentication left none */
	CCP_SILENT,     /* the peer does not answer */
	CCP_UNKNOWN,    /* it does not know CCP (Protocol-Reject) */
	CCP_REJECTED,   /* it knows CCP but rejects MPPE */
	CCP_OFFER,      /* what it offers we do not allow */
	CCP_UNWANTED,   /* it does not want to receive encrypted packets */
	CCP_TERMINATED, /* it ended CCP */
	CCP_STUCK,      /* the negotiation went round in circles */
};

struct ccp {
	struct fsm fsm;
	/* A Configure-Request says what its sender wants to receive (RFC 1962 §4). */
	uint8_t able;         /* MPPE_ALLOW_* that are allowed and have keys */
	uint8_t wish;         /* MPPE_ALLOW_* in our request; 0: none is in it */
	uint8_t wishes;       /* compressors behind it: rows of ccp_compress.c */
	uint8_t wish_bits[2]; /* of BSD-Compress and Deflate */
	uint8_t theirs;       /* enum mppe_strength of the peer's latest good request */
	/* The receiver as UNIT_RECEIVE_KEY left it, and the peer's request it was armed for. */
	uint8_t armed; /* enum mppe_strength */
	uint8_t armed_id;
	struct codec_params their_codec, armed_codec; /* the same of the compressor */
	struct codec_params compressing;
	uint8_t patience;    /* times Max-Configure may start again, see CCP_PATIENCE */
	uint8_t refusal : 4; /* enum ccp_refusal */
	uint8_t lost : 4;    /* the same: why MPPE left our request, while others are in it */
	bool wish_stateless : 1, wish_mppc : 1, their_stateless : 1, armed_stateless : 1;
	bool chosen : 1; /* of the request being judged: its first option was acked */
	bool transmitting : 1;
	bool told : 1;       /* the refusal, to the user */
	bool said : 1;       /* it is over by somebody's word, not by silence */
	uint32_t their_bits; /* MPPE bits the peer named last, for what we say of it */
};

struct protocol_ops;
extern const struct protocol_ops ccp_protocol;
extern const struct option_set ccp_options;

/* ccp_option.c: our wishes as a negotiation begins, and the options of our Configure-Request. */
void ccp_wish(struct unit *unit);
void ccp_request(const void *owner, struct writer *w);
enum mppe_strength mppe_strongest(uint8_t mask); /* of MPPE_ALLOW_* */
/* What our request asks for in the first place, besides MPPE's strength. */
struct codec_params ccp_wished(const struct ccp *ccp);
/* MPPE leaves our request, or the last compressor did: what is left is asked for, if anything. */
void ccp_without_mppe(struct unit *unit, enum ccp_refusal why);
void ccp_narrowed(struct unit *unit);
void ccp_ended(struct ccp *ccp, enum ccp_refusal why);

/* ccp_compress.c: the compressors among the options. */
void ccp_compress_wish(struct unit *unit);
void ccp_compress_request(const struct ccp *ccp, struct writer *w);
struct codec_params ccp_compress_first(const struct ccp *ccp);
enum option_verdict ccp_compress_judge(
	void *owner, const struct option_kind *kind, struct reader value, struct writer *wanted);
void ccp_compress_naked(void *owner, const struct option_kind *kind, struct reader value);
void ccp_compress_rejected(void *owner, const struct option_kind *kind);
void ccp_print_bsd(struct text *t, struct reader value);
void ccp_print_deflate(struct text *t, struct reader value);
/* As pppd says it, "no" for none. */
void ccp_add_codec(struct text *t, const struct codec_params *params);

/* A sentence on why there is no encryption, which side refused what, and what would accept it. */
void ccp_explain(const struct unit *unit, struct text *t);

/* Whether CCP has anything to negotiate. */
bool ccp_wanted(const struct unit *unit);

/* Both directions are encrypted. */
bool ccp_encrypts(const struct unit *unit);

#endif
