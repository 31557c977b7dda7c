/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing is parser.c's; here the tree is walked over a process. What is not known makes a condition false, whatever
 * its operator, and only 'not' turns that round. */
#include "collector/console/filter/filter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "collector/console/filter/match.h"
#include "collector/console/filter/node.h"
#include "collector/console/filter/parser.h"

_Static_assert(FILTER_INDEX_MAX == FILTER_ANCESTORS_MAX, "an index reaches as far as the search without one");

static int fail(struct filter_error *error, const char *message, const char *hint)
{
	*error = (struct filter_error){.column = 1};
	(void)snprintf(error->message, sizeof(error->message), "%s", message);
	(void)snprintf(error->hint, sizeof(error->hint), "%s", hint);
	return -EINVAL;
}

int filter_parse(struct filter **ret, struct bytes text, int64_t now_wall_ns, struct filter_error *ret_error)
{
	struct filter *filter;
	struct bytes copy;
	int r;

	if (text.len > FILTER_TEXT_MAX)
		return fail(ret_error, "the filter is longer than 8192 bytes", "ask for less at a time");
	filter = calloc(1, sizeof(*filter));
	if (!filter)
		return -ENOMEM;
	filter->arena.limit = FILTER_MEMORY_MAX;
	copy = arena_copy(&filter->arena, text);
	r = copy.data ? parser_run(filter, copy, now_wall_ns, ret_error) : -ENOMEM;
	if (r == -ENOMEM)
		r = fail(ret_error, "the filter takes more than 1 MiB of memory",
			 "use fewer or smaller regular expressions");
	if (r < 0) {
		filter_destroy(filter);
		return r;
	}
	*ret = filter;
	return 0;
}

void filter_destroy(struct filter *filter)
{
	if (!filter)
		return;
	arena_finish(&filter->arena);
	free(filter);
}

bool filter_is_empty(const struct filter *filter)
{
	return !filter->root;
}

/* ---- one value ----------------------------------------------------------------------------------------------- */

static bool string_holds(const struct filter_condition *condition, struct bytes value)
{
	struct bytes wanted = condition->values ? condition->values[0].string : BYTES_NULL;

	switch (condition->op) {
	case FILTER_EQ:
		return bytes_equal(value, wanted);
	case FILTER_NE:
		return !bytes_equal(value, wanted);
	case FILTER_CONTAINS:
		return match_contains(value, wanted);
	case FILTER_ICONTAINS:
		return match_icontains(value, wanted);
	case FILTER_STARTSWITH:
		return match_startswith(value, wanted);
	case FILTER_ENDSWITH:
		return match_endswith(value, wanted);
	case FILTER_GLOB:
		return match_glob(value, wanted);
	case FILTER_REGEX:
		return regex_match(condition->regex, value);
	default:
		return false;
	}
}

static bool number_holds(enum filter_op op, int64_t value, int64_t wanted)
{
	switch (op) {
	case FILTER_EQ:
		return value == wanted;
	case FILTER_NE:
		return value != wanted;
	case FILTER_LT:
		return value < wanted;
	case FILTER_LE:
		return value <= wanted;
	case FILTER_GT:
		return value > wanted;
	case FILTER_GE:
		return value >= wanted;
	default:
		return false;
	}
}

static bool equals(enum field_type type, const struct field_value *a, const struct field_value *b)
{
	if (type == FIELD_STRING)
		return bytes_equal(a->string, b->string);
	return type == FIELD_BOOL ? a->truth == b->truth : a->number == b->number;
}

static bool value_holds(const struct filter_condition *condition, struct field_value value)
{
	enum field_type type = condition->operand.type;

	if (!value.known || condition->op == FILTER_EXISTS)
		return value.known;
	if (condition->op == FILTER_IN) {
		for (uint32_t i = 0; i < condition->value_count; i++)
			if (equals(type, &value, &condition->values[i]))
				return true;
		return false;
	}
	if (type == FIELD_STRING)
		return string_holds(condition, value.string);
	if (type == FIELD_BOOL)
		return (value.truth == condition->values[0].truth) == (condition->op == FILTER_EQ);
	return number_holds(condition->op, value.number, condition->values[0].number);
}

/* ---- where values come from ---------------------------------------------------------------------------------- */

static struct field_value tag_value(const struct process_view *view, struct bytes key)
{
	for (size_t i = 0; i < view->tag_count; i++)
		if (bytes_equal(view->tags[2 * i], key))
			return (struct field_value){.known = true, .string = view->tags[2 * i + 1]};
	return (struct field_value){.known = false};
}

static struct field_value variable_value(const struct process_view *view, struct bytes name)
{
	const struct process_image *image = process_current(view);
	struct field_value value = {.known = false};

	value.known = image && process_variable(image->environ_, name, &value.string);
	return value;
}

/* false when there is no such ancestor */
static bool ancestor_holds(const struct filter_condition *c, const struct filter_subject *subject, uint32_t n,
			   struct arena *scratch, bool *ret)
{
	struct process_view view;

	if (n == 0) {
		*ret = value_holds(c, c->operand.field->get(subject->view, scratch));
		return true;
	}
	if (!subject->ancestor || !subject->ancestor(subject->owner, n, &view))
		return false;
	*ret = value_holds(c, c->operand.field->get(&view, scratch));
	return true;
}

static bool ancestors_hold(const struct filter_condition *c, const struct filter_subject *subject,
			   struct arena *scratch)
{
	bool holds = false;

	if (!c->operand.any)
		return ancestor_holds(c, subject, c->operand.index, scratch, &holds) && holds;
	for (uint32_t n = 1; n <= FILTER_ANCESTORS_MAX && !holds; n++)
		if (!ancestor_holds(c, subject, n, scratch, &holds))
			return false;
	return holds;
}

static bool condition_holds(const struct filter_condition *c, const struct filter_subject *subject,
			    struct arena *scratch)
{
	const struct process_view *view = subject->view;

	switch (c->operand.source) {
	case FILTER_TAG:
		return value_holds(c, tag_value(view, c->operand.key));
	case FILTER_ENV:
		return value_holds(c, variable_value(view, c->operand.key));
	case FILTER_QUALITY:
		return value_holds(c, (struct field_value){.known = true, .truth = view->quality & c->operand.bit});
	case FILTER_ANCESTOR:
		return ancestors_hold(c, subject, scratch);
	default:
		return value_holds(c, c->operand.field->get(view, scratch));
	}
}

static bool word_holds(struct bytes word, const struct process_view *view)
{
	const struct process_image *image = process_current(view);

	if (!image)
		return false;
	return match_icontains(image->comm, word) ||
	       (image->flags & FACT_EXE_KNOWN && match_icontains(image->exe, word)) ||
	       (image->flags & FACT_ARGV_KNOWN && match_icontains(image->argv, word));
}

static bool node_holds(const struct filter_node *node, const struct filter_subject *subject, struct arena *scratch)
{
	switch (node->kind) {
	case FILTER_WORD:
		return word_holds(node->word, subject->view);
	case FILTER_CONDITION:
		return condition_holds(&node->condition, subject, scratch);
	case FILTER_NOT:
		return !node_holds(node->children, subject, scratch);
	default:
		break;
	}
	for (const struct filter_node *child = node->children; child; child = child->next)
		if (node_holds(child, subject, scratch) == (node->kind == FILTER_OR))
			return node->kind == FILTER_OR;
	return node->kind == FILTER_AND;
}

bool filter_match(struct filter *filter, const struct filter_subject *subject, struct arena *scratch)
{
	return !filter->root || node_holds(filter->root, subject, scratch);
}

/* ---- hosts --------------------------------------------------------------------------------------------------- */

static bool is_of_host(const struct filter_operand *operand)
{
	return operand->source == FILTER_TAG ||
	       (operand->source == FILTER_OWN && strncmp(operand->field->name, "host.", 5) == 0);
}

static enum filter_verdict judge(const struct filter_node *node, const struct filter_subject *host,
				 struct arena *scratch)
{
	enum filter_verdict all = FILTER_EVERY, any = FILTER_NONE;

	switch (node->kind) {
	case FILTER_WORD:
		return FILTER_SOME;
	case FILTER_CONDITION:
		if (!is_of_host(&node->condition.operand))
			return FILTER_SOME;
		return condition_holds(&node->condition, host, scratch) ? FILTER_EVERY : FILTER_NONE;
	case FILTER_NOT:
		return (enum filter_verdict)(FILTER_EVERY - judge(node->children, host, scratch));
	default:
		break;
	}
	for (const struct filter_node *child = node->children; child; child = child->next) {
		enum filter_verdict verdict = judge(child, host, scratch);

		all = verdict < all ? verdict : all;
		any = verdict > any ? verdict : any;
	}
	return node->kind == FILTER_AND ? all : any;
}

enum filter_verdict filter_judge_host(struct filter *filter, const struct process_view *host, struct arena *scratch)
{
	struct filter_subject subject = {.view = host};

	return filter->root ? judge(filter->root, &subject, scratch) : FILTER_EVERY;
}
