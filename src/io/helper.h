/* The helper: a small process that keeps root while the main process gives it up.
 *
 * It is forked before privileges are dropped and filters installed, and does a fixed set of
 * things: put in and take out our nft table, run the PPP program of a call, set an allowed sysctl,
 * add the routes that do not vanish with our interfaces, write resolv.conf, run one of the scripts
 * named at its start, put an expired password's successor into the secrets file named there. Every
 * change to the host goes to the state file first. Requests with the same key run one after
 * another in the order given, so that a session's ip-down never starts before its ip-up has ended;
 * different keys run side by side.
 *
 * When the main process is gone, however it went, the helper ends what it runs, undoes what the
 * state file holds and exits. It ignores TERM, INT and HUP until then, because service managers
 * and terminals send those to the whole group. */
#ifndef GREYLINE_HELPER_H
#define GREYLINE_HELPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <uv.h>

#include "address.h"
#include "netlink.h"
#include "nft.h"

struct helper;

enum {
	HELPER_SCRIPTS_MAX = 16,
	HELPER_ARGUMENTS_MAX = 8,
	HELPER_ENVIRONMENT_MAX = 40,
	HELPER_DNS_MAX = 4,
	HELPER_MESSAGE_MAX = 16384, /* one request with all its strings */
	HELPER_RUNNING_MAX = 32,    /* scripts at the same time */
};

/* What a program is told that speaks PPP for one call; host order. */
struct helper_program {
	uint32_t local4, remote4;
	struct address client; /* outer */
};

struct helper_config {
	const char *state_path;  /* /run/greyline/NAME.state */
	const char *resolv_path; /* NULL: /etc/resolv.conf */
	/* The network namespace the helper works in, scripts included: what namespace_open() takes.
	 * NULL: this one. */
	const char *space;
	/* What may be run: absolute paths, named by index later. A script that does not exist when
	 * its turn comes is no error. */
	const char *scripts[HELPER_SCRIPTS_MAX];
	unsigned script_count;
	/* Variables for them, NAME=VALUE, over those of the requests; and names of some they shall
	 * not have. */
	char *const *set, *const *unset;
	size_t set_count, unset_count;
	uint64_t script_timeout_us; /* 0: 60 seconds; then it is killed with its children */
	/* The program of helper_program(), by its absolute path, and its options file; NULL: none.
	 */
	const char *program, *program_options;
	/* The secrets file and how its owner's room changes it (secrets.h); NULL: there is none. */
	const char *secrets_path;
	int (*renew)(const char *path, const char *client, const char *server, const char *word,
		char error[256]);
};

/* Forks the helper. Call it as root, before any thread, loop or descriptor that the helper should
 * not hold. First undoes a stale state file (telling `log`); a live one is -EBUSY. 0 or -errno
 * with `error`. */
int helper_start(struct helper **helper, const struct helper_config *config,
	void (*log)(void *context, const char *line), void *context, char error[256]);
/* From here on answers come through `loop`. Requests may be made before. `lost` is called if the
 * helper dies. */
int helper_attach(
	struct helper *helper, uv_loop_t *loop, void (*lost)(void *context), void *context);
pid_t helper_pid(const struct helper *helper);

/* How a request ended: 0, a script's exit status (1 to 255, or 128 + signal), or -errno with
 * `error` in words (otherwise empty). -ENOENT for a script that is not there, -ETIMEDOUT for one
 * that was killed. `done` may be NULL; it comes from the loop. */
typedef void helper_done(void *context, int result, const char *error);

/* Ordering keys: a session's subject, or this one for the host's own settings. */
#define HELPER_KEY_HOST 0u

/* --nat: the table of nft.h, and its removal. */
void helper_nat(
	struct helper *helper, const struct nft_config *config, helper_done *done, void *context);
void helper_nat_remove(struct helper *helper, const char *table, helper_done *done, void *context);

/* Sysctls that may be set; the old value comes back with helper_undo(). */
enum helper_sysctl {
	HELPER_IPV4_FORWARD, /* net.ipv4.ip_forward */
	HELPER_IPV6_FORWARD, /* net.ipv6.conf.all.forwarding */
	HELPER_SYSCTL_COUNT,
};
void helper_sysctl(struct helper *helper, enum helper_sysctl which, const char *value,
	helper_done *done, void *context);

/* A route that outlives our interfaces (the one to the server, outside the tunnel). Adding one
 * that is there already succeeds and is not recorded, so that it is not removed later either. */
void helper_route_add(
	struct helper *helper, const struct netlink_route *route, helper_done *done, void *context);
void helper_route_delete(
	struct helper *helper, const struct netlink_route *route, helper_done *done, void *context);

/* Proxied neighbours will be made (netlink_proxy_add): from here on all there are go when
 * everything is undone. */
void helper_proxy(struct helper *helper, helper_done *done, void *context);

/* resolv.conf with these servers, and these domains (names with blanks between them, or "") to look
 * names up in; and the old one back. */
void helper_dns(struct helper *helper, const struct address *servers, unsigned count,
	const char *search, helper_done *done, void *context);
void helper_dns_restore(struct helper *helper, helper_done *done, void *context);

/* Runs scripts[script]. `arguments` are those after the path; `environment` is "NAME=value" and
 * nothing else but PATH; names other than those of the manual are refused with -EINVAL. Standard
 * input and output are /dev/null, the working directory is /. */
void helper_script(struct helper *helper, uint32_t key, unsigned script,
	const char *const *arguments, unsigned argument_count, const char *const *environment,
	unsigned environment_count, helper_done *done, void *context);

/* A user's new password into the secrets file. `server` NULL: the line has a wildcard there. */
void helper_renew(struct helper *helper, const char *client, const char *server, const char *word,
	helper_done *done, void *context);

/* Runs the program on a terminal, as poptop runs pppd:
 *
 *     PROGRAM local [file OPTIONS] 115200 LOCAL:REMOTE ipparam CLIENT remotenumber CLIENT
 *
 * `terminal` is its standard input and output, and stays the caller's; standard error is /dev/null.
 * Programs wait for nobody, and nobody for them. `done` tells how it ended, when it has. */
void helper_program(struct helper *helper, uint32_t key, int terminal,
	const struct helper_program *program, helper_done *done, void *context);
/* The call with this key is over: HUP to its program, then TERM, then KILL, if it takes that. */
void helper_program_end(struct helper *helper, uint32_t key);

/* Undoes everything, newest first, behind all earlier requests of every key. */
void helper_undo(struct helper *helper, helper_done *done, void *context);

/* Requests not answered yet. */
unsigned helper_pending(const struct helper *helper);

/* Lets the helper go: it ends what was asked of it, undoes what is left and exits; waits for that
 * up to `wait_us`. Callbacks do not come any more. */
void helper_stop(struct helper *helper, uint64_t wait_us);

#endif
