/* SPDX-License-Identifier: Apache-2.0 */
/* The record that the kernel side puts into the ring and the sensor reads from it. Both ends are built from this file, so it
 * has fixed widths, no hidden padding (-Wpadded is an error here) and asserted sizes; it never leaves the host.
 *
 * A record is one struct event followed by its strings, without separators, in the order of enum event_string;
 * string_bytes says how long each one is. Numbers that are not known are 0 unless a field says otherwise. */
#ifndef CANOPY_EVENT_H
#define CANOPY_EVENT_H

#include <stdint.h>

enum event_type {
	EVENT_FORK = 1,
	EVENT_EXEC = 2,
	EVENT_EXIT = 3,
	EVENT_SNAPSHOT = 4,
	EVENT_TYPES = 5, /* one past the last: the size of tables indexed by type */
};

/* The same bits as enum fact_flag (asserted in sensor/batch/convert.c). */
enum event_flag {
	EVENT_SETUID = 1 << 0,
	EVENT_SETGID = 1 << 1,
	EVENT_FILECAP = 1 << 2,
	EVENT_MEMFD = 1 << 3,
	EVENT_DELETED = 1 << 4,
	EVENT_UPPER = 1 << 5,
	EVENT_ARGV_TRUNCATED = 1 << 6,
	EVENT_EXE_TRUNCATED = 1 << 7,
	EVENT_CWD_TRUNCATED = 1 << 8,
	EVENT_CGROUP_TRUNCATED = 1 << 9,
	EVENT_ZOMBIE = 1 << 10,
	EVENT_EXE_KNOWN = 1 << 11,
	EVENT_ARGV_KNOWN = 1 << 12,
	EVENT_CWD_KNOWN = 1 << 13,
};

/* Strings stand in the record in this order: what every type has comes first. */
enum event_string {
	EVENT_CGROUP,
	EVENT_NODENAME,
	EVENT_EXE,
	EVENT_CWD,
	EVENT_SCRIPT,
	EVENT_INTERPRETER,
	EVENT_ARGV,
	EVENT_ENVIRON, /* the whole environment, only where some of it was asked for: the reader picks that and forgets the rest */
	EVENT_STRINGS,
};

#define EVENT_COMM_BYTES 16
#define EVENT_PATH_MAX 4096u         /* the kernel's PATH_MAX: no system call takes a longer path */
#define EVENT_CGROUP_MAX 2048u       /* deeper paths keep their tail */
#define EVENT_NODENAME_MAX 64u       /* __NEW_UTS_LEN */
#define EVENT_INTERPRETER_MAX 256u   /* BINPRM_BUF_SIZE: a #! line is not read further */
#define EVENT_ARGV_MAX (32u * 1024u) /* bound of a record; the true length is told beside it */
#define EVENT_ENVIRON_MAX (8u * 1024u) /* so far variables are looked for */
/* A relative script name is told below its cwd, hence two paths and a slash. */
#define EVENT_SCRIPT_MAX (2u * EVENT_PATH_MAX + 1u)

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded"

struct event {
	uint32_t size;  /* of the whole record, strings included */
	uint32_t type;  /* enum event_type */
	uint32_t flags; /* enum event_flag */
	uint32_t tgid;
	uint64_t time_ns; /* boottime, as all times here */
	uint64_t start_ns;
	uint64_t parent_start_ns;
	uint64_t creator_start_ns;
	uint32_t parent_tgid;
	uint32_t creator_tgid;
	uint32_t tid;
	uint32_t ns_tgid;
	uint32_t pgid, sid;
	uint32_t tty;
	uint32_t exec_seq;
	char comm[EVENT_COMM_BYTES];

	uint32_t uid, gid, suid, sgid, euid, egid, fsuid, fsgid; /* in the order of the kernel's struct cred */
	uint32_t loginuid, session;
	uint64_t cap_inheritable, cap_permitted, cap_effective;
	uint32_t ns_mnt, ns_pid, ns_net, ns_user, ns_uts, ns_ipc, ns_cgroup;
	uint32_t exe_dev; /* major << 20 | minor */
	uint64_t cgroup_id;

	uint64_t exe_inode;
	uint64_t exe_ctime_ns;
	uint32_t exe_mode;
	uint32_t exe_nlink;
	uint64_t argv_bytes; /* true total length */

	uint32_t exit_status; /* as waitpid encodes it */
	uint32_t string_bytes[EVENT_STRINGS];
	uint32_t ns_time; /* from 5.6 on, where the kernel has time namespaces */
	/* As the scheduler's tick samples them, and the exact sum of both as the scheduler counts it. */
	uint64_t utime_ns, stime_ns, runtime_ns;
	uint64_t max_rss_bytes;
	uint64_t read_bytes, written_bytes; /* UINT64_MAX = unknown */
	uint64_t reaper_start_ns; /* who takes over the children that live on */
	uint32_t reaper_tgid;
	uint32_t reserved;
};

#define EVENT_COPIES 2u /* of each hook, where the kernel skips one that is preempted */

/* What one CPU counts of one type; the value of the per-CPU map, at copy * EVENT_TYPES + type. */
struct event_count {
	uint64_t submitted;
	uint64_t lost;             /* the ring had no room */
	uint64_t failed;           /* a map gave no memory to build the record in, or the record outgrew it */
	uint64_t first_ns, last_ns; /* boottime of the first and last of both within the epoch */
	uint64_t epoch;            /* in which the interval was noted; user space begins a new one after each look */
	uint64_t rescued;          /* runs that the first copy of a hook missed and the second one made */
};

#pragma GCC diagnostic pop

_Static_assert(sizeof(struct event) == 336, "struct event is shared with the kernel side");
_Static_assert(sizeof(struct event_count) == 56, "struct event_count is shared with the kernel side");

#define EVENT_CONTEXT_TEXT_MAX (EVENT_CGROUP_MAX + EVENT_NODENAME_MAX)
#define EVENT_TEXT_MAX                                                                                                 \
	(EVENT_CONTEXT_TEXT_MAX + 2u * EVENT_PATH_MAX + EVENT_SCRIPT_MAX + EVENT_INTERPRETER_MAX + EVENT_ARGV_MAX + EVENT_ENVIRON_MAX)
#define EVENT_SIZE_MAX ((uint32_t)sizeof(struct event) + EVENT_TEXT_MAX)

#endif
