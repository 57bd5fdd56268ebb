/* greyline up NAME and greyline down NAME, as pon and poff: connections by name.
 *
 * NAME is /etc/greyline/NAME.conf, or else /etc/ppp/peers/NAME, pppd's options being translated as
 * `greyline import peer` does, unless it is no PPTP server that they lead to: then pppd.c has them;
 * with a slash in it, it is a file. `up` comes back when packets pass,
 * or with the exit code of what failed. The control socket up-NAME.sock says who it is, is what
 * `down` finds it by, and lets a name be up once. */
#include <errno.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "background.h"
#include "client.h"
#include "host.h"
#include "import.h"
#include "manage.h"
#include "pppd.h"
#include "rpc.h"
#include "slurp.h"
#include "tools.h"
#include "values.h"

enum { FILE_MAX = 1 << 20, DOWN_WITHIN = 15000 /* ms */, LOOK = 100, NAME_SIZE = 64 };

#define FOLDER "/etc/greyline/"
#define PEERS  "/etc/ppp/peers/"

struct target {
	char name[NAME_SIZE];
	char path[300];
	bool peer; /* in pppd's grammar */
};

static int usage(const char *command, const char *what)
{
	fprintf(stderr, "greyline %s: %s\n", command, what);
	return 2;
}

static bool is_name(const char *word)
{
	size_t length = strlen(word);
	return length && length < NAME_SIZE && word[0] != '.' && !strchr(word, '/') &&
	       strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
		       length;
}

static bool ends_in_conf(const char *word)
{
	size_t length = strlen(word), end = strlen(".conf");
	return length > end && !strcmp(word + length - end, ".conf");
}

/* What a word names; false when it cannot be a name. */
static bool take_target(struct target *target, const char *word)
{
	const char *slash = strrchr(word, '/');
	const char *base = slash ? slash + 1 : word;
	size_t length = strlen(base) - (slash && ends_in_conf(base) ? strlen(".conf") : 0);
	*target = (struct target){.peer = slash && !ends_in_conf(base)};
	snprintf(target->name, sizeof target->name, "%.*s", (int)length, base);
	if (length >= sizeof target->name || !is_name(target->name))
		return false;
	if (slash) {
		snprintf(target->path, sizeof target->path, "%s", word);
		return strlen(word) < sizeof target->path;
	}
	snprintf(target->path, sizeof target->path, FOLDER "%s.conf", target->name);
	if (access(target->path, F_OK) == 0)
		return true;
	target->peer = true;
	snprintf(target->path, sizeof target->path, PEERS "%s", target->name);
	return true;
}

/* Up. */

static void keep_line(void *context, const char *line)
{
	fprintf(context, "%s\n", line);
}

/* What the translation warns of is shown when it is what counts: pppd.c reads the file by itself.
 */
static int read_peer(const struct target *target, struct import *import)
{
	char *bytes, *told = NULL;
	size_t length, told_length = 0;
	struct faults faults = {.report = keep_line};
	int error = slurp(target->path, FILE_MAX, &bytes, &length, NULL);
	if (error)
		return error;
	FILE *to = faults.context = open_memstream(&told, &told_length);
	bool begun = to && import_begin(import, SECTION_CLIENT, &faults);
	if (begun) {
		import->options_file = "/etc/ppp/options";
		import_peer(import, target->path, bytes, length);
	}
	if (to)
		fclose(to);
	if (begun && import->trial.server && told)
		fputs(told, stderr);
	free(told);
	slurp_free(bytes, length);
	return begun ? 0 : -ENOMEM;
}

static int run_client(void *context)
{
	return client_command(NULL, context, NULL);
}

/* The command line over the file. */
static void override(struct settings *settings, const struct settings *said)
{
	char **const texts[] = {&settings->run_dir, &settings->state_dir};
	char *const over[] = {said->run_dir, said->state_dir};
	for (unsigned i = 0; i < 2; i++)
		if (over[i]) {
			free(*texts[i]);
			*texts[i] = strdup(over[i]);
		}
	settings->debug |= said->debug;
}

static int start(const struct target *target, struct settings *settings,
	const struct settings *said, struct faults *faults)
{
	override(settings, said);
	settings_check(settings, faults);
	if (faults->count)
		return 2;
	settings->instance = target->name;
	settings->background = true;
	return background_run(run_client, settings);
}

int up_command(const struct command *command, struct settings *said, const char *word)
{
	struct faults faults = {.report = fault_to_stderr};
	struct target target;
	struct import import = {.role = 0};
	struct settings settings;
	if (!word || !take_target(&target, word))
		return usage("up", "a name is needed: greyline up NAME");
	settings_init(&settings);
	int error = target.peer ? read_peer(&target, &import)
				: settings_read(&settings, target.path, &faults);
	int code = 2;
	if (error == -ENOENT && target.peer && !strchr(word, '/'))
		fprintf(stderr, "greyline up: there is no " FOLDER "%s.conf and no " PEERS "%s\n",
			target.name, target.name);
	else if (error)
		fprintf(stderr, "%s: %s\n", target.path, strerror(-error));
	else if (target.peer && !import.trial.server)
		code = pppd_up(strchr(word, '/') ? target.path : NULL, target.name);
	else
		code = start(&target, target.peer ? &import.trial : &settings, said, &faults);
	import_end(&import);
	settings_free(&settings);
	return code;
}

/* Down. */

/* Whose socket this is; 0 when nobody answers. */
static pid_t owner_of(const char *path)
{
	struct ucred owner = {.pid = 0};
	socklen_t size = sizeof owner;
	int fd = rpc_connect(path);
	if (fd < 0)
		return 0;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &owner, &size) < 0)
		owner.pid = 0;
	close(fd);
	return owner.pid;
}

/* Waits for the end of a process that is no child of ours. */
static bool wait_for(pid_t pid)
{
	int watched = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd end = {.fd = watched, .events = POLLIN};
	for (int waited = 0; waited < DOWN_WITHIN && kill(pid, 0) == 0; waited += LOOK)
		if (poll(&end, 1, LOOK) > 0)
			break;
	bool over = end.revents & POLLIN || (kill(pid, 0) < 0 && errno == ESRCH);
	if (watched >= 0)
		close(watched);
	return over;
}

static bool end_one(const char *path, const char *name)
{
	pid_t pid = owner_of(path);
	if (!pid) {
		fprintf(stderr, "greyline down: %s is not up\n", name);
		return false;
	}
	if (kill(pid, SIGTERM) < 0) {
		fprintf(stderr, "greyline down: %s (process %d): %s\n", name, (int)pid,
			strerror(errno));
		return false;
	}
	if (!wait_for(pid)) {
		fprintf(stderr, "greyline down: %s (process %d) does not end\n", name, (int)pid);
		return false;
	}
	printf("%s is down\n", name);
	return true;
}

static int end_all(const struct settings *settings)
{
	char pattern[300];
	glob_t found;
	unsigned ended = 0, failed = 0;
	snprintf(pattern, sizeof pattern, "%s/up-*.sock", host_run_dir(settings));
	if (glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			const char *base = strrchr(found.gl_pathv[i], '/') + strlen("/up-");
			char name[NAME_SIZE];
			if (!owner_of(found.gl_pathv[i]))
				continue; /* left by one that was killed */
			snprintf(name, sizeof name, "%.*s", (int)(strlen(base) - strlen(".sock")),
				base);
			if (end_one(found.gl_pathv[i], name))
				ended++;
			else
				failed++;
		}
		globfree(&found);
	}
	if (!ended && !failed)
		fprintf(stderr, "greyline down: nothing is up\n");
	return ended && !failed ? 0 : 1;
}

int down_command(const struct command *command, struct settings *settings, const char *word)
{
	struct target target;
	char path[300];
	if (settings->by_all)
		return word ? usage("down", "a name or --all, not both") : end_all(settings);
	if (!word || !take_target(&target, word))
		return usage("down", "say what: greyline down NAME, or --all");
	snprintf(path, sizeof path, "%s/up-%s.sock", host_run_dir(settings), target.name);
	return end_one(path, target.name) ? 0 : 1;
}
