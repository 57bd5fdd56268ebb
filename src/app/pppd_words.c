/* The table of pppd's words (see pppd_words.h), in the order of pppd's own sources: what contends
 * for one thing stands together. What pppd's manual says of a word holds unless `does` says
 * otherwise; what is different for good reason stands in greyline-pppd(8) too. */
#include "pppd_words.h"

#include <errno.h>
#include <linux/limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "names.h"

#define R   PPPD_RANKED
#define S   (PPPD_RANKED | PPPD_SAME)
#define A   (PPPD_SAME | PPPD_ALIAS | PPPD_RANKED)
#define F   (PPPD_RANKED | PPPD_FIXED)
#define N   PPPD_NUMBER
#define TOP PPPD_ROOT

#define FLAG(name_, flags_, does_)                                                                 \
	{                                                                                          \
		name_, false, flags_, PPPD_KEYS, PPPD_OWN_NONE, does_                              \
	}
#define VALUE(name_, flags_, does_)                                                                \
	{                                                                                          \
		name_, true, flags_, PPPD_KEYS, PPPD_OWN_NONE, does_                               \
	}
#define NOTHING(name_, flags_, does_)                                                              \
	{                                                                                          \
		name_, false, flags_, PPPD_NOTHING, PPPD_OWN_NONE, does_                           \
	}
#define NOTHING_OF(name_, flags_, does_)                                                           \
	{                                                                                          \
		name_, true, flags_, PPPD_NOTHING, PPPD_OWN_NONE, does_                            \
	}
#define NEVER(name_, does_)                                                                        \
	{                                                                                          \
		name_, false, 0, PPPD_NEVER, PPPD_OWN_NONE, does_                                  \
	}
#define NEVER_OF(name_, does_)                                                                     \
	{                                                                                          \
		name_, true, 0, PPPD_NEVER, PPPD_OWN_NONE, does_                                   \
	}
#define OWN(name_, flags_, own_, does_)                                                            \
	{                                                                                          \
		name_, false, flags_, PPPD_OWN, own_, does_                                        \
	}
#define TAKE(name_, flags_, own_, does_)                                                           \
	{                                                                                          \
		name_, true, flags_, PPPD_OWN, own_, does_                                         \
	}

#define ONE_TIMER "lcp-restart, lcp-max-configure and the like serve all protocols"
#define ONE_LIMIT "auth-timeout=%"
#define NO_IPX    "nobody speaks IPX any more; other protocols go on"
#define NO_SRP    "EAP-SRP is not spoken: nothing that is in use speaks it"
#define NO_PPPOE  "this is PPP over PPTP and over lines: PPPoE needs pppd itself"
#define MANAGER   "whoever starts the program sees to that"

const struct pppd_word pppd_words[] = {
	/* options.c */
	FLAG("debug", 0, "debug"),
	FLAG("-d", PPPD_ALIAS, "debug"),
	NOTHING_OF("kdebug", R | N, "the kernel's PPP driver is asked for nothing but its work"),
	OWN("nodetach", R, PPPD_DETACH_NEVER, MANAGER),
	OWN("-detach", A, PPPD_DETACH_NEVER, MANAGER),
	OWN("up_sdnotify", S, PPPD_NOTIFY, MANAGER),
	OWN("updetach", S, PPPD_DETACH_UP, MANAGER),
	NOTHING("master_detach", 0, "one process keeps all links of a bundle, so none outlives it"),
	VALUE("holdoff", R | N, "holdoff=%"),
	VALUE("idle", R | N, "idle=%"),
	VALUE("maxconnect", R | N, "maxconnect=%"),
	TAKE("domain", R | TOP, PPPD_DOMAIN, "say the whole name with name"),
	TAKE("file", 0, PPPD_FILE, "include"),
	TAKE("call", 0, PPPD_CALL, "include"),
	FLAG("persist", R, "persist"),
	FLAG("nopersist", S, "no-persist"),
	OWN("--version", 0, PPPD_VERSION, "greyline version"),
	OWN("-v", PPPD_ALIAS, PPPD_VERSION, "greyline version"),
	OWN("--help", 0, PPPD_HELP, "greyline --help"),
	OWN("-h", PPPD_ALIAS, PPPD_HELP, "greyline --help"),
	OWN("show-options", 0, PPPD_SHOW_OPTIONS, "greyline COMMAND --help"),
	TAKE("logfile", R, PPPD_LOG_FILE, MANAGER),
	TAKE("logfd", S | N, PPPD_LOG_FD, MANAGER),
	OWN("nolog", S, PPPD_NO_LOG, MANAGER),
	OWN("nologfd", A, PPPD_NO_LOG, MANAGER),
	VALUE("linkname", R | TOP, "linkname=%"),
	VALUE("maxfail", R | N, "maxfail=%"),
	NOTHING("ktune", R,
		"proxyarp turns on the forwarding it needs; ip_dynaddr does nothing today"),
	NOTHING("noktune", S, "nothing of the kernel's is tuned"),
	VALUE("unit", R | N, "unit=%"),
	VALUE("ifname", R | TOP, "ifname=%"),
	NEVER_OF("vrf", "put the process or its interface there: ip vrf exec"),
	OWN("dump", 0, PPPD_DUMP, "greyline check-config"),
	OWN("dryrun", 0, PPPD_DRY_RUN, "greyline check-config"),
	VALUE("set", 0, "set=%"),
	VALUE("unset", 0, "unset=%"),
	VALUE("auth-up-script", TOP, "auth-up-script=%"),
	VALUE("auth-down-script", TOP, "auth-down-script=%"),
	VALUE("ip-pre-up-script", TOP, "ip-pre-up-script=%"),
	VALUE("ip-up-script", TOP, "ip-up-script=%"),
	VALUE("ip-down-script", TOP, "ip-down-script=%"),
	VALUE("ipv6-up-script", TOP, "ipv6-up-script=%"),
	VALUE("ipv6-down-script", TOP, "ipv6-down-script=%"),
	NEVER_OF("net-init-script", "use ip-pre-up-script"),
	NEVER_OF("net-pre-up-script", "use ip-pre-up-script"),
	NEVER_OF("net-down-script", "use ip-down-script"),
	FLAG("demand", 0, "demand persist"),
	VALUE("pass-filter", R, "pass-filter=%"),
	VALUE("active-filter", R, "active-filter=%"),
	VALUE("maxoctets", R, "maxoctets=%"),
	VALUE("mo", A, "maxoctets=%"),
	VALUE("mo-direction", 0, "mo-direction=%"),
	VALUE("mo-timeout", R | N, "mo-timeout=%"),
	NOTHING_OF("child-timeout", R | N, "scripts are waited for as long as the helper waits"),
	FLAG("multilink", R, "multilink"),
	FLAG("mp", A, "multilink"),
	FLAG("nomultilink", S, "no-multilink"),
	FLAG("nomp", A, "no-multilink"),
	NOTHING_OF("bundle", R, "links are bundled by who the peer is and by its endpoint"),
	TAKE("plugin", TOP, PPPD_PLUGIN, "what plugins are for is built in"),

	/* auth.c */
	OWN("auth", R, PPPD_AUTH, "require-mschap-v2 is the default"),
	OWN("noauth", S | TOP, PPPD_NO_AUTH, "a client asks its server for no proof by default"),
	OWN("require-pap", S, PPPD_REQUIRE, "pap"),
	OWN("+pap", A, PPPD_REQUIRE, "pap"),
	OWN("require-chap", S, PPPD_REQUIRE, "chap"),
	OWN("+chap", A, PPPD_REQUIRE, "chap"),
	OWN("require-mschap", S, PPPD_REQUIRE, "mschap"),
	OWN("+mschap", A, PPPD_REQUIRE, "mschap"),
	OWN("require-mschap-v2", S, PPPD_REQUIRE, "mschap-v2"),
	OWN("+mschap-v2", A, PPPD_REQUIRE, "mschap-v2"),
	OWN("require-eap", S, PPPD_REQUIRE, "eap-mschap-v2,eap-md5"),
	FLAG("refuse-pap", 0, "refuse-pap"),
	FLAG("-pap", PPPD_ALIAS, "refuse-pap"),
	FLAG("refuse-chap", 0, "refuse-chap"),
	FLAG("-chap", PPPD_ALIAS, "refuse-chap"),
	FLAG("refuse-mschap", 0, "refuse-mschap"),
	FLAG("-mschap", PPPD_ALIAS, "refuse-mschap"),
	FLAG("refuse-mschap-v2", 0, "refuse-mschap-v2"),
	FLAG("-mschap-v2", PPPD_ALIAS, "refuse-mschap-v2"),
	FLAG("refuse-eap", 0, "refuse-eap"),
	VALUE("name", R | TOP, "name=%"),
	TAKE("+ua", R, PPPD_USER_FILE, "user and password"),
	VALUE("user", R, "user=%"),
	VALUE("password", R | PPPD_SECRET, "password=%"),
	OWN("usehostname", 0, PPPD_USE_HOST_NAME, "leave name out"),
	VALUE("remotename", R, "remotename=%"),
	VALUE("pap-secrets", R | TOP, "pap-secrets=%"),
	VALUE("chap-secrets", R | TOP, "secrets=%"),
	NEVER("login",
		"the system's passwords are hashes that no method but PAP could use; put users "
		"into the secrets files"),
	NOTHING("enable-session", TOP,
		"sessions are not written to wtmp; greyline sessions shows "
		"them"),
	NEVER("papcrypt",
		"secrets are compared as they are: put the password or its NT hash there"),
	NOTHING_OF("privgroup", TOP, "nobody gets the power to make interfaces from a group"),
	NOTHING_OF("allow-ip", TOP, "who does not prove himself may have the address he is given"),
	TAKE("remotenumber", R, PPPD_REMOTE_NUMBER, "the peer's address is known"),
	TAKE("allow-number", TOP, PPPD_ALLOW_NUMBER, "a firewall says who may call"),
	VALUE("ca", 0, "ca=%"),
	VALUE("capath", 0, "capath=%"),
	VALUE("cert", 0, "cert=%"),
	VALUE("key", 0, "key=%"),
	VALUE("pkcs12", 0, "pkcs12=%"),
	VALUE("crl", 0, "crl=%"),
	NEVER_OF("crl-dir", "put the lists into one file and name that with crl"),
	VALUE("max-tls-version", 0, "max-tls-version=%"),
	NOTHING("tls-verify-key-usage", 0, "a certificate's key usage is always looked at"),
	{"tls-verify-method", true, 0, PPPD_NEVER, PPPD_OWN_NONE,
		"the name in the certificate is compared whole; say it with remotename"},
	FLAG("need-peer-eap", 0, "need-peer-eap"),

	/* lcp.c */
	VALUE("mru", R | N, "mru=%"),
	VALUE("mtu", N, "mtu=%"),
	VALUE("lcp-echo-failure", R | N, "lcp-echo-failure=%"),
	VALUE("lcp-echo-interval", R | N, "lcp-echo-interval=%"),
	NOTHING("lcp-echo-adaptive", 0, "an Echo-Request is only sent after silence anyway"),
	NOTHING_OF("lcp-rtt-file", R | TOP, "greyline status shows the round trip"),
	VALUE("lcp-restart", R | N, "lcp-restart=%"),
	VALUE("lcp-max-terminate", R | N, "lcp-max-terminate=%"),
	VALUE("lcp-max-configure", R | N, "lcp-max-configure=%"),
	VALUE("lcp-max-failure", R | N, "lcp-max-failure=%"),
	VALUE("mrru", R | N, "mrru=%"),
	FLAG("mpshortseq", R, "mpshortseq"),
	FLAG("nompshortseq", S, "no-mpshortseq"),
	VALUE("endpoint", R, "endpoint=%"),
	FLAG("noendpoint", 0, "endpoint=null"),

	FLAG("noaccomp", 0, "no-accomp"),
	FLAG("-ac", PPPD_ALIAS, "no-accomp"),
	VALUE("asyncmap", 0, "asyncmap=%"),
	VALUE("-as", PPPD_ALIAS, "asyncmap=%"),
	FLAG("default-asyncmap", 0, "default-asyncmap"),
	FLAG("-am", PPPD_ALIAS, "default-asyncmap"),
	NOTHING("nomagic", 0, "a peer that rejects the magic number goes without"),
	NOTHING("-mn", PPPD_ALIAS, "a peer that rejects the magic number goes without"),
	FLAG("default-mru", 0, "mru=1500"),
	FLAG("-mru", PPPD_ALIAS, "mru=1500"),
	FLAG("nopcomp", 0, "no-pcomp"),
	FLAG("-pc", PPPD_ALIAS, "no-pcomp"),
	FLAG("passive", 0, "passive"),
	FLAG("-p", PPPD_ALIAS, "passive"),
	FLAG("silent", 0, "silent"),
	FLAG("receive-all", 0, "receive-all"),
	FLAG("-all", 0, "default-asyncmap mru=1500 no-accomp no-pcomp"),

	/* tty.c */
	FLAG("lock", R, "lock"),
	FLAG("nolock", S | TOP, "no-lock"),
	VALUE("init", F, "init=%"),
	VALUE("connect", F, "connect-script=%"),
	VALUE("disconnect", F, "disconnect=%"),
	VALUE("welcome", F, "welcome=%"),
	VALUE("connect-delay", R | N, "connect-delay=%"),
	VALUE("pty", F, "pty=%"),
	OWN("notty", 0, PPPD_NOTTY, "greyline link without a device"),
	NEVER_OF("socket", "say pty 'socat - TCP:HOST:PORT'"),
	VALUE("record", R, "record=%"),
	FLAG("crtscts", R, "crtscts"),
	NOTHING("cdtrcts", S, "Linux has no flow control by DTR, and its pppd none either"),
	FLAG("nocrtscts", S, "no-crtscts"),
	FLAG("-crtscts", A, "no-crtscts"),
	FLAG("nocdtrcts", A, "no-crtscts"),
	FLAG("xonxoff", S, "xonxoff"),
	VALUE("stop-bits", F | N, "stop-bits=%"),
	FLAG("modem", R, "modem"),
	FLAG("local", S, "no-modem"),
	FLAG("sync", 0, "sync"),
	NOTHING_OF("datarate", R | N, "there is no shunt in between that would have to be slowed"),
	VALUE("escape", 0, "escape=%"),

	/* ipcp.c */
	NEVER("noip", "a session without IPv4 is none here"),
	NEVER("-ip", "a session without IPv4 is none here"),
	FLAG("novj", 0, "no-vj"),
	FLAG("-vj", PPPD_ALIAS, "no-vj"),
	FLAG("novjccomp", 0, "no-vjccomp"),
	FLAG("-vjccomp", PPPD_ALIAS, "no-vjccomp"),
	VALUE("vj-max-slots", R | N, "vj-max-slots=%"),
	FLAG("ipcp-accept-local", 0, "ipcp-accept-local"),
	FLAG("ipcp-accept-remote", 0, "ipcp-accept-remote"),
	VALUE("ipparam", R, "ipparam=%"),
	FLAG("noipdefault", 0, "no-ipdefault"),
	VALUE("ms-dns", 0, "ms-dns=%"),
	VALUE("dns-addr", PPPD_ALIAS, "ms-dns=%"),
	VALUE("ms-wins", 0, "ms-wins=%"),
	NOTHING_OF("ipcp-restart", R | N, ONE_TIMER),
	NOTHING_OF("ipcp-max-terminate", R | N, ONE_TIMER),
	NOTHING_OF("ipcp-max-configure", R | N, ONE_TIMER),
	NOTHING_OF("ipcp-max-failure", R | N, ONE_TIMER),
	FLAG("defaultroute", R, "defaultroute"),
	FLAG("nodefaultroute", S | PPPD_FIXED, "no-defaultroute"),
	FLAG("-defaultroute", A | PPPD_FIXED, "no-defaultroute"),
	NOTHING_OF("defaultroute-metric", TOP,
		"the default route is two halves, and wins over any "
		"other without replacing it"),
	NOTHING("replacedefaultroute", TOP,
		"the default route is two halves, and wins over any other "
		"without replacing it"),
	NOTHING("noreplacedefaultroute", 0, "no default route is ever replaced"),
	FLAG("proxyarp", R, "proxyarp"),
	FLAG("noproxyarp", S | PPPD_FIXED, "no-proxyarp"),
	FLAG("-proxyarp", A | PPPD_FIXED, "no-proxyarp"),
	FLAG("usepeerdns", 0, "usepeerdns"),
	NOTHING("usepeerwins", 0, "WINS servers are asked for by nobody but Windows"),
	NOTHING_OF("netmask", R, "a point-to-point interface has no mask"),
	FLAG("ipcp-no-address", 0, "ipcp-no-address"),
	NOTHING("ipcp-no-addresses", 0, "the old IP-Addresses option is never used"),
	NOTHING("noremoteip", 0, "an interface without a peer's address is never made: say one"),
	NOTHING("noresolvconf", 0, "resolv.conf is written when usepeerdns asks for it"),
	NOTHING("nosendip", 0, "the peer is told our address all the same, and need not use it"),

	/* ccp.c */
	FLAG("noccp", 0, "no-ccp"),
	FLAG("-ccp", PPPD_ALIAS, "no-ccp"),
	VALUE("bsdcomp", R, "bsdcomp=%"),
	FLAG("nobsdcomp", S, "nobsdcomp"),
	FLAG("-bsdcomp", A, "nobsdcomp"),
	VALUE("deflate", R, "deflate=%"),
	FLAG("nodeflate", S, "nodeflate"),
	FLAG("-deflate", A, "nodeflate"),
	NOTHING("nodeflatedraft", 0, "the draft's number of Deflate is never used"),
	FLAG("predictor1", R, "predictor1"),
	FLAG("nopredictor1", S, "no-predictor1"),
	FLAG("-predictor1", A, "no-predictor1"),
	FLAG("require-mppe", R, "mppe require-mppe-40 require-mppe-128"),
	FLAG("+mppe", A, "mppe require-mppe-40 require-mppe-128"),
	FLAG("nomppe", S, "no-mppe require-mppe=no"),
	FLAG("-mppe", A, "no-mppe require-mppe=no"),
	FLAG("require-mppe-40", R, "mppe require-mppe-40"),
	FLAG("+mppe-40", A, "mppe require-mppe-40"),
	FLAG("nomppe-40", S, "require-mppe-40=no"),
	FLAG("-mppe-40", A, "require-mppe-40=no"),
	FLAG("require-mppe-128", R, "mppe require-mppe-128"),
	FLAG("+mppe-128", A, "mppe require-mppe-128"),
	FLAG("nomppe-128", S, "require-mppe-128=no"),
	FLAG("-mppe-128", A, "require-mppe-128=no"),
	FLAG("mppe-stateful", R, "mppe-stateful"),
	FLAG("nomppe-stateful", S, "no-mppe-stateful"),

	/* ipv6cp.c */
	VALUE("ipv6", 0, "ipv6-id=%"),
	FLAG("+ipv6", R, "ipv6"),
	FLAG("noipv6", S, "no-ipv6"),
	FLAG("-ipv6", A, "no-ipv6"),
	FLAG("ipv6cp-accept-local", 0, "ipv6cp-accept-local"),
	FLAG("ipv6cp-accept-remote", 0, "ipv6cp-accept-remote"),
	NOTHING("defaultroute6", TOP, "defaultroute is for IPv6 as well, once a router is heard"),
	NOTHING("nodefaultroute6", 0, "defaultroute is for both"),
	NOTHING("-defaultroute6", PPPD_ALIAS, "defaultroute is for both"),
	NOTHING_OF("defaultroute6-metric", TOP, "see defaultroute-metric"),
	NOTHING("ipv6cp-use-ipaddr", 0, "the identifier is drawn; say it with ipv6"),
	NOTHING("ipv6cp-use-persistent", 0, "the identifier is drawn; say it with ipv6"),
	NOTHING("ipv6cp-use-remotenumber", 0, "the peer's identifier is its own affair"),
	NOTHING("ipv6cp-noremote", 0, "a peer without an identifier gets one"),
	NOTHING("ipv6cp-nosend", 0, "our identifier is always told: without it there is no IPv6"),
	NOTHING_OF("ipv6cp-restart", R | N, ONE_TIMER),
	NOTHING_OF("ipv6cp-max-terminate", R | N, ONE_TIMER),
	NOTHING_OF("ipv6cp-max-configure", R | N, ONE_TIMER),
	NOTHING_OF("ipv6cp-max-failure", R | N, ONE_TIMER),

	/* chap, pap, eap */
	NOTHING_OF("chap-restart", R | N, ONE_TIMER),
	NOTHING_OF("chap-max-challenge", R | N, ONE_TIMER),
	VALUE("chap-interval", R | N, "chap-interval=%"),
	VALUE("chap-timeout", R | N, ONE_LIMIT),
	FLAG("chapms-strip-domain", 0, "chapms-strip-domain"),
	NOTHING("ms-lanman", 0, "LAN Manager's hash of the password is never sent"),
	NOTHING("hide-password", R, "passwords are never logged"),
	NOTHING("show-password", S, "passwords are never logged, not even then"),
	NOTHING_OF("pap-restart", R | N, ONE_TIMER),
	NOTHING_OF("pap-max-authreq", R | N, ONE_TIMER),
	VALUE("pap-timeout", R | N, ONE_LIMIT),
	NOTHING_OF("eap-restart", N, ONE_TIMER),
	NOTHING_OF("eap-max-sreq", N, ONE_TIMER),
	VALUE("eap-timeout", N, ONE_LIMIT),
	NOTHING_OF("eap-max-rreq", N, "a login ends after auth-timeout, however it goes on"),
	VALUE("eap-interval", N, "chap-interval=%"),
	NOTHING_OF("srp-interval", N, NO_SRP),
	NOTHING_OF("srp-pn-secret", PPPD_SECRET, NO_SRP),
	NOTHING("srp-use-pseudonym", 0, NO_SRP),

	/* Plugins whose work is done here. */
	VALUE("pptp_server", 0, "server=%"),
	VALUE("pptp_window", PPPD_NUMBER, "window=%"),
	NOTHING_OF("pptp_timeout", N,
		"how long a missing packet is waited for follows from what "
		"arrives"),
	NEVER_OF("radius-config-file", "users are those of the secrets files"),
	NEVER_OF("ntlm_auth-helper", "users are those of the secrets files"),
	VALUE("pptp_client", 0, "bind=%"),
	NOTHING_OF("pptp_phone", 0, "servers give nothing for a phone number"),
	VALUE("idle_wait", N, "control-echo-interval=%"),
	VALUE("max_echo_wait", N, "control-echo-timeout=%"),
	TAKE("pptpd-original-ip", TOP, PPPD_REMOTE_NUMBER, "the peer's address is known"),
	VALUE("passwordfd", 0, "password-file=/dev/fd/%"),

	/* ipxcp.c, and the PPPoE plugin */
	NOTHING("ipx", 0, NO_IPX),
	NOTHING("noipx", 0, NO_IPX),
	NOTHING("-ipx", PPPD_ALIAS, NO_IPX),
	NOTHING("+ipx", PPPD_ALIAS, NO_IPX),
	NOTHING("-ipx-protocol", PPPD_ALIAS, NO_IPX),
	NOTHING("+ipx-protocol", PPPD_ALIAS, NO_IPX),
	NOTHING_OF("ipx-network", 0, NO_IPX),
	NOTHING_OF("ipx-node", 0, NO_IPX),
	NOTHING_OF("ipx-router-name", 0, NO_IPX),
	NOTHING_OF("ipx-routing", 0, NO_IPX),
	NOTHING("ipxcp-accept-local", 0, NO_IPX),
	NOTHING("ipxcp-accept-network", 0, NO_IPX),
	NOTHING("ipxcp-accept-remote", 0, NO_IPX),
	NOTHING_OF("ipxcp-restart", 0, NO_IPX),
	NOTHING_OF("ipxcp-max-configure", 0, NO_IPX),
	NOTHING_OF("ipxcp-max-failure", 0, NO_IPX),
	NOTHING_OF("ipxcp-max-terminate", 0, NO_IPX),
	NEVER_OF("pppoe-service", NO_PPPOE),
	NEVER_OF("rp_pppoe_service", NO_PPPOE),
	NEVER_OF("pppoe-ac", NO_PPPOE),
	NEVER_OF("rp_pppoe_ac", NO_PPPOE),
	NEVER_OF("pppoe-sess", NO_PPPOE),
	NEVER_OF("rp_pppoe_sess", NO_PPPOE),
	NEVER_OF("pppoe-verbose", NO_PPPOE),
	NEVER_OF("rp_pppoe_verbose", NO_PPPOE),
	NEVER_OF("pppoe-mac", NO_PPPOE),
	NEVER_OF("pppoe-host-uniq", NO_PPPOE),
	NEVER_OF("host-uniq", NO_PPPOE),
	NEVER_OF("pppoe-padi-timeout", NO_PPPOE),
	NEVER_OF("pppoe-padi-attempts", NO_PPPOE),
};

const size_t pppd_word_count = sizeof pppd_words / sizeof pppd_words[0];

/* What a word may be that is not in the table. */
static const struct pppd_word wild_ends = {"LOCAL:REMOTE", false, 0, PPPD_ENDS, PPPD_OWN_NONE, ""};
static const struct pppd_word wild_speed = {"SPEED", false, R, PPPD_KEYS, PPPD_OWN_NONE, "speed=%"};
static const struct pppd_word wild_device = {
	"DEVICE", false, PPPD_FIXED, PPPD_OWN, PPPD_DEVICE, "greyline link DEVICE"};
static const struct pppd_word wild_nic = {
	"nic-INTERFACE", false, 0, PPPD_NEVER, PPPD_OWN_NONE, NO_PPPOE};

static bool is_speed(const char *name)
{
	char *end;
	long speed = strtol(name, &end, 0);
	return end != name && !*end && speed > 0;
}

/* As pppd has it: a character device, with /dev/ in front where there is no slash. What is there
 * but cannot be looked at counts too, so that the error is about the device. */
static bool is_device(const char *name)
{
	char path[PATH_MAX];
	struct stat seen;
	int length = snprintf(path, sizeof path, "%s%s", *name == '/' ? "" : "/dev/", name);
	if (!*name || length >= (int)sizeof path)
		return false;
	if (stat(path, &seen) < 0)
		return errno != ENOENT && errno != ENOTDIR;
	return S_ISCHR(seen.st_mode);
}

const struct pppd_word *pppd_word_find(const char *name)
{
	for (size_t i = 0; i < pppd_word_count; i++)
		if (!strcmp(pppd_words[i].name, name))
			return &pppd_words[i];
	if (is_device(name))
		return &wild_device;
	if (is_speed(name))
		return &wild_speed;
	if (strchr(name, ':'))
		return &wild_ends;
	return strncmp(name, "nic-", 4) == 0 ? &wild_nic : NULL;
}

const struct pppd_word *pppd_word_main(const struct pppd_word *word)
{
	while (word->flags & PPPD_SAME)
		word--;
	return word;
}

const char *pppd_word_nearest(const char *wrong)
{
	const char *names[sizeof pppd_words / sizeof pppd_words[0]];
	size_t count = 0;
	for (size_t i = 0; i < pppd_word_count; i++)
		if (!(pppd_words[i].flags & PPPD_ALIAS))
			names[count++] = pppd_words[i].name;
	return name_nearest(names, count, wrong);
}
