/* SPDX-License-Identifier: Apache-2.0 */
/* What this kernel offers to the sensor, as its own type information tells; docs/kernels.md says what becomes of each that is missing. */
#ifndef CANOPY_SENSOR_PROBE_FEATURES_H
#define CANOPY_SENSOR_PROBE_FEATURES_H

#include <stdbool.h>

#define FEATURES_BTF "/sys/kernel/btf/vmlinux"

struct features {
	bool btf;         /* type information: without it nothing can be loaded */
	bool group_dead;  /* sched_process_exit tells whether it is the last thread's (6.16) */
	bool preemptible; /* a hook can be preempted, and is skipped within itself (7.0) */
	bool audit;       /* login uid and session (CONFIG_AUDIT) */
	bool io;          /* bytes read and written (CONFIG_TASK_IO_ACCOUNTING) */
	bool time_ns;     /* time namespaces (CONFIG_TIME_NS) */
};

/* Reads the type information of the running kernel: some ten megabytes, for a moment. Without it all but preemptible are false. */
void features_read(struct features *ret);

/* The kernel has BPF ring buffers (5.8): tried, by making one. */
bool features_has_ring(void);

#endif
