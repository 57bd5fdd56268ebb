/* Many light clients in one process: control connections from many addresses, calls in each, and
 * a ping through every tunnel.
 *
 *   load SERVER FIRST-ADDRESS TUNNELS CALLS USER      (the password in LOAD_PASSWORD)
 *
 * Tunnel i calls from FIRST-ADDRESS + i, which the interface must have. The protocol is the
 * program's own session and data-path rooms, the same code a real client runs, over real sockets:
 * one TCP connection a tunnel and one raw GRE socket for all. There is no TUN: the pings are built
 * and judged here. Every change is one line on standard output:
 *
 *   STATE up=N answered=N down=N
 *
 * `answered` counts sessions that are up and whose latest ping came back. The command `ping` on
 * standard input pings every session again, `swap` pings each twice with the two packets in the
 * wrong order, `stop` ends all politely. At the end one line for
 * each reason sessions went down with: `DOWN reason=WORD count=N`.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "datapath.h"
#include "reason.h"
#include "session.h"
#include "tunnel.h"

enum {
	OPENING_MAX = 64, /* tunnels that are being set up at a time */
	LIST_MAX = DATAPATH_OUT_PER_IN + REORDER_PACKETS,
	POOL_SLOTS = 1024,
	TICK_MS = 10,
	PING_BYTES = 64,
	IP_HEADER = 20,
	ICMP_ECHO = 8,
	ICMP_ECHO_REPLY = 0,
	READ_GRE = -1, /* what an epoll event is about, when not a tunnel */
	READ_COMMAND = -2,
};

struct line {
	struct session session;
	struct datapath datapath;
	struct datapath_streams streams;
	bool up, answered;
};

struct peer {
	struct tunnel_config config;
	struct address local;
	struct tunnel tunnel;
	int tcp;
	bool connecting, opening, dial_due, over;
};

static struct {
	struct in_addr server;
	uint32_t first_address;
	unsigned tunnels, calls;
	struct peer *peers;
	struct line *lines;
	unsigned started, opening, finished;
	unsigned up, answered, down;
	unsigned reasons[CLOSE_COUNT];
	bool changed;
	int gre, epoll;
	struct random random;
	struct session_table table;
	struct datapath_engine engine;
	struct hold_pool pool;
	struct packet_list list;
	struct outbox out;
} load;

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void give_up(const char *what)
{
	perror(what);
	exit(1);
}

static void *make(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (memory == NULL)
		give_up("memory");
	return memory;
}

/* Handles are an index and one, and so are call IDs: both unique in the process, never zero. */
static struct line *line_of(uint32_t subject)
{
	return &load.lines[subject - 1];
}

static struct peer *peer_of(uint32_t subject)
{
	return &load.peers[(subject - 1) / load.calls];
}

static struct session *find_session(void *context, uint32_t subject)
{
	(void)context;
	return &line_of(subject)->session;
}

/* --- packets ------------------------------------------------------------------------------- */

static void send_outer(const struct packet *packet)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = load.server};
	struct iovec part = {.iov_base = packet->bytes, .iov_len = packet->length};
	union {
		char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
		struct cmsghdr align;
	} control = {.bytes = {0}};
	struct msghdr message = {
		.msg_name = &to,
		.msg_namelen = sizeof(to),
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	struct in_pktinfo info = {
		.ipi_spec_dst.s_addr = htonl(address_to_ipv4(&packet->datapath->local))};

	header->cmsg_level = IPPROTO_IP;
	header->cmsg_type = IP_PKTINFO;
	header->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(header), &info, sizeof(info));
	/* A packet the network refuses is a lost packet. */
	(void)!sendmsg(load.gre, &message, 0);
}

static uint16_t checksum(const uint8_t *bytes, size_t length)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < length; i += 2)
		sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void build_ping(const struct line *line, uint8_t bytes[PING_BYTES])
{
	static const uint8_t start[] = {0x45, 0, 0, PING_BYTES, 0, 0, 0, 0, 64, IPPROTO_ICMP};
	struct writer w = writer_over(bytes + 12, 8);
	uint16_t sum;

	memset(bytes, 0, PING_BYTES);
	memcpy(bytes, start, sizeof(start));
	write_u32(&w, line->session.facts.network.local4);
	write_u32(&w, line->session.facts.network.remote4);
	sum = checksum(bytes, IP_HEADER);
	bytes[10] = (uint8_t)(sum >> 8);
	bytes[11] = (uint8_t)sum;
	bytes[IP_HEADER] = ICMP_ECHO;
	sum = checksum(bytes + IP_HEADER, PING_BYTES - IP_HEADER);
	bytes[IP_HEADER + 2] = (uint8_t)(sum >> 8);
	bytes[IP_HEADER + 3] = (uint8_t)sum;
}

/* Pings once or, with the second packet sent first, twice. */
static void ping_line(struct line *line, bool swapped, uint64_t now)
{
	uint8_t bytes[2][PING_BYTES];
	struct packet packets[2];

	for (size_t i = 0; i < 2; i++) {
		build_ping(line, bytes[i]);
		packets[i] = (struct packet){
			.datapath = &line->datapath,
			.kind = PACKET_INNER,
			.bytes = bytes[i],
			.length = PING_BYTES,
			.capacity = PING_BYTES,
		};
	}
	if (line->answered) {
		line->answered = false;
		load.answered--;
	}
	load.list.count = 0;
	datapath_seal(&load.engine, packets, swapped ? 2 : 1, now, &load.list);
	for (size_t i = load.list.count; i-- > 0;)
		if (load.list.at[i].kind == PACKET_OUTER)
			send_outer(&load.list.at[i]);
}

static void take_inner(struct line *line, const struct packet *packet)
{
	bool is_answer = packet->length == PING_BYTES && packet->bytes[9] == IPPROTO_ICMP &&
			 packet->bytes[IP_HEADER] == ICMP_ECHO_REPLY;

	if (!is_answer || !line->up || line->answered)
		return;
	line->answered = true;
	load.answered++;
	load.changed = true;
}

/* --- the sessions' outbox ------------------------------------------------------------------ */

static void take_command(const struct out_item *item, uint64_t now)
{
	const uint8_t *bytes = outbox_bytes(&load.out, item);
	struct datapath_command command;
	struct line *line = line_of(item->subject);

	memcpy(&command, bytes, sizeof(command));
	load.list.count = 0;
	line->datapath.streams = &line->streams;
	datapath_execute(
		&load.engine, &line->datapath, &command, bytes + sizeof(command), now, &load.list);
	for (size_t i = 0; i < load.list.count; i++)
		if (load.list.at[i].kind == PACKET_OUTER)
			send_outer(&load.list.at[i]);
}

static void take_down(const struct out_item *item)
{
	struct line *line = line_of(item->subject);

	load.up -= line->up;
	load.answered -= line->answered;
	line->up = line->answered = false;
	load.down++;
	load.reasons[item->arg]++;
	load.changed = true;
}

static void take_tunnel_down(struct peer *peer)
{
	if (peer->over)
		return;
	peer->over = true;
	load.opening -= peer->opening;
	peer->opening = false;
	load.finished++;
	close(peer->tcp);
}

static void take_up(struct peer *peer, const struct out_item *item, uint64_t now)
{
	struct line *line = line_of(item->subject);

	line->up = true;
	load.up++;
	load.changed = true;
	load.opening -= peer->opening;
	peer->opening = false;
	ping_line(line, false, now);
}

static void take_items(struct peer *peer, uint64_t now)
{
	for (uint32_t i = 0; i < load.out.item_count; i++) {
		const struct out_item *item = &load.out.items[i];

		if (item->kind == TUNNEL_BYTES) {
			if (send(peer->tcp, outbox_bytes(&load.out, item), item->length,
				    MSG_NOSIGNAL) < 0)
				fprintf(stderr, "control connection: %s\n", strerror(errno));
		} else if (item->kind == TUNNEL_COMMAND) {
			take_command(item, now);
		} else if (item->kind == TUNNEL_SESSION_UP) {
			take_up(peer, item, now);
		} else if (item->kind == TUNNEL_SESSION_DOWN) {
			take_down(item);
		} else if (item->kind == TUNNEL_UP) {
			peer->dial_due = true;
		} else if (item->kind == TUNNEL_DOWN) {
			take_tunnel_down(peer);
		}
	}
	outbox_clear(&load.out);
}

static void dial(struct peer *peer, uint64_t now)
{
	unsigned first = (unsigned)(peer - load.peers) * load.calls + 1;

	peer->dial_due = false;
	for (unsigned subject = first; subject < first + load.calls; subject++) {
		tunnel_dial(&peer->tunnel, &line_of(subject)->session, subject, (uint16_t)subject,
			now, &load.out);
		take_items(peer, now);
	}
}

static void settle(struct peer *peer, uint64_t now)
{
	take_items(peer, now);
	if (peer->dial_due)
		dial(peer, now);
}

/* --- sockets ------------------------------------------------------------------------------- */

static void watch(int fd, int about, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.fd = about};

	if (epoll_ctl(load.epoll, EPOLL_CTL_ADD, fd, &event) < 0 &&
		epoll_ctl(load.epoll, EPOLL_CTL_MOD, fd, &event) < 0)
		give_up("epoll");
}

/* The connection is there, or is refused. */
static void connected(struct peer *peer, uint64_t now)
{
	struct address server = address_ipv4(ntohl(load.server.s_addr));
	int error = 0;
	socklen_t length = sizeof(error);

	peer->connecting = false;
	if (getsockopt(peer->tcp, SOL_SOCKET, SO_ERROR, &error, &length) < 0 || error != 0) {
		errno = error;
		give_up("control connection");
	}
	watch(peer->tcp, (int)(peer - load.peers), EPOLLIN);
	tunnel_up(&peer->tunnel, &peer->local, &server, now, &load.out);
	settle(peer, now);
}

static void read_control(struct peer *peer, uint64_t now)
{
	uint8_t bytes[4096];
	ssize_t got = recv(peer->tcp, bytes, sizeof(bytes), MSG_DONTWAIT);
	size_t done = 0;

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		tunnel_lost(&peer->tunnel, CLOSE_TCP_CLOSED, now, &load.out);
		settle(peer, now);
		take_tunnel_down(peer);
		return;
	}
	while (done < (size_t)got && !peer->over) {
		size_t taken = tunnel_input(
			&peer->tunnel, bytes + done, (size_t)got - done, now, &load.out);

		settle(peer, now);
		if (taken == 0)
			break;
		done += taken;
	}
}

/* What datapath_open or datapath_tick left in the list. Control frames go to the session once the
 * list is free again: its answer uses it. */
static void deliver(struct line *line, uint64_t now)
{
	static uint8_t frames[LIST_MAX][OUTER_MAX];
	size_t lengths[LIST_MAX], frame_count = 0;
	uint32_t epoch = line->datapath.epoch;
	struct peer *peer = peer_of(line->datapath.subject);

	for (size_t i = 0; i < load.list.count; i++) {
		const struct packet *packet = &load.list.at[i];

		if (packet->kind == PACKET_OUTER) {
			send_outer(packet);
		} else if (packet->kind == PACKET_INNER) {
			take_inner(line, packet);
		} else {
			memcpy(frames[frame_count], packet->bytes, packet->length);
			lengths[frame_count++] = packet->length;
		}
	}
	for (size_t i = 0; i < frame_count; i++) {
		tunnel_frame(&peer->tunnel, &line->session, epoch, frames[i], lengths[i], now,
			&load.out);
		settle(peer, now);
	}
}

static void read_gre(uint64_t now)
{
	uint8_t bytes[OUTER_MAX + 60];
	struct sockaddr_in from;
	socklen_t length = sizeof(from);
	ssize_t got;

	while ((got = recvfrom(load.gre, bytes, sizeof(bytes), MSG_DONTWAIT,
			(struct sockaddr *)&from, &length)) > 0) {
		size_t header = (size_t)(bytes[0] & 15) * 4;
		struct address source = address_ipv4(ntohl(from.sin_addr.s_addr));
		struct packet outer = {.kind = PACKET_OUTER};
		struct line *line = NULL;
		uint16_t call_id;
		enum drop why;

		if (header >= (size_t)got)
			continue;
		outer.bytes = bytes + header;
		outer.length = outer.capacity = (uint32_t)((size_t)got - header);
		if (!datapath_call_id(outer.bytes, outer.length, &call_id, &why))
			continue;
		if (call_id > 0 && call_id <= load.tunnels * load.calls)
			line = line_of(call_id);
		if (!datapath_match(&load.engine, line != NULL ? &line->datapath : NULL, &source))
			continue;
		outer.datapath = &line->datapath;
		load.list.count = 0;
		datapath_open(&load.engine, &outer, 1, now, &load.list);
		deliver(line, now);
	}
}

static void read_command(uint64_t now)
{
	char words[256];
	ssize_t got = read(STDIN_FILENO, words, sizeof(words) - 1);

	if (got <= 0) {
		epoll_ctl(load.epoll, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
		return;
	}
	words[got] = '\0';
	if (strstr(words, "ping") != NULL || strstr(words, "swap") != NULL) {
		bool swapped = strstr(words, "swap") != NULL;

		for (unsigned i = 0; i < load.tunnels * load.calls; i++)
			if (load.lines[i].up)
				ping_line(&load.lines[i], swapped, now);
		load.changed = true;
	}
	if (strstr(words, "stop") != NULL) {
		for (unsigned i = 0; i < load.started; i++) {
			if (load.peers[i].connecting || load.peers[i].over)
				continue;
			tunnel_stop(&load.peers[i].tunnel, CLOSE_SHUTDOWN, now, &load.out);
			settle(&load.peers[i], now);
		}
	}
}

/* --- life ---------------------------------------------------------------------------------- */

static void configure(struct peer *peer, uint32_t local, const char *user, const char *password)
{
	struct tunnel_config *config = &peer->config;

	peer->local = address_ipv4(local);
	config->control = (struct control_config){
		.opener = true,
		.host_name = "load",
		.vendor_name = "greyline",
		.window = 64,
		.echo_interval_us = SECONDS(60),
		.echo_timeout_us = SECONDS(60),
		.request_timeout_us = SECONDS(30),
	};
	config->session.link = (struct link_config){
		.mru = PPP_MRU_DEFAULT,
		.allow_auth = AUTH_MSCHAPV2,
		.name = user,
		.name_length = strlen(user),
		.password = password,
		.password_length = strlen(password),
		.restart_us = SECONDS(3),
		.max_configure = 10,
		.max_terminate = 2,
		.max_failure = 5,
		.auth_timeout_us = SECONDS(30),
	};
	config->session.unit = (struct unit_config){
		.mppe_allow = MPPE_ALLOW_128,
		.mppe_require = true,
		.restart_us = SECONDS(3),
		.max_configure = 10,
		.max_terminate = 2,
		.max_failure = 5,
		.network_timeout_us = SECONDS(30),
	};
}

static void start_peer(void)
{
	unsigned index = load.started++;
	struct peer *peer = &load.peers[index];
	struct sockaddr_in local = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(address_to_ipv4(&peer->local))};
	struct sockaddr_in server = {
		.sin_family = AF_INET, .sin_port = htons(PPTP_PORT), .sin_addr = load.server};

	tunnel_init(&peer->tunnel, &peer->config, &load.table, &load.random);
	peer->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (peer->tcp < 0 || bind(peer->tcp, (struct sockaddr *)&local, sizeof(local)) < 0 ||
		(connect(peer->tcp, (struct sockaddr *)&server, sizeof(server)) < 0 &&
			errno != EINPROGRESS))
		give_up("control connection");
	peer->connecting = peer->opening = true;
	load.opening++;
	watch(peer->tcp, (int)index, EPOLLOUT);
}

static void prepare(char **arguments)
{
	const char *password = getenv("LOAD_PASSWORD");
	struct in_addr first;
	uint8_t seed[32];

	load.tunnels = (unsigned)atoi(arguments[3]);
	load.calls = (unsigned)atoi(arguments[4]);
	if (inet_aton(arguments[1], &load.server) == 0 || inet_aton(arguments[2], &first) == 0 ||
		load.tunnels == 0 || load.calls == 0 || load.calls > CALLS_PER_TUNNEL ||
		load.tunnels * load.calls >= CALL_IDS || password == NULL) {
		fputs("bad arguments, or no LOAD_PASSWORD\n", stderr);
		exit(2);
	}
	load.peers = make(load.tunnels, sizeof(*load.peers));
	load.lines = make(load.tunnels * load.calls, sizeof(*load.lines));
	load.table.find = find_session;
	for (unsigned i = 0; i < load.tunnels; i++)
		configure(&load.peers[i], ntohl(first.s_addr) + i, arguments[5], password);
	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		give_up("randomness");
	random_seed(&load.random, seed);

	hold_pool_init(&load.pool, make(POOL_SLOTS, sizeof(struct hold_slot)), POOL_SLOTS);
	load.engine.mppe = mppe_engine_best();
	load.engine.pool = &load.pool;
	load.list.max = LIST_MAX;
	load.list.at = make(LIST_MAX, sizeof(*load.list.at));
	for (size_t i = 0; i < LIST_MAX; i++) {
		load.list.at[i].bytes = make(1, OUTER_MAX);
		load.list.at[i].capacity = OUTER_MAX;
	}
	load.out = (struct outbox){
		.items = make(TUNNEL_OUT_ITEMS, sizeof(struct out_item)),
		.arena = make(1, TUNNEL_OUT_BYTES),
		.item_max = TUNNEL_OUT_ITEMS,
		.arena_max = TUNNEL_OUT_BYTES,
	};
}

static void open_sockets(void)
{
	int buffer = 16 << 20;

	load.epoll = epoll_create1(EPOLL_CLOEXEC);
	load.gre = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_GRE);
	if (load.epoll < 0 || load.gre < 0)
		give_up("raw GRE socket");
	setsockopt(load.gre, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer));
	watch(load.gre, READ_GRE, EPOLLIN);
	watch(STDIN_FILENO, READ_COMMAND, EPOLLIN);
}

static void tick(uint64_t now)
{
	for (unsigned i = 0; i < load.started; i++) {
		struct peer *peer = &load.peers[i];

		if (peer->connecting || peer->over || tunnel_deadline(&peer->tunnel) > now)
			continue;
		tunnel_tick(&peer->tunnel, now, &load.out);
		settle(peer, now);
	}
	for (unsigned i = 0; i < load.tunnels * load.calls; i++) {
		struct line *line = &load.lines[i];

		if (!line->datapath.attached || datapath_deadline(&line->datapath) > now)
			continue;
		load.list.count = 0;
		datapath_tick(&load.engine, &line->datapath, now, &load.list);
		deliver(line, now);
	}
}

static void serve(void)
{
	struct epoll_event events[64];
	int count = epoll_wait(load.epoll, events, 64, TICK_MS);

	for (int i = 0; i < count; i++) {
		int about = events[i].data.fd;

		if (about == READ_GRE)
			read_gre(now_us());
		else if (about == READ_COMMAND)
			read_command(now_us());
		else if (load.peers[about].connecting)
			connected(&load.peers[about], now_us());
		else if (!load.peers[about].over)
			read_control(&load.peers[about], now_us());
	}
}

int main(int count, char **arguments)
{
	uint64_t next_tick = 0;

	if (count != 6) {
		fputs("usage: load SERVER FIRST-ADDRESS TUNNELS CALLS USER\n", stderr);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	prepare(arguments);
	open_sockets();
	while (load.finished < load.tunnels) {
		while (load.started < load.tunnels && load.opening < OPENING_MAX)
			start_peer();
		serve();
		if (now_us() < next_tick)
			continue;
		next_tick = now_us() + MS(TICK_MS);
		tick(now_us());
		if (load.changed)
			printf("STATE up=%u answered=%u down=%u\n", load.up, load.answered,
				load.down);
		load.changed = false;
	}
	printf("STATE up=%u answered=%u down=%u\n", load.up, load.answered, load.down);
	for (int i = 0; i < CLOSE_COUNT; i++)
		if (load.reasons[i] > 0)
			printf("DOWN reason=%s count=%u\n", close_word((enum close_reason)i),
				load.reasons[i]);
	return 0;
}
