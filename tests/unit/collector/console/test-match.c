/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/proto/model/unit.h"

#include <stdlib.h>

#include "collector/console/filter/match.h"

static void test_glob(void **state)
{
	static const struct {
		const char *text, *pattern;
		bool matches;
	} rows[] = {
	    {"", "", true},
	    {"", "*", true},
	    {"", "?", false},
	    {"a", "", false},
	    {"abc", "abc", true},
	    {"abc", "ab", false},
	    {"ab", "abc", false},
	    {"abc", "*", true},
	    {"abc", "a*", true},
	    {"abc", "*c", true},
	    {"abc", "a*c", true},
	    {"abc", "a*b", false},
	    {"abc", "?b?", true},
	    {"/usr/bin/curl", "/usr/*", true},
	    {"/usr/bin/curl", "/usr/*/curl", true},
	    {"/usr/bin/curl", "*bin*", true},
	    {"aXbXc", "*X*X*", true},
	    {"aXbc", "*X*X*", false},
	    {"aaab", "*aab", true},
	    {"a*c", "a\\*c", true},
	    {"abc", "a\\*c", false},
	    {"b", "[abc]", true},
	    {"d", "[abc]", false},
	    {"d", "[!abc]", true},
	    {"m", "[a-z]", true},
	    {"M", "[a-z]", false},
	    {"-", "[a-]", true},
	    {"]", "[]]", true},
	    {"[", "[", true},
	    {"[a", "[a", true},
	    {"a", "[^a]", false},
	    {"\xe2\x82\xac", "?", true},
	    {"\xe2\x82\xac", "[\xe2\x82\xab-\xe2\x82\xad]", true},
	    {"\xff", "?", true},
	    {"\xff\xfe", "?", false},
	    {"a\\", "a\\", true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (match_glob(bytes_from_string(rows[i].text), bytes_from_string(rows[i].pattern)) != rows[i].matches)
			fail_msg("'%s' glob '%s' is not %d", rows[i].text, rows[i].pattern, rows[i].matches);
}

/* The plainest possible glob as the judge, on all short texts and patterns over a small alphabet. */
static bool naive(const char *t, const char *p)
{
	if (*p == '\0')
		return *t == '\0';
	if (*p == '*')
		return naive(t, p + 1) || (*t && naive(t + 1, p));
	return *t && (*p == '?' || *p == *t) && naive(t + 1, p + 1);
}

static void write_number(unsigned number, unsigned base, const char *alphabet, char *out)
{
	for (; number; number /= base + 1)
		if (number % (base + 1))
			*out++ = alphabet[number % (base + 1) - 1];
	*out = '\0';
}

static void test_glob_against_the_naive_one(void **state)
{
	for (unsigned t = 0; t < 243; t++) {
		for (unsigned p = 0; p < 3125; p++) {
			char text[16], pattern[16];

			write_number(t, 2, "ab", text);
			write_number(p, 4, "ab*?", pattern);
			if (match_glob(bytes_from_string(text), bytes_from_string(pattern)) != naive(text, pattern))
				fail_msg("'%s' glob '%s'", text, pattern);
		}
	}
}

static void test_substrings(void **state)
{
	struct bytes text = BYTES_LITERAL("/usr/Bin\0-s\0");

	assert_true(match_contains(text, BYTES_LITERAL("Bin")));
	assert_false(match_contains(text, BYTES_LITERAL("bin")));
	assert_true(match_contains(text, BYTES_NULL));
	assert_false(match_contains(BYTES_NULL, text));
	assert_true(match_icontains(text, BYTES_LITERAL("bIN -S")));
	assert_false(match_icontains(text, BYTES_LITERAL("bin-s")));
	assert_true(match_icontains(BYTES_NULL, BYTES_NULL));
	assert_false(match_icontains(BYTES_LITERAL("ab"), BYTES_LITERAL("abc")));
	assert_true(match_startswith(text, BYTES_LITERAL("/usr")));
	assert_false(match_startswith(text, BYTES_LITERAL("usr")));
	assert_true(match_endswith(BYTES_LITERAL("a.sh"), BYTES_LITERAL(".sh")));
	assert_false(match_endswith(BYTES_LITERAL("sh"), BYTES_LITERAL(".sh")));
	assert_true(match_endswith(BYTES_NULL, BYTES_NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_glob),
		cmocka_unit_test(test_glob_against_the_naive_one),
		cmocka_unit_test(test_substrings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
