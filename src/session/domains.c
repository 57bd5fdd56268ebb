/* Search lists of domains (see domains.h). RFC 1035 §3.1 (labels), §2.3.4 (sizes).
 *
 * None of the options that carry them may be compressed but DHCP's (RFC 3397 §2), which is only
 * written here. */
#include "domains.h"

#include <string.h>

#include "bytes.h"

enum { LABEL_MAX = 63, NAME_MAX = 255 };

static bool fits_host(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

static bool append(struct domains *domains, const uint8_t *name, size_t length)
{
	if (length > NAME_MAX || length > (size_t)DOMAINS_MAX - domains->length)
		return false;
	memcpy(domains->bytes + domains->length, name, length);
	domains->length = (uint8_t)(domains->length + length);
	return true;
}

bool domains_add(struct domains *domains, const char *name)
{
	uint8_t wire[NAME_MAX];
	struct writer w = writer_over(wire, sizeof wire);
	while (*name) {
		size_t label = 0;
		while (label <= LABEL_MAX && fits_host((uint8_t)name[label]))
			label++;
		bool ends = name[label] == '.' || name[label] == '\0';
		if (label == 0 || label > LABEL_MAX || !ends)
			return false;
		write_u8(&w, (uint8_t)label);
		write_bytes(&w, name, label);
		name += label;
		name += *name == '.';
	}
	write_u8(&w, 0);
	return !w.failed && writer_length(&w) > 1 && append(domains, wire, writer_length(&w));
}

/* One name, its end included; `fit`: a host may have it. */
static bool skip_name(struct reader *r, bool *fit)
{
	size_t whole = 0;
	*fit = true;
	for (;;) {
		size_t label = read_u8(r);
		const uint8_t *bytes = label <= LABEL_MAX ? read_bytes(r, label) : NULL;
		whole += 1 + label;
		if (r->failed || label > LABEL_MAX || whole > NAME_MAX)
			return false;
		if (!label)
			break;
		for (size_t i = 0; i < label; i++)
			*fit &= fits_host(bytes[i]);
	}
	*fit &= whole > 1; /* else it is padding */
	return true;
}

bool domains_read(struct domains *domains, const uint8_t *bytes, size_t length)
{
	struct reader r = reader_over(bytes, length);
	*domains = (struct domains){.length = 0};
	while (reader_left(&r)) {
		const uint8_t *name = r.at;
		bool fit;
		if (!skip_name(&r, &fit))
			return false;
		if (fit)
			append(domains, name, (size_t)(r.at - name));
	}
	return true;
}

void domains_text(struct text *t, const struct domains *domains)
{
	struct reader r = reader_over(domains->bytes, domains->length);
	const char *between = "";
	while (reader_left(&r)) {
		size_t label = read_u8(&r);
		const uint8_t *bytes = read_bytes(&r, label);
		if (!bytes)
			return;
		if (!label) {
			between = " ";
			continue;
		}
		text_add(t, between);
		between = ".";
		for (size_t i = 0; i < label; i++)
			text_char(t, (char)bytes[i]);
	}
}
