/* SPDX-License-Identifier: Apache-2.0 */
/* Random but possible histories of a few hosts, as one or two sensors of each would tell them: forks (by CLONE_PARENT
 * too), execs, setsid, exits, orphans taken over by subreapers and pid 1, pid reuse, snapshots with their marks,
 * zombies, parents known by tgid alone, dying processes that have lost their namespaces, gaps, a reboot. Everything
 * follows from a seed. */
#ifndef TEST_FOREST_HISTORY_H
#define TEST_FOREST_HISTORY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "canopy/fact.h"
#include "proto/wire/message.h"

#define HISTORY_HOSTS 3u
#define HISTORY_STEPS 300u
#define HISTORY_ITEMS_MAX 20000u
#define HISTORY_PROCESSES_MAX 256u
#define HISTORY_PIDS 40u /* few, so that pids are reused */

enum item_type { ITEM_FACT, ITEM_GAP, ITEM_MARK, ITEM_HELLO };

struct item {
	enum item_type type;
	unsigned host;
	int64_t offset; /* boottime to wall */
	struct fact fact;
	struct gap gap;
	struct snapshot_mark mark;
	struct hello hello;
};

struct actor {
	struct process_key key, parent, creator, reaper;
	uint32_t pgid, sid, seq, seq_late; /* seq_late: as a sensor counts that came in the middle */
	unsigned program;
	bool alive, subreaper;
};

struct truth {
	unsigned host;
	struct process_key key;
	uint32_t ppid;
};

struct history {
	uint64_t random;
	struct item *items;
	size_t count;
	struct actor actors[HISTORY_PROCESSES_MAX];
	size_t actor_count;
	uint64_t now;
	unsigned host;
	bool two_sensors;
	bool hides_init; /* snapshots leave pid 1 out, as was seen on one kernel: its children alone speak of it */
	struct truth truths[HISTORY_HOSTS * HISTORY_PROCESSES_MAX]; /* of who is alive at the end */
	size_t truth_count;
	int64_t offset;
};

/* The clock runs a little off, and is set back an hour in the middle. */
static inline int64_t history_drift(const struct history *h)
{
	return (int64_t)(h->now / 1000000000) - (h->host == 1 && h->now > 1300000000 ? 3600000000000ll : 0);
}

/* The last host is a later boot of the one before it, or (by its seed) a clone that runs at the same time. */
static inline int64_t history_offset(const struct history *h)
{
	return 1700000000000000000ll + (h->host == HISTORY_HOSTS - 1 && h->random % 2 ? 3600000000000ll : 0);
}

static inline uint64_t history_random(struct history *h, uint64_t below)
{
	h->random ^= h->random << 13;
	h->random ^= h->random >> 7;
	h->random ^= h->random << 17;
	return h->random % below;
}

static const struct fact_context history_dying = {.uid = 1000, .user = {"ada", 3}, .ns_user = 5};
static const struct fact_context history_contexts[3] = {
    {.uid = 0, .cgroup = {"/", 1}, .user = {"root", 4}, .ns_mnt = 1},
    {.uid = 1000, .cgroup = {"/user.slice", 11}, .user = {"ada", 3}, .ns_mnt = 1},
    {.uid = 1000, .cgroup = {"/user.slice", 11}, .user = {"ada", 3}, .ns_mnt = 2},
};
static const char *const history_programs[4] = {"/bin/sh", "/usr/bin/make", "/usr/bin/cc", "/usr/bin/env"};

static inline struct item *history_item(struct history *h, enum item_type type)
{
	struct item *item = &h->items[h->count++];

	if (h->count >= HISTORY_ITEMS_MAX)
		abort();
	*item = (struct item){.type = type, .host = h->host, .offset = h->offset + history_drift(h)};
	return item;
}

static inline void history_add(struct history *h, enum fact_type type, const struct actor *a, uint64_t time,
			       uint32_t seq)
{
	const char *program = history_programs[a->program];
	struct fact *fact = &history_item(h, ITEM_FACT)->fact;

	*fact = (struct fact){
	    .type = type,
	    .time_ns = time,
	    .self = a->key,
	    .parent = a->parent,
	    .creator = type == FACT_SNAPSHOT ? (struct process_key){0} : a->creator,
	    .tid = a->key.tgid,
	    .ns_tgid = a->key.tgid,
	    .pgid = a->pgid,
	    .sid = a->sid,
	    .exec_seq = seq,
	    .comm = bytes_from_string(program + 5),
	    .context = &history_contexts[a->key.start_ns % 3],
	};
	if (type == FACT_EXEC || type == FACT_SNAPSHOT) {
		fact->flags = FACT_EXE_KNOWN | FACT_ARGV_KNOWN;
		fact->exe = bytes_from_string(program);
		fact->argv = bytes_make(program, strlen(program) + 1);
		fact->argv_bytes = fact->argv.len;
		fact->exe_inode = 100 + a->program;
	}
	if (type == FACT_SNAPSHOT && history_random(h, 8) == 0)
		fact->parent.start_ns = 0; /* from /proc */
	if (type == FACT_EXIT && history_random(h, 2)) {
		fact->context = &history_dying;
		fact->pgid = fact->sid = 0;
	}
	if (type == FACT_EXEC && history_random(h, 8) == 0) {
		fact->flags |= FACT_ARGV_TRUNCATED;
		fact->argv_bytes = 100000 + history_random(h, 1000);
	}
	if (type == FACT_EXEC && history_random(h, 8) == 0)
		fact->environ_ = BYTES_LITERAL("LANG=C\0TERM=xterm");
	if (type == FACT_EXIT)
		fact->exit = (struct fact_exit){.code = (int32_t)(a->key.start_ns % 5),
						.max_rss_bytes = 4096,
						.read_bytes = UINT64_MAX,
						.written_bytes = UINT64_MAX,
						.reaper = a->reaper};
}

/* What one or two sensors say of one thing that happened. */
static inline void history_tell(struct history *h, enum fact_type type, const struct actor *a)
{
	history_add(h, type, a, h->now, a->seq);
	if (h->two_sensors)
		history_add(h, type, a, h->now + 1 + history_random(h, 20000), a->seq_late);
}

static inline struct actor *history_pick(struct history *h)
{
	for (unsigned tries = 0; tries < 64; tries++) {
		struct actor *a = &h->actors[history_random(h, h->actor_count)];

		if (a->alive)
			return a;
	}
	return &h->actors[0]; /* pid 1 never ends */
}

static inline bool history_pid_in_use(const struct history *h, uint32_t pid)
{
	for (size_t i = 0; i < h->actor_count; i++) {
		if (h->actors[i].alive && h->actors[i].key.tgid == pid)
			return true;
	}
	return false;
}

static inline void history_fork(struct history *h)
{
	struct actor *parent = history_pick(h), *child;
	uint32_t pid = 2 + (uint32_t)history_random(h, HISTORY_PIDS);

	if (h->actor_count == HISTORY_PROCESSES_MAX || history_pid_in_use(h, pid))
		return;
	child = &h->actors[h->actor_count++];
	*child = *parent;
	child->key = (struct process_key){h->now, pid};
	child->parent = child->creator = parent->key;
	if (history_random(h, 8) == 0)
		child->parent = parent->parent; /* CLONE_PARENT */
	child->seq = child->seq_late = 0;
	child->alive = true;
	child->subreaper = history_random(h, 5) == 0;
	h->now += 1000;
	history_tell(h, FACT_FORK, child);
}

static inline void history_exec(struct history *h)
{
	struct actor *a = history_pick(h);

	a->program = (unsigned)history_random(h, 4);
	a->seq++;
	a->seq_late++;
	if (history_random(h, 4) == 0)
		a->pgid = a->sid = a->key.tgid;
	history_tell(h, FACT_EXEC, a);
}

static inline struct actor *history_find(struct history *h, struct process_key key)
{
	for (size_t i = 0; i < h->actor_count; i++) {
		if (process_key_equal(h->actors[i].key, key))
			return &h->actors[i];
	}
	return &h->actors[0];
}

/* As the kernel chooses: the nearest ancestor that is a subreaper, else pid 1. */
static inline struct process_key history_reaper(struct history *h, const struct actor *a)
{
	do
		a = history_find(h, a->parent);
	while (a->key.tgid != 1 && !a->subreaper);
	return a->key;
}

static inline void history_orphan(struct history *h, const struct actor *dead, struct process_key reaper)
{
	for (size_t i = 0; i < h->actor_count; i++) {
		if (h->actors[i].alive && process_key_equal(h->actors[i].parent, dead->key))
			h->actors[i].parent = reaper;
	}
}

static inline void history_exit(struct history *h)
{
	struct actor *a = history_pick(h);

	if (a->key.tgid == 1)
		return;
	a->alive = false;
	a->reaper = history_reaper(h, a);
	history_tell(h, FACT_EXIT, a);
	history_orphan(h, a, a->reaper);
}

static inline void history_snapshot(struct history *h)
{
	uint64_t begin = h->now;
	size_t lost = history_random(h, 3) ? SIZE_MAX : history_random(h, h->actor_count);

	for (size_t i = 0; i < h->actor_count; i++) {
		/* now and then a process ends unseen: its exit was lost, the snapshot does not list it */
		if (i == lost && i && h->actors[i].alive) {
			h->actors[i].alive = false;
			history_orphan(h, &h->actors[i], history_reaper(h, &h->actors[i]));
		}
		if (!h->actors[i].alive || (i == 0 && h->hides_init))
			continue;
		h->now += 1000;
		history_add(h, FACT_SNAPSHOT, &h->actors[i], h->now, h->actors[i].seq);
		h->actors[i].seq_late = 0;              /* the second sensor starts anew here */
		if (i && history_random(h, 100) == 0) { /* dead, not reaped; its exit may be told all the same */
			h->items[h->count - 1].fact.flags = FACT_ZOMBIE;
			h->actors[i].alive = false;
			history_orphan(h, &h->actors[i], history_reaper(h, &h->actors[i]));
		}
	}
	h->now += 1000;
	history_item(h, ITEM_MARK)->mark = (struct snapshot_mark){begin, h->now};
}

static inline void history_gap(struct history *h)
{
	history_item(h, ITEM_GAP)->gap = (struct gap){.type = FACT_EXEC,
						      .reason = GAP_RING_FULL,
						      .from_ns = h->now - 1000,
						      .to_ns = h->now,
						      .count = 1 + history_random(h, 5)};
}

static inline void history_hello(struct history *h)
{
	struct hello *hello = &history_item(h, ITEM_HELLO)->hello;

	*hello = (struct hello){.hostname = bytes_from_string(h->host ? "web" : "db"),
				.kernel = BYTES_LITERAL("6.1"),
				.arch = BYTES_LITERAL("x86_64"),
				.sensor_version = BYTES_LITERAL("1"),
				.boottime_ns = h->now,
				.boottime_to_wall_ns = h->offset};
	hello->machine_id[0] = (uint8_t)(h->host == HISTORY_HOSTS - 1 ? h->host : h->host + 1);
	hello->machine_id_known = true;
}

static inline void history_step(struct history *h)
{
	h->now += 2000000; /* things of one process are milliseconds apart */
	switch (history_random(h, 40)) {
	case 0:
		history_snapshot(h);
		break;
	case 1:
		history_gap(h);
		break;
	case 2:
		history_hello(h);
		break;
	default:
		(h->random % 7 < 3 ? history_fork : h->random % 7 < 5 ? history_exec : history_exit)(h);
	}
}

static inline void history_remember(struct history *h)
{
	for (size_t i = 1; i < h->actor_count; i++) {
		if (h->actors[i].alive)
			h->truths[h->truth_count++] =
			    (struct truth){h->host, h->actors[i].key, h->actors[i].parent.tgid};
	}
}

/* The caller frees h->items. */
static inline void history_make(struct history *h, uint64_t seed)
{
	*h = (struct history){.random = seed * 2654435761u + 88172645463325252ull};
	h->items = calloc(HISTORY_ITEMS_MAX, sizeof(*h->items));
	if (!h->items)
		abort();
	for (h->host = 0; h->host < HISTORY_HOSTS; h->host++) {
		h->now = 1000000000;
		h->offset = history_offset(h);
		h->two_sensors = history_random(h, 2);
		h->hides_init = history_random(h, 4) == 0;
		h->actor_count = 1;
		h->actors[0] = (struct actor){.key = {1000, 1}, .pgid = 1, .sid = 1, .alive = true};
		history_hello(h);
		for (unsigned i = 0; i < HISTORY_STEPS; i++)
			history_step(h);
		history_remember(h);
	}
}

#endif
