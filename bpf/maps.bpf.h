/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps, the settings that the loader writes before it loads, and the way of a record into the ring. */
#ifndef CANOPY_BPF_MAPS_H
#define CANOPY_BPF_MAPS_H

#include "canopy/event.h"
#include "read.bpf.h"

/* Settings: written by the loader, constant to the verifier, so that what does not exist in a kernel is cut out there. */
const volatile uint32_t argv_max = EVENT_ARGV_MAX;
const volatile uint32_t environ_max = 0; /* of the environment; 0 = it is not read at all */
const volatile uint32_t page_bytes = 4096;
const volatile uint32_t wake_bytes = 0;           /* fill of the ring from which on the reader is woken by force */
const volatile uint32_t snapshot_slot = 0;        /* number of CPUs */
const volatile bool cgroup_v1 = false;             /* the pids controller is on a hierarchy of its own */
const volatile bool exit_tells_group_dead = false; /* sched_process_exit has its second argument (6.16) */
const volatile bool counts_from_sight = false;     /* execs of processes whose fork nobody saw; see proc_refill */
const volatile bool doubled = false;               /* each hook is attached twice; see second.bpf.h */
const volatile uint32_t copy = 0;                  /* 1 in the second copy */

/* Others had attached to sched_process_exec by way of perf before: so the second copy there is called ahead of the first one. */
volatile bool called_first = false;
volatile bool execs_noted = false; /* set by the loader: note_exec is attached */

volatile uint64_t loss_epoch = 0; /* begun anew by the reader after each look at the counts */

/* What the task itself does not tell for its whole life. Found by find_current_proc(). */
struct proc_entry {
	uint64_t start_ns;
	uint64_t creator_start_ns;
	uint64_t exec_base; /* self_exec_id at fork: execs are counted from here */
	uint32_t creator_tgid;
	uint32_t reserved;
};

/* Copied into a fresh entry: a map value on the stack would cost a memset on every fork. */
static const volatile struct proc_entry zero_entry = {};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768); /* the loader sets it */
	__type(key, uint32_t);      /* tgid */
	__type(value, struct proc_entry);
} proc_cache SEC(".maps");

struct process_id {
	uint64_t start_ns;
	uint32_t tgid;
	uint32_t reserved;
};

/* Who ended lately: two threads can both see signal->live == 0, the first to insert reports. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct process_id);
	__type(value, uint32_t);
} ended SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 * 1024 * 1024); /* the loader sets it */
} ring SEC(".maps");

/* A row for each type and copy: a count has one writer at a time on a CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, EVENT_COPIES * EVENT_TYPES);
	__type(key, uint32_t);
	__type(value, struct event_count);
} counts SEC(".maps");

INLINE uint32_t copy_row(uint32_t type)
{
	return copy * EVENT_TYPES + type;
}

/* Marks of what the first copy was called for, by their upper bits: as many as keep two that meet in a slot rare. */
#define MARKS_BITS 13
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << MARKS_BITS); /* the loader lowers it where there is one copy */
	__type(key, uint32_t);
	__type(value, uint64_t);
} marks SEC(".maps");

/* An exec on its way, which the kernel hands to typed programs alone: noted for the steady one, by the upper bits of its mark. */
#define NOTED_BITS 10
struct noted_exec {
	uint64_t mark;
	struct linux_binprm *bprm;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << NOTED_BITS); /* the loader lowers it where there is one copy */
	__type(key, uint32_t);
	__type(value, struct noted_exec);
} noted SEC(".maps");

/* A record in the making. Each program has drafts of its own: the kernel never runs one program twice at a time on a CPU
 * (it counts a recursion miss instead), but from 7.0 on another program may well run in between. */
#define CGROUP_DEPTH_MAX 32 /* levels; deeper paths keep their tail */

struct draft {
	uint32_t at; /* bytes of the record written so far; in memory, or else each way through the code is verified anew */
	uint32_t slot;    /* this draft among its like */
	uint64_t depth;   /* names noted; likewise */
	const char *names[CGROUP_DEPTH_MAX];
	struct event event;
};

/* A path on its way to its root; see path.bpf.h. */
struct walk {
	struct path from, root;
	struct dentry *dentry;
	struct vfsmount *mount;
	struct dentry *mount_root;
	uint32_t path_at; /* where the path begins by now */
	uint32_t appended; /* bytes that it took in the record */
};

/* Slack behind the text lets the verifier see that a bounded write from any allowed place stays inside. */
#define SMALL_TEXT_BYTES (EVENT_CONTEXT_TEXT_MAX + 512)
#define LARGE_TEXT_BYTES (EVENT_TEXT_MAX + 512)

/* What the threads of a process used. */
struct usage {
	uint64_t utime, stime, runtime, read, written, cancelled;
};

struct small_draft { /* fork, exit */
	struct usage usage;
	struct draft draft;
	char text[SMALL_TEXT_BYTES];
};

struct large_draft { /* exec, snapshot */
	struct walk walk;
	struct draft draft;
	char text[LARGE_TEXT_BYTES];
	char path[2 * EVENT_PATH_MAX]; /* a path is built backwards in the first half; the second is the verifier's slack */
};

#define SMALL_ROOM ((uint32_t)(sizeof(struct event) + SMALL_TEXT_BYTES))
#define LARGE_ROOM ((uint32_t)(sizeof(struct event) + LARGE_TEXT_BYTES))

enum small_slot { SMALL_FORK, SMALL_EXIT, SMALL_SLOTS };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, EVENT_COPIES * SMALL_SLOTS);
	__type(key, uint32_t);
	__type(value, struct small_draft);
} small_drafts SEC(".maps");

INLINE struct small_draft *small_draft(uint32_t slot)
{
	slot += copy * SMALL_SLOTS;
	return bpf_map_lookup_elem(&small_drafts, &slot);
}

/* For exec indexed by CPU, since a value of a per-CPU map is bounded at 32 KiB; one more for the snapshot, and behind it those of
 * the second copy. The loader sets the number, by that of possible CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct large_draft);
} large_drafts SEC(".maps");

INLINE struct large_draft *large_draft(uint32_t slot)
{
	return bpf_map_lookup_elem(&large_drafts, &slot);
}

INLINE struct draft *draft_begin(struct draft *draft, uint32_t type)
{
	__builtin_memset(&draft->event, 0, sizeof(draft->event));
	draft->at = sizeof(draft->event);
	draft->event.type = type;
	draft->event.time_ns = bpf_ktime_get_boot_ns();
	return draft;
}

/* Appends len bytes at from, at most max, a constant. room is the constant size of record and text. */
INLINE uint32_t draft_append(struct draft *draft, uint32_t room, const void *from, uint64_t len, uint32_t max)
{
	uint64_t at = draft->at;

	if (BEYOND(at, room - max) || BEYOND(len, max))
		return 0;
	if (bpf_probe_read_kernel((char *)&draft->event + at, len, from))
		return 0;
	draft->at = at + len;
	return len;
}

INLINE void date_loss(struct event_count *count)
{
	uint64_t now = bpf_ktime_get_boot_ns();

	if (count->epoch != loss_epoch) {
		count->epoch = loss_epoch;
		count->first_ns = now;
	}
	count->last_ns = now;
}

/* A record that could not even be built. */
INLINE void count_failure(uint32_t type)
{
	uint32_t row = copy_row(type);
	struct event_count *count = bpf_map_lookup_elem(&counts, &row);

	if (!count)
		return;
	date_loss(count);
	count->failed++;
}

/* The kernel wakes the reader by itself when it had caught up. Behind that it is silent, except that passing the fill
 * level wakes once more; the window is wide enough for a few records, so that CPUs that pass together do not miss it. */
#define WAKE_WINDOW_BYTES 16384u

INLINE void draft_submit(struct draft *draft, uint32_t room)
{
	uint32_t row = copy_row(draft->event.type);
	struct event_count *count = bpf_map_lookup_elem(&counts, &row);
	uint64_t flags = 0, size = draft->at;

	if (!count || BEYOND(size, room)) {
		count_failure(draft->event.type);
		return;
	}
	draft->event.size = size;
	if (bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) - wake_bytes < WAKE_WINDOW_BYTES)
		flags = BPF_RB_FORCE_WAKEUP;
	if (bpf_ringbuf_output(&ring, &draft->event, size, flags)) {
		date_loss(count);
		count->lost++;
	} else {
		count->submitted++;
	}
}

#endif
