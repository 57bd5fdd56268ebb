/* Lines of relayed sessions (see relay_line.h).
 *
 * What the two who speak PPP agree on nobody tells us: what may need an escape gets one, and
 * nothing that comes is taken for the line's own (RFC 1662 §7.1). Frames stay in their order, for a
 * compressor's reset is among them. */
#include "relay_line.h"

#include <unistd.h>

#include "host.h"

int relay_line_give(struct seat *seat, struct line_config config)
{
	const struct line_framing framing = {.send_accm = HDLC_ACCM_DEFAULT,
		.send_fcs = HDLC_FCS_16,
		.receive_fcs = HDLC_FCS_16};
	const struct host *host = seat->owner;
	struct line *line;
	config.in_order = true;
	int failed = line_open(&line, &config);
	if (failed) {
		close(config.in);
		if (config.out != config.in)
			close(config.out);
		return failed;
	}
	line_framing(line, &framing);
	failed = host->plane->line(host->dataplane, seat_subject(seat), line);
	if (failed)
		line_close(line);
	return failed;
}
