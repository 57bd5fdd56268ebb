/* One line of the state file, taken back. Lines come from a file that only root can write, but
 * are checked all the same: a key must be one we set, a table name must be a word. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "netlink.h"
#include "nft.h"
#include "resolv.h"
#include "spawn.h"
#include "state.h"
#include "sysctl.h"

static int undo_nft(const char *table, char error[256])
{
	char script[256];
	struct text t = text_over(script, sizeof(script));
	if (strspn(table, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") !=
			strlen(table) ||
		strlen(table) >= NFT_NAME_SIZE || !table[0])
		return -EINVAL;
	nft_removal_text(&t, table);
	return spawn_nft(script, error);
}

static int undo_sysctl(const char *rest, char error[256])
{
	char key[64], value[64];
	if (sscanf(rest, "%63s %63s", key, value) != 2)
		return -EINVAL;
	const struct sysctl *sysctl = sysctl_by_key(key);
	if (!sysctl)
		return -EINVAL;
	int failed = sysctl_write(sysctl, value);
	if (failed)
		snprintf(error, 256, "Couldn't set %s back to %s: %s", key, value,
			strerror(-failed));
	return failed;
}

static bool parse_address(const char *words, struct address *a)
{
	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, words, a->bytes) == 1)
		a->family = 4;
	else if (inet_pton(AF_INET6, words, a->bytes) == 1)
		a->family = 6;
	return a->family != 0;
}

static int undo_route(const char *rest, char error[256])
{
	char destination[64], gateway[64], interface[32];
	unsigned length, metric;
	struct netlink_route route = {.protocol = NETLINK_PROTOCOL};
	struct netlink *netlink;
	if (sscanf(rest, "%63[^/]/%u %63s %31s %u", destination, &length, gateway, interface,
		    &metric) != 5 ||
		!parse_address(destination, &route.destination.address) || length > 128 ||
		(strcmp(gateway, "-") != 0 && !parse_address(gateway, &route.gateway)))
		return -EINVAL;
	route.destination.length = (uint8_t)length;
	route.metric = metric;
	int failed = netlink_open(&netlink);
	if (failed)
		return failed;
	int link = strcmp(interface, "-") == 0 ? 0 : netlink_link_index(netlink, interface);
	if (link >= 0) {
		route.link = (unsigned)link;
		failed = netlink_route_delete(netlink, &route);
		if (failed)
			snprintf(error, 256, "%s", netlink_error(netlink));
	}
	netlink_close(netlink);
	return failed == -ESRCH ? 0 : failed; /* gone, perhaps with its interface */
}

static int undo_proxies(const char *rest, char error[256])
{
	struct netlink *netlink;
	int failed = netlink_open(&netlink);
	if (failed)
		return failed;
	failed = netlink_proxies_clear(netlink);
	if (failed)
		snprintf(error, 256, "%s", netlink_error(netlink));
	netlink_close(netlink);
	return failed;
}

static int undo_dns(const char *rest, char error[256])
{
	int failed = resolv_restore(rest);
	if (failed)
		snprintf(error, 256, "Couldn't restore name servers (%.100s): %s", rest,
			strerror(-failed));
	return failed;
}

static int undo_nothing(const char *rest, char error[256])
{
	return 0;
}

int undo_line(const char *line, char error[256])
{
	static const struct {
		const char *word;
		int (*undo)(const char *rest, char error[256]);
	} kinds[] = {
		{"nft ", undo_nft},
		{"sysctl ", undo_sysctl},
		{"route ", undo_route},
		{"proxy-arp", undo_proxies},
		{"dns ", undo_dns},
		{STATE_NETNS, undo_nothing},
	};
	int failed = -EINVAL;
	error[0] = '\0';
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strncmp(line, kinds[i].word, strlen(kinds[i].word)) == 0)
			failed = kinds[i].undo(line + strlen(kinds[i].word), error);
	if (failed && !error[0])
		snprintf(error, 256, "Couldn't undo \"%.160s\": %s", line, strerror(-failed));
	return failed;
}
