/* Where the server is.
 *
 * As long as no route leads into the tunnel, the dial itself looks the name up. Otherwise the
 * answer must be known before it, for its route outside; and the name servers may be behind the
 * tunnel that is to be dialled. So the server is first sought where it was last; by its name when
 * it is not there any more, or was not found yet. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "values.h"

struct question {
	uv_getaddrinfo_t request;
	struct client *client;
	client_outside_then *then;
};

static bool takes(const struct client *client, uint8_t family)
{
	return !client->local.family || client->local.family == family;
}

static bool take_address(struct client *client, const struct addrinfo *found)
{
	struct address address = {.family = 0};
	if (found->ai_family == AF_INET && takes(client, 4)) {
		struct sockaddr_in in;
		memcpy(&in, found->ai_addr, sizeof in);
		address = address_ipv4(ntohl(in.sin_addr.s_addr));
	} else if (found->ai_family == AF_INET6 && takes(client, 6)) {
		struct sockaddr_in6 in;
		memcpy(&in, found->ai_addr, sizeof in);
		address.family = 6;
		memcpy(address.bytes, &in.sin6_addr, 16);
	}
	if (address.family)
		client->server = address;
	return address.family != 0;
}

static void keep_outside(struct client *client, client_outside_then *then)
{
	const struct address none = {.family = 0};
	client_outside_keep(client, &client->server, &none, 0, then);
}

static void on_found(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
	struct question *question = request->data;
	struct client *client = question->client;
	client_outside_then *then = question->then;
	bool taken = false;
	for (const struct addrinfo *at = found; at && !taken && !status; at = at->ai_next)
		taken = take_address(client, at);
	uv_freeaddrinfo(found);
	free(question);
	if (client->host.stopping)
		return;
	if (!taken)
		log_line(&client->host.log, LOG_LINE_ERROR, "No address of %s: %s%s",
			client->host_name, status ? tcp_error(status) : "none of its family",
			client->server.family ? ": trying where it was last" : "");
	if (taken || client->server.family)
		keep_outside(client, then);
	else
		then(client, 0, -EHOSTUNREACH);
}

static void ask(struct client *client, client_outside_then *then)
{
	static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct question *question = malloc(sizeof *question);
	int failed = -ENOMEM;
	if (question) {
		*question = (struct question){.client = client, .then = then};
		question->request.data = question;
		failed = uv_getaddrinfo(&client->host.loop, &question->request, on_found,
			client->host_name, NULL, &hints);
	}
	if (!failed)
		return;
	free(question);
	then(client, 0, failed);
}

void client_server_find(struct client *client, client_outside_then *then)
{
	const struct settings *settings = client->settings;
	bool loops = settings->default_route || settings->routes.count || settings->use_peer_routes;
	struct address literal;
	if (value_address(client->host_name, &literal))
		client->server = literal;
	if (!loops || client->host.space >= 0 || client->keeper) /* or it is behind a line */
		then(client, 0, 0);
	else if (client->server.family && !client->by_name)
		keep_outside(client, then);
	else
		ask(client, then);
}
