/* The TLS of a session's login: what the link says about it, and the threads that work on it. */
#ifndef GREYLINE_TLS_LOGIN_H
#define GREYLINE_TLS_LOGIN_H

#include "host.h"

/* One TUNNEL_TLS item. */
void tls_login_item(
	struct seat *seat, uint32_t token, uint16_t arg, const uint8_t *bytes, size_t length);
/* The session is over. */
void tls_login_end(struct seat *seat);

/* Reads the certificates that the settings name, while every file can be read: before host_start,
 * which leaves them alone. 0, or an exit code with the reason printed. */
int tls_login_read(struct host *host, const struct settings *settings);
/* Reads certificates, keys and the CRL again. Exchanges under way keep what they began with, and so
 * does everybody when a file has faults. */
void tls_login_reload(struct host *host);

#endif
