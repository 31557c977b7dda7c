/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of a filter: made by the parser, walked by the evaluator, all in the filter's arena. */
#ifndef CANOPY_COLLECTOR_CONSOLE_FILTER_NODE_H
#define CANOPY_COLLECTOR_CONSOLE_FILTER_NODE_H

#include "canopy/arena.h"
#include "collector/console/filter/regex.h"
#include "proto/model/field.h"

enum filter_op {
	FILTER_EQ,
	FILTER_NE,
	FILTER_LT,
	FILTER_LE,
	FILTER_GT,
	FILTER_GE,
	FILTER_CONTAINS,
	FILTER_ICONTAINS,
	FILTER_STARTSWITH,
	FILTER_ENDSWITH,
	FILTER_GLOB,
	FILTER_REGEX,
	FILTER_IN,
	FILTER_EXISTS,
};

enum filter_source {
	FILTER_OWN,      /* field of the process itself */
	FILTER_ANCESTOR, /* field of the ancestor index, or of any */
	FILTER_TAG,      /* host.tag.KEY */
	FILTER_QUALITY,  /* quality.KEY */
	FILTER_ENV,      /* proc.env[NAME] */
};

#define FILTER_INDEX_MAX 1024u /* of an ancestor */

struct filter_operand {
	enum filter_source source;
	enum field_type type;
	const struct field *field; /* OWN, ANCESTOR */
	bool any;                  /* ANCESTOR without index */
	uint32_t index;            /* ANCESTOR: 0 = the process itself */
	struct bytes key;          /* TAG, ENV */
	uint32_t bit;              /* QUALITY */
};

struct filter_condition {
	struct filter_operand operand;
	enum filter_op op;
	struct field_value *values; /* one; IN: value_count */
	uint32_t value_count;
	struct regex *regex;
};

enum filter_kind {
	FILTER_AND, /* of all children */
	FILTER_OR,
	FILTER_NOT, /* of its one child */
	FILTER_WORD,
	FILTER_CONDITION,
};

struct filter_node {
	enum filter_kind kind;
	struct filter_node *next;  /* sibling */
	union {
		struct filter_node *children;
		struct bytes word;
		struct filter_condition condition;
	};
};

struct filter {
	struct arena arena;
	struct filter_node *root; /* NULL: matches everything */
};

#endif
