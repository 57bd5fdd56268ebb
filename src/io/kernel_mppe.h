/* MPPE in the kernel (ppp_mppe): the CCP frames of ours it watches, and the keys it wants before it
 * sees them. RFC 1962 §5 (a Configure-Request says what its sender wants to receive), RFC 3078 §2.1
 * (the option), RFC 3079 (the keys). No system call is made here. */
#ifndef GREYLINE_KERNEL_MPPE_H
#define GREYLINE_KERNEL_MPPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mppe_key.h"

enum { KERNEL_MPPE_OPTION = 6, KERNEL_MPPE_KEY = 16 };

/* What PPPIOCSCOMPRESS takes: the option, and the start key behind it. */
struct kernel_mppe {
	bool transmit; /* else of what we receive */
	uint8_t option[KERNEL_MPPE_OPTION + KERNEL_MPPE_KEY];
};

enum kernel_mppe_verdict {
	KERNEL_MPPE_NOTHING, /* the frame says nothing of MPPE */
	KERNEL_MPPE_ARM,     /* this is to be set before the frame leaves */
	KERNEL_MPPE_UNABLE,  /* 56 bits, or MPPC under it: not in the kernel */
};

/* `frame`: protocol field onwards, one that we send. Ours to wipe. */
enum kernel_mppe_verdict kernel_mppe_sending(struct kernel_mppe *mppe, const uint8_t *frame,
	size_t length, const struct mppe_start_keys *keys);

/* For `mppe->transmit`, with a strength of 40 or 128 bits. */
void kernel_mppe_option(struct kernel_mppe *mppe, unsigned strength, bool stateless,
	const struct mppe_start_keys *keys);

#endif
