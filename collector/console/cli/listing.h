/* SPDX-License-Identifier: Apache-2.0 */
/* A list of JSON objects on its way to stdout in the format that was asked for: table, wide, json, ndjson or csv.
 * Objects come one by one and leave in portions, so that a list may be of any length. */
#ifndef CANOPY_CONSOLE_CLI_LISTING_H
#define CANOPY_CONSOLE_CLI_LISTING_H

#include <stdint.h>
#include <stdio.h>

#include "collector/console/cli/column.h"
#include "collector/console/cli/options.h"
#include "collector/console/cli/table.h"
#include "collector/console/cli/terminal.h"

struct listing {
	enum output_format format;
	const struct terminal *terminal; /* borrowed */
	struct terminal uncut;           /* the same without an edge, for wide */
	struct face face;
	struct column_set set;
	bool chosen;                     /* the columns were named with --fields */
	struct table table;
	struct text out, cell;
	FILE *file;                      /* borrowed */
	uint64_t count;                  /* objects so far */
	size_t unwritten;                /* objects since the last flush */
};

/* fields NULL: narrow, or wide under OUTPUT_WIDE, which are lists of names. Returns 0 or -EINVAL with *problem. */
int listing_open(struct listing *ret, const struct terminal *terminal, enum output_format format,
		 const struct column *columns, const char *fields, const char *narrow, const char *wide, int64_t now,
		 FILE *file, struct text *problem);
void listing_close(struct listing *listing);

/* The next object as its text. Returns 0, -EBADMSG when it is no JSON object, -ENOMEM, or -EPIPE when nobody reads any
 * more. */
int listing_add(struct listing *listing, struct bytes object);

/* Writes what was gathered. Errors as above, and -EIO. */
int listing_flush(struct listing *listing);

/* Behind the last object: closes the document, and flushes. */
int listing_end(struct listing *listing);

#endif
