/* Frames are taken from a pile and come back to it when the completion ring names them, or when
 * they were lent and not used. What the kernel does not take (a queue that is full, a link that is
 * down) is tried again once after a moment; then, with copies, it is taken out of the ring and
 * refused. With zero copy the driver may be reading it: it stays and goes with the next batch. */
#include <assert.h>
#include <poll.h>
#include <string.h>

#include "xdp_sender.h"

enum {
	GRE_AT = 64, /* in a frame: behind the headers */
	SEND_WAIT_MS = 1,
};

static_assert((int)GRE_AT >= (int)FRAME_HEAD_MAX, "the headers fit");
static_assert((int)GRE_AT + (int)TAKEN_MAX <= (int)XDP_FRAME, "the packet fits");

void xdp_sender_init(
	struct xdp_sender *s, struct xdp_socket *socket, const struct outer_link_config *config)
{
	*s = (struct xdp_sender){.socket = socket, .frame = outer_frame_of(config)};
	for (int i = 0; i < socket->frames_out; i++)
		s->free[s->free_count++] = socket->frames_in + i;
}

static uint8_t *gre_in(const struct xdp_sender *s, int frame)
{
	return s->socket->memory + (size_t)frame * XDP_FRAME + GRE_AT;
}

static void collect_sent(struct xdp_sender *s)
{
	for (int frame; (frame = xdp_socket_sent(s->socket)) >= 0;)
		s->free[s->free_count++] = frame;
}

static void take_lent_back(struct xdp_sender *s)
{
	while (s->lent_count > 0)
		if (s->lent[--s->lent_count] >= 0)
			s->free[s->free_count++] = s->lent[s->lent_count];
}

void xdp_sender_lend(struct xdp_sender *s, struct packet_list *list)
{
	assert(list->count == 0);
	take_lent_back(s);
	collect_sent(s);
	while (s->free_count > 0 && s->lent_count < XDP_LENT_MAX && s->lent_count < list->max) {
		int frame = s->free[--s->free_count];
		packet_room(
			&list->at[s->lent_count], gre_in(s, frame), TAKEN_MAX - OUTER_IP_HEADER);
		s->lent[s->lent_count++] = frame;
	}
}

/* The frame that was lent with these bytes, which is then used; -1: none. Packets mostly come in
 * the order in which their frames were lent: `*next` is where to look first. */
static int lent_frame(struct xdp_sender *s, const uint8_t *bytes, unsigned *next)
{
	const uint8_t *from = s->socket->memory + (size_t)s->socket->frames_in * XDP_FRAME;
	uintptr_t at = (uintptr_t)bytes, start = (uintptr_t)from;
	if (at < start || at >= start + (uintptr_t)s->socket->frames_out * XDP_FRAME)
		return -1;
	int frame = s->socket->frames_in + (int)((at - start) / XDP_FRAME);
	for (unsigned i = 0; i < s->lent_count; i++) {
		unsigned look = *next + i < s->lent_count ? *next + i : *next + i - s->lent_count;
		if (s->lent[look] != frame)
			continue;
		s->lent[look] = -1;
		*next = look + 1;
		return frame;
	}
	return -1;
}

static void wait_for_room(struct xdp_sender *s)
{
	struct pollfd writable = {.fd = s->socket->fd, .events = POLLOUT};
	poll(&writable, 1, SEND_WAIT_MS);
}

/* A free frame with a copy of the packet; -1: none. */
static int copied_frame(struct xdp_sender *s, const struct packet *packet, bool *waited)
{
	if (s->free_count == 0)
		collect_sent(s);
	if (s->free_count == 0 && !*waited) {
		*waited = true;
		if (!xdp_socket_flush(s->socket))
			wait_for_room(s);
		collect_sent(s);
	}
	if (s->free_count == 0)
		return -1;
	int frame = s->free[--s->free_count];
	memcpy(gre_in(s, frame), packet->bytes, packet->length);
	return frame;
}

/* The packets queued last are those behind which none was refused for want of a frame. */
static void refuse_rest(struct xdp_sender *s, size_t count, uint64_t *refused)
{
	for (int frame; (frame = xdp_socket_take_back(s->socket)) >= 0;) {
		s->free[s->free_count++] = frame;
		assert(count > 0);
		while (refused[(count - 1) / 64] >> (count - 1) % 64 & 1)
			count--;
		count--;
		refused[count / 64] |= UINT64_C(1) << count % 64;
	}
}

void xdp_sender_send(struct xdp_sender *s, const struct packet *const *packets,
	const struct direct_path *const *paths, size_t count, uint64_t *refused)
{
	unsigned next = 0;
	bool waited = false;
	collect_sent(s);
	for (size_t i = 0; i < count; i++) {
		int frame = lent_frame(s, packets[i]->bytes, &next);
		if (frame < 0)
			frame = copied_frame(s, packets[i], &waited);
		if (frame < 0) {
			refused[i / 64] |= UINT64_C(1) << i % 64;
			continue;
		}
		uint8_t *gre = gre_in(s, frame);
		size_t head = outer_frame_write(&s->frame, gre, packets[i], paths[i]);
		xdp_socket_queue(s->socket, gre - head, (uint32_t)head + packets[i]->length);
	}
	if (!xdp_socket_flush(s->socket)) {
		if (!waited)
			wait_for_room(s);
		if (!xdp_socket_flush(s->socket))
			refuse_rest(s, count, refused);
	}
	take_lent_back(s);
}
