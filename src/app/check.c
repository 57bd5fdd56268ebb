/* greyline check-config and version. */
#include <stdio.h>
#include <string.h>

#include "filters.h"
#include "options.h"
#include "pool.h"
#include "secrets.h"
#include "tls.h"
#include "tools.h"

static void check_secrets(const char *path, struct faults *faults)
{
	struct secrets secrets;
	struct place whole = {.file = path};
	if (!path)
		return;
	secrets_init(&secrets);
	int error = secrets_read(&secrets, path, faults);
	if (error)
		fault(faults, &whole, "%s", strerror(-error));
	secrets_free(&secrets);
}

static void check_pool(const struct settings *settings, struct faults *faults)
{
	struct pool pool;
	char error[256];
	if (pool_init(&pool, &settings->pool, error) < 0)
		fault(faults, NULL, "%s", error);
	else
		pool_free(&pool);
}

static void check_filters(const struct settings *settings, struct faults *faults)
{
	struct filters filters;
	char error[FILTERS_ERROR];
	if (filters_compile(&filters, settings, error) < 0)
		fault(faults, NULL, "%s", error);
	else
		filters_free(&filters);
}

int check_command(const struct command *command, struct settings *settings, const char *word)
{
	struct faults faults = {.report = fault_to_stderr};
	const char *path = word ? word : settings->config_file;
	struct place whole = {.file = path};
	if (path) {
		int error = settings_read(settings, path, &faults);
		if (error)
			fault(&faults, &whole, "%s", strerror(-error));
	} else {
		settings_read_default(settings, &faults);
	}
	settings_check(settings, &faults);
	check_pool(settings, &faults);
	check_secrets(settings->secrets, &faults);
	check_secrets(settings->pap_secrets, &faults);
	check_filters(settings, &faults);
	tls_credentials_return(tls_credentials_read(settings, &faults));
	if (faults.count)
		return 2;
	printf("%s: no faults", path ? path : "the configuration");
	if (faults.warnings)
		printf(", %u warning%s", faults.warnings, faults.warnings == 1 ? "" : "s");
	putchar('\n');
	return 0;
}

int version_command(const struct command *command, struct settings *settings, const char *word)
{
	printf("greyline %s\n", GREYLINE_VERSION);
	return 0;
}
