/* Changes to the host, each written to the state file before it is made. For the helper. */
#ifndef GREYLINE_CHANGES_H
#define GREYLINE_CHANGES_H

#include "helper_wire.h"
#include "state.h"

struct changes {
	struct state *state;
	const char *resolv_path;
	char resolv_backup[STATE_PATH_SIZE + 16];
};

/* Any request but HELPER_SCRIPT. 0, the number of failures of HELPER_UNDO, or -errno with
 * `error`. */
int changes_make(struct changes *changes, const struct helper_request *request, char error[256]);

#endif
