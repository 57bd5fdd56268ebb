/* The MPPE of a batch (RFC 3078).
 *
 * Stateless packets are independent of each other once their keys are known, so their RC4 waits
 * until there are several to run side by side. A stateful stream goes on where its last packet left
 * it: it runs at once, so that nobody need remember that it is behind. */
#include "cipher.h"

#include <string.h>

#include "bytes.h"
#include "digest.h"

void cipher_start(struct cipher *c, const struct rc4_engine *rc4)
{
	c->rc4 = rc4;
	c->count = 0;
}

void cipher_flush(struct cipher *c)
{
	if (c->count)
		c->rc4->crypt(c->jobs, c->count);
	secret_wipe(c->jobs, c->count * sizeof(c->jobs[0]));
	c->count = 0;
}

static struct rc4_job *next_job(struct cipher *c)
{
	if (c->count == BATCH_MAX)
		cipher_flush(c);
	return &c->jobs[c->count];
}

static void queue(struct cipher *c, struct rc4_job *job)
{
	if (job->state)
		c->rc4->crypt(job, 1);
	else
		c->count++;
}

void cipher_seal(struct cipher *c, struct mppe *m, uint8_t *packet, size_t length)
{
	struct rc4_job *job = next_job(c);

	put_u16(packet, mppe_seal(m, job));
	job->in = job->out = packet + MPPE_HEADER_SIZE;
	job->length = (uint32_t)(length - MPPE_HEADER_SIZE);
	queue(c, job);
}

bool cipher_open(struct cipher *c, struct mppe *m, enum cipher_arrival arrival,
	const uint8_t *packet, size_t length, bool fleeting, uint8_t *out, enum drop *why)
{
	struct rc4_job *job = next_job(c);

	if (!(arrival == CIPHER_LATE ? mppe_open_late(m, packet, length, job, why)
				     : mppe_open(m, packet, length, job, why)))
		return false;
	job->out = out;
	if (fleeting) {
		memcpy(out, job->in, job->length);
		job->in = out;
	}
	queue(c, job);
	return true;
}
