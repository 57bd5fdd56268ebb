/* The state file: what is in it, whose it is, and what undoing leaves behind. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "resolv.h"
#include "state.h"

static char directory[64];
static char path[128], resolv[128], backup[128];

static void slurp(const char *file, char *at, size_t size)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	ssize_t got = read(fd, at, size - 1);
	assert_true(got >= 0);
	at[got] = '\0';
	close(fd);
}

static void spill(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static int make_directory(void **state)
{
	strcpy(directory, "/tmp/greyline-state-XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/run/test.state", directory);
	snprintf(resolv, sizeof(resolv), "%s/resolv.conf", directory);
	snprintf(backup, sizeof(backup), "%s/backup", directory);
	return 0;
}

static int remove_directory(void **state)
{
	char command[128];
	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	return system(command);
}

static void test_lines_are_on_disk(void **state)
{
	struct state s;
	char text[512], expected[512];
	assert_int_equal(state_age(path, NULL), STATE_NONE);
	assert_int_equal(state_open(&s, path, getpid(), NULL, NULL), 0);
	assert_int_equal(state_record(&s, "one 1"), 0);
	assert_int_equal(state_record(&s, "two 2"), 0);
	assert_int_equal(state_record(&s, "one 1"), 0); /* once is enough */
	assert_int_equal(state_record(&s, "broken\nline"), -EINVAL);
	slurp(path, text, sizeof(text));
	snprintf(expected, sizeof(expected), "greyline-state 1\nowner %d %llu\none 1\ntwo 2\n",
		getpid(), (unsigned long long)process_started(getpid()));
	assert_string_equal(text, expected);
	assert_true(state_has(&s, "two 2"));
	assert_string_equal(state_find(&s, "on"), "one 1");
	assert_null(state_find(&s, "three"));
	assert_int_equal(state_forget(&s, "one 1"), 0);
	assert_int_equal(state_forget(&s, "never there"), 0);
	slurp(path, text, sizeof(text));
	assert_null(strstr(text, "one 1"));
	state_remove(&s);
	assert_int_equal(state_age(path, NULL), STATE_NONE);
	state_close(&s);
}

static void test_a_live_owner_is_left_alone(void **state)
{
	struct state mine, theirs;
	pid_t owner;
	assert_int_equal(state_open(&mine, path, getpid(), NULL, NULL), 0);
	pid_t child = fork();
	if (child == 0)
		_exit(state_open(&theirs, path, getpid(), NULL, NULL) == -EBUSY &&
					theirs.owner == getppid()
				? 0
				: 1);
	int status;
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	assert_int_equal(state_age(path, &owner), STATE_LIVE);
	assert_int_equal(owner, getpid());
	state_remove(&mine);
	state_close(&mine);
}

/* A pid that lives again with another start time is another process. */
static void test_a_reused_pid_is_stale(void **state)
{
	char text[128];
	snprintf(text, sizeof(text), "greyline-state 1\nowner %d %llu\n", getppid(),
		(unsigned long long)process_started(getppid()) + 1);
	mkdir((snprintf(backup, sizeof(backup), "%s/run", directory), backup), 0755);
	spill(path, text);
	assert_int_equal(state_age(path, NULL), STATE_STALE);
	snprintf(text, sizeof(text), "greyline-state 1\nowner %d %llu\n", getppid(),
		(unsigned long long)process_started(getppid()));
	spill(path, text);
	assert_int_equal(state_age(path, NULL), STATE_LIVE);
	spill(path, "no such thing\n");
	assert_int_equal(state_age(path, NULL), STATE_STALE);
	spill(path, "");
	assert_int_equal(state_age(path, NULL), STATE_STALE);
}

/* The next process may claim the file before the helper of the last one is done with it. */
static void test_a_claimed_file_is_left_alone(void **state)
{
	struct state old, fresh;
	char before[512], after[512];
	int status;
	pid_t gone = fork();
	if (gone == 0)
		_exit(0);
	waitpid(gone, &status, 0);
	assert_int_equal(state_open(&old, path, gone, NULL, NULL), 0);
	assert_int_equal(state_record(&old, "nonsense here"), 0);
	assert_int_equal(state_open(&fresh, path, getpid(), NULL, NULL), 0);
	assert_int_equal(fresh.count, 0);
	assert_int_equal(state_record(&fresh, "nft another"), 0);
	slurp(path, before, sizeof(before));
	assert_int_equal(state_undo(&old, NULL, NULL), 0);
	assert_int_equal(old.count, 0);
	state_remove(&old);
	slurp(path, after, sizeof(after));
	assert_string_equal(before, after);
	state_close(&old);
	assert_int_equal(state_forget(&fresh, "nft another"), 0);
	state_remove(&fresh);
	assert_int_equal(access(path, F_OK), -1);
	state_close(&fresh);
}

static void refuse_file(int expected)
{
	struct state s;
	assert_int_equal(state_age(path, NULL), STATE_STALE);
	assert_int_equal(state_open(&s, path, getpid(), NULL, NULL), expected);
	assert_int_equal(access(resolv, F_OK), 0);
}

/* Root carries out what the file says: nobody else may have had a say in it. */
static void test_a_file_of_others_is_not_obeyed(void **state)
{
	char text[512], real[160];
	mkdir((snprintf(text, sizeof(text), "%s/run", directory), text), 0755);
	spill(resolv, "# greyline: name servers of the tunnel, until it goes down\n");
	snprintf(text, sizeof(text), "greyline-state 1\nowner 999999999 1\ndns %s none\n", resolv);
	spill(path, text);
	assert_int_equal(chmod(path, 0646), 0);
	refuse_file(-EPERM);
	assert_int_equal(chmod(path, 0644), 0);
	snprintf(real, sizeof(real), "%s/real", directory);
	assert_int_equal(rename(path, real), 0);
	assert_int_equal(symlink(real, path), 0);
	refuse_file(-ELOOP);
	unlink(path);
	assert_int_equal(rename(real, path), 0);
	struct state s;
	if (geteuid() == 0 && chown(path, 1, 1) == 0)
		refuse_file(-EPERM);
	assert_int_equal(geteuid() == 0 ? chown(path, 0, 0) : 0, 0);
	assert_int_equal(state_open(&s, path, getpid(), NULL, NULL), 0);
	assert_int_equal(access(resolv, F_OK), -1);
	state_close(&s);
}

struct log {
	char text[1024];
	unsigned lines;
};

static void keep(void *context, const char *line)
{
	struct log *log = context;
	log->lines++;
	strncat(log->text, line, sizeof(log->text) - strlen(log->text) - 2);
	strcat(log->text, "\n");
}

/* What a killed process left is undone by the next, the newest change first; what cannot be undone
 * is said and does not stop the rest. */
static void test_stale_is_undone(void **state)
{
	char text[512];
	struct state s;
	struct log log = {.lines = 0};
	mkdir((snprintf(text, sizeof(text), "%s/run", directory), text), 0755);
	spill(resolv, "# greyline: name servers of the tunnel, until it goes down\n"
		      "nameserver 10.9.0.1\n");
	spill(backup, "nameserver 192.0.2.53\n");
	snprintf(text, sizeof(text),
		"greyline-state 1\nowner 999999999 1\ndns %s file %s\nsysctl kernel.panic 1\n"
		"nonsense here\nroute bad\nnft bad;name\n",
		resolv, backup);
	spill(path, text);
	assert_int_equal(state_open(&s, path, getpid(), keep, &log), 0);
	assert_int_equal(log.lines, 5); /* what it does, and four that cannot be */
	assert_true(strstr(log.text, "bad;name") < strstr(log.text, "kernel.panic"));
	slurp(resolv, text, sizeof(text));
	assert_string_equal(text, "nameserver 192.0.2.53\n");
	assert_int_equal(access(backup, F_OK), -1);
	assert_int_equal(s.count, 0);
	assert_int_equal(state_age(path, NULL), STATE_LIVE);
	state_remove(&s);
	state_close(&s);
}

static void test_the_directory_cannot_be_made(void **state)
{
	struct state s;
	snprintf(path, sizeof(path), "%s/no/such/dir/x.state", directory);
	assert_int_equal(state_open(&s, path, getpid(), NULL, NULL), -ENOENT);
	snprintf(path, sizeof(path), "%s/run/test.state", directory);
}

static void replace_and_restore(void)
{
	struct address servers[2] = {address_ipv4(0x0a090001), {.family = 6, .bytes = {0x20, 1}}};
	char line[STATE_LINE_SIZE], text[512];
	assert_int_equal(resolv_save(resolv, backup, line, sizeof(line)), 0);
	assert_int_equal(strncmp(line, "dns ", 4), 0);
	assert_int_equal(resolv_write(resolv, servers, 2, "a.example\noptions x"), -EINVAL);
	assert_int_equal(resolv_write(resolv, servers, 2, "a.example b-c.net"), 0);
	slurp(resolv, text, sizeof(text));
	assert_string_equal(text, "# greyline: name servers of the tunnel, until it goes down\n"
				  "search a.example b-c.net\n"
				  "nameserver 10.9.0.1\nnameserver 2001::\n");
	assert_int_equal(resolv_restore(line + 4), 0);
	assert_int_equal(access(backup, F_OK), -1);
}

static void test_dns_file(void **state)
{
	char text[512];
	spill(resolv, "nameserver 1.2.3.4\nsearch example.org\n");
	replace_and_restore();
	slurp(resolv, text, sizeof(text));
	assert_string_equal(text, "nameserver 1.2.3.4\nsearch example.org\n");
}

static void test_dns_link(void **state)
{
	char target[256] = "", real[160], text[512];
	snprintf(real, sizeof(real), "%s/real", directory);
	spill(real, "nameserver 5.6.7.8\n");
	unlink(resolv);
	assert_int_equal(symlink("real", resolv), 0);
	replace_and_restore();
	assert_int_equal(readlink(resolv, target, sizeof(target) - 1), 4);
	assert_string_equal(target, "real");
	slurp(real, text, sizeof(text));
	assert_string_equal(text, "nameserver 5.6.7.8\n");
}

/* Where the backup should be lies a link to somewhere else: neither written through nor read. */
static void test_dns_backup_is_no_link(void **state)
{
	char other[160], line[STATE_LINE_SIZE], text[512];
	struct address server = address_ipv4(0x0a090001);
	snprintf(other, sizeof(other), "%s/other", directory);
	spill(other, "precious\n");
	spill(resolv, "nameserver 1.2.3.4\n");
	assert_int_equal(symlink(other, backup), 0);
	assert_int_equal(resolv_save(resolv, backup, line, sizeof(line)), 0);
	slurp(other, text, sizeof(text));
	assert_string_equal(text, "precious\n");
	assert_int_equal(resolv_write(resolv, &server, 1, ""), 0);
	unlink(backup);
	assert_int_equal(symlink(other, backup), 0);
	assert_int_equal(resolv_restore(line + 4), -ELOOP);
	slurp(resolv, text, sizeof(text));
	assert_null(strstr(text, "precious"));
}

static void test_dns_none(void **state)
{
	unlink(resolv);
	replace_and_restore();
	assert_int_equal(access(resolv, F_OK), -1);
}

/* A resolver or DHCP client wrote its own meanwhile: that one stays. */
static void test_dns_changed_by_others(void **state)
{
	struct address server = address_ipv4(0x0a090001);
	char line[STATE_LINE_SIZE], text[512];
	spill(resolv, "nameserver 1.2.3.4\n");
	assert_int_equal(resolv_save(resolv, backup, line, sizeof(line)), 0);
	assert_int_equal(resolv_write(resolv, &server, 1, ""), 0);
	spill(resolv, "nameserver 9.9.9.9\n");
	assert_int_equal(resolv_restore(line + 4), 0);
	slurp(resolv, text, sizeof(text));
	assert_string_equal(text, "nameserver 9.9.9.9\n");
	assert_int_equal(access(backup, F_OK), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_lines_are_on_disk),
		TEST(test_a_live_owner_is_left_alone),
		TEST(test_a_reused_pid_is_stale),
		TEST(test_a_claimed_file_is_left_alone),
		TEST(test_a_file_of_others_is_not_obeyed),
		TEST(test_stale_is_undone),
		TEST(test_the_directory_cannot_be_made),
		TEST(test_dns_file),
		TEST(test_dns_link),
		TEST(test_dns_backup_is_no_link),
		TEST(test_dns_none),
		TEST(test_dns_changed_by_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
