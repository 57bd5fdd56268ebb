/* One line for any PPP frame (see print.h), through the protocol table.
 *
 * Nothing here trusts the frame: a packet that is not what it says is printed as far as it goes and
 * marked. Names from the peer are quoted by text_quoted, so that no frame can forge a log line. */
#include "print.h"

#include "fsm.h"
#include "protocol.h"

/* From here on: network control protocols, link control protocols (RFC 1661 §2). */
enum { NETWORK_CONTROL = 0x8000, LINK_CONTROL = 0xc000 };

static const char *code_word(uint8_t code)
{
	static const char *const words[] = {"Configure-Request", "Configure-Ack", "Configure-Nak",
		"Configure-Reject", "Terminate-Request", "Terminate-Ack", "Code-Reject"};
	if (code == RESET_REQUEST || code == RESET_ACK)
		return code == RESET_REQUEST ? "Reset-Request" : "Reset-Ack";
	return code >= CONFIGURE_REQUEST && code <= CODE_REJECT ? words[code - CONFIGURE_REQUEST]
								: NULL;
}

void print_unknown(struct text *t, const uint8_t *packet, size_t length)
{
	struct packet_view p;
	if (!packet_read(&p, packet, length)) {
		text_add(t, "[short] ");
		text_unsigned(t, length);
		text_add(t, " bytes");
		return;
	}
	text_add(t, "code ");
	text_unsigned(t, p.code);
	text_add(t, " id ");
	text_unsigned(t, p.id);
	if (p.length) {
		text_char(t, ' ');
		text_unsigned(t, p.length);
		text_add(t, " bytes");
	}
}

void print_negotiation(
	struct text *t, const uint8_t *packet, size_t length, const struct option_set *options)
{
	struct packet_view p;
	if (!packet_read(&p, packet, length) || !code_word(p.code)) {
		print_unknown(t, packet, length);
		return;
	}
	text_add(t, code_word(p.code));
	text_add(t, " id ");
	text_unsigned(t, p.id);
	if (p.code <= CONFIGURE_REJECT) {
		option_print(t, options, p.body, p.length);
	} else if (p.code == CODE_REJECT) {
		text_add(t, " code ");
		if (p.length)
			text_unsigned(t, p.body[0]);
		else
			text_add(t, "[short]");
	} else if (p.length) {
		text_char(t, ' ');
		text_quoted(t, p.body, p.length);
	}
}

static void print_data(struct text *t, size_t length)
{
	text_unsigned(t, length);
	text_add(t, " bytes");
}

void ppp_print(struct text *t, const uint8_t *frame, size_t length)
{
	struct reader r = reader_over(frame, length);
	uint16_t number = read_u16(&r);
	if (r.failed) {
		text_add(t, "PPP [short] ");
		print_data(t, length);
		return;
	}
	const struct protocol *protocol = protocol_find(number);
	if (protocol) {
		text_add(t, protocol->name);
	} else {
		text_add(t, "protocol 0x");
		text_hex(t, number, 4);
	}
	text_char(t, ' ');
	if (number < NETWORK_CONTROL)
		print_data(t, reader_left(&r));
	else if (protocol && protocol->ops)
		protocol->ops->print(t, r.at, reader_left(&r));
	else if (protocol && number < LINK_CONTROL)
		print_negotiation(t, r.at, reader_left(&r), NULL);
	else if (protocol)
		print_unknown(t, r.at, reader_left(&r));
	else
		print_data(t, reader_left(&r));
}
