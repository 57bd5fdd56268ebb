/* One TLS exchange of EAP-TLS (see tls.h). RFC 5216 §2.1 to §2.3, §5; RFC 9190 §2.1 and §2.3.
 *
 *   heard ──▶ pull │ handshake ──▶ (admission) ──▶ keys, commitment │ push ──▶ reply
 *
 * The records of one message come in whole, are read until GnuTLS wants more, and what it wrote is
 * the reply. The peer's certificate is judged within the handshake, so that the alert that goes
 * back says what was wrong with it; and again after a session is resumed, which carries it along:
 * it may have expired or been revoked since.
 *
 * Up to TLS 1.2 an exchange is over with the handshake. In TLS 1.3 the server then commits itself
 * by one byte of application data, 0; only with that does the client believe it (RFC 9190 §2.1.1).
 *
 * Keys: RFC 5216 §2.3 up to TLS 1.2, RFC 9190 §2.3 for TLS 1.3. The first half of the MSK is the
 * peer's for sending, the second its for receiving. MPPE's start keys are what is first in each
 * (RFC 3079 §4), as pppd and Windows have it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "tls_inner.h"

enum { MSK_SIZE = 64, KEY_MATERIAL_13 = 128, EAP_TYPE = 13, TURNS_MAX = 64 };
enum { TICKET_SECONDS = 6 * 3600 };

enum stage { STAGE_HANDSHAKE, STAGE_ADMISSION, STAGE_COMMITMENT, STAGE_OVER };

struct tls_exchange {
	struct tls_credentials *credentials;
	gnutls_session_t session;
	bool client, broken; /* broken: out of memory, or the message is too long */
	bool nobody;         /* no certificate can have the name wanted */
	enum stage stage;
	uint8_t *in, *out;
	size_t in_length, in_at, in_room, out_length, out_room;
	char wanted[TLS_NAME_MAX + 1], name[TLS_NAME_MAX + 1];
	const char *word;
	char sentence[TLS_SENTENCE_MAX];
	char description[64];
	struct tls_reply reply;
};

/* Bytes. */

static bool append(uint8_t **bytes, size_t *length, size_t *room, const void *more, size_t count)
{
	if (count > EAP_TLS_MESSAGE_MAX - *length)
		return false;
	if (*length + count > *room) {
		size_t wanted = *room ? *room : 4096;
		while (wanted < *length + count)
			wanted *= 2;
		uint8_t *grown = realloc(*bytes, wanted);
		if (!grown)
			return false;
		*bytes = grown;
		*room = wanted;
	}
	if (count)
		memcpy(*bytes + *length, more, count);
	*length += count;
	return true;
}

static ssize_t push(gnutls_transport_ptr_t context, const void *bytes, size_t length)
{
	struct tls_exchange *x = context;
	if (append(&x->out, &x->out_length, &x->out_room, bytes, length))
		return (ssize_t)length;
	x->broken = true;
	gnutls_transport_set_errno(x->session, EMSGSIZE);
	return -1;
}

static ssize_t pull(gnutls_transport_ptr_t context, void *bytes, size_t length)
{
	struct tls_exchange *x = context;
	size_t left = x->in_length - x->in_at;
	if (!left) {
		gnutls_transport_set_errno(x->session, EAGAIN);
		return -1;
	}
	if (length > left)
		length = left;
	memcpy(bytes, x->in + x->in_at, length);
	x->in_at += length;
	return (ssize_t)length;
}

static int pull_timeout(gnutls_transport_ptr_t context, unsigned milliseconds)
{
	const struct tls_exchange *x = context;
	return x->in_length > x->in_at;
}

bool tls_hear(struct tls_exchange *x, const uint8_t *bytes, size_t length)
{
	if (!append(&x->in, &x->in_length, &x->in_room, bytes, length))
		x->broken = true;
	return !x->broken;
}

/* What is wrong. */

struct fault_kind {
	unsigned status; /* of gnutls_certificate_status_t */
	gnutls_alert_description_t alert;
	const char *word, *sentence;
};

/* The first that fits is the one that is told. */
static const struct fault_kind kinds[] = {
	{GNUTLS_CERT_REVOKED, GNUTLS_A_CERTIFICATE_REVOKED, "certificate-revoked", "is revoked"},
	{GNUTLS_CERT_SIGNER_NOT_FOUND, GNUTLS_A_UNKNOWN_CA, "unknown-issuer",
		"is of an issuer that is not in ca"},
	{GNUTLS_CERT_SIGNER_NOT_CA | GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE, GNUTLS_A_UNKNOWN_CA,
		"unknown-issuer", "is signed by one that may not issue it"},
	{GNUTLS_CERT_SIGNATURE_FAILURE, GNUTLS_A_BAD_CERTIFICATE, "bad-signature",
		"has a signature that is not its issuer's"},
	{GNUTLS_CERT_INSECURE_ALGORITHM, GNUTLS_A_INSUFFICIENT_SECURITY, "weak-signature",
		"is signed with an algorithm that is no longer safe"},
	{GNUTLS_CERT_NOT_ACTIVATED, GNUTLS_A_BAD_CERTIFICATE, "not-yet-valid", "is not valid yet"},
	{GNUTLS_CERT_EXPIRED, GNUTLS_A_CERTIFICATE_EXPIRED, "certificate-expired", "has expired"},
	{GNUTLS_CERT_PURPOSE_MISMATCH, GNUTLS_A_UNSUPPORTED_CERTIFICATE, "wrong-purpose",
		"is for another purpose (extended key usage)"},
	{GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED, GNUTLS_A_INTERNAL_ERROR, "crl-expired",
		"cannot be checked: our crl is out of date"},
	{GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE, GNUTLS_A_INTERNAL_ERROR, "crl-not-valid",
		"cannot be checked: our crl is of the future"},
	{~0u, GNUTLS_A_BAD_CERTIFICATE, "bad-certificate", "is not valid"}};

static const char *whose(const struct tls_exchange *x)
{
	return x->client ? "server's" : "client's";
}

static void say(struct tls_exchange *x, const char *word, const char *sentence)
{
	if (x->word)
		return; /* the first is the cause */
	x->word = word;
	snprintf(x->sentence, sizeof x->sentence, "%s", sentence);
}

/* The peer's certificate does `what`. */
static int condemn(struct tls_exchange *x, gnutls_alert_description_t alert, const char *word,
	const char *what)
{
	char sentence[TLS_SENTENCE_MAX], name[48] = "";
	fault_word(name, x->name, strlen(x->name));
	snprintf(sentence, sizeof sentence, "The %s certificate%s%s%s %s", whose(x),
		*name ? " (" : "", name, *name ? ")" : "", what);
	say(x, word, sentence);
	gnutls_alert_send(x->session, GNUTLS_AL_FATAL, alert);
	return GNUTLS_E_CERTIFICATE_ERROR;
}

/* The peer's certificate. */

static int judge_status(struct tls_exchange *x)
{
	unsigned status;
	gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID};
	purpose.data = (unsigned char *)(uintptr_t)(x->client ? GNUTLS_KP_TLS_WWW_SERVER
							      : GNUTLS_KP_TLS_WWW_CLIENT);
	if (gnutls_certificate_verify_peers(x->session, &purpose, 1, &status) < 0)
		return condemn(x, GNUTLS_A_BAD_CERTIFICATE, "bad-certificate", "cannot be checked");
	status &= ~(unsigned)GNUTLS_CERT_INVALID;
	for (size_t i = 0; status; i++)
		if (status & kinds[i].status)
			return condemn(x, kinds[i].alert, kinds[i].word, kinds[i].sentence);
	return 0;
}

static int judge_names(struct tls_exchange *x, gnutls_x509_crt_t certificate)
{
	char what[TLS_SENTENCE_MAX], wanted[48];
	if (x->nobody)
		return condemn(x, GNUTLS_A_ACCESS_DENIED, "wrong-name",
			"is not of a name that is too long or has a NUL byte in it");
	if (!*x->wanted) {
		if (*x->name)
			return 0;
		return condemn(x, GNUTLS_A_ACCESS_DENIED, "no-name", "has no name in it");
	}
	switch (tls_names_match(certificate, x->wanted)) {
	case TLS_NAMES_MATCH:
		snprintf(x->name, sizeof x->name, "%s", x->wanted);
		return 0;
	case TLS_NAMES_NUL:
		return condemn(x, GNUTLS_A_BAD_CERTIFICATE, "wrong-name",
			"has a name with a NUL byte in it");
	case TLS_NAMES_DIFFER:
		break;
	}
	snprintf(what, sizeof what, "is not of %s",
		fault_word(wanted, x->wanted, strlen(x->wanted)));
	return condemn(x, GNUTLS_A_ACCESS_DENIED, "wrong-name", what);
}

static int verify(gnutls_session_t session)
{
	struct tls_exchange *x = gnutls_session_get_ptr(session);
	unsigned count;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);
	gnutls_x509_crt_t certificate;
	if (!chain || !count || gnutls_x509_crt_init(&certificate) < 0)
		return condemn(x, GNUTLS_A_CERTIFICATE_REQUIRED, "no-certificate", "is missing");
	int result = GNUTLS_E_CERTIFICATE_ERROR;
	if (gnutls_x509_crt_import(certificate, &chain[0], GNUTLS_X509_FMT_DER) < 0) {
		condemn(x, GNUTLS_A_BAD_CERTIFICATE, "bad-certificate", "cannot be read");
	} else {
		tls_names_first(certificate, x->name);
		result = judge_status(x);
		if (!result)
			result = judge_names(x, certificate);
	}
	gnutls_x509_crt_deinit(certificate);
	return result;
}

/* Outcomes. */

static bool is_13(const struct tls_exchange *x)
{
	return gnutls_protocol_get_version(x->session) == GNUTLS_TLS1_3;
}

static void fail(struct tls_exchange *x, enum close_reason reason)
{
	x->stage = STAGE_OVER;
	x->reply.outcome = TLS_FAILED;
	x->reply.reason = reason;
}

/* Whom the failure is blamed on. */
static void fail_for_theirs(struct tls_exchange *x)
{
	fail(x, x->client ? CLOSE_AUTH_PEER_FALSE : CLOSE_AUTH_FAILED);
}

static void heard_alert(struct tls_exchange *x)
{
	char sentence[TLS_SENTENCE_MAX];
	const char *name = gnutls_alert_get_name(gnutls_alert_get(x->session));
	snprintf(sentence, sizeof sentence, "The %s does not go on: %s",
		x->client ? "server" : "client", name ? name : "an unknown alert");
	say(x, "peer-alert", sentence);
	fail(x, x->client ? CLOSE_AUTH_WE_FAILED : CLOSE_AUTH_FAILED);
}

static void broke(struct tls_exchange *x, int result)
{
	char sentence[TLS_SENTENCE_MAX];
	if (x->broken) {
		say(x, "too-long", "A TLS message is longer than 65535 bytes");
	} else if (result == GNUTLS_E_FATAL_ALERT_RECEIVED) {
		heard_alert(x);
		return;
	} else if (result == GNUTLS_E_UNSUPPORTED_VERSION_PACKET ||
		   result == GNUTLS_E_NO_CIPHER_SUITES) {
		say(x, "no-common-version",
			"No TLS version in common (min-tls-version, max-tls-version), or no "
			"cipher");
	} else if (result == GNUTLS_E_NO_CERTIFICATE_FOUND ||
		   result == GNUTLS_E_CERTIFICATE_REQUIRED) {
		snprintf(sentence, sizeof sentence, "The %s certificate is missing", whose(x));
		say(x, "no-certificate", sentence);
	} else {
		snprintf(sentence, sizeof sentence, "TLS fails: %s", gnutls_strerror(result));
		say(x, "tls-error", sentence);
	}
	if (result != GNUTLS_E_CERTIFICATE_ERROR && !x->broken)
		gnutls_alert_send_appropriate(x->session, result);
	fail_for_theirs(x);
}

static void keep_keys(struct tls_exchange *x, const uint8_t msk[MSK_SIZE])
{
	struct mppe_start_keys *keys = &x->reply.keys;
	const uint8_t *ours = x->client ? msk : msk + MSK_SIZE / 2;
	const uint8_t *theirs = x->client ? msk + MSK_SIZE / 2 : msk;
	memcpy(keys->send, ours, sizeof keys->send);
	memcpy(keys->receive, theirs, sizeof keys->receive);
	memcpy(keys->send_short, ours, sizeof keys->send_short);
	memcpy(keys->receive_short, theirs, sizeof keys->receive_short);
	keys->valid = true;
}

static int derive_keys(struct tls_exchange *x)
{
	static const char before_13[] = "client EAP encryption";
	static const char of_13[] = "EXPORTER_EAP_TLS_Key_Material";
	static const char type = EAP_TYPE;
	char material[KEY_MATERIAL_13];
	int result = is_13(x) ? gnutls_prf_rfc5705(x->session, sizeof of_13 - 1, of_13, sizeof type,
					&type, KEY_MATERIAL_13, material)
			      : gnutls_prf(x->session, sizeof before_13 - 1, before_13, 0, 0, NULL,
					MSK_SIZE, material);
	if (result >= 0)
		keep_keys(x, (const uint8_t *)material);
	secret_wipe(material, sizeof material);
	return result;
}

static void describe(struct tls_exchange *x)
{
	const char *version = gnutls_protocol_get_name(gnutls_protocol_get_version(x->session));
	int digits = version && !strncmp(version, "TLS", 3) ? 3 : 0;
	snprintf(x->description, sizeof x->description, "TLS %s%s",
		version ? version + digits : "?",
		gnutls_session_is_resumed(x->session) ? ", resumed" : "");
}

/* A client's, for the next time it dials. */
static void keep_ticket(struct tls_exchange *x)
{
	gnutls_datum_t ticket;
	if (!x->client || !x->credentials->resume ||
		gnutls_session_get_data2(x->session, &ticket) < 0)
		return;
	gnutls_datum_t *kept = &x->credentials->ticket;
	if (kept->data)
		secret_wipe(kept->data, kept->size);
	gnutls_free(kept->data);
	*kept = ticket;
}

static void finish(struct tls_exchange *x)
{
	int result = derive_keys(x);
	if (result < 0) {
		broke(x, result);
		return;
	}
	describe(x);
	x->stage = STAGE_OVER;
	x->reply.outcome = TLS_DONE;
}

/* Steps. */

static bool is_patience(int result)
{
	return result == GNUTLS_E_AGAIN || result == GNUTLS_E_INTERRUPTED ||
	       (result < 0 && !gnutls_error_is_fatal(result));
}

static void shake_hands(struct tls_exchange *x)
{
	int result = GNUTLS_E_AGAIN;
	for (unsigned i = 0; i < TURNS_MAX && is_patience(result); i++) {
		result = gnutls_handshake(x->session);
		if (result == GNUTLS_E_AGAIN && x->in_at == x->in_length)
			return;
	}
	if (result >= 0 && gnutls_session_is_resumed(x->session))
		result = verify(x->session);
	if (result < 0)
		broke(x, result);
	else if (!x->client)
		x->stage = STAGE_ADMISSION;
	else if (is_13(x))
		x->stage = STAGE_COMMITMENT;
	else
		finish(x);
}

/* Application data: the server's commitment, and nothing else. */
static void await_commitment(struct tls_exchange *x)
{
	uint8_t byte[2];
	ssize_t result = GNUTLS_E_AGAIN;
	for (unsigned i = 0; i < TURNS_MAX && is_patience((int)result); i++) {
		result = gnutls_record_recv(x->session, byte, sizeof byte);
		if (result == GNUTLS_E_AGAIN && x->in_at == x->in_length)
			return;
	}
	if (result == 1 && byte[0] == 0) {
		finish(x);
	} else if (result >= 0) {
		say(x, "no-commitment", "The server does not commit itself to success (RFC 9190)");
		gnutls_alert_send(x->session, GNUTLS_AL_FATAL, GNUTLS_A_UNEXPECTED_MESSAGE);
		fail_for_theirs(x);
	} else {
		broke(x, (int)result);
	}
}

/* The peer says something behind the end: an alert, or nothing of weight. */
static void hear_more(struct tls_exchange *x)
{
	uint8_t bytes[64];
	ssize_t result = GNUTLS_E_AGAIN;
	if (x->reply.outcome == TLS_FAILED)
		return;
	for (unsigned i = 0; i < TURNS_MAX && x->in_at < x->in_length; i++) {
		result = gnutls_record_recv(x->session, bytes, sizeof bytes);
		if (result == GNUTLS_E_FATAL_ALERT_RECEIVED) {
			heard_alert(x);
			return;
		}
	}
}

static void set_reply(struct tls_exchange *x)
{
	x->reply.bytes = x->out;
	x->reply.length = (uint16_t)x->out_length;
}

void tls_step(struct tls_exchange *x)
{
	x->out_length = x->in_at = 0;
	if (x->broken)
		broke(x, GNUTLS_E_MEMORY_ERROR);
	if (x->stage == STAGE_HANDSHAKE)
		shake_hands(x);
	if (x->stage == STAGE_COMMITMENT)
		await_commitment(x);
	if (x->stage == STAGE_OVER)
		hear_more(x);
	x->in_length = 0;
	set_reply(x);
}

bool tls_asks(const struct tls_exchange *x)
{
	return x->stage == STAGE_ADMISSION;
}

void tls_admit(struct tls_exchange *x)
{
	finish(x);
	if (x->reply.outcome == TLS_DONE && is_13(x)) {
		ssize_t result = gnutls_record_send(x->session, "", 1);
		if (result < 0)
			broke(x, (int)result);
	}
	set_reply(x);
}

void tls_deny(struct tls_exchange *x)
{
	gnutls_alert_send(x->session, GNUTLS_AL_FATAL, GNUTLS_A_ACCESS_DENIED);
	fail_for_theirs(x);
	set_reply(x);
}

void tls_keep(struct tls_exchange *x)
{
	keep_ticket(x);
}

/* Life. */

static bool prepare(struct tls_exchange *x)
{
	struct tls_credentials *c = x->credentials;
	unsigned flags = x->client ? GNUTLS_CLIENT | GNUTLS_FORCE_CLIENT_CERT : GNUTLS_SERVER;
	flags |= GNUTLS_NONBLOCK | (c->resume ? 0 : GNUTLS_NO_TICKETS);
	if (gnutls_init(&x->session, flags) < 0)
		return false;
	gnutls_session_set_ptr(x->session, x);
	gnutls_transport_set_ptr(x->session, x);
	gnutls_transport_set_push_function(x->session, push);
	gnutls_transport_set_pull_function(x->session, pull);
	gnutls_transport_set_pull_timeout_function(x->session, pull_timeout);
	gnutls_session_set_verify_function(x->session, verify);
	gnutls_handshake_set_timeout(x->session, 0);
	if (gnutls_priority_set(x->session, c->priorities) < 0 ||
		gnutls_credentials_set(x->session, GNUTLS_CRD_CERTIFICATE, c->x509) < 0)
		return false;
	if (x->client && c->resume && c->ticket.data)
		gnutls_session_set_data(x->session, c->ticket.data, c->ticket.size);
	if (!x->client)
		gnutls_certificate_server_set_request(x->session, GNUTLS_CERT_REQUIRE);
	gnutls_db_set_cache_expiration(x->session, TICKET_SECONDS);
	return x->client || !c->resume ||
	       gnutls_session_ticket_enable_server(x->session, &c->ticket_key) >= 0;
}

struct tls_exchange *tls_exchange_new(
	struct tls_credentials *credentials, bool client, const char *wanted, size_t wanted_length)
{
	struct tls_exchange *x = calloc(1, sizeof *x);
	if (!x)
		return NULL;
	x->credentials = tls_credentials_use(credentials);
	x->client = client;
	if (wanted_length > TLS_NAME_MAX || (wanted_length && memchr(wanted, '\0', wanted_length)))
		x->nobody = true;
	else if (wanted_length && *wanted != '@')
		memcpy(x->wanted, wanted, wanted_length);
	if (prepare(x))
		return x;
	tls_exchange_free(x);
	return NULL;
}

void tls_exchange_free(struct tls_exchange *x)
{
	if (!x)
		return;
	if (x->session)
		gnutls_deinit(x->session);
	tls_credentials_return(x->credentials);
	free(x->in);
	free(x->out);
	secret_wipe(x, sizeof *x);
	free(x);
}

const struct tls_reply *tls_reply_of(const struct tls_exchange *x)
{
	return &x->reply;
}

const char *tls_name(const struct tls_exchange *x)
{
	return x->name;
}

const char *tls_fault_word(const struct tls_exchange *x)
{
	return x->word ? x->word : "tls-error";
}

const char *tls_fault_sentence(const struct tls_exchange *x)
{
	return x->sentence;
}

const char *tls_description(const struct tls_exchange *x)
{
	return x->description;
}
