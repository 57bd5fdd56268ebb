/* Networks behind a user (route:CIDR in his line of the secrets file). */
#ifndef GREYLINE_USER_ROUTES_H
#define GREYLINE_USER_ROUTES_H

#include "secrets.h"
#include "server.h"

/* They lead to this session from here on, and may be the source of its packets. Of two sessions
 * with the same network the later one has it. `secret` may be NULL. */
void user_routes_add(struct server *server, struct seat *seat, const struct secret *secret);
void user_routes_remove(struct server *server, struct seat *seat);

#endif
