/* See pair.h. */
#include "pair.h"

#include <stdio.h>
#include <string.h>

#include "print.h"

static struct flight *enqueue(struct pair *p, const struct end *from)
{
	assert_true(p->count < QUEUE_MAX);
	struct flight *f = &p->queue[(p->head + p->count++) % QUEUE_MAX];
	memset(f, 0, sizeof *f);
	f->to_second = from == &p->a;
	return f;
}

static void log_frame(
	struct pair *p, const struct end *from, const uint8_t *bytes, size_t length, bool lost)
{
	char line[4096];
	struct text t = text_over(line, sizeof line);
	text_add(&t, from->name);
	text_add(&t, lost ? " lost " : " ");
	ppp_print(&t, bytes, length);
	text_char(&t, '\n');
	if (p->log_used + t.used < sizeof p->log) {
		memcpy(p->log + p->log_used, line, t.used + 1);
		p->log_used += t.used;
	}
}

static void send_frame(struct pair *p, struct end *from, const uint8_t *bytes, size_t length)
{
	assert_in_range(length, 6, PPP_FRAME_MAX);
	bool lost = (int)p->sent++ == p->lose;
	log_frame(p, from, bytes, length, lost);
	if (lost || (from == &p->a ? p->stop_a : p->stop_b))
		return;
	struct flight *f = enqueue(p, from);
	f->wipes = from->wipes;
	f->length = (uint16_t)length;
	memcpy(f->bytes, bytes, length);
}

static void take_key(struct pair *p, struct end *end, struct keying *k, const struct unit_key *key,
	bool transmit)
{
	*k = (struct keying){.strength = key->strength, .stateless = key->stateless};
	if (!key->strength) {
		end->wipes += !transmit;
		return;
	}
	assert_true(key->keys.valid);
	const struct mppe_start_keys *keys = &key->keys;
	if (key->strength == MPPE_128)
		memcpy(k->key, transmit ? keys->send : keys->receive, 16);
	else
		memcpy(k->key, transmit ? keys->send_short : keys->receive_short, 8);
	/* From this moment on data may leave encrypted. */
	if (transmit) {
		struct flight *f = enqueue(p, end);
		f->data = true;
		f->sealed = *k;
		f->wipes = end->heard;
	}
}

static void take_note(struct end *end, const void *bytes, size_t length)
{
	assert_true(end->notes_used + length + 2 < sizeof end->notes);
	memcpy(end->notes + end->notes_used, bytes, length);
	end->notes_used += length;
	end->notes[end->notes_used++] = '\n';
	end->notes[end->notes_used] = '\0';
}

static void dispatch(struct pair *p, struct end *end, const struct outbox *out);

/* The app's part of a change: the new password is the one from now on. */
static void change(struct end *end, struct auth_answer *verdict)
{
	struct auth_password fresh;
	auth_check_change(&end->asked, end->peer_password, strlen(end->peer_password), false,
		&fresh, verdict);
	if (!verdict->accepted)
		return;
	assert_true(fresh.length < sizeof end->changed);
	memcpy(end->changed, fresh.word, fresh.length);
	end->changed[fresh.length] = '\0';
	end->peer_password = end->changed;
	end->expired = false;
	end->changes++;
}

static void answer(struct pair *p, struct end *end, bool accept)
{
	OUTBOX(out, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	struct auth_answer verdict;
	const char *password = end->peer_password ? end->peer_password : "";
	if (end->asked.changes)
		change(end, &verdict);
	else
		auth_check(&end->asked, password, strlen(password), false, &verdict);
	if (end->expired && verdict.accepted)
		verdict = (struct auth_answer){.error = AUTH_ERROR_EXPIRED, .may_change = true};
	if (!accept || !end->peer_password || end->denial) {
		memset(&verdict, 0, sizeof verdict);
		verdict.error = end->denial ? end->denial : AUTH_ERROR_WRONG;
	}
	link_answer(&end->link, end->question, &verdict, p->now, &out);
	dispatch(p, end, &out);
}

static void answer_tls(struct pair *p, struct end *end, bool ours)
{
	OUTBOX(out, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	const struct tls_reply *reply = fake_tls_answer(&end->tls[ours]);
	link_tls(&end->link, end->tls_token[ours], reply, p->now, &out);
	dispatch(p, end, &out);
}

static void take_tls(
	struct pair *p, struct end *end, const struct out_item *item, const void *bytes)
{
	bool ours = item->arg & TLS_OURS;
	if (item->arg == TLS_END)
		for (int i = 0; i < 2; i++) /* who looks at them now shall see it */
			memset(&end->tls[i].reply, 0xee, sizeof end->tls[i].reply);
	if (!fake_tls_take(&end->tls[ours], item->arg, bytes, item->length))
		return;
	end->tls_token[ours] = item->token;
	if (!end->hold_tls)
		answer_tls(p, end, ours);
}

static void give_addresses(struct pair *p, struct end *end)
{
	OUTBOX(out, UNIT_OUT_ITEMS, UNIT_OUT_BYTES);
	unit_addresses(&end->unit, end->address_token, &end->addresses, p->now, &out);
	dispatch(p, end, &out);
}

static void unit_goes(struct pair *p, struct end *end, bool up)
{
	OUTBOX(out, UNIT_OUT_ITEMS, UNIT_OUT_BYTES);
	if (up)
		unit_up(&end->unit, &end->identity.keys, p->now, &out);
	else
		unit_down(&end->unit, p->now, &out);
	dispatch(p, end, &out);
}

static void take_link(
	struct pair *p, struct end *end, const struct out_item *item, const void *bytes)
{
	OUTBOX(out, UNIT_OUT_ITEMS, UNIT_OUT_BYTES);
	switch ((enum link_out)item->kind) {
	case LINK_FRAME:
		send_frame(p, end, bytes, item->length);
		break;
	case LINK_EPOCH:
		assert_int_equal(item->token, end->epoch + 1);
		end->epoch = item->token;
		end->network = false;
		unit_goes(p, end, false);
		end->transmit = end->receive = (struct keying){0};
		end->wipes++;
		break;
	case LINK_FRAMING:
		memcpy(&end->framing, bytes, sizeof end->framing);
		break;
	case LINK_CREDENTIALS:
		end->credentials++;
		end->question = item->token;
		memcpy(&end->asked, bytes, sizeof end->asked);
		if (!end->hold_answers)
			answer(p, end, true);
		break;
	case LINK_TLS:
		take_tls(p, end, item, bytes);
		break;
	case LINK_RENEWED:
		end->renewals++;
		break;
	case LINK_ANSWERED:
		end->answered++;
		break;
	case LINK_NETWORK:
		memcpy(&end->identity, bytes, sizeof end->identity);
		assert_false(end->network);
		end->network = true;
		unit_goes(p, end, true);
		break;
	case LINK_REJECTED:
		unit_rejected(&end->unit, item->arg, p->now, &out);
		dispatch(p, end, &out);
		break;
	case LINK_CLOSED:
		end->closed = true;
		end->closes++;
		end->network = false;
		end->reason = (enum close_reason)item->arg;
		unit_goes(p, end, false);
		break;
	case LINK_DROP:
		end->drops[item->arg]++;
		break;
	case LINK_NOTE:
		take_note(end, bytes, item->length);
		break;
	}
}

static void take_codec(struct end *end, const void *bytes)
{
	struct unit_codec codec;
	memcpy(&codec, bytes, sizeof codec);
	*(codec.transmit ? &end->compress : &end->decompress) = codec.params;
}

static void take_unit(
	struct pair *p, struct end *end, const struct out_item *item, const void *bytes)
{
	OUTBOX(out, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	switch ((enum unit_out)item->kind) {
	case UNIT_FRAME:
		assert_true(end->network);
		send_frame(p, end, bytes, item->length);
		break;
	case UNIT_RECEIVE_KEY:
		take_key(p, end, &end->receive, bytes, false);
		break;
	case UNIT_COMPRESS:
		take_codec(end, bytes);
		break;
	case UNIT_TRANSMIT_KEY:
		take_key(p, end, &end->transmit, bytes, true);
		break;
	case UNIT_CIPHER: {
		struct ecp_cipher cipher;
		memcpy(&cipher, bytes, sizeof cipher);
		end->ciphers[cipher.transmit] = cipher;
		break;
	}
	case UNIT_ADDRESS:
		end->address_questions++;
		end->address_token = item->token;
		if (!end->hold_addresses)
			give_addresses(p, end);
		break;
	case UNIT_NETWORK:
		end->networks++;
		memcpy(&end->net, bytes, sizeof end->net);
		break;
	case UNIT_FAILED:
		assert_false(end->failed);
		end->failed = true;
		end->unit_reason = (enum close_reason)item->arg;
		link_close(&end->link, end->unit_reason, p->now, &out);
		dispatch(p, end, &out);
		break;
	case UNIT_DROP:
		end->drops[item->arg]++;
		break;
	case UNIT_NOTE:
		take_note(end, bytes, item->length);
		break;
	}
}

static void dispatch(struct pair *p, struct end *end, const struct outbox *out)
{
	for (uint32_t i = 0; i < out->item_count; i++) {
		const struct out_item *item = &out->items[i];
		if (item->kind < UNIT_FRAME)
			take_link(p, end, item, outbox_bytes(out, item));
		else
			take_unit(p, end, item, outbox_bytes(out, item));
	}
}

void pair_inject(struct pair *p, struct end *to, const uint8_t *frame, size_t length)
{
	OUTBOX(out, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	OUTBOX(unit_out, UNIT_OUT_ITEMS, UNIT_OUT_BYTES);
	OUTBOX(reject_out, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	if (link_input(&to->link, frame, length, p->now, &out)) {
		dispatch(p, to, &out);
		return;
	}
	dispatch(p, to, &out);
	if (!unit_input(&to->unit, frame, length, p->now, &unit_out)) {
		link_reject(&to->link, frame, length, p->now, &reject_out);
		dispatch(p, to, &reject_out);
	}
	dispatch(p, to, &unit_out);
}

void pair_step(struct pair *p)
{
	static struct flight f;
	f = p->queue[p->head];
	p->head = (p->head + 1) % QUEUE_MAX;
	p->count--;
	struct end *to = f.to_second ? &p->b : &p->a;
	if (f.to_second ? p->stop_b : p->stop_a)
		return;
	if (!f.data) {
		to->heard = f.wipes;
		pair_inject(p, to, f.bytes, f.length);
		if (p->twice && f.bytes[0] == CHAP >> 8)
			pair_inject(p, to, f.bytes, f.length);
		return;
	}
	/* A receiver wiped since, of which the sender could not know, drops it rightly. */
	if (f.wipes == to->wipes && memcmp(&f.sealed, &to->receive, sizeof f.sealed) != 0)
		to->key_faults++;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t end_deadline(const struct end *end)
{
	return earlier(link_deadline(&end->link), unit_deadline(&end->unit));
}

static void end_tick(struct pair *p, struct end *end)
{
	OUTBOX(out, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	OUTBOX(unit_out, UNIT_OUT_ITEMS, UNIT_OUT_BYTES);
	link_tick(&end->link, p->now, &out);
	assert_true(link_deadline(&end->link) > p->now);
	dispatch(p, end, &out);
	unit_tick(&end->unit, p->now, &unit_out);
	assert_true(unit_deadline(&end->unit) > p->now);
	dispatch(p, end, &unit_out);
}

void pair_run(struct pair *p, uint64_t until)
{
	for (unsigned steps = 0; steps < 20000; steps++) {
		if (p->count) {
			pair_step(p);
			continue;
		}
		uint64_t next = earlier(end_deadline(&p->a), end_deadline(&p->b));
		if (next > until) {
			p->now = until;
			return;
		}
		assert_true(next >= p->now);
		p->now = next;
		if (end_deadline(&p->a) <= next)
			end_tick(p, &p->a);
		if (end_deadline(&p->b) <= next)
			end_tick(p, &p->b);
	}
	pair_tell(p);
	fail_msg("the pair goes round for ever");
}

void pair_answer(struct pair *p, struct end *end, bool accept)
{
	answer(p, end, accept);
}

void pair_answer_tls(struct pair *p, struct end *end, bool ours)
{
	answer_tls(p, end, ours);
}

void pair_renegotiate(struct pair *p, struct end *end)
{
	OUTBOX(out, UNIT_OUT_ITEMS, UNIT_OUT_BYTES);
	unit_renegotiate(&end->unit, p->now, &out);
	dispatch(p, end, &out);
}

bool pair_probe(struct pair *p, struct end *end)
{
	OUTBOX(out, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	bool sent = link_probe(&end->link, p->now, &out);
	dispatch(p, end, &out);
	return sent;
}

void pair_close(struct pair *p, struct end *end, enum close_reason reason)
{
	OUTBOX(out, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	link_close(&end->link, reason, p->now, &out);
	dispatch(p, end, &out);
}

static void end_defaults(struct end *end, const char *name, const char *user)
{
	end->name = name;
	end->link_config = (struct link_config){
		.mru = 1400,
		.name = user,
		.name_length = strlen(user),
		.password = "secret",
		.password_length = 6,
	};
	for (int i = 0; i < 2; i++) {
		end->tls[i].number = (uint32_t)(end->name[0] << 8 | (i + 1));
		end->tls[i].size = 3000;
	}
	end->unit_config = (struct unit_config){
		.mppe_allow = MPPE_ALLOW_128,
		.mppe_require = true,
	};
}

void pair_init(struct pair *p)
{
	memset(p, 0, sizeof *p);
	p->lose = -1;
	p->now = SECONDS(1000);
	end_defaults(&p->a, "client", "user");
	end_defaults(&p->b, "server", "greyline");
	p->a.link_config.allow_auth = AUTH_MSCHAPV2;
	p->b.link_config.demand_auth = AUTH_MSCHAPV2;
	p->b.peer_password = "secret";
	p->b.unit_config.ask_address = true;
	p->b.addresses = (struct unit_addresses){
		.granted = true, .local4 = 0x0a000001, .remote4 = 0x0a000002};
}

static void end_start(struct pair *p, struct end *end, uint8_t seed)
{
	OUTBOX(out, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	uint8_t seeds[32] = {seed};
	random_seed(&end->random, seeds);
	link_config_defaults(&end->link_config);
	link_init(&end->link, &end->link_config, &end->random);
	unit_config_defaults(&end->unit_config);
	unit_init(&end->unit, &end->unit_config, end->unit_config.ecp_key.length ? &end->ecp : NULL,
		&end->random);
	link_up(&end->link, p->now, &out);
	dispatch(p, end, &out);
}

void pair_start(struct pair *p)
{
	end_start(p, &p->a, 1);
	end_start(p, &p->b, 2);
}

static bool same_key(const struct keying *a, const struct keying *b)
{
	return a->strength == b->strength && a->stateless == b->stateless &&
	       memcmp(a->key, b->key, sizeof a->key) == 0;
}

bool pair_up(const struct pair *p)
{
	const struct end *a = &p->a, *b = &p->b;
	return a->network && b->network && a->net.ipv4 && b->net.ipv4 &&
	       a->net.local4 == b->net.remote4 && a->net.remote4 == b->net.local4 &&
	       a->net.local4 != 0 && same_key(&a->transmit, &b->receive) &&
	       same_key(&b->transmit, &a->receive) && a->framing.peer_mru == b->framing.our_mru &&
	       b->framing.peer_mru == a->framing.our_mru && a->key_faults == 0 &&
	       b->key_faults == 0;
}

void pair_tell(const struct pair *p)
{
	fprintf(stderr, "%s%s:\n%s%s:\n%s", p->log, p->a.name, p->a.notes, p->b.name, p->b.notes);
}

bool end_noted(const struct end *end, const char *words)
{
	return strstr(end->notes, words) != NULL;
}

bool pair_logged(const struct pair *p, const char *words)
{
	return strstr(p->log, words) != NULL;
}
