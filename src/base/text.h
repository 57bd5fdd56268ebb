/* Readable text without printf: the pure rooms write their log lines and frame prints with this.
 * The text is always terminated; what does not fit is cut and `cut` is set. */
#ifndef GREYLINE_TEXT_H
#define GREYLINE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *start;
	size_t used; /* without the terminator */
	size_t size; /* with it */
	bool cut;
};

struct text text_over(char *buffer, size_t size);

void text_add(struct text *t, const char *word);
void text_char(struct text *t, char c);
void text_unsigned(struct text *t, uint64_t value);
void text_hex(struct text *t, uint32_t value, unsigned digits); /* at least `digits`, no 0x */
void text_hex_bytes(struct text *t, const uint8_t *bytes, size_t length);
void text_ipv4(struct text *t, uint32_t address); /* host order */
/* Somebody else's bytes inside double quotes: what is not printable ASCII, a quote or a backslash
 * becomes \ooo or is escaped, so that no peer can forge a log line. */
void text_quoted(struct text *t, const void *bytes, size_t length);

#endif
