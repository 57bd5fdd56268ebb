/* greyline status: what runs here, in the manner of `wg show`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "rpc.h"
#include "tools.h"

static const char *word(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static long long number(json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void put_safe(const char *text)
{
	char *copy = strdup(text);
	if (!copy)
		return;
	fault_harmless(copy);
	fputs(copy, stdout);
	free(copy);
}

static void put_duration(long long seconds)
{
	if (seconds >= 86400)
		printf("%lld days, ", seconds / 86400);
	if (seconds >= 3600)
		printf("%lld hours, ", seconds / 3600 % 24);
	if (seconds >= 60)
		printf("%lld minutes, ", seconds / 60 % 60);
	printf("%lld seconds", seconds % 60);
}

static void put_bytes(long long bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double value = (double)bytes;
	unsigned unit = 0;
	while (value >= 1024 && unit < 4) {
		value /= 1024;
		unit++;
	}
	printf(unit ? "%.2f %s" : "%.0f %s", value, units[unit]);
}

static void put_counts(const char *title, json_t *counts)
{
	const char *key;
	json_t *value;
	if (!json_object_size(counts))
		return;
	printf("  %s:", title);
	json_object_foreach(counts, key, value)
		printf(" %s %lld", key, (long long)json_integer_value(value));
	putchar('\n');
}

static void put_session(json_t *session)
{
	printf("\nsession: %s\n  user: ", word(session, "sid"));
	put_safe(word(session, "username"));
	printf("\n  endpoint: %s\n  interface: %s\n  state: %s (%s)\n",
		word(session, "calling-sid"), word(session, "ifname"), word(session, "state"),
		word(session, "phase"));
	if (*word(session, "ip"))
		printf("  addresses: local %s, remote %s, mtu %lld\n", word(session, "local-ip"),
			word(session, "ip"), number(session, "mtu"));
	if (number(session, "links"))
		printf("  bundle of %lld links\n", number(session, "links"));
	else
		printf("  call: %lld, as %s\n", number(session, "call"), word(session, "role"));
	if (*word(session, "bundle"))
		printf("  link of: %s\n", word(session, "bundle"));
	printf("  security: %s, %s\n", *word(session, "auth") ? word(session, "auth") : "no login",
		*word(session, "comp") ? word(session, "comp") : "clear text");
	printf("  up for: ");
	put_duration(number(session, "uptime"));
	printf("\n  transfer: ");
	put_bytes(number(session, "rx-bytes"));
	printf(" received, ");
	put_bytes(number(session, "tx-bytes"));
	printf(" sent\n  GRE: %lld received, %lld sent, %lld reordered, %lld lost\n",
		number(session, "gre-rx"), number(session, "gre-tx"), number(session, "reordered"),
		number(session, "lost"));
	put_counts("compressed headers", json_object_get(session, "compressed-headers"));
	put_counts("line errors", json_object_get(session, "line-errors"));
	put_counts("dropped", json_object_get(session, "drops"));
}

static void put_tunnel(json_t *tunnel)
{
	printf("\ntunnel: %s\n  state: %s\n  host name: ", word(tunnel, "address"),
		word(tunnel, "state"));
	put_safe(word(tunnel, "host-name"));
	printf("\n  vendor: ");
	put_safe(word(tunnel, "vendor"));
	printf(", firmware %lld, %lld channels\n  calls: %lld\n", number(tunnel, "firmware"),
		number(tunnel, "maximum-channels"), number(tunnel, "sessions"));
}

static void put_status(json_t *status)
{
	size_t i;
	json_t *each;
	const char *name = word(status, "name");
	printf("greyline %s%s%s (%s, pid %lld)\n  up for: ", word(status, "role"), *name ? " " : "",
		name, word(status, "version"), number(status, "pid"));
	put_duration(number(status, "uptime"));
	printf("\n  data plane: %s (%s)\n", word(status, "data-plane"),
		word(status, "data-plane-reason"));
	printf("  workers: %lld, steering: %s, packets handed over: %lld\n  outer link: %s\n  "
	       "offload: %s\n  cipher: %s\n",
		number(status, "workers"), word(status, "steering"), number(status, "handed-over"),
		word(status, "outer-link"), word(status, "offload"), word(status, "cipher"));
	if (json_object_get(status, "logins")) {
		printf("  address: %s, pool: %lld of %lld free\n", word(status, "local-ip"),
			number(status, "pool-free"), number(status, "pool-size"));
		printf("  logins: %lld, failed: %lld, refused connections: %lld, half open: %lld\n",
			number(status, "logins"), number(status, "failed-logins"),
			number(status, "refused-connections"), number(status, "half-open"));
	}
	put_counts("dropped", json_object_get(status, "drops"));
	json_array_foreach(json_object_get(status, "tunnels"), i, each) put_tunnel(each);
	json_array_foreach(json_object_get(status, "sessions"), i, each) put_session(each);
}

int status_command(const struct command *command, struct settings *settings, const char *nothing)
{
	struct rpc_paths paths = rpc_paths(settings);
	json_t *all = json_array();
	int code = paths.count ? 0 : 1;
	char error[256];
	if (!paths.count)
		rpc_nobody(settings);
	for (size_t i = 0; i < paths.count; i++) {
		int fd = rpc_connect(paths.at[i]);
		json_t *status = fd < 0 ? NULL : rpc_call(fd, "org.greyline.Status", NULL, error);
		if (fd >= 0)
			close(fd);
		if (!status) {
			fprintf(stderr, "%s: %s\n", paths.at[i], fd < 0 ? strerror(-fd) : error);
			code = 1;
			continue;
		}
		if (i && !settings->json)
			putchar('\n');
		if (!settings->json)
			put_status(status);
		json_array_append_new(all, status);
	}
	if (paths.count && settings->json) {
		json_dumpf(all, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(all);
	rpc_paths_free(&paths);
	return code;
}
