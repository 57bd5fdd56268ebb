/* Sessions by path, both ways: each session knows its path, each path the list of its sessions and
 * the workers that were told of it.
 *
 * A worker hears of a path before the first session that uses it does, and of its end after the
 * last one was detached; both travel in its command ring, so a number never means two paths at
 * once. A session whose path found no room in the table has number 0 and goes by the raw socket. */
#include "dataplane_paths.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "subject.h"

/* A session on its path; links are session indices + 1. */
struct traveller {
	uint32_t path; /* 0: none */
	uint32_t subject;
	uint32_t next, before;
};

struct route_users {
	uint32_t first;   /* session index + 1 */
	uint32_t workers; /* bit n: worker n was told */
	uint16_t mtu;     /* that the sessions were told */
};

static_assert(WORKERS_MAX <= 32, "a mask names every worker");

struct dataplane_paths {
	struct dataplane_paths_config config;
	struct paths *paths;
	struct traveller *travellers; /* by session index */
	struct route_users *users;    /* by path */
};

static void tell_mtu(struct dataplane_paths *p, const struct traveller *t, uint16_t mtu)
{
	struct datapath_command command = {
		.kind = DATAPATH_PATH,
		.subject = t->subject,
		.path = {.index = t->path, .mtu = mtu},
	};
	p->config.tell_session(p->config.context, &command);
}

static void tell_workers(struct dataplane_paths *p, uint32_t index, const struct path *path)
{
	for (uint32_t rest = p->users[index].workers; rest; rest &= rest - 1)
		p->config.tell_path(p->config.context, (unsigned)__builtin_ctz(rest), index, path);
}

static void on_changed(void *context, uint32_t index, const struct path *path)
{
	struct dataplane_paths *p = context;
	struct route_users *users = &p->users[index];
	tell_workers(p, index, path);
	/* Without a route nothing is known of the MTU; what was told is as good as anything. */
	if (path->mtu == users->mtu || path->mtu == 0)
		return;
	users->mtu = path->mtu;
	for (uint32_t at = users->first; at; at = p->travellers[at - 1].next)
		tell_mtu(p, &p->travellers[at - 1], path->mtu);
}

static void tell_worker(
	struct dataplane_paths *p, uint32_t index, unsigned worker, const struct path *path)
{
	struct route_users *users = &p->users[index];
	if (users->workers >> worker & 1)
		return;
	users->workers |= UINT32_C(1) << worker;
	p->config.tell_path(p->config.context, worker, index, path);
}

void dataplane_paths_attach(
	struct dataplane_paths *p, const struct datapath_command *attach, unsigned worker)
{
	uint32_t place = subject_index(attach->subject);
	struct traveller *t = &p->travellers[place];
	struct path path;
	assert(t->path == 0);
	uint32_t index = paths_want(p->paths, &attach->attach.local, &attach->attach.peer, &path);
	if (!index)
		return;
	struct route_users *users = &p->users[index];
	*t = (struct traveller){.path = index, .subject = attach->subject, .next = users->first};
	if (users->first)
		p->travellers[users->first - 1].before = place + 1;
	else
		users->mtu = path.mtu;
	users->first = place + 1;
	tell_worker(p, index, worker, &path);
	tell_mtu(p, t, users->mtu);
}

void dataplane_paths_move(struct dataplane_paths *p, uint32_t subject, unsigned worker)
{
	const struct traveller *t = &p->travellers[subject_index(subject)];
	if (t->path && t->subject == subject)
		tell_worker(p, t->path, worker, paths_known(p->paths, t->path));
}

void dataplane_paths_detach(struct dataplane_paths *p, uint32_t subject)
{
	struct traveller *t = &p->travellers[subject_index(subject)];
	uint32_t index = t->path;
	if (!index || t->subject != subject)
		return;
	struct route_users *users = &p->users[index];
	if (t->before)
		p->travellers[t->before - 1].next = t->next;
	else
		users->first = t->next;
	if (t->next)
		p->travellers[t->next - 1].before = t->before;
	*t = (struct traveller){.path = 0};
	if (!users->first) {
		tell_workers(p, index, NULL);
		*users = (struct route_users){.first = 0};
	}
	paths_drop(p->paths, index);
}

void dataplane_paths_suspect(struct dataplane_paths *p, uint32_t index)
{
	/* It may have come to its end since the worker spoke. */
	if (index <= p->config.sessions_max && p->users[index].first)
		paths_suspect(p->paths, index);
}

void dataplane_paths_close(struct dataplane_paths *p)
{
	if (!p)
		return;
	paths_close(p->paths);
	free(p->travellers);
	free(p->users);
	free(p);
}

int dataplane_paths_open(
	struct dataplane_paths **out, const struct dataplane_paths_config *config, char error[256])
{
	struct dataplane_paths *p = calloc(1, sizeof(*p));
	int failed = -ENOMEM;
	if (p) {
		p->config = *config;
		p->travellers = calloc(config->sessions_max, sizeof(*p->travellers));
		p->users = calloc((size_t)config->sessions_max + 1, sizeof(*p->users));
	}
	if (p && p->travellers && p->users) {
		struct paths_config paths = {.loop = config->loop,
			.count_max = config->sessions_max,
			.changed = on_changed,
			.context = p};
		failed = paths_open(&p->paths, &paths, error);
	} else {
		snprintf(error, 256, "Couldn't keep paths: out of memory");
	}
	if (failed) {
		dataplane_paths_close(p);
		return failed;
	}
	*out = p;
	return 0;
}
