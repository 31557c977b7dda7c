/* SPDX-License-Identifier: Apache-2.0 */
/* A buffer that grows by doubling. */
#ifndef CANOPY_PROTO_WIRE_RESERVE_H
#define CANOPY_PROTO_WIRE_RESERVE_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define RESERVE_MIN ((size_t)16384) /* bytes of the smallest one */

/* *buffer, malloc'ed or NULL, has room for need bytes at least. Returns 0 or -ENOMEM, after which it is as it was. */
static inline int reserve(uint8_t **buffer, size_t *capacity, size_t need)
{
	size_t size = *capacity ? *capacity : RESERVE_MIN;
	uint8_t *grown;

	while (size < need)
		size *= 2;
	if (size == *capacity)
		return 0;
	grown = realloc(*buffer, size);
	if (!grown)
		return -ENOMEM;
	*buffer = grown;
	*capacity = size;
	return 0;
}

#endif
