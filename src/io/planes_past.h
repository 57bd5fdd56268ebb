/* What a session was told so far, as far as it still holds: to be told again to another plane. */
#ifndef GREYLINE_PLANES_PAST_H
#define GREYLINE_PLANES_PAST_H

#include "command.h"

enum {
	PAST_ATTACH,
	PAST_CONNECT,
	PAST_PATH,
	/* An epoch forgets what follows. */
	PAST_FRAMING,
	PAST_HEADERS,
	PAST_COMPRESS = PAST_HEADERS + 2,
	PAST_CIPHER = PAST_COMPRESS + 2,
	PAST_RECEIVE_KEY = PAST_CIPHER + 2,
	PAST_TRANSMIT_KEY,
	PAST_BUNDLE,
	PAST_COMMANDS
};

struct past {
	struct datapath_command at[PAST_COMMANDS];
	bool has[PAST_COMMANDS];
	uint64_t frames; /* sent, in all epochs */
};

void past_add(struct past *past, const struct datapath_command *command);
/* Tells it all to `tell`, in the order in which a session is told; `sequence`: of the next packet.
 */
void past_tell(const struct past *past, uint32_t sequence,
	void (*tell)(void *context, const struct datapath_command *command), void *context);
void past_wipe(struct past *past);

#endif
