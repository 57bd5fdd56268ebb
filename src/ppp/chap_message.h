/* The text in CHAP Success and Failure packets: RFC 2433 §7, §8 and RFC 2759 §5, §6. */
#ifndef GREYLINE_CHAP_MESSAGE_H
#define GREYLINE_CHAP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth.h"
#include "bytes.h"
#include "text.h"

/* "S=<40 hex digits> M=..." for MS-CHAPv2, a plain sentence for the others. */
void chap_write_success(
	struct writer *w, enum auth_method method, const uint8_t proof[AUTHENTICATOR_SIZE]);
/* "E=691 R=0 C=<challenge> V=3 M=..." for the Microsoft methods. R=0: no second try with the same
 * challenge is offered. */
void chap_write_failure(struct writer *w, enum auth_method method, unsigned error,
	const uint8_t *challenge, size_t challenge_length);

/* The proof of a Success; false when there is none, or it is malformed. */
bool chap_read_proof(const uint8_t *message, size_t length, uint8_t proof[AUTHENTICATOR_SIZE]);

struct chap_failure {
	unsigned error;       /* E=; 0 when not said */
	const uint8_t *words; /* what the peer says to people: M=, or all of an ordinary message */
	size_t words_length;
	unsigned version; /* V=: 3 where RFC 2759's Change-Password is spoken */
	bool has_challenge;
	uint8_t challenge[16]; /* C=, of MS-CHAPv2 */
};

struct chap_failure chap_read_failure(const uint8_t *message, size_t length);
/* For the log, behind "... authentication failed": ": E=691 ...", and what the peer says. */
enum { CHAP_FAILURE_SHOWN = 64, CHAP_FAILURE_LINE = CHAP_FAILURE_SHOWN * 4 + 128 };
void chap_tell_failure(struct text *t, const uint8_t *message, size_t length);
/* What an E= means; NULL when RFC 2759 does not list it. */
const char *chap_error_words(unsigned error);

#endif
