/* DHCPv6 messages to and from bytes (see dhcpv6_wire.h). RFC 8415 §8 (header), §21.2 (client
 * identifier), §21.3 (server identifier), §21.4-21.6 (identity associations), §21.7 (option
 * request), §21.8 (preference), §21.9 (elapsed time), §21.13 (status), §21.14 (rapid commit),
 * §21.21 (IA_PD), §21.22 (IA prefix); RFC 3646 §3, §4 (DNS); RFC 4075 §4 (SNTP), RFC 5908 §4 (NTP).
 *
 * An option that occurs twice where once is the rule counts the first time (§21.1 leaves it open);
 * a prefix that the rules forbid (§21.22: preferred longer than valid) counts as not there. */
#include "dhcpv6_wire.h"

#include <string.h>

enum {
	OPTION_CLIENT = 1,
	OPTION_SERVER = 2,
	OPTION_REQUEST = 6,
	OPTION_PREFERENCE = 7,
	OPTION_ELAPSED = 8,
	OPTION_STATUS = 13,
	OPTION_RAPID_COMMIT = 14,
	OPTION_DNS = 23,
	OPTION_DOMAINS = 24,
	OPTION_PREFIX = 26,
	OPTION_SNTP = 31,
	OPTION_NTP = 56,
	NTP_SERVER = 1,
	MOST_PREFERRED = 255,
};

bool dhcpv6_same_duid(const struct dhcpv6_duid *a, const struct dhcpv6_duid *b)
{
	return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

bool dhcpv6_same_prefix(const struct prefix *a, const struct prefix *b)
{
	return a->length == b->length && address_equal(&a->address, &b->address);
}

/* Reading. */

static bool read_duid(struct dhcpv6_duid *duid, struct reader r)
{
	enum { SHORTEST = 3 }; /* a type and something of it */
	size_t length = reader_left(&r);
	if (length < SHORTEST || length > DHCPV6_DUID_MAX)
		return false;
	if (duid->length)
		return true;
	duid->length = (uint8_t)length;
	memcpy(duid->bytes, r.at, length);
	return true;
}

static bool read_status(uint16_t *status, struct reader r)
{
	uint16_t value = read_u16(&r);
	if (!*status)
		*status = value;
	return !r.failed;
}

static void mask(struct prefix *prefix)
{
	for (unsigned bit = prefix->length; bit < 128; bit++)
		prefix->address.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
}

static bool read_prefix(struct dhcpv6_ia *ia, struct reader r)
{
	struct dhcpv6_prefix p = {.preferred = read_u32(&r)};
	p.valid = read_u32(&r);
	p.prefix.length = read_u8(&r);
	const uint8_t *bytes = read_bytes(&r, 16);
	if (!bytes)
		return false;
	p.prefix.address.family = 6;
	memcpy(p.prefix.address.bytes, bytes, 16);
	if (p.preferred > p.valid || p.prefix.length > 128 || ia->count == DHCPV6_PREFIXES)
		return true;
	mask(&p.prefix);
	ia->prefixes[ia->count++] = p;
	return true;
}

/* An option's code and value; false at the end, or failed. */
static bool next_option(struct reader *r, uint16_t *code, struct reader *value)
{
	if (r->failed || !reader_left(r))
		return false;
	*code = read_u16(r);
	*value = read_slice(r, read_u16(r));
	return !r->failed;
}

static bool read_ia(struct dhcpv6_message *message, enum dhcpv6_ia_kind kind, struct reader r)
{
	struct dhcpv6_ia ia = {.kind = kind, .iaid = read_u32(&r)};
	uint16_t code;
	struct reader value;
	bool sound = true;
	if (kind != DHCPV6_IA_TA) {
		ia.t1 = read_u32(&r);
		ia.t2 = read_u32(&r);
	}
	while (sound && next_option(&r, &code, &value)) {
		if (code == OPTION_STATUS)
			sound = read_status(&ia.status, value);
		else if (code == OPTION_PREFIX && kind == DHCPV6_IA_PD)
			sound = read_prefix(&ia, value);
	}
	bool senseless = ia.t1 && ia.t2 && ia.t1 > ia.t2; /* §21.21: as if it were not there */
	if (message->ia_count < DHCPV6_IAS && !senseless)
		message->ias[message->ia_count++] = ia;
	return sound && !r.failed;
}

static bool read_wants(struct dhcpv6_message *message, struct reader r)
{
	while (reader_left(&r) && !r.failed) {
		uint16_t code = read_u16(&r);
		message->wants |= code == OPTION_DNS       ? DHCPV6_WANTS_DNS
				  : code == OPTION_DOMAINS ? DHCPV6_WANTS_DOMAINS
				  : code == OPTION_SNTP    ? DHCPV6_WANTS_SNTP
				  : code == OPTION_NTP     ? DHCPV6_WANTS_NTP
							   : 0;
	}
	return !r.failed;
}

static bool read_addresses(struct address *to, unsigned room, struct reader r)
{
	if (reader_left(&r) % 16)
		return false;
	for (unsigned i = 0; i < room && reader_left(&r); i++) {
		to[i].family = 6;
		memcpy(to[i].bytes, read_bytes(&r, 16), 16);
	}
	return true;
}

static bool read_ntp(struct dhcpv6_message *message, struct reader r)
{
	uint16_t code;
	struct reader value;
	while (next_option(&r, &code, &value))
		if (code == NTP_SERVER && !read_addresses(&message->ntp, 1, value))
			return false;
	return !r.failed;
}

static bool read_option(struct dhcpv6_message *message, uint16_t code, struct reader r)
{
	switch (code) {
	case OPTION_CLIENT:
		return read_duid(&message->client, r);
	case OPTION_SERVER:
		return read_duid(&message->server, r);
	case DHCPV6_IA_NA:
	case DHCPV6_IA_TA:
	case DHCPV6_IA_PD:
		return read_ia(message, (enum dhcpv6_ia_kind)code, r);
	case OPTION_REQUEST:
		return read_wants(message, r);
	case OPTION_PREFERENCE:
		message->first_choice = read_u8(&r) == MOST_PREFERRED;
		return !r.failed;
	case OPTION_ELAPSED:
		message->elapsed = read_u16(&r);
		return !r.failed;
	case OPTION_STATUS:
		return read_status(&message->status, r);
	case OPTION_RAPID_COMMIT:
		message->rapid_commit = true;
		return true;
	case OPTION_DNS:
		return read_addresses(message->dns, DHCPV6_DNS, r);
	case OPTION_DOMAINS:
		return domains_read(&message->search, r.at, reader_left(&r));
	case OPTION_SNTP:
		return read_addresses(&message->ntp, 1, r);
	case OPTION_NTP:
		return read_ntp(message, r);
	}
	return true;
}

bool dhcpv6_read(struct dhcpv6_message *message, struct reader r)
{
	uint16_t code;
	struct reader value;
	uint32_t head = read_u32(&r);
	*message = (struct dhcpv6_message){
		.type = (enum dhcpv6_type)(head >> 24), .transaction = head & 0xffffff};
	if (r.failed || message->type < DHCPV6_SOLICIT ||
		message->type > DHCPV6_INFORMATION_REQUEST)
		return false;
	while (next_option(&r, &code, &value))
		if (!read_option(message, code, value))
			return false;
	return !r.failed;
}

/* Writing. */

static size_t open_option(struct writer *w, uint16_t code)
{
	write_u16(w, code);
	write_u16(w, 0);
	return writer_length(w);
}

static void close_option(struct writer *w, size_t from)
{
	write_patch_u16(w, from - 2, (uint16_t)(writer_length(w) - from));
}

static void write_duid(struct writer *w, uint16_t code, const struct dhcpv6_duid *duid)
{
	if (!duid->length)
		return;
	size_t from = open_option(w, code);
	write_bytes(w, duid->bytes, duid->length);
	close_option(w, from);
}

static void write_status(struct writer *w, uint16_t status)
{
	if (!status)
		return;
	size_t from = open_option(w, OPTION_STATUS);
	write_u16(w, status);
	close_option(w, from);
}

static void write_prefix(struct writer *w, const struct dhcpv6_prefix *prefix)
{
	size_t from = open_option(w, OPTION_PREFIX);
	write_u32(w, prefix->preferred);
	write_u32(w, prefix->valid);
	write_u8(w, prefix->prefix.length);
	write_bytes(w, prefix->prefix.address.bytes, 16);
	close_option(w, from);
}

static void write_ia(struct writer *w, const struct dhcpv6_ia *ia)
{
	size_t from = open_option(w, (uint16_t)ia->kind);
	write_u32(w, ia->iaid);
	if (ia->kind != DHCPV6_IA_TA) {
		write_u32(w, ia->t1);
		write_u32(w, ia->t2);
	}
	for (unsigned i = 0; i < ia->count; i++)
		write_prefix(w, &ia->prefixes[i]);
	write_status(w, ia->status);
	close_option(w, from);
}

static void write_wants(struct writer *w, uint8_t wants)
{
	if (!wants)
		return;
	size_t from = open_option(w, OPTION_REQUEST);
	if (wants & DHCPV6_WANTS_DNS)
		write_u16(w, OPTION_DNS);
	if (wants & DHCPV6_WANTS_DOMAINS)
		write_u16(w, OPTION_DOMAINS);
	if (wants & DHCPV6_WANTS_SNTP)
		write_u16(w, OPTION_SNTP);
	if (wants & DHCPV6_WANTS_NTP)
		write_u16(w, OPTION_NTP);
	close_option(w, from);
}

static void write_dns(struct writer *w, const struct dhcpv6_message *message)
{
	if (message->dns[0].family != 6)
		return;
	size_t from = open_option(w, OPTION_DNS);
	for (unsigned i = 0; i < DHCPV6_DNS && message->dns[i].family == 6; i++)
		write_bytes(w, message->dns[i].bytes, 16);
	close_option(w, from);
}

/* Both options say the same, for those who know one of them. */
static void write_ntp(struct writer *w, const struct address *server)
{
	if (server->family != 6)
		return;
	size_t from = open_option(w, OPTION_SNTP);
	write_bytes(w, server->bytes, 16);
	close_option(w, from);
	from = open_option(w, OPTION_NTP);
	size_t inside = open_option(w, NTP_SERVER);
	write_bytes(w, server->bytes, 16);
	close_option(w, inside);
	close_option(w, from);
}

/* What only some messages may have (§8 and appendix B). */
static void write_rest(struct writer *w, const struct dhcpv6_message *message)
{
	bool answer = message->type == DHCPV6_ADVERTISE || message->type == DHCPV6_REPLY;
	if (message->rapid_commit) {
		write_u16(w, OPTION_RAPID_COMMIT);
		write_u16(w, 0);
	}
	if (!answer) {
		write_u16(w, OPTION_ELAPSED);
		write_u16(w, 2);
		write_u16(w, message->elapsed);
	}
	if (message->first_choice) {
		write_u16(w, OPTION_PREFERENCE);
		write_u16(w, 1);
		write_u8(w, MOST_PREFERRED);
	}
}

void dhcpv6_write(struct writer *w, const struct dhcpv6_message *message)
{
	write_u32(w, (uint32_t)message->type << 24 | message->transaction);
	write_duid(w, OPTION_CLIENT, &message->client);
	write_duid(w, OPTION_SERVER, &message->server);
	write_rest(w, message);
	write_status(w, message->status);
	for (unsigned i = 0; i < message->ia_count; i++)
		write_ia(w, &message->ias[i]);
	write_wants(w, message->wants);
	write_dns(w, message);
	if (message->search.length) {
		size_t from = open_option(w, OPTION_DOMAINS);
		write_bytes(w, message->search.bytes, message->search.length);
		close_option(w, from);
	}
	write_ntp(w, &message->ntp);
}

/* In words. */

static const char *type_word(enum dhcpv6_type type)
{
	static const char *const words[] = {"Solicit", "Advertise", "Request", "Confirm", "Renew",
		"Rebind", "Reply", "Release", "Decline", "Reconfigure", "Information-Request"};
	return words[type - DHCPV6_SOLICIT];
}

const char *dhcpv6_status_word(uint16_t status)
{
	static const char *const words[] = {"Success", "UnspecFail", "NoAddrsAvail", "NoBinding",
		"NotOnLink", "UseMulticast", "NoPrefixAvail"};
	return status < sizeof words / sizeof words[0] ? words[status] : "unknown status";
}

static void print_status(struct text *t, uint16_t status)
{
	if (!status)
		return;
	text_char(t, ' ');
	text_add(t, dhcpv6_status_word(status));
}

static void print_ia(struct text *t, const struct dhcpv6_ia *ia)
{
	text_add(t, ia->kind == DHCPV6_IA_PD   ? " IA_PD "
		    : ia->kind == DHCPV6_IA_NA ? " IA_NA "
					       : " IA_TA ");
	text_unsigned(t, ia->iaid);
	for (unsigned i = 0; i < ia->count; i++) {
		const struct dhcpv6_prefix *prefix = &ia->prefixes[i];
		text_char(t, ' ');
		text_address(t, &prefix->prefix.address);
		text_char(t, '/');
		text_unsigned(t, prefix->prefix.length);
		text_add(t, " for ");
		text_unsigned(t, prefix->valid);
		text_add(t, " s");
	}
	print_status(t, ia->status);
}

void dhcpv6_print(struct text *t, const struct dhcpv6_message *message)
{
	text_add(t, "DHCPv6 ");
	text_add(t, type_word(message->type));
	text_add(t, " id ");
	text_hex(t, message->transaction, 6);
	if (message->rapid_commit)
		text_add(t, " rapid-commit");
	print_status(t, message->status);
	for (unsigned i = 0; i < message->ia_count; i++)
		print_ia(t, &message->ias[i]);
	for (unsigned i = 0; i < DHCPV6_DNS && message->dns[i].family; i++) {
		text_add(t, " dns ");
		text_address(t, &message->dns[i]);
	}
	if (message->search.length) {
		text_add(t, " search ");
		domains_text(t, &message->search);
	}
}
