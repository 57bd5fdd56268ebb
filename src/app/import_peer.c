/* A file of /etc/ppp/peers as a configuration of our client (see import.h).
 *
 * What makes it one for PPTP is either pppd's `pty "pptp HOST --nolaunchpppd ..."`, pptp-linux's
 * own words among it, or `plugin pptp.so` with `pptp_server HOST`. The rest is pppd's
 * (import_pppd.c). A peer of another kind (a modem, PPPoE) has no server, and that is said. */
#include <stdlib.h>
#include <string.h>

#include "import.h"
#include "import_pppd.h"
#include "words.h"

struct peer_file {
	struct import *import;
	struct import_pppd pppd;
	bool server;
};

struct pptp_word {
	const char *name;
	bool argument;
	const char *key, *needless, *lacking;
};

static const struct pptp_word pptp_words[] = {
	{"nolaunchpppd", false, NULL, NULL, NULL},
	{"localbind", true, "bind", NULL, NULL},
	{"idle-wait", true, "control-echo-interval", NULL, NULL},
	{"max-echo-wait", true, "control-echo-timeout", NULL, NULL},
	{"debug", false, "debug", NULL, NULL},
	{"timeout", true, NULL, "how long a packet is waited for follows what is seen", NULL},
	{"missing-window", true, NULL, "how many packets are waited for follows what is seen",
		NULL},
	{"nobuffer", false, NULL, "packets in order are not held back", NULL},
	{"sync", false, NULL, "there is no line between PPTP and PPP", NULL},
	{"loglevel", true, NULL, "debug shows everything", NULL},
	{"logstring", true, NULL, "linkname is for names", NULL},
	{"nohostroute", false, NULL, "a route to the server is made only where ours need it", NULL},
	{"phone", true, NULL, NULL, "no number is told in the call"},
	{"rtmark", true, NULL, NULL, "packets are not marked: --bind chooses their address"},
	{"quirks", true, NULL, NULL, "there is no such exception here"},
	{"test-type", true, NULL, NULL, "it is a test of pptp's own"},
	{"test-rate", true, NULL, NULL, "it is a test of pptp's own"},
};

static void take_server(struct peer_file *peer, const struct import_line *line, const char *host)
{
	peer->server |= import_key(peer->import, line, "server", host);
}

static const struct pptp_word *pptp_word(const char *name)
{
	for (unsigned i = 0; i < sizeof pptp_words / sizeof pptp_words[0]; i++)
		if (!strncmp(name, "--", 2) && !strcmp(pptp_words[i].name, name + 2))
			return &pptp_words[i];
	return NULL;
}

static void take_pptp_option(
	struct peer_file *peer, const struct import_line *line, const char *name, char *value)
{
	char text[WORD_BYTES_MAX];
	const struct pptp_word *known = pptp_word(name);
	struct import_line part = {.at = line->at, .text = text};
	snprintf(text, sizeof text, "pptp %s%s%s", name, value ? " " : "", value ? value : "");
	if (!known)
		import_lacking(peer->import, &part, "pptp has no such option");
	else if (known->key)
		import_key(peer->import, &part, known->key, value);
	else if (known->needless)
		import_needless(peer->import, &part, "%s", known->needless);
	else if (known->lacking)
		import_lacking(peer->import, &part, "%s", known->lacking);
}

static bool is_pptp(const char *program)
{
	const char *slash = strrchr(program, '/');
	return !strcmp(slash ? slash + 1 : program, "pptp");
}

/* The words of a command as a shell would divide them, near enough for what stands in peers. */
static void take_pty(struct peer_file *peer, const struct import_line *line, const char *command)
{
	struct faults ignored = {0};
	struct words words = words_over("pty", command, strlen(command), &ignored);
	struct word *word = malloc(sizeof *word), *value = malloc(sizeof *value);
	bool any = word && value && words_next(&words, word);
	if (any && !strcmp(word->bytes, "exec"))
		any = words_next(&words, word);
	if (!any || !is_pptp(word->bytes)) {
		import_lacking(peer->import, line,
			"the client dials PPTP servers itself; what another program carries is "
			"for greyline link");
		any = false;
	}
	while (any && words_next(&words, word)) {
		const struct pptp_word *known = pptp_word(word->bytes);
		bool argument = known && known->argument && words_next(&words, value);
		if (!strncmp(word->bytes, "--", 2))
			take_pptp_option(peer, line, word->bytes, argument ? value->bytes : NULL);
		else if (!peer->server)
			take_server(peer, line, word->bytes);
	}
	free(word);
	free(value);
}

static bool of_pptp(void *context, const struct pppd_entry *entry, const struct import_line *line)
{
	struct peer_file *peer = context;
	const char *value = entry->value ? entry->value : "";
	if (!strcmp(entry->name, "pty"))
		take_pty(peer, line, value);
	else if (!strcmp(entry->name, "pptp_server"))
		take_server(peer, line, value);
	else if (!strcmp(entry->name, "pptp_client"))
		import_key(peer->import, line, "bind", value);
	else if (!strcmp(entry->name, "plugin") && strstr(value, "pptp"))
		import_needless(peer->import, line, "PPTP is what the client is for");
	else
		return false;
	return true;
}

void import_peer(struct import *import, const char *file, const char *bytes, size_t length)
{
	struct peer_file peer = {
		.import = import, .pppd = {.import = import, .other = of_pptp, .context = &peer}};
	if (import->options_file)
		import_pppd_file(&peer.pppd, import->options_file, NULL, false);
	import_pppd_read(&peer.pppd, file, bytes, length);
	import_pppd_defaults(&peer.pppd);
	if (peer.server)
		return;
	import_remark(import, "No PPTP server is named: server = HOST is missing");
	fault_warning(import->faults, &(struct place){.file = file},
		"no PPTP server is named: server = HOST is missing in what is printed");
}
