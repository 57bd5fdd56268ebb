/* The one list of drop reasons and the one list of close reasons.
 *
 * A drop is a packet or message not acted on; a close ends a session or a tunnel. Each has a word
 * that is the counter's name, the log's `reason=` value and the name in tests, and a sentence for
 * people. Nothing a peer sends may reach an assert: it reaches one of these.
 */
#ifndef GREYLINE_REASON_H
#define GREYLINE_REASON_H

#include <stdint.h>

/* room, identifier, word, sentence. The room says which code counts it; the simulator must reach
 * every one of a pure room. What a data path counts for each session comes first. */
#define DROP_LIST(X)                                                                               \
	X(DATAPATH, GRE_SHORT, "gre-short", "GRE packet shorter than its header")                  \
	X(DATAPATH, GRE_VERSION, "gre-version", "GRE version is not 1")                            \
	X(DATAPATH, GRE_PROTOCOL, "gre-protocol", "GRE protocol type is not PPP")                  \
	X(DATAPATH, GRE_FLAGS, "gre-flags", "GRE flags that version 1 does not allow")             \
	X(DATAPATH, GRE_LENGTH, "gre-length", "GRE payload length beyond what arrived")            \
	X(DATAPATH, GRE_CALL, "gre-call", "GRE packet for a call ID that is not ours")             \
	X(DATAPATH, GRE_PEER, "gre-peer", "GRE packet from an address that is not the tunnel's")   \
	X(DATAPATH, GRE_ACK, "gre-ack", "acknowledgement of a packet never sent")                  \
	X(DATAPATH, GRE_DUPLICATE, "gre-duplicate", "sequence number already delivered")           \
	X(DATAPATH, GRE_LATE, "gre-late", "sequence number behind the reorder window")             \
	X(DATAPATH, HOLD_FULL, "hold-full", "no room to hold a reordered packet")                  \
	X(DATAPATH, PPP_SHORT, "ppp-short", "PPP frame shorter than its header")                   \
	X(DATAPATH, PPP_PROTOCOL, "ppp-protocol", "PPP protocol number is malformed")              \
	X(DATAPATH, PPP_DATA_EARLY, "ppp-data-early", "network packet before its protocol is up")  \
	X(DATAPATH, MPPE_SHORT, "mppe-short", "MPPE packet shorter than its header")               \
	X(DATAPATH, MPPE_NO_KEY, "mppe-no-key", "MPPE packet while no receive key is installed")   \
	X(DATAPATH, MPPE_CLEAR, "mppe-clear",                                                      \
		"network packet in clear text while encryption is required")                       \
	X(DATAPATH, MPPE_BITS, "mppe-bits", "MPPE packet with impossible flag bits")               \
	X(DATAPATH, MPPE_COHERENCY, "mppe-coherency", "MPPE coherency count behind the window")    \
	X(DATAPATH, MPPE_FAR, "mppe-far", "MPPE coherency count too far ahead to rekey to")        \
	X(DATAPATH, MPPE_RESYNC, "mppe-resync", "stateful MPPE waits for a flushed packet")        \
	X(DATAPATH, MPPE_INNER, "mppe-inner",                                                      \
		"decrypted protocol is not one MPPE may carry: keys differ")                       \
	X(DATAPATH, VJ_HEADER, "vj-header", "VJ packet with a malformed header")                   \
	X(DATAPATH, VJ_SLOT, "vj-slot", "VJ packet of a connection whose headers are not known")   \
	X(DATAPATH, VJ_CHECKSUM, "vj-checksum",                                                    \
		"VJ packet whose TCP checksum is wrong once it is whole")                          \
	X(DATAPATH, CODEC_DATA, "codec-data", "compressed packet that makes no sense")             \
	X(DATAPATH, CODEC_SIZE, "codec-size", "compressed packet that holds more than our MRU")    \
	X(DATAPATH, CODEC_LOST, "codec-lost", "compressed packet behind one that is missing")      \
	X(DATAPATH, CODEC_RESYNC, "codec-resync",                                                  \
		"decompressor waits for the peer to start again")                                  \
	X(DATAPATH, ECP_DATA, "ecp-data", "ECP packet that makes no sense: keys differ")           \
	X(DATAPATH, ECP_LOST, "ecp-lost", "ECP packet behind one that is missing")                 \
	X(DATAPATH, MP_SHORT, "mp-short", "multilink fragment shorter than its header")            \
	X(DATAPATH, MP_LATE, "mp-late", "multilink fragment already there, or given up")           \
	X(DATAPATH, MP_INCOMPLETE, "mp-incomplete",                                                \
		"multilink fragment of a packet of which others are lost")                         \
	X(DATAPATH, MP_SIZE, "mp-size", "multilink packet larger than our MRRU")                   \
	X(DATAPATH, INNER_HEADER, "inner-header", "network packet with a malformed IP header")     \
	X(DATAPATH, INNER_SOURCE, "inner-source", "inner source address is not the session's")     \
	X(DATAPATH, INNER_ROUTE, "inner-route", "no session has this inner destination")           \
	X(DATAPATH, INNER_SIZE, "inner-size", "inner packet does not fit the session's MTU")       \
	X(DATAPATH, INNER_EARLY, "inner-early", "inner packet while the session is not up")        \
	X(DATAPATH, INNER_NO_KEY, "inner-no-key",                                                  \
		"inner packet while encryption is required and no key is there")                   \
	X(DATAPATH, INNER_OFFLOAD, "inner-offload",                                                \
		"super-packet that cannot be cut, or a checksum out of place")                     \
	X(DATAPATH, INNER_ECN, "inner-ecn",                                                        \
		"congestion met on the way, and an inner packet that cannot say so")               \
	X(DATAPATH, ISOLATED, "isolated", "client to client traffic is not allowed")               \
	X(DATAPATH, WINDOW_FULL, "window-full",                                                    \
		"the peer's window is full, and as much waits as may")                             \
	X(IO, RING_FULL, "ring-full", "control frame beyond the session's quota in the ring")      \
	X(IO, HANDOFF_FULL, "handoff-full", "no room in the ring to the session's worker")         \
	X(IO, OUTER_SEND, "outer-send", "the kernel refused an outer packet")                      \
	X(IO, TUN_WRITE, "tun-write", "the kernel refused an inner packet")                        \
	X(IO, TUN_HEADER, "tun-header", "inner packet whose offload header contradicts it")        \
	X(IO, FILTERED, "filtered", "packet that the pass filter does not let through")            \
	X(IO, OUTER_TRUNCATED, "outer-truncated", "outer packet larger than any we accept")        \
	X(IO, LINE_ABORTED, "line-aborted", "frame of a line that its sender broke off")           \
	X(IO, LINE_FCS, "line-fcs", "frame of a line with a wrong check sequence")                 \
	X(IO, LINE_SIZE, "line-size", "frame of a line that is too short or too long")             \
	X(IO, LINE_FULL, "line-full", "the line is slower than what is to go through it")          \
	X(PPTP, CONTROL_LENGTH, "control-length",                                                  \
		"control message length impossible for its type")                                  \
	X(PPTP, CONTROL_COOKIE, "control-cookie", "control message without the magic cookie")      \
	X(PPTP, CONTROL_TYPE, "control-type", "control message of unknown type")                   \
	X(PPTP, CONTROL_STATE, "control-state", "control message out of place in this state")      \
	X(PPTP, CONTROL_CALL, "control-call", "control message for a call that does not exist")    \
	X(PPTP, CONTROL_VALUE, "control-value", "control message with a field out of range")       \
	X(PPP, FRAME_SHORT, "frame-short", "control frame shorter than its length says")           \
	X(PPP, FRAME_CODE, "frame-code", "control frame of unknown code")                          \
	X(PPP, FRAME_PHASE, "frame-phase", "control frame of a protocol whose phase has not come") \
	X(PPP, FRAME_PROTOCOL, "frame-protocol", "control frame of a protocol not spoken here")    \
	X(PPP, FRAME_ID, "frame-id", "reply whose identifier matches no request")                  \
	X(PPP, FRAME_OPTIONS, "frame-options", "reply whose options are malformed or not ours")    \
	X(PPP, FRAME_MAGIC, "frame-magic", "LCP frame with a wrong magic number")                  \
	X(PPP, FRAME_EPOCH, "frame-epoch", "frame of an older epoch")                              \
	X(PPP, AUTH_NAME, "auth-name",                                                             \
		"authentication packet with an impossible name or value length")                   \
	X(PPP, AUTH_TLS, "auth-tls",                                                               \
		"EAP-TLS packet out of place, or with a length that is not its own")               \
	X(PPP, AUTH_ANSWER, "auth-answer", "answer to an authentication question no longer asked") \
	X(IO, UNIT_DOWN, "unit-down",                                                              \
		"packet while its connection is down, and not being dialled")                      \
	X(IO, UNIT_INACTIVE, "unit-inactive", "packet that is no reason to dial")                  \
	X(IO, UNIT_QUEUE, "unit-queue",                                                            \
		"packet that waited too long for its connection, or had no room to")               \
	X(IO, HALF_OPEN, "half-open", "too many half-open tunnels from this peer or in all")       \
	X(IO, THROTTLED, "throttled", "peer or user throttled after failed logins")

enum drop {
#define X(room, id, word, sentence) DROP_##id,
	DROP_LIST(X)
#undef X
		DROP_COUNT,
	DROP_PACKETS = DROP_CONTROL_LENGTH, /* those before it, of the data path and of io, are
					     * what may become of a packet */
};

/* identifier, pppd's exit code for a client that ends so, word, sentence. */
#define CLOSE_LIST(X)                                                                              \
	X(NONE, 0, "none", "still open")                                                           \
	X(ADMIN, 5, "admin", "terminated by the operator")                                         \
	X(SHUTDOWN, 5, "shutdown", "the program is going down")                                    \
	X(PEER_TERMINATED, 16, "peer-terminated", "LCP terminated by peer")                        \
	X(PEER_CLEARED, 16, "peer-cleared", "the peer cleared the call")                           \
	X(PEER_STOPPED, 16, "peer-stopped", "the peer stopped the control connection")             \
	X(LINE_GONE, 16, "line-gone", "the line was hung up")                                      \
	X(TCP_FAILED, 8, "tcp-failed", "no TCP connection to port 1723")                           \
	X(TCP_CLOSED, 16, "tcp-closed", "the peer closed the control connection")                  \
	X(CONTROL_TIMEOUT, 8, "control-timeout",                                                   \
		"the peer does not answer on the control connection")                              \
	X(CONTROL_ECHO, 15, "control-echo", "no answer to a control connection Echo-Request")      \
	X(CONTROL_PROTOCOL, 8, "control-protocol",                                                 \
		"the peer broke the control connection's rules")                                   \
	X(CONTROL_VERSION, 8, "control-version", "the peer speaks another PPTP version")           \
	X(CONTROL_REFUSED, 8, "control-refused", "the peer refused the control connection")        \
	X(COLLISION, 8, "collision", "a second control connection of the same pair")               \
	X(CALL_REFUSED, 8, "call-refused", "the peer refused the call")                            \
	X(CALL_LIMIT, 8, "call-limit", "no more calls are allowed")                                \
	X(LCP_TIMEOUT, 10, "lcp-timeout", "LCP: timeout sending Config-Requests")                  \
	X(LCP_NO_GRE, 10, "lcp-no-gre", "TCP 1723 works but no GRE came back")                     \
	X(LCP_OPTIONS, 10, "lcp-options", "LCP options did not converge")                          \
	X(LCP_REJECTED, 10, "lcp-rejected", "the peer rejects LCP or a frame it must understand")  \
	X(LOOPBACK, 17, "loopback", "the line is looped back")                                     \
	X(ECHO_DEAD, 15, "echo-dead", "no response to LCP echo-requests")                          \
	X(LINK_QUALITY, 15, "link-quality", "too many bad link quality reports")                   \
	X(AUTH_FAILED, 11, "auth-failed", "the peer failed to authenticate itself")                \
	X(AUTH_REFUSED, 11, "auth-refused", "the peer refuses to authenticate itself")             \
	X(AUTH_TIMEOUT, 11, "auth-timeout", "the peer did not finish authentication in time")      \
	X(AUTH_WE_FAILED, 19, "auth-we-failed",                                                    \
		"the peer did not accept our name, password or certificate")                       \
	X(AUTH_WE_REFUSED, 19, "auth-we-refused",                                                  \
		"the peer demands an authentication we do not allow")                              \
	X(AUTH_EXPIRED, 19, "auth-expired", "our password has expired, and no new one is at hand") \
	X(AUTH_PEER_FALSE, 19, "auth-peer-false", "the server could not prove who it is")          \
	X(CALLBACK, 14, "callback", "the peer will not go on without a callback")                  \
	X(MPPE_REFUSED, 10, "mppe-refused", "MPPE required but not available")                     \
	X(MPPE_KEYS, 10, "mppe-keys", "MPPE keys differ")                                          \
	X(ECP_REFUSED, 10, "ecp-refused", "ECP required but not available")                        \
	X(ECP_KEYS, 10, "ecp-keys", "ECP keys differ")                                             \
	X(NETWORK_REFUSED, 10, "network-refused", "no network protocol could be brought up")       \
	X(NETWORK_TIMEOUT, 10, "network-timeout", "network protocol negotiation timed out")        \
	X(ADDRESS_NONE, 10, "address-none", "no address is left or allowed for this peer")         \
	X(SINGLE_SESSION, 16, "single-session", "replaced by a newer session of the same user")    \
	X(CALL_REPLACED, 16, "call-replaced",                                                      \
		"silent, and a newer call from its address has its Call ID")                       \
	X(WAY_CHANGED, 16, "way-changed", "the way to the server is another now")                  \
	X(IDLE, 12, "idle", "idle too long")                                                       \
	X(MAX_CONNECT, 13, "max-connect", "connect time limit reached")                            \
	X(TRAFFIC_LIMIT, 20, "traffic-limit", "traffic limit reached")                             \
	X(INTERFACE_GONE, 1, "interface-gone", "somebody removed the network interface")           \
	X(LOCAL_ERROR, 1, "local-error", "a local resource failed")

enum close_reason {
#define X(id, code, word, sentence) CLOSE_##id,
	CLOSE_LIST(X)
#undef X
		CLOSE_COUNT
};

enum drop_room { ROOM_PPTP, ROOM_DATAPATH, ROOM_PPP, ROOM_IO };

const char *drop_word(enum drop drop);
const char *drop_sentence(enum drop drop);
enum drop_room drop_room(enum drop drop);

const char *close_word(enum close_reason reason);
const char *close_sentence(enum close_reason reason);
int close_exit_code(enum close_reason reason);

#endif
