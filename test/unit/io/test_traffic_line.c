/* A data plane without GRE, whose session is on a line that the test holds the other end of. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "dataplane.h"
#include "line.h"
#include "waiting.h"

enum { SUBJECT = 1 << 16 | 3, PATIENCE_MS = 10000 };

static const struct dataplane_ops *ops = &dataplane_user;
static struct dataplane *plane;
static struct line *far_end;
static unsigned control, gone, detached;
static struct datapath_counters final;
static uint8_t heard[PPP_FRAME_MAX];
static size_t heard_length;

static void on_event(void *context, const struct dataplane_event *event)
{
	assert_int_equal(event->subject, SUBJECT);
	if (event->kind == DATAPLANE_CONTROL) {
		memcpy(heard, event->bytes, event->length);
		heard_length = event->length;
		control++;
	} else if (event->kind == DATAPLANE_LINE_GONE) {
		gone++;
	} else if (event->kind == DATAPLANE_DETACHED) {
		final = *event->counters;
		detached++;
	}
}

static void command(
	struct datapath_command *c, enum datapath_command_kind kind, const uint8_t *frame)
{
	c->kind = kind;
	c->subject = SUBJECT;
	ops->command(plane, c, frame);
}

static void framing(uint32_t accm, uint8_t fcs)
{
	struct datapath_command c = {.framing = {.send_mru = 1500,
					     .mtu = 1500,
					     .send_accm = accm,
					     .receive_accm = accm,
					     .send_fcs = fcs,
					     .receive_fcs = fcs}};
	command(&c, DATAPATH_FRAMING, NULL);
}

static struct line *line_over(int fd)
{
	struct line *line;
	struct line_config config = {.in = fd, .out = fd};
	assert_int_equal(line_open(&line, &config), 0);
	return line;
}

static int start(void **state)
{
	char error[256];
	int ends[2];
	struct dataplane_config config = {
		.loop = &loop, .sessions_max = 16, .outer = OUTER_NONE, .event = on_event};
	waiting_open();
	control = gone = detached = 0;
	if (ops->start(&plane, &config, error))
		fail_msg("%s", error);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	far_end = line_over(ends[1]);
	struct datapath_command c = {.attach = {.line = true, .local_call_id = 3}};
	command(&c, DATAPATH_ATTACH, NULL);
	assert_int_equal(ops->line(plane, SUBJECT, line_over(ends[0])), 0);
	framing(HDLC_ACCM_DEFAULT, HDLC_FCS_16);
	c = (struct datapath_command){.connect = {.window = 0}};
	command(&c, DATAPATH_CONNECT, NULL);
	return 0;
}

static int stop(void **state)
{
	if (far_end)
		line_close(far_end);
	ops->stop(plane);
	waiting_close();
	return 0;
}

/* What comes at the far end next; false at the end of the line. */
static bool far_read(struct line_frame *frame)
{
	static struct line_batch batch;
	struct pollfd fd = {.fd = line_input(far_end), .events = POLLIN};
	do {
		assert_int_equal(poll(&fd, 1, PATIENCE_MS), 1);
		line_read(far_end, &batch);
	} while (!batch.count && line_ended(far_end) == LINE_OPEN);
	if (batch.count)
		*frame = batch.frames[0];
	return batch.count;
}

static void far_write(const void *frame, size_t length)
{
	assert_true(line_write(far_end, frame, length));
	line_flush(far_end);
}

static const uint8_t echo[] = {0xc0, 0x21, 9, 1, 0, 8, 1, 2, 3, 4};

static void frames_both_ways(void **state)
{
	struct line_frame frame;
	struct datapath_command c = {.frame = {.length = sizeof(echo)}};
	command(&c, DATAPATH_FRAME, echo);
	assert_true(far_read(&frame));
	assert_int_equal(frame.length, sizeof(echo) + 2);
	assert_memory_equal(frame.bytes + 2, echo, sizeof(echo));
	far_write(frame.bytes, frame.length);
	WAIT_FOR(control == 1);
	assert_int_equal(heard_length, sizeof(echo));
	assert_memory_equal(heard, echo, sizeof(echo));
}

/* What LCP has agreed on holds from the next frame on: an Echo-Request goes with 32 bits. */
static void framing_in_its_turn(void **state)
{
	uint8_t raw[64];
	struct pollfd fd = {.fd = line_input(far_end), .events = POLLIN};
	framing(0, HDLC_FCS_32);
	struct datapath_command c = {.frame = {.length = sizeof(echo)}};
	command(&c, DATAPATH_FRAME, echo);
	assert_int_equal(poll(&fd, 1, PATIENCE_MS), 1);
	ssize_t length = read(fd.fd, raw, sizeof(raw));
	struct hdlc_receive receive;
	uint8_t memory[64];
	const uint8_t *at = raw;
	size_t left = (size_t)length;
	hdlc_receive_init(&receive, memory, sizeof(memory));
	receive.fcs = HDLC_FCS_32;
	receive.accm = 0;
	enum hdlc_result result;
	while ((result = hdlc_decode(&receive, &at, &left)) != HDLC_FRAME)
		assert_int_not_equal(result, HDLC_MORE);
	assert_memory_equal(receive.frame + 2, echo, sizeof(echo));
}

static void damage_is_counted(void **state)
{
	assert_int_equal(
		write(line_output(far_end), "\x7e\xff\x7d\x23\xc0\x21garbage\x7e", 14), 14);
	far_write("\xff\x03\xc0\x21\x09\x02\x00\x08\x01\x02\x03\x04", 12);
	WAIT_FOR(control == 1);
	struct datapath_command c = {.subject = SUBJECT};
	command(&c, DATAPATH_DETACH, NULL);
	WAIT_FOR(detached == 1);
	assert_int_equal(final.drops[DROP_LINE_FCS], 1);
	assert_int_equal(final.gre_rx, 1);
}

static void a_hang_up_is_told_once(void **state)
{
	line_close(far_end);
	far_end = NULL;
	WAIT_FOR(gone == 1);
	struct datapath_command c = {.frame = {.length = sizeof(echo)}};
	command(&c, DATAPATH_FRAME, echo); /* into nothing */
	c = (struct datapath_command){.subject = SUBJECT};
	command(&c, DATAPATH_DETACH, NULL);
	WAIT_FOR(detached == 1);
	assert_int_equal(gone, 1);
}

static void detaching_closes_the_line(void **state)
{
	struct line_frame frame;
	struct datapath_command c = {.frame = {.length = sizeof(echo)}};
	command(&c, DATAPATH_FRAME, echo);
	c = (struct datapath_command){.subject = SUBJECT};
	command(&c, DATAPATH_DETACH, NULL);
	WAIT_FOR(detached == 1);
	assert_true(far_read(&frame)); /* the last word went first */
	assert_false(far_read(&frame));
	assert_int_equal(ops->line(plane, SUBJECT, far_end), -ENOENT);
}

/* Nobody reads: the worker goes on, and what the line cannot hold is counted. */
static void a_stalled_reader_stops_nothing(void **state)
{
	uint8_t frame[1400] = {0x80, 0x21};
	for (unsigned n = 0; n < 2000; n++) {
		struct datapath_command c = {.frame = {.length = sizeof(frame)}};
		command(&c, DATAPATH_FRAME, frame);
	}
	far_write("\xff\x03\xc0\x21\x09\x02\x00\x08\x01\x02\x03\x04", 12);
	WAIT_FOR(control == 1);
	struct line_frame first;
	for (unsigned n = 0; n < 3; n++)
		assert_true(far_read(&first)); /* and it drains again */
	struct datapath_command c = {.subject = SUBJECT};
	command(&c, DATAPATH_DETACH, NULL);
	WAIT_FOR(detached == 1);
	assert_true(final.drops[DROP_LINE_FULL] > 0);
}

/* A plain file can be read for ever; it is no line. */
static void what_cannot_be_watched_is_gone(void **state)
{
	struct datapath_command c = {.subject = SUBJECT};
	command(&c, DATAPATH_DETACH, NULL);
	WAIT_FOR(detached == 1);
	c = (struct datapath_command){.attach = {.line = true, .local_call_id = 3}};
	command(&c, DATAPATH_ATTACH, NULL);
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(ops->line(plane, SUBJECT, line_over(fd)), 0);
	WAIT_FOR(gone == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(frames_both_ways, start, stop),
		cmocka_unit_test_setup_teardown(framing_in_its_turn, start, stop),
		cmocka_unit_test_setup_teardown(damage_is_counted, start, stop),
		cmocka_unit_test_setup_teardown(a_hang_up_is_told_once, start, stop),
		cmocka_unit_test_setup_teardown(detaching_closes_the_line, start, stop),
		cmocka_unit_test_setup_teardown(a_stalled_reader_stops_nothing, start, stop),
		cmocka_unit_test_setup_teardown(what_cannot_be_watched_is_gone, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
