/* Call ID 0, for a NAT that does not track PPTP: when it is tried (see call_zero.c). */
#ifndef GREYLINE_CALL_ZERO_H
#define GREYLINE_CALL_ZERO_H

#include <stdbool.h>

#include "log.h"
#include "settings.h"
#include "tunnel.h"

struct call_zero {
	enum nat_fallback mode;
	bool now; /* the connection that is dialled next, or stands, has Call ID 0 */
};

/* How a connection went. */
struct call_zero_try {
	bool up;      /* it was */
	bool unheard; /* the call was connected, and no GRE came */
	enum close_reason reason;
	const char *peer; /* for the log */
};

void call_zero_init(struct call_zero *zero, enum nat_fallback mode);
/* What a connection needs beside the Call ID. */
void call_zero_configure(const struct call_zero *zero, struct tunnel_config *config);
/* The connection has ended: whether it is to be dialled once more, at once, in the other way. */
bool call_zero_again(struct call_zero *zero, const struct call_zero_try *how, struct log *log);

#endif
