/* A session's commands, the last of each kind (see planes_past.h). Frames are not kept: those that
 * went out went out, and PPP sends again what was lost. Networks are not, because a session whose
 * network is up moves no more. */
#include "planes_past.h"

#include <string.h>

/* Where a command is kept; PAST_COMMANDS: nowhere. */
static unsigned place_of(const struct datapath_command *command)
{
	switch (command->kind) {
	case DATAPATH_ATTACH:
		return PAST_ATTACH;
	case DATAPATH_CONNECT:
		return PAST_CONNECT;
	case DATAPATH_PATH:
		return PAST_PATH;
	case DATAPATH_FRAMING:
		return PAST_FRAMING;
	case DATAPATH_HEADERS:
		return PAST_HEADERS + command->headers.transmit;
	case DATAPATH_COMPRESS:
		return PAST_COMPRESS + command->compress.transmit;
	case DATAPATH_CIPHER:
		return PAST_CIPHER + command->cipher.transmit;
	case DATAPATH_RECEIVE_KEY:
		return PAST_RECEIVE_KEY;
	case DATAPATH_TRANSMIT_KEY:
		return PAST_TRANSMIT_KEY;
	case DATAPATH_BUNDLE:
		return PAST_BUNDLE;
	case DATAPATH_FRAME:
	case DATAPATH_START_KEYS: /* the user plane has them with the keys */
	case DATAPATH_NETWORK:
	case DATAPATH_EPOCH:
	case DATAPATH_DETACH:
		break;
	}
	return PAST_COMMANDS;
}

void past_add(struct past *past, const struct datapath_command *command)
{
	unsigned place = place_of(command);
	if (command->kind == DATAPATH_FRAME)
		past->frames++;
	if (command->kind == DATAPATH_EPOCH) {
		past->at[PAST_ATTACH].epoch = command->epoch;
		memset(past->has + PAST_FRAMING, 0, PAST_COMMANDS - PAST_FRAMING);
		explicit_bzero(past->at + PAST_FRAMING,
			(PAST_COMMANDS - PAST_FRAMING) * sizeof(past->at[0]));
	}
	if (place == PAST_COMMANDS)
		return;
	past->at[place] = *command;
	past->has[place] = true;
}

void past_tell(const struct past *past, uint32_t sequence,
	void (*tell)(void *context, const struct datapath_command *command), void *context)
{
	for (unsigned i = 0; i < PAST_COMMANDS; i++) {
		struct datapath_command command = past->at[i];
		if (i == PAST_ATTACH)
			command.attach.sequence = sequence;
		if (past->has[i])
			tell(context, &command);
		explicit_bzero(&command, sizeof(command));
	}
}

void past_wipe(struct past *past)
{
	explicit_bzero(past, sizeof(*past));
}
