/* Which GRE packets of this host a raw socket gets (classic BPF, no privilege beyond the socket's).
 *
 * What may be ours is version 1 with a key, protocol PPP (RFC 2637 §4.1) and a call ID of this
 * worker (`id % workers == worker`). Of those the socket for control frames takes PPP control
 * frames, and the one for data everything else: what is cut short too, so that it is counted. */
#ifndef GREYLINE_OUTER_FILTER_H
#define GREYLINE_OUTER_FILTER_H

#include <stdbool.h>
#include <stdint.h>

/* 0 or -errno. What was queued before is thrown away. */
int outer_filter_attach(int fd, uint8_t family, bool control, unsigned worker, unsigned workers);

#endif
