/* Sessions on a line: frames without GRE, what is lost on the way, and what stays as it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lab.h"

static void frame_is(const struct flight *flight, const char *start_hex, size_t length)
{
	uint8_t start[16];
	size_t count = hex_bytes(start, sizeof(start), start_hex);
	assert_int_equal(flight->length, length);
	assert_memory_equal(flight->bytes, start, count);
}

static void a_frame_is_all(void **state)
{
	struct lab *lab = lab_over(true, false);
	struct flight flight;
	lab_seal(lab, &lab->client, 7, 100, &flight);
	frame_is(&flight, "ff030021450000640000", 104);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
	assert_inner(lab, 0, 7);
	assert_int_equal(lab->server.counters.gre_rx, 1);
	assert_int_equal(lab->server.last_received, lab->now);
	lab_framing(lab, &lab->client, 1400, true);
	lab_seal(lab, &lab->client, 8, 100, &flight);
	frame_is(&flight, "21450000640000", 101);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
	assert_no_drops(&lab->server);
	free(lab);
}

/* Nothing is owed to a peer that hears everything in order: no ack, no timer. */
static void nothing_is_acknowledged(void **state)
{
	struct lab *lab = lab_over(true, false);
	struct flight flight;
	for (uint32_t n = 0; n < 200; n++) {
		lab_seal(lab, &lab->client, n, 64, &flight);
		assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
	}
	assert_true(datapath_deadline(&lab->server) == NEVER);
	assert_true(datapath_deadline(&lab->client) == NEVER);
	lab_clear(lab);
	datapath_tick(&lab->engine, &lab->server, lab->now + SECONDS(1), &lab->out);
	assert_int_equal(lab->out.count, 0);
	free(lab);
}

static void control_frames_go_whole(void **state)
{
	struct lab *lab = lab_over(true, false);
	static const uint8_t echo[] = {0xc0, 0x21, 9, 1, 0, 8, 1, 2, 3, 4};
	struct datapath_command command = {.kind = DATAPATH_FRAME};
	command.frame.length = sizeof(echo);
	lab_framing(lab, &lab->client, 1400, true);
	lab_clear(lab);
	datapath_execute(&lab->engine, &lab->client, &command, echo, lab->now, &lab->out);
	assert_int_equal(lab->out.count, 1);
	assert_int_equal(lab->out.at[0].kind, PACKET_FRAME);
	assert_true(lab->out.at[0].control);
	struct flight flight = {.length = lab->out.at[0].length};
	memcpy(flight.bytes, lab->out.at[0].bytes, flight.length);
	frame_is(&flight, "ff03c0210901", sizeof(echo) + 2);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
	assert_int_equal(lab->out.at[0].kind, PACKET_CONTROL);
	assert_int_equal(lab->out.at[0].length, sizeof(echo));
	free(lab);
}

static void lose(struct lab *lab, struct datapath *to)
{
	static const struct flight none = {.length = 0};
	assert_int_equal(lab_open(lab, to, &none), 0);
	assert_no_drops(to);
}

static void encryption_survives_losses(void **state)
{
	struct lab *lab = lab_encrypted_over(true, MPPE_128, true);
	struct flight flight;
	for (uint32_t n = 0; n < 300; n++) {
		lab_seal(lab, &lab->client, n, 200, &flight);
		if (n % 7 == 3) {
			lose(lab, &lab->server);
			continue;
		}
		assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
		assert_inner(lab, 0, n);
	}
	assert_no_drops(&lab->server);
	free(lab);
}

/* What is missing in a stateful key stream is asked for over the line. */
static void a_reset_is_asked_for_on_the_line(void **state)
{
	struct lab *lab = lab_encrypted_over(true, MPPE_128, false);
	struct flight flight;
	lab_seal(lab, &lab->client, 0, 200, &flight);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
	lab_seal(lab, &lab->client, 1, 200, &flight);
	lose(lab, &lab->server);
	lab_seal(lab, &lab->client, 2, 200, &flight);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
	assert_int_equal(lab->out.at[0].kind, PACKET_FRAME);
	assert_memory_equal(lab->out.at[0].bytes, "\xff\x03\x80\xfd\x0e", 5);
	free(lab);
}

/* A TCP packet whose header is told to be that of slot 0. */
static void tell_header(struct flight *flight)
{
	uint8_t packet[64];
	struct writer w = writer_over(flight->bytes, sizeof(flight->bytes));
	lab_ipv4(packet, sizeof(packet), true, 1);
	packet[9] = 6;
	put_u16(packet + 10, 0);
	put_u16(packet + 10, (uint16_t)~checksum_of(0, packet, 20));
	packet[9] = 0;
	packet[32] = 0x50;
	packet[33] = 0x10;
	put_u16(packet + 36, 0);
	uint64_t sum = checksum_add(6 + sizeof(packet) - 20, packet + 12, 8);
	put_u16(packet + 36, (uint16_t)~checksum_of(sum, packet + 20, sizeof(packet) - 20));
	write_u32(&w, 0xff03002f);
	write_bytes(&w, packet, sizeof(packet));
	flight->length = writer_length(&w);
}

/* The next one: nothing changed, and a checksum that cannot be right. */
static void refer_to_header(struct flight *flight)
{
	struct writer w = writer_over(flight->bytes, sizeof(flight->bytes));
	write_u32(&w, 0xff03002d);
	write_u32(&w, 0x00123401);
	flight->length = writer_length(&w);
}

/* Who keeps the headers of the packets before knows of a loss from the line, and guesses nothing
 * until it is told a header again. */
static void headers_are_not_guessed_behind_a_loss(void **state)
{
	struct lab *lab = lab_over(true, false);
	_Alignas(16) static uint8_t bytes[1 << 16];
	struct layer_memory *memory = (void *)bytes;
	struct datapath_command headers = {.kind = DATAPATH_HEADERS};
	struct flight told, referring;
	headers.headers.slots = 16;
	headers.headers.omit_slot = true;
	size_t need = layers_need(&headers);
	assert_true(need > 0 && need <= sizeof(bytes));
	memory->size = sizeof(bytes) - sizeof(*memory);
	headers.memory = memory;
	lab_command(lab, &lab->server, &headers);
	tell_header(&told);
	refer_to_header(&referring);
	assert_int_equal(lab_open(lab, &lab->server, &told), 1);
	assert_no_drops(&lab->server);
	assert_int_equal(lab_open(lab, &lab->server, &referring), 0);
	assert_dropped(&lab->server, DROP_VJ_CHECKSUM);
	assert_int_equal(lab_open(lab, &lab->server, &told), 1);
	lose(lab, &lab->server);
	assert_int_equal(lab_open(lab, &lab->server, &referring), 0);
	assert_dropped(&lab->server, DROP_VJ_SLOT);
	free(lab);
}

/* The MTU follows the peer's MRU alone: there is no outer path. */
static void the_mtu_is_the_lines(void **state)
{
	struct lab *lab = lab_over(true, false);
	lab_framing(lab, &lab->client, 1500, false);
	assert_int_equal(datapath_mtu(&lab->client), 1500);
	free(lab);
	lab = lab_encrypted_over(true, MPPE_128, true);
	lab_framing(lab, &lab->client, 1500, false);
	assert_int_equal(datapath_mtu(&lab->client), 1496);
	free(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_is_all),
		cmocka_unit_test(nothing_is_acknowledged),
		cmocka_unit_test(control_frames_go_whole),
		cmocka_unit_test(encryption_survives_losses),
		cmocka_unit_test(a_reset_is_asked_for_on_the_line),
		cmocka_unit_test(headers_are_not_guessed_behind_a_loss),
		cmocka_unit_test(the_mtu_is_the_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
