/* Words to values (see values.h). Every function takes the whole word or nothing. */
#include "values.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "domains.h"
#include "hdlc.h"

bool value_number(const char *word, uint32_t *number)
{
	uint64_t value = 0;
	if (!*word)
		return false;
	for (; *word; word++) {
		if (*word < '0' || *word > '9')
			return false;
		value = value * 10 + (uint64_t)(*word - '0');
		if (value > UINT32_MAX)
			return false;
	}
	*number = (uint32_t)value;
	return true;
}

bool value_octets(const char *word, uint64_t *octets)
{
	static const char units[] = "KMG";
	char digits[11] = "";
	size_t length = strspn(word, "0123456789");
	const char *unit = word[length] ? strchr(units, word[length]) : NULL;
	uint32_t number;
	if (length >= sizeof digits || (word[length] && (!unit || word[length + 1])))
		return false;
	memcpy(digits, word, length);
	if (!value_number(digits, &number))
		return false;
	*octets = (uint64_t)number << (unit ? 10 * (unit - units + 1) : 0);
	return true;
}

bool value_is_octets(const char *word)
{
	uint64_t octets;
	return value_octets(word, &octets);
}

bool value_speed(const char *word, uint32_t *speed)
{
	size_t length = strspn(word, "0123456789");
	if (!length || length > 8 || word[length])
		return false;
	*speed = (uint32_t)strtoul(word, NULL, 10);
	return true;
}

bool value_asyncmap(const char *word, uint32_t *map)
{
	const char *digits = word[0] == '0' && (word[1] | 0x20) == 'x' ? word + 2 : word;
	size_t length = strspn(digits, "0123456789abcdefABCDEF");
	if (!length || length > 8 || digits[length])
		return false;
	*map = (uint32_t)strtoul(digits, NULL, 16);
	return true;
}

bool value_is_asyncmap(const char *word)
{
	uint32_t map;
	return value_asyncmap(word, &map);
}

bool value_escapes(const char *word, uint32_t escapes[8])
{
	struct hdlc_transmit transmit;
	hdlc_transmit_init(&transmit);
	memset(escapes, 0, 8 * sizeof *escapes);
	for (;;) {
		char *end;
		unsigned long byte = strtoul(word, &end, 16);
		if (end == word || byte > 0xff || !hdlc_escape(&transmit, (uint8_t)byte))
			return false;
		escapes[byte / 32] |= 1u << byte % 32;
		if (!*end)
			return true;
		if (*end != ',')
			return false;
		word = end + 1;
	}
}

bool value_is_escapes(const char *word)
{
	uint32_t escapes[8];
	return value_escapes(word, escapes);
}

bool value_ipv4(const char *word, uint32_t *host_order)
{
	struct in_addr in;
	if (inet_pton(AF_INET, word, &in) != 1)
		return false;
	*host_order = ntohl(in.s_addr);
	return true;
}

bool value_ends(const char *word, struct address *local, struct address *remote)
{
	char first[INET_ADDRSTRLEN];
	uint32_t ends[2] = {0, 0};
	const char *colon = strchr(word, ':');
	size_t length = colon ? (size_t)(colon - word) : 0;
	if (!colon || length >= sizeof first || (!length && !colon[1]))
		return false;
	memcpy(first, word, length);
	first[length] = '\0';
	if ((length && !value_ipv4(first, &ends[0])) ||
		(colon[1] && !value_ipv4(colon + 1, &ends[1])))
		return false;
	if (length)
		*local = address_ipv4(ends[0]);
	if (colon[1])
		*remote = address_ipv4(ends[1]);
	return true;
}

bool value_address(const char *word, struct address *address)
{
	memset(address, 0, sizeof *address);
	if (inet_pton(AF_INET, word, address->bytes) == 1) {
		address->family = 4;
		return true;
	}
	if (inet_pton(AF_INET6, word, address->bytes) == 1) {
		address->family = 6;
		return true;
	}
	return false;
}

static bool bits_beyond(const struct prefix *prefix)
{
	unsigned size = prefix->address.family == 4 ? 32 : 128;
	for (unsigned bit = prefix->length; bit < size; bit++)
		if (prefix->address.bytes[bit / 8] & 0x80 >> bit % 8)
			return true;
	return false;
}

bool value_prefix(const char *word, struct prefix *prefix, bool strict)
{
	char host[64];
	const char *slash = strchr(word, '/');
	size_t length = slash ? (size_t)(slash - word) : strlen(word);
	if (length >= sizeof host)
		return false;
	memcpy(host, word, length);
	host[length] = '\0';
	if (!value_address(host, &prefix->address))
		return false;
	uint32_t most = prefix->address.family == 4 ? 32 : 128, bits = most;
	if (slash && (!value_number(slash + 1, &bits) || bits > most))
		return false;
	prefix->length = (uint8_t)bits;
	return !strict || !bits_beyond(prefix);
}

static bool value_subnet(const char *word, struct ipv4_range *range)
{
	struct prefix prefix;
	if (!value_prefix(word, &prefix, true) || prefix.address.family != 4)
		return false;
	uint32_t mask = prefix.length ? UINT32_MAX << (32 - prefix.length) : 0;
	range->first = address_to_ipv4(&prefix.address);
	range->last = range->first | ~mask;
	range->subnet = prefix.length < 31;
	return true;
}

bool value_range(const char *word, struct ipv4_range *range)
{
	if (strchr(word, '/'))
		return value_subnet(word, range);
	char first[64];
	const char *dash = strchr(word, '-');
	size_t length = dash ? (size_t)(dash - word) : strlen(word);
	if (length >= sizeof first)
		return false;
	memcpy(first, word, length);
	first[length] = '\0';
	uint32_t last;
	if (!value_ipv4(first, &range->first))
		return false;
	range->subnet = false;
	range->last = range->first;
	if (!dash)
		return true;
	if (value_number(dash + 1, &last) && last < 256)
		range->last = (range->first & ~0xffu) | last;
	else if (!value_ipv4(dash + 1, &range->last))
		return false;
	return range->last >= range->first;
}

bool value_host_port(const char *word, char host[256], uint16_t *port)
{
	const char *colon, *end;
	if (*word == '[') {
		end = strchr(++word, ']');
		if (!end || (end[1] && end[1] != ':'))
			return false;
		colon = end[1] ? end + 1 : NULL;
	} else {
		colon = strchr(word, ':');
		if (colon && strchr(colon + 1, ':'))
			colon = NULL; /* several colons and no brackets: an IPv6 address alone */
		end = colon ? colon : word + strlen(word);
	}
	uint32_t number = 0;
	size_t length = (size_t)(end - word);
	if (length == 0 || length > 255)
		return false;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)word[i] <= ' ' || word[i] == 0x7f)
			return false; /* no name has these, and a log line must not */
	if (colon && (!value_number(colon + 1, &number) || !number || number > 65535))
		return false;
	memcpy(host, word, length);
	host[length] = '\0';
	if (colon)
		*port = (uint16_t)number;
	return true;
}

bool value_is_listen(const char *word)
{
	char host[256];
	uint16_t port;
	struct address address;
	return value_host_port(word, host, &port) && value_address(host, &address);
}

bool value_is_host(const char *word)
{
	char host[256];
	uint16_t port;
	return value_host_port(word, host, &port);
}

bool value_is_address(const char *word)
{
	struct address address;
	return value_address(word, &address);
}

bool value_is_source(const char *word)
{
	struct ipv4_range range;
	return value_is_address(word) || value_range(word, &range);
}

bool value_is_interface(const char *word)
{
	enum { LONGEST = 15 }; /* IFNAMSIZ and its NUL */
	size_t length = strlen(word);
	if (length == 0 || length > LONGEST || !strcmp(word, ".") || !strcmp(word, ".."))
		return false;
	for (size_t i = 0; i < length; i++) {
		char c = word[i], letter = c | 0x20;
		if ((letter < 'a' || letter > 'z') && (c < '0' || c > '9') && c != '-' &&
			c != '_' && c != '.')
			return false;
	}
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Pairs of hex digits, with colons between them or not. */
static bool endpoint_bytes(const char *word, struct endpoint *endpoint)
{
	while (*word) {
		int high = hex_digit(word[0]), low = high < 0 ? -1 : hex_digit(word[1]);
		if (low < 0 || endpoint->length == ENDPOINT_MAX)
			return false;
		endpoint->value[endpoint->length++] = (uint8_t)(high << 4 | low);
		word += 2;
		if (*word == ':' && word[1])
			word++;
	}
	return endpoint->length > 0;
}

static bool endpoint_digits(const char *word, struct endpoint *endpoint)
{
	size_t length = strlen(word);
	if (!length || length > ENDPOINT_PHONE_MAX || strspn(word, "0123456789") != length)
		return false;
	memcpy(endpoint->value, word, length);
	endpoint->length = (uint8_t)length;
	return true;
}

static bool endpoint_value(const char *word, struct endpoint *endpoint)
{
	enum { MAC = 6, MAGIC = 4 };
	uint32_t address;
	switch ((enum endpoint_class)endpoint->class) {
	case ENDPOINT_IP:
		if (!value_ipv4(word, &address))
			return false;
		put_u32(endpoint->value, address);
		endpoint->length = sizeof address;
		return true;
	case ENDPOINT_PHONE:
		return endpoint_digits(word, endpoint);
	case ENDPOINT_MAC:
		return endpoint_bytes(word, endpoint) && endpoint->length == MAC;
	case ENDPOINT_MAGIC:
		return endpoint_bytes(word, endpoint) && endpoint->length % MAGIC == 0;
	case ENDPOINT_LOCAL:
		return endpoint_bytes(word, endpoint);
	case ENDPOINT_NULL:
	case ENDPOINT_CLASSES:
		break;
	}
	return false;
}

bool value_endpoint(const char *word, struct endpoint *endpoint)
{
	*endpoint = (struct endpoint){.class = ENDPOINT_NULL};
	if (!strcmp(word, "null"))
		return true;
	for (uint8_t class = ENDPOINT_LOCAL; class < ENDPOINT_CLASSES; class ++) {
		const char *name = endpoint_class_word(class);
		size_t length = strlen(name);
		if (strncasecmp(word, name, length) != 0 || word[length] != ':')
			continue;
		endpoint->class = class;
		return endpoint_value(word + length + 1, endpoint);
	}
	return false;
}

bool value_is_endpoint(const char *word)
{
	struct endpoint endpoint;
	return value_endpoint(word, &endpoint);
}

bool value_hex(const char *word, size_t digits, uint8_t *bytes)
{
	if (strlen(word) != digits)
		return false;
	for (size_t i = 0; i < digits; i += 2) {
		int high = hex_digit(word[i]), low = hex_digit(word[i + 1]);
		if (high < 0 || low < 0)
			return false;
		bytes[i / 2] = (uint8_t)(high << 4 | low);
	}
	return true;
}

bool value_is_variable(const char *word)
{
	return *word != '=' && strchr(word, '=');
}

bool value_is_variable_name(const char *word)
{
	return *word && !strchr(word, '=');
}

bool value_is_domain(const char *word)
{
	struct domains domains = {.length = 0};
	return domains_add(&domains, word);
}

static uint8_t auth_by_word(const char *word, size_t length)
{
	static const struct {
		const char *word;
		uint8_t method;
	} words[] = {{"eap-tls", AUTH_EAP_TLS}, {"mschap-v2", AUTH_MSCHAPV2},
		{"eap-mschap-v2", AUTH_EAP_MSCHAPV2}, {"mschap", AUTH_MSCHAP},
		{"eap-md5", AUTH_EAP_MD5}, {"chap", AUTH_CHAP_MD5}, {"pap", AUTH_PAP}};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strlen(words[i].word) == length && !memcmp(words[i].word, word, length))
			return words[i].method;
	return AUTH_NONE;
}

uint8_t value_auth(const char *words, struct auth_order *order)
{
	uint8_t set = 0;
	size_t count = 0;
	*order = (struct auth_order){{0}};
	for (const char *at = words; at && *at;) {
		size_t length = strcspn(at, ", ");
		uint8_t method = auth_by_word(at, length);
		if (!method || set & method)
			return 0;
		set |= method;
		order->first[count++] = method;
		at += length;
		at += strspn(at, ", ");
	}
	return set;
}

bool value_is_auth_order(const char *words)
{
	struct auth_order order;
	return value_auth(words, &order) != 0;
}

bool value_is_auth(const char *words)
{
	struct auth_order order;
	uint8_t set = value_auth(words, &order);
	return set && !(set & AUTH_EAP_TLS);
}

/* An address whose first 64 bits are 0, and the others not. */
static bool identifier(const char *word, size_t length, uint64_t *value)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t bytes[16];
	*value = 0;
	if (length == 0)
		return true;
	if (length >= sizeof text)
		return false;
	memcpy(text, word, length);
	text[length] = '\0';
	if (inet_pton(AF_INET6, text, bytes) != 1)
		return false;
	for (unsigned i = 0; i < 8; i++) {
		if (bytes[i])
			return false;
		*value = *value << 8 | bytes[8 + i];
	}
	return *value != 0;
}

bool value_identifiers(const char *word, uint64_t *local, uint64_t *remote)
{
	size_t first = strcspn(word, ",");
	const char *second = word[first] ? word + first + 1 : "";
	return identifier(word, first, local) && identifier(second, strlen(second), remote) &&
	       (*local || *remote) && *local != *remote;
}

bool value_is_identifiers(const char *word)
{
	uint64_t local, remote;
	return value_identifiers(word, &local, &remote);
}

bool value_is_phone(const char *word)
{
	return strlen(word) <= PHONE_NUMBER_MAX;
}

bool value_reorder_timeout(const char *word, uint32_t *us)
{
	char *end;
	double seconds = strtod(word, &end);
	if (end == word || *end || !(seconds >= 0.0099 && seconds <= 10))
		return false;
	*us = (uint32_t)(seconds * 1e6);
	return true;
}

bool value_is_reorder_timeout(const char *word)
{
	uint32_t us;
	return value_reorder_timeout(word, &us);
}

bool value_is_absolute(const char *word)
{
	return *word == '/';
}

bool value_is_nothing(const char *word)
{
	return false;
}
