/* The option walker under the real tables of LCP, CCP and IPCP.
 *
 * The input is a byte that chooses the table, the direction and the patience, then the options. A
 * second, simpler walk says whether they are well formed, and whatever comes back must be: options
 * of right lengths, and for a Configure-Reject nothing that was not in the request. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "link.h"
#include "option.h"
#include "unit.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static struct random generator;
static struct link link;
static struct lcp_multilink multilink;
static struct unit unit;

static bool well_formed(const uint8_t *b, size_t length)
{
	size_t at = 0;
	while (at < length) {
		if (length - at < 2 || b[at + 1] < 2 || b[at + 1] > length - at)
			return false;
		at += b[at + 1];
	}
	return true;
}

/* `part` stands in `whole` at an option's boundary. */
static bool has_option(const uint8_t *whole, size_t length, const uint8_t *part)
{
	for (size_t at = 0; at < length; at += whole[at + 1])
		if (whole[at + 1] == part[1] && memcmp(whole + at, part, part[1]) == 0)
			return true;
	return false;
}

static void judge(
	const struct option_set *set, void *owner, const uint8_t *b, size_t length, bool patient)
{
	static uint8_t options[PPP_MRU_DEFAULT];
	struct writer reply = writer_over(options, sizeof options);
	enum option_verdict verdict = OPTION_ACK;
	bool good = option_judge(set, owner, b, length, patient, &reply, &verdict);
	MUST(well_formed(b, length) ? good || length > sizeof options : !good);
	if (!good)
		return;
	size_t written = writer_length(&reply);
	MUST(well_formed(options, written));
	MUST((verdict == OPTION_ACK) == (written == 0));
	MUST(patient || verdict != OPTION_NAK);
	if (verdict == OPTION_REJECT)
		for (size_t at = 0; at < written; at += options[at + 1])
			MUST(has_option(b, length, options + at));
}

static size_t our_request(unsigned which, uint8_t *request, size_t max)
{
	struct writer w = writer_over(request, max);
	if (which == 0)
		lcp_request(&link, &w);
	else if (which == 1)
		ccp_request(&unit, &w);
	else
		write_bytes(&w, "\x03\x06\x00\x00\x00\x00\x81\x06\x00\x00\x00\x00", 12);
	return writer_length(&w);
}

static void print(const struct option_set *set, const uint8_t *b, size_t length)
{
	char line[512];
	struct text t = text_over(line, sizeof line);
	option_print(&t, set, b, length);
	MUST(strlen(line) == t.used);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const uint8_t seed[32];
	if (!length)
		return 0;
	uint8_t how = bytes[0];
	bytes++;
	length--;
	random_seed(&generator, seed);
	struct link_config link_config = {.mru = 1400,
		.ask_pfc = true,
		.ask_acfc = how & 0x20,
		.ask_accm = how & 0x20,
		.line = how & 0x20,
		.ask_fcs = how & 0x20 ? LCP_FCS_32 : 0,
		.callback_ask = (how & 0x28) == 0x20,
		.callback_answer = how & 0x20,
		.lqr_period = how & 0x20 ? 500 : 0,
		.lqr_failure = 2,
		.lqr_window = 4,
		.allow_auth = how >> 4,
		.demand_auth = AUTH_MSCHAPV2 | AUTH_PAP,
		.name = "",
		.password = ""};
	struct unit_config unit_config = {.mppe_allow = how >> 4 & 7,
		.mppe_require = how & 8,
		.mppe_stateful = how & 0x80,
		.remote4 = how & 0x80 ? 0x0a000002 : 0,
		.dns = {0x01010101},
		.ask_dns = true};
	link_config_defaults(&link_config);
	if (how & 0x40) {
		link_config.mrru = 1500;
		link_config.ask_short_sequence = true;
		link_config.endpoint = (struct endpoint){ENDPOINT_LOCAL, 3, {1, 2, 3}};
	}
	link_init(&link, &link_config, &generator);
	link_multilink(&link, how & 0x40 ? &multilink : NULL);
	unit_config_defaults(&unit_config);
	unit_init(&unit, &unit_config, NULL, &generator);

	unsigned which = (how & 7) % 3;
	const struct option_set *sets[] = {&lcp_options, &ccp_options, &ipcp_options};
	void *owner = which ? (void *)&unit : (void *)&link;
	uint8_t request[PPP_MRU_MIN];
	judge(sets[which], owner, bytes, length, !(how & 8));
	print(sets[which], bytes, length);
	print(NULL, bytes, length);
	size_t asked = our_request(which, request, sizeof request);
	option_rejected(sets[which], owner, request, asked, bytes, length);
	MUST(option_naked(sets[which], owner, bytes, length) == well_formed(bytes, length));
	MUST(our_request(which, request, sizeof request) <= sizeof request);
	return 0;
}
