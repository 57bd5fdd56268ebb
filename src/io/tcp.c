/* TCP connections on libuv: listening, dialling, sending with a bound.
 *
 * A connection is a libuv handle. What it needs only at its beginning (a timer, the addresses still
 * to try) and at its end (a timer again) is memory of its own, because thousands of connections
 * stand in between: 0.4 KiB each instead of 2.7. It ends in end(), which closes handle and timer;
 * the owner hears closed() when libuv has let go of them, which is why that never happens inside a
 * call of the owner's. A failed attempt closes its socket the same way and starts the next with a
 * fresh one. A name that is being resolved cannot be interrupted, so its request is an object of
 * its own that outlives a connection given up. */
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tcp.h"
#include "text.h"

enum { ADDRESSES_MAX = 16, READ_SIZE = 65536, BACKLOG = 511 };
#define DIAL_TIMEOUT_MS 10000

enum tcp_state {
	TCP_RESOLVING,
	TCP_CONNECTING,
	TCP_RETRYING, /* the socket of a failed attempt is closing; another will follow */
	TCP_ACCEPTED, /* not started yet */
	TCP_OPEN,
	TCP_LINGERING, /* flushing, then waiting for the peer's FIN */
	TCP_ENDED,
};

struct tcp_listener {
	uv_tcp_t handle;
	uv_tcp_t spare; /* takes a connection there is no memory for */
	bool spare_busy, closing;
	struct tcp_listen_config config;
};

struct resolving {
	uv_getaddrinfo_t request;
	struct tcp_connection *connection; /* NULL: given up */
};

/* From tcp_dial() until the connection stands. */
struct dialling {
	uv_loop_t *loop;
	uv_timer_t timer;
	uv_connect_t connect;
	struct resolving *resolving;
	struct address bind;
	uint32_t mark;
	uint8_t family;
	uint16_t port;
	uint64_t timeout_ms;
	struct sockaddr_storage addresses[ADDRESSES_MAX];
	unsigned address_count, address_next;
};

/* From tcp_close() on. */
struct lingering {
	uv_timer_t timer;
	uv_shutdown_t shutdown;
	bool flushed, peer_done; /* our FIN is out, theirs is in */
};

struct tcp_connection {
	uv_tcp_t handle;
	enum tcp_state state;
	bool handle_open, timer_open;
	int error; /* what closed() will say */
	const struct tcp_handlers *handlers;
	void *context;
	size_t queued;
	struct dialling *dialling;   /* NULL: it stands, or was accepted */
	struct lingering *lingering; /* NULL: it is not being closed */
};

/* Reads are delivered inside their callback, one at a time, on one thread: one buffer is enough. */
static char read_buffer[READ_SIZE];

static void try_next(struct tcp_connection *c);

/* ---- addresses ---- */

static struct address from_sockaddr(const struct sockaddr_storage *name, uint16_t *port)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	struct address a = {.family = 0};
	if (name->ss_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, name, sizeof(in));
		a.family = 4;
		memcpy(a.bytes, &in.sin_addr, 4);
		*port = ntohs(in.sin_port);
	} else if (name->ss_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, name, sizeof(in6));
		bool is_mapped = memcmp(&in6.sin6_addr, mapped, sizeof(mapped)) == 0;
		a.family = is_mapped ? 4 : 6;
		memcpy(a.bytes, in6.sin6_addr.s6_addr + (is_mapped ? 12 : 0), is_mapped ? 4 : 16);
		*port = ntohs(in6.sin6_port);
	}
	return a;
}

static void to_sockaddr(struct sockaddr_storage *name, const struct address *a, uint16_t port)
{
	memset(name, 0, sizeof(*name));
	if (a->family == 6) {
		struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
		memcpy(&in6.sin6_addr, a->bytes, 16);
		memcpy(name, &in6, sizeof(in6));
		return;
	}
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	if (a->family == 4)
		memcpy(&in.sin_addr, a->bytes, 4);
	memcpy(name, &in, sizeof(in));
}

/* ---- the end of a connection ---- */

static void release(struct tcp_connection *c)
{
	if (c->handle_open || c->timer_open)
		return;
	if (c->handlers)
		c->handlers->closed(c->context, c, c->error);
	free(c->dialling);
	free(c->lingering);
	free(c);
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct tcp_connection *c = handle->data;
	c->timer_open = false;
	release(c);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct tcp_connection *c = handle->data;
	c->handle_open = false;
	if (c->state == TCP_RETRYING)
		try_next(c);
	else
		release(c);
}

static void end(struct tcp_connection *c, int error)
{
	if (c->state == TCP_ENDED)
		return;
	bool closing = c->state == TCP_RETRYING; /* that socket is on its way out already */
	struct dialling *d = c->dialling;
	c->state = TCP_ENDED;
	c->error = error;
	if (d && d->resolving) {
		d->resolving->connection = NULL;
		uv_cancel((uv_req_t *)&d->resolving->request);
		d->resolving = NULL;
	}
	if (c->handle_open && !closing)
		uv_close((uv_handle_t *)&c->handle, on_handle_closed);
	if (c->timer_open)
		uv_close((uv_handle_t *)(d ? &d->timer : &c->lingering->timer), on_timer_closed);
}

/* A connection has one timer at most: it is dialled, or it lingers. */
static void open_timer(struct tcp_connection *c, uv_loop_t *loop, uv_timer_t *timer)
{
	uv_timer_init(loop, timer); /* cannot fail */
	timer->data = c;
	c->timer_open = true;
}

static int open_handle(struct tcp_connection *c, uv_loop_t *loop)
{
	int failed = uv_tcp_init(loop, &c->handle);
	c->handle.data = c;
	c->handle_open = !failed;
	return failed;
}

/* ---- receiving ---- */

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	*buffer = uv_buf_init(read_buffer, READ_SIZE);
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer)
{
	struct tcp_connection *c = stream->data;
	struct lingering *l = c->lingering;
	if (length == 0 || c->state == TCP_ENDED)
		return;
	if (length == UV_EOF && l && !l->flushed) {
		l->peer_done = true; /* it may still read what is on its way */
		uv_read_stop(stream);
		return;
	}
	if (length < 0)
		end(c, length == UV_EOF || (l && l->flushed) ? 0 : (int)length);
	else if (c->state == TCP_OPEN)
		c->handlers->received(c->context, c, (const uint8_t *)buffer->base, (size_t)length);
}

static int start_reading(struct tcp_connection *c)
{
	c->state = TCP_OPEN;
	uv_tcp_nodelay(&c->handle, 1); /* best effort */
	return uv_read_start((uv_stream_t *)&c->handle, on_allocate, on_read);
}

void tcp_start(struct tcp_connection *c, const struct tcp_handlers *handlers, void *context)
{
	assert(c->state == TCP_ACCEPTED);
	c->handlers = handlers;
	c->context = context;
	int failed = start_reading(c);
	if (failed)
		end(c, failed);
}

/* ---- listening ---- */

static void on_spare_closed(uv_handle_t *handle)
{
	struct tcp_listener *listener = handle->data;
	listener->spare_busy = false;
	if (listener->closing)
		free(listener);
}

/* Without memory for a connection it is taken and closed, or the listener would stand still. */
static void refuse(struct tcp_listener *listener)
{
	if (listener->spare_busy || uv_tcp_init(listener->handle.loop, &listener->spare) != 0)
		return;
	listener->spare.data = listener;
	listener->spare_busy = true;
	uv_accept((uv_stream_t *)&listener->handle, (uv_stream_t *)&listener->spare);
	uv_close((uv_handle_t *)&listener->spare, on_spare_closed);
}

static void on_connection(uv_stream_t *stream, int status)
{
	struct tcp_listener *listener = stream->data;
	if (status < 0)
		return; /* the client is gone again, or descriptors ran out: libuv goes on */
	struct tcp_connection *c = calloc(1, sizeof(*c));
	if (!c || open_handle(c, stream->loop) != 0) {
		free(c);
		refuse(listener);
		return;
	}
	int failed = uv_accept(stream, (uv_stream_t *)&c->handle);
	if (failed) {
		end(c, failed);
		return;
	}
	c->state = TCP_ACCEPTED;
	listener->config.accepted(listener->config.context, c);
	assert(c->state != TCP_ACCEPTED); /* the owner starts it or aborts it at once */
}

static void on_listener_closed(uv_handle_t *handle)
{
	struct tcp_listener *listener = handle->data;
	listener->closing = true;
	if (!listener->spare_busy)
		free(listener);
}

static const char *listen_advice(int error)
{
	switch (error) {
	case -EADDRINUSE:
		return ": another program listens there (another PPTP server? ss -ltnp shows it)";
	case -EADDRNOTAVAIL:
		return ": this host has no such address";
	case -EACCES:
		return ": ports below the kernel's limit need root or CAP_NET_BIND_SERVICE";
	default:
		return "";
	}
}

int tcp_listen(struct tcp_listener **listener, uv_loop_t *loop,
	const struct tcp_listen_config *config, char error[256])
{
	struct tcp_listener *l = calloc(1, sizeof(*l));
	struct sockaddr_storage name;
	if (!l) {
		snprintf(error, 256, "Couldn't listen: out of memory");
		return -ENOMEM;
	}
	l->config = *config;
	to_sockaddr(&name, &config->address, config->port);
	int failed = uv_tcp_init(loop, &l->handle);
	if (failed) {
		free(l);
		snprintf(error, 256, "Couldn't listen: %s", uv_strerror(failed));
		return failed;
	}
	l->handle.data = l;
	failed = uv_tcp_bind(&l->handle, (struct sockaddr *)&name,
		name.ss_family == AF_INET6 ? UV_TCP_IPV6ONLY : 0);
	if (!failed)
		failed = uv_listen((uv_stream_t *)&l->handle,
			config->backlog ? config->backlog : BACKLOG, on_connection);
	if (!failed) {
		*listener = l;
		return 0;
	}
	char words[64];
	struct text t = text_over(words, sizeof(words));
	if (config->address.family)
		text_address(&t, &config->address);
	else
		text_add(&t, "0.0.0.0");
	snprintf(error, 256, "Couldn't listen on %s port %u: %s%s", words, config->port,
		uv_strerror(failed), listen_advice(failed));
	uv_close((uv_handle_t *)&l->handle, on_listener_closed);
	return failed;
}

uint16_t tcp_listener_port(const struct tcp_listener *listener)
{
	struct sockaddr_storage name;
	int length = sizeof(name);
	uint16_t port = 0;
	if (uv_tcp_getsockname(&listener->handle, (struct sockaddr *)&name, &length) == 0)
		from_sockaddr(&name, &port);
	return port;
}

void tcp_listener_close(struct tcp_listener *listener)
{
	uv_close((uv_handle_t *)&listener->handle, on_listener_closed);
}

/* ---- dialling ---- */

/* This attempt is over; the next address is tried when its socket is closed. */
static void retry(struct tcp_connection *c, int error)
{
	c->error = error;
	uv_timer_stop(&c->dialling->timer);
	if (c->handle_open) {
		c->state = TCP_RETRYING;
		uv_close((uv_handle_t *)&c->handle, on_handle_closed);
	} else {
		try_next(c);
	}
}

static void on_dial_timeout(uv_timer_t *timer)
{
	struct tcp_connection *c = timer->data;
	if (c->state == TCP_RESOLVING)
		end(c, -ETIMEDOUT);
	else if (c->state == TCP_CONNECTING)
		retry(c, -ETIMEDOUT);
}

static void on_dialled(uv_handle_t *timer)
{
	free(timer->data);
}

/* The connection stands: what dialled it goes. */
static void dialled(struct tcp_connection *c)
{
	struct dialling *d = c->dialling;
	c->dialling = NULL;
	c->timer_open = false;
	d->timer.data = d;
	uv_close((uv_handle_t *)&d->timer, on_dialled);
}

static void on_connected(uv_connect_t *request, int status)
{
	struct tcp_connection *c = request->data;
	if (c->state != TCP_CONNECTING)
		return; /* given up: its socket is closing */
	if (status < 0) {
		retry(c, status);
		return;
	}
	dialled(c);
	int failed = start_reading(c);
	if (failed)
		end(c, failed);
	else if (c->handlers->opened)
		c->handlers->opened(c->context, c);
}

/* libuv makes its socket when it is first used, and takes one that is there instead. */
static int set_mark(struct tcp_connection *c, int family, uint32_t mark)
{
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), failed;
	if (fd < 0)
		return -errno;
	failed = setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) < 0 ? -errno : 0;
	if (!failed)
		failed = uv_tcp_open(&c->handle, fd);
	if (failed)
		close(fd);
	return failed;
}

static int connect_to(struct tcp_connection *c, const struct sockaddr_storage *name)
{
	struct dialling *d = c->dialling;
	int failed = open_handle(c, d->loop);
	if (!failed && d->mark)
		failed = set_mark(c, name->ss_family, d->mark);
	if (!failed && d->bind.family) {
		struct sockaddr_storage local;
		to_sockaddr(&local, &d->bind, 0);
		failed = local.ss_family != name->ss_family
				 ? -EADDRNOTAVAIL
				 : uv_tcp_bind(&c->handle, (struct sockaddr *)&local, 0);
	}
	if (!failed)
		failed = uv_tcp_connect(
			&d->connect, &c->handle, (const struct sockaddr *)name, on_connected);
	return failed;
}

static void try_next(struct tcp_connection *c)
{
	struct dialling *d = c->dialling;
	if (d->address_next == d->address_count) {
		end(c, c->error ? c->error : -EADDRNOTAVAIL);
		return;
	}
	c->state = TCP_CONNECTING;
	d->connect.data = c;
	uv_timer_start(&d->timer, on_dial_timeout, d->timeout_ms, 0);
	int failed = connect_to(c, &d->addresses[d->address_next++]);
	if (failed)
		retry(c, failed);
}

static void take_address(
	struct dialling *d, const struct sockaddr *name, size_t length, uint16_t port)
{
	if (d->address_count == ADDRESSES_MAX)
		return;
	struct sockaddr_storage *at = &d->addresses[d->address_count++];
	memset(at, 0, sizeof(*at));
	memcpy(at, name, length);
	if (at->ss_family == AF_INET6)
		((struct sockaddr_in6 *)at)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)at)->sin_port = htons(port);
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
	struct resolving *resolving = request->data;
	struct tcp_connection *c = resolving->connection;
	for (struct addrinfo *at = list; c && at; at = at->ai_next)
		if (at->ai_family == AF_INET || at->ai_family == AF_INET6)
			take_address(c->dialling, at->ai_addr, at->ai_addrlen, c->dialling->port);
	uv_freeaddrinfo(list);
	free(resolving);
	if (!c)
		return;
	c->dialling->resolving = NULL;
	c->error = status;
	try_next(c);
}

static int resolve(struct tcp_connection *c, const char *host)
{
	struct dialling *d = c->dialling;
	struct addrinfo hints = {
		.ai_family = d->family == 4   ? AF_INET
			     : d->family == 6 ? AF_INET6
					      : AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
	};
	struct resolving *resolving = calloc(1, sizeof(*resolving));
	if (!resolving)
		return -ENOMEM;
	resolving->connection = c;
	resolving->request.data = resolving;
	int failed = uv_getaddrinfo(d->loop, &resolving->request, on_resolved, host, NULL, &hints);
	if (failed) {
		free(resolving);
		return failed;
	}
	d->resolving = resolving;
	c->state = TCP_RESOLVING;
	uv_timer_start(&d->timer, on_dial_timeout, d->timeout_ms, 0);
	return 0;
}

static void on_start(uv_timer_t *timer)
{
	try_next(timer->data);
}

/* A literal address needs no resolver. True when `host` is one. */
static bool take_literal(struct dialling *d, const char *host, uint16_t port)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	if (uv_ip4_addr(host, port, &in) == 0) {
		take_address(d, (struct sockaddr *)&in, sizeof(in), port);
		return true;
	}
	if (uv_ip6_addr(host, port, &in6) == 0) {
		take_address(d, (struct sockaddr *)&in6, sizeof(in6), port);
		return true;
	}
	return false;
}

int tcp_dial(
	struct tcp_connection **connection, uv_loop_t *loop, const struct tcp_dial_config *config)
{
	if (strlen(config->host) > TCP_HOST_MAX)
		return -ENAMETOOLONG;
	struct tcp_connection *c = calloc(1, sizeof(*c));
	struct dialling *d = calloc(1, sizeof(*d));
	if (!c || !d) {
		free(c);
		free(d);
		return -ENOMEM;
	}
	d->loop = loop;
	d->bind = config->local;
	d->mark = config->mark;
	d->family = config->family ? config->family : config->local.family;
	d->timeout_ms = config->timeout_us ? (config->timeout_us + 999) / 1000 : DIAL_TIMEOUT_MS;
	open_timer(c, loop, &d->timer);
	c->dialling = d;
	d->port = config->port;
	if (take_literal(d, config->host, config->port)) {
		/* From the loop, like everything else that may end in a callback. */
		c->state = TCP_RESOLVING;
		uv_timer_start(&d->timer, on_start, 0, 0);
	} else {
		int failed = resolve(c, config->host);
		if (failed) {
			end(c, failed); /* handlers are not set: nobody hears of it */
			return failed;
		}
	}
	c->handlers = config->handlers;
	c->context = config->context;
	*connection = c;
	return 0;
}

/* ---- sending ---- */

struct sending {
	uv_write_t request;
	struct tcp_connection *connection;
	size_t length;
};

static void on_written(uv_write_t *request, int status)
{
	struct sending *sending = request->data;
	struct tcp_connection *c = sending->connection;
	c->queued -= sending->length;
	free(sending);
	if (status < 0)
		end(c, status);
}

static int send_later(struct tcp_connection *c, const uint8_t *bytes, size_t length)
{
	if (c->queued + length > TCP_QUEUE_MAX)
		return -ENOBUFS;
	struct sending *sending = malloc(sizeof(*sending) + length);
	if (!sending)
		return -ENOMEM;
	uv_buf_t buffer = uv_buf_init((char *)(sending + 1), (unsigned)length);
	memcpy(buffer.base, bytes, length);
	sending->connection = c;
	sending->length = length;
	sending->request.data = sending;
	int failed = uv_write(&sending->request, (uv_stream_t *)&c->handle, &buffer, 1, on_written);
	if (failed)
		free(sending);
	else
		c->queued += length;
	return failed;
}

void tcp_send(struct tcp_connection *c, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;
	if (c->state != TCP_OPEN || length == 0)
		return;
	if (c->queued == 0) {
		/* libuv does not write through this buffer. */
		uv_buf_t buffer = uv_buf_init((char *)(uintptr_t)at, (unsigned)length);
		int taken = uv_try_write((uv_stream_t *)&c->handle, &buffer, 1);
		if (taken < 0 && taken != UV_EAGAIN) {
			end(c, taken);
			return;
		}
		if (taken > 0) {
			at += taken;
			length -= (size_t)taken;
		}
	}
	int failed = length ? send_later(c, at, length) : 0;
	if (failed)
		end(c, failed);
}

/* ---- closing ---- */

static void on_linger_over(uv_timer_t *timer)
{
	struct tcp_connection *c = timer->data;
	end(c, c->lingering->flushed ? 0 : -ETIMEDOUT);
}

static void on_shutdown(uv_shutdown_t *request, int status)
{
	struct tcp_connection *c = request->data;
	if (c->state != TCP_LINGERING)
		return;
	c->lingering->flushed = status == 0;
	if (status < 0 || c->lingering->peer_done)
		end(c, status);
}

void tcp_close(struct tcp_connection *c, uint64_t linger_us)
{
	if (c->state == TCP_ENDED || c->state == TCP_LINGERING)
		return;
	if (c->state != TCP_OPEN) {
		end(c, 0);
		return;
	}
	struct lingering *l = calloc(1, sizeof(*l));
	if (!l) {
		end(c, -ENOMEM);
		return;
	}
	/* Reading goes on until the peer's FIN: closing with unread bytes would send a reset,
	 * which can overtake the last message on its way to the peer's program. */
	c->state = TCP_LINGERING;
	c->lingering = l;
	open_timer(c, c->handle.loop, &l->timer);
	l->shutdown.data = c;
	int failed = uv_shutdown(&l->shutdown, (uv_stream_t *)&c->handle, on_shutdown);
	if (failed)
		end(c, failed);
	else
		uv_timer_start(&l->timer, on_linger_over, (linger_us + 999) / 1000, 0);
}

void tcp_abort(struct tcp_connection *c)
{
	end(c, -ECANCELED);
}

/* ---- what is known ---- */

/* The kernel knows: that is asked once, and kept by the owner. */
static struct address name_of(const struct tcp_connection *c,
	int (*ask)(const uv_tcp_t *, struct sockaddr *, int *), uint16_t *port)
{
	struct sockaddr_storage name;
	int length = sizeof(name);
	*port = 0;
	if (ask(&c->handle, (struct sockaddr *)&name, &length) != 0)
		return (struct address){.family = 0};
	return from_sockaddr(&name, port);
}

struct address tcp_local(const struct tcp_connection *c)
{
	uint16_t port;
	return name_of(c, uv_tcp_getsockname, &port);
}

struct address tcp_peer(const struct tcp_connection *c)
{
	uint16_t port;
	return name_of(c, uv_tcp_getpeername, &port);
}

uint16_t tcp_peer_port(const struct tcp_connection *c)
{
	uint16_t port;
	name_of(c, uv_tcp_getpeername, &port);
	return port;
}

size_t tcp_queued(const struct tcp_connection *c)
{
	return c->queued;
}

const char *tcp_error(int error)
{
	switch (error) {
	case 0:
		return "closed in order";
	case -ENOBUFS:
		return "the peer does not read what we send";
	case -ECANCELED:
		return "given up";
	case UV_EAI_NONAME:
		return "no such host name";
	case UV_EAI_AGAIN:
		return "the name server does not answer";
	default:
		return uv_strerror(error);
	}
}
