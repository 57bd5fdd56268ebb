/* Secrets files: words, lines, and the choice among the lines. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "secrets.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct secrets secrets;
	struct faults faults = {0};
	secrets_init(&secrets);
	secrets_parse(&secrets, "fuzz", (const char *)bytes, length, false, &faults);
	const struct secret *secret = secrets_find(&secrets, "alice", 5, "server");
	if (secret) {
		uint32_t fixed = secret_fixed(secret);
		assert(secret->length <= PPP_SECRET_MAX);
		(void)secret_allows(secret, fixed);
		(void)secret_from_pool(secret);
	}
	secrets_add(&secrets, "alice", "secret");
	assert(secrets_find(&secrets, "alice", 5, NULL));
	secrets_free(&secrets);
	return 0;
}
