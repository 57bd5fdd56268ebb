/* The option walker (see option.h). RFC 1661 §5.2 to §5.4 and §6.
 *
 * An option whose length does not fit the packet makes the packet unparsable, and it is discarded
 * whole. An option of a known type with another length than its own is a disagreement like any
 * other and gets a Configure-Nak with a right one (RFC 1661 §6). No option of these protocols may
 * come twice; the second is rejected. */
#include "option.h"

#include <assert.h>

enum { HEADER = 2, VALUE_MAX = 253 };

struct option {
	uint8_t type, length;
	const uint8_t *start; /* of its header */
	struct reader value;
};

/* The next option of a list; false at its end or, with `r->failed`, at the first malformed one. */
static bool next_option(struct reader *r, struct option *o)
{
	if (r->failed || reader_left(r) == 0)
		return false;
	o->start = r->at;
	o->type = read_u8(r);
	o->length = read_u8(r);
	if (r->failed || o->length < HEADER) {
		r->failed = true;
		return false;
	}
	o->value = read_slice(r, (size_t)o->length - HEADER);
	return !r->failed;
}

static bool well_formed(const uint8_t *options, size_t length)
{
	struct reader r = reader_over(options, length);
	struct option o;
	while (next_option(&r, &o))
		;
	return !r.failed;
}

static const struct option_kind *find_kind(const struct option_set *set, uint8_t type)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->kinds[i].type == type)
			return &set->kinds[i];
	return NULL;
}

/* The value as a judge may see it: nothing at all when the length is not the type's own. */
static struct reader bounded_value(const struct option_kind *kind, const struct option *o)
{
	if (o->length >= kind->length_min && o->length <= kind->length_max)
		return o->value;
	struct reader none = reader_over(NULL, 0);
	none.failed = true;
	return none;
}

static enum option_verdict judge_one(const struct option_set *set, void *owner,
	const struct option *o, uint32_t *seen, struct writer *wanted)
{
	const struct option_kind *kind = find_kind(set, o->type);
	if (!kind || !kind->judge)
		return OPTION_REJECT;
	uint32_t bit = (uint32_t)1 << (kind - set->kinds);
	if (*seen & bit)
		return OPTION_REJECT;
	*seen |= bit;
	return kind->judge(owner, kind, bounded_value(kind, o), wanted);
}

bool option_judge(const struct option_set *set, void *owner, const uint8_t *options, size_t length,
	bool patient, struct writer *reply, enum option_verdict *verdict)
{
	assert(set->count <= 32);
	if (!well_formed(options, length))
		return false;
	set->begin(owner);
	*verdict = OPTION_ACK;
	uint32_t seen = 0;
	struct reader r = reader_over(options, length);
	struct option o;
	while (next_option(&r, &o)) {
		uint8_t value[VALUE_MAX];
		struct writer wanted = writer_over(value, sizeof value);
		enum option_verdict one = judge_one(set, owner, &o, &seen, &wanted);
		if (one == OPTION_NAK && !patient)
			one = OPTION_REJECT;
		if (one > *verdict) {
			*verdict = one;
			*reply = writer_over(reply->start, (size_t)(reply->end - reply->start));
		}
		if (one != *verdict || one == OPTION_ACK)
			continue;
		if (one == OPTION_REJECT) {
			write_bytes(reply, o.start, o.length);
		} else {
			assert(!wanted.failed);
			write_u8(reply, o.type);
			write_u8(reply, (uint8_t)(HEADER + writer_length(&wanted)));
			write_bytes(reply, value, writer_length(&wanted));
		}
	}
	if (set->missing && patient && *verdict != OPTION_REJECT) {
		set->missing(owner, seen, reply);
		if (writer_length(reply))
			*verdict = OPTION_NAK;
	}
	return !reply->failed;
}

bool option_naked(const struct option_set *set, void *owner, const uint8_t *options, size_t length)
{
	if (!well_formed(options, length))
		return false;
	struct reader r = reader_over(options, length);
	struct option o;
	while (next_option(&r, &o)) {
		const struct option_kind *kind = find_kind(set, o.type);
		if (kind && kind->naked)
			kind->naked(owner, kind, bounded_value(kind, &o));
	}
	return true;
}

/* Whether every option of `options` stands in `request`, in the same order. */
static bool is_part_of(
	const uint8_t *request, size_t request_length, const uint8_t *options, size_t length)
{
	struct reader asked = reader_over(request, request_length);
	struct reader r = reader_over(options, length);
	struct option o, ours;
	while (next_option(&r, &o)) {
		do {
			if (!next_option(&asked, &ours))
				return false;
		} while (ours.length != o.length || memcmp(ours.start, o.start, o.length) != 0);
	}
	return !r.failed;
}

bool option_rejected(const struct option_set *set, void *owner, const uint8_t *request,
	size_t request_length, const uint8_t *options, size_t length)
{
	if (length == 0 || !is_part_of(request, request_length, options, length))
		return false;
	struct reader r = reader_over(options, length);
	struct option o;
	while (next_option(&r, &o)) {
		const struct option_kind *kind = find_kind(set, o.type);
		if (kind && kind->rejected)
			kind->rejected(owner, kind);
	}
	return true;
}

static void print_one(struct text *t, const struct option_kind *kind, const struct option *o)
{
	text_char(t, ' ');
	if (!kind) {
		text_add(t, "option-");
		text_unsigned(t, o->type);
	} else {
		text_add(t, kind->name);
	}
	if (kind && kind->print && !bounded_value(kind, o).failed) {
		text_char(t, ' ');
		kind->print(t, o->value);
	} else if (reader_left(&o->value)) {
		text_char(t, ' ');
		text_hex_bytes(t, o->value.at, reader_left(&o->value));
	}
}

void option_print(
	struct text *t, const struct option_set *set, const uint8_t *options, size_t length)
{
	struct reader r = reader_over(options, length);
	struct option o;
	while (next_option(&r, &o))
		print_one(t, set ? find_kind(set, o.type) : NULL, &o);
	if (r.failed)
		text_add(t, " [malformed option]");
}
