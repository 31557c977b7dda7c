/* SPDX-License-Identifier: Apache-2.0 */
/* A reader has a file descriptor of its own and asks the log by number how far it may read: no link between the two has
 * to be kept up when segments come and go, and a file that is removed under a reader lasts until it has read it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/seglog/internal.h"
#include "proto/seglog/walk.h"

struct seglog_reader {
	struct seglog *log; /* borrowed */
	uint64_t number;    /* that next answers with */
	int fd;             /* of the segment that is read, or -1 */
	uint64_t segment;   /* its first number */
	uint64_t end;       /* record numbers from here on are not of this segment */
	uint64_t limit;     /* likewise file bytes; both refreshed before each read */
	struct walk walk;
	struct seglog_record held; /* found behind a hole that has to be told first */
	bool holding;
};

int seglog_reader_open(struct seglog_reader **ret, struct seglog *log, uint64_t number)
{
	struct seglog_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return -ENOMEM;
	reader->log = log;
	reader->number = number ? number : 1;
	reader->fd = -1;
	reader->walk.fd = -1;
	*ret = reader;
	return 0;
}

static void leave_segment(struct seglog_reader *reader)
{
	if (reader->fd >= 0)
		(void)close(reader->fd);
	reader->fd = -1;
}

void seglog_reader_close(struct seglog_reader *reader)
{
	if (!reader)
		return;
	leave_segment(reader);
	walk_finish(&reader->walk);
	free(reader);
}

/* The segment that holds number, or the first one behind it; NULL when all are before it. */
static const struct segment *segment_for(const struct seglog *log, uint64_t number)
{
	size_t low = 0, high = log->segment_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (log->segments[middle].end <= number)
			low = middle + 1;
		else
			high = middle;
	}
	while (low < log->segment_count &&
	       (log->segments[low].unreadable || log->segments[low].end == log->segments[low].first))
		low++;
	return low < log->segment_count ? &log->segments[low] : NULL;
}

/* The segment whose first record is number, or NULL. */
static const struct segment *segment_at(const struct seglog *log, uint64_t number)
{
	size_t low = 0, high = log->segment_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (log->segments[middle].first < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < log->segment_count && log->segments[low].first == number ? &log->segments[low] : NULL;
}

/* How far the segment under the reader goes by now. One that is gone from the log was cut at what was committed when it
 * was sealed. */
static int refresh(struct seglog_reader *reader)
{
	const struct segment *segment = segment_at(reader->log, reader->segment);
	struct stat st;

	if (segment) {
		reader->end = segment->end;
		reader->limit = segment->bytes;
		return 0;
	}
	if (fstat(reader->fd, &st) < 0)
		return -errno;
	reader->end = seglog_first(reader->log);
	reader->limit = (uint64_t)st.st_size;
	return 0;
}

static int enter_segment(struct seglog_reader *reader, const struct segment *segment)
{
	int r = segment_open(reader->log->dir_fd, segment->first, O_RDONLY, &reader->fd);

	if (r < 0)
		return r;
	reader->segment = segment->first;
	reader->end = segment->end;
	reader->limit = segment->bytes;
	walk_init(&reader->walk, reader->fd, segment->seed, segment->first);
	return walk_seek(&reader->walk, reader->limit, reader->number);
}

/* The next whole record of the segment under the reader at or behind its number; SEGLOG_E_END when it has none. */
static int next_here(struct seglog_reader *reader, struct seglog_record *ret)
{
	int r;

	do {
		if (reader->walk.number >= reader->end)
			return SEGLOG_E_END;
		r = walk_next(&reader->walk, reader->limit, ret);
		if (r < 0)
			return r;
	} while (r == 0 && ret->number < reader->number);
	return r == 0 && ret->number < reader->end ? 0 : SEGLOG_E_END;
}

/* The next whole record anywhere; SEGLOG_E_END when nothing committed is left. */
static int find(struct seglog_reader *reader, struct seglog_record *ret)
{
	const struct segment *segment;
	uint64_t from = reader->number;
	int r;

	for (;;) {
		if (reader->fd >= 0) {
			r = refresh(reader);
			if (r == 0)
				r = next_here(reader, ret);
			if (r != SEGLOG_E_END)
				return r;
			from = reader->end > from ? reader->end : from;
		}
		segment = segment_for(reader->log, from);
		if (!segment)
			return SEGLOG_E_END;
		leave_segment(reader);
		r = enter_segment(reader, segment);
		if (r == -ENOENT)
			from = segment->end;
		else if (r < 0)
			return r;
	}
}

int seglog_reader_next(struct seglog_reader *reader, struct seglog_record *ret)
{
	struct seglog_record record;
	int r = 0;

	if (reader->holding)
		record = reader->held;
	else
		r = find(reader, &record);
	if (r < 0)
		return r;
	if (r == SEGLOG_E_END) {
		/* Committed, and yet not to be found: the hole reaches up to what comes next. */
		uint64_t end = seglog_end(reader->log);

		if (reader->number >= end)
			return SEGLOG_E_END;
		record = (struct seglog_record){.number = end};
	}
	if (record.number > reader->number) {
		reader->holding = r == 0;
		reader->held = record;
		reader->number = record.number;
		*ret = (struct seglog_record){.number = record.number};
		return SEGLOG_E_HOLE;
	}
	reader->holding = false;
	reader->number = record.number + 1;
	*ret = record;
	return 0;
}
