/* --pass-filter and --active-filter (see filters.h). */
#include "filters.h"

#include <stdio.h>

static int compile(struct packet_filter **filter, const char *name, const char *expression,
	char error[FILTERS_ERROR])
{
	char why[PACKET_FILTER_ERROR];
	int failed = expression ? packet_filter_compile(filter, expression, why) : 0;
	if (failed)
		snprintf(error, FILTERS_ERROR, "%s: %s", name, why);
	return failed;
}

int filters_compile(
	struct filters *filters, const struct settings *settings, char error[FILTERS_ERROR])
{
	*filters = (struct filters){.pass = NULL};
	int failed = compile(&filters->pass, "pass-filter", settings->pass_filter, error);
	if (!failed)
		failed = compile(&filters->active, "active-filter", settings->active_filter, error);
	if (failed)
		filters_free(filters);
	return failed;
}

void filters_free(struct filters *filters)
{
	packet_filter_free(filters->pass);
	packet_filter_free(filters->active);
	*filters = (struct filters){.pass = NULL};
}
