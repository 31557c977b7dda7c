/* SPDX-License-Identifier: Apache-2.0 */
/* Reads processes from /proc: the fallback of the snapshot, and what the task iterator cannot tell. */
#ifndef CANOPY_SENSOR_PROBE_PROCSCAN_H
#define CANOPY_SENSOR_PROBE_PROCSCAN_H

#include <dirent.h>

#include "canopy/event.h"
#include "canopy/identity.h"
#include "sensor/probe/known.h"

struct procscan {
	DIR *proc;              /* owned; NULL when /proc shows another pid namespace than the kernel's own, or nothing */
	uint64_t tick_ns;       /* length of a tick: /proc tells start times no finer */
	bool environ_;          /* records get the environment, too; set by the owner */
	int64_t boottime_offset; /* what this process's time namespace adds to boottime */
};

#define PROCSCAN_NULL ((struct procscan){0})

/* A /proc that is not usable is no error: the scan is then empty. */
void procscan_init(struct procscan *scan);
void procscan_finish(struct procscan *scan);

/* Boottime as the kernel itself counts it, whatever time namespace this is. */
uint64_t procscan_now(const struct procscan *scan);

/* Goes through the processes from the beginning; 0 at the end. */
void procscan_rewind(struct procscan *scan);
uint32_t procscan_next(struct procscan *scan);

/* Builds the record of a process in buffer, of at least EVENT_SIZE_MAX bytes aligned for struct event. The start time is that of known
 * where it knows one that fits, else it is rounded down to a tick. argv_max bounds argv. Positive outcomes and
 * errors: PROCSCAN_E_KERNEL for a kernel thread, PROCSCAN_E_YOUNG for one that began at or after before_ns; -ESRCH when it is gone. */
enum { PROCSCAN_E_KERNEL = 1, PROCSCAN_E_YOUNG = 2 };
int procscan_read(const struct procscan *scan, uint32_t tgid, uint32_t argv_max, uint64_t before_ns,
		  const struct known *known, void *buffer);

/* Appends argv (and what follows it) to a record in such a buffer that has none, and sets the flags of what the file gave (gains.h), when /proc still
 * shows the same process. */
void procscan_add_argv(const struct procscan *scan, struct event *event, uint32_t argv_max);

#endif
