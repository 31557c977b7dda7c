/* SPDX-License-Identifier: Apache-2.0 */
/* The segment log knows record numbers alone. In a spool a record number is a batch's seq; in a journal, what a hole has
 * taken shows when the next batch of each stream comes: its number has jumped, and the hole lies in between. A jump
 * without one is no damage: the sensor dropped those batches, or another collector has them. */
#include "collector/console/cli/audit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/journal/entry.h"
#include "proto/seglog/acked.h"

#define STREAMS_MIN 64u

/* ---- findings ------------------------------------------------------------------------------------------------ */

static int grow(void **list, size_t count, size_t *capacity, size_t size)
{
	size_t more = *capacity ? *capacity * 2 : 16;
	void *grown;

	if (count < *capacity)
		return 0;
	grown = realloc(*list, more * size);
	if (!grown)
		return -ENOMEM;
	*list = grown;
	*capacity = more;
	return 0;
}

static int add_finding(struct report *report, const struct audit_finding *at, uint64_t count, bool damage)
{
	int r;

	report->damages += damage;
	if (report->finding_count >= REPORT_FINDINGS_MAX) {
		report->findings_left_out++;
		return 0;
	}
	r = grow((void **)&report->findings, report->finding_count, &report->finding_capacity,
		 sizeof(*report->findings));
	if (r < 0)
		return r;
	report->findings[report->finding_count++] = (struct report_finding){*at, count, damage};
	return 0;
}

static int add_lost(struct report *report, size_t finding, const struct boot_id *boot, uint64_t stream, uint64_t from,
		    uint64_t to)
{
	struct lost lost = {.finding = finding, .stream = stream, .from = from, .to = to, .boot_known = boot != NULL};
	int r;

	if (report->lost_count >= REPORT_LOST_MAX) {
		report->lost_left_out++;
		return 0;
	}
	r = grow((void **)&report->lost, report->lost_count, &report->lost_capacity, sizeof(*report->lost));
	if (r < 0)
		return r;
	if (boot)
		lost.boot = *boot;
	report->lost[report->lost_count++] = lost;
	return 0;
}

static int on_finding(void *owner, const struct audit_finding *finding)
{
	struct report *report = owner;
	bool damage = audit_is_damage(finding->type);
	int r = add_finding(report, finding, 0, damage);

	if (r < 0 || !damage)
		return r;
	report->lost_records += finding->to - finding->from;
	if (finding->to > finding->from || finding->type == AUDIT_UNREADABLE || finding->type == AUDIT_UNREAD)
		report->last_damage = report->finding_count;
	if (report->log.kind == SEGLOG_SPOOL && finding->to > finding->from)
		r = add_lost(report, report->finding_count - 1, report->boot_known ? &report->boot : NULL, report->log.id,
			     finding->from, finding->to - 1);
	return r;
}

/* A note of this kind about one more record; notes of one kind are one finding. */
static int count_note(struct report *report, int type, uint64_t segment, uint64_t offset, uint64_t count)
{
	struct audit_finding at = {.type = (enum audit_type)type, .segment = segment, .offset = offset};

	for (size_t i = 0; i < report->finding_count; i++) {
		if (report->findings[i].at.type != at.type)
			continue;
		report->findings[i].count += count;
		return 0;
	}
	return add_finding(report, &at, count, false);
}

/* ---- streams ------------------------------------------------------------------------------------------------- */

static uint64_t hash_stream(const struct boot_id *boot, uint64_t stream)
{
	uint64_t hash = 14695981039346656037u ^ stream; /* FNV-1a */

	for (size_t i = 0; i < sizeof(boot->octets); i++)
		hash = (hash ^ boot->octets[i]) * 1099511628211u;
	return hash ^ hash >> 32;
}

static struct report_stream *slot_of(struct report_stream *streams, size_t capacity, const struct boot_id *boot,
				     uint64_t stream)
{
	size_t at = hash_stream(boot, stream) & (capacity - 1);

	while (streams[at].last_number &&
	       (streams[at].stream != stream || !boot_id_equal(&streams[at].boot, boot)))
		at = (at + 1) & (capacity - 1);
	return &streams[at];
}

static int grow_streams(struct report *report)
{
	size_t capacity = report->stream_capacity ? report->stream_capacity * 2 : STREAMS_MIN;
	struct report_stream *streams;

	if (report->stream_count * 2 < report->stream_capacity)
		return 0;
	streams = calloc(capacity, sizeof(*streams));
	if (!streams)
		return -ENOMEM;
	for (size_t i = 0; i < report->stream_capacity; i++) {
		const struct report_stream *old = &report->streams[i];

		if (old->last_number)
			*slot_of(streams, capacity, &old->boot, old->stream) = *old;
	}
	free(report->streams);
	report->streams = streams;
	report->stream_capacity = capacity;
	return 0;
}

/* Where a jump from after last to seq comes from. */
static int note_jump(struct report *report, const struct report_stream *slot, const struct batch_id *id,
		     uint64_t segment, uint64_t offset)
{
	size_t damage = report->last_damage;

	if (damage && report->findings[damage - 1].at.from >= slot->last_number)
		return add_lost(report, damage - 1, &id->boot, id->stream, slot->last_seq + 1, id->seq - 1);
	return count_note(report, REPORT_ELSEWHERE, segment, offset, id->seq - slot->last_seq - 1);
}

static int follow_stream(struct report *report, const struct batch_id *id, uint64_t number, uint64_t segment,
			 uint64_t offset)
{
	struct audit_finding at = {(enum audit_type)REPORT_DISORDER, segment, offset, 0, number, 0, 0};
	struct report_stream *slot;
	int r = grow_streams(report);

	if (r < 0)
		return r;
	slot = slot_of(report->streams, report->stream_capacity, &id->boot, id->stream);
	at.to = slot->last_number;
	if (!slot->last_number)
		report->stream_count++;
	else if (id->seq <= slot->last_seq)
		r = add_finding(report, &at, 0, true);
	else if (id->seq > slot->last_seq + 1)
		r = note_jump(report, slot, id, segment, offset);
	if (!slot->last_number || id->seq > slot->last_seq)
		*slot = (struct report_stream){id->boot, id->stream, id->seq, number};
	return r;
}

/* ---- records ------------------------------------------------------------------------------------------------- */

static int undecodable(struct report *report, uint64_t segment, uint64_t offset, uint64_t number)
{
	struct audit_finding at = {(enum audit_type)REPORT_UNDECODABLE, segment, offset, 0, number, number + 1, 0};

	report->lost_records++;
	return add_finding(report, &at, 0, true);
}

static int take_spooled(struct report *report, uint64_t segment, uint64_t offset, const struct seglog_record *record)
{
	struct batch batch;
	int r = batch_decode(&report->arena, (const uint8_t *)record->payload.data, record->payload.len, &batch, NULL);

	if (r == -ENOMEM)
		return r;
	if (r < 0 || batch.id.seq != record->number || batch.id.stream != report->log.id)
		return undecodable(report, segment, offset, record->number);
	report->batches++;
	report->boot = batch.id.boot;
	report->boot_known = true;
	return 0;
}

static int take_journaled(struct report *report, uint64_t segment, uint64_t offset, const struct seglog_record *record)
{
	struct journal_entry entry;
	int r;

	if (record->type < JOURNAL_BATCH || record->type > JOURNAL_CHECKPOINT_END)
		return count_note(report, REPORT_UNKNOWN, segment, offset, 1);
	r = entry_decode(&report->arena, record->type, record->payload, &entry);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return undecodable(report, segment, offset, record->number);
	if (entry.type != JOURNAL_BATCH)
		return 0;
	report->batches++;
	return follow_stream(report, &entry.batch.id, record->number, segment, offset);
}

static int on_record(void *owner, uint64_t segment, uint64_t offset, const struct seglog_record *record)
{
	struct report *report = owner;

	arena_reset(&report->arena);
	return report->log.kind == SEGLOG_SPOOL ? take_spooled(report, segment, offset, record)
						: take_journaled(report, segment, offset, record);
}

static void on_begin(void *owner, uint32_t kind, uint64_t id)
{
	struct report *report = owner;

	report->log.kind = kind;
	report->log.id = id;
}

static int check_acked(struct report *report, const char *dir)
{
	struct audit_finding at = {.type = (enum audit_type)REPORT_ACKED, .from = report->log.next};

	if (report->log.kind != SEGLOG_SPOOL)
		return 0;
	report->acked = acked_read(dir, report->log.id);
	at.to = report->acked;
	return report->acked < report->log.next || report->log.owner ? 0 : add_finding(report, &at, 0, false);
}

int report_make(struct report *ret, const char *dir, char **ret_why)
{
	struct audit_events events = {ret, on_begin, on_record, on_finding};
	int r;

	*ret = REPORT_NULL;
	ret->arena = ARENA_NULL;
	r = seglog_audit(dir, &events, &ret->log, ret_why);
	if (r == 0)
		r = check_acked(ret, dir);
	if (r < 0)
		report_finish(ret);
	return r;
}

void report_finish(struct report *report)
{
	arena_finish(&report->arena);
	free(report->findings);
	free(report->lost);
	free(report->streams);
	*report = REPORT_NULL;
}
