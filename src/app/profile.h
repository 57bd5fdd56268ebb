/* Settings to the configuration of a tunnel and its sessions. */
#ifndef GREYLINE_PROFILE_H
#define GREYLINE_PROFILE_H

#include "settings.h"
#include "tunnel.h"

/* What server and client have in common; the rest is theirs. `path_mtu` is what the outer path
 * takes inside. `name` is ours and outlives the tunnel. */
void profile_common(struct tunnel_config *config, const struct settings *settings,
	uint16_t path_mtu, const char *host_name);

#endif
