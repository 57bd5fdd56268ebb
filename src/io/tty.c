/* Serial ports, commands on ptys, borrowed terminals (see tty.h).
 *
 * A port is opened without waiting for carrier, since it is the init and connect scripts that make
 * there be one; meanwhile CLOCAL keeps the kernel from hanging up. Once they are done CLOCAL goes
 * (with `modem`), and from then on the kernel turns a lost carrier into the end of the file.
 *
 * A command has the master side of the pty and the line is the slave, as with pppd: the slave is
 * the one that the kernel's PPP can sit on, and that hangs up when the command ends. */
#include "tty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "limits.h"
#include "line.h"
#include "tty_inner.h"

enum {
	NAME_MAX_HERE = 96,
	DTR_LOW_MS = 1000, /* a modem needs to see it before an init script begins */
	DTR_END_MS = 100,
	CARRIER_LOOK_MS = 100,
	COMMAND_GRACE_MS = 500, /* for the command of a pty that hung up to end by itself */
	DISCONNECT_SECONDS = 60,
	BITS_PER_BYTE = 10, /* start, eight, stop */
	EXIT_OPTIONS = 2,
	EXIT_CANCELLED = 5,
	EXIT_LOCKED = 6,
	EXIT_OPEN = 7,
	EXIT_CONNECT = 8,
	EXIT_PTY = 9,
	EXIT_INIT = 18,
};

struct tty {
	struct tty_config config;
	int in, out; /* the same, or pipes */
	char name[NAME_MAX_HERE];
	char lock[TTY_LOCK_PATH];
	uint32_t speed;
	struct tty_terms *terms; /* as they were; NULL: no terminal */
	bool mode_changed;
	mode_t mode;
	pid_t command; /* 0: none */
};

int tty_input(const struct tty *t)
{
	return t->in;
}

int tty_output(const struct tty *t)
{
	return t->out;
}

const char *tty_name(const struct tty *t)
{
	return t->name;
}

uint32_t tty_speed(const struct tty *t)
{
	return t->speed;
}

size_t tty_queue(const struct tty *t)
{
	if (!t->terms || !t->config.device)
		return 0;
	size_t fifth = t->speed / BITS_PER_BYTE / 5;
	return fifth > LINE_QUEUE_MIN ? fifth : LINE_QUEUE_MIN;
}

__attribute__((format(printf, 4, 5))) static int fail(
	struct tty_fault *fault, int failed, int exit_code, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(fault->words, sizeof(fault->words), format, arguments);
	va_end(arguments);
	fault->exit_code = failed == -ECANCELED ? EXIT_CANCELLED : exit_code;
	return failed;
}

/* What is opened is what the caller may open, where this program was installed setuid. */
static int open_as_caller(const char *path)
{
	uid_t effective = geteuid();
	bool changed = effective != getuid() && seteuid(getuid()) == 0;
	int fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int failed = errno;
	if (changed && seteuid(effective) < 0)
		abort();
	errno = failed;
	return fd;
}

static int open_device(struct tty *t, struct tty_fault *fault)
{
	const struct tty_config *config = &t->config;
	char words[TTY_WORDS];
	int length = snprintf(t->name, sizeof(t->name), "%s%s",
		config->device[0] == '/' ? "" : "/dev/", config->device);
	if (length >= (int)sizeof(t->name))
		return fail(fault, -ENAMETOOLONG, EXIT_OPTIONS,
			"The name of the device is too "
			"long: %.100s",
			config->device);
	int failed = config->lock ? tty_lock(config, t->name, t->lock, words) : 0;
	if (failed)
		return fail(fault, failed, EXIT_LOCKED, "Couldn't lock %s: %.140s", t->name, words);
	t->in = t->out = open_as_caller(t->name);
	if (t->in < 0) {
		failed = -errno;
		return fail(fault, failed, EXIT_OPEN, "Couldn't open %s: %s%s", t->name,
			strerror(-failed),
			failed == -EACCES ? " (is the user in the group dialout?)" : "");
	}
	struct stat is;
	if (fstat(t->in, &is) == 0 && is.st_mode & (S_IWGRP | S_IWOTH)) {
		t->mode = is.st_mode & 07777;
		t->mode_changed = fchmod(t->in, t->mode & ~(mode_t)(S_IWGRP | S_IWOTH)) == 0;
	}
	return 0;
}

static int start_command(struct tty *t, int theirs, struct tty_fault *fault)
{
	pid_t pid = tty_script_start(&t->config, t, t->config.command, theirs, theirs);
	close(theirs);
	if (pid < 0)
		return fail(
			fault, pid, EXIT_PTY, "Couldn't start the pty command: %s", strerror(-pid));
	t->command = pid;
	return 0;
}

static int open_packets(struct tty *t, struct tty_fault *fault)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return fail(fault, -errno, EXIT_PTY, "Couldn't make a pair of sockets: %s",
			strerror(errno));
	t->in = t->out = ends[0];
	return start_command(t, ends[1], fault);
}

/* The slave is raw before the command can write a byte, so that nothing is echoed. */
static int open_pty(struct tty *t, struct tty_fault *fault)
{
	char words[TTY_WORDS];
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 ||
		ptsname_r(master, t->name, sizeof(t->name)) != 0 ||
		(t->in = t->out = open(t->name, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0) {
		int failed = -errno;
		if (master >= 0)
			close(master);
		return fail(fault, failed, EXIT_PTY, "Couldn't make a pty: %s", strerror(-failed));
	}
	int failed = tty_terms_set(t->in, &t->config, true, &t->speed, words);
	if (failed) {
		close(master);
		return fail(fault, failed, EXIT_PTY, "Couldn't set up the pty: %s", words);
	}
	return start_command(t, master, fault);
}

/* Standard input and output, or the terminal that standard input is. */
static int open_own(struct tty *t, struct tty_fault *fault)
{
	bool terminal = isatty(0) == 1;
	if (!terminal && !t->config.notty)
		return fail(fault, -ENOTTY, EXIT_OPEN,
			"Standard input is no terminal: name a device, or say notty");
	t->in = fcntl(0, F_DUPFD_CLOEXEC, 3);
	t->out = terminal ? t->in : fcntl(1, F_DUPFD_CLOEXEC, 3);
	if (t->in < 0 || t->out < 0)
		return fail(fault, -errno, EXIT_OPEN, "Couldn't use standard input and output: %s",
			strerror(errno));
	if (terminal && ttyname_r(0, t->name, sizeof(t->name)) != 0)
		t->name[0] = '\0';
	return 0;
}

static int open_line(struct tty *t, struct tty_fault *fault)
{
	if (t->config.device)
		return open_device(t, fault);
	if (t->config.command)
		return t->config.sync ? open_packets(t, fault) : open_pty(t, fault);
	return open_own(t, fault);
}

static int set_up(struct tty *t, bool local, struct tty_fault *fault)
{
	char words[TTY_WORDS] = "";
	if (!t->terms)
		return 0;
	int failed = tty_terms_set(t->in, &t->config, local, &t->speed, words);
	if (failed)
		return fail(fault, failed, failed == -EINVAL ? EXIT_OPTIONS : EXIT_OPEN,
			"Couldn't set up %s: %.140s", t->name, words);
	return 0;
}

/* Runs a script; `what` as pppd names it in "Connect script failed". */
static int run(struct tty *t, const char *what, const char *command, int exit_code,
	struct tty_fault *fault)
{
	char words[TTY_WORDS];
	pid_t pid = tty_script_start(&t->config, t, command, t->in, t->out);
	if (pid < 0)
		return fail(fault, pid, exit_code, "%s script failed: %s", what, strerror(-pid));
	int failed = tty_script_wait(&t->config, command, pid, words);
	if (failed)
		return fail(fault, failed, exit_code, "%s script failed: %.160s", what, words);
	return 0;
}

/* The modem is made to hang up first, so that it listens. */
static int initialize(struct tty *t, struct tty_fault *fault)
{
	if (t->config.device) {
		tty_ready(t->in, false);
		if (tty_cancelled(&t->config, DTR_LOW_MS))
			return fail(fault, -ECANCELED, EXIT_CANCELLED,
				"The initializer script was told to stop");
		tty_ready(t->in, true);
	}
	int failed = run(t, "Initializer", t->config.init, EXIT_INIT, fault);
	if (!failed)
		tty_say(&t->config, "Serial port initialized.");
	return failed;
}

static int dial(struct tty *t, struct tty_fault *fault)
{
	int failed = run(t, "Connect", t->config.connect, EXIT_CONNECT, fault);
	if (!failed)
		tty_say(&t->config, "Serial connection established.");
	return failed;
}

static int await_carrier(struct tty *t, struct tty_fault *fault)
{
	if (!t->config.device || !t->config.modem || t->config.connect || tty_carrier(t->in))
		return 0;
	tty_say(&t->config, "Waiting for carrier on %s", t->name);
	while (!tty_carrier(t->in))
		if (tty_cancelled(&t->config, CARRIER_LOOK_MS))
			return fail(fault, -ECANCELED, EXIT_CANCELLED,
				"No carrier came on %s until it was time to stop", t->name);
	return 0;
}

static int bring_up(struct tty *t, struct tty_fault *fault)
{
	const struct tty_config *config = &t->config;
	struct tty_fault welcome;
	char words[TTY_WORDS];
	int failed = open_line(t, fault);
	if (failed)
		return failed;
	t->terms = tty_terms_keep(t->in);
	if (config->device && !t->terms)
		return fail(fault, -ENOTTY, EXIT_OPEN, "%s is not a terminal", t->name);
	failed = set_up(t, config->init || config->connect, fault);
	if (t->terms && config->device)
		tty_ready(t->in, true);
	if (!failed && config->init)
		failed = initialize(t, fault);
	if (!failed && config->connect)
		failed = dial(t, fault);
	if (!failed && (config->init || config->connect))
		failed = set_up(t, false, fault);
	if (!failed)
		failed = await_carrier(t, fault);
	if (!failed && config->welcome &&
		run(t, "Welcome", config->welcome, EXIT_CONNECT, &welcome))
		tty_say(config, "%s", welcome.words);
	if (!failed && config->sync && t->terms && config->device) {
		failed = tty_terms_sync(t->in, words);
		if (failed)
			fail(fault, failed, EXIT_OPEN, "Couldn't set up %s: %.200s", t->name,
				words);
	}
	return failed;
}

int tty_open(struct tty **tty, const struct tty_config *config, struct tty_fault *fault)
{
	struct tty *t = calloc(1, sizeof(*t));
	if (!t)
		return fail(fault, -ENOMEM, EXIT_OPEN, "Couldn't open a line: out of memory");
	t->config = *config;
	t->in = t->out = -1;
	int failed = bring_up(t, fault);
	if (failed) {
		tty_close(t, true);
		return failed;
	}
	*tty = t;
	return 0;
}

/* The modem hears that it is over; so does whoever is at the other end of a pty. */
static void hang_up(struct tty *t)
{
	if (t->config.device && t->config.modem && t->terms) {
		tty_ready(t->in, false);
		tty_cancelled(&t->config, DTR_END_MS);
	}
	if (t->in >= 0)
		close(t->in);
	if (t->out >= 0 && t->out != t->in)
		close(t->out);
	if (t->command)
		tty_script_end(t->command, COMMAND_GRACE_MS);
}

void tty_close(struct tty *t, bool hung_up)
{
	struct tty_fault fault;
	char words[TTY_WORDS];
	uint32_t speed;
	t->config.cancel = -1; /* what stopped the line shall not stop its end */
	if (t->config.disconnect && !hung_up) {
		if (!t->config.script_seconds)
			t->config.script_seconds = DISCONNECT_SECONDS;
		if (t->terms)
			tty_terms_set(t->in, &t->config, true, &speed, words);
		if (run(t, "Disconnect", t->config.disconnect, 0, &fault))
			tty_say(&t->config, "%s", fault.words);
		else
			tty_say(&t->config, "Serial link disconnected.");
	}
	tty_terms_restore(t->in, t->terms);
	if (t->mode_changed)
		fchmod(t->in, t->mode);
	hang_up(t);
	tty_unlock(t->lock);
	free(t);
}
