/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "proto/wire/state.h"

static void what_is_encoded_comes_back(void **state)
{
	const struct state_era eras[2] = {{5, -7}, {9, INT64_MAX}};
	const struct gap gaps[1] = {{FACT_EXEC, GAP_FOREST_FULL, 1, 2, 3}};
	const struct state_stream streams[2] = {{UINT64_MAX, 1, 8, 9}, {4, 5, 6, 7}};
	const struct boot_state in = {
	    .boot = {{1, 2}},
	    .facts = {0, 1, 2, 3, 4},
	    .lost = {5, 0, 7, 8, 9},
	    .evicted = 10,
	    .horizon_ns = 11,
	    .snapshot_ns = 12,
	    .clock_known = true,
	    .fact_known = true,
	    .clock_ns = 13,
	    .first_fact_ns = 14,
	    .last_fact_ns = 15,
	    .boottime_to_wall_ns = -16,
	    .first_fact_to_wall_ns = INT64_MIN,
	    .sequence_gaps = 17,
	    .eras = eras,
	    .gaps = gaps,
	    .streams = streams,
	    .era_count = 2,
	    .gap_count = 1,
	    .stream_count = 2,
	};
	struct arena arena = ARENA_NULL;
	struct boot_state out;
	struct bytes body;

	(void)state;
	assert_int_equal(boot_state_encode(&in, &arena, &body), 0);
	assert_int_equal(boot_state_decode(&arena, (const uint8_t *)body.data, body.len, &out), 0);
	/* without the padding behind the two flags */
	assert_memory_equal(&in, &out, offsetof(struct boot_state, clock_known));
	assert_true(out.clock_known && out.fact_known);
	assert_memory_equal(&in.clock_ns, &out.clock_ns,
			    offsetof(struct boot_state, eras) - offsetof(struct boot_state, clock_ns));
	assert_int_equal(out.era_count, 2);
	assert_memory_equal(out.eras, eras, sizeof(eras));
	assert_int_equal(out.stream_count, 2);
	assert_memory_equal(out.streams, streams, sizeof(streams));
	assert_int_equal(out.gap_count, 1);
	assert_int_equal(out.gaps[0].reason, GAP_FOREST_FULL);
	assert_int_equal(out.gaps[0].count, 3);
	for (uint32_t cut = 0; cut < body.len; cut++) { /* never beyond its end; a whole field may be missing */
		int r = boot_state_decode(&arena, (const uint8_t *)body.data, cut, &out);

		assert_true(r == 0 || r == -EBADMSG);
	}
	arena_finish(&arena);
}

static void bounds_are_kept(void **state)
{
	struct boot_state in = {.boot = {{1}}};
	struct arena arena = ARENA_NULL;
	struct gap *gaps = calloc(STATE_GAPS_MAX + 1, sizeof(*gaps));
	struct bytes body;

	(void)state;
	assert_non_null(gaps);
	in.gaps = gaps;
	in.gap_count = STATE_GAPS_MAX;
	assert_int_equal(boot_state_encode(&in, &arena, &body), 0);
	assert_int_equal(boot_state_decode(&arena, (const uint8_t *)body.data, body.len, &in), 0);
	in.gaps = gaps;
	in.gap_count = STATE_GAPS_MAX + 1;
	assert_int_equal(boot_state_encode(&in, &arena, &body), -EINVAL);
	arena_finish(&arena);
	free(gaps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_encoded_comes_back),
	    cmocka_unit_test(bounds_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
