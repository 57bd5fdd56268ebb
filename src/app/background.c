/* Waiting for a program in the background (see background.h).
 *
 * Two descriptors join parent and child: what is written to standard error, and what the child says
 * to a service manager (notify.h), whose part the parent plays until it is told that all is up.
 * When the parent is gone, both are dead ends that the child does not notice. */
#include "background.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "notify.h"

enum { LOOK = 100 /* ms: how often an end is looked for that nothing tells */, SIGNALLED = 5 };

static volatile pid_t waited_for;

static void pass_on(int number)
{
	if (waited_for > 0)
		kill(waited_for, number == SIGINT ? SIGTERM : number);
}

static void copy(int from)
{
	char bytes[4096];
	ssize_t got;
	while ((got = read(from, bytes, sizeof bytes)) > 0)
		if (write(STDERR_FILENO, bytes, (size_t)got) < 0)
			return;
}

static bool is_told(int from)
{
	char text[128];
	ssize_t got;
	while ((got = recv(from, text, sizeof text - 1, MSG_DONTWAIT)) > 0) {
		text[got] = '\0';
		if (!strcmp(text, NOTIFY_UP))
			return true;
	}
	return false;
}

static int watch(pid_t child, int output, int told)
{
	for (;;) {
		struct pollfd both[] = {
			{.fd = output, .events = POLLIN}, {.fd = told, .events = POLLIN}};
		int status;
		poll(both, 2, LOOK);
		bool up = is_told(told);
		bool over = !up && waitpid(child, &status, WNOHANG) == child;
		copy(output);
		if (up)
			return 0;
		if (over)
			return WIFEXITED(status) ? WEXITSTATUS(status) : SIGNALLED;
	}
}

static _Noreturn void be_child(int (*run)(void *context), void *context, int output, int told)
{
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	setsid();
	if (nothing >= 0)
		dup2(nothing, STDIN_FILENO);
	dup2(output >= 0 ? output : nothing, STDOUT_FILENO);
	dup2(output >= 0 ? output : nothing, STDERR_FILENO);
	signal(SIGPIPE, SIG_IGN);
	if (told >= 0)
		notify_use(told);
	exit(run(context));
}

static void forward_signals(void (*handler)(int number))
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
	struct sigaction action = {.sa_handler = handler};
	for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		sigaction(numbers[i], &action, NULL);
}

int background_run(int (*run)(void *context), void *context)
{
	int output[2], told[2];
	if (pipe2(output, O_CLOEXEC) < 0 ||
		socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, told) < 0) {
		perror("greyline");
		return 1;
	}
	fflush(stdout);
	fflush(stderr);
	pid_t child = fork();
	if (child == 0) {
		close(output[0]); /* or it would never notice that the parent has gone */
		close(told[0]);
		be_child(run, context, output[1], told[1]);
	}
	close(output[1]);
	close(told[1]);
	int code = 1;
	if (child < 0) {
		perror("greyline");
	} else {
		waited_for = child;
		forward_signals(pass_on);
		fcntl(output[0], F_SETFL, O_NONBLOCK);
		code = watch(child, output[0], told[0]);
		forward_signals(SIG_DFL);
		waited_for = 0;
	}
	close(output[0]);
	close(told[0]);
	return code;
}

int background_leave(int (*run)(void *context), void *context, int output)
{
	fflush(stdout);
	fflush(stderr);
	pid_t child = fork();
	if (child < 0)
		perror("greyline");
	if (child == 0)
		be_child(run, context, output, -1);
	return child < 0 ? 1 : 0;
}
