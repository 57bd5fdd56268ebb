/* Bounded text building (see text.h). */
#include "text.h"

#include <assert.h>

struct text text_over(char *buffer, size_t size)
{
	assert(size > 0);
	buffer[0] = '\0';
	return (struct text){.start = buffer, .size = size};
}

void text_char(struct text *t, char c)
{
	if (t->used + 1 >= t->size) {
		t->cut = true;
		return;
	}
	t->start[t->used++] = c;
	t->start[t->used] = '\0';
}

void text_add(struct text *t, const char *word)
{
	while (*word)
		text_char(t, *word++);
}

void text_unsigned(struct text *t, uint64_t value)
{
	char digits[20];
	size_t n = 0;
	do
		digits[n++] = (char)('0' + value % 10);
	while (value /= 10);
	while (n)
		text_char(t, digits[--n]);
}

void text_hex(struct text *t, uint32_t value, unsigned digits)
{
	static const char hex[] = "0123456789abcdef";
	unsigned shift = 28;
	while (shift && shift / 4 >= digits && !(value >> shift))
		shift -= 4;
	for (;; shift -= 4) {
		text_char(t, hex[value >> shift & 15]);
		if (!shift)
			break;
	}
}

void text_hex_bytes(struct text *t, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		text_hex(t, bytes[i], 2);
}

void text_ipv4(struct text *t, uint32_t address)
{
	for (int shift = 24; shift >= 0; shift -= 8) {
		text_unsigned(t, address >> shift & 0xff);
		if (shift)
			text_char(t, '.');
	}
}

void text_quoted(struct text *t, const void *bytes, size_t length)
{
	const uint8_t *b = bytes;
	text_char(t, '"');
	for (size_t i = 0; i < length; i++) {
		if (b[i] == '"' || b[i] == '\\') {
			text_char(t, '\\');
			text_char(t, (char)b[i]);
		} else if (b[i] >= 0x20 && b[i] < 0x7f) {
			text_char(t, (char)b[i]);
		} else {
			text_char(t, '\\');
			text_char(t, (char)('0' + (b[i] >> 6)));
			text_char(t, (char)('0' + (b[i] >> 3 & 7)));
			text_char(t, (char)('0' + (b[i] & 7)));
		}
	}
	text_char(t, '"');
}
