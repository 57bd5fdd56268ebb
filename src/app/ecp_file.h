/* The key of ECP, from the file that --ecp-key-file names. */
#ifndef GREYLINE_ECP_FILE_H
#define GREYLINE_ECP_FILE_H

#include <stdbool.h>

#include "ecp_key.h"
#include "fault.h"

/* False with the fault told; `key` is wiped then. A key that others can read is warned of. */
bool ecp_file_read(const char *path, struct ecp_key *key, struct faults *faults);

#endif
