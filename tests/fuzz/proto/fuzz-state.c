/* SPDX-License-Identifier: Apache-2.0 */
/* A host boot's state as a checkpoint of the journal holds it, or what a bad disk made of it. What is taken must come back the same
 * from our own encoder, which also says that every bound was kept. */
#include <errno.h>

#include "proto/wire/state.h"
#include "tests/fuzz/input.h"

#define ARENA_MAX (4u * 1024u * 1024u)

static void compare_lists(const struct boot_state *a, const struct boot_state *b)
{
	must(a->era_count == b->era_count && a->gap_count == b->gap_count && a->stream_count == b->stream_count);
	must(a->era_count <= STATE_ERAS_MAX && a->gap_count <= STATE_GAPS_MAX && a->stream_count <= STATE_STREAMS_MAX);
	must(memcmp(a->eras, b->eras, a->era_count * sizeof(*a->eras)) == 0);
	must(memcmp(a->gaps, b->gaps, a->gap_count * sizeof(*a->gaps)) == 0);
	must(memcmp(a->streams, b->streams, a->stream_count * sizeof(*a->streams)) == 0);
}

static void compare(const struct boot_state *a, const struct boot_state *b)
{
	must(boot_id_equal(&a->boot, &b->boot) && memcmp(a->facts, b->facts, sizeof(a->facts)) == 0 &&
	     memcmp(a->lost, b->lost, sizeof(a->lost)) == 0);
	must(a->evicted == b->evicted && a->horizon_ns == b->horizon_ns && a->snapshot_ns == b->snapshot_ns);
	must(a->clock_known == b->clock_known && a->fact_known == b->fact_known && a->clock_ns == b->clock_ns);
	must(a->first_fact_ns == b->first_fact_ns && a->last_fact_ns == b->last_fact_ns && a->sequence_gaps == b->sequence_gaps);
	must(a->boottime_to_wall_ns == b->boottime_to_wall_ns && a->first_fact_to_wall_ns == b->first_fact_to_wall_ns);
	must(a->seen_wall_ns == b->seen_wall_ns && a->last_record == b->last_record);
	compare_lists(a, b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = {.limit = ARENA_MAX}, second = ARENA_NULL;
	struct boot_state state, again;
	struct bytes bytes;

	if (boot_state_decode(&arena, data, size, &state) == 0) {
		must(boot_state_encode(&state, &second, &bytes) == 0);
		must(boot_state_decode(&second, (const uint8_t *)bytes.data, bytes.len, &again) == 0);
		compare(&state, &again);
	}
	arena_finish(&arena);
	arena_finish(&second);
	return 0;
}
