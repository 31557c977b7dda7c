/* SPDX-License-Identifier: Apache-2.0 */
/* What peers say stands in the log and says nothing of its own there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "canopy/log.h"
#include "tests/unit/said.h"

enum log_level log_level = LOG_LEVEL_INFO;

static int log_it(int argc, char **argv, void *into)
{
	(void)argc;
	(void)into;
	log_info("event=e reason=\"%s\" next=1", LOG_TEXT(argv[1]));
	return 0;
}

static void logs(const char *text, const char *expected)
{
	char line[LOG_LINE_MAX * 2];

	(void)snprintf(line, sizeof(line), "info: event=e reason=\"%s\" next=1\n", expected);
	assert_int_equal(said_by(STDERR_FILENO, log_it, NULL, SAID_ARGS(text)), 0);
	assert_string_equal(said, line);
}

static void what_is_harmless_stays_as_it_is(void **state)
{
	(void)state;
	logs("", "");
	logs("all of it: a=b 'c' (d)", "all of it: a=b 'c' (d)");
	logs("Zürich \xe2\x82\xac \xf0\x9f\x8c\xb3 \xc2\xa0", "Zürich \xe2\x82\xac \xf0\x9f\x8c\xb3 \xc2\xa0");
}

static void a_value_ends_where_it_ends(void **state)
{
	(void)state;
	logs("x\" event=forged y=\"", "x\\\" event=forged y=\\\"");
	logs("\\", "\\\\"); /* or it would escape the quote behind it */
	logs("\\\" event=forged", "\\\\\\\" event=forged");
}

static void a_line_stays_one_line(void **state)
{
	(void)state;
	logs("a\nerror: b\r\x7f\t", "a?error: b???");
}

/* C1 controls: CSI as U+009B, and as the bare byte that a terminal without UTF-8 obeys. */
static void no_terminal_is_steered(void **state)
{
	(void)state;
	logs("\x1b[2J", "?[2J");
	logs("\xc2\x9b" "2J\xc2\x80\xc2\x9f", "??2J????");
	logs("\x9b" "2J", "?2J");
	logs("\xe2\x9b", "??");         /* cut off */
	logs("\xc0\x9b\xe0\x80\x9b", "?????"); /* longer than need be */
	logs("\xe2\x9b\x94", "\xe2\x9b\x94");   /* the byte as a part of a character is none */
	logs("\xff\xfe\xf8", "???");
}

static void no_line_is_turned_around(void **state)
{
	(void)state;
	logs("a\xe2\x80\xae" "b\xe2\x81\xa6" "c\xe2\x80\xa8", "a???b???c???");
	logs("\xe2\x80\x90\xe2\x80\xaf", "\xe2\x80\x90\xe2\x80\xaf");
}

static void a_line_that_is_too_long_is_cut(void **state)
{
	char text[3 * LOG_LINE_MAX];

	(void)state;
	memset(text, '"', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(said_by(STDERR_FILENO, log_it, NULL, SAID_ARGS(text)), 0);
	assert_in_range(strlen(said), LOG_LINE_MAX - 8, LOG_LINE_MAX + 8);
	assert_null(strstr(said, "next=1"));
}

static int setup(void **state)
{
	(void)state;
	return unsetenv("JOURNAL_STREAM");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_harmless_stays_as_it_is), cmocka_unit_test(a_value_ends_where_it_ends),
	    cmocka_unit_test(a_line_stays_one_line),           cmocka_unit_test(no_terminal_is_steered),
	    cmocka_unit_test(no_line_is_turned_around),
	    cmocka_unit_test(a_line_that_is_too_long_is_cut),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
