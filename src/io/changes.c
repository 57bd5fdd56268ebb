/* The rule of every change: record, then make it; when making it fails, forget it. What was there
 * before us (a route, a value) is not recorded and so never removed. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "changes.h"
#include "netlink.h"
#include "resolv.h"
#include "spawn.h"
#include "sysctl.h"

static int explain(int failed, char error[256], const char *what)
{
	if (failed && !error[0])
		snprintf(error, 256, "%.190s: %s", what, strerror(-failed));
	return failed;
}

static int record(struct changes *c, const char *line, char error[256])
{
	char what[300];
	snprintf(what, sizeof(what), "Couldn't write the state file %.200s", c->state->path);
	return explain(state_record(c->state, line), error, what);
}

static int make_nat(struct changes *c, const struct nft_config *config, char error[256])
{
	char script[NFT_TEXT_SIZE], line[NFT_NAME_SIZE + 8];
	struct text t = text_over(script, sizeof(script));
	if (!nft_config_valid(config))
		return explain(-EINVAL, error, "Couldn't set up NAT with such names or addresses");
	snprintf(line, sizeof(line), "nft %s", config->table);
	bool had = state_has(c->state, line);
	int failed = record(c, line, error);
	if (failed)
		return failed;
	nft_text(&t, config);
	failed = t.cut ? -E2BIG : spawn_nft(script, error);
	if (failed && !had)
		state_forget(c->state, line);
	return explain(failed, error, "Couldn't set up NAT");
}

/* Undoes a recorded line and forgets it. */
static int take_back(struct changes *c, const char *line, char error[256])
{
	char copy[STATE_LINE_SIZE];
	snprintf(copy, sizeof(copy), "%s", line);
	int failed = undo_line(copy, error);
	if (!failed)
		state_forget(c->state, copy);
	return failed;
}

static int remove_nat(struct changes *c, const char *table, char error[256])
{
	char line[NFT_NAME_SIZE + 8];
	snprintf(line, sizeof(line), "nft %s", table);
	return state_has(c->state, line) ? take_back(c, line, error) : 0;
}

static int set_sysctl(struct changes *c, uint32_t which, const char *value, char error[256])
{
	const struct sysctl *sysctl = sysctl_by_number(which);
	char old[HELPER_VALUE_SIZE], line[STATE_LINE_SIZE], start[80];
	if (!sysctl || strspn(value, "0123456789") != strlen(value) || !value[0])
		return explain(-EINVAL, error, "Couldn't set a kernel setting");
	snprintf(start, sizeof(start), "sysctl %s ", sysctl->key);
	int failed = sysctl_read(sysctl, old, sizeof(old));
	bool same = !failed && strcmp(old, value) == 0;
	if (!failed && !same && !state_find(c->state, start)) {
		snprintf(line, sizeof(line), "%s%s", start, old);
		failed = record(c, line, error);
	}
	if (!failed && !same)
		failed = sysctl_write(sysctl, value);
	if (failed && !error[0])
		snprintf(error, 256, "Couldn't set %s to %s: %s", sysctl->key, value,
			strerror(-failed));
	return failed;
}

static int route_line(
	struct netlink *netlink, const struct netlink_route *route, char *line, size_t size)
{
	char destination[INET6_ADDRSTRLEN], gateway[INET6_ADDRSTRLEN] = "-";
	struct netlink_link link = {.name = "-"};
	int family = route->destination.address.family == 6 ? AF_INET6 : AF_INET;
	if (route->link) {
		int failed = netlink_link_get(netlink, route->link, &link);
		if (failed)
			return failed;
	}
	inet_ntop(family, route->destination.address.bytes, destination, sizeof(destination));
	if (route->gateway.family)
		inet_ntop(family, route->gateway.bytes, gateway, sizeof(gateway));
	snprintf(line, size, "route %s/%u %s %s %u", destination, route->destination.length,
		gateway, link.name, route->metric);
	return 0;
}

static int add_route(struct changes *c, struct netlink *netlink, const struct netlink_route *route,
	char error[256])
{
	char line[STATE_LINE_SIZE];
	int failed = route_line(netlink, route, line, sizeof(line));
	if (failed)
		return explain(failed, error, netlink_error(netlink));
	bool had = state_has(c->state, line);
	failed = record(c, line, error);
	if (failed)
		return failed;
	failed = netlink_route_add(netlink, route);
	if (failed == -EEXIST && had)
		return 0;
	if (failed)
		state_forget(c->state, line);
	if (failed && failed != -EEXIST)
		snprintf(error, 256, "%s", netlink_error(netlink));
	return failed == -EEXIST ? 0 : failed;
}

static int delete_route(struct changes *c, struct netlink *netlink,
	const struct netlink_route *route, char error[256])
{
	char line[STATE_LINE_SIZE];
	int failed = route_line(netlink, route, line, sizeof(line));
	if (failed == -ENODEV)
		return 0; /* went with its interface */
	if (failed || !state_has(c->state, line))
		return failed; /* not one we added */
	return take_back(c, line, error);
}

static int change_route(struct changes *c, const struct helper_request *request, char error[256])
{
	struct netlink *netlink;
	int failed = netlink_open(&netlink);
	if (failed)
		return explain(failed, error, "Couldn't open a netlink socket");
	if (request->operation == HELPER_ROUTE_ADD)
		failed = add_route(c, netlink, &request->route, error);
	else
		failed = delete_route(c, netlink, &request->route, error);
	netlink_close(netlink);
	return explain(failed, error, "Couldn't change a route");
}

static int set_dns(struct changes *c, const struct address *servers, unsigned count,
	const char *search, char error[256])
{
	char line[STATE_LINE_SIZE], what[300];
	int failed = 0;
	snprintf(what, sizeof(what), "Couldn't set the name servers in %.200s", c->resolv_path);
	for (unsigned i = 0; i < count; i++)
		if (servers[i].family == 0)
			return explain(-EINVAL, error, what);
	if (!state_find(c->state, "dns ")) {
		failed = resolv_save(c->resolv_path, c->resolv_backup, line, sizeof(line));
		if (!failed)
			failed = record(c, line, error);
	}
	if (!failed)
		failed = resolv_write(c->resolv_path, servers, count, search);
	return explain(failed, error, what);
}

static int restore_dns(struct changes *c, char error[256])
{
	const char *line = state_find(c->state, "dns ");
	return line ? take_back(c, line, error) : 0;
}

struct first_failure {
	char *error;
};

static void keep_first(void *context, const char *line)
{
	struct first_failure *first = context;
	if (!first->error[0])
		snprintf(first->error, 256, "%s", line);
}

int changes_make(struct changes *c, const struct helper_request *request, char error[256])
{
	struct first_failure first = {error};
	error[0] = '\0';
	switch (request->operation) {
	case HELPER_NAT:
		return make_nat(c, &request->nat, error);
	case HELPER_NAT_REMOVE:
		return remove_nat(c, request->nat.table, error);
	case HELPER_SYSCTL:
		return set_sysctl(c, request->sysctl.which, request->sysctl.value, error);
	case HELPER_ROUTE_ADD:
	case HELPER_ROUTE_DELETE:
		return change_route(c, request, error);
	case HELPER_PROXY:
		return record(c, "proxy-arp", error);
	case HELPER_DNS:
		return set_dns(
			c, request->dns.servers, request->dns.count, request->dns.search, error);
	case HELPER_DNS_RESTORE:
		return restore_dns(c, error);
	case HELPER_UNDO:
		return state_undo(c->state, keep_first, &first) ? -EIO : 0;
	case HELPER_SCRIPT:
	case HELPER_RENEW:
	case HELPER_PROGRAM:
	case HELPER_PROGRAM_END:
	case HELPER_OPERATION_COUNT:
		break;
	}
	return -EINVAL;
}
