/* Dekker's protocol: the sleeper says that it is asleep and then looks who has rung; who rings says
 * so and then looks whether the other is asleep. Both use sequentially consistent operations, so at
 * least one of them sees the other, and nothing is slept through. Of several who ring, the first
 * takes the word "asleep" away, so that one wake-up is one system call. */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "doorbell.h"

int doorbell_init(struct doorbell *bell)
{
	memset(bell, 0, sizeof(*bell));
	bell->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return bell->fd < 0 ? -errno : 0;
}

void doorbell_free(struct doorbell *bell)
{
	if (bell->fd >= 0)
		close(bell->fd);
	bell->fd = -1;
}

void doorbell_knock(struct doorbell *bell)
{
	uint64_t one = 1;
	ssize_t written = write(bell->fd, &one, sizeof(one));
	(void)written; /* full means: readable already */
}

void doorbell_ring(struct doorbell *bell, unsigned ringer)
{
	atomic_fetch_or_explicit(&bell->rung, 1u << ringer, memory_order_seq_cst);
	if (!atomic_load_explicit(&bell->asleep, memory_order_seq_cst) ||
		!atomic_exchange_explicit(&bell->asleep, false, memory_order_seq_cst))
		return;
	doorbell_knock(bell);
}

uint32_t doorbell_answer(struct doorbell *bell)
{
	if (!doorbell_rung(bell))
		return 0;
	return atomic_exchange_explicit(&bell->rung, 0, memory_order_acquire);
}

bool doorbell_rung(const struct doorbell *bell)
{
	return atomic_load_explicit(&bell->rung, memory_order_relaxed) != 0;
}

bool doorbell_sleep(struct doorbell *bell)
{
	atomic_store_explicit(&bell->asleep, true, memory_order_seq_cst);
	if (!atomic_load_explicit(&bell->rung, memory_order_seq_cst))
		return true;
	doorbell_wake(bell);
	return false;
}

void doorbell_wake(struct doorbell *bell)
{
	atomic_store_explicit(&bell->asleep, false, memory_order_relaxed);
}

void doorbell_silence(struct doorbell *bell)
{
	uint64_t count;
	ssize_t got = read(bell->fd, &count, sizeof(count));
	(void)got;
}
