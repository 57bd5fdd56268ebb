/* A raw socket of one call (see early_gre.h). The kernel gives it copies: what its PPTP takes, once
 * that is connected, is not taken away by this. */
#include "early_gre.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "frame.h"
#include "gre.h"
#include "ppp_filter.h"

enum { KEEPS = 16384, CONTROL_FIRST = 0x8000 };

static struct sockaddr_in inet(const struct address *a)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	memcpy(&in.sin_addr, a->bytes, 4);
	return in;
}

/* The filter first: between socket(2) and connect(2) it would get every GRE packet of the host. */
static int narrow(int fd, uint16_t call_id, const struct address *local, const struct address *peer)
{
	static const int keeps = KEEPS;
	struct sockaddr_in own = inet(local), other = inet(peer);
	struct ppp_filter filter;
	ppp_filter_early(&filter, call_id);
	int failed = ppp_filter_attach(&filter, fd);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &keeps, sizeof(keeps));
	if (!failed && bind(fd, (const struct sockaddr *)&own, sizeof(own)) < 0)
		failed = -errno;
	if (!failed && connect(fd, (const struct sockaddr *)&other, sizeof(other)) < 0)
		failed = -errno;
	return failed;
}

int early_gre_open(uint16_t call_id, const struct address *local, const struct address *peer)
{
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_GRE);
	if (fd < 0)
		return -errno;
	int failed = narrow(fd, call_id, local, peer);
	if (!failed)
		return fd;
	close(fd);
	return failed;
}

/* From the IP header on. */
static bool take_frame(struct reader *r, struct reader *frame, uint16_t *protocol)
{
	struct gre_header header;
	enum drop why;
	size_t ip = reader_left(r) ? 4u * (r->at[0] & 15) : 0;
	return ip && read_bytes(r, ip) && gre_parse(&header, r, frame, &why) &&
	       header.has_sequence && frame_parse(frame, protocol, &why) &&
	       *protocol >= CONTROL_FIRST;
}

size_t early_gre_read(int fd, uint8_t *frame, size_t capacity)
{
	uint8_t packet[OUTER_MAX];
	ssize_t length;
	while ((length = recv(fd, packet, sizeof(packet), MSG_TRUNC)) > 0) {
		uint16_t protocol;
		struct reader r = reader_over(packet, (size_t)length), body;
		struct writer w = writer_over(frame, capacity);
		if ((size_t)length > sizeof(packet) || !take_frame(&r, &body, &protocol))
			continue;
		write_u16(&w, protocol);
		size_t left = reader_left(&body);
		write_bytes(&w, read_bytes(&body, left), left);
		if (!w.failed)
			return writer_length(&w);
	}
	return 0;
}
