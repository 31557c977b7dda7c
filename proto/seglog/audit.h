/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a whole log and tells whatever is wrong with it, and where. Only reads: no lock is taken, nothing is repaired,
 * so the owner may be at work on the folder. What it adds or trims meanwhile is left out. */
#ifndef CANOPY_PROTO_SEGLOG_AUDIT_H
#define CANOPY_PROTO_SEGLOG_AUDIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/seglog/seglog.h"

enum audit_type {
	/* Damage. */
	AUDIT_HOLE,        /* bytes of a segment are damaged; records are lost with them when to > from */
	AUDIT_SHORT,       /* a sealed segment ends too early */
	AUDIT_MISSING,     /* the file of a segment is gone */
	AUDIT_HEADER,      /* one copy of a header is damaged, the other one serves */
	AUDIT_UNREADABLE,  /* both are: without them no record of the segment can be told */
	AUDIT_FOREIGN,     /* of another log, kind or newer version; or renamed */
	AUDIT_UNREAD,      /* the file cannot be read: error says why */
	/* What crashes leave; nothing that was promised is lost. */
	AUDIT_TORN,        /* an incomplete record at the end, or one that is being written */
	AUDIT_UNBORN,      /* a newest segment of zeros, or one that is being made */
	AUDIT_SKIPPED,     /* record numbers that were given out and never written */
};

struct audit_finding {
	enum audit_type type;
	uint64_t segment;       /* number in the file's name */
	uint64_t offset, bytes; /* in that file; 0, 0: the file as a whole */
	uint64_t from, to;      /* record numbers [from, to) that are gone */
	int error;              /* -errno of AUDIT_UNREAD */
};

struct audit_events {
	void *owner;
	/* Before all others, once it is known whose log this is; 0, 0 when no header says. */
	void (*begin)(void *owner, uint32_t kind, uint64_t id);
	/* In the order of the numbers, findings at the place where they were met. A negative return ends the audit. */
	int (*record)(void *owner, uint64_t segment, uint64_t offset, const struct seglog_record *record);
	int (*finding)(void *owner, const struct audit_finding *finding);
};

struct audit_result {
	uint32_t kind, version; /* 0: no segment says so */
	uint64_t id;
	uint64_t segments, bytes, records; /* bytes up to the end of the last record of each */
	uint64_t first, next;              /* record numbers, the oldest and the one that comes next */
	pid_t owner;                       /* process that holds the log, 0 = none, -1 = one that cannot be told */
};

bool audit_is_damage(enum audit_type type);

/* Errors: -ENOENT (no such folder, or no segment in it), -ENOMEM, the errno of the failing call, or what an event
 * returned; *ret_why (may be NULL) is then a malloc'ed sentence or NULL, freed by the caller. */
int seglog_audit(const char *dir, const struct audit_events *events, struct audit_result *ret, char **ret_why);

#endif
