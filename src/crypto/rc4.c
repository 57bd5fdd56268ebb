/* RC4, one stream at a time.
 *
 * The state is a permutation of the 256 byte values and two indices. The key schedule shuffles the
 * identity permutation once round with the key; each output byte then swaps one more pair and picks
 * a third byte by the sum of the two. There is no RFC of RC4 itself; RFC 6229 has its test vectors,
 * RFC 3078 its use in MPPE.
 *
 * This is the reference every engine is tested against.
 */
#include "rc4.h"

#include <assert.h>
#include <string.h>

/* Eight values at a time: no byte of the sum reaches 256, so none carries into the next. */
static void rc4_identity(uint8_t s[256])
{
	uint64_t word;
	memcpy(&word, (const uint8_t[]){0, 1, 2, 3, 4, 5, 6, 7}, sizeof(word));
	for (unsigned n = 0; n < 256; n += 8, word += UINT64_C(0x0808080808080808))
		memcpy(s + n, &word, sizeof(word));
}

void rc4_init(struct rc4 *rc4, const uint8_t *key, size_t key_length)
{
	assert(key_length > 0 && key_length <= 256);
	rc4_identity(rc4->s);
	uint8_t j = 0;
	size_t k = 0;
	for (unsigned n = 0; n < 256; n++) {
		uint8_t x = rc4->s[n];
		j = (uint8_t)(j + x + key[k]);
		rc4->s[n] = rc4->s[j];
		rc4->s[j] = x;
		k = k + 1 < key_length ? k + 1 : 0;
	}
	rc4->i = 0;
	rc4->j = 0;
}

void rc4_crypt(struct rc4 *rc4, uint8_t *out, const uint8_t *in, size_t length)
{
	uint8_t i = rc4->i, j = rc4->j;
	for (size_t n = 0; n < length; n++) {
		uint8_t x = rc4->s[++i];
		j = (uint8_t)(j + x);
		uint8_t y = rc4->s[j];
		rc4->s[i] = y;
		rc4->s[j] = x;
		out[n] = in[n] ^ rc4->s[(uint8_t)(x + y)];
	}
	rc4->i = i;
	rc4->j = j;
}

static void plain_schedule(struct rc4 *const *streams, const uint8_t *keys, size_t count)
{
	for (size_t n = 0; n < count; n++)
		rc4_init(streams[n], keys + n * RC4_KEY, RC4_KEY);
}

static void plain_run(struct rc4_lane *lanes, size_t count, size_t blocks)
{
	size_t length = blocks * RC4_BLOCK;
	for (size_t n = 0; n < count; n++) {
		rc4_crypt(lanes[n].stream, lanes[n].out, lanes[n].in, length);
		lanes[n].in += length;
		lanes[n].out += length;
		lanes[n].length -= length;
	}
}

const struct rc4_engine rc4_plain = {.schedule = plain_schedule, .run = plain_run};
