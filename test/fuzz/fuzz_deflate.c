/* Deflate, with windows of 9 to 15 bits (see codec_fuzz.h). */
#include "codec_fuzz.h"

#include "deflate.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct reader r = reader_over(bytes, length);
	struct codec_params params = {.method = CODEC_DEFLATE};

	params.bits = DEFLATE_BITS_SEND + read_u8(&r) % (DEFLATE_BITS_MAX - DEFLATE_BITS_SEND + 1);
	codec_fuzz(&deflate_codec, &params, &r);
	return 0;
}
