/* What stands for TLS where the links are what is tested: flights of the same shape as TLS's, with
 * content that shows whether every byte arrived once and in its place, and keys that follow from
 * both sides' numbers.
 *
 *   client: 1 ──▶        2 ──▶                 full: the server has the last word
 *   server:       ◀── 1         ◀── 2
 *
 *   client: 1 ──▶        2 ──▶                 resumed: the client has it
 *   server:       ◀── 1
 */
#ifndef GREYLINE_TEST_FAKE_TLS_H
#define GREYLINE_TEST_FAKE_TLS_H

#include "link.h"

enum { FAKE_TLS_MAX = 8192 };

struct fake_tls {
	/* The test's wishes, before it begins. */
	uint32_t number; /* ours: keys follow from both */
	uint16_t size;   /* of our flights, 12 to FAKE_TLS_MAX */
	bool resumed;    /* a server's */
	bool refuse;     /* we do not believe what the other proves */
	/* What became of it. */
	bool client;
	unsigned begun, ended, identities;
	uint8_t flight; /* of ours, so many */
	struct tls_reply reply;
	uint32_t length;
	uint8_t in[FAKE_TLS_MAX], out[FAKE_TLS_MAX];
};

/* One LINK_TLS item of this side (not TLS_END, which is both sides'). True for TLS_WHOLE: then
 * fake_tls_answer makes the reply. */
bool fake_tls_take(struct fake_tls *tls, uint16_t arg, const uint8_t *bytes, size_t length);
const struct tls_reply *fake_tls_answer(struct fake_tls *tls);

#endif
