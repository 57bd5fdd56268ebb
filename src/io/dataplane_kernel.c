/* The kernel's data plane: PPTP, PPP and MPPE of Linux (ppp_generic, pptp, ppp_mppe), one interface
 * a session. RFC 2637 §4, RFC 1661, RFC 3078 are the kernel's part; control frames, phases and keys
 * are ours.
 *
 *   attach   a PPTP socket bound to our call ID                       (ppp_channel.h, early_gre.h)
 *   connect  the same connected to the peer's call; its channel is read and written
 *   keys     the network phase begins: the unit, shut, and the channel connected to it (ppp_unit.h)
 *   frames   LCP and authentication by the channel, CCP and IPCP by the unit   (kernel_frames.c)
 *   network  a protocol passes when it is up; before that it is dropped, and between, while the
 *            link negotiates again, queued, as far as the kernel can
 *   epoch    everything shut, keys forgotten; the link stays connected
 *   detach   the socket and the interface are gone, with the kernel's counters read
 *
 * What must not pass in clear does not, which takes more than SC_MUST_COMP: a filter on the PPTP
 * socket drops what comes in clear, and nothing goes out before both directions are encrypted. One
 * gap is left: behind a CCP frame of the peer's that ends what was agreed the kernel sends in clear
 * until we have read it (kernel_doubt).
 *
 * A bundle has a unit and no channel of its own: those of its links are connected to it. What the
 * first link brought as its interface is the bundle's when it joins.
 *
 * On a line that is a tty the channel is the kernel's HDLC (N_PPP), and the line's descriptors
 * rest.
 *
 * Everything happens on the control thread. Events that have no descriptor to come from wait in a
 * list until the loop runs. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ppp-ioctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "clock.h"
#include "early_gre.h"
#include "frame.h"
#include "kernel_session.h"
#include "line.h"
#include "ppp_device.h"
#include "ppp_filter.h"
#include "subject.h"

#define ANY_INTERFACE "ppp%d"

struct kernel_session *kernel_find(struct dataplane *d, uint32_t subject)
{
	struct kernel_session *s = d->sessions[subject_index(subject)];
	assert(subject_index(subject) < d->config.sessions_max);
	return s && s->subject == subject ? s : NULL;
}

/* Events. */

void kernel_tell(struct dataplane *d, const struct kernel_answer *answer, const uint8_t *bytes,
	size_t length)
{
	if (!backlog_add(&d->answers, answer, sizeof(*answer), bytes, (uint32_t)length))
		abort(); /* a few hundred bytes: there is nothing left to run on */
	uv_async_send(&d->told);
}

void kernel_unable(struct dataplane *d, struct kernel_session *s, const char *why)
{
	struct kernel_answer answer = {
		.kind = DATAPLANE_UNABLE, .subject = s->subject, .epoch = s->epoch};
	snprintf(answer.why, sizeof(answer.why), "%s", why);
	kernel_tell(d, &answer, NULL, 0);
}

static void unable(struct dataplane *d, struct kernel_session *s, const char *what, int failed)
{
	char line[256];
	snprintf(line, sizeof(line), "%s: %s", what, strerror(-failed));
	kernel_unable(d, s, line);
}

void kernel_line_gone(struct dataplane *d, struct kernel_session *s)
{
	struct kernel_answer answer = {
		.kind = DATAPLANE_LINE_GONE, .subject = s->subject, .epoch = s->epoch};
	if (!s->carrier_gone)
		kernel_tell(d, &answer, NULL, 0);
	s->carrier_gone = true;
}

static void give_answer(struct dataplane *d)
{
	struct kernel_answer answer;
	const struct waiting *first = d->answers.first;
	size_t length = first->length - sizeof(answer);
	memcpy(&answer, waiting_bytes(first), sizeof(answer));
	memcpy(d->frame, (const uint8_t *)waiting_bytes(first) + sizeof(answer), length);
	backlog_drop_first(&d->answers);
	const struct dataplane_event event = {
		.kind = answer.kind,
		.subject = answer.subject,
		.epoch = answer.epoch,
		.bytes = d->frame,
		.length = length,
		.counters = &answer.counters,
		.why = answer.why,
	};
	d->config.event(d->config.context, &event);
}

static void on_told(uv_async_t *async)
{
	struct dataplane *d = async->data;
	while (d->answers.first && !d->stopped)
		give_answer(d);
}

/* Sessions. */

static struct kernel_session *make_session(struct dataplane *d, uint32_t subject)
{
	struct kernel_session *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->subject = subject;
	s->channel = PPP_CHANNEL_NONE;
	s->unit = PPP_UNIT_NONE;
	s->early = -1;
	d->sessions[subject_index(subject)] = s;
	return s;
}

static void close_early(struct kernel_session *s)
{
	if (s->early >= 0)
		close(s->early);
	s->early = -1;
}

static void close_unit(struct kernel_session *s)
{
	kernel_services_close(s);
	kernel_unwatch(&s->unit_watch);
	ppp_unit_close(&s->unit);
}

static void free_session(struct dataplane *d, struct kernel_session *s)
{
	close_early(s);
	kernel_unwatch(&s->channel_watch);
	ppp_channel_close(&s->channel);
	if (s->line)
		line_close(s->line);
	close_unit(s);
	d->sessions[subject_index(s->subject)] = NULL;
	explicit_bzero(&s->keys, sizeof(s->keys));
	free(s);
}

/* The slot's, made where it is free. An interface that its last owner was given before he was ever
 * attached, and then was not, goes here. */
static struct kernel_session *take_slot(struct dataplane *d, uint32_t subject)
{
	struct kernel_session *old = d->sessions[subject_index(subject)];
	if (old && old->subject == subject)
		return old;
	if (old) {
		assert(!old->attached);
		free_session(d, old);
	}
	return make_session(d, subject);
}

/* Units. */

static void adopt_unit(struct dataplane *d, struct kernel_session *s)
{
	netlink_link_counters(kernel_links(d), s->unit.link, &s->before);
	memset(&s->own, 0, sizeof(s->own));
}

static int make_unit(
	struct dataplane *d, struct kernel_session *s, const char *wanted, char words[256])
{
	int failed = ppp_unit_make(&s->unit, d->netlink, wanted, words);
	if (d->config.inside)
		s->unit.link = 0; /* unknown until it was moved */
	if (!failed)
		adopt_unit(d, s);
	return failed;
}

static int keep_unit(
	struct dataplane *d, struct kernel_session *s, const char *name, int kept, char words[256])
{
	close_unit(s);
	int fd = fcntl(kept, F_DUPFD_CLOEXEC, 0);
	int failed = fd < 0 ? -errno : ppp_unit_keep(&s->unit, kernel_links(d), fd, name);
	if (!failed) {
		adopt_unit(d, s);
		return 0;
	}
	ppp_unit_close(&s->unit);
	snprintf(words, 256, "Couldn't use the interface %.32s again: %s", name, strerror(-failed));
	return failed;
}

static int kernel_open_interface(struct dataplane *d, uint32_t subject, const char *wanted,
	int kept, char name[16], char words[256])
{
	struct kernel_session *s = take_slot(d, subject);
	int failed = s ? 0 : -ENOMEM;
	snprintf(words, 256, "%s", failed ? "Out of memory for an interface" : "");
	if (s && kept >= 0)
		failed = keep_unit(d, s, wanted, kept, words);
	else if (s && s->unit.fd < 0)
		failed = make_unit(d, s, wanted, words);
	if (failed)
		return failed;
	snprintf(name, 16, "%s", s->unit.name);
	int fd = fcntl(s->unit.fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		snprintf(words, 256, "Couldn't copy a descriptor: %s", strerror(errno));
	return fd < 0 ? -errno : fd;
}

static void kernel_moved_inside(struct dataplane *d, uint32_t subject, unsigned link)
{
	struct kernel_session *s = kernel_find(d, subject);
	if (!s)
		return;
	s->unit.link = link;
	adopt_unit(d, s);
}

/* Both of IP's protocols, as they are now. Of a session that was never up they are shut; of one
 * that is about to come back they wait. */
static void set_modes(struct kernel_session *s, bool ipv4, bool ipv6)
{
	enum ppp_unit_mode closed = s->mode_asked ? PPP_UNIT_QUEUE : PPP_UNIT_DROP;
	if (s->unit.fd < 0)
		return;
	bool any = ipv4 || ipv6;
	s->ipv4 = ipv4;
	s->ipv6 = ipv6;
	ppp_unit_mode(&s->unit, PROTOCOL_IPV4, ipv4 ? PPP_UNIT_PASS : any ? PPP_UNIT_DROP : closed);
	ppp_unit_mode(&s->unit, PROTOCOL_IPV6, ipv6 ? PPP_UNIT_PASS : any ? PPP_UNIT_DROP : closed);
	s->mode_asked |= any;
}

void kernel_doubt(struct kernel_session *s)
{
	s->undone = true;
	ppp_unit_mode(&s->unit, PROTOCOL_IPV4, PPP_UNIT_DROP);
	ppp_unit_mode(&s->unit, PROTOCOL_IPV6, PPP_UNIT_DROP);
	/* Or it would not look at our Ack. */
	ppp_unit_flags(&s->unit, SC_CCP_UP, 0);
}

void kernel_trust(struct kernel_session *s)
{
	s->undone = false;
	ppp_unit_flags(&s->unit, 0, SC_CCP_UP);
	set_modes(s, s->ipv4, s->ipv6);
}

/* Connects the channel of a session, or of a link, to the unit that is to use it. */
static int join(struct dataplane *d, struct kernel_session *s, struct kernel_session *owner)
{
	if (s->channel.fd < 0)
		return 0;
	int failed = ppp_channel_join(&s->channel, owner->unit.number);
	/* A unit without channels is always readable, and always at its end. */
	if (!failed && !owner->unit_watch)
		owner->unit_watch =
			kernel_watch(d, owner->subject, owner->unit.fd, kernel_read_unit);
	return failed || owner->unit_watch ? failed : -ENOMEM;
}

static void leave(struct dataplane *d, struct kernel_session *s)
{
	ppp_channel_leave(&s->channel);
	s->bundle = 0;
}

/* What the kernel has not. */

static const char *lacks_at_attach(const struct datapath_command *command)
{
	if (command->attach.line)
		return command->attach.require_encryption
			       ? "the kernel's PPP takes packets in clear from a line"
			       : NULL;
	if (command->attach.bundle)
		return NULL;
	if (command->attach.relay)
		return "the kernel's PPTP ends in PPP of its own, and there is another";
	if (command->attach.local.family != 4)
		return "the kernel's PPTP has no IPv6 outside";
	if (!command->attach.local_call_id)
		return "the kernel's PPTP has no Call ID 0";
	if (command->attach.any_peer)
		return "the kernel's PPTP takes GRE from the control connection's address alone";
	if (command->attach.nat)
		return "the kernel's PPTP cannot hold a NAT open";
	return NULL;
}

static const char *kernel_lacks(
	struct dataplane *d, const struct datapath_command *command, const uint8_t *frame)
{
	static const struct mppe_start_keys none;
	struct kernel_mppe mppe;
	switch (command->kind) {
	case DATAPATH_ATTACH:
		return lacks_at_attach(command);
	case DATAPATH_FRAME:
		if (kernel_mppe_sending(&mppe, frame, command->frame.length, &none) ==
			KERNEL_MPPE_UNABLE)
			return "the kernel's PPP has neither MPPE of 56 bits nor MPPC";
		return NULL;
	case DATAPATH_RECEIVE_KEY:
	case DATAPATH_TRANSMIT_KEY:
		return command->key.strength == MPPE_56 ? "the kernel's PPP has no MPPE of 56 bits"
							: NULL;
	case DATAPATH_COMPRESS:
		return command->compress.params.method
			       ? "the kernel's plane has none of our compressors"
			       : NULL;
	case DATAPATH_CIPHER:
		return command->cipher.key.length ? "the kernel's PPP has no ECP" : NULL;
	case DATAPATH_CONNECT:
	case DATAPATH_START_KEYS:
	case DATAPATH_HEADERS:
	case DATAPATH_FRAMING:
	case DATAPATH_NETWORK:
	case DATAPATH_BUNDLE:
	case DATAPATH_PATH:
	case DATAPATH_EPOCH:
	case DATAPATH_DETACH:
		break;
	}
	return NULL;
}

/* The phases. */

static void attach(struct dataplane *d, const struct datapath_command *command)
{
	char error[256];
	struct kernel_session *s = take_slot(d, command->subject);
	if (!s)
		abort();
	assert(!s->attached);
	s->attached = true;
	s->epoch = command->epoch;
	s->since = clock_now();
	s->is_bundle = command->attach.bundle;
	s->require_encryption = command->attach.require_encryption;
	s->check_source = command->attach.check_source;
	s->services = command->attach.services;
	s->call_id = command->attach.local_call_id;
	s->local = command->attach.local;
	s->peer = command->attach.peer;
	s->mrru = command->attach.mrru;
	s->receive_short = command->attach.receive_short;
	s->send_short = command->attach.send_short;
	const char *lacking = kernel_lacks(d, command, NULL);
	if (lacking)
		kernel_unable(d, s, lacking);
	if (lacking || s->is_bundle || command->attach.line)
		return;
	int failed = ppp_channel_bind(&s->channel, s->call_id, &s->local, error);
	if (failed) {
		kernel_unable(d, s, error);
		return;
	}
	s->early = early_gre_open(s->call_id, &s->local, &s->peer); /* or none: it is a favour */
}

static void require_cipher(struct dataplane *d, struct kernel_session *s)
{
	struct ppp_filter filter;
	if (!s->require_encryption)
		return;
	ppp_filter_clear(&filter, s->receive_short);
	int failed = ppp_filter_attach(&filter, s->channel.carrier);
	if (failed)
		unable(d, s, "Couldn't keep packets in clear from the kernel's PPP", failed);
}

static void connect_call(
	struct dataplane *d, struct kernel_session *s, const struct datapath_command *command)
{
	char error[256];
	struct kernel_answer early = {
		.kind = DATAPLANE_CONTROL, .subject = s->subject, .epoch = s->epoch};
	if (s->channel.carrier < 0)
		return;
	require_cipher(d, s);
	int failed =
		ppp_channel_connect(&s->channel, command->connect.peer_call_id, &s->peer, error);
	if (failed) {
		kernel_unable(d, s, error);
		return;
	}
	size_t length;
	while (s->early >= 0 && (length = early_gre_read(s->early, d->frame, sizeof(d->frame))))
		kernel_tell(d, &early, d->frame, length);
	close_early(s);
	s->channel_watch = kernel_watch(d, s->subject, s->channel.fd, kernel_read_channel);
	if (!s->channel_watch)
		unable(d, s, "Couldn't watch a PPP channel", -ENOMEM);
}

static int prepare_unit(struct kernel_session *s)
{
	const int multilink = SC_MULTILINK | SC_MP_SHORTSEQ | SC_MP_XSHORTSEQ;
	int flags = SC_CCP_OPEN | SC_REJ_COMP_TCP | (s->require_encryption ? SC_MUST_COMP : 0);
	int failed = ppp_unit_flags(&s->unit, s->is_bundle ? ~multilink : ~0, flags);
	if (!failed)
		failed = ppp_unit_mru(&s->unit, s->mru ? s->mru : PPP_MRU_DEFAULT);
	if (!failed && s->is_bundle)
		failed = ppp_unit_multilink(&s->unit, s->mrru, s->receive_short, s->send_short);
	return failed;
}

static void start_keys(
	struct dataplane *d, struct kernel_session *s, const struct datapath_command *command)
{
	char error[256];
	s->keys = command->key.keys;
	int failed = 0;
	if (s->unit.fd < 0)
		failed = make_unit(d, s, ANY_INTERFACE, error);
	if (failed) {
		kernel_unable(d, s, error);
		return;
	}
	set_modes(s, false, false);
	failed = prepare_unit(s);
	if (!failed)
		failed = join(d, s, s);
	if (failed)
		unable(d, s, "Couldn't prepare a PPP unit", failed);
}

/* A link of a bundle: its channel carries what the bundle's unit sends. */
static void enter_bundle(
	struct dataplane *d, struct kernel_session *s, const struct datapath_command *command)
{
	struct kernel_session *bundle = kernel_find(d, command->bundle.subject);
	char error[256];
	int failed = 0;
	if (!bundle || !bundle->attached)
		return;
	if (bundle->unit.fd < 0 && s->unit.fd >= 0) {
		kernel_unwatch(&s->unit_watch);
		bundle->unit = s->unit;
		s->unit = PPP_UNIT_NONE;
		adopt_unit(d, bundle);
	}
	if (bundle->unit.fd < 0)
		failed = make_unit(d, bundle, ANY_INTERFACE, error);
	if (failed) {
		kernel_unable(d, s, error);
		return;
	}
	if (!bundle->unit_watch) /* the first: before there is anything to receive */
		failed = prepare_unit(bundle);
	if (!failed)
		failed = join(d, s, bundle);
	s->bundle = bundle->subject;
	if (failed)
		unable(d, s, "Couldn't add a link to a bundle's PPP unit", failed);
}

static void set_framing(
	struct dataplane *d, struct kernel_session *s, const struct datapath_command *command)
{
	s->mru = command->framing.receive_mru;
	if (s->channel.fd < 0)
		return;
	int failed = ppp_channel_framing(
		&s->channel, command->framing.compress_protocol, command->framing.compress_address);
	if (!failed && s->line)
		failed = ppp_channel_line(&s->channel, command->framing.send_accm,
			command->framing.receive_accm, s->mru);
	if (failed)
		unable(d, s, "Couldn't tell a PPP channel what the peer takes", failed);
}

/* What comes from the peer bears one of its own addresses, as far as these are known. */
static void filter_sources(struct dataplane *d, struct kernel_session *s)
{
	struct ppp_filter filter;
	struct prefix networks[KERNEL_NETWORKS_MAX + 4];
	size_t count = 0;
	if (!s->check_source || s->unit.fd < 0)
		return;
	if (s->remote4.family)
		networks[count++] = (struct prefix){.address = s->remote4, .length = 32};
	if (s->remote6.family)
		networks[count++] = (struct prefix){.address = s->remote6, .length = 128};
	for (unsigned n = 0; n < 2; n++)
		if (s->prefixes6[n].length)
			networks[count++] = s->prefixes6[n];
	for (unsigned n = 0; n < s->network_count; n++)
		networks[count++] = s->networks[n];
	ppp_filter_sources(&filter, networks, count);
	int failed = filter.failed ? -E2BIG : ppp_unit_filter(&s->unit, filter.code, filter.count);
	if (failed)
		unable(d, s, "Couldn't have the kernel check sources (--no-check-source)", failed);
}

static void set_network(
	struct dataplane *d, struct kernel_session *s, const struct datapath_command *command)
{
	const bool ipv4 = command->network.ipv4, ipv6 = command->network.ipv6;
	s->remote4 = ipv4 ? command->network.remote4 : (struct address){.family = 0};
	s->remote6 = ipv6 ? command->network.remote6 : (struct address){.family = 0};
	memset(s->prefixes6, 0, sizeof(s->prefixes6));
	if (ipv6)
		memcpy(s->prefixes6, command->network.prefixes6, sizeof(s->prefixes6));
	if (ipv4 || ipv6)
		filter_sources(d, s);
	int failed = s->unit.fd >= 0 && (ipv6 || s->services) ? kernel_services_open(d, s) : 0;
	if (failed)
		unable(d, s, "Couldn't listen on a PPP interface", failed);
	set_modes(s, ipv4, ipv6);
}

static void set_headers(
	struct dataplane *d, struct kernel_session *s, const struct datapath_command *command)
{
	if (command->headers.transmit) {
		s->vj_transmit = command->headers.slots;
		s->vj_omit = command->headers.omit_slot;
	} else {
		s->vj_receive = command->headers.slots;
	}
	if (s->unit.fd < 0)
		return;
	int failed = ppp_unit_headers(&s->unit, s->vj_receive, s->vj_transmit, s->vj_omit);
	if (failed)
		unable(d, s, "Couldn't have the kernel compress headers", failed);
}

/* The kernel has had its keys; it may use them both ways when CCP is open with us, too. */
static void set_cipher(
	struct dataplane *d, struct kernel_session *s, const struct datapath_command *command)
{
	if (command->kind == DATAPATH_RECEIVE_KEY || s->unit.fd < 0)
		return;
	s->ccp_up = command->key.strength != MPPE_NONE;
	s->undone = false;
	s->resync_at = 0;
	s->suspicious = 0;
	ppp_unit_flags(&s->unit, s->ccp_up ? 0 : SC_CCP_UP, s->ccp_up ? SC_CCP_UP : 0);
}

/* First nothing passes, then the kernel forgets its keys (that SC_CCP_OPEN goes makes it). */
static void new_epoch(
	struct dataplane *d, struct kernel_session *s, const struct datapath_command *command)
{
	s->epoch = command->epoch;
	set_modes(s, false, false);
	kernel_forget_frames(d, s);
	if (s->bundle)
		leave(d, s);
	explicit_bzero(&s->keys, sizeof(s->keys));
	s->ccp_up = s->undone = s->keys_told = false;
	s->resync_at = 0;
	s->suspicious = 0;
	s->vj_receive = s->vj_transmit = 0;
	if (s->unit.fd >= 0)
		ppp_unit_flags(&s->unit, SC_CCP_OPEN | SC_CCP_UP | SC_COMP_TCP | SC_NO_TCP_CCID,
			SC_REJ_COMP_TCP);
	if (s->channel.fd >= 0)
		ppp_channel_framing(&s->channel, false, false);
}

static void detach(struct dataplane *d, uint32_t subject)
{
	struct kernel_answer answer = {.kind = DATAPLANE_DETACHED, .subject = subject};
	struct kernel_session *s = kernel_find(d, subject);
	if (s) {
		kernel_put_aside(d, s);
		kernel_count(d, s, &answer.counters);
		free_session(d, s);
	}
	kernel_tell(d, &answer, NULL, 0);
}

static void execute(struct dataplane *d, struct kernel_session *s,
	const struct datapath_command *command, const uint8_t *frame)
{
	switch (command->kind) {
	case DATAPATH_CONNECT:
		connect_call(d, s, command);
		break;
	case DATAPATH_FRAME:
		kernel_send(d, s, frame, command->frame.length);
		break;
	case DATAPATH_START_KEYS:
		start_keys(d, s, command);
		break;
	case DATAPATH_RECEIVE_KEY:
	case DATAPATH_TRANSMIT_KEY:
		set_cipher(d, s, command);
		break;
	case DATAPATH_COMPRESS:
	case DATAPATH_CIPHER: /* told already */
		break;
	case DATAPATH_HEADERS:
		set_headers(d, s, command);
		break;
	case DATAPATH_FRAMING:
		set_framing(d, s, command);
		break;
	case DATAPATH_NETWORK:
		set_network(d, s, command);
		break;
	case DATAPATH_BUNDLE:
		enter_bundle(d, s, command);
		break;
	case DATAPATH_EPOCH:
		new_epoch(d, s, command);
		break;
	case DATAPATH_ATTACH:
	case DATAPATH_PATH: /* the kernel knows its own */
	case DATAPATH_DETACH:
		break;
	}
}

static void kernel_command(
	struct dataplane *d, const struct datapath_command *command, const uint8_t *frame)
{
	if (command->kind == DATAPATH_ATTACH) {
		attach(d, command);
	} else if (command->kind == DATAPATH_DETACH) {
		detach(d, command->subject);
	} else {
		struct kernel_session *s = kernel_find(d, command->subject);
		if (!s || !s->attached)
			return;
		const char *lacking = kernel_lacks(d, command, frame);
		if (lacking)
			kernel_unable(d, s, lacking);
		else
			execute(d, s, command, frame);
	}
}

/* Its own descriptor keeps the interface: the caller's copy has done its part. */
static int kernel_interface(struct dataplane *d, uint32_t subject, int fd)
{
	struct kernel_session *s = kernel_find(d, subject);
	if (!s || !s->attached || s->unit.fd < 0)
		return -ENOENT;
	close(fd);
	return 0;
}

/* The kernel's HDLC takes the place of ours, where there is a tty under the line. */
static int kernel_line(struct dataplane *d, uint32_t subject, struct line *line)
{
	struct kernel_session *s = kernel_find(d, subject);
	char error[256];
	if (!s || !s->attached || s->channel.carrier >= 0)
		return -ENOENT;
	if (line_input(line) != line_output(line))
		return -ENOTTY;
	int failed = ppp_channel_tty(&s->channel, line_input(line), line_sync(line), error);
	if (failed)
		return failed;
	s->channel_watch = kernel_watch(d, s->subject, s->channel.fd, kernel_read_channel);
	if (!s->channel_watch) {
		ppp_channel_close(&s->channel);
		return -ENOMEM;
	}
	s->line = line;
	return 0;
}

static bool same_prefix(const struct prefix *a, const struct prefix *b)
{
	return a->length == b->length && address_equal(&a->address, &b->address);
}

/* The kernel routes by itself; it has only to let these sources through. */
static bool kernel_route(
	struct dataplane *d, uint32_t subject, const struct prefix *network, bool add)
{
	struct kernel_session *s = kernel_find(d, subject);
	unsigned n = 0;
	if (!s || !s->attached)
		return !add;
	while (n < s->network_count && !same_prefix(&s->networks[n], network))
		n++;
	bool there = n < s->network_count;
	if (add && !there && s->network_count == KERNEL_NETWORKS_MAX)
		return false;
	if (add && !there)
		s->networks[s->network_count++] = *network;
	if (!add && there)
		s->networks[n] = s->networks[--s->network_count];
	if (add != there)
		filter_sources(d, s);
	return true;
}

/* The kernel counts in seconds, and from the unit's beginning. */
static void see_idle(const struct kernel_session *s, struct dataplane_statistics *statistics)
{
	uint64_t received, sent, now = clock_now();
	if (s->unit.fd < 0 || !ppp_unit_idle(&s->unit, &received, &sent))
		return;
	uint64_t heard = received < now - s->since ? now - received : 0;
	uint64_t said = sent < now - s->since ? now - sent : 0;
	if (heard > statistics->last_received)
		statistics->last_received = heard;
	statistics->last_active = heard > said ? heard : said;
}

static bool kernel_statistics(
	struct dataplane *d, uint32_t subject, struct dataplane_statistics *statistics)
{
	struct kernel_session *s = kernel_find(d, subject);
	memset(statistics, 0, sizeof(*statistics));
	if (!s || !s->attached)
		return false;
	kernel_count(d, s, &statistics->counters);
	statistics->last_received = s->last_received;
	see_idle(s, statistics);
	return true;
}

static void kernel_describe(struct dataplane *d, struct dataplane_facts *facts)
{
	*facts = (struct dataplane_facts){.workers = 0};
	snprintf(facts->outer, sizeof(facts->outer), "the kernel's PPTP sockets");
	snprintf(facts->cipher, sizeof(facts->cipher), "the kernel's (ppp_mppe)");
	snprintf(facts->offload, sizeof(facts->offload), "none: the kernel's PPP has it not");
	snprintf(facts->steering, sizeof(facts->steering), "not needed");
}

static void kernel_drops(struct dataplane *d, uint64_t drops[DROP_COUNT])
{
	memset(drops, 0,
		DROP_COUNT * sizeof(*drops)); /* what it drops no session's the kernel counts */
}

/* Start and end. */

/* Four descriptors a session. */
static void allow_descriptors(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

void kernel_release(struct dataplane *d)
{
	if (--d->handles)
		return;
	while (d->answers.first)
		backlog_drop_first(&d->answers);
	free(d->sessions);
	free(d);
}

static void on_async_closed(uv_handle_t *handle)
{
	kernel_release(handle->data);
}

static void kernel_stop(struct dataplane *d)
{
	d->stopped = true;
	for (uint32_t i = 0; i < d->config.sessions_max; i++)
		if (d->sessions[i])
			free_session(d, d->sessions[i]);
	kernel_services_end(d);
	netlink_close(d->netlink);
	uv_close((uv_handle_t *)&d->told, on_async_closed);
}

static int prepare(const struct dataplane_config *config, char error[256])
{
	error[0] = '\0';
	if (config->interface_name) {
		snprintf(error, 256,
			"The kernel's PPP has an interface for each session: --interface "
			"per-session, or --data-plane user");
		return -EINVAL;
	}
	return ppp_device_probe(false, error);
}

static int kernel_start(
	struct dataplane **dataplane, const struct dataplane_config *config, char error[256])
{
	assert(config->sessions_max > 0 && config->sessions_max <= SUBJECT_INDEX_MAX);
	int failed = prepare(config, error);
	if (failed)
		return failed;
	allow_descriptors();
	struct dataplane *d = calloc(1, sizeof(*d));
	if (d)
		d->sessions = calloc(config->sessions_max, sizeof(*d->sessions));
	failed = d && d->sessions ? netlink_open(&d->netlink) : -ENOMEM;
	if (failed) {
		snprintf(error, 256, "Couldn't start the data plane: %s", strerror(-failed));
		free(d ? d->sessions : NULL);
		free(d);
		return failed;
	}
	d->config = *config;
	backlog_init(&d->answers);
	uv_async_init(config->loop, &d->told, on_told);
	d->told.data = d;
	d->handles = 1;
	*dataplane = d;
	return 0;
}

const struct dataplane_ops dataplane_kernel = {
	.name = "kernel",
	.start = kernel_start,
	.command = kernel_command,
	.lacks = kernel_lacks,
	.open_interface = kernel_open_interface,
	.moved_inside = kernel_moved_inside,
	.interface = kernel_interface,
	.line = kernel_line,
	.route = kernel_route,
	.statistics = kernel_statistics,
	.describe = kernel_describe,
	.drops = kernel_drops,
	.stop = kernel_stop,
};
