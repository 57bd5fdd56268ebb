/* A PPP endpoint on stdin and stdout: lwIP's PPP stack, which needs no kernel PPP.
 *
 *   lwippp client                    behind `pptp HOST --nolaunchpppd`
 *   lwippp ... LOCAL:REMOTE ...      as pptpd's `ppp` program, with pppd's arguments
 *
 * The bytes are async HDLC (RFC 1662). Authentication is MS-CHAPv2 with LWIPPP_USER and
 * LWIPPP_PASSWORD, and encryption MPPE-128 or nothing, unless LWIPPP_MPPE=none; with
 * LWIPPP_MPPE=stateful it wants to be sent stateful MPPE, which lwIP by itself only allows. Once
 * the link is up it pings the peer's inner address LWIPPP_PINGS times, answers pings, echoes TCP
 * port 7, and as a client sends LWIPPP_ECHO bytes of a known pattern to the peer's port 7 and
 * compares what comes back. What happens is written to LWIPPP_LOG (stderr without it), one line
 * each:
 *
 *   UP local=A remote=B
 *   PING reply seq=N
 *   ECHO bytes=N result=same|different|short
 *   DOWN error=N
 *
 * Reading and writing never block. pptpctrl writes to its pty with blocking writes: a peer that
 * also blocks in write would wait for it for ever. So output goes through a queue, whose surplus
 * is dropped in whole frames as a modem would, and PPP's own retransmission repairs it.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "lwip/icmp.h"
#include "lwip/inet_chksum.h"
#include "lwip/init.h"
#include "lwip/raw.h"
#include "lwip/tcp.h"
#include "lwip/timeouts.h"
#include "netif/ppp/pppapi.h"
#include "netif/ppp/pppos.h"
#include "netif/ppp/ppp_impl.h"
#include "netif/ppp/mppe.h"

enum {
	QUEUE_SIZE = 256 * 1024,
	ECHO_PORT = 7,
	PING_ID = 0x6c77,
	PING_SIZE = 64,
	PING_EVERY_MS = 200,
};

static FILE *log_file;
static struct netif interface;
static ppp_pcb *ppp;
static bool finished;
static bool is_client;

static uint8_t queue[QUEUE_SIZE];
static size_t queue_head, queue_length;

static struct raw_pcb *pinger;
static unsigned pings_left, ping_seq;

static size_t echo_total, echo_sent, echo_received;
static bool echo_differs;

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(log_file, format, args);
	va_end(args);
	fputc('\n', log_file);
	fflush(log_file);
}

void lwippp_diag(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(log_file, format, args);
	va_end(args);
	fflush(log_file);
}

u32_t sys_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (u32_t)(now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

u32_t sys_jiffies(void)
{
	return sys_now();
}

/* --- the line ------------------------------------------------------------------------------ */

static void line_flush(void)
{
	while (queue_length > 0) {
		size_t part = QUEUE_SIZE - queue_head;
		ssize_t n;

		if (part > queue_length)
			part = queue_length;
		n = write(STDOUT_FILENO, queue + queue_head, part);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			finished = true;
			return;
		}
		queue_head = (queue_head + (size_t)n) % QUEUE_SIZE;
		queue_length -= (size_t)n;
	}
}

/* lwIP hands a frame over in one or more pieces; a piece that does not fit is refused, and lwIP
 * drops the rest of that frame. */
static u32_t line_write(ppp_pcb *pcb, u8_t *bytes, u32_t length, void *context)
{
	size_t tail, part;

	LWIP_UNUSED_ARG(pcb);
	LWIP_UNUSED_ARG(context);
	if (length > QUEUE_SIZE - queue_length)
		return 0;
	tail = (queue_head + queue_length) % QUEUE_SIZE;
	part = QUEUE_SIZE - tail;
	if (part > length)
		part = length;
	memcpy(queue + tail, bytes, part);
	memcpy(queue, bytes + part, length - part);
	queue_length += length;
	line_flush();
	return length;
}

static void line_read(void)
{
	uint8_t bytes[8192];
	ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		say("EOF");
		finished = true;
		return;
	}
	pppos_input(ppp, bytes, (int)n);
}

static void line_prepare(int fd)
{
	struct termios mode;

	if (isatty(fd) && tcgetattr(fd, &mode) == 0) {
		cfmakeraw(&mode);
		tcsetattr(fd, TCSANOW, &mode);
	}
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* --- traffic ------------------------------------------------------------------------------- */

static u8_t ping_input(void *arg, struct raw_pcb *pcb, struct pbuf *packet, const ip_addr_t *from)
{
	struct icmp_echo_hdr reply;

	LWIP_UNUSED_ARG(arg);
	LWIP_UNUSED_ARG(pcb);
	if (pbuf_copy_partial(packet, &reply, sizeof(reply), IP_HLEN) != sizeof(reply) ||
		ICMPH_TYPE(&reply) != ICMP_ER || reply.id != PP_HTONS(PING_ID))
		return 0;
	say("PING reply seq=%u from=%s", lwip_ntohs(reply.seqno), ipaddr_ntoa(from));
	pbuf_free(packet);
	return 1;
}

static void ping_send(void *arg)
{
	struct pbuf *packet = pbuf_alloc(PBUF_IP, PING_SIZE, PBUF_RAM);
	struct icmp_echo_hdr *request = packet->payload;

	LWIP_UNUSED_ARG(arg);
	memset(packet->payload, 'g', PING_SIZE);
	ICMPH_TYPE_SET(request, ICMP_ECHO);
	ICMPH_CODE_SET(request, 0);
	request->id = PP_HTONS(PING_ID);
	request->seqno = lwip_htons((u16_t)++ping_seq);
	request->chksum = 0;
	request->chksum = inet_chksum(request, PING_SIZE);
	raw_sendto(pinger, packet, netif_ip_gw4(&interface));
	pbuf_free(packet);
	if (--pings_left > 0)
		sys_timeout(PING_EVERY_MS, ping_send, NULL);
}

static uint8_t pattern(size_t at)
{
	return (uint8_t)(at * 31 + (at >> 8) * 17 + (at >> 16));
}

static void echo_finish(struct tcp_pcb *pcb, const char *result)
{
	say("ECHO bytes=%zu result=%s", echo_received, result);
	tcp_arg(pcb, NULL);
	tcp_recv(pcb, NULL);
	tcp_sent(pcb, NULL);
	tcp_close(pcb);
}

static void echo_push(struct tcp_pcb *pcb)
{
	uint8_t bytes[1024];

	while (echo_sent < echo_total && tcp_sndbuf(pcb) >= sizeof(bytes)) {
		size_t length = echo_total - echo_sent;

		if (length > sizeof(bytes))
			length = sizeof(bytes);
		for (size_t i = 0; i < length; i++)
			bytes[i] = pattern(echo_sent + i);
		if (tcp_write(pcb, bytes, (u16_t)length, TCP_WRITE_FLAG_COPY) != ERR_OK)
			break;
		echo_sent += length;
	}
	tcp_output(pcb);
}

static err_t echo_pushed(void *arg, struct tcp_pcb *pcb, u16_t length)
{
	LWIP_UNUSED_ARG(arg);
	LWIP_UNUSED_ARG(length);
	echo_push(pcb);
	return ERR_OK;
}

static err_t echo_back(void *arg, struct tcp_pcb *pcb, struct pbuf *data, err_t error)
{
	LWIP_UNUSED_ARG(arg);
	LWIP_UNUSED_ARG(error);
	if (data == NULL) {
		echo_finish(pcb, "short");
		return ERR_OK;
	}
	for (struct pbuf *part = data; part != NULL; part = part->next) {
		for (u16_t i = 0; i < part->len; i++) {
			if (((uint8_t *)part->payload)[i] != pattern(echo_received++))
				echo_differs = true;
		}
	}
	tcp_recved(pcb, data->tot_len);
	pbuf_free(data);
	if (echo_received >= echo_total)
		echo_finish(pcb, echo_differs ? "different" : "same");
	return ERR_OK;
}

static err_t echo_connected(void *arg, struct tcp_pcb *pcb, err_t error)
{
	LWIP_UNUSED_ARG(arg);
	LWIP_UNUSED_ARG(error);
	tcp_recv(pcb, echo_back);
	tcp_sent(pcb, echo_pushed);
	echo_push(pcb);
	return ERR_OK;
}

static void echo_failed(void *arg, err_t error)
{
	LWIP_UNUSED_ARG(arg);
	say("ECHO bytes=%zu result=error-%d", echo_received, error);
}

static void echo_start(void *arg)
{
	struct tcp_pcb *pcb = tcp_new();

	LWIP_UNUSED_ARG(arg);
	tcp_err(pcb, echo_failed);
	tcp_connect(pcb, netif_ip_gw4(&interface), ECHO_PORT, echo_connected);
}

/* The server's side of the echo. What came in is owed until it is written, and its window opened
 * only then; a peer that has no more to say is closed behind the last byte owed. */
struct serving {
	struct pbuf *owed;
	bool ended;
};

static void serve_drain(struct tcp_pcb *pcb, struct serving *serving)
{
	while (serving->owed != NULL && tcp_sndbuf(pcb) >= serving->owed->len) {
		struct pbuf *first = serving->owed;

		if (tcp_write(pcb, first->payload, first->len, TCP_WRITE_FLAG_COPY) != ERR_OK)
			break;
		tcp_recved(pcb, first->len);
		serving->owed = first->next;
		if (serving->owed != NULL)
			pbuf_ref(serving->owed);
		pbuf_free(first);
	}
	tcp_output(pcb);
	if (serving->ended && serving->owed == NULL) {
		tcp_arg(pcb, NULL);
		tcp_err(pcb, NULL);
		tcp_recv(pcb, NULL);
		tcp_sent(pcb, NULL);
		tcp_close(pcb);
		free(serving);
	}
}

static err_t serve_input(void *arg, struct tcp_pcb *pcb, struct pbuf *data, err_t error)
{
	struct serving *serving = arg;

	LWIP_UNUSED_ARG(error);
	if (data == NULL)
		serving->ended = true;
	else if (serving->owed != NULL)
		pbuf_cat(serving->owed, data);
	else
		serving->owed = data;
	serve_drain(pcb, serving);
	return ERR_OK;
}

static err_t serve_sent(void *arg, struct tcp_pcb *pcb, u16_t length)
{
	LWIP_UNUSED_ARG(length);
	serve_drain(pcb, arg);
	return ERR_OK;
}

static void serve_failed(void *arg, err_t error)
{
	struct serving *serving = arg;

	LWIP_UNUSED_ARG(error);
	if (serving->owed != NULL)
		pbuf_free(serving->owed);
	free(serving);
}

static err_t serve_accept(void *arg, struct tcp_pcb *pcb, err_t error)
{
	struct serving *serving = calloc(1, sizeof(*serving));

	LWIP_UNUSED_ARG(arg);
	LWIP_UNUSED_ARG(error);
	if (serving == NULL)
		return ERR_MEM;
	tcp_arg(pcb, serving);
	tcp_err(pcb, serve_failed);
	tcp_recv(pcb, serve_input);
	tcp_sent(pcb, serve_sent);
	return ERR_OK;
}

/* --- the link ------------------------------------------------------------------------------ */

static size_t number(const char *name, size_t otherwise)
{
	const char *value = getenv(name);

	return value != NULL ? strtoul(value, NULL, 10) : otherwise;
}

static void link_status(ppp_pcb *pcb, int error, void *context)
{
	LWIP_UNUSED_ARG(pcb);
	LWIP_UNUSED_ARG(context);
	if (error != PPPERR_NONE) {
		say("DOWN error=%d", error);
		finished = true;
		return;
	}
	fprintf(log_file, "UP local=%s ", ip4addr_ntoa(netif_ip4_addr(&interface)));
	say("remote=%s", ip4addr_ntoa(netif_ip4_gw(&interface)));
	if (pings_left > 0)
		sys_timeout(1, ping_send, NULL);
	if (is_client && echo_total > 0)
		sys_timeout(1, echo_start, NULL);
}

static void link_start_server(char *addresses)
{
	char *colon = strchr(addresses, ':');
	ip4_addr_t local, remote;

	*colon = '\0';
	if (!ip4addr_aton(addresses, &local) || !ip4addr_aton(colon + 1, &remote)) {
		say("bad addresses");
		exit(2);
	}
	ppp_set_ipcp_ouraddr(ppp, &local);
	ppp_set_ipcp_hisaddr(ppp, &remote);
	ppp_set_auth_required(ppp, 1);
	ppp_listen(ppp);
}

static void link_start(int count, char **arguments)
{
	const char *user = getenv("LWIPPP_USER"), *password = getenv("LWIPPP_PASSWORD");
	const char *mppe = getenv("LWIPPP_MPPE");
	char *addresses = NULL;

	is_client = count == 2 && strcmp(arguments[1], "client") == 0;
	for (int i = 1; i < count; i++)
		if (strchr(arguments[i], ':') != NULL)
			addresses = arguments[i];
	if (user == NULL || password == NULL || (!is_client && addresses == NULL)) {
		fputs("usage: lwippp client | LOCAL:REMOTE, with LWIPPP_USER and LWIPPP_PASSWORD\n",
			stderr);
		exit(2);
	}
	ppp = pppos_create(&interface, line_write, link_status, NULL);
	ppp_set_auth(ppp, PPPAUTHTYPE_MSCHAP_V2, user, password);
	if (mppe == NULL || strcmp(mppe, "none") != 0)
		ppp_set_mppe(ppp, PPP_MPPE_ENABLE | PPP_MPPE_REFUSE_40 | PPP_MPPE_ALLOW_STATEFUL);
	if (mppe != NULL && strcmp(mppe, "stateful") == 0) {
		/* require_mppe would set the wish to stateless when CCP starts. */
		ppp->settings.require_mppe = 0;
		ppp->ccp_wantoptions.mppe = MPPE_OPT_128 | MPPE_OPT_STATEFUL;
	}
	if (is_client)
		ppp_connect(ppp, 0);
	else
		link_start_server(addresses);
}

static void serve_start(void)
{
	struct tcp_pcb *pcb = tcp_new();

	tcp_bind(pcb, IP_ADDR_ANY, ECHO_PORT);
	tcp_accept(tcp_listen(pcb), serve_accept);
	pinger = raw_new(IP_PROTO_ICMP);
	raw_bind(pinger, IP_ADDR_ANY);
	raw_recv(pinger, ping_input, NULL);
}

static volatile sig_atomic_t asked_to_stop;

static void on_term(int signal)
{
	LWIP_UNUSED_ARG(signal);
	asked_to_stop = 1;
}

static void loop(void)
{
	while (!finished) {
		struct pollfd fds[2] = {
			{.fd = STDIN_FILENO, .events = POLLIN},
			{.fd = queue_length > 0 ? STDOUT_FILENO : -1, .events = POLLOUT},
		};
		u32_t wait = sys_timeouts_sleeptime();

		if (wait > 1000)
			wait = 1000;
		if (poll(fds, 2, (int)wait) > 0) {
			if (fds[0].revents != 0)
				line_read();
			if (fds[1].revents != 0)
				line_flush();
		}
		if (asked_to_stop) {
			asked_to_stop = 0;
			ppp_close(ppp, 0);
		}
		sys_check_timeouts();
	}
}

int main(int count, char **arguments)
{
	const char *log_name = getenv("LWIPPP_LOG");

	log_file = log_name != NULL ? fopen(log_name, "a") : stderr;
	if (log_file == NULL) {
		perror(log_name);
		return 1;
	}
	srandom((unsigned)time(NULL) ^ (unsigned)getpid() << 8);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, on_term);
	pings_left = (unsigned)number("LWIPPP_PINGS", 0);
	echo_total = number("LWIPPP_ECHO", 0);
	line_prepare(STDIN_FILENO);
	line_prepare(STDOUT_FILENO);
	lwip_init();
	link_start(count, arguments);
	serve_start();
	loop();
	line_flush();
	return 0;
}
