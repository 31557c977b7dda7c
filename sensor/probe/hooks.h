/* SPDX-License-Identifier: Apache-2.0 */
/* Which program of the BPF object is a hook's. */
#ifndef CANOPY_SENSOR_PROBE_HOOKS_H
#define CANOPY_SENSOR_PROBE_HOOKS_H

#include "sensor/probe/probe.h"

#define HOOKS 3 /* fork, exec, exit, in the order of enum event_type */

struct bpf_program;
struct canopy_bpf;

struct hook_form {
	enum probe_mode mode;
	/* One copy of each hook by way of perf, where nothing preempts it: the first of fork and exit, which then tells all. The second of exec, since
	 * perf does not hand on all that belongs to one. */
	bool steady;
	uint32_t copy;
};

/* The program of a hook (below HOOKS); owned by the skeleton. */
struct bpf_program *hooks_program(const struct canopy_bpf *skeleton, struct hook_form form, int hook);

/* Has the loader load the programs of this form alone, and the iterator if it is asked for. To be called between open and load. */
void hooks_choose(struct canopy_bpf *skeleton, struct hook_form form, bool iterator);

#endif
