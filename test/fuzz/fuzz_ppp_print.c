/* Whatever a frame holds, it prints as one terminated line of printable characters. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "print.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	char line[4096];
	size_t sizes[] = {sizeof line, 1 + length % 64};
	for (size_t i = 0; i < 2; i++) {
		struct text t = text_over(line, sizes[i]);
		ppp_print(&t, bytes, length);
		if (t.used >= sizes[i] || strlen(line) != t.used)
			abort();
		for (size_t at = 0; at < t.used; at++)
			if (line[at] < 0x20 || line[at] > 0x7e)
				abort();
	}
	return 0;
}
