/* Dialling again (see redial.h).
 *
 * A connection that ends is dialled again with --persist: after --holdoff, doubled with each
 * failure in a row up to a bound and spread by chance; at once when it was us who had enough of it
 * (idle, connect time, traffic: pppd waits for none of these either) or SIGHUP asked for a new one.
 * After --maxfail failures in a row, or without --persist, its close reason is the exit code. */
#include "redial.h"

#include "demand.h"
#include "notify.h"

enum { KERNEL_LACKS = 4 /* an exit code */ };

uint64_t redial_wait(uint32_t holdoff, uint32_t failures, uint32_t dice)
{
	uint32_t doublings = failures ? failures - 1 : 0;
	uint64_t wait = (uint64_t)holdoff * 1000, most = REDIAL_WAIT_MAX / 1000;
	if (doublings > REDIAL_DOUBLINGS)
		doublings = REDIAL_DOUBLINGS;
	if (most < wait)
		most = wait; /* it was asked for */
	wait <<= doublings;
	if (wait > most)
		wait = most;
	return wait + (wait / 2 * dice >> 32);
}

static void on_redial(uv_timer_t *timer)
{
	struct client *client = timer->data;
	if (client->settings->demand)
		demand_wait(client);
	else
		client_dial(client);
}

void redial_init(struct client *client)
{
	uv_timer_init(&client->host.loop, &client->redial);
	client->redial.data = client;
}

static void give_up(struct client *client)
{
	client_unit_close(client);
	client->host.exit_code = client->no_tun       ? KERNEL_LACKS
				 : client->line_fault ? client->line_fault
						      : close_exit_code(client->reason);
	host_stop(&client->host, client->reason, client->host.exit_code);
}

/* Once: a server that will not have the new one either is not asked for ever. */
static bool ask_new_password(struct client *client)
{
	struct password_wish wish = {client->settings, client->user, client->host_name};
	return !client->new_password && client_ask_new_password(&wish, &client->new_password);
}

/* Another try of the same connection, which is no failure. */
static bool is_tried_again(struct client *client)
{
	if (client->reason == CLOSE_AUTH_EXPIRED && ask_new_password(client)) {
		client_dial(client);
		return true;
	}
	const struct call_zero_try how = {
		client->was_up, client->unheard, client->reason, client->host_name};
	if (client->hung_up || !call_zero_again(&client->zero, &how, &client->host.log))
		return false;
	uv_timer_start(&client->redial, on_redial, 0, 0);
	return true;
}

static bool is_enough(struct client *client)
{
	const struct settings *settings = client->settings;
	if (client->hung_up)
		return false;
	if (!settings->persist)
		return true;
	if (!settings->max_fail || client->failures < settings->max_fail)
		return false;
	log_line(&client->host.log, LOG_LINE_ERROR,
		"Giving up after %u failures in a row (--maxfail) peer=%s", client->failures,
		client->host_name);
	return true;
}

/* Whether it ended by a limit of ours, or because there is a better way to the server. */
static bool is_at_once(enum close_reason reason)
{
	return reason == CLOSE_IDLE || reason == CLOSE_MAX_CONNECT ||
	       reason == CLOSE_TRAFFIC_LIMIT || reason == CLOSE_WAY_CHANGED;
}

static uint64_t holdoff_ms(struct client *client)
{
	if (client->hung_up || is_at_once(client->reason))
		return 0;
	return redial_wait(
		client->settings->holdoff, client->failures, random_u32(&client->host.random));
}

void redial_ended(struct client *client)
{
	if (client->host.stopping || client->peers || client->seat || client->dialling)
		return;
	client->by_name = client->reason == CLOSE_TCP_FAILED && !client->by_name;
	if (is_tried_again(client))
		return;
	if (!client->was_up && !client->hung_up)
		client->failures++;
	if (is_enough(client)) {
		give_up(client);
		return;
	}
	uint64_t wait = holdoff_ms(client);
	bool waits = client->listeners.count || client->settings->demand;
	log_line(&client->host.log, LOG_LINE_INFO, "%s in %llu s peer=%s",
		waits ? "Waiting again" : "Dialling again", (unsigned long long)wait / 1000,
		client->host_name);
	client->hung_up = false;
	demand_refuse(client);
	notify_send("STATUS=waiting to dial again");
	uv_timer_start(&client->redial, on_redial, wait, 0);
}

void redial_now(struct client *client, enum close_reason reason)
{
	client->hung_up = client->peers || client->seat; /* how the end of these is met */
	if (client->peers)
		client_links_stop(client, reason);
	else if (!client->seat && !client->dialling)
		uv_timer_start(&client->redial, on_redial, 0, 0);
	/* Otherwise the old session's interface is about to go, and the dial follows it. */
}
