/* Which keys the kernel is given for which CCP frame of ours. RFC 3078 §2.1, RFC 3079 §2.2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "kernel_mppe.h"

enum { REQUEST = 1, ACK = 2, NAK = 3 };

static const struct mppe_start_keys keys = {
	.valid = true,
	.send = "SSSSSSSSSSSSSSSS",
	.receive = "RRRRRRRRRRRRRRRR",
	.send_short = "ssssssss",
	.receive_short = "rrrrrrrr",
};

static enum kernel_mppe_verdict sending(struct kernel_mppe *mppe, uint8_t code, uint8_t first,
	uint8_t last, const struct mppe_start_keys *with)
{
	const uint8_t frame[] = {0x80, 0xfd, code, 7, 0, 10, 18, 6, first, 0, 0, last};
	memset(mppe, 0xee, sizeof(*mppe));
	return kernel_mppe_sending(mppe, frame, sizeof(frame), with);
}

static void holds(const struct kernel_mppe *mppe, bool transmit, uint8_t first, uint8_t last,
	const char *key, size_t length)
{
	const uint8_t option[] = {18, 6, first, 0, 0, last};
	const uint8_t zeros[16] = {0};
	assert_int_equal(mppe->transmit, transmit);
	assert_memory_equal(mppe->option, option, sizeof(option));
	assert_memory_equal(mppe->option + 6, key, length);
	assert_memory_equal(mppe->option + 6 + length, zeros, 16 - length);
}

/* A request says what we want to receive, an Ack what we will send. */
static void a_request_is_about_receiving(void **state)
{
	struct kernel_mppe mppe;
	assert_int_equal(sending(&mppe, REQUEST, 1, 0x40, &keys), KERNEL_MPPE_ARM);
	holds(&mppe, false, 1, 0x40, "RRRRRRRRRRRRRRRR", 16);
	assert_int_equal(sending(&mppe, ACK, 1, 0x40, &keys), KERNEL_MPPE_ARM);
	holds(&mppe, true, 1, 0x40, "SSSSSSSSSSSSSSSS", 16);
}

static void forty_bits_start_from_the_short_key(void **state)
{
	struct kernel_mppe mppe;
	assert_int_equal(sending(&mppe, REQUEST, 0, 0x20, &keys), KERNEL_MPPE_ARM);
	holds(&mppe, false, 0, 0x20, "rrrrrrrr", 8);
	assert_int_equal(sending(&mppe, ACK, 0, 0x20, &keys), KERNEL_MPPE_ARM);
	holds(&mppe, true, 0, 0x20, "ssssssss", 8);
}

/* The peer may only ack all of a request: the strongest is what it will be. */
static void the_strongest_counts(void **state)
{
	struct kernel_mppe mppe;
	assert_int_equal(sending(&mppe, REQUEST, 1, 0xe0, &keys), KERNEL_MPPE_ARM);
	holds(&mppe, false, 1, 0x40, "RRRRRRRRRRRRRRRR", 16);
}

static void what_the_kernel_lacks_is_said(void **state)
{
	struct kernel_mppe mppe;
	assert_int_equal(sending(&mppe, ACK, 1, 0x80, &keys), KERNEL_MPPE_UNABLE);
	assert_int_equal(sending(&mppe, REQUEST, 1, 0x41, &keys), KERNEL_MPPE_UNABLE);
	assert_int_equal(sending(&mppe, REQUEST, 0, 0x01, &keys), KERNEL_MPPE_UNABLE);
}

static void other_frames_say_nothing(void **state)
{
	static const struct mppe_start_keys none;
	const uint8_t ipcp[] = {0x80, 0x21, REQUEST, 7, 0, 10, 18, 6, 1, 0, 0, 0x40};
	const uint8_t deflate[] = {0x80, 0xfd, REQUEST, 7, 0, 8, 26, 4, 0x78, 0};
	struct kernel_mppe mppe;
	assert_int_equal(sending(&mppe, NAK, 1, 0x40, &keys), KERNEL_MPPE_NOTHING);
	assert_int_equal(sending(&mppe, REQUEST, 1, 0x40, &none), KERNEL_MPPE_NOTHING);
	assert_int_equal(
		kernel_mppe_sending(&mppe, ipcp, sizeof(ipcp), &keys), KERNEL_MPPE_NOTHING);
	assert_int_equal(
		kernel_mppe_sending(&mppe, deflate, sizeof(deflate), &keys), KERNEL_MPPE_NOTHING);
}

static void truncated_frames_say_nothing(void **state)
{
	const uint8_t frame[] = {
		0x80, 0xfd, REQUEST, 7, 0, 14, 26, 4, 0x78, 0, 18, 6, 1, 0, 0, 0x40};
	struct kernel_mppe mppe;
	for (size_t length = 0; length < sizeof(frame); length++)
		assert_int_equal(
			kernel_mppe_sending(&mppe, frame, length, &keys), KERNEL_MPPE_NOTHING);
	assert_int_equal(kernel_mppe_sending(&mppe, frame, sizeof(frame), &keys), KERNEL_MPPE_ARM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_about_receiving),
		cmocka_unit_test(forty_bits_start_from_the_short_key),
		cmocka_unit_test(the_strongest_counts),
		cmocka_unit_test(what_the_kernel_lacks_is_said),
		cmocka_unit_test(other_frames_say_nothing),
		cmocka_unit_test(truncated_frames_say_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
