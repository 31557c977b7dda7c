/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/uplink/window.h"

static void counts_batches_not_numbers(void **state)
{
	struct window window;

	(void)state;
	window_init(&window, 3);
	window_add(&window, 1);
	window_add(&window, 1000);
	assert_false(window_is_full(&window));
	window_add(&window, 5000);
	assert_true(window_is_full(&window));
	window_ack(&window, 999);
	assert_int_equal(window.count, 2);
	window_ack(&window, 0);
	assert_int_equal(window.count, 2);
	window_ack(&window, 5000);
	assert_int_equal(window.count, 0);
}

static void goes_round(void **state)
{
	struct window window;

	(void)state;
	window_init(&window, UINT32_MAX);
	for (uint64_t seq = 1; seq <= 10 * WINDOW_MAX; seq++) {
		if (window_is_full(&window))
			window_ack(&window, seq - WINDOW_MAX / 2);
		window_add(&window, seq);
	}
	assert_true(window.count <= WINDOW_MAX);
	window_ack(&window, 10 * WINDOW_MAX);
	assert_int_equal(window.count, 0);
}

static void one_is_always_granted(void **state)
{
	struct window window;

	(void)state;
	window_init(&window, 0);
	assert_false(window_is_full(&window));
	window_add(&window, 1);
	assert_true(window_is_full(&window));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(counts_batches_not_numbers),
	    cmocka_unit_test(goes_round),
	    cmocka_unit_test(one_is_always_granted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
