/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sensor/batch/environ.h"

static const struct bytes names[] = {BYTES_LITERAL("LANG"), BYTES_LITERAL("HOME")};

/* '|' stands for the NUL that ends an entry. */
static const struct {
	const char *all, *picked;
} cases[] = {
	{"", ""},
	{"LANG=C|", "LANG=C|"},
	{"A=1|LANG=C|B=2|HOME=/root|", "LANG=C|HOME=/root|"},
	{"LANG=|LANG=twice|", "LANG=|LANG=twice|"},
	{"LANG=C", "LANG=C"}, /* cut in the middle of its value */
	{"LANG=C|HOM", "LANG=C|"},
	{"LANGUAGE=de|XLANG=C|lang=C|LANG|=LANG|", ""},
	{"A=LANG=C|", ""},
	{"||LANG=a b=c|", "LANG=a b=c|"},
};

static struct bytes from_text(const char *text, char *buffer)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++)
		buffer[i] = text[i] == '|' ? '\0' : text[i];
	return bytes_make(buffer, len);
}

static void test_pick(void **state)
{
	char all[128], expected[128], to[128];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bytes want = from_text(cases[i].picked, expected);

		if (!bytes_equal(environ_pick(from_text(cases[i].all, all), names, 2, to), want))
			fail_msg("%s", cases[i].all);
	}
}

static void test_nothing_is_wanted(void **state)
{
	char to[8];

	(void)state;
	assert_int_equal(environ_pick(BYTES_LITERAL("LANG=C"), names, 0, to).len, 0);
	assert_int_equal(environ_pick(BYTES_NULL, names, 2, to).len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pick),
		cmocka_unit_test(test_nothing_is_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
