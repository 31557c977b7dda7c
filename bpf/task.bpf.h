/* SPDX-License-Identifier: GPL-2.0-only */
/* Identity, parentage, session and end of a task. */
#ifndef CANOPY_BPF_TASK_H
#define CANOPY_BPF_TASK_H

#include "maps.bpf.h"

INLINE bool is_kernel_thread(enum way way, struct task_struct *task)
{
	return GET(way, task, flags) & PF_KTHREAD;
}

/* What the task itself can tell of its past. The kernel counts execs in self_exec_id, and at fork notes in parent_exec_id the count
 * that the child begins with (under CLONE_PARENT that of the common parent: only a fork that was seen tells better). So ordinals are
 * the same after an eviction, for another sensor, and after a restart.
 * Where what runs is listed from /proc, which shows neither count, that list says 0 for each: its execs are then counted from there,
 * or else each of them would look like one that follows others which were lost. execs: made by the event that is told. */
INLINE uint64_t exec_base(enum way way, struct task_struct *leader, uint32_t execs)
{
	if (counts_from_sight)
		return GET(way, leader, self_exec_id) - execs;
	return GET(way, leader, parent_exec_id);
}

INLINE struct proc_entry *proc_refill(enum way way, struct task_struct *leader, struct proc_entry *entry, uint64_t start,
				      uint32_t execs)
{
	entry->start_ns = start;
	entry->creator_tgid = 0;
	entry->creator_start_ns = 0;
	entry->exec_base = exec_base(way, leader, execs);
	return entry;
}

/* The entry of leader's process; a missing one is made anew from the task, one of an earlier process of that number is
 * replaced. NULL only when the map refuses. That loses no fact: who forked is told by the fork itself, which needs no entry, and the
 * ordinal comes from the task (fill_proc). */
INLINE struct proc_entry *find_proc(enum way way, struct task_struct *leader, uint32_t execs)
{
	uint64_t start = GET(way, leader, start_boottime);
	uint32_t tgid = GET(way, leader, tgid);
	struct proc_entry *entry = bpf_map_lookup_elem(&proc_cache, &tgid);

	if (entry && entry->start_ns == start)
		return entry;
	if (!entry) {
		(void)bpf_map_update_elem(&proc_cache, &tgid, (const void *)&zero_entry, BPF_NOEXIST);
		entry = bpf_map_lookup_elem(&proc_cache, &tgid);
	}
	return entry ? proc_refill(way, leader, entry, start, execs) : NULL;
}

/* The one way from a hook to what is known of the process that runs. task is the current one, whichever thread. */
INLINE struct proc_entry *find_current_proc(enum way way, struct task_struct *task, uint32_t execs)
{
	return find_proc(way, GET(way, task, group_leader), execs);
}

INLINE void fill_proc(enum way way, struct event *event, struct task_struct *leader, const struct proc_entry *entry, uint32_t execs)
{
	uint64_t base = entry ? entry->exec_base : exec_base(way, leader, execs);

	if (entry) {
		event->creator_tgid = entry->creator_tgid;
		event->creator_start_ns = entry->creator_start_ns;
	}
	event->exec_seq = GET(way, leader, self_exec_id) - base;
}

#define PID_LEVEL_MAX 32 /* MAX_PID_NS_LEVEL */

/* The place of a level is found by a sum with a variable, after which a pointer has no type any more: read by the helper. */
INLINE void fill_pid_level(struct event *event, struct pid *pid, uint64_t level)
{
	uint64_t place = (uint64_t)pid + bpf_core_field_offset(struct pid, numbers);
	struct upid upid = {};
	struct pid_namespace *ns;

	PIN(level);
	if (level > PID_LEVEL_MAX)
		return;
	place += level * bpf_core_type_size(struct upid);
	if (bpf_probe_read_kernel(&upid, sizeof(upid), (const void *)place))
		return;
	ns = upid.ns;
	event->ns_tgid = upid.nr;
	event->ns_pid = GET(PROBED, ns, ns.inum);
}

/* Number of the process in the innermost pid namespace, and that namespace itself. */
INLINE void fill_pid(enum way way, struct event *event, struct task_struct *leader)
{
	struct pid *pid = GET(way, leader, thread_pid);
	struct pid_namespace *ns;
	uint32_t level;

	if (!pid)
		return; /* reaped meanwhile */
	level = GET(way, pid, level);
	if (level != 0) {
		fill_pid_level(event, pid, level);
		return;
	}
	ns = GET(way, pid, numbers[0].ns);
	event->ns_tgid = event->tgid;
	event->ns_pid = GET(way, ns, ns.inum);
}

INLINE uint32_t pid_number(enum way way, struct signal_struct *signal, int type)
{
	struct pid *pid = type == PIDTYPE_SID ? GET(way, signal, pids[PIDTYPE_SID]) : GET(way, signal, pids[PIDTYPE_PGID]);

	return pid ? GET(way, pid, numbers[0].nr) : 0;
}

/* As tty_nr of /proc/PID/stat: new_encode_dev(tty_devnum(tty)). */
INLINE uint32_t tty_number(enum way way, struct signal_struct *signal)
{
	struct tty_struct *tty = GET(way, signal, tty);
	struct tty_driver *driver = tty ? GET(way, tty, driver) : NULL;
	uint32_t major, minor;

	if (!driver)
		return 0;
	major = GET(way, driver, major);
	minor = GET(way, driver, minor_start) + GET(way, tty, index);
	return (minor & 0xff) | (major << 8) | ((minor & ~0xffu) << 12);
}

/* Everything of the process but its credentials, namespaces and image. task is the thread that acted. */
INLINE void fill_task(enum way way, struct event *event, struct task_struct *task, struct task_struct *leader)
{
	struct task_struct *acting_parent = GET(way, leader, real_parent);
	struct task_struct *parent = GET(way, acting_parent, group_leader);
	struct signal_struct *signal = GET(way, leader, signal);

	event->tgid = GET(way, leader, tgid);
	event->tid = GET(way, task, pid);
	event->start_ns = GET(way, leader, start_boottime);
	event->parent_tgid = GET(way, parent, tgid);
	event->parent_start_ns = event->parent_tgid ? GET(way, parent, start_boottime) : 0;
	event->pgid = pid_number(way, signal, PIDTYPE_PGID);
	event->sid = pid_number(way, signal, PIDTYPE_SID);
	event->tty = tty_number(way, signal);
	fill_pid(way, event, leader);
	(void)bpf_probe_read_kernel_str(event->comm, sizeof(event->comm), __builtin_preserve_access_index(&leader->comm));
}

/* As wait_task_zombie() chooses it. */
INLINE void fill_status(enum way way, struct event *event, struct task_struct *leader, struct signal_struct *signal)
{
	if (GET(way, signal, flags) & SIGNAL_GROUP_EXIT)
		event->exit_status = GET(way, signal, group_exit_code);
	else
		event->exit_status = GET(way, leader, exit_code);
}

/* signal: what the threads that were released have left there. */
INLINE void begin_usage(enum way way, struct usage *sum, struct signal_struct *signal)
{
	sum->utime = GET(way, signal, utime);
	sum->stime = GET(way, signal, stime);
	sum->runtime = GET(way, signal, sum_sched_runtime);
	if (!bpf_core_field_exists(signal->ioac.read_bytes))
		return;
	sum->read = GET(way, signal, ioac.read_bytes);
	sum->written = GET(way, signal, ioac.write_bytes);
	sum->cancelled = GET(way, signal, ioac.cancelled_write_bytes);
}

INLINE void add_usage(enum way way, struct usage *sum, struct task_struct *thread)
{
	sum->utime += GET(way, thread, utime);
	sum->stime += GET(way, thread, stime);
	sum->runtime += GET(way, thread, se.sum_exec_runtime);
	if (!bpf_core_field_exists(thread->ioac.read_bytes))
		return;
	sum->read += GET(way, thread, ioac.read_bytes);
	sum->written += GET(way, thread, ioac.write_bytes);
	sum->cancelled += GET(way, thread, ioac.cancelled_write_bytes);
}

#define USAGE_THREADS_MAX 128 /* not released yet; of more not all are counted. Bounds the work of 5.10's verifier */
#define USAGE_TRIES 4

/* Sums for the current process what signal has gathered from the threads released so far, and those that were not: who ends in the same instant, and
 * a leader that ended before (kept until it is waited for). Returns 1 when one was released meanwhile, which is under a lock that counts: then it is
 * to be done again, as thread_group_cputime() does. A function of its own as append_walk() is. */
__attribute__((noinline)) int sum_threads(uint32_t slot)
{
	struct small_draft *small = small_draft(slot);
	struct task_struct *task = (void *)bpf_get_current_task();
	struct signal_struct *signal = GET(PROBED, task, signal);
	uint32_t sequence = GET(PROBED, signal, stats_lock.seqcount.seqcount.sequence);
	uint64_t head = (uint64_t)signal + bpf_core_field_offset(struct signal_struct, thread_head);
	uint64_t node = (uint64_t)GET(PROBED, signal, thread_head.next);

	if (!small)
		return 0;
	begin_usage(PROBED, &small->usage, signal);
	for (int i = 0; i < USAGE_THREADS_MAX && node && node != head; i++) {
		struct task_struct *thread = (void *)(node - bpf_core_field_offset(struct task_struct, thread_node));

		add_usage(PROBED, &small->usage, thread);
		node = (uint64_t)GET(PROBED, thread, thread_node.next);
	}
	return (sequence & 1) || sequence != GET(PROBED, signal, stats_lock.seqcount.seqcount.sequence);
}

/* At the end of the last thread, which is the current one. */
INLINE void fill_usage(enum way way, struct small_draft *small, struct task_struct *task, struct signal_struct *signal)
{
	struct event *event = &small->draft.event;
	struct usage *sum = &small->usage;

	if (GET(way, signal, nr_threads) > 1) {
		for (int i = 0; i < USAGE_TRIES && sum_threads(SMALL_EXIT); i++)
			;
	} else {
		begin_usage(way, sum, signal);
		add_usage(way, sum, task);
	}
	event->utime_ns = sum->utime;
	event->stime_ns = sum->stime;
	event->runtime_ns = sum->runtime;
	event->max_rss_bytes = (uint64_t)GET(way, signal, maxrss) * page_bytes;
	event->read_bytes = event->written_bytes = UINT64_MAX;
	if (!bpf_core_field_exists(task->ioac.read_bytes))
		return;
	event->read_bytes = sum->read;
	/* Who truncates what others wrote has cancelled more than it wrote. */
	event->written_bytes = sum->written > sum->cancelled ? sum->written - sum->cancelled : 0;
}

#endif
