/* Listening sockets of a server, and of a client that waits for its PAC (see listeners.h). */
#include "listeners.h"

#include <stdio.h>

#include "log.h"
#include "narrate.h"
#include "values.h"

static int complain(struct host *host, int code, const char *what)
{
	log_line(&host->log, LOG_LINE_ERROR, "%s", what);
	return code;
}

int listeners_add(struct listeners *listeners, struct host *host, const char *word,
	void (*accepted)(void *context, struct tcp_connection *tcp), void *context)
{
	char host_name[256], error[256];
	struct tcp_listen_config config = {
		.accepted = accepted, .context = context, .port = (uint16_t)host->settings->port};
	if (!value_host_port(word, host_name, &config.port) ||
		!value_address(host_name, &config.address)) {
		snprintf(error, sizeof error,
			"--listen: an address, or address:port, is expected, not '%.100s'", word);
		return complain(host, 2, error);
	}
	if (listeners->count == LISTENERS_MAX)
		return complain(host, 2, "--listen: too many addresses");
	if (tcp_listen(&listeners->at[listeners->count], &host->loop, &config, error) < 0)
		return complain(host, 7, error);
	uint16_t port = tcp_listener_port(listeners->at[listeners->count++]);
	log_line(&host->log, LOG_LINE_INFO, "Listening on %s port %u",
		shown_address(&config.address), port);
	return 0;
}

void listeners_close(struct listeners *listeners)
{
	while (listeners->count)
		tcp_listener_close(listeners->at[--listeners->count]);
}
