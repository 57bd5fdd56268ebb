/* Everything the command line and the configuration files can say, in one struct.
 *
 * options.c holds the one table that says how each member is spelled. Strings and lists belong to
 * the struct; settings_free gives them back. Times are seconds, as pppd's options are. */
#ifndef GREYLINE_SETTINGS_H
#define GREYLINE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "ecp_key.h"
#include "fault.h"

struct ipv4_range {
	uint32_t first, last; /* host order, both included */
	bool subnet;          /* written as a CIDR: its ends are not given out */
};

struct range_list {
	struct ipv4_range *at;
	size_t count;
};

struct prefix_list {
	struct prefix *at;
	size_t count;
};

struct text_list {
	char **at;
	size_t count;
};

/* A pair of servers to hand out: DNS or WINS. */
struct address_pair {
	uint32_t at[2]; /* host order; 0: none */
	size_t count;
};

/* Unsaid: shared where the data plane can. */
enum interface_choice { INTERFACE_UNSAID, INTERFACE_SHARED, INTERFACE_PER_SESSION };
enum data_plane_choice { DATA_PLANE_AUTO, DATA_PLANE_USER, DATA_PLANE_KERNEL };
enum nat_fallback { NAT_FALLBACK_AUTO, NAT_FALLBACK_ON, NAT_FALLBACK_OFF };
enum single_session { SINGLE_SEVERAL, SINGLE_REPLACE, SINGLE_DENY };
enum quirk { QUIRK_NONE, QUIRK_BEZEQ_ISRAEL };
enum log_choice { LOG_STYLE_AUTO, LOG_STYLE_TIME, LOG_STYLE_SYSLOG };

enum { PREFIX_UNASKED = 65 }; /* settings.request_prefix */

struct settings {
	/* The program. */
	char *config_file;
	bool help, debug, scripts;
	/* Set by `up`: the name it goes by, and that nobody is there to read what it says. */
	const char *instance;
	bool background;
	char *run_dir, *state_dir, *scripts_dir, *run_as;
	struct text_list set, unset; /* variables of the scripts */
	struct {
		char *auth_up, *auth_down, *ip_pre_up, *ip_up, *ip_down, *ipv6_up, *ipv6_down;
	} script_paths;     /* instead of those in scripts_dir; NULL: those */
	uint32_t log_style; /* enum log_choice */

	/* The data plane. */
	uint32_t data_plane; /* enum data_plane_choice */
	uint32_t workers;    /* 0: as many as there are processors */
	uint32_t outer;      /* enum outer_kind */
	uint32_t busy_poll;  /* microseconds */
	bool offload, dont_fragment, gre_from_anywhere;

	/* PPP, either side. */
	uint32_t mtu, mru;     /* 0: from the outer path */
	uint32_t dscp, ecn;    /* of outer packets; enum session_ecn */
	uint32_t nat_fallback; /* enum nat_fallback */
	uint32_t send_window;  /* enum session_window */
	bool dscp_copy, mss_clamp;
	bool accomp, pcomp; /* asked for */
	uint32_t echo_interval, echo_failure;
	uint32_t chap_interval;
	bool cbcp;
	uint32_t lqr_period, lqr_loss, lqr_failure, lqr_window;
	bool multilink, mpshortseq;
	uint32_t mrru;
	char *endpoint;
	uint32_t lcp_restart, lcp_max_configure, lcp_max_terminate, lcp_max_failure;
	uint32_t idle, max_connect;
	char *pass_filter, *active_filter; /* as for tcpdump; NULL: none */
	char *max_octets;                  /* what value_octets takes; NULL: no limit */
	uint32_t octets_direction;         /* enum session_octets */
	uint32_t octets_every;
	uint32_t require_auth, allow_auth, refuse_auth; /* masks of enum auth_method */
	char *auth_order, *own_auth, *peer_auth;        /* what value_auth takes; NULL: not said */
	uint32_t require_mppe, allow_mppe, refuse_mppe; /* masks of MPPE_ALLOW_* */
	bool mppe, mppe_stateful, clear_text, ipv6, accept_local6, accept_remote6;
	char *ipv6_id;
	char *ecp_key_file;
	struct ecp_key ecp_key;      /* what is in it, once it was read; instead of MPPE */
	char *deflate, *bsdcomp;     /* compression_sizes() */
	uint32_t refuse_compress;    /* mask: bit n is enum codec_method n */
	uint32_t compression_memory; /* MiB, of all sessions */
	bool ccp, predictor1, mppc;
	struct address_pair dns, wins;
	char *name, *user, *remote_name, *password, *ifname, *ipparam, *link_name;
	uint32_t unit;         /* UNIT_UNSET: any */
	char *netns;           /* where interfaces are; NULL: here */
	struct address local;  /* our inner address */
	struct address remote; /* the peer's (client) */
	bool ip_default, accept_local, accept_remote, no_address;
	bool vj, vj_omit_slot;
	uint32_t vj_slots;
	bool strip_domain;

	/* EAP-TLS. */
	char *tls_ca, *tls_capath, *tls_cert, *tls_key, *tls_crl, *tls_pkcs12;
	char *tls_key_password_file, *tls_name;
	uint32_t tls_min, tls_max; /* enum tls_version */
	bool tls_resume, tls_listed, need_peer_eap;

	/* Both, about the control connection. */
	uint32_t port, window;
	uint32_t control_echo_interval, control_echo_timeout, control_timeout;
	char *host_name;
	char *secrets;

	/* Server. */
	struct text_list listen, connect;
	char *pap_secrets;
	char *ppp_program, *ppp_options; /* absolute paths; NULL: our own PPP */
	struct range_list pool;
	struct prefix_list pool6, pool6_pd; /* one of each */
	uint32_t pool6_pd_length, pool6_pd_lifetime;
	struct address dns6, ntp6;
	struct text_list search;
	struct prefix_list push_routes;
	bool nat, proxy_arp, client_to_client, check_source, incoming_calls;
	uint32_t interface; /* enum interface_choice; settings_shared() */
	uint32_t single_session;
	uint32_t max_sessions, max_calls, max_half_open, max_half_open_per_peer;
	uint32_t auth_timeout, free_failures;
	uint32_t max_links; /* of one bundle */

	/* Client. */
	char *server, *password_file, *new_password_file, *bind;
	struct prefix_list routes;
	uint32_t request_prefix; /* bits; 0: as they come; PREFIX_UNASKED: none */
	struct text_list delegate_to;
	bool default_route, use_peer_dns, use_peer_routes, as_pac;
	bool persist, demand, keep_interface;
	uint32_t holdoff, max_fail;
	uint32_t links, links_per_tunnel;
	struct text_list link_bind; /* addresses */

	/* A line. */
	uint32_t speed, stop_bits;   /* baud, 0: as it is */
	uint32_t fcs, connect_delay; /* enum lcp_fcs; milliseconds */
	uint32_t script_timeout;     /* of a line's scripts */
	bool crtscts, crtscts_said, xonxoff, modem, lock, sync, passive, silent;
	bool default_asyncmap, receive_all;
	char *asyncmap, *escape, *pty, *init, *connect_script, *welcome, *disconnect, *record;

	/* No options: set where the program is called pppd. */
	struct {
		bool on;                        /* pid files, syslog's name, HUP is the end */
		bool notify;                    /* ready is who is up */
		const char *call_file, *number; /* for scripts; not ours to free */
	} pppd;

	/* pptp, as pptp-linux has it. */
	char *phone, *reorder_timeout, *log_string;
	char *unavailable;                        /* never set: options that are refused */
	uint32_t mark, log_level, missing_window; /* 0: none */
	uint32_t quirk;                           /* enum quirk */
	bool no_launch, no_buffer, no_host_route, version;

	/* One-shot tools. */
	bool json, inner, hard;
	const char *second_word; /* of a command that takes two; the command line's */
	char *output, *by_interface, *by_user, *by_address, *by_peer, *by_id;
	bool by_all;
	uint32_t seconds;

	/* bench load; 0 or NULL: not said. */
	char *traffic;
	struct address target;
	uint32_t sessions, rate, in_flight, calls_per_tunnel, traffic_sessions, reorder, echo;
	bool stay;
};

#define UNIT_UNSET UINT32_MAX

void settings_init(struct settings *settings); /* the defaults */
void settings_free(struct settings *settings); /* wipes secrets */

/* Reads one file, with what it includes. 0, or -errno when the first file itself cannot be read;
 * faults in it are counted in `faults`. */
int settings_read(struct settings *settings, const char *path, struct faults *faults);
/* The same from memory; include is checked but not followed. */
void settings_parse(struct settings *settings, const char *name, const char *bytes, size_t length,
	struct faults *faults);
/* Reads /etc/greyline/greyline.conf and conf.d beside it, whatever of them is there. */
void settings_read_default(struct settings *settings, struct faults *faults);

/* What can only be judged when everything is read: masks that leave nothing, limits that
 * contradict each other; and the warnings that weakening options owe their user. */
void settings_check(struct settings *settings, struct faults *faults);

/* The part of it that is about authentication and encryption. */
void settings_check_ppp(struct settings *settings, struct faults *faults);

/* Whether a certificate of our own is named, and EAP-TLS is not refused. */
bool settings_certificate(const struct settings *settings);

/* One interface for all sessions of a server. */
bool settings_shared(const struct settings *settings);
/* The outcome of require, allow and refuse. */
uint8_t settings_auth(const struct settings *settings); /* mask of enum auth_method */
/* Mask of MPPE_ALLOW_*; 0 with ECP. */
uint8_t settings_mppe(const struct settings *settings);
bool settings_mppe_required(const struct settings *settings);

#endif
