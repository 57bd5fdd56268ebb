/* A whole small file in memory. */
#ifndef GREYLINE_SLURP_H
#define GREYLINE_SLURP_H

#include <stddef.h>
#include <sys/stat.h>

/* 0 or -errno (-EFBIG above `max`). `bytes` belongs to the caller (slurp_free) and has a NUL
 * behind its last byte. `status` may be NULL. */
int slurp(const char *path, size_t max, char **bytes, size_t *length, struct stat *status);
void slurp_free(char *bytes, size_t length); /* wipes: it may have held passwords */

#endif
