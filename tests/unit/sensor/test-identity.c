/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sensor/identity.h"

static void both_forms_are_read(void **state)
{
	static const uint8_t expected[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};
	static const char *const forms[] = {"01234567-89ab-cdef-fedc-ba9876543210\n", "0123456789abcdeffedcba9876543210", "0123456789ABCDEFFEDCBA9876543210\nmore"};
	uint8_t octets[16];

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		memset(octets, 0, sizeof(octets));
		assert_int_equal(host_identity_parse_uuid(forms[i], octets), 0);
		assert_memory_equal(octets, expected, sizeof(octets));
	}
}

static void what_is_none_is_refused(void **state)
{
	static const char *const wrong[] = {"", "\n", "-", "0123456789abcdeffedcba987654321", "0123456789abcdeffedcba98765432100",
					    "0123456789abcdeffedcba987654321g", "uninitialized\n", "0123456789abcdef fedcba9876543210"};
	uint8_t octets[16] = {7};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(host_identity_parse_uuid(wrong[i], octets), -EBADMSG);
	assert_int_equal(octets[0], 7); /* untouched */
}

static void this_host_is_known(void **state)
{
	char text[64] = "", digits[33] = "";
	struct host_identity identity, again;
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	(void)state;
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	(void)fclose(file);
	assert_int_equal(host_identity_read(&identity), 0);
	for (unsigned i = 0; i < 16; i++)
		(void)snprintf(digits + 2 * i, 3, "%02x", identity.boot.octets[i]);
	for (char *at = text; (at = strchr(at, '-'));)
		memmove(at, at + 1, strlen(at));
	assert_memory_equal(text, digits, 32);
	assert_true(identity.uname.release[0]);
	assert_int_equal(strlen(identity.machine_id_hex), identity.machine_id_known ? 32 : 0);
	assert_int_equal(host_identity_read(&again), 0);
	assert_memory_equal(&again.boot, &identity.boot, sizeof(again.boot));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_forms_are_read),
		cmocka_unit_test(what_is_none_is_refused),
		cmocka_unit_test(this_host_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
