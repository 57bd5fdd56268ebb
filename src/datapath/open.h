/* What the rest of the room needs of the opening side. */
#ifndef GREYLINE_OPEN_H
#define GREYLINE_OPEN_H

#include <stdint.h>

#include "datapath.h"

/* Gives up holes whose wait is over and delivers what was held behind them, as far as the list
 * has room. */
void open_expired(
	struct datapath_engine *engine, struct datapath *dp, uint64_t now, struct packet_list *out);

/* LCP has restarted: what an early control frame overtook belongs to the old epoch, and is no
 * longer waited for. */
void open_epoch(
	struct datapath_engine *engine, struct datapath *dp, uint64_t now, struct packet_list *out);

#endif
