/* Addresses of both families (see address.h). IPv6 is written as RFC 5952 says. */
#include "address.h"

#include <string.h>

#include "bytes.h"

struct address address_ipv4(uint32_t host_order)
{
	struct address a = {.family = 4};
	put_u32(a.bytes, host_order);
	return a;
}

uint32_t address_to_ipv4(const struct address *a)
{
	if (a->family != 4)
		return 0;
	struct reader r = reader_over(a->bytes, 4);
	return read_u32(&r);
}

bool address_equal(const struct address *a, const struct address *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, a->family == 4 ? 4 : 16) == 0;
}

static void text_ipv6(struct text *t, const uint8_t *bytes)
{
	uint16_t group[8];
	for (int i = 0; i < 8; i++)
		group[i] = (uint16_t)(bytes[2 * i] << 8 | bytes[2 * i + 1]);
	int run_at = -1, run_length = 1; /* the longest run of zeros, two groups at least */
	for (int i = 0; i < 8; i++) {
		int n = 0;
		while (i + n < 8 && group[i + n] == 0)
			n++;
		if (n > run_length) {
			run_at = i;
			run_length = n;
		}
	}
	for (int i = 0; i < 8; i++) {
		if (i == run_at) {
			text_add(t, "::");
			i += run_length - 1;
			continue;
		}
		if (i && i != run_at + run_length)
			text_char(t, ':');
		text_hex(t, group[i], 1);
	}
}

void text_address(struct text *t, const struct address *a)
{
	if (a->family == 4)
		text_ipv4(t, address_to_ipv4(a));
	else if (a->family == 6)
		text_ipv6(t, a->bytes);
	else
		text_add(t, "none");
}
