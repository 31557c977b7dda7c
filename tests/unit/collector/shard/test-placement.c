/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "canopy/log.h"
#include "collector/shard/placement.h"

enum log_level log_level = LOG_LEVEL_ERROR;

#define BOOTS 6000u

static struct boot_id boot_of(uint32_t number)
{
	struct boot_id boot = {{0}};

	memcpy(boot.octets + 4, &number, sizeof(number));
	return boot;
}

static void spreads_evenly_even_over_plain_numbers(void **state)
{
	struct placement placement;
	unsigned counts[6] = {0};

	(void)state;
	placement_init(&placement, 6);
	placement_seal(&placement);
	for (uint32_t i = 0; i < BOOTS; i++) {
		struct boot_id boot = boot_of(i);
		size_t shard = placement_of(&placement, &boot);

		assert_in_range(shard, 0, 5);
		assert_int_equal(placement_of(&placement, &boot), shard);
		counts[shard]++;
	}
	for (unsigned i = 0; i < 6; i++)
		assert_in_range(counts[i], BOOTS / 6 * 8 / 10, BOOTS / 6 * 12 / 10);
	placement_finish(&placement);
}

/* A folder of two shards is opened with five: whoever is known stays, whoever is new goes to its home. */
static void known_boots_stay_where_they_are(void **state)
{
	struct placement before, after;
	size_t moved = 0;

	(void)state;
	placement_init(&before, 2);
	placement_init(&after, 5);
	for (uint32_t i = 0; i < BOOTS; i += 2) {
		struct boot_id boot = boot_of(i);

		assert_int_equal(placement_add(&after, &boot, placement_of(&before, &boot)), 0);
	}
	placement_seal(&after);
	for (uint32_t i = 0; i < BOOTS; i++) {
		struct boot_id boot = boot_of(i);
		size_t shard = placement_of(&after, &boot);

		if (i % 2 == 0)
			assert_int_equal(shard, placement_of(&before, &boot));
		else
			moved += shard >= 2;
	}
	assert_in_range(moved, BOOTS / 2 / 2, BOOTS / 2 * 7 / 10);
	placement_finish(&before);
	placement_finish(&after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(spreads_evenly_even_over_plain_numbers),
	    cmocka_unit_test(known_boots_stay_where_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
