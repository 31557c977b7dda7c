/* SPDX-License-Identifier: Apache-2.0 */
/* A table of an own program: what its rows say is what is parsed, helped and refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "canopy/log.h"
#include "proto/command/command.h"
#include "tests/unit/said.h"

enum log_level log_level = LOG_LEVEL_INFO;

struct settings {
	const char *folder;
	uint64_t bounded, unbounded, off;
	bool on, plain;
	const char *words[4];
	unsigned word_count;
};

static int take_word(const struct command *command, const char *text, void *into)
{
	struct settings *settings = into;

	if (text && strcmp(text, "bad") == 0)
		return command_refuse(command, "--word", text, "give a good one");
	settings->words[settings->word_count++] = text;
	return 0;
}

#define MEMBER(name, type) .member = COMMAND_MEMBER(struct settings, name, type)

static const struct command_option rows[] = {
	{.name = "folder", .letter = 'f', .value = "DIR", .kind = COMMAND_TEXT, MEMBER(folder, const char *), .help = "where it goes"},
	{.name = "bounded", .value = "SIZE", .kind = COMMAND_SIZE, MEMBER(bounded, uint64_t), .min = 1024, .max = 3 << 20, .help = "from and to"},
	{.name = "unbounded", .value = "SIZE", .kind = COMMAND_SIZE, MEMBER(unbounded, uint64_t), .min = 2000, .help = "from"},
	{.name = "off", .value = "SIZE", .kind = COMMAND_SIZE, MEMBER(off, uint64_t), .min = 1 << 20, .zero = true, .help = "or nothing"},
	{.name = "on", .letter = 'o', .kind = COMMAND_SET, MEMBER(on, bool), .help = "so"},
	{.name = "no-plain", .kind = COMMAND_CLEAR, MEMBER(plain, bool), .help = "not so"},
	{.name = "word", .letter = 'w', .value = "WORD", .may_be_alone = true, .take = take_word,
	 .help = "an explanation that needs more than one line of fifty-one columns, each of which is made of whole words"},
	{.name = "a-name-longer-than-the-column", .value = "X", .take = take_word, .help = "on its own line"},
	COMMAND_COMMON,
};

static const struct command command = {.program = "program", .head = "usage: program\n", .tail = "The end.\n", .options = rows};

static int parse(int argc, char **argv, void *into)
{
	return command_parse(&command, argc, argv, into);
}

static struct settings parsed(const char *const *args)
{
	struct settings settings = {.plain = true};

	assert_int_equal(said_by(STDERR_FILENO, parse, &settings, args), 0);
	assert_string_equal(said, "");
	return settings;
}

static void assert_refused(const char *const *args, const char *part)
{
	struct settings settings = {0};

	assert_int_equal(said_by(STDERR_FILENO, parse, &settings, args), -EINVAL);
	assert_said(part);
}

static void every_kind_reaches_its_member(void **state)
{
	struct settings settings = parsed(SAID_ARGS("--folder", "/x", "--bounded=2k", "--unbounded", "9G", "--off", "1M", "--on", "--no-plain"));

	(void)state;
	assert_string_equal(settings.folder, "/x");
	assert_true(settings.bounded == 2048 && settings.unbounded == 9ull << 30 && settings.off == 1 << 20);
	assert_true(settings.on && !settings.plain);
}

static void what_is_not_given_stays(void **state)
{
	struct settings settings = parsed(SAID_ARGS("-o"));

	(void)state;
	assert_null(settings.folder);
	assert_true(settings.plain && settings.on);
	assert_int_equal(settings.bounded, 0);
}

static void letters_cluster_and_values_may_be_left_out(void **state)
{
	struct settings settings = parsed(SAID_ARGS("-of/y", "-w", "--word", "--word=two", "-wthree"));

	(void)state;
	assert_string_equal(settings.folder, "/y");
	assert_int_equal(settings.word_count, 4);
	assert_null(settings.words[0]);
	assert_null(settings.words[1]);
	assert_string_equal(settings.words[2], "two");
	assert_string_equal(settings.words[3], "three");
}

static void sizes_keep_their_bounds(void **state)
{
	(void)state;
	assert_int_equal(parsed(SAID_ARGS("--bounded", "3M")).bounded, 3 << 20);
	assert_int_equal(parsed(SAID_ARGS("--off", "0")).off, 0);
	assert_refused(SAID_ARGS("--bounded", "0"), "program: --bounded '0': give a size from 1K to 3M, such as 1K");
	assert_refused(SAID_ARGS("--bounded", "4M"), "from 1K to 3M");
	assert_refused(SAID_ARGS("--unbounded", "1999"), "of at least 2000, such as");
	assert_refused(SAID_ARGS("--unbounded", "9999999999G"), "such as");
	assert_refused(SAID_ARGS("--off", "1"), "of at least 1M, such as 512M or 16G, or 0 for no bound");
	assert_refused(SAID_ARGS("--off", "-1"), "--off '-1'");
	assert_refused(SAID_ARGS("--off", "1MB"), "'1MB'");
	assert_refused(SAID_ARGS("--off", ""), "''");
}

static void a_refusal_ends_the_parsing(void **state)
{
	struct settings settings = {0};

	(void)state;
	assert_int_equal(said_by(STDERR_FILENO, parse, &settings, SAID_ARGS("--word=bad", "--on")), -EINVAL);
	assert_string_equal(said, "program: --word 'bad': give a good one\n");
	assert_false(settings.on);
	assert_refused(SAID_ARGS("--nonsense"), "see 'program --help'");
	assert_refused(SAID_ARGS("-x"), "see 'program --help'");
	assert_refused(SAID_ARGS("--folder"), "see 'program --help'");
	assert_refused(SAID_ARGS("--on=1"), "see 'program --help'");
	assert_refused(SAID_ARGS("--on", "surplus"), "argument 'surplus': every argument belongs to an option");
	assert_refused(SAID_ARGS("--log-level", "loud"), "--log-level 'loud': give error, warning, info or debug");
}

static void the_log_level_is_set(void **state)
{
	(void)state;
	(void)parsed(SAID_ARGS("-l", "debug"));
	assert_int_equal(log_level, LOG_LEVEL_DEBUG);
}

static void help_is_made_of_the_rows(void **state)
{
	struct settings settings = {0};

	(void)state;
	assert_int_equal(said_by(STDOUT_FILENO, parse, &settings, SAID_ARGS("-h", "--on")), COMMAND_E_DONE);
	assert_false(settings.on); /* the answer ends it */
	assert_said_fits();
	assert_int_equal(strncmp(said, "usage: program\n\n", 16), 0);
	assert_said("\n  -f, --folder DIR           where it goes\n");
	assert_said("\n      --bounded SIZE         from and to\n");
	assert_said("\n  -w, --word[=WORD]          an explanation that needs more than one line of\n"
		    "                             fifty-one columns, each of which is made of whole\n"
		    "                             words\n");
	assert_said("\n      --a-name-longer-than-the-column X\n                             on its own line\n");
	assert_said("\n\nThe end.\n");
}

static void version_names_the_program(void **state)
{
	struct settings settings = {0};

	(void)state;
	assert_int_equal(said_by(STDOUT_FILENO, parse, &settings, SAID_ARGS("-V")), COMMAND_E_DONE);
	assert_string_equal(said, "program " CANOPY_VERSION "\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_reaches_its_member),
		cmocka_unit_test(what_is_not_given_stays),
		cmocka_unit_test(letters_cluster_and_values_may_be_left_out),
		cmocka_unit_test(sizes_keep_their_bounds),
		cmocka_unit_test(a_refusal_ends_the_parsing),
		cmocka_unit_test(the_log_level_is_set),
		cmocka_unit_test(help_is_made_of_the_rows),
		cmocka_unit_test(version_names_the_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
