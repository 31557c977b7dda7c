/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "collector/console/cli/capability.h"

static void test_names(void **state)
{
	static const char *const rows[][2] = {
		{"0000000000000000", "none"},
		{"000001ffffffffff", "all"},
		{"0000003fffffffff", "all"}, /* of a kernel that knows 38 */
		{"0000000000000400", "net_bind_service"},
		{"0000000000003000", "net_admin net_raw"},
		{"000001fffffeffff", "all but sys_module"},
		{"8000000000000001", "chown 63"},
		{"", "none"},
		{"zz", "none"},
	};
	struct text out = TEXT_NULL;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		capability_add_names(bytes_from_string(rows[i][0]), &out);
		assert_text(&out, rows[i][1]);
	}
	text_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_names)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
