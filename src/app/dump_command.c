/* greyline dump: the command around dump.c. */
#include <stdio.h>
#include <string.h>

#include "dump.h"
#include "slurp.h"
#include "tools.h"

enum { DUMP_FILE_MAX = 1 << 30 };

static void print_line(void *context, const char *line)
{
	puts(line);
}

int dump_command(const struct command *command, struct settings *settings, const char *word)
{
	char *bytes;
	size_t length;
	struct dump_totals totals;
	if (!word) {
		fprintf(stderr, "greyline dump: a capture file is needed (- for standard input)\n");
		return 2;
	}
	const char *path = strcmp(word, "-") ? word : "/dev/stdin";
	int error = slurp(path, DUMP_FILE_MAX, &bytes, &length, NULL);
	if (error) {
		fprintf(stderr, "%s: %s\n", word, strerror(-error));
		return 1;
	}
	bool whole = dump_capture((const uint8_t *)bytes, length, print_line, NULL, &totals);
	slurp_free(bytes, length);
	fprintf(stderr, "%llu packets: %llu control messages, %llu GRE, %llu others; %llu gaps\n",
		(unsigned long long)totals.packets, (unsigned long long)totals.messages,
		(unsigned long long)totals.gre, (unsigned long long)totals.others,
		(unsigned long long)totals.gaps);
	return whole ? 0 : 1;
}
