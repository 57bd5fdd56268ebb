/* MPPC, alone and inside MPPE, with and without a history (see codec_fuzz.h). */
#include "codec_fuzz.h"

#include "mppc.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct reader r = reader_over(bytes, length);
	struct codec_params params = {.method = CODEC_MPPC};

	uint8_t flags = read_u8(&r);
	params.stateless = flags & 1;
	params.encrypted = flags & 2;
	codec_fuzz(&mppc_codec, &params, &r);
	return 0;
}
