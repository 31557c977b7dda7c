/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/journal/entry.h"
#include "tests/unit/batches.h"

#define FACTS 9u

/* A whole record of FACTS facts whose verdict says stored_facts; malloc'ed. */
static uint8_t *make(size_t stored_facts, size_t *ret_len)
{
	struct batches batches;
	struct entry_header header;
	size_t len = 0, bits = (stored_facts + 7) / 8;
	const uint8_t *batch;
	uint8_t *record;

	assert_int_equal(batches_init(&batches, 3, 4), 0);
	batch = batches_make(&batches, 1, FACTS, 1000, &len);
	assert_non_null(batch);
	header = entry_header_make(-1, len, stored_facts);
	record = malloc(sizeof(header) + len + bits);
	assert_non_null(record);
	memcpy(record, &header, sizeof(header));
	memcpy(record + sizeof(header), batch, len);
	memset(record + sizeof(header) + len, 0xff, bits);
	*ret_len = sizeof(header) + len + bits;
	batches_finish(&batches);
	return record;
}

static void a_record_is_whole_or_refused(void **state)
{
	struct arena arena = ARENA_NULL;
	struct journal_entry entry;
	size_t len = 0;
	uint8_t *record = make(FACTS, &len);

	(void)state;
	assert_int_equal(entry_decode(&arena, JOURNAL_BATCH, bytes_make(record, len), &entry), 0);
	assert_int_equal(entry.received_wall_ns, -1);
	assert_true(journal_is_new(&entry, FACTS - 1));
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(entry_decode(&arena, JOURNAL_BATCH, bytes_make(record, cut), &entry), -EBADMSG);
	assert_int_equal(entry_decode(&arena, JOURNAL_HOST, bytes_make(record, len), &entry), -EBADMSG);
	assert_int_equal(entry_decode(&arena, 0, bytes_make(record, len), &entry), -EBADMSG);
	memset(record + 8, 0xff, 8); /* lengths that overflow 32 bits together */
	assert_int_equal(entry_decode(&arena, JOURNAL_BATCH, bytes_make(record, len), &entry), -EBADMSG);
	free(record);
	arena_finish(&arena);
}

static void facts_without_a_bit_are_not_new(void **state)
{
	struct arena arena = ARENA_NULL;
	struct journal_entry entry;
	size_t len = 0;
	uint8_t *record = make(8, &len);

	(void)state;
	assert_int_equal(entry_decode(&arena, JOURNAL_BATCH, bytes_make(record, len), &entry), 0);
	assert_int_equal(entry.batch.fact_count, FACTS);
	assert_true(journal_is_new(&entry, 7));
	assert_false(journal_is_new(&entry, 8));
	free(record);
	arena_finish(&arena);
}

/* A batch with three gaps, one bit for each behind the bits of no facts. */
static void gaps_have_bits_of_their_own(void **state)
{
	struct batch_id id = {.boot = {{1}}, .stream = 2, .seq = 3};
	struct arena arena = ARENA_NULL;
	struct batch_encoder *encoder;
	struct entry_header header;
	struct journal_entry entry;
	uint8_t record[1024];
	const uint8_t *data;
	size_t len;

	(void)state;
	assert_int_equal(batch_encoder_create(&encoder), 0);
	for (uint64_t i = 1; i <= 3; i++)
		assert_int_equal(batch_encoder_add_gap(encoder, &(struct gap){FACT_EXEC, GAP_RING_FULL, i, i, i}), 0);
	assert_int_equal(batch_encoder_finish(encoder, &id, 0, &data, &len), 0);
	header = entry_header_make(-1, len, 0);
	memcpy(record, &header, sizeof(header));
	memcpy(record + sizeof(header), data, len);
	len += sizeof(header);
	record[len] = 5;
	assert_int_equal(entry_decode(&arena, JOURNAL_BATCH, bytes_make(record, len + 1), &entry), 0);
	assert_true(journal_is_new_gap(&entry, 0));
	assert_false(journal_is_new_gap(&entry, 1));
	assert_true(journal_is_new_gap(&entry, 2));
	/* without bits, as journals once were, each one is new */
	assert_int_equal(entry_decode(&arena, JOURNAL_BATCH, bytes_make(record, len), &entry), 0);
	assert_true(journal_is_new_gap(&entry, 1));
	assert_int_equal(entry_decode(&arena, JOURNAL_BATCH, bytes_make(record, len + 2), &entry), -EBADMSG);
	batch_encoder_destroy(encoder);
	arena_finish(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_record_is_whole_or_refused),
	    cmocka_unit_test(facts_without_a_bit_are_not_new),
	    cmocka_unit_test(gaps_have_bits_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
