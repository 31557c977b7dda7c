/* SPDX-License-Identifier: Apache-2.0 */
/* What every command works with, and the steps that several of them share. */
#ifndef CANOPY_CONSOLE_CLI_CONTEXT_H
#define CANOPY_CONSOLE_CLI_CONTEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "collector/console/cli/client.h"
#include "collector/console/cli/column.h"
#include "collector/console/cli/listing.h"
#include "collector/console/cli/message.h"
#include "collector/console/cli/options.h"
#include "collector/console/cli/terminal.h"

struct context {
	struct options options;
	struct terminal terminal;
	struct client client;
	int64_t now;          /* wall clock when the program began */
	bool incomplete;      /* an answer said so */
};

/* How values read in the format that was asked for. */
struct face context_face(const struct context *context);

/* Appends 'name=moment' when value was given. Returns 0, or EXIT_USAGE having said why. */
int context_add_time(const struct context *context, struct text *path, const char *name, const char *value);

/* Appends filter= from the words and --alive, and host=. *ret_shift: characters that stand before the user's words. */
void context_add_filter(const struct context *context, struct text *path, size_t *ret_shift);

/* GET. On failure it was explained, the exit code returned and *ret needs no end. */
int context_get(struct context *context, const struct text *path, size_t shift, struct transfer *ret);
/* The same with the answer parsed. *ret is a new reference. */
int context_get_object(struct context *context, const struct text *path, json_t **ret);

/* Tells on stderr why an answer is incomplete ('incomplete' of answer) and remembers it for --strict. */
void context_note_incomplete(struct context *context, const json_t *answer);

/* Opens a listing on stdout in the format asked for. Returns 0, or EXIT_USAGE having said why. */
int context_open_listing(struct context *context, struct listing *ret, const struct column *columns, const char *narrow,
			 const char *wide);

/* Adds the members of the list called name at path to the listing, following 'next' page by page up to limit (0 =
 * none), and ends the listing. Returns the exit code. */
int context_list(struct context *context, struct listing *listing, struct text *path, const char *name, uint64_t limit,
		 size_t shift);

/* /api/v1/processes/ID of what the user typed, for ID also HOST:PID or a plain PID where only one host is there.
 * Returns 0, or the exit code having said why. */
int context_add_process(struct context *context, struct text *path, const char *id);

/* A failure of this side (negative errno) as an exit code, said on stderr; a reader that went away is no failure. */
int context_fail(int err);

/* The exit code of a command that found count things. */
int context_result(const struct context *context, uint64_t count);

#endif
