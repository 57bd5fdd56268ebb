/* What travels between the main process and its helper: one request or reply a datagram.
 *
 * The helper trusts nothing in a request: the main process reads the peers' packets, and whoever
 * takes it over must gain no more than the operations themselves allow. */
#ifndef GREYLINE_HELPER_WIRE_H
#define GREYLINE_HELPER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "helper.h"

enum helper_operation {
	HELPER_NAT,
	HELPER_NAT_REMOVE,
	HELPER_SYSCTL,
	HELPER_ROUTE_ADD,
	HELPER_ROUTE_DELETE,
	HELPER_PROXY,
	HELPER_DNS,
	HELPER_DNS_RESTORE,
	HELPER_SCRIPT,
	HELPER_RENEW,
	HELPER_UNDO,
	HELPER_PROGRAM, /* its terminal comes with the datagram */
	HELPER_PROGRAM_END,
	HELPER_OPERATION_COUNT,
};

enum { HELPER_ERROR_SIZE = 256, HELPER_VALUE_SIZE = 32 };

struct helper_request {
	uint32_t id, key;
	enum helper_operation operation;
	union {
		struct nft_config nat; /* NAT_REMOVE: the table alone */
		struct {
			uint32_t which;
			char value[HELPER_VALUE_SIZE];
		} sysctl;
		struct netlink_route route;
		struct {
			unsigned count;
			struct address servers[HELPER_DNS_MAX];
			const char *search; /* into the datagram */
		} dns;
		struct helper_program program;
		struct { /* into the datagram, as below; server "" is a wildcard */
			const char *client, *server, *word;
		} renew;
		struct {
			uint32_t script;
			/* Pointers into the datagram; each ends with a zero byte. */
			const char *arguments[HELPER_ARGUMENTS_MAX];
			const char *environment[HELPER_ENVIRONMENT_MAX];
			unsigned argument_count, environment_count;
		} script;
	};
};

struct helper_reply {
	uint32_t id;
	int32_t result;
	char error[HELPER_ERROR_SIZE];
};

/* Bytes written to `at` (of HELPER_MESSAGE_MAX), or 0 when it does not fit. */
size_t helper_write_request(uint8_t *at, const struct helper_request *request);
/* False when the datagram is not exactly one well-formed request. */
bool helper_read_request(struct helper_request *request, const uint8_t *bytes, size_t length);

size_t helper_write_reply(uint8_t *at, const struct helper_reply *reply);
bool helper_read_reply(struct helper_reply *reply, const uint8_t *bytes, size_t length);

/* Whether "NAME=value" is one of the variables scripts may be given (the manual's list). */
bool helper_variable_allowed(const char *variable);

/* Starts the PPP program of a call (helper_program.c). The pid, or -errno. */
pid_t helper_program_start(
	const struct helper_config *config, const struct helper_program *program, int terminal);

/* The helper process itself: serves `socket` until its other end is closed. Never returns.
 * (helper_main.c) */
struct state;
_Noreturn void helper_main(int socket, const struct helper_config *config, struct state *state);

#endif
