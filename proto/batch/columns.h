/* SPDX-License-Identifier: Apache-2.0 */
/* Rows to packed columns and back, driven by one list of columns that encoder and decoder share. */
#ifndef CANOPY_PROTO_BATCH_COLUMNS_H
#define CANOPY_PROTO_BATCH_COLUMNS_H

#include <stddef.h>
#include <stdint.h>

#include "proto/batch/writer.h"
#include "proto/wire/scan.h"

/* What the values of a column count, and so what bounds them. */
enum column_domain {
	DOMAIN_NUMBER,
	DOMAIN_BOOL,
	DOMAIN_STRING, /* index into a table, 0 = none */
	DOMAIN_PROCESS,
	DOMAIN_PROCESS_PLUS_ONE,
	DOMAIN_CONTEXT,
	DOMAIN_JOB,
	DOMAIN_IMAGE,
	DOMAIN_COUNT,
};

struct column {
	uint8_t field;  /* of the message */
	uint8_t width;  /* bytes of the member: 4 or 8 */
	uint8_t domain; /* enum column_domain */
	uint8_t offset; /* of the member in the row */
	const char *name;
};

/* The columns of one kind of row. */
struct column_group {
	const char *message; /* as errors name it */
	const struct column *columns;
	size_t count;
	size_t row_size;
};

extern const struct column_group process_columns, context_columns, job_columns, image_columns;
extern const struct column_group event_columns, image_event_columns, exit_columns; /* three groups of message Events */
extern const struct column_group argv_item_columns, environ_item_columns;          /* likewise; a row is one uint32_t */

/* Encoder: writes the group's columns of count rows; columns of zeros are left out. */
void columns_write(struct writer *writer, const struct column_group *group, const void *rows, size_t count);

/* Decoder: the packed columns of one message, found but not yet read. Borrows the bytes. */
#define COLUMN_FIELDS_MAX 32u
struct column_spans {
	struct scan columns[COLUMN_FIELDS_MAX];
};

/* What went wrong with which column, for the message to people. */
struct column_error {
	const char *what;
	const char *column; /* NULL: the message as a whole */
	uint64_t value, bound;
};

/* Finds the columns of a message; unknown fields are skipped. Returns 0 or -EBADMSG. */
int column_spans_find(struct column_spans *spans, struct scan message, struct column_error *ret_error);

/* The number of rows that the group's columns hold, by the first one that is not empty; columns_read compares the
 * others. */
size_t columns_count(const struct column_spans *spans, const struct column_group *group);

/* Reads the group's columns into count zeroed rows. limits, indexed by enum column_domain, are exclusive. A column with
 * another number of elements than 0 or count is refused. Returns 0 or -EBADMSG. */
int columns_read(const struct column_spans *spans, const struct column_group *group, const uint64_t *limits, void *rows,
		 size_t count, struct column_error *ret_error);

#endif
