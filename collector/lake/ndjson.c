/* SPDX-License-Identifier: Apache-2.0 */
/* Rows are collected in memory per file and compressed in chunks, so that the thread that knows the forest never waits
 * for zlib or a disk. Staged files lie in one hidden folder of the lake's own file system: a rename is then atomic, and
 * recovery looks into one folder whatever the number of days in the lake. */
#include "collector/lake/ndjson.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "canopy/durable.h"
#include "canopy/failpoint.h"
#include "canopy/folder.h"
#include "collector/lake/cursor.h"

#define PARTS_CLASS_MAX (CURSOR_MOVES_MAX / 2) /* open files of one class; there are two classes */
/* Open files at which a commit is asked for before the next record, since that one may open many. */
#define PARTS_DUE (PARTS_CLASS_MAX / 2)
/* Rows are so alike that level 6 takes 76 bytes where level 1 takes 166, at nearly the same CPU (180,000 rows). */
#define GZIP_MODE "wb6"
#define GZIP_BUFFER (128u * 1024u) /* bytes per write(2) */
#define FOLDER_MODE 0750           /* command lines may hold secrets: owner and group only */
#define FILE_MODE 0640

/* One file of the run that is being built. */
struct part {
	struct partition partition;
	struct json rows; /* not yet compressed */
	gzFile gz;        /* NULL until the first write */
	int fd;           /* a duplicate of gz's, for fsync after gzclose */
	uint64_t bytes;   /* compressed so far */
};

struct ndjson {
	char *dir;
	char cursor_name[48];
	int state_fd, lock_fd, dir_fd, staging_fd; /* -1 = not open */
	uint64_t bytes_max;
	bool restarted;
	struct cursor cursor;
	uint64_t position; /* last whose rows have all been appended; next - 1 when there is none */
	int64_t position_wall_ns;
	uint64_t rows; /* of this run */
	struct part parts[CURSOR_MOVES_MAX];
	size_t part_count;
	struct part *open_row;
};

/* ---- folders --------------------------------------------------------------------------------------------------- */

/* Some file systems refuse fsync of a folder because they have nothing to sync there. */
static int sync_folder(int fd)
{
	return fsync(fd) < 0 && errno != EINVAL && errno != ENOTSUP ? -errno : 0;
}

static int open_folder(int at, const char *name, int *ret)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ret = fd;
	return 0;
}

/* Opens name below at, making it when it is missing. */
static int make_folder(int at, const char *name, int *ret)
{
	int r = 0;

	if (at == AT_FDCWD)
		r = durable_mkdir(name, FOLDER_MODE);
	else if (mkdirat(at, name, FOLDER_MODE) == 0)
		r = sync_folder(at);
	else if (errno != EEXIST)
		r = -errno;
	return r < 0 ? r : open_folder(at, name, ret);
}

/* Makes each component of path below at; *ret is the last. */
static int make_folders(int at, const char *path, int *ret)
{
	char component[PARTITION_FOLDER_MAX];
	int fd = -1;

	while (*path) {
		size_t len = strcspn(path, "/");
		int child = -1, r;

		if (len >= sizeof(component))
			return -ENAMETOOLONG;
		memcpy(component, path, len);
		component[len] = '\0';
		r = make_folder(fd < 0 ? at : fd, component, &child);
		if (fd >= 0)
			(void)close(fd);
		if (r < 0)
			return r;
		fd = child;
		path += len + (path[len] == '/');
	}
	*ret = fd;
	return 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

/* One lake per folder: the cursor's name carries a hash of the path, so that several sinks share a state folder. */
static void name_cursor(struct ndjson *sink)
{
	uint64_t hash = 14695981039346656037ull; /* FNV-1a */

	for (const char *at = sink->dir; *at; at++)
		hash = (hash ^ (uint8_t)*at) * 1099511628211ull;
	(void)snprintf(sink->cursor_name, sizeof(sink->cursor_name), "ndjson-%016" PRIx64 ".cursor", hash);
}

static int absolute(const char *dir, char **ret)
{
	char *cwd = *dir == '/' ? strdup("") : getcwd(NULL, 0);
	char *path = NULL;
	int r = cwd ? 0 : -errno;
	size_t len;

	if (!r && asprintf(&path, "%s%s%s", cwd, *dir == '/' ? "" : "/", dir) < 0)
		r = -ENOMEM;
	free(cwd);
	if (r < 0)
		return r;
	len = strlen(path);
	while (len > 1 && path[len - 1] == '/')
		path[--len] = '\0';
	*ret = path;
	return 0;
}

/* Two writers with one cursor would write each row twice. The lock goes with the process. */
static int lock_cursor(struct ndjson *sink)
{
	char name[sizeof(sink->cursor_name) + 8];

	(void)snprintf(name, sizeof(name), "%s.lock", sink->cursor_name);
	sink->lock_fd = openat(sink->state_fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (sink->lock_fd < 0)
		return -errno;
	if (flock(sink->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return 0;
}

static void explain(char **ret_why, int error, const char *dir, const char *state_dir)
{
	int len;

	if (!ret_why)
		return;
	if (error == -EBUSY)
		len = asprintf(ret_why, "the lake %s is being written already: name it once", dir);
	else
		len = asprintf(ret_why, "cannot keep the cursor of lake %s in %s: %s", dir, state_dir,
			       strerror(-error));
	if (len < 0)
		*ret_why = NULL;
}

int ndjson_create(struct ndjson **ret, const char *dir, const char *state_dir, uint64_t bytes_max, char **ret_why)
{
	struct ndjson *sink = calloc(1, sizeof(*sink));
	int r;

	if (!sink)
		return -ENOMEM;
	sink->state_fd = sink->lock_fd = sink->dir_fd = sink->staging_fd = -1;
	sink->bytes_max = bytes_max;
	r = absolute(dir, &sink->dir);
	if (!r)
		r = open_folder(AT_FDCWD, state_dir, &sink->state_fd);
	if (!r) {
		name_cursor(sink);
		r = lock_cursor(sink);
	}
	if (r < 0) {
		explain(ret_why, r, dir, state_dir);
		ndjson_destroy(sink);
		return r;
	}
	*ret = sink;
	return 0;
}

static void part_finish(struct part *part)
{
	if (part->gz)
		(void)gzclose(part->gz);
	close_fd(&part->fd);
	json_finish(&part->rows);
	*part = (struct part){.fd = -1};
}

static void drop_parts(struct ndjson *sink)
{
	for (size_t i = 0; i < sink->part_count; i++)
		part_finish(&sink->parts[i]);
	sink->part_count = 0;
	sink->open_row = NULL;
	sink->rows = 0;
	sink->position = sink->cursor.next - 1;
	sink->position_wall_ns = sink->cursor.received_wall_ns;
}

void ndjson_destroy(struct ndjson *sink)
{
	if (!sink)
		return;
	drop_parts(sink);
	close_fd(&sink->staging_fd);
	close_fd(&sink->dir_fd);
	close_fd(&sink->lock_fd);
	close_fd(&sink->state_fd);
	free(sink->dir);
	free(sink);
}

/* ---- recovery -------------------------------------------------------------------------------------------------- */

static int draw_writer(struct cursor *cursor)
{
	uint32_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -errno;
	(void)snprintf(cursor->writer, sizeof(cursor->writer), "%08" PRIx32, number);
	return 0;
}

static int begin_cursor(struct ndjson *sink, uint64_t first)
{
	sink->cursor = (struct cursor){.next = first, .received_wall_ns = INT64_MIN};
	return draw_writer(&sink->cursor) ?: cursor_save(sink->state_fd, sink->cursor_name, &sink->cursor);
}

static int open_staging(struct ndjson *sink)
{
	char name[CURSOR_WRITER_MAX + 8];

	close_fd(&sink->staging_fd);
	(void)snprintf(name, sizeof(name), ".canopy-%s", sink->cursor.writer);
	return make_folder(sink->dir_fd, name, &sink->staging_fd);
}

/* Staged files without an intent are thrown away: their rows will be read again. */
static int purge_staging(struct ndjson *sink)
{
	int fd = dup(sink->staging_fd), r = 0;
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!folder) {
		r = -errno;
		close_fd(&fd);
		return r;
	}
	rewinddir(folder);
	while ((entry = readdir(folder)))
		if (entry->d_name[0] != '.' && unlinkat(sink->staging_fd, entry->d_name, 0) < 0)
			r = -errno;
	(void)closedir(folder);
	return r;
}

static int finish_intent(struct ndjson *sink)
{
	int r;

	if (!sink->cursor.intent)
		return 0;
	/* What was read may not be durable yet, if it was this very process that failed behind the rename of the
	 * cursor. */
	r = cursor_save(sink->state_fd, sink->cursor_name, &sink->cursor);
	return r ?: ndjson_commit_publish(sink) ?: ndjson_commit_advance(sink);
}

/* Who could write there could tell the lake anything. */
static int judge_lake(const struct ndjson *sink)
{
	struct stat status;

	if (fstat(sink->dir_fd, &status) < 0)
		return -errno;
	return folder_judge_path(sink->dir) || folder_judge(&status) ? -EPERM : 0;
}

int ndjson_recover(struct ndjson *sink, const struct ndjson_journal *journal)
{
	int r;

	drop_parts(sink);
	sink->restarted = false;
	close_fd(&sink->dir_fd);
	r = make_folder(AT_FDCWD, sink->dir, &sink->dir_fd) ?: judge_lake(sink);
	if (r < 0)
		return r;
	r = cursor_load(sink->state_fd, sink->cursor_name, &sink->cursor);
	if (r == CURSOR_E_NONE)
		r = begin_cursor(sink, journal->first);
	r = r ?: open_staging(sink) ?: finish_intent(sink) ?: purge_staging(sink);
	if (!r && sink->cursor.next > journal->next) {
		bool anew = journal->newest_wall_ns > sink->cursor.received_wall_ns;

		sink->restarted = true;
		r = begin_cursor(sink, anew ? journal->first : journal->next) ?: open_staging(sink);
	}
	drop_parts(sink);
	return r;
}

bool ndjson_restarted(const struct ndjson *sink)
{
	return sink->restarted;
}

uint64_t ndjson_next(const struct ndjson *sink)
{
	return sink->cursor.next;
}

/* ---- rows ------------------------------------------------------------------------------------------------------ */

/* A journal record whose facts claim more hours than there may be files: rows carry their own time, so the last file of
 * the class keeps those that have no file of their own. */
static struct part *find_part(struct ndjson *sink, struct partition partition)
{
	struct part *part, *last = NULL;
	size_t of_class = 0;

	for (size_t i = 0; i < sink->part_count; i++) {
		part = &sink->parts[i];
		if (partition_equal(part->partition, partition))
			return part;
		if (part->partition.class == partition.class)
			last = part, of_class++;
	}
	if (of_class >= PARTS_CLASS_MAX)
		return last;
	part = &sink->parts[sink->part_count++];
	*part = (struct part){.partition = partition, .fd = -1};
	return part;
}

struct json *ndjson_row_begin(struct ndjson *sink, struct partition partition)
{
	sink->open_row = find_part(sink, partition);
	return &sink->open_row->rows;
}

int ndjson_row_end(struct ndjson *sink)
{
	struct json *rows = &sink->open_row->rows;

	json_raw(rows, "\n", 1);
	rows->comma = false;
	sink->rows++;
	return rows->failed ? -ENOMEM : 0;
}

void ndjson_position(struct ndjson *sink, uint64_t position, int64_t received_wall_ns)
{
	sink->position = position;
	sink->position_wall_ns = received_wall_ns;
}

size_t ndjson_buffered(const struct ndjson *sink)
{
	size_t bytes = 0;

	for (size_t i = 0; i < sink->part_count; i++)
		bytes += sink->parts[i].rows.len;
	return bytes;
}

bool ndjson_pending(const struct ndjson *sink)
{
	return sink->position >= sink->cursor.next;
}

bool ndjson_due(const struct ndjson *sink)
{
	for (size_t i = 0; i < sink->part_count; i++)
		if (sink->parts[i].bytes >= sink->bytes_max)
			return true;
	return sink->part_count >= PARTS_DUE;
}

/* ---- files ----------------------------------------------------------------------------------------------------- */

static void staged_name(const struct ndjson *sink, const struct part *part, char out[CURSOR_STAGED_MAX])
{
	(void)snprintf(out, CURSOR_STAGED_MAX, "%zu.tmp", (size_t)(part - sink->parts));
}

static int part_open(struct ndjson *sink, struct part *part)
{
	char name[CURSOR_STAGED_MAX];
	int fd;

	staged_name(sink, part, name);
	part->fd = openat(sink->staging_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
	if (part->fd < 0)
		return -errno;
	fd = fcntl(part->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	part->gz = gzdopen(fd, GZIP_MODE);
	if (!part->gz) {
		(void)close(fd);
		return -ENOMEM;
	}
	return gzbuffer(part->gz, GZIP_BUFFER) < 0 ? -ENOMEM : 0;
}

static int gz_errno(int status, int saved)
{
	return status == Z_ERRNO ? (saved ? -saved : -EIO) : status == Z_MEM_ERROR ? -ENOMEM : -EIO;
}

static int part_write(struct ndjson *sink, struct part *part)
{
	int r = part->gz ? 0 : part_open(sink, part);

	if (r < 0 || !part->rows.len)
		return r;
	errno = 0;
	if (gzfwrite(part->rows.data, 1, part->rows.len, part->gz) != part->rows.len) {
		int saved = errno, status;

		(void)gzerror(part->gz, &status);
		return gz_errno(status, saved);
	}
	json_reset(&part->rows);
	part->bytes = (uint64_t)gzoffset(part->gz);
	return 0;
}

int ndjson_write(struct ndjson *sink)
{
	int r = 0;

	for (size_t i = 0; i < sink->part_count && !r; i++)
		r = part_write(sink, &sink->parts[i]);
	return r;
}

static int part_complete(struct part *part)
{
	int status;

	errno = 0;
	status = gzclose(part->gz);
	part->gz = NULL; /* gone, whatever it says */
	if (status != Z_OK)
		return gz_errno(status, errno);
	return fsync(part->fd) < 0 ? -errno : 0;
}

int ndjson_commit_stage(struct ndjson *sink)
{
	int r = ndjson_write(sink);

	for (size_t i = 0; i < sink->part_count && !r; i++)
		r = part_complete(&sink->parts[i]);
	return r ?: sync_folder(sink->staging_fd);
}

int ndjson_commit_intend(struct ndjson *sink)
{
	struct cursor *cursor = &sink->cursor;

	FAILPOINT("lake-staged");
	if (!sink->part_count)
		return 0;
	cursor->intent = true;
	cursor->to = sink->position;
	cursor->to_received_wall_ns = sink->position_wall_ns;
	cursor->move_count = sink->part_count;
	for (size_t i = 0; i < sink->part_count; i++) {
		char folder[PARTITION_FOLDER_MAX];

		partition_folder(sink->parts[i].partition, folder);
		staged_name(sink, &sink->parts[i], cursor->moves[i].staged);
		(void)snprintf(cursor->moves[i].final, CURSOR_FINAL_MAX,
			       "%s/canopy-%020" PRIu64 "-%020" PRIu64 "-%s.ndjson.gz", folder, cursor->next, cursor->to,
			       cursor->writer);
	}
	return cursor_save(sink->state_fd, sink->cursor_name, cursor);
}

/* Moves one file unless an earlier attempt has: it is then no longer staged, or (after a power cut) stands under both
 * names. */
static int publish_one(struct ndjson *sink, const struct cursor_move *move)
{
	const char *base = strrchr(move->final, '/');
	char folder_path[CURSOR_FINAL_MAX];
	struct stat st;
	int folder = -1, r;

	if (!base)
		return -EBADMSG;
	(void)snprintf(folder_path, sizeof(folder_path), "%.*s", (int)(base - move->final), move->final);
	r = make_folders(sink->dir_fd, folder_path, &folder);
	if (r < 0)
		return r;
	if (fstatat(folder, base + 1, &st, AT_SYMLINK_NOFOLLOW) == 0)
		r = unlinkat(sink->staging_fd, move->staged, 0) < 0 && errno != ENOENT ? -errno : 0;
	else
		r = renameat(sink->staging_fd, move->staged, folder, base + 1) < 0 && errno != ENOENT ? -errno : 0;
	r = r ?: sync_folder(folder);
	(void)close(folder);
	return r;
}

int ndjson_commit_publish(struct ndjson *sink)
{
	int r = 0;

	FAILPOINT("lake-intended");
	for (size_t i = 0; i < sink->cursor.move_count && !r; i++) {
		r = publish_one(sink, &sink->cursor.moves[i]);
		FAILPOINT("lake-publishing");
	}
	/* No staged name may come back after the cursor has moved on, so it goes for certain first. */
	return r ?: sync_folder(sink->staging_fd);
}

int ndjson_commit_advance(struct ndjson *sink)
{
	struct cursor *cursor = &sink->cursor;
	int r;

	FAILPOINT("lake-published");
	cursor->next = (cursor->intent ? cursor->to : sink->position) + 1;
	cursor->received_wall_ns = cursor->intent ? cursor->to_received_wall_ns : sink->position_wall_ns;
	cursor->intent = false;
	cursor->move_count = 0;
	r = cursor_save(sink->state_fd, sink->cursor_name, cursor);
	FAILPOINT("lake-advanced");
	if (!r)
		drop_parts(sink);
	return r;
}

int ndjson_commit(struct ndjson *sink, uint64_t *ret_rows)
{
	uint64_t rows = sink->rows;
	int r = ndjson_commit_stage(sink) ?: ndjson_commit_intend(sink);

	r = r ?: ndjson_commit_publish(sink) ?: ndjson_commit_advance(sink);
	if (!r && ret_rows)
		*ret_rows = rows;
	return r;
}
