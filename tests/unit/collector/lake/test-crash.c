/* SPDX-License-Identifier: Apache-2.0 */
/* A child brings rows into a lake and is killed by SIGKILL at each fail point, at each passage of it in turn; the next
 * child goes on. At the end every row stands in the lake once. */
#ifndef CANOPY_FAILPOINTS
#define CANOPY_FAILPOINTS 1
#endif
/* The source itself, so that its fail points are there whatever the build says. */
#include "collector/lake/ndjson.c"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "tests/unit/collector/lake/folder.h"

#define POSITIONS 20u
#define COMMIT_EVERY 7u
#define PASSAGES_MAX 40u

static struct folder folder;

static int put(struct ndjson *sink, enum lake_class class, uint64_t hour, uint64_t row)
{
	struct json *json = ndjson_row_begin(sink, (struct partition){class, (int64_t)hour});

	json_uint(json, row);
	return ndjson_row_end(sink);
}

/* The life of a collector, as far as its lake goes. */
static int live(void)
{
	const struct ndjson_journal journal = {1, POSITIONS + 1, POSITIONS};
	struct ndjson *sink;
	int r = ndjson_create(&sink, folder.lake, folder.state, UINT64_MAX, NULL) ?: ndjson_recover(sink, &journal);

	for (uint64_t position = r ? POSITIONS + 1 : ndjson_next(sink); !r && position <= POSITIONS; position++) {
		r = put(sink, LAKE_PROCESS_ACTIVITY, position / 4, 2 * position);
		r = r ?: put(sink, LAKE_GAP, position / 4, 2 * position + 1);
		ndjson_position(sink, position, (int64_t)position);
		if (!r && position % 2)
			r = ndjson_write(sink);
		if (!r && (position % COMMIT_EVERY == 0 || position == POSITIONS))
			r = ndjson_commit(sink, NULL);
	}
	ndjson_destroy(sink);
	return r ? 1 : 0;
}

/* Runs a life that dies at the given passage of the point. Returns whether it did. */
static bool live_until(const char *point, unsigned passage)
{
	char wanted[64];
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)snprintf(wanted, sizeof(wanted), "%s:%u", point, passage);
		(void)setenv("CANOPY_FAILPOINT", wanted, 1);
		_exit(live());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGKILL);
		return true;
	}
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	return false;
}

static void assert_rows(bool complete)
{
	unsigned counts[2 * POSITIONS + 2] = {0};

	folder_list(folder.lake, "*.ndjson.gz");
	for (size_t i = 0; i < folder_count; i++) {
		char *text = folder_read(folder_files[i]), *at = text;
		unsigned long row;
		int len;

		assert_non_null(text);
		for (; sscanf(at, "%lu%n", &row, &len) == 1; at += len + 1) {
			assert_true(row < sizeof(counts) / sizeof(*counts));
			counts[row]++;
		}
		free(text);
	}
	for (unsigned row = 2; row < sizeof(counts) / sizeof(*counts); row++)
		if (complete)
			assert_int_equal(counts[row], 1);
		else
			assert_in_range(counts[row], 0, 1);
}

static void die_at(const char *point)
{
	unsigned passage = 1;
	bool died = true;

	for (; died && passage <= PASSAGES_MAX; passage++) {
		folder_make(&folder);
		died = live_until(point, passage);
		assert_rows(false);
		(void)live_until(point, passage); /* dies again if it comes so far */
		assert_rows(false);
		assert_false(live_until("none", 1));
		assert_rows(true);
		assert_int_equal(folder_list(folder.lake, "*.tmp"), 0);
		folder_remove(&folder);
	}
	assert_true(passage > 2); /* it did die, at least once */
	assert_false(died);
}

static void test_staged(void **state)
{
	die_at("lake-staged");
}

static void test_intended(void **state)
{
	die_at("lake-intended");
}

static void test_publishing(void **state)
{
	die_at("lake-publishing");
}

static void test_published(void **state)
{
	die_at("lake-published");
}

static void test_advanced(void **state)
{
	die_at("lake-advanced");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_staged),    cmocka_unit_test(test_intended), cmocka_unit_test(test_publishing),
		cmocka_unit_test(test_published), cmocka_unit_test(test_advanced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
