/* Certificates, keys and what else TLS is given (see tls.h).
 *
 * A file that cannot be used is a fault, told with its name before anything starts. A certificate
 * of ours that has expired is a warning: the peer will say so, too, but later. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "digest.h"
#include "slurp.h"
#include "tls_inner.h"

enum { PASSWORD_FILE_MAX = 65536 };

/* What GnuTLS says about a file: its own words for what is in it, the system's for why it cannot be
 * read at all. */
static void tell(struct faults *faults, const char *option, const char *path, int result)
{
	struct stat status;
	if (stat(path, &status) < 0)
		fault(faults, NULL, "%s: %s: %s", option, path, strerror(errno));
	else
		fault(faults, NULL, "%s: %s: %s", option, path,
			result < 0 ? gnutls_strerror(result) : "there is nothing of it inside");
}

static void warn_of_readers(const char *path, struct faults *faults)
{
	struct stat status;
	if (stat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_mode & 077)
		fault_warning(
			faults, NULL, "%s: others can read this key: chmod 600 %s", path, path);
}

static void read_issuers(struct tls_credentials *c, const struct settings *s, struct faults *faults)
{
	if (s->tls_ca) {
		int found = gnutls_certificate_set_x509_trust_file(
			c->x509, s->tls_ca, GNUTLS_X509_FMT_PEM);
		if (found <= 0)
			tell(faults, "ca", s->tls_ca, found);
	}
	if (s->tls_capath) {
		int found = gnutls_certificate_set_x509_trust_dir(
			c->x509, s->tls_capath, GNUTLS_X509_FMT_PEM);
		if (found <= 0)
			tell(faults, "capath", s->tls_capath, found);
	}
	if (!s->tls_ca && !s->tls_capath)
		fault(faults, NULL,
			"a certificate needs ca: whose certificates the peer's may be of");
	if (!s->tls_crl)
		return;
	stat(s->tls_crl, &c->crl);
	int found = gnutls_certificate_set_x509_crl_file(c->x509, s->tls_crl, GNUTLS_X509_FMT_PEM);
	if (found == GNUTLS_E_CRL_VERIFICATION_ERROR)
		fault(faults, NULL, "crl: %s: it is out of date, or not of an issuer in ca",
			s->tls_crl);
	else if (found <= 0)
		tell(faults, "crl", s->tls_crl, found);
}

/* The first line of --key-password-file. False with the fault told. */
static bool read_password(const struct settings *s, char **password, struct faults *faults)
{
	char *bytes;
	size_t length;
	*password = NULL;
	if (!s->tls_key_password_file)
		return true;
	int error = slurp(s->tls_key_password_file, PASSWORD_FILE_MAX, &bytes, &length, NULL);
	if (error) {
		fault(faults, NULL, "key-password-file: %s: %s", s->tls_key_password_file,
			strerror(-error));
		return false;
	}
	*password = strndup(bytes, strcspn(bytes, "\r\n"));
	slurp_free(bytes, length);
	return *password != NULL;
}

static void read_identity(
	struct tls_credentials *c, const struct settings *s, struct faults *faults)
{
	char *password;
	if (!read_password(s, &password, faults))
		return;
	const char *key = s->tls_key ? s->tls_key : s->tls_cert;
	int result;
	if (s->tls_pkcs12)
		result = gnutls_certificate_set_x509_simple_pkcs12_file(
			c->x509, s->tls_pkcs12, GNUTLS_X509_FMT_DER, password ? password : "");
	else
		result = gnutls_certificate_set_x509_key_file2(c->x509, s->tls_cert, key,
			GNUTLS_X509_FMT_PEM, password, password ? 0 : GNUTLS_PKCS_PLAIN);
	struct stat status;
	if (result < 0 && s->tls_pkcs12)
		tell(faults, "pkcs12", s->tls_pkcs12, result);
	else if (result < 0 && stat(s->tls_cert, &status) < 0)
		tell(faults, "cert", s->tls_cert, result);
	else if (result < 0)
		tell(faults, s->tls_key ? "cert and key" : "cert (without key, both)", key, result);
	warn_of_readers(s->tls_pkcs12 ? s->tls_pkcs12 : key, faults);
	if (password)
		secret_wipe(password, strlen(password));
	free(password);
}

static void look_at_ours(struct tls_credentials *c, struct faults *faults)
{
	gnutls_x509_crt_t *chain;
	unsigned count;
	char name[TLS_NAME_MAX + 1] = "?";
	if (gnutls_certificate_get_x509_crt(c->x509, 0, &chain, &count) < 0)
		return;
	time_t now = time(NULL);
	if (count && tls_names_first(chain[0], name))
		c->name = strdup(name);
	if (count && gnutls_x509_crt_get_expiration_time(chain[0]) < now)
		fault_warning(faults, NULL, "our own certificate (%s) has expired", name);
	else if (count && gnutls_x509_crt_get_activation_time(chain[0]) > now)
		fault_warning(faults, NULL, "our own certificate (%s) is not valid yet", name);
	for (unsigned i = 0; i < count; i++)
		gnutls_x509_crt_deinit(chain[i]);
	gnutls_free(chain);
}

static bool set_versions(struct tls_credentials *c, const struct settings *s)
{
	static const char *const words[] = {
		"+VERS-TLS1.0", "+VERS-TLS1.1", "+VERS-TLS1.2", "+VERS-TLS1.3"};
	char priorities[160] = "NORMAL:-VERS-ALL";
	for (uint32_t version = s->tls_min; version <= s->tls_max; version++) {
		strcat(priorities, ":");
		strcat(priorities, words[version]);
	}
	return gnutls_priority_init(&c->priorities, priorities, NULL) >= 0;
}

/* The first certificate and key of `old`. */
static void inherit_identity(
	struct tls_credentials *c, const struct tls_credentials *old, struct faults *faults)
{
	gnutls_x509_privkey_t key = NULL;
	gnutls_x509_crt_t *chain = NULL;
	unsigned count = 0;
	if (gnutls_certificate_get_x509_key(old->x509, 0, &key) < 0 ||
		gnutls_certificate_get_x509_crt(old->x509, 0, &chain, &count) < 0 ||
		gnutls_certificate_set_x509_key(c->x509, chain, (int)count, key) < 0)
		fault(faults, NULL, "the certificate read before cannot be kept");
	gnutls_x509_privkey_deinit(key);
	for (unsigned i = 0; i < count; i++)
		gnutls_x509_crt_deinit(chain[i]);
	gnutls_free(chain);
}

static bool identity_is_readable(const struct settings *s)
{
	const char *key = s->tls_key ? s->tls_key : s->tls_cert;
	if (s->tls_pkcs12)
		return access(s->tls_pkcs12, R_OK) == 0;
	return access(s->tls_cert, R_OK) == 0 && access(key, R_OK) == 0;
}

static bool make_ticket_key(struct tls_credentials *c, const struct tls_credentials *old)
{
	if (!c->resume)
		return true;
	if (!old || !old->ticket_key.data)
		return gnutls_session_ticket_key_generate(&c->ticket_key) >= 0;
	c->ticket_key.data = gnutls_malloc(old->ticket_key.size);
	if (!c->ticket_key.data)
		return false;
	c->ticket_key.size = old->ticket_key.size;
	memcpy(c->ticket_key.data, old->ticket_key.data, old->ticket_key.size);
	return true;
}

struct tls_credentials *tls_credentials_renew(
	const struct tls_credentials *old, const struct settings *settings, struct faults *faults)
{
	unsigned before = faults->count;
	struct tls_credentials *c = calloc(1, sizeof *c);
	if (!c || gnutls_certificate_allocate_credentials(&c->x509) < 0) {
		fault(faults, NULL, "out of memory");
		free(c);
		return NULL;
	}
	c->uses = 1;
	c->resume = settings->tls_resume;
	gnutls_certificate_set_flags(c->x509, GNUTLS_CERTIFICATE_VERIFY_CRLS);
	read_issuers(c, settings, faults);
	if (old && !identity_is_readable(settings))
		inherit_identity(c, old, faults);
	else
		read_identity(c, settings, faults);
	if (!set_versions(c, settings) || !make_ticket_key(c, old))
		fault(faults, NULL, "GnuTLS has not got what TLS needs");
	if (faults->count == before) {
		look_at_ours(c, faults);
		return c;
	}
	tls_credentials_return(c);
	return NULL;
}

struct tls_credentials *tls_credentials_read(const struct settings *settings, struct faults *faults)
{
	if (!settings_certificate(settings))
		return NULL;
	return tls_credentials_renew(NULL, settings, faults);
}

bool tls_credentials_stale(struct tls_credentials *credentials, const struct settings *settings)
{
	struct stat seen, *read = &credentials->crl;
	if (!settings->tls_crl || stat(settings->tls_crl, &seen) < 0)
		return false;
	bool same = seen.st_ino == read->st_ino && seen.st_dev == read->st_dev &&
		    seen.st_size == read->st_size && seen.st_mtim.tv_sec == read->st_mtim.tv_sec &&
		    seen.st_mtim.tv_nsec == read->st_mtim.tv_nsec;
	*read = seen;
	return !same;
}

struct tls_credentials *tls_credentials_use(struct tls_credentials *credentials)
{
	credentials->uses++;
	return credentials;
}

static void wipe(gnutls_datum_t *datum)
{
	if (datum->data)
		secret_wipe(datum->data, datum->size);
	gnutls_free(datum->data);
}

void tls_credentials_return(struct tls_credentials *credentials)
{
	if (!credentials || --credentials->uses)
		return;
	gnutls_certificate_free_credentials(credentials->x509);
	if (credentials->priorities)
		gnutls_priority_deinit(credentials->priorities);
	wipe(&credentials->ticket_key);
	wipe(&credentials->ticket);
	free(credentials->name);
	free(credentials);
}

const char *tls_own_name(const struct tls_credentials *credentials)
{
	return credentials ? credentials->name : NULL;
}
