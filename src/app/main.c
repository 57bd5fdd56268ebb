/* greyline: one program, subcommands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "arguments.h"
#include "client.h"
#include "names.h"
#include "options.h"
#include "pppd.h"
#include "pptp.h"
#include "server.h"
#include "tools.h"

static const struct command commands[] = {
	{"server", COMMAND_SERVER, NULL, "Runs a PPTP server.",
		"Without --secrets it makes a user with a random password and prints both once.",
		server_command},
	{"client", COMMAND_CLIENT, "USER@HOST [LOCAL:REMOTE]", "Connects to a PPTP server.",
		"The password comes from --password-file, $GREYLINE_PASSWORD, --secrets or a "
		"prompt.\nExit codes are pppd's.",
		client_command},
	{"up", COMMAND_UP, "NAME", "Brings a connection up and leaves it in the background.",
		"NAME is /etc/greyline/NAME.conf or /etc/ppp/peers/NAME, or a file with a slash in "
		"it.\nComes back when packets pass, or with the exit code of what failed.",
		up_command},
	{"down", COMMAND_DOWN, "NAME", "Ends what greyline up has started, and waits for its end.",
		"NAME, or --all.", down_command},
	{"link", COMMAND_LINK, "[DEVICE] [SPEED] [LOCAL:REMOTE]",
		"Runs PPP on a line, as either end.",
		"DEVICE is a serial port or a modem; --pty starts a command at the other end; "
		"without both the\nline is standard input. Exit codes are pppd's.",
		link_command},
	{"status", COMMAND_STATUS, NULL, "Shows what runs here, tunnel by tunnel.", NULL,
		status_command},
	{"sessions", COMMAND_SESSIONS, NULL, "Lists the sessions.", NULL, sessions_command},
	{"terminate", COMMAND_TERMINATE, NULL, "Ends sessions.",
		"Say which: --if, --username, --ip, --csid, --sid or --all.", terminate_command},
	{"capture", COMMAND_CAPTURE, NULL, "Writes a pcapng of live sessions.",
		"All sessions, or the one of --if, --username, --ip, --csid or --sid.",
		capture_command},
	{"dump", COMMAND_DUMP, "FILE", "Decodes a pcap or pcapng file, a line a message.", NULL,
		dump_command},
	{"doctor", COMMAND_DOCTOR, NULL, "Checks what this machine has and lacks.", NULL,
		doctor_command},
	{"check-config", COMMAND_CHECK, "FILE", "Reads a configuration and says what is wrong.",
		"Without FILE: /etc/greyline/greyline.conf and conf.d beside it.", check_command},
	{"import", COMMAND_IMPORT, "pptpd|accel-ppp|peer FILE",
		"Prints another program's configuration as one of ours.",
		"FILE is a pptpd.conf, an accel-ppp.conf or a file of /etc/ppp/peers. What has no\n"
		"counterpart stands in it as a comment, and is told as a warning.",
		import_command},
	{"bench", COMMAND_BENCH, "load", "Loads a PPTP server with many real sessions.",
		"Only for servers you are allowed to load. The password comes from where a "
		"client's\ndoes. Exit code 0: all came up and stayed.",
		bench_command},
	{"pptp", COMMAND_PPTP, "HOST", "Carries a PPTP call for pppd, with pptp-linux's options.",
		NULL, NULL},
	{"pppd", 0, NULL, "Runs PPP on a line with pppd's options and files.", NULL, NULL},
	{"version", COMMAND_VERSION, NULL, "Prints the version.", NULL, version_command},
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void help(FILE *to)
{
	fprintf(to, "greyline COMMAND [options]\n\nA PPTP server and client with a PPP of its "
		    "own.\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(to, "  %-14s %s\n", commands[i].name, commands[i].summary);
	fprintf(to, "\ngreyline COMMAND --help tells more.\n");
}

static int unknown(const char *word)
{
	const char *names[COMMANDS];
	char shown[48];
	for (size_t i = 0; i < COMMANDS; i++)
		names[i] = commands[i].name;
	const char *nearest = name_nearest(names, COMMANDS, word);
	fault_word(shown, word, strlen(word));
	if (nearest)
		fprintf(stderr, "greyline: '%s': unknown command (did you mean '%s'?)\n", shown,
			nearest);
	else
		fprintf(stderr, "greyline: '%s': unknown command (greyline --help lists them)\n",
			shown);
	return 2;
}

/* Command line over files: --config first, then the files, then the rest of the words. */
static void read_all(const struct command *command, int argc, char **argv,
	struct settings *settings, const char **word, struct faults *faults)
{
	arguments_parse(command, argc, argv, settings, word, true, faults);
	if (settings->help || faults->count)
		return;
	struct place whole = {.file = settings->config_file};
	bool daemon = command->bit & COMMAND_DAEMONS;
	int error = 0;
	if (command->bit & COMMAND_CHECK)
		; /* reads and judges it by itself */
	else if (settings->config_file)
		error = settings_read(settings, settings->config_file, faults);
	else if (daemon || command->bit & COMMAND_CONTROL)
		settings_read_default(settings, faults);
	if (error)
		fault(faults, &whole, "%s", strerror(-error));
	arguments_parse(command, argc, argv, settings, word, false, faults);
	if (command->bit & COMMAND_ENDS && !faults->count)
		settings_check(settings, faults);
}

static int run(const struct command *command, int argc, char **argv)
{
	struct settings settings;
	struct faults faults = {.report = fault_to_stderr};
	const char *word = NULL;
	int code = 2;
	settings_init(&settings);
	read_all(command, argc, argv, &settings, &word, &faults);
	if (settings.help) {
		arguments_help(command, stdout);
		code = 0;
	} else if (!faults.count) {
		code = command->run(command, &settings, word);
	}
	settings_free(&settings);
	return code;
}

/* By the name that others know us by: a symbolic link to this program. */
static bool is_called(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	return !strcmp(slash ? slash + 1 : path, name);
}

int main(int argc, char **argv)
{
	if (getauxval(AT_SECURE)) { /* files are read with the rights of who starts it */
		fputs("greyline is not made to be setuid-root: let systemd or sudo start it\n",
			stderr);
		return 3;
	}
	if (argc && is_called(argv[0], "pptp"))
		return pptp_main(argc, argv);
	if (argc && is_called(argv[0], "pppd"))
		return pppd_main(argc, argv);
	if (argc < 2) {
		help(stderr);
		return 2;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		help(stdout);
		return 0;
	}
	if (!strcmp(argv[1], "pptp"))
		return pptp_main(argc - 1, argv + 1);
	if (!strcmp(argv[1], "pppd"))
		return pppd_main(argc - 1, argv + 1);
	const char *name = !strcmp(argv[1], "--version") ? "version" : argv[1];
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return run(&commands[i], argc - 1, argv + 1);
	return unknown(argv[1]);
}
