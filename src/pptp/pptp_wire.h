/* The 15 control messages of RFC 2637 §2, as they stand on the wire and as host-order structs.
 *
 * One table says what each message is made of, in the order of the wire; parsing, building and
 * printing walk it, so that they cannot disagree. A message's length is a fact of its type.
 * Reserved fields are written as zero and ignored when read. Names and numbers keep their 64
 * bytes as they came: they are not strings, and end at the first NUL or not at all.
 */
#ifndef GREYLINE_PPTP_WIRE_H
#define GREYLINE_PPTP_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"

#define PPTP_COOKIE 0x1A2B3C4Du

enum {
	PPTP_PORT = 1723,
	PPTP_VERSION = 0x0100, /* 1.0 */
	PPTP_CONTROL = 1,      /* PPTP Message Type; 2, management, was never defined */
	PPTP_HEADER = 12,      /* bytes up to and with Reserved0 */
	PPTP_MESSAGE_MAX = 220,
	PPTP_NAME_SIZE = 64,
	PPTP_STATISTICS_SIZE = 128,
};

enum pptp_type {
	PPTP_START_REQUEST = 1, /* Start-Control-Connection-Request, SCCRQ */
	PPTP_START_REPLY = 2,   /* SCCRP */
	PPTP_STOP_REQUEST = 3,  /* Stop-Control-Connection-Request */
	PPTP_STOP_REPLY = 4,
	PPTP_ECHO_REQUEST = 5,
	PPTP_ECHO_REPLY = 6,
	PPTP_OUTGOING_REQUEST = 7,    /* Outgoing-Call-Request, OCRQ; PNS to PAC */
	PPTP_OUTGOING_REPLY = 8,      /* OCRP; PAC to PNS */
	PPTP_INCOMING_REQUEST = 9,    /* Incoming-Call-Request, ICRQ; PAC to PNS */
	PPTP_INCOMING_REPLY = 10,     /* ICRP; PNS to PAC */
	PPTP_INCOMING_CONNECTED = 11, /* ICCN; PAC to PNS */
	PPTP_CALL_CLEAR = 12,         /* Call-Clear-Request; PNS to PAC */
	PPTP_CALL_DISCONNECT = 13,    /* Call-Disconnect-Notify; PAC to PNS */
	PPTP_WAN_ERROR = 14,          /* WAN-Error-Notify; PAC to PNS */
	PPTP_LINK_INFO = 15,          /* Set-Link-Info; PNS to PAC */
	PPTP_TYPES = 16,
};

/* Result 1 is success in every reply, 2 says that the error code tells more. */
enum {
	PPTP_RESULT_OK = 1,
	PPTP_RESULT_GENERAL = 2,
	PPTP_START_EXISTS = 3,
	PPTP_START_NOT_AUTHORIZED = 4,
	PPTP_START_VERSION = 5,
	PPTP_STOP_NONE = 1, /* reasons of a Stop-Control-Connection-Request */
	PPTP_STOP_PROTOCOL = 2,
	PPTP_STOP_SHUTDOWN = 3,
	PPTP_CALL_NO_CARRIER = 3, /* of an Outgoing-Call-Reply */
	PPTP_CALL_BUSY = 4,
	PPTP_CALL_NO_DIAL_TONE = 5,
	PPTP_CALL_TIMEOUT = 6,
	PPTP_CALL_NOT_ACCEPTED = 7,
	PPTP_INCOMING_NOT_ACCEPTED = 3, /* of an Incoming-Call-Reply */
	PPTP_LOST_CARRIER = 1,          /* of a Call-Disconnect-Notify */
	PPTP_DISCONNECT_GENERAL = 2,
	PPTP_ADMIN_SHUTDOWN = 3,
	PPTP_CLEAR_REQUESTED = 4,
};

/* General error codes, §2.16. */
enum {
	PPTP_ERROR_NONE,
	PPTP_ERROR_NOT_CONNECTED,
	PPTP_ERROR_BAD_FORMAT,
	PPTP_ERROR_BAD_VALUE,
	PPTP_ERROR_NO_RESOURCE,
	PPTP_ERROR_BAD_CALL_ID,
	PPTP_ERROR_PAC,
};

/* Bits in capabilities, values in a call: 3 is both or either. */
enum { PPTP_FRAMING_ASYNC = 1, PPTP_FRAMING_SYNC = 2, PPTP_FRAMING_ANY = 3 };
enum { PPTP_BEARER_ANALOG = 1, PPTP_BEARER_DIGITAL = 2, PPTP_BEARER_ANY = 3 };

/* Speeds are bit/s, windows packets, delays tenths of a second. */
struct pptp_message {
	enum pptp_type type;
	union {
		struct pptp_start {
			uint16_t version;
			uint8_t result, error; /* the reply's; reserved in the request */
			uint32_t framing, bearer;
			uint16_t maximum_channels, firmware;
			char host_name[PPTP_NAME_SIZE], vendor_name[PPTP_NAME_SIZE];
		} start;
		struct pptp_stop {
			uint8_t reason;        /* the request's */
			uint8_t result, error; /* the reply's */
		} stop;
		struct pptp_echo {
			uint32_t identifier;
			uint8_t result, error; /* the reply's */
		} echo;
		struct pptp_outgoing_request {
			uint16_t call_id, serial;
			uint32_t minimum_speed, maximum_speed;
			uint32_t bearer, framing;
			uint16_t window, delay;
			uint16_t phone_number_length;
			char phone_number[PPTP_NAME_SIZE], subaddress[PPTP_NAME_SIZE];
		} outgoing_request;
		struct pptp_outgoing_reply {
			uint16_t call_id, peer_call_id;
			uint8_t result, error;
			uint16_t cause;
			uint32_t speed;
			uint16_t window, delay;
			uint32_t channel;
		} outgoing_reply;
		struct pptp_incoming_request {
			uint16_t call_id, serial;
			uint32_t bearer, channel;
			uint16_t dialed_length, dialing_length;
			char dialed_number[PPTP_NAME_SIZE], dialing_number[PPTP_NAME_SIZE];
			char subaddress[PPTP_NAME_SIZE];
		} incoming_request;
		struct pptp_incoming_reply {
			uint16_t call_id, peer_call_id;
			uint8_t result, error;
			uint16_t window, delay;
		} incoming_reply;
		struct pptp_incoming_connected {
			uint16_t peer_call_id;
			uint32_t speed;
			uint16_t window, delay;
			uint32_t framing;
		} incoming_connected;
		struct pptp_call_clear {
			uint16_t call_id; /* the sender's */
		} call_clear;
		struct pptp_call_disconnect {
			uint16_t call_id; /* the sender's */
			uint8_t result, error;
			uint16_t cause;
			char statistics[PPTP_STATISTICS_SIZE];
		} call_disconnect;
		struct pptp_wan_error {
			uint16_t peer_call_id; /* the receiver's */
			uint32_t crc, framing, hardware_overruns, buffer_overruns;
			uint32_t timeouts, alignment;
		} wan_error;
		struct pptp_link_info {
			uint16_t peer_call_id; /* the receiver's */
			uint32_t send_accm, receive_accm;
		} link_info;
	};
};

/* How a field is shown to people. */
enum pptp_shown {
	PPTP_SHOWN_NOT,    /* reserved */
	PPTP_SHOWN_NUMBER, /* decimal */
	PPTP_SHOWN_RARE,   /* decimal, when it is not 0 */
	PPTP_SHOWN_HEX,
	PPTP_SHOWN_VERSION,
	PPTP_SHOWN_RESULT, /* the number and its word, which depends on the type */
	PPTP_SHOWN_ERROR,  /* the same, when it is not 0 */
	PPTP_SHOWN_FRAMING,
	PPTP_SHOWN_BEARER,
	PPTP_SHOWN_TEXT,      /* quoted */
	PPTP_SHOWN_RARE_TEXT, /* quoted, when it is not empty */
};

struct pptp_field {
	const char *label;
	uint16_t offset; /* in struct pptp_message; reserved fields have none */
	uint8_t width;   /* bytes, on the wire and in the struct */
	uint8_t shown;   /* enum pptp_shown */
};

struct pptp_layout {
	const char *name;
	const struct pptp_field *fields; /* behind the header */
	uint16_t length;                 /* bytes of the whole message */
	uint8_t field_count;
};

/* By type; entry 0 is empty. */
extern const struct pptp_layout pptp_layouts[PPTP_TYPES];

enum pptp_parsed {
	PPTP_PARSED,
	PPTP_BAD_LENGTH, /* below the header, not what the header says, or not the type's own */
	PPTP_BAD_COOKIE,
	PPTP_UNKNOWN_TYPE, /* or a management message */
};

/* One whole message. `message` is written in every case, and is meaningful for PPTP_PARSED. */
enum pptp_parsed pptp_parse(const uint8_t *bytes, size_t length, struct pptp_message *message);

/* Appends the message; the writer fails when there is no room for its length. */
void pptp_build(const struct pptp_message *message, struct writer *w);

/* The bytes of a 64 or 128 byte field up to its first NUL. */
size_t pptp_string_length(const char *field, size_t size);

/* Words, or NULL: "connected" for result 1 of an Outgoing-Call-Reply. For a
 * Stop-Control-Connection-Request the result is its reason. */
const char *pptp_type_name(uint16_t type);
const char *pptp_result_word(uint16_t type, uint8_t result);
const char *pptp_error_word(uint8_t error);
const char *pptp_framing_word(uint32_t framing);
const char *pptp_bearer_word(uint32_t bearer);

/* Cuts a TCP stream into messages. Zeroed memory is a fresh framer. */
struct pptp_framer {
	uint16_t filled;
	bool whole;
	uint8_t bytes[PPTP_MESSAGE_MAX];
};

enum pptp_framed {
	PPTP_FRAMED_PART,   /* everything is consumed, the message goes on */
	PPTP_FRAMED_WHOLE,  /* bytes[0 .. filled) is one message, until the next call */
	PPTP_FRAMED_LENGTH, /* the stream is lost: a length that no message of this type has */
	PPTP_FRAMED_COOKIE, /* the stream is lost: not the magic cookie */
};

/* Takes from `in` what completes one message and leaves the rest. The header is judged as soon as
 * it is there. Messages of an unknown type pass if they fit PPTP_MESSAGE_MAX. After a lost stream
 * the connection has to be closed: further calls give the same answer and consume nothing. */
enum pptp_framed pptp_frame(struct pptp_framer *framer, struct reader *in);

#endif
