/* The client: one server, one session, dialled again when asked to. */
#ifndef GREYLINE_CLIENT_H
#define GREYLINE_CLIENT_H

#include "arguments.h"
#include "call_zero.h"
#include "client_unit.h"
#include "host.h"
#include "listeners.h"
#include "secrets.h"

struct line_keeper;
struct secret;

struct demand;

/* To be told what became of client_outside_keep() or client_server_find(): 0 or -errno, logged. */
typedef void client_outside_then(struct client *client, uint32_t subject, int failed);

enum { CLIENT_OUTSIDE_MAX = 2 };

/* See client_outside.c. */
struct client_outside {
	struct netlink_route routes[CLIENT_OUTSIDE_MAX]; /* that there are */
	struct netlink_route ways[CLIENT_OUTSIDE_MAX];   /* what was the way there then */
	unsigned count;
	struct address servers[CLIENT_OUTSIDE_MAX]; /* being looked at, in turn */
	unsigned looked;
	uint32_t turn, subject;
	client_outside_then *then;
};

struct client {
	struct host host;
	struct settings *settings;
	char *user;
	char *password;     /* or an NT hash of it, when `nt_hash` */
	char *new_password; /* should the other have expired; NULL: none is known */
	bool nt_hash;
	bool no_password;    /* a certificate is all it has */
	bool renewed;        /* the server knows the new one */
	char host_name[256]; /* what USER@HOST named; of a line: its name */
	char name[256];      /* ours, in the control connection */
	uint16_t port;
	struct address local;       /* --bind */
	struct listeners listeners; /* --listen: the server dials us */
	struct address awaited;
	uint32_t local4;   /* the inner address to ask for; 0: any */
	struct seat *seat; /* the session, while there is one */
	struct peer *peer; /* the control connection made first */
	uint32_t peers;    /* that one and those of further links */
	uv_timer_t redial, fill, way_answer;
	bool hung_up; /* SIGHUP asked for a new connection */
	bool was_up;
	bool unheard;             /* the call was connected, and no GRE came */
	struct call_zero zero;    /* Call ID 0: see there */
	uint32_t failures;        /* in a row */
	enum close_reason reason; /* why the last connection ended */
	struct client_way *way;   /* NULL: it is not watched */
	bool no_tun;              /* it ended because the kernel gave no interface */

	/* On a line; NULL: over PPTP. */
	struct line_keeper *keeper;
	char device[256];                 /* the terminal that the line is, while it is one */
	int line_fault;                   /* why there is none: an exit code; 0: that is not why */
	struct secrets trust;             /* the file that the peer was judged by, as it was then */
	const struct secret *peer_secret; /* the peer's line of it */

	/* What this connection changed on the host. */
	struct client_outside outside;
	unsigned dns_set;        /* how many servers */
	char search[512];        /* ... and the domains beside them */
	struct link_client link; /* the host's part on the link */
	bool configured;         /* the interface is up, with all that is known */

	struct prefix network; /* that the server says we are in; length 0: none */
	struct client_unit unit;
	struct demand *demand; /* the unit is watched; NULL: it is not */
	struct address server; /* where it was last; family 0: not known */
	bool by_name;          /* it is not there any more: the next dial asks where it is */
	bool dialling;         /* and has not got so far that there is a control connection */
};

int client_command(const struct command *command, struct settings *settings, const char *word);
/* The session of a connection: its interface is made before it begins. `began`: where there is none
 * it ends at once. */
void client_session_begins(struct client *client, struct seat *seat);
void client_session_began(struct client *client, struct seat *seat);
/* Runs a client that is complete but for its host, and frees it. `code`: of what was done before;
 * 0: all is well. The exit code. */
int client_run(struct client *client, int code);
/* For take-off: our inner address to ask for. */
void client_take_local4(struct client *client);
/* A new connection; client_connection_begins() is told. Fails into redial_ended(). */
void client_dial(struct client *client);

/* client_password.c. Finds the password: --password-file, $GREYLINE_PASSWORD, the configuration,
 * --secrets, or a prompt. 0 and a copy for the caller to wipe and free, or an exit code with the
 * reason printed. */
struct password_wish {
	const struct settings *settings;
	const char *user, *host_name; /* whose, and where */
};
int client_password(const struct password_wish *wish, char **password, bool *nt_hash);
/* The same from --secrets alone, where there may be none: then *password stays as it is. */
void client_known_password(const struct password_wish *wish, char **password, bool *nt_hash);
/* Whether one is given anywhere but at a prompt. */
bool client_has_password(const struct password_wish *wish);
/* A new one, from --new-password-file; NULL when that is not given. */
int client_new_password(const struct password_wish *wish, char **password);
/* The same from the terminal, typed twice. False when there is none, or nothing came of it. */
bool client_ask_new_password(const struct password_wish *wish, char **password);

/* client_listen.c. 0, or an exit code with the fault logged. */
int client_listen(struct client *client);
/* Whatever is known of the last connection is forgotten. */
void client_connection_begins(struct client *client);

/* client_trust.c: the server proves itself to us. */
int client_trust_check(const struct settings *settings); /* 0, or an exit code, told */
void client_credentials(struct seat *seat, uint32_t token, const struct auth_question *question);

/* client_way.c: the way to the server. */
struct client_way;
void client_way_open(struct client *client);
void client_way_close(struct client *client);
void client_way_up(struct client *client, struct peer *peer); /* a control connection is there */
void client_way_down(struct client *client, const struct peer *peer);

/* client_line.c: a line instead of PPTP. */
int link_command(const struct command *command, struct settings *settings, const char *word);
int client_line_start(struct client *client); /* 0, or an exit code, logged */
void client_line_configure(const struct client *client, struct session_config *config);
void client_line_dial(struct client *client);
/* Gives up a line that is being opened. */
void client_line_cancel(struct client *client);
void client_line_address(struct seat *seat, uint32_t token);
/* False when the session is ended instead. */
bool client_line_up(struct client *client, struct seat *seat);
/* Its session is gone. */
void client_line_over(struct client *client, struct seat *seat);
/* After the loop's end: waits for the terminal to be as it was. */
void client_line_end(struct client *client);

/* client_links.c: the links of a bundle beyond the first. */
void client_links_up(struct client *client);
void client_links_fill(struct client *client);
void client_links_tunnel_up(struct client *client, struct peer *peer);
void client_links_tunnel_down(struct client *client);
void client_links_over(struct client *client, struct seat *link);
/* Every control connection. */
void client_links_stop(struct client *client, enum close_reason reason);

/* client_outside.c: routes that keep these two servers out of the tunnel, where one of ours leads
 * there. `gre` may be of family 0. `then` may be told at once; not when another is asked for
 * meanwhile. */
void client_outside_keep(struct client *client, const struct address *tcp,
	const struct address *gre, uint32_t subject, client_outside_then *then);
void client_outside_forget(struct client *client);

/* client_server.c: where the server is, and that the way there is no way into the tunnel. */
void client_server_find(struct client *client, client_outside_then *then);

/* client_network.c. */
/* Addresses, routes and DNS of a session that came up; ends in ip-up. */
void client_network_up(struct client *client, struct seat *seat);
/* The server has answered (seat_probe): packets that wait for it may go. */
void client_network_answered(struct client *client);
/* Something of the session's network is another, or is known now. */
void client_network_changed(struct client *client, struct seat *seat);
/* DHCPv6 told something. */
void client_services_changed(struct client *client, struct seat *seat);
void client_network_down(struct client *client);

/* client_prefix.c: what DHCPv6 brings. */
/* Before the session is dialled: what it is to ask for. */
void client_prefix_wish(struct client *client, struct seat *seat);
/* The prefix is another, or lasts longer; at the end of the session: it is gone. */
void client_prefix_changed(struct client *client, struct seat *seat);

#endif
