/* greyline bench: the command line of `bench load` (see bench.h for the run itself).
 *
 * What the options leave open is decided here: the server's address once for all sessions, how many
 * logins may be under way, and which source addresses there are. */
#include "bench.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "digest.h"
#include "fault.h"
#include "names.h"
#include "options.h"
#include "tools.h"
#include "values.h"

enum { IN_FLIGHT_PER_SOURCE = 16, IN_FLIGHT_MAX = 256, SECONDS_DEFAULT = 10 };

static int usage(const char *what)
{
	fprintf(stderr, "greyline bench load: %s\n", what);
	return 2;
}

static int take_subcommand(const char *word)
{
	static const char *const known[] = {"load"};
	char shown[48];
	if (!word) {
		fprintf(stderr, "greyline bench: what? (greyline bench load --server HOST ...)\n");
		return 2;
	}
	if (!strcmp(word, known[0]))
		return 0;
	const char *nearest = name_nearest(known, 1, word);
	fprintf(stderr, "greyline bench: '%s': unknown (%s'load'%s)\n",
		fault_word(shown, word, strlen(word)), nearest ? "did you mean " : "there is ",
		nearest ? "?" : "");
	return 2;
}

/* One address, or several. */
static int take_sources(struct bench *bench)
{
	const char *words = bench->settings->bind;
	if (!words || value_address(words, &bench->local)) {
		bench->source_count = words ? 1 : 0;
		return 0;
	}
	if (!value_range(words, &bench->sources))
		return usage("--bind: an address, FIRST-LAST or a CIDR is expected");
	struct ipv4_range *range = &bench->sources;
	if (range->subnet && range->last - range->first > 2) { /* its ends are not hosts */
		range->first++;
		range->last--;
	}
	bench->source_count = range->last - range->first + 1;
	if (bench->source_count == 1)
		bench->local = address_ipv4(range->first);
	return 0;
}

static bool take_address(struct bench *bench, const struct addrinfo *found)
{
	uint8_t wanted = bench->source_count > 1 ? 4 : bench->local.family;
	if (getnameinfo(found->ai_addr, found->ai_addrlen, bench->server, sizeof bench->server,
		    NULL, 0, NI_NUMERICHOST) != 0 ||
		!value_address(bench->server, &bench->address))
		return false;
	return !wanted || bench->address.family == wanted;
}

/* The server's address, once: ten thousand sessions shall not ask for it each. */
static int resolve(struct bench *bench, const char *host)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
	int failed = getaddrinfo(host, NULL, &hints, &list);
	if (failed) {
		fprintf(stderr, "greyline bench load: %s: %s\n", host, gai_strerror(failed));
		return 2;
	}
	const struct addrinfo *at = list;
	while (at && !take_address(bench, at))
		at = at->ai_next;
	freeaddrinfo(list);
	if (at)
		return 0;
	fprintf(stderr, "greyline bench load: %s has no address of the family of --bind\n", host);
	return 2;
}

static int take_counts(struct bench *bench)
{
	struct settings *settings = bench->settings;
	uint32_t sources = bench->source_count ? bench->source_count : 1;
	if (!settings->sessions)
		return usage("how many? --sessions N");
	bench->sessions = settings->sessions;
	bench->calls = settings->calls_per_tunnel;
	bench->tunnels_max = (bench->sessions + bench->calls - 1) / bench->calls;
	bench->in_flight_max = settings->in_flight;
	if (!bench->in_flight_max)
		bench->in_flight_max = sources < IN_FLIGHT_MAX / IN_FLIGHT_PER_SOURCE
					       ? sources * IN_FLIGHT_PER_SOURCE
					       : IN_FLIGHT_MAX;
	bench->carriers_max =
		settings->traffic_sessions ? settings->traffic_sessions : bench->sessions;
	if (bench->carriers_max > bench->sessions)
		return usage("--traffic-sessions: there are fewer sessions than that");
	if (!settings->seconds)
		settings->seconds = SECONDS_DEFAULT;
	return 0;
}

static int take_traffic(struct bench *bench)
{
	const struct settings *settings = bench->settings;
	char error[TRAFFIC_ERROR_MAX];
	if (!traffic_parse(
		    &bench->traffic, settings->traffic ? settings->traffic : "none", error)) {
		fprintf(stderr, "greyline bench load: --traffic: %s\n", error);
		return 2;
	}
	if (settings->target.family == 6)
		return usage("--target: an IPv4 address is expected");
	if (bench->traffic.kind == TRAFFIC_NONE &&
		(settings->reorder || settings->target.family || settings->traffic_sessions))
		return usage("--reorder, --target and --traffic-sessions need --traffic");
	return 0;
}

/* What a session's packets may be in size, once it is known over which family they go. */
static int take_mtu(struct bench *bench)
{
	enum { IPV6_MORE = 20 }; /* of an IPv6 header beside an IPv4 one */
	bench->mtu = SESSION_MTU_DEFAULT - (bench->address.family == 6 ? IPV6_MORE : 0);
	if (bench->settings->mtu && bench->settings->mtu < bench->mtu)
		bench->mtu = (uint16_t)bench->settings->mtu;
	if (bench->traffic.kind == TRAFFIC_NONE || bench->traffic.size <= bench->mtu)
		return 0;
	fprintf(stderr,
		"greyline bench load: --traffic: %u bytes do not fit a session's MTU of %u\n",
		bench->traffic.size, bench->mtu);
	return 2;
}

static int take_options(struct bench *bench, char host[256])
{
	struct settings *settings = bench->settings;
	struct faults faults = {.report = fault_to_stderr};
	if (!settings->server)
		return usage("a server is needed: --server HOST");
	if (!settings->user)
		return usage("a user is needed: --user NAME");
	if (strlen(settings->user) > PPP_NAME_MAX)
		return usage("the user's name is longer than 255 bytes");
	settings_check_ppp(settings, &faults);
	if (faults.count)
		return 2;
	bench->port = (uint16_t)settings->port;
	value_host_port(settings->server, host, &bench->port);
	int code = take_sources(bench);
	if (!code)
		code = take_counts(bench);
	if (!code)
		code = take_traffic(bench);
	return code;
}

static int run(struct bench *bench)
{
	char host[256];
	struct password_wish wish = {bench->settings, bench->settings->user, host};
	int code = take_options(bench, host);
	if (!code)
		code = resolve(bench, host);
	if (!code)
		code = take_mtu(bench);
	if (!code)
		code = client_password(&wish, &bench->password, &bench->nt_hash);
	if (code)
		return code;
	bench->user = bench->settings->user;
	bench->terminal = isatty(STDERR_FILENO);
	if (gethostname(bench->name, sizeof bench->name - 1) < 0)
		strcpy(bench->name, "greyline");
	code = bench_run(bench);
	if (code)
		return code;
	if (bench->settings->json)
		bench_print_json(bench);
	else
		bench_print(bench);
	return bench_exit_code(bench);
}

int bench_command(const struct command *command, struct settings *settings, const char *word)
{
	int code = take_subcommand(word);
	struct bench *bench = code ? NULL : calloc(1, sizeof *bench);
	if (!bench)
		return code ? code : BENCH_LACKS;
	bench->settings = settings;
	bench->host.timer_fd = -1;
	code = run(bench);
	host_end(&bench->host);
	if (bench->password)
		secret_wipe(
			bench->password, bench->nt_hash ? NT_HASH_SIZE : strlen(bench->password));
	free(bench->password);
	free(bench->tunnels);
	free(bench->began);
	free(bench);
	return code;
}
