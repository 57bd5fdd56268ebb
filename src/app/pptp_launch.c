/* pptp without --nolaunchpppd: pppd on a pty of our making.
 *
 * As with pptp-linux the process that was called becomes pppd, in the foreground, once the call
 * stands; what carries the call is its child, in a session of its own. The child goes when the
 * pty's other end is closed, and closes its own when the call has ended, which pppd sees as a
 * hangup. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pptp.h"
#include "pty_pair.h"

#define PPPD_SPEED "38400" /* of a pty: nobody looks at it */

/* In the folders of PATH, and where it is where PATH is a user's. */
static bool find_pppd(char path[PATH_MAX])
{
	static const char more[] = "/usr/sbin:/sbin:/usr/local/sbin";
	const char *set = getenv("PATH");
	const char *folders[] = {set ? set : "", more};
	for (unsigned i = 0; i < 2; i++)
		for (const char *at = folders[i]; *at;) {
			int length = (int)strcspn(at, ":");
			snprintf(path, PATH_MAX, "%.*s/pppd", length, at);
			if (length && access(path, X_OK) == 0)
				return true;
			at += length + (at[length] == ':');
		}
	return false;
}

/* Ours brings no kernel PPP with it, and needs none. */
static bool is_ours(const char *path)
{
	char theirs[PATH_MAX], ours[PATH_MAX];
	return realpath(path, theirs) && realpath("/proc/self/exe", ours) && !strcmp(theirs, ours);
}

static int refuse(const struct pptp *pptp, const char *what)
{
	fprintf(stderr, "pptp: %s; greyline client USER@%s needs none\n", what,
		pptp->arguments.host);
	return PPTP_USAGE;
}

static int look_around(const struct pptp *pptp, char path[PATH_MAX])
{
	if (!find_pppd(path))
		return refuse(pptp, "there is no pppd to start (apt install ppp)");
	if (!is_ours(path) && access("/dev/ppp", F_OK) < 0)
		return refuse(pptp,
			"pppd needs /dev/ppp, which is not here (modprobe ppp_generic; a "
			"container: --device /dev/ppp)");
	return 0;
}

/* Both ends, and the name of pppd's, which it opens itself: that it inherits ours keeps the pty
 * from being hung up in between. */
static int open_pty(char name[64], int *slave)
{
	int master, failed = pty_open(&master, slave);
	if (!failed && ptsname_r(master, name, 64) != 0)
		failed = -errno;
	if (!failed && fcntl(*slave, F_SETFD, 0) < 0)
		failed = -errno;
	if (!failed)
		return master;
	fprintf(stderr, "pptp: Couldn't make a pty: %s\n", strerror(-failed));
	return -1;
}

static int become_pppd(const struct pptp *pptp, const char *path, const char *tty)
{
	char **arguments = calloc((size_t)pptp->arguments.word_count + 4, sizeof *arguments);
	if (!arguments)
		return PPTP_USAGE;
	arguments[0] = (char[]){"pppd"};
	arguments[1] = (char *)(uintptr_t)tty;
	arguments[2] = (char[]){PPPD_SPEED};
	for (int i = 0; i < pptp->arguments.word_count; i++)
		arguments[3 + i] = pptp->arguments.words[i];
	execv(path, arguments);
	fprintf(stderr, "pptp: Couldn't start %s: %s\n", path, strerror(errno));
	free(arguments);
	return PPTP_USAGE;
}

/* What was called: waits until the call stands. */
static int wait_for_call(const struct pptp *pptp, pid_t child, int told)
{
	char stands;
	int status = 0;
	ssize_t got;
	do
		got = read(told, &stands, 1);
	while (got < 0 && errno == EINTR);
	close(told);
	if (got == 1)
		return 0;
	waitpid(child, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : PPTP_USAGE;
}

int pptp_launch(struct pptp *pptp)
{
	char path[PATH_MAX], tty[64];
	int slave, pipes[2], code = look_around(pptp, path);
	int master = code ? -1 : open_pty(tty, &slave);
	if (master < 0)
		return code ? code : PPTP_USAGE;
	if (pipe2(pipes, O_CLOEXEC) < 0) {
		fprintf(stderr, "pptp: Couldn't make a pipe: %s\n", strerror(errno));
		return PPTP_USAGE;
	}
	pid_t child = fork();
	if (child == 0) {
		close(slave);
		close(pipes[0]);
		setsid();
		pptp->in = pptp->out = master;
		pptp->waiting = pipes[1];
		return 0;
	}
	close(master);
	close(pipes[1]);
	if (child < 0)
		fprintf(stderr, "pptp: Couldn't make a process: %s\n", strerror(errno));
	code = child < 0 ? PPTP_USAGE : wait_for_call(pptp, child, pipes[0]);
	exit(code ? code : become_pppd(pptp, path, tty));
}

void pptp_launched(struct pptp *pptp)
{
	if (pptp->waiting < 0)
		return;
	ssize_t told = write(pptp->waiting, "", 1);
	(void)told; /* whoever waited is gone, and so is the pty */
	close(pptp->waiting);
	pptp->waiting = -1;
}
