/* Words to values: numbers, addresses, prefixes and ranges, with the reason when they are not. */
#ifndef GREYLINE_VALUES_H
#define GREYLINE_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "auth.h"
#include "lcp_multilink.h"
#include "settings.h"

/* Decimal, no sign, no overflow, nothing behind it. */
bool value_number(const char *word, uint32_t *number);
/* Bytes: a number, or one with K, M or G behind it (1024 times the one before). */
bool value_octets(const char *word, uint64_t *octets);
/* Digits alone: a line's speed. */
bool value_speed(const char *word, uint32_t *speed);
/* Up to 8 hexadecimal digits, 0x in front or not: a map of control characters. */
bool value_asyncmap(const char *word, uint32_t *map);
bool value_is_asyncmap(const char *word);
/* Characters to be escaped: bit n of word m is character 32 m + n. */
bool value_escapes(const char *word, uint32_t escapes[8]);
bool value_is_escapes(const char *word);
bool value_is_octets(const char *word);
bool value_address(const char *word, struct address *address); /* IPv4 or IPv6 */
bool value_ipv4(const char *word, uint32_t *host_order);
/* LOCAL:REMOTE as pppd has it, or one of them with the colon; what is not there stays. */
bool value_ends(const char *word, struct address *local, struct address *remote);
/* ADDRESS/LENGTH; an address alone is a prefix of its whole length. Bits beyond the length must
 * be zero when `strict`. */
bool value_prefix(const char *word, struct prefix *prefix, bool strict);
/* One of A.B.C.D, A.B.C.D/N, A.B.C.D-E.F.G.H, A.B.C.D-N (pptpd: N replaces the last byte). */
bool value_range(const char *word, struct ipv4_range *range);
/* HOST, HOST:PORT, [V6]:PORT, V6. `port` is left alone when none is given. */
bool value_host_port(const char *word, char host[256], uint16_t *port);
bool value_is_listen(const char *word);    /* ADDR, ADDR:PORT */
bool value_is_host(const char *word);      /* what value_host_port takes */
bool value_is_address(const char *word);   /* what value_address takes */
bool value_is_source(const char *word);    /* that, or what value_range takes */
bool value_is_interface(const char *word); /* a name that Linux and nft take */
bool value_is_domain(const char *word);
bool value_is_variable(const char *word);      /* NAME=VALUE */
bool value_is_variable_name(const char *word); /* not empty, and without = */
/* LOCAL, LOCAL,REMOTE or ,REMOTE, as ::1 or ::1:2:3:4; 0: left out. */
bool value_identifiers(const char *word, uint64_t *local, uint64_t *remote);
bool value_is_identifiers(const char *word);
/* Methods of authentication with commas between them: their order, and their set. 0 for NULL and
 * for what is none. */
uint8_t value_auth(const char *words, struct auth_order *order);
bool value_is_auth_order(const char *words); /* any of them, each once */
bool value_is_auth(const char *words);       /* the same without EAP-TLS: those with secrets */
/* CLASS:VALUE as pppd has it (RFC 1990 §5.1.3), or null. */
bool value_endpoint(const char *word, struct endpoint *endpoint);
bool value_is_endpoint(const char *word);
bool value_is_phone(const char *word); /* a phone number that a call request has room for */
/* What pptp-linux takes for --timeout: 0.01 to 10 seconds. */
bool value_reorder_timeout(const char *word, uint32_t *us);
bool value_is_reorder_timeout(const char *word);
bool value_is_absolute(const char *word); /* a path from the root */
bool value_is_nothing(const char *word);  /* never: for what is refused */
bool value_hex(const char *word, size_t digits, uint8_t *bytes);

#endif
