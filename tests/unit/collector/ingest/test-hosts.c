/* SPDX-License-Identifier: Apache-2.0 */
/* Which host boots go when there are too many, and which never do. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/ingest/hosts.h"

#define HOSTS_MAX 16u
#define NOW 1700000000000000000ll
#define SECOND 1000000000ll

struct rig {
	struct forest *forest;
	struct streams streams;
	struct links links;
	struct hosts hosts;
	int64_t now_ns;
};

static int setup(void **state)
{
	struct forest_options options = FOREST_OPTIONS_DEFAULT;
	struct rig *rig = calloc(1, sizeof(*rig));

	*state = rig;
	options.hosts_max = HOSTS_MAX;
	if (!rig || forest_create(&rig->forest, &options) != 0)
		return -1;
	streams_init(&rig->streams);
	links_init(&rig->links);
	hosts_init(&rig->hosts, rig->forest, &rig->streams, &rig->links);
	rig->now_ns = NOW;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	hosts_finish(&rig->hosts);
	links_finish(&rig->links);
	streams_finish(&rig->streams);
	forest_destroy(rig->forest);
	free(rig);
	return 0;
}

static struct boot_id boot_of(uint32_t number)
{
	struct boot_id boot = {{0}};

	memcpy(boot.octets, &number, sizeof(number));
	return boot;
}

static int get(struct rig *rig, uint32_t number, const struct speaker *speaker, struct link **ret)
{
	struct boot_id boot = boot_of(number);
	struct forest_host *host;

	return hosts_get(&rig->hosts, &boot, speaker, rig->now_ns, &host, ret);
}

static bool is_held(struct rig *rig, uint32_t number)
{
	struct boot_id boot = boot_of(number);
	bool held = forest_host_find(rig->forest, &boot);

	assert_int_equal(held, links_find(&rig->links, &boot) != NULL);
	return held;
}

/* Its sensor has said hello, and a process lives there. */
static void make_live(struct rig *rig, uint32_t number)
{
	struct fact_context context = {.loginuid = FACT_ID_UNKNOWN, .session = FACT_ID_UNKNOWN};
	struct fact fact = {.type = FACT_FORK,
			    .time_ns = 5,
			    .self = {5, 100},
			    .parent = {1, 1},
			    .creator = {1, 1},
			    .context = &context};
	struct hello hello = {.boot = boot_of(number), .hostname = BYTES_LITERAL("web"), .boottime_ns = 5};
	struct forest_host *host = forest_host_find(rig->forest, &hello.boot);
	bool new;

	assert_non_null(host);
	assert_int_equal(forest_host_describe(rig->forest, host, &hello), 0);
	assert_int_equal(forest_apply(rig->forest, host, &fact, 0, &new), 0);
}

/* Nothing could go a moment ago; here it may be looked again at once. */
static void look_again(struct rig *rig)
{
	rig->hosts.retry_ns = 0;
}

/* HOSTS_MAX boots, a second apart. */
static void fill(struct rig *rig)
{
	struct link *link;

	for (uint32_t i = 0; i < HOSTS_MAX; i++) {
		assert_int_equal(get(rig, i, NULL, &link), 0);
		rig->now_ns += SECOND;
	}
	look_again(rig);
}

static void who_was_heard_of_longest_ago_makes_room(void **state)
{
	struct rig *rig = *state;
	struct link *link;

	fill(rig);
	assert_int_equal(get(rig, 100, NULL, &link), -ENOSPC); /* a sensor may be about to come back */
	assert_false(is_held(rig, 100));
	rig->now_ns += HOSTS_QUIET_NS;
	assert_int_equal(get(rig, 0, NULL, &link), 0);
	link_seen(link, 0, rig->now_ns);
	look_again(rig);
	assert_int_equal(get(rig, 101, NULL, &link), 0);
	assert_true(is_held(rig, 0) && is_held(rig, 101) && is_held(rig, 2));
	assert_false(is_held(rig, 1));
	assert_int_equal(rig->hosts.forgotten, 1);
}

static void who_lives_stays_until_nobody_has_heard_of_it_for_long(void **state)
{
	struct rig *rig = *state;
	struct link *link;

	fill(rig);
	for (uint32_t i = 0; i < HOSTS_MAX; i++)
		make_live(rig, i);
	rig->now_ns += HOSTS_SILENT_NS - (HOSTS_MAX + 1) * SECOND;
	assert_int_equal(get(rig, 100, NULL, &link), -ENOSPC);
	for (uint32_t i = 0; i < HOSTS_MAX; i++)
		assert_true(is_held(rig, i));
	rig->now_ns += (HOSTS_MAX + 1) * SECOND;
	look_again(rig);
	assert_int_equal(get(rig, 100, NULL, &link), 0);
	assert_false(is_held(rig, 0));
}

static void who_is_connected_or_on_its_way_to_the_disk_stays(void **state)
{
	struct rig *rig = *state;
	struct boot_id boot = boot_of(1);
	struct stream_entry *entry;
	struct link *link;

	fill(rig);
	assert_int_equal(get(rig, 0, NULL, &link), 0);
	link->sessions = 1;
	assert_int_equal(streams_get(&rig->streams, &boot, 7, &entry), 0);
	entry->users = 1;
	rig->now_ns += 2 * HOSTS_SILENT_NS;
	for (uint32_t i = 100; i < 100 + HOSTS_MAX; i++)
		(void)get(rig, i, NULL, &link);
	assert_true(is_held(rig, 0) && is_held(rig, 1));
	assert_false(is_held(rig, 2));
	assert_non_null(streams_find(&rig->streams, &boot, 7));
	entry->users = 0;
	look_again(rig);
	(void)get(rig, 200, NULL, &link);
	assert_false(is_held(rig, 1));
	assert_null(streams_find(&rig->streams, &boot, 7));
	assert_int_equal(rig->streams.boots.count, 0);
}

static void a_rebooted_machine_leaves_its_boots_before(void **state)
{
	struct rig *rig = *state;
	struct link *link;

	fill(rig);
	for (uint32_t i = 0; i < HOSTS_MAX; i++)
		make_live(rig, i);
	for (uint32_t i = 3; i < 5; i++) { /* two boots of one machine; the second began after the first was last seen */
		struct hello hello = {.boot = boot_of(i),
				      .hostname = BYTES_LITERAL("web"),
				      .machine_id_known = true,
				      .machine_id = {1},
				      .boottime_ns = 10,
				      .boottime_to_wall_ns = i * SECOND};

		assert_int_equal(forest_host_describe(rig->forest, forest_host_find(rig->forest, &hello.boot), &hello), 0);
	}
	rig->now_ns += HOSTS_QUIET_NS;
	assert_int_equal(get(rig, 100, NULL, &link), 0);
	assert_false(is_held(rig, 3));
	assert_true(is_held(rig, 4) && is_held(rig, 0));
}

/* Whoever makes up boots crowds out his own. */
static void an_account_pays_for_itself(void **state)
{
	struct speaker one = {.charged = true, .certified = true, .account = {1}}, two = one;
	struct forest_options options = FOREST_OPTIONS_DEFAULT;
	struct rig *rig = *state;
	struct link *link;

	hosts_finish(&rig->hosts);
	forest_destroy(rig->forest);
	options.hosts_max = 1000;
	assert_int_equal(forest_create(&rig->forest, &options), 0);
	hosts_init(&rig->hosts, rig->forest, &rig->streams, &rig->links);
	two.account[0] = 2;
	assert_int_equal(get(rig, 5000, &two, &link), 0);
	for (uint32_t i = 0; i < ACCOUNT_CERTIFICATE_BOOTS_MAX; i++)
		assert_int_equal(get(rig, i, &one, &link), 0);
	assert_int_equal(get(rig, 100, &one, &link), -EDQUOT);
	assert_int_equal(get(rig, 101, &two, &link), 0);
	assert_int_equal(get(rig, 102, NULL, &link), 0);
	rig->now_ns += HOSTS_QUIET_NS;
	assert_int_equal(get(rig, 0, &one, &link), 0);
	link->account->retry_ns = 0;
	link_seen(link, 0, rig->now_ns);
	assert_int_equal(get(rig, 103, &one, &link), 0);
	assert_int_equal(link->account->boots, ACCOUNT_CERTIFICATE_BOOTS_MAX);
	assert_true(is_held(rig, 0) && is_held(rig, 5000) && is_held(rig, 101));
	assert_int_equal(rig->hosts.forgotten, 1);
	assert_int_equal(rig->hosts.accounts.index.count, 2);
}

static void what_retention_has_taken_goes_when_it_is_over(void **state)
{
	struct rig *rig = *state;
	struct link *link;

	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(get(rig, i, NULL, &link), 0);
		link_seen(link, i + 1, rig->now_ns);
	}
	make_live(rig, 0);
	hosts_expire(&rig->hosts, 3, rig->now_ns);
	assert_int_equal(rig->hosts.forgotten, 0);
	rig->now_ns += HOSTS_QUIET_NS;
	hosts_expire(&rig->hosts, 3, rig->now_ns);
	assert_true(is_held(rig, 0) && is_held(rig, 2) && is_held(rig, 3));
	assert_false(is_held(rig, 1));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(who_was_heard_of_longest_ago_makes_room),
	    TEST(who_lives_stays_until_nobody_has_heard_of_it_for_long),
	    TEST(who_is_connected_or_on_its_way_to_the_disk_stays),
	    TEST(a_rebooted_machine_leaves_its_boots_before),
	    TEST(an_account_pays_for_itself),
	    TEST(what_retention_has_taken_goes_when_it_is_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
