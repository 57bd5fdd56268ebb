/* DHCPINFORM (see dhcp_inform.h). RFC 2131 §2 (format), §4.3.5 (answer: no lease, no address), RFC
 * 2132 (options), RFC 3397 (search list), RFC 3442 (classless routes), RFC 6842 (client
 * identifier).
 *
 * Windows asks as soon as IPCP has given it an address, and learns in no other way which networks
 * lie behind a tunnel that is not its default route: those go out under 121 and under its own
 * number for the same, 249. An answer has what is asked for, or all where nothing is named. Who
 * wants an address gets none: IPCP has it. */
#include "dhcp_inform.h"

#include <string.h>

#include "ip_header.h"

enum {
	REQUEST = 1,
	REPLY = 2,
	INFORM = 8,
	ACK = 5,
	COOKIE = 0x63825363,
	HARDWARE = 16,
	NAMES = 64 + 128, /* server name and boot file: empty */
	PAD = 0,
	OPTION_MASK = 1,
	OPTION_DNS = 6,
	OPTION_DOMAIN = 15,
	OPTION_WINS = 44,
	OPTION_TYPE = 53,
	OPTION_SERVER = 54,
	OPTION_WANTED = 55,
	OPTION_CLIENT = 61,
	OPTION_SEARCH = 119,
	OPTION_ROUTES = 121,
	OPTION_ROUTES_WINDOWS = 249,
	OPTION_END = 255,
};

struct asked {
	uint8_t type;
	uint8_t hardware_type, hardware_length;
	uint32_t transaction, client; /* its address */
	uint16_t flags;
	uint32_t relay;
	uint8_t hardware[HARDWARE];
	struct reader wanted, identifier; /* empty: not said */
};

static bool read_options(struct asked *asked, struct reader *r)
{
	while (reader_left(r)) {
		uint8_t code = read_u8(r);
		if (code == OPTION_END)
			break;
		if (code == PAD)
			continue;
		struct reader value = read_slice(r, read_u8(r));
		if (r->failed)
			return false;
		if (code == OPTION_TYPE && reader_left(&value) == 1)
			asked->type = read_u8(&value);
		else if (code == OPTION_WANTED)
			asked->wanted = value;
		else if (code == OPTION_CLIENT)
			asked->identifier = value;
	}
	return !r->failed;
}

static bool read_asked(struct asked *asked, struct reader r)
{
	*asked = (struct asked){.type = 0};
	bool request = read_u8(&r) == REQUEST;
	asked->hardware_type = read_u8(&r);
	asked->hardware_length = read_u8(&r);
	read_u8(&r); /* hops */
	asked->transaction = read_u32(&r);
	read_u16(&r); /* seconds */
	asked->flags = read_u16(&r);
	asked->client = read_u32(&r);
	read_bytes(&r, 8);
	asked->relay = read_u32(&r);
	const uint8_t *hardware = read_bytes(&r, HARDWARE);
	read_bytes(&r, NAMES);
	bool cookie = read_u32(&r) == COOKIE;
	if (!hardware || !request || !cookie || !read_options(asked, &r))
		return false;
	memcpy(asked->hardware, hardware, HARDWARE);
	return asked->type == INFORM && !asked->relay;
}

static bool wants(const struct asked *asked, uint8_t code)
{
	struct reader r = asked->wanted;
	if (!reader_left(&r))
		return true;
	while (reader_left(&r))
		if (read_u8(&r) == code)
			return true;
	return false;
}

static uint8_t *open_option(struct writer *w, uint8_t code)
{
	write_u8(w, code);
	return write_space(w, 1);
}

static void close_option(const struct writer *w, uint8_t *length)
{
	if (!w->failed)
		*length = (uint8_t)(w->at - length - 1);
}

static void write_word(struct writer *w, uint8_t code, uint32_t value)
{
	write_u8(w, code);
	write_u8(w, 4);
	write_u32(w, value);
}

static void write_servers(
	struct writer *w, const struct asked *asked, uint8_t code, const uint32_t servers[2])
{
	if (!servers[0] || !wants(asked, code))
		return;
	uint8_t *length = open_option(w, code);
	write_u32(w, servers[0]);
	if (servers[1])
		write_u32(w, servers[1]);
	close_option(w, length);
}

/* RFC 3442: the bits of a network, as many bytes of it as they take, the way there. */
static void write_routes(struct writer *w, const struct asked *asked, uint8_t code,
	const struct link_services *services, uint32_t gateway)
{
	if (!services->route_count || !wants(asked, code))
		return;
	uint8_t *length = open_option(w, code);
	for (unsigned i = 0; i < services->route_count; i++) {
		const struct prefix *route = &services->routes[i];
		write_u8(w, route->length);
		write_bytes(w, route->address.bytes, (route->length + 7u) / 8);
		write_u32(w, gateway);
	}
	close_option(w, length);
}

static void write_names(
	struct writer *w, const struct asked *asked, const struct link_services *services)
{
	char first[DOMAINS_MAX + 1];
	struct text t = text_over(first, sizeof first);
	if (!services->search.length)
		return;
	domains_text(&t, &services->search);
	if (wants(asked, OPTION_DOMAIN)) { /* one alone: the first */
		uint8_t *length = open_option(w, OPTION_DOMAIN);
		for (const char *c = first; *c && *c != ' '; c++)
			write_u8(w, (uint8_t)*c);
		close_option(w, length);
	}
	if (wants(asked, OPTION_SEARCH)) {
		uint8_t *length = open_option(w, OPTION_SEARCH);
		write_bytes(w, services->search.bytes, services->search.length);
		close_option(w, length);
	}
}

static void write_head(struct writer *w, const struct asked *asked)
{
	write_u8(w, REPLY);
	write_u8(w, asked->hardware_type);
	write_u8(w, asked->hardware_length);
	write_u8(w, 0);
	write_u32(w, asked->transaction);
	write_u16(w, 0);
	write_u16(w, asked->flags);
	write_u32(w, asked->client);
	write_zeros(w, 12); /* no address, no boot server, no relay */
	write_bytes(w, asked->hardware, HARDWARE);
	write_zeros(w, NAMES);
	write_u32(w, COOKIE);
}

size_t dhcp_inform_answer(uint8_t *at, const struct ip_packet *in,
	const struct link_services *services, const struct dhcp_facts *facts)
{
	struct asked asked;
	if (in->source.family != 4 || in->to != DHCP_SERVER_PORT || !read_asked(&asked, in->body))
		return 0;
	struct ip_packet head = {.source = address_ipv4(facts->own),
		.destination = in->source,
		.protocol = PROTOCOL_UDP,
		.hop_limit = 64,
		.from = DHCP_SERVER_PORT,
		.to = DHCP_CLIENT_PORT};
	struct writer w = writer_over(at, IP_PACKET_MAX);
	ip_packet_begin(&w, &head);
	write_head(&w, &asked);
	write_u8(&w, OPTION_TYPE);
	write_u8(&w, 1);
	write_u8(&w, ACK);
	write_word(&w, OPTION_SERVER, facts->own);
	if (reader_left(&asked.identifier)) {
		uint8_t *length = open_option(&w, OPTION_CLIENT);
		write_bytes(&w, asked.identifier.at, reader_left(&asked.identifier));
		close_option(&w, length);
	}
	if (wants(&asked, OPTION_MASK))
		write_word(&w, OPTION_MASK, UINT32_MAX); /* the link has no other host */
	write_servers(&w, &asked, OPTION_DNS, facts->dns);
	write_servers(&w, &asked, OPTION_WINS, facts->wins);
	write_names(&w, &asked, services);
	write_routes(&w, &asked, OPTION_ROUTES, services, facts->own);
	write_routes(&w, &asked, OPTION_ROUTES_WINDOWS, services, facts->own);
	write_u8(&w, OPTION_END);
	return ip_packet_end(&w);
}
