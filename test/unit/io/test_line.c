/* Lines over ptys, pipes and sockets: whole frames whatever the pieces, queues that end, hangups.
 */
#include "hex.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "line.h"

static struct line_batch batch;

static struct line *open_line(struct line_config config)
{
	struct line *line;
	assert_int_equal(line_open(&line, &config), 0);
	return line;
}

static void raw(int fd)
{
	struct termios termios;
	assert_int_equal(tcgetattr(fd, &termios), 0);
	cfmakeraw(&termios);
	assert_int_equal(tcsetattr(fd, TCSANOW, &termios), 0);
}

static void open_pty(int ends[2])
{
	assert_int_equal(openpty(&ends[0], &ends[1], NULL, NULL, NULL), 0);
	raw(ends[1]);
}

static void open_socket(int ends[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
}

static void open_packets(int ends[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
}

static bool is_ready(int fd, short events)
{
	struct pollfd poll_fd = {.fd = fd, .events = events};
	return poll(&poll_fd, 1, 5000) == 1;
}

/* A frame that can be told from others: an IPv4 packet's protocol, its number, then bytes that
 * need escaping now and then. */
static size_t make_frame(uint8_t *frame, unsigned number)
{
	size_t length = 6 + number * 37 % 1495;
	frame[0] = 0x00;
	frame[1] = 0x21;
	frame[2] = (uint8_t)(number >> 8);
	frame[3] = (uint8_t)number;
	for (size_t n = 4; n < length; n++)
		frame[n] = (uint8_t)(n * 11 + number);
	return length;
}

static void assert_numbered(const struct line_frame *got, unsigned number)
{
	uint8_t frame[1600];
	assert_int_equal(got->length, make_frame(frame, number));
	assert_memory_equal(got->bytes, frame, got->length);
}

/* Sends 400 frames through a pair and takes them out in the order they went in. */
static void stream(int ends[2], bool sync)
{
	enum { FRAMES = 400 };
	struct line *from =
		open_line((struct line_config){.in = ends[0], .out = ends[0], .sync = sync});
	struct line *to =
		open_line((struct line_config){.in = ends[1], .out = ends[1], .sync = sync});
	unsigned sent = 0, received = 0;
	uint8_t frame[1600];
	line_framing(from, &(struct line_framing){0, 0, HDLC_FCS_32, HDLC_FCS_16});
	line_framing(to, &(struct line_framing){0, 0, HDLC_FCS_16, HDLC_FCS_32});
	while (received < FRAMES) {
		for (unsigned n = 0; n < 20 && sent < FRAMES && !line_waits(from); n++, sent++)
			assert_true(line_write(from, frame, make_frame(frame, sent)));
		line_flush(from);
		assert_true(is_ready(line_input(to), POLLIN));
		do {
			line_read(to, &batch);
			for (size_t n = 0; n < batch.count; n++)
				assert_numbered(&batch.frames[n], received++);
		} while (batch.more);
	}
	assert_int_equal(line_counters(to)->in_frames, FRAMES);
	assert_int_equal(line_counters(from)->out_frames, FRAMES);
	assert_int_equal(line_counters(from)->out_bytes, line_counters(to)->in_bytes);
	assert_int_equal(line_counters(to)->damaged + line_counters(to)->aborted, 0);
	assert_int_equal(line_counters(from)->full, 0);
	assert_int_equal(line_ended(to), LINE_OPEN);
	line_close(from);
	line_read(to, &batch);
	assert_int_equal(batch.count, 0);
	assert_int_equal(line_ended(to), LINE_END);
	assert_false(line_write(to, frame, 20));
	line_close(to);
}

static void over_a_pty(void **state)
{
	int ends[2];
	open_pty(ends);
	stream(ends, false);
}

static void over_a_pty_from_the_other_side(void **state)
{
	int ends[2];
	open_pty(ends);
	stream((int[]){ends[1], ends[0]}, false);
}

static void over_a_socket(void **state)
{
	int ends[2];
	open_socket(ends);
	stream(ends, false);
}

static void over_packets(void **state)
{
	int ends[2];
	open_packets(ends);
	stream(ends, true);
}

/* Frames at the other end of a pipe that takes little at a time. */
struct drain {
	int fd;
	struct hdlc_receive receive;
	uint8_t memory[OUTER_MAX];
	uint16_t protocols[1024];
	size_t count, bytes;
};

static void drain(struct drain *d, size_t most)
{
	uint8_t bytes[4096];
	ssize_t got = read(d->fd, bytes, most < sizeof(bytes) ? most : sizeof(bytes));
	assert_true(got > 0);
	const uint8_t *at = bytes;
	size_t left = (size_t)got;
	d->bytes += (size_t)got;
	while (left) {
		enum hdlc_result result = hdlc_decode(&d->receive, &at, &left);
		if (result == HDLC_MORE)
			continue;
		assert_int_equal(result, HDLC_FRAME);
		assert_true(d->count < 1024);
		d->protocols[d->count++] =
			(uint16_t)(d->receive.frame[0] << 8 | d->receive.frame[1]);
	}
}

static const uint8_t echo_request[] = {0xff, 0x03, 0xc0, 0x21, 9, 1, 0, 8, 0, 0, 0, 0};

/* A line that nobody reads: data up to the bound and no further; what controls goes first, between
 * frames; nothing that was accepted is lost or torn. */
static void full(void **state)
{
	struct line *line;
	struct drain d = {0};
	int ends[2];
	uint8_t frame[1600];
	size_t accepted = 0, refused = 0, controls = 0;
	assert_int_equal(pipe(ends), 0);
	assert_true(fcntl(ends[1], F_SETPIPE_SZ, 4096) >= 4096);
	line = open_line((struct line_config){.in = ends[1], .out = ends[1], .queue = 16384});
	d.fd = ends[0];
	hdlc_receive_init(&d.receive, d.memory, sizeof(d.memory));
	for (unsigned n = 0; n < 100; n++) {
		bool taken = line_write(line, frame, make_frame(frame, n));
		accepted += taken;
		refused += !taken;
		line_flush(line);
	}
	assert_true(line_waits(line));
	assert_true(accepted > 5 && refused > 50);
	assert_int_equal(line_counters(line)->full, refused);
	drain(&d, 4096);
	line_flush(line); /* a frame is half written now */
	assert_true(line_waits(line));
	for (; controls < 3; controls++)
		assert_true(line_write(line, echo_request, sizeof(echo_request)));
	/* The pipe is emptied by little pieces, and filled again. */
	for (unsigned round = 0; d.count < accepted + controls && round < 1000; round++) {
		line_flush(line);
		if (is_ready(d.fd, POLLIN))
			drain(&d, 100 + round % 7 * 100);
	}
	assert_false(line_waits(line));
	assert_int_equal(d.count, accepted + controls);
	size_t first = 0, total = 0;
	for (size_t n = 0; n < d.count; n++)
		if (d.protocols[n] == 0xff03 && total++ == 0)
			first = n;
	assert_int_equal(total, 3);
	for (size_t n = 0; n < 3; n++)
		assert_int_equal(d.protocols[first + n], 0xff03);
	assert_true(first < accepted - 1); /* ahead of data that had been waiting longer */
	assert_int_equal(line_counters(line)->out_bytes, d.bytes);
	close(ends[0]);
	line_write(line, frame, 20);
	line_flush(line);
	assert_int_equal(line_ended(line), LINE_END);
	line_close(line);
}

/* Where the frames are another's, none overtakes another. */
static void in_order(void **state)
{
	struct drain d = {0};
	int ends[2];
	uint8_t frame[1600];
	assert_int_equal(pipe(ends), 0);
	struct line *line =
		open_line((struct line_config){.in = ends[1], .out = ends[1], .in_order = true});
	d.fd = ends[0];
	hdlc_receive_init(&d.receive, d.memory, sizeof(d.memory));
	for (unsigned n = 0; n < 9; n++)
		line_write(line, n % 3 == 2 ? echo_request : frame,
			n % 3 == 2 ? sizeof(echo_request) : make_frame(frame, n));
	line_flush(line);
	while (d.count < 9)
		drain(&d, 4096);
	for (unsigned n = 0; n < 9; n++)
		assert_int_equal(d.protocols[n], n % 3 == 2 ? 0xff03 : 0x0021);
	close(ends[0]);
	line_close(line);
}

/* Nothing is written before something was read. */
static void waits_for_the_peer(void **state)
{
	int ends[2];
	uint8_t bytes[64];
	open_socket(ends);
	struct line *line = open_line(
		(struct line_config){.in = ends[0], .out = ends[0], .wait_us = LINE_WAIT});
	assert_true(line_write(line, echo_request, sizeof(echo_request)));
	line_flush(line);
	assert_false(line_waits(line));
	assert_int_equal(recv(ends[1], bytes, sizeof(bytes), MSG_DONTWAIT), -1);
	assert_int_equal(write(ends[1], "~", 1), 1);
	line_read(line, &batch);
	assert_true(recv(ends[1], bytes, sizeof(bytes), MSG_DONTWAIT) > 0);
	close(ends[1]);
	line_close(line);
}

/* What was lost leaves its mark between the frames that were not, noise between flags does not. */
static void places_of_lost_frames(void **state)
{
	static const char *const wire[] = {
		"7e ff 7d 23 c0 21 09 41 42 43 7e", /* damaged */
		"7e 31 32 33 34 35 36 7d 7e",       /* broken off */
		"55 7e",                            /* noise */
	};
	int ends[2];
	uint8_t frame[1600], bytes[4096];
	struct hdlc_transmit transmit;
	open_socket(ends);
	hdlc_transmit_init(&transmit);
	struct line *line = open_line((struct line_config){.in = ends[0], .out = ends[0]});
	for (unsigned n = 0; n < 3; n++) {
		size_t length =
			hdlc_encode(&transmit, frame, make_frame(frame, n), bytes, sizeof(bytes));
		assert_int_equal(write(ends[1], bytes, length), length);
		if (n < 2) {
			length = hex_bytes(bytes, sizeof(bytes), wire[n]);
			assert_int_equal(write(ends[1], bytes, length), length);
		}
		length = hex_bytes(bytes, sizeof(bytes), wire[n ? 2 : 1]);
		assert_int_equal(write(ends[1], bytes, length), length);
	}
	line_read(line, &batch);
	assert_false(batch.more);
	assert_int_equal(batch.count, 5);
	for (unsigned n = 0; n < 5; n++)
		if (n & 1)
			assert_int_equal(batch.frames[n].length, 0);
		else
			assert_numbered(&batch.frames[n], n / 2);
	assert_int_equal(line_counters(line)->damaged, 1);
	assert_int_equal(line_counters(line)->aborted, 2);
	assert_int_equal(line_counters(line)->misfit, 2);
	close(ends[1]);
	line_close(line);
}

/* A frame may come in any number of reads, and other lines read into the same memory meanwhile. */
static void in_pieces(void **state)
{
	int ends[2];
	uint8_t frame[1600], bytes[4096];
	struct hdlc_transmit transmit;
	size_t found = 0;
	open_socket(ends);
	hdlc_transmit_init(&transmit);
	struct line *line = open_line((struct line_config){.in = ends[0], .out = ends[0]});
	size_t length = hdlc_encode(&transmit, frame, make_frame(frame, 7), bytes, sizeof(bytes));
	for (size_t at = 0; at < length; at += 50) {
		size_t piece = length - at < 50 ? length - at : 50;
		assert_int_equal(write(ends[1], bytes + at, piece), piece);
		memset(&batch, 0xee, sizeof(batch));
		batch.more = false;
		line_read(line, &batch);
		found += batch.count;
		if (batch.count)
			assert_numbered(&batch.frames[0], 7);
	}
	assert_int_equal(found, 1);
	close(ends[1]);
	line_close(line);
}

/* More small frames in one read than a batch holds, and one that the batch's end cuts in two. */
static void more_than_a_batch(void **state)
{
	enum { FRAMES = 3 * BATCH_MAX + 5 };
	int ends[2];
	uint8_t frame[1600];
	unsigned received = 0;
	open_socket(ends);
	struct line *from = open_line((struct line_config){.in = ends[0], .out = ends[0]});
	struct line *to = open_line((struct line_config){.in = ends[1], .out = ends[1]});
	for (unsigned n = 0; n < FRAMES; n++) {
		make_frame(frame, n);
		assert_true(line_write(from, frame, 6));
	}
	line_flush(from);
	assert_false(line_waits(from));
	do {
		line_read(to, &batch);
		for (size_t n = 0; n < batch.count; n++, received++) {
			make_frame(frame, received);
			assert_int_equal(batch.frames[n].length, 6);
			assert_memory_equal(batch.frames[n].bytes, frame, 6);
		}
	} while (batch.more);
	assert_int_equal(received, FRAMES);
	line_close(from);
	line_close(to);
}

/* RFC 1570 §2.1.1: a link that starts again says so in both check sequences, once. */
static void starting_again(void **state)
{
	static const uint8_t request[] = {0xff, 0x03, 0xc0, 0x21, 1, 1, 0, 4};
	struct line_framing framing = {0, 0, HDLC_FCS_32, HDLC_FCS_32};
	int ends[2];
	open_socket(ends);
	struct line *from = open_line((struct line_config){.in = ends[0], .out = ends[0]});
	struct line *to = open_line((struct line_config){.in = ends[1], .out = ends[1]});
	line_framing(from, &framing);
	line_framing(from, &LINE_FRAMING_DEFAULT);
	line_framing(to, &framing);
	assert_true(line_write(from, request, sizeof(request)));
	assert_true(line_write(from, request, sizeof(request)));
	line_flush(from);
	line_read(to, &batch);
	assert_int_equal(batch.count, 3);
	for (unsigned n = 0; n < 3; n++)
		assert_memory_equal(batch.frames[n].bytes, request, sizeof(request));
	line_close(from);
	line_close(to);
}

/* A terminal of which the last user is gone hangs up; one frame may still be on its way. */
static void hangup(void **state)
{
	int ends[2];
	uint8_t frame[1600], bytes[4096];
	struct hdlc_transmit transmit;
	open_pty(ends);
	hdlc_transmit_init(&transmit);
	struct line *line = open_line((struct line_config){.in = ends[0], .out = ends[0]});
	size_t length = hdlc_encode(&transmit, frame, make_frame(frame, 3), bytes, sizeof(bytes));
	assert_int_equal(write(ends[1], bytes, length), length);
	close(ends[1]);
	size_t frames = 0;
	while (line_ended(line) == LINE_OPEN) {
		assert_true(is_ready(line_input(line), POLLIN));
		line_read(line, &batch);
		frames += batch.count;
	}
	assert_int_equal(frames, 1);
	assert_int_equal(line_ended(line), LINE_END);
	line_close(line);
}

/* Whoever lent us standard input and output gets them back as they were. */
static void blocking_again(void **state)
{
	int ends[2];
	open_socket(ends);
	int kept = dup(ends[0]);
	struct line *line = open_line((struct line_config){.in = ends[0], .out = ends[0]});
	assert_true(fcntl(kept, F_GETFL) & O_NONBLOCK);
	line_close(line);
	assert_false(fcntl(kept, F_GETFL) & O_NONBLOCK);
	close(kept);
	close(ends[1]);
	assert_int_equal(line_open(&line, &(struct line_config){.in = -1, .out = -1}), -EBADF);
}

/* What an administrator has escaped is escaped, whatever was agreed. */
static void own_escapes(void **state)
{
	struct line_config config = {.escape = {[7] = 1u << 31}};
	uint8_t frame[] = {0x00, 0x21, 0xff, 0xfe, 0x11, 0x45}, bytes[64];
	int ends[2];
	open_socket(ends);
	config.in = config.out = ends[0];
	struct line *line = open_line(config);
	line_framing(line, &(struct line_framing){0x20000, 0, HDLC_FCS_NULL, HDLC_FCS_16});
	assert_true(line_write(line, frame, sizeof(frame)));
	line_flush(line);
	assert_hex(bytes, (size_t)read(ends[1], bytes, sizeof(bytes)),
		"7e 00 21 7d df fe 7d 31 45 7e");
	assert_false(line_write(line, frame, 0));
	close(ends[1]);
	line_close(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(over_a_pty),
		cmocka_unit_test(over_a_pty_from_the_other_side),
		cmocka_unit_test(over_a_socket),
		cmocka_unit_test(over_packets),
		cmocka_unit_test(full),
		cmocka_unit_test(in_order),
		cmocka_unit_test(waits_for_the_peer),
		cmocka_unit_test(places_of_lost_frames),
		cmocka_unit_test(in_pieces),
		cmocka_unit_test(more_than_a_batch),
		cmocka_unit_test(starting_again),
		cmocka_unit_test(hangup),
		cmocka_unit_test(blocking_again),
		cmocka_unit_test(own_escapes),
	};
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
