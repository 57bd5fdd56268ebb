/* Command lines: the first byte chooses a command, newlines part the words. What a file said
 * before is there already, so that a list on the command line takes its place. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "options.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum { WORDS_MAX = 32 };

static const struct command commands[] = {
	{"server", COMMAND_SERVER, NULL, "", NULL, NULL},
	{"client", COMMAND_CLIENT, "USER@HOST", "", NULL, NULL},
	{"check-config", COMMAND_CHECK, NULL, "", NULL, NULL},
	{"terminate", COMMAND_TERMINATE, NULL, "", NULL, NULL},
	{"capture", COMMAND_CAPTURE, NULL, "", NULL, NULL},
	{"dump", COMMAND_DUMP, "FILE", "", NULL, NULL},
};

static const char file[] = "[server]\nlisten = 192.0.2.1\npool = 10.0.0.0/24\n"
			   "[client]\nroute = 10.1.0.0/16\n[ppp]\nms-dns = 10.0.0.1\n";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	if (length == 0)
		return 0;
	const struct command *command = &commands[bytes[0] % (sizeof commands / sizeof *commands)];
	char *line = malloc(length);
	char *words[WORDS_MAX + 1] = {(char[]){"greyline"}};
	int count = 1;
	if (!line)
		return 0;
	memcpy(line, bytes + 1, length - 1);
	line[length - 1] = '\0';
	for (char *rest = line; count < WORDS_MAX && rest;)
		words[count++] = strsep(&rest, "\n");

	struct settings settings;
	struct faults faults = {0};
	const char *word = NULL;
	settings_init(&settings);
	arguments_parse(command, count, words, &settings, &word, true, &faults);
	settings_parse(&settings, "fuzz", file, sizeof file - 1, &faults);
	arguments_parse(command, count, words, &settings, &word, false, &faults);
	settings_check(&settings, &faults);
	settings_free(&settings);
	free(line);
	return 0;
}
