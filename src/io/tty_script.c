/* Shell commands on a terminal (see tty.h): chat(8) that makes a modem dial, or the program at the
 * other end of a pty.
 *
 * Each is a session of its own: it can be ended with all its children, and where the terminal is
 * our controlling one it may read it without being stopped (SIGTTIN). It runs as the real user and
 * group, which are the caller's where this program was installed setuid. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "limits.h"
#include "tty_inner.h"

enum {
	ENVIRONMENT_MAX = 64,
	VARIABLE_MAX = 160,
	LOOK_EVERY_MS = 50, /* where the kernel has no descriptors of processes */
	KILL_PATIENCE_MS = 1000,
	SHELL_NOT_FOUND = 127,
	CHAT_TIMEOUT = 3,
	CHAT_FIRST_ABORT = 4,
};

bool tty_cancelled(const struct tty_config *config, int wait_ms)
{
	struct pollfd cancel = {.fd = config->cancel, .events = POLLIN};
	return poll(&cancel, 1, wait_ms) > 0;
}

void tty_say(const struct tty_config *config, const char *format, ...)
{
	char line[TTY_WORDS];
	va_list arguments;
	if (!config->log)
		return;
	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	config->log(config->context, line);
}

/* Moves `fd` (or /dev/null) to `target`. None of them is below 3. */
static void place(int fd, int target)
{
	if (fd < 0)
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd < 0 || dup2(fd, target) < 0)
		_exit(126);
}

static int lift(int fd)
{
	return fd >= 0 && fd < 3 ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : fd;
}

/* chat reads and writes as if there were nothing but blocking. */
static void make_blocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags >= 0)
		fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

static void close_all_others(void)
{
	if (syscall(SYS_close_range, 3u, ~0u, 0u) == 0)
		return;
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
}

_Noreturn static void run_child(
	const char *command, char *const environment[], int in, int out, int messages)
{
	char shell[] = "/bin/sh", option[] = "-c";
	/* execve() takes pointers to what it does not write. */
	char *arguments[] = {shell, option, (char *)(uintptr_t)command, NULL};
	sigset_t none;
	setsid();
	for (int signal_number = 1; signal_number < NSIG; signal_number++)
		signal(signal_number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	in = lift(in);
	out = lift(out);
	messages = lift(messages);
	place(in, 0);
	place(out, 1);
	place(messages, 2);
	close_all_others();
	make_blocking(0);
	make_blocking(1);
	if (setgid(getgid()) < 0 || setuid(getuid()) < 0)
		_exit(126);
	execve(shell, arguments, environment);
	_exit(126);
}

pid_t tty_script_start(const struct tty_config *config, const struct tty *tty, const char *command,
	int in, int out)
{
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	char device[VARIABLE_MAX], speed[32];
	char *environment[ENVIRONMENT_MAX] = {path};
	size_t count = 1;
	snprintf(device, sizeof(device), "DEVICE=%s", tty_name(tty));
	snprintf(speed, sizeof(speed), "SPEED=%u", tty_speed(tty));
	if (tty_name(tty)[0])
		environment[count++] = device;
	if (tty_speed(tty))
		environment[count++] = speed;
	for (const char *const *more = config->environment;
		more && *more && count < ENVIRONMENT_MAX - 1; more++)
		environment[count++] = (char *)(uintptr_t)*more;
	pid_t pid = fork();
	if (pid == 0)
		run_child(command, environment, in, out, config->messages);
	return pid < 0 ? -errno : pid;
}

/* Waits for the end, the cancel descriptor (-1: not) or the deadline. */
static bool wait_until(pid_t pid, int cancel, uint64_t deadline, int *status)
{
	int process = (int)syscall(SYS_pidfd_open, pid, 0);
	bool ended = false;
	for (;;) {
		ended = waitpid(pid, status, WNOHANG) != 0;
		uint64_t now = clock_now();
		if (ended || now >= deadline)
			break;
		uint64_t left = (deadline - now) / 1000 + 1;
		int most = process < 0 ? LOOK_EVERY_MS : 60000;
		struct pollfd fds[2] = {
			{.fd = process, .events = POLLIN}, {.fd = cancel, .events = POLLIN}};
		poll(fds, 2, left < (uint64_t)most ? (int)left : most);
		if (fds[1].revents)
			break;
	}
	if (process >= 0)
		close(process);
	return ended;
}

void tty_script_end(pid_t pid, unsigned grace_ms)
{
	int status;
	if (wait_until(pid, -1, clock_now() + MS(grace_ms), &status))
		return;
	kill(-pid, SIGTERM);
	if (wait_until(pid, -1, clock_now() + MS(KILL_PATIENCE_MS), &status))
		return;
	kill(-pid, SIGKILL);
	waitpid(pid, &status, 0);
}

static bool is_chat(const char *command)
{
	const char *end = command + strcspn(command, " \t\n");
	if (strncmp(command, "exec ", 5) == 0)
		return is_chat(command + 5);
	return end - command >= 4 && memcmp(end - 4, "chat", 4) == 0 &&
	       (end - command == 4 || end[-5] == '/');
}

/* What the manual of chat says its status means. */
static void say_chat(int status, char words[TTY_WORDS])
{
	if (status == 1)
		snprintf(words, TTY_WORDS, "exit status 1: chat's script is not valid");
	else if (status == 2)
		snprintf(words, TTY_WORDS, "exit status 2: chat was interrupted or lost the line");
	else if (status == CHAT_TIMEOUT)
		snprintf(
			words, TTY_WORDS, "exit status 3: what chat expected did not come in time");
	else
		snprintf(words, TTY_WORDS, "exit status %d: ABORT string number %d of chat came",
			status, status - CHAT_FIRST_ABORT + 1);
}

static int judge(const char *command, int status, char words[TTY_WORDS])
{
	if (WIFSIGNALED(status)) {
		snprintf(words, TTY_WORDS, "killed by signal %d (%s)", WTERMSIG(status),
			strsignal(WTERMSIG(status)));
		return -EIO;
	}
	int code = WEXITSTATUS(status);
	if (code == 0)
		return 0;
	if (code == SHELL_NOT_FOUND)
		snprintf(words, TTY_WORDS, "exit status 127: the shell found no such command");
	else if (is_chat(command))
		say_chat(code, words);
	else
		snprintf(words, TTY_WORDS, "exit status %d", code);
	return -EIO;
}

int tty_script_wait(
	const struct tty_config *config, const char *command, pid_t pid, char words[TTY_WORDS])
{
	uint64_t limit = SECONDS((uint64_t)config->script_seconds);
	uint64_t deadline = limit ? clock_now() + limit : NEVER;
	int status;
	if (wait_until(pid, config->cancel, deadline, &status))
		return judge(command, status, words);
	tty_script_end(pid, 0);
	if (limit && clock_now() >= deadline) {
		snprintf(words, TTY_WORDS, "it took longer than %u seconds and was ended",
			config->script_seconds);
		return -ETIMEDOUT;
	}
	snprintf(words, TTY_WORDS, "it was told to stop");
	return -ECANCELED;
}
