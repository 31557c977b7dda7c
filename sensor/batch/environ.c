/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/batch/environ.h"

#include <stdbool.h>

static bool wanted(struct bytes entry, const struct bytes *names, size_t count)
{
	const char *equals = entry.len ? memchr(entry.data, '=', entry.len) : NULL;

	for (size_t i = 0; equals && i < count; i++) {
		if (bytes_equal(bytes_make(entry.data, (size_t)(equals - entry.data)), names[i]))
			return true;
	}
	return false;
}

struct bytes environ_pick(struct bytes list, const struct bytes *names, size_t count, char *to)
{
	size_t picked = 0;

	for (uint32_t at = 0; at < list.len;) {
		const char *end = memchr(list.data + at, '\0', list.len - at);
		uint32_t len = end ? (uint32_t)(end - list.data) - at : list.len - at;

		if (wanted(bytes_make(list.data + at, len), names, count)) {
			memcpy(to + picked, list.data + at, len + (end != NULL));
			picked += len + (end != NULL);
		}
		at += len + 1;
	}
	return bytes_make(to, picked);
}
