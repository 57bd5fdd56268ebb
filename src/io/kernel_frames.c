/* Control frames between the kernel's PPP and the session (see kernel_session.h). RFC 1661 §2
 * (which protocols are a link's), RFC 1962 §3.1 (resets).
 *
 *   channel: LCP, authentication, link quality; everything, before it has a unit
 *   unit:    CCP, IPCP, IPV6CP; and what the kernel could not make sense of
 *
 * A channel is always read before the unit: LCP that begins anew makes what is in the other void.
 *
 * MPPE. The kernel decrypts until it misses a packet of the stateful mode (or meets one that cannot
 * be), then hands up everything encrypted as it came and waits for the peer's Reset-Ack, which it
 * looks for in CCP. To ask for that is our part, and so is to answer the peer's request: the kernel
 * sees our Reset-Ack pass and begins anew. A peer that never sends Reset-Acks (RFC 3078 §3.1 lets
 * it) is lost on the kernel then; the user plane is not so strict.
 *
 * With the wrong keys a packet turns into a frame of some protocol that nobody knows. One such may
 * be honest, and goes up to be rejected; a run of them without a single packet between is not. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "frame.h"
#include "kernel_session.h"

enum {
	CCP_RESET_REQUEST = 14,
	CCP_RESET_ACK = 15,
	CCP_RESET_SIZE = 6, /* the protocol field with it */
	LINK_FIRST = 0xc000,
	CONTROL_FIRST = 0x8000,
	COMPRESSED_LINK = 0x00fb, /* of one link of many (RFC 1962 §2) */
	NONSENSE_RUN = 8,
	NONSENSE_QUEUE = 64, /* twice what the kernel keeps for a descriptor */
};

/* Watching. */

static void on_closed(uv_handle_t *handle)
{
	struct kernel_watch *watch = handle->data;
	struct dataplane *d = watch->plane;
	free(watch);
	kernel_release(d);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct kernel_watch *watch = poll->data;
	if (uv_is_closing((uv_handle_t *)poll))
		return;
	bool again = watch->read(watch->plane, watch);
	if (uv_is_closing((uv_handle_t *)poll))
		return;
	if (!again)
		uv_poll_stop(poll);
	else if (status < 0) /* the error was read; libuv looks no more behind one */
		uv_poll_start(poll, UV_READABLE, on_ready);
}

struct kernel_watch *kernel_watch(struct dataplane *d, uint32_t subject, int fd,
	bool (*read)(struct dataplane *, struct kernel_watch *))
{
	struct kernel_watch *watch = calloc(1, sizeof(*watch));
	if (!watch)
		return NULL;
	*watch = (struct kernel_watch){.plane = d, .subject = subject, .fd = fd, .read = read};
	if (uv_poll_init(d->config.loop, &watch->poll, fd) < 0) {
		free(watch);
		return NULL;
	}
	watch->poll.data = watch;
	d->handles++;
	uv_poll_start(&watch->poll, UV_READABLE, on_ready);
	return watch;
}

void kernel_unwatch(struct kernel_watch **watch)
{
	if (*watch)
		uv_close((uv_handle_t *)&(*watch)->poll, on_closed);
	*watch = NULL;
}

/* Whether it is still the one that is watched: events end sessions. */
static bool is_watched(const struct dataplane *d, const struct kernel_watch *watch)
{
	return !d->stopped && !uv_is_closing((const uv_handle_t *)&watch->poll);
}

/* Received. */

static void give(struct dataplane *d, struct kernel_session *s, size_t length)
{
	const struct dataplane_event event = {.kind = DATAPLANE_CONTROL,
		.subject = s->subject,
		.epoch = s->epoch,
		.bytes = d->frame,
		.length = length};
	s->last_received = clock_now();
	if (length > PPP_FRAME_MAX) {
		s->counters.drops[DROP_INNER_SIZE]++;
		return;
	}
	d->config.event(d->config.context, &event);
}

static void send_reset(struct dataplane *d, struct kernel_session *s, uint8_t code, uint8_t id)
{
	const uint8_t frame[CCP_RESET_SIZE] = {
		PROTOCOL_CCP >> 8, PROTOCOL_CCP & 0xff, code, id, 0, CCP_RESET_SIZE - 2};
	kernel_send(d, s, frame, sizeof(frame));
}

static void tell_keys_differ(struct dataplane *d, struct kernel_session *s)
{
	const struct dataplane_event event = {
		.kind = DATAPLANE_KEYS_DIFFER, .subject = s->subject, .epoch = s->epoch};
	if (s->keys_told)
		return;
	s->keys_told = true;
	d->config.event(d->config.context, &event);
}

/* An encrypted packet that the kernel did not open. */
static void ask_reset(struct dataplane *d, struct kernel_session *s)
{
	uint64_t now = clock_now();
	s->counters.drops[s->ccp_up ? DROP_MPPE_RESYNC : DROP_MPPE_NO_KEY]++;
	s->last_received = now;
	if (!s->ccp_up)
		return;
	if (ppp_unit_lost(&s->unit)) {
		tell_keys_differ(d, s);
		return;
	}
	if (s->resync_at && now - s->resync_at < DATAPATH_RESYNC_WAIT)
		return;
	s->counters.resyncs += s->resync_at == 0;
	s->resync_at = now;
	send_reset(d, s, CCP_RESET_REQUEST, ++s->resync_id);
}

/* True: it was about resets. */
static bool take_reset(struct dataplane *d, struct kernel_session *s, size_t length)
{
	const uint8_t *frame = d->frame;
	if (!s->ccp_up || length < CCP_RESET_SIZE)
		return false;
	if (frame[2] == CCP_RESET_REQUEST) {
		s->last_received = clock_now();
		send_reset(d, s, CCP_RESET_ACK, frame[3]);
		return true;
	}
	if (frame[2] != CCP_RESET_ACK)
		return false;
	s->last_received = clock_now();
	s->resync_at = 0;
	return true;
}

/* Whether a frame of a network protocol may be what the peer meant. */
static bool makes_sense(struct dataplane *d, struct kernel_session *s)
{
	struct netlink_counters counters;
	if (netlink_link_counters(kernel_links(d), s->unit.link, &counters) == 0) {
		/* Many more were received than those that came here, or wait to: packets. */
		if (counters.rx_packets - s->suspicious_of > s->suspicious + NONSENSE_QUEUE)
			s->suspicious = 0;
		if (!s->suspicious)
			s->suspicious_of = counters.rx_packets;
	}
	if (s->suspicious++ == 0)
		return true;
	s->counters.drops[DROP_MPPE_INNER]++;
	if (s->suspicious > NONSENSE_RUN)
		tell_keys_differ(d, s);
	return false;
}

/* Whether the kernel, which looks at the code alone, encrypts no more behind this. */
static bool undoes(const struct dataplane *d, const struct kernel_session *s, size_t length)
{
	enum { REQUEST = 1, TERMINATE = 5, TERMINATE_ACK = 6 };
	uint8_t code = length >= CCP_RESET_SIZE ? d->frame[2] : 0;
	return s->ccp_up && (code == REQUEST || code == TERMINATE || code == TERMINATE_ACK);
}

/* What answers it makes the kernel encrypt again, at once (kernel_send) or when CCP is open anew.
 * If nothing does, it was no frame that CCP knows. */
static void take_undoing(struct dataplane *d, struct kernel_session *s, size_t length)
{
	uint32_t subject = s->subject, epoch = s->epoch;
	kernel_doubt(s);
	give(d, s, length);
	s = d->stopped ? NULL : kernel_find(d, subject);
	if (s && s->epoch == epoch && s->undone)
		kernel_unable(d, s, "the peer ended encryption by a CCP frame that means nothing");
}

static void take_unit_frame(struct dataplane *d, struct kernel_session *s, size_t length)
{
	uint16_t protocol = get_u16(d->frame);
	s->own.rx_packets++;
	s->own.rx_bytes += length - 2;
	if (protocol == PROTOCOL_COMPRESSED || protocol == COMPRESSED_LINK)
		ask_reset(d, s);
	else if (protocol == PROTOCOL_CCP && take_reset(d, s, length))
		;
	else if (protocol == PROTOCOL_CCP && undoes(d, s, length))
		take_undoing(d, s, length);
	else if (protocol >= CONTROL_FIRST || !s->ccp_up || makes_sense(d, s))
		give(d, s, length);
}

/* One frame; 0: there is none; negative: there will be none. */
static ssize_t read_frame(struct dataplane *d, int fd)
{
	ssize_t length = read(fd, d->frame, sizeof(d->frame));
	if (length > 0)
		return length;
	if (length < 0 && errno == EOVERFLOW) /* larger than any there should be; it is gone */
		return 1;
	return length < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

bool kernel_read_channel(struct dataplane *d, struct kernel_watch *watch)
{
	for (unsigned n = 0; n < KERNEL_FRAMES_AT_ONCE && is_watched(d, watch); n++) {
		struct kernel_session *s = kernel_find(d, watch->subject);
		ssize_t length = read_frame(d, watch->fd);
		if (length < 0)
			kernel_line_gone(d, s);
		if (length <= 0)
			return length == 0;
		if (length < 2)
			s->counters.drops[DROP_PPP_SHORT]++;
		else
			give(d, s, (size_t)length);
	}
	return true;
}

bool kernel_read_unit(struct dataplane *d, struct kernel_watch *watch)
{
	struct kernel_session *s = kernel_find(d, watch->subject);
	struct kernel_watch *channel = s->channel_watch;
	if (channel && !kernel_read_channel(d, channel) && is_watched(d, channel))
		uv_poll_stop(&channel->poll);
	for (unsigned n = 0; n < KERNEL_FRAMES_AT_ONCE && is_watched(d, watch); n++) {
		s = kernel_find(d, watch->subject);
		ssize_t length = read_frame(d, watch->fd);
		if (length < 0 && ppp_unit_gone(&s->unit)) {
			const struct dataplane_event event = {
				.kind = DATAPLANE_TUN_GONE, .subject = s->subject};
			d->config.event(d->config.context, &event);
		}
		if (length <= 0)
			return length == 0; /* no channel is left: its end is near */
		if (length < 2)
			s->counters.drops[DROP_PPP_SHORT]++;
		else
			take_unit_frame(d, s, (size_t)length);
	}
	return true;
}

/* Of those that are in `fd` all that are there. */
static void put_aside(struct dataplane *d, struct kernel_session *s, int fd)
{
	const struct kernel_answer answer = {
		.kind = DATAPLANE_CONTROL, .subject = s->subject, .epoch = s->epoch};
	ssize_t length;
	while ((length = read_frame(d, fd)) > 0)
		if (length >= 2 && length <= PPP_FRAME_MAX)
			kernel_tell(d, &answer, d->frame, (size_t)length);
}

void kernel_put_aside(struct dataplane *d, struct kernel_session *s)
{
	if (s->channel_watch)
		put_aside(d, s, s->channel.fd);
	if (s->unit_watch)
		put_aside(d, s, s->unit.fd);
}

void kernel_forget_frames(struct dataplane *d, struct kernel_session *s)
{
	ssize_t length;
	while (s->unit_watch && (length = read_frame(d, s->unit.fd)) > 0) {
		s->own.rx_packets++;
		s->own.rx_bytes += (size_t)length - 2;
	}
}

/* Sent. */

/* The kernel is given a key before it sees the frame that tells it to use one. */
static bool arm(struct dataplane *d, struct kernel_session *s, const uint8_t *frame, size_t length)
{
	struct kernel_mppe mppe;
	enum kernel_mppe_verdict verdict = kernel_mppe_sending(&mppe, frame, length, &s->keys);
	int failed = verdict == KERNEL_MPPE_ARM ? ppp_unit_mppe(&s->unit, &mppe) : 0;
	explicit_bzero(&mppe, sizeof(mppe));
	if (failed)
		kernel_unable(d, s, "the kernel's PPP takes no MPPE key (modprobe ppp_mppe)");
	return !failed;
}

void kernel_send(struct dataplane *d, struct kernel_session *s, const uint8_t *frame, size_t length)
{
	uint16_t protocol = get_u16(frame);
	bool by_unit = protocol < LINK_FIRST && s->unit_watch;
	if (by_unit && protocol == PROTOCOL_CCP && !arm(d, s, frame, length))
		return;
	int fd = by_unit ? s->unit.fd : s->channel.fd;
	if (fd < 0 || write(fd, frame, length) < 0) {
		s->counters.drops[DROP_OUTER_SEND]++;
		return;
	}
	enum { CONFIGURE_ACK = 2 };
	if (by_unit && s->undone && protocol == PROTOCOL_CCP && frame[2] == CONFIGURE_ACK)
		kernel_trust(s);
	s->sent += !by_unit;
	/* Packets of the control plane's own count as such. */
	if (by_unit && protocol >= CONTROL_FIRST) {
		s->own.tx_packets++;
		s->own.tx_bytes += length - 2;
	}
}
