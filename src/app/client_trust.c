/* Whether the server is who it says it is, where the client wants more than MS-CHAPv2's proof.
 *
 * With --peer-auth the client is an authenticator too. The server names itself in its own
 * response; its secret is on the line of --secrets whose client is that name and whose server is
 * our user, as pppd has it: the same file that may hold our own password with the names the other
 * way round. The file is read again for each dial. A server that fails is hung up on. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "digest.h"
#include "narrate.h"
#include "peer.h"
#include "secrets.h"

static void tell_fault(void *context, const char *line)
{
	struct client *client = context;
	log_line(&client->host.log, LOG_LINE_WARNING, "%s", line);
}

int client_trust_check(const struct settings *settings)
{
	if (!settings->peer_auth || settings->secrets || settings->pap_secrets)
		return 0;
	fprintf(stderr,
		"--peer-auth needs --secrets: a line with the server's name, our user and the "
		"server's secret\n");
	return 2;
}

/* The reason why not, for reason=; NULL: it is proved. */
static const char *judge(
	struct client *client, const struct auth_question *question, struct auth_answer *answer)
{
	if (memchr(question->name, '\0', question->name_length))
		return "name";
	const struct secret *secret =
		secrets_find(&client->trust, question->name, question->name_length, client->user);
	if (!secret)
		return client->keeper ? "unknown-user" : "unknown-server";
	if (secret->nt_hash && (question->method & (AUTH_CHAP_MD5 | AUTH_EAP_MD5)))
		return "nt-hash-only";
	auth_check(question, secret->word, secret->length, secret->nt_hash, answer);
	if (!answer->accepted)
		return "wrong-password";
	if (client->keeper && secret->none) {
		*answer = (struct auth_answer){.error = AUTH_ERROR_NO_DIALIN};
		return "no-address-allowed";
	}
	client->peer_secret = secret;
	return NULL;
}

/* PAP's passwords are often in a file of their own. */
static const char *file_for(const struct settings *settings, const struct auth_question *question)
{
	bool pap = question->method == AUTH_PAP && settings->pap_secrets;
	return pap ? settings->pap_secrets : settings->secrets;
}

static int read_trust(struct client *client, const char *path)
{
	struct faults faults = {.report = tell_fault, .context = client};
	client->peer_secret = NULL;
	secrets_free(&client->trust);
	secrets_init(&client->trust);
	int error =
		client->settings->peer_auth ? secrets_read(&client->trust, path, &faults) : -ENOENT;
	if (error && client->settings->peer_auth)
		log_line(&client->host.log, LOG_LINE_ERROR, "--secrets: %s: %s", path,
			strerror(-error));
	return error;
}

/* On a line the session is the peer's, and bears its name. */
static void name_peer(
	const struct client *client, struct seat *seat, const struct auth_question *question)
{
	if (!client->keeper)
		return;
	free(seat->user);
	seat->user = strndup((const char *)question->name, question->name_length);
	seat->method = question->method;
}

void client_credentials(struct seat *seat, uint32_t token, const struct auth_question *question)
{
	struct client *client = seat->owner->role;
	struct auth_answer answer = {.error = AUTH_ERROR_WRONG};
	const char *refused = "no-secrets";
	if (!read_trust(client, file_for(client->settings, question)))
		refused = judge(client, question, &answer);
	if (refused)
		narrate_login_failed(seat, question, refused);
	else if (seat->session.link.phase == PHASE_AUTHENTICATE)
		narrate_login(seat, question);
	if (!refused)
		name_peer(client, seat, question);
	seat_credentials(seat, token, &answer);
	secret_wipe(&answer, sizeof answer);
}
