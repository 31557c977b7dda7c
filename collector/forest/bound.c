/* SPDX-License-Identifier: Apache-2.0 */
/* Lists keep their beginning and paths their end, as sensors cut them; the flags say so, and argv_bytes stays the true length. */
#include "collector/forest/bound.h"

static bool is_long(struct bytes text)
{
	return text.len > BOUND_TEXT_MAX;
}

static bool context_is_long(const struct fact_context *context)
{
	return is_long(context->cgroup) || is_long(context->user) || is_long(context->nodename);
}

static bool fact_is_long(const struct fact *fact)
{
	return fact->argv.len > BOUND_ARGV_MAX || fact->environ_.len > BOUND_ENVIRON_MAX || is_long(fact->comm) || is_long(fact->exe) ||
	       is_long(fact->script) || is_long(fact->interpreter) || is_long(fact->cwd) || is_long(fact->context->cgroup);
}

static bool keep_head(struct bytes *text, uint32_t max)
{
	bool cut = text->len > max;

	text->len = cut ? max : text->len;
	return cut;
}

static bool keep_tail(struct bytes *text, uint32_t max)
{
	bool cut = text->len > max;

	if (cut)
		*text = bytes_make(text->data + text->len - max, max);
	return cut;
}

const struct fact *bound_fact(const struct fact *fact, struct fact *room)
{
	if (!fact_is_long(fact))
		return fact;
	*room = *fact;
	room->flags |= keep_head(&room->argv, BOUND_ARGV_MAX) ? FACT_ARGV_TRUNCATED : 0;
	room->flags |= keep_tail(&room->exe, BOUND_TEXT_MAX) ? FACT_EXE_TRUNCATED : 0;
	room->flags |= keep_tail(&room->cwd, BOUND_TEXT_MAX) ? FACT_CWD_TRUNCATED : 0;
	room->flags |= is_long(room->context->cgroup) ? FACT_CGROUP_TRUNCATED : 0;
	(void)keep_head(&room->environ_, BOUND_ENVIRON_MAX);
	(void)keep_head(&room->comm, BOUND_TEXT_MAX);
	(void)keep_head(&room->script, BOUND_TEXT_MAX);
	(void)keep_head(&room->interpreter, BOUND_TEXT_MAX);
	return room;
}

const struct fact_context *bound_context(const struct fact_context *context, struct fact_context *room)
{
	if (!context_is_long(context))
		return context;
	*room = *context;
	(void)keep_tail(&room->cgroup, BOUND_TEXT_MAX);
	(void)keep_head(&room->user, BOUND_TEXT_MAX);
	(void)keep_head(&room->nodename, BOUND_TEXT_MAX);
	return room;
}
