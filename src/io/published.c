/* A sequence lock without fences: words are stored with release and loaded with acquire, so a
 * reader that sees a new word also sees the odd sequence in front of it, and its second look at
 * the sequence cannot move before its words. */
#include <string.h>

#include "published.h"

void published_write(
	struct published *p, uint32_t subject, const struct dataplane_statistics *statistics)
{
	uint64_t words[PUBLISHED_WORDS] = {0};
	if (statistics)
		memcpy(words, statistics, sizeof(words));
	uint32_t sequence = atomic_load_explicit(&p->sequence, memory_order_relaxed);
	atomic_store_explicit(&p->sequence, sequence + 1, memory_order_relaxed);
	atomic_store_explicit(&p->subject, subject, memory_order_release);
	for (unsigned i = 0; i < PUBLISHED_WORDS; i++)
		atomic_store_explicit(&p->words[i], words[i], memory_order_release);
	atomic_store_explicit(&p->sequence, sequence + 2, memory_order_release);
}

bool published_read(struct published *p, uint32_t subject, struct dataplane_statistics *statistics)
{
	uint64_t words[PUBLISHED_WORDS];
	uint32_t before, after, owner;
	do {
		before = atomic_load_explicit(&p->sequence, memory_order_acquire);
		owner = atomic_load_explicit(&p->subject, memory_order_acquire);
		for (unsigned i = 0; i < PUBLISHED_WORDS; i++)
			words[i] = atomic_load_explicit(&p->words[i], memory_order_acquire);
		after = atomic_load_explicit(&p->sequence, memory_order_relaxed);
	} while ((before & 1) || before != after);
	if (subject == 0 || owner != subject)
		return false;
	memcpy(statistics, words, sizeof(words));
	return true;
}
