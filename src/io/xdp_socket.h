/* One AF_XDP socket on one queue of an interface: its memory and its four rings
 * (Documentation/networking/af_xdp.rst). Used by one thread.
 *
 * The memory is up to XDP_FRAMES_IN frames to receive into, if it receives, then up to
 * XDP_FRAMES_OUT to send from, if it sends. Frames are named by their number. */
#ifndef GREYLINE_XDP_SOCKET_H
#define GREYLINE_XDP_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { XDP_FRAME = 2048, XDP_FRAMES_IN = 2048, XDP_FRAMES_OUT = 1024 };

/* A ring of ours and the kernel's: one side produces, the other consumes. */
struct xdp_ring {
	uint32_t *producer, *consumer, *flags;
	void *entries;
	uint32_t size;
	uint32_t at; /* our side's counter */
	void *mapped;
	size_t mapped_length;
};

struct xdp_socket {
	int fd; /* -1: not open */
	bool zero_copy;
	int frames_in, frames_out; /* how many there are of each */
	uint8_t *memory;
	size_t memory_length;
	struct xdp_ring receive, send, fill, completion;
};

/* XDP_SEND asks nothing of the driver, and works on every interface. */
enum xdp_use { XDP_RECEIVE = 1, XDP_SEND = 2, XDP_BOTH = XDP_RECEIVE | XDP_SEND };

/* 0 or -errno. Zero copy where the driver has it and the socket receives. Waits up to a second for
 * a queue that a process which ended just now still holds. */
int xdp_socket_open(
	struct xdp_socket *socket, unsigned interface, unsigned queue, enum xdp_use use);
void xdp_socket_close(struct xdp_socket *socket);

/* What arrived: up to `max` packets, which are the caller's until xdp_socket_refill gives their
 * frames back. */
struct xdp_packet {
	uint8_t *bytes;
	uint32_t length;
};
size_t xdp_socket_receive(struct xdp_socket *socket, struct xdp_packet *packets, size_t max);
void xdp_socket_refill(struct xdp_socket *socket, const struct xdp_packet *packets, size_t count);

/* Queues bytes that lie in the socket's memory. As there is a place in the ring for each frame it
 * never fails. */
void xdp_socket_queue(struct xdp_socket *socket, const uint8_t *bytes, uint32_t length);
/* Makes the kernel send what is queued; false when it does not take it now. */
bool xdp_socket_flush(struct xdp_socket *socket);
/* Takes the frame queued last out of the ring again: its number, or -1 when all of them are gone.
 * Not to be had with zero copy, where the driver may be reading it: -1. */
int xdp_socket_take_back(struct xdp_socket *socket);
/* The number of a frame that was sent, or -1. */
int xdp_socket_sent(struct xdp_socket *socket);

#endif
