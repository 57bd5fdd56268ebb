/* RC4 streams of different lengths side by side, whatever the engine.
 *
 * Engines work in whole blocks, on lanes that all go equally far. Here the lanes are put in order,
 * longest first, and narrowed as they end: all of them run until less than a block is left of the
 * shortest, then one block more, in which the lanes that end work on a copy of their last bytes, so
 * that nothing past `length` is ever read or written. Such a lane's stream is made a few bytes
 * longer than used, which is why it must not go on.
 */
#include "rc4.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

void rc4_alone(const struct rc4_engine *engine, struct rc4_lane *lane)
{
	engine->run(lane, 1, lane->length / RC4_BLOCK);
	rc4_crypt(lane->stream, lane->out, lane->in, lane->length);
}

/* Insertion: there are four at most, and mostly of one length. */
static void longest_first(struct rc4_lane *lanes, size_t count)
{
	for (size_t n = 1; n < count; n++) {
		struct rc4_lane lane = lanes[n];
		size_t at = n;
		for (; at > 0 && lanes[at - 1].length < lane.length; at--)
			lanes[at] = lanes[at - 1];
		lanes[at] = lane;
	}
}

/* A block, the last one of `ending` lanes, which have less than that left. */
static void run_last(
	const struct rc4_engine *engine, struct rc4_lane *lanes, size_t count, size_t ending)
{
	uint8_t blocks[RC4_LANES][RC4_BLOCK];
	uint8_t *out[RC4_LANES];
	size_t length[RC4_LANES];
	size_t first = count - ending;

	for (size_t n = first; n < count; n++) {
		struct rc4_lane *lane = &lanes[n];
		length[n] = lane->length;
		out[n] = lane->out;
		memcpy(blocks[n], lane->in, length[n]);
		lane->in = lane->out = blocks[n];
		lane->length = RC4_BLOCK;
	}
	engine->run(lanes, count, 1);
	for (size_t n = first; n < count; n++)
		memcpy(out[n], blocks[n], length[n]);
}

void rc4_together(const struct rc4_engine *engine, struct rc4_lane *lanes, size_t count)
{
	assert(count <= RC4_LANES);
	longest_first(lanes, count);
	while (count > 0) {
		engine->run(lanes, count, lanes[count - 1].length / RC4_BLOCK);
		size_t ending = 0;
		while (ending < count && lanes[count - 1 - ending].length < RC4_BLOCK)
			ending++;
		if (lanes[count - ending].length)
			run_last(engine, lanes, count, ending);
		count -= ending;
	}
}
