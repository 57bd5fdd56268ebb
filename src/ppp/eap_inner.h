/* What the files of EAP share; of theirs only. */
#ifndef GREYLINE_EAP_INNER_H
#define GREYLINE_EAP_INNER_H

#include "eap.h"
#include "fsm.h"
#include "link.h"

enum eap_code { EAP_REQUEST = 1, EAP_RESPONSE = 2, EAP_SUCCESS = 3, EAP_FAILURE = 4 };

/* RFC 3748 §5; MS-CHAPv2's is Microsoft's. */
enum eap_type {
	EAP_TYPE_IDENTITY = 1,
	EAP_TYPE_NOTIFICATION = 2,
	EAP_TYPE_NAK = 3,
	EAP_TYPE_MD5 = 4,
	EAP_TYPE_TLS = 13,
	EAP_TYPE_MSCHAPV2 = 26,
	EAP_TYPE_EXPANDED = 254,
};

/* EAP-TLS's flags (RFC 5216 §3.1). */
enum { EAP_TLS_LENGTH = 0x80, EAP_TLS_MORE = 0x40, EAP_TLS_START = 0x20 };

/* Behind the type 254 stand a vendor (3 bytes; 0: the IETF) and a type of his (4 bytes, RFC 3748
 * §5.7). The whole of it has so many: */
enum { EAP_EXPANDED_SIZE = 8 };

/* EAP-MS-CHAPv2's OpCode: CHAP's codes. */
enum eap_opcode {
	MS_CHALLENGE = 1,
	MS_RESPONSE = 2,
	MS_SUCCESS = 3,
	MS_FAILURE = 4,
	MS_CHANGE_PASSWORD = 7,
};

/* The type of a method; 0 for what is not of EAP. */
uint8_t eap_type_of(enum auth_method method);
/* The method of a type; AUTH_NONE when we do not know it. */
enum auth_method eap_method_of(uint8_t type);

/* EAP-MS-CHAPv2's header: OpCode, MS-CHAPv2-ID and a length. eap_ms_close writes that length and
 * closes the packet. */
struct writer eap_ms_open(
	const struct turn *turn, enum eap_code code, uint8_t id, uint8_t opcode, uint8_t ms_id);
void eap_ms_close(const struct turn *turn, struct writer *w);
/* Reads it; what is left in `r` is the value or the message. Failed in `r` when there is none. */
void eap_ms_read(struct reader *r, uint8_t *opcode, uint8_t *ms_id);

/* The authenticator. `p` is a Response. */
void eap_next_request(struct link *link, enum eap_step step, const struct turn *turn);
void eap_pass(struct link *link, const struct turn *turn);
void eap_deny(struct link *link, enum close_reason reason, const struct turn *turn);
void eap_ask_identity(struct link *link, const struct turn *turn);
void eap_input_response(struct link *link, const struct packet_view *p, const struct turn *turn);
uint64_t eap_request_deadline(const struct eap *eap);
void eap_request_tick(struct link *link, const struct turn *turn);

/* The peer. `eap_step`: a step of a method is taken. */
void eap_step(struct link *link, enum eap_answered answered, uint8_t id);
void eap_fail(struct link *link, enum close_reason reason, const struct turn *turn);
void eap_input_request(struct link *link, const struct packet_view *p, const struct turn *turn);
void eap_input_success(struct link *link, const struct packet_view *p, const struct turn *turn);
void eap_input_failure(struct link *link, const struct packet_view *p, const struct turn *turn);
uint64_t eap_success_deadline(const struct eap *eap);
void eap_success_tick(struct link *link, const struct turn *turn);

/* EAP-TLS. A reader stands behind the type, at the flags. */
void eap_tls_identity(struct link *link, struct reader name, const struct turn *turn);
void eap_tls_begin(struct link *link, const struct turn *turn);
void eap_tls_send_request(struct link *link, const struct turn *turn);
void eap_tls_response(struct link *link, struct reader r, const struct turn *turn);
void eap_tls_request(struct link *link, uint8_t id, struct reader r, const struct turn *turn);
/* A Success that TLS does not confirm is nobody's. */
void eap_tls_success_early(const struct turn *turn);
/* The peer has not answered for too long. */
void eap_tls_give_up(struct link *link, const struct turn *turn);

#endif
