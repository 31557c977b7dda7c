/* SPDX-License-Identifier: Apache-2.0 */
/* The loaded kernel side: picks what this kernel takes, loads it and attaches it. */
#ifndef CANOPY_SENSOR_PROBE_PROGRAM_H
#define CANOPY_SENSOR_PROBE_PROGRAM_H

#include "sensor/probe/features.h"
#include "sensor/probe/hooks.h"
#include "sensor/probe/probe.h"
#include "sensor/probe/second.h"

struct canopy_bpf;

struct program {
	struct canopy_bpf *skeleton;
	struct features features; /* those that are used */
	struct hook_form form;
	bool iterator;
	bool doubled; /* each hook is attached twice */
	struct second second;
	int cpus; /* possible ones: entries of a per-CPU value */
};

#define PROGRAM_NULL ((struct program){0})

/* Loads and attaches. Errors and *ret_why as for probe_open(). */
int program_init(struct program *program, const struct probe_options *options, char **ret_why);

/* Detaches and unloads. Takes PROGRAM_NULL. */
void program_finish(struct program *program);

/* The map that the records come from. */
int program_ring_fd(const struct program *program);

/* Its size. */
size_t program_ring_bytes(const struct program *program);

/* A new pass of the task iterator: a descriptor to read to its end, to be closed by the caller. */
int program_iterate(const struct program *program);

/* Sums the counts of all CPUs for one type. first_ns and last_ns are of the present epoch alone, 0 when nothing was lost in it.
 * Errors: negative errno. */
int program_count(const struct program *program, enum event_type type, struct event_count *ret);
void program_next_epoch(struct program *program);

/* What the kernel skipped of a hook since it was loaded, and what its second copy did instead. */
struct skips {
	uint64_t skipped, rescued;
};
struct skips program_skips(const struct program *program, enum event_type type);

/* A copy that nothing preempts is at work on each hook. */
bool program_is_steady(const struct program *program);

#endif
