/* Requests and replies as bytes, both directions in one file so that they stay each other's
 * opposite. Strings carry their length and a final zero byte, which the reader insists on. */
#include <string.h>

#include "bytes.h"
#include "helper_wire.h"

enum { SCRIPT_STRING_MAX = 4096 };

static void write_string(struct writer *w, const char *s)
{
	size_t length = strlen(s);
	if (length > SCRIPT_STRING_MAX) {
		w->failed = true;
		return;
	}
	write_u16(w, (uint16_t)length);
	write_bytes(w, s, length + 1);
}

static const char *read_string(struct reader *r)
{
	size_t length = read_u16(r);
	const uint8_t *bytes = read_bytes(r, length + 1);
	if (!bytes || length > SCRIPT_STRING_MAX ||
		memchr(bytes, 0, length + 1) != bytes + length) {
		r->failed = true;
		return "";
	}
	return (const char *)bytes;
}

static void read_word(struct reader *r, char *at, size_t size)
{
	const char *s = read_string(r);
	if (strlen(s) >= size) {
		r->failed = true;
		s = "";
	}
	memset(at, 0, size);
	memcpy(at, s, strlen(s));
}

static void write_address(struct writer *w, const struct address *a)
{
	write_u8(w, a->family);
	write_bytes(w, a->bytes, sizeof(a->bytes));
}

static struct address read_address(struct reader *r)
{
	struct address a = {.family = read_u8(r)};
	const uint8_t *bytes = read_bytes(r, sizeof(a.bytes));
	if (a.family != 0 && a.family != 4 && a.family != 6)
		r->failed = true;
	if (bytes)
		memcpy(a.bytes, bytes, sizeof(a.bytes));
	return a;
}

static void write_nat(struct writer *w, const struct nft_config *nat)
{
	write_string(w, nat->table);
	write_string(w, nat->interface);
	write_address(w, &nat->pool.address);
	write_u8(w, nat->pool.length);
	write_u8(w, nat->masquerade);
}

static void read_nat(struct reader *r, struct nft_config *nat)
{
	read_word(r, nat->table, sizeof(nat->table));
	read_word(r, nat->interface, sizeof(nat->interface));
	nat->pool.address = read_address(r);
	nat->pool.length = read_u8(r);
	nat->masquerade = read_u8(r) & 1;
}

static void write_route(struct writer *w, const struct netlink_route *route)
{
	write_address(w, &route->destination.address);
	write_u8(w, route->destination.length);
	write_address(w, &route->gateway);
	write_address(w, &route->source);
	write_u32(w, route->link);
	write_u32(w, route->metric);
}

static void read_route(struct reader *r, struct netlink_route *route)
{
	route->destination.address = read_address(r);
	route->destination.length = read_u8(r);
	route->gateway = read_address(r);
	route->source = read_address(r);
	route->link = read_u32(r);
	route->metric = read_u32(r);
	if (route->destination.address.family == 0 ||
		route->destination.length > (route->destination.address.family == 6 ? 128 : 32))
		r->failed = true;
}

static void write_strings(struct writer *w, const char *const *strings, unsigned count)
{
	write_u8(w, (uint8_t)count);
	for (unsigned i = 0; i < count; i++)
		write_string(w, strings[i]);
}

static unsigned read_strings(struct reader *r, const char **strings, unsigned max)
{
	unsigned count = read_u8(r);
	if (count > max) {
		r->failed = true;
		return 0;
	}
	for (unsigned i = 0; i < count; i++)
		strings[i] = read_string(r);
	return count;
}

size_t helper_write_request(uint8_t *at, const struct helper_request *request)
{
	struct writer w = writer_over(at, HELPER_MESSAGE_MAX);
	write_u32(&w, request->id);
	write_u32(&w, request->key);
	write_u8(&w, (uint8_t)request->operation);
	switch (request->operation) {
	case HELPER_NAT:
		write_nat(&w, &request->nat);
		break;
	case HELPER_NAT_REMOVE:
		write_string(&w, request->nat.table);
		break;
	case HELPER_SYSCTL:
		write_u32(&w, request->sysctl.which);
		write_string(&w, request->sysctl.value);
		break;
	case HELPER_ROUTE_ADD:
	case HELPER_ROUTE_DELETE:
		write_route(&w, &request->route);
		break;
	case HELPER_DNS:
		write_u8(&w, (uint8_t)request->dns.count);
		for (unsigned i = 0; i < request->dns.count; i++)
			write_address(&w, &request->dns.servers[i]);
		write_string(&w, request->dns.search);
		break;
	case HELPER_SCRIPT:
		write_u32(&w, request->script.script);
		write_strings(&w, request->script.arguments, request->script.argument_count);
		write_strings(&w, request->script.environment, request->script.environment_count);
		break;
	case HELPER_RENEW:
		write_string(&w, request->renew.client);
		write_string(&w, request->renew.server);
		write_string(&w, request->renew.word);
		break;
	case HELPER_PROGRAM:
		write_u32(&w, request->program.local4);
		write_u32(&w, request->program.remote4);
		write_address(&w, &request->program.client);
		break;
	case HELPER_PROXY:
	case HELPER_DNS_RESTORE:
	case HELPER_UNDO:
	case HELPER_PROGRAM_END:
	case HELPER_OPERATION_COUNT:
		break;
	}
	return w.failed ? 0 : writer_length(&w);
}

bool helper_read_request(struct helper_request *request, const uint8_t *bytes, size_t length)
{
	struct reader r = reader_over(bytes, length);
	memset(request, 0, sizeof(*request));
	request->id = read_u32(&r);
	request->key = read_u32(&r);
	uint8_t operation = read_u8(&r);
	if (operation >= HELPER_OPERATION_COUNT)
		return false;
	request->operation = (enum helper_operation)operation;
	switch (request->operation) {
	case HELPER_NAT:
		read_nat(&r, &request->nat);
		break;
	case HELPER_NAT_REMOVE:
		read_word(&r, request->nat.table, sizeof(request->nat.table));
		break;
	case HELPER_SYSCTL:
		request->sysctl.which = read_u32(&r);
		read_word(&r, request->sysctl.value, sizeof(request->sysctl.value));
		break;
	case HELPER_ROUTE_ADD:
	case HELPER_ROUTE_DELETE:
		read_route(&r, &request->route);
		break;
	case HELPER_DNS:
		request->dns.count = read_u8(&r);
		if (request->dns.count > HELPER_DNS_MAX)
			return false;
		for (unsigned i = 0; i < request->dns.count; i++)
			request->dns.servers[i] = read_address(&r);
		request->dns.search = read_string(&r);
		break;
	case HELPER_SCRIPT:
		request->script.script = read_u32(&r);
		request->script.argument_count =
			read_strings(&r, request->script.arguments, HELPER_ARGUMENTS_MAX);
		request->script.environment_count =
			read_strings(&r, request->script.environment, HELPER_ENVIRONMENT_MAX);
		break;
	case HELPER_RENEW:
		request->renew.client = read_string(&r);
		request->renew.server = read_string(&r);
		request->renew.word = read_string(&r);
		break;
	case HELPER_PROGRAM:
		request->program.local4 = read_u32(&r);
		request->program.remote4 = read_u32(&r);
		request->program.client = read_address(&r);
		break;
	case HELPER_PROXY:
	case HELPER_DNS_RESTORE:
	case HELPER_UNDO:
	case HELPER_PROGRAM_END:
	case HELPER_OPERATION_COUNT:
		break;
	}
	return !r.failed && reader_left(&r) == 0;
}

size_t helper_write_reply(uint8_t *at, const struct helper_reply *reply)
{
	struct writer w = writer_over(at, HELPER_MESSAGE_MAX);
	write_u32(&w, reply->id);
	write_u32(&w, (uint32_t)reply->result);
	write_string(&w, reply->error);
	return writer_length(&w);
}

bool helper_read_reply(struct helper_reply *reply, const uint8_t *bytes, size_t length)
{
	struct reader r = reader_over(bytes, length);
	reply->id = read_u32(&r);
	reply->result = (int32_t)read_u32(&r);
	read_word(&r, reply->error, sizeof(reply->error));
	return !r.failed && reader_left(&r) == 0;
}

bool helper_variable_allowed(const char *variable)
{
	static const char *const names[] = {"IFNAME", "UNIT", "IPLOCAL", "IPREMOTE", "OLDIPLOCAL",
		"OLDIPREMOTE", "LLLOCAL", "LLREMOTE", "PEERNAME", "DNS1", "DNS2", "WINS1", "WINS2",
		"USEPEERDNS", "DEVICE", "SPEED", "ORIG_UID", "PPPLOGNAME", "REMOTENUMBER",
		"CONNECT_TIME", "BYTES_SENT", "BYTES_RCVD", "PACKETS_SENT", "PACKETS_RCVD",
		"CALLING_SID", "CALLED_SID", "LINKNAME", "CALL_FILE", "PPPD_PID", "IPV6_PREFIX",
		"IPV6_DELEGATED_PREFIX", "OLD_IPV6_DELEGATED_PREFIX", "NETNS"};
	size_t length = strcspn(variable, "=");
	if (variable[length] != '=')
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == length && strncmp(names[i], variable, length) == 0)
			return true;
	return false;
}
