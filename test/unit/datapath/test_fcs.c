/* The check sequence of PPP against its published check value. */
#include "hex.h"

#include "fcs.h"

/* "CRC-16/X-25" of the CRC catalogue: 906E for the nine digits. */
static void of_nine_digits(void **state)
{
	const uint8_t digits[] = "123456789";
	assert_int_equal((uint16_t)~fcs_add(FCS_START, digits, 9), 0x906e);
	assert_int_equal((uint16_t)~fcs_add(fcs_add(FCS_START, digits, 4), digits + 4, 5), 0x906e);
	assert_int_equal(fcs_add(FCS_START, digits, 0), FCS_START);
}

/* RFC 1662 §C.2: what ends in its own sequence comes to one value. */
static void with_its_own_sequence(void **state)
{
	uint8_t frame[256];
	for (unsigned n = 0; n < sizeof(frame); n++)
		frame[n] = (uint8_t)(n * 37);
	for (size_t length = 0; length + 2 <= sizeof(frame); length++) {
		uint8_t kept[2] = {frame[length], frame[length + 1]};
		uint16_t fcs = fcs_add(FCS_START, frame, length);
		frame[length] = (uint8_t)~fcs;
		frame[length + 1] = (uint8_t)(~fcs >> 8);
		assert_int_equal(fcs_add(FCS_START, frame, length + 2), FCS_GOOD);
		frame[length / 2] ^= 0x10;
		assert_int_not_equal(fcs_add(FCS_START, frame, length + 2), FCS_GOOD);
		frame[length / 2] ^= 0x10;
		frame[length] = kept[0];
		frame[length + 1] = kept[1];
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_nine_digits),
		cmocka_unit_test(with_its_own_sequence),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
