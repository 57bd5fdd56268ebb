/* Finding options, and how a word becomes a value (see options.h, option_table.c). */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "values.h"

static const struct {
	const char *name;
	uint8_t section;
} sections[] = {{"greyline", SECTION_GREYLINE}, {"server", SECTION_SERVER},
	{"client", SECTION_CLIENT}, {"ppp", SECTION_PPP}, {"link", SECTION_LINK}};

enum { SECTIONS = sizeof sections / sizeof sections[0] };

uint8_t section_of(const char *name)
{
	if (!*name)
		return SECTION_GREYLINE;
	for (size_t i = 0; i < SECTIONS; i++)
		if (!strcmp(sections[i].name, name))
			return sections[i].section;
	return 0;
}

const char *section_nearest(const char *wrong)
{
	const char *words[SECTIONS];
	for (size_t i = 0; i < SECTIONS; i++)
		words[i] = sections[i].name;
	return name_nearest(words, SECTIONS, wrong);
}

const struct option *option_find(const char *name)
{
	for (size_t i = 0; i < option_count; i++)
		if (!strcmp(option_table[i].name, name))
			return &option_table[i];
	return NULL;
}

const struct option *option_find_negated(const char *name, bool *negated)
{
	const struct option *option = option_find(name);
	*negated = false;
	if (option || strncmp(name, "no", 2) != 0)
		return option;
	option = option_find(name + 2 + (name[2] == '-')); /* no-mppe, and pppd's novj */
	if (!option || option->type != OPTION_FLAG)
		return NULL;
	*negated = true;
	return option;
}

const char *option_nearest(const char *wrong, uint32_t commands, uint8_t in_sections)
{
	const char *words[OPTIONS_MAX];
	size_t count = 0;
	for (size_t i = 0; i < option_count && count < OPTIONS_MAX; i++) {
		const struct option *option = &option_table[i];
		if ((!commands || option->commands & commands) &&
			(!in_sections || option->sections & in_sections))
			words[count++] = option->name;
	}
	return name_nearest(words, count, wrong);
}

static bool complain(char error[OPTION_ERROR_MAX], const char *what, const char *value)
{
	char shown[48];
	snprintf(error, OPTION_ERROR_MAX, "%s, not '%s'", what,
		fault_word(shown, value, strlen(value)));
	return false;
}

static bool store_flag(bool *flag, const char *value, bool negated, char error[OPTION_ERROR_MAX])
{
	static const char *const words[2][4] = {
		{"no", "false", "off", "0"}, {"yes", "true", "on", "1"}};
	for (unsigned on = 0; on < 2; on++)
		for (unsigned i = 0; value && i < 4; i++)
			if (!strcmp(value, words[on][i])) {
				*flag = on != negated;
				return true;
			}
	if (value)
		return complain(error, "yes or no is expected", value);
	*flag = !negated;
	return true;
}

static bool store_mask(const struct option *option, uint32_t *mask, const char *value,
	char error[OPTION_ERROR_MAX])
{
	bool set = true;
	if (!store_flag(&set, value, false, error))
		return false;
	if (set)
		*mask |= option->low;
	else
		*mask &= ~option->low;
	return true;
}

static bool store_number(const struct option *option, uint32_t *number, const char *value,
	char error[OPTION_ERROR_MAX])
{
	uint32_t parsed;
	if (!value_number(value, &parsed) || parsed < option->low || parsed > option->high) {
		char what[80];
		snprintf(what, sizeof what, "a number from %u to %u is expected", option->low,
			option->high);
		return complain(error, what, value);
	}
	*number = parsed;
	return true;
}

static bool store_choice(const struct option *option, uint32_t *choice, const char *value,
	char error[OPTION_ERROR_MAX])
{
	char what[128] = "one of";
	for (const struct option_choice *c = option->choices; c->word; c++) {
		if (!strcmp(c->word, value)) {
			*choice = c->value;
			return true;
		}
		size_t used = strlen(what);
		snprintf(what + used, sizeof what - used, " %s", c->word);
	}
	strncat(what, " is expected", sizeof what - strlen(what) - 1);
	return complain(error, what, value);
}

static char *copy_text(const char *value)
{
	char *copy = strdup(value);
	if (!copy)
		abort(); /* start-up, a few bytes: there is nothing left to run on */
	return copy;
}

static void *grown(void *list, size_t count, size_t size)
{
	void *larger = realloc(list, (count + 1) * size);
	if (!larger)
		abort();
	return larger;
}

/* A comma-separated word at a time, each given to the type's own function. */
static bool each_word(const struct option *option, void *target, const char *value,
	bool (*store)(void *target, const char *word), const char *what,
	char error[OPTION_ERROR_MAX])
{
	char word[128];
	do {
		size_t length = strcspn(value, ",");
		if (length >= sizeof word)
			return complain(error, what, value);
		memcpy(word, value, length);
		word[length] = '\0';
		if (!store(target, word))
			return complain(error, what, word);
		value += length;
	} while (*value++ == ',');
	return true;
}

static bool add_pair(void *target, const char *word)
{
	struct address_pair *pair = target;
	uint32_t address;
	if (pair->count == 2 || !value_ipv4(word, &address) || !address)
		return false;
	pair->at[pair->count++] = address;
	return true;
}

static bool add_prefix(void *target, const char *word)
{
	struct prefix_list *list = target;
	struct prefix prefix;
	if (!value_prefix(word, &prefix, true))
		return false;
	list->at = grown(list->at, list->count, sizeof prefix);
	list->at[list->count++] = prefix;
	return true;
}

static bool add_range(void *target, const char *word)
{
	struct range_list *list = target;
	struct ipv4_range range;
	if (!value_range(word, &range))
		return false;
	list->at = grown(list->at, list->count, sizeof range);
	list->at[list->count++] = range;
	return true;
}

static void empty_list(const struct option *option, void *target)
{
	struct text_list *texts = target;
	struct prefix_list *prefixes = target;
	struct range_list *ranges = target;
	struct address_pair *pair = target;
	switch (option->type) {
	case OPTION_TEXTS:
		while (texts->count)
			free(texts->at[--texts->count]);
		break;
	case OPTION_PREFIXES:
		prefixes->count = 0;
		break;
	case OPTION_RANGES:
		ranges->count = 0;
		break;
	case OPTION_PAIR:
		pair->count = 0;
		break;
	case OPTION_FLAG:
	case OPTION_MASK:
	case OPTION_NUMBER:
	case OPTION_TEXT:
	case OPTION_CHOICE:
	case OPTION_ADDRESS:
		break;
	}
}

static bool text_fits(const struct option *option, const char *value, char error[OPTION_ERROR_MAX])
{
	if (!*value)
		return complain(error, "a word is expected", value);
	return !option->fits || option->fits(value) || complain(error, option->expected, value);
}

static void store_text(char **target, const char *value)
{
	free(*target);
	*target = copy_text(value);
}

static void add_text(struct text_list *list, const char *value)
{
	list->at = grown(list->at, list->count, sizeof *list->at);
	list->at[list->count++] = copy_text(value);
}

bool option_store(const struct option *option, struct settings *settings, const char *value,
	bool negated, bool fresh, char error[OPTION_ERROR_MAX])
{
	void *target = (char *)settings + option->offset;
	if (!value && option->type != OPTION_FLAG && option->type != OPTION_MASK) {
		snprintf(error, OPTION_ERROR_MAX, "'%s' needs a value: %s", option->name,
			option->argument);
		return false;
	}
	if (fresh)
		empty_list(option, target);
	switch (option->type) {
	case OPTION_FLAG:
		if (!store_flag(target, value, negated, error))
			return false;
		if (option->also && (*(const bool *)target || option->low))
			*(bool *)((char *)settings + option->also) = true;
		return true;
	case OPTION_MASK:
		return store_mask(option, target, value, error);
	case OPTION_NUMBER:
		return store_number(option, target, value, error);
	case OPTION_TEXT:
		if (!text_fits(option, value, error))
			return false;
		store_text(target, value);
		return true;
	case OPTION_TEXTS:
		if (!text_fits(option, value, error))
			return false;
		add_text(target, value);
		return true;
	case OPTION_CHOICE:
		return store_choice(option, target, value, error);
	case OPTION_ADDRESS:
		return value_address(value, target) ||
		       complain(error, "an address is expected", value);
	case OPTION_PAIR:
		return each_word(option, target, value, add_pair,
			"an IPv4 address is expected, two of them at most", error);
	case OPTION_PREFIXES:
		return each_word(option, target, value, add_prefix,
			"a network as 10.0.0.0/8 is expected", error);
	case OPTION_RANGES:
		return each_word(option, target, value, add_range,
			"addresses as 10.0.0.0/24, 10.0.0.5 or 10.0.0.5-9 are expected", error);
	}
	return false;
}
