/* The check sequences of PPP against their published check values. */
#include "hex.h"

#include <string.h>

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

/* "CRC-32/ISO-HDLC" of the catalogue: CBF43926; RFC 1662 §C.3. */
static void of_32_bits(void **state)
{
	const uint8_t digits[] = "123456789";
	assert_int_equal(~fcs32_add(FCS32_START, digits, 9), 0xcbf43926);
	assert_int_equal(~fcs32_add(fcs32_add(FCS32_START, digits, 4), digits + 4, 5), 0xcbf43926);
	assert_int_equal(fcs32_add(FCS32_START, digits, 0), FCS32_START);
	uint8_t frame[256];
	for (unsigned n = 0; n < sizeof(frame); n++)
		frame[n] = (uint8_t)(n * 37);
	for (size_t length = 0; length + 4 <= sizeof(frame); length++) {
		uint8_t kept[4];
		memcpy(kept, frame + length, 4);
		uint32_t fcs = ~fcs32_add(FCS32_START, frame, length);
		for (unsigned n = 0; n < 4; n++)
			frame[length + n] = (uint8_t)(fcs >> 8 * n);
		assert_int_equal(fcs32_add(FCS32_START, frame, length + 4), FCS32_GOOD);
		frame[length / 2] ^= 0x10;
		assert_int_not_equal(fcs32_add(FCS32_START, frame, length + 4), FCS32_GOOD);
		frame[length / 2] ^= 0x10;
		memcpy(frame + length, kept, 4);
	}
}

/* The tables against the definition, a bit at a time, for every place a byte can have in a word. */
static void bit_by_bit(void **state)
{
	uint8_t bytes[16] = {0};
	for (unsigned place = 0; place < sizeof(bytes); place++)
		for (unsigned value = 0; value < 256; value++) {
			uint32_t fcs = FCS_START, fcs32 = FCS32_START;
			bytes[place] = (uint8_t)value;
			for (unsigned bit = 0; bit < 8 * sizeof(bytes); bit++) {
				unsigned in = bytes[bit / 8] >> bit % 8 & 1;
				fcs = fcs >> 1 ^ ((fcs ^ in) & 1 ? 0x8408 : 0);
				fcs32 = fcs32 >> 1 ^ ((fcs32 ^ in) & 1 ? 0xedb88320 : 0);
			}
			assert_int_equal(fcs_add(FCS_START, bytes, sizeof(bytes)), fcs);
			assert_int_equal(fcs32_add(FCS32_START, bytes, sizeof(bytes)), fcs32);
			bytes[place] = 0x5a;
		}
}

/* Whatever the processor has comes to the same, for every length and every start. */
static void every_engine(void **state)
{
	const struct fcs_engine *best = fcs_engine_best();
	uint8_t bytes[200];
	print_message("%s\n", best->name);
	for (unsigned n = 0; n < sizeof(bytes); n++)
		bytes[n] = (uint8_t)(n * n * 31 + 7);
	for (size_t length = 0; length <= sizeof(bytes) - 8; length++)
		for (size_t from = 0; from < 8; from++) {
			uint32_t fcs = length & 1 ? FCS32_START : 0x12345678u + (uint32_t)from;
			assert_int_equal(best->add((uint16_t)fcs, bytes + from, length),
				fcs_add((uint16_t)fcs, bytes + from, length));
			assert_int_equal(best->add32(fcs, bytes + from, length),
				fcs32_add(fcs, bytes + from, length));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_nine_digits),
		cmocka_unit_test(with_its_own_sequence),
		cmocka_unit_test(of_32_bits),
		cmocka_unit_test(bit_by_bit),
		cmocka_unit_test(every_engine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
