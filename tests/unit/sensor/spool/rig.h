/* SPDX-License-Identifier: Apache-2.0 */
/* A loop, a folder and a spool in it, as the tests of the spool need them. Include after cmocka.h. */
#ifndef CANOPY_TESTS_SPOOL_RIG_H
#define CANOPY_TESTS_SPOOL_RIG_H

#include "proto/batch/decoder.h"
#include "sensor/spool/spool.h"
#include "tests/unit/batches.h"
#include "tests/unit/folder.h"

#define RIG_FACTS 5u       /* of each batch */
#define RIG_BATCH_NS 1000u /* from one batch to the next: batch seq begins at seq * RIG_BATCH_NS */

struct rig {
	struct folder folder;
	uv_loop_t loop;
	struct spool *spool;
	struct spool_options options;
	struct seglog_recovery recovery;
	struct batches batches;
	bool closed;
	/* What append has told. */
	bool was_dropped;
	struct gap gap;
	uint64_t facts_dropped, gaps_told;
};

static inline void rig_open(struct rig *rig)
{
	char *why = NULL;
	int r;

	rig->options.dir = rig->folder.path;
	r = spool_open(&rig->spool, &rig->loop, &rig->options, &rig->recovery, &why);
	if (r < 0)
		print_error("%s\n", why ? why : "no memory");
	free(why);
	assert_int_equal(r, 0);
	rig->batches.stream = spool_stream(rig->spool);
}

static inline void rig_closed(void *owner)
{
	struct rig *rig = owner;

	rig->closed = true;
}

static inline void rig_close(struct rig *rig)
{
	rig->closed = false;
	spool_close(rig->spool, rig_closed, rig);
	rig->spool = NULL;
	while (!rig->closed)
		assert_true(uv_run(&rig->loop, UV_RUN_ONCE) || rig->closed);
}

static inline void rig_reopen(struct rig *rig)
{
	rig_close(rig);
	rig_open(rig);
}

/* Segments of a few batches, a bound of a few segments. */
static inline int rig_setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	*state = rig;
	if (!rig || folder_make(&rig->folder) != 0 || uv_loop_init(&rig->loop) != 0)
		return -1;
	rig->options = (struct spool_options){
	    .segment_bytes = 3000, .max_bytes = 12000, .sync_interval_ms = 1, .revive_interval_ms = 10};
	return batches_init(&rig->batches, 1, 0);
}

static inline int rig_teardown(void **state)
{
	struct rig *rig = *state;

	if (rig->spool)
		rig_close(rig);
	batches_finish(&rig->batches);
	folder_remove(&rig->folder);
	if (uv_loop_close(&rig->loop) != 0)
		return -1;
	free(rig);
	return 0;
}

/* Appends the next batch and returns what append said. */
static inline int rig_append(struct rig *rig)
{
	uint64_t seq = spool_next_seq(rig->spool);
	size_t len = 0;
	const uint8_t *data = batches_make(&rig->batches, seq, RIG_FACTS, seq * RIG_BATCH_NS, &len);
	int r;

	assert_non_null(data);
	r = spool_append(rig->spool, data, len, &rig->gap, &rig->was_dropped);
	if (rig->was_dropped) {
		rig->gaps_told++;
		rig->facts_dropped += rig->gap.count;
	}
	return r;
}

static inline void rig_fill(struct rig *rig, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(rig_append(rig), 0);
}

/* Reads the next batch at or behind seq and returns its own seq; 0 at the end. */
static inline uint64_t rig_read(struct rig *rig, uint64_t seq)
{
	struct batch_id id;
	struct bytes batch;
	uint64_t found = 0;
	int r = spool_read(rig->spool, seq, &batch, &found);

	if (r == SPOOL_E_END)
		return 0;
	assert_int_equal(r, 0);
	assert_int_equal(batch_peek((const uint8_t *)batch.data, batch.len, &id), 0);
	assert_int_equal(id.seq, found);
	return found;
}

#endif
