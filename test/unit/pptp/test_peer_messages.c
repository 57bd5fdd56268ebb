/* What real peers said (test/vectors/pptp-peers.txt): read, printed, built again, and understood.
 */
#include "endpoint.h"

#include <stdio.h>
#include <stdlib.h>

enum { MESSAGES = 32 };

static struct recorded {
	char peer[32];
	uint8_t bytes[PPTP_MESSAGE_MAX];
	size_t length;
	char line[1024];
} recorded[MESSAGES];
static unsigned recorded_count;

static void read_hex(const char *hex, struct recorded *r)
{
	memset(r->bytes, 0, sizeof r->bytes);
	for (size_t i = 0; hex[2 * i] && hex[2 * i] != '\n'; i++) {
		unsigned byte;
		assert_true(i < sizeof r->bytes);
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		r->bytes[i] = (uint8_t)byte;
	}
	r->length = (size_t)(r->bytes[0] << 8 | r->bytes[1]);
	assert_in_range(r->length, PPTP_HEADER, PPTP_MESSAGE_MAX);
}

static int read_vectors(const char *path)
{
	char line[1024], peer[32] = "";
	FILE *file = fopen(path, "r");
	if (!file)
		return -1;
	while (fgets(line, sizeof line, file)) {
		struct recorded *r = &recorded[recorded_count];
		if (sscanf(line, "peer %31[^ ]", peer) == 1 || line[0] == '#' || line[0] == '\n')
			continue;
		if (line[0] != '>') {
			read_hex(line, r);
			continue;
		}
		line[strcspn(line, "\n")] = '\0';
		memcpy(r->peer, peer, sizeof peer);
		snprintf(r->line, sizeof r->line, "%s", line + 2);
		if (++recorded_count == MESSAGES)
			break;
	}
	fclose(file);
	return recorded_count ? 0 : -1;
}

static void printed_and_built_again(void **state)
{
	for (unsigned i = 0; i < recorded_count; i++) {
		char line[PPTP_LINE_MAX];
		struct text t = text_over(line, sizeof line);
		pptp_print(&t, recorded[i].bytes, recorded[i].length);
		assert_string_equal(line, recorded[i].line);

		struct pptp_message m;
		uint8_t built[PPTP_MESSAGE_MAX];
		assert_int_equal(
			pptp_parse(recorded[i].bytes, recorded[i].length, &m), PPTP_PARSED);
		struct writer w = writer_over(built, sizeof built);
		pptp_build(&m, &w);
		assert_int_equal(writer_length(&w), recorded[i].length);
		assert_memory_equal(built, recorded[i].bytes, recorded[i].length);
	}
}

/* The n-th message of a peer, said to the endpoint. */
static const char *hear(const char *peer, unsigned n)
{
	for (unsigned i = 0; i < recorded_count; i++) {
		const struct recorded *r = &recorded[i];
		if (strcmp(r->peer, peer) || n--)
			continue;
		assert_int_equal(feed(r->bytes, r->length), r->length);
		return outcome();
	}
	fail_msg("no such message of %s", peer);
	return NULL;
}

static void pptp_linux_calls_us(void **state)
{
	connection(PAC, ACCEPTS, CONTROL_WAIT_REQUEST);
	assert_string_equal(hear("pptp-linux", 0), "SCCRP1 up");
	assert_string_equal(control.peer.vendor_name, "cananian");
	assert_string_equal(hear("pptp-linux", 1), "wanted");
	uint32_t token = item_of(CONTROL_CALL_WANTED, 0)->token;
	assert_string_equal(answer(token, &call, 0), "call-up OCRP1");
	assert_int_equal(call.peer_window, 3);
	assert_string_equal(tick(now + SECONDS(60)), "EchoRQ");
	control.echo_id = 0x01020304; /* what it was asked when it was recorded */
	assert_string_equal(hear("pptp-linux", 2), "");
	assert_false(control.echo_pending);
}

static void we_call_pptpd(void **state)
{
	connection(PNS, OPENS, CONTROL_WAIT_REPLY);
	assert_string_equal(hear("pptpd", 0), "up");
	assert_string_equal(dial(), "OCRQ");
	assert_string_equal(hear("pptpd", 1), "call-up");
	assert_true(call.peer_known);
	assert_int_equal(call.peer_id, 0);
	assert_string_equal(clear(CLOSE_ADMIN), "CCRQ");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(printed_and_built_again),
		cmocka_unit_test(pptp_linux_calls_us),
		cmocka_unit_test(we_call_pptpd),
	};
	if (argc != 2 || read_vectors(argv[1]) < 0) {
		fprintf(stderr, "usage: %s VECTORS\n", argv[0]);
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
