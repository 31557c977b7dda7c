/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sensor/uplink/peers.h"

static void begin(struct peers *peers, size_t count)
{
	static const struct address addresses[PEERS_MAX] = {{"a", 1}, {"b", 2}, {"c", 3}};

	peers_init(peers, addresses, count);
	assert_string_equal(peers->list[peers->current].address.host, "a");
}

static void failures_go_round(void **state)
{
	static const size_t places[] = {1, 2, 0, 1};
	struct peers peers;

	(void)state;
	begin(&peers, 3);
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		assert_int_equal(peers_next(&peers, i % 2 ? PEERS_UNREACHED : PEERS_FAILED, 0, 100), 0);
		assert_int_equal(peers.current, places[i]);
	}
}

static void one_that_was_of_use_is_tried_again_first(void **state)
{
	struct peers peers;

	(void)state;
	begin(&peers, 2);
	assert_int_equal(peers_next(&peers, PEERS_ENDED, 0, 100), 0);
	assert_int_equal(peers.current, 0);
	assert_int_equal(peers_next(&peers, PEERS_UNREACHED, 0, 200), 0);
	assert_int_equal(peers.current, 1);
}

static void one_that_asked_for_peace_is_passed_over(void **state)
{
	struct peers peers;

	(void)state;
	begin(&peers, 3);
	assert_int_equal(peers_next(&peers, PEERS_ENDED, 5000, 100), 0); /* a refusal, although it had been of use */
	assert_int_equal(peers.current, 1);
	assert_int_equal(peers_next(&peers, PEERS_FAILED, 9000, 200), 0);
	assert_int_equal(peers.current, 2);
	assert_int_equal(peers_next(&peers, PEERS_FAILED, 8000, 300), 4800); /* nobody may be tried: the soonest */
	assert_int_equal(peers.current, 0);
	assert_int_equal(peers_next(&peers, PEERS_FAILED, 0, 5100), 0); /* the others are still left alone */
	assert_int_equal(peers.current, 0);
}

static void a_single_one_is_waited_for(void **state)
{
	struct peers peers;

	(void)state;
	begin(&peers, 1);
	assert_int_equal(peers_next(&peers, PEERS_FAILED, 5000, 100), 5000);
	assert_int_equal(peers_next(&peers, PEERS_UNREACHED, 0, 6000), 0);
	assert_int_equal(peers.current, 0);
}

/* A name may have several addresses, and the first that answers may be of no use. */
static void the_addresses_of_a_name_go_round(void **state)
{
	struct peers peers;

	(void)state;
	begin(&peers, 1);
	(void)peers_next(&peers, PEERS_UNREACHED, 0, 1); /* all of them were tried */
	assert_int_equal(peers.list[0].first, 0);
	(void)peers_next(&peers, PEERS_FAILED, 0, 2);
	assert_int_equal(peers.list[0].first, 1);
	(void)peers_next(&peers, PEERS_ENDED, 0, 3);
	assert_int_equal(peers.list[0].first, 1);
}

static void only_better_ones_are_returned_to(void **state)
{
	struct peers peers;

	(void)state;
	begin(&peers, 3);
	assert_int_equal(peers_better(&peers, 0, 1), PEERS_MAX);
	peers.current = 2;
	assert_int_equal(peers_better(&peers, 0, 1), 0);
	assert_int_equal(peers_better(&peers, 1, 1), 1);
	peers.list[0].not_before_ms = 10;
	assert_int_equal(peers_better(&peers, 0, 1), 1);
	peers.list[1].not_before_ms = 10;
	assert_int_equal(peers_better(&peers, 0, 1), PEERS_MAX);
	assert_int_equal(peers_better(&peers, 0, 10), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(failures_go_round),
	    cmocka_unit_test(one_that_was_of_use_is_tried_again_first),
	    cmocka_unit_test(one_that_asked_for_peace_is_passed_over),
	    cmocka_unit_test(a_single_one_is_waited_for),
	    cmocka_unit_test(the_addresses_of_a_name_go_round),
	    cmocka_unit_test(only_better_ones_are_returned_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
