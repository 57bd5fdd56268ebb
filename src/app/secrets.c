/* Secrets files: the grammar of lines, and finding a user's line (see secrets.h).
 *
 * A line begins at the first word behind a newline. Lines that hold a fault are left out, each
 * fault is one line with its place, and the rest of the file works: one slip must not lock
 * everybody out. Matching is pppd's: a server's name counts more than a client's. */
#include "secrets.h"

#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "digest.h"
#include "values.h"
#include "words.h"

enum { ADDRESSES_MAX = 256, ROUTES_MAX = 64, NT_HASH_BYTES = 16 };

static const char nt_prefix[] = "nt:", route_prefix[] = "route:";

void secrets_init(struct secrets *secrets)
{
	*secrets = (struct secrets){0};
}

static void secret_free(struct secret *secret)
{
	free(secret->client);
	free(secret->server);
	if (secret->word)
		secret_wipe(secret->word, secret->length);
	free(secret->word);
	free(secret->addresses);
	free(secret->routes);
}

void secrets_free(struct secrets *secrets)
{
	for (size_t i = 0; i < secrets->count; i++)
		secret_free(&secrets->at[i]);
	for (size_t i = 0; i < secrets->other_count; i++)
		free(secrets->others[i].path);
	free(secrets->at);
	free(secrets->others);
	free(secrets->path);
	secrets_init(secrets);
}

static uint32_t hash_name(const void *name, size_t length)
{
	const uint8_t *bytes = name;
	uint32_t hash = 2166136261u; /* FNV-1a */
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ bytes[i]) * 16777619u;
	return hash;
}

static void *grow(void *list, size_t count, size_t *room, size_t size)
{
	if (count < *room)
		return list;
	size_t larger = *room ? 2 * *room : 16;
	void *moved = realloc(list, larger * size);
	if (moved)
		*room = larger;
	return moved;
}

/* Takes the secret over, or frees it. */
static void keep(struct secrets *secrets, struct secret *secret, struct faults *faults)
{
	struct secret *list = grow(secrets->at, secrets->count, &secrets->room, sizeof *list);
	if (!list) {
		fault(faults, &secret->at, "out of memory");
		secret_free(secret);
		return;
	}
	secrets->at = list;
	secrets->at[secrets->count++] = *secret;
}

static bool wild(const struct word *word)
{
	return word->length == 1 && word->bytes[0] == '*';
}

/* A name, or NULL for a wildcard. pppd treats a quoted "*" as a wildcard too. */
static bool take_name(const struct word *word, char **name, struct faults *faults)
{
	if (word->bad)
		return false;
	if (wild(word))
		return true;
	if (word->length > PPP_NAME_MAX) {
		fault(faults, &word->at, "a name is longer than %d bytes", PPP_NAME_MAX);
		return false;
	}
	*name = strdup(word->bytes);
	return *name != NULL;
}

bool secret_store(struct secret *secret, const char *word, size_t length, const struct place *at,
	struct faults *faults)
{
	uint8_t hash[NT_HASH_BYTES];
	const size_t prefix = sizeof nt_prefix - 1;
	bool marked = length > prefix && !memcmp(word, nt_prefix, prefix);
	secret->nt_hash = marked && length == prefix + 2 * NT_HASH_BYTES &&
			  value_hex(word + prefix, 2 * NT_HASH_BYTES, hash);
	if (marked && !secret->nt_hash)
		fault_warning(faults, at,
			"a secret begins with nt: but is not an NT hash (32 hexadecimal digits): "
			"it is taken as the password itself");
	if (!secret->nt_hash && length > PPP_SECRET_MAX) {
		fault(faults, at, "a secret is longer than %d bytes", PPP_SECRET_MAX);
		return false;
	}
	secret->length = secret->nt_hash ? NT_HASH_BYTES : (uint16_t)length;
	secret->word = malloc(length ? length : 1);
	if (!secret->word)
		return false;
	memcpy(secret->word, secret->nt_hash ? (const void *)hash : word, secret->length);
	secret_wipe(hash, sizeof hash);
	return true;
}

static bool take_secret(struct secrets *secrets, struct secret *secret, const struct word *word,
	bool open_files, struct faults *faults)
{
	if (word->bad)
		return false;
	secret->elsewhere = word->bytes[0] == '@' && word->bytes[1] == '/';
	if (secret->elsewhere && open_files)
		return secret_from_file(secrets, secret, word, faults);
	return secret_store(secret, word->bytes, word->length, &word->at, faults);
}

static bool address_fault(const struct word *word, struct faults *faults)
{
	char shown[48];
	fault_word(shown, word->bytes, word->length);
	size_t length = strlen(word->bytes);
	if (length && word->bytes[length - 1] == '+')
		fault(faults, &word->at,
			"'%s': an address by unit number is not supported: name the address",
			shown);
	else
		fault(faults, &word->at,
			"'%s' is no address: ADDR, ADDR/N, !ADDR, - or * is expected", shown);
	return false;
}

static bool take_route(struct secret *secret, const struct word *word, struct faults *faults)
{
	char shown[48];
	struct prefix prefix;
	if (!value_prefix(word->bytes + sizeof route_prefix - 1, &prefix, true) || !prefix.length) {
		fault(faults, &word->at, "'%s': a network as route:10.0.0.0/8 is expected",
			fault_word(shown, word->bytes, word->length));
		return false;
	}
	if (secret->route_count >= ROUTES_MAX) {
		fault(faults, &word->at, "more than %d routes on one line", ROUTES_MAX);
		return false;
	}
	struct prefix *list = realloc(secret->routes, (secret->route_count + 1u) * sizeof *list);
	if (!list)
		return false;
	secret->routes = list;
	secret->routes[secret->route_count++] = prefix;
	return true;
}

static bool take_address(struct secret *secret, const struct word *word, struct faults *faults)
{
	const char *text = word->bytes;
	struct secret_address entry = {0};
	struct prefix prefix;
	if (word->bad)
		return false;
	if (secret->none)
		return true; /* behind a -, nothing counts */
	if (!strncmp(text, route_prefix, sizeof route_prefix - 1))
		return take_route(secret, word, faults);
	if (!strcmp(text, "-") && !secret->address_count) {
		secret->none = true;
		return true;
	}
	if (secret->address_count >= ADDRESSES_MAX) {
		fault(faults, &word->at, "more than %d addresses on one line", ADDRESSES_MAX);
		return false;
	}
	if (*text == '!') {
		entry.refused = true;
		text++;
	}
	if (strcmp(text, "*") != 0) {
		if (!value_prefix(text, &prefix, false) || prefix.address.family != 4)
			return address_fault(word, faults);
		entry.mask = prefix.length ? UINT32_MAX << (32 - prefix.length) : 0;
		entry.address = address_to_ipv4(&prefix.address);
	}
	struct secret_address *list =
		realloc(secret->addresses, (secret->address_count + 1u) * sizeof *list);
	if (!list)
		return false;
	secret->addresses = list;
	secret->addresses[secret->address_count++] = entry;
	return true;
}

static bool take_option(struct secret *secret, const struct word *word, struct faults *faults)
{
	char shown[48];
	secret->expired = !strcmp(word->bytes, "expired");
	if (!word->bad && !secret->expired)
		fault(faults, &word->at, "'%s' is no option of a user: there is 'expired'",
			fault_word(shown, word->bytes, word->length));
	return !word->bad && secret->expired;
}

static bool take_field(struct secrets *secrets, struct secret *secret, unsigned field,
	const struct word *word, bool open_files, struct faults *faults)
{
	switch (field) {
	case 0:
		return take_name(word, &secret->client, faults);
	case 1:
		return take_name(word, &secret->server, faults);
	case 2:
		return take_secret(secrets, secret, word, open_files, faults);
	default:
		if (secret->options)
			return take_option(secret, word, faults);
		secret->options = !strcmp(word->bytes, "--");
		return secret->options || take_address(secret, word, faults);
	}
}

/* A line that is whole and without faults goes into the table. */
static void end_line(struct secrets *secrets, struct secret *secret, unsigned fields, bool good,
	struct faults *faults)
{
	if (good && fields < 3) {
		fault(faults, &secret->at,
			"a line has a client, a server and a secret; this one has %u word%s",
			fields, fields == 1 ? "" : "s");
		good = false;
	}
	if (good) {
		if (secret->client)
			secret->client_hash = hash_name(secret->client, strlen(secret->client));
		keep(secrets, secret, faults);
	} else {
		secret_free(secret);
	}
}

void secrets_parse(struct secrets *secrets, const char *file, const char *bytes, size_t length,
	bool open_files, struct faults *faults)
{
	struct words words = words_over(file, bytes, length, faults);
	struct word word;
	struct secret secret = {0};
	unsigned fields = 0;
	bool good = true;
	while (words_next(&words, &word)) {
		if (word.first && fields) {
			end_line(secrets, &secret, fields, good, faults);
			fields = 0;
		}
		if (!fields) {
			secret = (struct secret){.at = word.at};
			good = true;
		}
		good = good && take_field(secrets, &secret, fields, &word, open_files, faults);
		fields++;
	}
	if (fields)
		end_line(secrets, &secret, fields, good, faults);
	secret_wipe(&word, sizeof word);
}

void secrets_add(struct secrets *secrets, const char *client, const char *word)
{
	struct faults quiet = {0};
	struct secret secret = {.client = strdup(client)};
	struct place nowhere = {.file = "generated"};
	secret.at = nowhere;
	if (secret.client && secret_store(&secret, word, strlen(word), &nowhere, &quiet)) {
		secret.client_hash = hash_name(client, strlen(client));
		keep(secrets, &secret, &quiet);
	} else {
		secret_free(&secret);
	}
}

/* How well a line fits: -1 not at all; otherwise pppd's weights, a server's name before a
 * client's. */
static int fit(const struct secret *secret, const void *client, size_t length, uint32_t hash,
	const char *server)
{
	int weight = 0;
	if (secret->client) {
		if (secret->client_hash != hash || strlen(secret->client) != length ||
			memcmp(secret->client, client, length) != 0)
			return -1;
		weight |= 1;
	}
	if (secret->server) {
		if (server && strcmp(secret->server, server) != 0)
			return -1;
		weight |= 2;
	}
	return weight;
}

const struct secret *secrets_find(
	const struct secrets *secrets, const void *client, size_t client_length, const char *server)
{
	const struct secret *best = NULL;
	uint32_t hash = hash_name(client, client_length);
	int best_weight = -1;
	for (size_t i = 0; i < secrets->count && best_weight < 3; i++) {
		int weight = fit(&secrets->at[i], client, client_length, hash, server);
		if (weight > best_weight) {
			best_weight = weight;
			best = &secrets->at[i];
		}
	}
	return best;
}

void secrets_adopt(struct secrets *secrets, const void *client, size_t client_length,
	const char *server, const struct auth_password *fresh)
{
	const struct secret *found = secrets_find(secrets, client, client_length, server);
	if (!found || !found->expired)
		return; /* read anew meanwhile */
	struct secret *secret = &secrets->at[found - secrets->at];
	size_t length = secret->nt_hash ? NT_HASH_BYTES : fresh->length;
	uint8_t *word = malloc(length ? length : 1);
	if (!word)
		return;
	memcpy(word, secret->nt_hash ? (const void *)fresh->nt_hash : fresh->word, length);
	secret_wipe(secret->word, secret->length);
	free(secret->word);
	secret->word = word;
	secret->length = (uint16_t)length;
	secret->expired = false;
}

bool secret_from_pool(const struct secret *secret)
{
	return !secret->none && !secret->address_count;
}

bool secret_allows(const struct secret *secret, uint32_t address)
{
	if (secret_from_pool(secret))
		return true;
	for (unsigned i = 0; i < secret->address_count; i++)
		if (((address ^ secret->addresses[i].address) & secret->addresses[i].mask) == 0)
			return !secret->addresses[i].refused;
	return false;
}

uint32_t secret_fixed(const struct secret *secret)
{
	for (unsigned i = 0; i < secret->address_count; i++)
		if (!secret->addresses[i].refused && secret->addresses[i].mask == UINT32_MAX)
			return secret->addresses[i].address;
	return 0;
}
