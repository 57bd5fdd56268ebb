/* See handoff.h. Waking is Dekker's protocol once more: the reader says that it is asleep and then
 * looks for packets, a writer says that there are packets and then looks whether the reader is
 * asleep. Both use sequentially consistent operations, so one of them sees the other; and of
 * several writers the first takes the word "asleep" away, so one wake-up is one system call. */
#include <errno.h>
#include <string.h>

#include "handoff.h"
#include "limits.h"

static_assert(RING_RECORD_MAX(HANDOFF_RING) >= sizeof(struct handed) + INNER_MAX,
	"a super-packet fits a ring");
static_assert(WORKERS_MAX <= 32, "a bit for each worker");

int handoff_init(struct handoff *inbox, unsigned number, unsigned workers)
{
	int failed = 0;
	memset(inbox, 0, sizeof(*inbox));
	inbox->workers = workers;
	for (unsigned n = 0; n < workers && !failed; n++)
		if (n != number)
			failed = ring_init(&inbox->from[n], HANDOFF_RING);
	return failed;
}

void handoff_free(struct handoff *inbox)
{
	for (unsigned n = 0; n < inbox->workers; n++)
		ring_free(&inbox->from[n]);
}

bool handoff_put(struct handoff *inbox, unsigned from, const struct handed *head, const void *bytes,
	uint32_t length)
{
	struct ring *ring = &inbox->from[from];
	struct handed *record = ring_reserve(ring, (uint32_t)sizeof(*record) + length);
	if (!record)
		return false;
	*record = *head;
	memcpy(record + 1, bytes, length);
	ring_commit(ring, (uint32_t)sizeof(*record) + length);
	return true;
}

bool handoff_announce(struct handoff *inbox, unsigned from)
{
	atomic_fetch_or_explicit(&inbox->waiting, 1u << from, memory_order_seq_cst);
	return atomic_load_explicit(&inbox->asleep, memory_order_seq_cst) &&
	       atomic_exchange_explicit(&inbox->asleep, false, memory_order_seq_cst);
}

bool handoff_any(struct handoff *inbox)
{
	return atomic_load_explicit(&inbox->waiting, memory_order_relaxed) != 0;
}

uint32_t handoff_waiting(struct handoff *inbox)
{
	if (!handoff_any(inbox))
		return 0;
	return atomic_exchange_explicit(&inbox->waiting, 0, memory_order_acquire);
}

bool handoff_sleep(struct handoff *inbox)
{
	atomic_store_explicit(&inbox->asleep, true, memory_order_seq_cst);
	if (!atomic_load_explicit(&inbox->waiting, memory_order_seq_cst))
		return true;
	handoff_wake(inbox);
	return false;
}

void handoff_wake(struct handoff *inbox)
{
	atomic_store_explicit(&inbox->asleep, false, memory_order_relaxed);
}
