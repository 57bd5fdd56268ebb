/* The names in a certificate (RFC 5280 §4.1.2.6 and §4.2.1.6, RFC 5216 §5.2).
 *
 * A peer is who it says when that is, byte for byte, the common name, an e-mail address or a
 * Microsoft user principal name of its certificate; a host also by a DNS name, in either case and
 * with a wildcard for its first label, or by an address. A Windows computer calls itself
 * host/DNS-NAME. A name with a NUL byte in it ends the comparison: the part before it is not the
 * name (CVE-2009-2408; pppd 7896bc0). */
#include <stdlib.h>
#include <string.h>

#include "tls_inner.h"

static const char COMPUTER[] = "host/";

/* Walks the names: the common names, then the alternative ones. */
struct names {
	gnutls_x509_crt_t certificate;
	unsigned at;
	bool alternative;
	/* The one found. */
	enum kind { NAME_COMMON, NAME_MAIL, NAME_UPN, NAME_DNS, NAME_OTHER } kind;
	char text[TLS_NAME_MAX + 1];
	size_t length; /* of what is in it; 0: longer than any we look for */
};

static bool read_common(struct names *n)
{
	size_t size = sizeof n->text;
	int result = gnutls_x509_crt_get_dn_by_oid(
		n->certificate, GNUTLS_OID_X520_COMMON_NAME, n->at, 0, n->text, &size);
	if (result == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
		return false;
	n->kind = NAME_COMMON;
	n->length = result < 0 ? 0 : size;
	return true;
}

static enum kind kind_of(int type)
{
	switch (type) {
	case GNUTLS_SAN_DNSNAME:
		return NAME_DNS;
	case GNUTLS_SAN_RFC822NAME:
		return NAME_MAIL;
	case GNUTLS_SAN_OTHERNAME_MSUSERPRINCIPAL:
		return NAME_UPN;
	default:
		return NAME_OTHER;
	}
}

static bool read_alternative(struct names *n)
{
	size_t size = sizeof n->text;
	int result =
		gnutls_x509_crt_get_subject_alt_name(n->certificate, n->at, n->text, &size, NULL);
	if (result == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
		return false;
	n->length = result < 0 ? 0 : size;
	n->kind = kind_of(result);
	return true;
}

static bool next(struct names *n)
{
	if (!n->alternative && read_common(n)) {
		n->at++;
		return true;
	}
	if (!n->alternative)
		n->at = 0;
	n->alternative = true;
	if (!read_alternative(n))
		return false;
	n->at++;
	return true;
}

static bool has_nul(const struct names *n)
{
	return n->kind != NAME_OTHER && n->length && memchr(n->text, '\0', n->length);
}

enum tls_names tls_names_match(gnutls_x509_crt_t certificate, const char *wanted)
{
	struct names n = {.certificate = certificate};
	size_t computer = sizeof COMPUTER - 1;
	bool match = false;
	while (next(&n)) {
		if (has_nul(&n))
			return TLS_NAMES_NUL;
		if (n.kind != NAME_OTHER && n.length == strlen(wanted) &&
			!memcmp(n.text, wanted, n.length))
			match = true;
	}
	if (!strncmp(wanted, COMPUTER, computer))
		wanted += computer;
	if (!match)
		match = gnutls_x509_crt_check_hostname(certificate, wanted);
	return match ? TLS_NAMES_MATCH : TLS_NAMES_DIFFER;
}

bool tls_names_first(gnutls_x509_crt_t certificate, char name[TLS_NAME_MAX + 1])
{
	static const int rank[] = {
		[NAME_UPN] = 4, [NAME_MAIL] = 3, [NAME_COMMON] = 2, [NAME_DNS] = 1};
	struct names n = {.certificate = certificate};
	int best = 0;
	while (next(&n)) {
		if (n.kind == NAME_OTHER || !n.length || n.length > TLS_NAME_MAX || has_nul(&n) ||
			rank[n.kind] <= best)
			continue;
		best = rank[n.kind];
		memcpy(name, n.text, n.length);
		name[n.length] = '\0';
	}
	return best > 0;
}
