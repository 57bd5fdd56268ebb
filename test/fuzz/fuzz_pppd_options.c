/* pppd's options files: words, what they stand for, ranks and privileges, into settings. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "pppd_options.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct settings settings;
	struct faults faults = {0};
	struct pppd_options options;
	char text[16384];
	settings_init(&settings);
	pppd_options_init(&options, &settings, &faults);
	options.memory = true;
	if (length) /* what the administrator says, then what the user does */
		pppd_options_parse(&options, "options", (const char *)bytes + 1,
			bytes[0] < length ? bytes[0] : length - 1, true);
	if (length && bytes[0] < length)
		pppd_options_parse(
			&options, "user", (const char *)bytes + bytes[0], length - bytes[0], false);
	pppd_options_finish(&options, "host");
	FILE *to = fmemopen(text, sizeof text, "w");
	if (to) {
		pppd_options_dump(&options, to);
		fclose(to);
	}
	pppd_options_free(&options);
	settings_free(&settings);
	return 0;
}
