/* The programs (see ppp_filter.h). What they load beyond a packet's end drops the packet: that is
 * how classic BPF ends then, and what is too short for its own header is no loss. */
#include "ppp_filter.h"

#include <errno.h>
#include <sys/socket.h>

#include "bytes.h"
#include "gre.h"

enum {
	ADDRESS_CONTROL = 0xff03,
	COMPRESSED = 0xfd,
	MULTILINK = 0x3d,
	PROTOCOL_IPV4 = 0x21,
	PROTOCOL_IPV6 = 0x57,
	PROTOCOL_VJ_COMPRESSED = 0x2d,
	PROTOCOL_VJ_UNCOMPRESSED = 0x2f,
	CONTROL_BIT = 0x8000,
	FLAG_SEQUENCE = 0x1000,
	FLAG_ACK = 0x0080,
	ACK_SHIFT = 5, /* of the flag, to four bytes */
	FIRST_FRAGMENT = 0x80,
	INNER = 4, /* where the IP header is behind the header a unit's filter sees */
	UDP = 17,
	ICMPV6 = 58,
	DHCPV6_CLIENT = 546,
	DHCPV6_SERVER = 547,
	ROUTER_SOLICITATION = 133,
	ROUTER_ADVERTISEMENT = 134,
};

static void add(struct ppp_filter *f, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
	if (f->count == PPP_FILTER_MAX) {
		f->failed = true;
		return;
	}
	f->code[f->count++] = (struct sock_filter){.code = code, .jt = yes, .jf = no, .k = k};
}

static void load(struct ppp_filter *f, unsigned size, uint32_t at)
{
	add(f, (uint16_t)(BPF_LD | size | BPF_ABS), at, 0, 0);
}

static void load_x(struct ppp_filter *f, unsigned size, uint32_t at)
{
	add(f, (uint16_t)(BPF_LD | size | BPF_IND), at, 0, 0);
}

static void end(struct ppp_filter *f, bool accept)
{
	add(f, BPF_RET | BPF_K, accept ? UINT32_MAX : 0, 0, 0);
}

static void alu(struct ppp_filter *f, unsigned operation, uint32_t k)
{
	add(f, (uint16_t)(BPF_ALU | operation | BPF_K), k, 0, 0);
}

/* What comes next is done only if A is (or, `yes` false, is not) `k`, else `skip` are left out. */
static void when(struct ppp_filter *f, uint32_t k, bool yes, uint8_t skip)
{
	add(f, BPF_JMP | BPF_JEQ | BPF_K, k, yes ? 0 : skip, yes ? skip : 0);
}

static void accept_if(struct ppp_filter *f, uint32_t k)
{
	when(f, k, true, 1);
	end(f, true);
}

/* The protocol field that X points to, as two bytes, in A. */
static void load_protocol(struct ppp_filter *f)
{
	load_x(f, BPF_B, 0);
	add(f, BPF_JMP | BPF_JSET | BPF_K, 1, 1, 0);
	load_x(f, BPF_H, 0);
}

/* Encrypted, or a control protocol: it may pass. */
static void accept_protocol(struct ppp_filter *f)
{
	accept_if(f, COMPRESSED);
	add(f, BPF_JMP | BPF_JSET | BPF_K, CONTROL_BIT, 0, 1);
	end(f, true);
}

void ppp_filter_clear(struct ppp_filter *f, bool short_sequence)
{
	f->count = 0;
	f->failed = false;
	/* X: where the frame begins, FF 03 left out. */
	load(f, BPF_H, 0);
	add(f, BPF_JMP | BPF_JSET | BPF_K, FLAG_SEQUENCE, 1, 0);
	end(f, true); /* an acknowledgement alone */
	alu(f, BPF_AND, FLAG_ACK);
	alu(f, BPF_RSH, ACK_SHIFT);
	alu(f, BPF_ADD, GRE_BASE_SIZE + 4);
	add(f, BPF_MISC | BPF_TAX, 0, 0, 0);
	load_x(f, BPF_H, 0);
	when(f, ADDRESS_CONTROL, true, 3);
	add(f, BPF_MISC | BPF_TXA, 0, 0, 0);
	alu(f, BPF_ADD, 2);
	add(f, BPF_MISC | BPF_TAX, 0, 0, 0);
	load_protocol(f);
	accept_protocol(f);
	when(f, MULTILINK, false, 1);
	end(f, false);
	/* A fragment. The first of a packet shows what is inside. */
	load_x(f, BPF_B, 0);
	alu(f, BPF_AND, 1); /* its protocol field has one byte, or two */
	alu(f, BPF_XOR, 1);
	alu(f, BPF_ADD, 1);
	add(f, BPF_ALU | BPF_ADD | BPF_X, 0, 0, 0);
	add(f, BPF_MISC | BPF_TAX, 0, 0, 0);
	load_x(f, BPF_B, 0);
	add(f, BPF_JMP | BPF_JSET | BPF_K, FIRST_FRAGMENT, 1, 0);
	end(f, true);
	add(f, BPF_MISC | BPF_TXA, 0, 0, 0);
	alu(f, BPF_ADD, short_sequence ? 2 : 4);
	add(f, BPF_MISC | BPF_TAX, 0, 0, 0);
	load_protocol(f);
	accept_protocol(f);
	end(f, false);
}

static void source4(struct ppp_filter *f, const struct prefix *network)
{
	uint32_t mask = network->length ? UINT32_MAX << (32 - network->length) : 0;
	load(f, BPF_W, INNER + 12);
	alu(f, BPF_AND, mask);
	accept_if(f, get_u32(network->address.bytes) & mask);
}

static void source6(struct ppp_filter *f, const struct prefix *network)
{
	unsigned words = (network->length + 31u) / 32u;
	for (unsigned n = 0; n < words; n++) {
		unsigned bits = network->length - 32 * n;
		uint32_t mask = bits >= 32 ? UINT32_MAX : UINT32_MAX << (32 - bits);
		load(f, BPF_W, INNER + 8 + 4 * n);
		alu(f, BPF_AND, mask);
		/* To behind the end that closes this network. */
		when(f, get_u32(network->address.bytes + 4 * n) & mask, true,
			(uint8_t)(3 * (words - 1 - n) + 1));
	}
	end(f, true);
}

/* A host that has no address yet asks whether one is free, or joins a group (RFC 4862 §5.4.2). */
static void nameless6(struct ppp_filter *f)
{
	static const struct prefix none = {.address = {.family = 6}, .length = 128};
	load(f, BPF_H, INNER + 24);
	when(f, 0xff02, true, 13);
	source6(f, &none);
}

static void family(
	struct ppp_filter *f, uint8_t wanted, const struct prefix *networks, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (networks[i].address.family == wanted)
			(wanted == 4 ? source4 : source6)(f, &networks[i]);
	if (wanted == 6)
		nameless6(f);
	end(f, false);
}

void ppp_filter_sources(struct ppp_filter *f, const struct prefix *networks, size_t count)
{
	f->count = 0;
	f->failed = false;
	load(f, BPF_B, 0);
	when(f, 0, false, 1);
	end(f, true); /* what we send */
	load(f, BPF_H, 2);
	when(f, PROTOCOL_IPV6, true, 1);
	size_t jump = f->count;
	add(f, BPF_JMP | BPF_JA, 0, 0, 0); /* a conditional jump leads no further than 255 */
	/* What VJ restored still bears the number it came under. */
	when(f, PROTOCOL_IPV4, false, 3);
	when(f, PROTOCOL_VJ_COMPRESSED, false, 2);
	when(f, PROTOCOL_VJ_UNCOMPRESSED, false, 1);
	end(f, false);
	family(f, 4, networks, count);
	f->code[jump].k = (uint32_t)(f->count - jump - 1);
	family(f, 6, networks, count);
}

void ppp_filter_services(struct ppp_filter *f)
{
	f->count = 0;
	f->failed = false;
	load(f, BPF_B, 0);
	alu(f, BPF_RSH, 4);
	when(f, 4, true, 6);
	load(f, BPF_B, 9);
	when(f, UDP, true, 3);
	load(f, BPF_W, 16); /* to every host */
	when(f, UINT32_MAX, true, 1);
	end(f, true);
	end(f, false);
	load(f, BPF_B, 6);
	when(f, ICMPV6, true, 5);
	load(f, BPF_B, 40);
	accept_if(f, ROUTER_SOLICITATION);
	when(f, ROUTER_ADVERTISEMENT, true, 1);
	end(f, true);
	load(f, BPF_B, 6);
	when(f, UDP, true, 5);
	load(f, BPF_H, 42);
	accept_if(f, DHCPV6_CLIENT);
	accept_if(f, DHCPV6_SERVER);
	end(f, false);
}

void ppp_filter_early(struct ppp_filter *f, uint16_t call_id)
{
	f->count = 0;
	f->failed = false;
	add(f, BPF_LDX | BPF_B | BPF_MSH, 0, 0, 0);
	load_x(f, BPF_H, 2);
	when(f, GRE_PROTOCOL_PPP, true, 3); /* to the end */
	load_x(f, BPF_H, 6);
	accept_if(f, call_id);
	end(f, false);
}

int ppp_filter_attach(const struct ppp_filter *f, int fd)
{
	struct sock_filter code[PPP_FILTER_MAX];
	struct sock_fprog program = {.len = (unsigned short)f->count, .filter = code};
	if (f->failed)
		return -E2BIG;
	for (size_t i = 0; i < f->count; i++)
		code[i] = f->code[i];
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) ? -errno : 0;
}
