/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of a Batch as both ends hold them in memory: one struct a message of canopy.proto, one member a column, each
 * member with the very number that the column carries. What the numbers mean is said in canopy.proto. */
#ifndef CANOPY_PROTO_BATCH_ROWS_H
#define CANOPY_PROTO_BATCH_ROWS_H

#include <stdint.h>

/* Field numbers of message Batch. */
enum batch_field {
	BATCH_BOOT_ID = 1,
	BATCH_STREAM = 2,
	BATCH_SEQ = 3,
	BATCH_BASE_NS = 4,
	BATCH_BOOTTIME_TO_WALL_NS = 5,
	BATCH_STRINGS = 6,
	BATCH_PROCESSES = 7,
	BATCH_CONTEXTS = 8,
	BATCH_JOBS = 9,
	BATCH_IMAGES = 10,
	BATCH_EVENTS = 11,
	BATCH_GAPS = 12,
	BATCH_SNAPSHOTS = 13,
};

/* Field numbers of messages Gap and SnapshotMark. */
enum { GAP_TYPE = 1, GAP_REASON, GAP_FROM_NS, GAP_TO_NS, GAP_COUNT };
enum { SNAPSHOT_BEGIN_NS = 1, SNAPSHOT_END_NS };

#define EXIT_STATUS_UNKNOWN 0xffffu

struct process_row {
	uint64_t start_ns; /* not a column: the key with tgid, 0 = unknown */
	uint32_t tgid;
	uint32_t start_unknown;
	uint64_t start_delta_ns; /* zigzag */
	uint64_t ns_tgid;
	uint32_t told; /* not a column: encoder only, a fact of the process itself has said ns_tgid */
	uint32_t reserved;
};
#define PROCESS_KEY_BYTES 16u /* start_ns, tgid and start_unknown, which follows from start_ns */

struct context_row {
	uint64_t cap_effective, cap_permitted, cap_inheritable;
	uint64_t cgroup_id;
	uint32_t uid, gid, euid, egid, suid, sgid, fsuid, fsgid, loginuid, session; /* plus one */
	uint32_t ns_mnt, ns_pid, ns_net, ns_user, ns_uts, ns_ipc, ns_cgroup, ns_time;
	uint32_t cgroup, user, nodename;
	uint32_t reserved; /* 0: rows are hashed in words of 8 bytes */
};

struct job_row {
	uint32_t pgid, sid, tty;
	uint32_t reserved; /* 0: rows are hashed in words of 8 bytes */
};

struct image_row {
	uint64_t inode, ctime_ns;
	uint32_t exe, script, interpreter;
	uint32_t dev, mode, nlink;
};

struct event_row {
	uint64_t time_delta_ns; /* zigzag */
	uint32_t type;
	uint32_t process, parent, creator;
	uint32_t tid_delta; /* zigzag */
	uint32_t context, job, comm, exec_seq, flags;
};

/* Of each EXEC and SNAPSHOT. */
struct image_event_row {
	uint64_t argv_missing;
	uint32_t image, cwd;
	uint32_t argc, environ_count;
	uint32_t argv_open, environ_open;
};

/* Of each EXIT. */
struct exit_row {
	uint64_t utime_ns, stime_ns;
	uint64_t max_rss_bytes;
	uint64_t read_bytes, written_bytes; /* plus one */
	uint32_t exit_status;
	uint32_t reaper;
};

static inline uint64_t zigzag64(uint64_t difference)
{
	return difference << 1 ^ (0 - (difference >> 63));
}

static inline uint64_t unzigzag64(uint64_t value)
{
	return value >> 1 ^ (0 - (value & 1));
}

static inline uint32_t zigzag32(uint32_t difference)
{
	return difference << 1 ^ (0 - (difference >> 31));
}

static inline uint32_t unzigzag32(uint32_t value)
{
	return value >> 1 ^ (0 - (value & 1));
}

#endif
