/* SPDX-License-Identifier: Apache-2.0 */
/* The one table of fields: name, type, meaning, getter. Filters, columns, JSON and lake take what they show from here,
 * so that a field means the same everywhere. */
#ifndef CANOPY_PROTO_MODEL_FIELD_H
#define CANOPY_PROTO_MODEL_FIELD_H

#include "canopy/arena.h"
#include "proto/model/process.h"

enum field_type {
	FIELD_STRING,   /* bytes */
	FIELD_NUMBER,   /* integer, signed 64 bit */
	FIELD_BOOL,
	FIELD_TIME,     /* wall clock, ns since 1970 */
	FIELD_DURATION, /* ns */
};

struct field_value {
	bool known;
	union {
		struct bytes string;
		int64_t number; /* also time and duration */
		bool truth;
	};
};

struct field {
	const char *name;        /* filter name, such as 'proc.exepath' */
	const char *column;      /* heading in tables, such as 'EXE'; NULL = not offered as a column */
	const char *meaning;     /* one line for help and completion */
	enum field_type type;
	/* Strings that must be built are placed in the arena (NULL data = out of memory counts as unknown). */
	struct field_value (*get)(const struct process_view *process, struct arena *arena);
};

/* The whole table; *ret_count its length. Families with a key or index (host.tag.KEY, proc.aname[n], proc.env[NAME], quality.KEY) are
 * looked up by field_find only in their plain form; the filter resolves keys and indexes itself. */
const struct field *field_table(size_t *ret_count);
const struct field *field_find(struct bytes name);

#endif
