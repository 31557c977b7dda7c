/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/proto/model/unit.h"

#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

#include "collector/console/filter/regex.h"

static bool matches(struct bytes pattern, struct bytes text)
{
	struct arena arena = ARENA_NULL;
	struct regex *regex;
	const char *why = NULL;
	uint32_t at;
	bool result;
	int r = regex_compile(&regex, &arena, pattern, &why, &at);

	if (r != 0)
		fail_msg("'%.*s' gave %d: %s", (int)pattern.len, pattern.data, r, why);
	result = regex_match(regex, text);
	assert_int_equal(regex_match(regex, text), result); /* nothing of the first time is left over */
	arena_finish(&arena);
	return result;
}

static const struct {
	const char *pattern, *text;
	bool matches;
} syntax_rows[] = {
    {"", "", true},
    {"", "a", false},
    {"abc", "abc", true},
    {"abc", "xabcx", false},
    {".*abc.*", "xabcx", true},
    {"a.c", "abc", true},
    {"a.c", "a\nc", false},
    {"a*", "", true},
    {"a*", "aaaa", true},
    {"a*", "ab", false},
    {"a+", "", false},
    {"a+", "aa", true},
    {"ab?c", "ac", true},
    {"ab?c", "abbc", false},
    {"a|b", "b", true},
    {"a|b|c", "c", true},
    {"a|b|c", "d", false},
    {"ab|cd", "abd", false},
    {"(ab|cd)+", "abcdab", true},
    {"(ab|cd)+", "abc", false},
    {"(?:ab)*", "abab", true},
    {"()", "", true},
    {"(|a)b", "b", true},
    {"a||b", "", true},
    {"a{3}", "aaa", true},
    {"a{3}", "aa", false},
    {"a{2,3}", "aaaa", false},
    {"a{2,3}", "aa", true},
    {"a{2,}", "a", false},
    {"a{2,}", "aaaaa", true},
    {"a{0}", "", true},
    {"a{0}", "a", false},
    {"a{0,}", "", true},
    {"a{,3}", "a{,3}", true},
    {"a{x", "a{x", true},
    {"(a{2}){2}", "aaaa", true},
    {"(a{2}){2}", "aaa", false},
    {"[abc]+", "cab", true},
    {"[^abc]", "d", true},
    {"[^abc]", "a", false},
    {"[a-c]", "b", true},
    {"[a-]", "-", true},
    {"[]a]", "]", true},
    {"[^]a]", "]", false},
    {"[\\d_]+", "1_2", true},
    {"[\\]]", "]", true},
    {"\\d+", "0129", true},
    {"\\D", "1", false},
    {"\\D", "x", true},
    {"\\w+", "aZ_9", true},
    {"\\W", "-", true},
    {"\\W", "a", false},
    {"\\s", "\t", true},
    {"\\S", " ", false},
    {"\\S", "\xe2\x82\xac", true},
    {"\\.", ".", true},
    {"\\.", "x", false},
    {"\\x41", "A", true},
    {"\\n", "\n", true},
    {"^abc$", "abc", true},
    {"a^b", "ab", false},
    {"a$|b", "a", true},
    {"\\Aab\\z", "ab", true},
    {"a\\b b", "a b", true},
    {"a\\bb", "ab", false},
    {"a\\Bb", "ab", true},
    {".*\\bcat\\b.*", "the cat sat", true},
    {".*\\bcat\\b.*", "concatenate", false},
    {"(?i)abc", "aBC", true},
    {"(?i)[a-c]+", "AbC", true},
    {"(?i)[^a]", "A", false},
    {"abc", "ABC", false},
    {".", "\xe2\x82\xac", true},
    {"\xe2\x82\xac+", "\xe2\x82\xac\xe2\x82\xac", true},
    {"[\xe2\x82\xac]", "\xe2\x82\xac", true},
    {".", "\xff", true},
    {"..", "\xff\xfe", true},
    {"a*?b", "aab", true},
    {"(a*)*", "aaa", true},
    {"(a*)*b", "aac", false},
    {"(a|a)*", "aa", true},
    {"(^)*a", "a", true},
    {"(a?){3}", "aa", true},
};

static void test_syntax(void **state)
{
	for (size_t i = 0; i < sizeof(syntax_rows) / sizeof(syntax_rows[0]); i++)
		if (matches(bytes_from_string(syntax_rows[i].pattern), bytes_from_string(syntax_rows[i].text)) != syntax_rows[i].matches)
			fail_msg("'%s' regex '%s' is not %d", syntax_rows[i].text, syntax_rows[i].pattern, syntax_rows[i].matches);
}

static void test_refused(void **state)
{
	static const struct {
		const char *pattern;
		uint32_t at;
	} rows[] = {
	    {"(", 1},       {"a)", 1},     {"[a", 2},
	    {"[", 1},       {"*", 0},      {"a|*", 2},
	    {"a\\", 2},     {"\\q", 2},    {"\\1", 2},
	    {"(?=a)", 2},   {"[z-a]", 4},  {"[a-\\d]", 5},
	    {"a{1001}", 7}, {"a{3,2}", 6}, {"a{99999999999}", 14},
	    {"\\x4", 2},    {"[\\q]", 3},  {"(a{100}){100}", 13},
	};
	char deep[200];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena arena = ARENA_NULL;
		struct regex *regex = NULL;
		const char *why = NULL;
		uint32_t at = 99;

		assert_int_equal(regex_compile(&regex, &arena, bytes_from_string(rows[i].pattern), &why, &at), -EINVAL);
		assert_null(regex);
		assert_non_null(why);
		if (at != rows[i].at)
			fail_msg("'%s' fails at %u, expected %u (%s)", rows[i].pattern, at, rows[i].at, why);
		arena_finish(&arena);
	}
	for (size_t i = 0; i < sizeof(deep); i++)
		deep[i] = i < 100 ? '(' : ')';
	{
		struct arena arena = ARENA_NULL;
		struct regex *regex;
		const char *why;
		uint32_t at;

		assert_int_equal(regex_compile(&regex, &arena, bytes_make(deep, sizeof(deep)), &why, &at), -EINVAL);
		arena_finish(&arena);
	}
}

/* Patterns on which a backtracking matcher takes longer than anyone waits: here they end at once. */
static void test_no_blow_up(void **state)
{
	char text[5000];
	static const char *const patterns[] = {"(a*)*b", "(a|a)*b", "(a|aa)+b", "(.*)*(.*)*(.*)*x", "(a?){300}a{300}b"};

	memset(text, 'a', sizeof(text));
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		assert_false(matches(bytes_from_string(patterns[i]), bytes_make(text, sizeof(text))));
}

/* POSIX regcomp as the judge, on random patterns of the syntax that both know; texts are short, so that its
 * backtracking ends. */
static void random_pattern(unsigned *seed, char *out)
{
	static const char *const pieces[] = {"a",     "b", "c",    "a*",   "b+",      "c?",   "(ab)",     "(a|b)",
					     "(bc)*", ".", "[ab]", "[^a]", "(a|bc)+", "b{2}", "(ab){1,2}"};
	unsigned count = 1 + (unsigned)rand_r(seed) % 4;

	out[0] = '\0';
	for (unsigned i = 0; i < count; i++) {
		(void)strcat(out, pieces[(unsigned)rand_r(seed) % (sizeof(pieces) / sizeof(pieces[0]))]);
		if (i + 1 < count && rand_r(seed) % 5 == 0)
			(void)strcat(out, "|");
	}
}

static void test_against_posix(void **state)
{
	unsigned seed = 7;

	for (int round = 0; round < 3000; round++) {
		char pattern[128], anchored[140];
		regex_t judge;

		random_pattern(&seed, pattern);
		(void)snprintf(anchored, sizeof(anchored), "^(%s)$", pattern);
		assert_int_equal(regcomp(&judge, anchored, REG_EXTENDED | REG_NOSUB), 0);
		for (int i = 0; i < 10; i++) {
			char text[8];
			int len = rand_r(&seed) % 7;

			for (int k = 0; k < len; k++)
				text[k] = "abc"[rand_r(&seed) % 3];
			text[len] = '\0';
			if (matches(bytes_from_string(pattern), bytes_from_string(text)) !=
			    (regexec(&judge, text, 0, NULL, 0) == 0))
				fail_msg("'%s' regex '%s'", text, pattern);
		}
		regfree(&judge);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_syntax),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_no_blow_up),
		cmocka_unit_test(test_against_posix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
