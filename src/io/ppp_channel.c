/* Channels of the kernel's PPP (see ppp_channel.h). RFC 2637 §4 and RFC 1662 are the kernel's part.
 *
 *   socket, bind (our call ID), connect (the peer's) ─▶ PPPIOCGCHAN ─▶ /dev/ppp, PPPIOCATTCHAN
 *   tty, TIOCSETD                                    ─▶ the same
 *
 * A bound socket that is not connected takes nothing: what comes for its call until then is lost
 * (early_gre.h). The kernel's PPTP knows IPv4 alone, and takes call ID 0 for "any". */
#include "ppp_channel.h"

#include <assert.h>
#include <errno.h>
#include <linux/if_pppox.h>
#include <linux/ppp-ioctl.h>
#include <linux/tty.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "ppp_device.h"

/* Of the failure in errno. */
static int complain(char error[256], const char *what)
{
	int failed = -errno;
	snprintf(error, 256, "%s: %s", what, strerror(-failed));
	return failed;
}

static struct sockaddr_pppox pptp_address(uint16_t call_id, const struct address *a)
{
	struct sockaddr_pppox sa;
	memset(&sa, 0, sizeof(sa));
	sa.sa_family = AF_PPPOX;
	sa.sa_protocol = PX_PROTO_PPTP;
	sa.sa_addr.pptp.call_id = call_id;
	memcpy(&sa.sa_addr.pptp.sin_addr, a->bytes, 4);
	return sa;
}

int ppp_channel_bind(
	struct ppp_channel *channel, uint16_t call_id, const struct address *local, char error[256])
{
	struct sockaddr_pppox own = pptp_address(call_id, local);
	*channel = PPP_CHANNEL_NONE;
	assert(local->family == 4 && call_id != 0);
	channel->carrier = socket(AF_PPPOX, SOCK_STREAM | SOCK_CLOEXEC, PX_PROTO_PPTP);
	if (channel->carrier < 0)
		return complain(error, "Couldn't make a PPTP socket");
	if (bind(channel->carrier, (const struct sockaddr *)&own, sizeof(own)) == 0)
		return 0;
	int failed = complain(error, "Couldn't take the call ID from the kernel's PPTP");
	ppp_channel_close(channel);
	return failed;
}

/* Of the number that the carrier has. */
static int attach(struct ppp_channel *channel, char error[256])
{
	int number;
	if (ioctl(channel->carrier, PPPIOCGCHAN, &number) < 0)
		return complain(error, "Couldn't get the number of a PPP channel");
	channel->fd = ppp_device_open(error);
	if (channel->fd < 0)
		return channel->fd;
	if (ioctl(channel->fd, PPPIOCATTCHAN, &number) == 0)
		return 0;
	int failed = complain(error, "Couldn't attach to a PPP channel");
	close(channel->fd);
	channel->fd = -1;
	return failed;
}

int ppp_channel_connect(
	struct ppp_channel *channel, uint16_t call_id, const struct address *peer, char error[256])
{
	struct sockaddr_pppox to = pptp_address(call_id, peer);
	if (connect(channel->carrier, (const struct sockaddr *)&to, sizeof(to)) < 0)
		return complain(error, "Couldn't connect a PPTP socket to the peer's call");
	return attach(channel, error);
}

int ppp_channel_tty(struct ppp_channel *channel, int tty, bool sync, char error[256])
{
	int discipline = sync ? N_SYNC_PPP : N_PPP;
	*channel = PPP_CHANNEL_NONE;
	channel->carrier = tty;
	channel->tty = true;
	if (ioctl(tty, TIOCGETD, &channel->discipline) < 0) {
		channel->carrier = -1;
		return complain(error, "Not a tty");
	}
	if (ioctl(tty, TIOCSETD, &discipline) < 0) {
		channel->carrier = -1;
		return complain(error,
			sync ? "Couldn't set the line's discipline to PPP (modprobe ppp_synctty)"
			     : "Couldn't set the line's discipline to PPP (modprobe ppp_async)");
	}
	int failed = attach(channel, error);
	if (failed)
		ppp_channel_close(channel);
	return failed;
}

static int set(const struct ppp_channel *channel, unsigned long request, const void *value)
{
	return ioctl(channel->fd, request, value) < 0 ? -errno : 0;
}

int ppp_channel_framing(const struct ppp_channel *channel, bool protocol, bool address)
{
	int flags = (protocol ? SC_COMP_PROT : 0) | (address ? SC_COMP_AC : 0);
	return set(channel, PPPIOCSFLAGS, &flags);
}

int ppp_channel_line(const struct ppp_channel *channel, uint32_t send, uint32_t receive, int mru)
{
	int failed = set(channel, PPPIOCSASYNCMAP, &send);
	if (!failed)
		failed = set(channel, PPPIOCSRASYNCMAP, &receive);
	return failed ? failed : set(channel, PPPIOCSMRU, &mru);
}

int ppp_channel_join(struct ppp_channel *channel, int unit)
{
	if (channel->unit == unit)
		return 0;
	ppp_channel_leave(channel);
	int failed = set(channel, PPPIOCCONNECT, &unit);
	if (!failed)
		channel->unit = unit;
	return failed;
}

void ppp_channel_leave(struct ppp_channel *channel)
{
	if (channel->unit >= 0)
		ioctl(channel->fd, PPPIOCDISCONN);
	channel->unit = -1;
}

void ppp_channel_close(struct ppp_channel *channel)
{
	if (channel->fd >= 0)
		close(channel->fd);
	if (channel->carrier >= 0 && channel->tty)
		ioctl(channel->carrier, TIOCSETD, &channel->discipline);
	else if (channel->carrier >= 0)
		close(channel->carrier);
	*channel = PPP_CHANNEL_NONE;
}
