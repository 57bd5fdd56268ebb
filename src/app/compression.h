/* Which compressors the settings allow, and the memory they may take. */
#ifndef GREYLINE_COMPRESSION_H
#define GREYLINE_COMPRESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "fault.h"
#include "settings.h"
#include "unit.h"

/* pppd's "9 to 15, or 0 for none": one number for both directions, or that of what we receive, a
 * comma, and that of what we send. False: it is neither. `sizes` may be NULL. */
bool compression_sizes(const char *word, uint8_t sizes[2]);
bool value_is_sizes(const char *word); /* the same, for the table of options */

void compression_allowed(const struct settings *settings, struct ccp_compressors *allowed);
/* The most memory a session can come to need for them, bytes. */
size_t compression_cost(const struct ccp_compressors *allowed);
void compression_check(const struct settings *settings, struct faults *faults);

#endif
