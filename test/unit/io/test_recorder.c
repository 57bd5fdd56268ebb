/* Recording a line: what passes is passed, and what is in the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "recorder.h"

static char path[] = "/tmp/greyline-record.XXXXXX";

static void make_file(void)
{
	strcpy(path + strlen(path) - 6, "XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
}

static void expect_read(int fd, const char *text)
{
	char bytes[64] = "";
	size_t got = 0, length = strlen(text);
	while (got < length) {
		ssize_t more = read(fd, bytes + got, length - got);
		assert_true(more > 0);
		got += (size_t)more;
	}
	assert_string_equal(bytes, text);
}

/* The marks without the times between them. */
static size_t marks_of(uint8_t *bytes, size_t size)
{
	FILE *file = fopen(path, "r");
	uint8_t raw[256];
	assert_non_null(file);
	size_t length = fread(raw, 1, sizeof(raw), file), used = 0;
	fclose(file);
	assert_true(length >= 5 && raw[0] == 7);
	for (size_t at = 5; at < length;) {
		size_t step = raw[at] == 6 ? 2 : raw[at] == 5 ? 5 : 1;
		if (step > 1) {
			at += step;
			continue;
		}
		if (raw[at] <= 2)
			step = 3 + ((size_t)raw[at + 1] << 8 | raw[at + 2]);
		assert_true(at + step <= length && used + step <= size);
		memcpy(bytes + used, raw + at, step);
		used += step;
		at += step;
	}
	return used;
}

static void test_both_ways(void **state)
{
	int line[2], end;
	uint8_t marks[64];
	static const uint8_t expected[] = {
		1, 0, 5, 'h', 'e', 'l', 'l', 'o', 2, 0, 3, 'y', 'e', 's', 4};
	make_file();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line), 0);
	pid_t pid = recorder_start(path, line[0], line[0], false, &end);
	assert_true(pid > 0);
	close(line[0]);
	assert_int_equal(write(end, "hello", 5), 5);
	expect_read(line[1], "hello");
	assert_int_equal(write(line[1], "yes", 3), 3);
	expect_read(end, "yes");
	close(line[1]); /* the line hangs up, and so does the recorder */
	char nothing;
	assert_int_equal(read(end, &nothing, 1), 0);
	recorder_stop(pid);
	close(end);
	assert_int_equal(marks_of(marks, sizeof(marks)), sizeof(expected));
	assert_memory_equal(marks, expected, sizeof(expected));
	unlink(path);
}

/* Frames stay frames, and the user's end ends it too. */
static void test_frames(void **state)
{
	int line[2], end;
	char bytes[16];
	make_file();
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line), 0);
	pid_t pid = recorder_start(path, line[0], line[0], true, &end);
	close(line[0]);
	assert_int_equal(write(end, "one", 3), 3);
	assert_int_equal(write(end, "second", 6), 6);
	assert_int_equal(read(line[1], bytes, sizeof(bytes)), 3);
	assert_int_equal(read(line[1], bytes, sizeof(bytes)), 6);
	close(end);
	assert_int_equal(read(line[1], bytes, sizeof(bytes)), 0);
	recorder_stop(pid);
	close(line[1]);
	unlink(path);
}

static void test_no_file(void **state)
{
	int end = -1;
	assert_true(recorder_start("/nowhere/record", 0, 1, false, &end) < 0);
	assert_int_equal(end, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_no_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
