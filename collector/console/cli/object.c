/* SPDX-License-Identifier: Apache-2.0 */
/* jansson does the reading; its integers are signed 64 bit, which holds every number of the interface. */
#include <string.h>

#include "collector/console/cli/object.h"
#include "collector/console/cli/timefmt.h"

#define KEY_MAX 64

json_t *object_parse(const char *data, size_t len)
{
	/* jansson passes over a NUL behind a number: what is written out as it came would be no JSON */
	if (len && memchr(data, '\0', len))
		return NULL;
	return json_loadb(data ? data : "", len, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
}

json_t *object_at(const json_t *object, const char *path)
{
	const json_t *at = object;
	char key[KEY_MAX];

	while (at) {
		size_t len = strcspn(path, ".");

		if (len >= sizeof(key))
			return NULL;
		memcpy(key, path, len);
		key[len] = '\0';
		at = json_object_get(at, key);
		if (!path[len])
			break;
		path += len + 1;
	}
	return at && !json_is_null(at) ? (json_t *)at : NULL;
}

struct bytes object_string(const json_t *object, const char *path)
{
	const json_t *value = object_at(object, path);

	return json_is_string(value) ? bytes_make(json_string_value(value), json_string_length(value)) : BYTES_NULL;
}

bool object_int(const json_t *object, const char *path, int64_t *ret)
{
	const json_t *value = object_at(object, path);

	if (!json_is_integer(value))
		return false;
	*ret = json_integer_value(value);
	return true;
}

bool object_double(const json_t *object, const char *path, double *ret)
{
	const json_t *value = object_at(object, path);

	if (!json_is_number(value))
		return false;
	*ret = json_number_value(value);
	return true;
}

bool object_true(const json_t *object, const char *path)
{
	return json_is_true(object_at(object, path));
}

int64_t object_add(int64_t a, int64_t b)
{
	int64_t sum;

	return !__builtin_add_overflow(a, b, &sum) ? sum : a < 0 ? INT64_MIN : INT64_MAX;
}

int64_t object_sum(const json_t *counts)
{
	int64_t sum = json_integer_value(counts);
	const char *key;
	json_t *count;

	/* the cast drops const for a macro of jansson that only reads */
	if (json_is_object(counts))
		json_object_foreach((json_t *)counts, key, count)
			sum = object_add(sum, json_integer_value(count));
	return sum;
}

bool object_time(const json_t *object, const char *path, int64_t *ret)
{
	struct bytes value = object_string(object, path);

	/* the string is a C string as well, and a NUL inside only makes it unreadable as a time */
	return value.data && value.data[strspn(value.data, "0123456789")] == '-' &&
	       timefmt_parse(value.data, 0, ret) == 0;
}

bool object_has_word(const json_t *object, const char *path, const char *word)
{
	const json_t *list = object_at(object, path), *item;
	size_t i;

	if (!json_is_array(list))
		return false;
	json_array_foreach(list, i, item)
		if (json_is_string(item) && strcmp(json_string_value(item), word) == 0)
			return true;
	return false;
}
