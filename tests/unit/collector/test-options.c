/* SPDX-License-Identifier: Apache-2.0 */
/* What is refused is said on stderr; here that goes to a pipe. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "canopy/log.h"
#include "collector/options.h"
#include "tests/unit/said.h"

enum log_level log_level = LOG_LEVEL_INFO;

#define ARGS SAID_ARGS

static int parse(int argc, char **argv, void *into)
{
	return collector_options_parse(argc, argv, into);
}

static int parse_to(int stream, const char *const *args, struct collector_options *ret)
{
	return said_by(stream, parse, ret, args);
}

static void assert_refused(const char *const *args, const char *part)
{
	struct collector_options options = {.retain_bytes = 4711};

	assert_int_equal(parse_to(STDERR_FILENO, args, &options), -EINVAL);
	assert_said(part);
	assert_int_equal(options.retain_bytes, 4711); /* untouched */
}

static struct collector_options parsed(const char *const *args)
{
	struct collector_options options;

	assert_int_equal(parse_to(STDERR_FILENO, args, &options), 0);
	assert_string_equal(said, "");
	return options;
}

static void defaults_are_loopback(void **state)
{
	struct collector_options options = parsed(ARGS("--state", "/x"));

	(void)state;
	assert_string_equal(options.state, "/x");
	assert_string_equal(options.listen.host, "127.0.0.1");
	assert_string_equal(options.http, "127.0.0.1:7070");
	assert_false(options.http_insecure);
	assert_int_equal(options.lake_count, 0);
	assert_true(options.retain_bytes > 0 && options.exited_bytes > 0);
	assert_int_equal(options.processes_max, 20000000);
}

static void everything_can_be_said(void **state)
{
	struct collector_options options =
	    parsed(ARGS("-s", "/x", "--listen=[::1]:0", "-H", "127.0.0.1:0", "--http-insecure", "--lake", "ndjson:/a",
			"--lake", "ndjson:/b", "--retain-bytes=2G", "--exited-bytes=3m", "--processes-max=12345"));

	(void)state;
	assert_string_equal(options.listen.host, "::1");
	assert_int_equal(options.listen.port, 0);
	assert_string_equal(options.http, "127.0.0.1:0");
	assert_true(options.http_insecure);
	assert_int_equal(options.lake_count, 2);
	assert_string_equal(options.lakes[1], "ndjson:/b");
	assert_true(options.retain_bytes == 2ull << 30);
	assert_true(options.exited_bytes == 3ull << 20);
	assert_int_equal(options.processes_max, 12345);
}

static void sizes_are_checked(void **state)
{
	(void)state;
	assert_true(parsed(ARGS("-s", "/x", "--retain-bytes", "0")).retain_bytes == 0);
	assert_refused(ARGS("-s", "/x", "--exited-bytes", "0"), "--exited-bytes '0'");
	assert_refused(ARGS("-s", "/x", "--retain-bytes", "1"), "at least 128M");
	assert_refused(ARGS("-s", "/x", "--retain-bytes", "-1"), "--retain-bytes '-1'");
	assert_refused(ARGS("-s", "/x", "--retain-bytes", "1GB"), "'1GB'");
	assert_refused(ARGS("-s", "/x", "--retain-bytes", "99999999999G"), "such as");
	assert_refused(ARGS("-s", "/x", "--retain-bytes", ""), "such as");
}

static void numbers_are_checked(void **state)
{
	(void)state;
	assert_refused(ARGS("-s", "/x", "--processes-max", "9999"), "--processes-max '9999': give a number of at least 10000, such as 20000000");
	assert_refused(ARGS("-s", "/x", "--processes-max", "0"), "--processes-max '0'");
	assert_refused(ARGS("-s", "/x", "--processes-max", "-20000"), "'-20000'");
	assert_refused(ARGS("-s", "/x", "--processes-max", "20M"), "'20M'");
	assert_refused(ARGS("-s", "/x", "--processes-max", ""), "at least 10000");
	assert_refused(ARGS("-s", "/x", "--processes-max", "99999999999999999999"), "such as");
	assert_int_equal(parsed(ARGS("-s", "/x", "--shards", "64")).shards, 64);
	assert_refused(ARGS("-s", "/x", "--shards", "65"), "--shards '65': give a number from 1 to 64");
	assert_refused(ARGS("-s", "/x", "--shards", "0"), "--shards '0'");
}

static void refusals_name_option_value_and_remedy(void **state)
{
	(void)state;
	assert_refused(ARGS("--listen", "127.0.0.1:0"), "--state is missing");
	assert_refused(ARGS("-s", "/x", "--listen", "localhost:1"), "--listen 'localhost:1': give a number");
	assert_refused(ARGS("-s", "/x", "--listen", "127.0.0.1"), "port is missing");
	assert_refused(ARGS("-s", "/x", "--http", "127.0.0.1:99999"), "--http '127.0.0.1:99999'");
	assert_refused(ARGS("-s", "/x", "--log-level", "loud"), "give error, warning, info or debug");
	assert_refused(ARGS("-s", "/x", "surplus"), "'surplus'");
	assert_refused(ARGS("--nonsense"), "see 'canopy-collector --help'");
	assert_refused(ARGS("-s/x", "--lake=ndjson:1", "--lake=ndjson:2", "--lake=ndjson:3", "--lake=ndjson:4",
			    "--lake=ndjson:5", "--lake=ndjson:6", "--lake=ndjson:7", "--lake=ndjson:8", "--lake=ndjson:9"),
		       "--lake 'ndjson:9'");
	assert_refused(ARGS("-s/x", "--lake=parquet:/x"), "ndjson:DIR");
	assert_refused(ARGS("-s/x", "--lake=ndjson:"), "names no folder");
}

static void help_fits_a_terminal(void **state)
{
	struct collector_options options;

	(void)state;
	assert_int_equal(parse_to(STDOUT_FILENO, ARGS("--help"), &options), OPTIONS_E_DONE);
	assert_non_null(strstr(said, "usage: canopy-collector --state DIR"));
	assert_said_fits();
	assert_int_equal(parse_to(STDOUT_FILENO, ARGS("--version"), &options), OPTIONS_E_DONE);
	assert_string_equal(said, "canopy-collector " CANOPY_VERSION "\n");
}

static void the_log_level_is_set(void **state)
{
	(void)state;
	(void)parsed(ARGS("-s", "/x", "-l", "debug"));
	assert_int_equal(log_level, LOG_LEVEL_DEBUG);
}

static void a_console_for_others_must_be_asked_for(void **state)
{
	(void)state;
	assert_refused(ARGS("-s", "/x", "-H", "0.0.0.0:7070"), "--http '0.0.0.0:7070'");
	assert_refused(ARGS("-s", "/x", "-H", "[::]:7070"), "--http-insecure");
	assert_true(parsed(ARGS("-s", "/x", "-H", "0.0.0.0:7070", "--http-insecure")).http_insecure);
	assert_false(parsed(ARGS("-s", "/x", "-H", "[::1]:7070")).http_insecure);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_console_for_others_must_be_asked_for),
	    cmocka_unit_test(defaults_are_loopback), cmocka_unit_test(everything_can_be_said),
	    cmocka_unit_test(numbers_are_checked),
	    cmocka_unit_test(sizes_are_checked),     cmocka_unit_test(refusals_name_option_value_and_remedy),
	    cmocka_unit_test(help_fits_a_terminal),  cmocka_unit_test(the_log_level_is_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
