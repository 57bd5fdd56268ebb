/* Every limit of the program in one place, tied to each other where one depends on another.
 * Times are microseconds unless the name says otherwise. */
#ifndef GREYLINE_LIMITS_H
#define GREYLINE_LIMITS_H

#include <assert.h>
#include <stdint.h>

#define NEVER      UINT64_MAX /* a deadline that does not come */
#define MS(n)      ((uint64_t)(n)*1000)
#define SECONDS(n) ((uint64_t)(n)*1000000)

enum {
	/* PPP frames: the protocol field and the information, without address and control. */
	PPP_MRU_DEFAULT = 1500, /* RFC 1661 §6.1 */
	PPP_MRU_MIN = 128,
	PPP_FRAME_MAX = 1502, /* a control frame: protocol and default MRU */
	IPV6_MTU_MIN = 1280,  /* RFC 8200 §5: no IPv6 on a link that takes less */
	MRRU_MAX =
		1600, /* what a bundle's fragments are put together to, at most (RFC 1990 §5.1.1) */
	PPP_NAME_MAX = 255, /* CHAP and PAP names: one length byte */
	PPP_SECRET_MAX = 255,
	EAP_TLS_MESSAGE_MAX = 65535, /* TLS records of one flight, put together */
	EAP_TLS_PACKET_MAX = 1400,   /* a fragment with EAP's header: fits an outer path of 1500 */

	/* What wraps an inner packet: GRE with sequence and ack, address and control, protocol,
	 * MPPE header and the protocol field MPPE hides. */
	GRE_HEADER_MAX = 16,
	GRE_OVERHEAD_MAX = GRE_HEADER_MAX + 4 + 2 + 2,
	INNER_MAX = 65535,
	OUTER_MAX = 2048, /* outer datagrams beyond this are dropped by name */

	/* Batches. */
	BATCH_MAX = 64,
	WORKERS_MAX = 16, /* threads that move packets */

	/* Reordering (a receiver): bounded in packets and in time. */
	REORDER_PACKETS = 64,
	HELD_PACKETS_TOTAL = 4096, /* the pool all sessions of a worker share */
	MPPE_REKEY_AHEAD = 256,    /* keys skipped forward for one packet, at most */

	/* Multilink. */
	BUNDLE_LINKS_MAX = 16,
	BUNDLE_ROOM_MIN = 64, /* bytes of a frame that go into a fragment, however small the MRU */
	MULTILINK_HELD = 256, /* fragments of a bundle that wait for a missing one */

	/* Calls and tunnels. */
	CALLS_PER_TUNNEL = 64,
	CALL_IDS = 65536,
	PHONE_NUMBER_MAX = 64, /* RFC 2637 §2.7 */
	HALF_OPEN_PER_PEER = 16,
	HALF_OPEN_TOTAL = 1024,

	REDIAL_DOUBLINGS = 4, /* of --holdoff, after so many failures in a row and one */

	/* Packets that wait for a connection that is being dialled. */
	WAITING_PACKETS = 128,
	WAITING_BYTES = 64 << 10,

	/* Control frames of one session waiting in a ring. */
	RING_FRAME_QUOTA = 32,

	/* Memory for compressors, MiB: BSD-Compress takes up to 576 KiB a session. */
	COMPRESSION_MEMORY = 256,
	COMPRESSION_MEMORY_MAX = 65536,

	/* A session. */
	OUTER_MTU_DEFAULT = 1500,
	OUTER_IP_HEADER = 20,
	OUTER_IP6_HEADER = 40,
	ECP_OVERHEAD = 12, /* sequence number, the protocol field it hides, a block of padding */
	MPPE_OVERHEAD = 4, /* coherency count, and the protocol field MPPE hides */
	SESSION_MTU_DEFAULT =
		OUTER_MTU_DEFAULT - OUTER_IP_HEADER - GRE_HEADER_MAX - 4 - MPPE_OVERHEAD,
	MULTILINK_OVERHEAD = 6, /* the protocol field and the long header in front of a fragment */
	BUNDLE_MTU_DEFAULT = SESSION_MTU_DEFAULT - MULTILINK_OVERHEAD,
	EARLY_FRAME_MAX = 64, /* a first Configure-Request that overtook the call's reply: room for
			       * every option that pppd or Windows sends */
};

#define REORDER_WAIT_MAX MS(300)
#define GRE_ACK_DELAY    MS(50)

/* How long an acknowledgement may take before the send window closes (RFC 2637 §4.4). */
#define WINDOW_TIMEOUT_MIN MS(600)
#define WINDOW_TIMEOUT_MAX MS(3000)
/* A line of a PAC that is slower than the network: there a window keeps its buffer from flowing
 * over. bit/s. */
#define WINDOW_LINE_SPEED  10000000
/* A call may be replaced by another to the same address and Call ID once it was silent so long. */
#define CALL_CLASH_SILENCE SECONDS(30)
#define CALL_ID_HOLD       SECONDS(30)

/* A dial waits no longer than this for those before it that failed, unless --holdoff does. */
#define REDIAL_WAIT_MAX      SECONDS(600)
/* How long a peer may take to say that it is ready for what waits. */
#define PROBE_WAIT           SECONDS(1)
/* A packet does not wait longer for one: nobody expects its answer any more. */
#define WAITING_AGE          SECONDS(30)
/* A session that is neither up nor closed by then is closed, whatever its peer keeps it busy with.
 */
#define SESSION_SETUP_MAX    SECONDS(120)
/* A peer whose password has expired is given this long to send a new one, for people type it. */
#define PASSWORD_CHANGE_MAX  SECONDS(90)
/* A peer is told before the connect time ends: when so much of it is left, and so much again. */
#define TIME_REMAINING_FIRST SECONDS(300)
#define TIME_REMAINING_LAST  SECONDS(60)
/* A server keeps a tunnel without calls no longer. There are clients that hear of the end of their
 * call and stay (pptp-linux), and ones that never ask for any. */
#define TUNNEL_EMPTY_MAX     SECONDS(20)
/* No GRE at all this long after the call was connected is worth a warning. */
#define GRE_SILENCE_WARNING  SECONDS(5)
/* And so long, where something else can be tried, the end of the attempt. */
#define GRE_SILENCE_MAX      SECONDS(10)
/* After a standstill (suspended, stopped) the peer is asked this often whether it is there. */
#define ECHO_HURRIED         SECONDS(1)
/* And so long it may take to answer over another road (client_way.c). */
#define WAY_ANSWER_MAX       SECONDS(3)
/* A loop whose timers are so late did not run meanwhile; what has arrived is read first. */
#define STANDSTILL           SECONDS(3)
#define STANDSTILL_GRACE     MS(200)
/* A Linux NAT forgets a GRE flow after 30 s, after 180 s once packets went both ways. */
#define NAT_OPEN_EVERY       SECONDS(20)

/* Going down politely, stage by stage; a peer that does not answer costs no more than this. */
#define SHUTDOWN_LINKS      MS(1000) /* LCP Terminate */
#define SHUTDOWN_CALLS      MS(500)  /* Call-Clear-Request, Call-Disconnect-Notify */
#define SHUTDOWN_CONNECTION MS(500)  /* Stop-Control-Connection */
#define SHUTDOWN_TOTAL      (SHUTDOWN_LINKS + SHUTDOWN_CALLS + SHUTDOWN_CONNECTION)

static_assert(PPP_FRAME_MAX == PPP_MRU_DEFAULT + 2, "a control frame is a protocol and an MRU");
static_assert(OUTER_MAX >= PPP_MRU_DEFAULT + GRE_OVERHEAD_MAX, "a full frame fits a buffer");
static_assert(OUTER_MAX >= MRRU_MAX + GRE_OVERHEAD_MAX, "and so does what fragments make");
static_assert(HELD_PACKETS_TOTAL >= REORDER_PACKETS, "one session may fill its own window");
static_assert(SHUTDOWN_TOTAL <= SECONDS(2), "of its five seconds the app keeps three");
static_assert(SESSION_MTU_DEFAULT + MPPE_OVERHEAD <= PPP_MRU_DEFAULT, "a full packet fits the MRU");
static_assert(MPPE_REKEY_AHEAD < 4096 / 2, "behind and ahead stay apart in 12 bits");

#endif
