/* One link or unit alone, spoken to in hex: these bytes in, that outbox out. */
#ifndef GREYLINE_TEST_SOLO_H
#define GREYLINE_TEST_SOLO_H

#include "hex.h"

#include "print.h"
#include "unit.h"

/* What came out, a line an item: "< frame as printed", "drop word", "note text", "closed word" and
 * so on. Times are not shown. */
struct solo {
	struct random random;
	struct link_config link_config;
	struct unit_config unit_config;
	struct link link;
	struct lcp_multilink multilink; /* its memory, where the configuration has an MRRU */
	struct unit unit;
	struct ecp ecp;
	uint64_t now;
	uint32_t token; /* of the latest question */
	struct auth_question asked;
	uint8_t tls[PPP_FRAME_MAX]; /* the latest piece of TLS taken */
	size_t tls_length;
	uint8_t frame[PPP_FRAME_MAX]; /* the latest sent */
	size_t frame_length;
	char said[8192];
};

void solo_link(struct solo *s, const struct link_config *config);
void solo_unit(struct solo *s, const struct unit_config *config, bool keys);
/* Feeds a frame; `said` then holds what that one call put out. */
void solo_hears(struct solo *s, const char *hex);
void solo_answer(struct solo *s, const struct auth_answer *answer);
void solo_tls(struct solo *s, const struct tls_reply *reply);
void solo_addresses(struct solo *s, bool granted, uint32_t local4, uint32_t remote4);
void solo_tick(struct solo *s); /* to the next deadline */
void assert_said(const struct solo *s, const char *expected);
void assert_frame(const struct solo *s, const char *hex);

#endif
