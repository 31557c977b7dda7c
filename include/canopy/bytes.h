/* SPDX-License-Identifier: Apache-2.0 */
/* A borrowed run of bytes. What comes from a process (paths, arguments) need not be UTF-8 and may
 * hold any byte, so it travels with its length and is never handed to a function that wants a C string. */
#ifndef CANOPY_BYTES_H
#define CANOPY_BYTES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct bytes {
	const char *data; /* borrowed; may be NULL when len is 0 */
	uint32_t len;
};

#define BYTES_NULL ((struct bytes){NULL, 0})
#define BYTES_LITERAL(s) ((struct bytes){(s), sizeof(s) - 1})

static inline struct bytes bytes_make(const void *data, size_t len)
{
	return (struct bytes){data, (uint32_t)len};
}

static inline struct bytes bytes_from_string(const char *s)
{
	return (struct bytes){s, s ? (uint32_t)strlen(s) : 0};
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Total order by content, as memcmp, a prefix before what it begins. */
static inline int bytes_compare(struct bytes a, struct bytes b)
{
	uint32_t common = a.len < b.len ? a.len : b.len;
	int order = common ? memcmp(a.data, b.data, common) : 0;

	if (order)
		return order;
	return (a.len > b.len) - (a.len < b.len);
}

#endif
