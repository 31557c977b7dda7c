/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/lake/cpid.h"

/* The worked example of the specification: boot 2899dae4-…, namespace 4026532263, 55558 ticks, tgid 29. */
static const struct boot_id boot = {
	{0x28, 0x99, 0xda, 0xe4, 0x4f, 0xa4, 0x4e, 0xef, 0x95, 0xb6, 0x6b, 0xc9, 0x53, 0x25, 0xf6, 0x1a}};

static void test_specification(void **state)
{
	char text[CPID_MAX];

	assert_int_equal(cpid_format(&boot, 4026532263u, 555580000000ull, 29, BYTES_LITERAL("x86_64"), text), 0);
	assert_string_equal(text, "b770a0ed-8463-822c-b5f6-30d9081ddbd9");
	/* the rest of a tick does not count: /proc shows whole ticks only */
	assert_int_equal(cpid_format(&boot, 4026532263u, 555589999999ull, 29, BYTES_NULL, text), 0);
	assert_string_equal(text, "b770a0ed-8463-822c-b5f6-30d9081ddbd9");
}

static void test_each_part_counts(void **state)
{
	struct boot_id other = boot;
	char text[5][CPID_MAX];

	other.octets[15] ^= 1;
	assert_int_equal(cpid_format(&other, 4026532263u, 555580000000ull, 29, BYTES_NULL, text[0]), 0);
	assert_int_equal(cpid_format(&boot, 4026532264u, 555580000000ull, 29, BYTES_NULL, text[1]), 0);
	assert_int_equal(cpid_format(&boot, 4026532263u, 555590000000ull, 29, BYTES_NULL, text[2]), 0);
	assert_int_equal(cpid_format(&boot, 4026532263u, 555580000000ull, 30, BYTES_NULL, text[3]), 0);
	assert_int_equal(cpid_format(&boot, 4026532263u, 555580000000ull, 29, BYTES_LITERAL("s390x"), text[4]), 0);
	for (int i = 0; i < 5; i++) {
		assert_string_not_equal(text[i], "b770a0ed-8463-822c-b5f6-30d9081ddbd9");
		assert_int_equal(text[i][14], '8');
		assert_non_null(strchr("89ab", text[i][19]));
		for (int j = 0; j < i; j++)
			assert_string_not_equal(text[i], text[j]);
	}
}

static void test_uuid(void **state)
{
	char text[CPID_MAX];

	cpid_uuid_format(boot.octets, text);
	assert_string_equal(text, "2899dae4-4fa4-4eef-95b6-6bc95325f61a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_specification),
		cmocka_unit_test(test_each_part_counts),
		cmocka_unit_test(test_uuid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
