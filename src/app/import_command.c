/* greyline import: prints another program's configuration as ours (see import.h). */
#include <errno.h>
#include <string.h>

#include "import.h"
#include "slurp.h"
#include "tools.h"

enum { FILE_MAX = 1 << 20 };

static const struct {
	const char *word;
	uint8_t role;
	void (*read)(struct import *import, const char *file, const char *bytes, size_t length);
} kinds[] = {{"pptpd", SECTION_SERVER, import_pptpd}, {"accel-ppp", SECTION_SERVER, import_accel},
	{"peer", SECTION_CLIENT, import_peer}};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

static int usage(const char *what)
{
	fprintf(stderr, "greyline import: %s\n", what);
	return 2;
}

int import_command(const struct command *command, struct settings *settings, const char *word)
{
	struct faults faults = {.report = fault_to_stderr};
	struct import import;
	unsigned kind = 0;
	char *bytes;
	size_t length;
	while (word && kind < KINDS && strcmp(kinds[kind].word, word) != 0)
		kind++;
	if (!word || kind == KINDS)
		return usage("say what it is: pptpd, accel-ppp or peer, and then its file");
	if (!settings->second_word)
		return usage("a file is needed behind the word that says what it is");
	int error = slurp(settings->second_word, FILE_MAX, &bytes, &length, NULL);
	if (error) {
		fault(&faults, &(struct place){.file = settings->second_word}, "%s",
			strerror(-error));
		return 2;
	}
	bool begun = import_begin(&import, kinds[kind].role, &faults);
	if (begun) {
		import.options_file = "/etc/ppp/options";
		kinds[kind].read(&import, settings->second_word, bytes, length);
		import_print(&import, word, settings->second_word, stdout);
	}
	import_end(&import);
	slurp_free(bytes, length);
	if (!begun || fflush(stdout) != 0) {
		fprintf(stderr, "greyline import: %s\n", strerror(begun ? errno : ENOMEM));
		return 1;
	}
	return faults.count ? 2 : 0;
}
