/* SPDX-License-Identifier: Apache-2.0 */
/* What is a secret in an argument list, and what only looks like one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sensor/batch/redact.h"

/* '|' stands for the NUL that ends an argument, '%' for a '|'. */
static struct bytes from_text(const char *text, char *buffer)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++)
		buffer[i] = text[i] == '|' ? '\0' : text[i] == '%' ? '|' : text[i];
	return bytes_make(buffer, len);
}

static const char *to_text(struct bytes list, char buffer[512])
{
	for (uint32_t i = 0; i < list.len; i++)
		buffer[i] = list.data[i] == '\0' ? '|' : list.data[i];
	buffer[list.len] = '\0';
	return buffer;
}

static void check(struct redactor *redactor, const char *before, const char *after, int places)
{
	char in[512], expected[512], shown[512];
	struct fact fact = {.argv = from_text(before, in)};
	struct bytes want = from_text(after, expected);

	fact.argv_bytes = fact.argv.len;
	assert_int_equal(redactor_apply(redactor, &fact), places);
	if (!bytes_equal(fact.argv, want))
		fail_msg("%s gave %s", before, to_text(fact.argv, shown));
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
	/* user info of URLs */
	{"git|clone|https://ghp_0a1b@github.com/x/y.git|", "git|clone|https://***@github.com/x/y.git|", 1},
	{"curl|https://sk_live_1:@api.example.org/|", "curl|https://***@api.example.org/|", 1},
	{"git|clone|https://ghp_0a1b:x-oauth-basic@github.com/x|", "git|clone|https://***@github.com/x|", 1},
	{"app|https://key@sentry.example.org/1|", "app|https://***@sentry.example.org/1|", 1},
	{"curl|https://a:b@[::1]:80/x@y|", "curl|https://a:***@[::1]:80/x@y|", 1},
	{"git|clone|ssh://git:pw@h/x|", "git|clone|ssh://git:***@h/x|", 1},
	{"app|--url=amqp://u:p@h,amqp://u:q@h/|", "app|--url=amqp://u:***@h,amqp://u:***@h/|", 2},
	{"app|amqp://u:p@h/,amqp://u:q@h/|", "app|amqp://u:***@h/,amqp://u:***@h/|", 2},
	{"app|mongodb://u:p@h,u:q@h/|", "app|mongodb://u:***@h/|", 1}, /* the last '@' counts: a password may hold one */
	{"app|https://t@h/,https://t2@h/?token=x&y=1|", "app|https://***@h/,https://***@h/?token=***&y=1|", 3},
	{"app|{\"url\":\"https://u:p@h\",\"mail\":\"a@b\"}|", "app|{\"url\":\"https://u:***@h\",\"mail\":\"a@b\"}|", 1},
	{"sh|-c|git push 'https://t@h'; mail a@b|", "sh|-c|git push 'https://***@h'; mail a@b|", 1},
	{"sh|-c|curl \"${S}://u:p@h/\"|", "sh|-c|curl \"${S}://u:***@h/\"|", 1},
	/* headers: to the closing quote, or to the end */
	{"sh|-c|curl -H \"Authorization: Bearer x\" http://h/|", "sh|-c|curl -H \"Authorization: ***\" http://h/|", 1},
	{"sh|-c|curl -H 'authorization: Basic x y' u|", "sh|-c|curl -H 'authorization: ***' u|", 1},
	{"sh|-c|curl -H 'Authorization:Bearer x' u|", "sh|-c|curl -H 'Authorization:***' u|", 1},
	{"sh|-c|curl -H Authorization: Bearer x|", "sh|-c|curl -H Authorization: ***|", 1},
	{"sh|-c|curl -H Authorization:\\ Bearer\\ x u|", "sh|-c|curl -H Authorization:*** u|", 1},
	{"sh|-c|echo 'a' Authorization: Bearer x\nls|", "sh|-c|echo 'a' Authorization: ***\nls|", 1},
	{"sh|-c|sh -c 'curl -H \"Authorization: Bearer x\" u' v|", "sh|-c|sh -c 'curl -H \"Authorization: ***\" u' v|", 1},
	{"sh|-c|sh -c \"curl -H \\\"Authorization: Bearer x\\\" u\" v|", "sh|-c|sh -c \"curl -H \\\"Authorization: ***\\\" u\" v|", 1},
	{"curl|-HAuthorization: Bearer x|", "curl|-HAuthorization: ***|", 1},
	{"curl|--header=Authorization: Bearer x|", "curl|--header=Authorization: ***|", 1},
	{"sh|-c|curl --header=\"X-Api-Key: x y\" u|", "sh|-c|curl --header=\"X-Api-Key: ***\" u|", 1},
	{"app|-c|it's a token: x y|", "app|-c|it's a token: ***|", 1},
	/* where a command begins inside of a word */
	{"sh|-c|a;PGPASSWORD=x|", "sh|-c|a;PGPASSWORD=***|", 1},
	{"sh|-c|a;PGPASSWORD=x;b|", "sh|-c|a;PGPASSWORD=***;b|", 1},
	{"sh|-c|a&&PGPASSWORD=x psql&|", "sh|-c|a&&PGPASSWORD=*** psql&|", 1},
	{"sh|-c|a%PGPASSWORD=x psql|", "sh|-c|a%PGPASSWORD=*** psql|", 1},
	{"sh|-c|(PGPASSWORD=x psql)|", "sh|-c|(PGPASSWORD=*** psql)|", 1},
	{"sh|-c|a=$(TOKEN=x b)|", "sh|-c|a=$(TOKEN=*** b)|", 1},
	{"sh|-c|a=`TOKEN=x b` c|", "sh|-c|a=`TOKEN=*** b` c|", 1},
	{"sh|-c|a=${TOKEN:-x} c|", "sh|-c|a=${TOKEN:*** c|", 1},
	{"sh|-c|a `app --token x`|", "sh|-c|a `app --token ***`|", 1},
	{"sh|-c|(app --token x) b|", "sh|-c|(app --token *** b|", 1},
	/* quotes, and blanks in values */
	{"sh|-c|app \"--password=x\" y|", "sh|-c|app \"--password=***\" y|", 1},
	{"sh|-c|app \"--password=a b\" y|", "sh|-c|app \"--password=***\" y|", 1},
	{"sh|-c|app --password=\"a b\" y|", "sh|-c|app --password=*** y|", 1},
	{"sh|-c|app --password \"a b\" y|", "sh|-c|app --password *** y|", 1},
	{"sh|-c|app \"--password\" \"a b\" y|", "sh|-c|app \"--password\" *** y|", 1},
	{"sh|-c|app --password \\\n x y|", "sh|-c|app --password \\\n *** y|", 1},
	{"sh|-c|app;PASSWORD='a b' psql|", "sh|-c|app;PASSWORD=*** psql|", 1},
	{"sh|-c|app;PASSWORD='a b'c\"d e\"f\\ g psql|", "sh|-c|app;PASSWORD=*** psql|", 1},
	{"sh|-c|app;PASSWORD=\"a\\\" b\" psql|", "sh|-c|app;PASSWORD=*** psql|", 1},
	{"sh|-c|ssh h \"psql;PASSWORD='a b' x\" y|", "sh|-c|ssh h \"psql;PASSWORD=*** x\" y|", 1},
	{"sh|-c|ssh h \"psql;PASSWORD=x\" y|", "sh|-c|ssh h \"psql;PASSWORD=***\" y|", 1},
	{"sh|-c|echo don't;app --password='a b'|", "sh|-c|echo don't;app --password=***|", 1},
	{"sh|-c|app --password='a b|", "sh|-c|app --password=***|", 1}, /* never closed */
	{"app|-o|username=u,password=a,b|", "app|-o|username=u,password=***|", 1},
	{"app|--from-literal=password=x|", "app|--from-literal=password=***|", 1},
	{"app|Server=h;Password=x;Pooling=1|", "app|Server=h;Password=***;Pooling=1|", 1},
	{"psql|host=h password = x user=u|", "psql|host=h password = *** user=u|", 1},
	/* JSON and programs */
	{"curl|-d|{\"password\": \"a b\",\"c\":1}|", "curl|-d|{\"password\": ***,\"c\":1}|", 1},
	{"curl|-d|{\"c\":{\"token\":7,\"d\":1}}|", "curl|-d|{\"c\":{\"token\":***,\"d\":1}}|", 1},
	{"curl|-d|{\"auth\":{\"token\": \"x\"}}|", "curl|-d|{\"auth\":{\"token\": ***}}|", 1},
	{"curl|-d|{\"token\":[\"x\", \"y\"],\"c\":1}|", "curl|-d|{\"token\":***,\"c\":1}|", 1},
	{"sh|-c|curl -d \"{\\\"token\\\": \\\"a b\\\", \\\"c\\\": 1}\"|", "sh|-c|curl -d \"{\\\"token\\\": ***, \\\"c\\\": 1}\"|", 1},
	{"perl|-e|f(password => 'a b', c => 1)|", "perl|-e|f(password => ***, c => 1)|", 1},
	{"app|-e|x; token := \"a b\"; y|", "app|-e|x; token := ***; y|", 1},
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
	{"git|clone|git@github.com:x/y|", "git|clone|git@github.com:x/y|", 0},
	{"git|clone|ssh://git@github.com/x/y|", "git|clone|ssh://git@github.com/x/y|", 0},
	{"git|clone|SSH://git:@h/x|", "git|clone|SSH://git:@h/x|", 0},
	{"pip|install|git+ssh://git@h/x@v1|", "pip|install|git+ssh://git@h/x@v1|", 0},
	{"svn|co|svn+ssh://ada@h/x|sftp://ada@h/|", "svn|co|svn+ssh://ada@h/x|sftp://ada@h/|", 0},
	{"virsh|-c|qemu+ssh://root@h/system|", "virsh|-c|qemu+ssh://root@h/system|", 0},
	{"go|get|http://h/path@v1|https://h?x=a@b|https://h#a@b|", "go|get|http://h/path@v1|https://h?x=a@b|https://h#a@b|", 0},
	{"app|https://@h/|https://:@h/|unix://@x|file:///a@b|", "app|https://@h/|https://:@h/|unix://@x|file:///a@b|", 0},
	{"skopeo|docker://u:s3cret@r.io@sha256:0a|", "skopeo|docker://u:***@r.io@sha256:0a|", 1},
	{"skopeo|docker://alpine:3@sha256:0a|docker://r.io/a@sha256:0a|", "skopeo|docker://alpine:3@sha256:0a|docker://r.io/a@sha256:0a|", 0},
	{"sh|-c|curl 'http://h'; mail ada@example.org|", "sh|-c|curl 'http://h'; mail ada@example.org|", 0},
	{"docker|run|-v|/run/secret:/run/secret:ro|r.io/token:1|", "docker|run|-v|/run/secret:/run/secret:ro|r.io/token:1|", 0},
	{"curl|http://auth:8080/|secret://a/b|", "curl|http://auth:8080/|secret://a/b|", 0},
	{"ruby|-e|App::Token::new|", "ruby|-e|App::Token::new|", 0},
	{"sh|-c|[ $TOKEN = x ] && [ token == x ]|", "sh|-c|[ $TOKEN = x ] && [ token == x ]|", 0},
	{"sh|-c|app --password; b --token && c --pass % d|", "sh|-c|app --password; b --token && c --pass % d|", 0},
	{"sh|-c|app --password --verbose; passwd ada|", "sh|-c|app --password --verbose; passwd ada|", 0},
	{"app|--password-file=/etc/x|/etc/secret=1|a/password=1|", "app|--password-file=/etc/x|/etc/secret=1|a/password=1|", 0},
	{"kubectl|get|secret|x|--token-ttl=1h|", "kubectl|get|secret|x|--token-ttl=1h|", 0},
	{"sh|-c|a 'auth:\n' \"token\" b|", "sh|-c|a 'auth:***' \"token\" b|", 1},
	{"\xff\xfe://\xff@|", "\xff\xfe://***@|", 1}, /* bytes, not text */
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

/* Wherever the kernel cuts an argument list, no byte of a secret is left: here each is made of 'Q's. */
static void cut_anywhere_nothing_is_left(void **state)
{
	static const char *const lists[] = {
		"app|--password|QQ|--url=https://QQQ@h/|https://u:QQ@h/?token=QQ&a=1|",
		"sh|-c|curl -H \"Authorization: Q Q\" -d '{\"token\": \"Q Q\", \"a\": [1]}' --password='Q Q'Q https://u:Q@Q@h|",
		"sh|-c|(PGPASSWORD=Q psql);a --token \"Q Q\"; sh -c 'b \"--pass=Q Q\"'|",
		"sh|-c|ssh h \"curl -H \\\"Authorization: Q Q\\\" -d \\\"{\\\\\\\"token\\\\\\\": \\\\\\\"Q Q\\\\\\\"}\\\"\"|",
	};
	struct redactor *redactor;
	char in[512], shown[512];

	(void)state;
	assert_int_equal(redactor_create(&redactor, NULL, 0), 0);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		for (size_t len = 0; len <= strlen(lists[i]); len++) {
			struct fact fact = {.flags = FACT_ARGV_TRUNCATED};

			fact.argv = bytes_make(from_text(lists[i], in).data, len);
			assert_true(redactor_apply(redactor, &fact) >= 0);
			if (fact.argv.len && memchr(fact.argv.data, 'Q', fact.argv.len))
				fail_msg("%.*s gave %s", (int)len, lists[i], to_text(fact.argv, shown));
		}
	}
	redactor_destroy(redactor);
}

/* Whatever the bytes are, they are read once: what is read behind them, or written beyond the room, a sanitizer tells. */
static void any_bytes_are_taken(void **state)
{
	static const char alphabet[] = "token=:-'\"\\`;&/@ {[(,?#\n$x|%";
	struct redactor *redactor;
	uint32_t random = 1;

	(void)state;
	assert_int_equal(redactor_create(&redactor, NULL, 0), 0);
	for (unsigned round = 0; round < 20000; round++) {
		size_t len = round % 61;
		char *text = malloc(len + 1);
		struct fact fact = {.flags = round & 1 ? FACT_ARGV_TRUNCATED : 0};

		assert_non_null(text);
		for (size_t i = 0; i < len; i++) {
			random = random * 1664525u + 1013904223u;
			if (random >> 28 == 0 && len - i > 6)
				memcpy(text + i, "token=", 6), i += 5;
			else
				text[i] = alphabet[(random >> 16) % (sizeof(alphabet) - 1)];
		}
		for (size_t i = 0; i < len; i++)
			text[i] = text[i] == '|' ? '\0' : text[i];
		fact.argv = bytes_make(text, len);
		assert_true(redactor_apply(redactor, &fact) >= 0);
		free(text);
	}
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
		cmocka_unit_test(cut_anywhere_nothing_is_left),
		cmocka_unit_test(any_bytes_are_taken),
		cmocka_unit_test(own_names_are_secret_too),
		cmocka_unit_test(a_long_list_grows_safely),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
