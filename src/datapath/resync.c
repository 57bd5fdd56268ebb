/* CCP resets (see resync.h). RFC 1962 §3.1, RFC 3078 §3.1.
 *
 *     a packet is lost ─▶ Reset-Request ─▶ the peer's history starts again ─▶ Reset-Ack
 *
 * They are handled in the data path because their place among the data is what they say: behind the
 * Reset-Ack the history is new. RFC 3078 needs no Reset-Ack, its packets say so themselves, but
 * RFC 1962 does, and pppd waits for one, so one is sent. The Configure-Ack behind which the peer's
 * compressor begins is looked at here for the same reason.
 *
 * Every packet that cannot be opened is a reason to ask, so requests are rationed by time until
 * something opens; the next loss is asked for at once. Of a peer that falls silent nothing arrives
 * that would ask again: a request is also repeated by time alone, each wait twice the one before, a
 * few times, and not once a Reset-Ack has shown that it was heard. */
#include "resync.h"

#include "seal.h"

enum { CCP_CONFIGURE_ACK = 2, CCP_RESET_REQUEST = 14, CCP_RESET_ACK = 15 };

void resync_ask(struct datapath *dp, uint64_t now, struct packet_list *out)
{
	bool first = dp->resync_tries == 0;

	if (!first && now - dp->resync_at < DATAPATH_RESYNC_WAIT)
		return;
	if (!seal_ccp(dp, CCP_RESET_REQUEST, ++dp->resync_id, out))
		return;
	if (first)
		dp->counters.resyncs++;
	dp->resync_tries = 1;
	dp->resync_heard = false;
	dp->resync_at = now;
}

static bool reset_transmit(struct datapath *dp, uint8_t id, struct packet_list *out)
{
	bool packed = dp->layers && layers_reset_transmit(dp->layers);

	if (!packed && !mppe_armed(&dp->transmit))
		return false;
	if (mppe_armed(&dp->transmit))
		mppe_flush(&dp->transmit);
	seal_ccp(dp, CCP_RESET_ACK, id, out);
	return true;
}

/* The answer to an older request says nothing: the history starts once more behind another. */
static bool reset_receive(struct datapath *dp, uint8_t id)
{
	bool packed = dp->layers && dp->layers->codec[LAYER_RECEIVE].ops;

	if (!packed && !mppe_armed(&dp->receive))
		return false;
	if (id != dp->resync_id)
		return true;
	dp->resync_heard = true;
	if (layers_dead(dp->layers))
		layers_reset_receive(dp->layers);
	return true;
}

bool resync_take(struct datapath *dp, struct reader r, struct packet_list *out)
{
	uint8_t code = read_u8(&r);
	uint8_t id = read_u8(&r);
	uint16_t length = read_u16(&r);

	if (r.failed || length < 4 || length - 4u > reader_left(&r))
		return false;
	if (code == CCP_CONFIGURE_ACK && dp->layers)
		layers_start_receive(dp->layers);
	if (code == CCP_RESET_REQUEST)
		return reset_transmit(dp, id, out);
	return code == CCP_RESET_ACK && reset_receive(dp, id);
}

uint64_t resync_deadline(const struct datapath *dp)
{
	if (!(dp->receive.resync || layers_dead(dp->layers)) || dp->resync_heard ||
		dp->resync_tries == 0 || dp->resync_tries >= DATAPATH_RESYNC_TRIES)
		return NEVER;
	return dp->resync_at + (DATAPATH_RESYNC_WAIT << (dp->resync_tries - 1));
}

void resync_tick(struct datapath *dp, uint64_t now, struct packet_list *out)
{
	if (resync_deadline(dp) > now || !seal_ccp(dp, CCP_RESET_REQUEST, ++dp->resync_id, out))
		return;
	dp->resync_tries++;
	dp->resync_at = now;
}
