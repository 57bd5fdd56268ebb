/* The 15 control messages, byte for byte as RFC 2637 §2.1 to §2.15 draws them, each field with a
 * value of its own so that two swapped ones are seen; and the line each prints as. */
#ifndef GREYLINE_TEST_GOLDEN_H
#define GREYLINE_TEST_GOLDEN_H

#include <stddef.h>
#include <stdint.h>

struct golden {
	uint16_t length;
	uint8_t bytes[220];
	const char *line;
};

/* Length, PPTP Message Type 1, Magic Cookie, Control Message Type, Reserved0. */
#define HEADER(length, type) length >> 8, length & 0xff, 0, 1, 0x1a, 0x2b, 0x3c, 0x4d, 0, type, 0, 0

/* clang-format off */
static const struct golden golden[16] = {
	[1] = {156, {HEADER(156, 1),
		0x01, 0x00,             /* Protocol Version 1.0 */
		0x00, 0x00,             /* Reserved1 */
		0x00, 0x00, 0x00, 0x01, /* Framing Capabilities */
		0x00, 0x00, 0x00, 0x02, /* Bearer Capabilities */
		0x12, 0x34,             /* Maximum Channels */
		0x0b, 0x0c,             /* Firmware Revision */
		'h', 'o', 's', 't', '.', 'e', 'x', 'a', 'm', 'p', 'l', 'e',
		[28 + 64] = 'V', 'e', 'n', 'd', 'o', 'r'},
		"Start-Control-Connection-Request version 1.0 framing async bearer digital "
		"channels 4660 firmware 2828 host \"host.example\" vendor \"Vendor\""},
	[2] = {156, {HEADER(156, 2),
		0x01, 0x00,             /* Protocol Version */
		0x04,                   /* Result Code */
		0x06,                   /* Error Code */
		0x00, 0x00, 0x00, 0x03, /* Framing Capabilities */
		0x00, 0x00, 0x00, 0x01, /* Bearer Capabilities */
		0xfe, 0xdc,             /* Maximum Channels */
		0x0a, 0x28,             /* Firmware Revision */
		'p', 'a', 'c',
		[28 + 64] = 'M', 'a', 'k', 'e', 'r'},
		"Start-Control-Connection-Reply version 1.0 result 4 (requester not authorized) "
		"error 6 (PAC error) framing any bearer analog channels 65244 firmware 2600 "
		"host \"pac\" vendor \"Maker\""},
	[3] = {16, {HEADER(16, 3),
		0x03,                   /* Reason */
		0x00,                   /* Reserved1 */
		0x00, 0x00},            /* Reserved2 */
		"Stop-Control-Connection-Request reason 3 (local shutdown)"},
	[4] = {16, {HEADER(16, 4),
		0x02,                   /* Result Code */
		0x05,                   /* Error Code */
		0x00, 0x00},            /* Reserved1 */
		"Stop-Control-Connection-Reply result 2 (general error) error 5 (bad call ID)"},
	[5] = {16, {HEADER(16, 5),
		0x01, 0x02, 0x03, 0x04}, /* Identifier */
		"Echo-Request identifier 16909060"},
	[6] = {20, {HEADER(20, 6),
		0xf1, 0xf2, 0xf3, 0xf4, /* Identifier */
		0x01,                   /* Result Code */
		0x00,                   /* Error Code */
		0x00, 0x00},            /* Reserved1 */
		"Echo-Reply identifier 4059231220 result 1 (ok)"},
	[7] = {168, {HEADER(168, 7),
		0x11, 0x12,             /* Call ID */
		0x21, 0x22,             /* Call Serial Number */
		0x00, 0x00, 0x01, 0x2c, /* Minimum BPS */
		0x05, 0xf5, 0xe1, 0x00, /* Maximum BPS */
		0x00, 0x00, 0x00, 0x03, /* Bearer Type */
		0x00, 0x00, 0x00, 0x02, /* Framing Type */
		0x00, 0x40,             /* Packet Recv. Window Size */
		0x00, 0x09,             /* Packet Processing Delay */
		0x00, 0x07,             /* Phone Number Length */
		0x00, 0x00,             /* Reserved1 */
		'5', '5', '5', '1', '2', '3', '4',
		[40 + 64] = 's', 'u', 'b'},
		"Outgoing-Call-Request call 4370 serial 8482 minimum-speed 300 "
		"maximum-speed 100000000 bearer any framing sync window 64 delay 9 phone-length 7 "
		"phone \"5551234\" subaddress \"sub\""},
	[8] = {32, {HEADER(32, 8),
		0x31, 0x32,             /* Call ID */
		0x11, 0x12,             /* Peer's Call ID */
		0x01,                   /* Result Code */
		0x04,                   /* Error Code */
		0x41, 0x42,             /* Cause Code */
		0x00, 0x01, 0xf4, 0x00, /* Connect Speed */
		0x00, 0x20,             /* Packet Recv. Window Size */
		0x00, 0x03,             /* Packet Processing Delay */
		0x51, 0x52, 0x53, 0x54}, /* Physical Channel ID */
		"Outgoing-Call-Reply call 12594 peer-call 4370 result 1 (connected) "
		"error 4 (no resource) cause 16706 speed 128000 window 32 delay 3 channel 1364349780"},
	[9] = {220, {HEADER(220, 9),
		0x61, 0x62,             /* Call ID */
		0x71, 0x72,             /* Call Serial Number */
		0x00, 0x00, 0x00, 0x01, /* Call Bearer Type */
		0x00, 0x00, 0x00, 0x08, /* Physical Channel ID */
		0x00, 0x03,             /* Dialed Number Length */
		0x00, 0x04,             /* Dialing Number Length */
		'1', '1', '2',
		[28 + 64] = '5', '5', '6', '6',
		[28 + 128] = 'x', '"', 'y'},
		"Incoming-Call-Request call 24930 serial 29042 bearer analog channel 8 "
		"dialed-length 3 dialing-length 4 dialed \"112\" dialing \"5566\" "
		"subaddress \"x\\\"y\""},
	[10] = {24, {HEADER(24, 10),
		0x81, 0x82,             /* Call ID */
		0x61, 0x62,             /* Peer's Call ID */
		0x03,                   /* Result Code */
		0x01,                   /* Error Code */
		0x00, 0x10,             /* Packet Recv. Window Size */
		0x00, 0x06,             /* Packet Transmit Delay */
		0x00, 0x00},            /* Reserved1 */
		"Incoming-Call-Reply call 33154 peer-call 24930 result 3 (do not accept) "
		"error 1 (not connected) window 16 delay 6"},
	[11] = {28, {HEADER(28, 11),
		0x81, 0x82,             /* Peer's Call ID */
		0x00, 0x00,             /* Reserved1 */
		0x00, 0x00, 0xfa, 0x00, /* Connect Speed */
		0x00, 0x11,             /* Packet Recv. Window Size */
		0x00, 0x0a,             /* Packet Transmit Delay */
		0x00, 0x00, 0x00, 0x01}, /* Framing Type */
		"Incoming-Call-Connected peer-call 33154 speed 64000 window 17 delay 10 framing async"},
	[12] = {16, {HEADER(16, 12),
		0x91, 0x92,             /* Call ID */
		0x00, 0x00},            /* Reserved1 */
		"Call-Clear-Request call 37266"},
	[13] = {148, {HEADER(148, 13),
		0xa1, 0xa2,             /* Call ID */
		0x02,                   /* Result Code */
		0x03,                   /* Error Code */
		0x00, 0x10,             /* Cause Code */
		0x00, 0x00,             /* Reserved1 */
		'r', 'x', '=', '1'},    /* Call Statistics */
		"Call-Disconnect-Notify call 41378 result 2 (general error) error 3 (bad value) "
		"cause 16 statistics \"rx=1\""},
	[14] = {40, {HEADER(40, 14),
		0xb1, 0xb2,             /* Peer's Call ID */
		0x00, 0x00,             /* Reserved1 */
		0x00, 0x00, 0x00, 0x01, /* CRC Errors */
		0x00, 0x00, 0x01, 0x00, /* Framing Errors */
		0x00, 0x01, 0x00, 0x00, /* Hardware Overruns */
		0x01, 0x00, 0x00, 0x00, /* Buffer Overruns */
		0x00, 0x00, 0x00, 0x05, /* Time-out Errors */
		0x00, 0x00, 0x00, 0x06}, /* Alignment Errors */
		"WAN-Error-Notify peer-call 45490 crc 1 framing 256 hardware-overruns 65536 "
		"buffer-overruns 16777216 time-outs 5 alignment 6"},
	[15] = {24, {HEADER(24, 15),
		0xc1, 0xc2,             /* Peer's Call ID */
		0x00, 0x00,             /* Reserved1 */
		0xff, 0x0a, 0x00, 0x00, /* Send ACCM */
		0x00, 0x0a, 0x00, 0xff}, /* Receive ACCM */
		"Set-Link-Info peer-call 49602 send-accm ff0a0000 receive-accm 000a00ff"},
};
/* clang-format on */

#endif
