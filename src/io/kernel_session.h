/* For the files of the kernel's data plane only: a session there. */
#ifndef GREYLINE_KERNEL_SESSION_H
#define GREYLINE_KERNEL_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "backlog.h"
#include "dataplane.h"
#include "ppp_channel.h"
#include "ppp_unit.h"

enum {
	KERNEL_FRAMES_AT_ONCE = 64, /* read of one descriptor before others have their turn */
	KERNEL_NETWORKS_MAX = 64,   /* behind a peer, besides its own addresses */
};

/* A descriptor on the loop. Freed by its close callback. */
struct kernel_watch {
	uv_poll_t poll;
	struct dataplane *plane;
	uint32_t subject;
	int fd;
	bool (*read)(struct dataplane *d, struct kernel_watch *watch); /* false: not again */
};

struct kernel_session {
	uint32_t subject; /* of who has the slot: attached, or with an interface until it is */
	uint32_t epoch;
	uint32_t bundle; /* subject of the bundle it is a link of; 0 */
	bool attached, is_bundle, carrier_gone;
	bool require_encryption, check_source;
	uint16_t call_id;
	struct address local, peer;
	uint8_t services;  /* DATAPATH_SERVE_* */
	struct line *line; /* under its channel, in the place of a call; or NULL */
	struct ppp_channel channel;
	struct ppp_unit unit;
	struct kernel_watch *channel_watch, *unit_watch, *services_watch;
	uint16_t mrru, mru; /* what we receive: of a bundle, of a link */
	bool receive_short, send_short;
	int early; /* early_gre.h, until the call is connected; -1 */

	/* CCP. */
	struct mppe_start_keys keys;
	bool ccp_up;
	bool undone;            /* ... and the kernel encrypts no more: see kernel_doubt */
	bool ipv4, ipv6;        /* that pass when it does */
	bool mode_asked;        /* its network protocols were up once */
	uint8_t resync_id;      /* of our last Reset-Request */
	uint64_t resync_at;     /* when it was sent; 0: nothing is missing */
	uint32_t suspicious;    /* frames in a row that make no sense */
	uint64_t suspicious_of; /* packets received when the first of them came */
	bool keys_told;

	/* VJ. */
	unsigned vj_receive, vj_transmit;
	bool vj_omit;

	/* What may come from the peer. */
	struct address remote4, remote6;
	struct prefix prefixes6[2];
	struct prefix networks[KERNEL_NETWORKS_MAX];
	unsigned network_count;

	uint64_t since;         /* attached */
	uint64_t sent;          /* frames, by the channel */
	uint64_t last_received; /* control frames */
	/* Frames of ours through the unit, which are no packets of the interface's. */
	struct {
		uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
	} own;
	/* What the interface had counted when the session began. */
	struct netlink_counters before;
	struct datapath_counters counters; /* drops and resyncs that are seen here */
};

struct dataplane {
	struct dataplane_config config;
	struct netlink *netlink;
	struct kernel_session **sessions; /* by index; NULL: nothing there */
	struct backlog answers;           /* struct kernel_answer, and a frame */
	uv_async_t told;
	unsigned handles;                  /* that are not closed yet */
	struct kernel_watch *inside_watch; /* of the packet socket in another namespace */
	bool stopped;
	uint8_t frame[OUTER_MAX]; /* being read */
};

/* An event that waits until the loop runs. */
struct kernel_answer {
	enum dataplane_event_kind kind;
	uint32_t subject, epoch;
	struct datapath_counters counters;
	char why[256];
};

/* Where its interface is now. */
static inline struct netlink *kernel_links(const struct dataplane *d)
{
	return d->config.inside ? d->config.inside : d->netlink;
}

/* NULL: it is gone, or another has its slot. */
struct kernel_session *kernel_find(struct dataplane *d, uint32_t subject);
/* Tells the owner from the loop. `bytes`: of CONTROL. */
void kernel_tell(struct dataplane *d, const struct kernel_answer *answer, const uint8_t *bytes,
	size_t length);
/* What the kernel refused: the session cannot go on. */
void kernel_unable(struct dataplane *d, struct kernel_session *s, const char *why);

/* A handle is closed; the last one of a plane that was stopped frees it. */
void kernel_release(struct dataplane *d);
/* The kernel has seen a CCP frame behind which it sends in clear: nothing passes until it encrypts
 * again, which it does behind an Ack of ours. */
void kernel_doubt(struct kernel_session *s);
void kernel_trust(struct kernel_session *s);
/* The carrier of its channel is no more. Told once. */
void kernel_line_gone(struct dataplane *d, struct kernel_session *s);

/* kernel_frames.c */
struct kernel_watch *kernel_watch(struct dataplane *d, uint32_t subject, int fd,
	bool (*read)(struct dataplane *, struct kernel_watch *));
void kernel_unwatch(struct kernel_watch **watch);
bool kernel_read_channel(struct dataplane *d, struct kernel_watch *watch);
bool kernel_read_unit(struct dataplane *d, struct kernel_watch *watch);
void kernel_send(
	struct dataplane *d, struct kernel_session *s, const uint8_t *frame, size_t length);
/* What is left when a session leaves this plane goes to the owner all the same. */
void kernel_put_aside(struct dataplane *d, struct kernel_session *s);
/* What the peer sent for an older epoch is read and forgotten. */
void kernel_forget_frames(struct dataplane *d, struct kernel_session *s);

/* kernel_services.c */
int kernel_services_open(struct dataplane *d, struct kernel_session *s);
void kernel_services_close(struct kernel_session *s);
void kernel_services_end(struct dataplane *d); /* of all of them */

/* kernel_counters.c */
void kernel_count(
	struct dataplane *d, struct kernel_session *s, struct datapath_counters *counters);

#endif
