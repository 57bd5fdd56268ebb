/* Two whole PPP endpoints, each a link and a unit, wired to each other under a virtual clock.
 *
 * An end does what a session does with the items of its outbox, keeps what it saw of them, and
 * checks on the way what must hold always: no deadline in the past after a tick, no frame of an
 * epoch that is over, and the receiver armed with the right key whenever the other end encrypts. */
#ifndef GREYLINE_TEST_PAIR_H
#define GREYLINE_TEST_PAIR_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdbool.h>
#include <cmocka.h>

#include "fake_tls.h"
#include "link.h"
#include "unit.h"

enum { NOTES_MAX = 8192, QUEUE_MAX = 256 };

struct keying {
	enum mppe_strength strength;
	bool stateless;
	uint8_t key[16]; /* of its direction */
};

struct end {
	const char *name;
	struct link_config link_config;
	struct unit_config unit_config;
	struct random random;
	struct link link;
	struct unit unit;
	struct ecp ecp;
	struct ecp_cipher ciphers[2]; /* as UNIT_CIPHER left them: receive, transmit */
	/* What the app would know. */
	const char *peer_password; /* NULL: nobody has one */
	enum auth_error denial;    /* refuses a right password with this */
	bool expired;              /* a right password is to be changed */
	char changed[64];          /* what it was changed to */
	bool hold_answers;         /* credentials are answered by the test */
	bool hold_addresses;
	struct unit_addresses addresses;
	struct fake_tls tls[2]; /* of the peer's proof, and of ours */
	bool hold_tls;          /* it is the test that has TLS answer */
	/* What was seen. */
	bool network, closed, failed;
	unsigned answered;          /* LINK_ANSWERED */
	unsigned renewals, changes; /* of our own password; of the peer's */
	unsigned closes, credentials, address_questions, networks;
	enum close_reason reason, unit_reason;
	uint32_t epoch, question, address_token, tls_token[2];
	struct auth_question asked;
	struct link_framing framing;
	struct link_identity identity;
	struct unit_network net;
	struct codec_params compress, decompress;
	struct keying transmit, receive;
	unsigned drops[DROP_COUNT];
	unsigned wipes;      /* of our receiver's key */
	unsigned heard;      /* wipes of the other end, as of the latest frame from there */
	unsigned key_faults; /* encrypted data that came to a receiver not armed for it */
	char notes[NOTES_MAX];
	size_t notes_used;
};

struct flight {
	bool to_second, data;
	struct keying sealed;
	unsigned wipes; /* a frame: of its sender; data: of its receiver as the sender knew it */
	uint16_t length;
	uint8_t bytes[PPP_FRAME_MAX];
};

struct pair {
	struct end a, b;
	uint64_t now;
	/* Control frames either way: which to lose, by number from 0; -1 for none. */
	int lose;
	unsigned sent;
	bool twice;          /* each frame of CHAP and EAP is delivered twice */
	bool stop_a, stop_b; /* deaf and mute from now on */
	/* Frames seen, printed, one a line. */
	char log[65536];
	size_t log_used;
	unsigned count, head;
	struct flight queue[QUEUE_MAX];
};

/* Both ends with our defaults: `a` a client "user"/"secret", `b` a server that demands MS-CHAPv2
 * and MPPE-128 stateless and gives 10.0.0.2. Change the configurations, then pair_start. */
void pair_init(struct pair *p);
void pair_start(struct pair *p);
/* Runs until nothing is in flight and no deadline lies before `until`. */
void pair_run(struct pair *p, uint64_t until);
/* Delivers what was sent first of all that is in flight. */
void pair_step(struct pair *p);
/* A frame from the test, as if the other end had sent it. */
void pair_inject(struct pair *p, struct end *to, const uint8_t *frame, size_t length);
void pair_answer(struct pair *p, struct end *end, bool accept);
void pair_answer_tls(struct pair *p, struct end *end, bool ours);
void pair_renegotiate(struct pair *p, struct end *end);
bool pair_probe(struct pair *p, struct end *end);
void pair_close(struct pair *p, struct end *end, enum close_reason reason);

/* What both ends said and did, to stderr. */
void pair_tell(const struct pair *p);
#define FAIL_TOLD(...)                                                                             \
	do {                                                                                       \
		pair_tell(&p);                                                                     \
		fail_msg(__VA_ARGS__);                                                             \
	} while (0)
bool pair_up(const struct pair *p); /* IPv4 at both, same keys and addresses */
bool end_noted(const struct end *end, const char *words);
bool pair_logged(const struct pair *p, const char *words);

#endif
