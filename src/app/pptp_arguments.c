/* The command line of pptp-linux (see pptp_arguments.h).
 *
 * Whatever begins with -- and stands before a -- of its own is pptp's; the first word that is none
 * of these is the server, and the others are pppd's. The options are rows of the one table. */
#include "pptp_arguments.h"

#include <stdlib.h>
#include <string.h>

#include "options.h"

const struct command pptp_options = {"pptp", COMMAND_PPTP, "HOST [[--] PPPD-OPTION...]",
	"Carries a PPTP call for pppd, with pptp-linux's options.",
	"With --nolaunchpppd PPP is on standard input and output, as in\n"
	"  pppd pty \"pptp HOST --nolaunchpppd\" ...\n"
	"Without, pppd is started on a pty. greyline client needs no pppd.",
	NULL};

static bool is_flag(const struct option *option)
{
	return option->type == OPTION_FLAG || option->type == OPTION_MASK;
}

/* The option that `text` (up to a =) names, whole or by its beginning; NULL when none or several
 * begin so. */
static const struct option *find(const char *text)
{
	size_t length = strcspn(text, "=");
	const struct option *found = NULL;
	unsigned fitting = 0;
	for (size_t i = 0; i < option_count; i++) {
		const struct option *option = &option_table[i];
		if (!(option->commands & COMMAND_PPTP) || strncmp(option->name, text, length) != 0)
			continue;
		if (!option->name[length])
			return option;
		found = option;
		fitting++;
	}
	return fitting == 1 ? found : NULL;
}

/* One option, with its value behind it or in the next word, into the settings. */
static int take_option(
	int argc, char **argv, int *at, struct settings *settings, struct faults *faults)
{
	const char *text = argv[*at] + 2, *equals = strchr(text, '=');
	const struct option *option = find(text);
	char error[OPTION_ERROR_MAX], shown[48];
	if (!option) {
		fault(faults, NULL, "%s: not an option of pptp (pptp --help lists them)",
			fault_word(shown, argv[*at], strlen(argv[*at])));
		return PPTP_USAGE;
	}
	const char *value = equals ? equals + 1 : NULL;
	if (!value && !is_flag(option) && *at + 1 < argc)
		value = argv[++*at];
	if (option_store(option, settings, value, false, false, error))
		return 0;
	fault(faults, NULL, "--%s: %s", option->name, error);
	return PPTP_VALUE;
}

int pptp_arguments_parse(int argc, char **argv, struct settings *settings,
	struct pptp_arguments *arguments, struct faults *faults)
{
	bool over = false;
	int code = 0;
	*arguments = (struct pptp_arguments){.words = calloc((size_t)argc + 1, sizeof(char *))};
	if (!arguments->words)
		abort();
	for (int at = 1; at < argc && !code; at++) {
		char *text = argv[at], shown[48];
		if (!over && !strcmp(text, "--"))
			over = true;
		else if (!over && !strncmp(text, "--", 2))
			code = take_option(argc, argv, &at, settings, faults);
		else if (!over && text[0] == '-') {
			fault(faults, NULL, "%s: what begins with - and is pppd's goes behind --",
				fault_word(shown, text, strlen(text)));
			code = PPTP_USAGE;
		} else if (!arguments->host)
			arguments->host = text;
		else
			arguments->words[arguments->word_count++] = text;
	}
	if (!code && !arguments->host && !settings->help && !settings->version) {
		fault(faults, NULL, "a server is needed: pptp HOST (pptp --help tells more)");
		code = PPTP_USAGE;
	}
	return code;
}
