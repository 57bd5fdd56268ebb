/* Which queue of a multi-queue TUN a packet for a session comes out of: that of its worker.
 *
 * A BPF program in the kernel looks the inner IPv4 destination up in a table that we share with it.
 * Others (IPv6, routed networks behind a peer, addresses there was no room for) are spread over the
 * queues by their destination, and handed from worker to worker. Making it needs CAP_BPF; the rest
 * does not. */
#ifndef GREYLINE_TUN_STEERING_H
#define GREYLINE_TUN_STEERING_H

#include <stdint.h>

struct tun_steering;

/* NULL with the reason in `why` when it is not to be had: no error. */
struct tun_steering *tun_steering_open(char why[160]);
void tun_steering_close(struct tun_steering *steering); /* NULL is fine */

/* Steers the queues of this TUN (one descriptor of it is enough) from now on. 0 or -errno. */
int tun_steering_attach(const struct tun_steering *steering, int tun);

/* From one thread; a store each, no system call. Addresses in host order. */
void tun_steering_set(struct tun_steering *steering, uint32_t address, unsigned worker);
void tun_steering_clear(struct tun_steering *steering, uint32_t address);

#endif
