/* TLS against TLS, and against OpenSSL where that is there. Every certificate is made here. */
#include "expect.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bytes.h"
#include "tls_inner.h"
#if HAVE_OPENSSL
#include <openssl/ssl.h>
#endif

enum { DAY = 24 * 3600, RAW_SIZE = 9 };

/* A certificate authority. */

struct wish {
	const char *name; /* common name */
	const char *dns, *mail, *upn;
	const char *raw;     /* subjectAltName as it is encoded, RAW_SIZE bytes */
	const char *purpose; /* NULL: no extended key usage */
	size_t name_length;  /* 0: as long as it is */
	long from, to;       /* seconds from now; 0 and 0: today */
	bool stranger;       /* of another authority */
};

static char folder[] = "/tmp/greyline-tls-XXXXXX";
static gnutls_x509_crt_t issuer, other_issuer;
static gnutls_x509_privkey_t issuer_key, other_key;
static unsigned serial;

static const char *path(const char *name)
{
	static char paths[8][128];
	static unsigned next;
	char *at = paths[next++ % 8];
	snprintf(at, sizeof paths[0], "%s/%s", folder, name);
	return at;
}

static void save(const char *name, gnutls_datum_t *data)
{
	int fd = open(path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data->data, data->size), data->size);
	close(fd);
	gnutls_free(data->data);
}

static gnutls_x509_privkey_t make_key(const char *name)
{
	gnutls_x509_privkey_t key;
	gnutls_datum_t pem;
	gnutls_x509_privkey_init(&key);
	assert_int_equal(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
				 GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
		0);
	if (name) {
		assert_int_equal(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem), 0);
		save(name, &pem);
	}
	return key;
}

static gnutls_x509_crt_t make(const struct wish *wish, gnutls_x509_privkey_t key, bool authority)
{
	gnutls_x509_crt_t crt;
	time_t now = time(NULL);
	uint8_t number[4];
	gnutls_x509_crt_init(&crt);
	put_u32(number, ++serial);
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, number, sizeof number);
	gnutls_x509_crt_set_activation_time(crt, now + (wish->from ? wish->from : -DAY));
	gnutls_x509_crt_set_expiration_time(crt, now + (wish->to ? wish->to : DAY));
	if (wish->name)
		gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, wish->name,
			(unsigned)(wish->name_length ? wish->name_length : strlen(wish->name)));
	if (wish->dns)
		gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, wish->dns,
			(unsigned)strlen(wish->dns), GNUTLS_FSAN_APPEND);
	if (wish->mail)
		gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_RFC822NAME, wish->mail,
			(unsigned)strlen(wish->mail), GNUTLS_FSAN_APPEND);
	if (wish->raw)
		gnutls_x509_crt_set_extension_by_oid(crt, "2.5.29.17", wish->raw, RAW_SIZE, 0);
	if (wish->upn)
		gnutls_x509_crt_set_subject_alt_othername(crt, "1.3.6.1.4.1.311.20.2.3", wish->upn,
			(unsigned)strlen(wish->upn),
			GNUTLS_FSAN_APPEND | GNUTLS_FSAN_ENCODE_UTF8_STRING);
	if (wish->purpose)
		gnutls_x509_crt_set_key_purpose_oid(crt, wish->purpose, 0);
	gnutls_x509_crt_set_basic_constraints(crt, authority, -1);
	gnutls_x509_crt_set_key_usage(crt, authority
						   ? GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN
						   : GNUTLS_KEY_DIGITAL_SIGNATURE);
	gnutls_x509_crt_set_key(crt, key);
	return crt;
}

static void sign(
	gnutls_x509_crt_t crt, gnutls_x509_crt_t by, gnutls_x509_privkey_t key, const char *name)
{
	gnutls_datum_t pem;
	assert_int_equal(gnutls_x509_crt_sign2(crt, by, key, GNUTLS_DIG_SHA256, 0), 0);
	assert_int_equal(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem), 0);
	save(name, &pem);
}

/* Files NAME.pem and NAME.key. */
static gnutls_x509_crt_t issue(const char *file, const struct wish *wish)
{
	char name[64];
	snprintf(name, sizeof name, "%s.key", file);
	gnutls_x509_privkey_t key = make_key(name);
	gnutls_x509_crt_t crt = make(wish, key, false);
	snprintf(name, sizeof name, "%s.pem", file);
	sign(crt, wish->stranger ? other_issuer : issuer, wish->stranger ? other_key : issuer_key,
		name);
	gnutls_x509_privkey_deinit(key);
	return crt;
}

static void issue_file(const char *file, const struct wish *wish)
{
	gnutls_x509_crt_deinit(issue(file, wish));
}

static void write_crl(gnutls_x509_crt_t crt, long next_update)
{
	gnutls_x509_crl_t crl;
	gnutls_datum_t pem;
	gnutls_x509_crl_init(&crl);
	gnutls_x509_crl_set_version(crl, 2);
	gnutls_x509_crl_set_this_update(crl, time(NULL) - DAY);
	gnutls_x509_crl_set_next_update(crl, time(NULL) + next_update);
	if (crt)
		gnutls_x509_crl_set_crt(crl, crt, time(NULL) - 60);
	assert_int_equal(gnutls_x509_crl_sign2(crl, issuer, issuer_key, GNUTLS_DIG_SHA256, 0), 0);
	assert_int_equal(gnutls_x509_crl_export2(crl, GNUTLS_X509_FMT_PEM, &pem), 0);
	save("crl.pem", &pem);
	gnutls_x509_crl_deinit(crl);
}

static const struct wish alice = {.name = "alice", .purpose = GNUTLS_KP_TLS_WWW_CLIENT};
static const struct wish vpn = {
	.name = "vpn", .dns = "vpn.example.org", .purpose = GNUTLS_KP_TLS_WWW_SERVER};

static int set_up(void **state)
{
	static const struct wish ca = {.name = "ca"}, other = {.name = "stranger"};
	if (!mkdtemp(folder))
		return -1;
	issuer_key = make_key(NULL);
	issuer = make(&ca, issuer_key, true);
	sign(issuer, issuer, issuer_key, "ca.pem");
	other_key = make_key(NULL);
	other_issuer = make(&other, other_key, true);
	sign(other_issuer, other_issuer, other_key, "stranger.pem");
	issue_file("server", &vpn);
	issue_file("client", &alice);
	return 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = {"ca.pem", "stranger.pem", "crl.pem", "server.pem",
		"server.key", "client.pem", "client.key", "odd.pem", "odd.key"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unlink(path(names[i]));
	gnutls_x509_crt_deinit(issuer);
	gnutls_x509_crt_deinit(other_issuer);
	gnutls_x509_privkey_deinit(issuer_key);
	gnutls_x509_privkey_deinit(other_key);
	return rmdir(folder);
}

/* Two ends. */

struct side {
	struct settings settings;
	struct heard heard;
	struct tls_credentials *credentials;
	struct tls_exchange *exchange;
};

static struct side client, server;

static char *copy(const char *name)
{
	char *text = strdup(path(name));
	assert_non_null(text);
	return text;
}

static void prepare(struct side *side, const char *name)
{
	char file[64];
	memset(side, 0, sizeof *side);
	settings_init(&side->settings);
	hear(&side->heard);
	side->settings.tls_ca = copy("ca.pem");
	snprintf(file, sizeof file, "%s.pem", name);
	side->settings.tls_cert = copy(file);
	snprintf(file, sizeof file, "%s.key", name);
	side->settings.tls_key = copy(file);
}

static void read_side(struct side *side)
{
	side->credentials = tls_credentials_read(&side->settings, &side->heard.faults);
	if (!side->credentials)
		fail_msg("%s", side->heard.text);
}

static void forget(struct side *side)
{
	tls_credentials_return(side->credentials);
	settings_free(&side->settings);
}

static void begin(const char *client_name, const char *server_name)
{
	server.exchange =
		tls_exchange_new(server.credentials, false, client_name, strlen(client_name));
	client.exchange =
		tls_exchange_new(client.credentials, true, server_name, strlen(server_name));
	assert_non_null(server.exchange);
	assert_non_null(client.exchange);
}

static void end(void)
{
	tls_exchange_free(client.exchange);
	tls_exchange_free(server.exchange);
}

/* A message from one side to the other, in pieces of `piece` bytes. */
static void carry(struct side *from, struct side *to, size_t piece)
{
	const struct tls_reply *reply = tls_reply_of(from->exchange);
	for (size_t at = 0; at < reply->length; at += piece) {
		size_t left = reply->length - at;
		assert_true(tls_hear(to->exchange, reply->bytes + at, left < piece ? left : piece));
	}
	tls_step(to->exchange);
}

/* Until one side has nothing to say. */
static void converse(bool admit)
{
	tls_step(client.exchange);
	for (unsigned i = 0; i < 10; i++) {
		if (!tls_reply_of(client.exchange)->length)
			return;
		carry(&client, &server, 100);
		if (tls_asks(server.exchange))
			admit ? tls_admit(server.exchange) : tls_deny(server.exchange);
		if (!tls_reply_of(server.exchange)->length)
			return;
		carry(&server, &client, 1000);
	}
	fail_msg("they go on for ever");
}

static void assert_same_keys(void)
{
	const struct tls_reply *c = tls_reply_of(client.exchange);
	const struct tls_reply *s = tls_reply_of(server.exchange);
	if (c->outcome != TLS_DONE || s->outcome != TLS_DONE)
		fail_msg("client: %s; server: %s", tls_fault_sentence(client.exchange),
			tls_fault_sentence(server.exchange));
	assert_true(c->keys.valid && s->keys.valid);
	assert_memory_equal(c->keys.send, s->keys.receive, sizeof c->keys.send);
	assert_memory_equal(c->keys.receive, s->keys.send, sizeof c->keys.send);
	assert_memory_equal(c->keys.send, c->keys.send_short, sizeof c->keys.send_short);
	assert_memory_not_equal(c->keys.send, c->keys.receive, sizeof c->keys.send);
}

static void both(void)
{
	prepare(&client, "client");
	prepare(&server, "server");
}

static void test_every_version(void **state)
{
	static const char *const words[] = {"TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"};
	for (uint32_t version = TLS_1_0; version <= TLS_1_3; version++) {
		both();
		client.settings.tls_max = version;
		client.settings.tls_min = server.settings.tls_min =
			version < TLS_1_2 ? version : TLS_1_2;
		read_side(&client);
		read_side(&server);
		begin("alice", "vpn.example.org");
		converse(true);
		assert_same_keys();
		assert_string_equal(tls_description(client.exchange), words[version]);
		assert_string_equal(tls_description(server.exchange), words[version]);
		assert_string_equal(tls_name(server.exchange), "alice");
		assert_string_equal(tls_name(client.exchange), "vpn.example.org");
		end();
		forget(&client);
		forget(&server);
	}
}

static void test_resumed(void **state)
{
	for (uint32_t version = TLS_1_2; version <= TLS_1_3; version++) {
		uint8_t first[16];
		both();
		client.settings.tls_max = version;
		read_side(&client);
		read_side(&server);
		for (int i = 0; i < 3; i++) {
			begin("alice", "vpn.example.org");
			converse(true);
			assert_same_keys();
			const uint8_t *key = tls_reply_of(client.exchange)->keys.send;
			if (i)
				assert_memory_not_equal(key, first, sizeof first);
			memcpy(first, key, sizeof first);
			bool resumed = strstr(tls_description(client.exchange), "resumed");
			assert_int_equal(resumed, i > 0);
			tls_keep(client.exchange);
			end();
		}
		begin("bob", "vpn.example.org"); /* alice's ticket makes nobody bob */
		converse(true);
		assert_int_equal(tls_reply_of(server.exchange)->outcome, TLS_FAILED);
		assert_string_equal(tls_fault_word(server.exchange), "wrong-name");
		end();
		/* A certificate that was revoked since. */
		struct tls_credentials *before = server.credentials;
		gnutls_x509_crt_t crt = issue("client", &alice);
		write_crl(crt, DAY);
		gnutls_x509_crt_deinit(crt);
		forget(&client);
		prepare(&client, "client");
		client.settings.tls_max = version;
		read_side(&client);
		begin("alice", "vpn.example.org");
		converse(true);
		assert_same_keys();
		tls_keep(client.exchange);
		end();
		assert_int_equal(gnutls_certificate_set_x509_crl_file(
					 before->x509, path("crl.pem"), GNUTLS_X509_FMT_PEM),
			1);
		begin("alice", "vpn.example.org");
		converse(true);
		assert_string_equal(tls_fault_word(server.exchange), "certificate-revoked");
		end();
		forget(&client);
		forget(&server);
	}
}

struct refusal {
	struct wish wish;
	const char *wanted, *word, *sentence;
};

static void refuse(struct side *by, struct side *of, const struct refusal *refusal)
{
	begin(by == &server ? refusal->wanted : "alice",
		by == &client ? refusal->wanted : "vpn.example.org");
	converse(true);
	assert_int_equal(tls_reply_of(by->exchange)->outcome, TLS_FAILED);
	if (strcmp(tls_fault_word(by->exchange), refusal->word) ||
		!strstr(tls_fault_sentence(by->exchange), refusal->sentence))
		fail_msg("%s: %s", tls_fault_word(by->exchange), tls_fault_sentence(by->exchange));
	assert_int_equal(tls_reply_of(of->exchange)->outcome, TLS_FAILED);
	assert_string_equal(tls_fault_word(of->exchange), "peer-alert");
	assert_int_equal(tls_reply_of(of->exchange)->reason,
		of == &client ? CLOSE_AUTH_WE_FAILED : CLOSE_AUTH_FAILED);
	assert_int_equal(tls_reply_of(by->exchange)->reason,
		by == &client ? CLOSE_AUTH_PEER_FALSE : CLOSE_AUTH_FAILED);
	end();
}

static const char *const purposes[] = {GNUTLS_KP_TLS_WWW_CLIENT, GNUTLS_KP_TLS_WWW_SERVER};

/* The same at both ends: whoever's certificate is odd. */
static void test_certificates_that_do_not_count(void **state)
{
	const struct refusal refusals[] = {{{.name = "x", .from = -2 * DAY, .to = -DAY}, "x",
						   "certificate-expired", "(x) has expired"},
		{{.name = "x", .from = DAY, .to = 2 * DAY}, "x", "not-yet-valid", "not valid yet"},
		{{.name = "x", .stranger = true}, "x", "unknown-issuer", "not in ca"},
		{{.name = "x", .purpose = "wrong"}, "x", "wrong-purpose", "another purpose"},
		{{.name = "x"}, "y", "wrong-name", "(x) is not of y"},
		{{.name = "y\0.example", .name_length = 10}, "y", "wrong-name", "is not of y"},
		{{.raw = "\x30\x07\x82\x05y\0.ex"}, "y", "wrong-name", "a NUL byte"}, /* DNS */
		{{.raw = "\x30\x07\x81\x05y\0@ex"}, "y", "wrong-name", "a NUL byte"}, /* mail */
		{{.name = "x", .dns = "y"}, "Y.", "wrong-name", "is not of"},
		{{.purpose = NULL}, "", "no-name", "has no name"}};
	for (size_t i = 0; i < 2 * (sizeof refusals / sizeof *refusals); i++) {
		struct refusal refusal = refusals[i / 2];
		bool by_server = i & 1;
		if (refusal.wish.purpose)
			refusal.wish.purpose = purposes[by_server];
		issue_file("odd", &refusal.wish);
		both();
		forget(by_server ? &client : &server);
		prepare(by_server ? &client : &server, "odd");
		read_side(&client);
		read_side(&server);
		if (by_server)
			refuse(&server, &client, &refusal);
		else
			refuse(&client, &server, &refusal);
		forget(&client);
		forget(&server);
	}
}

static void test_names_that_count(void **state)
{
	static const struct {
		struct wish wish;
		const char *wanted, *name;
	} names[] = {{{.name = "x"}, "x", "x"}, {{.name = "x"}, "", "x"},
		{{.name = "x"}, "@anonymous", "x"},
		{{.name = "x", .mail = "a@example"}, "a@example", "a@example"},
		{{.name = "x", .mail = "a@example"}, "", "a@example"},
		{{.upn = "b@corp"}, "b@corp", "b@corp"}, {{.upn = "b@corp"}, "", "b@corp"},
		{{.name = "x", .upn = "b@corp", .mail = "a@example"}, "@", "b@corp"},
		{{.name = "x", .dns = "*.example.org"}, "a.example.org", "a.example.org"},
		{{.name = "x", .dns = "pc.example.org"}, "host/pc.example.org",
			"host/pc.example.org"}};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		issue_file("odd", &names[i].wish);
		both();
		forget(&client);
		prepare(&client, "odd");
		read_side(&client);
		read_side(&server);
		begin(names[i].wanted, "vpn.example.org");
		converse(true);
		assert_same_keys();
		assert_string_equal(tls_name(server.exchange), names[i].name);
		end();
		forget(&client);
		forget(&server);
	}
}

static void faulty(struct side *side, const char *words)
{
	assert_null(tls_credentials_read(&side->settings, &side->heard.faults));
	assert_true(side->heard.faults.count > 0);
	if (!strstr(side->heard.text, words))
		fail_msg("%s", side->heard.text);
	settings_free(&side->settings);
}

/* A name that nothing can have is nobody's, and not anybody's. */
static void test_names_that_no_certificate_has(void **state)
{
	char name[TLS_NAME_MAX + 2];
	memset(name, 'a', sizeof name);
	for (int i = 0; i < 2; i++) {
		both();
		read_side(&client);
		read_side(&server);
		begin("", "vpn.example.org");
		tls_exchange_free(server.exchange);
		server.exchange = i ? tls_exchange_new(server.credentials, false, name, sizeof name)
				    : tls_exchange_new(server.credentials, false, "alice\0x", 7);
		converse(true);
		assert_string_equal(tls_fault_word(server.exchange), "wrong-name");
		end();
		forget(&client);
		forget(&server);
	}
}

/* A CRL counts from the next login on, and the key that cannot be read any more is kept. */
static void test_renewed(void **state)
{
	gnutls_x509_crt_t crt = issue("odd", &alice);
	write_crl(NULL, DAY);
	both();
	forget(&client);
	prepare(&client, "odd");
	server.settings.tls_crl = copy("crl.pem");
	read_side(&client);
	read_side(&server);
	begin("alice", "vpn.example.org");
	converse(true);
	assert_same_keys();
	tls_keep(client.exchange);
	assert_false(tls_credentials_stale(server.credentials, &server.settings));
	unlink(path("crl.pem"));
	assert_false(tls_credentials_stale(server.credentials, &server.settings));
	write_crl(crt, DAY);
	assert_true(tls_credentials_stale(server.credentials, &server.settings));
	assert_false(tls_credentials_stale(server.credentials, &server.settings));
	free(server.settings.tls_key);
	server.settings.tls_key = copy("gone.key");
	struct tls_credentials *fresh =
		tls_credentials_renew(server.credentials, &server.settings, &server.heard.faults);
	if (!fresh)
		fail_msg("%s", server.heard.text);
	tls_credentials_return(server.credentials);
	server.credentials = fresh;
	end(); /* which still had the ones before */
	begin("alice", "vpn.example.org");
	converse(true);
	assert_string_equal(tls_fault_word(server.exchange), "certificate-revoked");
	end();
	forget(&client);
	forget(&server);
	gnutls_x509_crt_deinit(crt);
}

static void test_revoked(void **state)
{
	gnutls_x509_crt_t crt = issue("odd", &alice);
	for (int i = 0; i < 2; i++) {
		static const char *const words[] = {"certificate-revoked", NULL};
		write_crl(i == 0 ? crt : NULL, DAY);
		both();
		forget(&client);
		prepare(&client, "odd");
		server.settings.tls_crl = copy("crl.pem");
		read_side(&client);
		read_side(&server);
		begin("alice", "vpn.example.org");
		converse(true);
		if (words[i])
			assert_string_equal(tls_fault_word(server.exchange), words[i]);
		else
			assert_same_keys();
		end();
		forget(&client);
		forget(&server);
	}
	gnutls_x509_crt_deinit(crt);
	write_crl(NULL, -60);
	prepare(&server, "server");
	server.settings.tls_crl = copy("crl.pem");
	faulty(&server, "it is out of date");
}

static void test_no_version_in_common(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct side *low = i ? &client : &server, *high = i ? &server : &client;
		both();
		low->settings.tls_max = TLS_1_2;
		high->settings.tls_min = TLS_1_3;
		read_side(&client);
		read_side(&server);
		begin("alice", "vpn.example.org");
		converse(true);
		assert_int_equal(tls_reply_of(client.exchange)->outcome, TLS_FAILED);
		assert_int_equal(tls_reply_of(server.exchange)->outcome, TLS_FAILED);
		assert_string_equal(tls_fault_word(server.exchange), "no-common-version");
		end();
		forget(&client);
		forget(&server);
	}
}

/* Good, and still not welcome. */
static void test_denied(void **state)
{
	for (uint32_t version = TLS_1_2; version <= TLS_1_3; version++) {
		both();
		client.settings.tls_max = version;
		read_side(&client);
		read_side(&server);
		begin("alice", "vpn.example.org");
		converse(false);
		assert_int_equal(tls_reply_of(server.exchange)->outcome, TLS_FAILED);
		assert_int_equal(tls_reply_of(client.exchange)->outcome, TLS_FAILED);
		assert_non_null(strstr(tls_fault_sentence(client.exchange), "Access was denied"));
		end();
		forget(&client);
		forget(&server);
	}
}

/* Whatever one byte of a flight becomes, the exchange ends, and never in success. */
static void test_changed_bytes(void **state)
{
	both();
	read_side(&client);
	read_side(&server);
	for (size_t at = 0; at < 700; at += 23) {
		begin("alice", "vpn.example.org");
		tls_step(client.exchange);
		carry(&client, &server, 1000);
		struct tls_reply reply = *tls_reply_of(server.exchange);
		uint8_t flight[8192];
		assert_in_range(reply.length, 700, sizeof flight);
		memcpy(flight, reply.bytes, reply.length);
		flight[at] ^= 0x41;
		tls_hear(client.exchange, flight, reply.length);
		tls_step(client.exchange);
		assert_int_not_equal(tls_reply_of(client.exchange)->outcome, TLS_DONE);
		tls_step(client.exchange); /* nothing comes back to life */
		assert_int_not_equal(tls_reply_of(client.exchange)->outcome, TLS_DONE);
		end();
	}
	begin("alice", "vpn.example.org");
	for (size_t i = 0; i < 70; i++) /* more than a message may be */
		tls_hear(server.exchange, (const uint8_t[1000]){22, 3, 3, 3, 0xe3}, 1000);
	tls_step(server.exchange);
	assert_int_equal(tls_reply_of(server.exchange)->outcome, TLS_FAILED);
	assert_string_equal(tls_fault_word(server.exchange), "too-long");
	end();
	forget(&client);
	forget(&server);
}

static void test_files_with_faults(void **state)
{
	struct side side;
	prepare(&side, "client");
	free(side.settings.tls_key);
	side.settings.tls_key = copy("server.key");
	faulty(&side, "cert and key: ");
	prepare(&side, "nobody");
	faulty(&side, "nobody.pem: No such file");
	prepare(&side, "client");
	free(side.settings.tls_ca);
	side.settings.tls_ca = copy("client.key");
	faulty(&side, "ca: ");
	prepare(&side, "client");
	side.settings.tls_crl = copy("ca.pem");
	faulty(&side, "crl: ");
	prepare(&side, "client");
	free(side.settings.tls_cert);
	side.settings.tls_cert = NULL;
	assert_null(tls_credentials_read(&side.settings, &side.heard.faults));
	assert_int_equal(side.heard.faults.count, 0); /* none was named */
	settings_free(&side.settings);
	prepare(&side, "client");
	read_side(&side);
	assert_string_equal(tls_own_name(side.credentials), "alice");
	forget(&side);
	assert_null(tls_own_name(NULL));
}

/* OpenSSL at the other end computes the same keys. */
#if HAVE_OPENSSL
static SSL *openssl_end(SSL_CTX *context, bool serves, uint32_t version)
{
	static const int versions[] = {
		TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION};
	const char *const name = serves ? "server" : "client";
	char file[64];
	SSL_CTX_set_max_proto_version(context, versions[version]);
	SSL_CTX_load_verify_locations(context, path("ca.pem"), NULL);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	snprintf(file, sizeof file, "%s.pem", name);
	assert_int_equal(SSL_CTX_use_certificate_file(context, path(file), SSL_FILETYPE_PEM), 1);
	snprintf(file, sizeof file, "%s.key", name);
	assert_int_equal(SSL_CTX_use_PrivateKey_file(context, path(file), SSL_FILETYPE_PEM), 1);
	SSL *ssl = SSL_new(context);
	assert_non_null(ssl);
	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	serves ? SSL_set_accept_state(ssl) : SSL_set_connect_state(ssl);
	return ssl;
}

/* One message each way; false when it has nothing to say. */
static bool exchange_with(SSL *ssl, struct side *side, bool serves, bool *committed)
{
	const struct tls_reply *reply = tls_reply_of(side->exchange);
	uint8_t bytes[16384], byte;
	if (reply->length)
		BIO_write(SSL_get_rbio(ssl), reply->bytes, reply->length);
	int done = SSL_do_handshake(ssl);
	if (done == 1 && serves && SSL_version(ssl) == TLS1_3_VERSION && !*committed)
		*committed = SSL_write(ssl, "", 1) == 1;
	if (done == 1 && !serves && SSL_read(ssl, &byte, 1) == 1)
		*committed = byte == 0;
	int length = BIO_read(SSL_get_wbio(ssl), bytes, sizeof bytes);
	if (length <= 0)
		return false;
	tls_hear(side->exchange, bytes, (size_t)length);
	tls_step(side->exchange);
	if (tls_asks(side->exchange))
		tls_admit(side->exchange);
	return true;
}

static void test_openssl_has_the_same_keys(void **state)
{
	issue_file("client", &alice);
	for (int i = 0; i < 4; i++) {
		bool serves = i & 1, of_13 = i & 2, committed = false;
		uint8_t msk[128];
		struct side *side = serves ? &client : &server;
		both();
		read_side(&client);
		read_side(&server);
		begin("alice", "vpn.example.org");
		SSL_CTX *context = SSL_CTX_new(TLS_method());
		SSL *ssl = openssl_end(context, serves, of_13 ? TLS_1_3 : TLS_1_2);
		if (serves)
			tls_step(client.exchange);
		while (exchange_with(ssl, side, serves, &committed))
			;
		const struct tls_reply *reply = tls_reply_of(side->exchange);
		if (reply->outcome != TLS_DONE)
			fail_msg("%d: %s", i, tls_fault_sentence(side->exchange));
		assert_int_equal(committed, of_13);
		const char *label =
			of_13 ? "EXPORTER_EAP_TLS_Key_Material" : "client EAP encryption";
		assert_int_equal(SSL_export_keying_material(ssl, msk, of_13 ? 128 : 64, label,
					 strlen(label), (const uint8_t *)"\x0d", 1, of_13),
			1);
		assert_memory_equal(serves ? reply->keys.send : reply->keys.receive, msk, 16);
		assert_memory_equal(serves ? reply->keys.receive : reply->keys.send, msk + 32, 16);
		SSL_free(ssl);
		SSL_CTX_free(context);
		end();
		forget(&client);
		forget(&server);
	}
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_version),
		cmocka_unit_test(test_resumed),
		cmocka_unit_test(test_certificates_that_do_not_count),
		cmocka_unit_test(test_names_that_count),
		cmocka_unit_test(test_names_that_no_certificate_has),
		cmocka_unit_test(test_renewed),
		cmocka_unit_test(test_revoked),
		cmocka_unit_test(test_no_version_in_common),
		cmocka_unit_test(test_denied),
		cmocka_unit_test(test_changed_bytes),
		cmocka_unit_test(test_files_with_faults),
#if HAVE_OPENSSL
		cmocka_unit_test(test_openssl_has_the_same_keys),
#endif
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
