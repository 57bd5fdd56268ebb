/* Scripts around a session's life (see scripts.h, pppd(8) SCRIPTS). The environment is built here
 * from a fixed list and from what the session knows; nothing of ours is inherited. */
#include "scripts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "peer.h"

/* The "tty" of a session, and its speed; of a call what pppd's own PPTP plugins say. */
static const char *device_of(const struct host *host)
{
	if (host->settings->pppd.on && host->settings->pty)
		return ""; /* pppd does not say which one */
	return host->device ? host->device : "pptp";
}

struct script_call {
	const char *arguments[HELPER_ARGUMENTS_MAX];
	unsigned argument_count;
	const char *environment[HELPER_ENVIRONMENT_MAX];
	unsigned environment_count;
	char text[4096];
	size_t used;
};

/* Text kept in the call; NULL when it is full, which only a name of 255 bytes could come near. */
static const char *keep(struct script_call *call, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static const char *keep(struct script_call *call, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	size_t room = sizeof call->text - call->used;
	int length = vsnprintf(call->text + call->used, room, format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= room)
		return NULL;
	const char *kept = call->text + call->used;
	call->used += (size_t)length + 1;
	return kept;
}

static void argument(struct script_call *call, const char *value)
{
	call->arguments[call->argument_count++] = value ? value : "";
}

static void variable(struct script_call *call, const char *name, const char *value)
{
	const char *kept = value && *value ? keep(call, "%s=%s", name, value) : NULL;
	if (kept && call->environment_count < HELPER_ENVIRONMENT_MAX)
		call->environment[call->environment_count++] = kept;
}

static void number(struct script_call *call, const char *name, uint64_t value)
{
	variable(call, name, keep(call, "%llu", (unsigned long long)value));
}

static void address(struct script_call *call, const char *name, uint32_t value)
{
	if (value)
		variable(call, name, shown_ipv4(value));
}

static const char *link_local(uint64_t identifier)
{
	struct address address = ipv6cp_link_local(identifier);
	return shown_address(&address);
}

static void prefix(struct script_call *call, const char *name, const struct prefix *value)
{
	if (value->length)
		variable(call, name,
			keep(call, "%s/%u", shown_address(&value->address), value->length));
}

static const char *interface_of(const struct seat *seat)
{
	return seat->interface;
}

/* A user's name is the peer's choice: a newline in it must not become a second line anywhere. */
static const char *safe_name(struct script_call *call, const struct seat *seat)
{
	char name[PPP_NAME_MAX + 1] = "";
	if (seat->user)
		snprintf(name, sizeof name, "%s", seat->user);
	for (char *c = name; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	return keep(call, "%s", name);
}

/* Of pppN; what has another name has no number. */
static void unit_number(struct script_call *call, const char *interface)
{
	if (strncmp(interface, "ppp", 3) == 0 && interface[3] &&
		!interface[3 + strspn(interface + 3, "0123456789")])
		variable(call, "UNIT", interface + 3);
}

/* Who called: the peer's address; on a line nobody knows unless he was told. */
static const char *caller(const struct host *host, const struct seat *seat)
{
	if (host->settings->pppd.number)
		return host->settings->pppd.number;
	return host->device ? NULL : shown_address(&seat->outer);
}

static void facts(struct script_call *call, const struct host *host, const struct seat *seat)
{
	const struct settings *settings = host->settings;
	variable(call, "IFNAME", interface_of(seat));
	unit_number(call, interface_of(seat));
	if (settings->netns)
		variable(call, "NETNS", settings->netns);
	variable(call, "DEVICE", device_of(host));
	number(call, "SPEED", host->speed);
	if (seat->method != AUTH_NONE)
		variable(call, "PEERNAME", safe_name(call, seat));
	number(call, "ORIG_UID", getuid());
	variable(call, "PPPLOGNAME", host->started_by);
	variable(call, "CALL_FILE", settings->pppd.call_file);
	variable(call, "REMOTENUMBER", caller(host, seat));
	variable(call, "CALLING_SID", caller(host, seat));
	variable(call, "LINKNAME", settings->link_name);
	number(call, "PPPD_PID", (uint64_t)getpid());
	address(call, "IPLOCAL", seat->local4);
	address(call, "IPREMOTE", seat->remote4);
	address(call, "OLDIPLOCAL", seat->old_local4);
	address(call, "OLDIPREMOTE", seat->old_remote4);
	address(call, "DNS1", seat->dns[0]);
	address(call, "DNS2", seat->dns[1]);
	address(call, "WINS1", seat->wins[0]);
	address(call, "WINS2", seat->wins[1]);
	if (seat->ipv6_up) {
		variable(call, "LLLOCAL", link_local(seat->local6));
		variable(call, "LLREMOTE", link_local(seat->remote6));
		prefix(call, "IPV6_PREFIX", &seat->prefix6);
		prefix(call, "IPV6_DELEGATED_PREFIX", &seat->delegated);
	}
	if (settings->use_peer_dns)
		variable(call, "USEPEERDNS", "1");
}

static void totals(struct script_call *call, const struct seat *seat)
{
	number(call, "CONNECT_TIME", (seat->ended - seat->opened) / 1000000);
	number(call, "BYTES_SENT", seat->traffic.tx_bytes);
	number(call, "BYTES_RCVD", seat->traffic.rx_bytes);
	number(call, "PACKETS_SENT", seat->traffic.tx_packets);
	number(call, "PACKETS_RCVD", seat->traffic.rx_packets);
}

static void run(struct host *host, const struct seat *seat, enum script script,
	struct script_call *call, helper_done *done, void *context)
{
	helper_script(host->helper, seat_subject(seat), script, call->arguments,
		call->argument_count, call->environment, call->environment_count, done, context);
}

static void ip_arguments(struct script_call *call, const struct host *host, const struct seat *seat)
{
	argument(call, interface_of(seat));
	argument(call, device_of(seat->owner));
	argument(call, keep(call, "%u", seat->owner->speed));
	argument(call, keep(call, "%s", shown_ipv4(seat->local4)));
	argument(call, keep(call, "%s", shown_ipv4(seat->remote4)));
	argument(call, host->settings->ipparam);
}

static void ipv6_arguments(
	struct script_call *call, const struct host *host, const struct seat *seat)
{
	argument(call, interface_of(seat));
	argument(call, device_of(seat->owner));
	argument(call, keep(call, "%u", seat->owner->speed));
	argument(call, keep(call, "%s", link_local(seat->local6)));
	argument(call, keep(call, "%s", link_local(seat->remote6)));
	argument(call, host->settings->ipparam);
}

static void auth_arguments(struct script_call *call, const struct seat *seat)
{
	const char *name = safe_name(call, seat);
	argument(call, interface_of(seat));
	argument(call, name);
	argument(call, seat->owner->user_name);
	argument(call, device_of(seat->owner));
	argument(call, keep(call, "%u", seat->owner->speed));
}

struct waiting {
	struct host *host;
	uint32_t subject;
	void (*then)(struct seat *seat);
};

static void on_pre_up(void *context, int result, const char *error)
{
	struct waiting *waiting = context;
	struct seat *seat = seats_find(&waiting->host->seats, waiting->subject);
	if (seat && !seat->over)
		waiting->then(seat);
	free(waiting);
}

/* ip-down is to hear of the same. */
static void remember_servers(struct seat *seat)
{
	const struct unit_network *network = seat_network(seat);
	memcpy(seat->dns, network->dns, sizeof seat->dns);
	memcpy(seat->wins, network->wins, sizeof seat->wins);
}

void scripts_pre_up(struct host *host, struct seat *seat, void (*then)(struct seat *seat))
{
	bool run_it = host->settings->scripts && seat_network(seat)->ipv4;
	struct waiting *waiting = run_it ? malloc(sizeof *waiting) : NULL;
	struct script_call call = {.used = 0};
	if (!waiting) {
		then(seat);
		return;
	}
	*waiting = (struct waiting){host, seat_subject(seat), then};
	remember_servers(seat);
	ip_arguments(&call, host, seat);
	facts(&call, host, seat);
	run(host, seat, SCRIPT_IP_PRE_UP, &call, on_pre_up, waiting);
}

void scripts_auth_up(struct host *host, struct seat *seat)
{
	struct script_call call = {.used = 0};
	if (!host->settings->scripts || seat->auth_up)
		return;
	seat->auth_up = true;
	auth_arguments(&call, seat);
	facts(&call, host, seat);
	run(host, seat, SCRIPT_AUTH_UP, &call, NULL, NULL);
}

void scripts_ip_up(struct host *host, struct seat *seat)
{
	struct script_call call = {.used = 0};
	if (!host->settings->scripts || seat->ip_up || !seat_network(seat)->ipv4)
		return;
	seat->ip_up = true;
	remember_servers(seat);
	ip_arguments(&call, host, seat);
	facts(&call, host, seat);
	run(host, seat, SCRIPT_IP_UP, &call, NULL, NULL);
}

static void ipv6_up(struct host *host, struct seat *seat)
{
	struct script_call call = {.used = 0};
	seat->ipv6_up = true;
	seat->local6 = seat_network(seat)->local6;
	seat->remote6 = seat_network(seat)->remote6;
	ipv6_arguments(&call, host, seat);
	facts(&call, host, seat);
	run(host, seat, SCRIPT_IPV6_UP, &call, NULL, NULL);
}

static void ipv6_down(struct host *host, struct seat *seat)
{
	struct script_call call = {.used = 0};
	if (!seat->ipv6_up)
		return;
	ipv6_arguments(&call, host, seat);
	facts(&call, host, seat);
	if (seat->over)
		totals(&call, seat);
	seat->ipv6_up = false;
	run(host, seat, SCRIPT_IPV6_DOWN, &call, NULL, NULL);
}

void scripts_ipv6(struct host *host, struct seat *seat)
{
	const struct unit_network *network = seat_network(seat);
	bool same = network->local6 == seat->local6 && network->remote6 == seat->remote6;
	if (!host->settings->scripts || (!network->ipv4 && !network->ipv6))
		return; /* nothing is up: the peer negotiates anew */
	if (!network->ipv6 || !same)
		ipv6_down(host, seat);
	if (network->ipv6 && !seat->ipv6_up)
		ipv6_up(host, seat);
}

void scripts_ipv6_prefix(struct host *host, struct seat *seat, const struct prefix *before)
{
	struct script_call call = {.used = 0};
	if (!host->settings->scripts || !seat->ipv6_up)
		return;
	ipv6_arguments(&call, host, seat);
	facts(&call, host, seat);
	prefix(&call, "OLD_IPV6_DELEGATED_PREFIX", before);
	run(host, seat, SCRIPT_IPV6_PREFIX, &call, NULL, NULL);
}

void scripts_down(struct host *host, struct seat *seat)
{
	struct script_call down = {.used = 0}, out = {.used = 0};
	ipv6_down(host, seat);
	if (seat->ip_up) {
		seat->ip_up = false;
		ip_arguments(&down, host, seat);
		facts(&down, host, seat);
		totals(&down, seat);
		run(host, seat, SCRIPT_IP_DOWN, &down, NULL, NULL);
	}
	if (seat->auth_up) {
		seat->auth_up = false;
		auth_arguments(&out, seat);
		facts(&out, host, seat);
		totals(&out, seat);
		run(host, seat, SCRIPT_AUTH_DOWN, &out, NULL, NULL);
	}
}
