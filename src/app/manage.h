/* The control socket: JSON with varlink's framing (an object, then a NUL byte) on a unix socket
 * that only its owner may open. Methods are in manage_methods.c. */
#ifndef GREYLINE_MANAGE_H
#define GREYLINE_MANAGE_H

#include <jansson.h>

#include "host.h"
#include "tap.h"

struct manage;
struct manage_client;

/* Listens at `name` in the run folder. 0, or an exit code of pppd's list with the reason logged:
 * 6 when another program answers there. */
int manage_open(struct host *host, const char *name);
/* Closes what is open and removes the socket; freed when the loop runs next. */
void manage_close(struct manage *manage);

/* For the methods. Takes `parameters` over. */
void manage_reply(struct manage_client *client, json_t *parameters);
/* `error` is "org.greyline.NoSuchSession"; `parameters` may be NULL. */
void manage_error(struct manage_client *client, const char *error, json_t *parameters);
/* After a reply to an upgraded call: raw bytes, dropped (false) while the reader is slow. */
bool manage_bytes(struct manage_client *client, const void *bytes, size_t length);
struct host *manage_host(struct manage_client *client);
/* The capture that ends when this client goes. */
void manage_own_tap(struct manage_client *client, struct tap *tap);
/* A place for one more capture (fanout.h); NULL when there is none, or this client captures. */
struct dataplane *manage_outlet(struct manage_client *client);
void manage_call(struct manage_client *client, const char *method, json_t *parameters);

#endif
