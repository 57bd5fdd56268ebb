/* See fake_tls.h. A flight: kind, its number, its length, the sender's number, whether it is
 * resumed, and bytes that count on. */
#include "fake_tls.h"

#include <assert.h>
#include <string.h>

enum { HEADER = 12, PLAIN = 'p', ALERT = '!' };

static uint8_t content(uint32_t number, uint8_t flight, size_t at)
{
	return (uint8_t)(number + flight * 31u + at * 7 + (at >> 8));
}

bool fake_tls_take(struct fake_tls *tls, uint16_t arg, const uint8_t *bytes, size_t length)
{
	switch ((enum tls_step)(arg & (TLS_OURS - 1))) {
	case TLS_IDENTITY:
		tls->identities++;
		return false;
	case TLS_BEGIN:
		tls->begun++;
		tls->client = arg & TLS_OURS;
		tls->flight = 0;
		tls->length = 0;
		memset(&tls->reply, 0, sizeof tls->reply);
		return false;
	case TLS_PART:
	case TLS_WHOLE:
		assert(tls->begun && tls->length + length <= sizeof tls->in);
		if (length)
			memcpy(tls->in + tls->length, bytes, length);
		tls->length += (uint32_t)length;
		return (arg & (TLS_OURS - 1)) == TLS_WHOLE;
	case TLS_END:
		tls->ended++;
		return false;
	}
	return false;
}

static void say(struct fake_tls *tls, uint8_t kind)
{
	struct writer w = writer_over(tls->out, sizeof tls->out);
	uint16_t size = kind == ALERT ? HEADER : tls->size;
	write_u8(&w, kind);
	write_u8(&w, ++tls->flight);
	write_u16(&w, size);
	write_u32(&w, tls->number);
	write_u32(&w, tls->resumed);
	for (size_t at = HEADER; at < size; at++)
		write_u8(&w, content(tls->number, tls->flight, at));
	assert(!w.failed);
	tls->reply.bytes = tls->out;
	tls->reply.length = size;
}

static void done(struct fake_tls *tls, uint32_t theirs)
{
	uint32_t client = tls->client ? tls->number : theirs;
	uint32_t server = tls->client ? theirs : tls->number;
	struct mppe_start_keys *keys = &tls->reply.keys;
	tls->reply.outcome = TLS_DONE;
	keys->valid = true;
	put_u32(tls->client ? keys->send : keys->receive, client);
	put_u32(tls->client ? keys->receive : keys->send, server);
	memcpy(keys->send_short, keys->send, sizeof keys->send_short);
	memcpy(keys->receive_short, keys->receive, sizeof keys->receive_short);
}

static void fail(struct fake_tls *tls, enum close_reason reason)
{
	tls->reply.outcome = TLS_FAILED;
	tls->reply.reason = reason;
}

/* True when it is the next flight of the other side, whole and unharmed. */
static bool is_next(const struct fake_tls *tls, uint32_t *number, bool *resumed)
{
	struct reader r = reader_over(tls->in, tls->length);
	uint8_t kind = read_u8(&r), flight = read_u8(&r);
	uint16_t size = read_u16(&r);
	*number = read_u32(&r);
	*resumed = read_u32(&r) != 0;
	uint8_t expected = (uint8_t)(tls->client ? tls->flight : tls->flight + 1);
	if (r.failed || kind != PLAIN || size != tls->length || flight != expected)
		return false;
	for (size_t at = HEADER; at < size; at++)
		if (tls->in[at] != content(*number, flight, at))
			return false;
	return true;
}

static void client_goes_on(struct fake_tls *tls, uint32_t number, bool resumed)
{
	bool last = tls->flight == 2;
	if (!last)
		say(tls, PLAIN);
	if (last || resumed)
		done(tls, number);
}

static void server_goes_on(struct fake_tls *tls, uint32_t number)
{
	bool last = tls->flight == 1;
	if (!last || !tls->resumed)
		say(tls, PLAIN);
	if (last)
		done(tls, number);
}

const struct tls_reply *fake_tls_answer(struct fake_tls *tls)
{
	uint32_t number;
	bool resumed;
	uint32_t length = tls->length;
	tls->reply.length = 0;
	if (tls->reply.outcome == TLS_FAILED)
		;
	else if (tls->client && !tls->flight)
		say(tls, PLAIN);
	else if (length && tls->in[0] == ALERT)
		fail(tls, tls->client ? CLOSE_AUTH_WE_FAILED : CLOSE_AUTH_FAILED);
	else if (!is_next(tls, &number, &resumed) || (tls->refuse && tls->flight == 1)) {
		say(tls, ALERT);
		fail(tls, tls->client ? CLOSE_AUTH_PEER_FALSE : CLOSE_AUTH_FAILED);
	} else if (tls->client)
		client_goes_on(tls, number, resumed);
	else
		server_goes_on(tls, number);
	tls->length = 0;
	return &tls->reply;
}
