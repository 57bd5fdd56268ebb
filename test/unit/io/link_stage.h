/* The stage of the tests of fast links: two namespaces joined by a veth with two queues, what is
 * sent over it, and what the links are given to send. */
#ifndef GREYLINE_TEST_LINK_STAGE_H
#define GREYLINE_TEST_LINK_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "datapath.h"
#include "outer_link.h"

enum {
	PACKET_MAX = 2000,
	LINK_MTU = 1990,
	CALLS = 5,
	MARKER = 0xfff0, /* a call of ours whose packets say that those before them are through */
	WAIT_MS = 5000,
};

extern const uint16_t calls[CALLS];
extern int here, there; /* namespaces: ours with the link, the peer's */
extern int wire;        /* the peer's packet socket: whole frames */
extern uint8_t our_mac[6], peer_mac[6];
extern unsigned our_index;
extern struct address local, peer;
extern struct outer_programs *programs;
extern struct outer_link_ops unqueued; /* rings on an interface without a qdisc */

/* A test on each of the links, which it finds in *state. */
#define ALL(test)                                                                                  \
	{"rings: " #test, test, set_up, tear_down, (void *)(uintptr_t)&outer_rings},               \
		{"rings, no qdisc: " #test, test, set_up, tear_down, &unqueued},                   \
	{                                                                                          \
		"xdp: " #test, test, set_up, tear_down, (void *)(uintptr_t)&outer_xdp              \
	}

/* Runs them; prints a reason and returns 77 (skipped) where the kernel or our rights do not do. */
int stage_run(const struct CMUnitTest *tests, size_t count);
int set_up(void **state);
int tear_down(void **state);
/* Both ends: a fresh veth drops what is sent before its carrier was noticed. */
void wait_up(void);
struct outer_link *open_link(const struct outer_link_ops *ops, unsigned worker, unsigned workers);

struct frame {
	uint8_t bytes[PACKET_MAX + 64];
	size_t length;
};

/* Any data, as little as there may be; a frame of data; a control frame. */
enum content { ANY, DATA, CONTROL };

/* A random number below n. */
size_t below(size_t n);
/* An IP packet with a GRE packet in it; `options` more bytes of header. Returns its length. */
size_t make_packet(uint8_t *at, uint16_t call, enum content content, size_t options);
/* A frame of any kind. */
void make_frame(struct frame *f);
void put_on_wire(const uint8_t *bytes, size_t length);
/* A data packet and a control frame of the call MARKER. */
void put_markers(void);
/* The next frame from us on the wire, GRE only; false when none came in time. */
bool next_frame(struct frame *f, int ms);
/* The identification is each sender's own; the checksum follows from it. */
void forget_id(struct frame *f);

struct direct_path direct_path(void);

struct batch {
	struct datapath dp;
	size_t count;
	struct packet packets[200];
	const struct packet *order[200];
	const struct direct_path *paths[200];
	uint8_t own[200][OUTER_MAX];
};

/* Packets with random contents in their buffers, some of which are lent; some are left out, some
 * are put in another order. */
void fill_batch(struct batch *b, const struct outer_link_ops *ops, struct outer_link *link,
	const struct direct_path *path);

#endif
