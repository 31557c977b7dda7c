/* SPDX-License-Identifier: Apache-2.0 */
/* Single rules of the forest: placeholders, late facts, reboots and clones, eviction, gaps, references. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "collector/forest/forest.h"

#define OFFSET 1700000000000000000ll
#define SECOND 1000000000ull

static const struct fact_context context = {.uid = 7, .user = {"ada", 3}, .cgroup = {"/x", 2}};

struct rig {
	struct forest *forest;
	struct forest_host *host;
	struct arena arena;
};

static struct boot_id boot(uint8_t n)
{
	return (struct boot_id){{n}};
}

static struct rig rig_make(const struct forest_options *options)
{
	struct rig rig = {.arena = ARENA_NULL};
	struct boot_id id = boot(1);

	assert_int_equal(forest_create(&rig.forest, options), 0);
	assert_int_equal(forest_host_get(rig.forest, &id, &rig.host), 0);
	return rig;
}

static void rig_finish(struct rig *rig)
{
	forest_destroy(rig->forest);
	arena_finish(&rig->arena);
}

static struct process_key key(uint32_t tgid)
{
	return (struct process_key){.start_ns = tgid * SECOND, .tgid = tgid};
}

static struct fact fact_of(enum fact_type type, uint32_t tgid, uint32_t parent, uint64_t time)
{
	return (struct fact){.type = type,
			     .self = key(tgid),
			     .parent = parent ? key(parent) : (struct process_key){0},
			     .creator = key(parent),
			     .time_ns = time,
			     .comm = BYTES_LITERAL("c"),
			     .context = &context,
			     .pgid = 1,
			     .sid = 1};
}

static bool apply(struct rig *rig, const struct fact *fact)
{
	bool news;

	assert_int_equal(forest_apply(rig->forest, rig->host, fact, OFFSET, &news), 0);
	return news;
}

static bool tell(struct rig *rig, enum fact_type type, uint32_t tgid, uint32_t parent, uint64_t time)
{
	struct fact fact = fact_of(type, tgid, parent, time);

	return apply(rig, &fact);
}

static struct process_view view(struct rig *rig, uint32_t tgid)
{
	struct forest_node *node = forest_find(rig->host, key(tgid));
	struct process_view ret;

	assert_non_null(node);
	assert_int_equal(forest_view(node, 0, &rig->arena, &ret), 0);
	return ret;
}

static void a_fact_is_news_once(void **state)
{
	struct rig rig = rig_make(&FOREST_OPTIONS_DEFAULT);

	(void)state;
	assert_true(tell(&rig, FACT_FORK, 5, 1, 5 * SECOND));
	assert_false(tell(&rig, FACT_FORK, 5, 1, 5 * SECOND));
	assert_false(tell(&rig, FACT_FORK, 5, 1, 5 * SECOND + 3000)); /* a second sensor */
	assert_true(tell(&rig, FACT_EXIT, 5, 1, 6 * SECOND));
	assert_false(tell(&rig, FACT_EXIT, 5, 1, 6 * SECOND + 3000));
	rig_finish(&rig);
}

static void a_placeholder_stands_under_its_real_parent(void **state)
{
	struct rig rig = rig_make(&FOREST_OPTIONS_DEFAULT);

	(void)state;
	assert_true(tell(&rig, FACT_EXEC, 5, 3, 6 * SECOND));
	assert_true(view(&rig, 5).quality & QUALITY_PLACEHOLDER);
	assert_ptr_equal(forest_parent(forest_find(rig.host, key(5))), forest_find(rig.host, key(3)));
	assert_true(tell(&rig, FACT_FORK, 5, 4, 5 * SECOND)); /* the fork knows better: 3 took over later */
	assert_false(view(&rig, 5).quality & QUALITY_PLACEHOLDER);
	assert_ptr_equal(forest_parent(forest_find(rig.host, key(5))), forest_find(rig.host, key(4)));
	assert_int_equal(view(&rig, 5).current_ppid, 3);
	rig_finish(&rig);
}

static void a_snapshot_after_the_exit_changes_nothing(void **state)
{
	struct rig rig = rig_make(&FOREST_OPTIONS_DEFAULT);

	(void)state;
	tell(&rig, FACT_EXIT, 5, 1, 6 * SECOND);
	tell(&rig, FACT_SNAPSHOT, 5, 1, 7 * SECOND);
	assert_int_equal(view(&rig, 5).state, PROCESS_EXITED);
	rig_finish(&rig);
}

static void whom_a_snapshot_leaves_out_is_gone_until_an_exit_says_how(void **state)
{
	struct rig rig = rig_make(&FOREST_OPTIONS_DEFAULT);
	struct snapshot_mark mark = {10 * SECOND, 11 * SECOND};
	struct forest_host_info info;

	(void)state;
	tell(&rig, FACT_FORK, 5, 1, 5 * SECOND);
	tell(&rig, FACT_FORK, 6, 1, 6 * SECOND);
	tell(&rig, FACT_SNAPSHOT, 6, 1, 10 * SECOND + 1);
	assert_int_equal(forest_apply_snapshot(rig.forest, rig.host, &mark), 0);
	assert_int_equal(view(&rig, 5).state, PROCESS_UNKNOWN);
	assert_true(view(&rig, 5).quality & QUALITY_EXIT_UNKNOWN);
	assert_false(view(&rig, 5).exit_known);
	assert_int_equal(view(&rig, 6).state, PROCESS_LIVE);
	tell(&rig, FACT_EXIT, 5, 1, 9 * SECOND);
	assert_int_equal(view(&rig, 5).state, PROCESS_EXITED);
	assert_false(view(&rig, 5).quality & QUALITY_EXIT_UNKNOWN);
	forest_host_info(rig.host, &info);
	assert_int_equal(info.exited, 1);
	rig_finish(&rig);
}

static void a_parent_known_from_its_children_alone_lives_as_they_say(void **state)
{
	struct rig rig = rig_make(&FOREST_OPTIONS_DEFAULT);
	struct snapshot_mark mark = {10 * SECOND, 11 * SECOND};

	(void)state;
	tell(&rig, FACT_FORK, 5, 1, 5 * SECOND);
	tell(&rig, FACT_FORK, 6, 1, 6 * SECOND);
	assert_int_equal(view(&rig, 1).state, PROCESS_LIVE);
	tell(&rig, FACT_SNAPSHOT, 6, 1, 10 * SECOND + 1); /* the snapshot leaves 1 out */
	assert_int_equal(forest_apply_snapshot(rig.forest, rig.host, &mark), 0);
	assert_int_equal(view(&rig, 1).state, PROCESS_LIVE);
	assert_int_equal(view(&rig, 6).current_ppid, 1);
	mark = (struct snapshot_mark){20 * SECOND, 21 * SECOND};
	assert_int_equal(forest_apply_snapshot(rig.forest, rig.host, &mark), 0);
	assert_int_equal(view(&rig, 1).state, PROCESS_UNKNOWN);
	tell(&rig, FACT_SNAPSHOT, 6, 5, 20 * SECOND + 1); /* another one has it now */
	assert_int_equal(view(&rig, 1).state, PROCESS_UNKNOWN);
	tell(&rig, FACT_FORK, 25, 1, 25 * SECOND);
	assert_int_equal(view(&rig, 1).state, PROCESS_LIVE);
	rig_finish(&rig);
}

static void a_zombie_is_dead_and_nobody_saw_how(void **state)
{
	struct rig rig = rig_make(&FOREST_OPTIONS_DEFAULT);
	struct fact fact = fact_of(FACT_SNAPSHOT, 5, 1, 6 * SECOND);

	(void)state;
	fact.flags = FACT_ZOMBIE;
	apply(&rig, &fact);
	assert_int_equal(view(&rig, 5).state, PROCESS_UNKNOWN);
	assert_int_equal(view(&rig, 5).quality, QUALITY_SEEDED | QUALITY_EXIT_UNKNOWN);
	assert_int_equal(view(&rig, 5).image_count, 1); /* known by its comm alone */
	assert_true(view(&rig, 5).images[0].flags & FACT_ZOMBIE);
	tell(&rig, FACT_EXIT, 5, 1, 5 * SECOND);
	assert_int_equal(view(&rig, 5).state, PROCESS_EXITED);
	rig_finish(&rig);
}

static void only_a_fork_tells_who_forked(void **state)
{
	struct rig rig = rig_make(&FOREST_OPTIONS_DEFAULT);
	struct fact fork = fact_of(FACT_FORK, 6, 1, 6 * SECOND);

	(void)state;
	tell(&rig, FACT_SNAPSHOT, 5, 1, 6 * SECOND);
	assert_int_equal(view(&rig, 5).creator.tgid, 0);
	tell(&rig, FACT_FORK, 5, 1, 5 * SECOND);
	assert_int_equal(view(&rig, 5).creator.tgid, 1);
	fork.creator = key(5); /* CLONE_PARENT */
	apply(&rig, &fork);
	assert_int_equal(view(&rig, 6).creator.tgid, 5);
	rig_finish(&rig);
}

static void images_are_inherited_and_kept(void **state)
{
	struct rig rig = rig_make(&FOREST_OPTIONS_DEFAULT);
	struct fact exec = fact_of(FACT_EXEC, 3, 1, 4 * SECOND);
	struct process_view child;

	(void)state;
	exec.exe = BYTES_LITERAL("/bin/bash");
	exec.exec_seq = 1;
	exec.flags = FACT_EXE_KNOWN;
	tell(&rig, FACT_FORK, 5, 3, 5 * SECOND);        /* before the parent's exec is known */
	assert_int_equal(view(&rig, 5).image_count, 1); /* known by its comm alone */
	assert_int_equal(view(&rig, 5).images[0].exe.len, 0);
	apply(&rig, &exec);
	child = view(&rig, 5);
	assert_int_equal(child.image_count, 1);
	assert_int_equal(child.images[0].seq, 0);
	assert_true(bytes_equal(child.images[0].exe, exec.exe));
	exec = fact_of(FACT_EXEC, 5, 3, 6 * SECOND);
	exec.exe = BYTES_LITERAL("/bin/ls");
	exec.exec_seq = 2; /* the first one was lost */
	apply(&rig, &exec);
	child = view(&rig, 5);
	assert_int_equal(child.image_count, 2);
	assert_true(child.quality & QUALITY_EXEC_LOST);
	rig_finish(&rig);
}

static struct fact image_of(enum fact_type type, uint32_t tgid, uint64_t time, uint32_t seq, const char *exe)
{
	struct fact fact = fact_of(type, tgid, 1, time);

	fact.exec_seq = seq;
	if (exe) {
		fact.exe = bytes_from_string(exe);
		fact.argv = bytes_make(exe, strlen(exe) + 1);
		fact.flags = FACT_EXE_KNOWN | FACT_ARGV_KNOWN;
	}
	return fact;
}

static void live_facts_win_over_a_snapshot_in_their_midst(void **state)
{
	struct rig rig = rig_make(&FOREST_OPTIONS_DEFAULT);
	struct fact exec = image_of(FACT_EXEC, 5, 6 * SECOND, 1, "/bin/true");
	struct fact amid = image_of(FACT_SNAPSHOT, 5, 6 * SECOND - 10, 1, "/bin/tr");
	struct fact after = image_of(FACT_SNAPSHOT, 5, 6 * SECOND + 10, 1, NULL);
	struct process_view seen;

	(void)state;
	tell(&rig, FACT_FORK, 5, 1, 5 * SECOND);
	apply(&rig, &amid);
	apply(&rig, &after);
	apply(&rig, &exec);
	seen = view(&rig, 5);
	assert_int_equal(seen.image_count, 1);
	assert_true(bytes_equal(seen.images[0].exe, BYTES_LITERAL("/bin/true")));
	assert_int_equal(seen.quality, 0);
	rig_finish(&rig);
}

static void a_snapshot_finds_the_image_whose_exec_was_lost(void **state)
{
	struct rig rig = rig_make(&FOREST_OPTIONS_DEFAULT);
	struct fact first = image_of(FACT_SNAPSHOT, 5, 6 * SECOND, 0, "/bin/sh");
	struct fact ending = image_of(FACT_SNAPSHOT, 5, 8 * SECOND, 2, NULL);
	struct fact found = image_of(FACT_SNAPSHOT, 5, 9 * SECOND, 2, "/bin/found");
	struct process_view seen;

	(void)state;
	tell(&rig, FACT_FORK, 5, 1, 5 * SECOND);
	apply(&rig, &first);
	apply(&rig, &ending);
	apply(&rig, &found);
	seen = view(&rig, 5);
	assert_int_equal(seen.image_count, 2);
	assert_true(
	    bytes_equal(seen.images[0].exe, BYTES_LITERAL("/bin/sh"))); /* nobody knows the parent's: this is it */
	assert_true(bytes_equal(seen.images[1].exe, BYTES_LITERAL("/bin/found")));
	assert_int_equal(seen.images[1].seq, 2);
	assert_true(seen.quality & QUALITY_EXEC_LOST);
	rig_finish(&rig);
}

static void variables_and_a_longer_argv_stand_with_the_image(void **state)
{
	static const struct bytes environs[] = {{NULL, 0}, BYTES_LITERAL("LANG=C\0A=b\0")};
	static const uint64_t longer[] = {0, 70000};
	uint32_t tgid = 5;

	(void)state;
	for (unsigned i = 0; i < 4; i++, tgid++) {
		struct rig rig = rig_make(&FOREST_OPTIONS_DEFAULT);
		struct fact exec = image_of(FACT_EXEC, tgid, 6 * SECOND, 1, "/bin/true");
		struct process_view seen;

		exec.argv_bytes = exec.argv.len + longer[i / 2];
		exec.environ_ = environs[i % 2];
		apply(&rig, &exec);
		apply(&rig, &exec);
		seen = view(&rig, tgid);
		assert_int_equal(seen.image_count, 1);
		assert_true(bytes_equal(seen.images[0].argv, exec.argv));
		assert_true(bytes_equal(seen.images[0].environ_, exec.environ_));
		assert_int_equal(seen.images[0].argv_bytes, exec.argv_bytes);
		rig_finish(&rig);
	}
}

static void ends_with(struct rig *rig, uint32_t tgid, uint32_t parent, uint64_t time, uint32_t reaper)
{
	struct fact fact = fact_of(FACT_EXIT, tgid, parent, time);

	if (reaper)
		fact.exit.reaper = key(reaper);
	apply(rig, &fact);
}

static void an_orphan_has_the_parent_that_the_exit_named(void **state)
{
	struct rig rig = rig_make(&FOREST_OPTIONS_DEFAULT);

	(void)state;
	tell(&rig, FACT_SNAPSHOT, 1, 0, SECOND);
	tell(&rig, FACT_FORK, 3, 1, 3 * SECOND); /* a subreaper */
	tell(&rig, FACT_FORK, 4, 3, 4 * SECOND);
	tell(&rig, FACT_FORK, 5, 4, 5 * SECOND);
	assert_int_equal(view(&rig, 5).current_ppid, 4);
	ends_with(&rig, 4, 3, 6 * SECOND, 3);
	assert_int_equal(view(&rig, 5).current_ppid, 3);
	ends_with(&rig, 3, 1, 7 * SECOND, 1);
	assert_int_equal(view(&rig, 5).current_ppid, 1);
	assert_ptr_equal(forest_parent(forest_find(rig.host, key(5))), forest_find(rig.host, key(4)));
	tell(&rig, FACT_FORK, 6, 1, 6 * SECOND);
	tell(&rig, FACT_FORK, 7, 6, 7 * SECOND);
	ends_with(&rig, 6, 1, 8 * SECOND, 0); /* nobody said who */
	assert_int_equal(view(&rig, 7).current_ppid, 0);
	tell(&rig, FACT_SNAPSHOT, 7, 3,
	     9 * SECOND); /* spoken of with a parent of whom it is known that he ended: his reaper */
	assert_int_equal(view(&rig, 7).current_ppid, 1);
	rig_finish(&rig);
}

static void reapers_that_name_each_other_end_the_search(void **state)
{
	struct rig rig = rig_make(&FOREST_OPTIONS_DEFAULT);

	(void)state;
	tell(&rig, FACT_FORK, 5, 4, 5 * SECOND);
	ends_with(&rig, 4, 1, 6 * SECOND, 3);
	ends_with(&rig, 3, 1, 6 * SECOND, 4);
	assert_int_equal(view(&rig, 5).current_ppid, 0);
	rig_finish(&rig);
}

static struct forest_host *describe(struct rig *rig, uint8_t n, uint8_t machine, uint64_t at, int64_t offset)
{
	struct hello hello = {.hostname = BYTES_LITERAL("web"),
			      .kernel = BYTES_LITERAL("6"),
			      .arch = BYTES_LITERAL("a"),
			      .sensor_version = BYTES_LITERAL("1"),
			      .machine_id = {machine},
			      .machine_id_known = true,
			      .boottime_ns = at,
			      .boottime_to_wall_ns = offset};
	struct boot_id id = boot(n);
	struct forest_host *host;

	assert_int_equal(forest_host_get(rig->forest, &id, &host), 0);
	assert_int_equal(forest_host_describe(rig->forest, host, &hello), 0);
	return host;
}

static void a_reboot_closes_the_living_of_the_old_boot(void **state)
{
	struct rig rig = rig_make(&FOREST_OPTIONS_DEFAULT);
	struct forest_host_info info;

	(void)state;
	tell(&rig, FACT_FORK, 5, 1, 5 * SECOND);
	describe(&rig, 1, 9, 6 * SECOND, OFFSET);
	describe(&rig, 2, 8, SECOND, OFFSET + 60 * (int64_t)SECOND); /* another machine */
	assert_int_equal(view(&rig, 5).state, PROCESS_LIVE);
	describe(&rig, 3, 9, SECOND,
		 OFFSET + 3 * (int64_t)SECOND); /* a clone: it ran when this one was last heard of */
	assert_int_equal(view(&rig, 5).state, PROCESS_LIVE);
	describe(&rig, 4, 9, SECOND, OFFSET + 60 * (int64_t)SECOND);
	assert_int_equal(view(&rig, 5).state, PROCESS_UNKNOWN);
	assert_true(view(&rig, 5).quality & QUALITY_HOST_REBOOTED);
	assert_false(view(&rig, 5).exit_known);
	forest_host_info(rig.host, &info);
	assert_true(info.rebooted);
	assert_int_equal(info.live, 0);
	rig_finish(&rig);
}

static void the_exited_are_evicted_and_stay_dead(void **state)
{
	struct forest_options options = FOREST_OPTIONS_DEFAULT;
	struct forest_stats stats;
	struct rig rig;

	(void)state;
	options.exited_bytes_max = 64 * 1024;
	rig = rig_make(&options);
	tell(&rig, FACT_FORK, 2, 1, 2 * SECOND);
	for (uint32_t pid = 10; pid < 5000; pid++) {
		tell(&rig, FACT_FORK, pid, 2, pid * SECOND);
		tell(&rig, FACT_EXIT, pid, 2, pid * SECOND + 1000);
		(void)forest_evict(rig.forest);
	}
	forest_stats(rig.forest, &stats);
	assert_true(stats.evicted > 4000);
	assert_true(stats.exited + stats.evicted == 4990);
	assert_true(stats.bytes < 2 * 1024 * 1024);
	assert_int_equal(view(&rig, 2).state, PROCESS_LIVE);
	assert_null(forest_find(rig.host, key(10)));
	assert_false(tell(&rig, FACT_FORK, 10, 2, 10 * SECOND)); /* sent again long after */
	assert_null(forest_find(rig.host, key(10)));
	rig_finish(&rig);
}

static void ancestors_of_the_living_are_not_evicted(void **state)
{
	struct forest_options options = FOREST_OPTIONS_DEFAULT;
	struct rig rig;

	(void)state;
	options.exited_bytes_max = 0;
	rig = rig_make(&options);
	tell(&rig, FACT_FORK, 2, 1, 2 * SECOND);
	tell(&rig, FACT_FORK, 3, 2, 3 * SECOND);
	tell(&rig, FACT_EXIT, 2, 1, 4 * SECOND);
	assert_int_equal(forest_evict(rig.forest), 0);
	assert_int_equal(view(&rig, 3).depth, 2);
	tell(&rig, FACT_EXIT, 3, 1, 5 * SECOND);
	assert_int_equal(forest_evict(rig.forest), 2);
	rig_finish(&rig);
}

/* Who began before what was told meanwhile may have children in the rest of the checkpoint; nobody else can. */
static void while_a_checkpoint_is_read_the_dead_in_it_stay(void **state)
{
	struct forest_options options = FOREST_OPTIONS_DEFAULT;
	struct fact child = fact_of(FACT_FORK, 4, 3, 4 * SECOND);
	struct rig rig;

	(void)state;
	options.exited_bytes_max = 0;
	rig = rig_make(&options);
	forest_restore_begin(rig.forest);
	tell(&rig, FACT_EXIT, 2, 1, 10 * SECOND);
	assert_int_equal(forest_evict(rig.forest), 0); /* nothing says yet from when on everything is told */
	forest_restore_told(rig.host, 10 * SECOND);
	tell(&rig, FACT_EXIT, 3, 1, 11 * SECOND);
	tell(&rig, FACT_FORK, 12, 1, 12 * SECOND);
	tell(&rig, FACT_EXIT, 12, 1, 13 * SECOND);
	assert_int_equal(forest_evict(rig.forest), 1);
	assert_null(forest_find(rig.host, key(12)));
	assert_int_equal(forest_restore(rig.forest, rig.host, 0, &child, OFFSET), 0);
	assert_int_equal(view(&rig, 4).state, PROCESS_LIVE);
	forest_restore_end(rig.forest);
	assert_null(forest_find(rig.host, key(2)));
	assert_int_equal(view(&rig, 3).state, PROCESS_EXITED);
	assert_int_equal(view(&rig, 4).depth, 2);
	rig_finish(&rig);
}

/* A checkpoint is being read, and pid 12 was evicted meanwhile. */
static struct rig rig_with_evicted(void)
{
	struct forest_options options = FOREST_OPTIONS_DEFAULT;
	struct rig rig;

	options.exited_bytes_max = 0;
	rig = rig_make(&options);
	forest_restore_begin(rig.forest);
	forest_restore_told(rig.host, 10 * SECOND);
	tell(&rig, FACT_FORK, 12, 1, 12 * SECOND);
	tell(&rig, FACT_EXIT, 12, 1, 13 * SECOND);
	assert_int_equal(forest_evict(rig.forest), 1);
	return rig;
}

/* Of one who was evicted only a child speaks, who ended, too: that makes nobody live, whether the checkpoint says that the parent was
 * saved or is of a version that did not. */
static void a_checkpoint_raises_nobody(void **state)
{
	static const unsigned saved[] = {FOREST_SAVED_OWN_PARENT, 0};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct fact child = fact_of(FACT_EXIT, 13, 12, 14 * SECOND);
		struct rig rig = rig_with_evicted();

		assert_int_equal(forest_restore(rig.forest, rig.host, saved[i], &child, OFFSET), 0);
		assert_int_equal(view(&rig, 12).state, PROCESS_UNKNOWN);
		forest_restore_end(rig.forest);
		rig_finish(&rig);
	}
}

/* What is saved of a process may be read in pieces, with its eviction between two of them: the last piece has no exit. */
static void nor_does_a_piece_of_its_own(void **state)
{
	struct fact piece = fact_of(FACT_EXEC, 12, 1, 12 * SECOND + 1);
	struct rig rig = rig_with_evicted();

	(void)state;
	assert_int_equal(forest_restore(rig.forest, rig.host, 0, &piece, OFFSET), 0);
	assert_null(forest_find(rig.host, key(12)));
	forest_restore_end(rig.forest);
	rig_finish(&rig);
}

/* A host whose first fact is of the end of time would have all of its processes held. */
static void what_is_held_is_bounded(void **state)
{
	struct forest_options options = FOREST_OPTIONS_DEFAULT;
	struct forest_stats stats;
	struct rig rig;

	(void)state;
	options.exited_bytes_max = options.held_bytes_max = 64 * 1024;
	rig = rig_make(&options);
	forest_restore_begin(rig.forest);
	forest_restore_told(rig.host, UINT64_MAX);
	for (uint32_t pid = 10; pid < 5000; pid++) {
		tell(&rig, FACT_FORK, pid, 1, pid * SECOND);
		tell(&rig, FACT_EXIT, pid, 1, pid * SECOND + 1000);
		(void)forest_evict(rig.forest);
	}
	forest_stats(rig.forest, &stats);
	assert_true(stats.exited > 50 && stats.exited < 1000);
	forest_restore_end(rig.forest);
	forest_stats(rig.forest, &stats);
	assert_true(stats.exited > 50 && stats.exited < 1000);
	rig_finish(&rig);
}

static int restore(void *owner, unsigned saved, const struct fact *fact, int64_t boottime_to_wall_ns)
{
	struct rig *rig = owner;

	return forest_restore(rig->forest, rig->host, saved, fact, boottime_to_wall_ns);
}

static void nor_does_one_whose_parent_was_evicted_before(void **state)
{
	struct forest_options options = FOREST_OPTIONS_DEFAULT;
	struct forest_node *node;
	struct rig from, to;

	(void)state;
	options.exited_keep_ns = SECOND;
	from = rig_make(&options);
	tell(&from, FACT_FORK, 2, 1, 2 * SECOND);
	tell(&from, FACT_FORK, 3, 2, 3 * SECOND);
	tell(&from, FACT_EXIT, 2, 1, 4 * SECOND);
	tell(&from, FACT_EXIT, 3, 1, 6 * SECOND);
	assert_int_equal(forest_evict(from.forest), 1);
	node = forest_find(from.host, key(3));
	to = rig_make(&FOREST_OPTIONS_DEFAULT);
	assert_int_equal(forest_save_node(node, 0, restore, &to), 0);
	assert_int_equal(view(&to, 3).state, PROCESS_EXITED);
	assert_int_equal(view(&to, 2).state, PROCESS_UNKNOWN);
	rig_finish(&from);
	rig_finish(&to);
}

static void a_gap_counts_once(void **state)
{
	struct rig rig = rig_make(&FOREST_OPTIONS_DEFAULT);
	struct gap gap = {.type = FACT_EXEC, .reason = GAP_RING_FULL, .from_ns = 1, .to_ns = 2, .count = 12};
	struct forest_host_info info;
	bool news;

	(void)state;
	assert_int_equal(forest_apply_gap(rig.forest, rig.host, &gap, &news), 0);
	assert_true(news);
	assert_int_equal(forest_apply_gap(rig.forest, rig.host, &gap, &news), 0);
	assert_false(news);
	for (uint64_t i = 0; i < 2 * FOREST_GAPS_MAX; i++) {
		gap.from_ns = 10 + i;
		assert_int_equal(forest_apply_gap(rig.forest, rig.host, &gap, &news), 0);
	}
	forest_host_info(rig.host, &info);
	assert_int_equal(info.gap_count, FOREST_GAPS_MAX);
	assert_int_equal(info.lost[FACT_EXEC], 12 * (1 + 2 * FOREST_GAPS_MAX));
	rig_finish(&rig);
}

static void what_was_filtered_pushes_no_loss_out(void **state)
{
	struct rig rig = rig_make(&FOREST_OPTIONS_DEFAULT);
	struct gap gap = {.type = FACT_EXEC, .reason = GAP_RING_FULL, .from_ns = 1, .to_ns = 2, .count = 12};
	struct forest_host_info info;
	bool news;

	(void)state;
	assert_int_equal(forest_apply_gap(rig.forest, rig.host, &gap, &news), 0);
	gap.reason = GAP_FILTERED;
	for (uint64_t i = 0; i < 5000; i++) {
		gap.to_ns = 10 + i;
		assert_int_equal(forest_apply_gap(rig.forest, rig.host, &gap, &news), 0);
		assert_true(news);
	}
	assert_int_equal(forest_apply_gap(rig.forest, rig.host, &gap, &news), 0);
	assert_false(news);
	forest_host_info(rig.host, &info);
	assert_int_equal(info.gap_count, 1);
	assert_int_equal(info.gaps[0].gap.reason, GAP_RING_FULL);
	assert_int_equal(info.lost[FACT_EXEC], 12);
	assert_true(info.filtered_count > 0 && info.filtered_count <= FOREST_GAPS_MAX);
	assert_int_equal(info.filtered[info.filtered_count - 1].gap.to_ns, 5009);
	rig_finish(&rig);
}

static void references_find_processes(void **state)
{
	struct rig rig = rig_make(&FOREST_OPTIONS_DEFAULT);
	struct process_ref ref;
	struct fact reused = fact_of(FACT_FORK, 5, 1, 9 * SECOND);
	char id[PROCESS_ID_MAX];
	bool ambiguous;

	(void)state;
	describe(&rig, 1, 9, SECOND, OFFSET);
	tell(&rig, FACT_FORK, 5, 1, 5 * SECOND);
	reused.self.start_ns = 9 * SECOND;
	apply(&rig, &reused);
	assert_int_equal(process_ref_parse(BYTES_LITERAL("web:5"), &ref), 0);
	assert_int_equal(forest_node_key(forest_resolve(rig.forest, &ref, &ambiguous)).start_ns, 9 * SECOND);
	process_id_format(&(struct boot_id){{1}}, key(5), id);
	assert_int_equal(process_ref_parse(bytes_from_string(id), &ref), 0);
	assert_int_equal(forest_node_key(forest_resolve(rig.forest, &ref, &ambiguous)).start_ns, 5 * SECOND);
	assert_int_equal(process_ref_parse(BYTES_LITERAL("web:77"), &ref), 0);
	assert_null(forest_resolve(rig.forest, &ref, &ambiguous));
	assert_false(ambiguous);
	rig_finish(&rig);
}

static void bounds_are_kept(void **state)
{
	struct forest_options options = FOREST_OPTIONS_DEFAULT;
	struct boot_id other = boot(2);
	struct forest_host *host;
	struct fact fact = fact_of(FACT_FORK, 4, 3, SECOND);
	struct rig rig;
	bool news;

	(void)state;
	options.hosts_max = 1;
	options.nodes_per_host_max = 2;
	rig = rig_make(&options);
	assert_int_equal(forest_host_get(rig.forest, &other, &host), -ENOSPC);
	apply(&rig, &fact);
	fact = fact_of(FACT_FORK, 5, 3, SECOND);
	assert_int_equal(forest_apply(rig.forest, rig.host, &fact, OFFSET, &news), -ENOSPC);
	rig_finish(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_fact_is_news_once),
	    cmocka_unit_test(variables_and_a_longer_argv_stand_with_the_image),
	    cmocka_unit_test(a_placeholder_stands_under_its_real_parent),
	    cmocka_unit_test(a_snapshot_after_the_exit_changes_nothing),
	    cmocka_unit_test(whom_a_snapshot_leaves_out_is_gone_until_an_exit_says_how),
	    cmocka_unit_test(a_parent_known_from_its_children_alone_lives_as_they_say),
	    cmocka_unit_test(a_zombie_is_dead_and_nobody_saw_how),
	    cmocka_unit_test(only_a_fork_tells_who_forked),
	    cmocka_unit_test(live_facts_win_over_a_snapshot_in_their_midst),
	    cmocka_unit_test(a_snapshot_finds_the_image_whose_exec_was_lost),
	    cmocka_unit_test(an_orphan_has_the_parent_that_the_exit_named),
	    cmocka_unit_test(reapers_that_name_each_other_end_the_search),
	    cmocka_unit_test(images_are_inherited_and_kept),
	    cmocka_unit_test(a_reboot_closes_the_living_of_the_old_boot),
	    cmocka_unit_test(the_exited_are_evicted_and_stay_dead),
	    cmocka_unit_test(ancestors_of_the_living_are_not_evicted),
	    cmocka_unit_test(while_a_checkpoint_is_read_the_dead_in_it_stay),
	    cmocka_unit_test(a_checkpoint_raises_nobody),
	    cmocka_unit_test(nor_does_a_piece_of_its_own),
	    cmocka_unit_test(what_is_held_is_bounded),
	    cmocka_unit_test(nor_does_one_whose_parent_was_evicted_before),
	    cmocka_unit_test(a_gap_counts_once),
	    cmocka_unit_test(what_was_filtered_pushes_no_loss_out),
	    cmocka_unit_test(references_find_processes),
	    cmocka_unit_test(bounds_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
