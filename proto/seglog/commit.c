/* SPDX-License-Identifier: Apache-2.0 */
/* Group commit: begin takes what is needed out of the log, run works on that alone, finish puts the result back. So run
 * needs no lock, and the owner goes on appending meanwhile. A commit never crosses a segment: it writes to the open
 * one, or seals that and makes the next, so that there is one file whose write can fail and one place to go back to.
 *
 * Checksums are computed in run too: off the owner's thread, and only then is it known which segment's seed counts. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "canopy/failpoint.h"
#include "proto/seglog/internal.h"

/* Files that wait for a sync, as descriptors of our own: the log may trim and close its own ones meanwhile. */
struct sync_set {
	int fds[SEGLOG_DIRTY_MAX + 2];
	uint64_t firsts[SEGLOG_DIRTY_MAX + 2]; /* of sealed segments alone */
	size_t count, sealed;
	int dir_fd; /* borrowed; -1 = nothing to sync in it */
};

struct seglog_commit {
	struct seglog_buffer buffer; /* owned */
	uint64_t end;                /* number behind the last record in it */
	struct segment segment;      /* that is written to; after a rotation the new one */
	struct parse_header header;  /* of the new one */
	uint64_t reserve;
	int old_fd; /* borrowed from the segment that is sealed */
	uint64_t old_bytes;
	int dir_fd; /* borrowed */
	bool rotate, sync;
	bool settled; /* all before it is durable */
	struct sync_set older; /* what was sealed before and is not yet durable */
	int error;
	bool retry; /* the error took nothing back and gave nothing out */
};

struct seglog_sync {
	struct sync_set set;
	int error;
};

static void set_close(struct sync_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		(void)close(set->fds[i]);
	set->count = 0;
}

static int set_add(struct sync_set *set, const struct segment *segment)
{
	int fd;

	assert(set->count < sizeof(set->fds) / sizeof(set->fds[0]));
	fd = fcntl(segment->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	set->firsts[set->count] = segment->first;
	set->fds[set->count++] = fd;
	return 0;
}

/* Collects the sealed segments that are dirty. They are the newest ones and at most SEGLOG_DIRTY_MAX + 1. */
static int set_collect(const struct seglog *log, struct sync_set *set)
{
	int r = 0;

	for (size_t i = log->segment_count - 1; r == 0 && i-- > 0;)
		if (log->segments[i].dirty)
			r = set_add(set, &log->segments[i]);
	set->sealed = set->count;
	return r;
}

static int set_sync(const struct sync_set *set)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < set->count; i++)
		r = segment_sync(set->fds[i]);
	if (r == 0 && set->dir_fd >= 0 && fsync(set->dir_fd) < 0)
		r = -errno;
	return r;
}

/* What the set has made durable is no longer dirty. */
static void set_settle(struct seglog *log, const struct sync_set *set)
{
	for (size_t i = 0; i < log->segment_count; i++)
		for (size_t k = 0; k < set->sealed; k++)
			if (log->segments[i].first == set->firsts[k])
				log->segments[i].dirty = false;
	seglog_settle(log);
}

static size_t dirty_count(const struct seglog *log)
{
	size_t count = 0;

	for (size_t i = log->segment_count - 1; i-- > 0 && log->segments[i].fd >= 0;)
		count += log->segments[i].dirty;
	return count;
}

/* Length and end number of the records of pending that go into a segment that is filled up to start. */
static size_t take_length(const struct seglog *log, uint64_t start, uint64_t *ret_end)
{
	uint64_t number = seglog_end(log);
	size_t taken = 0;

	do {
		struct format_record header;

		memcpy(&header, log->pending.data + taken, sizeof(header));
		taken += (size_t)format_record_bytes(le32toh(header.length));
		number++;
	} while (taken < log->pending.len && start + taken < log->segment_bytes && number != log->seal);
	*ret_end = number;
	return taken;
}

/* Moves the first length bytes of pending into the commit. */
static int detach(struct seglog *log, struct seglog_commit *commit, size_t length)
{
	struct seglog_buffer rest = log->spare;
	size_t left = log->pending.len - length;
	int r = left ? seglog_buffer_reserve(&rest, left) : 0;

	log->spare = rest;
	if (r < 0)
		return r;
	if (left)
		memcpy(rest.data, log->pending.data + length, left);
	rest.len = left;
	commit->buffer = log->pending;
	commit->buffer.len = length;
	log->pending = rest;
	log->spare = (struct seglog_buffer){0};
	return 0;
}

static int prepare(struct seglog *log, struct seglog_commit *commit)
{
	struct segment *open = seglog_open_segment(log);
	size_t length;
	int r = seglog_reserve_segment(log);

	open = seglog_open_segment(log);
	commit->rotate = (open->bytes >= log->segment_bytes || open->end == log->seal) && open->end > open->first;
	commit->settled = !open->dirty && !dirty_count(log);
	commit->segment = *open;
	commit->header = seglog_next_header(log, open, open->end);
	commit->reserve = log->segment_bytes;
	commit->old_fd = open->fd;
	commit->old_bytes = open->bytes;
	commit->dir_fd = log->dir_fd;
	commit->older.dir_fd = -1;
	if (r == 0 && (commit->sync || dirty_count(log) >= SEGLOG_DIRTY_MAX))
		r = set_collect(log, &commit->older);
	if (r < 0)
		return r;
	length = take_length(log, commit->rotate ? FORMAT_DATA_OFFSET : open->bytes, &commit->end);
	return detach(log, commit, length);
}

int seglog_commit_begin(struct seglog *log, bool sync, struct seglog_commit **ret)
{
	struct seglog_commit *commit;
	int r;

	if (log->error || log->read_only)
		return log->error ? log->error : -EROFS;
	if (log->commit)
		return -EBUSY;
	if (!log->pending.len)
		return -ENODATA;
	commit = calloc(1, sizeof(*commit));
	if (!commit)
		return -ENOMEM;
	commit->sync = sync;
	r = prepare(log, commit);
	if (r < 0) {
		set_close(&commit->older);
		free(commit);
		return r;
	}
	if (sync && log->dir_dirty)
		commit->older.dir_fd = log->dir_fd;
	log->dir_dirty = log->dir_dirty && !sync;
	log->commit = commit;
	*ret = commit;
	return 0;
}

static bool is_full(int error)
{
	return error == -ENOSPC || error == -EDQUOT;
}

static int start_segment(struct seglog_commit *commit)
{
	struct segment fresh;
	int r;

	/* First, since it gives back what was reserved and not used. A failure costs only that space: the length stands
	 * in the next header. */
	(void)segment_cut(commit->old_fd, commit->old_bytes);
	FAILPOINT("seglog-seal");
	r = segment_create(commit->dir_fd, &commit->header, commit->reserve, &fresh);
	if (r == 0)
		commit->segment = fresh;
	return r;
}

static int write_records(struct seglog_commit *commit)
{
	int r;

	if (commit->settled && commit->segment.version >= FORMAT_VERSION_SETTLED)
		parse_record_settled(commit->buffer.data);
	for (size_t at = 0; at < commit->buffer.len;)
		at += (size_t)parse_record_seal(commit->segment.seed, commit->buffer.data + at);
	FAILPOINT("seglog-before-write");
	r = segment_write(commit->segment.fd, commit->segment.bytes, commit->buffer.data, commit->buffer.len);
	FAILPOINT("seglog-after-write");
	return r;
}

/* A full disk has refused the new segment's records: as if it had never been made. */
static int undo_segment(struct seglog_commit *commit)
{
	segment_release(&commit->segment);
	return segment_unlink(commit->dir_fd, commit->segment.first);
}

static int sync_all(struct seglog_commit *commit)
{
	int r;

	FAILPOINT("seglog-before-fsync");
	if (commit->rotate)
		commit->older.dir_fd = commit->dir_fd;
	r = set_sync(&commit->older);
	if (r == 0 && commit->rotate)
		r = segment_sync(commit->old_fd);
	if (r == 0)
		r = segment_sync(commit->segment.fd);
	FAILPOINT("seglog-after-fsync");
	return r;
}

void seglog_commit_run(struct seglog_commit *commit)
{
	int r = commit->rotate ? start_segment(commit) : 0;

	if (r == 0) {
		r = write_records(commit);
		if (r < 0 && commit->rotate)
			commit->retry = undo_segment(commit) == 0;
		else if (r < 0)
			commit->retry = true;
	} else {
		commit->retry = true;
	}
	commit->retry = commit->retry && is_full(r);
	if (r == 0 && commit->sync)
		r = sync_all(commit);
	else if (r == 0 && commit->older.count)
		r = set_sync(&commit->older);
	commit->error = r;
}

static void publish(struct seglog *log, struct seglog_commit *commit)
{
	struct segment *open = seglog_open_segment(log);

	if (commit->rotate) {
		open->dirty = !commit->sync;
		log->bytes += commit->segment.bytes;
		log->segments[log->segment_count++] = commit->segment;
		log->dir_dirty = log->dir_dirty || !commit->sync;
		open = seglog_open_segment(log);
	}
	open->end = commit->end;
	open->bytes += commit->buffer.len;
	open->dirty = !commit->sync;
	log->bytes += commit->buffer.len;
	set_settle(log, &commit->older);
	if (log->spare.data == NULL) {
		log->spare = commit->buffer;
		seglog_buffer_reset(&log->spare);
		commit->buffer = (struct seglog_buffer){0};
	}
	if (log->pending.len == 0) {
		seglog_buffer_rest(&log->pending);
		seglog_buffer_rest(&log->spare);
	}
}

/* What could not be written is pending again, before what has come since. */
static int put_back(struct seglog *log, struct seglog_commit *commit)
{
	int r = seglog_buffer_reserve(&commit->buffer, log->pending.len);

	if (r < 0)
		return r;
	if (log->pending.len)
		memcpy(commit->buffer.data + commit->buffer.len, log->pending.data, log->pending.len);
	commit->buffer.len += log->pending.len;
	seglog_buffer_free(&log->pending);
	log->pending = commit->buffer;
	commit->buffer = (struct seglog_buffer){0};
	return 0;
}

int seglog_commit_finish(struct seglog *log, struct seglog_commit *commit, uint64_t *ret_durable)
{
	int r = commit->error;

	assert(log->commit == commit);
	log->commit = NULL;
	if (r == 0) {
		publish(log, commit);
	} else {
		log->dir_dirty = true;
		if (!commit->retry || put_back(log, commit) < 0) {
			log->error = r;
			if (commit->rotate && commit->segment.first != seglog_open_segment(log)->first)
				segment_release(&commit->segment);
		}
	}
	if (ret_durable)
		*ret_durable = seglog_durable(log);
	set_close(&commit->older);
	seglog_buffer_free(&commit->buffer);
	free(commit);
	return r;
}

int seglog_commit(struct seglog *log, bool sync, uint64_t *ret_durable)
{
	int r;

	do {
		struct seglog_commit *commit;

		r = seglog_commit_begin(log, sync, &commit);
		if (r < 0)
			break;
		seglog_commit_run(commit);
		r = seglog_commit_finish(log, commit, NULL);
	} while (r == 0 && log->pending.len);
	if (ret_durable)
		*ret_durable = seglog_durable(log);
	return r;
}

int seglog_sync_begin(struct seglog *log, struct seglog_sync **ret)
{
	struct segment *open = seglog_open_segment(log);
	struct seglog_sync *sync;
	int r;

	if (log->error || log->read_only)
		return log->error ? log->error : -EROFS;
	if (log->sync)
		return -EBUSY;
	if (!open->dirty && !log->dir_dirty && !dirty_count(log))
		return -ENODATA;
	sync = calloc(1, sizeof(*sync));
	if (!sync)
		return -ENOMEM;
	sync->set.dir_fd = log->dir_dirty ? log->dir_fd : -1;
	r = set_collect(log, &sync->set);
	if (r == 0 && open->dirty)
		r = set_add(&sync->set, open);
	if (r < 0) {
		set_close(&sync->set);
		free(sync);
		return r;
	}
	/* A commit that ends while the sync runs sets them anew. */
	open->dirty = false;
	log->dir_dirty = false;
	log->sync = sync;
	*ret = sync;
	return 0;
}

void seglog_sync_run(struct seglog_sync *sync)
{
	FAILPOINT("seglog-before-fsync");
	sync->error = set_sync(&sync->set);
	FAILPOINT("seglog-after-fsync");
}

int seglog_sync_finish(struct seglog *log, struct seglog_sync *sync)
{
	int r = sync->error;

	assert(log->sync == sync);
	log->sync = NULL;
	if (r == 0)
		set_settle(log, &sync->set);
	else
		log->error = r;
	set_close(&sync->set);
	free(sync);
	return r;
}
