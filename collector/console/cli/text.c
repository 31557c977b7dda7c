/* SPDX-License-Identifier: Apache-2.0 */
/* Capacity doubles, so that adding byte by byte stays linear. */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collector/console/cli/text.h"

#define TEXT_CAPACITY_MIN 64

void text_finish(struct text *text)
{
	free(text->data);
	*text = TEXT_NULL;
}

void text_reset(struct text *text)
{
	text->failed = false;
	text_cut(text, 0);
}

void text_cut(struct text *text, size_t len)
{
	if (!text->data || len > text->len)
		return;
	text->len = len;
	text->data[len] = '\0';
}

/* Room for more bytes and the NUL behind them. */
static bool reserve(struct text *text, size_t more)
{
	size_t capacity = text->capacity ? text->capacity : TEXT_CAPACITY_MIN;
	char *data;

	if (text->failed || more > SIZE_MAX / 2 - text->len - 1)
		goto fail;
	if (text->len + more < text->capacity)
		return true;
	while (capacity <= text->len + more)
		capacity *= 2;
	data = realloc(text->data, capacity);
	if (!data)
		goto fail;
	text->data = data;
	text->capacity = capacity;
	return true;
fail:
	text->failed = true;
	return false;
}

void text_add(struct text *text, const void *data, size_t len)
{
	if (!reserve(text, len))
		return;
	if (len)
		memcpy(text->data + text->len, data, len);
	text->len += len;
	text->data[text->len] = '\0';
}

void text_puts(struct text *text, const char *string)
{
	text_add(text, string, strlen(string));
}

void text_putc(struct text *text, char c)
{
	text_add(text, &c, 1);
}

void text_fill(struct text *text, char c, size_t count)
{
	if (!reserve(text, count))
		return;
	memset(text->data + text->len, c, count);
	text->len += count;
	text->data[text->len] = '\0';
}

void text_printf(struct text *text, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0 || !reserve(text, (size_t)len)) {
		text->failed = true;
		return;
	}
	va_start(args, format);
	(void)vsnprintf(text->data + text->len, (size_t)len + 1, format, args);
	va_end(args);
	text->len += (size_t)len;
}

const char *text_string(const struct text *text)
{
	return text->data ? text->data : "";
}

struct bytes text_bytes(const struct text *text)
{
	return bytes_make(text->data, text->len);
}

int text_write(const struct text *text, FILE *out)
{
	if (text->failed)
		return -ENOMEM;
	if (text->len && fwrite(text->data, 1, text->len, out) != text->len)
		return -EIO;
	return 0;
}
