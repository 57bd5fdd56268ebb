/* Settings to tunnel configuration (see profile.h). */
#include "profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compression.h"
#include "limits.h"
#include "values.h"

enum { FIRMWARE = 0x0100 }; /* major and minor of our own version */

static void copy_name(char name[64], const char *from)
{
	size_t length = strlen(from);
	memset(name, 0, 64);
	memcpy(name, from, length < 63 ? length : 63);
}

static void fill_control(
	struct control_config *config, const struct settings *settings, const char *host_name)
{
	copy_name(config->host_name, settings->host_name ? settings->host_name : host_name);
	copy_name(config->vendor_name, "Greyline");
	config->firmware = FIRMWARE;
	config->window = (uint16_t)settings->window;
	config->echo_interval_us = SECONDS(settings->control_echo_interval);
	config->echo_timeout_us = SECONDS(settings->control_echo_timeout);
	config->request_timeout_us = SECONDS(settings->control_timeout);
}

static void fill_link(struct link_config *config, const struct settings *settings, uint16_t mtu)
{
	uint16_t wrapped = mtu + MPPE_OVERHEAD; /* what a full inner packet is under MPPE */
	config->mru = settings->mru ? (uint16_t)settings->mru : wrapped;
	if (config->mru > PPP_MRU_DEFAULT)
		config->mru = PPP_MRU_DEFAULT;
	config->ask_pfc = settings->pcomp;
	config->ask_acfc = settings->accomp;
	config->restart_us = SECONDS(settings->lcp_restart);
	config->max_configure = (uint8_t)settings->lcp_max_configure;
	config->max_terminate = (uint8_t)settings->lcp_max_terminate;
	config->max_failure = (uint8_t)settings->lcp_max_failure;
	config->echo_interval_us = SECONDS(settings->echo_interval);
	config->echo_failure = (uint8_t)settings->echo_failure;
	config->lqr_period = settings->lqr_period * 100;
	config->lqr_loss = (uint8_t)settings->lqr_loss;
	config->lqr_failure = (uint8_t)settings->lqr_failure;
	config->lqr_window = (uint8_t)settings->lqr_window;
	value_auth(settings->auth_order, &config->demand_order);
	config->allow_order = config->demand_order;
	config->rechallenge_us = SECONDS(settings->chap_interval);
	config->auth_timeout_us = SECONDS(settings->auth_timeout);
	link_config_defaults(config);
}

static void fill_unit(struct unit_config *config, const struct settings *settings)
{
	config->mppe_allow = settings_mppe(settings);
	config->mppe_require = settings_mppe_required(settings);
	config->mppe_stateful = settings->mppe_stateful;
	config->ecp_key = settings->ecp_key;
	compression_allowed(settings, &config->compress);
	config->restart_us = SECONDS(settings->lcp_restart);
	config->max_configure = (uint8_t)settings->lcp_max_configure;
	config->max_terminate = (uint8_t)settings->lcp_max_terminate;
	config->max_failure = (uint8_t)settings->lcp_max_failure;
	config->network_timeout_us = SECONDS(30);
	config->ipv6 = settings->ipv6;
	if (settings->ipv6_id)
		value_identifiers(settings->ipv6_id, &config->local6, &config->remote6);
	config->accept_local6 = settings->accept_local6;
	config->accept_remote6 = settings->accept_remote6;
	config->accept_local4 = settings->accept_local;
	config->accept_remote4 = settings->accept_remote;
	config->no_address4 = settings->no_address;
	config->vj.slots = settings->vj ? (uint16_t)settings->vj_slots : 0;
	config->vj.omit_slot = settings->vj && settings->vj_omit_slot;
	unit_config_defaults(config);
}

void profile_common(struct tunnel_config *config, const struct settings *settings,
	uint16_t path_mtu, const char *host_name)
{
	uint16_t mtu = settings->mtu ? (uint16_t)settings->mtu : path_mtu;
	fill_control(&config->control, settings, host_name);
	fill_link(&config->session.link, settings, mtu);
	fill_unit(&config->session.unit, settings);
	if (settings->ecp_key.length && !settings->mtu)
		mtu -= ECP_OVERHEAD - MPPE_OVERHEAD; /* the path's MTU is told for MPPE */
	config->session.mtu = mtu;
	config->session.clamp_mss = settings->mss_clamp;
	config->session.gre_from_anywhere = settings->gre_from_anywhere;
	config->session.dscp = (uint8_t)settings->dscp;
	config->session.dscp_copy = settings->dscp_copy;
	config->session.ecn = (enum session_ecn)settings->ecn;
	config->session.window = (enum session_window)settings->send_window;
	config->session.idle_us = SECONDS(settings->idle);
	config->session.max_connect_us = SECONDS(settings->max_connect);
	if (settings->max_octets)
		value_octets(settings->max_octets, &config->session.max_octets);
	config->session.octets_us = SECONDS(settings->octets_every);
	config->session.octets = (enum session_octets)settings->octets_direction;
}

struct profile {
	struct profile *next;
	uint32_t users;
	struct tunnel_config config;
};

const struct tunnel_config *profile_take(
	struct profile **profiles, const struct tunnel_config *config)
{
	struct profile *at = *profiles;
	while (at && memcmp(&at->config, config, sizeof *config) != 0)
		at = at->next;
	if (!at) {
		at = malloc(sizeof *at);
		if (!at)
			return NULL;
		at->users = 0;
		memcpy(&at->config, config, sizeof *config);
		at->next = *profiles;
		*profiles = at;
	}
	at->users++;
	return &at->config;
}

void profile_return(struct profile **profiles, const struct tunnel_config *config)
{
	struct profile **link = profiles;
	while (*link && &(*link)->config != config)
		link = &(*link)->next;
	struct profile *at = *link;
	if (!at || --at->users > 0)
		return;
	*link = at->next;
	free(at);
}
