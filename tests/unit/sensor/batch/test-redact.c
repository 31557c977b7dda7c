/* SPDX-License-Identifier: Apache-2.0 */
/* What is a secret in an argument list, and what only looks like one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "sensor/batch/redact.h"

/* '|' stands for the NUL that ends an argument. */
static struct bytes from_text(const char *text, char *buffer)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++)
		buffer[i] = text[i] == '|' ? '\0' : text[i];
	return bytes_make(buffer, len);
}

static void check(struct redactor *redactor, const char *before, const char *after, int places)
{
	char in[512], expected[512];
	struct fact fact = {.argv = from_text(before, in)};
	struct bytes want = from_text(after, expected);

	fact.argv_bytes = fact.argv.len;
	assert_int_equal(redactor_apply(redactor, &fact), places);
	if (!bytes_equal(fact.argv, want))
		fail_msg("%s", before);
	assert_int_equal((fact.flags & FACT_REDACTED) != 0, places != 0);
	assert_true(fact.argv_bytes >= fact.argv.len);
}

static const struct {
	const char *before, *after;
	int places;
} cases[] = {
	{"app|--password|hunter2|x|", "app|--password|***|x|", 1},
	{"app|--password=hunter2|", "app|--password=***|", 1},
	{"app|--db-password=hunter2|--token|t|", "app|--db-password=***|--token|***|", 2},
	{"env|PGPASSWORD=hunter2|psql|", "env|PGPASSWORD=***|psql|", 1},
	{"env|AWS_SECRET_ACCESS_KEY=abc|x|", "env|AWS_SECRET_ACCESS_KEY=***|x|", 1},
	{"app|--api_key=1|", "app|--api_key=***|", 1},
	{"curl|https://ada:s3cret@example.org/x?y=1|", "curl|https://ada:***@example.org/x?y=1|", 1},
	{"curl|https://ada:p@ss@example.org/|", "curl|https://ada:***@example.org/|", 1},
	{"git|clone|https://:tok@example.org/r|", "git|clone|https://:***@example.org/r|", 1},
	{"curl|-H|Authorization: Bearer abc|u|", "curl|-H|Authorization: ***|u|", 1},
	{"app|-token|abc|", "app|-token|***|", 1},
	{"app|--pass|abc|--pwd=x|", "app|--pass|***|--pwd=***|", 2},
	/* a command line inside of an argument */
	{"sh|-c|app --password hunter2  x; PGPASSWORD=a psql|", "sh|-c|app --password ***  x; PGPASSWORD=*** psql|", 2},
	{"sh|-c|curl https://a:b@c/ d|", "sh|-c|curl https://a:***@c/ d|", 1},
	{"app|--password|with blanks in it|", "app|--password|***|", 1},
	{"app|--password=with blanks|", "app|--password=***|", 1},
	/* cut in the middle of a secret: no NUL at the end */
	{"app|--password=hun", "app|--password=***", 1},
	/* these are no secrets */
	{"passwd|ada|", "passwd|ada|", 0},
	{"app|--no-password|file|", "app|--no-password|file|", 0},
	{"app|--token-file|/etc/token|", "app|--token-file|/etc/token|", 0},
	{"app|--bypass=1|", "app|--bypass=1|", 0},
	{"app|--password|--verbose|", "app|--password|--verbose|", 0},
	{"app|--password|", "app|--password|", 0},
	{"app|--password=|", "app|--password=|", 0},
	{"curl|http://example.org:8080/a@b|", "curl|http://example.org:8080/a@b|", 0},
	{"ssh|ada@example.org|", "ssh|ada@example.org|", 0},
	{"||", "||", 0},
	{"", "", 0},
};

static void secrets_are_hidden_and_nothing_else(void **state)
{
	struct redactor *redactor;
	uint64_t places = 0;

	(void)state;
	assert_int_equal(redactor_create(&redactor, NULL, 0), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		check(redactor, cases[i].before, cases[i].after, cases[i].places);
		places += (uint64_t)cases[i].places;
	}
	assert_int_equal(redactor_count(redactor), places);
	redactor_destroy(redactor);
}

static void own_names_are_secret_too(void **state)
{
	static const struct bytes names[] = {{"session-id", 10}};
	struct redactor *redactor;

	(void)state;
	assert_int_equal(redactor_create(&redactor, names, 1), 0);
	check(redactor, "app|--session_id=7|--session|9|", "app|--session_id=***|--session|9|", 1);
	redactor_destroy(redactor);
}

static void a_long_list_grows_safely(void **state)
{
	char text[4096], *at = text;
	struct redactor *redactor;
	struct fact fact = {0};

	(void)state;
	while (at < text + sizeof(text) - 4) {
		memcpy(at, "pwd=", 4); /* many short values behind secret names */
		at += 4;
	}
	fact.argv = bytes_make(text, (size_t)(at - text));
	for (size_t i = 5; i < fact.argv.len; i += 6)
		text[i] = '\0';
	assert_int_equal(redactor_create(&redactor, NULL, 0), 0);
	assert_true(redactor_apply(redactor, &fact) > 0);
	redactor_destroy(redactor);
}

/* Variables are hidden by their names; an option-like value announces nothing to the variable behind it. */
static void test_variables(void **state)
{
	struct redactor *redactor = NULL;
	struct fact fact = {.argv = BYTES_LITERAL("a\0--token=t\0"), .argv_bytes = 12};

	(void)state;
	assert_int_equal(redactor_create(&redactor, NULL, 0), 0);
	fact.environ_ = BYTES_LITERAL("API_TOKEN=x y\0OPTS=-x --password z\0LANG=C\0URL=db://u:p@h/\0");
	assert_int_equal(redactor_apply(redactor, &fact), 4);
	assert_true(bytes_equal(fact.argv, BYTES_LITERAL("a\0--token=***\0")));
	assert_true(bytes_equal(fact.environ_, BYTES_LITERAL("API_TOKEN=***\0OPTS=-x --password ***\0LANG=C\0URL=db://u:***@h/\0")));
	assert_true(fact.flags & FACT_REDACTED);
	fact = (struct fact){.environ_ = BYTES_LITERAL("LANG=C\0")};
	assert_int_equal(redactor_apply(redactor, &fact), 0);
	assert_true(bytes_equal(fact.environ_, BYTES_LITERAL("LANG=C\0")));
	assert_int_equal(fact.flags, 0);
	assert_int_equal(redactor_count(redactor), 4);
	redactor_destroy(redactor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_variables),
		cmocka_unit_test(secrets_are_hidden_and_nothing_else),
		cmocka_unit_test(own_names_are_secret_too),
		cmocka_unit_test(a_long_list_grows_safely),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
