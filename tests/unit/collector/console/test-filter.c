/* SPDX-License-Identifier: Apache-2.0 */
/* The filter language, row by row, on one process with everything known and two ancestors, and on one of which nothing
 * is known. */
#include "tests/unit/proto/model/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collector/console/filter/filter.h"
#include "tests/unit/proto/model/sample.h"

#define NOW (SAMPLE_START_WALL + 60 * 1000000000ll)

struct family {
	struct sample self;
	struct process_image images[2];
	struct process_view views[2]; /* parent bash, grandparent sshd */
};

static bool ancestor(void *owner, uint32_t n, struct process_view *ret)
{
	struct family *family = owner;

	if (n < 1 || n > 2)
		return false;
	*ret = family->views[n - 1];
	return true;
}

static void family_init(struct family *f)
{
	uint32_t known = FACT_EXE_KNOWN | FACT_ARGV_KNOWN;

	sample_init(&f->self);
	f->images[0] = (struct process_image){.flags = known,
					      .comm = BYTES_LITERAL("bash"),
					      .exe = BYTES_LITERAL("/usr/bin/bash"),
					      .argv = BYTES_LITERAL("-bash\0")};
	f->images[1] = (struct process_image){.flags = known,
					      .comm = BYTES_LITERAL("sshd"),
					      .exe = BYTES_LITERAL("/usr/sbin/sshd"),
					      .argv = BYTES_LITERAL("sshd:\0root@pts/0\0")};
	for (int i = 0; i < 2; i++)
		f->views[i] =
		    (struct process_view){.self = {.tgid = i ? 900 : 4410}, .images = &f->images[i], .image_count = 1};
}

static bool evaluate(const char *text, struct process_view *view, struct family *family)
{
	struct filter_subject subject = {.view = view, .ancestor = family ? ancestor : NULL, .owner = family};
	struct arena scratch = ARENA_NULL;
	struct filter_error error;
	struct filter *filter;
	bool result;

	if (filter_parse(&filter, bytes_from_string(text), NOW, &error) != 0)
		fail_msg("'%s': column %u: %s (%s)", text, error.column, error.message, error.hint);
	result = filter_match(filter, &subject, &scratch);
	arena_finish(&scratch);
	filter_destroy(filter);
	return result;
}

static const char *const holding[] = {
    "",
    "  ",
    "proc.name=curl",
    "proc.name == curl",
    "proc.name = 'curl'",
    "proc.name=\"curl\"",
    "proc.name != bash",
    "not proc.name = bash",
    "!proc.name=bash",
    "proc.exe = /usr/bin/curl",
    "proc.exepath endswith /curl",
    "proc.exepath startswith /usr",
    "proc.exepath glob /usr/*/cu?l",
    "proc.cmdline = 'curl -s http://x/'",
    "proc.cmdline contains \"-s http\"",
    "proc.args = '-s http://x/'",
    "proc.args contains http://x",
    "proc.args contains //",
    "proc.cmdline icontains HTTP",
    "proc.name regex 'c(u|v)rl'",
    "proc.name regex c.*",
    "proc.name regex \"\\w+\"",
    "proc.name in (bash, curl)",
    "proc.name in (\"bash\",\"curl\")",
    "proc.pid in (1,4433)",
    "proc.pid in (4433)",
    "proc.pid = 4433",
    "proc.pid=0x1151",
    "proc.pid > 4k",
    "proc.pid <= 4433",
    "proc.pid >= 4433",
    "proc.pid < 4434",
    "proc.pid != 1",
    "proc.ppid = 4410",
    "proc.tty = pts/0",
    "proc.sid=4410",
    "proc.pgid=4433",
    "proc.vpid=5",
    "proc.depth=3",
    "proc.nchilds=2",
    "proc.exitcode=22",
    "proc.exitcode != 0",
    "proc.alive = false",
    "not proc.alive",
    "proc.alive != true",
    "proc.is_setuid",
    "proc.is_setuid = yes",
    "proc.is_exe_from_memfd = 0",
    "proc.alive in (false)",
    "proc.duration = 250us",
    "proc.duration = 250000",
    "proc.duration < 1 ms",
    "proc.duration > 0.1ms and proc.name=curl",
    "proc.start = 2026-11-22T12:01:07.123456789Z",
    "proc.start < 10s ago",
    "proc.start > 10m ago and proc.pid=4433",
    "proc.start >= yesterday",
    "proc.start > 2026-11-22 12:00 and proc.start < 2026-11-22 13:00",
    "proc.start < now",
    "proc.end > '2 minutes ago'",
    "proc.start in (2026-11-22T12:01:07.123456789Z, now)",
    "user.name = root",
    "user.uid=0",
    "user.uid = 0 and user.euid = 2 and user.loginuid=1000",
    "host.name=web-1",
    "host.tag.env = prod",
    "proc.env[LANG] = C",
    "proc.env[HTTP_PROXY] startswith http:",
    "proc.env[LANG] exists",
    "proc.env contains PROXY",
    "not proc.env[HOME] exists",
    "host.tag.rack = 'r 7'",
    "host.tag.env exists",
    "host.tag contains env=prod",
    "host.boot startswith 0123",
    "container.id startswith 0123456789ab",
    "cgroup.path startswith /docker/",
    "quality.seeded",
    "quality.seeded = true",
    "not quality.placeholder",
    "quality = seeded",
    "quality.exec_lost = false",
    "proc.id = 0123456789abcdeffedcba9876543210-4433-3e8",
    "proc.id exists",
    "not proc.signal exists",
    "proc.cwd = /root",
    /* ancestors */
    "proc.aname = sshd",
    "proc.aname=bash",
    "proc.aname[1]=bash",
    "proc.aname[2] = sshd",
    "proc.aname[0]=curl",
    "not proc.aname = curl",
    "not proc.aname[3] exists",
    "proc.apid = 900",
    "proc.apid[1] = 4410",
    "proc.aexepath[2]=/usr/sbin/sshd",
    "proc.acmdline contains root@pts",
    "proc.aname in (init, sshd)",
    "proc.aname exists",
    "proc.aname regex ss.*",
    "proc.aname != bash",
    /* words */
    "curl",
    "CURL",
    "usr/bin",
    "'curl -s'",
    "\"-S HTTP\"",
    "curl and http",
    "curl or nothing",
    "not nothing",
    "http://x/",
    "!nothing",
    "x/&&curl",
    /* logic */
    "proc.name=curl and user.uid=0",
    "proc.name=bash or user.uid=0",
    "proc.name=bash && user.uid=0 || proc.pid=4433",
    "not (proc.name=bash or proc.name=zsh)",
    "not not proc.name=curl",
    "(((proc.name=curl)))",
    "proc.name=curl AND NOT proc.name=bash",
    "proc.name=bash and proc.name=curl or proc.name=curl",
    "proc.name=curl or proc.name=bash and proc.name=zsh",
    "not proc.name=bash and proc.name=curl",
    "proc.name=curl&&user.uid=0",
    "!(proc.name=bash)||proc.name=bash",
    "proc.name\n=\tcurl",
};

static const char *const failing[] = {
    "proc.name = CURL",
    "proc.name=cur",
    "proc.name regex cur",
    "proc.name regex 'c$url'",
    "proc.pid > 4433",
    "proc.pid < 4433",
    "proc.name in (bash, zsh)",
    "proc.exepath glob /usr/*/bash",
    "proc.alive",
    "proc.is_exe_from_memfd",
    "proc.duration > 1s",
    "proc.start > now",
    "proc.start < 2026-11-22 12:01",
    "user.name != root",
    "host.tag.none = x",
    "proc.env[LANG] = c",
    "proc.env[HOME] != x",
    "host.tag.none != x",
    "host.tag.none exists",
    "quality.placeholder",
    "proc.aname[1]=sshd",
    "proc.aname[3]=init",
    "proc.aname[3] != init",
    "proc.aname = init",
    "nothing",
    "'curl  -s'",
    "curl and nothing",
    "not curl",
    "proc.name=bash or proc.name=zsh and proc.name=curl",
    "proc.name=bash and (proc.name=curl or proc.name=curl)",
    "proc.signal = 9",
    "proc.signal != 9",
    "proc.signal exists",
    "proc.signal in (9, KILL)",
    "proc.signal < SIGKILL",
    "not (proc.name=curl)",
    "proc.cmdline contains curl-s",
};

static void test_what_holds(void **state)
{
	struct family family;

	family_init(&family);
	for (size_t i = 0; i < sizeof(holding) / sizeof(holding[0]); i++)
		if (!evaluate(holding[i], &family.self.view, &family))
			fail_msg("'%s' does not hold", holding[i]);
}

static void test_what_does_not_hold(void **state)
{
	struct family family;

	family_init(&family);
	for (size_t i = 0; i < sizeof(failing) / sizeof(failing[0]); i++)
		if (evaluate(failing[i], &family.self.view, &family))
			fail_msg("'%s' holds", failing[i]);
}

/* As in Falco: a comparison with what is not known is false, whatever the operator. */
static void test_unknown_is_false(void **state)
{
	static const char *const conditions[] = {
	    "proc.name = x",
	    "proc.name != x",
	    "proc.name in (x)",
	    "proc.name contains ''",
	    "proc.name startswith ''",
	    "proc.name glob *",
	    "proc.name regex '.*'",
	    "proc.exitcode = 0",
	    "proc.exitcode != 0",
	    "proc.exitcode < 1",
	    "proc.exitcode >= 0",
	    "proc.duration < 1w",
	    "proc.start < now",
	    "proc.end != now",
	    "user.uid = 0",
	    "user.uid != 0",
	    "proc.alive",
	    "proc.alive = false",
	    "proc.alive != true",
	    "proc.is_setuid != true",
	    "proc.tty exists",
	    "proc.aname = x",
	    "proc.aname != x",
	    "proc.aname[1] exists",
	    "container.id != host",
	    "x",
	    "''",
	};
	struct process_view view = {.self = {.tgid = 7}, .start_wall_ns = INT64_MIN};

	for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
		char negated[64];

		if (evaluate(conditions[i], &view, NULL))
			fail_msg("'%s' holds for the unknown", conditions[i]);
		(void)snprintf(negated, sizeof(negated), "not %s", conditions[i]);
		assert_true(evaluate(negated, &view, NULL));
	}
}

static void test_odd_bytes(void **state)
{
	struct sample s;

	sample_init(&s);
	s.images[1].exe = BYTES_LITERAL("/tmp/\xff and\\x");
	assert_true(evaluate("proc.exepath = '/tmp/\\xff and\\x'", &s.view, NULL));
	assert_true(evaluate("proc.exepath = \"/tmp/\\xFF and\\\\x\"", &s.view, NULL));
	assert_true(evaluate("proc.exepath regex '/tmp/.*\\\\x'", &s.view, NULL));
	s.images[1].exe = BYTES_LITERAL("a\"b'c");
	assert_true(evaluate("proc.exepath = \"a\\\"b'c\"", &s.view, NULL));
	assert_true(evaluate("proc.exepath = 'a\"b\\'c'", &s.view, NULL));
	assert_true(evaluate("proc.exepath regex 'a\"b\\'c'", &s.view, NULL));
	s.images[1].exe = BYTES_LITERAL("--password=<x>!&|");
	assert_true(evaluate("proc.exepath = --password=<x>!&| and proc.pid=4433", &s.view, NULL));
	assert_true(evaluate("proc.exepath in (a, --password=<x>!&|)", &s.view, NULL));
}

static void test_killed(void **state)
{
	struct sample s;

	sample_init(&s);
	s.view.exit = (struct fact_exit){.code = -1, .signal = 9};
	assert_true(evaluate("proc.signal = 9 and proc.signal=SIGKILL and proc.signal=KILL", &s.view, NULL));
	assert_false(evaluate("proc.exitcode exists", &s.view, NULL));
}

static void test_errors(void **state)
{
	static const struct {
		const char *text;
		uint32_t column;
		const char *message, *hint; /* parts of them */
	} rows[] = {
		{"proc.nmae = x", 1, "proc.nmae is not a field", "did you mean proc.name?"},
		{"proc.name = x and proc.exepat = y", 19, "proc.exepat", "did you mean proc.exepath?"},
		{"proc.name", 10, "proc.name needs an operator", "exists"},
		{"proc.name and curl", 10, "needs an operator", ""},
		{"proc.name =", 12, "ends where a value", "quotes"},
		{"proc.name = and and", 20, "ends", ""},
		{"proc.pid = curl", 12, "wants a number, 'curl' is none", ""},
		{"proc.pid contains 4", 10, "contains is for text, proc.pid is not", ""},
		{"proc.name < b", 11, "compares numbers", ""},
		{"proc.alive > true", 12, "compares numbers", ""},
		{"proc.alive = maybe", 14, "wants true or false", ""},
		{"proc.start > 10m", 14, "wants a time", ""},
		{"proc.start > soon or x", 14, "'soon'", ""},
		{"proc.duration < 5 parsecs", 19, "'parsecs' stands where", "join"},
		{"proc.duration < long", 17, "wants a duration", ""},
		{"(proc.pid=1", 1, "not closed", ")"},
		{"proc.pid=1)", 11, "')' stands where and, or", ""},
		{"proc.name in bash", 14, "a list in parentheses", "(bash, zsh)"},
		{"proc.name in (bash", 19, "',' or ')'", ""},
		{"proc.name in ()", 15, "a value is expected", ""},
		{"proc.name in (a b)", 17, "'b' stands where ',' or ')'", ""},
		{"'open", 1, "the quote is not closed", "quote"},
		{"a \"b", 3, "the quote is not closed", ""},
		{"and", 1, "'and' stands where a condition", ""},
		{"x and", 6, "ends where a condition", ""},
		{"x or or y", 6, "'or' stands where", ""},
		{"not", 4, "ends", ""},
		{"= x", 1, "'=' stands where", ""},
		{"curl -s", 6, "'-s' stands where and, or", "quotes"},
		{"foo = bar", 1, "foo is not a field", "quotes"},
		{"proc.aname[x] = y", 1, "wants an index", ""},
		{"proc.aname[1025] = y", 1, "wants an index", ""},
		{"proc.aname[] = y", 1, "wants an index", ""},
		{"proc.env[] = y", 1, "wants the name of a variable", ""},
		{"proc.env[LANG = y", 1, "wants the name of a variable", ""},
		{"quality.good", 1, "is no quality", ""},
		{"quality. = x", 1, "is no quality", ""},
		{"host.tag. = x", 1, "is not a field", ""},
		{"proc.name regex '(a'", 20, "regular expression", "RE2"},
		{"proc.name regex 'a**)'", 21, "without its (", ""},
		{"\xe2\x82\xac and proc.x = 1", 7, "proc.x is not a field", ""},
		{"proc.name = (x)", 13, "'(' stands where a value", ""},
		{"proc.x\x1b[31m = 1", 1, "proc.x?[31m is not a field", ""},
		{"proc.pid = 99999999999999999999", 12, "63 bits", ""},
		{"proc.signal = NOPE", 15, "name of a signal", ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct filter_error error = {0};
		struct filter *filter = NULL;

		if (filter_parse(&filter, bytes_from_string(rows[i].text), NOW, &error) != -EINVAL)
			fail_msg("'%s' was taken", rows[i].text);
		assert_null(filter);
		if (error.column != rows[i].column || !strstr(error.message, rows[i].message) ||
		    !strstr(error.hint, rows[i].hint))
			fail_msg("'%s': column %u, '%s', '%s'", rows[i].text, error.column, error.message, error.hint);
	}
}

static void test_bounds(void **state)
{
	static char text[FILTER_TEXT_MAX + 2];
	struct filter_error error;
	struct filter *filter;
	uint32_t depth;

	for (depth = 0; depth < FILTER_DEPTH_MAX; depth++)
		text[depth] = '!';
	text[depth] = 'x';
	assert_int_equal(filter_parse(&filter, bytes_make(text, depth + 1), NOW, &error), 0);
	filter_destroy(filter);
	text[depth] = '!';
	text[depth + 1] = 'x';
	assert_int_equal(filter_parse(&filter, bytes_make(text, depth + 2), NOW, &error), -EINVAL);
	assert_int_equal(error.column, FILTER_DEPTH_MAX + 1);
	memset(text, '(', sizeof(text));
	assert_int_equal(filter_parse(&filter, bytes_make(text, FILTER_TEXT_MAX), NOW, &error), -EINVAL);
	memset(text, 'a', sizeof(text));
	assert_int_equal(filter_parse(&filter, bytes_make(text, FILTER_TEXT_MAX), NOW, &error), 0);
	filter_destroy(filter);
	assert_int_equal(filter_parse(&filter, bytes_make(text, FILTER_TEXT_MAX + 1), NOW, &error), -EINVAL);
}

static void test_memory_is_bounded(void **state)
{
	static char text[FILTER_TEXT_MAX];
	struct filter_error error;
	struct filter *filter;
	size_t len = 0;

	while (len + 64 < sizeof(text))
		len +=
		    (size_t)snprintf(text + len, sizeof(text) - len, "%sproc.name regex 'a{900}'", len ? " or " : "");
	assert_int_equal(filter_parse(&filter, bytes_make(text, len), NOW, &error), -EINVAL);
	assert_non_null(strstr(error.message, "memory"));
}

/* A chain of ancestors without end is left at a bound. */
static bool endless(void *owner, uint32_t n, struct process_view *ret)
{
	*(uint32_t *)owner = n;
	*ret = (struct process_view){.self = {.tgid = n}};
	return true;
}

static void test_ancestors_are_bounded(void **state)
{
	struct process_view view = {0};
	uint32_t asked = 0;
	struct filter_subject subject = {.view = &view, .ancestor = endless, .owner = &asked};
	struct arena scratch = ARENA_NULL;
	struct filter_error error;
	struct filter *filter;

	assert_int_equal(filter_parse(&filter, BYTES_LITERAL("proc.apid = 5000"), NOW, &error), 0);
	assert_false(filter_match(filter, &subject, &scratch));
	assert_int_equal(asked, FILTER_ANCESTORS_MAX);
	filter_destroy(filter);
	arena_finish(&scratch);
}

/* What the host alone decides. */
static void test_judge_host(void **state)
{
	static const struct {
		const char *text;
		enum filter_verdict verdict;
	} rows[] = {
		{"", FILTER_EVERY},
		{"host.name = web-1", FILTER_EVERY},
		{"host.name = web-2", FILTER_NONE},
		{"not host.name = web-2", FILTER_EVERY},
		{"host.tag.env = prod", FILTER_EVERY},
		{"host.tag.none = prod", FILTER_NONE},
		{"host.boot startswith 0123", FILTER_EVERY},
		{"proc.pid = 1", FILTER_SOME},
		{"curl", FILTER_SOME},
		{"not curl", FILTER_SOME},
		{"host.name = web-1 and curl", FILTER_SOME},
		{"host.name = web-2 and curl", FILTER_NONE},
		{"host.name = web-2 or curl", FILTER_SOME},
		{"host.name = web-1 or curl", FILTER_EVERY},
		{"not (host.name = web-2 and curl)", FILTER_EVERY},
		{"not (host.name = web-1 or curl)", FILTER_NONE},
	};
	struct sample s;

	sample_init(&s);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena scratch = ARENA_NULL;
		struct filter_error error;
		struct filter *filter;

		assert_int_equal(filter_parse(&filter, bytes_from_string(rows[i].text), NOW, &error), 0);
		if (filter_judge_host(filter, &s.view, &scratch) != rows[i].verdict)
			fail_msg("'%s' is not %d", rows[i].text, rows[i].verdict);
		filter_destroy(filter);
		arena_finish(&scratch);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_holds),
		cmocka_unit_test(test_what_does_not_hold),
		cmocka_unit_test(test_unknown_is_false),
		cmocka_unit_test(test_odd_bytes),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_memory_is_bounded),
		cmocka_unit_test(test_ancestors_are_bounded),
		cmocka_unit_test(test_judge_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
