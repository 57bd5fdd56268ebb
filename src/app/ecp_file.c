/* Reads an ECP key: hex digits, 16 for DES or 48 for 3DES, with spaces and colons where one likes;
 * from a # on the rest of a line says nothing.
 *
 * DES has keys under which encrypting twice gives the clear text back. Nobody draws one by chance,
 * and one of all zeros or ones is among them, so they are refused. Parity bits are not looked at.
 */
#include "ecp_file.h"

#include <ctype.h>
#include <string.h>

#include "digest.h"
#include "slurp.h"

enum { KEY_FILE_MAX = 4096 };

static int digit_of(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;
	return at ? (int)(at - digits) : -1;
}

/* How many digits there are, at most two more than fit; -1: something else is among them. */
static int read_digits(const char *text, uint8_t *bytes, int max)
{
	int count = 0;
	for (; *text; text++) {
		int digit = digit_of(*text);
		if (*text == '#')
			text += strcspn(text, "\n") - 1;
		else if (digit >= 0 && count < 2 * max)
			bytes[count / 2] = (uint8_t)(bytes[count / 2] << 4 | digit), count++;
		else if (digit >= 0)
			return 2 * max + 1;
		else if (!isspace((unsigned char)*text) && *text != ':')
			return -1;
	}
	return count;
}

static bool is_weak(const struct ecp_key *key)
{
	struct des_cbc des;
	bool good = des_cbc_key(&des, key->bytes, key->length);
	secret_wipe(&des, sizeof des);
	return !good;
}

static bool take(const char *path, const char *text, struct ecp_key *key, struct faults *faults)
{
	int digits = read_digits(text, key->bytes, sizeof key->bytes);
	key->length = digits == 2 * ECP_KEY_DES3  ? ECP_KEY_DES3
		      : digits == 2 * ECP_KEY_DES ? ECP_KEY_DES
						  : 0;
	if (digits < 0)
		fault(faults, NULL, "ecp-key-file: %s: something that is no hex digit", path);
	else if (!key->length)
		fault(faults, NULL,
			"ecp-key-file: %s: 48 hex digits are expected (3DESE), or 16 (DESE-bis)",
			path);
	else if (is_weak(key))
		fault(faults, NULL,
			"ecp-key-file: %s: this is one of DES's weak keys: draw another (openssl "
			"rand -hex 24)",
			path);
	else
		return true;
	return false;
}

bool ecp_file_read(const char *path, struct ecp_key *key, struct faults *faults)
{
	char *text;
	size_t length;
	struct stat seen;
	int error = slurp(path, KEY_FILE_MAX, &text, &length, &seen);
	*key = (struct ecp_key){0};
	if (error) {
		fault(faults, NULL, "ecp-key-file: %s: %s", path, strerror(-error));
		return false;
	}
	if (S_ISREG(seen.st_mode) && seen.st_mode & 077)
		fault_warning(
			faults, NULL, "%s: others can read this key: chmod 600 %s", path, path);
	bool good = take(path, text, key, faults);
	if (!good)
		secret_wipe(key, sizeof *key);
	slurp_free(text, length);
	return good;
}
