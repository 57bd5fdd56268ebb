/* What LCP says of multilink (RFC 1990 §5.1): options 17 (MRRU), 18 (Short Sequence Number Header
 * Format) and 19 (Endpoint Discriminator). */
#ifndef GREYLINE_LCP_MULTILINK_H
#define GREYLINE_LCP_MULTILINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "option.h"

/* RFC 1990 §5.1.3. */
enum endpoint_class {
	ENDPOINT_NULL,
	ENDPOINT_LOCAL, /* locally assigned: anything */
	ENDPOINT_IP,
	ENDPOINT_MAC,
	ENDPOINT_MAGIC,
	ENDPOINT_PHONE, /* a directory number */
	ENDPOINT_CLASSES,
};

enum { ENDPOINT_MAX = 20, ENDPOINT_PHONE_MAX = 15 };

struct endpoint {
	uint8_t class; /* enum endpoint_class, or one not assigned yet */
	uint8_t length;
	uint8_t value[ENDPOINT_MAX];
};

const char *endpoint_class_word(uint8_t class); /* pppd's; NULL for one not assigned */
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);
/* As pppd writes it: "local:0a1b", "IP:192.0.2.1", "MAC:00:11:22:33:44:55". */
void text_endpoint(struct text *t, const struct endpoint *endpoint);

/* A link's part in multilink; the memory is the owner's, one for each link that may be bundled. */
struct lcp_multilink {
	bool ask, ask_short, ask_endpoint; /* what is still in our request */
	uint16_t mrru;                     /* ours */
	struct lcp_multilink_peer {
		uint16_t mrru; /* 0: it does not want multilink */
		bool short_sequence;
		struct endpoint endpoint;
	} peer;
};

struct link;

/* For lcp_option.c: the start of a negotiation, that of a request judged, our options. */
void lcp_multilink_wish(struct link *link);
void lcp_multilink_begin(struct link *link);
void lcp_multilink_request(const struct link *link, struct writer *w);

/* Rows of LCP's option table. */
enum option_verdict judge_mrru(
	void *owner, const struct option_kind *kind, struct reader value, struct writer *wanted);
void naked_mrru(void *owner, const struct option_kind *kind, struct reader value);
void rejected_mrru(void *owner, const struct option_kind *kind);
enum option_verdict judge_ssnhf(
	void *owner, const struct option_kind *kind, struct reader value, struct writer *wanted);
void naked_ssnhf(void *owner, const struct option_kind *kind, struct reader value);
void rejected_ssnhf(void *owner, const struct option_kind *kind);
enum option_verdict judge_endpoint(
	void *owner, const struct option_kind *kind, struct reader value, struct writer *wanted);
void naked_endpoint(void *owner, const struct option_kind *kind, struct reader value);
void rejected_endpoint(void *owner, const struct option_kind *kind);
void print_endpoint(struct text *t, struct reader value);

#endif
