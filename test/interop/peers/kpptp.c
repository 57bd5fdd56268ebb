/* A pppd plugin that dials PPTP with the kernel's own encapsulation (AF_PPPOX, PX_PROTO_PPTP).
 *
 *   pppd plugin kpptp.so kpptp-server A.B.C.D ...
 *   pppd plugin kpptp.so kpptp-server A.B.C.D kpptp-local E.F.G.H kpptp-call M kpptp-peer-call N
 * ...
 *
 * The second form needs no PPTP server: two such pppds, told each other's call IDs, are a tunnel
 * that is the kernel's at both ends.
 *
 * The control connection (RFC 2637 §2) is done here in the plainest way: Start, then one
 * Outgoing-Call, and then nothing is read from it any more; GRE is the kernel's. It exists to hold
 * a server against an encapsulation that is neither ours nor pptp-linux's. For pppd 2.4.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* Behind net/if.h, which it would else collide with. */
#include <linux/if_pppox.h>

#include <pppd/pppd.h>
#include <pppd/fsm.h>
#include <pppd/lcp.h>

enum {
	START_REQUEST = 1,
	CALL_REQUEST = 7,
	START_LENGTH = 156,
	CALL_LENGTH = 168,
	CALL_REPLY_LENGTH = 32,
	START_RESULT_AT = 14,
	CALL_ID_AT = 12,
	CALL_RESULT_AT = 16,
	RESULT_OK = 1,
};

char pppd_version[] = VERSION;

static char *server, *local;
static int own_call, other_call; /* 0: the server is asked for a call */
static int control = -1, channel_socket = -1;
static option_t options[] = {
	{.name = "kpptp-server",
		.type = o_string,
		.addr = &server,
		.description = "PPTP server's address"},
	{.name = "kpptp-local",
		.type = o_string,
		.addr = &local,
		.description = "our address, where no server is asked for a call"},
	{.name = "kpptp-call", .type = o_int, .addr = &own_call, .description = "our call ID"},
	{.name = "kpptp-peer-call",
		.type = o_int,
		.addr = &other_call,
		.description = "the peer's call ID"},
	{.name = NULL},
};

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, (uint16_t)(value >> 16));
	put16(at + 2, (uint16_t)value);
}

static void put_header(uint8_t *message, uint16_t length, uint16_t type)
{
	memset(message, 0, length);
	put16(message, length);
	put16(message + 2, 1);
	put32(message + 4, 0x1a2b3c4d);
	put16(message + 8, type);
}

/* Sends a request and reads a reply of a known length. */
static int ask(const uint8_t *request, size_t request_length, uint8_t *reply, size_t reply_length)
{
	size_t have = 0;

	if (write(control, request, request_length) != (ssize_t)request_length)
		return -1;
	while (have < reply_length) {
		ssize_t n = read(control, reply + have, reply_length - have);

		if (n <= 0)
			return -1;
		have += (size_t)n;
	}
	return 0;
}

static int start_control(void)
{
	uint8_t message[START_LENGTH];

	put_header(message, START_LENGTH, START_REQUEST);
	put16(message + 12, 0x0100); /* version */
	put32(message + 16, 3);      /* framing: both */
	put32(message + 20, 3);      /* bearer: both */
	put16(message + 26, 1);      /* firmware */
	if (ask(message, START_LENGTH, message, START_LENGTH) < 0)
		return -1;
	return message[START_RESULT_AT] == RESULT_OK ? 0 : -1;
}

/* Returns the peer's call ID, or -1. */
static int start_call(uint16_t call_id)
{
	uint8_t message[CALL_LENGTH];

	put_header(message, CALL_LENGTH, CALL_REQUEST);
	put16(message + 12, call_id);
	put16(message + 14, 1);   /* serial */
	put32(message + 16, 300); /* minimum and maximum speed, bit/s */
	put32(message + 20, 100000000);
	put32(message + 24, 3);
	put32(message + 28, 3);
	put16(message + 32, 64); /* window, packets */
	if (ask(message, CALL_LENGTH, message, CALL_REPLY_LENGTH) < 0)
		return -1;
	if (message[CALL_RESULT_AT] != RESULT_OK)
		return -1;
	return message[CALL_ID_AT] << 8 | message[CALL_ID_AT + 1];
}

/* The kernel's address structure is packed, so it goes to the socket calls by way of void *. */
static int bind_channel(struct sockaddr_pppox *name)
{
	struct sockaddr_in from = {.sin_family = AF_INET};
	socklen_t length = sizeof(from);
	void *address = name;

	if (own_call ? inet_aton(local != NULL ? local : "", &from.sin_addr) == 0
		     : getsockname(control, (struct sockaddr *)&from, &length) < 0)
		return -1;
	memset(name, 0, sizeof(*name));
	name->sa_family = AF_PPPOX;
	name->sa_protocol = PX_PROTO_PPTP;
	name->sa_addr.pptp.call_id = (uint16_t)own_call;
	name->sa_addr.pptp.sin_addr = from.sin_addr;
	if (bind(channel_socket, address, sizeof(*name)) < 0)
		return -1;
	length = sizeof(*name);
	return getsockname(channel_socket, address, &length);
}

static int connect_channel(struct sockaddr_pppox *name, struct in_addr peer, uint16_t call_id)
{
	void *address = name;

	name->sa_addr.pptp.sin_addr = peer;
	name->sa_addr.pptp.call_id = call_id;
	return connect(channel_socket, address, sizeof(*name));
}

/* The control connection; nothing when both call IDs are known. */
static int connect_control(const struct sockaddr_in *remote)
{
	if (own_call)
		return 0;
	control = socket(AF_INET, SOCK_STREAM, 0);
	return control < 0 ? -1
			   : connect(control, (const struct sockaddr *)remote, sizeof(*remote));
}

static int dial(void)
{
	struct sockaddr_in remote = {.sin_family = AF_INET, .sin_port = htons(1723)};
	struct sockaddr_pppox name;
	int local_call, peer_call = other_call;

	if (server == NULL || inet_aton(server, &remote.sin_addr) == 0) {
		error("kpptp: no server address");
		return -1;
	}
	channel_socket = socket(AF_PPPOX, SOCK_STREAM, PX_PROTO_PPTP);
	if (channel_socket < 0 || connect_control(&remote) < 0 || bind_channel(&name) < 0) {
		error("kpptp: %m");
		return -1;
	}
	local_call = name.sa_addr.pptp.call_id;
	if (!own_call &&
		(start_control() < 0 || (peer_call = start_call((uint16_t)local_call)) < 0)) {
		error("kpptp: the server refused");
		return -1;
	}
	if (connect_channel(&name, remote.sin_addr, (uint16_t)peer_call) < 0) {
		error("kpptp: the kernel's channel: %m");
		return -1;
	}
	strlcpy(ppp_devnam, server, sizeof(ppp_devnam));
	notice("kpptp: call %d to %d", local_call, peer_call);
	return channel_socket;
}

static void hang_up(void)
{
	if (channel_socket >= 0)
		close(channel_socket);
	if (control >= 0)
		close(control);
	channel_socket = control = -1;
}

static void send_config(int mtu, u_int32_t accm, int pcomp, int accomp)
{
	struct ifreq request;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	(void)accm;
	(void)pcomp;
	(void)accomp;
	memset(&request, 0, sizeof(request));
	strlcpy(request.ifr_name, ifname, sizeof(request.ifr_name));
	request.ifr_mtu = mtu;
	if (ioctl(fd, SIOCSIFMTU, &request) < 0)
		error("kpptp: MTU %d: %m", mtu);
	close(fd);
}

static void receive_config(int mru, u_int32_t accm, int pcomp, int accomp)
{
	(void)mru;
	(void)accm;
	(void)pcomp;
	(void)accomp;
}

static struct channel channel = {
	.options = options,
	.connect = dial,
	.disconnect = hang_up,
	.establish_ppp = generic_establish_ppp,
	.disestablish_ppp = generic_disestablish_ppp,
	.send_config = send_config,
	.recv_config = receive_config,
};

/* The kernel's channel has no async framing and compresses no header. */
void plugin_init(void)
{
	add_options(options);
	the_channel = &channel;
	modem = 0;
	lcp_wantoptions[0].neg_accompression = lcp_allowoptions[0].neg_accompression = 0;
	lcp_wantoptions[0].neg_pcompression = lcp_allowoptions[0].neg_pcompression = 0;
	lcp_wantoptions[0].neg_asyncmap = lcp_allowoptions[0].neg_asyncmap = 0;
}
