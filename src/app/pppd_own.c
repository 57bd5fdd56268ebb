/* Words of pppd that are its own business, and what follows from all of them (see pppd_own.h,
 * pppd_options.h): defaults, methods of authentication, names, plugins, `dump`. */
#include "pppd_own.h"

#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "names.h"
#include "options.h"
#include "slurp.h"

#define CHAP_SECRETS "chap-secrets"
#define PAP_SECRETS  "pap-secrets"

enum { USER_FILE_MAX = 4096 };

/* Plugins: those whose work is done here, and those people know. */
static const struct plugin {
	const char *name, *instead; /* NULL: its work is done here */
} plugins[] = {
	{"pptp.so", NULL},
	{"pptpd-logwtmp.so", NULL},
	{"passwordfd.so", NULL},
	{"pppoe.so", "this is PPP over PPTP and over lines: PPPoE needs pppd itself"},
	{"rp-pppoe.so", "this is PPP over PPTP and over lines: PPPoE needs pppd itself"},
	{"pppoatm.so", "this is PPP over PPTP and over lines: PPPoA needs pppd itself"},
	{"pppol2tp.so", "this is PPP over PPTP and over lines: L2TP needs pppd itself"},
	{"openl2tp.so", "this is PPP over PPTP and over lines: L2TP needs pppd itself"},
	{"radius.so", "users are those of the secrets files"},
	{"radattr.so", "users are those of the secrets files"},
	{"winbind.so", "users are those of the secrets files"},
	{"passprompt.so", "put the password into a file: +ua, or a secrets file"},
	{"nm-pptp-pppd-plugin.so",
		"it speaks with NetworkManager from inside pppd; let NetworkManager start the pptp "
		"of this program under its pppd"},
	{"minconn.so", "idle counts from the last packet alone"},
};

static bool plugin(struct pppd_options *options, const struct pppd_entry *entry)
{
	const char *slash = strrchr(entry->value, '/');
	const char *name = slash ? slash + 1 : entry->value;
	char shown[48];
	for (size_t i = 0; i < sizeof plugins / sizeof plugins[0]; i++) {
		if (strcmp(plugins[i].name, name) != 0)
			continue;
		if (!plugins[i].instead)
			return true;
		fault(options->faults, &entry->value_at, "plugin %s: %s", name, plugins[i].instead);
		return false;
	}
	fault(options->faults, &entry->value_at,
		"plugin %s: pppd's plugins cannot be loaded here; pptp.so, pptpd-logwtmp.so and "
		"passwordfd.so are built in",
		fault_word(shown, name, strlen(name)));
	return false;
}

static void keep(char **target, const char *value)
{
	free(*target);
	*target = strdup(value);
}

/* +ua: a file with the name on its first line and the password on its second. */
static bool user_file(struct pppd_options *options, const struct pppd_entry *entry)
{
	char *bytes, shown[48];
	size_t length;
	struct settings *settings = options->settings;
	if (options->memory)
		return true;
	int error = slurp(entry->value, USER_FILE_MAX, &bytes, &length, NULL);
	if (error) {
		fault(options->faults, &entry->value_at,
			"unable to open user login data file %s: "
			"%s",
			fault_word(shown, entry->value, strlen(entry->value)), strerror(-error));
		return false;
	}
	size_t user = strcspn(bytes, "\r\n");
	char *second = bytes + user + strspn(bytes + user, "\r\n");
	second[strcspn(second, "\r\n")] = '\0';
	bytes[user] = '\0';
	bool good = user && *second;
	if (good) {
		keep(&settings->user, bytes);
		keep(&settings->password, second);
	} else {
		fault(options->faults, &entry->value_at,
			"%s: a line with the name and a line with the password are expected",
			fault_word(shown, entry->value, strlen(entry->value)));
	}
	slurp_free(bytes, length);
	return good;
}

static uint32_t method_of(const char *does)
{
	static const struct {
		const char *word;
		uint32_t method;
	} methods[] = {{"pap", AUTH_PAP}, {"chap", AUTH_CHAP_MD5}, {"mschap", AUTH_MSCHAP},
		{"mschap-v2", AUTH_MSCHAPV2}};
	for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
		if (!strcmp(methods[i].word, does))
			return methods[i].method;
	return AUTH_EAP_MD5 | AUTH_EAP_MSCHAPV2;
}

static void permit(struct pppd_options *options, const char *number)
{
	char **more = realloc(options->numbers, (options->number_count + 1) * sizeof *more);
	if (!more)
		abort();
	options->numbers = more;
	options->numbers[options->number_count++] = strdup(number);
}

static bool log_descriptor(struct pppd_options *options, const struct pppd_entry *entry)
{
	enum { DESCRIPTORS = 1 << 20 };
	unsigned long fd = strtoul(entry->value, NULL, 0);
	if (fd >= DESCRIPTORS) {
		fault(options->faults, &entry->value_at, "logfd: a file descriptor is expected");
		return false;
	}
	options->log_fd = (int)fd;
	return true;
}

static void device(struct pppd_options *options, const char *name)
{
	size_t size = strlen(name) + sizeof "/dev/";
	free(options->device);
	options->device = malloc(size);
	if (!options->device)
		abort();
	snprintf(options->device, size, "%s%s", *name == '/' ? "" : "/dev/", name);
}

bool pppd_own(struct pppd_options *options, const struct pppd_entry *entry, bool privileged)
{
	switch (entry->word->own) {
	case PPPD_OWN_NONE:
	case PPPD_NOTTY: /* what standard input is we see */
	case PPPD_FILE:
	case PPPD_CALL:
		return true;
	case PPPD_PLUGIN:
		return plugin(options, entry);
	case PPPD_DOMAIN:
		keep(&options->domain, entry->value);
		return true;
	case PPPD_USE_HOST_NAME:
		return options->use_host_name = true;
	case PPPD_USER_FILE:
		return user_file(options, entry);
	case PPPD_AUTH:
		options->no_auth = false;
		return options->auth = true;
	case PPPD_NO_AUTH:
		options->auth = false;
		options->required = 0;
		return options->no_auth = true;
	case PPPD_REQUIRE:
		options->required |= method_of(entry->word->does);
		options->no_auth = false;
		return options->auth = true;
	case PPPD_LOG_FILE:
		keep(&options->log_file, entry->value);
		return true;
	case PPPD_LOG_FD:
		keep(&options->log_file, "");
		return log_descriptor(options, entry);
	case PPPD_NO_LOG:
		keep(&options->log_file, "");
		options->log_fd = PPPD_LOG_NOWHERE;
		return true;
	case PPPD_NOTIFY:
		options->notify = true;
		options->detach = PPPD_STAYS;
		return true;
	case PPPD_DETACH_NEVER:
		options->detach = PPPD_STAYS;
		return true;
	case PPPD_DETACH_UP:
		options->detach = PPPD_DETACHES_UP;
		return true;
	case PPPD_DUMP:
		return options->dump = true;
	case PPPD_DRY_RUN:
		return options->dry_run = true;
	case PPPD_SHOW_OPTIONS:
		return options->show = true;
	case PPPD_HELP:
		return options->help = true;
	case PPPD_VERSION:
		return options->version = true;
	case PPPD_ALLOW_NUMBER:
		permit(options, entry->value);
		return true;
	case PPPD_REMOTE_NUMBER:
		keep(&options->number, entry->value);
		return true;
	case PPPD_DEVICE:
		device(options, entry->name);
		return true;
	}
	return false;
}

bool pppd_has_channel(const struct pppd_options *options)
{
	if (options->settings->server)
		return true;
	for (size_t i = 0; i < options->said_count; i++) {
		const char *name = options->said[i].word->name;
		if (!strcmp(name, "pty") || !strcmp(name, "notty"))
			return true;
	}
	return false;
}

void pppd_options_init(
	struct pppd_options *options, struct settings *settings, struct faults *faults)
{
	*options = (struct pppd_options){.settings = settings,
		.faults = faults,
		.folder = "/etc/ppp",
		.log_fd = PPPD_LOG_UNSAID};
	settings->echo_interval = settings->echo_failure = 0;
	settings->lcp_max_terminate = 3;
	settings->mppe = false;
	settings->allow_auth = AUTH_PAP | AUTH_CHAP_MD5 | AUTH_MSCHAP | AUTH_EAP_MD5;
	settings->auth_timeout = 60;
	settings->ip_default = true;
	settings->vj = settings->vj_omit_slot = true;
}

void pppd_options_free(struct pppd_options *options)
{
	for (size_t i = 0; i < options->said_count; i++) {
		free(options->said[i].name);
		free(options->said[i].value);
		free(options->said[i].source);
	}
	for (size_t i = 0; i < options->number_count; i++)
		free(options->numbers[i]);
	free(options->said);
	free(options->numbers);
	free(options->log_file);
	free(options->device);
	free(options->call);
	free(options->domain);
	free(options->number);
}

/* allow-number: one that ends in * fits all that begin so. None said: everybody may call. */
static bool number_allowed(const struct pppd_options *options)
{
	const char *number = options->number ? options->number : "";
	for (size_t i = 0; i < options->number_count; i++) {
		const char *allowed = options->numbers[i];
		size_t length = strlen(allowed);
		if (length && allowed[length - 1] == '*' ? !strncmp(allowed, number, length - 1)
							 : !strcmp(allowed, number))
			return true;
	}
	return !options->number_count;
}

/* What the peer is to prove itself by, in the order that pppd asks. */
static void finish_auth(struct pppd_options *options)
{
	static const struct {
		uint32_t method;
		const char *word;
	} order[] = {{AUTH_EAP_MSCHAPV2, "eap-mschap-v2"}, {AUTH_EAP_MD5, "eap-md5"},
		{AUTH_MSCHAPV2, "mschap-v2"}, {AUTH_MSCHAP, "mschap"}, {AUTH_CHAP_MD5, "chap"},
		{AUTH_PAP, "pap"}};
	const uint32_t any = AUTH_EAP_MSCHAPV2 | AUTH_EAP_MD5 | AUTH_MSCHAPV2 | AUTH_MSCHAP |
			     AUTH_CHAP_MD5 | AUTH_PAP;
	char words[96] = "";
	if (!options->auth && !options->no_auth && !options->root && options->default_route)
		options->auth = true;
	if (options->auth && !options->required)
		options->required = any;
	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
		size_t used = strlen(words);
		if (options->required & order[i].method)
			snprintf(words + used, sizeof words - used, "%s%s", used ? "," : "",
				order[i].word);
	}
	if (*words)
		keep(&options->settings->peer_auth, words);
}

/* The name pppd goes by: `name`, or the host's with `domain` behind it. */
static void finish_names(struct pppd_options *options, const char *host_name)
{
	struct settings *settings = options->settings;
	char name[512];
	const char *domain = options->domain ? options->domain : "";
	snprintf(name, sizeof name, "%s%s%s", host_name, *domain && *domain != '.' ? "." : "",
		domain);
	if (options->use_host_name || !settings->name)
		keep(&settings->name, name);
}

/* The file of that name in pppd's folder. */
static void secrets(const struct pppd_options *options, char **target, const char *name)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", options->folder, name);
	if (!*target)
		keep(target, path);
}

/* pppd waits before it dials again only where something dials. */
static void finish_holdoff(struct pppd_options *options)
{
	bool said = false, dials = options->settings->server;
	for (size_t i = 0; i < options->said_count; i++) {
		said = said || !strcmp(options->said[i].word->name, "holdoff");
		dials = dials || !strcmp(options->said[i].word->name, "connect");
	}
	if (!said)
		options->settings->holdoff = dials ? 30 : 0;
}

/* Who is told of one server is told of it as the second, too. */
static void twice(struct address_pair *pair)
{
	if (pair->count == 1)
		pair->at[pair->count++] = pair->at[0];
}

void pppd_options_finish(struct pppd_options *options, const char *host_name)
{
	struct settings *settings = options->settings;
	finish_auth(options);
	finish_names(options, host_name);
	finish_holdoff(options);
	secrets(options, &settings->secrets, CHAP_SECRETS);
	secrets(options, &settings->pap_secrets, PAP_SECRETS);
	options->unauthorized = !number_allowed(options);
	twice(&settings->dns);
	twice(&settings->wins);
	if (!settings->require_mppe)
		settings->mppe = false;
}

static bool plain(const char *word)
{
	return *word && !strpbrk(word, " \t\n\"'\\#");
}

static void print_word(FILE *to, const char *word)
{
	if (plain(word)) {
		fputs(word, to);
		return;
	}
	fputc('"', to);
	for (; *word; word++) {
		if (*word == '"' || *word == '\\')
			fputc('\\', to);
		fputc(*word, to);
	}
	fputc('"', to);
}

void pppd_options_dump(const struct pppd_options *options, FILE *to)
{
	fputs("pppd options in effect:\n", to);
	for (size_t i = 0; i < options->said_count; i++) {
		const struct pppd_said *said = &options->said[i];
		print_word(to, said->name);
		if (said->value) {
			fputc(' ', to);
			print_word(to, said->value);
		}
		fprintf(to, "\t\t# (from %s)", said->source);
		if (said->word->kind == PPPD_NOTHING)
			fprintf(to, " nothing to do: %s", said->word->does);
		fputc('\n', to);
	}
}

static void show_argument(const struct pppd_word *word, FILE *to)
{
	int used = fprintf(to, "  %s%s", word->name, word->argument ? " WORD" : "");
	fprintf(to, "%*s", used < 30 ? 30 - used : 1, "");
}

void pppd_options_show(FILE *to)
{
	fputs("pppd options:\n", to);
	for (size_t i = 0; i < pppd_word_count; i++) {
		const struct pppd_word *word = &pppd_words[i];
		if (word->flags & PPPD_ALIAS)
			continue;
		show_argument(word, to);
		if (word->kind == PPPD_KEYS)
			fprintf(to, "greyline's: %s\n", word->does);
		else if (word->kind == PPPD_NOTHING)
			fprintf(to, "nothing to do: %s\n", word->does);
		else if (word->kind == PPPD_NEVER)
			fprintf(to, "not here: %s\n", word->does);
		else
			fputs("as in pppd(8)\n", to);
	}
}
