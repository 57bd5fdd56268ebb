/* The kernel's data plane where it can be looked at without a peer: interfaces and their modes, and
 * a line under the kernel's HDLC. Skips where the kernel has no PPP; the interop tests run it in a
 * guest that has. */
#include <errno.h>
#include <fcntl.h>
#include <linux/ppp-ioctl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "dataplane.h"
#include "hdlc.h"
#include "line.h"
#include "netns.h"
#include "ppp_device.h"
#include "ppp_unit.h"
#include "subject.h"

static struct {
	uv_loop_t loop;
	struct dataplane *plane;
	unsigned control, detached, unable, line_gone;
	uint8_t frame[64];
	size_t length;
	char why[256];
} at;

static const struct dataplane_ops *const ops = &dataplane_kernel;
static const uint8_t echo[] = {0xc0, 0x21, 9, 1, 0, 8, 0, 0, 0, 0};

static void on_event(void *context, const struct dataplane_event *event)
{
	switch (event->kind) {
	case DATAPLANE_CONTROL:
		at.control++;
		at.length = event->length;
		memcpy(at.frame, event->bytes, event->length < 64 ? event->length : 64);
		break;
	case DATAPLANE_DETACHED:
		at.detached++;
		break;
	case DATAPLANE_UNABLE:
		at.unable++;
		snprintf(at.why, sizeof(at.why), "%s", event->why);
		break;
	case DATAPLANE_LINE_GONE:
		at.line_gone++;
		break;
	case DATAPLANE_NO_MEMORY:
	case DATAPLANE_MOVED:
	case DATAPLANE_KEYS_DIFFER:
	case DATAPLANE_STRANGER:
	case DATAPLANE_PEER_FOUND:
	case DATAPLANE_TUN_GONE:
		break;
	}
}

static int begin(void **state)
{
	char error[256];
	memset(&at, 0, sizeof(at));
	uv_loop_init(&at.loop);
	const struct dataplane_config config = {
		.loop = &at.loop, .sessions_max = 4, .event = on_event};
	return ops->start(&at.plane, &config, error);
}

static int end(void **state)
{
	ops->stop(at.plane);
	while (uv_loop_close(&at.loop) == UV_EBUSY)
		uv_run(&at.loop, UV_RUN_NOWAIT);
	return 0;
}

static void until(const unsigned *count)
{
	for (unsigned n = 0; n < 100 && !*count; n++)
		uv_run(&at.loop, UV_RUN_ONCE);
	assert_int_equal(*count, 1);
}

static void tell(struct datapath_command command, const uint8_t *frame)
{
	command.subject = subject_make(1, 1);
	ops->command(at.plane, &command, frame);
}

/* Nothing passes a unit that nobody has opened. */
static void units_begin_shut(void **state)
{
	static const int protocols[] = {PPP_IP, PPP_IPV6, PPP_IPX};
	char name[16], words[256];
	int fd = ops->open_interface(at.plane, subject_make(1, 1), "ppp%d", -1, name, words);
	assert_true(fd >= 0);
	assert_string_equal(name, "ppp0");
	for (size_t i = 0; i < 3; i++) {
		struct npioctl np = {.protocol = protocols[i]};
		assert_int_equal(ioctl(fd, PPPIOCGNPMODE, &np), 0);
		assert_int_equal(np.mode, NPMODE_DROP);
	}
	/* Asked again it is the same one; the next session of the slot has another. */
	int again = ops->open_interface(at.plane, subject_make(1, 1), "ppp%d", -1, name, words);
	assert_string_equal(name, "ppp0");
	close(again);
	close(fd);
	fd = ops->open_interface(at.plane, subject_make(1, 2), "ppp%d", -1, name, words);
	assert_string_equal(name, "ppp0");
	close(fd);
}

static void a_kept_interface_serves_again(void **state)
{
	char name[16], words[256];
	int fd = ops->open_interface(at.plane, subject_make(1, 1), "kept", -1, name, words);
	assert_true(fd >= 0);
	assert_string_equal(name, "kept");
	int other = ops->open_interface(at.plane, subject_make(2, 1), "kept", fd, name, words);
	assert_true(other >= 0);
	assert_string_equal(name, "kept");
	int unit = -1, same = -2;
	assert_int_equal(ioctl(fd, PPPIOCGUNIT, &unit), 0);
	assert_int_equal(ioctl(other, PPPIOCGUNIT, &same), 0);
	assert_int_equal(unit, same);
	close(fd);
	close(other);
}

static void what_it_lacks_is_said(void **state)
{
	struct datapath_command command = {.kind = DATAPATH_ATTACH};
	command.attach.local.family = 6;
	command.attach.local_call_id = 1;
	assert_non_null(strstr(ops->lacks(at.plane, &command, NULL), "IPv6"));
	tell(command, NULL);
	until(&at.unable);
	assert_non_null(strstr(at.why, "IPv6"));
	tell((struct datapath_command){.kind = DATAPATH_DETACH}, NULL);
	until(&at.detached);
}

static int open_pty(int *slave)
{
	char name[64];
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	assert_int_equal(ptsname_r(master, name, sizeof(name)), 0);
	*slave = open(name, O_RDWR | O_NOCTTY);
	assert_true(*slave >= 0);
	struct termios raw;
	tcgetattr(*slave, &raw);
	cfmakeraw(&raw);
	tcsetattr(*slave, TCSANOW, &raw);
	return master;
}

static void attach_line(int slave)
{
	struct line *line;
	const struct line_config config = {.in = slave, .out = slave};
	struct datapath_command attach = {.kind = DATAPATH_ATTACH};
	assert_int_equal(line_open(&line, &config), 0);
	attach.attach.line = true;
	tell(attach, NULL);
	assert_int_equal(ops->line(at.plane, subject_make(1, 1), line), 0);
}

static void a_line_is_the_kernels_hdlc(void **state)
{
	static const uint8_t start[] = {0x7e, 0xff, 0x7d, 0x23, 0xc0, 0x21};
	struct datapath_command frame = {.kind = DATAPATH_FRAME, .frame = {.length = sizeof(echo)}};
	struct hdlc_transmit transmit;
	uint8_t wire[128];
	int slave, master = open_pty(&slave);
	attach_line(slave);
	tell(frame, echo);
	assert_true(read(master, wire, sizeof(wire)) > (ssize_t)sizeof(start));
	assert_memory_equal(wire, start, sizeof(start));

	hdlc_transmit_init(&transmit);
	const uint8_t whole[] = {0xff, 0x03, 0xc0, 0x21, 9, 1, 0, 8, 0, 0, 0, 0};
	size_t length = hdlc_encode(&transmit, whole, sizeof(whole), wire, sizeof(wire));
	assert_int_equal(write(master, wire, length), length);
	until(&at.control);
	assert_int_equal(at.length, sizeof(echo));
	assert_memory_equal(at.frame, echo, sizeof(echo));

	close(master);
	until(&at.line_gone);
	tell((struct datapath_command){.kind = DATAPATH_DETACH}, NULL);
	until(&at.detached);
}

static void a_pipe_is_no_line_for_it(void **state)
{
	int ends[2];
	struct line *line;
	struct datapath_command attach = {.kind = DATAPATH_ATTACH};
	assert_int_equal(pipe(ends), 0);
	const struct line_config config = {.in = ends[0], .out = ends[1]};
	assert_int_equal(line_open(&line, &config), 0);
	attach.attach.line = true;
	tell(attach, NULL);
	assert_int_equal(ops->line(at.plane, subject_make(1, 1), line), -ENOTTY);
	line_close(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(units_begin_shut, begin, end),
		cmocka_unit_test_setup_teardown(a_kept_interface_serves_again, begin, end),
		cmocka_unit_test_setup_teardown(what_it_lacks_is_said, begin, end),
		cmocka_unit_test_setup_teardown(a_line_is_the_kernels_hdlc, begin, end),
		cmocka_unit_test_setup_teardown(a_pipe_is_no_line_for_it, begin, end),
	};
	char error[256];
	netns_enter_or_skip();
	if (ppp_device_probe(false, error) < 0) {
		print_message("skipped: %s\n", error);
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
