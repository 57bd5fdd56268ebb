/* The sources of pppd's options and who wins (see pppd_options.h; pppd(8) OPTIONS FILES, SECURITY).
 *
 * Files rank below the command line, whichever is read later; a word that pppd marks so is final
 * when a privileged source has said it. What is not ranked is as the last one said. Privileged
 * sources are /etc/ppp/options, options.TTY, what `call` names, and everything when root asks. A
 * file inside a file has the rank of who named it. */
#include "pppd_options.h"

#include <errno.h>
#include <linux/limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "options.h"
#include "pppd_own.h"
#include "slurp.h"
#include "values.h"

enum { RANK_FILE = 1, RANK_LINE = 2, RANK_FINAL = 100, OPTIONS_FILE_MAX = 1 << 20, DEPTH_MAX = 16 };

static const char command_line[] = "command line";

/* What is being read. */
struct source {
	struct pppd_options *options;
	const char *name;
	int rank;
	bool privileged, device_fixed;
};

static int rank_of(
	const struct pppd_options *options, const struct pppd_word *word, const char **source)
{
	const struct pppd_word *group = pppd_word_main(word);
	int rank = 0;
	for (size_t i = 0; i < options->said_count; i++) {
		const struct pppd_said *said = &options->said[i];
		if (said->rank < rank || pppd_word_main(said->word) != group)
			continue;
		rank = said->rank;
		*source = said->source;
	}
	return rank;
}

static bool is_variable(const struct pppd_word *word)
{
	return !strcmp(word->name, "set") || !strcmp(word->name, "unset");
}

static bool same_variable(const char *a, const char *b)
{
	size_t length = strcspn(a, "=");
	return length == strcspn(b, "=") && !strncmp(a, b, length);
}

/* A variable of the scripts that was set or unset by who is above `source`. */
static bool variable_taken(const struct source *source, const struct pppd_entry *entry)
{
	const struct pppd_options *options = source->options;
	if (source->privileged || !is_variable(entry->word))
		return false;
	for (size_t i = 0; i < options->said_count; i++)
		if (options->said[i].privileged && is_variable(options->said[i].word) &&
			same_variable(options->said[i].value, entry->value))
			return true;
	return false;
}

static void drop_variable(struct text_list *list, const char *variable)
{
	size_t kept = 0;
	for (size_t i = 0; i < list->count; i++) {
		if (same_variable(list->at[i], variable))
			free(list->at[i]);
		else
			list->at[kept++] = list->at[i];
	}
	list->count = kept;
}

/* Whether what was said before is not in effect any more when `word` is. */
static bool replaces(const struct pppd_word *word, const struct pppd_word *before)
{
	if (word->own == PPPD_REQUIRE || !(word->flags & PPPD_RANKED))
		return false;
	return pppd_word_main(word) == pppd_word_main(before);
}

static void forget(struct pppd_said *said)
{
	free(said->name);
	free(said->value);
	free(said->source);
}

static void remember(struct source *source, const struct pppd_entry *entry, int rank)
{
	struct pppd_options *options = source->options;
	size_t kept = 0;
	for (size_t i = 0; i < options->said_count; i++) {
		if (replaces(entry->word, options->said[i].word))
			forget(&options->said[i]);
		else
			options->said[kept++] = options->said[i];
	}
	options->said_count = kept;
	struct pppd_said *said = realloc(options->said, (kept + 1) * sizeof *said);
	if (!said)
		abort(); /* start-up, a few bytes: there is nothing left to run on */
	options->said = said;
	bool secret = entry->word->flags & PPPD_SECRET;
	said[kept] = (struct pppd_said){.word = entry->word,
		.name = strdup(entry->name),
		.value = entry->value ? strdup(secret ? "??????" : entry->value) : NULL,
		.source = strdup(source->name),
		.rank = rank,
		.privileged = source->privileged};
	options->said_count++;
}

static bool is_channel(const struct pppd_word *word)
{
	return word->own == PPPD_DEVICE || word->own == PPPD_NOTTY || !strcmp(word->name, "pty");
}

/* Whether this source may say it now; what it says otherwise is told, or passed over. */
static bool may_say(struct source *source, const struct pppd_entry *entry, int rank)
{
	const struct pppd_word *word = entry->word;
	struct faults *faults = source->options->faults;
	const char *by = "";
	int before = rank_of(source->options, word, &by);
	if (word->flags & PPPD_RANKED && rank < before) {
		if (rank == RANK_LINE && before > RANK_FINAL)
			fault(faults, &entry->at, "%s option set in %s cannot be overridden",
				word->name, by);
		return false;
	}
	if (word->flags & PPPD_ROOT && !source->privileged) {
		fault(faults, &entry->at, "using the %s option requires root privilege",
			word->name);
		return false;
	}
	if (is_channel(word) && source->device_fixed) {
		fault(faults, &entry->at, "the %s option may not be changed in %s", word->name,
			source->name);
		return false;
	}
	return true;
}

/* A name in LOCAL:REMOTE, as pppd has it; the peer's is its name for authentication, too. */
static bool look_up(struct pppd_options *options, const char *key, const char *name,
	const struct place *at, char text[16])
{
	struct addrinfo wanted = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
	uint32_t address;
	char shown[48];
	if (value_ipv4(name, &address)) {
		snprintf(text, 16, "%s", name);
		return true;
	}
	if (options->memory || getaddrinfo(name, NULL, &wanted, &found)) {
		fault(options->faults, at, "unknown host: %s",
			fault_word(shown, name, strlen(name)));
		return false;
	}
	struct sockaddr_in in;
	memcpy(&in, found->ai_addr, sizeof in);
	freeaddrinfo(found);
	address = ntohl(in.sin_addr.s_addr);
	snprintf(text, 16, "%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255,
		address & 255);
	if (!strcmp(key, "remote") && !options->settings->remote_name)
		options->settings->remote_name = strdup(name);
	return true;
}

/* pppd takes any number; what is beyond our range is taken for its end. */
static const char *within(struct pppd_options *options, const struct option *option,
	const char *value, const struct place *at, char text[16])
{
	uint32_t number;
	if (option->type != OPTION_NUMBER || !value_number(value, &number) ||
		number <= option->high)
		return value;
	fault_warning(options->faults, at, "%s %u: %u is the most here", option->name, number,
		option->high);
	snprintf(text, 16, "%u", option->high);
	return text;
}

static bool store(struct pppd_options *options, const struct pppd_entry *entry, const char *key,
	const char *value, bool negated)
{
	const struct option *option = option_find(key);
	char error[OPTION_ERROR_MAX], text[16];
	if (!option) {
		fault(options->faults, &entry->at, "%s: this program was built without it",
			entry->word->name);
		return false;
	}
	if (value && !*value && option->type == OPTION_TEXT) {
		char **target = (char **)((char *)options->settings + option->offset);
		free(*target);
		*target = NULL;
		return true;
	}
	if (entry->word->kind == PPPD_ENDS) {
		if (!look_up(options, key, value, &entry->at, text))
			return false;
		value = text;
	} else if (value) {
		value = within(options, option, value, &entry->value_at, text);
	}
	if (option_store(option, options->settings, value, negated, false, error))
		return true;
	fault(options->faults, &entry->value_at, "%s: %s", entry->word->name, error);
	return false;
}

static bool take(struct source *source, const struct pppd_entry *entry)
{
	struct pppd_options *options = source->options;
	const struct pppd_word *word = entry->word;
	struct pppd_pairs pairs;
	if (word->kind == PPPD_NEVER) {
		fault(options->faults, &entry->at, "%s: %s", word->name, word->does);
		return false;
	}
	if (!pppd_pairs(entry, &pairs, options->faults))
		return false;
	if (is_variable(word)) {
		drop_variable(&options->settings->set, entry->value);
		drop_variable(&options->settings->unset, entry->value);
	}
	if (word->kind == PPPD_OWN)
		return pppd_own(options, entry, source->privileged);
	for (unsigned i = 0; i < pairs.count; i++)
		if (!store(options, entry, pairs.at[i].key, pairs.at[i].value, pairs.at[i].negated))
			return false;
	return true;
}

static void read_file(struct source *outer, const char *path, const struct place *at,
	bool privileged, bool must_exist);

/* call NAME: a file of /etc/ppp/peers, and no way out of there. */
static void call(struct source *source, const struct pppd_entry *entry)
{
	struct pppd_options *options = source->options;
	const char *name = entry->value;
	char path[PATH_MAX];
	bool climbs = *name == '/' || !*name;
	for (const char *part = name; *part && !climbs; part += strspn(part, "/")) {
		size_t length = strcspn(part, "/");
		climbs = length == 2 && !strncmp(part, "..", 2);
		part += length;
	}
	if (climbs) {
		fault(options->faults, &entry->value_at,
			"call option value may not contain .. or start with /");
		return;
	}
	free(options->call);
	options->call = strdup(name);
	if (snprintf(path, sizeof path, "%s/peers/%s", options->folder, name) < (int)sizeof path)
		read_file(source, path, &entry->value_at, true, true);
}

static void on_entry(void *context, const struct pppd_entry *entry)
{
	struct source *source = context;
	const struct pppd_word *word = entry->word;
	bool final = word->flags & PPPD_FIXED && source->privileged;
	int rank = source->rank + (final ? RANK_FINAL : 0);
	if (source->options->faults->count || !may_say(source, entry, rank) ||
		variable_taken(source, entry))
		return;
	if (word->own == PPPD_FILE)
		read_file(source, entry->value, &entry->value_at, source->privileged, true);
	else if (word->own == PPPD_CALL)
		call(source, entry);
	else if (take(source, entry))
		remember(source, entry, rank);
}

static void parse(struct source *source, const char *bytes, size_t length)
{
	struct pppd_sink sink = {on_entry, source};
	pppd_read(source->name, bytes, length, &sink, source->options->faults);
}

void pppd_options_parse(struct pppd_options *options, const char *name, const char *bytes,
	size_t length, bool privileged)
{
	struct source source = {options, name, RANK_FILE, privileged, false};
	parse(&source, bytes, length);
}

static void read_file(struct source *outer, const char *path, const struct place *at,
	bool privileged, bool must_exist)
{
	struct pppd_options *options = outer->options;
	struct source inner = *outer;
	char *bytes, shown[48];
	size_t length;
	fault_word(shown, path, strlen(path));
	if (options->memory)
		return;
	if (options->depth >= DEPTH_MAX) {
		fault(options->faults, at, "%s: more than %d files deep", shown, DEPTH_MAX);
		return;
	}
	int error = slurp(path, OPTIONS_FILE_MAX, &bytes, &length, NULL);
	if (error && must_exist)
		fault(options->faults, at, "Can't open options file %s: %s", shown,
			strerror(-error));
	else if (error && error != -ENOENT && error != -ENOTDIR)
		fault_warning(options->faults, at, "can't open options file %s: %s", shown,
			strerror(-error));
	if (error)
		return;
	inner.name = path;
	inner.privileged = privileged;
	options->depth++;
	parse(&inner, bytes, length);
	options->depth--;
	slurp_free(bytes, length);
}

static void read_line(struct pppd_options *options, int argc, char **argv)
{
	struct source source = {options, command_line, RANK_LINE, options->root, false};
	struct place at = {.file = command_line};
	for (int i = 1; i < argc && !options->faults->count; i++) {
		struct pppd_entry entry = {.name = argv[i], .at = at, .value_at = at};
		entry.word = pppd_word_find(argv[i]);
		if (!entry.word) {
			pppd_unknown(argv[i], NULL, options->faults);
			return;
		}
		if (entry.word->argument && ++i == argc) {
			fault(options->faults, NULL, "too few parameters for option %s",
				entry.word->name);
			return;
		}
		entry.value = entry.word->argument ? argv[i] : NULL;
		on_entry(&source, &entry);
		if (entry.word->flags & PPPD_SECRET)
			memset(argv[i], '?', strlen(argv[i])); /* ps shows it */
	}
}

/* options.TTY: the device without /dev/, its slashes as dots. */
static void read_tty_file(struct pppd_options *options, const char *tty)
{
	struct source source = {options, "", RANK_FILE, true, true};
	char path[PATH_MAX];
	const char *dev = strstr(tty, "/dev/");
	dev = dev ? dev + 5 : tty;
	if (!*dev || !strcmp(dev, "tty"))
		return;
	int folder = snprintf(path, sizeof path, "%s/options.", options->folder);
	if (snprintf(path + folder, sizeof path - (size_t)folder, "%s", dev) >=
		(int)sizeof path - folder)
		return;
	for (char *c = path + folder; *c; c++)
		if (*c == '/')
			*c = '.';
	read_file(&source, path, NULL, true, false);
}

void pppd_options_read(struct pppd_options *options, int argc, char **argv)
{
	struct source system = {options, "", RANK_FILE, true, false};
	struct source user = {options, "", RANK_FILE, options->root, false};
	char path[PATH_MAX];
	if (snprintf(path, sizeof path, "%s/options", options->folder) < (int)sizeof path)
		read_file(&system, path, NULL, true, !options->root);
	if (!options->faults->count && options->home &&
		snprintf(path, sizeof path, "%s/.ppprc", options->home) < (int)sizeof path)
		read_file(&user, path, NULL, options->root, false);
	if (!options->faults->count)
		read_line(options, argc, argv);
	if (options->faults->count || options->help || options->version || options->show)
		return;
	const char *tty = options->device ? options->device : options->own_tty;
	if (!pppd_has_channel(options) && tty)
		read_tty_file(options, tty);
}
