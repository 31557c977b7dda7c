/* SPDX-License-Identifier: Apache-2.0 */
/* A place in the stream of events, kept in a file: one line, the id of the last event that was written out. */
#ifndef CANOPY_CONSOLE_CLI_CURSOR_H
#define CANOPY_CONSOLE_CLI_CURSOR_H

#include "collector/console/cli/text.h"

/* Ids are opaque; this bounds what is read back. */
#define CURSOR_MAX 512

/* Appends what the file holds; nothing when there is none yet. Returns 0, -EINVAL when it holds no id, or the error of
 * reading it. */
int cursor_read(const char *path, struct text *ret);

/* Replaces the file as a whole: a reader, and a crash, find the old id or the new one. Returns 0 or negative errno. */
int cursor_write(const char *path, const char *id);

#endif
