/* Packet filters (see packet_filter.h, pcap-filter(7)).
 *
 * The program expects PPP's header as pppd and the kernel make it for their filters: a byte that
 * says the direction, 1 for outbound, where the address field was; the control field; the protocol
 * field. Packets come without one, from memory that may have no room in front, so what a filter can
 * be about is copied behind one: a whole packet of ordinary size, the headers of a super-packet.
 *
 * libpcap says what is wrong with an expression, and nearly never where. The longest part of it,
 * from its beginning and in whole words, that is an expression for itself leads to the word. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>

#include "packet_filter.h"

#include "limits.h"

enum {
	HEADER = 4,
	CONTROL_FIELD = 0x03,
	PROTOCOL_IPV4 = 0x21,
	PROTOCOL_IPV6 = 0x57,
	OUTBOUND = 1,
	SPACES_MAX = 64, /* words of an expression that are looked at for the wrong one */
};

struct packet_filter {
	struct bpf_program program;
};

static bool compile(pcap_t *pcap, struct bpf_program *program, const char *expression)
{
	return pcap_compile(pcap, program, expression, 1, PCAP_NETMASK_UNKNOWN) == 0;
}

static bool is_expression(pcap_t *pcap, const char *text, size_t length)
{
	struct bpf_program program;
	char *part = strndup(text, length);
	bool is = part && compile(pcap, &program, part);
	if (is)
		pcap_freecode(&program);
	free(part);
	return is;
}

static size_t word_length(const char *word)
{
	return strcspn(word, " \t\n");
}

static const char *skip_spaces(const char *at)
{
	return at + strspn(at, " \t\n");
}

/* Words that join what stands before and behind them. */
static bool is_joint(const char *word)
{
	static const char *const joints[] = {"and", "or", "not", "&&", "||", "!"};
	for (size_t i = 0; i < sizeof joints / sizeof joints[0]; i++)
		if (word_length(word) == strlen(joints[i]) &&
			strncmp(word, joints[i], strlen(joints[i])) == 0)
			return true;
	return false;
}

/* The first word behind what makes sense; at the end of the text when something is missing there.
 */
static const char *wrong_word(pcap_t *pcap, const char *expression)
{
	const char *at = skip_spaces(expression), *wrong = at;
	for (unsigned n = 0; *at && n < SPACES_MAX; n++) {
		const char *end = at + word_length(at);
		at = skip_spaces(end);
		if (is_expression(pcap, expression, (size_t)(end - expression)))
			wrong = at;
	}
	while (is_joint(wrong))
		wrong = skip_spaces(wrong + word_length(wrong));
	return wrong;
}

static void explain(pcap_t *pcap, const char *expression, char error[PACKET_FILTER_ERROR])
{
	static const char wordy[] = "can't parse filter expression: ";
	char why[PCAP_ERRBUF_SIZE];
	snprintf(why, sizeof(why), "%s", pcap_geterr(pcap));
	const char *what = strncmp(why, wordy, sizeof(wordy) - 1) ? why : why + sizeof(wordy) - 1;
	const char *word = wrong_word(pcap, expression);
	if (*word)
		snprintf(error, PACKET_FILTER_ERROR, "%.120s at '%.*s' (column %zu)", what,
			(int)(word_length(word) < 40 ? word_length(word) : 40), word,
			(size_t)(word - expression) + 1);
	else
		snprintf(error, PACKET_FILTER_ERROR, "%.120s: something is missing at its end",
			what);
}

int packet_filter_compile(
	struct packet_filter **filter, const char *expression, char error[PACKET_FILTER_ERROR])
{
	struct packet_filter *fresh = calloc(1, sizeof(*fresh));
	pcap_t *pcap = pcap_open_dead(DLT_PPP_PPPD, HEADER + OUTER_MAX);
	int failed = 0;
	if (!fresh || !pcap) {
		snprintf(error, PACKET_FILTER_ERROR, "out of memory");
		failed = -ENOMEM;
	} else if (!compile(pcap, &fresh->program, expression)) {
		explain(pcap, expression, error);
		failed = -EINVAL;
	}
	if (pcap)
		pcap_close(pcap);
	if (failed)
		free(fresh);
	else
		*filter = fresh;
	return failed;
}

void packet_filter_free(struct packet_filter *filter)
{
	if (filter)
		pcap_freecode(&filter->program);
	free(filter);
}

bool packet_filter_takes(
	const struct packet_filter *filter, bool outbound, const uint8_t *ip, size_t length)
{
	uint8_t framed[HEADER + OUTER_MAX];
	size_t part = length < OUTER_MAX ? length : OUTER_MAX;
	if (!filter)
		return true;
	uint8_t version = length ? ip[0] >> 4 : 0;
	if (version != 4 && version != 6)
		return false;
	framed[0] = outbound ? OUTBOUND : 0;
	framed[1] = CONTROL_FIELD;
	framed[2] = 0;
	framed[3] = version == 4 ? PROTOCOL_IPV4 : PROTOCOL_IPV6;
	memcpy(framed + HEADER, ip, part);
	return bpf_filter(
		filter->program.bf_insns, framed, (u_int)(HEADER + length), (u_int)(HEADER + part));
}
