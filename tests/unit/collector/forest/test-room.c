/* SPDX-License-Identifier: Apache-2.0 */
/* The bound on processes of all hosts together: who makes room, who is refused, and what stays as it was. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "collector/forest/forest.h"
#include "tests/unit/collector/forest/check.h"

#define OFFSET 1700000000000000000ll
#define SECOND 1000000000ull

static const struct fact_context context = {.uid = 7};

/* A forest as one of its host boots sees it. */
struct rig {
	struct forest *forest;
	struct forest_host *host;
};

/* Up to that many processes in all. */
static struct rig rig_of(uint64_t nodes_max)
{
	struct forest_options options = FOREST_OPTIONS_DEFAULT;
	struct boot_id boot = {{1}};
	struct rig rig;

	options.nodes_max = nodes_max;
	assert_int_equal(forest_create(&rig.forest, &options), 0);
	assert_int_equal(forest_host_get(rig.forest, &boot, &rig.host), 0);
	return rig;
}

static struct rig rig_beside(const struct rig *rig)
{
	struct rig other = {.forest = rig->forest};
	struct boot_id boot = {{2}};

	assert_int_equal(forest_host_get(rig->forest, &boot, &other.host), 0);
	return other;
}

static struct process_key key(uint32_t tgid)
{
	return (struct process_key){.start_ns = tgid * SECOND, .tgid = tgid};
}

static struct fact fact_of(enum fact_type type, uint32_t tgid, uint32_t parent, uint64_t time)
{
	return (struct fact){.type = type,
			     .self = key(tgid),
			     .parent = key(parent),
			     .creator = key(parent),
			     .time_ns = time,
			     .comm = BYTES_LITERAL("c"),
			     .context = &context};
}

static bool tell(struct rig *rig, enum fact_type type, uint32_t tgid, uint32_t parent, uint64_t time)
{
	struct fact fact = fact_of(type, tgid, parent, time);
	bool news;

	assert_int_equal(forest_apply(rig->forest, rig->host, &fact, OFFSET, &news), 0);
	return news;
}

static enum process_state state_of(struct rig *rig, uint32_t tgid)
{
	const struct forest_node *node = forest_find(rig->host, key(tgid));

	assert_non_null(node);
	return (enum process_state)node->state;
}

static void assert_no_room(struct rig *rig, uint32_t tgid)
{
	struct fact fact = fact_of(FACT_FORK, tgid, 1, tgid * SECOND);
	bool news = false;

	assert_int_equal(forest_apply(rig->forest, rig->host, &fact, OFFSET, &news), -ENOSPC);
	assert_false(news);
	assert_null(forest_find(rig->host, key(tgid)));
	check_forest(rig->forest);
}

static void all_hosts_have_one_bound_together(void **state)
{
	struct rig rig = rig_of(4), other = rig_beside(&rig);
	struct forest_stats stats;

	(void)state;
	tell(&rig, FACT_FORK, 2, 1, 2 * SECOND);
	tell(&other, FACT_FORK, 5, 1, 5 * SECOND);
	assert_no_room(&rig, 3);
	assert_no_room(&other, 6);
	assert_true(tell(&other, FACT_EXEC, 5, 1, 6 * SECOND)); /* who is there already is told of as before */
	forest_stats(rig.forest, &stats);
	assert_int_equal(stats.live, 4);
	assert_int_equal(stats.evicted, 0);
	forest_host_forget(rig.forest, other.host);
	check_forest(rig.forest);
	tell(&rig, FACT_FORK, 3, 1, 3 * SECOND);
	tell(&rig, FACT_FORK, 4, 1, 4 * SECOND);
	assert_no_room(&rig, 6);
	forest_destroy(rig.forest);
}

static void the_dead_of_the_host_that_holds_most_make_room(void **state)
{
	struct rig rig = rig_of(8), other = rig_beside(&rig);
	struct forest_stats stats;

	(void)state;
	for (uint32_t pid = 2; pid < 5; pid++)
		tell(&rig, FACT_FORK, pid, 1, pid * SECOND);
	tell(&rig, FACT_EXIT, 3, 1, 10 * SECOND);
	tell(&rig, FACT_EXIT, 2, 1, 11 * SECOND);
	tell(&other, FACT_FORK, 5, 1, 5 * SECOND);
	tell(&other, FACT_EXIT, 5, 1, 6 * SECOND);
	for (uint32_t pid = 6; pid < 8; pid++) /* room for two is kept, as a fact may need them */
		tell(&other, FACT_FORK, pid, 1, pid * SECOND);
	assert_null(forest_find(rig.host, key(3)));
	assert_int_equal(state_of(&rig, 2), PROCESS_EXITED);
	assert_int_equal(state_of(&other, 5), PROCESS_EXITED);
	for (uint32_t pid = 8; pid < 11; pid++)
		tell(&other, FACT_FORK, pid, 1, pid * SECOND);
	check_forest(rig.forest);
	assert_null(forest_find(rig.host, key(2)));
	assert_null(forest_find(other.host, key(5)));
	assert_no_room(&rig, 12);
	forest_stats(rig.forest, &stats);
	assert_int_equal(stats.live, 8);
	assert_int_equal(stats.evicted, 3);
	forest_destroy(rig.forest);
}

/* The room that a fact needs is made before it is looked whom it is about. */
static void who_made_room_is_not_brought_back_by_what_is_told_again(void **state)
{
	struct rig rig = rig_of(4);

	(void)state;
	tell(&rig, FACT_FORK, 2, 1, 2 * SECOND);
	tell(&rig, FACT_FORK, 3, 2, 3 * SECOND);
	tell(&rig, FACT_EXIT, 3, 2, 4 * SECOND);
	assert_false(tell(&rig, FACT_FORK, 3, 2, 3 * SECOND));
	assert_null(forest_find(rig.host, key(3)));
	check_forest(rig.forest);
	forest_destroy(rig.forest);
}

static void who_is_held_for_a_checkpoint_makes_room_for_the_living_in_it(void **state)
{
	struct fact child = fact_of(FACT_FORK, 4, 1, 4 * SECOND);
	struct rig rig = rig_of(4);

	(void)state;
	forest_restore_begin(rig.forest);
	for (uint32_t pid = 2; pid < 4; pid++)
		tell(&rig, FACT_EXIT, pid, 1, (10 + pid) * SECOND);
	assert_int_equal(forest_restore(rig.forest, rig.host, 0, &child, OFFSET), 0);
	assert_int_equal(state_of(&rig, 4), PROCESS_LIVE);
	assert_null(forest_find(rig.host, key(2)));
	forest_restore_end(rig.forest);
	check_forest(rig.forest);
	forest_destroy(rig.forest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_hosts_have_one_bound_together),
	    cmocka_unit_test(the_dead_of_the_host_that_holds_most_make_room),
	    cmocka_unit_test(who_made_room_is_not_brought_back_by_what_is_told_again),
	    cmocka_unit_test(who_is_held_for_a_checkpoint_makes_room_for_the_living_in_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
