/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "collector/console/cli/object.h"
#include "collector/console/cli/tree.h"

struct sample {
	uint32_t depth;
	const char *json;
};

#define LIVE(pid, user, span, command) \
	"{'pid':" #pid ",'user':'" user "','state':'live','duration_ns':" #span ",'argv':[" command "],'quality':[]}"
#define ENDED(pid, exit, quality) \
	"{'pid':" #pid ",'user':'alice','state':'exited','duration_ns':1200000,'argv':['ls'],'exit':" exit \
	",'quality':[" quality "]}"

static const struct sample samples[] = {
	{0, LIVE(1, "root", 273600000000000, "'/sbin/init'")},
	{1, LIVE(412, "root", 273600000000000, "'sshd','-D'")},
	{2, LIVE(4410, "alice", 12000000000, "'-bash'")},
	{3, ENDED(4433, "{'code':22,'signal':null}", "")},
	{3, ENDED(4434, "{'code':null,'signal':9}", "'exec_lost'")},
	{1, "{'pid':600,'user':null,'uid':null,'state':'unknown','comm':null,'argv':null,'quality':['placeholder']}"},
	{2, LIVE(601, "日本", 1000000, "'\\u001b[2J','\\u202e'")},
	{0, LIVE(2, "root", 5000000000, "'other'")},
};

static void draw(struct text *out, const struct terminal *terminal, const char *heading)
{
	struct face face = {.utf8 = terminal->utf8};
	struct tree tree;

	tree_init(&tree, terminal, &face);
	if (heading)
		tree_add_heading(&tree, bytes_from_string(heading));
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		json_t *process = sample(samples[i].json);

		assert_non_null(process);
		tree_add_process(&tree, process, samples[i].depth);
		json_decref(process);
	}
	assert_int_equal(tree_flush(&tree, out), 0);
	tree_finish(&tree);
}

static void test_golden(void **state)
{
	struct terminal terminal = {.utf8 = true};
	struct text out = TEXT_NULL;

	draw(&out, &terminal, "web-1  live");
	assert_text(&out, "    PID USER      AGE STATE    COMMAND\n"
			  "web-1  live\n"
			  "      1 root    3d04h          /sbin/init\n"
			  "    412 root    3d04h          ├─sshd -D\n"
			  "   4410 alice     12s          │ └─-bash\n"
			  "   4433 alice   1.2ms exit 22  │   ├─ls\n"
			  "   4434 alice   1.2ms signal 9 │   └─! ls\n"
			  "    600 -             unknown  └─? (?)\n"
			  "    601 日本    1.0ms            └─'\\x1b[2J' \\xe2\\x80\\xae\n"
			  "      2 root     5.0s          other\n");
	text_finish(&out);
}

static void test_without_utf8(void **state)
{
	struct terminal terminal = {.columns = 40};
	struct text out = TEXT_NULL;

	draw(&out, &terminal, NULL);
	assert_text(&out, "    PID USER        AGE STATE    COMMAND\n"
			  "      1 root      3d04h          /sbin/~\n"
			  "    412 root      3d04h          |-sshd~\n"
			  "   4410 alice       12s          | `--b~\n"
			  "   4433 alice     1.2ms exit 22  |   |-~\n"
			  "   4434 alice     1.2ms signal 9 |   `-~\n"
			  "    600 -               unknown  `-? (?)\n"
			  "    601 \\xe6\\x9~  1.0ms            `-'\\~\n"
			  "      2 root       5.0s          other\n");
	text_finish(&out);
}

static void test_last_children(void **state)
{
	const uint32_t depths[] = {0, 1, 2, 1, 0, 1, 2, 3, 2, 0};
	const bool expected[] = {false, false, true, true, false, true, false, true, true, true};
	bool last[10];

	assert_int_equal(tree_find_last(depths, 10, last), 0);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(last[i], expected[i]);
	assert_int_equal(tree_find_last(NULL, 0, NULL), 0);
}

/* A depth that a server made up costs no more memory than there are rows. */
static void test_depth_made_up(void **state)
{
	const uint32_t depths[] = {0, UINT32_MAX, UINT32_MAX - 1, UINT32_MAX - 1, 1, UINT32_MAX};
	const bool expected[] = {true, true, false, true, true, true};
	bool last[6];

	assert_int_equal(tree_find_last(depths, 6, last), 0);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(last[i], expected[i]);
}

/* A chain of any length makes lines of bounded length. */
static void test_depth_is_bounded(void **state)
{
	struct tree_guide guide = {{false}};
	struct text out = TEXT_NULL;
	size_t longest = 0;

	for (uint32_t depth = 0; depth < 100000; depth++) {
		text_reset(&out);
		tree_add_guide(&guide, depth, true, true, &out);
		longest = out.len > longest ? out.len : longest;
	}
	assert_string_equal(text_string(&out), "⋯99999⋯ ");
	assert_true(longest <= 2 * TREE_GUIDE_LEVELS + 8);
	text_finish(&out);
}

static void test_age(void **state)
{
	static const struct {
		const char *json;
		int64_t expected; /* -1 = unknown */
	} rows[] = {
		{"{'duration_ns':7}", 7}, {"{'state':'live','start':'1970-01-01T00:00:01Z'}", 1000000000},
		{"{'state':'exited','start':'1970-01-01T00:00:01Z'}", -1}, {"{'state':'live'}", -1},
		{"{'state':'live','start':'1970-01-01T00:00:09Z'}", 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *process = sample(rows[i].json);
		int64_t age = -1;

		assert_int_equal(tree_age(process, 2000000000, &age), rows[i].expected >= 0);
		assert_true(age == rows[i].expected);
		json_decref(process);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),        cmocka_unit_test(test_without_utf8),
		cmocka_unit_test(test_last_children), cmocka_unit_test(test_depth_made_up),
		cmocka_unit_test(test_depth_is_bounded), cmocka_unit_test(test_age),
	};

	return cmocka_run_group_tests(tests, use_utf8, NULL);
}
