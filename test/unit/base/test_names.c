/* Name tables and the nearest spelling. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "names.h"

static const struct name codes[] = {{1, "Configure-Request"}, {9, "Echo-Request"}, {4, NULL}};

static const char *const options[] = {
	"require-mppe-128", "require-mschap-v2", "refuse-pap", "mtu", "mru", "idle", "pool"};

enum { OPTIONS = sizeof(options) / sizeof(options[0]) };

static void words(void **state)
{
	assert_string_equal(name_of(codes, 3, 1), "Configure-Request");
	assert_string_equal(name_of(codes, 3, 9), "Echo-Request");
	assert_null(name_of(codes, 3, 2));
	assert_null(name_of(codes, 1, 9)); /* behind the end of the table */
	assert_null(name_of(codes, 0, 1));
}

static void check_nearest(const char *wrong, const char *right)
{
	const char *found = name_nearest(options, OPTIONS, wrong);
	if (right)
		assert_string_equal(found, right);
	else
		assert_null(found);
}

static void nearest(void **state)
{
	check_nearest("require-mppe-128", "require-mppe-128");
	check_nearest("require-mppe128", "require-mppe-128");
	check_nearest("requier-mppe-128", "require-mppe-128");
	check_nearest("require-mschap", "require-mschap-v2");
	check_nearest("refuse-papp", "refuse-pap");
	check_nearest("refusepap", "refuse-pap");
	check_nearest("mtuu", "mtu");
	check_nearest("ilde", "idle");
	/* Of equals the first of the table. */
	check_nearest("mxu", "mtu");
}

static void too_far(void **state)
{
	check_nearest("colour", NULL);
	check_nearest("require", NULL);
	check_nearest("xyz", NULL);
	assert_null(name_nearest(options, 0, "mtu"));
}

/* Words of any length are looked at, those beyond the table's bound never match. */
static void long_words(void **state)
{
	char word[200], same[200];
	const char *const table[] = {same};
	memset(word, 'a', sizeof(word));
	memset(same, 'a', sizeof(same));
	word[63] = same[63] = '\0';
	assert_ptr_equal(name_nearest(table, 1, word), same);
	word[63] = 'a';
	word[64] = '\0';
	assert_null(name_nearest(table, 1, word));
	word[63] = '\0';
	same[63] = 'a';
	same[64] = '\0';
	assert_null(name_nearest(table, 1, word));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words),
		cmocka_unit_test(nearest),
		cmocka_unit_test(too_far),
		cmocka_unit_test(long_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
