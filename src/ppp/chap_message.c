/* The text of Success and Failure (see chap_message.h).
 *
 * RFC 2759 §5: "S=" and the 20 bytes of the authenticator's proof as 40 upper-case hex digits, then
 * "M=" and words. §6: "E=eeeeeeeeee R=r C=cccc... V=vvvvvvvvvv M=words", where C is the challenge
 * and V the Change-Password version. RFC 2433 §8: the same without M and with V=2. Peers leave out
 * what they like, so each field is looked for by its letter. */
#include "chap_message.h"

enum { NUMBER_MAX = 999999999 };

static void write_text(struct writer *w, const char *s)
{
	write_bytes(w, s, strlen(s));
}

static void write_hex(struct writer *w, const uint8_t *bytes, size_t length)
{
	static const char digits[] = "0123456789ABCDEF";
	for (size_t i = 0; i < length; i++) {
		write_u8(w, (uint8_t)digits[bytes[i] >> 4]);
		write_u8(w, (uint8_t)digits[bytes[i] & 15]);
	}
}

void chap_write_success(
	struct writer *w, enum auth_method method, const uint8_t proof[AUTHENTICATOR_SIZE])
{
	if (method == AUTH_MSCHAPV2) {
		write_text(w, "S=");
		write_hex(w, proof, AUTHENTICATOR_SIZE);
		write_text(w, " M=");
	}
	write_text(w, "Access granted");
}

static void write_decimal(struct writer *w, unsigned value)
{
	char digits[12];
	size_t n = 0;
	do
		digits[n++] = (char)('0' + value % 10);
	while (value /= 10);
	while (n)
		write_u8(w, (uint8_t)digits[--n]);
}

void chap_write_failure(struct writer *w, enum auth_method method, unsigned error,
	const uint8_t *challenge, size_t challenge_length)
{
	if (method == AUTH_MSCHAP || method == AUTH_MSCHAPV2) {
		write_text(w, "E=");
		write_decimal(w, error);
		write_text(w, " R=0 C=");
		write_hex(w, challenge, challenge_length);
		write_text(w, method == AUTH_MSCHAPV2 ? " V=3" : " V=2");
		if (method == AUTH_MSCHAP)
			return;
		write_text(w, " M=");
	}
	const char *words = chap_error_words(error);
	write_text(w, words ? words : "access denied");
}

/* What stands behind `letter`= at the start or behind a space. */
static struct reader find_field(const uint8_t *message, size_t length, char letter)
{
	struct reader none = {.failed = true};
	for (size_t i = 0; i + 1 < length; i++)
		if (message[i] == letter && message[i + 1] == '=' &&
			(i == 0 || message[i - 1] == ' '))
			return reader_over(message + i + 2, length - i - 2);
	return none;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static bool read_hex(struct reader *field, uint8_t *bytes, size_t size)
{
	const uint8_t *hex = read_bytes(field, 2 * size);
	if (!hex)
		return false;
	for (size_t i = 0; i < size; i++) {
		int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

bool chap_read_proof(const uint8_t *message, size_t length, uint8_t proof[AUTHENTICATOR_SIZE])
{
	struct reader field = find_field(message, length, 'S');
	return read_hex(&field, proof, AUTHENTICATOR_SIZE);
}

/* Up to ten digits (RFC 2759 §6); what is larger is as good as the largest. */
static unsigned read_decimal(struct reader field)
{
	uint64_t value = 0;
	for (int i = 0; i < 10 && reader_left(&field) && *field.at >= '0' && *field.at <= '9'; i++)
		value = value * 10 + (uint64_t)(read_u8(&field) - '0');
	return value > NUMBER_MAX ? NUMBER_MAX : (unsigned)value;
}

struct chap_failure chap_read_failure(const uint8_t *message, size_t length)
{
	struct chap_failure failure = {.words = message, .words_length = length};
	struct reader field = find_field(message, length, 'E');
	if (field.failed)
		return failure;
	failure.words_length = 0;
	failure.error = read_decimal(field);
	failure.version = read_decimal(find_field(message, length, 'V'));
	field = find_field(message, length, 'C');
	failure.has_challenge = read_hex(&field, failure.challenge, sizeof failure.challenge);
	field = find_field(message, length, 'M');
	if (!field.failed) {
		failure.words = field.at;
		failure.words_length = reader_left(&field);
	}
	return failure;
}

const char *chap_error_words(unsigned error)
{
	switch (error) {
	case AUTH_ERROR_RESTRICTED_HOURS:
		return "not allowed to log on at this hour";
	case AUTH_ERROR_DISABLED:
		return "account disabled";
	case AUTH_ERROR_EXPIRED:
		return "password expired";
	case AUTH_ERROR_NO_DIALIN:
		return "no permission to dial in";
	case AUTH_ERROR_WRONG:
		return "wrong user name or password";
	case AUTH_ERROR_CHANGING:
		return "error changing the password";
	default:
		return NULL;
	}
}

void chap_tell_failure(struct text *t, const uint8_t *message, size_t length)
{
	struct chap_failure failure = chap_read_failure(message, length);
	if (failure.error) {
		const char *words = chap_error_words(failure.error);
		text_add(t, ": E=");
		text_unsigned(t, failure.error);
		text_char(t, ' ');
		text_add(t, words ? words : "unknown reason");
	}
	if (failure.words_length) {
		text_add(t, ", peer says ");
		text_quoted(t, failure.words,
			failure.words_length < CHAP_FAILURE_SHOWN ? failure.words_length
								  : CHAP_FAILURE_SHOWN);
	}
}
