/* One program for each call (see ppp_program.h).
 *
 * The program gets its addresses as poptop gives them, on its command line, and does the rest by
 * itself: authentication, encryption, its interface, scripts. Its address is held until it has
 * ended, which may be a little after its call. Either end tells the other by the pty, which hangs
 * up: the line of ours that is gone clears the call, the call that is over closes the line, and the
 * helper sees to a program that takes no notice.
 *
 * Whoever has a call may log in or not, and nobody tells us. So a peer counts as one who has not
 * (max-half-open-per-peer) for the time a login may take. */
#include "ppp_program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "peer.h"
#include "pty_pair.h"
#include "relay_line.h"

struct ppp_program {
	struct ppp_program *next;
	struct server *server;
	uint32_t subject;
	uint32_t remote4; /* of the pool */
	bool asked;       /* the helper has it, and tells its end */
	uv_timer_t patience;
};

static struct ppp_program **find(struct server *server, uint32_t subject)
{
	struct ppp_program **link = &server->programs;
	while (*link && (*link)->subject != subject)
		link = &(*link)->next;
	return link;
}

static void on_closed(uv_handle_t *timer)
{
	free(timer->data);
}

static void forget(struct ppp_program *program)
{
	struct server *server = program->server;
	struct ppp_program **link = find(server, program->subject);
	*link = program->next;
	pool_release(&server->pool, program->remote4);
	uv_close((uv_handle_t *)&program->patience, on_closed);
}

static struct seat *seat_of(const struct ppp_program *program)
{
	struct seat *seat = seats_find(&program->server->host.seats, program->subject);
	return seat && !seat->over ? seat : NULL;
}

/* It has ended, or could not be started. */
static void on_done(void *context, int result, const char *error)
{
	struct ppp_program *program = context;
	struct server *server = program->server;
	struct seat *seat = seat_of(program);
	const char *path = server->settings->ppp_program;
	if (result < 0)
		log_peer(&server->host.log, LOG_KIND_SESSION, LOG_LINE_ERROR, clock_now(),
			"%s%s remote=%s",
			*error ? error : "No PPP program: ", *error ? "" : strerror(-result),
			shown_ipv4(program->remote4));
	else
		log_peer(&server->host.log, LOG_KIND_SESSION, LOG_LINE_INFO, clock_now(),
			"%s has ended status=%d remote=%s", path, result,
			shown_ipv4(program->remote4));
	forget(program);
	if (seat)
		seat_close(seat, CLOSE_LINE_GONE);
}

/* It is neither refused nor gone: it has most likely logged in. */
static void on_patience(uv_timer_t *timer)
{
	struct ppp_program *program = timer->data;
	struct seat *seat = seat_of(program);
	if (seat)
		server_logged_in(program->server, seat->peer);
}

/* Nothing is said before it has: a program that has only just been started throws away what is on
 * its terminal. */
static int give_line(struct seat *seat, int *slave)
{
	struct line_config config = {.wait_us = LINE_WAIT};
	int failed = pty_open(&config.in, slave);
	if (failed)
		return failed;
	config.out = config.in;
	failed = relay_line_give(seat, config);
	if (failed)
		close(*slave);
	return failed;
}

static struct ppp_program *make(struct server *server, struct seat *seat)
{
	struct ppp_program *program = calloc(1, sizeof *program);
	if (!program)
		return NULL;
	*program = (struct ppp_program){.server = server,
		.subject = seat_subject(seat),
		.remote4 = seat->remote4,
		.next = server->programs};
	server->programs = program;
	uv_timer_init(&server->host.loop, &program->patience);
	program->patience.data = program;
	uv_timer_start(&program->patience, on_patience,
		(uint64_t)server->settings->auth_timeout * 1000, 0);
	return program;
}

static void fail(struct seat *seat, enum close_reason reason, const char *what)
{
	log_peer(&seat->owner->log, LOG_KIND_SESSION, LOG_LINE_WARNING, clock_now(),
		"%s peer=%s sid=%s", what, shown_address(&seat->outer), seat->sid);
	seat_close(seat, reason);
}

void ppp_program_start(struct server *server, struct seat *seat)
{
	char words[128];
	int slave;
	seat->local4 = server->local4;
	seat->remote4 = pool_take(&server->pool);
	if (!seat->remote4) {
		fail(seat, CLOSE_ADDRESS_NONE, "No address is left in the pool");
		return;
	}
	struct ppp_program *program = make(server, seat);
	if (!program) {
		pool_release(&server->pool, seat->remote4);
		fail(seat, CLOSE_LOCAL_ERROR, "No memory for a PPP program");
		return;
	}
	int failed = give_line(seat, &slave);
	if (failed) {
		snprintf(words, sizeof words, "Couldn't make a pty: %s", strerror(-failed));
		fail(seat, CLOSE_LOCAL_ERROR, words);
		return; /* forgotten with the call */
	}
	log_peer(&server->host.log, LOG_KIND_SESSION, LOG_LINE_INFO, clock_now(),
		"Connect: %s <--> pptp (%s) remote=%s peer=%s call=%u sid=%s",
		server->settings->ppp_program, shown_address(&seat->outer),
		shown_ipv4(seat->remote4), shown_address(&seat->outer), seat->call_id, seat->sid);
	const struct helper_program told = {
		.local4 = server->local4, .remote4 = seat->remote4, .client = seat->outer};
	program->asked = true;
	helper_program(server->host.helper, program->subject, slave, &told, on_done, program);
	close(slave);
}

void ppp_program_end(struct server *server, struct seat *seat)
{
	struct ppp_program *program = *find(server, seat_subject(seat));
	if (!program)
		return;
	uv_timer_stop(&program->patience);
	if (program->asked)
		helper_program_end(server->host.helper, program->subject);
	else
		forget(program);
}

void ppp_programs_free(struct server *server)
{
	while (server->programs) {
		struct ppp_program *program = server->programs;
		server->programs = program->next;
		free(program);
	}
}
