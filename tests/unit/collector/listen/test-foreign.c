/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/listen/foreign.h"

static enum foreign judge(const char *text, size_t len)
{
	return foreign_judge((const uint8_t *)text, len);
}

static void frames_pass(void **state)
{
	(void)state;
	assert_int_equal(judge("", 0), FOREIGN_NOT);
	assert_int_equal(judge("\0", 1), FOREIGN_NOT);
	assert_int_equal(judge("\1\0\0\0\5hello", 10), FOREIGN_NOT);
}

static void http_is_recognised_as_soon_as_it_can_be(void **state)
{
	(void)state;
	assert_int_equal(judge("GET / HTTP/1.1\r\n", 16), FOREIGN_HTTP);
	assert_int_equal(judge("GET ", 4), FOREIGN_HTTP);
	assert_int_equal(judge("G", 1), FOREIGN_MAYBE);
	assert_int_equal(judge("P", 1), FOREIGN_MAYBE);
	assert_int_equal(judge("POST", 4), FOREIGN_MAYBE);
	assert_int_equal(judge("PRI * HTTP/2.0", 14), FOREIGN_HTTP);
	assert_int_equal(judge("GETX", 4), FOREIGN_OTHER);
	assert_int_equal(judge("get /", 5), FOREIGN_OTHER);
}

static void tls_is_recognised(void **state)
{
	(void)state;
	assert_int_equal(judge("\x16\x03\x01\x02", 4), FOREIGN_TLS);
	assert_int_equal(judge("\x16", 1), FOREIGN_MAYBE);
	assert_int_equal(judge("\x16\x07", 2), FOREIGN_OTHER);
}

static void anything_else_is_other(void **state)
{
	(void)state;
	assert_int_equal(judge("SSH-2.0-x", 9), FOREIGN_OTHER);
	assert_int_equal(judge("\xff\xfe", 2), FOREIGN_OTHER);
	assert_int_equal(judge("\2", 1), FOREIGN_OTHER);
}

static void assert_answer(const char *console, const char *part)
{
	size_t len, declared = 0;
	const char *body, *length;
	uint8_t *answer;
	char *text;

	assert_int_equal(foreign_http_answer(console, &answer, &len), 0);
	text = strndup((const char *)answer, len);
	assert_non_null(text);
	assert_non_null(strstr(text, part));
	body = strstr(text, "\r\n\r\n");
	length = strstr(text, "Content-Length: ");
	assert_non_null(body);
	assert_non_null(length);
	assert_int_equal(sscanf(length, "Content-Length: %zu", &declared), 1);
	assert_int_equal(strlen(body + 4), declared);
	free(text);
	free(answer);
}

static void the_answer_says_where_the_console_is(void **state)
{
	(void)state;
	assert_answer("127.0.0.1:7070", "http://127.0.0.1:7070/");
	assert_answer(NULL, "--http");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(frames_pass),
	    cmocka_unit_test(http_is_recognised_as_soon_as_it_can_be),
	    cmocka_unit_test(tls_is_recognised),
	    cmocka_unit_test(anything_else_is_other),
	    cmocka_unit_test(the_answer_says_where_the_console_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
