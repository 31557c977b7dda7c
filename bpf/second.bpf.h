/* SPDX-License-Identifier: GPL-2.0-only */
/* The second copy of the hooks. From 7.0 on (a46023d5616e) these programs can be preempted, and the kernel skips a program that would begin on a
 * CPU where it is preempted: an exit that preempts another one's telling would not be told. So each hook is attached twice, and the copies are two
 * programs to the kernel, one of them called by way of perf, where nothing preempts it (docs/adr/second-copy.md). The first copy leaves a mark of
 * what it was called for; the second one, which runs right behind it in the same task, finds the mark and leaves at once. Where it finds none, the
 * first was skipped, and the second does its work. */
#ifndef CANOPY_BPF_SECOND_H
#define CANOPY_BPF_SECOND_H

#include "maps.bpf.h"

INLINE uint64_t mark_of(enum way way, struct task_struct *task, uint32_t type)
{
	uint64_t moment = GET(way, task, start_boottime) + (GET(way, task, self_exec_id) << 48);

	/* Odd multipliers spread what differs in low bits alone; never 0, which no mark has. */
	return (moment * 0x9e3779b97f4a7c15ull + GET(way, task, pid)) * 0xbf58476d1ce4e5b9ull + type;
}

/* Whether this copy is the one that tells what the kernel does not skip. Of exec's it is the one that is called first, which turns out at the first
 * exec; the steady one only with what note_exec notes, since it would tell less. */
INLINE bool is_first(uint32_t type)
{
	return copy == (type == EVENT_EXEC && called_first && execs_noted);
}

/* Whether this copy tells of it. A mark that others have overwritten meanwhile, or one whose slot they share, costs a fact told
 * twice, which says nothing new to those who know it. */
INLINE bool my_turn(enum way way, struct task_struct *task, uint32_t type)
{
	uint32_t row = copy_row(type), key;
	struct event_count *count;
	uint64_t mark, *slot;

	if (!doubled)
		return true;
	mark = mark_of(way, task, type);
	key = mark >> (64 - MARKS_BITS);
	slot = bpf_map_lookup_elem(&marks, &key);
	if (!slot)
		return is_first(type);
	count = bpf_map_lookup_elem(&counts, &row);
	if (is_first(type)) {
		if (*slot == mark && type == EVENT_EXEC && copy == 0) {
			called_first = true;
			if (count)
				count->rescued--; /* the second copy took itself for the rescue */
		}
		*slot = mark;
		return true;
	}
	if (*slot == mark)
		return false;
	*slot = mark;
	if (count)
		count->rescued++;
	return true;
}

INLINE struct noted_exec *noted_exec(uint64_t mark)
{
	uint32_t key = mark >> (64 - NOTED_BITS);

	return bpf_map_lookup_elem(&noted, &key);
}

INLINE void note_bprm(struct task_struct *task, struct linux_binprm *bprm)
{
	uint64_t mark = mark_of(TYPED, task, EVENT_EXEC);
	struct noted_exec *slot = noted_exec(mark);

	if (!slot)
		return;
	slot->mark = mark;
	slot->bprm = bprm;
}

/* What was noted of the exec that task is within; NULL when nothing was, or another exec has taken its place: that one's file is another. */
INLINE struct linux_binprm *noted_bprm(struct task_struct *task)
{
	uint64_t mark = mark_of(TYPED, task, EVENT_EXEC);
	struct noted_exec *slot = noted_exec(mark);
	struct mm_struct *mm = task->mm;
	struct linux_binprm *bprm;

	if (!slot || slot->mark != mark || !mm)
		return NULL;
	bprm = slot->bprm;
	return GET(PROBED, bprm, file) == mm->exe_file ? bprm : NULL;
}

#endif
