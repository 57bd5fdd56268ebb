/* Every limit of the program in one place, tied to each other where one depends on another.
 * Times are microseconds unless the name says otherwise. */
#ifndef GREYLINE_LIMITS_H
#define GREYLINE_LIMITS_H

#include <assert.h>
#include <stdint.h>

#define NEVER UINT64_MAX /* a deadline that does not come */
#define MS(n) ((uint64_t)(n) * 1000)
#define SECONDS(n) ((uint64_t)(n) * 1000000)

enum {
	/* PPP frames: the protocol field and the information, without address and control. */
	PPP_MRU_DEFAULT = 1500, /* RFC 1661 §6.1 */
	PPP_MRU_MIN = 128,
	PPP_FRAME_MAX = 1502, /* a control frame: protocol and default MRU */
	PPP_NAME_MAX = 255,   /* CHAP and PAP names: one length byte */
	PPP_SECRET_MAX = 255,

	/* What wraps an inner packet: GRE with sequence and ack, address and control, protocol,
	 * MPPE header and the protocol field MPPE hides. */
	GRE_HEADER_MAX = 16,
	GRE_OVERHEAD_MAX = GRE_HEADER_MAX + 4 + 2 + 2,
	INNER_MAX = 65535,
	OUTER_MAX = 2048, /* outer datagrams beyond this are dropped by name */

	/* Batches. */
	BATCH_MAX = 64,

	/* Reordering (a receiver): bounded in packets and in time. */
	REORDER_PACKETS = 64,
	HELD_PACKETS_TOTAL = 4096, /* the pool all sessions of a worker share */
	MPPE_REKEY_AHEAD = 256,    /* keys skipped forward for one packet, at most */

	/* Calls and tunnels. */
	CALLS_PER_TUNNEL = 64,
	CALL_IDS = 65536,
	HALF_OPEN_PER_PEER = 16,
	HALF_OPEN_TOTAL = 1024,

	/* Control frames of one session waiting in a ring. */
	RING_FRAME_QUOTA = 32,
};

#define REORDER_WAIT_MAX MS(300)
#define GRE_ACK_DELAY MS(50)
#define CALL_ID_HOLD SECONDS(30)

static_assert(PPP_FRAME_MAX == PPP_MRU_DEFAULT + 2, "a control frame is a protocol and an MRU");
static_assert(OUTER_MAX >= PPP_MRU_DEFAULT + GRE_OVERHEAD_MAX, "a full frame fits a buffer");
static_assert(HELD_PACKETS_TOTAL >= REORDER_PACKETS, "one session may fill its own window");
static_assert(MPPE_REKEY_AHEAD < 4096 / 2, "behind and ahead stay apart in 12 bits");

#endif
