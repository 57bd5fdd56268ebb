/* The kernel's data plane with the user's beside it (see planes.h).
 *
 * A move is two things: the kernel is told DETACH, and the user plane is told what the session was
 * told so far (planes_past.c). Frames the kernel had read by then still come up. When it has let go
 * of the session, and with it of the interface's name, the owner hears DATAPLANE_MOVED and makes a
 * TUN; until both planes have let go a slot is not free.
 *
 * RFC 2637 §4.4 lets a sender leave numbers out, so the GRE sequence goes on behind the frames and
 * packets that the kernel was given: a number sent twice would be dropped as a copy. */
#include "planes.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "planes_past.h"
#include "subject.h"

enum { KERNEL, USER, PARTS };

enum news { NEWS_NONE, NEWS_MOVED, NEWS_UNABLE };

struct slot {
	uint32_t subject; /* 0: none; one whose interface is there need not be attached yet */
	bool user;        /* whose it is, else the kernel's */
	bool attached, detaching;
	bool up;           /* its network was: keys and histories are where they are */
	bool owed[PARTS];  /* a DETACHED by this one */
	enum news news;    /* to be told with the next DETACHED */
	char why[256];     /* of that */
	struct past *past; /* NULL: it cannot move */
	struct datapath_counters counters; /* at the end */
};

struct dataplane {
	const struct dataplane_ops *ops[PARTS];
	struct dataplane *part[PARTS]; /* the user's: NULL until the first session moves */
	struct dataplane_config config;
	struct slot *slots;
	uv_idle_t life; /* never started: its end is when the loop has run once more */
};

static void on_user_event(void *context, const struct dataplane_event *event);

static struct slot *slot_at(struct dataplane *d, uint32_t subject)
{
	assert(subject_index(subject) < d->config.sessions_max);
	return &d->slots[subject_index(subject)];
}

/* Attached, and not about to end. */
static struct slot *slot_of(struct dataplane *d, uint32_t subject)
{
	struct slot *slot = slot_at(d, subject);
	return slot->subject == subject && slot->attached && !slot->detaching ? slot : NULL;
}

static unsigned part_of(const struct slot *slot)
{
	return slot->user ? USER : KERNEL;
}

static void tell(struct dataplane *d, unsigned part, const struct datapath_command *command,
	const uint8_t *frame)
{
	d->ops[part]->command(d->part[part], command, frame);
}

static void tell_user(void *context, const struct datapath_command *command)
{
	tell(context, USER, command, NULL);
}

static void detach_from(struct dataplane *d, struct slot *slot, unsigned part)
{
	struct datapath_command detach = {.kind = DATAPATH_DETACH, .subject = slot->subject};
	if (!slot->owed[part])
		tell(d, part, &detach, NULL);
	slot->owed[part] = true;
}

static void drop_past(struct slot *slot)
{
	if (slot->past)
		past_wipe(slot->past);
	free(slot->past);
	slot->past = NULL;
}

/* Of the next packet: the kernel's first is 1. */
static uint32_t next_sequence(struct dataplane *d, const struct slot *slot)
{
	struct dataplane_statistics seen;
	uint64_t sent = slot->past->frames;
	if (sent && d->ops[KERNEL]->statistics(d->part[KERNEL], slot->subject, &seen) &&
		seen.counters.gre_tx > sent)
		sent = seen.counters.gre_tx;
	return sent ? (uint32_t)sent + 1 : 0;
}

/* What neither plane can do. */
static void give_up(struct dataplane *d, struct slot *slot, const char *why)
{
	snprintf(slot->why, sizeof(slot->why), "%s", why);
	slot->news = NEWS_UNABLE;
	detach_from(d, slot, part_of(slot));
	drop_past(slot);
}

/* Only now: its sockets see all GRE of this host, which is the kernel's as a rule. */
static int start_user(struct dataplane *d, char error[256])
{
	struct dataplane_config config = d->config;
	if (d->part[USER])
		return 0;
	config.context = d;
	config.event = on_user_event;
	config.outer = OUTER_RAW; /* for the few */
	int failed = d->ops[USER]->start(&d->part[USER], &config, error);
	if (failed)
		d->part[USER] = NULL;
	return failed;
}

static void move(struct dataplane *d, struct slot *slot, const char *why)
{
	char error[256] = "";
	if (!slot->past || slot->up || start_user(d, error) < 0) {
		char both[256];
		snprintf(both, sizeof(both), "%.120s%s%.120s", why, *error ? "; " : "", error);
		give_up(d, slot, both);
		return;
	}
	uint32_t sequence = next_sequence(d, slot);
	snprintf(slot->why, sizeof(slot->why), "%s", why);
	slot->news = NEWS_MOVED;
	detach_from(d, slot, KERNEL);
	slot->user = true;
	past_tell(slot->past, sequence, tell_user, d);
	drop_past(slot);
}

/* A bundle and its links are at one plane. */
static void stay_together(struct dataplane *d, struct slot *link, uint32_t subject)
{
	struct slot *bundle = slot_of(d, subject);
	if (!bundle || bundle->user == link->user)
		return;
	if (bundle->user)
		move(d, link, "its bundle is there");
	else if (bundle->up)
		give_up(d, link, "its bundle is at the kernel's data plane");
	else
		move(d, bundle, "a link of it is there");
}

static void attach(struct dataplane *d, const struct datapath_command *command)
{
	struct slot *slot = slot_at(d, command->subject);
	assert(command->subject != 0 && !slot->attached);
	if (slot->subject != command->subject)
		*slot = (struct slot){.subject = command->subject};
	slot->attached = true;
	slot->past = calloc(1, sizeof(*slot->past));
}

static void follow(struct dataplane *d, struct slot *slot, const struct datapath_command *command)
{
	if (command->kind == DATAPATH_EPOCH)
		slot->up = false;
	if (command->kind == DATAPATH_NETWORK)
		slot->up |= command->network.ipv4 || command->network.ipv6;
	if (slot->past)
		past_add(slot->past, command);
}

static void planes_command(
	struct dataplane *d, const struct datapath_command *command, const uint8_t *frame)
{
	if (command->kind == DATAPATH_ATTACH)
		attach(d, command);
	struct slot *slot = slot_of(d, command->subject);
	if (command->kind == DATAPATH_DETACH && slot) {
		slot->detaching = true;
		detach_from(d, slot, part_of(slot));
		return;
	}
	if (!slot && command->kind == DATAPATH_DETACH && !slot_at(d, command->subject)->detaching)
		tell(d, KERNEL, command, NULL); /* for the answer */
	if (!slot)
		return;
	if (command->kind == DATAPATH_BUNDLE)
		stay_together(d, slot, command->bundle.subject);
	const char *why =
		slot->user ? NULL : d->ops[KERNEL]->lacks(d->part[KERNEL], command, frame);
	if (command->kind == DATAPATH_ATTACH && command->attach.line && !d->ops[KERNEL]->line)
		why = "its line is not the kernel's";
	if (why && slot->news != NEWS_UNABLE)
		move(d, slot, why);
	if (slot->news == NEWS_UNABLE)
		return;
	follow(d, slot, command);
	tell(d, part_of(slot), command, frame);
}

/* ---- events ---- */

static void say(struct dataplane *d, const struct dataplane_event *event)
{
	d->config.event(d->config.context, event);
}

/* This plane has let the session go. */
static void let_go(
	struct dataplane *d, struct slot *slot, unsigned part, const struct dataplane_event *event)
{
	slot->owed[part] = false;
	if (part == part_of(slot) && event->counters)
		slot->counters = *event->counters;
	if (slot->owed[KERNEL] || slot->owed[USER])
		return;
	struct dataplane_event told = {.subject = slot->subject, .why = slot->why};
	struct slot last = *slot;
	if (slot->detaching) {
		told.kind = DATAPLANE_DETACHED;
		told.counters = &last.counters;
		drop_past(slot);
		*slot = (struct slot){.subject = 0};
		say(d, &told);
		return;
	}
	told.kind = slot->news == NEWS_MOVED ? DATAPLANE_MOVED : DATAPLANE_UNABLE;
	if (slot->news == NEWS_MOVED)
		slot->news = NEWS_NONE;
	told.why = last.why;
	say(d, &told);
}

/* What the kernel refused shows when it is tried. */
static void cannot(struct dataplane *d, struct slot *slot, const char *why)
{
	if (!slot->user && slot->attached && !slot->detaching && slot->news == NEWS_NONE)
		move(d, slot, why);
}

static void on_event(struct dataplane *d, unsigned part, const struct dataplane_event *event)
{
	struct slot *slot = event->subject ? slot_at(d, event->subject) : NULL;
	if (!slot || slot->subject != event->subject)
		say(d, event);
	else if (event->kind == DATAPLANE_DETACHED)
		let_go(d, slot, part, event);
	else if (event->kind == DATAPLANE_UNABLE && part == KERNEL)
		cannot(d, slot, event->why);
	/* What the kernel had read when it was told to let go is still heard. */
	else if (part == part_of(slot) || event->kind == DATAPLANE_CONTROL)
		say(d, event);
}

static void on_kernel_event(void *context, const struct dataplane_event *event)
{
	on_event(context, KERNEL, event);
}

static void on_user_event(void *context, const struct dataplane_event *event)
{
	on_event(context, USER, event);
}

/* ---- the rest ---- */

static int planes_interface(struct dataplane *d, uint32_t subject, int fd)
{
	struct slot *slot = slot_of(d, subject);
	unsigned part = slot ? part_of(slot) : KERNEL;
	return slot ? d->ops[part]->interface(d->part[part], subject, fd) : -ENOENT;
}

static void planes_moved_inside(struct dataplane *d, uint32_t subject, unsigned link)
{
	struct slot *slot = slot_at(d, subject);
	if (slot->subject == subject && !slot->user)
		d->ops[KERNEL]->moved_inside(d->part[KERNEL], subject, link);
}

static int planes_line(struct dataplane *d, uint32_t subject, struct line *line)
{
	struct slot *slot = slot_of(d, subject);
	unsigned part = slot ? part_of(slot) : KERNEL;
	int failed = slot && d->ops[part]->line ? d->ops[part]->line(d->part[part], subject, line)
						: -ENOENT;
	if (!failed || !slot || slot->user)
		return failed;
	move(d, slot, "its line is no tty of the kernel's PPP");
	return slot->user ? d->ops[USER]->line(d->part[USER], subject, line) : failed;
}

static int planes_open_interface(struct dataplane *d, uint32_t subject, const char *wanted,
	int kept, char name[16], char error[256])
{
	struct slot *slot = slot_at(d, subject);
	if (slot->subject == subject && slot->user)
		return -EOPNOTSUPP;
	if (slot->subject != subject) {
		assert(!slot->attached);
		*slot = (struct slot){.subject = subject};
	}
	return d->ops[KERNEL]->open_interface(d->part[KERNEL], subject, wanted, kept, name, error);
}

static bool planes_route(
	struct dataplane *d, uint32_t subject, const struct prefix *network, bool add)
{
	struct slot *slot = slot_of(d, subject);
	unsigned part = slot ? part_of(slot) : KERNEL;
	return d->ops[part]->route(d->part[part], subject, network, add);
}

static bool planes_statistics(
	struct dataplane *d, uint32_t subject, struct dataplane_statistics *statistics)
{
	struct slot *slot = slot_at(d, subject);
	unsigned part = part_of(slot);
	return slot->subject == subject && slot->news != NEWS_UNABLE &&
	       d->ops[part]->statistics(d->part[part], subject, statistics);
}

static void planes_describe(struct dataplane *d, struct dataplane_facts *facts)
{
	d->ops[KERNEL]->describe(d->part[KERNEL], facts);
}

static void planes_drops(struct dataplane *d, uint64_t drops[DROP_COUNT])
{
	uint64_t more[DROP_COUNT] = {0};
	d->ops[KERNEL]->drops(d->part[KERNEL], drops);
	if (d->part[USER])
		d->ops[USER]->drops(d->part[USER], more);
	for (unsigned i = 0; i < DROP_COUNT; i++)
		drops[i] += more[i];
}

static void planes_capture(struct dataplane *d, dataplane_tap *tap, void *context)
{
	for (unsigned part = 0; part < PARTS; part++)
		if (d->part[part] && d->ops[part]->capture)
			d->ops[part]->capture(d->part[part], tap, context);
}

static void on_closed(uv_handle_t *handle)
{
	struct dataplane *d = handle->data;
	for (uint32_t i = 0; i < d->config.sessions_max; i++)
		drop_past(&d->slots[i]);
	free(d->slots);
	free(d);
}

static void planes_stop(struct dataplane *d)
{
	for (unsigned part = 0; part < PARTS; part++)
		if (d->part[part])
			d->ops[part]->stop(d->part[part]);
	uv_close((uv_handle_t *)&d->life, on_closed);
}

int planes_start(struct dataplane **dataplane, const struct planes_parts *parts,
	const struct dataplane_config *config, char error[256])
{
	struct dataplane *d = calloc(1, sizeof(*d));
	struct slot *slots = calloc(config->sessions_max, sizeof(*slots));
	if (!d || !slots) {
		free(d);
		free(slots);
		snprintf(error, 256, "Couldn't start the data plane: out of memory");
		return -ENOMEM;
	}
	*d = (struct dataplane){
		.ops = {parts->kernel, parts->user}, .config = *config, .slots = slots};
	struct dataplane_config part = *config;
	part.context = d;
	part.event = on_kernel_event;
	int failed = d->ops[KERNEL]->start(&d->part[KERNEL], &part, error);
	if (failed) {
		free(slots);
		free(d);
		return failed;
	}
	uv_idle_init(config->loop, &d->life);
	d->life.data = d;
	*dataplane = d;
	return 0;
}

static int start_both(
	struct dataplane **dataplane, const struct dataplane_config *config, char error[256])
{
	static const struct planes_parts parts = {&dataplane_kernel, &dataplane_user};
	return planes_start(dataplane, &parts, config, error);
}

const struct dataplane_ops dataplane_planes = {
	.name = "kernel",
	.start = start_both,
	.command = planes_command,
	.open_interface = planes_open_interface,
	.moved_inside = planes_moved_inside,
	.interface = planes_interface,
	.line = planes_line,
	.route = planes_route,
	.statistics = planes_statistics,
	.describe = planes_describe,
	.drops = planes_drops,
	.capture = planes_capture,
	.stop = planes_stop,
};
