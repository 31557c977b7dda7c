/* SPDX-License-Identifier: Apache-2.0 */
/* A fact: one thing that the kernel said about one process, in the form that every room shares.
 *
 * The sensor turns each kernel record into a fact, the batch codec packs facts into columns and back, the forest
 * joins them. A fact borrows everything it points to: from the kernel record on the sensor, from the arena of
 * the frame on the collector. Facts are idempotent: applying one twice, or in another order, changes nothing.
 *
 * Unknown numbers: each field says what stands for 'unknown'; a zero is never invented. */
#ifndef CANOPY_FACT_H
#define CANOPY_FACT_H

#include <stdbool.h>
#include <stdint.h>

#include "canopy/bytes.h"
#include "canopy/identity.h"

/* The wire carries these numbers; they never change their meaning. */
enum fact_type {
	FACT_FORK = 1,
	FACT_EXEC = 2,
	FACT_EXIT = 3,
	FACT_SNAPSHOT = 4, /* the process was seen running (or as a zombie) by a snapshot */
};

#define FACT_ID_UNKNOWN UINT32_MAX /* for uids, gids, loginuid, audit session: the kernel's own (uid_t)-1 */

/* Properties of an image, and of a process at the time of the fact. The wire carries these bits. */
enum fact_flag {
	FACT_SETUID = 1 << 0,         /* the exec changed the effective uid by the set-user-ID bit */
	FACT_SETGID = 1 << 1,         /* likewise gid */
	FACT_FILECAP = 1 << 2,        /* the exec gained permitted capabilities from the file */
	FACT_MEMFD = 1 << 3,          /* the executable is an anonymous memory file */
	FACT_DELETED = 1 << 4,        /* the executable has no link in its file system */
	FACT_UPPER = 1 << 5,          /* the executable lies in the upper layer of an overlay */
	FACT_ARGV_TRUNCATED = 1 << 6, /* argv is a prefix; argv_bytes tells the true length */
	FACT_EXE_TRUNCATED = 1 << 7,  /* exe is an intact tail of the path */
	FACT_CWD_TRUNCATED = 1 << 8,
	FACT_CGROUP_TRUNCATED = 1 << 9,
	FACT_ZOMBIE = 1 << 10,  /* snapshot only: dead, not yet reaped */
	FACT_EXE_KNOWN = 1 << 11, /* exe, inode, dev, mode, ctime hold knowledge (a fork carries none) */
	FACT_ARGV_KNOWN = 1 << 12, /* argv and argv_bytes hold knowledge; an empty argv is then really empty */
	FACT_CWD_KNOWN = 1 << 13,
	FACT_REDACTED = 1 << 14, /* the sensor hid secrets in argv or environ */
};

/* Credentials, namespaces and cgroup: what many facts of one host have in common. */
struct fact_context {
	uint32_t uid, gid;     /* real */
	uint32_t euid, egid;   /* effective */
	uint32_t suid, sgid;   /* saved */
	uint32_t fsuid, fsgid; /* file system */
	uint32_t loginuid;     /* audit login uid, FACT_ID_UNKNOWN when not set */
	uint32_t session;      /* audit session id, FACT_ID_UNKNOWN when not set */
	uint64_t cap_effective, cap_permitted, cap_inheritable;
	/* Inode numbers of the namespaces as in /proc/PID/ns; 0 = unknown (a dying task may have none). */
	uint32_t ns_mnt, ns_pid, ns_net, ns_user, ns_uts, ns_ipc, ns_cgroup, ns_time;
	uint64_t cgroup_id;     /* kernfs node id in the hierarchy of cgroup, 0 = unknown */
	/* Path below the root of its hierarchy, begins with '/', empty = unknown. The hierarchy is that of the pids controller
	 * where this is one of cgroup v1 and the process is not in its root, else the default one (v2). */
	struct bytes cgroup;
	struct bytes user;      /* name of uid as the host resolves it, empty = unknown */
	struct bytes nodename;  /* UTS node name of the process, empty = unknown */
};

/* How a process ended, as waitpid reports it. */
struct fact_exit {
	int32_t code;    /* 0..255; -1 when a signal ended it */
	uint32_t signal; /* 0 when it exited by itself */
	bool core;       /* a core was dumped */
	uint64_t utime_ns, stime_ns;
	uint64_t max_rss_bytes;
	uint64_t read_bytes, written_bytes; /* storage bytes (task_io_accounting); UINT64_MAX = unknown */
	struct process_key reaper; /* takes over the children that live on; tgid 0 = there were none, or unknown */
};

struct fact {
	enum fact_type type;
	uint32_t flags;   /* enum fact_flag */
	uint64_t time_ns; /* boottime at which the kernel said it */
	struct process_key self;
	struct process_key parent;  /* real_parent's thread-group leader at this moment; tgid 0 = none or unknown */
	struct process_key creator; /* who called fork; differs from parent under CLONE_PARENT; tgid 0 = unknown */
	uint32_t tid;               /* the thread that acted, initial pid namespace */
	uint32_t ns_tgid;           /* tgid in the innermost pid namespace; 0 = unknown */
	uint32_t pgid, sid;         /* initial pid namespace; 0 = unknown */
	uint32_t tty;               /* device number as in /proc/PID/stat (tty_nr); 0 = no terminal */
	uint32_t exec_seq;          /* 0 = the image inherited at fork, n = the n-th exec since fork seen by the sensor */
	struct bytes comm;          /* at most 15 bytes */
	const struct fact_context *context; /* never NULL */

	/* Image: FACT_EXEC and FACT_SNAPSHOT, where the *_KNOWN flags say so. */
	struct bytes exe;         /* absolute path as the process sees it, or memfd:NAME */
	struct bytes script;      /* file whose #! line chose the interpreter; empty = not a script */
	struct bytes interpreter; /* the interpreter of a script as its #! line names it; empty otherwise */
	struct bytes cwd;
	struct bytes argv;        /* the kernel's own form: each argument ended by a NUL; a last one without is cut */
	uint64_t argv_bytes;      /* true total length of argv in bytes, NULs included */
	struct bytes environ_;    /* selected variables NAME=VALUE, each ended by a NUL; empty unless configured */
	uint64_t exe_inode;
	uint64_t exe_ctime_ns;    /* 0 = unknown */
	uint32_t exe_dev;         /* kernel's 32-bit encoding: major << 20 | minor */
	uint32_t exe_mode;        /* st_mode */
	uint32_t exe_nlink;

	struct fact_exit exit; /* FACT_EXIT only */
};

/* Why facts are missing. The wire carries these numbers. */
enum gap_reason {
	GAP_RING_FULL = 1,      /* the ring had no room: the reader was starved */
	GAP_RECURSION = 2,      /* the kernel skipped a program that would have preempted itself */
	GAP_MAP_FAILED = 3,     /* no memory to build the record in: of a map in the kernel, or of the sensor */
	GAP_SPOOL_DROPPED = 4,  /* the spool reached its bound and dropped its oldest batches */
	GAP_SENSOR_DOWN = 5,    /* no sensor was attached in the interval */
	GAP_SEQUENCE = 6,       /* the collector saw a jump in the batch numbers */
	GAP_SPOOL_DAMAGED = 7,  /* records of the spool were unreadable */
	GAP_FILTERED = 8,       /* left out on request by a filter of the host */
	GAP_FOREST_FULL = 9,    /* the collector's forest had no room for the process; no sensor says it */
};

/* Loss, as an interval and counted by type. type 0 = facts of unknown type; count 0 = unknown number. */
struct gap {
	uint32_t type;   /* enum fact_type or 0 */
	uint32_t reason; /* enum gap_reason */
	uint64_t from_ns, to_ns; /* boottime */
	uint64_t count;
};

/* A completed snapshot: every process that ran between begin and end was listed by a FACT_SNAPSHOT, or has facts of its own
 * with a time after begin_ns. Whoever was last seen before begin_ns and has no exit is gone unseen. */
struct snapshot_mark {
	uint64_t begin_ns, end_ns; /* boottime */
};

#endif
