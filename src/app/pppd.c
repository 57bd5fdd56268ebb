/* pppd, as far as the outside can tell: reads its options, detaches as it does, and lets a line
 * (`greyline link`) or, with the plugin pptp.so, a PPTP server (`greyline client`) do the work.
 *
 *   options ─▶ checks ─▶ dump, dryrun ─▶ log ─▶ detach at once, or when up, or not ─▶ link, client
 *
 * Like pppd it logs to syslog and to one descriptor more: standard output, unless that is the line,
 * until it detaches. Everything behind reads and writes descriptor 2 for that. */
#include "pppd.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "background.h"
#include "client.h"
#include "options.h"
#include "pppd_options.h"
#include "pppd_own.h"
#include "privilege.h"
#include "secrets.h"

enum { EXIT_OPTIONS = 2, EXIT_NOT_ROOT = 3, EXIT_NUMBER = 21 };

struct pppd {
	struct pppd_options options;
	struct settings settings;
	struct faults faults;
	const char *name; /* what we are called */
	bool on_line;     /* standard input or output is the line */
	int log;          /* what logfd or logfile says; -1: nothing, or nowhere */
};

static const struct command link_row = {.name = "link", .bit = COMMAND_LINK};
static const struct command client_row = {.name = "client", .bit = COMMAND_CLIENT};

static void tell(void *context, const char *line)
{
	const struct pppd *pppd = context;
	if (strncmp(line, "warning: ", 9) != 0 || pppd->settings.debug)
		fprintf(stderr, "%s: %s\n", pppd->name, line);
}

/* The kernel's table, in text: a destination and a mask of zeros. */
static bool has_default_route(void)
{
	char line[256];
	bool found = false;
	FILE *table = fopen("/proc/net/route", "re");
	while (table && !found && fgets(line, sizeof line, table)) {
		unsigned to, mask;
		found = sscanf(line, "%*s %x %*x %*x %*d %*d %*d %x", &to, &mask) == 2 && !to &&
			!mask;
	}
	if (table)
		fclose(table);
	return found;
}

/* Whether descriptor `fd` is that device. */
static bool is_device(int fd, const char *device)
{
	struct stat open_one, named;
	return fstat(fd, &open_one) == 0 && S_ISCHR(open_one.st_mode) &&
	       stat(device, &named) == 0 && S_ISCHR(named.st_mode) &&
	       open_one.st_rdev == named.st_rdev;
}

static bool said(const struct pppd_options *options, const char *name)
{
	for (size_t i = 0; i < options->said_count; i++)
		if (!strcmp(options->said[i].word->name, name))
			return true;
	return false;
}

static int read_options(struct pppd *pppd, int argc, char **argv)
{
	struct pppd_options *options = &pppd->options;
	const struct passwd *user = getpwuid(getuid());
	char host_name[256] = "localhost";
	options->root = getuid() == 0;
	options->home = user && user->pw_dir && *user->pw_dir ? user->pw_dir : NULL;
	options->own_tty = isatty(0) ? ttyname(0) : NULL;
	options->default_route = has_default_route();
	(void)gethostname(host_name, sizeof host_name - 1);
	pppd_options_read(options, argc, argv);
	if (pppd->faults.count)
		return EXIT_OPTIONS;
	pppd_options_finish(options, host_name);
	return 0;
}

/* What pppd checks before it does anything. */
static int check(struct pppd *pppd)
{
	struct pppd_options *options = &pppd->options;
	bool elsewhere = pppd_has_channel(options);
	if (!elsewhere && !options->device && !options->own_tty)
		fault(&pppd->faults, NULL, "no device specified and stdin is not a tty");
	else if (elsewhere && options->device)
		fault(&pppd->faults, NULL, "%s option precludes specifying device name",
			said(options, "notty") ? "notty" : "pty");
	if (pppd->faults.count)
		return EXIT_OPTIONS;
	if (!options->dry_run && (!privilege_have_net_admin() || !privilege_have_net_raw())) {
		fault(&pppd->faults, NULL, "must be root to run %s, since it is not setuid-root",
			pppd->name);
		return EXIT_NOT_ROOT;
	}
	settings_check(&pppd->settings, &pppd->faults);
	if (pppd->faults.count)
		return EXIT_OPTIONS;
	if (options->unauthorized) {
		fault(&pppd->faults, NULL, "calling number \"%s\" is not authorized",
			options->number ? options->number : "");
		return EXIT_NUMBER;
	}
	return 0;
}

/* Without a device, or with the one that standard input is, pppd stays where it is. */
static void find_line(struct pppd *pppd)
{
	struct pppd_options *options = &pppd->options;
	if (options->device && is_device(0, options->device)) {
		free(options->device);
		options->device = NULL;
	}
	bool own = !options->device && !pppd_has_channel(options);
	pppd->on_line = own || said(options, "notty");
	if (pppd->on_line)
		options->detach = PPPD_STAYS;
}

/* Where lines go beside syslog: what logfd or logfile says, and stays so; else standard output as
 * long as somebody may look at it, unless it is the line. */
static int open_log(struct pppd *pppd)
{
	struct pppd_options *options = &pppd->options;
	if (options->log_file && *options->log_file) {
		pppd->log =
			open(options->log_file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
		if (pppd->log < 0) {
			fault(&pppd->faults, NULL, "Can't open log file %s: %s", options->log_file,
				strerror(errno));
			return EXIT_OPTIONS;
		}
	} else if (options->log_fd >= 0 && !(options->log_fd <= 1 && pppd->on_line)) {
		pppd->log = fcntl(options->log_fd, F_DUPFD_CLOEXEC, 3);
	}
	bool shown = options->log_fd == PPPD_LOG_UNSAID && pppd->log < 0 && !pppd->on_line;
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	dup2(shown ? STDOUT_FILENO : pppd->log >= 0 ? pppd->log : nowhere, STDERR_FILENO);
	close(nowhere);
	return 0;
}

/* pppd takes a password for PAP from pap-secrets; for the other methods, from chap-secrets. */
static void find_pap_password(struct settings *settings)
{
	struct secrets pap, chap;
	struct faults quiet = {0};
	const char *user = settings->user ? settings->user : settings->name;
	if (settings->password || settings->password_file || !settings->pap_secrets)
		return;
	secrets_init(&pap);
	secrets_init(&chap);
	if (settings->secrets)
		(void)secrets_read(&chap, settings->secrets, &quiet);
	(void)secrets_read(&pap, settings->pap_secrets, &quiet);
	const struct secret *secret = secrets_find(&pap, user, strlen(user), settings->remote_name);
	if (secret && !secret->nt_hash &&
		!secrets_find(&chap, user, strlen(user), settings->remote_name))
		settings->password = strndup((const char *)secret->word, secret->length);
	secrets_free(&pap);
	secrets_free(&chap);
}

static int work(void *context)
{
	struct pppd *pppd = context;
	struct settings *settings = &pppd->settings;
	if (pppd->log >= 0)
		dup2(pppd->log, STDERR_FILENO); /* nobody copies for us what goes there */
	if (settings->server)
		return client_command(&client_row, settings, NULL);
	return link_command(&link_row, settings, pppd->options.device);
}

static int start(struct pppd *pppd)
{
	struct settings *settings = &pppd->settings;
	settings->background = true; /* to syslog as well */
	settings->pppd.on = true;
	settings->pppd.notify = pppd->options.notify;
	settings->pppd.call_file = pppd->options.call;
	settings->pppd.number = pppd->options.number;
	find_pap_password(settings);
	switch (pppd->options.detach) {
	case PPPD_DETACHES:
		return background_leave(work, pppd, pppd->log);
	case PPPD_DETACHES_UP:
		return background_run(work, pppd);
	case PPPD_STAYS:
		break;
	}
	return work(pppd);
}

static int run(struct pppd *pppd, int argc, char **argv)
{
	struct pppd_options *options = &pppd->options;
	int code = read_options(pppd, argc, argv);
	if (code)
		return code;
	if (options->version)
		printf("pppd version 2.4.9 (greyline %s)\n", GREYLINE_VERSION);
	else if (options->help)
		printf("Usage: %s [ options ]\nIt is greyline, and takes the options of pppd(8): "
		       "%s show-options lists them,\ngreyline-pppd(8) says what differs.\n",
			pppd->name, pppd->name);
	else if (options->show)
		pppd_options_show(stdout);
	if (options->version || options->help || options->show)
		return 0;
	code = check(pppd);
	if (code)
		return code;
	find_line(pppd);
	if (options->dump || options->dry_run)
		pppd_options_dump(options,
			pppd->on_line && (isatty(1) || !options->dry_run) ? stderr : stdout);
	fflush(NULL);
	if (options->dry_run)
		return 0;
	code = open_log(pppd);
	return code ? code : start(pppd);
}

static int main_as(int argc, char **argv, const char *instance)
{
	struct pppd *pppd = calloc(1, sizeof *pppd);
	if (!pppd)
		return 1;
	const char *slash = strrchr(argv[0], '/');
	pppd->name = slash ? slash + 1 : argv[0];
	pppd->log = -1;
	pppd->faults = (struct faults){.report = tell, .context = pppd};
	settings_init(&pppd->settings);
	pppd->settings.instance = instance;
	pppd_options_init(&pppd->options, &pppd->settings, &pppd->faults);
	int code = run(pppd, argc, argv);
	pppd_options_free(&pppd->options);
	settings_free(&pppd->settings);
	free(pppd);
	return code;
}

int pppd_main(int argc, char **argv)
{
	return main_as(argc, argv, NULL);
}

int pppd_up(const char *path, const char *name)
{
	const char *const words[] = {
		"pppd", path ? "file" : "call", path ? path : name, "updetach", "linkname", name};
	enum { WORDS = sizeof words / sizeof words[0] };
	char *argv[WORDS + 1] = {NULL};
	int code = 1;
	for (unsigned i = 0; i < WORDS; i++)
		argv[i] = strdup(words[i]);
	if (argv[WORDS - 1])
		code = main_as(WORDS, argv, name);
	for (unsigned i = 0; i < WORDS; i++)
		free(argv[i]);
	return code;
}
