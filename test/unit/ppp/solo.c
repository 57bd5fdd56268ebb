/* See solo.h. */
#include "solo.h"

#include <string.h>

static void say_line(struct text *t, const char *word, const char *rest)
{
	text_add(t, word);
	text_add(t, rest);
	text_char(t, '\n');
}

static void say_frame(struct solo *s, struct text *t, const uint8_t *bytes, size_t length)
{
	memcpy(s->frame, bytes, length);
	s->frame_length = length;
	text_add(t, "< ");
	ppp_print(t, bytes, length);
	text_char(t, '\n');
}

static void say_note(struct text *t, const void *bytes, size_t length)
{
	text_add(t, "note ");
	const char *c = bytes;
	for (size_t i = 0; i < length; i++)
		text_char(t, c[i]);
	text_char(t, '\n');
}

static void say_tls(struct solo *s, struct text *t, const struct out_item *item, const void *bytes)
{
	static const char *const steps[] = {"identity", "begin", "part", "whole", "end"};
	text_add(t, item->arg & TLS_OURS ? "our tls " : "tls ");
	text_add(t, steps[item->arg & (TLS_OURS - 1)]);
	if (item->length) {
		text_char(t, ' ');
		text_unsigned(t, item->length);
		memcpy(s->tls, bytes, item->length);
	}
	s->tls_length = item->length;
	if (item->token)
		s->token = item->token;
	text_char(t, '\n');
}

static void say_link(struct solo *s, struct text *t, const struct out_item *item, const void *bytes)
{
	switch ((enum link_out)item->kind) {
	case LINK_FRAME:
		say_frame(s, t, bytes, item->length);
		break;
	case LINK_EPOCH:
		say_line(t, "epoch", "");
		break;
	case LINK_FRAMING:
		say_line(t, "framing", "");
		break;
	case LINK_CREDENTIALS:
		s->token = item->token;
		memcpy(&s->asked, bytes, sizeof s->asked);
		say_line(t, "credentials ", auth_method_word(s->asked.method));
		break;
	case LINK_TLS:
		say_tls(s, t, item, bytes);
		break;
	case LINK_RENEWED:
	case LINK_ANSWERED:
		say_line(t, "renewed", "");
		break;
	case LINK_NETWORK:
		say_line(t, "network", "");
		break;
	case LINK_REJECTED:
		say_line(t, "rejected", "");
		break;
	case LINK_CLOSED:
		say_line(t, "closed ", close_word((enum close_reason)item->arg));
		break;
	case LINK_DROP:
		say_line(t, "drop ", drop_word((enum drop)item->arg));
		break;
	case LINK_NOTE:
		say_note(t, bytes, item->length);
		break;
	}
}

static void say_key(struct text *t, const char *which, const void *bytes)
{
	struct unit_key key;
	memcpy(&key, bytes, sizeof key);
	assert_int_equal(key.keys.valid, key.strength != MPPE_NONE);
	text_add(t, which);
	text_unsigned(t, key.strength);
	if (key.strength)
		text_add(t, key.stateless ? " stateless" : " stateful");
	text_char(t, '\n');
}

static void say_codec(struct text *t, const void *bytes)
{
	struct unit_codec codec;
	memcpy(&codec, bytes, sizeof codec);
	text_add(t, codec.transmit ? "compress " : "decompress ");
	text_add(t, codec.again ? "again " : "");
	ccp_add_codec(t, &codec.params);
	text_add(t, codec.params.stateless ? " stateless" : "");
	text_add(t, codec.params.encrypted ? " in MPPE\n" : "\n");
}

static void say_ipv6(struct text *t, const struct unit_network *n)
{
	const struct address local = ipv6cp_link_local(n->local6);
	const struct address remote = ipv6cp_link_local(n->remote6);
	text_char(t, ' ');
	text_address(t, &local);
	text_add(t, " to ");
	text_address(t, &remote);
	if (n->prefix6.length) {
		text_add(t, " with ");
		text_address(t, &n->prefix6.address);
		text_char(t, '/');
		text_unsigned(t, n->prefix6.length);
	}
}

static void say_network(struct text *t, const void *bytes)
{
	struct unit_network n;
	memcpy(&n, bytes, sizeof n);
	if (!n.ipv4 && !n.ipv6) {
		say_line(t, "network down", "");
		return;
	}
	text_add(t, "network");
	if (n.ipv4) {
		text_char(t, ' ');
		text_ipv4(t, n.local4);
		text_add(t, " to ");
		text_ipv4(t, n.remote4);
	}
	if (n.ipv6)
		say_ipv6(t, &n);
	for (int i = 0; i < 2; i++)
		if (n.dns[i] || n.wins[i]) {
			text_add(t, " dns ");
			text_ipv4(t, n.dns[i]);
			text_add(t, " wins ");
			text_ipv4(t, n.wins[i]);
		}
	text_add(t, " mppe ");
	text_unsigned(t, n.strength);
	text_char(t, '\n');
}

static void say_cipher(struct text *t, const void *bytes)
{
	struct ecp_cipher cipher;
	memcpy(&cipher, bytes, sizeof cipher);
	say_line(t, cipher.transmit ? "transmit cipher " : "receive cipher ",
		cipher.key.length ? ecp_method(&cipher.key) : "none");
}

static void say_unit(struct solo *s, struct text *t, const struct out_item *item, const void *bytes)
{
	switch ((enum unit_out)item->kind) {
	case UNIT_FRAME:
		say_frame(s, t, bytes, item->length);
		break;
	case UNIT_RECEIVE_KEY:
		say_key(t, "receive key ", bytes);
		break;
	case UNIT_COMPRESS:
		say_codec(t, bytes);
		break;
	case UNIT_TRANSMIT_KEY:
		say_key(t, "transmit key ", bytes);
		break;
	case UNIT_CIPHER:
		say_cipher(t, bytes);
		break;
	case UNIT_ADDRESS:
		s->token = item->token;
		say_line(t, "address?", "");
		break;
	case UNIT_NETWORK:
		say_network(t, bytes);
		break;
	case UNIT_FAILED:
		say_line(t, "failed ", close_word((enum close_reason)item->arg));
		break;
	case UNIT_DROP:
		say_line(t, "drop ", drop_word((enum drop)item->arg));
		break;
	case UNIT_NOTE:
		say_note(t, bytes, item->length);
		break;
	}
}

static void hear(struct solo *s, const struct outbox *out)
{
	struct text t = text_over(s->said, sizeof s->said);
	for (uint32_t i = 0; i < out->item_count; i++) {
		const struct out_item *item = &out->items[i];
		if (item->kind < UNIT_FRAME)
			say_link(s, &t, item, outbox_bytes(out, item));
		else
			say_unit(s, &t, item, outbox_bytes(out, item));
	}
	assert_false(t.cut);
}

static void begin(struct solo *s)
{
	static const uint8_t seed[32] = {42};
	memset(s, 0, sizeof *s);
	random_seed(&s->random, seed);
	s->now = SECONDS(1);
}

void solo_link(struct solo *s, const struct link_config *config)
{
	OUTBOX(out, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	begin(s);
	s->link_config = *config;
	link_config_defaults(&s->link_config);
	link_init(&s->link, &s->link_config, &s->random);
	if (config->mrru)
		link_multilink(&s->link, &s->multilink);
	link_up(&s->link, s->now, &out);
	hear(s, &out);
}

void solo_unit(struct solo *s, const struct unit_config *config, bool keys)
{
	OUTBOX(out, UNIT_OUT_ITEMS, UNIT_OUT_BYTES);
	begin(s);
	struct mppe_start_keys start = {.valid = keys};
	s->unit_config = *config;
	unit_config_defaults(&s->unit_config);
	unit_init(&s->unit, &s->unit_config, config->ecp_key.length ? &s->ecp : NULL, &s->random);
	unit_up(&s->unit, &start, s->now, &out);
	hear(s, &out);
}

void solo_hears(struct solo *s, const char *hex)
{
	OUTBOX(out, UNIT_OUT_ITEMS, UNIT_OUT_BYTES);
	uint8_t bytes[PPP_FRAME_MAX];
	size_t length = hex_bytes(bytes, sizeof bytes, hex);
	if (s->unit.up) {
		if (!unit_input(&s->unit, bytes, length, s->now, &out))
			outbox_add(&out, LINK_REJECTED, NULL, 0);
	} else {
		link_input(&s->link, bytes, length, s->now, &out);
	}
	hear(s, &out);
}

void solo_answer(struct solo *s, const struct auth_answer *answer)
{
	OUTBOX(out, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	link_answer(&s->link, s->token, answer, s->now, &out);
	hear(s, &out);
}

void solo_tls(struct solo *s, const struct tls_reply *reply)
{
	OUTBOX(out, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	link_tls(&s->link, s->token, reply, s->now, &out);
	hear(s, &out);
}

void solo_addresses(struct solo *s, bool granted, uint32_t local4, uint32_t remote4)
{
	OUTBOX(out, UNIT_OUT_ITEMS, UNIT_OUT_BYTES);
	struct unit_addresses addresses = {
		.granted = granted, .local4 = local4, .remote4 = remote4};
	unit_addresses(&s->unit, s->token, &addresses, s->now, &out);
	hear(s, &out);
}

void solo_tick(struct solo *s)
{
	OUTBOX(out, UNIT_OUT_ITEMS, UNIT_OUT_BYTES);
	if (s->unit.up) {
		s->now = unit_deadline(&s->unit);
		assert_true(s->now != NEVER);
		unit_tick(&s->unit, s->now, &out);
		assert_true(unit_deadline(&s->unit) > s->now);
	} else {
		s->now = link_deadline(&s->link);
		assert_true(s->now != NEVER);
		link_tick(&s->link, s->now, &out);
		assert_true(link_deadline(&s->link) > s->now);
	}
	hear(s, &out);
}

void assert_said(const struct solo *s, const char *expected)
{
	assert_string_equal(s->said, expected);
}

void assert_frame(const struct solo *s, const char *hex)
{
	assert_hex(s->frame, s->frame_length, hex);
}
