/* The running program (see host.h): start, the loop with its deadlines and signals, the end.
 *
 * Start is in an order that matters: the helper is forked first, while we are root and alone; then
 * powers are dropped; then the data plane makes its threads, which inherit what is left; then the
 * filter covers all of them. Deadlines run on CLOCK_BOOTTIME, so that a suspended machine wakes up
 * to time-outs that have passed. */
#include "host.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "clock.h"
#include "digest.h"
#include "manage.h"
#include "namespace.h"
#include "netdev.h"
#include "notify.h"
#include "peer.h"
#include "plane.h"
#include "privilege.h"
#include "secrets.h"
#include "state.h"

#define STOP_BY        (SHUTDOWN_TOTAL + MS(500)) /* then what is left is cut */
#define HELPER_WAIT    MS(700)
#define HOUSEKEEPING   10000 /* ms */
#define DEFAULT_RUN    "/run/greyline"
#define DEFAULT_STATE  "/var/lib/greyline"
#define DEFAULT_SCRIPT "/etc/ppp"

static_assert(STOP_BY + HELPER_WAIT < SECONDS(5), "down within five seconds");

static const char *const script_names[SCRIPT_COUNT] = {
	[SCRIPT_IP_PRE_UP] = "ip-pre-up",
	[SCRIPT_IP_UP] = "ip-up",
	[SCRIPT_IP_DOWN] = "ip-down",
	[SCRIPT_IPV6_UP] = "ipv6-up",
	[SCRIPT_IPV6_DOWN] = "ipv6-down",
	[SCRIPT_IPV6_PREFIX] = "ipv6-prefix",
	[SCRIPT_AUTH_UP] = "auth-up",
	[SCRIPT_AUTH_DOWN] = "auth-down",
};

static const int signal_numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};

static_assert(sizeof signal_numbers / sizeof signal_numbers[0] == HOST_SIGNALS, "one each");

static const char *no_address = "-";

void shown_line(const char *name)
{
	no_address = name;
}

const char *shown_address(const struct address *address)
{
	static char buffers[4][64];
	static unsigned next;
	char *buffer = buffers[next++ % 4];
	struct text t = text_over(buffer, sizeof buffers[0]);
	if (address->family)
		text_address(&t, address);
	else
		text_add(&t, no_address);
	return buffer;
}

const char *shown_ipv4(uint32_t host_order)
{
	struct address address = address_ipv4(host_order);
	return shown_address(&address);
}

const char *host_run_dir(const struct settings *settings)
{
	return settings->run_dir ? settings->run_dir : DEFAULT_RUN;
}

const char *host_state_dir(const struct settings *settings)
{
	if (settings->state_dir)
		return settings->state_dir;
	return settings->run_dir ? settings->run_dir : DEFAULT_STATE;
}

/* Deadlines. */

/* Once before the loop waits, and only for a deadline that is nearer than the one that is set: one
 * that moved away is met too early, once, and set again. A login moves a dozen of them. */
static void on_timer_prepare(uv_prepare_t *prepare)
{
	struct host *host = prepare->data;
	uint64_t nearest = heap_nearest(&host->deadlines);
	struct itimerspec when = {0};
	host->looked = clock_now();
	if (nearest >= host->armed)
		return;
	/* Never the past, and never so near that a mistake elsewhere could spin us. */
	uint64_t least = clock_now() + 500;
	if (nearest < least)
		nearest = least;
	if (nearest >= host->armed)
		return; /* one that is due already must not put the timer off for ever */
	when.it_value.tv_sec = (time_t)(nearest / 1000000);
	when.it_value.tv_nsec = (long)(nearest % 1000000) * 1000;
	host->armed = nearest;
	timerfd_settime(host->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

void host_deadline(struct host *host, uint32_t number, uint64_t deadline)
{
	heap_set(&host->deadlines, number, deadline);
}

/* A timer that was due at `due` comes now. When it is much too late nothing ran meanwhile, and
 * whether peers were silent nobody knows: they are asked, after what has arrived was read. */
static bool stood_still(struct host *host, uint64_t due, uint64_t now)
{
	if (due == NEVER || now < due + STANDSTILL)
		return false;
	log_line(&host->log, LOG_LINE_WARNING,
		"Stood still for %llu s (suspended or stopped): asking who is still there",
		(unsigned long long)((now - host->looked) / 1000000));
	for (uint32_t i = 0; i < host->peer_max; i++)
		if (host->peers[i])
			peer_awake(host->peers[i], now);
	host->looked = now;
	return true;
}

static void on_timer(uv_poll_t *poll, int status, int events)
{
	struct host *host = poll->data;
	uint64_t expirations, due = host->armed, now = clock_now();
	if (read(host->timer_fd, &expirations, sizeof expirations) > 0)
		host->armed = NEVER;
	if (stood_still(host, due > host->looked ? due : host->looked, now))
		return;
	/* Each peer once a round: one whose next deadline has come already waits for the next. */
	for (uint32_t round = host->peer_count; round; round--) {
		if (heap_nearest(&host->deadlines) > now)
			break;
		struct peer *peer = host->peers[host->deadlines.entries[0].slot];
		heap_set(&host->deadlines, peer->number, NEVER);
		peer_tick(peer, now);
	}
}

/* Drops and housekeeping. */

void host_drop(struct host *host, enum drop drop, const struct address *from)
{
	host->drops[drop]++;
	log_peer(&host->log, LOG_KIND_REFUSED, LOG_LINE_WARNING, clock_now(),
		"Refused: %s reason=%s peer=%s", drop_sentence(drop), drop_word(drop),
		shown_address(from));
}

static void tell_plane_drops(struct host *host)
{
	uint64_t drops[DROP_COUNT];
	host->plane->drops(host->dataplane, drops);
	for (unsigned i = 0; i < DROP_COUNT; i++) {
		uint64_t more = drops[i] - host->drops_told[i];
		/* Neighbour discovery of the shared interface has no session as a matter of course.
		 */
		enum log_level level = i == DROP_INNER_ROUTE ? LOG_LINE_DEBUG : LOG_LINE_INFO;
		if (more)
			log_line(&host->log, level, "Dropped %llu packet%s: %s reason=%s peer=any",
				(unsigned long long)more, more == 1 ? "" : "s",
				drop_sentence((enum drop)i), drop_word((enum drop)i));
		host->drops_told[i] = drops[i];
	}
}

static void on_housekeeping(uv_timer_t *timer)
{
	struct host *host = timer->data;
	stood_still(host, host->looked + MS(uv_timer_get_repeat(timer)), clock_now());
	tell_plane_drops(host);
	log_owed(&host->log, clock_now());
	notify_send("WATCHDOG=1");
}

/* Stopping. */

void host_check_end(struct host *host)
{
	if (host->stopping && !host->peer_count && !host->seats.taken)
		uv_stop(&host->loop);
}

static void on_stop_timer(uv_timer_t *timer)
{
	struct host *host = timer->data;
	static bool cut;
	if (cut) {
		uv_stop(&host->loop); /* not even the data plane answers */
		return;
	}
	cut = true;
	for (uint32_t i = 0; i < host->peer_max; i++) {
		struct peer *peer = host->peers[i];
		if (!peer)
			continue;
		peer_lose(peer, CLOSE_SHUTDOWN);
		if (peer->tcp)
			tcp_abort(peer->tcp);
	}
	host_check_end(host);
}

void host_stop(struct host *host, enum close_reason reason, int exit_code)
{
	if (host->stopping)
		return;
	host->stopping = true;
	host->exit_code = exit_code;
	notify_send("STOPPING=1");
	uv_timer_start(&host->stop_timer, on_stop_timer, STOP_BY / 1000, 100);
	for (uint32_t i = 0; i < host->peer_max; i++)
		if (host->peers[i])
			peer_stop(host->peers[i], reason);
	host_check_end(host);
}

static void renegotiate_all(struct host *host)
{
	struct seat *seat;
	for (uint32_t at = 0; (seat = seats_next(&host->seats, &at));)
		seat_renegotiate(seat);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct host *host = handle->data;
	bool end = host->settings->pppd.on && !host->settings->persist;
	if (number == SIGHUP && !end) {
		host->policy->hang_up(host);
		return;
	}
	if (number == SIGUSR1) {
		host->log.debug = !host->log.debug;
		return;
	}
	if (number == SIGUSR2) {
		renegotiate_all(host);
		return;
	}
	if (host->stopping && host->policy->hasty) {
		on_stop_timer(&host->stop_timer);
		return;
	}
	log_line(&host->log, LOG_LINE_INFO, "Terminating on signal %d", number);
	host_stop(host, CLOSE_SHUTDOWN, host->policy->signal_exit_code);
}

/* Starting. */

static void helper_line(void *context, const char *line)
{
	struct host *host = context;
	log_line(&host->log, LOG_LINE_INFO, "%s", line);
}

static int fail(struct host *host, int exit_code, const char *what)
{
	log_line(&host->log, LOG_LINE_ERROR, "%s", what);
	return exit_code;
}

/* What earlier runs changed and never undid. */
static void undo_stale(struct host *host, const char *folder)
{
	char pattern[300];
	glob_t found;
	snprintf(pattern, sizeof pattern, "%s/*.state", folder);
	if (glob(pattern, 0, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct state state;
		if (state_age(found.gl_pathv[i], NULL) != STATE_STALE)
			continue;
		log_line(&host->log, LOG_LINE_INFO,
			"Undoing what an earlier run left on the host (%s)", found.gl_pathv[i]);
		if (state_open(&state, found.gl_pathv[i], getpid(), helper_line, host) < 0)
			continue; /* somebody else was faster */
		state_remove(&state);
		state_close(&state);
	}
	globfree(&found);
}

static int make_folder(struct host *host, const char *folder)
{
	char line[320];
	if (mkdir(folder, 0755) == 0 || errno == EEXIST)
		return 0;
	snprintf(line, sizeof line,
		"Couldn't make %s: %s (--run-dir and --state-dir name other places)", folder,
		strerror(errno));
	return fail(host, 3, line);
}

/* The user we are about to become shall be able to make a socket in the run folder, beside the
 * files of root, which he can neither remove nor replace. A folder that was there and is not the
 * usual one is whoever's made it. */
static int share_run_folder(struct host *host, bool made)
{
	const struct settings *settings = host->settings;
	const char *folder = host_run_dir(settings);
	const struct passwd *user = settings->run_as ? getpwnam(settings->run_as) : NULL;
	char line[320];
	if (!user || user->pw_uid == 0 || (!made && strcmp(folder, DEFAULT_RUN) != 0))
		return 0; /* privilege_drop() names a user that is not there */
	if (chown(folder, 0, user->pw_gid) == 0 && chmod(folder, 01775) == 0)
		return 0;
	snprintf(line, sizeof line, "Couldn't give %s to the group of %.32s: %s", folder,
		settings->run_as, strerror(errno));
	return fail(host, 3, line);
}

/* The user's name, as who asked for this process would say it. */
static void find_starter(struct host *host)
{
	const struct passwd *user = getpwuid(getuid());
	const char *name = getlogin();
	if (!name)
		name = user ? user->pw_name : "(unknown)";
	snprintf(host->started_by, sizeof host->started_by, "%s", name);
	snprintf(host->user_name, sizeof host->user_name, "%s", user ? user->pw_name : "");
	if (!user)
		snprintf(host->user_name, sizeof host->user_name, "%u", (unsigned)getuid());
}

void host_interface(struct host *host, const char *name)
{
	const struct settings *settings = host->settings;
	host->pid_files.link_name = settings->link_name;
	if (!settings->pppd.on && !settings->link_name)
		return;
	int failed = pid_files_write(&host->pid_files, settings->pppd.on ? name : NULL);
	if (failed)
		log_line(&host->log, LOG_LINE_WARNING, "Failed to create a pid file in /run: %s",
			strerror(-failed));
}

/* The one named for itself; NULL: it lies where the others do. */
static const char *script_path(const struct settings *settings, enum script script)
{
	switch (script) {
	case SCRIPT_IP_PRE_UP:
		return settings->script_paths.ip_pre_up;
	case SCRIPT_IP_UP:
		return settings->script_paths.ip_up;
	case SCRIPT_IP_DOWN:
		return settings->script_paths.ip_down;
	case SCRIPT_IPV6_UP:
		return settings->script_paths.ipv6_up;
	case SCRIPT_IPV6_DOWN:
		return settings->script_paths.ipv6_down;
	case SCRIPT_AUTH_UP:
		return settings->script_paths.auth_up;
	case SCRIPT_AUTH_DOWN:
		return settings->script_paths.auth_down;
	case SCRIPT_IPV6_PREFIX:
	case SCRIPT_COUNT:
		break;
	}
	return NULL;
}

/* `ip netns exec` shows this file as /etc/resolv.conf in the namespace. */
static const char *make_resolver(struct host *host, char path[300])
{
	snprintf(path, 300, "/etc/netns/%s", host->settings->netns);
	mkdir("/etc/netns", 0755);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		log_line(&host->log, LOG_LINE_WARNING, "Couldn't make %s: %s", path,
			strerror(errno));
	snprintf(path, 300, "/etc/netns/%s/resolv.conf", host->settings->netns);
	return path;
}

static int start_helper(struct host *host, const struct host_config *config)
{
	const struct settings *settings = config->settings;
	const char *scripts = settings->scripts_dir ? settings->scripts_dir : DEFAULT_SCRIPT;
	struct helper_config helper = {.state_path = host->state_path,
		.set = settings->set.at,
		.set_count = settings->set.count,
		.unset = settings->unset.at,
		.unset_count = settings->unset.count};
	char resolver[300];
	char error[256];
	bool made = access(host_run_dir(settings), F_OK) < 0;
	int code = make_folder(host, host_run_dir(settings));
	if (!code)
		code = share_run_folder(host, made);
	if (!code)
		code = make_folder(host, host_state_dir(settings));
	if (code)
		return code;
	undo_stale(host, host_state_dir(settings));
	snprintf(host->state_path, sizeof host->state_path, "%s/%s", host_state_dir(settings),
		config->state_name);
	for (unsigned i = 0; i < SCRIPT_COUNT && settings->scripts; i++) {
		const char *path = script_path(settings, (enum script)i);
		snprintf(host->scripts[i], sizeof host->scripts[i], "%s%s%s", path ? path : scripts,
			path ? "" : "/", path ? "" : script_names[i]);
		helper.scripts[i] = host->scripts[i];
		helper.script_count = i + 1;
	}
	helper.space = settings->netns;
	if (settings->netns && settings->use_peer_dns)
		helper.resolv_path = make_resolver(host, resolver);
	if (config->server && settings->secrets) {
		helper.secrets_path = settings->secrets;
		helper.renew = secrets_renew;
	}
	if (config->server) {
		helper.program = settings->ppp_program;
		helper.program_options = settings->ppp_options;
	}
	int failed = helper_start(&host->helper, &helper, helper_line, host, error);
	if (failed)
		return fail(host, failed == -EBUSY ? 6 : 1, error);
	return 0;
}

static void on_helper_lost(void *context)
{
	struct host *host = context;
	log_line(&host->log, LOG_LINE_ERROR,
		"The helper process is gone: scripts, NAT and DNS can no longer be handled");
	host_stop(host, CLOSE_LOCAL_ERROR, 1);
}

static int start_tables(struct host *host, const struct host_config *config)
{
	enum { ENDPOINT_OURS = 8 };
	uint8_t seed[32];
	if (getrandom(seed, sizeof seed, 0) != sizeof seed)
		return fail(host, 1, "The kernel gave no random bytes");
	random_seed(&host->random, seed);
	host->endpoint = (struct endpoint){.class = ENDPOINT_LOCAL, .length = ENDPOINT_OURS};
	random_bytes(&host->random, host->endpoint.value, ENDPOINT_OURS);
	secret_wipe(seed, sizeof seed);
	host->call_ids = malloc(sizeof *host->call_ids);
	host->peer_max = config->peers_max;
	host->peers = calloc(host->peer_max, sizeof(struct peer *));
	host->out = (struct outbox){.items = calloc(TUNNEL_OUT_ITEMS, sizeof(struct out_item)),
		.arena = calloc(1, TUNNEL_OUT_BYTES),
		.item_max = TUNNEL_OUT_ITEMS,
		.arena_max = TUNNEL_OUT_BYTES};
	if (!host->call_ids || !host->peers || !host->out.items || !host->out.arena ||
		heap_init(&host->deadlines, host->peer_max) < 0 ||
		seats_init(&host->seats, config->sessions_max) < 0)
		return fail(host, 1, "Out of memory");
	call_ids_init(host->call_ids);
	return 0;
}

static int start_loop(struct host *host)
{
	uv_loop_init(&host->loop);
	host->loop_open = true;
	host->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (host->timer_fd < 0)
		return fail(host, 4, "Couldn't make a timer of CLOCK_BOOTTIME");
	uv_poll_init(&host->loop, &host->timer_poll, host->timer_fd);
	host->timer_poll.data = host;
	uv_poll_start(&host->timer_poll, UV_READABLE, on_timer);
	host->armed = NEVER;
	uv_prepare_init(&host->loop, &host->timer_prepare);
	host->timer_prepare.data = host;
	uv_prepare_start(&host->timer_prepare, on_timer_prepare);
	for (unsigned i = 0; i < HOST_SIGNALS; i++) {
		uv_signal_init(&host->loop, &host->signals[i]);
		host->signals[i].data = host;
		uv_signal_start(&host->signals[i], on_signal, signal_numbers[i]);
	}
	uv_timer_init(&host->loop, &host->stop_timer);
	uv_timer_init(&host->loop, &host->housekeeping);
	host->stop_timer.data = host->housekeeping.data = host;
	uint64_t period = notify_watchdog_ms();
	if (!period || period > HOUSEKEEPING)
		period = HOUSEKEEPING;
	uv_timer_start(&host->housekeeping, on_housekeeping, period, period);
	host->signals_open = true;
	if (!host->helper)
		return 0;
	return helper_attach(host->helper, &host->loop, on_helper_lost, host) < 0
		       ? fail(host, 1, "Couldn't attach the helper to the loop")
		       : 0;
}

static int start_plane(struct host *host, const struct host_config *config)
{
	enum { SMALL_LAYERS = 16384 }; /* headers and ECP of one session, both ways */
	char error[256];
	struct dataplane_config plane = {.loop = &host->loop,
		.local = config->local,
		.peer = config->peer,
		.interface_name = host->plane->open_interface ? NULL : config->shared_tun,
		.mtu = config->settings->mtu ? config->settings->mtu : NETDEV_SHARED_MTU,
		.server = config->server,
		.sessions_max = config->sessions_max,
		.layer_memory = (size_t)config->sessions_max * SMALL_LAYERS +
				((size_t)config->settings->compression_memory << 20),
		.workers = config->workers,
		.busy_poll = config->settings->busy_poll,
		.filters = {host->filters.pass, host->filters.active},
		.offload = config->settings->offload,
		.mark = config->settings->mark,
		.dont_fragment = config->settings->dont_fragment,
		.outer = config->lines ? OUTER_NONE : (enum outer_kind)config->settings->outer,
		.programs = host->programs,
		.no_programs = host->no_programs,
		.steering = host->steering,
		.no_steering = host->no_steering,
		.inside = host->space < 0 ? NULL : host->netlink,
		.inside_packets = host->space_packets,
		.event = peer_dataplane_event,
		.context = host};
	int failed = host->plane->start(&host->dataplane, &plane, error);
	if (failed) {
		host->dataplane = NULL;
		return fail(host, failed == -EPERM || failed == -EACCES ? 3 : 4, error);
	}
	return 0;
}

/* Which powers are needed, and the helper that keeps those we drop. */
static int start_power(struct host *host, const struct host_config *config)
{
	if (config->lines && !privilege_have_net_admin())
		return fail(host, 3,
			"CAP_NET_ADMIN is needed: start it as root (greyline doctor shows what "
			"this machine has)");
	if (!config->lines &&
		(!privilege_have_net_raw() || (!config->bare && !privilege_have_net_admin())))
		return fail(host, 3,
			config->bare ? "CAP_NET_RAW is needed: start it as root (greyline doctor "
				       "shows what this machine has)"
				     : "CAP_NET_ADMIN and CAP_NET_RAW are needed: start it as root "
				       "(greyline doctor shows what this machine has)");
	return config->bare ? 0 : start_helper(host, config);
}

/* The network that is to have the interfaces: to be entered while we may. */
static int open_space(struct host *host)
{
	char error[256];
	const char *name = host->settings->netns;
	if (!name)
		return 0;
	int space = namespace_open(name, error);
	if (space < 0)
		return fail(host, 4, error);
	host->space = space;
	if (netlink_open(&host->outside) < 0)
		return fail(host, 4, "Couldn't open a netlink socket");
	int before = namespace_enter(space, error);
	if (before < 0)
		return fail(host, 3, error);
	int failed = netlink_open(&host->netlink);
	host->space_packets = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	namespace_leave(before);
	return failed < 0 || host->space_packets < 0
		       ? fail(host, 4, "Couldn't open sockets in the network namespace")
		       : 0;
}

/* BPF programs need more power to load than we keep. */
static void load_programs(struct host *host, const struct host_config *config)
{
	if (host->plane->open_interface || config->lines)
		return;
	if (config->settings->outer != OUTER_RAW)
		host->programs = outer_prepare(host->no_programs);
	host->workers = config->workers;
	if (config->workers > 1 && config->shared_tun)
		host->steering = tun_steering_open(host->no_steering);
}

static int choose_plane(struct host *host, const struct host_config *config)
{
	char error[256];
	struct plane_choice choice = {.ops = config->plane ? config->plane : &dataplane_user};
	if (config->bare || config->plane) {
		host->plane = choice.ops;
		return 0;
	}
	if (plane_choose(&choice, config->settings, error) < 0)
		return fail(host, 4, error);
	host->plane = choice.ops;
	snprintf(host->plane_why, sizeof host->plane_why, "%s", choice.why);
	return 0;
}

int host_start(struct host *host, const struct host_config *config)
{
	char error[FILTERS_ERROR];
	*host = (struct host){.tls = host->tls,
		.tls_wanted = host->tls_wanted,
		.settings = config->settings,
		.policy = config->policy,
		.role = config->role,
		.timer_fd = -1,
		.space = -1,
		.started = clock_now()};
	log_init(&host->log, STDERR_FILENO, config->settings->log_style, config->settings->debug);
	if (config->settings->background)
		log_to_syslog(&host->log, config->settings->pppd.on ? "pppd" : "greyline", NULL,
			LOG_LINE_DEBUG);
	signal(SIGPIPE, SIG_IGN);
	find_starter(host);
	host->log.clock &= !config->settings->pppd.on; /* pppd's lines have none */
	if (config->settings->pppd.on)
		log_line(&host->log, LOG_LINE_INFO, "pppd 2.4.9 started by %s, uid %u",
			host->started_by, (unsigned)getuid());
	notify_open();
	int code = config->bare ? 0 : open_space(host);
	if (!code)
		code = start_power(host, config);
	if (code)
		return code;
	if (!config->bare)
		host_interface(host, NULL);
	code = choose_plane(host, config);
	if (code)
		return code;
	load_programs(host, config);
	if (privilege_drop(config->settings->run_as, config->low_port, error) < 0)
		return fail(host, 3, error);
	code = start_tables(host, config);
	if (!code)
		code = start_loop(host);
	if (code)
		return code;
	if (!config->bare && !host->netlink && netlink_open(&host->netlink) < 0)
		return fail(host, 4, "Couldn't open a netlink socket");
	if (!host->outside)
		host->outside = host->netlink;
	if (filters_compile(&host->filters, config->settings, error) < 0)
		return fail(host, 2, error);
	return start_plane(host, config);
}

int host_run(struct host *host)
{
	char error[256] = "";
	int filtered = privilege_filter(host->plane->open_interface != NULL, error);
	if (filtered < 0)
		return fail(host, 3, error);
	if (filtered > 0)
		log_line(&host->log, LOG_LINE_INFO, "%s", error);
	if (*host->plane_why)
		log_line(&host->log, LOG_LINE_INFO, "Data plane: %s: %s", host->plane->name,
			host->plane_why);
	if (!host->settings->pppd.notify)
		notify_send("READY=1");
	uv_run(&host->loop, UV_RUN_DEFAULT);
	return host->exit_code;
}

/* The end. */

static void close_handle(uv_handle_t *handle, void *context)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void quiet_handle(uv_handle_t *handle, void *context)
{
	if (handle->type == UV_TIMER)
		uv_timer_stop((uv_timer_t *)handle);
}

void host_end(struct host *host)
{
	/* What is due now shall not ask a data plane that has stopped. */
	if (host->loop_open)
		uv_walk(&host->loop, quiet_handle, NULL);
	if (host->signals_open)
		uv_poll_stop(&host->timer_poll);
	if (host->manage)
		manage_close(host->manage);
	netdev_delete_all(host);
	pid_files_remove(&host->pid_files);
	if (host->dataplane)
		host->plane->stop(host->dataplane);
	if (host->programs)
		outer_programs_close(host->programs);
	tun_steering_close(host->steering);
	filters_free(&host->filters);
	if (host->helper)
		helper_stop(host->helper, HELPER_WAIT);
	if (host->loop_open) {
		uv_run(&host->loop, UV_RUN_NOWAIT);
		uv_walk(&host->loop, close_handle, NULL);
		for (unsigned i = 0; i < 100 && uv_loop_close(&host->loop) == UV_EBUSY; i++)
			uv_run(&host->loop, UV_RUN_NOWAIT);
		if (host->timer_fd >= 0)
			close(host->timer_fd);
	}
	if (host->outside != host->netlink) {
		netlink_close(host->outside);
		close(host->space);
		close(host->space_packets);
	}
	netlink_close(host->netlink);
	for (uint32_t i = 0; host->peers && i < host->peer_max; i++)
		free(host->peers[i]);
	free(host->peers);
	free(host->call_ids);
	free(host->out.items);
	free(host->out.arena);
	heap_free(&host->deadlines);
	seats_free(&host->seats);
	secret_wipe(&host->random, sizeof host->random);
}
