/* eBPF from C: instructions written as calls, loaded and attached by bpf(2).
 *
 * Programs of some fifty instructions do not warrant a second compiler and a loader library. What
 * a function below adds is one instruction (or the few of a call); `to` and `a` are registers
 * (BPF_REG_0 and up), `r10` is the end of the stack, sizes are BPF_B, BPF_H, BPF_W, BPF_DW.
 * Jumps go forward to labels, placed when the target is reached. */
#ifndef GREYLINE_BPF_PROGRAM_H
#define GREYLINE_BPF_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/bpf.h>

enum { BPF_CODE_MAX = 128, BPF_JUMPS_MAX = 32 };

/* Attach points of kernel 6.6, younger than the headers of many distributions. */
#define BPF_ATTACH_TCX_INGRESS ((enum bpf_attach_type)46)
#define BPF_ATTACH_TCX_EGRESS  ((enum bpf_attach_type)47)

struct bpf_code {
	struct bpf_insn at[BPF_CODE_MAX];
	unsigned count;
	/* Jumps whose label is not placed yet. */
	struct {
		unsigned from, label;
	} jumps[BPF_JUMPS_MAX];
	unsigned jump_count;
};

/* to = value; to = a; to = *(size *)(a + offset); *(size *)(to + offset) = a */
void bpf_set(struct bpf_code *code, uint8_t to, int32_t value);
void bpf_copy(struct bpf_code *code, uint8_t to, uint8_t a);
void bpf_load(struct bpf_code *code, uint8_t size, uint8_t to, uint8_t a, int16_t offset);
void bpf_store(struct bpf_code *code, uint8_t size, uint8_t to, int16_t offset, uint8_t a);

/* to = to OPERATION value, to = to OPERATION a; 64 bits: BPF_ADD, BPF_AND, BPF_RSH, … */
void bpf_compute(struct bpf_code *code, uint8_t operation, uint8_t to, int32_t value);
void bpf_combine(struct bpf_code *code, uint8_t operation, uint8_t to, uint8_t a);
/* A 16- or 32-bit number of the wire in host order. */
void bpf_from_wire(struct bpf_code *code, uint8_t to, int32_t bits);

/* if (a CONDITION value) goto label: BPF_JEQ, BPF_JNE, BPF_JGT, BPF_JSET, …; 64 bits unsigned. */
void bpf_jump(struct bpf_code *code, uint8_t condition, uint8_t a, int32_t value, unsigned label);
void bpf_jump_both(struct bpf_code *code, uint8_t condition, uint8_t a, uint8_t b, unsigned label);
void bpf_goto(struct bpf_code *code, unsigned label);
/* The label is here. */
void bpf_label(struct bpf_code *code, unsigned label);

/* to = the map; r0 = helper(r1, …); return r0; return value */
void bpf_map(struct bpf_code *code, uint8_t to, int map);
void bpf_call(struct bpf_code *code, enum bpf_func_id helper);
void bpf_exit(struct bpf_code *code);
void bpf_return(struct bpf_code *code, int32_t value);

/* `length` bytes of the packet from `offset` on, or from where register `a` says, to the stack at
 * r10 + `to`; what is not there goes to the label. The context is in r6, `helper` the function that
 * reads packets of its kind; r1 to r5 are lost. */
void bpf_fetch(struct bpf_code *code, enum bpf_func_id helper, int32_t offset, int16_t to,
	int32_t length, unsigned label);
void bpf_fetch_from(struct bpf_code *code, enum bpf_func_id helper, uint8_t a, int16_t to,
	int32_t length, unsigned label);
/* r0 = the value at index `a` of an array map, or goto label; r10 + `key` holds the index. */
void bpf_look_up(struct bpf_code *code, int map, uint8_t a, int16_t key, unsigned label);

/* Descriptors, or -errno. `name` (up to 15 letters) shows in bpftool. */
int bpf_create_map(enum bpf_map_type type, const char *name, uint32_t value_size, uint32_t count,
	uint32_t flags);
/* An array map that both sides write to: its descriptor, or -errno, and where it is mapped. */
int bpf_create_shared(const char *name, uint32_t value_size, uint32_t count, void **mapped);
int bpf_update_map(int map, uint32_t key, const void *value);
int bpf_load_program(
	const struct bpf_code *code, enum bpf_prog_type type, int attach, const char *name);
/* Attached to an interface until the returned descriptor is closed. */
int bpf_attach(int program, unsigned interface, enum bpf_attach_type where, uint32_t flags);
/* How many programs are attached there, or -errno. */
int bpf_attached(unsigned interface, enum bpf_attach_type where);

#endif
