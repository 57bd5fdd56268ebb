/* DESE-bis and 3DESE (RFC 2419, RFC 2420).
 *
 *     | sequence number (16 bits) |  DES-CBC( protocol field, information, padding )
 *
 * The chain goes on from packet to packet: the block before a packet's first is the last one of the
 * packet before (§6.2); for the first packet of all it is the encrypted nonce of the one who
 * decrypts. So after a loss one packet more is lost, whose last block is all that is needed for
 * the next (§6.4), and nobody asks for anything.
 *
 * The padding describes itself (RFC 1570 §2.4): 1, 2, 3, ... to the end of a block. A packet that
 * ends with its block and in a byte of 1 to 8 by chance gets a whole block of padding, so that the
 * last byte always tells (§6.1).
 *
 * Nothing here is authenticated. What decrypts to impossible padding or to no protocol is dropped,
 * and a run of it means that the keys differ.
 *
 * FreeBSD's mpd takes its own nonce where RFC 2419 says the peer's, and does not encrypt it: the
 * first block of the first packet each way is noise between it and us, and all that follows is not.
 *
 * DES falls to a search of its 2^56 keys within hours; nothing keeps what it carries secret. */
#include "dese.h"

#include <assert.h>
#include <string.h>

#include "bytes.h"

enum { PROTOCOL = 2 };

void dese_arm(struct dese *d, const struct ecp_key *key, const uint8_t nonce[ECP_NONCE])
{
	uint8_t zero[DES_CBC_BLOCK] = {0};

	des_cbc_key(&d->des, key->bytes, key->length);
	des_cbc_encrypt(&d->des, zero, d->chain, nonce, DES_CBC_BLOCK);
	d->sequence = 0;
}

/* How much padding goes behind `length` bytes that end in `last`. */
static size_t padding(size_t length, uint8_t last)
{
	size_t missing = (DES_CBC_BLOCK - length % DES_CBC_BLOCK) % DES_CBC_BLOCK;

	return missing == 0 && last >= 1 && last <= DES_CBC_BLOCK ? DES_CBC_BLOCK : missing;
}

size_t dese_seal(struct dese *d, uint16_t protocol, const uint8_t *packet, size_t length,
	uint8_t *to, size_t capacity)
{
	uint8_t *clear = to + DESE_HEADER;
	size_t hidden = PROTOCOL + length;

	assert(capacity >= length + DESE_GROWTH);
	put_u16(to, d->sequence++);
	put_u16(clear, protocol);
	memcpy(clear + PROTOCOL, packet, length);
	size_t pad = padding(hidden, clear[hidden - 1]);
	for (size_t n = 0; n < pad; n++)
		clear[hidden + n] = (uint8_t)(n + 1);
	des_cbc_encrypt(&d->des, d->chain, clear, clear, hidden + pad);
	return DESE_HEADER + hidden + pad;
}

static bool refuse(enum drop *why, enum drop reason)
{
	*why = reason;
	return false;
}

/* Takes the padding off; false when it is none. */
static bool strip(const uint8_t *clear, size_t *length)
{
	uint8_t pad = clear[*length - 1];

	if (pad == 0 || pad > DES_CBC_BLOCK)
		return true;
	for (size_t n = 1; n <= pad; n++)
		if (clear[*length - n] != pad + 1 - n)
			return false;
	*length -= pad;
	return *length > 0;
}

bool dese_open(struct dese *d, const uint8_t *from, size_t length, uint8_t *to, size_t *got,
	enum drop *why)
{
	if (length < DESE_HEADER + DES_CBC_BLOCK || (length - DESE_HEADER) % DES_CBC_BLOCK)
		return refuse(why, DROP_ECP_DATA);
	uint16_t sequence = get_u16(from);
	const uint8_t *cipher = from + DESE_HEADER;
	bool next = sequence == d->sequence;

	d->sequence = sequence + 1;
	*got = length - DESE_HEADER;
	if (!next) {
		memcpy(d->chain, cipher + *got - DES_CBC_BLOCK, DES_CBC_BLOCK);
		return refuse(why, DROP_ECP_LOST);
	}
	des_cbc_decrypt(&d->des, d->chain, to, cipher, *got);
	return strip(to, got) || refuse(why, DROP_ECP_DATA);
}
