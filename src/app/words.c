/* Words of pppd's files (see words.h).
 *
 * The grammar is pppd's getword(). Where pppd goes on after a warning (a word longer than it has
 * room for, a quote that runs to the end of the file, a number too large for a byte) this is a
 * fault with its place, and the word is marked bad: a cut secret is a wrong secret
 * (CVE-2014-3158 came out of the same place). */
#include "words.h"

enum { END = -1 };

struct words words_over(const char *file, const char *bytes, size_t length, struct faults *faults)
{
	return (struct words){.file = file,
		.at = bytes,
		.end = bytes + length,
		.line = 1,
		.column = 1,
		.faults = faults};
}

static int peek(const struct words *w)
{
	return w->at < w->end ? (unsigned char)*w->at : END;
}

static int take(struct words *w)
{
	int c = peek(w);
	if (c == END)
		return c;
	w->at++;
	w->column++;
	if (c == '\n') {
		w->line++;
		w->column = 1;
	}
	return c;
}

static struct place here(const struct words *w)
{
	return (struct place){w->file, w->line, w->column};
}

static bool is_space(int c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Passes blanks, comments and escaped newlines; true when a newline was among them. */
static bool skip_to_word(struct words *w)
{
	bool newline = false, comment = false;
	for (int c = peek(w); c != END; c = peek(w)) {
		if (c == '\\' && !comment && w->at + 1 < w->end && w->at[1] == '\n')
			take(w);
		else if (c == '\n')
			newline = true, comment = false;
		else if (c == '#')
			comment = true;
		else if (!comment && !is_space(c))
			break;
		take(w);
	}
	return newline;
}

static void spoil(struct words *w, struct word *word, const struct place *at, const char *what)
{
	if (!word->bad)
		fault(w->faults, at, "%s", what);
	word->bad = true;
}

static void add(struct words *w, struct word *word, int c)
{
	if (c == '\0')
		spoil(w, word, &word->at, "a word holds a NUL byte");
	else if (word->length >= WORD_BYTES_MAX)
		spoil(w, word, &word->at, "a word is longer than 1023 bytes");
	else
		word->bytes[word->length++] = (char)c;
}

static int digit_value(int c, int base)
{
	int value = c >= '0' && c <= '9'   ? c - '0'
		    : c >= 'a' && c <= 'f' ? c - 'a' + 10
		    : c >= 'A' && c <= 'F' ? c - 'A' + 10
					   : 16;
	return value < base ? value : -1;
}

/* \ooo and \xhh. pppd lets \777 wrap; here it is a fault. */
static int numeric_escape(struct words *w, struct word *word, int base, int digits_max)
{
	struct place at = here(w);
	int value = 0, digits = 0;
	for (; digits < digits_max && digit_value(peek(w), base) >= 0; digits++)
		value = value * base + digit_value(take(w), base);
	if (digits == 0)
		spoil(w, word, &at, "\\x needs one or two hexadecimal digits");
	else if (value > 255)
		spoil(w, word, &at, "this octal number is larger than a byte");
	return value & 255;
}

static void escape(struct words *w, struct word *word)
{
	static const char from[] = "abfnrst", to[] = "\a\b\f\n\r \t";
	struct place at = here(w);
	take(w);
	int c = peek(w);
	if (c == END) {
		spoil(w, word, &at, "a backslash at the end of the file");
		return;
	}
	if (digit_value(c, 8) >= 0) {
		add(w, word, numeric_escape(w, word, 8, 3));
		return;
	}
	take(w);
	if (c == '\n')
		return;
	if (c == 'x') {
		add(w, word, numeric_escape(w, word, 16, 2));
		return;
	}
	for (int i = 0; from[i]; i++)
		if (c == from[i]) {
			add(w, word, to[i]);
			return;
		}
	add(w, word, c);
}

/* A quote may span lines, so an open one takes all that follows; it shall cost its own line only.
 */
static void give_up_quote(struct words *w, struct word *word, const struct words *quote_at)
{
	struct place at = here(quote_at);
	spoil(w, word, &at, "this quote is never closed");
	*w = *quote_at;
	while (peek(w) != END && peek(w) != '\n')
		take(w);
}

bool words_next(struct words *w, struct word *word)
{
	bool start = w->line == 1 && w->column == 1;
	bool newline = skip_to_word(w);
	word->first = newline || start;
	word->at = here(w);
	word->start = w->at;
	word->quoted = word->bad = false;
	word->length = 0;
	if (peek(w) == END)
		return false;
	struct words quote_at = *w;
	int quote = 0;
	for (int c = peek(w); c != END; c = peek(w)) {
		if (c == '\\') {
			escape(w, word);
			continue;
		}
		if (quote ? c == quote : c == '"' || c == '\'') {
			quote_at = *w;
			quote = quote ? 0 : c;
			word->quoted = true;
			take(w);
			continue;
		}
		if (!quote && (is_space(c) || c == '#'))
			break;
		add(w, word, take(w));
	}
	if (quote)
		give_up_quote(w, word, &quote_at);
	word->bytes[word->length] = '\0';
	word->end = w->at;
	return true;
}
