/* The table of options (see options.h): every row is an option of the command line, a key of the
 * configuration file, a line of --help and a candidate for the nearest spelling. pppd's names are
 * kept for what pppd has. A second row with the offset of another is a second name for the same
 * thing. */
#include "options.h"

#include <assert.h>

#include "auth.h"
#include "limits.h"
#include "unit.h"
#include "values.h"

#define ROW(name_, letter_, sections_, commands_, type_, argument_, help_, member, ...)            \
	{                                                                                          \
		.name = (name_), .letter = (letter_), .sections = (sections_),                     \
		.commands = (commands_), .type = OPTION_##type_, .argument = (argument_),          \
		.help = (help_), .offset = offsetof(struct settings, member), __VA_ARGS__          \
	}

static const struct option_choice interface_choices[] = {
	{"shared", INTERFACE_SHARED}, {"per-session", INTERFACE_PER_SESSION}, {NULL, 0}};
static const struct option_choice single_choices[] = {
	{"several", SINGLE_SEVERAL}, {"replace", SINGLE_REPLACE}, {"deny", SINGLE_DENY}, {NULL, 0}};
static const struct option_choice log_choices[] = {{"auto", LOG_STYLE_AUTO},
	{"time", LOG_STYLE_TIME}, {"syslog", LOG_STYLE_SYSLOG}, {NULL, 0}};

#define G       SECTION_GREYLINE
#define S       SECTION_SERVER
#define C       SECTION_CLIENT
#define P       SECTION_PPP
#define DAEMONS COMMAND_DAEMONS

const struct option option_table[] = {
	/* The program. */
	ROW("config", 'c', 0, DAEMONS | COMMAND_CHECK | COMMAND_CONTROL | COMMAND_DOCTOR, TEXT,
		"FILE", "read this file instead of /etc/greyline/greyline.conf", config_file),
	ROW("help", 'h', 0, COMMAND_ANY, FLAG, NULL, "show this help", help),
	ROW("debug", 'd', G, DAEMONS, FLAG, NULL,
		"show every control message and every PPP control frame", debug),
	ROW("log-style", 0, G, DAEMONS, CHOICE, "STYLE",
		"auto, time (a clock before each line) or syslog (a priority, <6>)", log_style,
		.choices = log_choices),
	ROW("run-dir", 0, G, DAEMONS | COMMAND_CONTROL, TEXT, "FOLDER", "where control sockets lie",
		run_dir),
	ROW("state-dir", 0, G, DAEMONS, TEXT, "FOLDER",
		"where changes to the host are written down, to undo them after a crash",
		state_dir),
	ROW("run-as", 0, G, DAEMONS, TEXT, "USER",
		"user to run as; what needs root stays with a small helper", run_as),
	ROW("scripts", 0, G, DAEMONS, FLAG, NULL,
		"run ip-pre-up, ip-up, ip-down, auth-up and auth-down", scripts),
	ROW("scripts-dir", 0, G, DAEMONS, TEXT, "FOLDER", "where those scripts lie", scripts_dir),

	/* The control connection. */
	ROW("port", 0, S | C, DAEMONS, NUMBER, "N", "TCP port of the control connection", port,
		.low = 1, .high = 65535),
	ROW("window", 0, S | C, DAEMONS, NUMBER, "N",
		"packets the peer may send ahead of our acknowledgement", window, .low = 1,
		.high = 65535),
	ROW("host-name", 0, S | C, DAEMONS, TEXT, "NAME",
		"host name told to the peer in the control connection", host_name),
	ROW("control-timeout", 0, S | C, DAEMONS, NUMBER, "SECONDS",
		"how long an answer on the control connection may take", control_timeout, .low = 1,
		.high = 3600),
	ROW("control-echo-interval", 0, S | C, DAEMONS, NUMBER, "SECONDS",
		"silence on the control connection before an Echo-Request", control_echo_interval,
		.low = 1, .high = 3600),
	ROW("control-echo-timeout", 0, S | C, DAEMONS, NUMBER, "SECONDS",
		"how long its answer may take", control_echo_timeout, .low = 1, .high = 3600),
	ROW("secrets", 0, S | C, DAEMONS, TEXT, "FILE",
		"users and passwords, in the format of chap-secrets", secrets),

	/* The server. */
	ROW("listen", 0, S, DAEMONS, TEXTS, "ADDR[:PORT]",
		"address to listen on (repeated: several)", listen, .fits = value_is_listen,
		.expected = "an address, or address:port, is expected"),
	ROW("pap-secrets", 0, S, DAEMONS, TEXT, "FILE",
		"users and passwords for PAP, when not those of --secrets", pap_secrets),
	ROW("pool", 0, S, DAEMONS, RANGES, "CIDR",
		"addresses for clients: CIDR, or 192.168.0.234,192.168.0.245-249", pool),
	ROW("local", 0, S, DAEMONS, ADDRESS, "ADDR",
		"the server's own address inside the tunnel; else the pool's first", local),
	ROW("nat", 0, S, DAEMONS, FLAG, NULL,
		"forwarding, masquerade and MSS clamp for clients; undone at exit", nat),
	ROW("interface", 0, S, DAEMONS, CHOICE, "KIND",
		"shared (one TUN for all sessions) or per-session (pppN for each)", interface,
		.choices = interface_choices),
	ROW("client-to-client", 0, S, DAEMONS, FLAG, NULL, "let clients reach each other",
		client_to_client),
	ROW("check-source", 0, S, DAEMONS, FLAG, NULL,
		"drop packets of a client whose source is not its own address", check_source),
	ROW("single-session", 0, S, DAEMONS, CHOICE, "POLICY",
		"a user who comes again: several, replace (end the old one) or deny",
		single_session, .choices = single_choices),
	ROW("max-sessions", 0, S, DAEMONS, NUMBER, "N", "sessions in all", max_sessions, .low = 1,
		.high = 65000),
	ROW("max-calls", 0, S, DAEMONS, NUMBER, "N", "calls of one control connection", max_calls,
		.low = 1, .high = CALLS_PER_TUNNEL),
	ROW("max-half-open", 0, S, DAEMONS, NUMBER, "N",
		"peers that have not logged in yet, in all", max_half_open, .low = 1,
		.high = 65000),
	ROW("max-half-open-per-peer", 0, S, DAEMONS, NUMBER, "N", "the same from one address",
		max_half_open_per_peer, .low = 1, .high = 65000),
	ROW("auth-timeout", 0, S | C, DAEMONS, NUMBER, "SECONDS", "how long logging in may take",
		auth_timeout, .low = 1, .high = 3600),
	ROW("free-failures", 0, S, DAEMONS, NUMBER, "N",
		"failed logins of a user or an address before delays begin", free_failures,
		.low = 1, .high = 1000),
	ROW("chapms-strip-domain", 0, S, DAEMONS, FLAG, NULL,
		"look users up without their DOMAIN\\ prefix", strip_domain),

	/* The client. */
	ROW("server", 0, C, COMMAND_CLIENT, TEXT, "HOST", "the server, when not given as USER@HOST",
		server, .fits = value_is_host,
		.expected = "a name or an address, with :PORT if need be, is expected"),
	ROW("password-file", 0, C, COMMAND_CLIENT, TEXT, "FILE",
		"the password is this file's first line", password_file),
	ROW("password", 0, C, 0, TEXT, "WORD", "the password itself", password, .file_only = true),
	ROW("bind", 0, C, COMMAND_CLIENT, TEXT, "ADDR", "local address to call from", bind,
		.fits = value_is_address, .expected = "an address is expected"),
	ROW("route", 0, C, COMMAND_CLIENT, PREFIXES, "CIDR",
		"reach this network through the tunnel (repeated: several)", routes),
	ROW("default-route", 0, C, COMMAND_CLIENT, FLAG, NULL,
		"reach everything but the server through the tunnel", default_route),
	ROW("use-peer-dns", 0, C, COMMAND_CLIENT, FLAG, NULL,
		"ask the server for DNS servers and use them", use_peer_dns),
	ROW("persist", 0, P | C, COMMAND_CLIENT, FLAG, NULL, "dial again when the connection ends",
		persist),
	ROW("holdoff", 0, P | C, COMMAND_CLIENT, NUMBER, "SECONDS",
		"wait before dialling again; doubled after each failure, up to 16 times", holdoff,
		.low = 0, .high = 86400),
	ROW("maxfail", 0, P | C, COMMAND_CLIENT, NUMBER, "N",
		"give up after this many failures in a row (0: never)", max_fail, .low = 0,
		.high = 1000000),

	/* PPP. */
	ROW("mtu", 0, P, DAEMONS, NUMBER, "N",
		"largest packet sent through the tunnel; else what the path takes", mtu, .low = 576,
		.high = PPP_MRU_DEFAULT),
	ROW("mru", 0, P, DAEMONS, NUMBER, "N", "largest packet the peer may send us", mru,
		.low = PPP_MRU_MIN, .high = PPP_MRU_DEFAULT),
	ROW("lcp-echo-interval", 0, P, DAEMONS, NUMBER, "SECONDS",
		"silence before an LCP Echo-Request (0: none)", echo_interval, .low = 0,
		.high = 3600),
	ROW("lcp-echo-failure", 0, P, DAEMONS, NUMBER, "N",
		"unanswered Echo-Requests that end a session", echo_failure, .low = 1, .high = 255),
	ROW("lcp-restart", 0, P, DAEMONS, NUMBER, "SECONDS",
		"wait before a request is sent again (LCP, CCP and IPCP)", lcp_restart, .low = 1,
		.high = 60),
	ROW("lcp-max-configure", 0, P, DAEMONS, NUMBER, "N",
		"Configure-Requests sent without an answer", lcp_max_configure, .low = 1,
		.high = 255),
	ROW("lcp-max-terminate", 0, P, DAEMONS, NUMBER, "N",
		"Terminate-Requests sent without an answer", lcp_max_terminate, .low = 1,
		.high = 255),
	ROW("lcp-max-failure", 0, P, DAEMONS, NUMBER, "N",
		"Configure-Naks sent before options are rejected", lcp_max_failure, .low = 1,
		.high = 255),
	ROW("idle", 0, P, DAEMONS, NUMBER, "SECONDS", "end a session without traffic (0: never)",
		idle, .low = 0, .high = 31536000),
	ROW("maxconnect", 0, P, DAEMONS, NUMBER, "SECONDS",
		"end a session after this long (0: never)", max_connect, .low = 0,
		.high = 31536000),
	ROW("dns", 0, S, DAEMONS, PAIR, "ADDR",
		"DNS server to hand to clients (twice: a second one)", dns),
	ROW("ms-dns", 0, P, DAEMONS, PAIR, "ADDR", "pppd's name for --dns", dns),
	ROW("ms-wins", 0, P, DAEMONS, PAIR, "ADDR",
		"WINS server to hand to clients (twice: a second one)", wins),
	ROW("name", 0, P, DAEMONS, TEXT, "NAME",
		"our name: what we call ourselves, and the second word of chap-secrets", name),
	ROW("user", 0, P, COMMAND_CLIENT, TEXT, "NAME",
		"the name to log in with, when not given as USER@HOST", user),
	ROW("remotename", 0, P, COMMAND_CLIENT, TEXT, "NAME",
		"the server's name in our --secrets; else HOST", remote_name),
	ROW("ifname", 0, P, DAEMONS, TEXT, "NAME",
		"name of the interface (server: of the shared one)", ifname,
		.fits = value_is_interface,
		.expected = "1 to 15 letters, digits, - _ or . are expected"),
	ROW("unit", 0, P, COMMAND_CLIENT, NUMBER, "N", "name the interface pppN", unit, .low = 0,
		.high = 65535),
	ROW("ipparam", 0, P, DAEMONS, TEXT, "WORD", "sixth argument of ip-up and ip-down", ipparam),
	ROW("linkname", 0, P, DAEMONS, TEXT, "WORD", "LINKNAME in scripts", link_name),
	ROW("defaultroute", 0, P | C, COMMAND_CLIENT, FLAG, NULL, "pppd's name for --default-route",
		default_route),
	ROW("usepeerdns", 0, P | C, COMMAND_CLIENT, FLAG, NULL, "pppd's name for --use-peer-dns",
		use_peer_dns),

	/* Authentication: MS-CHAPv2 unless one of these says otherwise. */
	ROW("require-mschap-v2", 0, P, DAEMONS, MASK, NULL, "MS-CHAPv2 (the default)", require_auth,
		.low = AUTH_MSCHAPV2),
	ROW("require-mschap", 0, P, DAEMONS, MASK, NULL,
		"MS-CHAP instead: its key is broken in seconds", require_auth, .low = AUTH_MSCHAP),
	ROW("require-chap", 0, P, DAEMONS, MASK, NULL,
		"CHAP-MD5 instead: has no keys, so no encryption", require_auth,
		.low = AUTH_CHAP_MD5),
	ROW("require-pap", 0, P, DAEMONS, MASK, NULL, "PAP instead: the password travels in clear",
		require_auth, .low = AUTH_PAP),
	ROW("allow-mschap", 0, P, DAEMONS, MASK, NULL, "MS-CHAP as well", allow_auth,
		.low = AUTH_MSCHAP),
	ROW("allow-chap", 0, P, DAEMONS, MASK, NULL, "CHAP-MD5 as well", allow_auth,
		.low = AUTH_CHAP_MD5),
	ROW("allow-pap", 0, P, DAEMONS, MASK, NULL, "PAP as well", allow_auth, .low = AUTH_PAP),
	ROW("refuse-mschap-v2", 0, P, DAEMONS, MASK, NULL, "not MS-CHAPv2", refuse_auth,
		.low = AUTH_MSCHAPV2),
	ROW("refuse-mschap", 0, P, DAEMONS, MASK, NULL, "not MS-CHAP, whatever allows it",
		refuse_auth, .low = AUTH_MSCHAP),
	ROW("refuse-chap", 0, P, DAEMONS, MASK, NULL, "not CHAP-MD5, whatever allows it",
		refuse_auth, .low = AUTH_CHAP_MD5),
	ROW("refuse-pap", 0, P, DAEMONS, MASK, NULL, "not PAP, whatever allows it", refuse_auth,
		.low = AUTH_PAP),

	/* Encryption: MPPE-128 stateless unless one of these says otherwise. */
	ROW("mppe", 0, P, DAEMONS, FLAG, NULL, "encrypt; --no-mppe sends everything in clear text",
		mppe),
	ROW("require-mppe-128", 0, P, DAEMONS, MASK, NULL, "128 bits (the default)", require_mppe,
		.low = MPPE_ALLOW_128),
	ROW("require-mppe-56", 0, P, DAEMONS, MASK, NULL, "56 bits instead", require_mppe,
		.low = MPPE_ALLOW_56),
	ROW("require-mppe-40", 0, P, DAEMONS, MASK, NULL, "40 bits instead", require_mppe,
		.low = MPPE_ALLOW_40),
	ROW("require-mppe", 0, P, DAEMONS, MASK, NULL, "any strength", require_mppe,
		.low = MPPE_ALLOW_40 | MPPE_ALLOW_56 | MPPE_ALLOW_128),
	ROW("allow-mppe-56", 0, P, DAEMONS, MASK, NULL, "56 bits as well", allow_mppe,
		.low = MPPE_ALLOW_56),
	ROW("allow-mppe-40", 0, P, DAEMONS, MASK, NULL, "40 bits as well", allow_mppe,
		.low = MPPE_ALLOW_40),
	ROW("allow-clear-text", 0, P, DAEMONS, FLAG, NULL,
		"encrypt if the peer can, else send in clear text", clear_text),
	ROW("nomppe-128", 0, P, DAEMONS, MASK, NULL, "not 128 bits", refuse_mppe,
		.low = MPPE_ALLOW_128),
	ROW("nomppe-56", 0, P, DAEMONS, MASK, NULL, "not 56 bits, whatever allows it", refuse_mppe,
		.low = MPPE_ALLOW_56),
	ROW("nomppe-40", 0, P, DAEMONS, MASK, NULL, "not 40 bits, whatever allows it", refuse_mppe,
		.low = MPPE_ALLOW_40),
	ROW("nomppe", 0, P, DAEMONS, MASK, NULL, "pppd's name for --no-mppe", refuse_mppe,
		.low = MPPE_ALLOW_40 | MPPE_ALLOW_56 | MPPE_ALLOW_128),
	ROW("mppe-stateful", 0, P, DAEMONS, FLAG, NULL,
		"accept stateful MPPE too: keys change every 256 packets only", mppe_stateful),

	/* The tools. */
	ROW("json", 'j', 0, COMMAND_STATUS | COMMAND_SESSIONS | COMMAND_DOCTOR, FLAG, NULL,
		"print JSON", json),
	ROW("output", 'o', 0, COMMAND_CAPTURE, TEXT, "FILE",
		"write here instead of standard output", output),
	ROW("inner", 0, 0, COMMAND_CAPTURE, FLAG, NULL,
		"capture decrypted packets instead of the outer ones", inner),
	ROW("seconds", 0, 0, COMMAND_CAPTURE, NUMBER, "N", "stop after this long", seconds,
		.low = 1, .high = 31536000),
	ROW("hard", 0, 0, COMMAND_TERMINATE, FLAG, NULL, "at once, without telling the peer", hard),
	ROW("if", 0, 0, COMMAND_TERMINATE | COMMAND_CAPTURE, TEXT, "NAME",
		"the session on this interface", by_interface),
	ROW("username", 0, 0, COMMAND_TERMINATE | COMMAND_CAPTURE, TEXT, "NAME",
		"the sessions of this user", by_user),
	ROW("ip", 0, 0, COMMAND_TERMINATE | COMMAND_CAPTURE, TEXT, "ADDR",
		"the session with this inner address", by_address),
	ROW("csid", 0, 0, COMMAND_TERMINATE | COMMAND_CAPTURE, TEXT, "ADDR",
		"the sessions from this outer address", by_peer),
	ROW("sid", 0, 0, COMMAND_TERMINATE | COMMAND_CAPTURE, TEXT, "ID",
		"the session of this identifier", by_id),
	ROW("all", 0, 0, COMMAND_TERMINATE | COMMAND_CAPTURE, FLAG, NULL, "every session", by_all),
};

const size_t option_count = sizeof option_table / sizeof option_table[0];

static_assert(sizeof option_table / sizeof option_table[0] <= OPTIONS_MAX, "rows fit");
