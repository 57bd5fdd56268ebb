/* `greyline link`: PPP on a line, as either end (client_line.c is its life).
 *
 * The keeper that opens the line is forked before anything else, so that it keeps the privileges
 * for it. Without DEVICE and --pty the line is standard input and output: somebody else's pty, what
 * a login shell or inetd gives. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "digest.h"
#include "limits.h"
#include "line_keeper.h"
#include "tls.h"
#include "tls_login.h"

static int usage(const char *what)
{
	fprintf(stderr, "greyline link: %s\n", what);
	return 2;
}

/* What the log calls it until the keeper knows better. */
static const char *line_name(const struct settings *settings, const char *device)
{
	return device ? device : settings->pty ? "pty" : "standard-input";
}

static int take_names(struct client *client, const char *device)
{
	const struct settings *settings = client->settings;
	const char *name = settings->user   ? settings->user
			   : settings->name ? settings->name
					    : client->name;
	snprintf(client->host_name, sizeof client->host_name, "%s", line_name(settings, device));
	client->user = strdup(name);
	client->host.tls_wanted = settings->tls_name ? settings->tls_name : settings->remote_name;
	if (device && settings->pty)
		return usage("--pty makes a line by itself: no DEVICE");
	if (strlen(name) > PPP_NAME_MAX)
		return usage("the name is longer than 255 bytes");
	if (settings->no_address && !(client->local4 && settings->remote.family))
		return usage("--ipcp-no-address needs LOCAL:REMOTE: nobody else tells the "
			     "addresses");
	if (settings->sync && settings->fcs != LCP_FCS_16)
		return usage("--fcs: on a line that carries frames (--sync) there is no check "
			     "sequence of ours");
	return 0;
}

/* A password is needed only where the peer asks for one: who has none is asked for it when --user
 * says that somebody logs in. */
static int take_password(struct client *client)
{
	const struct settings *settings = client->settings;
	struct password_wish wish = {settings, client->user, settings->remote_name};
	bool given = settings->password_file || settings->password || getenv("GREYLINE_PASSWORD");
	int code = 0;
	if (given || (settings->user && !settings->secrets && !client->host.tls))
		code = client_password(&wish, &client->password, &client->nt_hash);
	else
		client_known_password(&wish, &client->password, &client->nt_hash);
	if (!code && !client->password) {
		client->no_password = true;
		client->password = strdup("");
	}
	return code ? code : client_new_password(&wish, &client->new_password);
}

static enum tty_flow flow_of(const struct settings *settings)
{
	if (settings->xonxoff)
		return TTY_FLOW_XONXOFF;
	if (!settings->crtscts_said)
		return TTY_FLOW_LEAVE;
	return settings->crtscts ? TTY_FLOW_RTSCTS : TTY_FLOW_NONE;
}

static int start_keeper(struct client *client, const char *device)
{
	const struct settings *settings = client->settings;
	struct tty_config config = {.device = device,
		.command = settings->pty,
		.notty = !device && !settings->pty && !isatty(STDIN_FILENO),
		.sync = settings->sync,
		.speed = settings->speed,
		.flow = flow_of(settings),
		.stop_bits = (uint8_t)settings->stop_bits,
		.modem = settings->modem,
		.lock = settings->lock,
		.init = settings->init,
		.connect = settings->connect_script,
		.welcome = settings->welcome,
		.disconnect = settings->disconnect,
		.script_seconds = settings->script_timeout,
		.record = settings->record,
		.messages = STDERR_FILENO};
	int failed = line_keeper_start(&client->keeper, &config);
	if (!failed)
		return 0;
	fprintf(stderr, "Couldn't start the process that keeps the line: %s\n", strerror(-failed));
	return 1;
}

int link_command(const struct command *command, struct settings *settings, const char *word)
{
	struct client *client = calloc(1, sizeof *client);
	if (!client)
		return 1;
	client->settings = settings;
	secrets_init(&client->trust);
	client_unit_init(client);
	if (gethostname(client->name, sizeof client->name - 1) < 0)
		strcpy(client->name, "greyline");
	client_take_local4(client);
	if (!word && !settings->pty)
		settings->persist = false; /* what we were started on comes once */
	int code = tls_login_read(&client->host, settings);
	if (!code)
		code = take_names(client, word);
	if (!code)
		code = client_trust_check(settings);
	if (!code)
		code = take_password(client);
	if (!code)
		code = start_keeper(client, word);
	return client_run(client, code);
}
