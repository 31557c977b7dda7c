/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <errno.h>
#include <stdlib.h>

#include "collector/console/cli/command.h"
#include "collector/console/cli/options.h"

#define ARGUMENTS_MAX 16

struct parsed {
	struct options options;
	struct text problem, hint;
	char *argv[ARGUMENTS_MAX + 1];
	int err;
};

/* getopt reorders the array, so each test brings a fresh one. */
static int parse(struct parsed *p, const char *const *arguments)
{
	int argc = 0;

	*p = (struct parsed){0};
	p->argv[argc++] = (char *)(uintptr_t)"canopy";
	for (; *arguments && argc < ARGUMENTS_MAX; arguments++)
		p->argv[argc++] = (char *)(uintptr_t)*arguments;
	p->err = options_parse(&p->options, argc, p->argv, &p->problem, &p->hint);
	return p->err;
}
#define PARSE(p, ...) parse((p), (const char *const[]){__VA_ARGS__, NULL})

static void finish(struct parsed *p)
{
	if (!p->err)
		options_finish(&p->options);
	text_finish(&p->problem);
	text_finish(&p->hint);
}

static void test_defaults(void **state)
{
	struct parsed p;

	assert_int_equal(PARSE(&p, "ps"), 0);
	assert_string_equal(p.options.command->name, "ps");
	assert_true(p.options.pager);
	assert_int_equal(p.options.output, OUTPUT_TABLE);
	assert_int_equal(p.options.depth, -1);
	assert_int_equal(p.options.limit, 0);
	assert_null(p.options.server);
	assert_int_equal(p.options.filter.len, 0);
	finish(&p);
	assert_int_equal(PARSE(&p, NULL), 0);
	assert_null(p.options.command);
	finish(&p);
}

static void test_options_stand_anywhere(void **state)
{
	struct parsed p;

	assert_int_equal(PARSE(&p, "--server", "http://x:1", "ps", "proc.name", "-o", "ndjson", "=", "sshd",
			       "--limit=7", "--no-pager", "-Hweb-1"),
			 0);
	assert_string_equal(p.options.server, "http://x:1");
	assert_string_equal(text_string(&p.options.filter), "proc.name = sshd");
	assert_int_equal(p.options.output, OUTPUT_NDJSON);
	assert_int_equal(p.options.limit, 7);
	assert_string_equal(p.options.host, "web-1");
	assert_false(p.options.pager);
	finish(&p);
	assert_int_equal(PARSE(&p, "ps", "--", "proc.exitcode", "=", "-1", "--limit"), 0);
	assert_string_equal(text_string(&p.options.filter), "proc.exitcode = -1 --limit");
	finish(&p);
}

static void expect(const char *problem, const char *hint, const char *const *arguments)
{
	struct parsed p;

	assert_int_equal(parse(&p, arguments), -EINVAL);
	assert_string_equal(text_string(&p.problem), problem);
	assert_string_equal(text_string(&p.hint), hint);
	finish(&p);
}
#define EXPECT(problem, hint, ...) expect((problem), (hint), (const char *const[]){__VA_ARGS__, NULL})

static void test_mistakes_get_a_hint(void **state)
{
	EXPECT("unknown command 'pss'", "did you mean 'ps'? 'canopy help' names all commands", "pss");
	EXPECT("unknown command 'frobnicate'", "'canopy help' names all commands", "frobnicate");
	EXPECT("unknown option '--limt'", "did you mean '--limit'? see 'canopy ps --help'", "ps", "--limt");
	EXPECT("unknown option '--limt=3'", "did you mean '--limit'? see 'canopy ps --help'", "ps", "--limt=3");
	EXPECT("unknown option '-q'", "see 'canopy ps --help'", "ps", "-q");
	EXPECT("unknown option '-1'",
	       "a filter with a negative number is put in quotes, or behind '--'; see 'canopy ps --help'", "ps", "x",
	       "-1");
	EXPECT("option '--limit' wants an argument", "see 'canopy ps --help'", "ps", "--limit");
	EXPECT("ps does not take --depth", "see 'canopy ps --help'", "ps", "--depth", "3");
	EXPECT("canopy without a command does not take --limit", "see 'canopy --help'", "--limit", "3");
	EXPECT("show wants ID", "usage: canopy show [options] ID", "show");
	EXPECT("show does not take 'b'", "usage: canopy show [options] ID", "show", "a", "b");
}

static void test_bad_values(void **state)
{
	EXPECT("--limit does not take '0': a number from 1 on", "", "ps", "--limit", "0");
	EXPECT("--limit does not take '-3': a number from 1 on", "", "ps", "--limit", "-3");
	EXPECT("--limit does not take '99999999999999999999': a number from 1 on", "", "ps", "--limit",
	       "99999999999999999999");
	EXPECT("--depth does not take 'x': a number of levels", "", "tree", "--depth", "x");
	EXPECT("--color does not take 'blue': auto, always or never (NO_COLOR is obeyed)", "", "ps", "--color", "blue");
	EXPECT("--output does not take 'xml': table, wide, json, ndjson or csv", "", "ps", "-o", "xml");
	EXPECT("--host does not take '': it is empty", "", "ps", "-H", "");
	EXPECT("--host may be given once", "", "ps", "-H", "a", "-H", "b");
}

/* Asking for help is never wrong. */
static void test_help_wins(void **state)
{
	struct parsed p;

	assert_int_equal(PARSE(&p, "show", "--help"), 0);
	assert_true(p.options.help);
	finish(&p);
	assert_int_equal(PARSE(&p, "hosts", "--depth", "3", "-h"), 0);
	assert_true(p.options.help);
	finish(&p);
}

static void check_width(const struct command *command)
{
	char *data = NULL, *line, *rest;
	size_t len = 0;
	FILE *out = open_memstream(&data, &len);

	assert_non_null(out);
	options_help(command, out);
	assert_int_equal(fclose(out), 0);
	for (line = strtok_r(data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (strlen(line) > 80)
			fail_msg("%s: wider than 80 columns: %s", command ? command->name : "canopy", line);
	free(data);
}

static void test_help_fits_80_columns(void **state)
{
	check_width(NULL);
	for (const struct command *command = command_table(); command->name; command++)
		check_width(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_options_stand_anywhere),
		cmocka_unit_test(test_mistakes_get_a_hint),
		cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_help_wins),
		cmocka_unit_test(test_help_fits_80_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
