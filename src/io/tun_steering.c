/* A hash table of buckets that the program reads while we write: an entry is one aligned number of
 * eight bytes, address and worker together, so it is there as a whole or not at all. An address
 * that finds its bucket full is left out. With 10,000 sessions that is one in several thousand,
 * with 65,536 about one in twenty: they cost a hand-off, nothing else.
 *
 * A map of the kernel's own kind would take a system call for each login, and one more entry in the
 * filter of system calls. */
#include <errno.h>
#include <linux/if_tun.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bpf_program.h"
#include "ip_header.h"
#include "tun_steering.h"

enum {
	BUCKET_BITS = 15,
	BUCKETS = 1 << BUCKET_BITS,
	WAYS = 4,
	HASH_FACTOR = 0x1e3779b9, /* odd, and below 2^31: a BPF constant is signed */
	AT_KEY = -4,
	AT_BYTES = -8,
};

struct tun_steering {
	int map, program;
	void *mapped;
	_Atomic uint64_t *entries; /* worker + 1 above, address below; 0: free */
};

enum { UNKNOWN, FOUND, NOT_IPV4 };

/* To r7; `offset` counts from the IP header. */
static void fetch(struct bpf_code *c, int32_t offset, int32_t length)
{
	bpf_fetch(c, BPF_FUNC_skb_load_bytes, offset, AT_BYTES, length, UNKNOWN);
	bpf_load(c, length == 4 ? BPF_W : BPF_B, BPF_REG_7, BPF_REG_10, AT_BYTES);
}

static void look_up(struct bpf_code *c, int map)
{
	bpf_copy(c, BPF_REG_1, BPF_REG_7);
	bpf_compute(c, BPF_MUL, BPF_REG_1, HASH_FACTOR);
	bpf_compute(c, BPF_RSH, BPF_REG_1, 32 - BUCKET_BITS);
	bpf_compute(c, BPF_AND, BPF_REG_1, BUCKETS - 1);
	bpf_look_up(c, map, BPF_REG_1, AT_KEY, UNKNOWN);
	bpf_copy(c, BPF_REG_8, BPF_REG_0);
	for (int16_t i = 0; i < WAYS; i++) {
		bpf_load(c, BPF_DW, BPF_REG_0, BPF_REG_8, (int16_t)(i * 8));
		bpf_copy(c, BPF_REG_1, BPF_REG_0);
		bpf_compute(c, BPF_LSH, BPF_REG_1, 32);
		bpf_compute(c, BPF_RSH, BPF_REG_1, 32);
		bpf_jump_both(c, BPF_JEQ, BPF_REG_1, BPF_REG_7, FOUND);
	}
}

static int load(int map)
{
	struct bpf_code code = {.count = 0}, *c = &code;
	bpf_copy(c, BPF_REG_6, BPF_REG_1);
	fetch(c, 0, 1);
	bpf_compute(c, BPF_RSH, BPF_REG_7, 4);
	bpf_jump(c, BPF_JNE, BPF_REG_7, 4, NOT_IPV4);
	fetch(c, IPV4_DESTINATION, 4);
	bpf_from_wire(c, BPF_REG_7, 32);
	bpf_jump(c, BPF_JEQ, BPF_REG_7, 0, UNKNOWN); /* would be found in a free entry */
	look_up(c, map);
	bpf_copy(c, BPF_REG_0, BPF_REG_7);
	bpf_exit(c);
	bpf_label(c, FOUND);
	bpf_compute(c, BPF_RSH, BPF_REG_0, 32);
	bpf_compute(c, BPF_SUB, BPF_REG_0, 1);
	bpf_exit(c);
	bpf_label(c, NOT_IPV4);
	fetch(c, IPV6_DESTINATION + 12, 4);
	bpf_from_wire(c, BPF_REG_7, 32);
	bpf_copy(c, BPF_REG_0, BPF_REG_7);
	bpf_exit(c);
	bpf_label(c, UNKNOWN);
	bpf_return(c, 0);
	return bpf_load_program(c, BPF_PROG_TYPE_SOCKET_FILTER, 0, "greyline_steer");
}

static int prepare(struct tun_steering *s)
{
	s->map = bpf_create_shared("greyline_steer", WAYS * sizeof(uint64_t), BUCKETS, &s->mapped);
	if (s->map < 0)
		return s->map;
	s->entries = s->mapped;
	s->program = load(s->map);
	return s->program < 0 ? s->program : 0;
}

struct tun_steering *tun_steering_open(char why[160])
{
	struct tun_steering *s = calloc(1, sizeof(*s));
	if (!s) {
		snprintf(why, 160, "out of memory");
		return NULL;
	}
	s->map = s->program = -1;
	int failed = prepare(s);
	if (failed) {
		snprintf(why, 160, "no BPF program: %s%s", strerror(-failed),
			failed == -EPERM ? " (CAP_BPF is missing)" : "");
		tun_steering_close(s);
		return NULL;
	}
	why[0] = '\0';
	return s;
}

void tun_steering_close(struct tun_steering *s)
{
	if (!s)
		return;
	if (s->mapped)
		munmap(s->mapped, BUCKETS * WAYS * sizeof(uint64_t));
	if (s->program >= 0)
		close(s->program);
	if (s->map >= 0)
		close(s->map);
	free(s);
}

int tun_steering_attach(const struct tun_steering *s, int tun)
{
	int program = s->program;
	return ioctl(tun, TUNSETSTEERINGEBPF, &program) < 0 ? -errno : 0;
}

static _Atomic uint64_t *bucket_of(struct tun_steering *s, uint32_t address)
{
	uint32_t hash = address * (uint32_t)HASH_FACTOR;
	return s->entries + (size_t)(hash >> (32 - BUCKET_BITS)) * WAYS;
}

void tun_steering_clear(struct tun_steering *s, uint32_t address)
{
	_Atomic uint64_t *bucket = bucket_of(s, address);
	for (unsigned i = 0; i < WAYS; i++)
		if ((uint32_t)atomic_load_explicit(&bucket[i], memory_order_relaxed) == address)
			atomic_store_explicit(&bucket[i], 0, memory_order_relaxed);
}

void tun_steering_set(struct tun_steering *s, uint32_t address, unsigned worker)
{
	_Atomic uint64_t *bucket = bucket_of(s, address), *place = NULL;
	if (address == 0)
		return;
	for (unsigned i = WAYS; i-- > 0;) {
		uint64_t entry = atomic_load_explicit(&bucket[i], memory_order_relaxed);
		if ((uint32_t)entry == address) {
			place = &bucket[i];
			break;
		}
		if (!entry)
			place = &bucket[i];
	}
	if (place)
		atomic_store_explicit(
			place, (uint64_t)(worker + 1) << 32 | address, memory_order_relaxed);
}
