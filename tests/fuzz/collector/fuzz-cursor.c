/* SPDX-License-Identifier: Apache-2.0 */
/* The cursor of a lake, as a person or a broken disk may leave it. Bit 0 of the first byte lets a right checksum be put behind the
 * text. What is taken fits into the text that we write of it, and comes back the same. */
#include <errno.h>
#include <stdio.h>
#include <zlib.h>

#include "collector/lake/cursor.h"
#include "tests/fuzz/input.h"

static void check(const struct cursor *cursor)
{
	char *text = malloc(CURSOR_TEXT_MAX);
	struct cursor again;
	size_t len;

	must(text != NULL && cursor->move_count <= CURSOR_MOVES_MAX && strlen(cursor->writer) == CURSOR_WRITER_MAX - 1);
	len = cursor_format(cursor, text);
	must(len < CURSOR_TEXT_MAX && cursor_parse(text, len, &again) == 0 && memcmp(cursor, &again, sizeof(again)) == 0);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor cursor, before;
	char *text, crc[24];
	size_t len;

	if (size < 1)
		return 0;
	len = size - 1;
	text = malloc(len + sizeof(crc));
	must(text != NULL);
	memcpy(text, data + 1, len);
	if (data[0] & 1) {
		int n = snprintf(crc, sizeof(crc), "crc %08lx\n", crc32(0, data + 1, (uInt)len));

		memcpy(text + len, crc, (size_t)n);
		len += (size_t)n;
	}
	text = realloc(text, len + 1);
	must(text != NULL);
	memset(&cursor, 0x5a, sizeof(cursor));
	memcpy(&before, &cursor, sizeof(before));
	if (cursor_parse(text, len, &cursor) == 0)
		check(&cursor);
	else
		must(memcmp(&cursor, &before, sizeof(before)) == 0);
	free(text);
	return 0;
}
