/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of boots that have no session here: many at once, great ones, and such as nobody understands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/ingest/internal.h"
#include "tests/unit/batches.h"
#include "tests/unit/folder.h"
#include "tests/unit/loop.h"

#define NOW 1700000000000000000ll
#define GREAT_BYTES (15u << 20) /* five of them are more than may wait for the disk */
#define ERRANDS 8u

struct rig {
	struct folder folder;
	uv_loop_t loop;
	struct forest *forest;
	struct journal *journal;
	struct ingest *ingest;
	struct arena arena;
	bool closed;
};

/* One that brings one batch, when it may. */
struct errand {
	struct rig *rig;
	struct ingest_peer *peer;
	struct bytes data; /* owned */
	bool paused, brought, acked, refused;
	int result;
	struct ingest_refusal refusal;
};

static void bring(struct errand *errand)
{
	errand->brought = true;
	arena_reset(&errand->rig->arena);
	errand->result = ingest_batch(errand->peer, &errand->rig->arena, errand->data, NOW, &errand->refusal);
}

static void on_acked(void *owner, uint64_t seq)
{
	struct errand *errand = owner;

	assert_int_equal(seq, 1);
	errand->acked = true;
}

static void on_paused(void *owner, bool paused)
{
	struct errand *errand = owner;

	errand->paused = paused;
	if (!paused && !errand->brought)
		bring(errand);
}

static void on_refused(void *owner, const struct ingest_refusal *refusal)
{
	struct errand *errand = owner;

	errand->peer = NULL;
	errand->refused = true;
	errand->refusal = *refusal;
}

static const struct ingest_peer_events events = {.acked = on_acked, .paused = on_paused, .refused = on_refused};

static int setup(void **state)
{
	struct forest_options forest = FOREST_OPTIONS_DEFAULT;
	struct rig *rig = calloc(1, sizeof(*rig));
	struct journal_options journal = {0};
	struct seglog_recovery recovery;

	*state = rig;
	if (!rig || folder_make(&rig->folder) != 0 || uv_loop_init(&rig->loop) != 0)
		return -1;
	journal.dir = rig->folder.path;
	if (forest_create(&rig->forest, &forest) != 0 ||
	    journal_open(&rig->journal, &rig->loop, &journal, &recovery, NULL) != 0)
		return -1;
	return ingest_create(&rig->ingest, rig->forest, rig->journal);
}

static void on_closed(void *owner)
{
	((struct rig *)owner)->closed = true;
}

static bool is_closed(void *owner)
{
	return ((struct rig *)owner)->closed;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	ingest_destroy(rig->ingest);
	journal_close(rig->journal, on_closed, rig);
	assert_true(loop_until(&rig->loop, is_closed, rig));
	forest_destroy(rig->forest);
	arena_finish(&rig->arena);
	folder_remove(&rig->folder);
	if (!loop_finish(&rig->loop))
		return -1;
	free(rig);
	return 0;
}

/* Batch 1 of a boot, with a string of so many zeros that none of its facts names. */
static struct bytes make_batch(const struct boot_id *boot, size_t zeros)
{
	struct batches batches;
	uint8_t *data, *at;
	const uint8_t *plain;
	size_t len;

	assert_int_equal(batches_init(&batches, 1, 77), 0);
	batches.boot = *boot;
	plain = batches_make(&batches, 1, 3, 1000, &len);
	assert_non_null(plain);
	data = calloc(1, len + 8 + zeros);
	assert_non_null(data);
	memcpy(data, plain, len);
	at = data + len;
	if (zeros) {
		*at++ = 0x32; /* Batch.strings */
		for (size_t left = zeros; left > 0; left >>= 7)
			*at++ = (uint8_t)((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
		at += zeros;
	}
	batches_finish(&batches);
	return bytes_make(data, (size_t)(at - data));
}

static const struct speaker nobody = {.names = (char[]){""}};

static struct boot_id boot_of(uint8_t number)
{
	struct boot_id boot;

	memset(&boot, number, sizeof(boot));
	return boot;
}

static void join(struct rig *rig, struct errand *errand, uint8_t number, size_t zeros)
{
	struct boot_id boot = boot_of(number);

	*errand = (struct errand){.rig = rig, .data = make_batch(&boot, zeros)};
	assert_int_equal(
	    ingest_join_other(rig->ingest, &boot, 77, &nobody, &events, errand, &errand->peer, &errand->refusal), 0);
}

static void leave(struct errand *errand)
{
	ingest_leave(errand->peer);
	free((void *)(uintptr_t)errand->data.data);
}

static bool all_acked(void *owner)
{
	const struct errand *errands = owner;
	bool all = true;

	for (unsigned i = 0; i < ERRANDS; i++)
		all = all && errands[i].acked;
	return all;
}

/* Those that come while too much waits for the disk wait as well, and each has its turn. */
static void great_batches_wait_for_their_turn(void **state)
{
	struct rig *rig = *state;
	struct errand errands[ERRANDS];
	const char *why;

	for (unsigned i = 0; i < ERRANDS; i++) { /* no turn of the loop: nothing becomes durable */
		join(rig, &errands[i], (uint8_t)(i + 1), GREAT_BYTES);
		if (!errands[i].paused)
			bring(&errands[i]);
	}
	assert_true(errands[0].brought && errands[0].paused);
	assert_false(errands[1].brought);
	assert_true(loop_until(&rig->loop, all_acked, errands));
	assert_true(ingest_ready(rig->ingest, &why));
	for (unsigned i = 0; i < ERRANDS; i++) {
		struct boot_id boot = boot_of((uint8_t)(i + 1));

		assert_int_equal(errands[i].result, 0);
		assert_non_null(forest_host_find(rig->forest, &boot));
		leave(&errands[i]);
	}
}

/* What has no room is refused before it is joined, and taken when it comes again. */
static void no_room_is_not_the_end(void **state)
{
	struct rig *rig = *state;
	struct errand errands[ERRANDS];
	struct forest_host_info info;
	unsigned refused = 0;
	const char *why;

	for (unsigned i = 0; i < ERRANDS; i++) { /* of people who do not wait when they are told to */
		struct boot_id boot = boot_of((uint8_t)(i + 1));
		struct forest_host *host;

		join(rig, &errands[i], (uint8_t)(i + 1), GREAT_BYTES);
		bring(&errands[i]);
		if (errands[i].result == 0)
			continue;
		refused++;
		assert_int_equal(errands[i].result, INGEST_E_REFUSED);
		assert_int_equal(errands[i].refusal.code, REJECT_UNAVAILABLE);
		assert_int_equal(errands[i].refusal.retry_after_ms, INGEST_RETRY_MS);
		host = forest_host_find(rig->forest, &boot);
		if (host)
			forest_host_info(host, &info);
		assert_true(!host || info.facts[FACT_FORK] == 0);
		errands[i].brought = false; /* again when it may */
	}
	assert_true(refused > 0);
	assert_true(ingest_ready(rig->ingest, &why));
	assert_true(loop_until(&rig->loop, all_acked, errands));
	for (unsigned i = 0; i < ERRANDS; i++)
		leave(&errands[i]);
}

/* Whoever makes up boots makes nothing that stays. */
static void what_nobody_understands_leaves_nothing(void **state)
{
	struct rig *rig = *state;
	struct forest_stats stats;
	struct errand errand;

	for (unsigned i = 1; i < 100; i++) {
		join(rig, &errand, (uint8_t)i, 0);
		errand.data.len -= 1;
		bring(&errand);
		assert_int_equal(errand.result, INGEST_E_REFUSED);
		assert_int_equal(errand.refusal.code, REJECT_BAD_MESSAGE);
		leave(&errand);
	}
	forest_stats(rig->forest, &stats);
	assert_int_equal(stats.hosts, 0);
	assert_int_equal(rig->ingest->links.index.count, 0);
	assert_int_equal(rig->ingest->streams.boots.count, 0);
	assert_int_equal(rig->ingest->streams.entries.count, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(great_batches_wait_for_their_turn),
	    TEST(no_room_is_not_the_end),
	    TEST(what_nobody_understands_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
