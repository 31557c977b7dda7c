/* SPDX-License-Identifier: Apache-2.0 */
/* Every option reaches its member, every refusal says what would be right. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "canopy/log.h"
#include "sensor/options.h"
#include "tests/unit/said.h"

enum log_level log_level = LOG_LEVEL_INFO;

#define ARGS SAID_ARGS
#define WHOLE "-c", "127.0.0.1:1", "-s", "/x" /* what no sensor of a fleet can be without */

static int parse(int argc, char **argv, void *into)
{
	return sensor_options_parse(argc, argv, into);
}

static struct sensor_options parsed(const char *const *args)
{
	struct sensor_options options;

	assert_int_equal(said_by(STDERR_FILENO, parse, &options, args), 0);
	assert_string_equal(said, "");
	return options;
}

static void assert_refused(const char *const *args, const char *part)
{
	struct sensor_options options = {.spool_bytes = 4711};

	assert_int_equal(said_by(STDERR_FILENO, parse, &options, args), -EINVAL);
	assert_said(part);
	assert_int_equal(options.spool_bytes, 4711); /* untouched */
}

static void assert_bytes(struct bytes bytes, const char *text)
{
	assert_int_equal(bytes.len, strlen(text));
	assert_memory_equal(bytes.data, text, bytes.len);
}

static void defaults_redact_confine_and_compress(void **state)
{
	struct sensor_options options = parsed(ARGS(WHOLE));

	(void)state;
	assert_string_equal(options.collectors[0].host, "127.0.0.1");
	assert_int_equal(options.collectors[0].port, 1);
	assert_string_equal(options.spool_dir, "/x");
	assert_int_equal(options.spool_bytes, 256 << 20);
	assert_int_equal(options.ring_bytes, 8 << 20);
	assert_int_equal(options.argv_max, 32 << 10);
	assert_true(options.compress && options.refine.redact && options.confine);
	assert_false(options.raw_tracepoint || options.check);
	assert_int_equal(options.print, PRINT_NONE);
	assert_int_equal(options.tag_count + options.refine.secret_count + options.refine.filter_count + options.refine.environ_count, 0);
}

static void everything_can_be_said(void **state)
{
	struct sensor_options options = parsed(ARGS("--collector=[::1]:7", "--spool", "/y", "--spool-bytes=8M", "--argv-bytes", "256",
						    "--ring-bytes", "64K", "--raw-tracepoint", "--no-compress", "--no-redact", "--no-confine",
						    "--check", "-l", "warning"));

	(void)state;
	assert_string_equal(options.collectors[0].host, "::1");
	assert_int_equal(options.spool_bytes, 8 << 20);
	assert_int_equal(options.argv_max, 256);
	assert_int_equal(options.ring_bytes, 64 << 10);
	assert_true(options.raw_tracepoint && options.check);
	assert_false(options.compress || options.refine.redact || options.confine);
	assert_int_equal(log_level, LOG_LEVEL_WARNING);
}

static void lists_grow_in_order(void **state)
{
	struct sensor_options options = parsed(ARGS(WHOLE, "-t", "role=web", "--tag=empty=", "--secret", "--pin", "--secret=otp", "--filter",
						    "drop:exe=/bin/true", "--filter", "keep:user=root", "--env", "LANG", "--env=HOME"));

	(void)state;
	assert_int_equal(options.tag_count, 2);
	assert_bytes(options.tags[0].key, "role");
	assert_bytes(options.tags[0].value, "web");
	assert_bytes(options.tags[1].value, "");
	assert_int_equal(options.refine.secret_count, 2);
	assert_bytes(options.refine.secrets[0], "pin"); /* an option's dashes are no part of its name */
	assert_bytes(options.refine.secrets[1], "otp");
	assert_int_equal(options.refine.filter_count, 2);
	assert_int_equal(options.refine.environ_count, 2);
	assert_bytes(options.refine.environ_names[1], "HOME");
}

static void printing_stands_alone(void **state)
{
	(void)state;
	assert_int_equal(parsed(ARGS("-p")).print, PRINT_CLASSIC);
	assert_int_equal(parsed(ARGS("--print=classic")).print, PRINT_CLASSIC);
	assert_int_equal(parsed(ARGS("-pjson")).print, PRINT_JSON);
	assert_refused(ARGS("--print=xml"), "--print 'xml': give --print, --print=classic or --print=json");
	assert_refused(ARGS("--print", "-c", "h:1"), "--print 'h:1': stands alone");
	assert_refused(ARGS("--print", "-s", "/x"), "--print '/x': stands alone");
}

static void what_is_missing_is_named(void **state)
{
	(void)state;
	assert_refused(ARGS("-s", "/x"), "--collector is missing: give HOST:PORT, or --print");
	assert_refused(ARGS("-c", "h:1"), "--spool is missing: give a folder");
	assert_true(parsed(ARGS("--check")).check); /* needs neither */
}

static void refusals_name_option_value_and_remedy(void **state)
{
	(void)state;
	assert_refused(ARGS("-c", "host", "-s", "/x"), "--collector 'host'");
	assert_refused(ARGS("-c", "a:1", "-c", "a:2", "-c", "a:3", "-c", "a:4", "-c", "a:5", "-c", "a:6", "-c", "a:7", "-c", "a:8",
			    "-c", "a:9", "-s", "/x"),
		       "at most 8 collectors");
	assert_refused(ARGS(WHOLE, "--spool-bytes", "7M"), "--spool-bytes '7M': give a size of at least 8M");
	assert_refused(ARGS(WHOLE, "--argv-bytes", "33K"), "--argv-bytes '33K': give a size from 256 to 32K");
	assert_refused(ARGS(WHOLE, "--ring-bytes", "2G"), "--ring-bytes '2G': give a size from 64K to 1G");
	assert_refused(ARGS(WHOLE, "--ring-bytes", "3M"), "--ring-bytes '3145728': give a power of two");
	assert_refused(ARGS(WHOLE, "--tag", "novalue"), "--tag 'novalue': give KEY=VALUE");
	assert_refused(ARGS(WHOLE, "--tag", "=x"), "give KEY=VALUE");
	assert_refused(ARGS(WHOLE, "--tag", "k=\xff"), "give UTF-8");
	assert_refused(ARGS(WHOLE, "--secret", "--"), "give the name of an option or variable");
	assert_refused(ARGS(WHOLE, "--filter", "drop:colour=red"), "--filter 'drop:colour=red'");
	assert_refused(ARGS(WHOLE, "--env", "A=B"), "--env 'A=B': give the name of a variable");
	assert_refused(ARGS(WHOLE, "--env", ""), "give the name of a variable");
	assert_refused(ARGS(WHOLE, "surplus"), "'surplus'");
}

/* given times OPTION VALUE after what is needed; the last one is refused. */
static void assert_at_most(const char *option, const char *value, unsigned most, const char *part)
{
	const char *args[SAID_ARGS_MAX] = {WHOLE};
	unsigned count = 4;

	for (unsigned i = 0; i < most; i++) {
		args[count++] = option;
		args[count++] = value;
	}
	(void)parsed(args);
	args[count++] = option;
	args[count++] = value;
	assert_refused(args, part);
}

static void lists_are_bounded(void **state)
{
	char key[HELLO_TAG_KEY_MAX + 4];

	(void)state;
	assert_at_most("--tag", "k=v", HELLO_TAGS_MAX, "a host has at most 64 tags");
	assert_at_most("--secret", "name", REDACT_NAMES_MAX, "at most 64 names");
	assert_at_most("--filter", "drop:exe=/x", FILTER_RULES_MAX, "at most 64 rules");
	assert_at_most("--env", "NAME", ENVIRON_NAMES_MAX, "at most 16 variables");
	memset(key, 'k', sizeof(key));
	memcpy(key + HELLO_TAG_KEY_MAX, "=v", 3);
	(void)parsed(ARGS(WHOLE, "--tag", key));
	memcpy(key + HELLO_TAG_KEY_MAX, "k=v", 4);
	assert_refused(ARGS(WHOLE, "--tag", key), "at most 63 bytes");
}

static void help_fits_a_terminal(void **state)
{
	struct sensor_options options;

	(void)state;
	assert_int_equal(said_by(STDOUT_FILENO, parse, &options, ARGS("--help")), OPTIONS_E_DONE);
	assert_said_fits();
	assert_said("usage: canopy-sensor --collector HOST:PORT --spool DIR");
	assert_int_equal(said_by(STDOUT_FILENO, parse, &options, ARGS("--version")), OPTIONS_E_DONE);
	assert_string_equal(said, "canopy-sensor " CANOPY_VERSION "\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_redact_confine_and_compress),
		cmocka_unit_test(everything_can_be_said),
		cmocka_unit_test(lists_grow_in_order),
		cmocka_unit_test(printing_stands_alone),
		cmocka_unit_test(what_is_missing_is_named),
		cmocka_unit_test(refusals_name_option_value_and_remedy),
		cmocka_unit_test(lists_are_bounded),
		cmocka_unit_test(help_fits_a_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
