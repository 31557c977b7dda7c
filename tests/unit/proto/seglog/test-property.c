/* SPDX-License-Identifier: Apache-2.0 */
/* The log against a model: random appends, commits, trims, drops, restarts, crashes (the files as they are, copied away
 * under a living log) and damage. Whatever happens, a record that is read is the one that was written under its number,
 * and one that was committed is there unless the damage touched its own bytes, its segment's header, or its file as a
 * whole. CANOPY_SEED=N runs one history only. */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/seglog/format.h"
#include "proto/seglog/parse.h"
#include "proto/seglog/seglog.h"
#include "proto/seglog/segment.h"
#include "tests/unit/folder.h"

#define HISTORIES 100
#define STEPS 60
#define NUMBERS_MAX 20000 /* a history stays below; a damaged newest segment skips some */
#define SEGMENT_BYTES 6000u
#define PAYLOAD_MAX 900u
#define FILES_MAX 64

struct model {
	struct folder folder;
	struct seglog *log;
	enum seglog_kind kind;
	uint64_t random;
	uint64_t first, next;        /* committed numbers [first, next) */
	uint64_t appended;           /* [next, appended) are pending */
	uint32_t seeds[NUMBERS_MAX]; /* what was last appended under a number */
	bool present[NUMBERS_MAX];   /* committed and not damaged */
};

/* xorshift64*: the same history from the same seed everywhere. */
static uint32_t draw(struct model *m, uint32_t below)
{
	m->random ^= m->random >> 12;
	m->random ^= m->random << 25;
	m->random ^= m->random >> 27;
	return (uint32_t)((m->random * 2685821657736338717u) >> 33) % below;
}

static size_t payload(uint32_t seed, uint8_t *data)
{
	size_t len = seed % PAYLOAD_MAX;

	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
	return len;
}

static void open_log(struct model *m, struct seglog_recovery *ret, bool verify)
{
	struct seglog_options options = {
	    .dir = m->folder.path, .kind = m->kind, .segment_bytes = SEGMENT_BYTES, .verify = verify};
	char *why = NULL;

	if (seglog_open(&m->log, &options, ret, &why) < 0)
		fail_msg("%s", why ? why : "no memory");
}

static void append(struct model *m)
{
	for (uint32_t i = draw(m, 30); i > 0; i--) {
		uint8_t data[PAYLOAD_MAX];
		uint32_t seed = draw(m, UINT32_MAX);
		struct bytes part = bytes_make(data, payload(seed, data));
		uint64_t number;

		assert_int_equal(seglog_append(m->log, (uint8_t)seed, &part, 1, &number), 0);
		assert_int_equal(number, m->appended);
		assert_true(number < NUMBERS_MAX);
		m->seeds[number] = seed;
		m->present[number] = false;
		m->appended++;
	}
}

static void set_committed(struct model *m, uint64_t durable)
{
	for (; m->next <= durable; m->next++)
		m->present[m->next] = true;
}

static void commit(struct model *m)
{
	uint64_t durable = 0;
	int r = seglog_commit(m->log, draw(m, 2), &durable);

	assert_int_equal(r, m->appended == m->next ? -ENODATA : 0);
	assert_int_equal(durable, m->appended - 1);
	set_committed(m, durable);
}

static void sync_log(struct model *m)
{
	struct seglog_sync *sync;

	if (seglog_sync_begin(m->log, &sync) < 0)
		return;
	append(m);
	if (m->appended > m->next)
		commit(m);
	seglog_sync_run(sync);
	assert_int_equal(seglog_sync_finish(m->log, sync), 0);
}

static void trim(struct model *m)
{
	uint64_t number = m->first + draw(m, (uint32_t)(m->next - m->first) + 1);

	assert_int_equal(seglog_trim(m->log, number, NULL), 0);
	/* Beyond number only what had been damaged before. */
	for (m->first = seglog_first(m->log); number < m->first; number++)
		assert_true(number < m->next && !m->present[number]);
}

static void drop(struct model *m)
{
	uint64_t from = 0, to = 0;
	int r = seglog_drop_oldest(m->log, &from, &to);

	if (r == -ENODATA)
		return;
	assert_int_equal(r, 0);
	assert_int_equal(from, m->first);
	m->first = seglog_first(m->log);
	assert_true(m->first > to);
}

/* Reads from a number on and holds it against the model. */
static void check_reader(struct model *m, uint64_t from)
{
	struct seglog_reader *reader;
	struct seglog_record record;
	uint64_t number = from;
	int r;

	assert_int_equal(seglog_reader_open(&reader, m->log, from), 0);
	while ((r = seglog_reader_next(reader, &record)) != SEGLOG_E_END) {
		uint8_t data[PAYLOAD_MAX];

		if (r == SEGLOG_E_HOLE) {
			assert_true(record.number > number);
			for (; number < record.number; number++)
				assert_true(number < m->first || !m->present[number]);
			continue;
		}
		assert_int_equal(r, 0);
		assert_int_equal(record.number, number);
		assert_true(m->present[number]);
		assert_int_equal(record.type, (uint8_t)m->seeds[number]);
		assert_int_equal(record.payload.len, payload(m->seeds[number], data));
		assert_memory_equal(record.payload.data, data, record.payload.len);
		number++;
	}
	assert_int_equal(number, m->next > from ? m->next : from);
	seglog_reader_close(reader);
}

static void check(struct model *m)
{
	assert_int_equal(seglog_first(m->log), m->first);
	assert_int_equal(seglog_next(m->log), m->appended);
	assert_int_equal(seglog_durable(m->log), m->next - 1);
	check_reader(m, 1);
	check_reader(m, m->first + draw(m, (uint32_t)(m->next - m->first) + 1));
}

/* After a restart: what recovery says must be what is there. */
static void reopen(struct model *m)
{
	struct seglog_recovery recovery;
	uint64_t absent = 0, runs = 0, present = 0;
	bool verify = draw(m, 3) != 0;

	open_log(m, &recovery, verify);
	assert_true(recovery.next < NUMBERS_MAX);
	m->first = recovery.first;
	m->next = m->appended = recovery.next;
	for (uint64_t n = recovery.first; n < recovery.next; n++) {
		present += m->present[n];
		absent += !m->present[n];
		runs += !m->present[n] && (n == recovery.first || m->present[n - 1]);
	}
	for (uint64_t n = recovery.next; n < NUMBERS_MAX; n++) {
		/* A journal lets go what stands behind damage in the last commit. */
		assert_true(!m->present[n] || (m->kind == SEGLOG_JOURNAL && !m->present[recovery.next]));
		if (n > recovery.next)
			m->present[n] = false;
	}
	if (verify) {
		assert_int_equal(recovery.records, present);
		assert_int_equal(recovery.lost_records, absent);
		assert_true(recovery.holes >= runs);
		assert_true((recovery.holes == 0) == (absent == 0));
	}
	check(m);
}

static void restart(struct model *m)
{
	seglog_close(m->log);
	reopen(m);
	assert_int_equal(seglog_error(m->log), 0);
}

static void copy_file(const char *from_path, const char *to_path)
{
	char data[65536];
	int from = open(from_path, O_RDONLY | O_CLOEXEC),
	    to = open(to_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ssize_t n;

	assert_true(from >= 0 && to >= 0);
	while ((n = read(from, data, sizeof(data))) > 0)
		assert_int_equal(write(to, data, (size_t)n), n);
	assert_int_equal(n, 0);
	(void)close(from);
	(void)close(to);
}

/* The files at this moment go to a new folder, which is the log from here on. A commit that was written and not
 * published may survive. */
static void crash(struct model *m)
{
	char names[FILES_MAX][NAME_MAX + 1], from[FOLDER_PATH_MAX * 2], to[FOLDER_PATH_MAX * 2];
	struct folder old = m->folder;
	struct seglog_commit *commit_ = NULL;
	struct seglog_recovery recovery;
	uint64_t durable;
	int count;

	append(m);
	if (draw(m, 2) && seglog_commit_begin(m->log, false, &commit_) == 0)
		seglog_commit_run(commit_);
	assert_int_equal(folder_make(&m->folder), 0);
	count = folder_segments(&old, names, FILES_MAX);
	for (int i = 0; i < count; i++) {
		folder_file(&old, names[i], from);
		folder_file(&m->folder, names[i], to);
		copy_file(from, to);
	}
	if (commit_)
		assert_int_equal(seglog_commit_finish(m->log, commit_, &durable), 0);
	seglog_close(m->log);
	folder_remove(&old);
	open_log(m, &recovery, true);
	seglog_close(m->log);
	assert_true(recovery.next >= m->next && recovery.next <= m->appended);
	set_committed(m, recovery.next - 1);
	reopen(m);
}

/* Is the header's copy at offset good, and not hit by [from, to)? */
static bool copy_lasts(const uint8_t *data, long size, long offset, long from, long to)
{
	struct parse_header header;
	long end = offset + (long)sizeof(struct format_header);

	if (from < end && to > offset)
		return false;
	return end <= size && parse_header(data + offset, sizeof(struct format_header), &header) == 0;
}

/* Marks every record that has a byte in [from, to) of a file as lost; padding counts when bytes go, not when they
 * change. */
static void touch(struct model *m, const char *name, long from, long to, bool padding)
{
	char path[FOLDER_PATH_MAX * 2];
	uint8_t *data;
	struct parse_header header;
	struct seglog_record record;
	long size = folder_size(&m->folder, name), at = FORMAT_DATA_OFFSET;
	uint64_t number, bytes;
	int fd;

	folder_file(&m->folder, name, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	data = malloc((size_t)size + 1);
	assert_true(fd >= 0 && data);
	assert_int_equal(read(fd, data, (size_t)size), size);
	(void)close(fd);
	if (parse_header(data, (size_t)size, &header) == 0) {
		bool whole =
		    !copy_lasts(data, size, 0, from, to) && !copy_lasts(data, size, FORMAT_COPY_OFFSET, from, to);

		number = header.first;
		while (at < size) {
			int r = parse_record(header.seed, number, (uint64_t)size, data + at, (size_t)(size - at),
					     &record, &bytes);

			if (r == 0) {
				long own = (long)(padding ? bytes : sizeof(struct format_record) + record.payload.len);

				if (whole || (from < at + own && to > at))
					m->present[record.number] = false;
				number = record.number + 1;
			}
			at += r == PARSE_E_MORE ? (long)FORMAT_ALIGN : (long)bytes;
		}
	}
	free(data);
}

static void flip(struct model *m, const char *name)
{
	long size = folder_size(&m->folder, name), at;
	size_t len = draw(m, 4) ? 1 : 1 + draw(m, 700);

	if (size <= 0)
		return;
	at = (long)draw(m, (uint32_t)size);
	if ((long)len > size - at)
		len = (size_t)(size - at);
	touch(m, name, at, at + (long)len, false);
	assert_int_equal(folder_flip(&m->folder, name, at, len, (uint8_t)(1 + draw(m, 255))), 0);
}

static void shorten(struct model *m, const char *name)
{
	long size = folder_size(&m->folder, name), at;

	at = (long)draw(m, (uint32_t)size + 1);
	touch(m, name, at, LONG_MAX, true);
	if (at < (long)sizeof(struct format_header))
		touch(m, name, 0, LONG_MAX, true);
	assert_int_equal(folder_truncate(&m->folder, name, at), 0);
}

static void lengthen(struct model *m, const char *name)
{
	uint8_t data[300];
	size_t len = 1 + draw(m, sizeof(data) - 1);

	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)draw(m, 256);
	assert_int_equal(folder_append(&m->folder, name, data, len), 0);
}

static void lose_file(struct model *m, const char *name)
{
	char path[FOLDER_PATH_MAX * 2];

	touch(m, name, 0, LONG_MAX, true);
	folder_file(&m->folder, name, path);
	assert_int_equal(unlink(path), 0);
}

static void damage(struct model *m)
{
	char names[FILES_MAX][NAME_MAX + 1];
	int count, which;

	if (m->appended > m->next)
		commit(m);
	seglog_close(m->log);
	count = folder_segments(&m->folder, names, FILES_MAX);
	assert_in_range(count, 1, FILES_MAX - 1);
	which = draw(m, 2) ? count - 1 : (int)draw(m, (uint32_t)count);
	switch (draw(m, 8)) {
	case 0:
		shorten(m, names[which]);
		break;
	case 1:
		lengthen(m, names[which]);
		break;
	case 2:
		if (count > 1)
			lose_file(m, names[which]);
		break;
	default:
		flip(m, names[which]);
	}
	reopen(m);
}

static void history(uint64_t seed)
{
	static struct model m;

	m = (struct model){.random = seed * 0x9e3779b97f4a7c15u + 1, .first = 1, .next = 1, .appended = 1};
	m.kind = seed % 2 ? SEGLOG_JOURNAL : SEGLOG_SPOOL;
	assert_int_equal(folder_make(&m.folder), 0);
	open_log(&m, NULL, true);
	for (int step = 0; step < STEPS; step++) {
		static void (*const steps[])(struct model *) = {append, append,   append, commit, commit,
								commit, sync_log, trim,   drop,   restart,
								crash,  damage,   damage};

		steps[draw(&m, sizeof(steps) / sizeof(steps[0]))](&m);
		if (m.log && draw(&m, 4) == 0)
			check(&m);
	}
	seglog_close(m.log);
	folder_remove(&m.folder);
}

static void histories_agree_with_the_model(void **state)
{
	const char *only = getenv("CANOPY_SEED");

	(void)state;
	for (uint64_t seed = 1; seed <= HISTORIES; seed++) {
		if (only && strtoull(only, NULL, 10) != seed)
			continue;
		print_message("# history of CANOPY_SEED=%" PRIu64 "\n", seed);
		history(seed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(histories_agree_with_the_model)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
