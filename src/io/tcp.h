/* TCP on the control thread's loop: listeners, connections in and out, a bounded write queue.
 *
 * Everything here belongs to the control thread. Nothing blocks: a peer that neither reads nor
 * writes costs its own memory only. Callbacks come from the loop, never from inside a call of this
 * header, so a caller may close or free what it likes in them.
 *
 * Errors are -errno (libuv's codes are the same numbers), plus -EAI_* of libuv for a name that
 * does not resolve; tcp_error() turns each into words. */
#ifndef GREYLINE_TCP_H
#define GREYLINE_TCP_H

#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "address.h"

struct tcp_listener;
struct tcp_connection;

enum {
	TCP_HOST_MAX = 255,        /* a name to resolve, without its terminator */
	TCP_QUEUE_MAX = 256 << 10, /* bytes waiting for a peer that does not read */
};

/* What the owner of a connection hears. `context` is the owner's. */
struct tcp_handlers {
	/* Dialled connections only: the connection stands, its addresses are known. May be NULL
	 * for accepted ones. */
	void (*opened)(void *context, struct tcp_connection *connection);
	/* Bytes, valid during the call. */
	void (*received)(void *context, struct tcp_connection *connection, const uint8_t *bytes,
		size_t length);
	/* Always called, exactly once and last; the connection is freed behind it. `error` is 0
	 * when the peer closed in order or tcp_close() completed, -ECANCELED after tcp_abort(),
	 * -ENOBUFS when the peer let the queue run full, -ETIMEDOUT when dialling or closing took
	 * too long, or what the kernel said. */
	void (*closed)(void *context, struct tcp_connection *connection, int error);
};

/* A listener. Several may exist; address family 0 means every IPv4 address. IPv6 listeners take
 * IPv6 only. `accepted` gets each new connection and must call tcp_start() or tcp_abort() on it
 * before it returns. Nagle is off, and close-on-exec on, for every connection. */
struct tcp_listen_config {
	struct address address;
	uint16_t port; /* host order; 0 lets the kernel choose: see tcp_listener_port() */
	int backlog;   /* 0: 511 */
	void (*accepted)(void *context, struct tcp_connection *connection);
	void *context;
};

/* 0 or -errno; `error` gets what failed, on what, and what to do next. */
int tcp_listen(struct tcp_listener **listener, uv_loop_t *loop,
	const struct tcp_listen_config *config, char error[256]);
uint16_t tcp_listener_port(const struct tcp_listener *listener);
/* Closes the listener; connections it accepted stay. Freed when the loop has run once more. */
void tcp_listener_close(struct tcp_listener *listener);

/* Takes an accepted connection: reading starts, callbacks come from now on. */
void tcp_start(
	struct tcp_connection *connection, const struct tcp_handlers *handlers, void *context);

/* Resolves `host` (a name or a literal address) off the loop, then tries each address in turn
 * until one answers. */
struct tcp_dial_config {
	const char *host;                    /* copied */
	uint16_t port;                       /* host order */
	struct address local;                /* leave from here; family 0: the kernel chooses */
	uint8_t family;                      /* 4, 6, or 0 for both */
	uint32_t mark;                       /* SO_MARK; 0: none. CAP_NET_ADMIN */
	uint64_t timeout_us;                 /* for each address; 0: 10 seconds */
	const struct tcp_handlers *handlers; /* must outlive the connection */
	void *context;
};

/* 0 or -errno (no memory, a name too long). Ends in opened() or closed(). */
int tcp_dial(
	struct tcp_connection **connection, uv_loop_t *loop, const struct tcp_dial_config *config);

/* Sends a copy of `bytes`. What the kernel does not take at once is queued up to TCP_QUEUE_MAX;
 * beyond that the connection is closed with -ENOBUFS. Ignored once closing. */
void tcp_send(struct tcp_connection *connection, const void *bytes, size_t length);

/* Sends what is queued, then FIN, then closes; after `linger_us` it closes whatever is left.
 * Nothing is received any more. */
void tcp_close(struct tcp_connection *connection, uint64_t linger_us);
/* Closes at once; what is queued is lost. Also cancels a dial. */
void tcp_abort(struct tcp_connection *connection);

/* The two ends, asked of the kernel; family 0 while there is no connection. An IPv4-mapped IPv6
 * address is given as IPv4. */
struct address tcp_local(const struct tcp_connection *connection);
struct address tcp_peer(const struct tcp_connection *connection);
uint16_t tcp_peer_port(const struct tcp_connection *connection);
size_t tcp_queued(const struct tcp_connection *connection); /* bytes not yet with the kernel */

/* A sentence for an error of closed(); a constant string. */
const char *tcp_error(int error);

#endif
