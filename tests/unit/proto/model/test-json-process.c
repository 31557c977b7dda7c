/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/proto/model/unit.h"

#include <string.h>

#include <jansson.h>

#include "proto/model/json.h"
#include "tests/unit/proto/model/sample.h"

static void check(const struct process_view *view, const char *expected)
{
	struct json json = JSON_EMPTY;

	json_process(&json, view);
	assert_false(json.failed);
	json_raw(&json, "", 1);
	assert_string_equal(json.data, expected);
	json_finish(&json);
}

#define NS "\"ns\":{\"mnt\":4026531841,\"pid\":11,\"net\":12,\"user\":13,\"uts\":14,\"ipc\":15,\"cgroup\":null,\"time\":16}"

static void test_everything_known(void **state)
{
	struct sample s;

	sample_init(&s);
	check(&s.view,
	      "{\"id\":\"" SAMPLE_BOOT "-4433-3e8\",\"host\":\"web-1\",\"boot_id\":\"" SAMPLE_BOOT "\",\"pid\":4433,"
	      "\"start\":\"2026-11-22T12:01:07.123456789Z\",\"start_boottime_ns\":1000,\"parent_id\":\"" SAMPLE_BOOT
	      "-4410-384\","
	      "\"ppid\":4410,\"creator_id\":\"" SAMPLE_BOOT
	      "-4410-384\",\"current_ppid\":1,\"state\":\"exited\",\"exec_seq\":1,"
	      "\"comm\":\"curl\",\"exe\":\"/usr/bin/curl\",\"script\":null,\"argv\":[\"/usr/bin/curl\",\"-s\",\"http://"
	      "x/\"],"
	      "\"argv_bytes\":27,\"argv_truncated\":false,\"env\":{\"LANG\":\"C\",\"HTTP_PROXY\":\"http://p/\"},\"cwd\":\"/root\",\"pgid\":4433,\"sid\":4410,\"tty\":\"pts/"
	      "0\",\"ns_pid\":5,"
	      "\"uid\":0,\"gid\":1,\"euid\":2,\"egid\":3,\"user\":\"root\",\"loginuid\":1000,"
	      "\"caps\":{\"effective\":\"000001ffffffffff\",\"permitted\":\"000001ffffffffff\",\"inheritable\":"
	      "\"0000000000000000\"}," NS ",\"cgroup\":\"/docker/" SAMPLE_CONTAINER
	      "\",\"container_id\":\"" SAMPLE_CONTAINER "\",\"exe_inode\":77,\"exe_dev\":\"8:1\","
	      "\"flags\":[\"setuid\"],\"images\":[{\"seq\":0,\"time\":\"2026-11-22T12:01:07.123456789Z\",\"exe\":\"/"
	      "usr/bin/bash\","
	      "\"argv\":[\"-bash\"]},{\"seq\":1,\"time\":\"2026-11-22T12:01:07.123457289Z\",\"exe\":\"/usr/bin/curl\","
	      "\"argv\":[\"/usr/bin/curl\",\"-s\",\"http://x/\"]}],"
	      "\"exit\":{\"time\":\"2026-11-22T12:01:07.123706789Z\",\"code\":22,\"signal\":null,\"core\":false,"
	      "\"utime_ns\":7,"
	      "\"stime_ns\":8,\"max_rss_bytes\":4096},\"duration_ns\":250000,\"quality\":[\"seeded\"]}");
}

/* A placeholder: absent knowledge is null everywhere, and nowhere a zero. */
static void test_nothing_known(void **state)
{
	struct process_view view = {.self = {.tgid = 7}, .start_wall_ns = INT64_MIN, .quality = QUALITY_PLACEHOLDER};

	check(&view,
	      "{\"id\":null,\"host\":null,\"boot_id\":\"00000000000000000000000000000000\",\"pid\":7,\"start\":null,"
	      "\"start_boottime_ns\":null,\"parent_id\":null,\"ppid\":null,\"creator_id\":null,\"current_ppid\":null,"
	      "\"state\":\"unknown\",\"exec_seq\":null,\"comm\":null,\"exe\":null,\"script\":null,\"argv\":null,\"argv_"
	      "bytes\":null,"
	      "\"argv_truncated\":null,\"env\":null,\"cwd\":null,\"pgid\":null,\"sid\":null,\"tty\":null,\"ns_pid\":null,\"uid\":"
	      "null,\"gid\":null,"
	      "\"euid\":null,\"egid\":null,\"user\":null,\"loginuid\":null,\"caps\":null,\"ns\":null,\"cgroup\":null,"
	      "\"container_id\":null,\"exe_inode\":null,\"exe_dev\":null,\"flags\":null,\"images\":[],\"exit\":null,"
	      "\"duration_ns\":null,\"quality\":[\"placeholder\"]}");
}

static json_t *load(const struct process_view *view)
{
	struct json json = JSON_EMPTY;
	json_error_t error;
	json_t *read;

	json_process(&json, view);
	read = json_loadb(json.data, json.len, JSON_REJECT_DUPLICATES, &error);
	assert_non_null(read);
	json_finish(&json);
	return read;
}

static const char *text_at(json_t *array, size_t i)
{
	return json_string_value(json_array_get(array, i));
}

/* argv with an empty string and a byte that is not UTF-8: elements and bytes intact. */
static void test_argv_bytes_survive(void **state)
{
	struct sample s;
	json_t *read, *argv, *raw;

	sample_init(&s);
	s.images[1].argv = BYTES_LITERAL("a\0\0\xff\\x\0");
	s.images[1].exe = BYTES_LITERAL("/tmp/\xfe");
	read = load(&s.view);
	argv = json_object_get(read, "argv");
	raw = json_object_get(read, "argv_raw");
	assert_int_equal(json_array_size(argv), 3);
	assert_int_equal(json_array_size(raw), 3);
	assert_string_equal(text_at(argv, 1), "");
	assert_string_equal(text_at(argv, 2), "\\xff\\x");
	assert_string_equal(text_at(raw, 0), "YQ==");
	assert_string_equal(text_at(raw, 1), "");
	assert_string_equal(text_at(raw, 2), "/1x4");
	assert_string_equal(json_string_value(json_object_get(read, "exe")), "/tmp/\\xfe");
	assert_string_equal(json_string_value(json_object_get(read, "exe_raw")), "L3RtcC/+");
	assert_null(json_object_get(read, "cwd_raw"));
	json_decref(read);
}

static void test_variables(void **state)
{
	struct sample s;
	json_t *read, *env, *raw;

	(void)state;
	sample_init(&s);
	s.images[1].environ_ = BYTES_LITERAL("LANG=C\0A=b=c\0LANG=twice\0EMPTY=\0ODD\0");
	read = load(&s.view);
	env = json_object_get(read, "env");
	assert_int_equal(json_object_size(env), 4);
	assert_string_equal(json_string_value(json_object_get(env, "LANG")), "C");
	assert_string_equal(json_string_value(json_object_get(env, "A")), "b=c");
	assert_string_equal(json_string_value(json_object_get(env, "EMPTY")), "");
	assert_string_equal(json_string_value(json_object_get(env, "ODD")), "");
	assert_null(json_object_get(read, "env_raw"));
	json_decref(read);
	s.images[1].environ_ = BYTES_LITERAL("A=\xff\0B=1\0");
	read = load(&s.view);
	raw = json_object_get(read, "env_raw");
	assert_string_equal(json_string_value(json_object_get(json_object_get(read, "env"), "A")), "\\xff");
	assert_string_equal(json_string_value(json_object_get(raw, "A")), "/w==");
	assert_string_equal(json_string_value(json_object_get(raw, "B")), "MQ==");
	json_decref(read);
}

static void test_argv_known_to_be_empty(void **state)
{
	struct sample s;
	json_t *read;

	sample_init(&s);
	s.images[1].argv = BYTES_NULL;
	s.images[1].argv_bytes = 0;
	read = load(&s.view);
	assert_true(json_is_array(json_object_get(read, "argv")));
	assert_int_equal(json_array_size(json_object_get(read, "argv")), 0);
	assert_int_equal(json_integer_value(json_object_get(read, "argv_bytes")), 0);
	json_decref(read);
}

static void test_killed_by_a_signal(void **state)
{
	struct sample s;
	json_t *read, *exit;

	sample_init(&s);
	s.view.exit = (struct fact_exit){.code = -1, .signal = 11, .core = true};
	read = load(&s.view);
	exit = json_object_get(read, "exit");
	assert_true(json_is_null(json_object_get(exit, "code")));
	assert_int_equal(json_integer_value(json_object_get(exit, "signal")), 11);
	assert_true(json_is_true(json_object_get(exit, "core")));
	json_decref(read);
}

static void test_gone_without_a_witness(void **state)
{
	struct sample s;
	json_t *read, *exit;

	sample_init(&s);
	s.view.exit_known = false;
	read = load(&s.view);
	exit = json_object_get(read, "exit");
	assert_true(json_is_string(json_object_get(exit, "time")));
	assert_true(json_is_null(json_object_get(exit, "code")));
	assert_true(json_is_null(json_object_get(exit, "core")));
	assert_true(json_is_null(json_object_get(exit, "max_rss_bytes")));
	json_decref(read);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything_known),
		cmocka_unit_test(test_nothing_known),
		cmocka_unit_test(test_argv_bytes_survive),
		cmocka_unit_test(test_variables),
		cmocka_unit_test(test_argv_known_to_be_empty),
		cmocka_unit_test(test_killed_by_a_signal),
		cmocka_unit_test(test_gone_without_a_witness),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
