// SPDX-License-Identifier: GPL-2.0-only
/* The hooks: filter, fill, submit. Each exists typed (tp_btf) and plain (raw_tp) from the same body, two of them steady (tp), too; the loader loads one
 * set, or two (second.bpf.h). */
#include "cgroup.bpf.h"
#include "creds.bpf.h"
#include "image.bpf.h"
#include "ns.bpf.h"
#include "path.bpf.h"
#include "reaper.bpf.h"
#include "second.bpf.h"
#include "task.bpf.h"

#include <asm/ptrace.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

INLINE struct large_draft *begin_large(uint32_t slot, uint32_t type)
{
	struct large_draft *large = large_draft(slot);

	if (!large) {
		count_failure(type);
		return NULL;
	}
	draft_begin(&large->draft, type);
	large->draft.slot = slot;
	return large;
}

/* What every record begins with. */
INLINE void fill_common(enum way way, struct draft *draft, uint32_t room, struct task_struct *task,
			struct task_struct *leader)
{
	fill_task(way, &draft->event, task, leader);
	fill_creds(way, &draft->event, task);
	fill_cgroup(way, draft, room, task);
	fill_namespaces(way, draft, room, task);
}

/* A new process gets a fresh entry; whatever an earlier process of the same number left is overwritten. Where the map refuses, the fork is
 * told as whole as ever; what comes later is repaired from the task (find_proc). */
INLINE void begin_proc(enum way way, struct event *event, struct task_struct *parent, struct task_struct *child)
{
	struct task_struct *creator = GET(way, parent, group_leader);
	struct proc_entry *entry;
	uint32_t tgid = GET(way, child, tgid);

	(void)bpf_map_update_elem(&proc_cache, &tgid, (const void *)&zero_entry, BPF_NOEXIST);
	entry = bpf_map_lookup_elem(&proc_cache, &tgid);
	event->creator_tgid = GET(way, creator, tgid);
	event->creator_start_ns = GET(way, creator, start_boottime);
	if (!entry)
		return;
	entry->start_ns = GET(way, child, start_boottime);
	entry->creator_tgid = event->creator_tgid;
	entry->creator_start_ns = event->creator_start_ns;
	entry->exec_base = GET(way, child, self_exec_id);
}

INLINE int on_fork(enum way way, struct task_struct *parent, struct task_struct *child)
{
	struct small_draft *small;

	if (!my_turn(way, child, EVENT_FORK))
		return 0;
	if (GET(way, child, tgid) == GET(way, parent, tgid) || is_kernel_thread(way, child))
		return 0;
	small = small_draft(SMALL_FORK);
	if (!small) {
		count_failure(EVENT_FORK);
		return 0;
	}
	draft_begin(&small->draft, EVENT_FORK);
	begin_proc(way, &small->draft.event, parent, child);
	fill_common(way, &small->draft, SMALL_ROOM, child, child);
	/* The thread that acted is the forker's. */
	small->draft.event.tid = GET(way, parent, pid);
	draft_submit(&small->draft, SMALL_ROOM);
	return 0;
}

/* bprm is read its own way, or NULL where it is unknown. */
INLINE int on_exec(enum way way, struct task_struct *task, pid_t old_pid, enum way bprm_way, struct linux_binprm *bprm)
{
	struct mm_struct *mm = GET(way, task, mm);
	struct large_draft *large;
	struct file *exe;
	int mount_flags;

	if (!my_turn(way, task, EVENT_EXEC))
		return 0;
	large = begin_large(copy * (snapshot_slot + 1) + bpf_get_smp_processor_id(), EVENT_EXEC);
	if (!large || !mm)
		return 0;
	/* By now the kernel has made whichever thread called exec the leader; old_pid is its former number. */
	fill_common(way, &large->draft, LARGE_ROOM, task, task);
	large->draft.event.tid = old_pid;
	fill_proc(way, &large->draft.event, task, find_current_proc(way, task, 1), 1);
	exe = GET(way, mm, exe_file);
	fill_root(way, large, task);
	mount_flags = exe ? fill_exe(way, large, exe) : 0;
	fill_gains(way, &large->draft.event, task, mount_flags);
	fill_cwd(way, large, task);
	if (bprm)
		fill_script(bprm_way, large, bprm);
	fill_argv(way, large, mm);
	fill_environ(way, large, mm);
	draft_submit(&large->draft, LARGE_ROOM);
	return 0;
}

/* Where the kernel does not say that this was the last thread, more than one can find live at zero: the first reports. */
INLINE bool first_to_report(const struct event *event)
{
	struct process_id id = {.start_ns = event->start_ns, .tgid = event->tgid};
	uint32_t one = 1;
	/* Before 6.4 (d7ba4cc900bf) an inlined update returns 32 bits: -17 with the upper half zero. */
	int r = (int)bpf_map_update_elem(&ended, &id, &one, BPF_NOEXIST);

	return r != -17; /* EEXIST; any other refusal must not lose the event */
}

INLINE int on_exit(enum way way, struct task_struct *task, bool told, bool group_dead)
{
	struct signal_struct *signal = GET(way, task, signal);
	struct task_struct *leader;
	struct small_draft *small;
	uint32_t tgid;

	if (!my_turn(way, task, EVENT_EXIT) || is_kernel_thread(way, task))
		return 0;
	if (told ? !group_dead : GET(way, signal, live.counter) != 0)
		return 0;
	small = small_draft(SMALL_EXIT);
	if (!small) {
		count_failure(EVENT_EXIT);
		return 0;
	}
	draft_begin(&small->draft, EVENT_EXIT);
	leader = GET(way, task, group_leader);
	fill_common(way, &small->draft, SMALL_ROOM, task, leader);
	if (!told && !first_to_report(&small->draft.event))
		return 0;
	fill_proc(way, &small->draft.event, leader, find_current_proc(way, task, 0), 0);
	fill_status(way, &small->draft.event, leader, signal);
	fill_usage(way, small, task, signal);
	fill_reaper(way, &small->draft.event, task, signal);
	tgid = small->draft.event.tgid;
	(void)bpf_map_delete_elem(&proc_cache, &tgid);
	draft_submit(&small->draft, SMALL_ROOM);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int typed_fork(unsigned long long *args)
{
	return on_fork(TYPED, (void *)args[0], (void *)args[1]);
}

SEC("tp_btf/sched_process_exec")
int typed_exec(unsigned long long *args)
{
	return on_exec(TYPED, (void *)args[0], args[1], TYPED, (void *)args[2]);
}

SEC("tp_btf/sched_process_exit")
int typed_exit(unsigned long long *args)
{
	bool told = exit_tells_group_dead, dead = false;

	if (told) /* volatile: reading the argument where there is none would refuse the program */
		dead = ((volatile unsigned long long *)args)[1] & 0xff;
	return on_exit(TYPED, (void *)args[0], told, dead);
}

SEC("raw_tp/sched_process_fork")
int plain_fork(struct bpf_raw_tracepoint_args *ctx)
{
	return on_fork(PROBED, (void *)ctx->args[0], (void *)ctx->args[1]);
}

SEC("raw_tp/sched_process_exec")
int plain_exec(struct bpf_raw_tracepoint_args *ctx)
{
	return on_exec(PROBED, (void *)ctx->args[0], ctx->args[1], PROBED, (void *)ctx->args[2]);
}

SEC("raw_tp/sched_process_exit")
int plain_exit(struct bpf_raw_tracepoint_args *ctx)
{
	bool told = exit_tells_group_dead;

	return on_exit(PROBED, (void *)ctx->args[0], told, told && (ctx->args[1] & 0xff));
}

/* Steady: called by way of perf, where nothing preempts them on any kernel. They answer 1, since 0 would keep the event from everybody else's perf. */
#define PERF_GOES_ON 1

/* From 6.2 on (3f0e6f2b41d3). */
extern struct task_struct *bpf_task_from_pid(int32_t pid) __weak __ksym;
extern void bpf_task_release(struct task_struct *task) __weak __ksym;

SEC("tp/sched/sched_process_fork")
int steady_fork(struct trace_event_raw_sched_process_fork *record)
{
	struct task_struct *child = bpf_task_from_pid(record->child_pid);

	if (!child)
		return PERF_GOES_ON;
	(void)on_fork(TYPED, bpf_get_current_task_btf(), child);
	bpf_task_release(child);
	return PERF_GOES_ON;
}

/* Called a moment before sched_process_exec, in the same task; kprobes are not preempted either. */
SEC("kprobe/finalize_exec")
int note_exec(struct pt_regs *registers)
{
	note_bprm(bpf_get_current_task_btf(), (void *)PT_REGS_PARM1(registers));
	return 0;
}

/* Perf hands on nothing of script and interpreter: they come from what note_exec noted. */
SEC("tp/sched/sched_process_exec")
int steady_exec(struct trace_event_raw_sched_process_exec *record)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct linux_binprm *bprm = noted_bprm(task);

	if (bprm || !called_first) /* or else the other copy tells more */
		(void)on_exec(TYPED, task, record->old_pid, PROBED, bprm);
	return PERF_GOES_ON;
}

SEC("tp/sched/sched_process_exit")
int steady_exit(struct trace_event_raw_sched_process_exit *record)
{
	bool told = exit_tells_group_dead;

	(void)on_exit(TYPED, bpf_get_current_task_btf(), told, told && record->group_dead);
	return PERF_GOES_ON;
}

/* Each process that runs, or waits to be reaped; its arguments are added by the reader, since another process's memory is out of
 * reach here. One byte a task makes read() return often enough for the ring to be drained in between. */
SEC("iter/task")
int snapshot(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct large_draft *large;
	struct mm_struct *mm;
	struct file *exe;
	char mark = 0;

	if (!task || task->pid != task->tgid || is_kernel_thread(TYPED, task))
		return 0;
	large = begin_large(snapshot_slot, EVENT_SNAPSHOT);
	if (!large)
		return 0;
	fill_common(TYPED, &large->draft, LARGE_ROOM, task, task);
	fill_proc(TYPED, &large->draft.event, task, find_proc(TYPED, task, 0), 0);
	if ((task->exit_state & (EXIT_ZOMBIE | EXIT_DEAD)) && task->signal->live.counter == 0)
		large->draft.event.flags |= EVENT_ZOMBIE;
	fill_root(TYPED, large, task);
	mm = task->mm;
	exe = mm ? mm->exe_file : NULL;
	if (exe)
		(void)fill_exe(TYPED, large, exe);
	fill_cwd(TYPED, large, task);
	if (mm)
		large->draft.event.argv_bytes = mm->arg_end - mm->arg_start;
	draft_submit(&large->draft, LARGE_ROOM);
	(void)bpf_seq_write(ctx->meta->seq, &mark, sizeof(mark));
	return 0;
}
