/* The choice of an engine by what the processor has.
 *
 * SSE4.1 and the SHA extensions are asked for apart: processors before Goldmont and Ice Lake have
 * only the first. Neither touches registers whose state the kernel would have to enable. */
#include "mppe_engine.h"

#include <stdbool.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

const struct mppe_engine mppe_engine_plain = {
	.name = "one stream at a time", .rc4 = &rc4_plain, .sha1 = &chain_sha1_plain};

static const struct mppe_engine portable = {
	.name = "lock step, portable", .rc4 = &rc4_lockstep, .sha1 = &chain_sha1_plain};

#if defined(__x86_64__)
static const struct mppe_engine sse41 = {
	.name = "lock step, SSE4.1", .rc4 = &rc4_x86, .sha1 = &chain_sha1_plain};

static const struct mppe_engine sse41_sha = {
	.name = "lock step, SSE4.1 and SHA", .rc4 = &rc4_x86, .sha1 = &chain_sha1_x86};

static bool has_sse41(void)
{
	unsigned a, b, c, d;
	return __get_cpuid(1, &a, &b, &c, &d) && c & bit_SSE4_1;
}

static bool has_sha(void)
{
	unsigned a, b, c, d;
	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && b & bit_SHA;
}
#endif

const struct mppe_engine *mppe_engine_at(size_t index)
{
	const struct mppe_engine *engines[5];
	size_t count = 0;

#if defined(__x86_64__)
	if (has_sse41() && has_sha())
		engines[count++] = &sse41_sha;
	if (has_sse41())
		engines[count++] = &sse41;
#endif
	engines[count++] = &portable;
	engines[count++] = &mppe_engine_plain;
	return index < count ? engines[index] : NULL;
}
