/* BSD-Compress, with codes of 9 to 15 bits (see codec_fuzz.h). */
#include "codec_fuzz.h"

#include "bsd.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct reader r = reader_over(bytes, length);
	struct codec_params params = {.method = CODEC_BSD};

	params.bits = BSD_BITS_MIN + read_u8(&r) % (BSD_BITS_MAX - BSD_BITS_MIN + 1);
	codec_fuzz(&bsd_codec, &params, &r);
	return 0;
}
