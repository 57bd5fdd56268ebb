/* Units of the kernel's PPP (see ppp_unit.h), by the requests of linux/ppp-ioctl.h.
 *
 * A unit lets every network protocol through from its first moment, and the kernel knows more of
 * them than IP (IPX, AppleTalk, MPLS). Here a unit begins with all of them shut, and those that
 * nobody here speaks stay so.
 *
 * Descriptors of one unit may be several (dup); the interface lives as long as the last. */
#include "ppp_unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/ppp-ioctl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ppp_make.h"

enum { MPLS_UNICAST = 0x0281, MPLS_MULTICAST = 0x0283, VJ_SLOTS_DEFAULT = 16 };

static int request(const struct ppp_unit *unit, unsigned long what, const void *value)
{
	return ioctl(unit->fd, what, value) < 0 ? -errno : 0;
}

static int np_mode(const struct ppp_unit *unit, int protocol, enum NPmode mode)
{
	struct npioctl np = {.protocol = protocol, .mode = mode};
	return request(unit, PPPIOCSNPMODE, &np);
}

static void shut(const struct ppp_unit *unit)
{
	static const int protocols[] = {
		PPP_IP, PPP_IPV6, PPP_IPX, PPP_AT, MPLS_UNICAST, MPLS_MULTICAST};
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		np_mode(unit, protocols[i], NPMODE_DROP); /* older kernels lack some */
}

/* Router Advertisements are heard by the session, which knows what was asked for; the kernel would
 * take addresses and a default route from them on its own. Where it has no IPv6, or lets nobody say
 * so (a container's /proc/sys), there is nothing to be done. */
static void ignore_routers(const struct ppp_unit *unit)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/accept_ra", unit->name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)!write(fd, "0", 1);
	close(fd);
}

int ppp_unit_make(
	struct ppp_unit *unit, struct netlink *netlink, const char *wanted, char words[256])
{
	const struct ppp_wish wish = {.name = wanted, .number = PPP_ANY};
	struct ppp_made made;
	*unit = PPP_UNIT_NONE;
	int failed = ppp_make(&made, &wish, netlink, words);
	if (failed)
		return failed;
	unit->fd = made.fd;
	unit->number = made.number;
	unit->link = made.link;
	memcpy(unit->name, made.name, sizeof(unit->name));
	shut(unit);
	ignore_routers(unit);
	return 0;
}

int ppp_unit_keep(struct ppp_unit *unit, struct netlink *netlink, int fd, const char *name)
{
	*unit = PPP_UNIT_NONE;
	unit->fd = fd;
	unit->number = ppp_number(fd);
	snprintf(unit->name, sizeof(unit->name), "%s", name);
	int link = netlink_link_index(netlink, unit->name);
	unit->link = link > 0 ? (unsigned)link : 0;
	if (unit->number < 0 || link < 0)
		return unit->number < 0 ? unit->number : link;
	return request(unit, PPPIOCSFLAGS, &unit->flags);
}

void ppp_unit_close(struct ppp_unit *unit)
{
	if (unit->fd >= 0)
		close(unit->fd);
	*unit = PPP_UNIT_NONE;
}

int ppp_unit_flags(struct ppp_unit *unit, int clear, int set)
{
	int flags = (unit->flags & ~clear) | set;
	if (flags == unit->flags)
		return 0;
	int failed = request(unit, PPPIOCSFLAGS, &flags);
	if (!failed)
		unit->flags = flags;
	return failed;
}

int ppp_unit_mode(const struct ppp_unit *unit, uint16_t protocol, enum ppp_unit_mode mode)
{
	static const enum NPmode modes[] = {
		[PPP_UNIT_DROP] = NPMODE_DROP,
		[PPP_UNIT_QUEUE] = NPMODE_QUEUE,
		[PPP_UNIT_PASS] = NPMODE_PASS,
	};
	return np_mode(unit, protocol, modes[mode]);
}

int ppp_unit_mru(const struct ppp_unit *unit, int mru)
{
	return request(unit, PPPIOCSMRU, &mru);
}

int ppp_unit_multilink(struct ppp_unit *unit, int mrru, bool receive_short, bool send_short)
{
	int failed = request(unit, PPPIOCSMRRU, &mrru);
	return failed ? failed
		      : ppp_unit_flags(unit, SC_MP_SHORTSEQ | SC_MP_XSHORTSEQ,
				SC_MULTILINK | (receive_short ? SC_MP_SHORTSEQ : 0) |
					(send_short ? SC_MP_XSHORTSEQ : 0));
}

/* The request wants the highest number of each way, receiving in the upper half, and 0 there means
 * the default. A new table forgets what the old one knew, so that it is made for both ways before
 * the first packet, and again only for a peer that takes fewer than is usual. */
int ppp_unit_headers(struct ppp_unit *unit, unsigned receive, unsigned transmit, bool omit)
{
	unsigned in = receive ? receive : VJ_SLOTS_DEFAULT;
	unsigned out = transmit ? transmit : VJ_SLOTS_DEFAULT;
	int numbers = (int)((in - 1) << 16 | (out - 1));
	int failed = 0;
	if ((receive || transmit) && numbers != unit->vj_numbers) {
		failed = request(unit, PPPIOCSMAXCID, &numbers);
		unit->vj_numbers = failed ? 0 : numbers;
	}
	if (failed)
		return failed;
	return ppp_unit_flags(unit, SC_COMP_TCP | SC_NO_TCP_CCID | SC_REJ_COMP_TCP,
		(transmit ? SC_COMP_TCP : 0) | (transmit && !omit ? SC_NO_TCP_CCID : 0) |
			(receive ? 0 : SC_REJ_COMP_TCP));
}

int ppp_unit_mppe(const struct ppp_unit *unit, const struct kernel_mppe *mppe)
{
	struct kernel_mppe copy = *mppe;
	struct ppp_option_data data = {
		.ptr = copy.option, .length = sizeof(copy.option), .transmit = copy.transmit};
	int failed = request(unit, PPPIOCSCOMPRESS, &data);
	explicit_bzero(&copy, sizeof(copy));
	return failed;
}

bool ppp_unit_lost(const struct ppp_unit *unit)
{
	int flags = 0;
	return request(unit, PPPIOCGFLAGS, &flags) == 0 && flags & SC_DC_FERROR;
}

int ppp_unit_filter(const struct ppp_unit *unit, struct sock_filter *code, size_t count)
{
	struct sock_fprog program = {.len = (unsigned short)count, .filter = code};
	return request(unit, PPPIOCSPASS, &program);
}

bool ppp_unit_idle(const struct ppp_unit *unit, uint64_t *received, uint64_t *sent)
{
	struct ppp_idle idle;
	if (request(unit, PPPIOCGIDLE, &idle) < 0 || idle.recv_idle < 0 || idle.xmit_idle < 0)
		return false;
	*received = (uint64_t)idle.recv_idle * 1000000;
	*sent = (uint64_t)idle.xmit_idle * 1000000;
	return true;
}

int ppp_unit_loop(struct ppp_unit *unit, bool loop)
{
	return ppp_unit_flags(unit, SC_LOOP_TRAFFIC, loop ? SC_LOOP_TRAFFIC : 0);
}

bool ppp_unit_gone(const struct ppp_unit *unit)
{
	struct pollfd p = {.fd = unit->fd};
	return poll(&p, 1, 0) == 1 && p.revents & (POLLHUP | POLLERR | POLLNVAL);
}
