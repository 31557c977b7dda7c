/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/proto/model/unit.h"

#include <stdio.h>
#include <string.h>

#include "proto/model/field.h"
#include "tests/unit/proto/model/sample.h"

/* A field's value as text, '?' when unknown. */
static void check(const struct process_view *view, const char *name, const char *expected)
{
	const struct field *field = field_find(bytes_from_string(name));
	struct arena arena = ARENA_NULL;
	struct field_value value;
	char text[256];

	if (!field)
		fail_msg("no field %s", name);
	value = field->get(view, &arena);
	if (!value.known)
		(void)snprintf(text, sizeof(text), "?");
	else if (field->type == FIELD_STRING)
		(void)snprintf(text, sizeof(text), "%.*s", (int)value.string.len, value.string.data);
	else if (field->type == FIELD_BOOL)
		(void)snprintf(text, sizeof(text), "%s", value.truth ? "true" : "false");
	else
		(void)snprintf(text, sizeof(text), "%lld", (long long)value.number);
	arena_finish(&arena);
	if (strcmp(text, expected) != 0)
		fail_msg("%s is '%s', expected '%s'", name, text, expected);
}

static void test_everything_known(void **state)
{
	static const char *const rows[][2] = {
	    {"host.name", "web-1"},
	    {"host.boot", SAMPLE_BOOT},
	    {"host.tag", "env=prod,rack=r 7"},
	    {"proc.id", SAMPLE_BOOT "-4433-3e8"},
	    {"proc.pid", "4433"},
	    {"proc.ppid", "4410"},
	    {"proc.name", "curl"},
	    {"proc.exe", "/usr/bin/curl"},
	    {"proc.exepath", "/usr/bin/curl"},
	    {"proc.cmdline", "curl -s http://x/"},
	    {"proc.args", "-s http://x/"},
	    {"proc.cwd", "/root"},
	    {"proc.tty", "pts/0"},
	    {"proc.sid", "4410"},
	    {"proc.pgid", "4433"},
	    {"proc.start", "1795348867123456789"},
	    {"proc.end", "1795348867123706789"},
	    {"proc.duration", "250000"},
	    {"proc.alive", "false"},
	    {"proc.exitcode", "22"},
	    {"proc.signal", "?"},
	    {"proc.depth", "3"},
	    {"proc.nchilds", "2"},
	    {"proc.vpid", "5"},
	    {"proc.aname", "?"},
	    {"proc.is_exe_from_memfd", "false"},
	    {"proc.is_setuid", "true"},
	    {"user.uid", "0"},
	    {"user.name", "root"},
	    {"user.loginuid", "1000"},
	    {"user.euid", "2"},
	    {"container.id", SAMPLE_CONTAINER},
	    {"cgroup.path", "/docker/" SAMPLE_CONTAINER},
	    {"quality", "seeded"},
	};
	struct sample s;

	sample_init(&s);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(&s.view, rows[i][0], rows[i][1]);
}

static void test_nothing_known(void **state)
{
	struct process_view view = {.start_wall_ns = INT64_MIN};
	size_t count;
	const struct field *fields = field_table(&count);

	for (size_t i = 0; i < count; i++) {
		if (strcmp(fields[i].name, "host.boot") == 0)
			check(&view, fields[i].name, "00000000000000000000000000000000");
		else if (strcmp(fields[i].name, "proc.depth") == 0 || strcmp(fields[i].name, "proc.nchilds") == 0)
			check(&view, fields[i].name, "0");
		else if (strcmp(fields[i].name, "quality") == 0)
			check(&view, fields[i].name, "");
		else
			check(&view, fields[i].name, "?");
	}
}

static void test_arguments(void **state)
{
	struct sample s;

	sample_init(&s);
	s.images[1].argv = BYTES_LITERAL("x\0a\0b"); /* the last one is cut */
	check(&s.view, "proc.args", "a b");
	check(&s.view, "proc.cmdline", "curl a b");
	s.images[1].argv = BYTES_LITERAL("x\0\0");
	check(&s.view, "proc.args", "");
	check(&s.view, "proc.cmdline", "curl ");
	s.images[1].argv = BYTES_LITERAL("x\0");
	check(&s.view, "proc.cmdline", "curl");
	s.images[1].argv = BYTES_NULL;
	check(&s.view, "proc.exe", "");
	check(&s.view, "proc.args", "");
	check(&s.view, "proc.cmdline", "curl");
	s.images[1].flags &= ~(uint32_t)(FACT_ARGV_KNOWN | FACT_EXE_KNOWN | FACT_CWD_KNOWN);
	check(&s.view, "proc.args", "?");
	check(&s.view, "proc.cmdline", "?");
	check(&s.view, "proc.exepath", "?");
	check(&s.view, "proc.is_setuid", "?");
	check(&s.view, "proc.cwd", "?");
	check(&s.view, "proc.name", "curl");
}

static void test_names_are_unique(void **state)
{
	size_t count;
	const struct field *fields = field_table(&count);

	for (size_t i = 0; i < count; i++)
		assert_ptr_equal(field_find(bytes_from_string(fields[i].name)), &fields[i]);
	assert_null(field_find(BYTES_LITERAL("proc")));
	assert_null(field_find(BYTES_LITERAL("proc.pidx")));
	assert_null(field_find(BYTES_NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything_known),
		cmocka_unit_test(test_nothing_known),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_names_are_unique),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
