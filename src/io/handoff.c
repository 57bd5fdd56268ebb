/* See handoff.h. A ring holds a burst of several super-packets; what is longer is dropped. */
#include <errno.h>
#include <string.h>

#include "handoff.h"
#include "limits.h"

static_assert(RING_RECORD_MAX(HANDOFF_RING) >= sizeof(struct handed) + INNER_MAX,
	"a super-packet fits a ring");

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
