/* Configuration options (RFC 1661 §6): one walker for LCP, CCP and IPCP.
 *
 * Each protocol gives a const table of the options it knows. The walker bounds every option before
 * anybody looks into it, asks the table, and builds the reply. */
#ifndef GREYLINE_OPTION_H
#define GREYLINE_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "text.h"

/* In the order of precedence: one rejected option makes the whole answer a Configure-Reject. */
enum option_verdict { OPTION_ACK, OPTION_NAK, OPTION_REJECT };

struct option_kind {
	uint8_t type;
	uint8_t length_min, length_max; /* of the whole option: type and length are 2 of it */
	const char *name;               /* as printed */

	/* Of the peer's Configure-Request. `value` is the option without its header; it is empty
	 * and `failed` when its length lies outside of the bounds above. For OPTION_NAK the wanted
	 * value (without header) goes to `wanted`, which takes up to 253 bytes. NULL: rejected. */
	enum option_verdict (*judge)(void *owner, const struct option_kind *kind,
		struct reader value, struct writer *wanted);
	/* Of ours: the peer would rather see `value` (bounded and failed as above), or does not
	 * want the option at all. NULL: we never send it. */
	void (*naked)(void *owner, const struct option_kind *kind, struct reader value);
	void (*rejected)(void *owner, const struct option_kind *kind);

	/* One readable value; NULL prints hex. `value` is failed when its length is wrong. */
	void (*print)(struct text *t, struct reader value);
};

struct option_set {
	const struct option_kind *kinds;
	size_t count; /* at most 32 */
	/* A Configure-Request is about to be judged: forget what the last one said. */
	void (*begin)(void *owner);
	/* All options were seen (bit n: kinds[n]): adds, to a Configure-Nak, whole options the peer
	 * should have sent. May be NULL. */
	void (*missing)(void *owner, uint32_t seen, struct writer *reply);
};

/* Judges the options of a Configure-Request. `reply` receives the options of the Configure-Nak or
 * Configure-Reject; the Ack repeats the request and needs none. `patient`: false turns every Nak
 * into a Reject (Max-Failure reached, RFC 1661 §4.6). False when the options are malformed: the
 * packet is to be discarded. */
bool option_judge(const struct option_set *set, void *owner, const uint8_t *options, size_t length,
	bool patient, struct writer *reply, enum option_verdict *verdict);

/* A Configure-Nak for our request. Options we do not know are passed over. False: malformed, and
 * nothing was changed. */
bool option_naked(const struct option_set *set, void *owner, const uint8_t *options, size_t length);

/* A Configure-Reject for `request`: must consist of options of it, unchanged and in order. False:
 * it does not, and nothing was changed. */
bool option_rejected(const struct option_set *set, void *owner, const uint8_t *request,
	size_t request_length, const uint8_t *options, size_t length);

/* " name value" for each option; malformed ends are said so. `set` NULL: no names. */
void option_print(
	struct text *t, const struct option_set *set, const uint8_t *options, size_t length);

#endif
