/* Lines (see line.h). RFC 1662 §4 for async ones; what a line that starts again sends twice is RFC
 * 1570 §2.1.1.
 *
 * Frames wait as they will be written: escaped, each ended by a flag. A flag stands nowhere else,
 * so the bytes themselves say where a half-written frame ends and another may overtake. A queue
 * moves to the front of its memory when it reaches the end of it, and there is twice as much memory
 * as may be waiting: a byte moves once, at most. Queues of a sync line hold a length before each
 * frame instead.
 *
 * Each burst begins with a flag, which ends whatever the line made of the silence (§4.4.1). */
#include "line.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "clock.h"

enum {
	ENCODED_MAX = 2 * (2 * (OUTER_MAX + HDLC_CHECK_MAX) + 1) + 1, /* twice, and a flag */
	CONTROL_QUEUE = 16384,
	RECORD_HEADER = 2,
	SHORT_READ = 1024, /* a read of less has emptied what there was */
	FRAME_MIN = 2,
};

struct queue {
	uint8_t *bytes;
	size_t head, tail, size, limit;
};

struct line {
	int in, out;
	int in_changed, out_changed; /* 1: made non-blocking here */
	bool sync, waiting;
	uint64_t wait_until;
	struct hdlc_transmit transmit;
	struct hdlc_receive receive;
	uint8_t fcs_before; /* the one agreed on before the link went down, or 0 */
	struct queue control, data;
	struct queue *control_queue; /* where control frames wait */
	struct queue *begun;         /* its first frame is half written, or NULL */
	enum line_end ended;
	int error;
	struct line_counters counters;
	uint8_t partial[OUTER_MAX]; /* a frame between two reads */
};

static bool make_queue(struct queue *q, size_t limit)
{
	q->limit = limit;
	q->size = 2 * limit + ENCODED_MAX;
	q->bytes = malloc(q->size);
	return q->bytes != NULL;
}

static size_t queued(const struct queue *q)
{
	return q->tail - q->head;
}

/* Memory for `most` bytes at the end, or NULL when enough waits. */
static uint8_t *queue_room(struct queue *q, size_t most)
{
	if (queued(q) >= q->limit)
		return NULL;
	if (q->size - q->tail < most) {
		memmove(q->bytes, q->bytes + q->head, queued(q));
		q->tail = queued(q);
		q->head = 0;
	}
	assert(q->size - q->tail >= most);
	return q->bytes + q->tail;
}

static void consume(struct queue *q, size_t length)
{
	q->head += length;
	if (q->head == q->tail)
		q->head = q->tail = 0;
}

/* 1 when it was not before. */
static int set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0)
		return -errno;
	if (flags & O_NONBLOCK)
		return 0;
	return fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 1;
}

/* Standard input and output are others' too, who expect them to block. */
static void let_go(int fd, int changed)
{
	int flags = fcntl(fd, F_GETFL);
	if (changed > 0 && flags >= 0)
		fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

static int prepare(struct line *l, const struct line_config *config)
{
	l->in = config->in;
	l->out = config->out;
	if (!make_queue(&l->control, CONTROL_QUEUE) ||
		!make_queue(&l->data, config->queue ? config->queue : LINE_QUEUE_DEFAULT))
		return -ENOMEM;
	l->in_changed = set_nonblocking(l->in);
	if (l->in_changed < 0)
		return l->in_changed;
	l->out_changed = set_nonblocking(l->out);
	return l->out_changed < 0 ? l->out_changed : 0;
}

static void release(struct line *l)
{
	let_go(l->in, l->in_changed);
	let_go(l->out, l->out_changed);
	free(l->control.bytes);
	free(l->data.bytes);
	free(l);
}

int line_open(struct line **line, const struct line_config *config)
{
	struct line *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	int failed = prepare(l, config);
	if (failed) {
		release(l);
		return failed;
	}
	l->sync = config->sync;
	l->waiting = config->wait_us != 0;
	l->wait_until = clock_now() + config->wait_us;
	l->control_queue = config->in_order ? &l->data : &l->control;
	hdlc_transmit_init(&l->transmit);
	for (unsigned byte = 0; byte < 256; byte++)
		if (config->escape[byte / 32] >> byte % 32 & 1)
			hdlc_escape(&l->transmit, (uint8_t)byte);
	hdlc_receive_init(&l->receive, l->partial, sizeof(l->partial));
	*line = l;
	return 0;
}

void line_close(struct line *l)
{
	int in = l->in, out = l->out;
	release(l);
	close(in);
	if (out != in)
		close(out);
}

int line_input(const struct line *l)
{
	return l->in;
}

int line_output(const struct line *l)
{
	return l->out;
}

bool line_sync(const struct line *l)
{
	return l->sync;
}

enum line_end line_ended(const struct line *l)
{
	return l->ended;
}

int line_error(const struct line *l)
{
	return l->error;
}

const struct line_counters *line_counters(const struct line *l)
{
	return &l->counters;
}

void line_framing(struct line *l, const struct line_framing *framing)
{
	if (framing->send_fcs == HDLC_FCS_16 && l->transmit.fcs & HDLC_FCS_32)
		l->fcs_before = l->transmit.fcs;
	l->transmit.accm = framing->send_accm;
	l->transmit.fcs = framing->send_fcs;
	l->receive.accm = framing->receive_accm;
	l->receive.fcs = framing->receive_fcs;
}

/* Reading. */

/* A read or write came to `result`; true when it did something. A terminal that hung up answers
 * with EIO, or with the end of the file; one that was pulled out with ENODEV or ENXIO. */
static bool went(struct line *l, ssize_t result)
{
	if (result > 0)
		return true;
	if (result < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	bool closed = result == 0 || errno == EIO || errno == EPIPE || errno == ECONNRESET ||
		      errno == ECONNREFUSED || errno == ENODEV || errno == ENXIO;
	l->ended = closed ? LINE_END : LINE_BROKEN;
	l->error = closed ? 0 : errno;
	return false;
}

static void heard(struct line *l, size_t bytes)
{
	l->counters.in_bytes += bytes;
	if (l->waiting) {
		l->waiting = false;
		line_flush(l);
	}
}

static void fill(struct line *l, struct line_batch *batch)
{
	ssize_t got = SHORT_READ;
	batch->at = batch->end = 0;
	while (got >= SHORT_READ && batch->end < sizeof(batch->raw) && l->ended == LINE_OPEN) {
		got = read(l->in, batch->raw + batch->end, sizeof(batch->raw) - batch->end);
		if (!went(l, got))
			break;
		batch->end += (size_t)got;
	}
	if (batch->end)
		heard(l, batch->end);
}

/* One or several frames are missing at this place. */
static void mark_lost(struct line_batch *batch)
{
	if (batch->count == 0 || batch->frames[batch->count - 1].length != 0) {
		uint8_t *memory = batch->memory[batch->count];
		batch->frames[batch->count++] = (struct line_frame){memory, 0};
	}
}

static void take(struct line *l, struct line_batch *batch, enum hdlc_result result)
{
	switch (result) {
	case HDLC_FRAME:
		l->counters.in_frames++;
		batch->frames[batch->count++] =
			(struct line_frame){l->receive.frame, l->receive.length};
		return;
	case HDLC_ABORTED:
		l->counters.aborted++;
		break;
	case HDLC_DAMAGED:
		l->counters.damaged++;
		break;
	case HDLC_LONG:
		l->counters.misfit++;
		break;
	case HDLC_SHORT:
		l->counters.misfit++;
		return;
	case HDLC_MORE:
		return;
	}
	mark_lost(batch);
}

static void read_async(struct line *l, struct line_batch *batch)
{
	if (!batch->more)
		fill(l, batch);
	const uint8_t *at = batch->raw + batch->at;
	size_t left = batch->end - batch->at;
	hdlc_receive_into(&l->receive, batch->memory[0], OUTER_MAX);
	while (left && batch->count < BATCH_MAX) {
		take(l, batch, hdlc_decode(&l->receive, &at, &left));
		if (batch->count < BATCH_MAX)
			hdlc_receive_into(&l->receive, batch->memory[batch->count], OUTER_MAX);
	}
	hdlc_receive_into(&l->receive, l->partial, sizeof(l->partial));
	batch->at = batch->end - left;
	batch->more = left > 0;
}

static void read_sync(struct line *l, struct line_batch *batch)
{
	batch->more = false;
	while (batch->count < BATCH_MAX && l->ended == LINE_OPEN) {
		uint8_t *memory = batch->memory[batch->count];
		ssize_t got = read(l->in, memory, OUTER_MAX);
		if (!went(l, got))
			break;
		heard(l, (size_t)got);
		if (got < FRAME_MIN || got == OUTER_MAX) { /* it was longer, perhaps */
			l->counters.misfit++;
			mark_lost(batch);
			continue;
		}
		l->counters.in_frames++;
		batch->frames[batch->count++] = (struct line_frame){memory, (size_t)got};
	}
}

void line_read(struct line *l, struct line_batch *batch)
{
	batch->count = 0;
	if (l->sync)
		read_sync(l, batch);
	else
		read_async(l, batch);
}

/* Writing. */

static bool is_control(const uint8_t *frame, size_t length)
{
	size_t at = length >= 2 && frame[0] == 0xff && frame[1] == 0x03 ? 2 : 0;
	return at < length && !(frame[at] & 1) && frame[at] >= 0x80;
}

static size_t put_async(struct line *l, const uint8_t *frame, size_t length, uint8_t *to)
{
	struct hdlc_transmit before = l->transmit;
	uint8_t *at = to;
	if (!queued(&l->control) && !queued(&l->data))
		*at++ = HDLC_FLAG;
	if (hdlc_restarts(frame, length)) {
		before.fcs = l->fcs_before ? l->fcs_before : l->transmit.fcs;
		l->fcs_before = 0;
		if (before.fcs & HDLC_FCS_32)
			at += hdlc_encode_agreed(
				&before, frame, length, at, hdlc_encoded_max(length));
	}
	at += hdlc_encode(&l->transmit, frame, length, at, hdlc_encoded_max(length));
	return (size_t)(at - to);
}

static size_t put_sync(const uint8_t *frame, size_t length, uint8_t *to)
{
	to[0] = (uint8_t)(length >> 8);
	to[1] = (uint8_t)length;
	memcpy(to + RECORD_HEADER, frame, length);
	return RECORD_HEADER + length;
}

bool line_write(struct line *l, const uint8_t *frame, size_t length)
{
	struct queue *q = is_control(frame, length) ? l->control_queue : &l->data;
	if (length == 0 || length > OUTER_MAX) {
		l->counters.misfit++;
		return false;
	}
	uint8_t *to = queue_room(q, ENCODED_MAX);
	if (!to) {
		line_flush(l);
		to = queue_room(q, ENCODED_MAX);
	}
	if (!to || l->ended != LINE_OPEN) {
		l->counters.full++;
		return false;
	}
	q->tail += l->sync ? put_sync(frame, length, to) : put_async(l, frame, length, to);
	l->counters.out_frames++;
	return true;
}

static size_t add_piece(struct iovec *pieces, size_t count, uint8_t *bytes, size_t length)
{
	if (length)
		pieces[count++] = (struct iovec){bytes, length};
	return count;
}

static size_t rest_of_frame(const struct queue *q)
{
	const uint8_t *flag = memchr(q->bytes + q->head, HDLC_FLAG, queued(q));
	assert(flag);
	return (size_t)(flag - (q->bytes + q->head)) + 1;
}

/* Takes what was written off a queue; what is left of it. */
static size_t written(struct line *l, struct queue *q, size_t most, size_t got)
{
	size_t here = got < most ? got : most;
	if (here) {
		l->begun = q->bytes[q->head + here - 1] == HDLC_FLAG ? NULL : q;
		consume(q, here);
	}
	return got - here;
}

/* First the rest of a frame that has begun, then control, then data. */
static bool write_async(struct line *l)
{
	struct queue *begun = l->begun;
	size_t rest = begun ? rest_of_frame(begun) : 0, count = 0;
	size_t of_control = queued(&l->control) - (begun == &l->control ? rest : 0);
	size_t of_data = queued(&l->data) - (begun == &l->data ? rest : 0);
	struct iovec pieces[3];
	if (begun)
		count = add_piece(pieces, count, begun->bytes + begun->head, rest);
	count = add_piece(
		pieces, count, l->control.bytes + l->control.tail - of_control, of_control);
	count = add_piece(pieces, count, l->data.bytes + l->data.tail - of_data, of_data);
	if (!count)
		return false;
	ssize_t got = writev(l->out, pieces, (int)count);
	if (!went(l, got))
		return false;
	l->counters.out_bytes += (size_t)got;
	size_t left = (size_t)got;
	if (begun)
		left = written(l, begun, rest, left);
	left = written(l, &l->control, of_control, left);
	written(l, &l->data, of_data, left);
	return true;
}

static bool write_sync(struct line *l)
{
	struct queue *q = queued(&l->control) ? &l->control : &l->data;
	if (!queued(q))
		return false;
	const uint8_t *record = q->bytes + q->head;
	size_t length = (size_t)(record[0] << 8 | record[1]);
	ssize_t got = write(l->out, record + RECORD_HEADER, length);
	if (got < 0 && errno == EMSGSIZE)
		l->counters.misfit++; /* this one will never go */
	else if (!went(l, got))
		return false;
	else
		l->counters.out_bytes += length;
	consume(q, RECORD_HEADER + length);
	return true;
}

void line_flush(struct line *l)
{
	if (l->waiting && clock_now() < l->wait_until)
		return;
	l->waiting = false;
	while (l->ended == LINE_OPEN && (l->sync ? write_sync(l) : write_async(l)))
		;
}

bool line_waits(const struct line *l)
{
	return l->ended == LINE_OPEN && !l->waiting && (queued(&l->control) || queued(&l->data));
}

uint64_t line_deadline(const struct line *l)
{
	return l->waiting && (queued(&l->control) || queued(&l->data)) ? l->wait_until : NEVER;
}
