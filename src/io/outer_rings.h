/* What packet rings lend to AF_XDP: a link that only sends, for a worker without a queue. */
#ifndef GREYLINE_OUTER_RINGS_H
#define GREYLINE_OUTER_RINGS_H

#include "outer_link.h"

/* 0 or -errno. To be used and closed with the functions of `outer_rings`. */
int outer_rings_open_sender(struct outer_link **link, const struct outer_link_config *config);

#endif
