/* Frames of a bundle on their way to its links (RFC 1990 §3, §4).
 *
 * A frame that fits a link's MRU and path travels in one fragment, laid out where it leaves from;
 * only larger ones are cut, into pieces of one size. Every fragment goes to the link that has
 * carried least by then, so that equal links carry equal shares of whole packets: their headers are
 * paid once a packet, and a lost one costs one packet. */
#include "seal_bundle.h"

#include "bundle_link.h"
#include "frame.h"
#include "seal.h"

/* The outer packet around a fragment of `length` bytes, which is still to be written. */
static struct packet *start(struct datapath_bundle *bundle, unsigned number, size_t length,
	bool begins, bool ends, struct packet_list *out, struct writer *w)
{
	struct datapath *link = bundle->link[number];
	bool acfc = link->compress_address, pfc = link->compress_protocol;
	bool short_sequence = bundle->sender.short_sequence;
	size_t inside = multilink_header_size(short_sequence) + length;
	size_t payload = frame_size(PROTOCOL_MULTILINK, acfc, pfc) + inside;
	struct packet *packet = seal_start(link, payload, out, w);

	if (!packet)
		return NULL;
	struct multilink_header header =
		multilink_number(&bundle->sender, number, payload, begins, ends);
	frame_build(w, PROTOCOL_MULTILINK, acfc, pfc);
	multilink_build(w, &header, short_sequence);
	link->counters.tx_packets++;
	link->counters.tx_bytes += inside;
	return packet;
}

struct packet *bundle_seal_whole(
	struct datapath_bundle *bundle, size_t length, struct packet_list *out, struct writer *w)
{
	if (!bundle->sender.links)
		return NULL;
	unsigned number = multilink_turn(&bundle->sender);
	if (length > bundle_link_room(bundle->link[number]))
		return NULL;
	return start(bundle, number, length, true, true, out, w);
}

bool bundle_seal_cut(struct datapath_bundle *bundle, const uint8_t *frame, size_t length,
	uint8_t tos, bool control, struct packet_list *out)
{
	size_t pieces = bundle_pieces(bundle, length), size = (length + pieces - 1) / pieces;

	if (!bundle->sender.links || pieces > packet_list_room(out))
		return false;
	for (size_t at = 0; at < length; at += size) {
		size_t part = length - at < size ? length - at : size;
		unsigned number = multilink_turn(&bundle->sender);
		struct writer w;
		struct packet *packet =
			start(bundle, number, part, at == 0, at + part == length, out, &w);
		if (!packet)
			return false;
		write_bytes(&w, frame + at, part);
		packet->tos = tos;
		packet->control = control;
		seal_finish(packet, &w, out);
	}
	return true;
}
