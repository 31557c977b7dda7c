/* SPDX-License-Identifier: Apache-2.0 */
/* What an audit of a journal or spool has found, in the words of those who have to act on it: which batches of which
 * host boot and stream are gone. Independent of how it is shown. */
#ifndef CANOPY_CONSOLE_CLI_AUDIT_H
#define CANOPY_CONSOLE_CLI_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "canopy/arena.h"
#include "canopy/identity.h"
#include "proto/seglog/audit.h"

#define REPORT_FINDINGS_MAX 10000u /* described; more are only counted */
#define REPORT_LOST_MAX 100000u    /* ranges over all findings; more are only counted */

/* Batches [from, to] of a stream. */
struct lost {
	size_t finding; /* the one that took them */
	struct boot_id boot;
	bool boot_known;
	uint64_t stream, from, to;
};

/* Beside the segment log's own types. */
enum {
	REPORT_DISORDER = 100, /* a batch stands behind a later one of its stream: from is its record, to the one before */
	REPORT_UNDECODABLE,    /* intact, and yet no batch, or one with another number than its record */
	REPORT_UNKNOWN,        /* records of a type that this version does not know */
	REPORT_ELSEWHERE,      /* batches that never came here; nothing of this log is missing */
	REPORT_ACKED,          /* the spool's position is beyond its end, or unreadable */
};

struct report_finding {
	struct audit_finding at; /* type: one of the above, too */
	uint64_t count;          /* of REPORT_UNKNOWN and REPORT_ELSEWHERE: records, batches */
	bool damage;
};

struct report_stream {
	struct boot_id boot;
	uint64_t stream, last_seq, last_number; /* 0 = the slot is free */
};

struct report {
	struct audit_result log;
	struct report_finding *findings; /* owned */
	size_t finding_count, finding_capacity;
	struct lost *lost; /* owned */
	size_t lost_count, lost_capacity;
	uint64_t findings_left_out, lost_left_out, damages, lost_records, batches;
	struct report_stream *streams; /* owned; open addressing, a power of two */
	size_t stream_count, stream_capacity;
	uint64_t acked; /* of a spool; 0 = unknown or nothing */
	struct arena arena;
	size_t last_damage; /* index of the newest finding that may have taken batches + 1, 0 = none */
	struct boot_id boot; /* of the newest batch of a spool */
	bool boot_known;
};

#define REPORT_NULL ((struct report){0})

/* Audits the log in dir. Errors and *ret_why: as seglog_audit. */
int report_make(struct report *ret, const char *dir, char **ret_why);
void report_finish(struct report *report);

#endif
