/* SPDX-License-Identifier: Apache-2.0 */
/* A run of positions is brought into a lake and stopped at every step, as a crash would; whatever the step, after
 * recovery and a second try each row stands in the lake once. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "collector/lake/cursor.h"
#include "collector/lake/ndjson.h"
#include "tests/unit/collector/lake/folder.h"

#define HOUR_NS (3600ll * 1000000000)
#define POSITIONS 20u
#define NEVER_FULL (1ull << 40)

static struct folder folder;

static int setup(void **state)
{
	folder_make(&folder);
	return 0;
}

static int teardown(void **state)
{
	folder_remove(&folder);
	return 0;
}

/* Received one nanosecond after the other. */
#define RECEIVED(position) (1000 + (int64_t)(position))

static int recover(struct ndjson *sink, uint64_t next)
{
	const struct ndjson_journal journal = {1, next, next > 1 ? RECEIVED(next - 1) : INT64_MIN};

	return ndjson_recover(sink, &journal);
}

static struct ndjson *open_sink(uint64_t next, int expect)
{
	struct ndjson *sink = NULL;

	assert_int_equal(ndjson_create(&sink, folder.lake, folder.state, NEVER_FULL, NULL), 0);
	assert_int_equal(recover(sink, next), expect);
	return sink;
}

static int put(struct ndjson *sink, struct partition partition, uint64_t number)
{
	struct json *json = ndjson_row_begin(sink, partition);

	json_object_begin(json);
	json_key(json, "row");
	json_uint(json, number);
	json_object_end(json);
	return ndjson_row_end(sink);
}

/* Each position has two rows, in hours that change every five positions. */
static void put_positions(struct ndjson *sink, uint64_t to)
{
	for (uint64_t position = ndjson_next(sink); position <= to; position++) {
		assert_int_equal(
			put(sink, partition_at(LAKE_PROCESS_ACTIVITY, (int64_t)(position / 5) * HOUR_NS), 2 * position),
			0);
		assert_int_equal(put(sink, partition_at(LAKE_GAP, (int64_t)(position / 5) * HOUR_NS), 2 * position + 1),
				 0);
		ndjson_position(sink, position, RECEIVED(position));
	}
}

/* How often each row stands in the lake. */
static void count_rows(unsigned *counts, size_t max)
{
	memset(counts, 0, max * sizeof(*counts));
	folder_list(folder.lake, "*.ndjson.gz");
	for (size_t i = 0; i < folder_count; i++) {
		char *text = folder_read(folder_files[i]), *at = text;
		uint64_t row;
		int len;

		assert_non_null(text);
		while (sscanf(at, "{\"row\":%" SCNu64 "}%n", &row, &len) == 1 && at[len] == '\n') {
			assert_true(row < max);
			counts[row]++;
			at += len + 1;
		}
		assert_int_equal(*at, '\0');
		free(text);
	}
}

static void assert_each_once(uint64_t to)
{
	unsigned counts[2 * POSITIONS + 2];

	count_rows(counts, sizeof(counts) / sizeof(*counts));
	for (uint64_t row = 0; row < sizeof(counts) / sizeof(*counts); row++)
		assert_int_equal(counts[row], row >= 2 && row <= 2 * to + 1);
	assert_int_equal(folder_list(folder.lake, "*.tmp"), 0);
}

static void test_layout(void **state)
{
	struct ndjson *sink = open_sink(1, 0);
	char expected[256];
	uint64_t rows = 0;

	assert_true(ndjson_next(sink) == 1);
	assert_false(ndjson_pending(sink));
	put_positions(sink, 4);
	assert_true(ndjson_pending(sink));
	assert_true(ndjson_buffered(sink) > 0);
	assert_int_equal(folder_list(folder.lake, "*.ndjson.gz"), 0);
	assert_int_equal(ndjson_commit(sink, &rows), 0);
	assert_true(rows == 8);
	assert_false(ndjson_pending(sink));
	assert_true(ndjson_next(sink) == 5);
	assert_int_equal(folder_list(folder.lake, "*.ndjson.gz"), 2);
	(void)snprintf(expected, sizeof(expected),
		       "%s/class=gap/day=1970-01-01/hour=00/"
		       "canopy-00000000000000000001-00000000000000000004-[0-9a-f]*.ndjson.gz",
		       folder.lake);
	assert_int_equal(folder_list(folder.lake, expected), 1);
	assert_each_once(4);
	ndjson_destroy(sink);
}

/* Positions without a row still move the cursor. */
static void test_empty_commit(void **state)
{
	struct ndjson *sink = open_sink(1, 0);

	ndjson_position(sink, 9, RECEIVED(9));
	assert_true(ndjson_pending(sink));
	assert_int_equal(ndjson_commit(sink, NULL), 0);
	ndjson_destroy(sink);
	sink = open_sink(10, 0);
	assert_true(ndjson_next(sink) == 10);
	assert_int_equal(folder_list(folder.lake, "*.ndjson.gz"), 0);
	ndjson_destroy(sink);
}

typedef int (*step)(struct ndjson *sink);
static const step steps[] = {ndjson_write, ndjson_commit_stage, ndjson_commit_intend, ndjson_commit_publish,
			     ndjson_commit_advance};
#define STEPS (sizeof(steps) / sizeof(*steps))

/* Dies behind each step of a second run, and again behind each step of the try that follows. */
static void test_stopped_anywhere(void **state)
{
	for (size_t first = 0; first <= STEPS; first++)
		for (size_t second = 0; second <= STEPS; second++) {
			size_t stops[] = {first, second};
			bool intended = false;
			struct ndjson *sink;

			assert_int_equal(setup(NULL), 0);
			sink = open_sink(1, 0);
			put_positions(sink, 7);
			assert_int_equal(ndjson_commit(sink, NULL), 0);
			for (size_t i = 0; i < 2; i++) {
				put_positions(sink, POSITIONS);
				for (size_t s = 0; s < stops[i] && ndjson_pending(sink); s++)
					assert_int_equal(steps[s](sink), 0);
				ndjson_destroy(sink);
				sink = open_sink(POSITIONS + 1, 0);
				intended |= stops[i] >= 3;
				assert_true(ndjson_next(sink) == (intended ? POSITIONS + 1 : 8));
			}
			put_positions(sink, POSITIONS);
			if (ndjson_pending(sink))
				assert_int_equal(ndjson_commit(sink, NULL), 0);
			assert_each_once(POSITIONS);
			ndjson_destroy(sink);
			teardown(NULL);
		}
}

static void path_in_lake(char *out, size_t size, const char *name)
{
	(void)snprintf(out, size, "%s/%s", folder.lake, name);
}

/* Some files of a commit are published, then one cannot be. */
static void test_publish_breaks(void **state)
{
	struct ndjson *sink = open_sink(1, 0);
	char blocked[256];
	int fd;

	path_in_lake(blocked, sizeof(blocked), "class=process_activity");
	assert_int_equal(mkdir(blocked, 0700), 0);
	path_in_lake(blocked, sizeof(blocked), "class=process_activity/day=1970-01-01");
	assert_int_equal(mkdir(blocked, 0700), 0);
	path_in_lake(blocked, sizeof(blocked), "class=process_activity/day=1970-01-01/hour=02");
	fd = open(blocked, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
	put_positions(sink, POSITIONS);
	assert_int_equal(ndjson_commit(sink, NULL), -ENOTDIR);
	assert_true(folder_list(folder.lake, "*.ndjson.gz") > 0);
	assert_int_equal(recover(sink, POSITIONS + 1), -ENOTDIR);
	ndjson_destroy(sink);
	sink = open_sink(POSITIONS + 1, -ENOTDIR);
	assert_int_equal(unlink(blocked), 0);
	assert_int_equal(recover(sink, POSITIONS + 1), 0);
	assert_true(ndjson_next(sink) == POSITIONS + 1);
	assert_each_once(POSITIONS);
	ndjson_destroy(sink);
}

/* Who reads the lake may take a file away as soon as it is there: that does not bring it back. */
static void test_taken_away(void **state)
{
	struct ndjson *sink = open_sink(1, 0);
	unsigned counts[2 * POSITIONS + 2];

	put_positions(sink, 4);
	for (size_t s = 0; s < 4; s++)
		assert_int_equal(steps[s](sink), 0);
	ndjson_destroy(sink);
	assert_int_equal(folder_list(folder.lake, "*/class=gap/*.ndjson.gz"), 1);
	assert_int_equal(unlink(folder_files[0]), 0);
	sink = open_sink(5, 0);
	assert_true(ndjson_next(sink) == 5);
	count_rows(counts, sizeof(counts) / sizeof(*counts));
	for (unsigned row = 2; row < 10; row++)
		assert_int_equal(counts[row], row % 2 == 0);
	ndjson_destroy(sink);
}

/* After a power cut a file may stand under both names. */
static void test_both_names(void **state)
{
	struct ndjson *sink = open_sink(1, 0);
	char staged[2][PATH_MAX], final[PATH_MAX + 8];
	size_t count;

	put_positions(sink, 4);
	assert_int_equal(steps[1](sink), 0);
	assert_int_equal(steps[2](sink), 0);
	count = folder_list(folder.lake, "*.tmp");
	assert_int_equal(count, 2);
	for (size_t i = 0; i < count; i++) {
		assert_true((size_t)snprintf(staged[i], sizeof(staged[i]), "%s", folder_files[i]) < sizeof(staged[i]));
		assert_true((size_t)snprintf(final, sizeof(final), "%s.kept", staged[i]) < sizeof(final));
		assert_int_equal(link(staged[i], final), 0);
	}
	assert_int_equal(steps[3](sink), 0);
	for (size_t i = 0; i < count; i++) {
		assert_true((size_t)snprintf(final, sizeof(final), "%s.kept", staged[i]) < sizeof(final));
		assert_int_equal(rename(final, staged[i]), 0);
	}
	ndjson_destroy(sink);
	sink = open_sink(5, 0);
	assert_each_once(4);
	ndjson_destroy(sink);
}

static void test_out_of_reach(void **state)
{
	struct ndjson *sink = NULL;
	char deep[128];

	(void)snprintf(deep, sizeof(deep), "%s/not/mounted", folder.path);
	assert_int_equal(ndjson_create(&sink, deep, folder.state, NEVER_FULL, NULL), 0);
	assert_int_equal(recover(sink, 1), -ENOENT);
	(void)snprintf(deep, sizeof(deep), "%s/not", folder.path);
	assert_int_equal(mkdir(deep, 0700), 0);
	assert_int_equal(recover(sink, 1), 0);
	put_positions(sink, 4);
	assert_int_equal(ndjson_commit(sink, NULL), 0);
	ndjson_destroy(sink);
}

/* Who else can write there could tell the lake anything. */
static void test_a_folder_that_others_can_write(void **state)
{
	struct ndjson *sink;

	(void)state;
	assert_int_equal(mkdir(folder.lake, 0700), 0);
	assert_int_equal(chmod(folder.lake, 0770), 0);
	sink = open_sink(1, -EPERM);
	assert_int_equal(chmod(folder.lake, 0707), 0);
	assert_int_equal(recover(sink, 1), -EPERM);
	assert_int_equal(chmod(folder.lake, 0755), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(folder.lake, 1, 1), 0);
		assert_int_equal(recover(sink, 1), -EPERM);
		assert_int_equal(chown(folder.lake, 0, 0), 0);
	}
	assert_int_equal(recover(sink, 1), 0);
	put_positions(sink, POSITIONS);
	assert_int_equal(ndjson_commit(sink, NULL), 0);
	assert_each_once(POSITIONS);
	ndjson_destroy(sink);
}

static void test_no_state_folder(void **state)
{
	struct ndjson *sink = NULL;
	char *why = NULL;

	assert_int_equal(ndjson_create(&sink, folder.lake, "/nonexistent/state", NEVER_FULL, &why), -ENOENT);
	assert_non_null(strstr(why, "/nonexistent/state"));
	assert_null(sink);
	free(why);
}

/* Writing fails as on a full disk: nothing is lost, and nothing of it stays. */
static void test_disk_full(void **state)
{
	struct rlimit before, small;
	struct ndjson *sink = open_sink(1, 0);
	uint64_t random = 88172645463325252ull;
	int r = 0;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = (struct rlimit){64 * 1024, before.rlim_max};
	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (int i = 0; i < 100 && !r; i++) {
		struct json *json = ndjson_row_begin(sink, partition_at(LAKE_PROCESS_ACTIVITY, 0));

		json_array_begin(json);
		for (int n = 0; n < 4000; n++) {
			random ^= random << 13, random ^= random >> 7, random ^= random << 17;
			json_uint(json, random);
		}
		json_array_end(json);
		assert_int_equal(ndjson_row_end(sink), 0);
		r = ndjson_write(sink);
	}
	assert_int_equal(r, -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(recover(sink, 1), 0);
	assert_int_equal(folder_list(folder.lake, "*.tmp"), 0);
	assert_true(ndjson_next(sink) == 1);
	put_positions(sink, POSITIONS);
	assert_int_equal(ndjson_commit(sink, NULL), 0);
	assert_each_once(POSITIONS);
	ndjson_destroy(sink);
}

static void test_damaged_cursor(void **state)
{
	struct ndjson *sink = open_sink(1, 0);

	ndjson_destroy(sink);
	assert_int_equal(folder_list(folder.state, "*.cursor"), 1);
	assert_int_equal(truncate(folder_files[0], 30), 0);
	sink = open_sink(1, -EBADMSG);
	ndjson_destroy(sink);
}

/* The journal was thrown away but not the cursor: the new journal is brought wholly, and no file of the old one is
 * touched. */
static void test_other_journal(void **state)
{
	const struct ndjson_journal other = {1, 5, RECEIVED(100)};
	struct ndjson *sink = open_sink(1, 0);
	unsigned counts[2 * POSITIONS + 2];

	put_positions(sink, 9);
	assert_int_equal(ndjson_commit(sink, NULL), 0);
	assert_false(ndjson_restarted(sink));
	ndjson_destroy(sink);
	assert_int_equal(ndjson_create(&sink, folder.lake, folder.state, NEVER_FULL, NULL), 0);
	assert_int_equal(ndjson_recover(sink, &other), 0);
	assert_true(ndjson_restarted(sink));
	assert_true(ndjson_next(sink) == 1);
	put_positions(sink, 9);
	assert_int_equal(ndjson_commit(sink, NULL), 0);
	count_rows(counts, sizeof(counts) / sizeof(*counts));
	for (unsigned row = 2; row < 20; row++)
		assert_int_equal(counts[row], 2);
	ndjson_destroy(sink);
}

/* The journal lost its end to a damaged disk: what it still holds is in the lake already. */
static void test_lost_tail(void **state)
{
	struct ndjson *sink = open_sink(1, 0);

	put_positions(sink, 9);
	assert_int_equal(ndjson_commit(sink, NULL), 0);
	ndjson_destroy(sink);
	sink = open_sink(5, 0);
	assert_true(ndjson_restarted(sink));
	assert_true(ndjson_next(sink) == 5);
	assert_int_equal(recover(sink, 5), 0);
	assert_false(ndjson_restarted(sink));
	assert_true(ndjson_next(sink) == 5);
	assert_each_once(9);
	ndjson_destroy(sink);
}

static void test_due(void **state)
{
	struct ndjson *sink = NULL;
	uint64_t random = 1;

	assert_int_equal(ndjson_create(&sink, folder.lake, folder.state, 4096, NULL), 0);
	assert_int_equal(recover(sink, 1), 0);
	assert_false(ndjson_due(sink));
	for (int i = 0; i < 2000000 && !ndjson_due(sink); i++) {
		random = random * 6364136223846793005ull + 1442695040888963407ull;
		assert_int_equal(put(sink, partition_at(LAKE_PROCESS_ACTIVITY, 0), random), 0);
		if (i % 10000 == 9999)
			assert_int_equal(ndjson_write(sink), 0);
	}
	assert_true(ndjson_due(sink));
	ndjson_destroy(sink);
}

/* A record whose facts claim 500 different hours opens no more files than there may be, and loses no row. */
static void test_too_many_hours(void **state)
{
	struct ndjson *sink = open_sink(1, 0);
	static unsigned counts[502];

	for (uint64_t row = 0; row < 500; row++)
		assert_int_equal(put(sink, partition_at(LAKE_PROCESS_ACTIVITY, (int64_t)row * HOUR_NS), row), 0);
	assert_int_equal(put(sink, partition_at(LAKE_GAP, 0), 500), 0);
	ndjson_position(sink, 1, RECEIVED(1));
	assert_true(ndjson_due(sink));
	assert_int_equal(ndjson_commit(sink, NULL), 0);
	count_rows(counts, 502);
	for (size_t row = 0; row <= 500; row++)
		assert_int_equal(counts[row], 1);
	assert_in_range(folder_list(folder.lake, "*.ndjson.gz"), 2, CURSOR_MOVES_MAX);
	assert_int_equal(folder_list(folder.lake, "*/class=gap/*.ndjson.gz"), 1);
	ndjson_destroy(sink);
}

/* Two lakes of one collector, and two collectors of one lake, do not meet. */
static void test_neighbours(void **state)
{
	struct folder other;
	struct ndjson *a = open_sink(1, 0), *b = NULL;

	folder_make(&other);
	assert_int_equal(ndjson_create(&b, folder.lake, other.state, NEVER_FULL, NULL), 0);
	assert_int_equal(recover(b, 1), 0);
	put_positions(a, 4);
	put_positions(b, 4);
	assert_int_equal(ndjson_commit(a, NULL), 0);
	assert_int_equal(ndjson_commit(b, NULL), 0);
	assert_int_equal(folder_list(folder.lake, "*.ndjson.gz"), 4);
	ndjson_destroy(b);
	assert_int_equal(ndjson_create(&b, other.lake, folder.state, NEVER_FULL, NULL), 0);
	assert_int_equal(recover(b, 1), 0);
	assert_true(ndjson_next(b) == 1);
	assert_int_equal(folder_list(folder.state, "*.cursor"), 2);
	ndjson_destroy(b);
	ndjson_destroy(a);
	folder_remove(&other);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(test_layout),
		WITH_FOLDER(test_empty_commit),
		cmocka_unit_test(test_stopped_anywhere),
		WITH_FOLDER(test_publish_breaks),
		WITH_FOLDER(test_taken_away),
		WITH_FOLDER(test_both_names),
		WITH_FOLDER(test_out_of_reach),
		WITH_FOLDER(test_a_folder_that_others_can_write),
		WITH_FOLDER(test_no_state_folder),
		WITH_FOLDER(test_disk_full),
		WITH_FOLDER(test_damaged_cursor),
		WITH_FOLDER(test_other_journal),
		WITH_FOLDER(test_lost_tail),
		WITH_FOLDER(test_due),
		WITH_FOLDER(test_too_many_hours),
		WITH_FOLDER(test_neighbours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
