/* SPDX-License-Identifier: Apache-2.0 */
/* The second copy of the hooks, for kernels that skip a program which preempts itself (7.0 and later); why and how: bpf/second.bpf.h. */
#ifndef CANOPY_SENSOR_PROBE_SECOND_H
#define CANOPY_SENSOR_PROBE_SECOND_H

#include "sensor/probe/probe.h"

#define SECOND_HOOKS 3 /* fork, exec, exit */

struct bpf_link;
struct canopy_bpf;

struct second {
	struct bpf_link *links[SECOND_HOOKS];
};

/* Loads and attaches the copy of first, which is attached already and keeps the maps: the order of attachment is that of the calls.
 * Nothing of first is held. Errors: negative errno; then nothing is attached. */
int second_attach(struct second *second, const struct canopy_bpf *first, enum probe_mode mode);

/* Takes a zeroed one. */
void second_detach(struct second *second);

#endif
