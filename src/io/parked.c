/* Interfaces between two sessions (see parked.h).
 *
 * A unit gives what it loops back as frames, the protocol in two bytes ahead of the packet, and
 * queues 32 of them. Its network protocols must be open for that. */
#include "parked.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "bytes.h"
#include "frame.h"
#include "tun.h"

static void set_modes(const struct ppp_unit *unit, enum ppp_unit_mode mode)
{
	ppp_unit_mode(unit, PROTOCOL_IPV4, mode);
	ppp_unit_mode(unit, PROTOCOL_IPV6, mode);
}

static int park_unit(
	struct parked *parked, struct netlink *netlink, int interface, const char *name)
{
	int fd = fcntl(interface, F_DUPFD_CLOEXEC, 0);
	int failed = fd < 0 ? -errno : ppp_unit_keep(&parked->unit, netlink, fd, name);
	if (!failed)
		failed = ppp_unit_loop(&parked->unit, true);
	if (failed) {
		ppp_unit_close(&parked->unit);
		return failed;
	}
	set_modes(&parked->unit, PPP_UNIT_PASS);
	parked->fd = fd;
	return 0;
}

int parked_open(struct parked *parked, struct netlink *netlink, int interface, const char *name)
{
	*parked = PARKED_NONE;
	if (!tun_is_one(interface))
		return park_unit(parked, netlink, interface, name);
	tun_queue_adopt_plain(&parked->tun, interface);
	parked->fd = interface;
	return 0;
}

static bool read_unit(const struct ppp_unit *unit, struct tun_batch *batch)
{
	enum { PROTOCOL = 2, ROOM = PROTOCOL + PPP_MRU_DEFAULT };
	batch->count = batch->refused = 0;
	while (batch->count < BATCH_MAX) {
		uint8_t *frame = batch->arena + batch->count * ROOM;
		ssize_t got = read(unit->fd, frame, ROOM);
		if (got <= 0) /* at its end it loops no more, or is gone */
			return got < 0 && (errno == EAGAIN || errno == EINTR);
		uint16_t protocol = got > PROTOCOL ? get_u16(frame) : 0;
		if (protocol != PROTOCOL_IPV4 && protocol != PROTOCOL_IPV6)
			continue;
		uint32_t length = (uint32_t)got - PROTOCOL;
		batch->packets[batch->count++] = (struct packet){.kind = PACKET_INNER,
			.bytes = frame + PROTOCOL,
			.length = length,
			.capacity = length};
	}
	return true;
}

bool parked_read(const struct parked *parked, struct tun_batch *batch)
{
	return parked->tun.fd >= 0 ? tun_queue_read(&parked->tun, batch)
				   : read_unit(&parked->unit, batch);
}

void parked_close(struct parked *parked)
{
	if (parked->unit.fd >= 0) {
		set_modes(&parked->unit, PPP_UNIT_DROP);
		ppp_unit_loop(&parked->unit, false);
		ppp_unit_close(&parked->unit);
	}
	*parked = PARKED_NONE;
}
