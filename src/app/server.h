/* The server: listeners, limits, users, addresses. */
#ifndef GREYLINE_SERVER_H
#define GREYLINE_SERVER_H

#include "arguments.h"
#include "call_clash.h"
#include "dialout.h"
#include "host.h"
#include "listeners.h"
#include "pool.h"
#include "pool6.h"
#include "secrets.h"
#include "throttle.h"

struct ppp_program;

struct server {
	struct host host;
	struct settings *settings;
	struct secrets secrets, pap_secrets;
	struct pool pool;
	struct pool6 pool6, pool6_pd;
	struct link_services services;
	struct throttle by_address, by_user;
	struct listeners listeners;
	struct dialout dialouts[DIALOUTS_MAX];
	unsigned dialout_count;
	struct call_clash clash;
	struct peer *half_open; /* list; newest first */
	uint32_t half_open_count;
	struct ppp_program *programs; /* that run, with --ppp-program */
	uint32_t waiting;             /* seats whose address question waits for another to go */
	uint32_t local4;
	unsigned link; /* of the shared interface */
	bool shared;
	const char *interface; /* the shared one's name */
	char *password;        /* ours, with --own-auth; or its NT hash */
	bool nt_hash;
	char name[256]; /* ours, for CHAP and the second word of secrets */
	uint64_t logins, failed_logins, refused;
};

int server_command(const struct command *command, struct settings *settings, const char *word);

/* Makes an interface for this session alone, where each has its own; down and without addresses.
 * Only for somebody who proved himself, and before the peer learns his address: his first packets
 * shall find it. 0 or -errno, logged. */
int server_own_interface(struct server *server, struct seat *seat);

/* Somebody in this peer's tunnel has proved himself, or is taken for one who has. */
void server_logged_in(struct server *server, struct peer *peer);

/* server6.c: what IPv6 needs besides addresses. */
/* Pools, and what links are told. 0 or -ENOMEM. */
int server6_start(struct server *server);
void server6_free(struct server *server);
void server6_delegate(struct seat *seat, const struct delegate_question *question);
/* Something about the peer's prefix has changed: the pool, routes, scripts. */
void server6_services(struct seat *seat);

/* admission.c: who may come in, and with which address. */
void admission_credentials(struct seat *seat, uint32_t token, const struct auth_question *question);
const char *admission_certificate(
	struct seat *seat, const struct auth_question *question, bool failed);
void admission_address(struct seat *seat, uint32_t token);
/* The line of the seat's user, as it stands now; NULL: there is none. */
const struct secret *admission_secret(const struct seat *seat);
/* The seat gives its address back; whoever waited for one is answered. */
void admission_release(struct seat *seat);
/* Reads secrets again; reserves the fixed addresses in them. */
void admission_reload(struct server *server, bool told);
void admission_reserve(struct server *server, bool reserved);

#endif
