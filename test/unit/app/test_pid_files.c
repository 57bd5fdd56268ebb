/* Pid files: what is in them, and whose they are. */
#include "expect.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pid_files.h"

static char folder[] = "/tmp/pid-files.XXXXXX";

static void path_to(char path[64], const char *name)
{
	snprintf(path, 64, "%s/%s", folder, name);
}

static const char *text_of(const char *name)
{
	static char text[64];
	char path[64];
	path_to(path, name);
	FILE *file = fopen(path, "r");
	if (!file)
		return NULL;
	text[fread(text, 1, sizeof text - 1, file)] = '\0';
	fclose(file);
	return text;
}

static void test_both_files(void **state)
{
	struct pid_files files = {.folder = folder, .link_name = "up"};
	char expected[64];
	snprintf(expected, sizeof expected, "%d\n", (int)getpid());
	assert_int_equal(pid_files_write(&files, NULL), 0); /* as soon as there is a process */
	assert_string_equal(text_of("ppp-up.pid"), expected);
	assert_int_equal(pid_files_write(&files, "ppp7"), 0);
	assert_string_equal(text_of("ppp7.pid"), expected);
	snprintf(expected, sizeof expected, "%d\nppp7\n", (int)getpid());
	assert_string_equal(text_of("ppp-up.pid"), expected);
	pid_files_remove(&files);
	assert_null(text_of("ppp7.pid"));
	assert_null(text_of("ppp-up.pid"));
	assert_int_equal(rmdir(folder), 0); /* nothing half done stays */
	assert_int_equal(mkdir(folder, 0700), 0);
}

static void test_another_process_has_it_now(void **state)
{
	struct pid_files files = {.folder = folder};
	char path[64];
	assert_int_equal(pid_files_write(&files, "ppp7"), 0);
	path_to(path, "ppp7.pid");
	FILE *file = fopen(path, "w");
	fprintf(file, "%d\n", (int)getppid());
	fclose(file);
	pid_files_remove(&files);
	assert_non_null(text_of("ppp7.pid"));
	unlink(path);
}

static void test_names_that_lead_elsewhere(void **state)
{
	struct pid_files files = {.folder = folder, .link_name = "../up"};
	assert_int_equal(pid_files_write(&files, NULL), -EINVAL);
	pid_files_remove(&files);
}

static void test_a_link_is_replaced(void **state)
{
	struct pid_files files = {.folder = folder};
	char path[64], victim[64];
	path_to(path, "ppp7.pid");
	path_to(victim, "victim");
	fclose(fopen(victim, "w"));
	assert_int_equal(symlink(victim, path), 0);
	assert_int_equal(pid_files_write(&files, "ppp7"), 0);
	assert_string_equal(text_of("victim"), "");
	pid_files_remove(&files);
	unlink(victim);
}

static void test_no_folder(void **state)
{
	struct pid_files files = {.folder = "/nowhere", .link_name = "up"};
	assert_int_equal(pid_files_write(&files, "ppp7"), -ENOENT);
	assert_string_equal(files.interface, "");
	pid_files_remove(&files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_files),
		cmocka_unit_test(test_another_process_has_it_now),
		cmocka_unit_test(test_names_that_lead_elsewhere),
		cmocka_unit_test(test_a_link_is_replaced),
		cmocka_unit_test(test_no_folder),
	};
	assert(mkdtemp(folder));
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(folder);
	return failed;
}
