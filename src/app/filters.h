/* The packet filters that the settings name, compiled. */
#ifndef GREYLINE_FILTERS_H
#define GREYLINE_FILTERS_H

#include "packet_filter.h"
#include "settings.h"

struct filters {
	struct packet_filter *pass, *active; /* NULL: none is named */
};

enum { FILTERS_ERROR = PACKET_FILTER_ERROR + 32 };

/* 0 or -errno, with `error`: which of them it is, and what is wrong with it. */
int filters_compile(
	struct filters *filters, const struct settings *settings, char error[FILTERS_ERROR]);
void filters_free(struct filters *filters);

#endif
