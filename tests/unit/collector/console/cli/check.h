/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the command line share. */
#ifndef CANOPY_TEST_CLI_CHECK_H
#define CANOPY_TEST_CLI_CHECK_H

/* cmocka wants these before itself */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "collector/console/cli/object.h"
#include "collector/console/cli/text.h"

/* The content is expected; the text is emptied for the next use. */
#define assert_text(text, expected) \
	do { \
		assert_false((text)->failed); \
		assert_string_equal(text_string(text), (expected)); \
		text_reset(text); \
	} while (0)

/* A document written with single quotes, so that it can be read between double ones. */
static inline json_t *sample(const char *text)
{
	char *json = strdup(text);
	json_t *object;

	assert_non_null(json);
	for (char *p = json; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	object = object_parse(json, strlen(json));
	assert_non_null(object);
	free(json);
	return object;
}

/* Tests of widths need the tables of a UTF-8 locale; C.UTF-8 is part of every libc since 2.35. */
static inline int use_utf8(void **state)
{
	(void)state;
	return setlocale(LC_CTYPE, "C.UTF-8") ? 0 : -1;
}

#endif
