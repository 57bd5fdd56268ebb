/* TLS for EAP-TLS: who we are and whom we trust (credentials), and one exchange at a time.
 *
 * Credentials are read once, before privileges are dropped, and shared by all exchanges; a second
 * reading makes new ones, and old exchanges keep theirs. An exchange is a machine without sockets:
 * bytes in, a struct tls_reply out. tls_step may take milliseconds and is called off the loop's
 * thread, by one thread at a time; everything else belongs to the loop's. */
#ifndef GREYLINE_TLS_H
#define GREYLINE_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eap_tls.h"
#include "fault.h"
#include "settings.h"

enum tls_version { TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3 };

struct tls_credentials;
struct tls_exchange;

/* Reads what the settings name. NULL with the faults told when it cannot be used, and NULL without
 * a fault when the settings name no certificate. One use is the caller's. */
struct tls_credentials *tls_credentials_read(
	const struct settings *settings, struct faults *faults);
/* The same again, while `old` serves: what only root may read (the key) is taken from it once that
 * is out of reach. NULL with the faults told. */
struct tls_credentials *tls_credentials_renew(
	const struct tls_credentials *old, const struct settings *settings, struct faults *faults);
/* Whether the CRL is another than the one read; says so once. */
bool tls_credentials_stale(struct tls_credentials *credentials, const struct settings *settings);
struct tls_credentials *tls_credentials_use(struct tls_credentials *credentials);
/* NULL is nothing. */
void tls_credentials_return(struct tls_credentials *credentials);
/* The first name in our own certificate; NULL: none. */
const char *tls_own_name(const struct tls_credentials *credentials);

/* `client`: we prove ourselves in EAP, and are TLS's client. `wanted`: the name that the peer's
 * certificate must have; NULL or "" (an authenticator's peer that does not say who it is, RFC 9190
 * §2.1.8): any, and tls_name tells. NULL when out of memory. */
struct tls_exchange *tls_exchange_new(
	struct tls_credentials *credentials, bool client, const char *wanted, size_t wanted_length);
void tls_exchange_free(struct tls_exchange *exchange);
/* More of a message; false when out of memory. */
bool tls_hear(struct tls_exchange *exchange, const uint8_t *bytes, size_t length);
/* Takes the message heard, and makes the reply; it stands until the next step. */
void tls_step(struct tls_exchange *exchange);
const struct tls_reply *tls_reply_of(const struct tls_exchange *exchange);

/* Behind a step: the peer's certificate was accepted and nothing says yet whether it may come in.
 * One of tls_admit and tls_deny is due then, and completes the reply. */
bool tls_asks(const struct tls_exchange *exchange);
void tls_admit(struct tls_exchange *exchange);
void tls_deny(struct tls_exchange *exchange);

/* A client's, behind TLS_DONE: its ticket is kept in the credentials for the next exchange. */
void tls_keep(struct tls_exchange *exchange);

/* Who the peer is: as wanted, or the first name in its certificate. */
const char *tls_name(const struct tls_exchange *exchange);
/* Of a reply with TLS_FAILED: a word for reason=, and what happened in a sentence. */
const char *tls_fault_word(const struct tls_exchange *exchange);
const char *tls_fault_sentence(const struct tls_exchange *exchange);
/* Of a reply with TLS_DONE: "TLS 1.3, resumed" */
const char *tls_description(const struct tls_exchange *exchange);

#endif
