/* Capture files: pcap and pcapng blocks, link layers, IP, TCP streams, GRE, PPP. */
#include <stddef.h>
#include <stdint.h>

#include "dump.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void ignore(void *context, const char *line)
{
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct dump_totals totals;
	dump_capture(bytes, length, ignore, NULL, &totals);
	return 0;
}
