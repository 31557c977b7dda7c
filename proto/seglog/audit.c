/* SPDX-License-Identifier: Apache-2.0 */
/* All headers first, since a segment's own end stands in the next one's header; then record by record. Recovery asks
 * the same questions and keeps the answers to itself: it wants to go on, this wants to name file and offset.
 *
 * A log in use changes under our eyes: segments that are gone when their turn comes were trimmed, if they are the
 * oldest; bytes behind the last record of the newest may be a write under way. Neither is damage. */
#include "proto/seglog/audit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "proto/seglog/internal.h"
#include "proto/seglog/walk.h"

struct audit_file {
	uint64_t number, size;
	struct parse_header header;
	bool gone, readable, foreign, copies_differ;
	int error;
};

struct audit {
	const char *dir;
	int dir_fd;
	const struct audit_events *events;
	struct audit_result result;
	struct audit_file *files; /* owned, by number */
	size_t count;
	uint64_t expected; /* record number; 0 = nothing was read yet */
};

bool audit_is_damage(enum audit_type type)
{
	return type < AUDIT_TORN;
}

static int tell(struct audit *audit, const struct audit_finding *finding)
{
	return audit->events->finding(audit->events->owner, finding);
}

/* ---- what there is ------------------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
	const struct audit_file *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

static int list(struct audit *audit)
{
	DIR *dir = opendir(audit->dir);
	struct dirent *entry;
	size_t capacity = 0;
	int r = dir ? 0 : -errno;

	while (r == 0 && (entry = readdir(dir))) {
		uint64_t number;

		if (!segment_number(entry->d_name, &number))
			continue;
		if (audit->count == capacity) {
			struct audit_file *files =
			    realloc(audit->files, (capacity ? capacity * 2 : 16) * sizeof(*files));

			if (!files) {
				r = -ENOMEM;
				break;
			}
			audit->files = files;
			capacity = capacity ? capacity * 2 : 16;
		}
		audit->files[audit->count++] = (struct audit_file){.number = number};
	}
	if (dir)
		(void)closedir(dir);
	if (audit->count)
		qsort(audit->files, audit->count, sizeof(*audit->files), by_number);
	return r;
}

static ssize_t read_start(int fd, uint8_t *data, size_t room)
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
	return (ssize_t)len;
}

/* The first header that can be read says whose log this is. */
static bool is_foreign(struct audit *audit, const struct audit_file *file)
{
	const struct parse_header *h = &file->header;

	bool readable = h->version >= FORMAT_VERSION_MIN && h->version <= FORMAT_VERSION;

	if (!audit->result.kind && readable) {
		audit->result.kind = h->kind;
		audit->result.id = h->id;
	}
	if (h->version > audit->result.version)
		audit->result.version = h->version;
	return !readable || h->kind != audit->result.kind || h->id != audit->result.id ||
	       h->first != file->number;
}

static void read_header(struct audit *audit, struct audit_file *file)
{
	uint8_t data[FORMAT_DATA_OFFSET];
	struct stat st = {0};
	ssize_t len;
	int fd, r = segment_open(audit->dir_fd, file->number, O_RDONLY, &fd);

	file->gone = r == -ENOENT;
	if (r < 0) {
		file->error = r;
		return;
	}
	len = fstat(fd, &st) < 0 ? -errno : read_start(fd, data, sizeof(data));
	(void)close(fd);
	file->size = (uint64_t)st.st_size;
	file->error = len < 0 ? (int)len : 0;
	if (len < 0)
		return;
	file->readable = parse_header(data, (size_t)len, &file->header) == 0;
	if (!file->readable)
		return;
	file->copies_differ = len >= (ssize_t)(FORMAT_COPY_OFFSET + sizeof(struct format_header)) &&
			      memcmp(data, data + FORMAT_COPY_OFFSET, sizeof(struct format_header)) != 0;
	file->foreign = is_foreign(audit, file);
}

/* flock is not asked for, not even for a moment: an owner that starts just then would be refused. The kernel's list
 * names who holds it. */
static pid_t find_owner(int dir_fd)
{
	struct stat st;
	char line[256], place[64];
	FILE *locks;
	pid_t owner = 0;

	if (fstatat(dir_fd, "lock", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	(void)snprintf(place, sizeof(place), "%02x:%02x:%llu", major(st.st_dev), minor(st.st_dev),
		       (unsigned long long)st.st_ino);
	locks = fopen("/proc/locks", "re");
	while (locks && owner == 0 && fgets(line, sizeof(line), locks)) {
		char found[64];
		int pid;

		if (sscanf(line, "%*s FLOCK %*s %*s %d %63s", &pid, found) == 2 && strcmp(found, place) == 0)
			owner = pid > 0 ? pid : -1;
	}
	if (locks)
		(void)fclose(locks);
	return owner;
}

/* ---- one segment --------------------------------------------------------------------------------------------- */

/* Numbers that no file holds, before the file at i. */
static int check_between(struct audit *audit, size_t i)
{
	const struct audit_file *file = &audit->files[i];
	const struct parse_header *h = &file->header;
	struct audit_finding finding = {AUDIT_MISSING, file->number, 0, 0, audit->expected, file->number, 0};

	if (audit->expected == 0 || audit->expected >= file->number)
		return 0;
	/* What the header calls the end of the segment before is all that was ever written before this one. */
	if (file->readable && !file->foreign && h->previous_end > 0 && h->previous_end <= audit->expected)
		finding.type = AUDIT_SKIPPED;
	if (finding.type == AUDIT_MISSING && file->readable && h->previous_first >= audit->expected)
		finding.segment = h->previous_first;
	return tell(audit, &finding);
}

static int check_record(struct audit *audit, const struct audit_file *file, const struct walk *walk, uint64_t before,
			uint64_t expected, const struct seglog_record *record)
{
	uint64_t start = walk->offset - format_record_bytes(record->payload.len);
	struct audit_finding finding = {AUDIT_HOLE, file->number, before, start - before, expected, record->number, 0};
	int r = start > before ? tell(audit, &finding) : 0;

	audit->result.records++;
	return r < 0 ? r : audit->events->record(audit->events->owner, file->number, start, record);
}

/* What stands behind the last record. told_end: the number that the next header says comes next, 0 = nobody says. */
static int check_end(struct audit *audit, const struct audit_file *file, struct walk *walk, uint64_t limit,
		     uint64_t told_end, bool newest)
{
	struct audit_finding finding = {.segment = file->number, .offset = walk->offset};
	int r;

	if (newest) {
		r = walk_garbage(walk, file->size, &finding.bytes);
		finding.type = AUDIT_TORN;
		return r < 0 || finding.bytes == 0 ? r : tell(audit, &finding);
	}
	if (told_end <= walk->number)
		return 0;
	finding.type = limit > file->size ? AUDIT_SHORT : AUDIT_HOLE;
	finding.bytes = limit - walk->offset;
	finding.from = walk->number;
	finding.to = told_end;
	return tell(audit, &finding);
}

/* As recovery goes: in the newest segment of a journal damage without a later record that calls it settled is the last commit's. */
static int next_record(const struct audit *audit, const struct audit_file *file, struct walk *walk, uint64_t limit,
		       struct seglog_record *ret)
{
	uint64_t offset = walk->offset, number = walk->number;
	bool newest = file + 1 == audit->files + audit->count, settled = true;
	int r = walk_next(walk, limit, ret);

	if (r != 0 || ret->number == number || !newest || audit->result.kind != SEGLOG_JOURNAL ||
	    file->header.version < FORMAT_VERSION_SETTLED)
		return r;
	walk->offset = offset;
	walk->number = number;
	r = walk_settled(walk, limit, &settled);
	if (r < 0)
		return r;
	return settled ? walk_next(walk, limit, ret) : WALK_E_END;
}

static int walk_records(struct audit *audit, const struct audit_file *file, struct walk *walk, uint64_t limit)
{
	struct seglog_record record;
	int r;

	for (;;) {
		uint64_t before = walk->offset, expected = walk->number;

		r = next_record(audit, file, walk, limit, &record);
		if (r == 0)
			r = check_record(audit, file, walk, before, expected, &record);
		if (r != 0)
			return r;
	}
}

static int unread(struct audit *audit, size_t i, uint64_t offset, uint64_t from, int error)
{
	uint64_t to = i + 1 < audit->count ? audit->files[i + 1].number : from;
	struct audit_finding finding = {AUDIT_UNREAD, audit->files[i].number, offset, 0, from, to, error};

	if (to > audit->expected)
		audit->expected = to;
	return tell(audit, &finding);
}

static int check_records(struct audit *audit, size_t i)
{
	const struct audit_file *file = &audit->files[i], *next = i + 1 < audit->count ? file + 1 : NULL;
	bool told = next && next->readable && next->header.previous_first == file->number;
	uint64_t limit = told ? next->header.previous_bytes : file->size;
	struct walk walk = {.fd = -1};
	int fd, r = segment_open(audit->dir_fd, file->number, O_RDONLY, &fd);

	if (r == -ENOENT && audit->expected == 0)
		return 0; /* trimmed in between */
	if (r < 0)
		return unread(audit, i, 0, file->number, r);
	walk_init(&walk, fd, file->header.seed, file->number);
	r = walk_records(audit, file, &walk, limit < file->size ? limit : file->size);
	if (r == WALK_E_END)
		r = check_end(audit, file, &walk, limit, told ? next->header.previous_end : 0, !next);
	audit->result.bytes += walk.offset;
	audit->expected = told && next->header.previous_end > walk.number ? next->header.previous_end : walk.number;
	if (r == -EIO)
		r = unread(audit, i, walk.offset, walk.number, r);
	walk_finish(&walk);
	(void)close(fd);
	return r;
}

/* A newest file of zeros was being made. */
static bool is_unborn(struct audit *audit, size_t i)
{
	uint64_t garbage = 1;
	struct walk walk = {.fd = -1};
	int fd;

	if (i + 1 < audit->count || segment_open(audit->dir_fd, audit->files[i].number, O_RDONLY, &fd) < 0)
		return false;
	walk_init(&walk, fd, 0, audit->files[i].number);
	walk.offset = 0;
	if (walk_garbage(&walk, audit->files[i].size, &garbage) < 0)
		garbage = 1;
	walk_finish(&walk);
	(void)close(fd);
	return garbage == 0;
}

static int check_unreadable(struct audit *audit, size_t i)
{
	const struct audit_file *file = &audit->files[i];
	struct audit_finding finding = {AUDIT_UNREADABLE, file->number, 0, FORMAT_DATA_OFFSET, file->number,
					file->number, 0};

	if (is_unborn(audit, i)) {
		finding.type = AUDIT_UNBORN;
		finding.bytes = file->size;
		return tell(audit, &finding);
	}
	if (i + 1 < audit->count)
		audit->expected = finding.to = audit->files[i + 1].number;
	return tell(audit, &finding);
}

static int check_file(struct audit *audit, size_t i)
{
	const struct audit_file *file = &audit->files[i];
	struct audit_finding finding = {.segment = file->number};
	int r;

	if (file->gone && audit->expected == 0)
		return 0; /* trimmed in between */
	r = check_between(audit, i);
	if (r < 0)
		return r;
	audit->result.segments++;
	if (file->error)
		return unread(audit, i, 0, file->number, file->error);
	if (!file->readable)
		return check_unreadable(audit, i);
	if (file->foreign) {
		finding.type = AUDIT_FOREIGN;
		return tell(audit, &finding);
	}
	if (file->copies_differ) {
		finding.type = AUDIT_HEADER;
		finding.bytes = FORMAT_DATA_OFFSET;
		r = tell(audit, &finding);
	}
	if (r == 0 && audit->result.first == 0)
		audit->result.first = file->number;
	return r < 0 ? r : check_records(audit, i);
}

static int check_all(struct audit *audit, char **ret_why)
{
	int r = list(audit);

	if (r == 0 && audit->count == 0) {
		seglog_why(ret_why, "%s holds no segment of a log: name the folder of a spool or a journal", audit->dir);
		return -ENOENT;
	}
	for (size_t i = 0; r == 0 && i < audit->count; i++)
		read_header(audit, &audit->files[i]);
	if (r == 0)
		audit->events->begin(audit->events->owner, audit->result.kind, audit->result.id);
	for (size_t i = 0; r == 0 && i < audit->count; i++)
		r = check_file(audit, i);
	audit->result.next = audit->expected ? audit->expected : audit->result.first;
	return r;
}

int seglog_audit(const char *dir, const struct audit_events *events, struct audit_result *ret, char **ret_why)
{
	struct audit audit = {.dir = dir, .events = events};
	int r;

	audit.dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (audit.dir_fd < 0) {
		r = -errno;
		seglog_why(ret_why, "cannot open %s: %s", dir, strerror(-r));
		return r;
	}
	audit.result.owner = find_owner(audit.dir_fd);
	r = check_all(&audit, ret_why);
	(void)close(audit.dir_fd);
	free(audit.files);
	if (r == 0)
		*ret = audit.result;
	return r;
}
