/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a row is the last child is only known when its next sibling is, so rows are gathered and branches found from
 * behind. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "collector/console/cli/object.h"
#include "collector/console/cli/timefmt.h"
#include "collector/console/cli/tree.h"

static const struct table_column columns[] = {
	{"PID", 7, true, false},    {"USER", 6, false, true},     {"AGE", 6, true, false},
	{"STATE", 0, false, false}, {"COMMAND", 10, false, true},
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

/* From behind: open holds the depths of which a row stands further down below the same parent, the deepest at its end. A
 * depth is a server's word; it is compared alone, and each row is pushed and popped once. */
int tree_find_last(const uint32_t *depths, size_t count, bool *ret_last)
{
	uint32_t *open = calloc(count + 1, sizeof(*open));
	size_t levels = 0;

	if (!open)
		return -ENOMEM;
	for (size_t i = count; i-- > 0;) {
		while (levels > 0 && open[levels - 1] > depths[i])
			levels--; /* what was seen deeper belongs to this row, not to those above it */
		ret_last[i] = levels == 0 || open[levels - 1] != depths[i];
		if (ret_last[i])
			open[levels++] = depths[i];
	}
	free(open);
	return 0;
}

void tree_pass_guide(struct tree_guide *guide, uint32_t depth, bool last)
{
	if (depth > 0 && depth <= TREE_GUIDE_LEVELS)
		guide->open[depth - 1] = !last;
}

void tree_add_guide(struct tree_guide *guide, uint32_t depth, bool last, bool utf8, struct text *out)
{
	if (depth == 0)
		return;
	if (depth > TREE_GUIDE_LEVELS) {
		text_printf(out, "%s%" PRIu32 "%s", utf8 ? "⋯" : "..", depth, utf8 ? "⋯ " : ".. ");
		return;
	}
	for (uint32_t level = 1; level < depth; level++)
		text_puts(out, !guide->open[level - 1] ? "  " : utf8 ? "│ " : "| ");
	text_puts(out, last ? (utf8 ? "└─" : "`-") : (utf8 ? "├─" : "|-"));
	tree_pass_guide(guide, depth, last);
}

void tree_add_mark(const json_t *process, struct text *out)
{
	if (object_has_word(process, "quality", "placeholder"))
		text_puts(out, "? ");
	else if (object_has_word(process, "quality", "exec_lost"))
		text_puts(out, "! ");
}

bool tree_age(const json_t *process, int64_t now, int64_t *ret)
{
	bool exited = bytes_equal(object_string(process, "state"), BYTES_LITERAL("exited"));
	int64_t start;

	if (object_int(process, "duration_ns", ret))
		return true;
	if (exited || !object_time(process, "start", &start))
		return false;
	*ret = now > start ? now - start : 0;
	return true;
}

void tree_init(struct tree *tree, const struct terminal *terminal, const struct face *face)
{
	*tree = (struct tree){.face = *face};
	table_init(&tree->table, terminal, columns, COLUMNS);
}

void tree_finish(struct tree *tree)
{
	table_finish(&tree->table);
	text_finish(&tree->text);
	free(tree->rows);
	*tree = (struct tree){0};
}

static struct tree_row *add_row(struct tree *tree)
{
	if (tree->count == tree->capacity) {
		size_t capacity = tree->capacity ? 2 * tree->capacity : 256;
		struct tree_row *rows = reallocarray(tree->rows, capacity, sizeof(*rows));

		if (!rows) {
			tree->failed = true;
			return NULL;
		}
		tree->rows = rows;
		tree->capacity = capacity;
	}
	tree->rows[tree->count] = (struct tree_row){0};
	return &tree->rows[tree->count++];
}

void tree_add_heading(struct tree *tree, struct bytes text)
{
	struct tree_row *row = add_row(tree);

	if (!row)
		return;
	row->heading = true;
	row->begin[4] = tree->text.len;
	text_add(&tree->text, text.data, text.len);
	row->begin[5] = tree->text.len;
}

void tree_add_process(struct tree *tree, const json_t *process, uint32_t depth)
{
	struct tree_row *row = add_row(tree);
	struct text *text = &tree->text;
	int64_t number;

	if (!row)
		return;
	row->depth = depth;
	/* an ancestor that only leads to what was asked for */
	row->dim = bytes_equal(object_string(process, "state"), BYTES_LITERAL("exited")) ||
		   json_is_false(object_at(process, "match"));
	row->begin[0] = text->len;
	if (object_int(process, "pid", &number))
		text_printf(text, "%" PRId64, number);
	row->begin[1] = text->len;
	column_add_user(process, &tree->face, text);
	row->begin[2] = text->len;
	if (tree_age(process, tree->face.now, &number))
		timefmt_add_span(text, number);
	row->begin[3] = text->len;
	row->state_color = column_add_state(process, text);
	/* living is what is expected: only what is otherwise is said */
	if (row->state_color == COLOR_GOOD)
		text_cut(text, row->begin[3]);
	row->begin[4] = text->len;
	tree_add_mark(process, text);
	column_add_command(process, &tree->face, text);
	if (object_int(process, "folded", &number) && number > 0)
		text_printf(text, " [+%" PRId64 "]", number);
	row->begin[5] = text->len;
}

static struct bytes part(const struct tree *tree, const struct tree_row *row, unsigned i)
{
	return bytes_make(tree->text.data + row->begin[i], row->begin[i + 1] - row->begin[i]);
}

static void draw_row(struct tree *tree, const struct tree_row *row, struct tree_guide *guide, bool last,
		     struct text *scratch)
{
	enum color color = row->dim ? COLOR_DIM : COLOR_PLAIN;
	struct bytes command = part(tree, row, 4);

	if (row->heading) {
		table_add_line(&tree->table, command, COLOR_BOLD);
		return;
	}
	for (unsigned i = 0; i < 4; i++)
		table_add(&tree->table, part(tree, row, i), i == 3 ? row->state_color : color);
	text_reset(scratch);
	tree_add_guide(guide, row->depth, last, tree->face.utf8, scratch);
	text_add(scratch, command.data, command.len);
	table_add(&tree->table, text_bytes(scratch), color);
	tree->failed |= scratch->failed;
}

int tree_flush(struct tree *tree, struct text *out)
{
	uint32_t *depths = calloc(tree->count + 1, sizeof(*depths));
	bool *last = calloc(tree->count + 1, sizeof(*last));
	struct tree_guide guide = {{false}};
	struct text scratch = TEXT_NULL;
	int err = depths && last && !tree->failed && !tree->text.failed ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < tree->count; i++)
		depths[i] = tree->rows[i].depth;
	if (!err)
		err = tree_find_last(depths, tree->count, last);
	for (size_t i = 0; !err && i < tree->count; i++)
		draw_row(tree, &tree->rows[i], &guide, last[i], &scratch);
	if (!err)
		err = tree->failed ? -ENOMEM : table_flush(&tree->table, out);
	text_finish(&scratch);
	free(depths);
	free(last);
	tree->count = 0;
	text_reset(&tree->text);
	return err;
}
