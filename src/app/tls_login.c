/* TLS in a login (see tls_login.h).
 *
 *   TUNNEL_TLS ──▶ exchange ──▶ a thread of libuv's: tls_step ──▶ admission ──▶ seat_tls
 *
 * A seat has up to two exchanges: of the peer's proof and of our own. One that is no longer wanted
 * while a thread works on it is left to that thread, and freed when it comes back. */
#include "tls_login.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "narrate.h"
#include "peer.h"
#include "tls.h"

enum side { THEIRS, OURS };

struct login {
	uv_work_t work;
	struct host *host;
	struct tls_exchange *exchange;
	uint32_t subject, token;
	enum side side;
	bool busy, dropped;
};

struct seat_tls {
	struct login *login[2];
	size_t identity_length;
	uint8_t identity[PPP_NAME_MAX];
};

static void free_login(struct login *login)
{
	tls_exchange_free(login->exchange);
	free(login);
}

static void drop(struct login **login)
{
	if (*login && (*login)->busy)
		(*login)->dropped = true;
	else if (*login)
		free_login(*login);
	*login = NULL;
}

/* Whose certificate it must be. Who dials knows: the server it dialled, whichever side asks. Else
 * the peer's own word is to be confirmed. */
static struct login *new_login(struct host *host, struct seat *seat, enum side side)
{
	const struct seat_tls *tls = seat->tls;
	const char *wanted = host->tls_wanted;
	size_t length = wanted ? strlen(wanted) : 0;
	if (!wanted && side == THEIRS) {
		wanted = (const char *)tls->identity;
		length = tls->identity_length;
	}
	if (tls_credentials_stale(host->tls, host->settings))
		tls_login_reload(host);
	struct login *login = calloc(1, sizeof *login);
	if (!login)
		return NULL;
	*login = (struct login){.host = host, .side = side, .subject = seat_subject(seat)};
	login->exchange = tls_exchange_new(host->tls, side == OURS, wanted, length);
	if (login->exchange)
		return login;
	free(login);
	return NULL;
}

/* The outcome. */

static struct auth_question question_of(const struct login *login)
{
	struct auth_question question = {.method = AUTH_EAP_TLS};
	const char *name = tls_name(login->exchange);
	question.name_length = (uint8_t)strnlen(name, PPP_NAME_MAX);
	memcpy(question.name, name, question.name_length);
	return question;
}

static void admit(struct seat *seat, struct login *login)
{
	const struct host_policy *policy = login->host->policy;
	struct auth_question question = question_of(login);
	const char *refused = policy->certificate(seat, &question, false);
	if (refused)
		tls_deny(login->exchange);
	else
		tls_admit(login->exchange);
	if (refused)
		narrate_login_failed(seat, &question, refused);
}

/* The name that a login failed under is the one it was tried with. */
static void tell_failure(struct seat *seat, const struct login *login)
{
	const struct seat_tls *tls = seat->tls;
	struct auth_question question = {.method = AUTH_EAP_TLS};
	if (login->side == THEIRS) {
		question.name_length = (uint8_t)tls->identity_length;
		memcpy(question.name, tls->identity, tls->identity_length);
		login->host->policy->certificate(seat, &question, true);
	}
	narrate_tls_failed(seat, login->side == THEIRS ? &question : NULL,
		tls_fault_word(login->exchange), tls_fault_sentence(login->exchange));
}

static void give_reply(struct seat *seat, struct login *login)
{
	const struct tls_reply *reply = tls_reply_of(login->exchange);
	bool asked = tls_asks(login->exchange);
	if (asked)
		admit(seat, login);
	if (reply->outcome == TLS_FAILED && !asked)
		tell_failure(seat, login);
	else if (reply->outcome == TLS_DONE) {
		narrate_tls(seat, tls_name(login->exchange), tls_description(login->exchange));
		tls_keep(login->exchange);
	}
	seat_tls(seat, login->token, reply);
}

static void work(uv_work_t *work)
{
	struct login *login = work->data;
	tls_step(login->exchange);
}

static void after_work(uv_work_t *work, int status)
{
	struct login *login = work->data;
	login->busy = false;
	if (login->dropped) {
		free_login(login);
		return;
	}
	struct seat *seat = seats_find(&login->host->seats, login->subject);
	assert(seat && seat->tls); /* whose end drops it */
	give_reply(seat, login);
}

/* What the link says. */

/* There is no exchange that could say more. */
static void fail(struct seat *seat, enum side side, uint32_t token)
{
	static const struct tls_reply failed = {.outcome = TLS_FAILED, .reason = CLOSE_LOCAL_ERROR};
	narrate_tls_failed(seat, NULL, "local-error", "TLS cannot begin: out of memory");
	seat_tls(seat, token, &failed);
}

static void keep_identity(struct seat_tls *tls, const uint8_t *bytes, size_t length)
{
	tls->identity_length = length < sizeof tls->identity ? length : sizeof tls->identity;
	memcpy(tls->identity, bytes, tls->identity_length);
}

static void hear(struct seat *seat, enum side side, uint32_t token, bool whole,
	const uint8_t *bytes, size_t length)
{
	struct login *login = seat->tls ? seat->tls->login[side] : NULL;
	if (!login) {
		if (whole)
			fail(seat, side, token);
		return;
	}
	tls_hear(login->exchange, bytes, length);
	if (!whole)
		return;
	login->token = token;
	login->work.data = login;
	login->busy = uv_queue_work(&login->host->loop, &login->work, work, after_work) == 0;
	if (!login->busy)
		fail(seat, side, token);
}

void tls_login_item(
	struct seat *seat, uint32_t token, uint16_t arg, const uint8_t *bytes, size_t length)
{
	enum side side = arg & TLS_OURS ? OURS : THEIRS;
	enum tls_step step = (enum tls_step)(arg & (TLS_OURS - 1));
	if (!seat->tls && step != TLS_END)
		seat->tls = calloc(1, sizeof *seat->tls);
	switch (step) {
	case TLS_IDENTITY:
		if (seat->tls)
			keep_identity(seat->tls, bytes, length);
		break;
	case TLS_BEGIN:
		if (!seat->tls)
			break;
		drop(&seat->tls->login[side]);
		seat->tls->login[side] = new_login(seat->owner, seat, side);
		break;
	case TLS_PART:
	case TLS_WHOLE:
		hear(seat, side, token, step == TLS_WHOLE, bytes, length);
		break;
	case TLS_END:
		tls_login_end(seat);
		break;
	}
}

void tls_login_end(struct seat *seat)
{
	if (!seat->tls)
		return;
	drop(&seat->tls->login[THEIRS]);
	drop(&seat->tls->login[OURS]);
	free(seat->tls);
	seat->tls = NULL;
}

/* Certificates. */

int tls_login_read(struct host *host, const struct settings *settings)
{
	struct faults faults = {.report = fault_to_stderr};
	host->tls = tls_credentials_read(settings, &faults);
	return faults.count ? 2 : 0;
}

static void tell_fault(void *context, const char *line)
{
	struct host *host = context;
	log_line(&host->log, LOG_LINE_WARNING, "%s", line);
}

void tls_login_reload(struct host *host)
{
	struct faults faults = {.report = tell_fault, .context = host};
	if (!host->tls)
		return;
	struct tls_credentials *fresh = tls_credentials_renew(host->tls, host->settings, &faults);
	if (!fresh) {
		log_line(&host->log, LOG_LINE_ERROR,
			"The certificates read before stay as they are");
		return;
	}
	tls_credentials_return(host->tls);
	host->tls = fresh;
	log_line(&host->log, LOG_LINE_INFO, "Read certificates again");
}
