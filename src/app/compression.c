/* Compression as the user allows it (see compression.h): none by default. What is compressed and
 * then encrypted tells by its length what was in it, to whoever can have something of his own
 * compressed along with it (CRIME, VORACLE); and a link that carries HTTPS gains nothing. */
#include "compression.h"

#include <stdlib.h>
#include <string.h>

#include "layers.h"

enum { RECEIVED, SENT };

static bool is_size(long size)
{
	return size == 0 || (size >= CCP_BITS_MIN && size <= CCP_BITS_MAX);
}

bool compression_sizes(const char *word, uint8_t sizes[2])
{
	char *end;
	long size[2];
	if (*word < '0' || *word > '9')
		return false;
	size[RECEIVED] = size[SENT] = strtol(word, &end, 10);
	if (*end == ',' && end[1] >= '0' && end[1] <= '9')
		size[SENT] = strtol(end + 1, &end, 10);
	if (*end || !is_size(size[RECEIVED]) || !is_size(size[SENT]))
		return false;
	for (size_t i = 0; sizes && i < 2; i++)
		sizes[i] = (uint8_t)size[i];
	return true;
}

bool value_is_sizes(const char *word)
{
	return compression_sizes(word, NULL);
}

static void allow(struct ccp_compressors *allowed, const struct settings *settings,
	enum codec_method method, const uint8_t sizes[2])
{
	if (settings->refuse_compress & 1u << method)
		return;
	allowed->receive[method] = sizes[RECEIVED];
	allowed->transmit[method] = sizes[SENT];
}

void compression_allowed(const struct settings *settings, struct ccp_compressors *allowed)
{
	static const uint8_t simply[2] = {1, 1};
	uint8_t sizes[2];
	memset(allowed, 0, sizeof *allowed);
	if (!settings->ccp)
		return;
	if (settings->deflate && compression_sizes(settings->deflate, sizes))
		allow(allowed, settings, CODEC_DEFLATE, sizes);
	if (settings->bsdcomp && compression_sizes(settings->bsdcomp, sizes))
		allow(allowed, settings, CODEC_BSD, sizes);
	if (settings->predictor1)
		allow(allowed, settings, CODEC_PREDICTOR1, simply);
	if (settings->mppc)
		allow(allowed, settings, CODEC_MPPC, simply);
}

size_t compression_cost(const struct ccp_compressors *allowed)
{
	size_t most[2] = {0, 0};
	for (unsigned way = 0; way < 2; way++) {
		const uint8_t *bits = way == SENT ? allowed->transmit : allowed->receive;
		for (unsigned method = 1; method < CODEC_METHODS; method++) {
			struct datapath_command command = {.kind = DATAPATH_COMPRESS};
			if (!bits[method])
				continue;
			command.compress.transmit = way == SENT;
			command.compress.params.method = (enum codec_method)method;
			command.compress.params.bits = bits[method];
			size_t need = sizeof(struct layer_memory) + layers_need(&command);
			if (need > most[way])
				most[way] = need;
		}
	}
	return most[RECEIVED] + most[SENT];
}

void compression_check(const struct settings *settings, struct faults *faults)
{
	struct ccp_compressors allowed;
	compression_allowed(settings, &allowed);
	if (!compression_cost(&allowed))
		return;
	bool alone = allowed.receive[CODEC_DEFLATE] || allowed.transmit[CODEC_DEFLATE] ||
		     allowed.receive[CODEC_BSD] || allowed.transmit[CODEC_BSD] ||
		     allowed.receive[CODEC_PREDICTOR1];
	if (alone && settings_mppe_required(settings))
		fault_warning(faults, NULL,
			"deflate, bsdcomp and predictor1 are for sessions without encryption, and "
			"MPPE is required: only mppc goes with it");
	if (settings_mppe(settings))
		fault_warning(faults, NULL,
			"compression is allowed: how long encrypted packets are tells something "
			"of what is in them (CRIME, VORACLE)");
}
