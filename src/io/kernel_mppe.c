/* Keys for the kernel's MPPE (see kernel_mppe.h).
 *
 * The kernel is told keys, not when to use them: it watches CCP on its way through the unit. Behind
 * our Configure-Ack it encrypts, behind the peer's it decrypts, each with the key it has by then,
 * in the strength and mode that the option of the Ack says. So the receiver's key is set before our
 * Configure-Request leaves, which is what the peer will ack, and the transmitter's before our Ack
 * of the peer's request. Which key it is depends on the strength, because after MS-CHAP(v1) the
 * short ones are no beginning of the long (RFC 3079 §2.2). */
#include "kernel_mppe.h"

#include <string.h>

#include "bytes.h"

enum {
	PROTOCOL_CCP = 0x80fd,
	CONFIGURE_REQUEST = 1,
	CONFIGURE_ACK = 2,
	OPTION_MPPE = 18,
	/* Of the option's first and last byte. */
	BIT_STATELESS = 0x01,
	BIT_MPPC = 0x01,
	BIT_40 = 0x20,
	BIT_128 = 0x40,
};

void kernel_mppe_option(struct kernel_mppe *mppe, unsigned strength, bool stateless,
	const struct mppe_start_keys *keys)
{
	bool transmit = mppe->transmit;
	memset(mppe->option, 0, sizeof(mppe->option));
	mppe->option[0] = OPTION_MPPE;
	mppe->option[1] = KERNEL_MPPE_OPTION;
	mppe->option[2] = stateless ? BIT_STATELESS : 0;
	mppe->option[5] = strength == 128 ? BIT_128 : BIT_40;
	if (strength == 128)
		memcpy(mppe->option + KERNEL_MPPE_OPTION, transmit ? keys->send : keys->receive,
			sizeof(keys->send));
	else
		memcpy(mppe->option + KERNEL_MPPE_OPTION,
			transmit ? keys->send_short : keys->receive_short,
			sizeof(keys->send_short));
}

/* The value of the first MPPE option among these. */
static bool find_option(struct reader options, uint8_t value[4])
{
	while (reader_left(&options)) {
		uint8_t type = read_u8(&options), length = read_u8(&options);
		if (options.failed || length < 2)
			return false;
		const uint8_t *bytes = read_bytes(&options, length - 2u);
		if (!bytes)
			return false;
		if (type == OPTION_MPPE && length == KERNEL_MPPE_OPTION) {
			memcpy(value, bytes, 4);
			return true;
		}
	}
	return false;
}

enum kernel_mppe_verdict kernel_mppe_sending(struct kernel_mppe *mppe, const uint8_t *frame,
	size_t length, const struct mppe_start_keys *keys)
{
	struct reader r = reader_over(frame, length);
	uint16_t protocol = read_u16(&r);
	uint8_t code = read_u8(&r), value[4];
	read_u8(&r);
	uint16_t packet = read_u16(&r);
	if (r.failed || protocol != PROTOCOL_CCP || packet < 4 || packet - 4u > reader_left(&r) ||
		(code != CONFIGURE_REQUEST && code != CONFIGURE_ACK) ||
		!find_option(reader_over(r.at, packet - 4u), value))
		return KERNEL_MPPE_NOTHING;
	mppe->transmit = code == CONFIGURE_ACK;
	if (!(value[3] & (BIT_40 | BIT_128)) || value[3] & BIT_MPPC)
		return KERNEL_MPPE_UNABLE;
	if (!keys->valid)
		return KERNEL_MPPE_NOTHING;
	kernel_mppe_option(mppe, value[3] & BIT_128 ? 128 : 40, value[0] & BIT_STATELESS, keys);
	return KERNEL_MPPE_ARM;
}
