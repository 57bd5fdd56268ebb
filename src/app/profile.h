/* Settings to the configuration of a tunnel and its sessions. */
#ifndef GREYLINE_PROFILE_H
#define GREYLINE_PROFILE_H

#include "settings.h"
#include "tunnel.h"

/* What server and client have in common; the rest is theirs. `path_mtu` is what the outer path
 * takes inside. `name` is ours and outlives the tunnel. */
void profile_common(struct tunnel_config *config, const struct settings *settings,
	uint16_t path_mtu, const char *host_name);

/* The configurations in use, each once: thousands of peers have the same one. */
struct profile;

/* A shared copy of `config` (padding zeroed too), to be given back; NULL when out of memory. */
const struct tunnel_config *profile_take(
	struct profile **profiles, const struct tunnel_config *config);
/* NULL is nothing. */
void profile_return(struct profile **profiles, const struct tunnel_config *config);

#endif
