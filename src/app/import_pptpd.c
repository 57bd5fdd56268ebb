/* /etc/pptpd.conf as a configuration of ours (see import.h).
 *
 * A line is a keyword and, after blanks, the rest as its value; one that begins with a blank is
 * skipped by pptpd, and of two with the same keyword it goes by the first. What it does not say
 * pptpd has defaults for, and those are written too. `option FILE` is a file for pppd, read after
 * /etc/ppp/options, as pppd does (import_pppd.c). */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "import.h"
#include "import_pppd.h"
#include "values.h"

enum { LINE_MAX_BYTES = 1024, CONNECTIONS_DEFAULT = 100, SEEN_MAX = 32 };

#define REMOTE_DEFAULT "192.168.1.1-100"
#define LOCAL_DEFAULT  "192.168.0.1-100"

/* A line that is decided on at the end. */
struct kept {
	bool there;
	struct import_line line;
	char text[LINE_MAX_BYTES], value[LINE_MAX_BYTES];
};

struct pptpd {
	struct import *import;
	struct import_line line;
	const char *value;   /* of the line at hand */
	bool seen[SEEN_MAX]; /* by row */
	/* What the end of the file decides on. */
	struct kept local, remote, option;
	bool delegate, connections, no_ipparam;
};

struct row {
	const char *word;
	const char *key;     /* takes the same value; NULL: */
	const char *lacking; /* why there is nothing of it; NULL: */
	const char *needless;
	void (*handle)(struct pptpd *pptpd);
	bool bare; /* of `key`: it takes no value */
};

static void keep(struct pptpd *pptpd, struct kept *kept)
{
	kept->there = true;
	kept->line = pptpd->line;
	snprintf(kept->text, sizeof kept->text, "%s", pptpd->line.text);
	snprintf(kept->value, sizeof kept->value, "%s", pptpd->value);
	kept->line.text = kept->text;
}

static void on_local(struct pptpd *pptpd)
{
	keep(pptpd, &pptpd->local);
}

static void on_remote(struct pptpd *pptpd)
{
	keep(pptpd, &pptpd->remote);
}

static void on_option(struct pptpd *pptpd)
{
	keep(pptpd, &pptpd->option);
}

static void on_delegate(struct pptpd *pptpd)
{
	pptpd->delegate = true;
	import_needless(pptpd->import, &pptpd->line,
		"the addresses of the secrets hold here in any case; without a pool nobody else "
		"gets one");
}

static void on_connections(struct pptpd *pptpd)
{
	uint32_t count;
	if (value_number(pptpd->value, &count) && count)
		pptpd->connections =
			import_key(pptpd->import, &pptpd->line, "max-sessions", pptpd->value);
	else
		import_needless(pptpd->import, &pptpd->line, "no number: pptpd takes %d",
			CONNECTIONS_DEFAULT);
}

static void on_no_ipparam(struct pptpd *pptpd)
{
	pptpd->no_ipparam = true;
	import_needless(pptpd->import, &pptpd->line,
		"ip-up gets the client's address in its environment alone, as CALLING_SID");
}

static const struct row rows[] = {
	{.word = "option", .handle = on_option},
	{.word = "localip", .handle = on_local},
	{.word = "remoteip", .handle = on_remote},
	{.word = "delegate", .handle = on_delegate},
	{.word = "connections", .handle = on_connections},
	{.word = "noipparam", .handle = on_no_ipparam},
	{.word = "listen", .key = "listen"},
	{.word = "debug", .key = "debug", .bare = true},
	{.word = "stimeout", .key = "control-timeout"},
	{.word = "ppp", .needless = "the PPP here is our own, in the same process"},
	{.word = "speed", .needless = "there is no terminal between PPTP and PPP that has a speed"},
	{.word = "pidfile",
		.needless = "the control socket in the run folder says which process it is "
			    "(greyline status)"},
	{.word = "logwtmp",
		.lacking = "logins are not written to wtmp: an ip-up script can do it, and the "
			   "log has them"},
	{.word = "bcrelay",
		.lacking = "broadcasts of the local network are not relayed to clients: give "
			   "them a WINS or DNS server instead (ms-wins, dns)"},
	{.word = "vrf",
		.lacking = "there is no option for a VRF: start the server in it (ip vrf exec "
			   "NAME greyline server)"},
	{.word = "bcrelayif", .lacking = "broadcasts are not relayed to clients"},
	{.word = "http-proxy", .lacking = "a proxy does not carry GRE"},
};

enum { ROWS = sizeof rows / sizeof rows[0] };
static_assert(sizeof rows / sizeof rows[0] <= (size_t)SEEN_MAX, "a mark for each row");

static void take_row(struct pptpd *pptpd, const struct row *row)
{
	struct import *import = pptpd->import;
	if (pptpd->seen[row - rows]) {
		import_needless(import, &pptpd->line, "repeated: pptpd goes by the first one");
		return;
	}
	pptpd->seen[row - rows] = true;
	if (row->handle)
		row->handle(pptpd);
	else if (row->key)
		import_key(import, &pptpd->line, row->key, row->bare ? NULL : pptpd->value);
	else if (row->lacking)
		import_lacking(import, &pptpd->line, "%s", row->lacking);
	else
		import_needless(import, &pptpd->line, "%s", row->needless);
}

static void take_line(struct pptpd *pptpd, char *text)
{
	pptpd->line.text = text;
	pptpd->line.at.column = 1;
	size_t length = strlen(text);
	while (length && strchr(" \t\r", text[length - 1]))
		text[--length] = '\0';
	if (!length || text[0] == '#')
		return;
	if (text[0] == ' ' || text[0] == '\t') {
		import_lacking(
			pptpd->import, &pptpd->line, "pptpd skips a line that begins with a blank");
		return;
	}
	char word[64];
	size_t used = strcspn(text, " \t");
	snprintf(word, sizeof word, "%.*s", (int)used, text);
	pptpd->value = text + used + strspn(text + used, " \t");
	for (unsigned i = 0; i < ROWS; i++)
		if (!strcmp(rows[i].word, word)) {
			take_row(pptpd, &rows[i]);
			return;
		}
	import_lacking(pptpd->import, &pptpd->line, "pptpd has no such keyword");
}

/* A range in another byte than the last, 192.168.0-9.1, is that many addresses. */
static bool add_spread(struct pptpd *pptpd, const char *part)
{
	unsigned byte = 0, low, high;
	const char *dash = strchr(part, '-');
	const char *start = dash;
	char end[64];
	while (start && start > part && start[-1] != '.')
		start--;
	for (const char *c = part; start && c < start; c++)
		byte += *c == '.';
	if (!dash || byte > 2 || sscanf(start, "%3u-%3u%63s", &low, &high, end) != 3 ||
		end[0] != '.' || low > high || high > 255)
		return false;
	for (unsigned n = low; n <= high; n++) {
		char address[160];
		uint32_t ignored;
		snprintf(address, sizeof address, "%.*s%u%s", (int)(start - part), part, n, end);
		if (!value_ipv4(address, &ignored))
			return false;
		import_key(pptpd->import, &pptpd->remote.line, "pool", address);
	}
	return true;
}

static void write_pool(struct pptpd *pptpd)
{
	char *rest = pptpd->remote.value;
	for (char *part; (part = strsep(&rest, ","));) {
		struct ipv4_range range;
		part += strspn(part, " \t");
		part[strcspn(part, " \t")] = '\0';
		if (!*part || (!value_range(part, &range) && add_spread(pptpd, part)))
			continue;
		import_key(pptpd->import, &pptpd->remote.line, "pool", part);
	}
}

/* One address of our own for all sessions: the first. */
static void write_local(struct pptpd *pptpd)
{
	char *text = pptpd->local.value;
	size_t length = strcspn(text, ",- \t");
	if (text[length] && strcmp(text, LOCAL_DEFAULT) != 0)
		import_needless(pptpd->import, &pptpd->local.line,
			"there is one address of our own for all clients: the first of these");
	text[length] = '\0';
	import_key(pptpd->import, &pptpd->local.line, "local", text);
}

static void write_addresses(struct pptpd *pptpd)
{
	struct import *import = pptpd->import;
	if (pptpd->delegate) {
		if (pptpd->local.there)
			import_needless(
				import, &pptpd->local.line, "pptpd ignores it with delegate");
		if (pptpd->remote.there)
			import_needless(
				import, &pptpd->remote.line, "pptpd ignores it with delegate");
		return;
	}
	if (!pptpd->local.there) {
		import_remark(import, "What pptpd takes when there is no localip:");
		pptpd->value = LOCAL_DEFAULT;
		on_local(pptpd);
	}
	write_local(pptpd);
	if (!pptpd->remote.there) {
		import_remark(import, "What pptpd takes when there is no remoteip:");
		pptpd->value = REMOTE_DEFAULT;
		on_remote(pptpd);
	}
	write_pool(pptpd);
}

static void write_rest(struct pptpd *pptpd)
{
	struct import *import = pptpd->import;
	char number[16];
	write_addresses(pptpd);
	if (!pptpd->connections) {
		snprintf(number, sizeof number, "%d", CONNECTIONS_DEFAULT);
		import_remark(import, "pptpd's own limit when there is no 'connections':");
		import_key(import, &pptpd->line, "max-sessions", number);
	}
	import_remark(import, "Each client has an interface of its own, as with pptpd; without "
			      "this line all share one, which is faster:");
	import_key(import, &pptpd->line, "interface", "per-session");
	if (!pptpd->no_ipparam)
		import_remark(import, "Where pptpd gives ip-up the client's address as its sixth "
				      "argument, it stands in the environment here: CALLING_SID");
	import_pppd_server(import, pptpd->option.there ? &pptpd->option.line : NULL,
		pptpd->option.there ? pptpd->option.value : NULL);
}

void import_pptpd(struct import *import, const char *file, const char *bytes, size_t length)
{
	struct pptpd pptpd = {.import = import, .line.at.file = file};
	for (size_t at = 0; at < length;) {
		const char *newline = memchr(bytes + at, '\n', length - at);
		size_t size = newline ? (size_t)(newline - bytes) - at : length - at;
		char *text = strndup(bytes + at, size);
		pptpd.line.at.line++;
		pptpd.line.text = "";
		if (text && size >= LINE_MAX_BYTES)
			fault_warning(import->faults, &pptpd.line.at,
				"longer than %d bytes: pptpd skips it", LINE_MAX_BYTES);
		else if (text)
			take_line(&pptpd, text);
		pptpd.line.text = "";
		free(text);
		at += size + 1;
	}
	write_rest(&pptpd);
}
