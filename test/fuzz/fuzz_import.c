/* Other programs' configurations (greyline import): the first byte says which, the rest is the
 * file. What is printed must be a configuration without faults of its own grammar. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "import.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static void (*const readers[])(struct import *, const char *, const char *, size_t) = {
		import_pptpd, import_accel, import_peer};
	struct faults faults = {0}, own = {0};
	struct settings settings;
	struct import import;
	char *printed = NULL;
	size_t size = 0;
	if (!length)
		return 0;
	unsigned kind = bytes[0] % 3;
	FILE *to = open_memstream(&printed, &size);
	if (!to)
		return 0;
	if (import_begin(&import, kind == 2 ? SECTION_CLIENT : SECTION_SERVER, &faults)) {
		import.alone = true;
		readers[kind](&import, "fuzz", (const char *)bytes + 1, length - 1);
		import_print(&import, "fuzz", "fuzz", to);
	}
	import_end(&import);
	fclose(to);
	settings_init(&settings);
	settings_parse(&settings, "printed", printed, size, &own);
	assert(!own.count);
	settings_free(&settings);
	free(printed);
	return 0;
}
