/* Sending through an AF_XDP socket: frames lent and sent in any order, none of them copied. */
#ifndef GREYLINE_XDP_SENDER_H
#define GREYLINE_XDP_SENDER_H

#include <stddef.h>
#include <stdint.h>

#include "outer_frame.h"
#include "outer_link.h"
#include "xdp_socket.h"

enum { XDP_LENT_MAX = 256 };

struct xdp_sender {
	struct xdp_socket *socket; /* that sends */
	struct outer_frame frame;
	unsigned free_count, lent_count;
	int free[XDP_FRAMES_OUT];
	int lent[XDP_LENT_MAX]; /* -1: used */
};

void xdp_sender_init(struct xdp_sender *sender, struct xdp_socket *socket,
	const struct outer_link_config *config);

/* As in struct outer_link_ops. */
void xdp_sender_lend(struct xdp_sender *sender, struct packet_list *list);
void xdp_sender_send(struct xdp_sender *sender, const struct packet *const *packets,
	const struct direct_path *const *paths, size_t count, uint64_t *refused);

#endif
