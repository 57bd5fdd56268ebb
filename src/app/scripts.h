/* pppd's scripts: who is called when, with which arguments and which environment.
 *
 * The helper runs them; those of one session run one after another, so that ip-down never begins
 * before ip-up has ended, nor ipv6-down before ipv6-up. Only ip-pre-up is waited for. */
#ifndef GREYLINE_SCRIPTS_H
#define GREYLINE_SCRIPTS_H

#include "host.h"

/* `then` is called with the seat when ip-pre-up has ended, or at once when scripts are off; not at
 * all when the session is over by then. */
void scripts_pre_up(struct host *host, struct seat *seat, void (*then)(struct seat *seat));
void scripts_auth_up(struct host *host, struct seat *seat);
/* ip-up, when IPv4 is up; once. */
void scripts_ip_up(struct host *host, struct seat *seat);
/* ipv6-up or ipv6-down, as IPv6 has come up, or ended while IPv4 goes on. */
void scripts_ipv6(struct host *host, struct seat *seat);
/* ipv6-prefix, when seat->delegated has become another than `before`. */
void scripts_ipv6_prefix(struct host *host, struct seat *seat, const struct prefix *before);
/* ipv6-down, ip-down and auth-down, for whichever of their counterparts ran. */
void scripts_down(struct host *host, struct seat *seat);

#endif
