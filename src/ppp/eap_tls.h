/* EAP-TLS (RFC 5216, RFC 9190): the fragments of its messages, both roles.
 *
 * TLS itself is the owner's. The link hands up what the peer says (LINK_TLS) and is given what to
 * say (link_tls). The one item that is a question is TLS_WHOLE; it has a token and is answered with
 * a struct tls_reply, once, at any time. */
#ifndef GREYLINE_EAP_TLS_H
#define GREYLINE_EAP_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limits.h"
#include "mppe_key.h"
#include "reason.h"

/* What a LINK_TLS item says; with TLS_OURS in its `arg` where it is we who prove ourselves, and so
 * are TLS's client. */
enum tls_step {
	TLS_IDENTITY, /* bytes: who the peer says it is; TLS may follow */
	TLS_BEGIN,    /* a new exchange; forget the one before */
	TLS_PART,     /* bytes: of a message that goes on */
	TLS_WHOLE,    /* bytes: its end, or all of it. Right after TLS_BEGIN, of ours: no bytes */
	TLS_END,      /* of both sides: no reply given so far is looked at any more */
};
enum { TLS_OURS = 0x100 };

enum tls_outcome {
	TLS_GOES_ON,
	TLS_DONE,   /* proved; the bytes, if any, are the last */
	TLS_FAILED, /* the bytes, if any, are the alert that says so */
};

/* The owner's: stands until it gives the next one of the same exchange, or is told TLS_BEGIN or
 * TLS_END. */
struct tls_reply {
	enum tls_outcome outcome;
	const uint8_t *bytes;
	uint16_t length;
	enum close_reason reason;    /* TLS_FAILED */
	struct mppe_start_keys keys; /* TLS_DONE */
};

static_assert(EAP_TLS_MESSAGE_MAX <= UINT16_MAX, "a message's length is counted in 16 bits");

/* What a side's latest packet was. */
enum tls_said { TLS_SAID_START, TLS_SAID_ACK, TLS_SAID_PART };

/* One exchange. */
struct eap_tls {
	const struct tls_reply *reply; /* the latest; NULL: none yet */
	uint32_t token;                /* of the question not answered yet */
	uint16_t at;                   /* where in the reply the fragment begins that was sent */
	uint16_t announced, heard;     /* of the message coming in; announced 0: not said */
	uint8_t said;                  /* enum tls_said */
	bool waiting;                  /* for a reply */
};

#endif
