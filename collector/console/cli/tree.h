/* SPDX-License-Identifier: Apache-2.0 */
/* Drawing a forest: rows in pre-order with their depth become a table whose last column carries the branches. Knows
 * nothing of where the rows come from. */
#ifndef CANOPY_CONSOLE_CLI_TREE_H
#define CANOPY_CONSOLE_CLI_TREE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/console/cli/column.h"
#include "collector/console/cli/table.h"

/* Branches are drawn for so many levels; what is deeper says how much deeper, so that a chain of 100,000 processes does
 * not make lines of 200,000 columns. */
#define TREE_GUIDE_LEVELS 40

/* Which levels have a branch that goes on below the row at hand. */
struct tree_guide {
	bool open[TREE_GUIDE_LEVELS];
};

/* For rows in pre-order: whether row i is the last child of its parent. ret_last holds count. Returns 0 or -ENOMEM. */
int tree_find_last(const uint32_t *depths, size_t count, bool *ret_last);

/* Takes a row into account that is not drawn. */
void tree_pass_guide(struct tree_guide *guide, uint32_t depth, bool last);
/* Takes the next row into account and appends its branches to out. Roots (depth 0) have none. */
void tree_add_guide(struct tree_guide *guide, uint32_t depth, bool last, bool utf8, struct text *out);

/* What stands before a command when the picture of the process is not whole: '?' nothing but its place is known, '!' an
 * exec was lost. */
void tree_add_mark(const json_t *process, struct text *out);

struct tree_row {
	uint32_t depth;
	bool heading;         /* a line across; only command is used then */
	bool dim;
	enum color state_color;
	size_t begin[6];      /* pid, user, age, state, command, end: offsets in text */
};

struct tree {
	struct table table;
	struct face face;
	struct text text;
	struct tree_row *rows; /* owned */
	size_t count, capacity;
	bool failed;
};

void tree_init(struct tree *tree, const struct terminal *terminal, const struct face *face);
void tree_finish(struct tree *tree);

/* A line before the processes of a host. */
void tree_add_heading(struct tree *tree, struct bytes text);
void tree_add_process(struct tree *tree, const json_t *process, uint32_t depth);

/* Appends the picture and forgets the rows. Returns 0 or -ENOMEM. */
int tree_flush(struct tree *tree, struct text *out);

/* Age of a process: how long it lives, or has lived. false = not known. */
bool tree_age(const json_t *process, int64_t now, int64_t *ret);

#endif
