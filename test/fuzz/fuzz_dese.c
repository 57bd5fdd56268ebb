/* What ECP encrypts, opened: records of a length and as many bytes, by one key and nonce. Then the
 * same bytes sealed by us, which must come back. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "dese.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void open_one(struct dese *d, struct reader data)
{
	size_t length = reader_left(&data), got = 0;
	uint8_t *to = malloc(length ? length : 1);
	enum drop why = DROP_COUNT;

	assert(to);
	if (dese_open(d, data.at, length, to, &got, &why))
		assert(got > 0 && got < length);
	else
		assert(why == DROP_ECP_DATA || why == DROP_ECP_LOST);
	free(to);
}

static void round_trip(struct dese *out, struct dese *in, struct reader data)
{
	size_t length = reader_left(&data), got = 0;
	uint8_t *sealed = malloc(length + DESE_GROWTH), *to = malloc(length + DESE_GROWTH);
	enum drop why;

	assert(sealed && to);
	size_t size = dese_seal(out, 0x0021, data.at, length, sealed, length + DESE_GROWTH);
	assert(size <= length + DESE_GROWTH);
	assert(dese_open(in, sealed, size, to, &got, &why));
	assert(got == length + 2 && !memcmp(to + 2, data.at, length));
	free(sealed);
	free(to);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const uint8_t nonce[ECP_NONCE] = {1, 2, 3};
	struct reader r = reader_over(bytes, length);
	struct ecp_key key = {.length = read_u8(&r) & 1 ? ECP_KEY_DES3 : ECP_KEY_DES,
		.bytes = {1, 35, 69, 103, 137, 171, 205, 239, 16, 50}};
	struct dese theirs, out, in;

	dese_arm(&theirs, &key, nonce);
	dese_arm(&out, &key, nonce);
	dese_arm(&in, &key, nonce);
	while (reader_left(&r)) {
		size_t wanted = read_u8(&r);
		struct reader data =
			read_slice(&r, wanted < reader_left(&r) ? wanted : reader_left(&r));
		open_one(&theirs, data);
		if (reader_left(&data))
			round_trip(&out, &in, data);
	}
	return 0;
}
