/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a sensor that stands alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "sensor/print/print.h"

static const struct fact_context context = {.uid = 1000, .user = {"ada", 3}, .ns_mnt = 7};

static struct fact fact_of(enum fact_type type)
{
	return (struct fact){
		.type = type,
		.time_ns = 2000000000,
		.self = {1000000000, 12346},
		.parent = {500000000, 12345},
		.creator = {500000000, 12345},
		.comm = BYTES_LITERAL("ls"),
		.context = &context,
	};
}

static void assert_prints(enum print_format format, const struct fact *fact, const char *expected)
{
	static const struct print_host host = {.hostname = {"web-1", 5}, .boottime_to_wall_ns = 1700000000000000000};
	struct json out = {0};

	print_fact(&out, format, &host, fact);
	assert_false(out.failed);
	json_raw(&out, "", 1);
	assert_non_null(strstr(out.data, expected));
	assert_ptr_equal(strchr(out.data, '\n'), out.data + out.len - 2); /* one line, whatever it holds */
	json_finish(&out);
}

static void classic_lines_have_their_form(void **state)
{
	struct fact fact = fact_of(FACT_FORK);

	(void)state;
	assert_prints(PRINT_CLASSIC, &fact, "[FORK] pid=12346 ppid=12345 comm=ls\n");
	fact = fact_of(FACT_EXEC);
	fact.exe = BYTES_LITERAL("/usr/bin/ls");
	fact.flags = FACT_EXE_KNOWN;
	assert_prints(PRINT_CLASSIC, &fact, "[EXEC] pid=12346 ppid=12345 comm=ls exe=/usr/bin/ls\n");
	fact = fact_of(FACT_EXIT);
	assert_prints(PRINT_CLASSIC, &fact, "[EXIT] pid=12346 comm=ls code=0\n");
	fact.exit = (struct fact_exit){.code = -1, .signal = 11, .core = true};
	assert_prints(PRINT_CLASSIC, &fact, "[EXIT] pid=12346 comm=ls signal=11 core=yes\n");
}

static void names_cannot_forge_a_line(void **state)
{
	struct fact fact = fact_of(FACT_FORK);

	(void)state;
	fact.comm = BYTES_LITERAL("a b\n[EXIT]\x1b\xff\\");
	assert_prints(PRINT_CLASSIC, &fact, "comm=a\\x20b\\x0a[EXIT]\\x1b\\xff\\x5c\n");
	assert_prints(PRINT_JSON, &fact, "\"type\":\"fork\"");
}

static void json_has_the_fields_of_the_interface(void **state)
{
	struct fact fact = fact_of(FACT_EXEC);

	(void)state;
	fact.argv = bytes_make("ls\0-l", 6);
	fact.argv_bytes = 6;
	fact.flags = FACT_ARGV_KNOWN;
	fact.exec_seq = 1;
	assert_prints(PRINT_JSON, &fact, "\"time\":\"2023-11-14T22:13:22.000000000Z\"");
	assert_prints(PRINT_JSON, &fact, "\"argv\":[\"ls\",\"-l\"],\"argv_bytes\":6");
	assert_prints(PRINT_JSON, &fact, "\"pid\":12346");
	assert_prints(PRINT_JSON, &fact, "\"user\":\"ada\"");
	assert_prints(PRINT_JSON, &fact, "\"exit\":null");
	fact = fact_of(FACT_EXIT);
	fact.exit.code = 3;
	assert_prints(PRINT_JSON, &fact, "\"state\":\"exited\"");
	assert_prints(PRINT_JSON, &fact, "\"code\":3,\"signal\":null");
}

static void losses_are_lines_too(void **state)
{
	static const struct print_host host = {.hostname = {"web-1", 5}};
	const struct gap gap = {.type = FACT_EXEC, .reason = GAP_RING_FULL, .from_ns = 1, .to_ns = 2, .count = 12};
	struct json out = {0};

	(void)state;
	print_gap(&out, PRINT_CLASSIC, &host, &gap);
	print_gap(&out, PRINT_JSON, &host, &gap);
	json_raw(&out, "", 1);
	assert_non_null(strstr(out.data, "[LOST] type=exec count=12 reason=ring-full\n"));
	assert_non_null(strstr(out.data, "\"count\":12"));
	json_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classic_lines_have_their_form),
		cmocka_unit_test(names_cannot_forge_a_line),
		cmocka_unit_test(json_has_the_fields_of_the_interface),
		cmocka_unit_test(losses_are_lines_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
