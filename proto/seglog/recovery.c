/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a log that may have been left in any state. The newest segment is read record by record, since only it can
 * have been written to when the last owner ended; a sealed one is taken at the word of its successor's header (number,
 * end and length of the segment before), and read only when those disagree with what is there, or when everything is to
 * be verified.
 *
 * Nothing that could still be of use is removed: cut off are only the bytes behind the last whole record of the newest
 * segment, removed only a newest file of nothing but zeros. A segment whose header is damaged stays, as a hole. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/seglog/internal.h"
#include "proto/seglog/walk.h"

/* A file as it is found, before it is a segment. */
struct found {
	uint64_t number, size;
	int fd;
	bool readable; /* header holds what it says */
	struct parse_header header;
};

struct recovery {
	struct seglog *log;
	bool verify;
	char **ret_why;
	struct seglog_recovery sums;
	struct found *files; /* owned, by number */
	size_t count, capacity;
};

static int failed(struct recovery *rec, const struct found *file, const char *doing, int error, const char *remedy)
{
	seglog_why(rec->ret_why, "cannot %s %s/%020" PRIu64 SEGMENT_SUFFIX ": %s: %s", doing, rec->log->dir,
		   file->number, strerror(-error), remedy);
	return error;
}

static int add_file(struct recovery *rec, uint64_t number)
{
	if (rec->count == rec->capacity) {
		size_t capacity = rec->capacity ? rec->capacity * 2 : 16;
		struct found *files = realloc(rec->files, capacity * sizeof(*files));

		if (!files)
			return -ENOMEM;
		rec->files = files;
		rec->capacity = capacity;
	}
	rec->files[rec->count++] = (struct found){.number = number, .fd = -1};
	return 0;
}

static int by_number(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

static int list_files(struct recovery *rec)
{
	int fd = fcntl(rec->log->dir_fd, F_DUPFD_CLOEXEC, 0), r = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		r = -errno;
		if (fd >= 0)
			(void)close(fd);
		seglog_why(rec->ret_why, "cannot list %s: %s", rec->log->dir, strerror(-r));
		return r;
	}
	rewinddir(dir); /* the descriptor's position is shared with log->dir_fd */
	while (r == 0 && (entry = readdir(dir))) {
		uint64_t number;

		if (segment_number(entry->d_name, &number))
			r = add_file(rec, number);
	}
	(void)closedir(dir);
	if (rec->count)
		qsort(rec->files, rec->count, sizeof(*rec->files), by_number);
	return r;
}

static int read_start(int fd, uint8_t *data, size_t room, size_t *ret_len)
{
	size_t len = 0;

	while (len < room) {
		ssize_t n = pread(fd, data + len, room - len, (off_t)len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	*ret_len = len;
	return 0;
}

/* Whose file is it? One of another kind, id or version is not ours to touch. */
static int check_header(struct recovery *rec, const struct found *file)
{
	const struct parse_header *h = &file->header;
	struct seglog *log = rec->log;

	if (h->version > FORMAT_VERSION || h->version < FORMAT_VERSION_MIN)
		seglog_why(rec->ret_why,
			   "%s/%020" PRIu64 SEGMENT_SUFFIX
			   " has format version %u, this program reads %u to %u: use the program that wrote it, "
			   "or another folder",
			   log->dir, file->number, h->version, FORMAT_VERSION_MIN, FORMAT_VERSION);
	else if (h->kind != (uint32_t)log->kind)
		seglog_why(rec->ret_why,
			   "%s/%020" PRIu64 SEGMENT_SUFFIX
			   " belongs to a log of kind %u, not %u (1 = a sensor's spool, 2 = a collector's "
			   "journal): use another folder",
			   log->dir, file->number, h->kind, (unsigned)log->kind);
	else if (log->id && h->id != log->id)
		seglog_why(rec->ret_why,
			   "%s/%020" PRIu64 SEGMENT_SUFFIX " has the id %016" PRIx64 ", expected %016" PRIx64
			   ": files of two logs are mixed, "
			   "move the foreign ones away",
			   log->dir, file->number, h->id, log->id);
	else if (h->first != file->number)
		seglog_why(rec->ret_why,
			   "%s/%020" PRIu64 SEGMENT_SUFFIX " says that its first record is %" PRIu64
			   ": it was renamed, name it after that",
			   log->dir, file->number, h->first);
	else
		return 0;
	return -EPROTO;
}

static int open_file(struct recovery *rec, struct found *file, bool newest)
{
	bool write = newest && !rec->log->read_only;
	uint8_t data[FORMAT_DATA_OFFSET];
	struct stat st;
	size_t len = 0;
	int r = segment_open(rec->log->dir_fd, file->number, write ? O_RDWR : O_RDONLY, &file->fd);

	if (r == -ENOENT && rec->log->read_only)
		return r;
	if (r < 0)
		return failed(rec, file, "open", r, "check owner and mode");
	if (fstat(file->fd, &st) < 0)
		return failed(rec, file, "stat", -errno, "check the file system");
	file->size = (uint64_t)st.st_size;
	r = read_start(file->fd, data, sizeof(data), &len);
	if (r < 0)
		return failed(rec, file, "read", r, "check the disk");
	file->readable = parse_header(data, len, &file->header) == 0;
	if (!file->readable)
		return 0;
	r = check_header(rec, file);
	if (r == 0 && !rec->log->id)
		rec->log->id = file->header.id;
	return r;
}

static void close_file(struct found *file)
{
	if (file->fd >= 0)
		(void)close(file->fd);
	file->fd = -1;
}

static void count_hole(struct recovery *rec, uint64_t from, uint64_t to)
{
	if (to > from) {
		rec->sums.holes++;
		rec->sums.lost_records += to - from;
	}
}

/* Whether damage at the walk's place is what a power loss has left of the last commit: the disk may write its sectors in any
 * order. Nobody was told of that commit, and what of it stands behind the damage goes too: were it kept, the numbers before
 * it would count as known. A spool keeps it, since nobody would bring it again. */
static int is_unsettled(const struct recovery *rec, const struct found *file, const struct walk *walk, uint64_t limit,
			bool *ret)
{
	bool settled = true;
	int r = 0;

	if (rec->log->kind == SEGLOG_JOURNAL && file->header.version >= FORMAT_VERSION_SETTLED)
		r = walk_settled(walk, limit, &settled);
	*ret = !settled;
	return r;
}

/* Goes to the next record; WALK_E_END too when only the rest of a broken commit follows. */
static int scan_next(struct recovery *rec, const struct found *file, uint64_t limit, bool newest, struct walk *walk,
		     struct seglog_record *ret)
{
	uint64_t offset = walk->offset, number = walk->number;
	bool unsettled = false;
	int r = walk_next(walk, limit, ret);

	if (r != 0 || ret->number == number || !newest)
		return r;
	walk->offset = offset;
	walk->number = number;
	r = is_unsettled(rec, file, walk, limit, &unsettled);
	if (r < 0 || unsettled)
		return r < 0 ? r : WALK_E_END;
	return walk_next(walk, limit, ret);
}

/* Reads all records of a file up to limit; *ret_good counts them. */
static int scan(struct recovery *rec, const struct found *file, uint64_t limit, bool newest, struct walk *walk,
		uint64_t *ret_good)
{
	uint64_t good = 0;
	int r;

	walk_init(walk, file->fd, file->header.seed, file->number);
	for (;;) {
		uint64_t expected = walk->number;
		struct seglog_record record;

		r = scan_next(rec, file, limit, newest, walk, &record);
		if (r != 0)
			break;
		count_hole(rec, expected, record.number);
		good++;
	}
	if (r < 0)
		return failed(rec, file, "read", r,
			      "check the disk; what can be read can be saved by copying the file with a tool that "
			      "fills bad sectors "
			      "with zeros");
	*ret_good = good;
	return 0;
}

/* A sealed segment. Its end is what the next one says, or what is found in it. */
static int recover_sealed(struct recovery *rec, struct found *file, const struct found *next, struct segment *segment)
{
	bool told = next->readable && next->header.previous_first == file->number;
	struct walk walk = {.fd = -1};
	uint64_t good = 0;
	int r = 0;

	segment->bytes = told && next->header.previous_bytes <= file->size ? next->header.previous_bytes : file->size;
	segment->end = told ? next->header.previous_end : file->number;
	if (!file->readable) {
		segment->unreadable = true;
		count_hole(rec, file->number, next->number);
		segment->end = next->number;
	} else if (rec->verify || !told || next->header.previous_bytes > file->size) {
		r = scan(rec, file, segment->bytes, false, &walk, &good);
		if (r == 0) {
			count_hole(rec, walk.number, next->number);
			segment->end = walk.number;
		}
		walk_finish(&walk);
	} else {
		good = segment->end - segment->first;
		count_hole(rec, segment->end, next->number);
	}
	/* Never beyond the next: a number is read once, where the newer segment has it. */
	if (segment->end > next->number)
		segment->end = next->number;
	if (segment->end < segment->first)
		segment->end = segment->first;
	rec->sums.records += good;
	close_file(file);
	return r;
}

/* Cuts what stands behind the last whole record of the newest segment. */
static int cut_tail(struct recovery *rec, struct found *file, struct walk *walk)
{
	uint64_t garbage = 0;
	int r = walk_garbage(walk, file->size, &garbage);

	if (r < 0)
		return failed(rec, file, "read", r, "check the disk");
	rec->sums.torn_bytes = garbage;
	if (!garbage || rec->log->read_only)
		return 0;
	r = segment_cut(file->fd, walk->offset);
	return r < 0 ? failed(rec, file, "cut the torn tail of", r, "check the disk") : 0;
}

static int recover_newest(struct recovery *rec, struct found *file, struct segment *segment)
{
	struct walk walk = {.fd = -1};
	uint64_t good = 0;
	int r;

	if (!file->readable) {
		segment->unreadable = true;
		segment->bytes = file->size;
		/* It held fewer records than this: no number of them is given out again. */
		segment->end = file->number + file->size / sizeof(struct format_record) + 1;
		count_hole(rec, file->number, segment->end);
		close_file(file);
		return 0;
	}
	r = scan(rec, file, file->size, true, &walk, &good);
	if (r == 0)
		r = cut_tail(rec, file, &walk);
	segment->end = walk.number;
	segment->bytes = walk.offset;
	segment->fd = file->fd;
	if (r == 0 && !rec->log->read_only && walk.offset < rec->log->segment_bytes)
		(void)fallocate(file->fd, 0, (off_t)walk.offset, (off_t)(rec->log->segment_bytes - walk.offset));
	file->fd = -1; /* consumed */
	rec->sums.records += good;
	walk_finish(&walk);
	return r;
}

/* A newest file of zeros was being made when the power went. */
static int drop_unborn(struct recovery *rec)
{
	struct found *file = rec->count ? &rec->files[rec->count - 1] : NULL;
	struct walk walk = {.fd = -1};
	uint64_t garbage = 0;
	int r;

	if (!file || file->readable)
		return 0;
	walk_init(&walk, file->fd, 0, file->number);
	walk.offset = 0;
	r = walk_garbage(&walk, file->size, &garbage);
	walk_finish(&walk);
	if (r < 0)
		return failed(rec, file, "read", r, "check the disk");
	if (garbage)
		return 0;
	if (!rec->log->read_only)
		r = segment_unlink(rec->log->dir_fd, file->number);
	if (r < 0)
		return failed(rec, file, "remove", r, "remove it: it is empty");
	close_file(file);
	rec->count--;
	return 0;
}

static int open_files(struct recovery *rec)
{
	int r = list_files(rec);

	for (size_t i = 0; r == 0 && i < rec->count;) {
		struct found *file = &rec->files[i];

		r = open_file(rec, file, i + 1 >= rec->count);
		if (r == -ENOENT && rec->log->read_only) {
			/* Its owner lives and has just trimmed it. */
			r = 0;
			rec->count--;
			memmove(file, file + 1, (rec->count - i) * sizeof(*file));
			continue;
		}
		/* Not all at once stay open: only headers are wanted here. */
		if (++i < rec->count)
			close_file(file);
	}
	return r == 0 ? drop_unborn(rec) : r;
}

/* The last owner may have died between write and sync: what is about to count as committed must be durable. Where its
 * sync had failed, the kernel may hold pages that never reached the disk and call them clean, so that this one succeeds
 * without writing them (fsync(2) since 4.13 tells each failure once): they are dropped, and what is read comes from the
 * disk. The kernel is asked, no more: a page that is in use just then stays. */
static int settle(struct recovery *rec, const struct found *file)
{
	int r = segment_sync(file->fd);

	if (r < 0)
		return failed(rec, file, "sync", r, "check the disk");
	(void)posix_fadvise(file->fd, 0, 0, POSIX_FADV_DONTNEED);
	return 0;
}

static int recover_segment(struct recovery *rec, size_t i)
{
	struct found *file = &rec->files[i];
	struct segment segment = {.first = file->number, .seed = file->header.seed,
				  .version = file->header.version, .fd = -1};
	bool newest = i + 1 == rec->count;
	int r = seglog_reserve_segment(rec->log);

	if (r == 0 && file->fd < 0)
		r = segment_open(rec->log->dir_fd, file->number, newest && !rec->log->read_only ? O_RDWR : O_RDONLY,
				 &file->fd);
	if (r == -ENOENT && rec->log->read_only && rec->log->segment_count == 0 && !newest)
		return 0;
	if (r < 0)
		return failed(rec, file, "open", r, "check owner and mode");
	if (!rec->log->read_only && i + SEGLOG_DIRTY_MAX + 2 >= rec->count)
		r = settle(rec, file);
	if (r < 0)
		return r;
	r = newest ? recover_newest(rec, file, &segment) : recover_sealed(rec, file, &rec->files[i + 1], &segment);
	if (r < 0) {
		segment_release(&segment);
		return r;
	}
	rec->log->segments[rec->log->segment_count++] = segment;
	rec->log->bytes += segment.bytes;
	return 0;
}

static int new_id(struct recovery *rec)
{
	while (!rec->log->id)
		if (getentropy(&rec->log->id, sizeof(rec->log->id)) < 0)
			return -errno;
	return 0;
}

/* Sees to it that there is an open segment to go on in. */
static int ensure_open(struct recovery *rec)
{
	struct seglog *log = rec->log;
	struct segment *last = log->segment_count ? seglog_open_segment(log) : NULL;
	int r = 0;

	if (last && !last->unreadable)
		return 0;
	if (log->read_only) {
		if (last)
			return 0;
		seglog_why(rec->ret_why, "%s holds no segment of a log: name the folder of a spool or a journal",
			   log->dir);
		return -ENOENT;
	}
	r = new_id(rec);
	if (r == 0)
		r = seglog_rotate(log, last ? last->end : 1);
	if (r == 0)
		r = segment_sync(seglog_open_segment(log)->fd);
	if (r < 0)
		seglog_why(rec->ret_why,
			   "cannot begin a segment in %s: %s: make room, or check owner and mode of the folder",
			   log->dir, strerror(-r));
	else
		seglog_open_segment(log)->dirty = false;
	return r;
}

static int sync_folder(struct recovery *rec)
{
	int r = rec->log->read_only || fsync(rec->log->dir_fd) == 0 ? 0 : -errno;

	if (r < 0)
		seglog_why(rec->ret_why, "cannot sync %s: %s: check the disk", rec->log->dir, strerror(-r));
	else
		rec->log->dir_dirty = false;
	return r;
}

int seglog_recover(struct seglog *log, bool verify, struct seglog_recovery *ret, char **ret_why)
{
	struct recovery rec = {.log = log, .verify = verify, .ret_why = ret_why};
	int r = open_files(&rec);

	for (size_t i = 0; r == 0 && i < rec.count; i++)
		r = recover_segment(&rec, i);
	if (r == 0)
		r = ensure_open(&rec);
	if (r == 0)
		r = sync_folder(&rec);
	for (size_t i = 0; i < rec.count; i++)
		close_file(&rec.files[i]);
	free(rec.files);
	if (r < 0)
		return r;
	rec.sums.first = log->segments[0].first;
	rec.sums.next = seglog_end(log);
	rec.sums.bytes = log->bytes;
	rec.sums.id = log->id;
	rec.sums.segments = log->segment_count;
	*ret = rec.sums;
	return 0;
}
