/* Predictor-1 (see codec_fuzz.h). */
#include "codec_fuzz.h"

#include "predictor.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct reader r = reader_over(bytes, length);
	struct codec_params params = {.method = CODEC_PREDICTOR1};

	read_u8(&r);
	codec_fuzz(&predictor_codec, &params, &r);
	return 0;
}
