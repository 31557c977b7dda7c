/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/proto/model/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proto/model/process.h"

static const struct boot_id boot = {
    {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10}};
#define BOOT "0123456789abcdeffedcba9876543210"

static void check_id(struct process_key key, const char *expected)
{
	char text[PROCESS_ID_MAX];

	process_id_format(&boot, key, text);
	assert_string_equal(text, expected);
}

static void test_id_format(void **state)
{
	check_id((struct process_key){.tgid = 4433, .start_ns = 0x1a2b}, BOOT "-4433-1a2b");
	check_id((struct process_key){.tgid = 1, .start_ns = 0}, BOOT "-1-0");
	check_id((struct process_key){.tgid = UINT32_MAX, .start_ns = UINT64_MAX}, BOOT "-4294967295-ffffffffffffffff");
}

static void test_ref_reads_what_format_wrote(void **state)
{
	struct process_key key = {.tgid = 4194304, .start_ns = 81234567890123};
	struct process_ref ref;
	char text[PROCESS_ID_MAX];

	process_id_format(&boot, key, text);
	assert_int_equal(process_ref_parse(bytes_from_string(text), &ref), 0);
	assert_int_equal(ref.boot_nibbles, 32);
	assert_memory_equal(ref.boot_prefix, boot.octets, 16);
	assert_true(process_key_equal(ref.key, key));
	assert_int_equal(ref.host.len, 0);
}

static void test_ref_takes_a_prefix_and_a_host(void **state)
{
	struct process_ref ref;

	assert_int_equal(process_ref_parse(BYTES_LITERAL("01234-7-fF"), &ref), 0);
	assert_int_equal(ref.boot_nibbles, 5);
	assert_memory_equal(ref.boot_prefix, "\x01\x23\x40", 3);
	assert_int_equal(ref.key.tgid, 7);
	assert_int_equal(ref.key.start_ns, 255);
	assert_int_equal(process_ref_parse(BYTES_LITERAL("web-1:4433"), &ref), 0);
	assert_int_equal(ref.boot_nibbles, 0);
	assert_true(bytes_equal(ref.host, BYTES_LITERAL("web-1")));
	assert_int_equal(ref.key.tgid, 4433);
	assert_int_equal(ref.key.start_ns, 0);
}

static void test_ref_refuses(void **state)
{
	static const char *const bad[] = {
	    "",
	    "-",
	    "--",
	    ":",
	    ":1",
	    "web:",
	    "web:0",
	    "web:x",
	    "web:4294967296",
	    "web:99999999999",
	    "012-1-1",
	    "0123-0-1",
	    "0123-1-",
	    "0123--1",
	    "0123-1-g",
	    "0123-1-10000000000000000",
	    "012g-1-1",
	    BOOT "0-1-1",
	    "0123-1",
	    "web:-1",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct process_ref ref = {.boot_nibbles = 99};

		if (process_ref_parse(bytes_from_string(bad[i]), &ref) != -EINVAL)
			fail_msg("'%s' was taken", bad[i]);
		assert_int_equal(ref.boot_nibbles, 99);
	}
}

static uint32_t device(uint32_t major, uint32_t minor)
{
	return (minor & 0xff) | major << 8 | (minor & ~0xffu) << 12;
}

static void test_tty(void **state)
{
	static const struct {
		uint32_t major, minor;
		const char *name;
	} rows[] = {
	    {0, 0, ""},
	    {136, 0, "pts/0"},
	    {136, 255, "pts/255"},
	    {136, 256, "pts/256"},
	    {137, 1, "pts/257"},
	    {136, 1048575, "pts/1048575"},
	    {4, 1, "tty1"},
	    {4, 63, "tty63"},
	    {4, 64, "ttyS0"},
	    {4, 65, "ttyS1"},
	    {5, 1, "console"},
	    {204, 64, "ttyAMA0"},
	    {229, 0, "hvc0"},
	    {188, 3, "ttyUSB3"},
	    {5, 0, "5:0"},
	    {4095, 1048575, "4095:1048575"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[32];

		process_tty_format(device(rows[i].major, rows[i].minor), text);
		assert_string_equal(text, rows[i].name);
	}
}

static void test_argv_split(void **state)
{
	struct bytes at[3];

	assert_int_equal(process_argv_split(BYTES_NULL, at, 3), 0);
	assert_int_equal(process_argv_split(BYTES_LITERAL("\0"), at, 3), 1);
	assert_int_equal(at[0].len, 0);
	assert_int_equal(process_argv_split(BYTES_LITERAL("a\0\0bc\0"), at, 3), 3);
	assert_true(bytes_equal(at[0], BYTES_LITERAL("a")));
	assert_int_equal(at[1].len, 0);
	assert_true(bytes_equal(at[2], BYTES_LITERAL("bc")));
	assert_int_equal(process_argv_split(BYTES_LITERAL("a\0cut"), at, 3), 2);
	assert_true(bytes_equal(at[1], BYTES_LITERAL("cut")));
	assert_int_equal(process_argv_split(BYTES_LITERAL("a\0b\0c\0d\0"), at, 1), 4);
	assert_int_equal(process_argv_split(BYTES_LITERAL("a\0b\0"), NULL, 0), 2);
}

static void test_duration(void **state)
{
	struct process_view p = {.self = {.tgid = 1, .start_ns = 100}, .state = PROCESS_LIVE};
	uint64_t ns = 7;

	assert_false(process_duration(&p, &ns));
	p.now_ns = 150;
	assert_true(process_duration(&p, &ns));
	assert_int_equal(ns, 50);
	p.exited = true;
	p.end_ns = 130;
	p.state = PROCESS_EXITED;
	assert_true(process_duration(&p, &ns));
	assert_int_equal(ns, 30);
	p.end_ns = 99;
	assert_false(process_duration(&p, &ns));
	p.exited = false;
	assert_false(process_duration(&p, &ns));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_id_format),
		cmocka_unit_test(test_ref_reads_what_format_wrote),
		cmocka_unit_test(test_ref_takes_a_prefix_and_a_host),
		cmocka_unit_test(test_ref_refuses),
		cmocka_unit_test(test_tty),
		cmocka_unit_test(test_argv_split),
		cmocka_unit_test(test_duration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
