/* Who may come in, and with which address.
 *
 * A login is refused unheard while its address or its user is throttled; the answer is the same
 * E=691, so that nobody learns which. A peer that proves itself again, in the middle of its
 * session, must be the same user as before. A new password for an expired one is answered when the
 * helper has written it into the secrets file. A user's own address (the fourth field of
 * chap-secrets) may still be held by a session whose client lost its way and dials again: that
 * session is ended and the question waits until the data plane let go of the address, so that no
 * packet of the old one reaches the new. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bundles.h"
#include "clock.h"
#include "digest.h"
#include "narrate.h"
#include "peer.h"
#include "scripts.h"
#include "server.h"

static struct server *server_of(const struct seat *seat)
{
	return seat->peer->host->role;
}

static void tell_fault(void *context, const char *line)
{
	struct server *server = context;
	log_line(&server->host.log, LOG_LINE_WARNING, "%s", line);
}

static void reserve_all(struct server *server, const struct secrets *secrets, bool reserved)
{
	for (size_t i = 0; i < secrets->count; i++)
		for (unsigned j = 0; j < secrets->at[i].address_count; j++) {
			const struct secret_address *address = &secrets->at[i].addresses[j];
			if (!address->refused && address->mask == UINT32_MAX)
				pool_reserve(&server->pool, address->address, reserved);
		}
}

void admission_reserve(struct server *server, bool reserved)
{
	reserve_all(server, &server->secrets, reserved);
	reserve_all(server, &server->pap_secrets, reserved);
	pool_reserve(&server->pool, server->local4, true);
}

static void reload(struct server *server, struct secrets *secrets, bool told)
{
	struct faults faults = {.report = tell_fault, .context = server};
	if (!secrets->path || (!told && !secrets_changed(secrets, clock_now())))
		return;
	admission_reserve(server, false);
	int error = secrets_reload(secrets, &faults);
	admission_reserve(server, true);
	if (error)
		log_line(&server->host.log, LOG_LINE_ERROR,
			"%s: %s: the users read before stay as they are", secrets->path,
			error == -EINVAL ? "has faults" : strerror(-error));
	else
		log_line(&server->host.log, LOG_LINE_INFO, "Read %s again: %zu lines",
			secrets->path, secrets->count);
}

void admission_reload(struct server *server, bool told)
{
	reload(server, &server->secrets, told);
	reload(server, &server->pap_secrets, told);
}

/* The name a user is known by. Without its domain where domains are not looked at: else each
 * invented one would be another user, with failures and sessions of his own. */
struct who {
	const uint8_t *name;
	size_t length;
};

static struct who who_is(const struct server *server, const void *name, size_t length)
{
	struct who who = {name, length};
	if (server->settings->strip_domain)
		who.name = name_without_domain(name, &who.length);
	return who;
}

static struct who who_asks(const struct server *server, const struct auth_question *question)
{
	return who_is(server, question->name, question->name_length);
}

static const struct secret *find_secret(
	const struct server *server, enum auth_method method, struct who who)
{
	const struct secrets *secrets = method == AUTH_PAP && server->pap_secrets.path
						? &server->pap_secrets
						: &server->secrets;
	return secrets_find(secrets, who.name, who.length, server->name);
}

static const struct secret *secret_of(const struct server *server, const struct seat *seat)
{
	return seat->user ? find_secret(server, seat->method,
				    who_is(server, seat->user, strlen(seat->user)))
			  : NULL;
}

static bool throttled(struct server *server, const struct seat *seat,
	const struct auth_question *question, uint64_t now)
{
	struct who who = who_asks(server, question);
	return throttle_wait(
		       &server->by_address, seat->outer.bytes, sizeof seat->outer.bytes, now) ||
	       throttle_wait(&server->by_user, who.name, who.length, now);
}

static bool same_user(const struct server *server, const struct seat *seat, struct who who)
{
	if (!seat->user)
		return false;
	struct who other = who_is(server, seat->user, strlen(seat->user));
	return other.length == who.length && !memcmp(other.name, who.name, who.length);
}

/* Another session of the same user, not yet on its way out. */
static struct seat *find_other(
	struct server *server, const struct seat *seat, const struct auth_question *question)
{
	struct who who = who_asks(server, question);
	uint32_t at = 0;
	for (struct seat *other; (other = seats_next(&server->host.seats, &at));)
		if (other != seat && !other->over && !bundles_kin(seat, other) &&
			same_user(server, other, who) && other->session.state != SESSION_FINISHING)
			return other;
	return NULL;
}

/* In the middle of its session. */
static bool proves_again(const struct seat *seat)
{
	return seat->session.link.phase == PHASE_NETWORK;
}

/* Whether the peer may give a new password in the place of an expired one: only where its method
 * has a way to (RFC 2759 §7), and where the secret is on a line of its own in the file. */
static bool changeable(const struct secret *secret, enum auth_method method)
{
	return secret->expired && secret->client && !secret->elsewhere &&
	       (method & (AUTH_MSCHAPV2 | AUTH_EAP_MSCHAPV2));
}

/* A right password may be of no use all the same. */
static const char *judge_user(struct server *server, struct seat *seat,
	const struct auth_question *question, const struct secret *secret,
	struct auth_answer *answer)
{
	if (proves_again(seat)) /* it is only to prove itself again */
		return NULL;
	if (secret->none) {
		*answer = (struct auth_answer){.error = AUTH_ERROR_NO_DIALIN};
		return "no-address-allowed";
	}
	if (server->settings->single_session == SINGLE_DENY && find_other(server, seat, question)) {
		*answer = (struct auth_answer){.error = AUTH_ERROR_NO_DIALIN};
		return "already-connected";
	}
	return NULL;
}

static const char *judge_password(struct server *server, struct seat *seat,
	const struct auth_question *question, const struct secret *secret,
	struct auth_answer *answer)
{
	auth_check(question, secret->word, secret->length, secret->nt_hash, answer);
	if (!answer->accepted)
		return "wrong-password";
	if (secret->expired) {
		*answer = (struct auth_answer){.error = AUTH_ERROR_EXPIRED,
			.may_change = changeable(secret, question->method)};
		return "password-expired";
	}
	return judge_user(server, seat, question, secret, answer);
}

static const char *judge_change(struct server *server, struct seat *seat,
	const struct auth_question *question, const struct secret *secret,
	struct auth_password *fresh, struct auth_answer *answer)
{
	struct auth_question same = {.method = AUTH_PAP};
	struct auth_answer is_same = {.error = AUTH_ERROR_NONE};
	const char *refused = NULL;
	if (!changeable(secret, question->method))
		refused = "not-expired";
	else
		auth_check_change(
			question, secret->word, secret->length, secret->nt_hash, fresh, answer);
	if (!refused && !answer->accepted)
		refused = "bad-change";
	else if (!refused && (fresh->length == 0 || fresh->length > PPP_SECRET_MAX))
		refused = "new-password-length";
	if (!refused) {
		same.response_length = (uint8_t)fresh->length;
		memcpy(same.response, fresh->word, fresh->length);
		auth_check(&same, secret->word, secret->length, secret->nt_hash, &is_same);
		secret_wipe(&same, sizeof same);
	}
	if (is_same.accepted)
		refused = "new-password-is-the-old";
	if (refused) {
		*answer = (struct auth_answer){.error = AUTH_ERROR_CHANGING};
		return refused;
	}
	return judge_user(server, seat, question, secret, answer);
}

/* The secret in question, or why there is none. */
static const char *look_up(struct server *server, struct seat *seat,
	const struct auth_question *question, const struct secret **secret)
{
	if (memchr(question->name, '\0', question->name_length))
		return "name";
	if (seat->user && !same_user(server, seat, who_asks(server, question)))
		return "another-user";
	*secret = find_secret(server, question->method, who_asks(server, question));
	if (!*secret)
		return "unknown-user";
	bool needs_password = question->method & (AUTH_CHAP_MD5 | AUTH_EAP_MD5);
	return (*secret)->nt_hash && needs_password ? "nt-hash-only" : NULL;
}

static void admitted(struct server *server, struct seat *seat, const struct auth_question *question)
{
	struct seat *other;
	struct who who = who_asks(server, question);
	if (proves_again(seat))
		return;
	/* The address is forgiven this user's slips alone: else whoever has one account could guess
	 * at others for ever, with a login of his own in between. */
	uint32_t slips = throttle_succeeded(&server->by_user, who.name, who.length);
	throttle_forgive(&server->by_address, seat->outer.bytes, sizeof seat->outer.bytes, slips);
	server->logins++;
	narrate_login(seat, question);
	if (server->settings->single_session == SINGLE_REPLACE)
		while ((other = find_other(server, seat, question)))
			seat_cut(other, CLOSE_SINGLE_SESSION);
	free(seat->user);
	seat->user = strndup((const char *)question->name, question->name_length);
	seat->method = question->method;
}

static void refuse(struct server *server, struct seat *seat, const struct auth_question *question,
	const char *reason)
{
	uint64_t now = clock_now();
	struct who who = who_asks(server, question);
	server->failed_logins++;
	throttle_failed(&server->by_address, seat->outer.bytes, sizeof seat->outer.bytes, now);
	throttle_failed(&server->by_user, who.name, who.length, now);
	narrate_login_failed(seat, question, reason);
}

/* A new password on its way into the file. The peer is answered when it is there. */
struct renewal {
	struct server *server;
	uint32_t subject, token;
	struct auth_answer answer;
	struct auth_question question;
	struct auth_password fresh;
};

static void finish_renewal(struct renewal *renewal, struct seat *seat, bool stored)
{
	struct server *server = renewal->server;
	if (stored) {
		narrate_renewed(seat, &renewal->question);
		admitted(server, seat, &renewal->question);
	} else {
		narrate_login_failed(seat, &renewal->question, "not-stored");
		renewal->answer = (struct auth_answer){.error = AUTH_ERROR_CHANGING};
	}
	seat_credentials(seat, renewal->token, &renewal->answer);
}

static void on_renewed(void *context, int result, const char *error)
{
	struct renewal *renewal = context;
	struct server *server = renewal->server;
	struct seat *seat = seats_find(&server->host.seats, renewal->subject);
	struct who who = who_asks(server, &renewal->question);
	if (result)
		log_line(&server->host.log, LOG_LINE_ERROR, "A new password was not stored: %s",
			*error ? error : strerror(result < 0 ? -result : EIO));
	else
		secrets_adopt(
			&server->secrets, who.name, who.length, server->name, &renewal->fresh);
	if (seat && !seat->over)
		finish_renewal(renewal, seat, !result);
	explicit_bzero(renewal, sizeof *renewal);
	free(renewal);
}

/* The reason why not, or NULL: the answer comes when the file is written. */
static const char *renew(struct server *server, struct seat *seat, uint32_t token,
	const struct auth_question *question, const struct secret *secret,
	struct auth_answer *answer)
{
	struct renewal *renewal = calloc(1, sizeof *renewal);
	if (!renewal)
		return "no-memory";
	const char *refused = judge_change(server, seat, question, secret, &renewal->fresh, answer);
	if (!refused) {
		char word[PPP_SECRET_MAX + 1] = "";
		renewal->server = server;
		renewal->subject = seat_subject(seat);
		renewal->token = token;
		renewal->question = *question;
		renewal->answer = *answer;
		memcpy(word, renewal->fresh.word, renewal->fresh.length);
		helper_renew(server->host.helper, secret->client, secret->server, word, on_renewed,
			renewal);
		secret_wipe(word, sizeof word);
		return NULL;
	}
	explicit_bzero(renewal, sizeof *renewal);
	free(renewal);
	return refused;
}

static void judge(struct server *server, struct seat *seat, uint32_t token,
	const struct auth_question *question, struct auth_answer *answer)
{
	const struct secret *secret;
	const char *refused = look_up(server, seat, question, &secret);
	if (!refused && question->changes) {
		refused = renew(server, seat, token, question, secret, answer);
		if (!refused)
			return;
	} else if (!refused) {
		refused = judge_password(server, seat, question, secret, answer);
	}
	if (!refused)
		admitted(server, seat, question);
	else if (!answer->may_change) /* else it knew the password, and goes on */
		refuse(server, seat, question, refused);
	seat_credentials(seat, token, answer);
}

void admission_credentials(struct seat *seat, uint32_t token, const struct auth_question *question)
{
	struct server *server = server_of(seat);
	struct auth_answer answer = {.error = AUTH_ERROR_WRONG};
	admission_reload(server, false);
	free(seat->claimed);
	seat->claimed = strndup((const char *)question->name, question->name_length);
	if (throttled(server, seat, question, clock_now())) {
		narrate_login_failed(seat, question, "throttled");
		server->host.drops[DROP_THROTTLED]++;
		seat_credentials(seat, token, &answer);
	} else {
		judge(server, seat, token, question, &answer);
	}
	secret_wipe(&answer, sizeof answer);
}

/* The certificate says who it is. What remains is whether he may come in. */
static const char *judge_certificate(
	struct server *server, struct seat *seat, const struct auth_question *question)
{
	if (memchr(question->name, '\0', question->name_length))
		return "name";
	if (throttled(server, seat, question, clock_now()))
		return "throttled";
	const struct secret *secret =
		find_secret(server, question->method, who_asks(server, question));
	if (!secret && server->settings->tls_listed)
		return "unknown-user";
	if (secret && secret->none)
		return "no-address-allowed";
	if (server->settings->single_session == SINGLE_DENY && find_other(server, seat, question))
		return "already-connected";
	return NULL;
}

const char *admission_certificate(
	struct seat *seat, const struct auth_question *question, bool failed)
{
	struct server *server = server_of(seat);
	const char *refused = "certificate";
	free(seat->claimed);
	seat->claimed = strndup((const char *)question->name, question->name_length);
	admission_reload(server, false);
	if (!failed)
		refused = judge_certificate(server, seat, question);
	if (!refused) {
		admitted(server, seat, question);
		return NULL;
	}
	server->failed_logins++;
	throttle_failed(
		&server->by_address, seat->outer.bytes, sizeof seat->outer.bytes, clock_now());
	return refused;
}

/* Addresses. */

static struct seat *holder_of(struct server *server, const struct seat *seat, uint32_t address)
{
	uint32_t at = 0;
	for (struct seat *other; (other = seats_next(&server->host.seats, &at));)
		if (other != seat && other->remote4 == address)
			return other;
	return NULL;
}

/* A user's own address. False while another session holds it. */
static bool take_fixed(struct server *server, struct seat *seat, uint32_t address)
{
	if (holder_of(server, seat, address))
		return false;
	seat->pooled = pool_take_this(&server->pool, address);
	seat->remote4 = address;
	return true;
}

/* From the pool, one that the user's line allows. */
static uint32_t take_allowed(struct server *server, const struct secret *secret)
{
	uint32_t refused[64], count = 0, address;
	while ((address = pool_take(&server->pool)) && secret && !secret_allows(secret, address) &&
		count < 64)
		refused[count++] = address;
	if (address && secret && !secret_allows(secret, address)) {
		pool_release(&server->pool, address);
		address = 0;
	}
	while (count)
		pool_release(&server->pool, refused[--count]);
	return address;
}

static void take_network6(struct server *server, struct seat *seat)
{
	if (!server->pool6.size || seat->prefix6.length)
		return;
	seat->prefix6 = pool6_take(&server->pool6);
	if (!seat->prefix6.length)
		log_peer(&server->host.log, LOG_KIND_SESSION, LOG_LINE_WARNING, clock_now(),
			"No network is left in the IPv6 pool peer=%s sid=%s",
			shown_address(&seat->outer), seat->sid);
}

static void answer(struct server *server, struct seat *seat, uint32_t token)
{
	take_network6(server, seat);
	const struct settings *settings = server->settings;
	struct unit_addresses addresses = {.granted = seat->remote4 != 0,
		.local4 = server->local4,
		.remote4 = seat->remote4,
		.dns = {settings->dns.at[0], settings->dns.at[1]},
		.wins = {settings->wins.at[0], settings->wins.at[1]},
		.prefix6 = seat->prefix6};
	seat->local4 = server->local4;
	if (addresses.granted && server_own_interface(server, seat) < 0)
		addresses.granted = false;
	else if (!addresses.granted)
		log_peer(&server->host.log, LOG_KIND_SESSION, LOG_LINE_WARNING, clock_now(),
			"No address is left in the pool, or none is allowed for this user "
			"peer=%s sid=%s",
			shown_address(&seat->outer), seat->sid);
	seat_addresses(seat, token, &addresses);
}

static void wait_for(struct server *server, struct seat *seat, uint32_t token, uint32_t address)
{
	struct seat *other = holder_of(server, seat, address);
	seat->address_waits = true;
	seat->address_token = token;
	server->waiting++;
	if (other && !other->over)
		seat_cut(other, CLOSE_SINGLE_SESSION);
}

void admission_address(struct seat *seat, uint32_t token)
{
	struct server *server = server_of(seat);
	const struct secret *secret = secret_of(server, seat);
	uint32_t fixed = secret ? secret_fixed(secret) : 0;
	if (seat->remote4) {
		answer(server, seat, token); /* renegotiated: it keeps what it has */
		return;
	}
	if (fixed && !take_fixed(server, seat, fixed)) {
		wait_for(server, seat, token, fixed);
		return;
	}
	if (!fixed) {
		seat->remote4 = take_allowed(server, secret);
		seat->pooled = seat->remote4 != 0;
	}
	answer(server, seat, token);
}

const struct secret *admission_secret(const struct seat *seat)
{
	return secret_of(server_of(seat), seat);
}

void admission_release(struct seat *seat)
{
	struct server *server = seat->owner->role;
	if (seat->pooled)
		pool_release(&server->pool, seat->remote4);
	seat->pooled = false;
	seat->remote4 = 0;
	if (seat->prefix6.length)
		pool6_release(&server->pool6, &seat->prefix6);
	seat->prefix6 = (struct prefix){.length = 0};
	uint32_t at = 0;
	for (struct seat *other; server->waiting && (other = seats_next(&server->host.seats, &at));)
		if (other->address_waits && !other->over) {
			other->address_waits = false;
			server->waiting--;
			admission_address(other, other->address_token);
		}
}
