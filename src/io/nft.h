/* The nftables text behind --nat: a table of our own, put in and taken out in one transaction.
 *
 * Rules match by interface and pool, so no session needs an nft call. The nft program exits after
 * each run, so the kernel's owner flag (which ties a table to a living socket) cannot be used;
 * the table is removed explicitly, by the helper when the main process is gone, and through the
 * state file at the next start.
 *
 * An accept in our table cannot undo a drop in another one: `greyline doctor` looks for those. */
#ifndef GREYLINE_NFT_H
#define GREYLINE_NFT_H

#include <stdbool.h>

#include "address.h"
#include "text.h"

enum { NFT_NAME_SIZE = 32, NFT_TEXT_SIZE = 4096 };

struct nft_config {
	char table[NFT_NAME_SIZE]; /* "greyline"; letters, digits and _ only */
	char interface[17];        /* "greyline0", or "ppp*" for every name that starts so */
	struct prefix pool;        /* the clients' addresses (IPv4) */
	bool masquerade;           /* the pool leaves by other interfaces under their address */
};

/* Whether names and pool are such that the text below is what it seems. */
bool nft_config_valid(const struct nft_config *config);

/* The script that makes the table, replacing one of the same name; and the one that removes it,
 * which succeeds when it is not there. */
void nft_text(struct text *t, const struct nft_config *config);
void nft_removal_text(struct text *t, const char *table);

#endif
