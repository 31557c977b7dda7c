/* SPDX-License-Identifier: Apache-2.0 */
/* How far a sink has come, and what it is about to do: the durable record that makes each row appear once.
 *
 * A commit of files first writes the cursor with its intent (the files are complete under their staged names, and these
 * are the final ones), then moves the files, then writes the cursor behind them. Whoever finds an intent finishes it;
 * whoever finds none throws staged files away and reads the journal again from `next`. */
#ifndef CANOPY_COLLECTOR_LAKE_CURSOR_H
#define CANOPY_COLLECTOR_LAKE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CURSOR_WRITER_MAX 9  /* 8 hex digits and NUL */
#define CURSOR_STAGED_MAX 16 /* bytes with NUL */
#define CURSOR_FINAL_MAX 160
#define CURSOR_MOVES_MAX 64 /* files of one commit: each costs a descriptor and a compressor of 260 KiB */

struct cursor_move {
	char staged[CURSOR_STAGED_MAX]; /* name in the staging folder */
	char final[CURSOR_FINAL_MAX];   /* path below the lake's folder */
};

struct cursor {
	char writer[CURSOR_WRITER_MAX]; /* random, drawn with the first cursor: keeps apart the files of two collectors,
					 * or of two lives of a state folder, in one lake */
	uint64_t next;                  /* first journal position that is not in the lake */
	int64_t received_wall_ns; /* when the collector received the position before it; INT64_MIN = there was none. It
				   * tells a journal that lost its tail from one that was begun anew */
	bool intent;              /* to and moves hold knowledge */
	uint64_t to;              /* last position that the moves bring */
	int64_t to_received_wall_ns; /* of to */
	size_t move_count;
	struct cursor_move moves[CURSOR_MOVES_MAX];
};

enum {
	CURSOR_E_NONE = 1, /* there is no cursor yet */
};

/* Reads NAME in the folder. Errors: -EBADMSG (damaged, or of a newer version), or the errno of the failing call. */
int cursor_load(int folder, const char *name, struct cursor *ret);

/* Replaces NAME atomically and makes it durable before it returns. After an error either the old or the new cursor
 * stands. */
int cursor_save(int folder, const char *name, const struct cursor *cursor);

/* The text of a cursor, without I/O. Errors: -EBADMSG. */
int cursor_parse(const char *text, size_t len, struct cursor *ret);
#define CURSOR_TEXT_MAX (sizeof(struct cursor) + 1024) /* the struct's own arrays and the words between them */
size_t cursor_format(const struct cursor *cursor, char text[CURSOR_TEXT_MAX]);

#endif
