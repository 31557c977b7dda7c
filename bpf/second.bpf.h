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
		return copy == 0;
	count = bpf_map_lookup_elem(&counts, &row);
	if (copy == 0) {
		if (*slot == mark) {
			called_first = true;
			if (count)
				count->rescued--; /* the spare copy took itself for the rescue */
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

#endif
