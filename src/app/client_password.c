/* Where the client's password comes from: never from the command line, which everybody can read.
 *
 * What was in a file's first line, the environment or the terminal is copied once and wiped at the
 * end; the environment's own copy is overwritten at once, because /proc shows it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

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

static int from_file(char **password, const char *path)
{
	char *bytes;
	size_t length;
	struct stat seen;
	int error = slurp(path, PASSWORD_FILE_MAX, &bytes, &length, &seen);
	if (error) {
		fprintf(stderr, "--password-file: %s: %s\n", path, strerror(-error));
		return 2;
	}
	if (S_ISREG(seen.st_mode) && seen.st_mode & 077)
		fprintf(stderr, "warning: %s: others can read this password: chmod 600 %s\n", path,
			path);
	size_t line = strcspn(bytes, "\r\n");
	int code = 0;
	if (!line) {
		fprintf(stderr, "--password-file: %s: its first line is empty\n", path);
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
static int from_secrets(char **password, const struct password_wish *wish, const char *path)
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
			wish->user, remote);
	else if (secret->nt_hash)
		fprintf(stderr, "--secrets: %s:%u: an NT hash serves a server, not a client\n",
			path, secret->at.line);
	else
		code = keep(password, (const char *)secret->word, secret->length);
	secrets_free(&secrets);
	return code;
}

static int from_environment(char **password, char *value)
{
	int code = keep(password, value, strlen(value));
	secret_wipe(value, strlen(value));
	unsetenv("GREYLINE_PASSWORD");
	return code;
}

static int from_prompt(char **password, const struct password_wish *wish)
{
	char line[PPP_SECRET_MAX + 2];
	struct termios before, quiet;
	int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (terminal < 0) {
		fprintf(stderr, "No password: give --password-file, set GREYLINE_PASSWORD, or "
				"start me on a terminal\n");
		return 2;
	}
	bool asked = tcgetattr(terminal, &before) == 0;
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	dprintf(terminal, "Password for %s@%s: ", wish->user, wish->host_name);
	if (asked)
		tcsetattr(terminal, TCSAFLUSH, &quiet);
	ssize_t length = read(terminal, line, sizeof line);
	if (asked)
		tcsetattr(terminal, TCSAFLUSH, &before);
	dprintf(terminal, "\n");
	close(terminal);
	while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
		length--;
	int code = length > 0 ? keep(password, line, (size_t)length) : 2;
	if (length <= 0)
		fprintf(stderr, "No password was typed\n");
	secret_wipe(line, sizeof line);
	return code;
}

bool client_has_password(const struct password_wish *wish)
{
	const struct settings *settings = wish->settings;
	return settings->password_file || getenv("GREYLINE_PASSWORD") || settings->password ||
	       settings->secrets;
}

int client_password(const struct password_wish *wish, char **password)
{
	const struct settings *settings = wish->settings;
	char *value = getenv("GREYLINE_PASSWORD");
	if (settings->password_file)
		return from_file(password, settings->password_file);
	if (value)
		return from_environment(password, value);
	if (settings->password)
		return keep(password, settings->password, strlen(settings->password));
	if (settings->secrets)
		return from_secrets(password, wish, settings->secrets);
	return from_prompt(password, wish);
}
