/* Where the client's password comes from: never from the command line, which everybody can read.
 *
 * What was in a file's first line, the environment or the terminal is copied once and wiped at the
 * end; the environment's own copy is overwritten at once, because /proc shows it. An NT hash in a
 * secrets file will do, too, for the methods that know no more of a password. A new password is
 * asked for when the server has said that the other one has expired, with no connection to keep
 * alive meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "auth.h"
#include "client.h"
#include "digest.h"
#include "secrets.h"
#include "slurp.h"

enum { PASSWORD_FILE_MAX = 65536 };

static int keep(char **password, const char *word, size_t length)
{
	if (length > PPP_SECRET_MAX) {
		fprintf(stderr, "The password is longer than %d bytes\n", PPP_SECRET_MAX);
		return 2;
	}
	*password = strndup(word, length);
	return *password ? 0 : 1;
}

static int keep_secret(char **password, bool *nt_hash, const struct secret *secret)
{
	*nt_hash = secret->nt_hash;
	if (!secret->nt_hash)
		return keep(password, (const char *)secret->word, secret->length);
	*password = malloc(secret->length);
	if (!*password)
		return 1;
	memcpy(*password, secret->word, secret->length);
	return 0;
}

static int from_file(char **password, const char *option, const char *path)
{
	char *bytes;
	size_t length;
	struct stat seen;
	int error = slurp(path, PASSWORD_FILE_MAX, &bytes, &length, &seen);
	if (error) {
		fprintf(stderr, "%s: %s: %s\n", option, path, strerror(-error));
		return 2;
	}
	if (S_ISREG(seen.st_mode) && seen.st_mode & 077)
		fprintf(stderr, "warning: %s: others can read this password: chmod 600 %s\n", path,
			path);
	size_t line = strcspn(bytes, "\r\n");
	int code = 0;
	if (!line) {
		fprintf(stderr, "%s: %s: its first line is empty\n", option, path);
		code = 2;
	} else {
		code = keep(password, bytes, line);
	}
	slurp_free(bytes, length);
	return code;
}

static void tell_fault(void *context, const char *line)
{
	fprintf(stderr, "%s\n", line);
}

/* As pppd does: our name first, the server's second. */
static int from_secrets(
	char **password, bool *nt_hash, const struct password_wish *wish, const char *path)
{
	struct secrets secrets;
	struct faults faults = {.report = tell_fault};
	const struct settings *settings = wish->settings;
	const char *remote = settings->remote_name ? settings->remote_name : wish->host_name;
	secrets_init(&secrets);
	int code = 2, error = secrets_read(&secrets, path, &faults);
	const struct secret *secret =
		secrets_find(&secrets, wish->user, strlen(wish->user), remote);
	if (error)
		fprintf(stderr, "--secrets: %s: %s\n", path, strerror(-error));
	else if (!secret)
		fprintf(stderr, "--secrets: %s: no line for client '%s' and server '%s'\n", path,
			wish->user, remote ? remote : "*");
	else if (secret->nt_hash && !(settings_auth(settings) & AUTH_MICROSOFT))
		fprintf(stderr,
			"--secrets: %s:%u: an NT hash is good for MS-CHAPv2, in EAP or without, "
			"and "
			"MS-CHAP: allow one of them\n",
			path, secret->at.line);
	else
		code = keep_secret(password, nt_hash, secret);
	secrets_free(&secrets);
	return code;
}

void client_known_password(const struct password_wish *wish, char **password, bool *nt_hash)
{
	struct faults faults = {.report = NULL};
	struct secrets secrets;
	secrets_init(&secrets);
	const char *path = wish->settings->secrets;
	const struct secret *secret = NULL;
	if (path && !secrets_read(&secrets, path, &faults))
		secret = secrets_find(
			&secrets, wish->user, strlen(wish->user), wish->settings->remote_name);
	if (secret)
		keep_secret(password, nt_hash, secret);
	secrets_free(&secrets);
}

static int from_environment(char **password, char *value)
{
	int code = keep(password, value, strlen(value));
	secret_wipe(value, strlen(value));
	unsetenv("GREYLINE_PASSWORD");
	return code;
}

/* A line typed without being shown. A signal ends the wait, for whoever sent it wants us to go. */
static int ask(int terminal, const char *what, const struct password_wish *wish, char **password)
{
	char line[PPP_SECRET_MAX + 2];
	struct termios before, quiet;
	struct pollfd typed = {.fd = terminal, .events = POLLIN};
	bool asked = tcgetattr(terminal, &before) == 0;
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	dprintf(terminal, "%s for %s@%s: ", what, wish->user, wish->host_name);
	if (asked)
		tcsetattr(terminal, TCSAFLUSH, &quiet);
	ssize_t length = poll(&typed, 1, -1) < 0 ? -1 : read(terminal, line, sizeof line);
	if (asked)
		tcsetattr(terminal, TCSAFLUSH, &before);
	dprintf(terminal, "\n");
	while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
		length--;
	int code = length > 0 ? keep(password, line, (size_t)length) : 2;
	if (length <= 0)
		fprintf(stderr, "No password was typed\n");
	secret_wipe(line, sizeof line);
	return code;
}

static int open_terminal(void)
{
	return open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
}

static int from_prompt(char **password, const struct password_wish *wish)
{
	int terminal = open_terminal();
	if (terminal < 0) {
		fprintf(stderr, "No password: give --password-file, set GREYLINE_PASSWORD, or "
				"start me on a terminal\n");
		return 2;
	}
	int code = ask(terminal, "Password", wish, password);
	close(terminal);
	return code;
}

static void forget(char **password)
{
	if (*password)
		secret_wipe(*password, strlen(*password));
	free(*password);
	*password = NULL;
}

bool client_ask_new_password(const struct password_wish *wish, char **password)
{
	char *again = NULL;
	int terminal = open_terminal();
	if (terminal < 0)
		return false;
	bool typed = !ask(terminal, "The password has expired. New password", wish, password) &&
		     !ask(terminal, "The new password again", wish, &again);
	if (typed && strcmp(*password, again) != 0) {
		fprintf(stderr, "These two are not the same\n");
		typed = false;
	}
	if (!typed)
		forget(password);
	forget(&again);
	close(terminal);
	return typed;
}

int client_new_password(const struct password_wish *wish, char **password)
{
	const char *path = wish->settings->new_password_file;
	return path ? from_file(password, "--new-password-file", path) : 0;
}

bool client_has_password(const struct password_wish *wish)
{
	const struct settings *settings = wish->settings;
	return settings->password_file || getenv("GREYLINE_PASSWORD") || settings->password ||
	       settings->secrets;
}

int client_password(const struct password_wish *wish, char **password, bool *nt_hash)
{
	const struct settings *settings = wish->settings;
	char *value = getenv("GREYLINE_PASSWORD");
	if (settings->password_file)
		return from_file(password, "--password-file", settings->password_file);
	if (value)
		return from_environment(password, value);
	if (settings->password)
		return keep(password, settings->password, strlen(settings->password));
	if (settings->secrets)
		return from_secrets(password, nt_hash, wish, settings->secrets);
	return from_prompt(password, wish);
}
