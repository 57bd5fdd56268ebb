/* A line: two descriptors that carry PPP frames as bytes. A serial port, a pty, a pair of pipes,
 * the standard input and output of somebody's script.
 *
 *   async   async HDLC (RFC 1662 §4, hdlc.h): any stream of bytes
 *   sync    one read() is one frame and one write() is one frame, without check sequence: a
 *           synchronous serial port (N_HDLC), a pair of datagram or seqpacket sockets
 *
 * Nothing here blocks: the descriptors are made non-blocking, what cannot be written now waits in a
 * queue of bounded size, and what finds it full is dropped, so that a reader who stops reads the
 * newest of what is small instead of stopping a worker. Control frames (protocols of 0x8000 and
 * above) have a queue of their own and overtake data, between frames. Of two frames of one kind
 * none overtakes the other.
 *
 * One thread at a time: whoever the line was handed to. */
#ifndef GREYLINE_LINE_H
#define GREYLINE_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hdlc.h"
#include "limits.h"
#include "reason.h"

struct line;

enum {
	LINE_QUEUE_DEFAULT = 65536, /* bytes of data, escaped, that may wait */
	LINE_QUEUE_MIN = 3000,      /* two full frames */
};

#define LINE_WAIT SECONDS(3)

struct line_config {
	int in, out; /* may be the same; the line's from here on, closed with it */
	bool sync;
	bool in_order;    /* control frames wait their turn: for frames that are another's */
	uint64_t wait_us; /* nothing is written until something was read, or so long: a program that
			   * has just been started throws away what its line brings before it has
			   * set it up (pppd, tcsetattr() with TCSAFLUSH): LINE_WAIT for those */
	size_t queue; /* bytes of data that may wait; 0: LINE_QUEUE_DEFAULT. A tenth of a second or
		       * two of a slow line: what waits longer is late. See tty_queue(). */
	uint32_t escape[8]; /* bit n of word m: byte 32 m + n is escaped whatever was agreed */
};

/* What LCP agreed on; until then, and again when it starts again: LINE_FRAMING_DEFAULT. */
struct line_framing {
	uint32_t send_accm, receive_accm; /* bit n: byte n; see hdlc.h */
	uint8_t send_fcs, receive_fcs;    /* of enum hdlc_fcs */
};
#define LINE_FRAMING_DEFAULT                                                                       \
	((struct line_framing){HDLC_ACCM_DEFAULT, HDLC_ACCM_DEFAULT, HDLC_FCS_16, HDLC_FCS_16})

/* How a line ended; it stays so. */
enum line_end {
	LINE_OPEN,
	LINE_END,    /* the other side closed it: end of file, or a pty or a tty that hung up */
	LINE_BROKEN, /* the kernel says something else: line_error() */
};

struct line_counters {
	uint64_t in_frames, in_bytes; /* bytes as on the line, flags and escapes included */
	uint64_t out_frames, out_bytes;
	uint32_t aborted, damaged, misfit; /* DROP_LINE_ABORTED, _FCS, _SIZE */
	uint32_t full;                     /* DROP_LINE_FULL */
};

/* What was read: some frames, and the memory they lie in, which all lines of a thread may share.
 * Some 160 KiB. */
struct line_frame {
	uint8_t *bytes; /* address field or protocol field onwards; OUTER_MAX may be written to */
	size_t length; /* 0: one or several frames were lost here (damaged, broken off, too long) */
};
enum { LINE_READ_MAX = 32768 };
struct line_batch {
	struct line_frame frames[BATCH_MAX];
	size_t count;
	bool more; /* there is more in `raw`: read again, before anything else uses the batch */
	/* Inside. */
	size_t at, end; /* of what is left in `raw` */
	uint8_t raw[LINE_READ_MAX];
	uint8_t memory[BATCH_MAX][OUTER_MAX];
};

/* 0 or -errno; then the descriptors stay the caller's. */
int line_open(struct line **line, const struct line_config *config);
/* Closes both descriptors. What still waits is lost: line_flush() before. */
void line_close(struct line *line);

/* For whoever waits (epoll, poll): readable means line_read(); writable, only while line_waits(),
 * means line_flush(). */
int line_input(const struct line *line);
int line_output(const struct line *line);
bool line_sync(const struct line *line);

/* Reads what is there, at most LINE_READ_MAX bytes, and takes frames out of it. Also with nothing
 * to read, and at the end of the line: then there are none. */
void line_read(struct line *line, struct line_batch *batch);

/* Queues a frame; written by the next line_flush(). False when it was dropped, and counted. */
bool line_write(struct line *line, const uint8_t *frame, size_t length);
/* Writes what it can. */
void line_flush(struct line *line);
/* Something is queued that the last line_flush() could not write. */
bool line_waits(const struct line *line);
/* When line_flush() is to be called, because the wait is over; NEVER: no matter. */
uint64_t line_deadline(const struct line *line);

/* From the next frame on, in both directions. A half-read frame is not disturbed. */
void line_framing(struct line *line, const struct line_framing *framing);

/* Told by the reads and writes; a hangup that comes while the line is silent makes the input
 * readable (EPOLLHUP), and line_read() notices. */
enum line_end line_ended(const struct line *line);
int line_error(const struct line *line); /* errno of LINE_BROKEN */

const struct line_counters *line_counters(const struct line *line);

#endif
