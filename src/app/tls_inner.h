/* What the files of TLS share; of theirs only, and the only header that knows GnuTLS. */
#ifndef GREYLINE_TLS_INNER_H
#define GREYLINE_TLS_INNER_H

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <sys/stat.h>

#include "tls.h"

struct tls_credentials {
	unsigned uses;
	gnutls_certificate_credentials_t x509;
	gnutls_priority_t priorities;
	gnutls_datum_t ticket_key; /* a server's: tickets need no memory here */
	gnutls_datum_t ticket;     /* a client's, for the next dial */
	bool resume;
	struct stat crl; /* when it was read */
	char *name;
};

enum { TLS_NAME_MAX = 255, TLS_SENTENCE_MAX = 512 };

/* Names in a certificate. What has a NUL byte in one of them matches nothing. */
enum tls_names { TLS_NAMES_MATCH, TLS_NAMES_DIFFER, TLS_NAMES_NUL };
enum tls_names tls_names_match(gnutls_x509_crt_t certificate, const char *wanted);
/* The first of its names: UPN, e-mail address, common name, DNS name. False: it has none. */
bool tls_names_first(gnutls_x509_crt_t certificate, char name[TLS_NAME_MAX + 1]);

#endif
