/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/ingest/streams.h"

static struct boot_id boot_of(uint8_t octet)
{
	struct boot_id boot;

	memset(&boot, octet, sizeof(boot));
	return boot;
}

static struct stream_entry *get(struct streams *streams, uint8_t boot, uint64_t stream)
{
	struct boot_id id = boot_of(boot);
	struct stream_entry *entry = NULL;

	assert_int_equal(streams_get(streams, &id, stream, &entry), 0);
	return entry;
}

static void judges_by_number_and_content(void **state)
{
	struct stream_entry *entry;
	struct streams streams;

	(void)state;
	streams_init(&streams);
	entry = get(&streams, 1, 7);
	assert_int_equal(stream_judge(entry, 100, 1), STREAM_NEW); /* wherever a stream begins for us */
	stream_take(entry, 100, 5000);
	stream_remember(entry, 100, 1);
	assert_int_equal(stream_judge(entry, 101, 2), STREAM_NEW);
	assert_int_equal(stream_judge(entry, 103, 2), STREAM_GAP);
	assert_int_equal(stream_judge(entry, 100, 1), STREAM_DUPLICATE);
	assert_int_equal(stream_judge(entry, 100, 2), STREAM_CONFLICT);
	assert_int_equal(stream_judge(entry, 99, 2), STREAM_DUPLICATE); /* its content was never seen */
	stream_take(entry, 103, 4000);
	assert_int_equal(entry->first, 100);
	assert_int_equal(entry->next, 104);
	assert_int_equal(entry->last_ns, 5000);
	assert_int_equal(stream_judge(entry, 101, 2), STREAM_DUPLICATE);
	streams_finish(&streams);
}

static void forgets_old_contents_not_numbers(void **state)
{
	struct stream_entry *entry;
	struct streams streams;

	(void)state;
	streams_init(&streams);
	entry = get(&streams, 1, 7);
	for (uint64_t seq = 1; seq <= STREAM_CHECKSUMS + 1; seq++) {
		stream_take(entry, seq, 0);
		stream_remember(entry, seq, (uint32_t)seq);
	}
	assert_int_equal(stream_judge(entry, 1, 999), STREAM_DUPLICATE);
	assert_int_equal(stream_judge(entry, 2, 999), STREAM_CONFLICT);
	streams_finish(&streams);
}

static void keeps_boots_and_streams_apart(void **state)
{
	struct boot_id boot = boot_of(1);
	struct streams streams;

	(void)state;
	streams_init(&streams);
	stream_take(get(&streams, 1, 7), 5, 0);
	assert_int_equal(get(&streams, 1, 7)->next, 6);
	assert_int_equal(get(&streams, 2, 7)->next, 0);
	assert_int_equal(get(&streams, 1, 8)->next, 0);
	assert_null(streams_find(&streams, &boot, 9));
	streams_finish(&streams);
}

static void the_stream_unused_for_longest_gives_way(void **state)
{
	struct boot_id boot = boot_of(1);
	struct streams streams;

	(void)state;
	streams_init(&streams);
	for (uint64_t stream = 1; stream <= STREAMS_PER_BOOT_MAX; stream++)
		(void)get(&streams, 1, stream);
	get(&streams, 1, 2)->users = 1;
	(void)get(&streams, 1, 1); /* used again: 2 is older but in use, 3 is the one to go */
	(void)get(&streams, 1, 1000);
	assert_non_null(streams_find(&streams, &boot, 1));
	assert_non_null(streams_find(&streams, &boot, 2));
	assert_null(streams_find(&streams, &boot, 3));
	(void)get(&streams, 2, 1); /* another boot has a bound of its own */
	assert_non_null(streams_find(&streams, &boot, 4));
	streams_finish(&streams);
}

static void refuses_when_all_are_in_use(void **state)
{
	struct boot_id boot = boot_of(1);
	struct stream_entry *entry;
	struct streams streams;

	(void)state;
	streams_init(&streams);
	for (uint64_t stream = 1; stream <= STREAMS_PER_BOOT_MAX; stream++)
		get(&streams, 1, stream)->users = 1;
	assert_int_equal(streams_get(&streams, &boot, 1000, &entry), -ENOSPC);
	streams_finish(&streams);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(judges_by_number_and_content),  cmocka_unit_test(forgets_old_contents_not_numbers),
	    cmocka_unit_test(keeps_boots_and_streams_apart), cmocka_unit_test(the_stream_unused_for_longest_gives_way),
	    cmocka_unit_test(refuses_when_all_are_in_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
