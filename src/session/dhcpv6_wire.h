/* DHCPv6 messages in host order, and their bytes (RFC 8415 §7, §8, §21; RFC 3646, RFC 4075, RFC
 * 5908). What is spoken here: stateless configuration and prefix delegation. */
#ifndef GREYLINE_DHCPV6_WIRE_H
#define GREYLINE_DHCPV6_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "bytes.h"
#include "domains.h"
#include "text.h"

enum { DHCPV6_CLIENT_PORT = 546, DHCPV6_SERVER_PORT = 547 };

enum dhcpv6_type {
	DHCPV6_SOLICIT = 1,
	DHCPV6_ADVERTISE,
	DHCPV6_REQUEST,
	DHCPV6_CONFIRM,
	DHCPV6_RENEW,
	DHCPV6_REBIND,
	DHCPV6_REPLY,
	DHCPV6_RELEASE,
	DHCPV6_DECLINE,
	DHCPV6_RECONFIGURE,
	DHCPV6_INFORMATION_REQUEST,
};

enum dhcpv6_status {
	DHCPV6_SUCCESS,
	DHCPV6_UNSPEC_FAIL,
	DHCPV6_NO_ADDRS_AVAIL,
	DHCPV6_NO_BINDING,
	DHCPV6_NOT_ON_LINK,
	DHCPV6_USE_MULTICAST,
	DHCPV6_NO_PREFIX_AVAIL,
};

enum dhcpv6_ia_kind { DHCPV6_IA_NA = 3, DHCPV6_IA_TA = 4, DHCPV6_IA_PD = 25 };

/* What an Option Request option asks for, as far as it is known here. */
enum {
	DHCPV6_WANTS_DNS = 1,
	DHCPV6_WANTS_DOMAINS = 2,
	DHCPV6_WANTS_SNTP = 4,
	DHCPV6_WANTS_NTP = 8
};

enum { DHCPV6_DUID_MAX = 130, DHCPV6_IAS = 4, DHCPV6_PREFIXES = 2, DHCPV6_DNS = 2 };
#define DHCPV6_FOREVER UINT32_MAX /* of a lifetime in seconds */

/* An identity, to be compared and nothing else; length 0: none. */
struct dhcpv6_duid {
	uint8_t length;
	uint8_t bytes[DHCPV6_DUID_MAX];
};

struct dhcpv6_prefix {
	struct prefix prefix;
	uint32_t preferred, valid; /* seconds */
};

struct dhcpv6_ia {
	enum dhcpv6_ia_kind kind;
	uint32_t iaid;
	uint32_t t1, t2; /* seconds; 0: the client may choose */
	uint16_t status; /* enum dhcpv6_status */
	uint8_t count;
	struct dhcpv6_prefix prefixes[DHCPV6_PREFIXES]; /* of IA_PD; addresses are passed over */
};

struct dhcpv6_message {
	enum dhcpv6_type type;
	uint32_t transaction; /* 24 bits */
	struct dhcpv6_duid client, server;
	bool rapid_commit;
	bool first_choice; /* preference 255 */
	uint16_t status;   /* enum dhcpv6_status, of the whole */
	uint16_t elapsed;  /* hundredths of seconds */
	uint8_t wants;     /* DHCPV6_WANTS_* */
	uint8_t ia_count;
	struct dhcpv6_ia ias[DHCPV6_IAS]; /* further ones are passed over */
	struct address dns[DHCPV6_DNS];
	struct address ntp;
	struct domains search;
};

/* False when it is malformed. Options that are not known are passed over, as are those behind the
 * last that there is room for. */
bool dhcpv6_read(struct dhcpv6_message *message, struct reader r);
void dhcpv6_write(struct writer *w, const struct dhcpv6_message *message);
void dhcpv6_print(struct text *t, const struct dhcpv6_message *message);

bool dhcpv6_same_duid(const struct dhcpv6_duid *a, const struct dhcpv6_duid *b);
bool dhcpv6_same_prefix(const struct prefix *a, const struct prefix *b);
const char *dhcpv6_status_word(uint16_t status);

#endif
