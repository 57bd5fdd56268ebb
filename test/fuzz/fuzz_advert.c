/* Router Advertisements and Solicitations: the input is a whole packet, once as it is and once with
 * the checksum put right, since few guess it. What was read survives being written. */
#include <stdlib.h>
#include <string.h>

#include "advert.h"
#include "bytes.h"
#include "checksum.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* Names in words are the same names. */
static void judge_words(const struct domains *search)
{
	char words[DOMAINS_MAX + 1];
	struct text t = text_over(words, sizeof words);
	struct domains again = {.length = 0};
	domains_text(&t, search);
	for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
		if (!domains_add(&again, word))
			abort();
	if (search->length != again.length || memcmp(search->bytes, again.bytes, again.length) != 0)
		abort();
}

static void judge(const uint8_t *packet, size_t length)
{
	struct address from = {6, {0xfe, 0x80, [15] = 1}}, to = {6, {0xff, 2, [15] = 1}};
	struct advert advert, again;
	struct domains search, search_again;
	uint8_t written[ADVERT_MAX];
	size_t size = solicit_write(written, &from);
	if (!size || !solicit_read(written, size))
		abort();
	solicit_read(packet, length);
	if (!advert_read(&advert, &search, packet, length))
		return;
	judge_words(&search);
	size = advert_write(written, &advert, &search, &from, &to);
	if (!advert.router_lifetime)
		memset(advert.dns, 0, sizeof advert.dns); /* they live as long as the router */
	if (!advert.router_lifetime)
		search.length = 0;
	if (!size || !advert_read(&again, &search_again, written, size) ||
		memcmp(&again, &advert, sizeof again) != 0 ||
		search.length != search_again.length ||
		memcmp(search.bytes, search_again.bytes, search.length) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	if (length < 48 || length > 2000) {
		judge(bytes, length);
		return 0;
	}
	uint8_t *exact = malloc(length);
	memcpy(exact, bytes, length);
	judge(exact, length);
	size_t whole = 40u + get_u16(exact + 4);
	if (whole >= 48 && whole <= length) {
		put_u16(exact + 42, 0);
		put_u16(exact + 42, (uint16_t)~checksum_of(58 + whole - 40, exact + 8, whole - 8));
		judge(exact, length);
	}
	free(exact);
	return 0;
}
