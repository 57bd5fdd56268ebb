/* In the place of TLS in a build without GnuTLS: it says so to whoever names a certificate. Nothing
 * else is called then, because there are no credentials. */
#include <assert.h>

#include "tls.h"

struct tls_credentials *tls_credentials_read(const struct settings *settings, struct faults *faults)
{
	if (settings_certificate(settings))
		fault(faults, NULL,
			"cert: this greyline is built without GnuTLS and has no EAP-TLS: build it "
			"with libgnutls28-dev installed (meson: -Dgnutls=enabled)");
	return NULL;
}

struct tls_credentials *tls_credentials_renew(
	const struct tls_credentials *old, const struct settings *settings, struct faults *faults)
{
	return tls_credentials_read(settings, faults);
}

bool tls_credentials_stale(struct tls_credentials *credentials, const struct settings *settings)
{
	return false;
}

struct tls_credentials *tls_credentials_use(struct tls_credentials *credentials)
{
	return credentials;
}

void tls_credentials_return(struct tls_credentials *credentials)
{
}

const char *tls_own_name(const struct tls_credentials *credentials)
{
	return NULL;
}

struct tls_exchange *tls_exchange_new(
	struct tls_credentials *credentials, bool client, const char *wanted, size_t wanted_length)
{
	return NULL;
}

void tls_exchange_free(struct tls_exchange *exchange)
{
}

bool tls_hear(struct tls_exchange *exchange, const uint8_t *bytes, size_t length)
{
	return false;
}

/* There is no exchange. */

void tls_step(struct tls_exchange *exchange)
{
}

const struct tls_reply *tls_reply_of(const struct tls_exchange *exchange)
{
	return NULL;
}

bool tls_asks(const struct tls_exchange *exchange)
{
	return false;
}

void tls_admit(struct tls_exchange *exchange)
{
}

void tls_deny(struct tls_exchange *exchange)
{
}

void tls_keep(struct tls_exchange *exchange)
{
}

const char *tls_name(const struct tls_exchange *exchange)
{
	return "";
}

const char *tls_fault_word(const struct tls_exchange *exchange)
{
	return "";
}

const char *tls_fault_sentence(const struct tls_exchange *exchange)
{
	return "";
}

const char *tls_description(const struct tls_exchange *exchange)
{
	return "";
}
