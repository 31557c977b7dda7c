/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of segments: opening, closing, collecting, trimming. Committing is in commit.c, reading in reader.c.
 *
 * There is always an open segment, be it empty, so that number and id survive when everything else has been trimmed. */
#include "proto/seglog/seglog.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "canopy/durable.h"
#include "canopy/failpoint.h"
#include "canopy/regular.h"
#include "proto/seglog/internal.h"

void seglog_why(char **ret_why, const char *format, ...)
{
	va_list args;

	if (!ret_why)
		return;
	va_start(args, format);
	if (vasprintf(ret_why, format, args) < 0)
		*ret_why = NULL;
	va_end(args);
}

/* An owner that cannot be asked for its name has at least written its process id. */
static void lock_why(struct seglog *log, char **ret_why)
{
	char pid[16] = "";
	ssize_t n = pread(log->lock_fd, pid, sizeof(pid) - 1, 0);

	while (n > 0 && (pid[n - 1] < '0' || pid[n - 1] > '9'))
		n--;
	pid[n > 0 ? n : 0] = '\0';
	seglog_why(ret_why, "%s is in use by another process (%s holds %s/lock): stop it, or use another folder",
		   log->dir, *pid ? pid : "it", log->dir);
}

static int take_lock(struct seglog *log, char **ret_why)
{
	int r;

	log->lock_fd = regular_open(log->dir_fd, "lock", O_RDWR | O_CREAT, 0600);
	if (log->lock_fd < 0) {
		r = log->lock_fd;
		seglog_why(ret_why, "cannot open %s/lock: %s: check owner and mode of the folder", log->dir,
			   strerror(-r));
		return r;
	}
	if (flock(log->lock_fd, LOCK_EX | LOCK_NB) == 0) {
		/* The process id is for people; the lock holds without it. */
		if (ftruncate(log->lock_fd, 0) == 0)
			(void)dprintf(log->lock_fd, "%ld\n", (long)getpid());
		return 0;
	}
	r = errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (r == -EBUSY)
		lock_why(log, ret_why);
	else
		seglog_why(ret_why, "cannot lock %s/lock: %s", log->dir, strerror(-r));
	return r;
}

static int open_folder(struct seglog *log, char **ret_why)
{
	int r;

	if (!log->read_only)
		(void)durable_mkdir(log->dir, 0700); /* what is wrong with it shows when it is opened */
	log->dir_fd = open(log->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (log->dir_fd < 0) {
		r = -errno;
		seglog_why(ret_why, "cannot open the folder %s: %s: check that its parent exists and may be written",
			   log->dir, strerror(-r));
		return r;
	}
	return log->read_only ? 0 : take_lock(log, ret_why);
}

int seglog_open(struct seglog **ret, const struct seglog_options *options, struct seglog_recovery *ret_recovery,
		char **ret_why)
{
	struct seglog_recovery recovery = {0};
	struct seglog *log = calloc(1, sizeof(*log));
	int r;

	if (!log)
		return -ENOMEM;
	log->dir_fd = log->lock_fd = -1;
	log->kind = options->kind;
	log->id = options->id;
	log->segment_bytes = options->segment_bytes;
	log->read_only = options->read_only;
	log->dir = strdup(options->dir);
	r = log->dir ? open_folder(log, ret_why) : -ENOMEM;
	if (r == 0)
		r = seglog_recover(log, options->verify || options->read_only, &recovery, ret_why);
	if (r < 0) {
		seglog_close(log);
		return r;
	}
	log->next = recovery.next;
	if (ret_recovery)
		*ret_recovery = recovery;
	*ret = log;
	return 0;
}

void seglog_close(struct seglog *log)
{
	if (!log)
		return;
	assert(!log->commit && !log->sync);
	/* What is reserved and not used goes back to the file system; recovery does without, too. */
	if (log->segment_count && !log->error && seglog_open_segment(log)->fd >= 0)
		(void)segment_cut(seglog_open_segment(log)->fd, seglog_open_segment(log)->bytes);
	for (size_t i = 0; i < log->segment_count; i++)
		segment_release(&log->segments[i]);
	free(log->segments);
	seglog_buffer_free(&log->pending);
	seglog_buffer_free(&log->spare);
	if (log->lock_fd >= 0)
		(void)close(log->lock_fd);
	if (log->dir_fd >= 0)
		(void)close(log->dir_fd);
	free(log->dir);
	free(log);
}

static size_t payload_bytes(const struct bytes *parts, size_t count)
{
	size_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += parts[i].len;
	return sum;
}

int seglog_reserve(struct seglog *log, size_t length)
{
	size_t whole = (size_t)format_record_bytes(length);

	if (log->error || log->read_only)
		return log->error ? log->error : -EROFS;
	if (length > SEGLOG_RECORD_MAX)
		return -EMSGSIZE;
	if (log->pending.len + whole > SEGLOG_PENDING_MAX)
		return -ENOBUFS;
	return seglog_buffer_reserve(&log->pending, whole) < 0 ? -ENOMEM : 0;
}

int seglog_append(struct seglog *log, uint8_t type, const struct bytes *parts, size_t count, uint64_t *ret_number)
{
	size_t length = payload_bytes(parts, count), whole = (size_t)format_record_bytes(length);
	struct format_record header = {.length = htole32((uint32_t)length), .type = type, .number = htole64(log->next)};
	uint8_t *at;
	int r = seglog_reserve(log, length);

	if (r < 0)
		return r;
	at = log->pending.data + log->pending.len;
	memcpy(at, &header, sizeof(header));
	at += sizeof(header);
	for (size_t i = 0; i < count; i++) {
		if (parts[i].len)
			memcpy(at, parts[i].data, parts[i].len);
		at += parts[i].len;
	}
	memset(at, 0, whole - sizeof(header) - length);
	log->pending.len += whole;
	FAILPOINT("seglog-append");
	*ret_number = log->next++;
	return 0;
}

size_t seglog_pending(const struct seglog *log)
{
	return log->pending.len;
}

int seglog_discard(struct seglog *log)
{
	struct segment *open = seglog_open_segment(log);

	if (log->commit)
		return -EBUSY;
	/* A commit that a full disk broke off may have written some of it: it must not come back with the next
	 * recovery. */
	if (log->pending.len && open->fd >= 0)
		(void)segment_cut(open->fd, open->bytes);
	log->pending.len = 0;
	log->next = seglog_end(log);
	return 0;
}

void seglog_seal(struct seglog *log)
{
	log->seal = log->next;
}

uint64_t seglog_segment_of(const struct seglog *log, uint64_t number)
{
	size_t i = log->segment_count;

	while (i > 0 && log->segments[i - 1].first > number)
		i--;
	return i > 0 ? log->segments[i - 1].first : 0;
}

uint64_t seglog_bytes_from(const struct seglog *log, uint64_t number)
{
	uint64_t bytes = 0;

	for (size_t i = log->segment_count; i-- > 0 && log->segments[i].first >= number;)
		bytes += log->segments[i].bytes;
	return bytes;
}

uint64_t seglog_first(const struct seglog *log)
{
	return log->segments[0].first;
}

uint64_t seglog_next(const struct seglog *log)
{
	return log->next;
}

uint64_t seglog_durable(const struct seglog *log)
{
	return seglog_end(log) - 1;
}

uint64_t seglog_bytes(const struct seglog *log)
{
	return log->bytes;
}

uint64_t seglog_sealed_bytes(const struct seglog *log)
{
	return log->bytes - seglog_open_segment(log)->bytes;
}

uint64_t seglog_id(const struct seglog *log)
{
	return log->id;
}

int seglog_error(const struct seglog *log)
{
	return log->error;
}

int seglog_reserve_segment(struct seglog *log)
{
	size_t capacity = log->segment_capacity ? log->segment_capacity * 2 : 16;
	struct segment *segments;

	if (log->segment_count < log->segment_capacity)
		return 0;
	segments = realloc(log->segments, capacity * sizeof(*segments));
	if (!segments)
		return -ENOMEM;
	log->segments = segments;
	log->segment_capacity = capacity;
	return 0;
}

struct parse_header seglog_next_header(const struct seglog *log, const struct segment *previous, uint64_t first)
{
	struct parse_header header = {.version = FORMAT_VERSION, .kind = log->kind, .id = log->id, .first = first};

	if (previous) {
		header.previous_first = previous->first;
		header.previous_end = previous->end;
		header.previous_bytes = previous->bytes;
	}
	return header;
}

int seglog_rotate(struct seglog *log, uint64_t first)
{
	struct segment *previous = log->segment_count ? seglog_open_segment(log) : NULL;
	struct parse_header header = seglog_next_header(log, previous, first);
	struct segment fresh;
	int r = seglog_reserve_segment(log);

	if (r < 0)
		return r;
	previous = log->segment_count ? seglog_open_segment(log) : NULL;
	if (previous && previous->dirty) {
		r = segment_sync(previous->fd);
		if (r < 0)
			return log->error = r;
		previous->dirty = false;
	}
	r = segment_create(log->dir_fd, &header, log->segment_bytes, &fresh);
	if (r < 0)
		return r;
	if (previous && previous->fd >= 0)
		(void)segment_cut(previous->fd, previous->bytes);
	log->segments[log->segment_count++] = fresh;
	log->bytes += fresh.bytes;
	log->dir_dirty = true;
	seglog_settle(log);
	return 0;
}

void seglog_settle(struct seglog *log)
{
	for (size_t i = log->segment_count - 1; i-- > 0;) {
		if (log->segments[i].fd >= 0 && !log->segments[i].dirty)
			segment_release(&log->segments[i]);
	}
}

/* Removes the oldest segment, which is not the open one. */
static int remove_oldest(struct seglog *log, uint64_t *ret_bytes)
{
	struct segment *oldest = &log->segments[0];
	int r = segment_unlink(log->dir_fd, oldest->first);

	if (r < 0)
		return r;
	*ret_bytes = oldest->bytes;
	log->bytes -= oldest->bytes;
	segment_release(oldest);
	log->segment_count--;
	memmove(log->segments, log->segments + 1, log->segment_count * sizeof(*log->segments));
	log->dir_dirty = true;
	return 0;
}

int seglog_remove(const char *dir)
{
	DIR *stream = opendir(dir);
	struct dirent *entry;
	uint64_t number;
	int r = stream ? 0 : -errno;

	while (r == 0 && (entry = readdir(stream)))
		if (segment_number(entry->d_name, &number))
			r = segment_unlink(dirfd(stream), number);
	if (r == 0 && fsync(dirfd(stream)) < 0)
		r = -errno;
	if (stream)
		(void)closedir(stream);
	return r;
}

int seglog_trim(struct seglog *log, uint64_t number, uint64_t *ret_bytes)
{
	uint64_t freed = 0;
	int r = log->read_only ? -EROFS : 0;

	while (r == 0 && log->segment_count > 1 && log->segments[0].end <= number) {
		uint64_t bytes = 0;

		r = remove_oldest(log, &bytes);
		freed += bytes;
	}
	if (r == 0 && ret_bytes)
		*ret_bytes = freed;
	return r;
}

int seglog_drop_oldest(struct seglog *log, uint64_t *ret_from, uint64_t *ret_to)
{
	uint64_t from = log->segments[0].first, to = log->segments[0].end - 1, bytes;
	int r;

	if (log->read_only)
		return -EROFS;
	if (seglog_end(log) == log->segments[0].first)
		return -ENODATA;
	if (log->segment_count == 1) {
		if (log->commit)
			return -EBUSY;
		r = seglog_rotate(log, log->segments[0].end);
		if (r < 0)
			return r;
	}
	r = remove_oldest(log, &bytes);
	if (r < 0)
		return r;
	*ret_from = from;
	*ret_to = to;
	return 0;
}

int seglog_skip(struct seglog *log, uint64_t number)
{
	int r;

	if (log->error || log->read_only)
		return log->error ? log->error : -EROFS;
	if (log->commit || log->pending.len)
		return -EBUSY;
	if (number < log->next)
		return -EINVAL;
	if (number == log->next)
		return 0;
	r = seglog_rotate(log, number);
	if (r == 0)
		log->next = number;
	return r;
}
