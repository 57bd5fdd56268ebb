/* Terminals: ptys as serial ports, scripts on them, lock files, commands at the other end, and
 * standard input. A pty takes any speed and has no carrier. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "line.h"
#include "tty.h"

struct lab {
	int master, slave;
	char name[64], locks[64], lock[128];
	char said[1024];
	struct tty_config config;
	struct tty_fault fault;
	struct tty *tty;
};

static void say(void *context, const char *line)
{
	struct lab *lab = context;
	size_t used = strlen(lab->said);
	snprintf(lab->said + used, sizeof(lab->said) - used, "%s\n", line);
}

static struct termios terms_of(int fd)
{
	struct termios terms;
	assert_int_equal(tcgetattr(fd, &terms), 0);
	return terms;
}

static int setup(void **state)
{
	struct lab *lab = calloc(1, sizeof(*lab));
	assert_non_null(lab);
	assert_int_equal(openpty(&lab->master, &lab->slave, lab->name, NULL, NULL), 0);
	struct termios silent = terms_of(lab->slave);
	silent.c_lflag &= ~(tcflag_t)ECHO; /* of what a test writes before there is a reader */
	assert_int_equal(tcsetattr(lab->slave, TCSANOW, &silent), 0);
	fcntl(lab->master, F_SETFD, FD_CLOEXEC);
	fcntl(lab->slave, F_SETFD, FD_CLOEXEC);
	strcpy(lab->locks, "/tmp/greyline-locks-XXXXXX");
	assert_non_null(mkdtemp(lab->locks));
	snprintf(lab->lock, sizeof(lab->lock), "%s/LCK..pts_%s", lab->locks,
		strrchr(lab->name, '/') + 1);
	lab->config = (struct tty_config){.device = lab->name,
		.lock_dir = lab->locks,
		.messages = -1,
		.cancel = -1,
		.log = say,
		.context = lab};
	*state = lab;
	return 0;
}

static int teardown(void **state)
{
	struct lab *lab = *state;
	assert_int_equal(rmdir(lab->locks), 0); /* nothing is left in it */
	close(lab->master);
	close(lab->slave);
	free(lab);
	return 0;
}

static int open_tty(struct lab *lab)
{
	lab->fault = (struct tty_fault){0};
	return tty_open(&lab->tty, &lab->config, &lab->fault);
}

static void assert_same_terms(const struct termios *a, const struct termios *b)
{
	assert_int_equal(a->c_iflag, b->c_iflag);
	assert_int_equal(a->c_oflag, b->c_oflag);
	assert_int_equal(a->c_cflag, b->c_cflag);
	assert_int_equal(a->c_lflag, b->c_lflag);
	assert_memory_equal(a->c_cc, b->c_cc, sizeof(a->c_cc));
	assert_int_equal(cfgetospeed(a), cfgetospeed(b));
}

static void expect_bytes(int fd, const char *expected)
{
	char got[256] = "";
	size_t length = 0;
	while (length < strlen(expected)) {
		struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
		assert_int_equal(poll(&poll_fd, 1, 5000), 1);
		ssize_t more = read(fd, got + length, sizeof(got) - 1 - length);
		assert_true(more > 0);
		length += (size_t)more;
	}
	assert_string_equal(got, expected);
}

static void expect_silence(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	assert_int_equal(poll(&poll_fd, 1, 0), 0);
}

static void raw_and_back(void **state)
{
	struct lab *lab = *state;
	struct termios before = terms_of(lab->slave);
	lab->config.speed = 250000; /* none that termios(3) has a name for */
	lab->config.flow = TTY_FLOW_RTSCTS;
	lab->config.stop_bits = 2;
	lab->config.modem = true;
	assert_int_equal(open_tty(lab), 0);
	assert_int_equal(tty_speed(lab->tty), 250000);
	assert_string_equal(tty_name(lab->tty), lab->name);
	assert_int_equal(tty_input(lab->tty), tty_output(lab->tty));
	struct termios during = terms_of(lab->slave);
	assert_int_equal(during.c_lflag, 0);
	assert_int_equal(during.c_oflag, 0);
	assert_int_equal(during.c_iflag, IGNBRK | IGNPAR);
	assert_int_equal(during.c_cflag & (CSIZE | CREAD | PARENB | CLOCAL | HUPCL | CRTSCTS),
		CS8 | CREAD | HUPCL | CRTSCTS);
	/* What a modem is told in the last moment is not eaten by the settings that were. */
	assert_true(tty_carrier(lab->slave));
	assert_int_equal(tty_queue(lab->tty), 250000 / 10 / 5);
	tty_close(lab->tty, false);
	struct termios after = terms_of(lab->slave);
	assert_same_terms(&after, &before);
}

static void flow_and_carrier(void **state)
{
	struct lab *lab = *state;
	lab->config.flow = TTY_FLOW_XONXOFF;
	lab->config.speed = 921600;
	assert_int_equal(open_tty(lab), 0);
	struct termios during = terms_of(lab->slave);
	assert_int_equal(during.c_iflag, IGNBRK | IGNPAR | IXON | IXOFF);
	assert_int_equal(during.c_cc[VSTART], 0x11);
	assert_int_equal(during.c_cc[VSTOP], 0x13);
	assert_int_equal(during.c_cflag & (CLOCAL | HUPCL | CRTSCTS), CLOCAL);
	assert_int_equal(tty_queue(lab->tty), 921600 / 10 / 5);
	tty_close(lab->tty, false);
	lab->config.speed = 9600;
	assert_int_equal(open_tty(lab), 0);
	assert_int_equal(tty_queue(lab->tty), LINE_QUEUE_MIN);
	tty_close(lab->tty, false);
	/* As the port has it, or not at all. */
	struct termios terms = terms_of(lab->slave);
	terms.c_cflag |= CRTSCTS;
	assert_int_equal(tcsetattr(lab->slave, TCSANOW, &terms), 0);
	for (unsigned off = 0; off < 2; off++) {
		lab->config.flow = off ? TTY_FLOW_NONE : TTY_FLOW_LEAVE;
		assert_int_equal(open_tty(lab), 0);
		assert_int_equal(terms_of(lab->slave).c_cflag & CRTSCTS, off ? 0 : CRTSCTS);
		tty_close(lab->tty, false);
	}
}

static void what_is_no_port(void **state)
{
	struct lab *lab = *state;
	lab->config.device = "/dev/no-such-port";
	assert_int_equal(open_tty(lab), -ENOENT);
	assert_int_equal(lab->fault.exit_code, 7);
	assert_string_equal(
		lab->fault.words, "Couldn't open /dev/no-such-port: No such file or directory");
	lab->config.device = "null";
	assert_int_equal(open_tty(lab), -ENOTTY);
	assert_int_equal(lab->fault.exit_code, 7);
	assert_string_equal(lab->fault.words, "/dev/null is not a terminal");
}

/* The scripts see the port, know its name and speed, and run in pppd's order. */
static void scripts(void **state)
{
	struct lab *lab = *state;
	lab->config.speed = 57600;
	lab->config.modem = true;
	lab->config.environment = (const char *const[]){"NUMBER=42", NULL};
	/* CLOCAL is on while they run. */
	lab->config.init = "stty -a | grep -q ' clocal' && echo init";
	lab->config.connect = "echo dial $NUMBER $SPEED; read answer; test \"$answer\" = CONNECT";
	lab->config.welcome = "echo hello $DEVICE $HOME; exit 7";
	lab->config.disconnect = "echo bye";
	assert_int_equal(write(lab->master, "CONNECT\n", 8), 8);
	int cancel[2];
	assert_int_equal(pipe(cancel), 0);
	lab->config.cancel = cancel[0];
	assert_int_equal(open_tty(lab), 0);
	char expected[128];
	snprintf(expected, sizeof(expected), "init\ndial 42 57600\nhello %s\n", lab->name);
	expect_bytes(lab->master, expected);
	assert_string_equal(lab->said, "Serial port initialized.\n"
				       "Serial connection established.\n"
				       "Welcome script failed: exit status 7\n");
	assert_int_equal(terms_of(lab->slave).c_cflag & (CLOCAL | HUPCL), HUPCL);
	close(cancel[1]); /* what ends the session does not end the good-bye */
	tty_close(lab->tty, false);
	close(cancel[0]);
	expect_bytes(lab->master, "bye\n");
	assert_non_null(strstr(lab->said, "Serial link disconnected.\n"));
}

static void nobody_to_say_goodbye_to(void **state)
{
	struct lab *lab = *state;
	lab->config.disconnect = "echo bye";
	assert_int_equal(open_tty(lab), 0);
	tty_close(lab->tty, true);
	expect_silence(lab->master);
}

/* How a script failed, in words; and the port is as it was. */
static void failures(void **state)
{
	static const struct {
		const char *script;
		int result, exit_code;
		const char *words;
	} cases[] = {
		{"exit 9", -EIO, 8, "Connect script failed: exit status 9"},
		{"kill -9 $$", -EIO, 8, "Connect script failed: killed by signal 9 (Killed)"},
		{"no-such-command-here", -EIO, 8,
			"Connect script failed: exit status 127: the shell found no such command"},
		{"trap '' TERM; sleep 100 & while true; do sleep 1; done", -ETIMEDOUT, 8,
			"Connect script failed: it took longer than 1 seconds and was ended"},
	};
	struct lab *lab = *state;
	struct termios before = terms_of(lab->slave);
	lab->config.script_seconds = 1;
	lab->config.lock = true;
	lab->config.disconnect = "echo bye";
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		lab->config.connect = cases[n].script;
		assert_int_equal(open_tty(lab), cases[n].result);
		assert_int_equal(lab->fault.exit_code, cases[n].exit_code);
		assert_string_equal(lab->fault.words, cases[n].words);
	}
	lab->config.device = lab->name;
	lab->config.connect = NULL;
	lab->config.init = "exit 1";
	lab->config.modem = false;
	assert_int_equal(open_tty(lab), -EIO);
	assert_int_equal(lab->fault.exit_code, 18);
	assert_string_equal(lab->fault.words, "Initializer script failed: exit status 1");
	struct termios after = terms_of(lab->slave);
	assert_same_terms(&after, &before);
	assert_int_equal(access(lab->lock, F_OK), -1);
	expect_silence(lab->master);
}

/* A modem: for each line that comes, the next answer. */
static pid_t modem(struct lab *lab, const char *const *answers)
{
	pid_t pid = fork();
	if (pid)
		return pid;
	for (char byte; *answers && read(lab->master, &byte, 1) == 1;)
		if (byte == '\r' && write(lab->master, *answers, strlen(*answers)) > 0)
			answers++;
	_exit(0);
}

/* chat(8) itself, where it is installed. */
static void chat(void **state)
{
	struct lab *lab = *state;
	if (access("/usr/sbin/chat", X_OK) < 0)
		skip();
	lab->config.connect = "/usr/sbin/chat ABORT BUSY '' ATZ OK ATDT5551 CONNECT ''";
	pid_t pid = modem(lab,
		(const char *const[]){"ATZ\r\r\nOK\r\n", "ATDT5551\r\r\nCONNECT 9600\r\n", NULL});
	assert_int_equal(open_tty(lab), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	tty_close(lab->tty, true);
	lab->config.connect = "chat ABORT 'NO CARRIER' ABORT BUSY '' ATZ OK ATDT5551 CONNECT";
	pid = modem(lab, (const char *const[]){"OK\r\n", "BUSY\r\n", NULL});
	assert_int_equal(open_tty(lab), -EIO);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_string_equal(lab->fault.words,
		"Connect script failed: exit status 5: ABORT string number 2 of chat came");
	lab->config.connect = "exec /usr/sbin/chat -t 1 NEVER ''";
	assert_int_equal(open_tty(lab), -EIO);
	assert_string_equal(lab->fault.words,
		"Connect script failed: exit status 3: what chat expected did not come in time");
}

static void cancelled(void **state)
{
	struct lab *lab = *state;
	int cancel[2];
	assert_int_equal(pipe(cancel), 0);
	assert_int_equal(write(cancel[1], "", 1), 1);
	lab->config.cancel = cancel[0];
	lab->config.connect = "sleep 100";
	assert_int_equal(open_tty(lab), -ECANCELED);
	assert_int_equal(lab->fault.exit_code, 5);
	close(cancel[0]);
	close(cancel[1]);
}

static void write_lock(struct lab *lab, const void *bytes, size_t length)
{
	int fd = open(lab->lock, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), length);
	close(fd);
}

static void assert_locked_by(struct lab *lab, pid_t pid)
{
	char got[32] = "", expected[32];
	int fd = open(lab->lock, O_RDONLY);
	assert_true(fd >= 0);
	assert_true(read(fd, got, sizeof(got) - 1) > 0);
	close(fd);
	snprintf(expected, sizeof(expected), "%10d\n", (int)pid);
	assert_string_equal(got, expected);
}

static pid_t dead_process(void)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return pid;
}

static void locks(void **state)
{
	struct lab *lab = *state;
	char digits[16];
	lab->config.lock = true;
	assert_int_equal(open_tty(lab), 0);
	assert_locked_by(lab, getpid());
	struct tty *first = lab->tty;
	assert_int_equal(open_tty(lab), -EBUSY);
	assert_int_equal(lab->fault.exit_code, 6);
	char expected[TTY_WORDS];
	snprintf(expected, sizeof(expected), "Couldn't lock %s: process %d has it (%s)", lab->name,
		(int)getpid(), lab->lock);
	assert_string_equal(lab->fault.words, expected);
	assert_locked_by(lab, getpid());
	tty_close(first, false);
	assert_int_equal(access(lab->lock, F_OK), -1);

	/* One whose process is gone, in digits and in the old way. */
	int gone = dead_process();
	for (unsigned old = 0; old < 2; old++) {
		int length = snprintf(digits, sizeof(digits), "%10d\n", gone);
		write_lock(lab, old ? (void *)&gone : digits, old ? sizeof(gone) : (size_t)length);
		lab->said[0] = '\0';
		assert_int_equal(open_tty(lab), 0);
		snprintf(expected, sizeof(expected), "Removed stale lock on %s (pid %d)\n",
			lab->name + 5, gone);
		assert_string_equal(lab->said, expected);
		assert_locked_by(lab, getpid());
		tty_close(lab->tty, false);
	}
	/* One that is just being written is somebody's, one that has been so for long is not. */
	write_lock(lab, "", 0);
	assert_int_equal(open_tty(lab), -EBUSY);
	struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	assert_int_equal(utimensat(AT_FDCWD, lab->lock, times, 0), 0);
	assert_int_equal(open_tty(lab), 0);
	tty_close(lab->tty, false);
	lab->config.lock_dir = "/no/such/folder";
	assert_int_equal(open_tty(lab), -ENOENT);
	assert_int_equal(lab->fault.exit_code, 6);
}

/* A command at the other end of a pty: every byte comes back as it went. */
static void command(void **state)
{
	struct lab *lab = *state;
	uint8_t sent[256], got[256];
	lab->config.device = NULL;
	lab->config.command = "exec cat";
	assert_int_equal(open_tty(lab), 0);
	assert_memory_equal(tty_name(lab->tty), "/dev/pts/", 9);
	assert_int_equal(tty_queue(lab->tty), 0);
	int fd = tty_input(lab->tty);
	for (unsigned n = 0; n < 256; n++)
		sent[n] = (uint8_t)n;
	assert_int_equal(write(fd, sent, 256), 256);
	for (size_t length = 0; length < 256;) {
		ssize_t more = read(fd, got + length, 256 - length);
		assert_true(more > 0);
		length += (size_t)more;
	}
	assert_memory_equal(got, sent, 256);
	tty_close(lab->tty, false);

	lab->config.command = "echo done; read answer";
	assert_int_equal(open_tty(lab), 0);
	fd = tty_input(lab->tty);
	expect_bytes(fd, "done\n");
	assert_int_equal(write(fd, "\n", 1), 1);
	assert_true(read(fd, got, 1) <= 0); /* hung up */
	tty_close(lab->tty, true);

	/* One that does not end by itself is ended. */
	lab->config.command = "trap '' HUP; while true; do sleep 1; done";
	assert_int_equal(open_tty(lab), 0);
	tty_close(lab->tty, true);
}

static void command_by_packets(void **state)
{
	struct lab *lab = *state;
	uint8_t got[64];
	lab->config.device = NULL;
	lab->config.sync = true;
	lab->config.command = "exec cat";
	assert_int_equal(open_tty(lab), 0);
	assert_string_equal(tty_name(lab->tty), "");
	int fd = tty_input(lab->tty);
	assert_int_equal(write(fd, "abc", 3), 3);
	assert_int_equal(write(fd, "defgh", 5), 5);
	assert_int_equal(read(fd, got, sizeof(got)), 3);
	assert_int_equal(read(fd, got, sizeof(got)), 5);
	tty_close(lab->tty, false);
}

/* Frames instead of bytes need a line discipline, which is there or is missed by name. */
static void frames_from_a_port(void **state)
{
	struct lab *lab = *state;
	struct termios before = terms_of(lab->slave);
	lab->config.sync = true;
	int failed = open_tty(lab);
	if (failed) {
		assert_int_equal(lab->fault.exit_code, 7);
		assert_non_null(strstr(lab->fault.words, "N_HDLC"));
	} else {
		tty_close(lab->tty, false);
	}
	struct termios after = terms_of(lab->slave);
	assert_same_terms(&after, &before);
}

/* Runs `test` in a process whose standard input and output are these; its status is the answer. */
static int with_standard(int in, int out, int (*test)(struct lab *lab), struct lab *lab)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		dup2(in, 0);
		dup2(out, 1);
		_exit(test(lab));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int try_terminal(struct lab *lab)
{
	if (open_tty(lab) != 0 || strcmp(tty_name(lab->tty), lab->name) != 0)
		return 1;
	bool good = tty_input(lab->tty) == tty_output(lab->tty) &&
		    write(tty_output(lab->tty), "\x7e\n", 2) == 2;
	tty_close(lab->tty, false);
	return good ? 0 : 2;
}

static int try_pipes(struct lab *lab)
{
	char got[8];
	lab->config.notty = true;
	if (open_tty(lab) != 0)
		return 1;
	bool good = read(tty_input(lab->tty), got, sizeof(got)) == 2 &&
		    write(tty_output(lab->tty), got, 2) == 2 && tty_name(lab->tty)[0] == '\0' &&
		    tty_speed(lab->tty) == 0 && tty_queue(lab->tty) == 0;
	tty_close(lab->tty, false);
	return good ? 0 : 2;
}

static int try_no_terminal(struct lab *lab)
{
	return open_tty(lab) == -ENOTTY && lab->fault.exit_code == 7 ? 0 : 1;
}

static void standard_input(void **state)
{
	struct lab *lab = *state;
	int in[2], out[2];
	struct termios before = terms_of(lab->slave);
	lab->config.device = NULL;
	assert_int_equal(with_standard(lab->slave, lab->slave, try_terminal, lab), 0);
	expect_bytes(lab->master, "\x7e\n"); /* no \r: it was raw */
	struct termios after = terms_of(lab->slave);
	assert_same_terms(&after, &before);
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	assert_int_equal(write(in[1], "ok", 2), 2);
	assert_int_equal(with_standard(in[0], out[1], try_no_terminal, lab), 0);
	assert_int_equal(with_standard(in[0], out[1], try_pipes, lab), 0);
	expect_bytes(out[0], "ok");
	for (unsigned n = 0; n < 2; n++) {
		close(in[n]);
		close(out[n]);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(raw_and_back),
		TEST(flow_and_carrier),
		TEST(what_is_no_port),
		TEST(scripts),
		TEST(nobody_to_say_goodbye_to),
		TEST(failures),
		TEST(chat),
		TEST(cancelled),
		TEST(locks),
		TEST(command),
		TEST(command_by_packets),
		TEST(frames_from_a_port),
		TEST(standard_input),
	};
	unsetenv("HOME");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
