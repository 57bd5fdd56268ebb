/* Configuration files: grammar, sections, keys and values, into settings. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "settings.h"
#include "values.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct settings settings;
	struct faults faults = {0};
	settings_init(&settings);
	settings_parse(&settings, "fuzz", (const char *)bytes, length, &faults);
	settings_check(&settings, &faults);
	for (size_t i = 0; i < settings.connect.count; i++) {
		char host[256];
		uint16_t port = 0;
		uint8_t hash[16];
		(void)value_host_port(settings.connect.at[i], host, &port);
		(void)value_hex(settings.connect.at[i], 32, hash);
	}
	struct address local, remote;
	if (settings.user)
		(void)value_ends(settings.user, &local, &remote);
	settings_free(&settings);
	return 0;
}
