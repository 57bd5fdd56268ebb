/* Expands a manual page's source: a line "@options COMMAND" becomes the description of every
 * option that command takes, "@keys SECTION" of every key that section of the configuration file
 * takes. Both come from the program's own option table, so that the manual cannot lag behind.
 * "@pppd KIND" becomes the words of pppd that are keys of ours, need nothing, or cannot be had.
 * "@table" becomes the rows of a table in Markdown, that of docs/rfc.md: a heading for each first
 * cell that is not empty, and below it "second third" with the last cell as their description.
 *
 *	expand PAGE.scd [TABLE.md] > FULL.scd
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "pppd_words.h"

static const struct {
	const char *name;
	uint32_t bit;
} commands[] = {{"server", COMMAND_SERVER}, {"client", COMMAND_CLIENT}, {"status", COMMAND_STATUS},
	{"sessions", COMMAND_SESSIONS}, {"terminate", COMMAND_TERMINATE},
	{"capture", COMMAND_CAPTURE}, {"dump", COMMAND_DUMP}, {"doctor", COMMAND_DOCTOR},
	{"check-config", COMMAND_CHECK}, {"link", COMMAND_LINK}, {"up", COMMAND_UP},
	{"down", COMMAND_DOWN}, {"bench", COMMAND_BENCH}, {"pptp", COMMAND_PPTP}};

/* scdoc gives meaning to these. */
static void escaped(const char *words)
{
	for (; *words; words++) {
		if (strchr("_*\\<>[]#~", *words))
			putchar('\\');
		putchar(*words);
	}
}

static void describe(const struct option *option, bool key)
{
	printf("*");
	if (option->letter && !key)
		printf("-%c*, *", option->letter);
	escaped(key ? "" : "--");
	escaped(option->name);
	printf("*");
	if (option->argument) {
		printf(key ? " = _" : " _");
		escaped(option->argument);
		printf("_");
	}
	printf("\n\t");
	escaped(option->help);
	printf(".\n\n");
}

static int options_of(const char *name)
{
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		if (strcmp(commands[i].name, name) != 0)
			continue;
		for (size_t j = 0; j < option_count; j++)
			if (option_table[j].commands & commands[i].bit &&
				!option_table[j].file_only)
				describe(&option_table[j], false);
		return 0;
	}
	fprintf(stderr, "expand: no command '%s'\n", name);
	return 1;
}

static int keys_of(const char *name)
{
	uint8_t section = section_of(name);
	if (!section) {
		fprintf(stderr, "expand: no section '%s'\n", name);
		return 1;
	}
	for (size_t i = 0; i < option_count; i++)
		if (option_table[i].sections & section)
			describe(&option_table[i], true);
	return 0;
}

static bool alike(const struct pppd_word *a, const struct pppd_word *b)
{
	return a->kind == b->kind && !strcmp(a->does, b->does);
}

/* Words that mean the same stand together, where the first of them is. */
static int pppd_words_of(const char *name)
{
	enum pppd_kind kind = !strcmp(name, "keys")      ? PPPD_KEYS
			      : !strcmp(name, "nothing") ? PPPD_NOTHING
							 : PPPD_NEVER;
	for (size_t i = 0; i < pppd_word_count; i++) {
		const struct pppd_word *word = &pppd_words[i];
		size_t first = 0;
		while (!alike(&pppd_words[first], word))
			first++;
		if (word->kind != kind || first < i)
			continue;
		for (size_t j = i; j < pppd_word_count; j++) {
			if (!alike(&pppd_words[j], word))
				continue;
			printf(j > i ? ", *" : "*");
			escaped(pppd_words[j].name);
			printf("*");
		}
		printf("\n\t");
		escaped(word->does);
		printf(".\n\n");
	}
	return 0;
}

/* Code in Markdown is bold here. */
static void cell(const char *words)
{
	char one[2] = "";
	for (; *words; words++) {
		one[0] = *words;
		if (*words == '`')
			putchar('*');
		else
			escaped(one);
	}
}

/* The cells of a row, cut out of `line`; false when it is none. */
static bool row_of(char *line, char *cells[4])
{
	line[strcspn(line, "\n")] = '\0';
	if (*line != '|')
		return false;
	for (unsigned i = 0; i < 4; i++) {
		char *end = strchr(line + 1, '|');
		if (!end)
			return false;
		cells[i] = line + 1;
		line = end;
		*end = '\0';
		while (*cells[i] == ' ')
			cells[i]++;
		while (end > cells[i] && end[-1] == ' ')
			*--end = '\0';
	}
	return true;
}

static int table_of(const char *path)
{
	char line[2048], *cells[4];
	FILE *table = path ? fopen(path, "r") : NULL;
	if (!table) {
		fprintf(stderr, "expand: %s\n", path ? strerror(errno) : "@table of what?");
		return 1;
	}
	while (fgets(line, sizeof line, table)) {
		if (!row_of(line, cells) || cells[0][0] == '-' || !strcmp(cells[0], "RFC"))
			continue;
		if (*cells[0]) {
			printf("## ");
			cell(cells[0]);
			printf("\n\n");
		}
		cell(cells[1]);
		printf(*cells[1] && *cells[2] ? " " : "");
		cell(cells[2]);
		printf("\n\t");
		cell(cells[3]);
		printf("\n\n");
	}
	fclose(table);
	return 0;
}

int main(int argc, char **argv)
{
	char line[1024];
	int status = 0;
	FILE *page = argc == 2 || argc == 3 ? fopen(argv[1], "r") : NULL;
	if (!page) {
		fprintf(stderr, "expand: %s\n",
			argc == 2 || argc == 3 ? strerror(errno) : "a page, and perhaps a table");
		return 1;
	}
	while (!status && fgets(line, sizeof line, page)) {
		if (!strncmp(line, "@options ", 9) || !strncmp(line, "@keys ", 6)) {
			line[strcspn(line, "\n")] = '\0';
			status = line[1] == 'o' ? options_of(line + 9) : keys_of(line + 6);
		} else if (!strncmp(line, "@pppd ", 6)) {
			line[strcspn(line, "\n")] = '\0';
			status = pppd_words_of(line + 6);
		} else if (!strcmp(line, "@table\n")) {
			status = table_of(argv[2]);
		} else {
			fputs(line, stdout);
		}
	}
	fclose(page);
	return status;
}
