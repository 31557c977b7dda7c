/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sensor/footprint.h"

static int counter = 7;
static const char *const words[] = {"relocated", "constants"}; /* in a segment that is writable when it is loaded */

/* Pages of files that are resident. */
static uint64_t shared_pages(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	uint64_t pages = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%*u %*u %" SCNu64, &pages), 1);
	(void)fclose(file);
	return pages;
}

static void fewer_pages_are_resident_and_nothing_is_lost(void **state)
{
	char *heap = strdup("on the heap");
	uint64_t before, after;

	(void)state;
	counter++;
	before = shared_pages();
	assert_true(footprint_shed() > 0);
	after = shared_pages();
	assert_true(after < before);
	assert_int_equal(counter, 8);
	assert_string_equal(words[0], "relocated");
	assert_string_equal(words[1], "constants");
	assert_string_equal(heap, "on the heap");
	free(heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fewer_pages_are_resident_and_nothing_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
