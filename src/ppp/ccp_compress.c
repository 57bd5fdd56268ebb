/* The compressors among CCP's options (see ccp_option.c). RFC 1978 §3, RFC 1977 §2, RFC 1979 §2.
 *
 * Each names what its sender can decompress. A smaller code or window than ours is taken, a larger
 * one answered with ours. Deflate has two numbers: 26 is the RFC's, 24 that of the draft before it,
 * which peers as old as that know alone; it is asked for behind the other, as pppd does.
 *
 * Windows of 8 bits are left out: zlib has none that work, and pppd refuses them too. */
#include "ccp.h"
#include "unit.h"

enum {
	OPTION_PREDICTOR1 = 1,
	OPTION_BSD = 21,
	OPTION_DEFLATE_DRAFT = 24,
	OPTION_DEFLATE = 26,
	BSD_VERSION = 1 << 5,
	DEFLATE_METHOD = 8,
	DEFLATE_SEQUENCE = 0, /* how loss is noticed: by sequence numbers */
};

/* In the order in which we want them. */
static const struct {
	uint8_t option;
	enum codec_method method;
} rows[] = {
	{OPTION_DEFLATE, CODEC_DEFLATE},
	{OPTION_DEFLATE_DRAFT, CODEC_DEFLATE},
	{OPTION_BSD, CODEC_BSD},
	{OPTION_PREDICTOR1, CODEC_PREDICTOR1},
};

enum { ROWS = sizeof rows / sizeof rows[0] };

static size_t row_of(uint8_t option)
{
	size_t i = 0;
	while (rows[i].option != option)
		i++;
	return i;
}

/* Those with a value have bits. */
static bool is_sized(enum codec_method method)
{
	return method == CODEC_BSD || method == CODEC_DEFLATE;
}

static uint8_t wished_bits(const struct ccp *ccp, enum codec_method method)
{
	return is_sized(method) ? ccp->wish_bits[method - CODEC_BSD] : 1;
}

void ccp_compress_wish(struct unit *unit)
{
	const uint8_t *most = unit->config->compress.receive;
	struct ccp *ccp = &unit->ccp;
	ccp->wishes = 0;
	ccp->wish_bits[0] = most[CODEC_BSD];
	ccp->wish_bits[CODEC_DEFLATE - CODEC_BSD] = most[CODEC_DEFLATE];
	for (size_t i = 0; i < ROWS; i++)
		if (most[rows[i].method] && !unit->config->mppe_require)
			ccp->wishes |= (uint8_t)(1 << i);
}

static void write_value(struct writer *w, enum codec_method method, uint8_t bits)
{
	if (method == CODEC_BSD)
		write_u8(w, BSD_VERSION | bits);
	if (method != CODEC_DEFLATE)
		return;
	write_u8(w, (uint8_t)((bits - 8) << 4 | DEFLATE_METHOD));
	write_u8(w, DEFLATE_SEQUENCE);
}

/* The bits a value names; 0 when it is none that we understand. */
static uint8_t read_value(struct reader *value, enum codec_method method)
{
	if (!is_sized(method))
		return value->failed ? 0 : 1;
	uint8_t first = read_u8(value), bits = first & 31;
	bool known = (first & ~31) == BSD_VERSION;
	if (method == CODEC_DEFLATE) {
		bits = (uint8_t)((first >> 4) + 8);
		known = (first & 15) == DEFLATE_METHOD && read_u8(value) == DEFLATE_SEQUENCE;
	}
	known = known && !value->failed && bits >= CCP_BITS_MIN && bits <= CCP_BITS_MAX;
	return known ? bits : 0;
}

void ccp_compress_request(const struct ccp *ccp, struct writer *w)
{
	for (size_t i = 0; i < ROWS; i++) {
		if (!(ccp->wishes & 1 << i))
			continue;
		write_u8(w, rows[i].option);
		uint8_t *length = w->at;
		write_u8(w, 0);
		write_value(w, rows[i].method, wished_bits(ccp, rows[i].method));
		if (!w->failed)
			*length = (uint8_t)(w->at - length + 1);
	}
}

static struct codec_params params_of(enum codec_method method, uint8_t bits)
{
	return (struct codec_params){.method = method, .bits = is_sized(method) ? bits : 0};
}

struct codec_params ccp_compress_first(const struct ccp *ccp)
{
	for (size_t i = 0; i < ROWS; i++)
		if (ccp->wishes & 1 << i)
			return params_of(rows[i].method, wished_bits(ccp, rows[i].method));
	return (struct codec_params){.method = CODEC_NONE};
}

enum option_verdict ccp_compress_judge(
	void *owner, const struct option_kind *kind, struct reader value, struct writer *wanted)
{
	struct unit *unit = owner;
	struct ccp *ccp = &unit->ccp;
	enum codec_method method = rows[row_of(kind->type)].method;
	uint8_t most = unit->config->compress.transmit[method];
	if (!most || unit->config->mppe_require)
		return OPTION_REJECT;
	uint8_t bits = read_value(&value, method);
	if (!bits || bits > most) {
		write_value(wanted, method, most);
		return OPTION_NAK;
	}
	if (!ccp->chosen)
		ccp->their_codec = params_of(method, bits);
	ccp->chosen = true;
	return OPTION_ACK;
}

static void drop_wish(struct unit *unit, size_t row)
{
	unit->ccp.wishes &= (uint8_t) ~(1 << row);
	ccp_narrowed(unit);
}

void ccp_compress_naked(void *owner, const struct option_kind *kind, struct reader value)
{
	struct unit *unit = owner;
	struct ccp *ccp = &unit->ccp;
	size_t row = row_of(kind->type);
	uint8_t bits = read_value(&value, rows[row].method);
	if (!(ccp->wishes & 1 << row))
		return;
	if (!bits || bits > wished_bits(ccp, rows[row].method))
		drop_wish(unit, row);
	else if (is_sized(rows[row].method))
		ccp->wish_bits[rows[row].method - CODEC_BSD] = bits;
}

void ccp_compress_rejected(void *owner, const struct option_kind *kind)
{
	drop_wish(owner, row_of(kind->type));
}

/* As pppd shows them. */
void ccp_print_bsd(struct text *t, struct reader value)
{
	uint8_t byte = read_u8(&value);
	text_char(t, 'v');
	text_unsigned(t, byte >> 5);
	text_char(t, ' ');
	text_unsigned(t, byte & 31);
}

void ccp_print_deflate(struct text *t, struct reader value)
{
	uint8_t byte = read_u8(&value), check = read_u8(&value);
	text_unsigned(t, (byte >> 4) + 8u);
	if ((byte & 15) == DEFLATE_METHOD && check == DEFLATE_SEQUENCE)
		return;
	text_add(t, " method ");
	text_unsigned(t, byte & 15);
	text_add(t, " check ");
	text_unsigned(t, check);
}

void ccp_add_codec(struct text *t, const struct codec_params *params)
{
	static const char *const words[CODEC_METHODS] = {
		[CODEC_NONE] = "no",
		[CODEC_PREDICTOR1] = "Predictor 1",
		[CODEC_BSD] = "BSD-Compress",
		[CODEC_DEFLATE] = "Deflate",
		[CODEC_MPPC] = "MPPC",
	};
	text_add(t, words[params->method]);
	if (params->bits) {
		text_add(t, " (");
		text_unsigned(t, params->bits);
		text_char(t, ')');
	}
}
