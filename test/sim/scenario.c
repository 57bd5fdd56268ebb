/* From a seed to a scenario (see scenario.h). Most scenarios are compatible by construction; the
 * others break it in one named way, and `impossible` marks those that must then never open. */
#include "scenario.h"

#include <assert.h>
#include <string.h>

#include "auth.h"
#include "bytes.h"
#include "unit.h"

enum { CHAP_METHODS = 2, MPPE_ANY = MPPE_ALLOW_40 | MPPE_ALLOW_56 | MPPE_ALLOW_128 };

static void name_control(struct control_config *control, bool server)
{
	memcpy(control->host_name, server ? "server" : "client", 6);
	memcpy(control->vendor_name, "greyline", 8);
}

static void make_control(struct control_config *control, bool server, struct dice *dice)
{
	memset(control, 0, sizeof *control);
	name_control(control, server);
	control->pac = server;
	control->opener = !server;
	control->firmware = 1;
	control->maximum_channels = (uint16_t)dice_below(dice, 64);
	control->window = (uint16_t)dice_between(dice, 3, 64);
	control->echo_interval_us = SECONDS(dice_between(dice, 20, 60));
	control->echo_timeout_us = SECONDS(dice_between(dice, 10, 60));
	control->request_timeout_us = SECONDS(dice_between(dice, 5, 60));
}

static uint16_t random_mru(struct dice *dice)
{
	static const uint16_t common[] = {1500, 1500, 1400, 1396, 1300, 1000, 576};
	if (dice_chance(dice, 8000))
		return common[dice_below(dice, sizeof common / sizeof *common)];
	return (uint16_t)dice_between(dice, PPP_MRU_MIN, PPP_MRU_DEFAULT);
}

static void make_link(struct link_config *link, struct dice *dice)
{
	memset(link, 0, sizeof *link);
	link->mru = random_mru(dice);
	link->ask_pfc = dice_chance(dice, 5000);
	link->ask_acfc = dice_chance(dice, 5000);
	link->restart_us = dice_chance(dice, 7000) ? SECONDS(3) : MS(dice_between(dice, 500, 5000));
	link->max_configure = 10;
	link->max_terminate = 2;
	link->max_failure = 5;
	link->echo_interval_us = SECONDS(dice_between(dice, 5, 30));
	link->echo_failure = (uint8_t)dice_between(dice, 3, 5);
	link->auth_timeout_us = SECONDS(30);
	if (dice_chance(dice, 2000))
		link->identification = "greyline simulated";
}

static void make_unit(struct unit_config *unit, struct dice *dice)
{
	memset(unit, 0, sizeof *unit);
	unit->restart_us = dice_chance(dice, 7000) ? SECONDS(3) : MS(dice_between(dice, 500, 5000));
	unit->max_configure = 10;
	unit->max_terminate = 2;
	unit->max_failure = 5;
	unit->network_timeout_us = SECONDS(30);
}

static uint8_t one_bit_of(uint8_t mask, struct dice *dice)
{
	uint8_t bit;
	do
		bit = (uint8_t)(1u << dice_below(dice, 8));
	while (!(mask & bit));
	return bit;
}

static uint8_t some_bits_of(uint8_t mask, struct dice *dice)
{
	return (uint8_t)(mask & dice_u64(dice)) | one_bit_of(mask, dice);
}

/* The server demands one of several; the client knows at least one of them. */
static void make_auth(struct scenario *s, struct dice *dice)
{
	struct link_config *client = &s->client.session.link, *server = &s->server.session.link;
	const uint8_t eap = AUTH_EAP_MD5 | AUTH_EAP_MSCHAPV2;
	uint8_t all = AUTH_PAP | AUTH_CHAP_MD5 | AUTH_MSCHAP | AUTH_MSCHAPV2 | eap;
	uint8_t shared = AUTH_MSCHAPV2;
	if (dice_chance(dice, 4000))
		shared = one_bit_of(all, dice);
	server->demand_auth = dice_chance(dice, 500) ? 0 : shared | (all & (uint8_t)dice_u64(dice));
	client->allow_auth = shared | (all & (uint8_t)dice_u64(dice));
	if (dice_chance(dice, 6000)) {
		server->demand_auth = server->demand_auth ? shared : 0;
		client->allow_auth = shared;
	}
	/* LCP agrees on EAP by name: then its methods must have one in common. */
	if (!(server->demand_auth & client->allow_auth & AUTH_EAP))
		client->allow_auth &= (uint8_t)~AUTH_EAP;
}

/* Certificates, at both ends or at one of them, beside the rest or alone. */
static void make_tls(struct scenario *s, struct dice *dice)
{
	struct link_config *client = &s->client.session.link, *server = &s->server.session.link;
	s->tls_size = (uint16_t)dice_between(dice, 12, dice_chance(dice, 7000) ? 3000 : 8192);
	s->tls_resumed = dice_chance(dice, 3000);
	if (!server->demand_auth || dice_chance(dice, 7500))
		return;
	server->demand_auth |= AUTH_EAP_TLS;
	client->allow_auth |= AUTH_EAP_TLS;
	if (dice_chance(dice, 5000))
		server->demand_auth = client->allow_auth = AUTH_EAP_TLS;
	if (dice_chance(dice, 1000)) {
		client->demand_auth = AUTH_EAP_TLS;
		server->allow_auth |= AUTH_EAP_TLS;
	}
}

static uint8_t agreed_auth(const struct scenario *s)
{
	return s->server.session.link.demand_auth & s->client.session.link.allow_auth;
}

/* Sometimes the client wants to know who the server is, too. */
static void make_mutual(struct scenario *s, struct dice *dice)
{
	static const uint8_t methods[] = {
		AUTH_PAP, AUTH_CHAP_MD5, AUTH_MSCHAP, AUTH_MSCHAPV2, AUTH_EAP_MSCHAPV2};
	struct link_config *client = &s->client.session.link, *server = &s->server.session.link;
	if (dice_chance(dice, 9200))
		return;
	client->demand_auth = methods[dice_below(dice, sizeof methods)];
	server->allow_auth = client->demand_auth | (uint8_t)(dice_u64(dice) & AUTH_MSCHAPV2);
	server->password = "clientPass";
	server->password_length = 10;
}

static void offer_multilink(struct session_config *config, struct dice *dice)
{
	struct link_config *link = &config->link;
	link->mrru = dice_chance(dice, 6000) ? PPP_MRU_DEFAULT
					     : (uint16_t)dice_between(dice, 600, MRRU_MAX);
	link->ask_short_sequence = dice_chance(dice, 4000);
	link->endpoint.class = (uint8_t)dice_below(dice, ENDPOINT_CLASSES);
	link->endpoint.length = (uint8_t)dice_between(dice, 0, ENDPOINT_MAX);
	dice_bytes(dice, link->endpoint.value, link->endpoint.length);
	/* At times larger than any link takes in one. */
	config->bundle_mtu =
		dice_chance(dice, 5000) ? (uint16_t)dice_between(dice, 576, MRRU_MAX) : 0;
}

/* The calls of one tunnel become a bundle where both ends want that. */
static void make_multilink(struct scenario *s, struct dice *dice)
{
	bool both = dice_chance(dice, 2500);
	if (both || dice_chance(dice, 1000))
		offer_multilink(&s->client.session, dice);
	if (both || dice_chance(dice, 1000))
		offer_multilink(&s->server.session, dice);
}

/* Some methods by name, often none. */
static void make_order(struct auth_order *order, struct dice *dice)
{
	uint8_t left = 0x7f;
	uint32_t count = dice_chance(dice, 5000) ? 0 : dice_between(dice, 1, AUTH_METHODS);
	for (uint32_t i = 0; i < count; i++) {
		order->first[i] = one_bit_of(left, dice);
		left &= (uint8_t)~order->first[i];
	}
}

/* Either end may want to be sure again and again; and the client's password may have to be changed,
 * where every method that they may settle on has a way to. A second call would not know of it. */
static void make_secrets(struct scenario *s, struct dice *dice)
{
	struct link_config *client = &s->client.session.link, *server = &s->server.session.link;
	if (dice_chance(dice, 3000))
		server->rechallenge_us = SECONDS(dice_between(dice, 5, 30));
	if (dice_chance(dice, 3000))
		client->rechallenge_us = SECONDS(dice_between(dice, 5, 30));
	make_order(&client->allow_order, dice);
	make_order(&server->demand_order, dice);
	make_order(&client->demand_order, dice);
	make_order(&server->allow_order, dice);
	client->callback_ask = dice_chance(dice, 2000);
	server->callback_answer = dice_chance(dice, 5000);
	server->callback_ask = dice_chance(dice, 200);
	client->callback_answer = dice_chance(dice, 2000);
	client->new_password = "clientPass2";
	client->new_password_length = 11;
	s->expired = dice_chance(dice, 4000) && s->calls == 1 && agreed_auth(s) &&
		     !(agreed_auth(s) & ~(AUTH_MSCHAPV2 | AUTH_EAP_MSCHAPV2));
}

/* Whether every outcome of authentication leaves keys. */
static bool keys_certain(const struct scenario *s)
{
	uint8_t agreed = agreed_auth(s);
	return agreed && !(agreed & ~AUTH_KEYED);
}

static void make_encryption(struct scenario *s, struct dice *dice)
{
	struct unit_config *client = &s->client.session.unit, *server = &s->server.session.unit;
	if (dice_chance(dice, 1000)) {
		client->mppe_allow = dice_chance(dice, 5000) ? 0 : MPPE_ANY;
		server->mppe_allow = client->mppe_allow ? 0 : some_bits_of(MPPE_ANY, dice);
		return;
	}
	uint8_t shared = dice_chance(dice, 6000) ? MPPE_ALLOW_128 : one_bit_of(MPPE_ANY, dice);
	client->mppe_allow = shared | (dice_chance(dice, 4000) ? some_bits_of(MPPE_ANY, dice) : 0);
	server->mppe_allow = shared | (dice_chance(dice, 4000) ? some_bits_of(MPPE_ANY, dice) : 0);
	client->mppe_stateful = dice_chance(dice, 3000);
	server->mppe_stateful = dice_chance(dice, 3000);
	if (keys_certain(s)) {
		client->mppe_require = dice_chance(dice, 7000);
		server->mppe_require = dice_chance(dice, 7000);
	}
}

static void make_compressors(struct ccp_compressors *c, struct dice *dice)
{
	for (unsigned method = 1; method < CODEC_METHODS; method++) {
		bool sized = method == CODEC_BSD || method == CODEC_DEFLATE;
		uint8_t *ways[] = {c->receive, c->transmit};
		for (int i = 0; i < 2; i++) {
			uint32_t bits = dice_between(dice, CCP_BITS_MIN, CCP_BITS_MAX);
			if (dice_chance(dice, 6000))
				ways[i][method] = sized ? (uint8_t)bits : 1;
		}
	}
}

/* Either end takes and sends any subset of the methods; some sessions do without MPPE for it. */
static void make_compression(struct scenario *s, struct dice *dice)
{
	struct unit_config *client = &s->client.session.unit, *server = &s->server.session.unit;
	if (!dice_chance(dice, 2500))
		return;
	if (dice_chance(dice, 5000)) {
		client->mppe_allow = server->mppe_allow = 0;
		client->mppe_require = server->mppe_require = false;
	}
	make_compressors(&client->compress, dice);
	make_compressors(&server->compress, dice);
}

static void make_addresses(struct scenario *s, struct dice *dice)
{
	struct unit_config *client = &s->client.session.unit, *server = &s->server.session.unit;
	server->ask_address = true;
	client->ask_dns = dice_chance(dice, 5000);
	server->dns[0] = dice_chance(dice, 5000) ? 0x0a000035 : 0;
	server->wins[0] = dice_chance(dice, 2000) ? 0x0a000036 : 0;
	if (dice_chance(dice, 1000)) {
		client->local4 = 0x0a000900 + dice_below(dice, 200);
		client->accept_local4 = true;
	}
}

/* What the link's ends tell and ask each other beyond addresses. */
static void make_services(struct scenario *s, struct dice *dice)
{
	struct link_services *services = &s->services;
	services->duid = (struct dhcpv6_duid){4, {0, 4, 2, 2}};
	if (dice_chance(dice, 5000))
		services->dns6[0] = (struct address){6, {0xfd, [15] = 0x35}};
	if (dice_chance(dice, 3000))
		domains_add(&services->search, "example.net");
	services->delegates = dice_chance(dice, 6000);
	services->delegated_for = dice_between(dice, 60, 600);
	s->no_prefix = dice_chance(dice, 2000);
	if (dice_chance(dice, 8000))
		s->server.session.services = services;
	s->server.session.shared = dice_chance(dice, 7000);
	s->wish = (struct dhcpv6_wish){.duid = {4, {0, 4, 1, 1}},
		.iaid = 1,
		.prefix = dice_chance(dice, 6000),
		.dns = dice_chance(dice, 6000)};
	if (dice_chance(dice, 3000))
		s->client.session.unit.local6 = 0xc;
	if (dice_chance(dice, 3000))
		s->server.session.unit.local6 = s->client.session.unit.remote6 = 0x5;
}

/* Who names the inner addresses: either end may insist on its own, give in, or both were told. */
static void make_inner(struct scenario *s, struct dice *dice)
{
	enum { SERVER4 = 0x0a000001, OTHER4 = 0x0a008000 };
	struct unit_config *client = &s->client.session.unit, *server = &s->server.session.unit;
	uint32_t own = OTHER4 | dice_below(dice, 1 << 15);
	if (dice_chance(dice, 6000) || s->calls != 1)
		return;
	switch (dice_below(dice, 5)) {
	case 0:
		client->remote4 = SERVER4;
		break;
	case 1:
		client->remote4 = own;
		client->accept_remote4 = true;
		break;
	case 2:
		client->local4 = own;
		client->accept_local4 = false;
		server->accept_remote4 = true;
		break;
	case 3:
		client->remote4 = own;
		server->accept_local4 = true;
		break;
	case 4:
		client->local4 = s->agreed4 = own;
		client->remote4 = SERVER4;
		client->no_address4 = dice_chance(dice, 6000);
		server->no_address4 = !client->no_address4 || dice_chance(dice, 5000);
		break;
	}
}

/* Either end takes compressed headers or not. */
static void make_headers(struct scenario *s, struct dice *dice)
{
	struct unit_config *ends[] = {&s->client.session.unit, &s->server.session.unit};
	for (int i = 0; i < 2; i++) {
		if (dice_chance(dice, 6000))
			continue;
		ends[i]->vj.slots =
			(uint16_t)dice_between(dice, IPCP_VJ_SLOTS_MIN, IPCP_VJ_SLOTS_MAX);
		ends[i]->vj.omit_slot = dice_chance(dice, 5000);
	}
	s->tcp = dice_chance(dice, 7000);
	s->client.session.unit.ask_mask = dice_chance(dice, 2000);
}

/* The client may be the PAC, whose line rings, and either may have opened the connection. Their
 * login and addresses do not care. */
static void make_roles(struct scenario *s, struct dice *dice)
{
	struct control_config *client = &s->client.control, *server = &s->server.control;
	client->opener = dice_chance(dice, 8000);
	server->opener = !client->opener;
	client->pac = dice_chance(dice, 2500);
	server->accept_incoming = client->pac || dice_chance(dice, 2000);
	if (client->pac)
		server->pac = dice_chance(dice, 5000);
}

/* Either side with or without, and often with an MTU that does not allow it. */
static void make_ipv6(struct scenario *s, struct dice *dice)
{
	s->client.session.unit.ipv6 = dice_chance(dice, 7000);
	s->server.session.unit.ipv6 = dice_chance(dice, 7000);
	if (!dice_chance(dice, 4000))
		return;
	s->client.session.mtu = s->server.session.mtu = (uint16_t)dice_between(dice, 1280, 1456);
	s->client.session.link.mru = s->server.session.link.mru = PPP_MRU_DEFAULT;
}

/* Either end may want reports of the other. What ends a link for its quality is rare enough not to
 * hide everything else. */
static void make_quality(struct scenario *s, struct dice *dice)
{
	struct link_config *ends[] = {&s->client.session.link, &s->server.session.link};
	for (int i = 0; i < 2; i++) {
		if (dice_chance(dice, 7000))
			continue;
		ends[i]->lqr_period = dice_between(dice, LQR_PERIOD_MIN, 1500);
		ends[i]->lqr_loss = (uint8_t)dice_between(dice, 30, 90);
		ends[i]->lqr_window = (uint8_t)dice_between(dice, 6, LQR_WINDOW_MAX);
		ends[i]->lqr_failure = (uint8_t)dice_between(dice, 5, ends[i]->lqr_window);
	}
}

/* Named ways in which a scenario cannot open. */
static void break_scenario(struct scenario *s, struct dice *dice)
{
	struct tunnel_config *client = &s->client, *server = &s->server;
	s->compatible = false;
	client->session.link.demand_auth = 0;
	s->impossible[0] = s->impossible[1] = true;
	switch (dice_below(dice, 9)) {
	case 0:
		strcpy(s->client_password, "not the password");
		if (server->session.link.demand_auth & AUTH_EAP_TLS) /* which asks for none */
			server->session.link.demand_auth = client->session.link.allow_auth =
				AUTH_MSCHAPV2;
		s->impossible[0] = s->impossible[1] = server->session.link.demand_auth != 0;
		break;
	case 1:
		s->no_address = true;
		break;
	case 2:
		s->refuse_calls = true;
		break;
	case 3: /* no method in common */
		server->session.link.demand_auth = AUTH_MSCHAPV2 | AUTH_EAP_MSCHAPV2;
		client->session.link.allow_auth =
			AUTH_PAP | AUTH_CHAP_MD5 | (dice_chance(dice, 5000) ? AUTH_EAP_MD5 : 0);
		break;
	case 4: /* no strength in common */
		client->session.unit.mppe_allow = MPPE_ALLOW_40;
		server->session.unit.mppe_allow = MPPE_ALLOW_128;
		server->session.unit.mppe_require = true;
		s->impossible[0] = client->session.unit.mppe_require;
		break;
	case 5: /* encryption required of somebody who has none */
		client->session.unit.mppe_allow = 0;
		client->session.unit.mppe_require = false;
		server->session.unit.mppe_allow = MPPE_ANY;
		server->session.unit.mppe_require = true;
		s->impossible[0] = client->session.unit.mppe_require;
		break;
	case 6: /* encryption required where authentication leaves no keys */
		server->session.link.demand_auth = client->session.link.allow_auth =
			dice_chance(dice, 5000) ? AUTH_PAP : AUTH_CHAP_MD5;
		client->session.unit.mppe_allow = server->session.unit.mppe_allow = MPPE_ANY;
		client->session.unit.mppe_require = true;
		s->impossible[1] = server->session.unit.mppe_require;
		break;
	case 7: /* the client wants proof that the server does not give */
		client->session.link.demand_auth = AUTH_CHAP_MD5;
		server->session.link.allow_auth = 0;
		break;
	case 8: /* each waits for the other */
		client->session.link.silent = server->session.link.silent = true;
		s->mishaps = 0; /* a renegotiation would wake them */
		break;
	}
}

/* An end that does not believe the other's certificate. */
static void break_tls(struct scenario *s, struct dice *dice)
{
	if (!(s->server.session.link.demand_auth & s->client.session.link.allow_auth &
		    AUTH_EAP_TLS) ||
		dice_chance(dice, 8000))
		return;
	s->server.session.link.demand_order = (struct auth_order){{AUTH_EAP_TLS}};
	s->tls_refuse[dice_below(dice, 2)] = true;
	s->compatible = false;
	s->impossible[0] = s->impossible[1] = true;
}

/* ECP at both ends, rarely with another key, with another method, or at one end alone. */
static void make_ecp(struct scenario *s, struct dice *dice)
{
	struct unit_config *ends[] = {&s->client.session.unit, &s->server.session.unit};
	if (dice_chance(dice, 9000) || !s->compatible)
		return;
	for (int i = 0; i < 2; i++) {
		ends[i]->mppe_allow = 0;
		ends[i]->mppe_require = false;
		ends[i]->ecp_key.length = dice_chance(dice, 5000) ? ECP_KEY_DES : ECP_KEY_DES3;
		dice_bytes(dice, ends[i]->ecp_key.bytes, sizeof ends[i]->ecp_key.bytes);
	}
	uint32_t roll = dice_below(dice, 10);
	struct ecp_key *other = &ends[roll & 1]->ecp_key;
	if (roll < 6) {
		ends[1]->ecp_key = ends[0]->ecp_key;
	} else if (roll < 8) { /* the keys differ */
		ends[1]->ecp_key.length = ends[0]->ecp_key.length;
		s->ecp_keys_differ = true;
	} else if (dice_chance(dice, 5000)) { /* the methods do */
		other->length = ends[!(roll & 1)]->ecp_key.length == ECP_KEY_DES ? ECP_KEY_DES3
										 : ECP_KEY_DES;
		s->impossible[0] = s->impossible[1] = true;
	} else { /* one end alone */
		other->length = 0;
		s->impossible[!(roll & 1)] = true;
	}
	s->compatible = roll < 6;
}

static struct wire_rules make_wire(enum weather weather, struct dice *dice)
{
	struct wire_rules rules = {.delay = dice_between(dice, 100, 60000),
		.jitter = dice_below(dice, 3000),
		.reorder_delay = dice_between(dice, 500, 30000)};
	switch (weather) {
	case WEATHER_FAIR:
		break;
	case WEATHER_LOSSY:
		rules.lose = dice_below(dice, 500);
		rules.duplicate = dice_below(dice, 200);
		rules.reorder = dice_below(dice, 500);
		break;
	case WEATHER_ROUGH:
		rules.lose = dice_below(dice, 1500);
		rules.duplicate = dice_below(dice, 2000);
		rules.reorder = dice_below(dice, 3000);
		break;
	case WEATHER_STORM:
		rules.lose = dice_below(dice, 4000);
		rules.duplicate = dice_below(dice, 4000);
		rules.reorder = dice_below(dice, 7000);
		rules.reorder_delay = dice_between(dice, 30000, 2000000);
		break;
	case WEATHER_CORRUPT:
		rules.lose = dice_below(dice, 500);
		rules.corrupt = dice_below(dice, 1500);
		break;
	}
	return rules;
}

static enum weather make_weather(struct dice *dice)
{
	uint32_t roll = dice_below(dice, 100);
	return roll < 25   ? WEATHER_FAIR
	       : roll < 65 ? WEATHER_LOSSY
	       : roll < 85 ? WEATHER_ROUGH
	       : roll < 93 ? WEATHER_STORM
			   : WEATHER_CORRUPT;
}

static void make_mishaps(struct scenario *s, struct dice *dice)
{
	if (dice_chance(dice, 6000))
		return;
	s->mishaps = (int)dice_between(dice, 1, MISHAPS_MAX);
	uint64_t at = dice_below(dice, 4000000);
	for (int i = 0; i < s->mishaps; i++) {
		s->mishap[i].kind = dice_between(dice, 1, MISHAP_KINDS - 1);
		if (dice_chance(dice, 5000))
			s->mishap[i].kind = MISHAP_RENEGOTIATE;
		s->mishap[i].at = at;
		s->mishap[i].side = (uint8_t)dice_below(dice, 2);
		s->mishap[i].which = (uint8_t)dice_below(dice, CALLS_MAX);
		at += dice_below(dice, 3000000);
	}
}

static void make_aims(struct scenario *s, struct dice *dice)
{
	static const uint16_t protocols[] = {
		0xc021, 0xc021, 0xc023, 0xc223, 0xc223, 0x80fd, 0x80fd, 0x8021, 0x8021};
	if (dice_chance(dice, 7500))
		return;
	s->aims = (int)dice_between(dice, 1, AIMS_MAX);
	for (int i = 0; i < s->aims; i++)
		s->aim[i] = (struct aim){
			.protocol =
				protocols[dice_below(dice, sizeof protocols / sizeof *protocols)],
			.code = (uint8_t)dice_between(dice, 1, 6),
			.side = (uint8_t)dice_below(dice, 2),
			.spare = (uint8_t)(dice_chance(dice, 7000) ? 0 : dice_below(dice, 4)),
			.take = (uint8_t)dice_between(dice, 1, 12)};
}

static void make_limits(struct scenario *s, struct dice *dice)
{
	struct session_config *session =
		dice_chance(dice, 5000) ? &s->client.session : &s->server.session;
	if (dice_chance(dice, 300))
		session->idle_us = SECONDS(dice_between(dice, 5, 100));
	if (dice_chance(dice, 300))
		session->max_connect_us = SECONDS(dice_between(dice, 5, 100));
}

static void make_ends(struct scenario *s, struct dice *dice)
{
	memset(s, 0, sizeof *s);
	make_control(&s->client.control, false, dice);
	make_control(&s->server.control, true, dice);
	make_link(&s->client.session.link, dice);
	make_link(&s->server.session.link, dice);
	make_unit(&s->client.session.unit, dice);
	make_unit(&s->server.session.unit, dice);
	s->client.session.mtu = (uint16_t)dice_between(dice, 100, 1456);
	s->server.session.mtu = dice_chance(dice, 5000) ? 0 : s->client.session.mtu;
	s->server.session.check_source = dice_chance(dice, 8000);
	s->client.session.check_source = false;
	strcpy(s->client_name, dice_chance(dice, 3000) ? "DOMAIN\\user" : "user");
	strcpy(s->client_password, "clientPass");
	strcpy(s->server_password, "clientPass");
	struct link_config *client = &s->client.session.link, *server = &s->server.session.link;
	client->name = s->client_name;
	client->name_length = strlen(s->client_name);
	client->password = s->client_password;
	server->name = "server";
	server->name_length = 6;
	if (dice_chance(dice, 2000))
		(dice_chance(dice, 5000) ? client : server)->passive = true;
	s->server_address = address_ipv4(0xc0a80001);
	s->calls = dice_chance(dice, 7000) ? 1 : (int)dice_between(dice, 2, CALLS_MAX);
	s->compatible = true;
}

/* A copy of a scenario moves its strings; the configuration points into them. */
static void settle_strings(struct scenario *s)
{
	s->client.session.link.name = s->client_name;
	s->client.session.link.password = s->client_password;
	s->client.session.link.password_length = strlen(s->client_password);
}

static struct dice *stream(struct dice *dice, uint64_t seed, enum dice_stream which)
{
	dice_seed(dice, seed, which);
	return dice;
}

static void make_policy(struct scenario *s, uint64_t seed)
{
	struct dice dice;
	make_ends(s, stream(&dice, seed, DICE_ENDS));
	make_auth(s, stream(&dice, seed, DICE_AUTH));
	make_mutual(s, stream(&dice, seed, DICE_MUTUAL));
	make_tls(s, stream(&dice, seed, DICE_TLS));
	make_encryption(s, stream(&dice, seed, DICE_ENCRYPTION));
	make_compression(s, stream(&dice, seed, DICE_COMPRESSION));
	make_addresses(s, stream(&dice, seed, DICE_ADDRESSES));
	make_inner(s, stream(&dice, seed, DICE_INNER));
	make_headers(s, stream(&dice, seed, DICE_HEADERS));
	make_roles(s, stream(&dice, seed, DICE_ROLES));
	make_ipv6(s, stream(&dice, seed, DICE_IPV6));
	make_services(s, stream(&dice, seed, DICE_SERVICES));
	make_quality(s, stream(&dice, seed, DICE_QUALITY));
	make_secrets(s, stream(&dice, seed, DICE_SECRETS));
}

static void make_wires(struct scenario *s, struct dice *dice)
{
	s->weather = make_weather(dice);
	s->wire[0] = make_wire(s->weather, dice);
	s->wire[1] = make_wire(s->weather, dice);
	s->tcp_delay = dice_chance(dice, 9000) ? s->wire[0].delay : dice_below(dice, 3000000);
	s->tcp_jitter = dice_below(dice, 20000);
	s->tcp_whole = dice_chance(dice, 5000);
	s->heal = SECONDS(dice_between(dice, 5, 60));
}

static void make_pace(struct scenario *s, struct dice *dice)
{
	s->ring_delay = dice_chance(dice, 5000) ? 0 : dice_between(dice, 10, 3000);
	s->answer_delay = dice_chance(dice, 5000) ? 1 : dice_between(dice, 10, 2000000);
	s->hold_slots = dice_chance(dice, 9000) ? 64 : (uint16_t)dice_between(dice, 1, 8);
}

static void make_traffic(struct scenario *s, struct dice *dice)
{
	s->packets = dice_chance(dice, 15) ? 4500 : dice_between(dice, 0, 40);
	s->old_numbers = dice_chance(dice, 1000);
	s->data_delay = 20000;
	s->data_pace = 200000;
	s->nudges = dice_chance(dice, 4000);
}

static void make_stateful(struct scenario *s, struct dice *dice)
{
	for (int i = 0; i < 2; i++)
		s->stateful[i] = s->client.session.unit.mppe_stateful &&
				 s->server.session.unit.mppe_stateful && dice_chance(dice, 8000);
}

/* What an overloaded receiver does, and routers on the way. Data that waits long enough for more
 * than a reorder window of it to wait is passed by control frames from beyond the window. */
static void make_queues(struct scenario *s, struct dice *dice)
{
	bool waits = s->weather != WEATHER_FAIR && dice_chance(dice, 1000);
	for (int i = 0; s->weather != WEATHER_FAIR && i < 2; i++) {
		if (dice_chance(dice, 1000))
			s->wire[i].mark = dice_below(dice, 500);
		if (waits && dice_chance(dice, 7000))
			s->wire[i].backlog = dice_between(dice, 1000, 3000000);
	}
	if (!waits)
		return;
	s->packets = dice_between(dice, 100, 900);
	s->data_pace = dice_between(dice, 10000, 100000);
	if (dice_chance(dice, 5000) && s->mishaps < MISHAPS_MAX) {
		s->mishap[s->mishaps].kind = MISHAP_RENEGOTIATE;
		s->mishap[s->mishaps].side = (uint8_t)dice_below(dice, 2);
		s->mishap[s->mishaps].which = 0;
		s->mishap[s->mishaps].at = 0;
		for (int i = 0; i < s->mishaps; i++)
			s->mishap[s->mishaps].at = s->mishap[i].at;
		s->mishap[s->mishaps++].at += dice_between(dice, 2000000, 6000000);
	}
}

/* Either end may hold data back for the other's window, which may be as small as one packet; and
 * where it does, often has more to send than fits. */
static void make_window(struct scenario *s, struct dice *dice)
{
	struct tunnel_config *ends[] = {&s->client, &s->server};
	static const enum session_window modes[] = {
		SESSION_WINDOW_AUTO, SESSION_WINDOW_ON, SESSION_WINDOW_ON, SESSION_WINDOW_OFF};
	if (dice_chance(dice, 6000))
		return;
	for (int i = 0; i < 2; i++) {
		ends[i]->session.window = modes[dice_below(dice, 4)];
		if (dice_chance(dice, 5000))
			ends[i]->control.window = (uint16_t)dice_between(dice, 1, 8);
	}
	if (s->packets > 100 || s->weather > WEATHER_LOSSY || dice_chance(dice, 6000))
		return;
	s->packets = dice_between(dice, 60, 400);
	s->data_pace = dice_between(dice, 5000, 60000);
}

/* The client may open the way back through a NAT, and may have something else to try where no GRE
 * comes back. */
static void make_nat(struct scenario *s, struct dice *dice)
{
	s->client.session.nat = dice_chance(dice, 2000);
	if (dice_chance(dice, 2000))
		s->client.session.silence_us = GRE_SILENCE_MAX;
}

static bool has_limits(const struct session_config *session)
{
	return session->idle_us || session->max_connect_us;
}

void scenario_make(struct scenario *s, uint64_t seed)
{
	struct dice dice;
	make_policy(s, seed);
	make_limits(s, stream(&dice, seed, DICE_LIMITS));
	make_mishaps(s, stream(&dice, seed, DICE_MISHAPS));
	make_aims(s, stream(&dice, seed, DICE_AIMS));
	make_wires(s, stream(&dice, seed, DICE_WEATHER));
	make_pace(s, stream(&dice, seed, DICE_PACE));
	make_traffic(s, stream(&dice, seed, DICE_TRAFFIC));
	make_stateful(s, stream(&dice, seed, DICE_STATEFUL));
	make_queues(s, stream(&dice, seed, DICE_QUEUES));
	make_window(s, stream(&dice, seed, DICE_WINDOW));
	make_multilink(s, stream(&dice, seed, DICE_MULTILINK));
	make_nat(s, stream(&dice, seed, DICE_NAT));
	if (dice_chance(stream(&dice, seed, DICE_BREAK), 1500))
		break_scenario(s, &dice);
	break_tls(s, stream(&dice, seed, DICE_TLS_BREAK));
	make_ecp(s, stream(&dice, seed, DICE_ECP));
	settle_strings(s);
	s->plain = s->compatible && !s->mishaps && !s->aims && s->weather <= WEATHER_LOSSY &&
		   !has_limits(&s->client.session) && !has_limits(&s->server.session);
}

void scenario_line(struct scenario *s, uint64_t seed)
{
	struct dice dice;
	struct session_config *ends[] = {&s->client.session, &s->server.session};
	s->line = dice_chance(stream(&dice, seed, DICE_LINE), 1000) && !ends[0]->link.silent &&
		  !ends[1]->link.silent; /* that is for ever */
	if (!s->line)
		return;
	for (int i = 0; i < 2; i++) {
		struct link_config *link = &ends[i]->link;
		ends[i]->line = link->line = true;
		ends[i]->nat = false;
		ends[i]->window = SESSION_WINDOW_OFF;
		link->ask_accm = dice_chance(&dice, 8000);
		if (dice_chance(&dice, 5000))
			link->accm = (uint32_t)(dice_u64(&dice) & dice_u64(&dice));
		link->ask_fcs = dice_chance(&dice, 4000) ? LCP_FCS_32 : 0;
		s->wire[i].reorder = s->wire[i].duplicate = 0;
		s->wire[i].mark = s->wire[i].backlog = 0;
		/* A line loses bits. What is swallowed whole by a hole nothing but a number would
		 * tell of, and compressed headers have none (RFC 1144 §4). */
		s->wire[i].corrupt += s->wire[i].lose;
		s->wire[i].lose = 0;
		if (s->mishaps)
			ends[i]->unit.vj.slots = 0;
	}
}

void scenario_healthy(struct scenario *s, uint64_t seed)
{
	struct dice dice;
	make_policy(s, seed);
	stream(&dice, seed, DICE_BYSTANDER);
	s->weather = WEATHER_FAIR;
	s->wire[0] = make_wire(s->weather, &dice);
	s->wire[1] = make_wire(s->weather, &dice);
	s->tcp_delay = s->wire[0].delay;
	s->tcp_whole = true;
	s->answer_delay = 1000;
	s->hold_slots = 64;
	s->packets = 60;
	s->data_pace = 200000;
	s->data_delay = 2000000;
	s->heal = SECONDS(5);
	settle_strings(s);
}
