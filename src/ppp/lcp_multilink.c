/* LCP's multilink options (see lcp_multilink.h). RFC 1990 §5.1.
 *
 * Multilink is agreed when both sides have sent an MRRU and each has taken the other's: as pppd has
 * it, a bundle works both ways or not at all. A peer that rejects our MRRU gets none of the other
 * two options either.
 *
 * The short format is asked for by who receives (§5.1.2): our own option says how the peer is to
 * number its fragments, the peer's how we number ours. */
#include "lcp_multilink.h"

#include <string.h>

#include "address.h"
#include "limits.h"
#include "link.h"
#include "text.h"

enum { OPTION_MRRU = 17, OPTION_SSNHF = 18, OPTION_DISCRIMINATOR = 19 };

const char *endpoint_class_word(uint8_t class)
{
	static const char *const words[ENDPOINT_CLASSES] = {
		"null", "local", "IP", "MAC", "magic", "phone"};

	return class < ENDPOINT_CLASSES ? words[class] : NULL;
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->class == b->class && a->length == b->length &&
	       memcmp(a->value, b->value, a->length) == 0;
}

static void text_mac(struct text *t, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (i)
			text_char(t, ':');
		text_hex(t, bytes[i], 2);
	}
}

void text_endpoint(struct text *t, const struct endpoint *endpoint)
{
	const char *word = endpoint_class_word(endpoint->class);
	const uint8_t *value = endpoint->value;
	size_t length = endpoint->length;

	if (word) {
		text_add(t, word);
	} else {
		text_add(t, "class-");
		text_unsigned(t, endpoint->class);
	}
	text_char(t, ':');
	if (endpoint->class == ENDPOINT_IP && length == 4)
		text_ipv4(t, get_u32(value));
	else if (endpoint->class == ENDPOINT_MAC)
		text_mac(t, value, length);
	else if (endpoint->class == ENDPOINT_PHONE)
		text_quoted(t, value, length);
	else
		text_hex_bytes(t, value, length);
}

void link_multilink(struct link *link, struct lcp_multilink *memory)
{
	link->multilink = memory;
	if (!memory)
		return;
	*memory = (struct lcp_multilink){0};
	lcp_multilink_wish(link);
}

bool link_bundles(const struct link *link)
{
	return link->multilink && link->multilink->ask && link->multilink->peer.mrru;
}

void lcp_multilink_wish(struct link *link)
{
	struct lcp_multilink *m = link->multilink;
	const struct link_config *config = link->config;

	if (!m)
		return;
	m->ask = config->mrru != 0;
	m->mrru = config->mrru;
	m->ask_short = m->ask && config->ask_short_sequence;
	m->ask_endpoint = m->ask && config->endpoint.class != ENDPOINT_NULL;
}

void lcp_multilink_begin(struct link *link)
{
	if (link->multilink)
		link->multilink->peer = (struct lcp_multilink_peer){0};
}

void lcp_multilink_request(const struct link *link, struct writer *w)
{
	const struct lcp_multilink *m = link->multilink;
	const struct endpoint *endpoint = &link->config->endpoint;

	if (!m)
		return;
	if (m->ask) {
		write_u8(w, OPTION_MRRU);
		write_u8(w, 4);
		write_u16(w, m->mrru);
	}
	if (m->ask_short) {
		write_u8(w, OPTION_SSNHF);
		write_u8(w, 2);
	}
	if (m->ask_endpoint) {
		write_u8(w, OPTION_DISCRIMINATOR);
		write_u8(w, (uint8_t)(3 + endpoint->length));
		write_u8(w, endpoint->class);
		write_bytes(w, endpoint->value, endpoint->length);
	}
}

/* Judging the peer's. What it takes beyond our own bound is not used. */

static struct lcp_multilink *wanted_of(void *owner)
{
	struct link *link = owner;

	return link->config->mrru ? link->multilink : NULL;
}

enum option_verdict judge_mrru(
	void *owner, const struct option_kind *kind, struct reader value, struct writer *wanted)
{
	struct lcp_multilink *m = wanted_of(owner);
	uint16_t mrru = read_u16(&value);

	if (!m)
		return OPTION_REJECT;
	if (value.failed || mrru < PPP_MRU_MIN) {
		write_u16(wanted, PPP_MRU_DEFAULT);
		return OPTION_NAK;
	}
	m->peer.mrru = mrru < MRRU_MAX ? mrru : MRRU_MAX;
	return OPTION_ACK;
}

enum option_verdict judge_ssnhf(
	void *owner, const struct option_kind *kind, struct reader value, struct writer *wanted)
{
	struct lcp_multilink *m = wanted_of(owner);

	if (!m || value.failed)
		return OPTION_REJECT;
	m->peer.short_sequence = true;
	return OPTION_ACK;
}

enum option_verdict judge_endpoint(
	void *owner, const struct option_kind *kind, struct reader value, struct writer *wanted)
{
	struct lcp_multilink *m = wanted_of(owner);
	struct endpoint endpoint = {.class = read_u8(&value)};

	if (!m || value.failed || reader_left(&value) > ENDPOINT_MAX)
		return OPTION_REJECT;
	endpoint.length = (uint8_t)reader_left(&value);
	memcpy(endpoint.value, value.at, endpoint.length);
	m->peer.endpoint = endpoint;
	return OPTION_ACK;
}

/* The peer's answers to ours. */

void naked_mrru(void *owner, const struct option_kind *kind, struct reader value)
{
	struct lcp_multilink *m = ((struct link *)owner)->multilink;
	uint16_t mrru = read_u16(&value);

	if (!m || value.failed || !m->ask)
		return;
	if (mrru < PPP_MRU_MIN)
		mrru = PPP_MRU_MIN;
	m->mrru = mrru < MRRU_MAX ? mrru : MRRU_MAX;
}

void rejected_mrru(void *owner, const struct option_kind *kind)
{
	struct lcp_multilink *m = ((struct link *)owner)->multilink;

	if (m)
		m->ask = m->ask_short = m->ask_endpoint = false;
}

void rejected_ssnhf(void *owner, const struct option_kind *kind)
{
	struct lcp_multilink *m = ((struct link *)owner)->multilink;

	if (m)
		m->ask_short = false;
}

void naked_ssnhf(void *owner, const struct option_kind *kind, struct reader value)
{
	rejected_ssnhf(owner, kind);
}

void rejected_endpoint(void *owner, const struct option_kind *kind)
{
	struct lcp_multilink *m = ((struct link *)owner)->multilink;

	if (m)
		m->ask_endpoint = false;
}

/* We are who we are. */
void naked_endpoint(void *owner, const struct option_kind *kind, struct reader value)
{
	rejected_endpoint(owner, kind);
}

void print_endpoint(struct text *t, struct reader value)
{
	struct endpoint endpoint = {.class = read_u8(&value)};

	if (value.failed || reader_left(&value) > ENDPOINT_MAX) {
		text_add(t, "[too long]");
		return;
	}
	endpoint.length = (uint8_t)reader_left(&value);
	memcpy(endpoint.value, value.at, endpoint.length);
	text_endpoint(t, &endpoint);
}
