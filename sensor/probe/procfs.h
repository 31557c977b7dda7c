/* SPDX-License-Identifier: Apache-2.0 */
/* Parsers of the files of /proc/PID that a snapshot needs. Bytes in, values out, no I/O; any bytes are survived. */
#ifndef CANOPY_SENSOR_PROBE_PROCFS_H
#define CANOPY_SENSOR_PROBE_PROCFS_H

#include <stdbool.h>
#include <stdint.h>

#include "canopy/bytes.h"

struct procfs_stat { /* /proc/PID/stat */
	uint32_t pid;
	struct bytes comm; /* borrowed from the text; may hold any byte, ')' too */
	char state;
	uint32_t parent, pgid, sid;
	uint32_t tty;
	uint32_t flags;       /* PF_* */
	uint64_t start_ticks; /* since boot, of sysconf(_SC_CLK_TCK) a second */
	uint64_t argv_bytes;  /* length of the argument area; 0 where the reader may not see it, and before 3.5 */
};

struct procfs_status { /* /proc/PID/status; UINT32_MAX and 0 where a line is missing */
	uint32_t uid[4], gid[4]; /* real, effective, saved, file system */
	uint32_t ns_tgid;        /* in the innermost pid namespace */
	uint64_t cap_inheritable, cap_permitted, cap_effective;
};

/* Errors of all: -EBADMSG when the text is not of the form; the output is then untouched. */
int procfs_parse_stat(struct bytes text, struct procfs_stat *ret);
int procfs_parse_status(struct bytes text, struct procfs_status *ret);

/* The path from /proc/PID/cgroup, borrowed; empty when there is none. As the kernel side chooses it: of the pids controller where this has a
 * hierarchy of its own (cgroup v1) and the process is not in its root, else of the default hierarchy. */
struct bytes procfs_parse_cgroup(struct bytes text);

/* From /proc/PID/cgroup of any process: the pids controller is on a hierarchy of its own. */
bool procfs_has_cgroup_v1(struct bytes text);

/* The boottime offset of a time namespace from /proc/PID/timens_offsets, in nanoseconds. */
int procfs_parse_boottime_offset(struct bytes text, int64_t *ret);

/* A whole text that is one unsigned decimal number, with at most a newline behind. */
int procfs_parse_number(struct bytes text, uint64_t max, uint64_t *ret);

#endif
