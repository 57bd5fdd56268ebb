/* Traffic of a load (see bench_traffic.h). RFC 791 (IPv4), RFC 792 (ICMP echo), RFC 768 (UDP),
 * RFC 1071 (checksums).
 *
 * Every packet carries when it left, so that a round trip needs no memory of what is on its way,
 * and the mark of the run, so that somebody else's answers do not count:
 *
 *   IP header, 20 | ICMP or UDP header, 8 | mark, 4 | microseconds, 8 | sequence, 4 | pattern
 *
 * All packets of a run differ in a few words only, so the template is summed once and a checksum
 * costs what the differing words do. */
#include "bench_traffic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "checksum.h"
#include "ip_header.h"

enum {
	INNER_HEADER = 8, /* of ICMP echo and of UDP */
	ECHO_REQUEST = 8,
	ECHO_REPLY = 0,
	MARKS = IPV4_HEADER + INNER_HEADER, /* offsets */
	MARKS_SIZE = 16,
	PORT_DISCARD = 9,
	FLOW_PORT = 0x8000, /* our UDP ports have this bit */
};

static_assert(TRAFFIC_SIZE_MIN == MARKS + MARKS_SIZE, "the smallest packet has its marks");

/* What the words say. */

const char *traffic_word(enum traffic_kind kind)
{
	switch (kind) {
	case TRAFFIC_NONE:
		break;
	case TRAFFIC_PING:
		return "ping";
	case TRAFFIC_UDP:
		return "udp";
	}
	return "none";
}

static bool complain(char error[TRAFFIC_ERROR_MAX], const char *what, const char *word)
{
	snprintf(error, TRAFFIC_ERROR_MAX, "%s, not '%.32s'", what, word);
	return false;
}

static bool take_whole(const char *word, uint32_t low, uint32_t high, uint16_t *number)
{
	char *end;
	unsigned long value = strtoul(word, &end, 10);
	if (*word < '0' || *word > '9' || *end || value < low || value > high)
		return false;
	*number = (uint16_t)value;
	return true;
}

/* Decimal with up to three places behind the point, in thousandths. */
static bool take_rate(const char *word, uint32_t *rate)
{
	char *end;
	*rate = TRAFFIC_RATE_UNLIMITED;
	if (!strcmp(word, "max"))
		return true;
	if (*word < '0' || *word > '9')
		return false;
	unsigned long whole = strtoul(word, &end, 10), part = 0;
	if (*end == '.') {
		unsigned long place = 100;
		if (!end[1])
			return false;
		for (end++; *end >= '0' && *end <= '9' && place; end++, place /= 10)
			part += (unsigned long)(*end - '0') * place;
	}
	if (*end || whole > TRAFFIC_RATE_MAX || (whole == TRAFFIC_RATE_MAX && part))
		return false;
	*rate = (uint32_t)(whole * 1000 + part);
	return *rate > 0;
}

static bool take_words(
	struct traffic_spec *spec, char **words, unsigned count, char error[TRAFFIC_ERROR_MAX])
{
	if (count > 1 && !take_whole(words[1], TRAFFIC_SIZE_MIN, TRAFFIC_SIZE_MAX, &spec->size))
		return complain(error, "a SIZE of 44 to 1500 bytes is expected", words[1]);
	if (count > 2 && !take_rate(words[2], &spec->rate))
		return complain(error,
			"a RATE of 0.001 to 100000 packets a second and session, or max, is "
			"expected",
			words[2]);
	if (count > 3 && !take_whole(words[3], 1, UINT16_MAX, &spec->port))
		return complain(error, "a PORT of 1 to 65535 is expected", words[3]);
	return true;
}

bool traffic_parse(struct traffic_spec *spec, const char *words, char error[TRAFFIC_ERROR_MAX])
{
	static const char form[] = "none, ping[:SIZE[:RATE]] or udp:SIZE:RATE[:PORT] is expected";
	char copy[64], *parts[5];
	unsigned count = 0;
	if (strlen(words) >= sizeof copy)
		return complain(error, form, words);
	strcpy(copy, words);
	for (char *at = copy; at && count < 5;) {
		char *colon = strchr(at, ':');
		if (colon)
			*colon++ = '\0';
		parts[count++] = at;
		at = colon;
	}
	*spec = (struct traffic_spec){.size = 64, .rate = 1000, .port = PORT_DISCARD};
	if (!strcmp(parts[0], "none") && count == 1)
		return true;
	if (!strcmp(parts[0], "ping") && count <= 3)
		spec->kind = TRAFFIC_PING;
	else if (!strcmp(parts[0], "udp") && (count == 3 || count == 4))
		spec->kind = TRAFFIC_UDP;
	else
		return complain(error, form, words);
	return take_words(spec, parts, count, error);
}

/* Packets. */

void traffic_init(struct traffic *traffic, const struct traffic_spec *spec, uint32_t mark)
{
	*traffic = (struct traffic){.spec = *spec, .mark = mark};
	for (unsigned i = MARKS + MARKS_SIZE; i < spec->size; i++)
		traffic->whole[i] = (uint8_t)(i * 131);
	struct writer w = writer_over(traffic->whole, sizeof traffic->whole);
	write_u8(&w, 0x45);
	write_u8(&w, 0);
	write_u16(&w, spec->size);
	write_u32(&w, IPV4_DONT_FRAGMENT); /* identification 0 */
	write_u8(&w, 64);
	write_u8(&w, spec->kind == TRAFFIC_PING ? PROTOCOL_ICMP : PROTOCOL_UDP);
	write_zeros(&w, 2 + 8);
	if (spec->kind == TRAFFIC_PING) {
		write_u8(&w, ECHO_REQUEST);
		write_zeros(&w, INNER_HEADER - 1);
	} else {
		write_u16(&w, 0);
		write_u16(&w, spec->port);
		write_u16(&w, spec->size - IPV4_HEADER);
		write_u16(&w, 0);
	}
	write_u32(&w, mark);
	traffic->sum = checksum_of(0, traffic->whole + IPV4_HEADER, spec->size - IPV4_HEADER);
}

void traffic_build(const struct traffic *traffic, uint8_t *at, const struct traffic_flow *flow,
	uint16_t sequence, uint64_t now)
{
	const struct traffic_spec *spec = &traffic->spec;
	uint64_t sum = traffic->sum;
	memcpy(at, traffic->whole, spec->size);
	put_u32(at + IPV4_SOURCE, flow->source);
	put_u32(at + IPV4_DESTINATION, flow->target);
	put_u16(at + IPV4_CHECKSUM, (uint16_t)~checksum_of(0, at, IPV4_HEADER));
	put_u32(at + MARKS + 4, (uint32_t)(now >> 32));
	put_u32(at + MARKS + 8, (uint32_t)now);
	put_u32(at + MARKS + 12, sequence);
	sum = checksum_add(sum, at + MARKS + 4, MARKS_SIZE - 4);
	if (spec->kind == TRAFFIC_PING) {
		put_u16(at + IPV4_HEADER + 4, flow->id);
		put_u16(at + IPV4_HEADER + 6, sequence);
		sum = checksum_add(sum, at + IPV4_HEADER + 4, 4);
		put_u16(at + IPV4_HEADER + ICMP_CHECKSUM, (uint16_t)~checksum_fold(sum));
		return;
	}
	put_u16(at + IPV4_HEADER, flow->id | FLOW_PORT);
	sum = checksum_add(sum, at + IPV4_HEADER, 2);
	sum = checksum_add(sum, at + IPV4_SOURCE, 8); /* the pseudo header */
	sum += PROTOCOL_UDP + (uint64_t)spec->size - IPV4_HEADER;
	uint16_t whole = (uint16_t)~checksum_fold(sum);
	put_u16(at + IPV4_HEADER + UDP_CHECKSUM, whole ? whole : 0xffff);
}

bool traffic_answer(const struct traffic *traffic, const uint8_t *packet, size_t length,
	uint64_t now, uint64_t *sent)
{
	struct reader r = reader_over(packet, length);
	size_t header = (size_t)(read_u8(&r) & 15) * 4;
	read_bytes(&r, 8);
	uint8_t protocol = read_u8(&r);
	if (r.failed || header < IPV4_HEADER || packet[0] >> 4 != 4)
		return false;
	read_bytes(&r, header - 10);
	const uint8_t *inner = read_bytes(&r, INNER_HEADER);
	uint32_t mark = read_u32(&r);
	uint64_t at = (uint64_t)read_u32(&r) << 32;
	at |= read_u32(&r);
	if (r.failed || mark != traffic->mark || at > now)
		return false;
	if (traffic->spec.kind == TRAFFIC_PING &&
		(protocol != PROTOCOL_ICMP || inner[0] != ECHO_REPLY))
		return false;
	if (traffic->spec.kind == TRAFFIC_UDP && protocol != PROTOCOL_UDP)
		return false;
	*sent = at;
	return traffic->spec.kind != TRAFFIC_NONE;
}
