/* SPDX-License-Identifier: GPL-2.0-only */
/* Who takes over the children of a process whose last thread ends. The kernel hands them over some instants later, in
 * forget_original_parent(), without an event of its own, so the choice is foreseen here by the rule of find_new_reaper(): the
 * nearest ancestor in the same pid namespace that is a subreaper and lives, else the init of that namespace. */
#ifndef CANOPY_BPF_REAPER_H
#define CANOPY_BPF_REAPER_H

#include "task.bpf.h"

/* Ancestors looked at. Subreapers are session managers and container shims, near their children; where the bound ends the search,
 * nothing is told. */
#define REAPER_DEPTH_MAX 64

/* Each thread has a list of the children that it made. Threads that ended have handed theirs to another one, but one that ends at this
 * very moment may not have come to that: only of a single thread the empty list says that there are no children. */
INLINE bool has_children(enum way way, struct task_struct *task, struct signal_struct *signal)
{
	uint64_t list = (uint64_t)task + bpf_core_field_offset(struct task_struct, children);

	return GET(way, signal, nr_threads) > 1 || (uint64_t)GET(way, task, children.next) != list;
}

INLINE uint32_t pid_level(enum way way, struct task_struct *task)
{
	struct pid *pid = GET(way, task, thread_pid);

	return pid ? GET(way, pid, level) : PID_LEVEL_MAX + 1;
}

/* The namespace's own init; NULL where it cannot be read. */
INLINE struct task_struct *namespace_init(struct task_struct *task, uint64_t level)
{
	struct pid *pid = GET(PROBED, task, thread_pid);
	uint64_t place = (uint64_t)pid + bpf_core_field_offset(struct pid, numbers);
	struct upid upid = {};
	struct pid_namespace *ns;

	PIN(level);
	if (level > PID_LEVEL_MAX)
		return NULL;
	place += level * bpf_core_type_size(struct upid);
	if (bpf_probe_read_kernel(&upid, sizeof(upid), (const void *)place))
		return NULL;
	ns = upid.ns;
	return GET(PROBED, ns, child_reaper);
}

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpointer-arith" /* of libbpf's macro */
INLINE bool is_subreaper(struct signal_struct *signal)
{
	return BPF_CORE_READ_BITFIELD_PROBED(signal, is_child_subreaper);
}

INLINE bool below_subreaper(struct signal_struct *signal)
{
	return BPF_CORE_READ_BITFIELD_PROBED(signal, has_child_subreaper);
}
#pragma clang diagnostic pop

/* The nearest living subreaper above task; NULL = none. *ret_known is false where the bound ended the search. */
INLINE struct task_struct *nearest_subreaper(struct task_struct *task, uint32_t level, bool *ret_known)
{
	struct task_struct *ancestor = task;
	struct signal_struct *signal;

	for (int i = 0; i < REAPER_DEPTH_MAX; i++) {
		ancestor = GET(PROBED, ancestor, real_parent);
		if (!ancestor || GET(PROBED, ancestor, pid) == 0 || pid_level(PROBED, ancestor) != level)
			return NULL;
		signal = GET(PROBED, ancestor, signal);
		if (is_subreaper(signal) && GET(PROBED, signal, live.counter) > 0)
			return ancestor;
	}
	*ret_known = false;
	return NULL;
}

/* Few processes end before their children, so the helpers' price of reading by probe does not count here. */
INLINE void fill_reaper(enum way way, struct event *event, struct task_struct *task, struct signal_struct *signal)
{
	struct task_struct *reaper = NULL, *leader;
	uint32_t level = pid_level(way, task);
	bool known = true;

	if (!has_children(way, task, signal))
		return;
	if (below_subreaper(signal))
		reaper = nearest_subreaper(task, level, &known);
	if (!known)
		return;
	if (!reaper)
		reaper = namespace_init(task, level);
	if (!reaper)
		return;
	leader = GET(PROBED, reaper, group_leader);
	event->reaper_tgid = GET(PROBED, leader, tgid);
	event->reaper_start_ns = GET(PROBED, leader, start_boottime);
	if (event->reaper_tgid != event->tgid)
		return;
	/* The init itself ends: the kernel ends all others of the namespace with it. */
	event->reaper_tgid = 0;
	event->reaper_start_ns = 0;
}

#endif
