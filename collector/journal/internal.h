/* SPDX-License-Identifier: Apache-2.0 */
/* The journal as its own files see it. */
#ifndef CANOPY_COLLECTOR_JOURNAL_INTERNAL_H
#define CANOPY_COLLECTOR_JOURNAL_INTERNAL_H

#include "collector/journal/journal.h"

struct listener {
	journal_durable_cb cb;
	void *owner;
};

struct journal {
	uv_loop_t *loop;
	uv_idle_t idle;   /* active: a commit starts with the next turn of the loop */
	uv_timer_t retry; /* active: the disk is full */
	uv_work_t work;
	struct seglog *log;
	struct seglog_commit *commit; /* under way on the thread pool */
	size_t commit_bytes;
	uint64_t commit_started_ns, commits, commit_ns;
	uint64_t segment_bytes;
	uint64_t retain_bytes, keep; /* keep: retention leaves this position and all behind it */
	int error; /* waiting for room, or stopped */
	bool stopped;
	bool turn; /* listeners are to be told once more */
	struct listener listeners[JOURNAL_LISTENERS_MAX];
	unsigned open_handles;
	void (*closed)(void *owner); /* set once closing */
	void *closed_owner;
};

#endif
