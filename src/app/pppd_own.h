/* Inside pppd's options: words that are no keys of the option table. */
#ifndef GREYLINE_PPPD_OWN_H
#define GREYLINE_PPPD_OWN_H

#include "pppd_options.h"

/* Takes a word of kind PPPD_OWN; false with the fault told. */
bool pppd_own(struct pppd_options *options, const struct pppd_entry *entry, bool privileged);
/* Frames go another way than over a device: pty, notty, socket, a PPTP server. */
bool pppd_has_channel(const struct pppd_options *options);

#endif
