/* pppd's options as keys of ours (see import_pppd.h).
 *
 * What a word stands for is in the table of pppd_words.c. Here is what depends on who reads it: a
 * require-... of a server asks its clients to log in, that of a client asks the server for a proof
 * (peer-auth). Where nothing is said pppd takes any login and sends in clear text; we would not, so
 * that is written out, for the reader to take away. */
#include "import_pppd.h"

#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "slurp.h"
#include "words.h"

enum { DEPTH_MAX = 8, FILE_MAX = 1 << 20, TEXT_MAX = 2 * WORD_BYTES_MAX };

#define PEERS_FOLDER "/etc/ppp/peers/"

/* Keys that are there for another section alone: that of lines. */
static bool is_of_lines(const struct import_pppd *pppd, const struct pppd_pairs *pairs)
{
	bool negated;
	const struct option *option =
		pairs->count ? option_find_negated(pairs->at[0].key, &negated) : NULL;
	return option &&
	       !(option->sections & (pppd->import->role | SECTION_PPP | SECTION_GREYLINE));
}

static void write_pairs(
	struct import_pppd *pppd, const struct pppd_entry *entry, const struct import_line *line)
{
	struct pppd_pairs pairs;
	struct faults unfit = {0};
	if (!pppd_pairs(entry, &pairs, &unfit))
		import_lacking(pppd->import, line, "its argument is not of the form pppd takes");
	else if (is_of_lines(pppd, &pairs))
		import_needless(pppd->import, line,
			"it is about a serial line, and there is none between PPTP and PPP");
	else
		for (unsigned i = 0; i < pairs.count; i++) {
			char key[48];
			snprintf(key, sizeof key, "%s%s", pairs.at[i].negated ? "no-" : "",
				pairs.at[i].key);
			import_key(pppd->import, line, key, pairs.at[i].value);
		}
}

static void follow(
	struct import_pppd *pppd, const struct pppd_entry *entry, const struct import_line *line)
{
	char path[TEXT_MAX];
	snprintf(path, sizeof path, "%s%s", entry->word->own == PPPD_CALL ? PEERS_FOLDER : "",
		entry->value);
	import_pppd_file(pppd, path, line, true);
}

/* The server must prove itself, by this method or another that is demanded; NULL: by any. */
static void demand(struct import_pppd *pppd, const char *methods)
{
	size_t used = strlen(pppd->demanded);
	pppd->demands = true;
	if (methods && !strstr(pppd->demanded, methods))
		snprintf(pppd->demanded + used, sizeof pppd->demanded - used, "%s%s",
			used ? "," : "", methods);
}

static void demand_nothing(struct import_pppd *pppd, const struct import_line *line)
{
	pppd->demands = false;
	pppd->demanded[0] = '\0';
	import_needless(pppd->import, line, "a client asks its server for no proof by default");
}

static void own_business(
	struct import_pppd *pppd, const struct pppd_entry *entry, const struct import_line *line)
{
	struct import *import = pppd->import;
	bool server = import->role == SECTION_SERVER;
	if (entry->word->own == PPPD_FILE || entry->word->own == PPPD_CALL)
		follow(pppd, entry, line);
	else if (entry->word->own == PPPD_REQUIRE && server)
		write_pairs(pppd, entry, line);
	else if (entry->word->own == PPPD_REQUIRE)
		demand(pppd, entry->word->does);
	else if (entry->word->own == PPPD_AUTH && !server)
		demand(pppd, NULL);
	else if (entry->word->own == PPPD_NO_AUTH && !server)
		demand_nothing(pppd, line);
	else if (entry->word->own == PPPD_AUTH && server)
		import_needless(import, line, "nobody comes in without a login");
	else if (entry->word->own == PPPD_PLUGIN)
		import_lacking(import, line, "pppd's plugins are not loaded");
	else if (entry->word->own == PPPD_LOG_FILE)
		import_lacking(import, line, "the log goes to standard error and to syslog");
	else if (entry->word->own == PPPD_USER_FILE || entry->word->own == PPPD_DOMAIN ||
		 entry->word->own == PPPD_DEVICE)
		import_lacking(import, line, "%s", entry->word->does);
	else
		import_needless(import, line, "%s", entry->word->does);
}

static void take_entry(struct import_pppd *pppd, const struct pppd_entry *entry)
{
	char text[TEXT_MAX];
	const char *value = entry->word->flags & PPPD_SECRET ? "..." : entry->value;
	snprintf(text, sizeof text, "%s%s%s", entry->name, value ? " " : "", value ? value : "");
	struct import_line line = {.at = entry->at, .text = text};
	if (pppd->other && pppd->other(pppd->context, entry, &line))
		return;
	switch (entry->word->kind) {
	case PPPD_KEYS:
	case PPPD_ENDS:
		write_pairs(pppd, entry, &line);
		break;
	case PPPD_NOTHING:
		import_needless(pppd->import, &line, "%s", entry->word->does);
		break;
	case PPPD_NEVER:
		import_lacking(pppd->import, &line, "%s", entry->word->does);
		break;
	case PPPD_OWN:
		own_business(pppd, entry, &line);
		break;
	}
}

/* A quote that is not closed, and the like. */
static void on_fault(void *context, const char *told)
{
	struct import_pppd *pppd = context;
	fault_warning(pppd->import->faults, NULL, "%s", told);
	import_remark(pppd->import, "%s", told);
}

/* A word that pppd would end at: the rest of its line goes with it. True with the next line's first
 * word in `name`. */
static bool pass_over(struct import_pppd *pppd, struct words *words, struct word *name)
{
	char text[TEXT_MAX];
	struct import_line line = {.at = name->at, .text = text};
	bool more;
	snprintf(text, sizeof text, "%s", name->bytes);
	while ((more = words_next(words, name)) && !name->first) {
		size_t used = strlen(text);
		snprintf(text + used, sizeof text - used, " %s", name->bytes);
	}
	import_lacking(pppd->import, &line, "pppd has no such option");
	return more;
}

static void read_words(struct import_pppd *pppd, struct words *words, struct word word[2])
{
	struct word *name = &word[0], *value = &word[1];
	bool more = words_next(words, name);
	while (more) {
		struct pppd_entry entry = {.name = name->bytes, .at = name->at};
		entry.word = name->bad ? NULL : pppd_word_find(name->bytes);
		if (!entry.word) {
			more = pass_over(pppd, words, name);
			continue;
		}
		if (entry.word->argument) {
			if (!words_next(words, value)) {
				import_lacking(pppd->import,
					&(struct import_line){entry.at, name->bytes},
					"its argument is missing");
				return;
			}
			entry.value = value->bytes;
			entry.value_at = value->at;
		}
		take_entry(pppd, &entry);
		more = words_next(words, name);
	}
}

void import_pppd_read(struct import_pppd *pppd, const char *file, const char *bytes, size_t length)
{
	struct faults faults = {.report = on_fault, .context = pppd};
	struct words words = words_over(file, bytes, length, &faults);
	struct word *word = malloc(2 * sizeof *word);
	if (word)
		read_words(pppd, &words, word);
	free(word);
}

void import_pppd_file(
	struct import_pppd *pppd, const char *path, const struct import_line *line, bool needed)
{
	char *bytes;
	size_t length;
	if (pppd->import->alone)
		return;
	if (pppd->depth == DEPTH_MAX) {
		import_lacking(pppd->import, line, "too deep in other files: is it a ring?");
		return;
	}
	int error = slurp(path, FILE_MAX, &bytes, &length, NULL);
	if (error && needed)
		import_lacking(pppd->import, line, "%s: %s", path, strerror(-error));
	if (error)
		return;
	pppd->depth++;
	import_remark(pppd->import, "From %s:", path);
	import_pppd_read(pppd, path, bytes, length);
	pppd->depth--;
	slurp_free(bytes, length);
}

static bool is_refused(const struct import_pppd *pppd, uint32_t method)
{
	return (pppd->import->trial.refuse_auth & method) != 0;
}

/* Whether any encryption is asked for; without, pppd speaks clear text. */
static bool encrypts(const struct import_pppd *pppd)
{
	return pppd->import->trial.require_mppe != 0;
}

static void write_methods(struct import_pppd *pppd, const struct import_line *line)
{
	struct import *import = pppd->import;
	bool md5 = !is_refused(pppd, AUTH_CHAP_MD5) && !encrypts(pppd);
	bool pap = !is_refused(pppd, AUTH_PAP) && !encrypts(pppd);
	if (import->trial.require_auth || (is_refused(pppd, AUTH_MSCHAP) && !md5 && !pap))
		return;
	import_remark(import, "pppd takes any login that is not refused; take these out to insist "
			      "on MS-CHAPv2:");
	if (!is_refused(pppd, AUTH_MSCHAP))
		import_key(import, line, "allow-mschap", NULL);
	if (md5)
		import_key(import, line, "allow-chap", NULL);
	if (pap)
		import_key(import, line, "allow-pap", NULL);
}

void import_pppd_defaults(struct import_pppd *pppd)
{
	struct import *import = pppd->import;
	struct import_line line = {.text = ""};
	write_methods(pppd, &line);
	if (pppd->demands)
		import_key(import, &line, "peer-auth",
			*pppd->demanded ? pppd->demanded
					: "eap-mschap-v2,eap-md5,mschap-v2,mschap,chap,pap");
	if (!encrypts(pppd) && settings_mppe(&import->trial)) {
		import_remark(import, "pppd encrypts nothing unless require-mppe is said; take "
				      "this out to insist on encryption:");
		import_key(import, &line, "allow-clear-text", NULL);
	}
	if (!import->trial.password && !import->trial.secrets) {
		import_remark(import, "Where pppd looks passwords up:");
		import_key(import, &line, "secrets", "/etc/ppp/chap-secrets");
	}
}

static bool of_server(void *context, const struct pppd_entry *entry, const struct import_line *line)
{
	struct import_pppd *pppd = context;
	if (entry->word->kind != PPPD_OWN || entry->word->own != PPPD_NO_AUTH)
		return false;
	import_lacking(pppd->import, line, "nobody comes in without a login");
	return true;
}

void import_pppd_server(struct import *import, const struct import_line *line, const char *path)
{
	struct import_pppd pppd = {.import = import, .other = of_server};
	pppd.context = &pppd;
	if (import->options_file)
		import_pppd_file(&pppd, import->options_file, NULL, false);
	if (path)
		import_pppd_file(&pppd, path, line, true);
	import_pppd_defaults(&pppd);
	if (settings_auth(&import->trial) & AUTH_PAP)
		import_key(import, &(struct import_line){.text = ""}, "pap-secrets",
			"/etc/ppp/pap-secrets");
}
