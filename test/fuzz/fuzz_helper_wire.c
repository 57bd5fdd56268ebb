/* Requests to the helper and its replies. The helper keeps root, so what reaches it from a process
 * that reads the peers' packets is parsed like a peer's packet. What was read must be written as
 * the same bytes again. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "helper_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static uint8_t again[HELPER_MESSAGE_MAX];
	struct helper_request request, second;
	struct helper_reply reply;
	if (length > HELPER_MESSAGE_MAX)
		return 0;
	if (helper_read_request(&request, bytes, length)) {
		size_t written = helper_write_request(again, &request);
		assert(written == length);
		assert(helper_read_request(&second, again, written));
		for (unsigned i = 0;
			request.operation == HELPER_SCRIPT && i < request.script.environment_count;
			i++)
			helper_variable_allowed(request.script.environment[i]);
	}
	if (helper_read_reply(&reply, bytes, length))
		assert(helper_write_reply(again, &reply) == length &&
			memcmp(again, bytes, length) == 0);
	return 0;
}
