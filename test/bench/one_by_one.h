/* MPPE-128 stateless as programs do it that take one packet after another. */
#ifndef GREYLINE_BENCH_ONE_BY_ONE_H
#define GREYLINE_BENCH_ONE_BY_ONE_H

#include <stddef.h>
#include <stdint.h>

#include "mppe_formula.h"

struct rival {
	const char *name;
	/* The next key, and the packet encrypted in place under it. */
	void (*packet)(struct mppe_formula *chain, uint8_t *bytes, size_t length);
};

extern const struct rival rival_nettle;
extern const struct rival *const rival_openssl; /* NULL: built without */

#endif
