/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "collector/console/cli/table.h"

static const struct table_column columns[] = {
	{"HOST", 0, false, true}, {"PID", 5, true, false}, {"COMMAND", 0, false, true},
};

static void add_row(struct table *table, const char *host, const char *pid, const char *command)
{
	table_add(table, bytes_from_string(host), COLOR_PLAIN);
	table_add(table, bytes_from_string(pid), COLOR_PLAIN);
	table_add(table, bytes_from_string(command), COLOR_PLAIN);
}

static void test_aligns(void **state)
{
	struct terminal terminal = {.utf8 = true};
	struct text out = TEXT_NULL;
	struct table table;

	table_init(&table, &terminal, columns, 3);
	add_row(&table, "web-1", "7", "ls -la");
	add_row(&table, "日本", "123456", "");
	assert_int_equal(table_flush(&table, &out), 0);
	assert_text(&out, "HOST     PID COMMAND\n"
			  "web-1      7 ls -la\n"
			  "日本  123456\n");
	table_finish(&table);
	text_finish(&out);
}

static void test_empty_writes_nothing(void **state)
{
	struct terminal terminal = {0};
	struct text out = TEXT_NULL;
	struct table table;

	table_init(&table, &terminal, columns, 3);
	assert_int_equal(table_flush(&table, &out), 0);
	assert_text(&out, "");
	table_finish(&table);
	text_finish(&out);
}

/* Headings once; widths never shrink from one portion to the next. */
static void test_portions(void **state)
{
	struct terminal terminal = {.utf8 = true};
	struct text out = TEXT_NULL;
	struct table table;

	table_init(&table, &terminal, columns, 3);
	add_row(&table, "longer-host", "1", "a");
	assert_int_equal(table_flush(&table, &out), 0);
	add_row(&table, "h", "2", "b");
	assert_int_equal(table_flush(&table, &out), 0);
	assert_text(&out, "HOST          PID COMMAND\n"
			  "longer-host     1 a\n"
			  "h               2 b\n");
	table_finish(&table);
	text_finish(&out);
}

static void test_cuts_to_the_terminal(void **state)
{
	struct terminal terminal = {.utf8 = true, .columns = 24};
	struct text out = TEXT_NULL;
	struct table table;

	table_init(&table, &terminal, columns, 3);
	add_row(&table, "web-1", "7", "a command that is too long");
	add_row(&table, "web-1", "8", "exactly 12 c");
	assert_int_equal(table_flush(&table, &out), 0);
	assert_text(&out, "HOST    PID COMMAND\n"
			  "web-1     7 a command t…\n"
			  "web-1     8 exactly 12 c\n");
	terminal.utf8 = false;
	add_row(&table, "web-1", "9", "0123456789012345");
	assert_int_equal(table_flush(&table, &out), 0);
	assert_text(&out, "web-1     9 01234567890~\n");
	table_finish(&table);
	text_finish(&out);
}

/* The widest column gives way first; none falls below what can be told apart; what is left over is cut at the edge. */
static void test_narrow(void **state)
{
	struct terminal terminal = {.utf8 = true, .columns = 10};
	struct text out = TEXT_NULL;
	struct table table;

	table_init(&table, &terminal, columns, 3);
	add_row(&table, "a-very-long-host", "7", "command");
	assert_int_equal(table_flush(&table, &out), 0);
	assert_text(&out, "HOST   PID\n"
			  "a-ver…   7\n");
	table_finish(&table);
	text_finish(&out);
}

static void test_wide_glyph_at_the_edge(void **state)
{
	struct text out = TEXT_NULL;

	table_add_padded(&out, bytes_from_string("日本語"), 4, false, true);
	text_putc(&out, '|');
	assert_text(&out, "日… |");
	table_add_padded(&out, bytes_from_string("ab"), 4, true, true);
	assert_text(&out, "  ab");
	table_add_padded(&out, bytes_from_string("ab"), 0, false, true);
	assert_text(&out, "");
	text_finish(&out);
}

static void test_lines_and_colors(void **state)
{
	struct terminal terminal = {.utf8 = true, .color = true};
	struct text out = TEXT_NULL;
	struct table table;

	table_init(&table, &terminal, columns, 3);
	table_add_line(&table, BYTES_LITERAL("web-1 is live"), COLOR_BOLD);
	table_add(&table, BYTES_LITERAL("h"), COLOR_PLAIN);
	table_add(&table, BYTES_LITERAL("1"), COLOR_BAD);
	table_add(&table, BYTES_LITERAL("c"), COLOR_DIM);
	table.headed = true;
	assert_int_equal(table_flush(&table, &out), 0);
	assert_text(&out, "\033[1mweb-1 is live\033[0m\n"
			  "h    \033[31m    1\033[0m \033[2mc\033[0m\n");
	table_finish(&table);
	text_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aligns),           cmocka_unit_test(test_empty_writes_nothing),
		cmocka_unit_test(test_portions),         cmocka_unit_test(test_cuts_to_the_terminal),
		cmocka_unit_test(test_narrow),           cmocka_unit_test(test_wide_glyph_at_the_edge),
		cmocka_unit_test(test_lines_and_colors),
	};

	return cmocka_run_group_tests(tests, use_utf8, NULL);
}
