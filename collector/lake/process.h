/* SPDX-License-Identifier: Apache-2.0 */
/* A process as OCSF's objects 'process' and 'process_entity' have it. */
#ifndef CANOPY_COLLECTOR_LAKE_PROCESS_H
#define CANOPY_COLLECTOR_LAKE_PROCESS_H

#include "canopy/arena.h"
#include "canopy/fact.h"
#include "proto/model/json.h"
#include "proto/model/process.h"

/* What is known of one process at one moment. Everything is borrowed. */
struct lake_process {
	const struct boot_id *boot;
	struct bytes arch;                  /* of the host; empty = unknown */
	struct process_key key;             /* tgid 0 = nothing is known */
	int64_t start_wall_ns, end_wall_ns; /* INT64_MIN = unknown */
	uint32_t tid;                       /* the thread that acted; 0 = unknown */
	uint32_t ns_tgid, pgid, sid, tty;   /* as in struct fact */
	uint32_t current_ppid;              /* of the parent at this moment, which differs for an orphan; 0 = unknown */
	struct process_key creator;         /* tgid 0 = unknown or the same as the parent */
	const struct fact_context *context; /* NULL = unknown */
	struct bytes comm;
	bool image_known; /* image holds knowledge, as far as its *_KNOWN flags say so */
	struct process_image image;
	struct bytes environ_; /* as in struct fact */
};

#define LAKE_PROCESS_NULL ((struct lake_process){.start_wall_ns = INT64_MIN, .end_wall_ns = INT64_MIN})

/* Where a process stands in its family, for the process that an event is about. */
struct lake_family {
	const struct lake_process *parent;    /* NULL = unknown */
	const struct lake_process *ancestors; /* newest first, the parent included */
	size_t ancestor_count;
	bool cut; /* there are more */
};

/* The object of the process itself, with parent_process and ancestry when family is given and with all extended
 * attributes. Long strings are built in the arena; without memory json is failed. */
void lake_process_write(struct json *json, const struct lake_process *process, const struct lake_family *family,
			struct arena *arena);

/* The members of 'user' for the process's real user; false when nothing is known and nothing was written. */
bool lake_user_write(struct json *json, const char *key, const struct fact_context *context);

static inline int64_t lake_ms(int64_t ns)
{
	return ns / 1000000 - (ns % 1000000 < 0);
}

#endif
