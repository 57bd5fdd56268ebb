/* fork and exec with everything about the child stated: group, signals, directory, environment,
 * the three standard descriptors. All other descriptors of this program are close-on-exec. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "limits.h"
#include "spawn.h"

#define NFT_TIMEOUT SECONDS(10)

/* Moves `fd` (or /dev/null) to `target` without close-on-exec. */
static void place(int fd, int target)
{
	if (fd < 0)
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd == target)
		fcntl(fd, F_SETFD, 0);
	else if (fd < 0 || dup2(fd, target) < 0)
		_exit(126);
}

static void run_child(const char *path, char *const arguments[], char *const environment[],
	int input, int output, int errors)
{
	sigset_t none;
	setpgid(0, 0);
	for (int signal_number = 1; signal_number < NSIG; signal_number++)
		signal(signal_number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (chdir("/") < 0)
		_exit(126);
	/* Away from 0 to 2 first, so that placing one cannot overwrite another. */
	if (input >= 0 && input <= 2)
		input = fcntl(input, F_DUPFD_CLOEXEC, 3);
	if (output >= 0 && output <= 2)
		output = fcntl(output, F_DUPFD_CLOEXEC, 3);
	if (errors >= 0 && errors <= 2)
		errors = fcntl(errors, F_DUPFD_CLOEXEC, 3);
	place(input, 0);
	place(output, 1);
	place(errors, 2);
	execve(path, arguments, environment);
	_exit(126);
}

static pid_t start(const char *path, char *const arguments[], char *const environment[], int input,
	int output, int errors)
{
	if (access(path, X_OK) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid == 0)
		run_child(path, arguments, environment, input, output, errors);
	if (pid < 0)
		return -errno;
	setpgid(pid, pid); /* whoever comes first */
	return pid;
}

pid_t spawn_start(
	const char *path, char *const arguments[], char *const environment[], int input, int output)
{
	return start(path, arguments, environment, input, output, output);
}

pid_t spawn_on_terminal(
	const char *path, char *const arguments[], char *const environment[], int terminal)
{
	return start(path, arguments, environment, terminal, terminal, -1);
}

static const char *nft_path(void)
{
	static const char *const paths[] = {
		"/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft", "/usr/local/sbin/nft"};
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (access(paths[i], X_OK) == 0)
			return paths[i];
	return NULL;
}

/* Feeds the script and keeps the start of what comes back, until the child closes its output. */
static void exchange(int to, int from, const char *script, char *answer, size_t size)
{
	uint64_t deadline = clock_now() + NFT_TIMEOUT;
	size_t left = strlen(script), kept = 0;
	for (;;) {
		struct pollfd fds[2] = {
			{.fd = from, .events = POLLIN}, {.fd = to, .events = POLLOUT}};
		uint64_t now = clock_now();
		if (now >= deadline || poll(fds, 2, (int)((deadline - now) / 1000) + 1) < 0)
			break;
		if (to >= 0 && fds[1].revents) {
			ssize_t written = write(to, script, left);
			if (written > 0) {
				script += written;
				left -= (size_t)written;
			}
			if (left == 0 || written < 0) {
				close(to);
				to = -1;
			}
		}
		if (fds[0].revents) {
			char scratch[512];
			ssize_t got = read(from, scratch, sizeof(scratch));
			if (got <= 0)
				break;
			size_t more = (size_t)got < size - 1 - kept ? (size_t)got : size - 1 - kept;
			memcpy(answer + kept, scratch, more);
			kept += more;
		}
	}
	answer[kept] = '\0';
	answer[strcspn(answer, "\n")] = '\0';
	if (to >= 0)
		close(to);
}

static int wait_for(pid_t pid)
{
	int status;
	/* Output is closed or time is up: in either case it has nothing left to do. */
	for (unsigned i = 0; i < 100; i++) {
		pid_t done = waitpid(pid, &status, WNOHANG);
		if (done == pid)
			return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
		if (done < 0)
			return -errno;
		poll(NULL, 0, 10);
	}
	kill(-pid, SIGKILL);
	waitpid(pid, &status, 0);
	return -ETIMEDOUT;
}

int spawn_nft(const char *script, char error[256])
{
	char *arguments[] = {(char[]){"nft"}, (char[]){"-f"}, (char[]){"-"}, NULL};
	char *environment[] = {(char[]){"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, NULL};
	const char *path = nft_path();
	char answer[160] = "";
	int in[2], out[2];
	error[0] = '\0';
	if (!path) {
		snprintf(
			error, 256, "Couldn't run nft: it is not installed (apt install nftables)");
		return -ENOENT;
	}
	if (pipe2(in, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(out, O_CLOEXEC) < 0) {
		close(in[0]);
		close(in[1]);
		return -EMFILE;
	}
	pid_t pid = spawn_start(path, arguments, environment, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	int result = pid < 0 ? pid : 0;
	if (pid < 0) {
		close(in[1]);
	} else {
		exchange(in[1], out[0], script, answer, sizeof(answer));
		result = wait_for(pid);
	}
	close(out[0]);
	if (result)
		snprintf(error, 256, "Couldn't change the nftables rules: %s",
			answer[0] ? answer : strerror(-result));
	return result;
}
