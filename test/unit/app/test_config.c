/* The INI grammar: every fault with its line and column, and values byte for byte. */
#include "expect.h"

#include <stdio.h>
#include <stdlib.h>

#include "config.h"

struct taken {
	char text[4096];
};

static void on_section(void *context, const char *name, const struct place *at)
{
	struct taken *taken = context;
	size_t used = strlen(taken->text);
	snprintf(taken->text + used, sizeof taken->text - used, "[%s]", name);
}

static void on_entry(void *context, const struct config_entry *entry)
{
	struct taken *taken = context;
	size_t used = strlen(taken->text);
	snprintf(taken->text + used, sizeof taken->text - used, entry->bare ? "(%s)" : "(%s=%s)",
		entry->key, entry->value);
}

static void parse(const char *bytes, size_t length, struct taken *taken, struct heard *heard)
{
	*taken = (struct taken){""};
	struct config_sink sink = {on_section, on_entry, taken};
	/* Exactly as long as it is, so that a read past the end is seen. */
	char *exact = malloc(length ? length : 1);
	assert_non_null(exact);
	memcpy(exact, bytes, length);
	config_parse("f", exact, length, &sink, hear(heard));
	free(exact);
}

static void expect(const char *bytes, const char *entries, const char *faults)
{
	struct taken taken;
	struct heard heard;
	parse(bytes, strlen(bytes), &taken, &heard);
	assert_string_equal(taken.text, entries);
	assert_string_equal(heard.text, faults);
}

static void test_entries(void **state)
{
	expect("", "", "");
	expect("\n\n  # a\n;b\n", "", "");
	expect("a=1\n[server]\n b = 2 \nflag\r\n", "(a=1)[server](b=2)(flag)", "");
	expect("a = 1\na = 2", "(a=1)(a=2)", "");
	expect("a =", "(a=)", "");
	expect("[ ppp ]", "[ppp]", "");
	expect("p = a;b#c", "(p=a;b#c)", "");
	expect("p = two words", "(p=two words)", "");
}

static void test_quotes(void **state)
{
	expect("p = \" a # b ; c \"", "(p= a # b ; c )", "");
	expect("p = \"a\\\"b\\\\c\\n\"", "(p=a\"b\\c\n)", "");
	expect("p = 'a\\n\"'", "(p=a\\n\")", "");
	expect("p = it's", "(p=it's)", "");
	expect("p = \"open", "", "f:1:5: this quote is not closed on its line\n");
	expect("p = \"a\" b", "", "f:1:9: unexpected text after the closing quote\n");
	expect("p = \"a\\q\"", "",
		"f:1:7: a backslash inside double quotes stands before \" \\ n or t\n");
	expect("p = \"a\\", "",
		"f:1:7: a backslash inside double quotes stands before \" \\ n or t\n");
}

static void test_faults(void **state)
{
	expect("a 1\n", "", "f:1:3: '=' is expected behind 'a'\n");
	expect("\n  = 1\n", "", "f:2:3: a key is expected here\n");
	expect("[", "[]", "f:1:2: a section name is expected here\n");
	expect("[a", "[a]", "f:1:3: ']' is missing behind the section name\n");
	expect("[a] b", "[a]", "f:1:5: unexpected text after the section heading\n");
	expect("a = 1 # b", "",
		"f:1:7: is this a comment? Put it on a line of its own, or the value in quotes\n");
	/* One fault does not hide the next, nor the entry behind it. */
	expect("a 1\nb = 2\nc 3", "(b=2)",
		"f:1:3: '=' is expected behind 'a'\nf:3:3: '=' is expected behind 'c'\n");
}

static void test_nul(void **state)
{
	struct taken taken;
	struct heard heard;
	parse("a = b\0c\nd = e", 13, &taken, &heard);
	assert_string_equal(taken.text, "(d=e)");
	assert_string_equal(heard.text, "f:1:6: a NUL byte: this is not a text file\n");
}

/* One byte more than fits is a fault, never a cut (the class of CVE-2014-3158). */
static void test_lengths(void **state)
{
	char line[CONFIG_VALUE_MAX + 64];
	struct taken taken;
	struct heard heard;
	memset(line, 'x', sizeof line);
	memcpy(line, "k = ", 4);
	parse(line, 4 + CONFIG_VALUE_MAX, &taken, &heard);
	assert_int_equal(heard.faults.count, 0);
	parse(line, 4 + CONFIG_VALUE_MAX + 1, &taken, &heard);
	assert_string_equal(heard.text, "f:1:4100: this value is longer than 4095 bytes\n");
	memset(line, 'k', CONFIG_NAME_MAX + 1);
	parse(line, CONFIG_NAME_MAX, &taken, &heard);
	assert_int_equal(heard.faults.count, 0);
	parse(line, CONFIG_NAME_MAX + 1, &taken, &heard);
	assert_string_equal(heard.text, "f:1:1: this key is longer than 63 characters\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_quotes),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_lengths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
