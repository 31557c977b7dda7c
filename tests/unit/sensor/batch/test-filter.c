/* SPDX-License-Identifier: Apache-2.0 */
/* Which facts leave the host, and that no life begun is left without its end. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sensor/batch/filter.h"

#define RULES_MAX 4

/* ---- rules ----------------------------------------------------------------------------------------------------- */

static const struct {
	const char *text;
	enum filter_action action;
	enum filter_field field;
	const char *glob; /* NULL = refused */
} rules[] = {
	{"drop:exe=/usr/bin/cron", FILTER_DROP, FILTER_EXE, "/usr/bin/cron"},
	{"drop:exe=*/cron", FILTER_DROP, FILTER_EXE, "*/cron"},
	{"drop:exe=memfd:x", FILTER_DROP, FILTER_EXE, "memfd:x"},
	{"fork-only:user=www-*", FILTER_FORK_ONLY, FILTER_USER, "www-*"},
	{"keep:cgroup=/system.slice/a=b", FILTER_KEEP, FILTER_CGROUP, "/system.slice/a=b"},
	{"", 0, 0, NULL},
	{"drop", 0, 0, NULL},
	{"drop:", 0, 0, NULL},
	{"exe=/bin/sh", 0, 0, NULL},
	{"hide:exe=/bin/sh", 0, 0, NULL},
	{"DROP:exe=/bin/sh", 0, 0, NULL},
	{"drop:comm=sh", 0, 0, NULL},
	{"drop:exe", 0, 0, NULL},
	{"drop:exe=", 0, 0, NULL},
	{"drop:user=", 0, 0, NULL},
	{"drop:exe=sh", 0, 0, NULL},          /* would never match */
	{"drop:cgroup=system.slice", 0, 0, NULL},
};

static void test_rules_are_parsed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct filter_rule rule = {.glob = BYTES_LITERAL("untouched")};
		const char *why = NULL;
		int r = filter_rule_parse(rules[i].text, &rule, &why);

		if (!rules[i].glob) {
			assert_int_equal(r, -EINVAL);
			assert_non_null(why);
			assert_true(bytes_equal(rule.glob, BYTES_LITERAL("untouched")));
			continue;
		}
		assert_int_equal(r, 0);
		assert_int_equal(rule.action, rules[i].action);
		assert_int_equal(rule.field, rules[i].field);
		assert_true(bytes_equal(rule.glob, bytes_from_string(rules[i].glob)));
	}
}

/* ---- facts ----------------------------------------------------------------------------------------------------- */

struct bed {
	struct filter *filter;
	struct filter_rule rules[RULES_MAX];
	struct fact_context context;
	struct fact fact; /* the last one, as it came out */
	uint64_t now_ns;
};

static void start(struct bed *bed, const char *const *texts)
{
	const char *why;
	size_t count = 0;

	memset(bed, 0, sizeof(*bed));
	for (; texts[count]; count++)
		assert_int_equal(filter_rule_parse(texts[count], &bed->rules[count], &why), 0);
	assert_int_equal(filter_create(&bed->filter, bed->rules, count), 0);
	bed->context.user = BYTES_LITERAL("ada");
	bed->context.uid = 1000;
	bed->context.cgroup = BYTES_LITERAL("/user.slice/session-1.scope");
}

#define START(bed, ...) start(bed, (const char *const[]){__VA_ARGS__, NULL})

/* A process is its tgid; it began at ten times that. exe NULL: the fact has none. */
static int tell(struct bed *bed, enum fact_type type, uint32_t tgid, uint32_t parent, const char *exe)
{
	bed->fact = (struct fact){
		.type = type,
		.time_ns = ++bed->now_ns,
		.self = {.start_ns = tgid * 10u, .tgid = tgid},
		.parent = {.start_ns = parent * 10u, .tgid = parent},
		.creator = {.start_ns = parent * 10u, .tgid = parent},
		.context = &bed->context,
	};
	if (exe) {
		bed->fact.flags = FACT_EXE_KNOWN | FACT_ARGV_KNOWN | FACT_CWD_KNOWN | FACT_SETUID;
		bed->fact.exe = bytes_from_string(exe);
		bed->fact.argv = BYTES_LITERAL("a\0");
		bed->fact.argv_bytes = 2;
		bed->fact.cwd = BYTES_LITERAL("/");
		bed->fact.exe_inode = 9;
	}
	return filter_apply(bed->filter, &bed->fact);
}

#define TOLD(...) assert_int_equal(tell(__VA_ARGS__), 0)
#define KEPT(...) assert_int_equal(tell(__VA_ARGS__), FILTER_E_OUT)

static const struct {
	const char *glob, *exe;
	bool matches;
} globs[] = {
	{"*", "/a", true},          {"*", "", true},           {"/a", "/a", true},         {"/a", "/ab", false},
	{"/a?", "/ab", true},       {"/a?", "/a", false},      {"/a*", "/a/b/c", true},    {"*/sh", "/bin/sh", true},
	{"*/sh", "/bin/bash", false}, {"*a*b", "/aab", true},  {"*a*b", "/aabc", false},   {"/*/x*y", "/q/xxyxy", true},
	{"/a**", "/a", true},       {"??", "/", false},
};

static void test_globs(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(globs) / sizeof(globs[0]); i++) {
		struct filter_rule rule = {FILTER_DROP, FILTER_EXE, bytes_from_string(globs[i].glob)};
		struct bed bed = {.filter = NULL};

		assert_int_equal(filter_create(&bed.filter, &rule, 1), 0);
		if (tell(&bed, FACT_EXEC, 5, 1, globs[i].exe) != globs[i].matches)
			fail_msg("%s %s", globs[i].glob, globs[i].exe);
		filter_destroy(bed.filter);
	}
}

static void test_fork_only(void **state)
{
	struct bed bed;

	(void)state;
	START(&bed, "fork-only:exe=/usr/bin/cc*");
	TOLD(&bed, FACT_FORK, 5, 1, NULL);
	KEPT(&bed, FACT_EXEC, 5, 1, "/usr/bin/cc1");
	TOLD(&bed, FACT_FORK, 6, 5, NULL); /* inherits the image, and is told like it */
	TOLD(&bed, FACT_EXIT, 6, 5, NULL);
	TOLD(&bed, FACT_EXEC, 5, 1, "/usr/bin/ld");
	TOLD(&bed, FACT_EXIT, 5, 1, NULL);
	assert_int_equal(filter_count(bed.filter, FACT_EXEC), 1);
	assert_int_equal(filter_count(bed.filter, FACT_FORK), 0);
	filter_destroy(bed.filter);
}

static void test_drop_by_exe(void **state)
{
	struct bed bed;

	(void)state;
	START(&bed, "drop:exe=/usr/bin/cron");
	TOLD(&bed, FACT_FORK, 5, 1, NULL); /* nobody knows yet what it will be */
	KEPT(&bed, FACT_EXEC, 5, 1, "/usr/bin/cron");
	KEPT(&bed, FACT_FORK, 6, 5, NULL); /* inherits the image that is left out */
	KEPT(&bed, FACT_FORK, 7, 6, NULL); /* and so do its children */
	TOLD(&bed, FACT_EXEC, 7, 6, "/bin/sh");
	KEPT(&bed, FACT_EXIT, 6, 5, NULL);
	TOLD(&bed, FACT_EXIT, 7, 1, NULL);
	TOLD(&bed, FACT_EXIT, 5, 1, NULL); /* its fork was told */
	assert_int_equal(filter_count(bed.filter, FACT_FORK), 2);
	assert_int_equal(filter_count(bed.filter, FACT_EXEC), 1);
	assert_int_equal(filter_count(bed.filter, FACT_EXIT), 1);
	filter_destroy(bed.filter);
}

static void test_user_and_cgroup_are_heard_at_the_fork(void **state)
{
	struct bed bed;

	(void)state;
	START(&bed, "drop:user=ada", "drop:cgroup=/batch/*", "drop:user=33");
	KEPT(&bed, FACT_FORK, 5, 1, NULL);
	KEPT(&bed, FACT_EXEC, 5, 1, "/bin/a");
	bed.context.user = BYTES_LITERAL("bob"); /* becomes another: what was never begun is not ended */
	KEPT(&bed, FACT_EXIT, 5, 1, NULL);
	TOLD(&bed, FACT_FORK, 6, 1, NULL);
	bed.context.cgroup = BYTES_LITERAL("/batch/1"); /* is moved: what was begun is ended */
	KEPT(&bed, FACT_EXEC, 6, 1, "/bin/a");
	TOLD(&bed, FACT_EXIT, 6, 1, NULL);
	bed.context.cgroup = BYTES_LITERAL("/");
	bed.context.uid = 33;
	KEPT(&bed, FACT_FORK, 7, 1, NULL);
	bed.context.user = BYTES_NULL;
	KEPT(&bed, FACT_FORK, 8, 1, NULL); /* by number also when it has no name */
	filter_destroy(bed.filter);
}

static void test_the_first_that_matches_decides(void **state)
{
	struct bed bed;

	(void)state;
	START(&bed, "keep:exe=/bin/a", "fork-only:user=ada", "drop:user=ada");
	TOLD(&bed, FACT_EXEC, 5, 1, "/bin/a");
	TOLD(&bed, FACT_FORK, 6, 5, NULL);
	KEPT(&bed, FACT_EXEC, 6, 5, "/bin/b");
	TOLD(&bed, FACT_EXIT, 6, 5, NULL);
	filter_destroy(bed.filter);
}

static void assert_no_image(const struct fact *fact)
{
	assert_int_equal(fact->flags & (FACT_EXE_KNOWN | FACT_ARGV_KNOWN | FACT_CWD_KNOWN | FACT_SETUID), 0);
	assert_int_equal(fact->exe.len + fact->argv.len + fact->cwd.len, 0);
	assert_int_equal(fact->argv_bytes + fact->exe_inode, 0);
}

/* Who is missing in a whole snapshot is taken for dead: whoever was told of must be in it. */
static void test_snapshot(void **state)
{
	struct bed bed;

	(void)state;
	START(&bed, "drop:exe=/bin/a", "fork-only:exe=/bin/b");
	KEPT(&bed, FACT_SNAPSHOT, 5, 1, "/bin/a");
	TOLD(&bed, FACT_SNAPSHOT, 6, 1, "/bin/b");
	assert_no_image(&bed.fact);
	TOLD(&bed, FACT_SNAPSHOT, 7, 1, "/bin/c");
	assert_int_equal(bed.fact.exe_inode, 9);
	assert_int_equal(filter_count(bed.filter, FACT_SNAPSHOT), 2);
	KEPT(&bed, FACT_EXEC, 7, 1, "/bin/a");
	TOLD(&bed, FACT_SNAPSHOT, 7, 1, "/bin/a"); /* it lives, and that is all that is told */
	assert_no_image(&bed.fact);
	KEPT(&bed, FACT_FORK, 8, 5, NULL); /* inherits what a snapshot has told */
	KEPT(&bed, FACT_EXIT, 5, 1, NULL);
	TOLD(&bed, FACT_EXIT, 7, 1, NULL);
	filter_destroy(bed.filter);
}

static void test_snapshot_forgets_the_gone(void **state)
{
	struct snapshot_mark mark;
	struct bed bed;

	(void)state;
	START(&bed, "drop:exe=/bin/a");
	KEPT(&bed, FACT_SNAPSHOT, 5, 1, "/bin/a");
	KEPT(&bed, FACT_SNAPSHOT, 6, 1, "/bin/a");
	mark.begin_ns = bed.now_ns + 1;
	KEPT(&bed, FACT_SNAPSHOT, 6, 1, "/bin/a");
	mark.end_ns = bed.now_ns;
	filter_snapshot(bed.filter, &mark);
	KEPT(&bed, FACT_FORK, 7, 6, NULL);
	TOLD(&bed, FACT_FORK, 8, 5, NULL); /* 5 is not known any more */
	filter_destroy(bed.filter);
}

/* The end of a process that this sensor never saw: told, unless the fact itself says that it is to be left out. */
static void test_unknown_process_ends(void **state)
{
	struct bed bed;

	(void)state;
	START(&bed, "drop:user=root", "drop:exe=/bin/a");
	TOLD(&bed, FACT_EXIT, 5, 1, NULL);
	bed.context.user = BYTES_LITERAL("root");
	KEPT(&bed, FACT_EXIT, 6, 1, NULL);
	filter_destroy(bed.filter);
}

static void test_gaps_tell_what_was_left_out(void **state)
{
	struct gap gap;
	struct bed bed;

	(void)state;
	START(&bed, "drop:user=ada");
	assert_false(filter_take_gap(bed.filter, UINT64_MAX, true, &gap));
	bed.now_ns = 1000;
	KEPT(&bed, FACT_FORK, 5, 1, NULL);
	KEPT(&bed, FACT_FORK, 6, 1, NULL);
	KEPT(&bed, FACT_EXIT, 6, 1, NULL);
	assert_false(filter_take_gap(bed.filter, 1000 + FILTER_GAP_NS, false, &gap));
	assert_true(filter_take_gap(bed.filter, 1001 + FILTER_GAP_NS, false, &gap));
	assert_int_equal(gap.type, FACT_FORK);
	assert_int_equal(gap.reason, GAP_FILTERED);
	assert_int_equal(gap.count, 2);
	assert_int_equal(gap.from_ns, 1001);
	assert_int_equal(gap.to_ns, 1002);
	assert_false(filter_take_gap(bed.filter, 1001 + FILTER_GAP_NS, false, &gap)); /* the exit is younger */
	assert_true(filter_take_gap(bed.filter, 1004, true, &gap));
	assert_int_equal(gap.type, FACT_EXIT);
	assert_int_equal(gap.count, 1);
	assert_false(filter_take_gap(bed.filter, UINT64_MAX, true, &gap));
	assert_int_equal(filter_count(bed.filter, FACT_FORK), 2);
	filter_destroy(bed.filter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules_are_parsed),
		cmocka_unit_test(test_globs),
		cmocka_unit_test(test_fork_only),
		cmocka_unit_test(test_drop_by_exe),
		cmocka_unit_test(test_user_and_cgroup_are_heard_at_the_fork),
		cmocka_unit_test(test_the_first_that_matches_decides),
		cmocka_unit_test(test_snapshot),
		cmocka_unit_test(test_snapshot_forgets_the_gone),
		cmocka_unit_test(test_unknown_process_ends),
		cmocka_unit_test(test_gaps_tell_what_was_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
