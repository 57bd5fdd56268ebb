/* The instruction encodings are those of the kernel's Documentation/bpf/standardization; the
 * verifier checks every program again, so a mistake here is a refused load, never a crash.
 *
 * Licence: the helpers our programs call are open to all; MIT is what we say. */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bpf_program.h"

static struct bpf_insn *add(struct bpf_code *code, uint8_t operation, uint8_t to, uint8_t a,
	int16_t offset, int32_t value)
{
	assert(code->count < BPF_CODE_MAX);
	struct bpf_insn *instruction = &code->at[code->count++];
	*instruction = (struct bpf_insn){.code = operation,
		.dst_reg = to & 0x0f,
		.src_reg = a & 0x0f,
		.off = offset,
		.imm = value};
	return instruction;
}

void bpf_set(struct bpf_code *code, uint8_t to, int32_t value)
{
	add(code, BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value);
}

void bpf_copy(struct bpf_code *code, uint8_t to, uint8_t a)
{
	add(code, BPF_ALU64 | BPF_MOV | BPF_X, to, a, 0, 0);
}

void bpf_load(struct bpf_code *code, uint8_t size, uint8_t to, uint8_t a, int16_t offset)
{
	add(code, BPF_LDX | BPF_MEM | size, to, a, offset, 0);
}

void bpf_store(struct bpf_code *code, uint8_t size, uint8_t to, int16_t offset, uint8_t a)
{
	add(code, BPF_STX | BPF_MEM | size, to, a, offset, 0);
}

void bpf_compute(struct bpf_code *code, uint8_t operation, uint8_t to, int32_t value)
{
	add(code, BPF_ALU64 | operation | BPF_K, to, 0, 0, value);
}

void bpf_combine(struct bpf_code *code, uint8_t operation, uint8_t to, uint8_t a)
{
	add(code, BPF_ALU64 | operation | BPF_X, to, a, 0, 0);
}

void bpf_from_wire(struct bpf_code *code, uint8_t to, int32_t bits)
{
	add(code, BPF_ALU | BPF_END | BPF_TO_BE, to, 0, 0, bits);
}

static void jump(struct bpf_code *code, uint8_t operation, uint8_t a, uint8_t b, int32_t value,
	unsigned label)
{
	assert(code->jump_count < BPF_JUMPS_MAX);
	code->jumps[code->jump_count].from = code->count;
	code->jumps[code->jump_count++].label = label;
	add(code, BPF_JMP | operation, a, b, 0, value);
}

void bpf_jump(struct bpf_code *code, uint8_t condition, uint8_t a, int32_t value, unsigned label)
{
	jump(code, condition | BPF_K, a, 0, value, label);
}

void bpf_jump_both(struct bpf_code *code, uint8_t condition, uint8_t a, uint8_t b, unsigned label)
{
	jump(code, condition | BPF_X, a, b, 0, label);
}

void bpf_goto(struct bpf_code *code, unsigned label)
{
	jump(code, BPF_JA, 0, 0, 0, label);
}

void bpf_label(struct bpf_code *code, unsigned label)
{
	unsigned left = 0;
	for (unsigned i = 0; i < code->jump_count; i++) {
		unsigned from = code->jumps[i].from;
		if (code->jumps[i].label == label)
			code->at[from].off = (int16_t)(code->count - from - 1);
		else
			code->jumps[left++] = code->jumps[i];
	}
	code->jump_count = left;
}

void bpf_map(struct bpf_code *code, uint8_t to, int map)
{
	add(code, BPF_LD | BPF_DW | BPF_IMM, to, BPF_PSEUDO_MAP_FD, 0, map);
	add(code, 0, 0, 0, 0, 0); /* the upper half of a 64-bit number */
}

void bpf_call(struct bpf_code *code, enum bpf_func_id helper)
{
	add(code, BPF_JMP | BPF_CALL, 0, 0, 0, (int32_t)helper);
}

void bpf_exit(struct bpf_code *code)
{
	add(code, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

void bpf_return(struct bpf_code *code, int32_t value)
{
	bpf_set(code, BPF_REG_0, value);
	bpf_exit(code);
}

static void place(struct bpf_code *code, uint8_t to, int16_t at)
{
	bpf_copy(code, to, BPF_REG_10);
	bpf_compute(code, BPF_ADD, to, at);
}

static void fetch(
	struct bpf_code *code, enum bpf_func_id helper, int16_t to, int32_t length, unsigned label)
{
	bpf_copy(code, BPF_REG_1, BPF_REG_6);
	place(code, BPF_REG_3, to);
	bpf_set(code, BPF_REG_4, length);
	bpf_call(code, helper);
	bpf_jump(code, BPF_JNE, BPF_REG_0, 0, label);
}

void bpf_fetch(struct bpf_code *code, enum bpf_func_id helper, int32_t offset, int16_t to,
	int32_t length, unsigned label)
{
	bpf_set(code, BPF_REG_2, offset);
	fetch(code, helper, to, length, label);
}

void bpf_fetch_from(struct bpf_code *code, enum bpf_func_id helper, uint8_t a, int16_t to,
	int32_t length, unsigned label)
{
	bpf_copy(code, BPF_REG_2, a);
	fetch(code, helper, to, length, label);
}

void bpf_look_up(struct bpf_code *code, int map, uint8_t a, int16_t key, unsigned label)
{
	bpf_store(code, BPF_W, BPF_REG_10, key, a);
	bpf_map(code, BPF_REG_1, map);
	place(code, BPF_REG_2, key);
	bpf_call(code, BPF_FUNC_map_lookup_elem);
	bpf_jump(code, BPF_JEQ, BPF_REG_0, 0, label);
}

/* ---- the system call ---- */

static int call(enum bpf_cmd command, union bpf_attr *attributes)
{
	long result = syscall(SYS_bpf, command, attributes, sizeof(*attributes));
	return result < 0 ? -errno : (int)result;
}

int bpf_create_map(enum bpf_map_type type, const char *name, uint32_t value_size, uint32_t count,
	uint32_t flags)
{
	union bpf_attr attributes;
	memset(&attributes, 0, sizeof(attributes));
	attributes.map_type = type;
	attributes.key_size = sizeof(uint32_t);
	attributes.value_size = value_size;
	attributes.max_entries = count;
	attributes.map_flags = flags;
	strncpy(attributes.map_name, name, sizeof(attributes.map_name) - 1);
	return call(BPF_MAP_CREATE, &attributes);
}

int bpf_create_shared(const char *name, uint32_t value_size, uint32_t count, void **mapped)
{
	int map = bpf_create_map(BPF_MAP_TYPE_ARRAY, name, value_size, count, BPF_F_MMAPABLE);
	if (map < 0)
		return map;
	*mapped =
		mmap(NULL, (size_t)value_size * count, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	if (*mapped != MAP_FAILED)
		return map;
	int failed = -errno;
	*mapped = NULL;
	close(map);
	return failed;
}

int bpf_update_map(int map, uint32_t key, const void *value)
{
	union bpf_attr attributes;
	memset(&attributes, 0, sizeof(attributes));
	attributes.map_fd = (uint32_t)map;
	attributes.key = (uintptr_t)&key;
	attributes.value = (uintptr_t)value;
	return call(BPF_MAP_UPDATE_ELEM, &attributes);
}

int bpf_load_program(
	const struct bpf_code *code, enum bpf_prog_type type, int attach, const char *name)
{
	assert(code->jump_count == 0);
	union bpf_attr attributes;
	memset(&attributes, 0, sizeof(attributes));
	attributes.prog_type = type;
	attributes.insns = (uintptr_t)code->at;
	attributes.insn_cnt = code->count;
	attributes.license = (uintptr_t) "MIT";
	attributes.expected_attach_type = (uint32_t)attach;
	strncpy(attributes.prog_name, name, sizeof(attributes.prog_name) - 1);
	return call(BPF_PROG_LOAD, &attributes);
}

int bpf_attach(int program, unsigned interface, enum bpf_attach_type where, uint32_t flags)
{
	union bpf_attr attributes;
	memset(&attributes, 0, sizeof(attributes));
	attributes.link_create.prog_fd = (uint32_t)program;
	attributes.link_create.target_ifindex = interface;
	attributes.link_create.attach_type = where;
	attributes.link_create.flags = flags;
	return call(BPF_LINK_CREATE, &attributes);
}

/* bpf(2) names the interface by the field that for other places is a descriptor. */
int bpf_attached(unsigned interface, enum bpf_attach_type where)
{
	union bpf_attr attributes;
	memset(&attributes, 0, sizeof(attributes));
	attributes.query.target_fd = interface;
	attributes.query.attach_type = where;
	int failed = call(BPF_PROG_QUERY, &attributes);
	return failed < 0 ? failed : (int)attributes.query.prog_cnt;
}
