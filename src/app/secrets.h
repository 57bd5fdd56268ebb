/* Users and passwords: files in the format of pppd's chap-secrets and pap-secrets.
 *
 *   client  server  secret  [address...]  [-- expired]
 *
 * The line with the fewest wildcards (*) wins; among equals the first. A secret @/path is the
 * first word of that file; nt: and 32 hexadecimal digits are an NT hash. Addresses: those the
 * client may have, in order: ADDR, ADDR/N, !ADDR, !ADDR/N, - (none), * (any). A line without any
 * means an address from the pool (pppd would allow none). Among them, route:NETWORK/N is a network
 * behind the client. Behind --, where pppd has options of the
 * peer's, is one word: expired, for a password that is to be changed at the next login.
 */
#ifndef GREYLINE_SECRETS_H
#define GREYLINE_SECRETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "address.h"
#include "fault.h"
#include "limits.h"

struct secret_address {
	uint32_t address, mask; /* host order */
	bool refused;           /* written with ! */
};

struct secret {
	char *client, *server; /* NULL: wildcard */
	uint32_t client_hash;
	struct place at; /* file is the table's own string */
	bool nt_hash;    /* `word` is a 16-byte NT hash */
	bool elsewhere;  /* it is another file's, @/path */
	bool expired;    /* right, but to be changed before anything else */
	bool options;    /* behind -- */
	uint16_t length;
	uint8_t *word;
	uint16_t address_count;
	struct secret_address *addresses; /* NULL with count 0: from the pool */
	uint8_t route_count;
	struct prefix *routes; /* networks behind the client */
	bool none;             /* no address at all: the peer may not come in */
};

struct secrets {
	char *path;
	struct secret *at;
	size_t count, room;
	struct stat seen; /* of the file when it was read */
	uint64_t checked; /* when it was last looked at, microseconds */
	/* @/path files, whose change is a change of the table. */
	struct secrets_other {
		char *path;
		struct stat seen;
	} * others;
	size_t other_count;
};

void secrets_init(struct secrets *secrets);
void secrets_free(struct secrets *secrets); /* wipes */

/* Parses memory, adding to the table. `open_files`: follow @/path (the fuzzer does not). */
void secrets_parse(struct secrets *secrets, const char *file, const char *bytes, size_t length,
	bool open_files, struct faults *faults);

/* Reads a file into an empty table. 0 or -errno; faults in it are counted: the lines that hold
 * them are left out. Warns when others can read it. */
int secrets_read(struct secrets *secrets, const char *path, struct faults *faults);

/* Whether the file, or one it points to, is another than the one read. Looks at most once a
 * second. */
bool secrets_changed(struct secrets *secrets, uint64_t now);
/* Reads again into a new table and swaps it in; on an error, or on a file with faults, the old one
 * stays. 0, -errno, or -EINVAL for faults. */
int secrets_reload(struct secrets *secrets, struct faults *faults);

/* One secret made by the program itself, not from a file. */
void secrets_add(struct secrets *secrets, const char *client, const char *word);

/* The best line for this pair; NULL when there is none. `server` NULL matches any. */
const struct secret *secrets_find(const struct secrets *secrets, const void *client,
	size_t client_length, const char *server);

/* The same line's secret is `fresh` from now on, as a password or as an NT hash, whichever it was,
 * and no longer expired. */
struct auth_password;
void secrets_adopt(struct secrets *secrets, const void *client, size_t client_length,
	const char *server, const struct auth_password *fresh);

/* For the two files of this table: sets a line's secret, as it stands or as nt: says; and from the
 * file that @/path names. False with the fault told. */
struct word;
bool secret_store(struct secret *secret, const char *word, size_t length, const struct place *at,
	struct faults *faults);
bool secret_from_file(struct secrets *secrets, struct secret *secret, const struct word *word,
	struct faults *faults);

/* For the process that may write the file: puts `word` in the place of the secret on the line of
 * client and server (NULL: a wildcard), as an NT hash where it was one, and takes `expired` away.
 * The file is replaced whole, or not at all. 0 or -errno with `error`; -ESTALE when there is no
 * such line, or it is not expired. */
int secrets_renew(const char *path, const char *client, const char *server, const char *word,
	char error[256]);

/* Whether the line lets its client have `address`; the single address it names first, or 0. */
bool secret_allows(const struct secret *secret, uint32_t address);
uint32_t secret_fixed(const struct secret *secret);
/* True for a line whose client gets an address from the pool. */
bool secret_from_pool(const struct secret *secret);

#endif
