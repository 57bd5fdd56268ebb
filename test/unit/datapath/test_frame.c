/* PPP headers in all their forms. */
#include "hex.h"

#include "frame.h"

struct form {
	const char *hex;
	uint16_t protocol;
	size_t information;
	enum drop why; /* DROP_COUNT: good */
};

static const struct form forms[] = {
	{"ff 03 c0 21 01", 0xc021, 1, DROP_COUNT},
	{"c0 21 01 02", 0xc021, 2, DROP_COUNT},
	{"ff 03 00 21 45", 0x0021, 1, DROP_COUNT},
	{"ff 03 21 45", 0x0021, 1, DROP_COUNT},
	{"00 fd", 0x00fd, 0, DROP_COUNT},
	{"fd", 0x00fd, 0, DROP_COUNT},
	{"21", 0x0021, 0, DROP_COUNT},
	{"", 0, 0, DROP_PPP_SHORT},
	{"ff 03", 0, 0, DROP_PPP_SHORT},
	{"ff 03 c0", 0, 0, DROP_PPP_SHORT},
	{"00", 0, 0, DROP_PPP_SHORT},
	{"c0 22 00", 0, 0, DROP_PPP_PROTOCOL},
	{"ff 03 ff 03", 0, 0, DROP_PPP_PROTOCOL},
	{"ff 21", 0, 0, DROP_PPP_PROTOCOL},
	{"00 ff", 0, 0, DROP_PPP_PROTOCOL},
};

static void parsed(void **state)
{
	for (size_t n = 0; n < sizeof(forms) / sizeof(forms[0]); n++) {
		uint8_t bytes[16];
		struct reader r = reader_over(bytes, hex_bytes(bytes, sizeof(bytes), forms[n].hex));
		uint16_t protocol = 0;
		enum drop why = DROP_COUNT;
		bool good = frame_parse(&r, &protocol, &why);
		assert_int_equal(good, forms[n].why == DROP_COUNT);
		assert_int_equal(why, forms[n].why);
		if (good) {
			assert_int_equal(protocol, forms[n].protocol);
			assert_int_equal(reader_left(&r), forms[n].information);
		}
	}
}

static void assert_built(uint16_t protocol, bool address, bool field, const char *hex)
{
	uint8_t bytes[8];
	struct writer w = writer_over(bytes, sizeof(bytes));
	frame_build(&w, protocol, address, field);
	assert_hex(bytes, writer_length(&w), hex);
	assert_int_equal(frame_size(protocol, address, field), writer_length(&w));
}

static void built(void **state)
{
	assert_built(0x0021, false, false, "ff 03 00 21");
	assert_built(0x0021, true, false, "00 21");
	assert_built(0x0021, false, true, "ff 03 21");
	assert_built(0x0021, true, true, "21");
	assert_built(0xc021, true, true, "c0 21"); /* two bytes cannot be compressed */
}

/* Every protocol number that can be built is read back in each form; no other is. */
static void round_trip(void **state)
{
	for (uint32_t protocol = 0; protocol <= 0xffff; protocol++) {
		bool valid = (protocol & 1) && !(protocol & 0x100) && protocol != 0xff;
		for (unsigned form = 0; form < 4; form++) {
			uint8_t bytes[8];
			struct writer w = writer_over(bytes, sizeof(bytes));
			frame_build(&w, (uint16_t)protocol, form & 1, valid && (form & 2));
			struct reader r = reader_over(bytes, writer_length(&w));
			uint16_t read = 0;
			enum drop why;
			bool good = frame_parse(&r, &read, &why);
			if (valid) {
				assert_true(good);
				assert_int_equal(read, protocol);
				assert_int_equal(reader_left(&r), 0);
			} else if (good) {
				assert_int_not_equal(read, protocol);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parsed),
		cmocka_unit_test(built),
		cmocka_unit_test(round_trip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
