/* Settings: defaults, configuration files into settings, and what only the whole can tell.
 *
 * A later line wins over an earlier one, the command line over every file. `include = FILE` takes
 * a path relative to the including file, or a pattern of several. */
#include "settings.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth.h"
#include "compression.h"
#include "config.h"
#include "digest.h"
#include "ecp_file.h"
#include "kernel_fit.h"
#include "lcp.h"
#include "limits.h"
#include "link_services.h"
#include "options.h"
#include "slurp.h"
#include "tls.h"
#include "unit.h"
#include "values.h"

enum { INCLUDE_DEPTH = 8 };

#define DEFAULT_FILE   "/etc/greyline/greyline.conf"
#define DEFAULT_FOLDER "/etc/greyline/conf.d/*.conf"

void settings_init(struct settings *settings)
{
	*settings = (struct settings){
		.scripts = true,
		.echo_interval = 30,
		.echo_failure = 4,
		.lqr_loss = 20,
		.lqr_failure = 3,
		.lqr_window = 5,
		.mrru = PPP_MRU_DEFAULT,
		.max_links = 8,
		.links = 1,
		.links_per_tunnel = 1,
		.lcp_restart = 3,
		.lcp_max_configure = 10,
		.lcp_max_terminate = 2,
		.lcp_max_failure = 5,
		.mss_clamp = true,
		.accomp = true,
		.pcomp = true,
		.stop_bits = 1,
		.fcs = LCP_FCS_16,
		.connect_delay = 1000,
		.script_timeout = 600,
		.modem = true,
		.vj_slots = IPCP_VJ_SLOTS_MAX,
		.mppe = true,
		.ccp = true,
		.compression_memory = COMPRESSION_MEMORY,
		.ipv6 = true,
		.unit = UNIT_UNSET,
		.port = 1723,
		.window = 64,
		.control_echo_interval = 60,
		.control_echo_timeout = 60,
		.control_timeout = 10,
		.log_level = 1,
		.check_source = true,
		.pool6_pd_length = 56,
		.request_prefix = PREFIX_UNASKED,
		.pool6_pd_lifetime = 7200,
		.offload = true,
		.dont_fragment = true,
		.max_sessions = 4096,
		.max_calls = 16,
		.max_half_open = HALF_OPEN_TOTAL,
		.max_half_open_per_peer = HALF_OPEN_PER_PEER,
		.auth_timeout = 30,
		.free_failures = 3,
		.octets_every = 1,
		.keep_interface = true,
		.holdoff = 5,
		.max_fail = 10,
		.tls_min = TLS_1_2,
		.tls_max = TLS_1_3,
		.tls_resume = true,
		.calls_per_tunnel = 1,
		.echo = 5,
	};
}

static void free_texts(struct text_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->at[i]);
	free(list->at);
	*list = (struct text_list){0};
}

void settings_free(struct settings *settings)
{
	for (size_t i = 0; i < option_count; i++) {
		void *target = (char *)settings + option_table[i].offset;
		if (option_table[i].type == OPTION_TEXT) {
			char **text = target;
			if (*text)
				secret_wipe(*text, strlen(*text));
			free(*text);
			*text = NULL;
		}
	}
	secret_wipe(&settings->ecp_key, sizeof settings->ecp_key);
	free_texts(&settings->set);
	free_texts(&settings->unset);
	free_texts(&settings->listen);
	free_texts(&settings->connect);
	free_texts(&settings->search);
	free_texts(&settings->delegate_to);
	free(settings->pool.at);
	free(settings->routes.at);
	free(settings->pool6.at);
	free(settings->pool6_pd.at);
	free(settings->push_routes.at);
	settings->push_routes = (struct prefix_list){0};
	settings->pool6 = settings->pool6_pd = (struct prefix_list){0};
	settings->pool = (struct range_list){0};
	settings->routes = (struct prefix_list){0};
}

/* One file being read, inside those that include it. */
struct reading {
	struct settings *settings;
	struct faults *faults;
	const char *path;
	unsigned depth;
	uint8_t section;
	bool alone; /* memory, not a file: nothing is included */
};

static int read_file(struct reading *reading);

static void on_section(void *context, const char *name, const struct place *at)
{
	struct reading *reading = context;
	reading->section = *name ? section_of(name) : 0;
	if (reading->section || !*name)
		return;
	const char *nearest = section_nearest(name);
	if (nearest)
		fault(reading->faults, at, "unknown section [%s] (did you mean [%s]?)", name,
			nearest);
	else
		fault(reading->faults, at,
			"unknown section [%s]: there are [greyline], [server], [client], [link], "
			"[ppp]",
			name);
}

static void unknown_key(
	struct reading *reading, const struct config_entry *entry, const struct option *option)
{
	uint8_t section = reading->section;
	if (option && option->sections) {
		fault(reading->faults, &entry->key_at, "'%s' does not belong in [%s] but in [%s]",
			entry->key, *entry->section ? entry->section : "greyline",
			option->sections & SECTION_PPP      ? "ppp"
			: option->sections & SECTION_SERVER ? "server"
			: option->sections & SECTION_CLIENT ? "client"
			: option->sections & SECTION_LINK   ? "link"
							    : "greyline");
		return;
	}
	if (section & SECTION_ENDS)
		section |= SECTION_PPP;
	const char *nearest = option_nearest(entry->key, 0, section);
	if (nearest)
		fault(reading->faults, &entry->key_at, "unknown key '%s' (did you mean '%s'?)",
			entry->key, nearest);
	else
		fault(reading->faults, &entry->key_at, "unknown key '%s'", entry->key);
}

static void include_one(struct reading *outer, const char *path, const struct place *at)
{
	struct reading inner = *outer;
	inner.path = path;
	inner.depth++;
	inner.section = SECTION_GREYLINE;
	if (inner.depth > INCLUDE_DEPTH) {
		fault(outer->faults, at, "include: more than %d files deep", INCLUDE_DEPTH);
		return;
	}
	int error = read_file(&inner);
	if (error)
		fault(outer->faults, at, "include: %s: %s", path, strerror(-error));
}

static void include(struct reading *reading, const struct config_entry *entry)
{
	char pattern[4096];
	const char *slash = strrchr(reading->path, '/');
	int folder = slash && entry->value[0] != '/' ? (int)(slash - reading->path) + 1 : 0;
	if (!*entry->value) {
		fault(reading->faults, &entry->key_at, "'include' needs a value: FILE");
		return;
	}
	if (reading->alone)
		return;
	int length =
		snprintf(pattern, sizeof pattern, "%.*s%s", folder, reading->path, entry->value);
	if (length < 0 || (size_t)length >= sizeof pattern) {
		fault(reading->faults, &entry->value_at, "include: the path is too long");
		return;
	}
	if (!strpbrk(pattern, "*?[")) {
		include_one(reading, pattern, &entry->value_at);
		return;
	}
	glob_t found;
	if (glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			include_one(reading, found.gl_pathv[i], &entry->value_at);
		globfree(&found);
	}
}

static void on_entry(void *context, const struct config_entry *entry)
{
	struct reading *reading = context;
	bool negated;
	if (!strcmp(entry->key, "include")) {
		include(reading, entry);
		return;
	}
	if (!reading->section)
		return; /* the heading was the fault */
	const struct option *option = option_find_negated(entry->key, &negated);
	uint8_t allowed = reading->section;
	if (allowed & SECTION_ENDS)
		allowed |= SECTION_PPP;
	if (!option || !(option->sections & allowed)) {
		unknown_key(reading, entry, option);
		return;
	}
	char error[OPTION_ERROR_MAX];
	if (!option_store(option, reading->settings, entry->bare ? NULL : entry->value, negated,
		    false, error))
		fault(reading->faults, entry->bare ? &entry->key_at : &entry->value_at, "%s",
			error);
}

/* A file with a password in it is nobody else's business. */
static void warn_of_readers(struct reading *reading, const struct stat *status, bool had_password)
{
	if (had_password || !reading->settings->password || !(status->st_mode & 077))
		return;
	struct place whole = {.file = reading->path};
	fault_warning(reading->faults, &whole,
		"holds a password and others can read it: chmod 600 %s", reading->path);
}

static int read_file(struct reading *reading)
{
	struct stat status;
	char *bytes;
	size_t length;
	int error = slurp(reading->path, CONFIG_FILE_MAX, &bytes, &length, &status);
	if (error)
		return error;
	bool had_password = reading->settings->password != NULL;
	struct config_sink sink = {on_section, on_entry, reading};
	config_parse(reading->path, bytes, length, &sink, reading->faults);
	warn_of_readers(reading, &status, had_password);
	slurp_free(bytes, length);
	return 0;
}

void settings_parse(struct settings *settings, const char *name, const char *bytes, size_t length,
	struct faults *faults)
{
	struct reading reading = {.settings = settings,
		.faults = faults,
		.path = name,
		.section = SECTION_GREYLINE,
		.alone = true};
	struct config_sink sink = {on_section, on_entry, &reading};
	config_parse(name, bytes, length, &sink, faults);
}

int settings_read(struct settings *settings, const char *path, struct faults *faults)
{
	struct reading reading = {
		.settings = settings, .faults = faults, .path = path, .section = SECTION_GREYLINE};
	return read_file(&reading);
}

void settings_read_default(struct settings *settings, struct faults *faults)
{
	struct place whole = {.file = DEFAULT_FILE};
	int error = settings_read(settings, DEFAULT_FILE, faults);
	if (error && error != -ENOENT && error != -EACCES)
		fault(faults, &whole, "%s", strerror(-error));
	glob_t found;
	if (glob(DEFAULT_FOLDER, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			whole.file = found.gl_pathv[i];
			error = settings_read(settings, found.gl_pathv[i], faults);
			if (error && error != -EACCES)
				fault(faults, &whole, "%s", strerror(-error));
		}
		globfree(&found);
	}
}

bool settings_certificate(const struct settings *settings)
{
	return (settings->tls_cert || settings->tls_pkcs12) &&
	       !(settings->refuse_auth & AUTH_EAP_TLS);
}

uint8_t settings_auth(const struct settings *settings)
{
	uint32_t strict = AUTH_MSCHAPV2 | AUTH_EAP_MSCHAPV2 | AUTH_EAP_TLS;
	uint32_t wanted = settings->require_auth ? settings->require_auth : strict;
	uint32_t able = settings_certificate(settings) ? UINT32_MAX : ~(uint32_t)AUTH_EAP_TLS;
	return (uint8_t)((wanted | settings->allow_auth) & ~settings->refuse_auth & able);
}

/* Said in so many words: --no-mppe, or pppd's nomppe. */
static bool mppe_off(const struct settings *settings)
{
	const uint32_t all = MPPE_ALLOW_40 | MPPE_ALLOW_56 | MPPE_ALLOW_128;
	return !settings->mppe || !settings->ccp || (settings->refuse_mppe & all) == all;
}

uint8_t settings_mppe(const struct settings *settings)
{
	uint32_t wanted = settings->require_mppe ? settings->require_mppe : MPPE_ALLOW_128;
	if (mppe_off(settings) || settings->ecp_key_file)
		return 0;
	return (uint8_t)((wanted | settings->allow_mppe) & ~settings->refuse_mppe);
}

bool settings_mppe_required(const struct settings *settings)
{
	return settings_mppe(settings) != 0 && !settings->clear_text;
}

bool settings_shared(const struct settings *settings)
{
	if (settings->ppp_program)
		return false; /* its interfaces are its own */
	if (settings->interface == INTERFACE_UNSAID)
		return settings->data_plane != DATA_PLANE_KERNEL;
	return settings->interface == INTERFACE_SHARED;
}

static void check_auth(const struct settings *settings, struct faults *faults)
{
	uint8_t auth = settings_auth(settings), mppe = settings_mppe(settings);
	if (!auth)
		fault(faults, NULL,
			"every way to authenticate is refused: take one refuse-... out");
	if (auth & AUTH_PAP)
		fault_warning(faults, NULL,
			"PAP is allowed: passwords travel in clear text, for anybody on the path");
	if (auth & AUTH_CHAP_MD5)
		fault_warning(faults, NULL,
			"CHAP-MD5 is allowed: it gives no keys, so its "
			"sessions cannot be encrypted");
	if (auth & AUTH_EAP_MD5)
		fault_warning(faults, NULL,
			"EAP-MD5 is allowed: it gives no keys, so its "
			"sessions cannot be encrypted");
	if (auth & AUTH_MSCHAP)
		fault_warning(faults, NULL,
			"MS-CHAP (version 1) is allowed: its keys do not change "
			"from login to login, and the server proves nothing");
	struct auth_order order;
	if (value_auth(settings->own_auth, &order) & AUTH_PAP)
		fault_warning(
			faults, NULL, "own-auth has PAP: whoever asks for it is told our password");
	if (auth && !(auth & AUTH_KEYED) && settings_mppe_required(settings))
		fault(faults, NULL,
			"MPPE needs MS-CHAPv2, in EAP or without, or MS-CHAP for its keys: allow "
			"one of "
			"them, or say --allow-clear-text");
	if (auth & AUTH_KEYED)
		return;
	if (mppe && settings->require_mppe)
		fault(faults, NULL, "require-mppe contradicts the authentication that is left");
}

static void check_tls(const struct settings *settings, struct faults *faults)
{
	bool any = settings->tls_cert || settings->tls_pkcs12;
	if (settings->tls_cert && settings->tls_pkcs12)
		fault(faults, NULL, "cert and pkcs12 both say who we are: keep one");
	if (settings->tls_key && !settings->tls_cert)
		fault(faults, NULL, "key: there is no cert that it is the key of");
	if ((settings->require_auth & AUTH_EAP_TLS) && settings->require_auth == AUTH_EAP_TLS &&
		!any)
		fault(faults, NULL, "require-eap-tls needs a certificate: cert, key and ca");
	if (any && !settings->tls_ca && !settings->tls_capath)
		fault(faults, NULL,
			"a certificate needs ca: whose certificates the peer's may be of");
	if (settings->tls_min > settings->tls_max)
		fault(faults, NULL, "min-tls-version is above max-tls-version");
	if (any && settings->tls_min < TLS_1_2)
		fault_warning(faults, NULL,
			"TLS below 1.2 is allowed: its hashes are broken in the long run");
}

static void check_mppe(const struct settings *settings, struct faults *faults)
{
	uint8_t mppe = settings_mppe(settings);
	if (settings->ecp_key_file)
		return;
	if (mppe_off(settings) && settings->require_mppe)
		fault(faults, NULL, "%s contradicts require-mppe: keep one",
			settings->ccp ? "no-mppe" : "no-ccp");
	else if (!mppe && !mppe_off(settings))
		fault(faults, NULL,
			"every strength of MPPE that is allowed is refused too: allow another, or "
			"say --no-mppe");
	else if (!mppe)
		fault_warning(faults, NULL,
			"encryption is off: everything in the tunnel can be read on the path");
	else if (settings->clear_text)
		fault_warning(faults, NULL,
			"clear text is allowed: somebody on the path can make "
			"both sides agree on it");
	if (mppe & (MPPE_ALLOW_40 | MPPE_ALLOW_56))
		fault_warning(faults, NULL,
			"MPPE with 40 or 56 bits is allowed: its keys can be searched in hours");
	if (mppe && settings->mppe_stateful)
		fault_warning(faults, NULL,
			"stateful MPPE is allowed: a key serves 256 packets, "
			"and one lost packet costs those behind it");
}

static void check_ecp(struct settings *settings, struct faults *faults)
{
	if (!settings->ecp_key_file)
		return;
	if (settings->require_mppe)
		fault(faults, NULL, "ecp-key-file contradicts require-mppe: keep one");
	if (settings->clear_text)
		fault(faults, NULL, "ecp-key-file contradicts allow-clear-text: keep one");
	if (!ecp_file_read(settings->ecp_key_file, &settings->ecp_key, faults))
		return;
	if (settings->ecp_key.length == ECP_KEY_DES)
		fault_warning(faults, NULL,
			"DESE-bis encrypts with DES: whoever records it reads it within hours");
	else
		fault_warning(faults, NULL,
			"3DESE proves nothing about what arrives, and all who have its key share "
			"it");
}

void settings_check_ppp(struct settings *settings, struct faults *faults)
{
	check_auth(settings, faults);
	check_tls(settings, faults);
	check_mppe(settings, faults);
	check_ecp(settings, faults);
	compression_check(settings, faults);
}

static void check_push_routes(const struct settings *settings, struct faults *faults)
{
	const struct prefix_list *routes = &settings->push_routes;
	if (routes->count > LINK_ROUTES)
		fault(faults, NULL, "push-route: at most %d networks can be told", LINK_ROUTES);
	for (size_t i = 0; i < routes->count; i++)
		if (routes->at[i].address.family != 4)
			fault(faults, NULL, "push-route: an IPv4 network is expected");
}

static bool overlap(const struct prefix *a, const struct prefix *b)
{
	unsigned bits = a->length < b->length ? a->length : b->length;
	for (unsigned bit = 0; bit < bits; bit++)
		if ((a->address.bytes[bit / 8] ^ b->address.bytes[bit / 8]) & 0x80 >> bit % 8)
			return false;
	return true;
}

static void check_delegation(const struct settings *settings, struct faults *faults)
{
	const struct prefix *pool = settings->pool6_pd.at;
	if (settings->pool6_pd.count > 1)
		fault(faults, NULL, "pool6-pd: one network is expected");
	if (!pool)
		return;
	if (pool->address.family != 6 || pool->length >= settings->pool6_pd_length)
		fault(faults, NULL,
			"pool6-pd: an IPv6 network shorter than %u bits (pool6-pd-length) is "
			"expected: each router gets a prefix of it",
			settings->pool6_pd_length);
	if (!settings->pool6.count)
		fault(faults, NULL, "pool6-pd: needs pool6, which gives the links their network");
	else if (overlap(pool, settings->pool6.at))
		fault(faults, NULL, "pool6-pd: overlaps pool6: take another network");
}

static void check_ipv6(const struct settings *settings, struct faults *faults)
{
	if (settings->delegate_to.count && settings->request_prefix == PREFIX_UNASKED)
		fault(faults, NULL,
			"delegate-to: needs request-prefix, which asks for what is given on");
	enum { LONGEST = 63 }; /* the first /64 is the server's */
	const struct prefix *pool = settings->pool6.at;
	if (settings->pool6.count > 1)
		fault(faults, NULL, "pool6: one network is expected");
	else if (pool && (pool->address.family != 6 || pool->length > LONGEST))
		fault(faults, NULL,
			"pool6: an IPv6 network of at most 63 bits is expected: each client gets "
			"a /64 of it, and the first is the server's");
	if (settings->dns6.family == 4)
		fault(faults, NULL, "dns6: an IPv6 address is expected");
	if (settings->ntp6.family == 4)
		fault(faults, NULL, "ntp6: an IPv6 address is expected");
	check_delegation(settings, faults);
}

void settings_check(struct settings *settings, struct faults *faults)
{
	settings_check_ppp(settings, faults);
	if (settings->bind && !value_is_address(settings->bind))
		fault(faults, NULL, "bind: an address is expected, not '%s'", settings->bind);
	if (settings->local.family == 6)
		fault(faults, NULL, "local: an IPv4 address is expected");
	if (settings->remote.family == 6)
		fault(faults, NULL, "remote: an IPv4 address is expected");
	if (settings->demand && settings->listen.count)
		fault(faults, NULL, "demand: with listen it is the server who dials");
	if (settings->ppp_options && !settings->ppp_program)
		fault(faults, NULL, "ppp-options: for whom? ppp-program is missing");
	check_ipv6(settings, faults);
	check_push_routes(settings, faults);
	if (settings->ifname && settings->unit != UNIT_UNSET)
		fault(faults, NULL, "ifname and unit both name the interface: keep one");
	const char *beyond = kernel_fit(settings, true);
	if (settings->data_plane == DATA_PLANE_KERNEL && beyond)
		fault(faults, NULL, "data-plane = kernel cannot have %s", beyond);
	if (settings->ifname && settings->interface == INTERFACE_PER_SESSION)
		fault(faults, NULL,
			"ifname names one interface, and there is one for each session: keep one");
	if (settings->netns && settings->use_peer_dns && strchr(settings->netns, '/'))
		fault(faults, NULL,
			"netns: name servers are kept in /etc/netns/NAME: use-peer-dns needs a "
			"name, "
			"not a path");
	if (settings->lqr_failure > settings->lqr_window)
		fault(faults, NULL,
			"lqr-failure: %u of %u reports can never be bad: lower it or "
			"raise lqr-window",
			settings->lqr_failure, settings->lqr_window);
	if (settings->gre_from_anywhere)
		fault_warning(faults, NULL,
			"gre-from-anywhere: whoever guesses the 16 bits of a call ID can take a "
			"starting session's GRE");
	if (!settings->check_source)
		fault_warning(faults, NULL,
			"no-check-source: a client can send packets under any "
			"address");
}
