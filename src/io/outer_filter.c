/* Two classic BPF programs that share a raw socket pair's packets out (RFC 2637 §4.1, RFC 1661 §2).
 *
 * A set of exact call IDs does not fit a classic program, so unknown ones of ours are dropped by
 * the worker, silently: another PPTP program on this host answers for its own.
 *
 * A control frame is told by its protocol number, 0x8000 to 0xffff with an even first byte (IPCP
 * 8021, CCP 80fd, LCP c021, CHAP c223); numbers with an odd first byte are compressed to one byte,
 * and those are network data. The frame starts behind a GRE header of 12 or 16 bytes, and FF 03
 * may stand in front of it (RFC 1661 §6.6). Encrypted data is 00 FD: control frames are always
 * clear, so nothing a peer encrypts passes for one. Six bytes are the least: protocol, code,
 * identifier, length.
 *
 * IPv4 raw sockets see the packet from the IP header on, IPv6 ones from the GRE header. */
#include "outer_filter.h"

#include <errno.h>
#include <linux/filter.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "gre.h"

enum {
	KEY_VERSION_MASK = 0x2007,
	KEY_VERSION_1 = 0x2001,
	SEQUENCE_PRESENT = 0x1000,
	ACK_PRESENT = 0x0080,
	ACK_SHIFT = 5, /* of the flag, to four bytes */
	HEADER_WITH_SEQUENCE = 12,
	ADDRESS_CONTROL = 0xff03,
	CONTROL_MASK = 0x8100,
	CONTROL_VALUE = 0x8000,
	FRAME_MIN = 6,
	STALE_MAX = 65536, /* packets thrown away at the start; a bound, not a measure */
};

/* Jumps count instructions; `0` is the next one. The last two are "data" and "control". */
static int attach(int fd, uint8_t family, bool control, unsigned worker, unsigned workers)
{
	/* X is where the GRE header starts. */
	const struct sock_filter start =
		family == 4 ? (struct sock_filter)BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0)
			    : (struct sock_filter)BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, 0);
	struct sock_filter code[] = {
		start, BPF_STMT(BPF_LD | BPF_H | BPF_IND, 0),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, KEY_VERSION_MASK),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, KEY_VERSION_1, 0, 5),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, GRE_PROTOCOL_PPP, 0, 3),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 6), /* the call ID: low half of the key */
		BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, workers),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, worker, 1, 0), BPF_STMT(BPF_RET | BPF_K, 0),

		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 0),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, SEQUENCE_PRESENT, 0, 15), /* else data */
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, ACK_PRESENT),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, ACK_SHIFT),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, HEADER_WITH_SEQUENCE + FRAME_MIN),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0), BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_X, 0, 0, 8), /* too short: data */
		BPF_STMT(BPF_MISC | BPF_TXA, 0), BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, FRAME_MIN),
		BPF_STMT(BPF_MISC | BPF_TAX, 0), BPF_STMT(BPF_LD | BPF_H | BPF_IND, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ADDRESS_CONTROL, 0, 1),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, CONTROL_MASK),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CONTROL_VALUE, 1, 0),

		BPF_STMT(BPF_RET | BPF_K, control ? 0 : UINT32_MAX), /* data */
		BPF_STMT(BPF_RET | BPF_K, control ? UINT32_MAX : 0), /* control */
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) ? -errno : 0;
}

int outer_filter_attach(int fd, uint8_t family, bool control, unsigned worker, unsigned workers)
{
	int failed = attach(fd, family, control, worker, workers);
	/* Between socket(2) and here it got every GRE packet of the host. */
	for (unsigned n = 0; !failed && n < STALE_MAX; n++)
		if (recv(fd, NULL, 0, MSG_DONTWAIT | MSG_TRUNC) < 0 && errno == EAGAIN)
			break;
	return failed;
}
