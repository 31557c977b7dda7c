/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the newest complete checkpoint: it begins a segment, so the first record of each segment is looked at, the
 * newest first; whether it is complete only reading up to its end can tell. */
#include "collector/journal/internal.h"

#include "collector/journal/entry.h"
#include "proto/seglog/format.h"

/* Reads up to the end that belongs to ret->begin. Returns 0, JOURNAL_E_END (it is not complete) or -errno. */
static int find_end(struct seglog_reader *reader, struct journal_checkpoint *ret)
{
	struct seglog_record record;
	struct journal_entry entry;
	uint64_t parts = 0;
	int r;

	/* a hole may have taken a part along: the count of parts tells */
	while ((r = seglog_reader_next(reader, &record)) == 0 || r == SEGLOG_E_HOLE) {
		if (r == SEGLOG_E_HOLE)
			continue;
		if (record.type == JOURNAL_CHECKPOINT_BEGIN)
			break; /* whoever wrote this one was killed */
		if (!entry_is_part(record.type) && record.type != JOURNAL_CHECKPOINT_END)
			continue;
		ret->bytes += format_record_bytes(record.payload.len);
		parts += record.type != JOURNAL_CHECKPOINT_END;
		if (record.type != JOURNAL_CHECKPOINT_END)
			continue;
		ret->end = record.number;
		if (entry_decode(NULL, record.type, record.payload, &entry) < 0 || entry.begin != ret->begin ||
		    entry.parts != parts)
			break;
		return 0;
	}
	return r < 0 ? r : JOURNAL_E_END;
}

/* Whether a complete checkpoint begins at this position. */
static int look_at(struct journal *journal, uint64_t position, struct journal_checkpoint *ret)
{
	struct journal_checkpoint found = {.begin = position};
	struct seglog_reader *reader;
	struct seglog_record record;
	int r = seglog_reader_open(&reader, journal->log, position);

	if (r < 0)
		return r;
	r = seglog_reader_next(reader, &record);
	found.bytes = r == 0 ? format_record_bytes(record.payload.len) : 0;
	if (r == 0 && record.type == JOURNAL_CHECKPOINT_BEGIN)
		r = find_end(reader, &found);
	else if (r >= 0)
		r = JOURNAL_E_END;
	if (r == 0)
		*ret = found;
	seglog_reader_close(reader);
	return r;
}

int journal_find_checkpoint(struct journal *journal, uint64_t position, struct journal_checkpoint *ret)
{
	uint64_t durable = seglog_durable(journal->log), first = seglog_first(journal->log);
	uint64_t at = position > durable ? durable : position - 1;

	while (at >= first && (at = seglog_segment_of(journal->log, at)) != 0) {
		int r = look_at(journal, at--, ret);

		if (r != JOURNAL_E_END)
			return r;
	}
	return JOURNAL_E_END;
}
