/* What becomes of each option of accel-ppp (see import_accel.h): one table by section and name, and
 * the few that need more than a row. accel-ppp's defaults, where ours differ, are written too. */
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "import_accel.h"
#include "values.h"

enum kind {
	KEY,      /* `text` is our key, with the same value */
	KEY_OR_0, /* the same; 0 is "no limit" there, and so it is here without the key */
	LACKING,  /* `text` is why there is nothing of it */
	NEEDLESS, /* `text` is why nothing is needed */
	HANDLE,
};

struct row {
	const char *section, *name; /* a name of NULL: whatever else the section has */
	enum kind kind;
	const char *text;
	void (*handle)(struct accel *accel);
};

#define OTHER "greyline serves PPTP alone"
#define RADIUS                                                                                     \
	"there is no RADIUS here: users and their addresses come from the file of secrets "        \
	"(secrets)"
#define SHAPER "rates are not limited here: give the interface of a session a qdisc in ip-up"
#define LOG                                                                                        \
	"the log goes to standard error, with systemd into the journal; send it elsewhere from "   \
	"there"
#define ADVERT "router advertisements are made of pool6, dns6 and search-domain as they are"

static const char *value_of(const struct accel *accel)
{
	return accel->entry->value ? accel->entry->value : "";
}

static bool put(struct accel *accel, const char *key, const char *value)
{
	return import_key(accel->import, &accel->entry->line, key, value);
}

static void put_number(struct accel *accel, const char *key, uint32_t number)
{
	char text[16];
	snprintf(text, sizeof text, "%u", number);
	put(accel, key, text);
}

/* The number of another option of the same section; `otherwise` where it has none. */
static uint32_t number_of(const struct accel *accel, const char *name, uint32_t otherwise)
{
	const struct accel_entry *entry = accel_find(accel, accel->entry->section, name);
	uint32_t number;
	return entry && entry->value && value_number(entry->value, &number) ? number : otherwise;
}

static bool is_zero(const struct accel *accel)
{
	return !strcmp(value_of(accel), "0");
}

/* Modules: what is loaded is there; what is not ends its section. */

static void on_module(struct accel *accel)
{
	static const struct {
		const char *name, *key, *why;
	} modules[] = {
		{"pptp", NULL, NULL},
		{"auth_mschap_v2", "require-mschap-v2", NULL},
		{"auth_mschap_v1", "require-mschap", NULL},
		{"auth_chap_md5", "require-chap", NULL},
		{"auth_pap", "require-pap", NULL},
		{"ippool", NULL, NULL},
		{"ipv6pool", NULL, NULL},
		{"ipv6_nd", NULL, NULL},
		{"ipv6_dhcp", NULL, NULL},
		{"chap-secrets", NULL, NULL},
		{"pppd_compat", NULL, NULL},
		{"sigchld", NULL, NULL},
		{"log_file", NULL, NULL},
		{"log_syslog", NULL, NULL},
		{"log_tcp", NULL, LOG},
		{"log_pgsql", NULL, LOG},
		{"radius", NULL, RADIUS},
		{"shaper", NULL, SHAPER},
		{"connlimit", NULL,
			"new connections are limited here by max-half-open-per-peer and "
			"free-failures, not by a rate"},
		{"net-snmp", NULL,
			"there is no SNMP agent: greyline status --json has the figures"},
		{"metrics", NULL,
			"there is no HTTP endpoint: greyline status --json has the figures"},
		{"logwtmp", NULL, "logins are not written to wtmp: an ip-up script can do it"},
		{"l2tp", NULL, OTHER},
		{"sstp", NULL, OTHER},
		{"pppoe", NULL, OTHER},
		{"ipoe", NULL, OTHER},
	};
	const char *name = accel->entry->name;
	for (unsigned i = 0; i < sizeof modules / sizeof modules[0]; i++) {
		if (strcmp(modules[i].name, name) != 0)
			continue;
		if (modules[i].key)
			put(accel, modules[i].key, NULL);
		else if (modules[i].why)
			import_lacking(accel->import, &accel->entry->line, "%s", modules[i].why);
		return;
	}
	import_lacking(accel->import, &accel->entry->line,
		"accel-ppp's module %s has no "
		"counterpart here",
		name);
}

/* accel-ppp asks for the methods in the order in which their modules are loaded. */
static void write_auth_order(struct accel *accel)
{
	static const char *const words[][2] = {{"auth_mschap_v2", "mschap-v2"},
		{"auth_mschap_v1", "mschap"}, {"auth_chap_md5", "chap"}, {"auth_pap", "pap"}};
	char order[64] = "";
	size_t used = 0;
	unsigned count = 0, seen = 0;
	for (size_t i = 0; i < accel->count; i++) {
		const struct accel_entry *entry = &accel->entries[i];
		for (unsigned m = 0; m < 4 && !strcmp(entry->section, "modules"); m++) {
			if (strcmp(entry->name, words[m][0]) != 0 || seen & 1u << m)
				continue;
			seen |= 1u << m;
			used += (size_t)snprintf(order + used, sizeof order - used, "%s%s",
				count++ ? "," : "", words[m][1]);
		}
	}
	if (count > 1)
		put(accel, "auth-order", order);
}

/* Encryption: [pptp] mppe before [ppp] mppe before accel-ppp's default, which is to leave it to the
 * client. */

static void on_mppe(struct accel *accel)
{
	const char *value = value_of(accel);
	const struct accel_entry *first = accel_find(accel, "pptp", "mppe");
	if (first && first != accel->entry) {
		import_needless(accel->import, &accel->entry->line, "[pptp] says another");
		return;
	}
	if (!strcmp(value, "require"))
		put(accel, "require-mppe-128", NULL);
	else if (!strcmp(value, "deny"))
		put(accel, "no-mppe", NULL);
	else if (!strcmp(value, "prefer") || !strcmp(value, "allow"))
		put(accel, "allow-clear-text", NULL);
	else
		import_lacking(accel->import, &accel->entry->line,
			"require, prefer, allow or deny is expected");
}

static void write_mppe(struct accel *accel)
{
	if (accel_find(accel, "pptp", "mppe") || accel_find(accel, "ppp", "mppe"))
		return;
	import_remark(accel->import, "accel-ppp leaves encryption to the client when there is no "
				     "'mppe'; take this out to insist on it:");
	put(accel, "allow-clear-text", NULL);
}

/* Sizes. */

static void on_mtu(struct accel *accel)
{
	const struct accel_entry *most = accel_find(accel, "pptp", "ppp-max-mtu");
	uint32_t mtu, max;
	if (most && most->value && value_number(most->value, &max) &&
		value_number(value_of(accel), &mtu) && max < mtu)
		import_needless(accel->import, &accel->entry->line,
			"[pptp] ppp-max-mtu is the smaller one");
	else
		put(accel, "mtu", value_of(accel));
}

static void on_most_mtu(struct accel *accel)
{
	const struct accel_entry *other = accel_find(accel, "ppp", "mtu");
	uint32_t mtu, max;
	if (other && other->value && value_number(other->value, &mtu) &&
		value_number(value_of(accel), &max) && mtu <= max)
		import_needless(accel->import, &accel->entry->line, "[ppp] mtu is the smaller one");
	else
		put(accel, "mtu", value_of(accel));
}

/* Echoes. */

static void on_lcp_failure(struct accel *accel)
{
	if (accel_find(accel, "ppp", "lcp-echo-timeout"))
		import_needless(accel->import, &accel->entry->line,
			"accel-ppp goes by lcp-echo-timeout instead");
	else
		put(accel, "lcp-echo-failure", value_of(accel));
}

static void on_lcp_timeout(struct accel *accel)
{
	uint32_t interval = number_of(accel, "lcp-echo-interval", 0), seconds;
	if (!interval || !value_number(value_of(accel), &seconds)) {
		import_needless(accel->import, &accel->entry->line, "no echoes are sent");
		return;
	}
	uint32_t failure = (seconds + interval - 1) / interval;
	put_number(accel, "lcp-echo-failure", failure ? failure : 1);
}

static void on_control_failure(struct accel *accel)
{
	uint32_t interval = number_of(accel, "echo-interval", 0), failures;
	if (!interval || !value_number(value_of(accel), &failures) || !failures)
		import_needless(
			accel->import, &accel->entry->line, "control-echo-timeout stays as it is");
	else
		put_number(accel, "control-echo-timeout", interval * failures);
}

/* Addresses. */

/* The pool that PPTP sessions get their addresses of: [pptp] ip-pool, or the one without a name. */
static bool is_our_pool(const struct accel *accel, const char *option, const char *name)
{
	const struct accel_entry *wanted = accel_find(accel, "pptp", option);
	const char *ours = wanted && wanted->value ? wanted->value : "";
	return !strcmp(ours, name);
}

/* RANGE[,WORD=VALUE]...: the name among these, "" where there is none. */
static void pool_name(const char *text, char name[ACCEL_NAME_MAX])
{
	const char *at = strstr(text, ",name=");
	size_t skip = strlen(",name=");
	if (!at && (at = strstr(text, ",pool=")))
		skip = strlen(",pool=");
	name[0] = '\0';
	if (at)
		snprintf(name, ACCEL_NAME_MAX, "%.*s", (int)strcspn(at + skip, ", "), at + skip);
}

static void on_pool(struct accel *accel)
{
	char name[ACCEL_NAME_MAX], range[ACCEL_NAME_MAX];
	const char *text = accel->entry->line.text;
	pool_name(text, name);
	if (!is_our_pool(accel, "ip-pool", name)) {
		import_lacking(accel->import, &accel->entry->line,
			"there is one pool for all: this range is of '%s', which PPTP does not "
			"take its addresses of unless RADIUS says so",
			*name ? name : "the pool without a name");
		return;
	}
	if (strstr(text, ",next="))
		import_lacking(accel->import, &accel->entry->line,
			"there is no next pool: its ranges may be added as further ones");
	if (strstr(text, ",allocator="))
		import_lacking(accel->import, &accel->entry->line,
			"addresses are given one by one, without an allocator");
	snprintf(range, sizeof range, "%.*s", (int)strcspn(text, ", \t"), text);
	put(accel, "pool", range);
}

static void on_gateway(struct accel *accel)
{
	static const char *const places[] = {"ip-pool", "chap-secrets", "radius"};
	const char *section = accel->entry->section;
	for (unsigned i = 0; i < 3 && strcmp(places[i], section) != 0; i++)
		if (accel_find(accel, places[i], "gw-ip-address")) {
			import_needless(accel->import, &accel->entry->line,
				"there is one address of our own: that of [%s]", places[i]);
			return;
		}
	char address[ACCEL_NAME_MAX];
	snprintf(address, sizeof address, "%.*s", (int)strcspn(value_of(accel), "/"),
		value_of(accel));
	put(accel, "local", address);
}

static void on_pool6(struct accel *accel)
{
	const char *text = accel->entry->line.text;
	bool delegate = !strcmp(accel->entry->name, "delegate");
	char name[ACCEL_NAME_MAX], network[ACCEL_NAME_MAX], length[8];
	pool_name(text, name);
	if (!is_our_pool(accel, delegate ? "ipv6-pool-delegate" : "ipv6-pool", name)) {
		import_lacking(accel->import, &accel->entry->line,
			"there is one IPv6 pool for all: this one is not that of PPTP");
		return;
	}
	if (delegate)
		text = value_of(accel);
	size_t used = strcspn(text, ",");
	snprintf(network, sizeof network, "%.*s", (int)used, text);
	text += used + (text[used] == ',');
	snprintf(length, sizeof length, "%.*s", (int)strcspn(text, ","), text);
	if (delegate ? import_key(accel->import, &accel->entry->line, "pool6-pd", network)
		     : strcmp(length, "64") != 0) {
		if (delegate)
			put(accel, "pool6-pd-length", length);
		else
			import_lacking(accel->import, &accel->entry->line,
				"each client gets a /64 here, not a /%s", length);
		return;
	}
	if (!delegate && accel->import->trial.pool6.count)
		import_lacking(accel->import, &accel->entry->line, "pool6 is one network");
	else if (!delegate)
		put(accel, "pool6", network);
}

static void on_dns6(struct accel *accel)
{
	const struct accel_entry *entry = accel->entry;
	const char *address = entry->value ? entry->value : entry->name;
	if (accel->import->trial.dns6.family)
		import_lacking(accel->import, &entry->line, "one IPv6 DNS server is told");
	else
		put(accel, "dns6", address);
}

static void on_search(struct accel *accel)
{
	char name[256];
	size_t length;
	snprintf(name, sizeof name, "%s", value_of(accel));
	length = strlen(name);
	if (length && name[length - 1] == '.')
		name[length - 1] = '\0';
	put(accel, "search-domain", name);
}

static bool wants6(const struct accel *accel)
{
	const struct accel_entry *entry = accel_find(accel, "ppp", "ipv6");
	return entry && entry->value && strcmp(entry->value, "deny") != 0;
}

static void on_ipv6(struct accel *accel)
{
	if (!wants6(accel))
		put(accel, "no-ipv6", NULL);
	else
		import_needless(accel->import, &accel->entry->line,
			"IPv6 is there where both ends want it, and a session goes on without");
}

static void on_ipv4(struct accel *accel)
{
	if (!strcmp(value_of(accel), "deny"))
		import_lacking(accel->import, &accel->entry->line,
			"IPv4 cannot be left out: pool is what it needs");
	else
		import_needless(accel->import, &accel->entry->line,
			"a session needs IPv4 here in any case");
}

/* x:x:x:x, as ::x:x:x:x; random is what is drawn when it is left out. */
static const char *identifier(struct accel *accel, const char *name, char text[ACCEL_NAME_MAX])
{
	const struct accel_entry *entry = accel_find(accel, "ppp", name);
	text[0] = '\0';
	if (!entry || !entry->value || !strcmp(entry->value, "random"))
		return text;
	if (strchr(entry->value, ':'))
		snprintf(text, ACCEL_NAME_MAX, "::%s", entry->value);
	else
		import_lacking(accel->import, &entry->line,
			"an identifier made of another address: it is drawn here");
	return text;
}

static void on_identifier(struct accel *accel)
{
	char local[ACCEL_NAME_MAX], remote[ACCEL_NAME_MAX], both[2 * ACCEL_NAME_MAX];
	bool second = !strcmp(accel->entry->name, "ipv6-peer-intf-id");
	if (second && accel_find(accel, "ppp", "ipv6-intf-id"))
		return; /* told with that */
	identifier(accel, "ipv6-intf-id", local);
	identifier(accel, "ipv6-peer-intf-id", remote);
	snprintf(both, sizeof both, "%s%s%s", local, *remote ? "," : "", remote);
	if (*both)
		put(accel, "ipv6-id", both);
}

/* Users. */

static void on_encrypted(struct accel *accel)
{
	if (is_zero(accel))
		import_needless(accel->import, &accel->entry->line, "secrets are read as they are");
	else
		import_lacking(accel->import, &accel->entry->line,
			"the secrets' file is in a format of accel-ppp's own: write it anew, with "
			"passwords or with NT hashes");
}

static void write_secrets(struct accel *accel)
{
	const struct accel_entry *entry = accel_find(accel, "chap-secrets", "chap-secrets");
	if (!accel_module(accel, "chap-secrets")) {
		import_remark(accel->import,
			"Where users come from: accel-ppp's source of them is none that is here. "
			"Without this line the server makes a user for trying it out:");
		put(accel, "secrets", "/etc/ppp/chap-secrets");
	} else if (!entry) {
		import_remark(accel->import, "Where accel-ppp reads users when nothing is said:");
		put(accel, "secrets", "/etc/ppp/chap-secrets");
	}
}

/* Scripts: ours lie in one folder under pppd's names. */

static void on_script(struct accel *accel)
{
	const struct accel_entry *entry = accel->entry;
	const char *folder = accel->import->trial.scripts_dir;
	char *path = strdup(value_of(accel)), *copy = strdup(value_of(accel));
	if (path && copy) {
		const char *in = dirname(path);
		if (strcmp(basename(copy), entry->name) != 0)
			import_lacking(accel->import, &entry->line,
				"a script is called %s and lies in scripts-dir: link it there",
				entry->name);
		else if (folder && strcmp(folder, in) != 0)
			import_lacking(accel->import, &entry->line,
				"all scripts lie in one folder: %s", folder);
		else if (!folder && strcmp(in, "/etc/ppp") != 0)
			put(accel, "scripts-dir", in);
	}
	free(path);
	free(copy);
}

static void on_range(struct accel *accel)
{
	const char *name = accel->entry->name;
	if (!strcmp(name, "0.0.0.0/0") || !strcmp(name, "disable"))
		import_needless(
			accel->import, &accel->entry->line, "who calls from anywhere is heard");
	else
		import_lacking(accel->import, &accel->entry->line,
			"there is no list of outer addresses: let the firewall drop TCP 1723 from "
			"others, or anybody may try to log in");
}

static void on_listen(struct accel *accel)
{
	const struct accel_entry *port = accel_find(accel, "pptp", "port");
	char text[128];
	if (port && port->value)
		snprintf(text, sizeof text, "%.90s:%.16s", value_of(accel), port->value);
	else
		snprintf(text, sizeof text, "%.90s", value_of(accel));
	put(accel, "listen", text);
}

static void on_port(struct accel *accel)
{
	if (!accel_find(accel, "pptp", "bind"))
		put(accel, "port", value_of(accel));
}

static void on_single(struct accel *accel)
{
	put(accel, "single-session", value_of(accel));
}

/* A switch that is off says what holds here. */
static void on_bypass(struct accel *accel)
{
	if (is_zero(accel))
		import_needless(
			accel->import, &accel->entry->line, "nobody comes in without a login");
	else
		import_lacking(accel->import, &accel->entry->line,
			"nobody comes in without a login that is right");
}

static void on_compress_field(struct accel *accel)
{
	if (!strcmp(value_of(accel), "deny"))
		import_needless(accel->import, &accel->entry->line,
			"header fields are left out where the client agrees; it costs nothing");
	else
		import_needless(accel->import, &accel->entry->line, "so it is here");
}

static void on_ccp(struct accel *accel)
{
	if (is_zero(accel))
		put(accel, "no-ccp", NULL);
	else
		import_needless(accel->import, &accel->entry->line, "CCP is spoken");
}

static const struct row rows[] = {
	{"modules", NULL, HANDLE, NULL, on_module},
	{"core", "thread-count", KEY, "workers", NULL},
	{"core", NULL, NEEDLESS, LOG, NULL},
	{"common", "single-session", HANDLE, NULL, on_single},
	{"common", "single-session-ignore-case", LACKING,
		"names are compared as they are, letter by letter", NULL},
	{"common", "max-sessions", KEY_OR_0, "max-sessions", NULL},
	{"common", "max-starting", KEY_OR_0, "max-half-open", NULL},
	{"common", "session-timeout", KEY_OR_0, "maxconnect", NULL},
	{"common", "check-ip", NEEDLESS, "no address is given twice", NULL},
	{"common", NULL, NEEDLESS, "it is about accel-ppp's own workings", NULL},
	{"ppp", "verbose", NEEDLESS, "debug shows every PPP control frame", NULL},
	{"ppp", "mtu", HANDLE, NULL, on_mtu},
	{"ppp", "mru", KEY, "mru", NULL},
	{"ppp", "min-mtu", LACKING, "a client may want packets as small as 576 bytes", NULL},
	{"ppp", "max-mtu", NEEDLESS, "no packet is larger than the outer path takes", NULL},
	{"ppp", "accomp", HANDLE, NULL, on_compress_field},
	{"ppp", "pcomp", HANDLE, NULL, on_compress_field},
	{"ppp", "ccp", HANDLE, NULL, on_ccp},
	{"ppp", "ccp-max-configure", NEEDLESS, "CCP is asked for as often as LCP", NULL},
	{"ppp", "mppe", HANDLE, NULL, on_mppe},
	{"ppp", "timeout", KEY, "lcp-restart", NULL},
	{"ppp", "max-configure", KEY, "lcp-max-configure", NULL},
	{"ppp", "max-failure", KEY, "lcp-max-failure", NULL},
	{"ppp", "max-terminate", KEY, "lcp-max-terminate", NULL},
	{"ppp", "check-ip", NEEDLESS, "no address is given twice", NULL},
	{"ppp", "ipv4", HANDLE, NULL, on_ipv4},
	{"ppp", "ipv6", HANDLE, NULL, on_ipv6},
	{"ppp", "ipv6-intf-id", HANDLE, NULL, on_identifier},
	{"ppp", "ipv6-peer-intf-id", HANDLE, NULL, on_identifier},
	{"ppp", "ipv6-accept-peer-intf-id", NEEDLESS,
		"ipv6cp-accept-remote is the key for it, where ipv6-id names the client's", NULL},
	{"ppp", "lcp-echo-interval", KEY, "lcp-echo-interval", NULL},
	{"ppp", "lcp-echo-failure", HANDLE, NULL, on_lcp_failure},
	{"ppp", "lcp-echo-timeout", HANDLE, NULL, on_lcp_timeout},
	{"ppp", "unit-cache", NEEDLESS, "interfaces are quick to make; shared needs one", NULL},
	{"ppp", "unit-preallocate", NEEDLESS, "it is about RADIUS's NAS-Port", NULL},
	{"auth", "timeout", KEY_OR_0, "auth-timeout", NULL},
	{"auth", "interval", KEY, "chap-interval", NULL},
	{"auth", "max-failure", NEEDLESS, "a link ends with its first failed login", NULL},
	{"auth", "any-login", HANDLE, NULL, on_bypass},
	{"auth", "noauth", HANDLE, NULL, on_bypass},
	{"auth", "challenge-name", KEY, "name", NULL},
	{"pptp", "verbose", NEEDLESS, "debug shows every control message", NULL},
	{"pptp", "bind", HANDLE, NULL, on_listen},
	{"pptp", "port", HANDLE, NULL, on_port},
	{"pptp", "echo-interval", KEY_OR_0, "control-echo-interval", NULL},
	{"pptp", "echo-failure", HANDLE, NULL, on_control_failure},
	{"pptp", "timeout", KEY, "control-timeout", NULL},
	{"pptp", "mppe", HANDLE, NULL, on_mppe},
	{"pptp", "ppp-max-mtu", HANDLE, NULL, on_most_mtu},
	{"pptp", "session-timeout", KEY_OR_0, "maxconnect", NULL},
	{"pptp", "ip-pool", NEEDLESS, "its ranges are those of pool", NULL},
	{"pptp", "ipv6-pool", NEEDLESS, "its network is that of pool6", NULL},
	{"pptp", "ipv6-pool-delegate", NEEDLESS, "its network is that of pool6-pd", NULL},
	{"pptp", "ifname", LACKING, "interfaces of sessions are called pppN", NULL},
	{"dns", "dns1", KEY, "dns", NULL},
	{"dns", "dns2", KEY, "dns", NULL},
	{"wins", "wins1", KEY, "ms-wins", NULL},
	{"wins", "wins2", KEY, "ms-wins", NULL},
	{"ipv6-dns", "dnssl", HANDLE, NULL, on_search},
	{"ipv6-dns", "lifetime", NEEDLESS, ADVERT, NULL},
	{"ipv6-dns", NULL, HANDLE, NULL, on_dns6},
	{"client-ip-range", NULL, HANDLE, NULL, on_range},
	{"ip-pool", "gw-ip-address", HANDLE, NULL, on_gateway},
	{"ip-pool", "attr", NEEDLESS, "there is no RADIUS that would name a pool", NULL},
	{"ip-pool", "vendor", NEEDLESS, "there is no RADIUS that would name a pool", NULL},
	{"ip-pool", "shuffle", NEEDLESS, "a user gets the address he had, else the next free",
		NULL},
	{"ip-pool", "reload-orphan", NEEDLESS, "a session keeps its address", NULL},
	{"ip-pool", NULL, HANDLE, NULL, on_pool},
	{"ipv6-pool", "gw-ip6-address", LACKING, "the first address of pool6 is our own", NULL},
	{"ipv6-pool", "vendor", NEEDLESS, "there is no RADIUS that would name a pool", NULL},
	{"ipv6-pool", "attr-prefix", NEEDLESS, "there is no RADIUS that would name a pool", NULL},
	{"ipv6-pool", "attr-address", NEEDLESS, "there is no RADIUS that would name a pool", NULL},
	{"ipv6-pool", "reload-orphan", NEEDLESS, "a session keeps its prefix", NULL},
	{"ipv6-pool", NULL, HANDLE, NULL, on_pool6},
	{"ipv6-dhcp", "valid-lifetime", KEY, "pool6-pd-lifetime", NULL},
	{"ipv6-dhcp", NULL, NEEDLESS, "DHCPv6 is answered without further settings", NULL},
	{"ipv6-nd", NULL, NEEDLESS, ADVERT, NULL},
	{"chap-secrets", "chap-secrets", KEY, "secrets", NULL},
	{"chap-secrets", "gw-ip-address", HANDLE, NULL, on_gateway},
	{"chap-secrets", "encrypted", HANDLE, NULL, on_encrypted},
	{"chap-secrets", "username-hash", LACKING, "names stand in the file as they are", NULL},
	{"radius", "gw-ip-address", HANDLE, NULL, on_gateway},
	{"radius", NULL, LACKING, RADIUS, NULL},
	{"pppd-compat", "ip-pre-up", HANDLE, NULL, on_script},
	{"pppd-compat", "ip-up", HANDLE, NULL, on_script},
	{"pppd-compat", "ip-down", HANDLE, NULL, on_script},
	{"pppd-compat", "ip-change", LACKING, "nothing changes a session without RADIUS", NULL},
	{"pppd-compat", "radattr-prefix", LACKING, "there are no RADIUS attributes to write", NULL},
	{"pppd-compat", NULL, NEEDLESS, "scripts are run by a process of their own", NULL},
	{"shaper", NULL, LACKING, SHAPER, NULL},
	{"log", NULL, NEEDLESS, LOG, NULL},
	{"log-pgsql", NULL, LACKING, LOG, NULL},
	{"cli", NULL, NEEDLESS,
		"greyline status, sessions and terminate speak over a socket in the run folder, "
		"for root alone",
		NULL},
	{"snmp", NULL, LACKING, "there is no SNMP agent", NULL},
	{"metrics", NULL, LACKING, "there is no HTTP endpoint: greyline status --json", NULL},
	{"connlimit", NULL, LACKING,
		"no rate of connections: max-half-open-per-peer and free-failures limit an address",
		NULL},
	{"l2tp", NULL, NEEDLESS, OTHER, NULL},
	{"sstp", NULL, NEEDLESS, OTHER, NULL},
	{"pppoe", NULL, NEEDLESS, OTHER, NULL},
	{"ipoe", NULL, NEEDLESS, OTHER, NULL},
};

/* Sections that count only while their module is loaded. */
static const char *const optional[][2] = {{"radius", "radius"}, {"shaper", "shaper"},
	{"chap-secrets", "chap-secrets"}, {"ip-pool", "ippool"}, {"ipv6-pool", "ipv6pool"},
	{"ipv6-dhcp", "ipv6_dhcp"}, {"ipv6-nd", "ipv6_nd"}, {"pppd-compat", "pppd_compat"},
	{"connlimit", "connlimit"}, {"snmp", "net-snmp"}, {"metrics", "metrics"},
	{"log-pgsql", "log_pgsql"}};

static const char *module_missing(const struct accel *accel, const char *section)
{
	for (unsigned i = 0; i < sizeof optional / sizeof optional[0]; i++)
		if (!strcmp(optional[i][0], section) && !accel_module(accel, optional[i][1]))
			return optional[i][1];
	return NULL;
}

static const struct row *find_row(const struct accel_entry *entry)
{
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (!strcmp(rows[i].section, entry->section) &&
			(!rows[i].name || !strcmp(rows[i].name, entry->name)))
			return &rows[i];
	return NULL;
}

static void apply(struct accel *accel, const struct row *row)
{
	switch (row->kind) {
	case KEY:
		put(accel, row->text, value_of(accel));
		break;
	case KEY_OR_0:
		if (is_zero(accel))
			import_needless(
				accel->import, &accel->entry->line, "0 is no limit, as here");
		else
			put(accel, row->text, value_of(accel));
		break;
	case LACKING:
		import_lacking(accel->import, &accel->entry->line, "%s", row->text);
		break;
	case NEEDLESS:
		import_needless(accel->import, &accel->entry->line, "%s", row->text);
		break;
	case HANDLE:
		row->handle(accel);
		break;
	}
}

static void translate(struct accel *accel, const struct accel_entry *entry)
{
	const struct row *row = find_row(entry);
	const char *module = module_missing(accel, entry->section);
	accel->entry = entry;
	if (entry->inside)
		import_lacking(accel->import, &entry->line,
			"options inside of another have no "
			"counterpart here");
	else if (module)
		import_needless(accel->import, &entry->line,
			"accel-ppp does not heed it: module %s is not loaded", module);
	else if (!row)
		import_lacking(accel->import, &entry->line, "[%s] %s is not known here",
			entry->section, entry->name);
	else if (row->name && accel_find(accel, entry->section, entry->name) != entry &&
		 row->kind != LACKING && row->handle != on_search)
		import_needless(
			accel->import, &entry->line, "repeated: accel-ppp goes by the first one");
	else
		apply(accel, row);
}

void accel_translate(struct accel *accel)
{
	char none[] = "";
	struct accel_entry nothing = {.line.text = none, .name = none};
	for (size_t i = 0; i < accel->count; i++)
		translate(accel, &accel->entries[i]);
	accel->entry = &nothing;
	write_auth_order(accel);
	write_mppe(accel);
	write_secrets(accel);
	if (!accel_module(accel, "pppd_compat"))
		put(accel, "no-scripts", NULL);
	import_remark(accel->import, "Each client has an interface of its own, as with accel-ppp; "
				     "without this line all share one, which is faster:");
	put(accel, "interface", "per-session");
}
