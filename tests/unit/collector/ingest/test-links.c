/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/ingest/links.h"

#define SECOND 1000000000ll
#define NOW (1000 * SECOND)

static void lag_is_corrected_by_skew(void **state)
{
	/* The host's clock is an hour ahead; its boottime 50 s is our second 1000. */
	struct heartbeat heartbeat = {
	    .boottime_ns = 50 * SECOND, .boottime_to_wall_ns = 950 * SECOND + 3600 * SECOND, .queue_batches = 3};
	struct link link = {.heard_wall_ns = INT64_MIN, .lag_ns = -1};
	struct fleet_link shown;

	(void)state;
	link_heartbeat(&link, &heartbeat, NOW);
	link_show(&link, 32, NOW, &shown);
	assert_int_equal(shown.skew_ns, 3600 * SECOND);
	assert_int_equal(shown.lag_ns, -1); /* batches wait, none has come */
	link_batch(&link, 48 * SECOND, heartbeat.boottime_to_wall_ns, NOW + SECOND);
	link_show(&link, 32, NOW + SECOND, &shown);
	assert_int_equal(shown.lag_ns, 3 * SECOND);
	assert_int_equal(shown.skew_ns, 3600 * SECOND);
}

static void an_empty_queue_means_no_lag(void **state)
{
	struct heartbeat heartbeat = {.boottime_ns = 50 * SECOND, .boottime_to_wall_ns = 950 * SECOND};
	struct link link = {.heard_wall_ns = INT64_MIN, .lag_ns = 77 * SECOND};
	struct fleet_link shown;

	(void)state;
	link_heartbeat(&link, &heartbeat, NOW);
	link_show(&link, 32, NOW + LINK_STALE_NS, &shown);
	assert_int_equal(shown.lag_ns, 0);
	link_show(&link, 32, NOW + LINK_STALE_NS + 1, &shown); /* silent: nobody knows what it has by now */
	assert_int_equal(shown.lag_ns, LINK_STALE_NS + 1);
}

static void delay_is_not_taken_for_skew(void **state)
{
	struct link link = {.heard_wall_ns = INT64_MIN, .lag_ns = -1};

	(void)state;
	link_clock(&link, 50 * SECOND, 950 * SECOND, NOW + SECOND / 100);
	assert_int_equal(link.skew_ns, -SECOND / 100);
	link_clock(&link, 50 * SECOND, 950 * SECOND, NOW); /* less delay: nearer to the truth */
	assert_int_equal(link.skew_ns, 0);
	link_clock(&link, 50 * SECOND, 950 * SECOND, NOW + SECOND / 2);
	assert_in_range(link.skew_ns + SECOND, SECOND - SECOND / 16, SECOND);
	for (int i = 0; i < 300; i++) /* it really is slower */
		link_clock(&link, 50 * SECOND, 950 * SECOND, NOW + SECOND / 2);
	assert_in_range(-link.skew_ns, SECOND / 2 - 1000, SECOND / 2);
	link_clock(&link, 50 * SECOND, 950 * SECOND, NOW + 3600 * SECOND); /* it was set */
	assert_int_equal(link.skew_ns, -3600 * SECOND);
}

static void catching_up_is_more_than_a_window(void **state)
{
	struct heartbeat heartbeat = {.queue_batches = 33};
	struct link link = {.sessions = 1, .lag_ns = -1};
	struct fleet_link shown;

	(void)state;
	link_heartbeat(&link, &heartbeat, NOW);
	link_show(&link, 32, NOW, &shown);
	assert_true(shown.connected && shown.catching_up);
	link_show(&link, 33, NOW, &shown);
	assert_false(shown.catching_up);
	link.sessions = 0;
	link_show(&link, 32, NOW, &shown);
	assert_false(shown.connected || shown.catching_up);
}

static void nothing_known_is_said_so(void **state)
{
	struct fleet_link shown;

	(void)state;
	link_show(NULL, 32, NOW, &shown);
	assert_false(shown.connected || shown.heard);
	assert_int_equal(shown.lag_ns, -1);
	assert_true(shown.heard_wall_ns == INT64_MIN);
}

static void clocks_of_peers_do_not_overflow(void **state)
{
	static const int64_t extremes[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX};
	struct fleet_link shown;

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		struct link link = {.heard_wall_ns = INT64_MIN, .lag_ns = -1};
		struct heartbeat heartbeat = {.boottime_ns = UINT64_MAX, .boottime_to_wall_ns = extremes[i]};

		link_heartbeat(&link, &heartbeat, NOW);
		link_batch(&link, UINT64_MAX, extremes[5 - i], NOW);
		link_show(&link, 32, INT64_MAX, &shown);
		assert_true(shown.lag_ns >= 0);
	}
}

static void digest_follows_the_description_alone(void **state)
{
	struct tag tags[1] = {{BYTES_LITERAL("k"), BYTES_LITERAL("v")}};
	struct hello a = {
	    .hostname = BYTES_LITERAL("web-1"), .kernel = BYTES_LITERAL("6.1"), .tags = tags, .tag_count = 1};
	struct hello b = a;

	(void)state;
	b.boottime_ns = 5;
	b.first_unacked_seq = 9;
	b.stream = 3;
	assert_true(link_digest(&a) == link_digest(&b));
	b.kernel = BYTES_LITERAL("6.2");
	assert_true(link_digest(&a) != link_digest(&b));
	b = a;
	b.tag_count = 0;
	assert_true(link_digest(&a) != link_digest(&b));
	b = a;
	b.machine_id_known = true; /* all zeros, but known */
	assert_true(link_digest(&a) != link_digest(&b));
	/* What moves from one text to the next is another description. */
	a.hostname = BYTES_LITERAL("ab");
	a.kernel = BYTES_LITERAL("c");
	b = a;
	b.hostname = BYTES_LITERAL("a");
	b.kernel = BYTES_LITERAL("bc");
	assert_true(link_digest(&a) != link_digest(&b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lag_is_corrected_by_skew),
	    cmocka_unit_test(an_empty_queue_means_no_lag),
	    cmocka_unit_test(delay_is_not_taken_for_skew),
	    cmocka_unit_test(catching_up_is_more_than_a_window),
	    cmocka_unit_test(nothing_known_is_said_so),
	    cmocka_unit_test(clocks_of_peers_do_not_overflow),
	    cmocka_unit_test(digest_follows_the_description_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
