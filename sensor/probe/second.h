/* SPDX-License-Identifier: Apache-2.0 */
/* The second copy of the hooks, for kernels that skip a program which preempts itself (7.0 and later); why and how: bpf/second.bpf.h. */
#ifndef CANOPY_SENSOR_PROBE_SECOND_H
#define CANOPY_SENSOR_PROBE_SECOND_H

#include "sensor/probe/hooks.h"

struct bpf_link;
struct canopy_bpf;

struct second {
	struct canopy_bpf *skeleton; /* between the two calls alone */
	struct hook_form form;
	struct bpf_link *links[HOOKS + 1];
	int exec_fd; /* of the program of exec, which the counts are asked of; 0 = none */
	bool execs_noted; /* note_exec is attached, so that the program of exec is as good as the first copy's */
};

/* Loads the copy of first, which is loaded already and keeps the maps, in this form: before first is attached, since loading takes its time, in which
 * first would be alone. Nothing of first is held. Errors: negative errno; then there is nothing to attach. */
int second_load(struct second *second, const struct canopy_bpf *first, struct hook_form form);

/* Attaches what was loaded, behind first: the order of attachment is that of the calls. Errors: negative errno; then nothing is attached. */
int second_attach(struct second *second);

/* Takes a zeroed one. */
void second_detach(struct second *second);

#endif
