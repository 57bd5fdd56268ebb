/* Reading pppd's options (see pppd_words.h): words of a file into entries, an entry into keys of
 * the option table. The grammar of words is words.c's, pppd's own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pppd_words.h"

void pppd_unknown(const char *name, const struct place *at, struct faults *faults)
{
	char shown[48];
	const char *nearest = pppd_word_nearest(name);
	fault_word(shown, name, strlen(name));
	if (nearest)
		fault(faults, at, "unrecognized option '%s' (did you mean '%s'?)", shown, nearest);
	else
		fault(faults, at, "unrecognized option '%s'", shown);
}

void pppd_read(const char *file, const char *bytes, size_t length, const struct pppd_sink *sink,
	struct faults *faults)
{
	struct words words = words_over(file, bytes, length, faults);
	struct word name, value;
	while (words_next(&words, &name)) {
		struct pppd_entry entry = {.name = name.bytes, .at = name.at, .value_at = name.at};
		if (name.bad)
			return; /* what is a name from here on, and what a value? */
		entry.word = pppd_word_find(name.bytes);
		if (!entry.word) {
			pppd_unknown(name.bytes, &name.at, faults);
			return;
		}
		if (entry.word->argument) {
			if (!words_next(&words, &value)) {
				fault(faults, &name.at, "too few parameters for option '%s'",
					entry.word->name);
				return;
			}
			entry.value = value.bytes;
			entry.value_at = value.at;
			if (value.bad)
				continue;
		}
		sink->entry(sink->context, &entry);
	}
}

/* Text that lasts as long as the pairs. */
static const char *keep(struct pppd_pairs *pairs, const char *text, size_t length, const char *more)
{
	char *kept = pairs->scratch + pairs->used;
	size_t room = sizeof pairs->scratch - pairs->used;
	int used = snprintf(kept, room, "%.*s%s", (int)length, text, more);
	pairs->used += (size_t)used < room ? (size_t)used + 1 : room;
	return kept;
}

/* Numbers as pppd takes them, written as the option table takes them. */
static bool number(const struct pppd_entry *entry, struct pppd_pairs *pairs, const char **value,
	struct faults *faults)
{
	char *end, text[24], shown[48];
	unsigned long parsed = strtoul(entry->value, &end, 0);
	if (end == entry->value || *end || *entry->value == '-' || parsed > UINT32_MAX) {
		fault(faults, &entry->value_at, "invalid numeric parameter '%s' for %s option",
			fault_word(shown, entry->value, strlen(entry->value)), entry->word->name);
		return false;
	}
	*value = keep(pairs, text, (size_t)snprintf(text, sizeof text, "%lu", parsed), "");
	return true;
}

/* One word of `does`: key, no-key, key=word, key=%, key=word%. */
static void add(struct pppd_pairs *pairs, const char *text, size_t length, const char *value)
{
	const char *equals = memchr(text, '=', length);
	size_t name = equals ? (size_t)(equals - text) : length;
	unsigned at = pairs->count++;
	bool negated = !equals && strncmp(text, "no-", 3) == 0;
	snprintf(pairs->at[at].key, sizeof pairs->at[at].key, "%.*s",
		(int)(negated ? name - 3 : name), negated ? text + 3 : text);
	pairs->at[at].negated = negated;
	pairs->at[at].value = NULL;
	if (!equals)
		return;
	bool given = text[length - 1] == '%';
	size_t word = length - name - 1 - given;
	pairs->at[at].value =
		word || !given ? keep(pairs, equals + 1, word, given ? value : "") : value;
}

/* An address, or a name that will have to be looked up; 0.0.0.0 says as little as nothing. */
static bool end(const char *word, const char *key, struct pppd_pairs *pairs)
{
	static const char name[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "-._";
	if (*word && strcmp(word, "0.0.0.0") != 0)
		add(pairs, key, strlen(key), word);
	return !word[strspn(word, name)];
}

static bool ends(const struct pppd_entry *entry, struct pppd_pairs *pairs, struct faults *faults)
{
	char shown[48], *colon, *local = pairs->scratch;
	keep(pairs, entry->name, strlen(entry->name), "");
	colon = strchr(local, ':');
	if (colon) {
		*colon = '\0';
		if (end(local, "local=%", pairs) && end(colon + 1, "remote=%", pairs))
			return true;
	}
	fault(faults, &entry->at, "'%s': addresses as LOCAL:REMOTE are expected",
		fault_word(shown, entry->name, strlen(entry->name)));
	return false;
}

bool pppd_pairs(const struct pppd_entry *entry, struct pppd_pairs *pairs, struct faults *faults)
{
	const struct pppd_word *word = entry->word;
	const char *value = entry->value, *at = word->does;
	pairs->count = 0;
	pairs->used = 0;
	if (word->kind == PPPD_ENDS)
		return ends(entry, pairs, faults);
	if (word->own == PPPD_REQUIRE) {
		const char *method = strncmp(word->does, "eap", 3) == 0 ? "eap" : word->does;
		pairs->count = 1;
		snprintf(pairs->at[0].key, sizeof pairs->at[0].key, "require-%s", method);
		pairs->at[0].value = NULL;
		pairs->at[0].negated = false;
		return true;
	}
	if (word->flags & PPPD_NUMBER && !number(entry, pairs, &value, faults))
		return false;
	if (word->kind != PPPD_KEYS)
		return true;
	if (!word->argument)
		value = entry->name; /* the speed */
	for (size_t length; *at; at += length + (at[length] == ' ')) {
		length = strcspn(at, " ");
		add(pairs, at, length, value);
	}
	return true;
}
