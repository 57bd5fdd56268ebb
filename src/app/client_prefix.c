/* What DHCPv6 brings a client: a prefix for the networks behind it (see session/dhcpv6_client.c).
 *
 * Each interface of --delegate-to gets a /64 of it, in the order given, and the first address
 * there, for as long as the prefix lasts: the kernel takes it away by itself when we are not there
 * to do so. Advertising the network there is a router daemon's affair, which ipv6-prefix can tell.
 */
#include <string.h>

#include "bytes.h"
#include "client.h"
#include "clock.h"
#include "duid.h"
#include "narrate.h"
#include "peer.h"
#include "scripts.h"
#include "services.h"

/* The same at every start, and another for another account: FNV-1a of its name and server. */
static uint32_t association(const struct client *client)
{
	uint32_t hash = 2166136261u;
	for (const char *c = client->user; *c; c++)
		hash = (hash ^ (uint8_t)*c) * 16777619u;
	for (const char *c = client->host_name; *c; c++)
		hash = (hash ^ (uint8_t)*c) * 16777619u;
	return hash;
}

void client_prefix_wish(struct client *client, struct seat *seat)
{
	const struct settings *settings = client->settings;
	struct dhcpv6_wish *wish = &client->link.dhcpv6.wish;
	bool prefix = settings->request_prefix != PREFIX_UNASKED;
	if (!prefix && !settings->use_peer_dns)
		return;
	memset(client->link.dhcpv6.dns, 0, sizeof client->link.dhcpv6.dns); /* another's, maybe */
	client->link.dhcpv6.search.length = 0;
	if (!wish->duid.length)
		duid_make(&wish->duid, "client", &client->host.random);
	wish->iaid = association(client);
	wish->prefix = prefix;
	wish->length = prefix ? (uint8_t)settings->request_prefix : 0;
	wish->dns = settings->use_peer_dns;
	session_borrow(&seat->session, &client->link);
}

/* The first address of network `number` of the prefix; false when it has not so many. */
static bool address_in(const struct prefix *prefix, size_t number, struct address *own)
{
	enum { NETWORK = 64 };
	if (!prefix->length || prefix->length > NETWORK ||
		(prefix->length > NETWORK - 32 && number >> (NETWORK - prefix->length)))
		return false;
	*own = prefix->address;
	put_u32(own->bytes + 4, get_u32(own->bytes + 4) | (uint32_t)number);
	own->bytes[15] = 1;
	return true;
}

static uint32_t seconds_until(uint64_t end, uint64_t now)
{
	if (end == NEVER)
		return DHCPV6_FOREVER;
	return end > now ? (uint32_t)((end - now) / SECONDS(1)) : 0;
}

static void assign(
	struct client *client, const struct seat *seat, const char *name, const struct address *own)
{
	const struct dhcpv6_client *dhcpv6 = &client->link.dhcpv6;
	struct netlink *netlink = client->host.netlink;
	uint32_t valid = seconds_until(dhcpv6->lost_at, clock_now());
	uint32_t preferred = dhcpv6->held.preferred < valid ? dhcpv6->held.preferred : valid;
	int link = netlink_link_index(netlink, name);
	if (link < 0 ||
		netlink_address_lease(netlink, (unsigned)link, own, 64, preferred, valid) < 0)
		log_line(&client->host.log, LOG_LINE_WARNING, "--delegate-to %s: %s", name,
			netlink_error(netlink));
	else
		log_peer(&client->host.log, LOG_KIND_SESSION, LOG_LINE_INFO, clock_now(),
			"%s has %s/64 peer=%s sid=%s", name, shown_address(own),
			shown_address(&seat->outer), seat->sid);
}

static void unassign(struct client *client, const char *name, const struct address *own)
{
	struct netlink *netlink = client->host.netlink;
	int link = netlink_link_index(netlink, name);
	if (link > 0)
		netlink_address_delete(netlink, (unsigned)link, own, NULL, 64);
}

static void share_out(struct client *client, const struct seat *seat, const struct prefix *before)
{
	const struct text_list *names = &client->settings->delegate_to;
	for (size_t i = 0; i < names->count; i++) {
		struct address old, own;
		bool had = address_in(before, i, &old);
		bool has = address_in(&seat->delegated, i, &own);
		if (had && !(has && address_equal(&old, &own)))
			unassign(client, names->at[i], &old);
		if (has)
			assign(client, seat, names->at[i], &own);
		else if (seat->delegated.length)
			log_line(&client->host.log, LOG_LINE_WARNING,
				"--delegate-to %s: the prefix is too long for so many networks",
				names->at[i]);
	}
}

void client_prefix_changed(struct client *client, struct seat *seat)
{
	struct prefix before = seat->delegated, none = {.length = 0};
	seat->delegated = seat->over ? none : services_delegated(&seat->session);
	bool same = dhcpv6_same_prefix(&before, &seat->delegated);
	if (same && !before.length)
		return;
	share_out(client, seat, &before); /* renewed, it lasts longer */
	if (same)
		return;
	narrate_delegated(seat, &before);
	scripts_ipv6_prefix(&client->host, seat, &before);
}
