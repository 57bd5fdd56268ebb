/* The reader and the writer: values, ends, and errors that stick. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "bytes.h"

static const uint8_t wire[] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};

static void reads_big_endian(void **state)
{
	struct reader r = reader_over(wire, sizeof(wire));
	assert_int_equal(read_u8(&r), 0x01);
	assert_int_equal(read_u16(&r), 0x2345);
	assert_int_equal(read_u32(&r), 0x6789abcd);
	assert_int_equal(reader_left(&r), 1);
	assert_int_equal(read_u8(&r), 0xef);
	assert_int_equal(reader_left(&r), 0);
	assert_false(r.failed);
}

/* A read past the end gives zero, takes nothing, and so does every one after it, even one that
 * would fit. */
static void reading_past_the_end_sticks(void **state)
{
	struct reader r = reader_over(wire, 3);
	assert_int_equal(read_u32(&r), 0);
	assert_true(r.failed);
	assert_int_equal(reader_left(&r), 3);
	assert_int_equal(read_u8(&r), 0);
	assert_int_equal(read_u16(&r), 0);
	assert_null(read_bytes(&r, 0));
	assert_int_equal(reader_left(&r), 3);

	r = reader_over(wire, 1);
	assert_int_equal(read_u16(&r), 0);
	assert_true(r.failed);
	r = reader_over(wire, 0);
	assert_int_equal(read_u8(&r), 0);
	assert_true(r.failed);
}

static void reading_to_the_end_is_no_error(void **state)
{
	struct reader r = reader_over(wire, sizeof(wire));
	assert_ptr_equal(read_bytes(&r, sizeof(wire)), wire);
	assert_ptr_equal(read_bytes(&r, 0), wire + sizeof(wire));
	assert_false(r.failed);
	assert_null(read_bytes(&r, SIZE_MAX));
	assert_true(r.failed);
}

static void nothing_to_read(void **state)
{
	struct reader r = reader_over(NULL, 0);
	assert_int_equal(reader_left(&r), 0);
	assert_false(r.failed);
	assert_int_equal(read_u8(&r), 0);
	assert_true(r.failed);
}

static void slices(void **state)
{
	struct reader r = reader_over(wire, sizeof(wire));
	struct reader slice = read_slice(&r, 3);
	assert_int_equal(reader_left(&slice), 3);
	assert_int_equal(read_u16(&slice), 0x0123);
	assert_int_equal(read_u16(&slice), 0); /* the slice ends before the whole does */
	assert_true(slice.failed);
	assert_false(r.failed);
	assert_int_equal(read_u8(&r), 0x67);

	slice = read_slice(&r, 0);
	assert_false(slice.failed);
	assert_int_equal(reader_left(&slice), 0);

	slice = read_slice(&r, 5);
	assert_true(slice.failed);
	assert_true(r.failed);
	assert_int_equal(reader_left(&slice), 0);
}

static void writes_big_endian(void **state)
{
	uint8_t bytes[10];
	memset(bytes, 0xee, sizeof(bytes));
	struct writer w = writer_over(bytes, sizeof(bytes));
	write_u8(&w, 0x01);
	write_u16(&w, 0x2345);
	write_u32(&w, 0x6789abcd);
	write_bytes(&w, wire + 7, 1);
	write_bytes(&w, NULL, 0);
	assert_int_equal(writer_length(&w), 8);
	write_zeros(&w, 2);
	assert_false(w.failed);
	assert_memory_equal(bytes, wire, 8);
	assert_memory_equal(bytes + 8, "\0\0", 2);
}

/* A write that does not fit writes nothing, and nothing comes after it. */
static void writing_past_the_end_sticks(void **state)
{
	uint8_t bytes[8];
	memset(bytes, 0xee, sizeof(bytes));
	struct writer w = writer_over(bytes, 3);
	write_u32(&w, 0x01020304);
	assert_true(w.failed);
	write_u8(&w, 1);
	write_zeros(&w, 1);
	write_bytes(&w, wire, 1);
	assert_null(write_space(&w, 0));
	assert_int_equal(writer_length(&w), 0);
	for (size_t n = 0; n < sizeof(bytes); n++)
		assert_int_equal(bytes[n], 0xee);

	w = writer_over(bytes, 1);
	write_u16(&w, 1);
	assert_true(w.failed);
	w = writer_over(bytes, 0);
	write_u8(&w, 1);
	assert_true(w.failed);
	assert_int_equal(bytes[0], 0xee);
}

static void patches(void **state)
{
	uint8_t bytes[6];
	struct writer w = writer_over(bytes, sizeof(bytes));
	write_u8(&w, 9);
	write_u16(&w, 0);
	write_u8(&w, 8);
	write_patch_u16(&w, 1, 0xbeef);
	assert_false(w.failed);
	assert_memory_equal(bytes, "\x09\xbe\xef\x08", 4);
	write_patch_u16(&w, 2, 0x1122); /* the last two written */
	assert_false(w.failed);
	write_patch_u16(&w, 3, 0x3344); /* one of them was never written */
	assert_true(w.failed);
	assert_int_equal(bytes[3], 0x22);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_big_endian),
		cmocka_unit_test(reading_past_the_end_sticks),
		cmocka_unit_test(reading_to_the_end_is_no_error),
		cmocka_unit_test(nothing_to_read),
		cmocka_unit_test(slices),
		cmocka_unit_test(writes_big_endian),
		cmocka_unit_test(writing_past_the_end_sticks),
		cmocka_unit_test(patches),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
