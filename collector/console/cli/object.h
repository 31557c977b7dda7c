/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the interface's JSON. Members are named by paths with dots ('exit.code'); what is absent, null or of another
 * type than asked for is 'not known' and never an error: an older or newer collector is read as far as it goes. */
#ifndef CANOPY_CONSOLE_CLI_OBJECT_H
#define CANOPY_CONSOLE_CLI_OBJECT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "canopy/bytes.h"

/* Parses a document. Returns a new reference, or NULL when it is not JSON. */
json_t *object_parse(const char *data, size_t len);

/* The member, borrowed, or NULL when it is absent or null. object may be NULL. */
json_t *object_at(const json_t *object, const char *path);

/* Strings are borrowed from the object; an unknown one has no data. */
struct bytes object_string(const json_t *object, const char *path);
bool object_int(const json_t *object, const char *path, int64_t *ret);
bool object_double(const json_t *object, const char *path, double *ret);
bool object_true(const json_t *object, const char *path);
/* Sum of an object of counts, or the one count itself; what is no number counts nothing. */
int64_t object_sum(const json_t *counts);
/* The sum of two numbers that somebody else sent: what does not fit stays at the bound. */
int64_t object_add(int64_t a, int64_t b);
/* RFC 3339 to nanoseconds since 1970. */
bool object_time(const json_t *object, const char *path, int64_t *ret);
/* An array of strings that holds word. */
bool object_has_word(const json_t *object, const char *path, const char *word);

#endif
