/* xoshiro256** seeded by splitmix64 (Blackman and Vigna, public domain algorithms): small, fast,
 * and the same on every machine. */
#include "dice.h"

static uint64_t splitmix(uint64_t *x)
{
	uint64_t z = *x += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

void dice_seed(struct dice *dice, uint64_t seed, uint64_t stream)
{
	uint64_t x = seed * 0x100000001b3 ^ stream << 48;
	for (int i = 0; i < 4; i++)
		dice->state[i] = splitmix(&x);
}

static uint64_t rotate(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

uint64_t dice_u64(struct dice *dice)
{
	uint64_t *s = dice->state;
	uint64_t result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

uint32_t dice_below(struct dice *dice, uint32_t n)
{
	return (uint32_t)((dice_u64(dice) >> 32) * n >> 32);
}

uint32_t dice_between(struct dice *dice, uint32_t low, uint32_t high)
{
	return low + dice_below(dice, high - low + 1);
}

bool dice_chance(struct dice *dice, uint32_t per_10000)
{
	return per_10000 && dice_below(dice, 10000) < per_10000;
}

void dice_bytes(struct dice *dice, void *out, size_t length)
{
	uint8_t *b = out;
	for (size_t i = 0; i < length; i += 8) {
		uint64_t word = dice_u64(dice);
		for (size_t k = i; k < length && k < i + 8; k++, word >>= 8)
			b[k] = (uint8_t)word;
	}
}
