/* SPDX-License-Identifier: Apache-2.0 */
/* A buffer of bytes that grows: what is to be written, requested or was read. After a failed allocation it stays failed
 * and drops what is added, so that only the end of a chain of additions needs to be checked. */
#ifndef CANOPY_CONSOLE_CLI_TEXT_H
#define CANOPY_CONSOLE_CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "canopy/bytes.h"

struct text {
	char *data; /* owned; always followed by a NUL that len does not count, NULL while nothing was added */
	size_t len, capacity;
	bool failed; /* out of memory: the content is not whole */
};

#define TEXT_NULL ((struct text){0})

void text_finish(struct text *text);
/* Empties it, keeps the memory, forgets a failure. */
void text_reset(struct text *text);
void text_cut(struct text *text, size_t len);

void text_add(struct text *text, const void *data, size_t len);
void text_puts(struct text *text, const char *string);
void text_putc(struct text *text, char c);
void text_fill(struct text *text, char c, size_t count);
__attribute__((format(printf, 2, 3)))
void text_printf(struct text *text, const char *format, ...);

/* The content as a C string, never NULL. Borrowed until the next change. */
const char *text_string(const struct text *text);
struct bytes text_bytes(const struct text *text);

/* Writes everything to out. Returns 0, -ENOMEM when the text is not whole, or -EIO when the stream refuses. */
int text_write(const struct text *text, FILE *out);

#endif
