/* SPDX-License-Identifier: Apache-2.0 */
/* What the place that the sensor runs in offers, whatever the kernel: what a container or a policy takes away. docs/kernels.md says what becomes
 * of each that is missing. */
#ifndef CANOPY_SENSOR_SURROUNDINGS_H
#define CANOPY_SENSOR_SURROUNDINGS_H

#include <stdbool.h>

/* What a sensor that runs without it logs. */
#define SURROUNDINGS_NO_PROC                                                                                                     \
	"event=proc-unusable object=/proc error=\"it is not that of the initial pid namespace: what runs already is told without its " \
	"arguments, or not at all\" remedy=\"run in the pid namespace of the host, with its /proc\""

/* /proc shows the processes of the initial pid namespace, by the numbers that the kernel tells. */
bool surroundings_proc(void);

/* Gives up privileges as confine() does, in a process of its own that then ends, and tries whether they are gone. Errors: -errno, -EPERM also when it
 * took no effect; *ret_what then names the step. Not for a process that is confined already. */
int surroundings_confine(bool environ_, const char **ret_what);

#endif
