/* greyline sessions: the table of sessions with accel-ppp's columns; greyline terminate. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "rpc.h"
#include "tools.h"

static const char *const columns[] = {"ifname", "username", "calling-sid", "ip", "ip6", "ip6-dp",
	"rate-limit", "type", "comp", "state", "uptime", "called-sid", "sid", "rx-bytes",
	"tx-bytes", "rx-pkts", "tx-pkts"};

enum { COLUMNS = sizeof columns / sizeof columns[0], CELL = 1100 };

static void uptime_text(char cell[CELL], json_int_t seconds)
{
	int used = 0;
	if (seconds >= 86400)
		used = snprintf(cell, CELL, "%lld.", (long long)seconds / 86400);
	snprintf(cell + used, (size_t)(CELL - used), "%02lld:%02lld:%02lld",
		(long long)seconds / 3600 % 24, (long long)seconds / 60 % 60,
		(long long)seconds % 60);
}

static void cell_text(char cell[CELL], json_t *session, unsigned column)
{
	json_t *value = json_object_get(session, columns[column]);
	if (json_is_integer(value) && !strcmp(columns[column], "uptime"))
		uptime_text(cell, json_integer_value(value));
	else if (json_is_integer(value))
		snprintf(cell, CELL, "%lld", (long long)json_integer_value(value));
	else
		snprintf(cell, CELL, "%s", json_is_string(value) ? json_string_value(value) : "");
	fault_harmless(cell);
}

static void measure(json_t *sessions, size_t widths[COLUMNS])
{
	char cell[CELL];
	size_t i;
	json_t *session;
	for (unsigned c = 0; c < COLUMNS; c++)
		widths[c] = strlen(columns[c]);
	json_array_foreach(sessions, i, session)
	{
		for (unsigned c = 0; c < COLUMNS; c++) {
			cell_text(cell, session, c);
			if (strlen(cell) > widths[c])
				widths[c] = strlen(cell);
		}
	}
}

static void print_table(json_t *sessions)
{
	size_t widths[COLUMNS], i;
	char cell[CELL];
	json_t *session;
	measure(sessions, widths);
	for (unsigned c = 0; c < COLUMNS; c++)
		printf("%s%-*s", c ? " | " : " ", (int)widths[c], columns[c]);
	putchar('\n');
	for (unsigned c = 0; c < COLUMNS; c++) {
		fputs(c ? "-+-" : "-", stdout);
		for (size_t n = 0; n < widths[c]; n++)
			putchar('-');
	}
	putchar('\n');
	json_array_foreach(sessions, i, session)
	{
		for (unsigned c = 0; c < COLUMNS; c++) {
			cell_text(cell, session, c);
			printf("%s%-*s", c ? " | " : " ", (int)widths[c], cell);
		}
		putchar('\n');
	}
}

/* The sessions of one program, appended. */
static bool collect(const char *path, json_t *all)
{
	char error[256];
	int fd = rpc_connect(path);
	json_t *answer = fd < 0 ? NULL : rpc_call(fd, "org.greyline.Sessions", NULL, error);
	if (fd >= 0)
		close(fd);
	if (!answer) {
		fprintf(stderr, "%s: %s\n", path, fd < 0 ? strerror(-fd) : error);
		return false;
	}
	json_array_extend(all, json_object_get(answer, "sessions"));
	json_decref(answer);
	return true;
}

int sessions_command(const struct command *command, struct settings *settings, const char *word)
{
	struct rpc_paths paths = rpc_paths(settings);
	json_t *all = json_array();
	int code = paths.count ? 0 : 1;
	if (!paths.count)
		rpc_nobody(settings);
	for (size_t i = 0; i < paths.count; i++)
		if (!collect(paths.at[i], all))
			code = 1;
	if (paths.count && settings->json) {
		json_dumpf(all, stdout, JSON_INDENT(2));
		putchar('\n');
	} else if (paths.count) {
		print_table(all);
	}
	json_decref(all);
	rpc_paths_free(&paths);
	return code;
}

json_t *selector_json(const struct settings *settings, unsigned *count)
{
	const struct {
		const char *key, *value;
	} keys[] = {{"if", settings->by_interface}, {"username", settings->by_user},
		{"ip", settings->by_address}, {"csid", settings->by_peer},
		{"sid", settings->by_id}};
	json_t *selector = json_object();
	*count = settings->by_all;
	if (settings->by_all)
		json_object_set_new(selector, "all", json_true());
	for (unsigned i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (keys[i].value) {
			json_object_set_new(selector, keys[i].key, json_string(keys[i].value));
			(*count)++;
		}
	return selector;
}

int terminate_command(const struct command *command, struct settings *settings, const char *word)
{
	unsigned count, ended = 0;
	char error[256];
	json_t *selector = selector_json(settings, &count);
	if (count != 1) {
		fprintf(stderr, "greyline terminate: say which: one of --if, --username, --ip, "
				"--csid, --sid or --all\n");
		json_decref(selector);
		return 2;
	}
	json_object_set_new(selector, "hard", json_boolean(settings->hard));
	struct rpc_paths paths = rpc_paths(settings);
	for (size_t i = 0; i < paths.count; i++) {
		int fd = rpc_connect(paths.at[i]);
		json_t *answer = fd < 0 ? NULL
					: rpc_call(fd, "org.greyline.Terminate",
						  json_incref(selector), error);
		ended += (unsigned)json_integer_value(json_object_get(answer, "terminated"));
		json_decref(answer);
		if (fd >= 0)
			close(fd);
	}
	if (!paths.count)
		rpc_nobody(settings);
	else
		printf("%u session%s terminated\n", ended, ended == 1 ? "" : "s");
	json_decref(selector);
	rpc_paths_free(&paths);
	return ended ? 0 : 1;
}
