/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/seglog/buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define CAPACITY_MIN ((size_t)16 * 1024)
#define CAPACITY_KEEP ((size_t)256 * 1024) /* kept however little was in it */
#define KEEP_PARTS 4u
#define HUGE_PAGE ((size_t)2 * 1024 * 1024)

/* In huge pages where it fills them and the kernel has some: the first touch of a small page costs more than the bytes
 * that are copied into it, on a virtual machine many times more. */
static uint8_t *allocate(size_t capacity)
{
	void *memory;

	if (capacity < HUGE_PAGE)
		return malloc(capacity);
	if (posix_memalign(&memory, HUGE_PAGE, capacity) != 0)
		return NULL;
	(void)madvise(memory, capacity, MADV_HUGEPAGE);
	return memory;
}

static int resize(struct seglog_buffer *buffer, size_t capacity)
{
	uint8_t *data = allocate(capacity);

	if (!data)
		return -ENOMEM;
	if (buffer->len)
		memcpy(data, buffer->data, buffer->len);
	free(buffer->data);
	buffer->data = data;
	buffer->capacity = capacity;
	return 0;
}

int seglog_buffer_reserve(struct seglog_buffer *buffer, size_t more)
{
	size_t capacity = buffer->capacity ? buffer->capacity : CAPACITY_MIN;

	if (more <= buffer->capacity - buffer->len)
		return 0;
	while (capacity < buffer->usual || capacity - buffer->len < more)
		capacity *= 2;
	return resize(buffer, capacity);
}

void seglog_buffer_reset(struct seglog_buffer *buffer)
{
	size_t used = buffer->len;

	buffer->len = 0;
	buffer->usual = used > buffer->usual / 2 ? used : buffer->usual / 2;
	if (buffer->capacity > CAPACITY_KEEP && buffer->capacity / KEEP_PARTS > used)
		(void)resize(buffer, buffer->capacity / 2);
}

void seglog_buffer_rest(struct seglog_buffer *buffer)
{
	if (buffer->len > 0 || buffer->capacity <= CAPACITY_KEEP)
		return;
	free(buffer->data);
	*buffer = (struct seglog_buffer){.usual = buffer->usual};
}

void seglog_buffer_free(struct seglog_buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct seglog_buffer){0};
}
