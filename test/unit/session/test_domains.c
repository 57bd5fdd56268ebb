/* Search lists: the names of RFC 1035, what no host may have, what is malformed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "domains.h"

static const char *shown(const struct domains *domains)
{
	static char words[512];
	struct text t = text_over(words, sizeof words);
	domains_text(&t, domains);
	return words;
}

static void added(void **state)
{
	static const uint8_t wire[] = "\1f\3isi\4arpa\0\1b\2de"; /* RFC 1035 §4.1.4 begins so */
	struct domains domains = {.length = 0};
	assert_true(domains_add(&domains, "f.isi.arpa"));
	assert_true(domains_add(&domains, "b.de."));
	assert_int_equal(domains.length, sizeof wire);
	assert_memory_equal(domains.bytes, wire, sizeof wire);
	assert_string_equal(shown(&domains), "f.isi.arpa b.de");
	assert_false(domains_add(&domains, ""));
	assert_false(domains_add(&domains, "."));
	assert_false(domains_add(&domains, "a..b"));
	assert_false(domains_add(&domains, "a b"));
	assert_false(domains_add(&domains, "x\noptions"));
	char label[70] = {0};
	memset(label, 'a', 64);
	assert_false(domains_add(&domains, label));
	label[63] = 0;
	assert_true(domains_add(&domains, label));
	assert_true(domains_add(&domains, label));
	assert_true(domains_add(&domains, label));
	assert_false(domains_add(&domains, label)); /* no room */
}

static void read_back(void **state)
{
	static const uint8_t padded[] = "\1a\0\0\0\0\3b c\0\2de\0";
	struct domains domains;
	assert_true(domains_read(&domains, padded, sizeof padded - 1));
	assert_string_equal(shown(&domains), "a de");
	assert_true(domains_read(&domains, padded, 0));
	assert_int_equal(domains.length, 0);
	for (size_t n = 0; n < 3; n++)
		assert_int_equal(domains_read(&domains, padded, n), n == 0);
	assert_false(domains_read(&domains, (const uint8_t *)"\300\14", 2));
	assert_false(domains_read(&domains, (const uint8_t *)"\5abcd", 5));
	uint8_t endless[300];
	for (size_t n = 0; n < sizeof endless; n++)
		endless[n] = n % 2 ? 'x' : 1;
	assert_false(domains_read(&domains, endless, sizeof endless));
}

static void more_than_there_is_room_for(void **state)
{
	uint8_t wire[600];
	size_t length = 0;
	for (char c = 'a'; c <= 'j'; c++) {
		wire[length++] = 50;
		memset(wire + length, c, 50);
		length += 50;
		wire[length++] = 0;
	}
	struct domains domains;
	assert_true(domains_read(&domains, wire, length));
	assert_int_equal(domains.length, 4 * 52);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(added), cmocka_unit_test(read_back),
		cmocka_unit_test(more_than_there_is_room_for)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
