/* A channel of the kernel's PPP: what carries frames for it. A PPTP call (PX_PROTO_PPTP, Linux
 * 2.6.37), or a tty with the kernel's own HDLC (N_PPP, N_SYNC_PPP).
 *
 * Through its descriptor, /dev/ppp, go the frames of the link's own protocols (0xc000 and above),
 * and all others as long as it is connected to no unit. */
#ifndef GREYLINE_PPP_CHANNEL_H
#define GREYLINE_PPP_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "address.h"

struct ppp_channel {
	int carrier; /* the PPTP socket, or the tty; -1: there is none */
	int fd;      /* of /dev/ppp, once it is open; else -1 */
	bool tty;
	int unit;       /* number of the one it is connected to, or -1 */
	int discipline; /* the tty's, before */
};

#define PPP_CHANNEL_NONE ((struct ppp_channel){.carrier = -1, .fd = -1, .unit = -1})

/* All of these: 0 or -errno, with `error`: what failed, on what, what to do next. */

/* Takes the call ID: from here on no other PPTP program of the kernel's has it (-EBUSY: one has).
 * IPv4 and not call ID 0: the kernel has neither. */
int ppp_channel_bind(struct ppp_channel *channel, uint16_t call_id, const struct address *local,
	char error[256]);
/* Frames go to that call of the peer's, and come from no other address. */
int ppp_channel_connect(
	struct ppp_channel *channel, uint16_t call_id, const struct address *peer, char error[256]);
/* A tty, which stays the caller's; it must outlive the channel. */
int ppp_channel_tty(struct ppp_channel *channel, int tty, bool sync, char error[256]);

/* What the peer takes (LCP): one-byte protocol fields, frames without FF 03. */
int ppp_channel_framing(const struct ppp_channel *channel, bool protocol, bool address);
/* A tty's ACCMs (RFC 1662 §7.1) and the largest frame we take. */
int ppp_channel_line(const struct ppp_channel *channel, uint32_t send, uint32_t receive, int mru);

/* What the interface of this unit sends and receives goes over the channel, or no longer. */
int ppp_channel_join(struct ppp_channel *channel, int unit);
void ppp_channel_leave(struct ppp_channel *channel);

/* Frames stop. The tty gets its discipline back. */
void ppp_channel_close(struct ppp_channel *channel);

#endif
