/* The command line (see arguments.h): --name value, --name=value, -c value, --no-flag. */
#include "arguments.h"

#include <string.h>

#include "options.h"
#include "values.h"

struct walk {
	const struct command *command;
	struct settings *settings;
	struct faults *faults;
	bool only_config;
	bool seen[OPTIONS_MAX]; /* by row: a list is emptied by its first mention */
	const char **word;
	char **argv;
	int argc, at;
};

static const struct option *find_letter(char letter, uint32_t commands)
{
	for (size_t i = 0; i < option_count; i++)
		if (option_table[i].letter == letter && option_table[i].commands & commands)
			return &option_table[i];
	return NULL;
}

static void unknown(struct walk *walk, const char *name, const struct option *elsewhere)
{
	char shown[48];
	fault_word(shown, name, strlen(name));
	const char *nearest = option_nearest(name, walk->command->bit, 0);
	walk->at = walk->argc; /* whether the next word is its value nobody can know */
	if (elsewhere && elsewhere->file_only)
		fault(walk->faults, NULL,
			"--%s: never on a command line, where others can read it: use "
			"--password-file, GREYLINE_PASSWORD, or the prompt",
			shown);
	else if (elsewhere)
		fault(walk->faults, NULL, "--%s: not an option of greyline %s", shown,
			walk->command->name);
	else if (nearest)
		fault(walk->faults, NULL, "--%s: unknown option (did you mean --%s?)", shown,
			nearest);
	else
		fault(walk->faults, NULL, "--%s: unknown option (greyline %s --help lists them)",
			shown, walk->command->name);
}

static bool takes_value(const struct option *option)
{
	return option->type != OPTION_FLAG && option->type != OPTION_MASK;
}

static void store(struct walk *walk, const struct option *option, const char *value, bool negated)
{
	char error[OPTION_ERROR_MAX];
	size_t row = (size_t)(option - option_table);
	if (takes_value(option) && !value) {
		if (walk->at + 1 >= walk->argc) {
			fault(walk->faults, NULL, "--%s needs a value: %s", option->name,
				option->argument);
			return;
		}
		value = walk->argv[++walk->at];
	}
	bool early = !strcmp(option->name, "config") || !strcmp(option->name, "help");
	if (early != walk->only_config)
		return;
	if (!option_store(option, walk->settings, value, negated, !walk->seen[row], error))
		fault(walk->faults, NULL, "--%s: %s", option->name, error);
	/* Every name of the same list is seen with it. */
	for (size_t i = 0; i < option_count; i++)
		if (option_table[i].offset == option->offset)
			walk->seen[i] = true;
}

static void long_option(struct walk *walk, const char *text)
{
	char name[64];
	size_t length = strcspn(text, "=");
	const struct option *option = NULL;
	bool negated = false;
	if (length < sizeof name) {
		memcpy(name, text, length);
		name[length] = '\0';
		option = option_find_negated(name, &negated);
	}
	if (!option || !(option->commands & walk->command->bit)) {
		if (!walk->only_config)
			unknown(walk, length < sizeof name ? name : text, option);
		return;
	}
	store(walk, option, text[length] ? text + length + 1 : NULL, negated);
}

static void short_option(struct walk *walk, const char *text)
{
	const struct option *option = find_letter(text[0], walk->command->bit);
	char shown[48];
	if (option && (!text[1] || takes_value(option)))
		store(walk, option, text[1] ? text + 1 : NULL, false);
	else if (!walk->only_config)
		fault(walk->faults, NULL, "-%s: unknown option (greyline %s --help lists them)",
			fault_word(shown, text, strlen(text)), walk->command->name);
}

static void positional(struct walk *walk, const char *text)
{
	char shown[48];
	struct settings *settings = walk->settings;
	if (walk->only_config)
		return;
	if (walk->command->bit == COMMAND_CLIENT &&
		value_ends(text, &settings->local, &settings->remote))
		return;
	if (walk->command->bit == COMMAND_LINK &&
		(value_ends(text, &settings->local, &settings->remote) ||
			value_speed(text, &settings->speed)))
		return;
	if (walk->command->bit == COMMAND_IMPORT && *walk->word && !settings->second_word)
		settings->second_word = text;
	else if (!walk->command->positional || *walk->word)
		fault(walk->faults, NULL, "'%s': one word too many for greyline %s",
			fault_word(shown, text, strlen(text)), walk->command->name);
	else
		*walk->word = text;
}

void arguments_parse(const struct command *command, int argc, char **argv,
	struct settings *settings, const char **word, bool only_config, struct faults *faults)
{
	struct walk walk = {.command = command,
		.settings = settings,
		.faults = faults,
		.only_config = only_config,
		.word = word,
		.argv = argv,
		.argc = argc,
		.at = 1};
	bool options_over = false;
	for (; walk.at < argc; walk.at++) {
		const char *text = argv[walk.at];
		if (options_over || text[0] != '-' || !text[1])
			positional(&walk, text);
		else if (text[1] != '-')
			short_option(&walk, text + 1);
		else if (text[2])
			long_option(&walk, text + 2);
		else
			options_over = true;
	}
}

/* What the option is when nobody says anything; empty where that is nothing. */
static void show_default(const struct option *option, char text[32])
{
	struct settings settings;
	settings_init(&settings);
	const void *target = (const char *)&settings + option->offset;
	const uint32_t *number = target;
	const bool *flag = target;
	text[0] = '\0';
	if (option->type == OPTION_FLAG && *flag)
		strcpy(text, "yes");
	if (option->type == OPTION_NUMBER && *number && *number != UNIT_UNSET)
		snprintf(text, 32, "%u", *number);
	for (const struct option_choice *c = option->choices; c && c->word; c++)
		if (c->value == *number)
			snprintf(text, 32, "%s", c->word);
}

/* A row of help: the option in the left column, its text wrapped in the right one. */
static void help_row(const struct option *option, FILE *to)
{
	enum { LEFT = 30, WIDTH = 96 };
	char letter[8] = "    ";
	if (option->letter)
		snprintf(letter, sizeof letter, "-%c, ", option->letter);
	int used = fprintf(to, "  %s--%s%s%s", letter, option->name, option->argument ? " " : "",
		option->argument ? option->argument : "");
	if (used >= LEFT) {
		fputc('\n', to);
		used = 0;
	}
	fprintf(to, "%*s", LEFT - used, "");
	char text[512], standard[32];
	show_default(option, standard);
	if (*standard)
		snprintf(text, sizeof text, "%s (default: %s)", option->help, standard);
	else
		snprintf(text, sizeof text, "%s", option->help);
	int column = LEFT;
	for (const char *at = text; *at;) {
		int length = (int)strcspn(at, " ");
		if (column > LEFT && column + 1 + length > WIDTH) {
			fprintf(to, "\n%*s", LEFT, "");
			column = LEFT;
		}
		column += fprintf(to, "%s%.*s", column > LEFT ? " " : "", length, at);
		at += length;
		at += strspn(at, " ");
	}
	fputc('\n', to);
}

void arguments_help(const struct command *command, FILE *to)
{
	fprintf(to, "greyline %s%s%s [options]\n%s\n", command->name,
		command->positional ? " " : "", command->positional ? command->positional : "",
		command->summary);
	if (command->details)
		fprintf(to, "\n%s\n", command->details);
	fprintf(to, "\nOptions:\n");
	for (size_t i = 0; i < option_count; i++)
		if (option_table[i].commands & command->bit)
			help_row(&option_table[i], to);
	if (command->bit & COMMAND_ENDS)
		fprintf(to, "\nEvery option is also a key of the configuration file; a flag takes "
			    "--no-FLAG too.\n");
}
