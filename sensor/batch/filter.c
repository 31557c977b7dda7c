/* SPDX-License-Identifier: Apache-2.0 */
/* User and cgroup stand in every fact. The executable does not: which patterns it matched is kept for each process, and a child begins with what its
 * creator has, as it does with the image itself. */
#include "sensor/batch/filter.h"

#include <errno.h>
#include <stdlib.h>
#include <stdio.h>

#include "sensor/batch/told.h"

#define FILTER_TYPES (FACT_SNAPSHOT + 1)

/* What only an image has. */
#define IMAGE_FLAGS                                                                                                                        \
	((uint32_t)(FACT_SETUID | FACT_SETGID | FACT_FILECAP | FACT_MEMFD | FACT_DELETED | FACT_UPPER | FACT_ARGV_TRUNCATED |                 \
		    FACT_EXE_TRUNCATED | FACT_CWD_TRUNCATED | FACT_EXE_KNOWN | FACT_ARGV_KNOWN | FACT_CWD_KNOWN))

struct left_out {
	uint64_t total;
	uint64_t waiting; /* of them not yet in a gap */
	uint64_t first_ns, last_ns;
};

struct filter {
	const struct filter_rule *rules;
	size_t count;
	struct told told;
	struct left_out left_out[FILTER_TYPES];
};

/* ---- rules ----------------------------------------------------------------------------------------------------- */

static const struct {
	const char *word;
	enum filter_action action;
} actions[] = {{"drop:", FILTER_DROP}, {"fork-only:", FILTER_FORK_ONLY}, {"keep:", FILTER_KEEP}};

static const struct {
	const char *word;
	enum filter_field field;
} fields[] = {{"exe=", FILTER_EXE}, {"user=", FILTER_USER}, {"cgroup=", FILTER_CGROUP}};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Steps over word when *text begins with it. */
static bool take(const char **text, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(*text, word, len) != 0)
		return false;
	*text += len;
	return true;
}

static bool take_action(const char **text, enum filter_action *ret)
{
	for (size_t i = 0; i < COUNT(actions); i++) {
		if (take(text, actions[i].word)) {
			*ret = actions[i].action;
			return true;
		}
	}
	return false;
}

static bool take_field(const char **text, enum filter_field *ret)
{
	for (size_t i = 0; i < COUNT(fields); i++) {
		if (take(text, fields[i].word)) {
			*ret = fields[i].field;
			return true;
		}
	}
	return false;
}

/* A pattern that can match nothing is a mistake that nobody would notice. */
static const char *wrong_glob(enum filter_field field, const char *glob)
{
	if (!*glob)
		return "give a pattern behind '=', such as /usr/lib/*; '*' alone matches everything";
	if (field == FILTER_EXE && !strchr("/*?", *glob) && strncmp(glob, "memfd:", 6) != 0)
		return "an executable is an absolute path or memfd:NAME: begin the pattern with '/' or '*'";
	if (field == FILTER_CGROUP && !strchr("/*?", *glob))
		return "a cgroup is a path such as /system.slice/cron.service: begin the pattern with '/' or '*'";
	return NULL;
}

int filter_rule_parse(const char *text, struct filter_rule *ret, const char **ret_why)
{
	struct filter_rule rule = {0};
	const char *at = text;

	*ret_why = NULL;
	if (!take_action(&at, &rule.action))
		*ret_why = "give ACTION:FIELD=GLOB; an action is drop, fork-only or keep";
	else if (!take_field(&at, &rule.field))
		*ret_why = "give ACTION:FIELD=GLOB; a field is exe, user or cgroup";
	else
		*ret_why = wrong_glob(rule.field, at);
	if (*ret_why)
		return -EINVAL;
	rule.glob = bytes_from_string(at);
	*ret = rule;
	return 0;
}

/* The last '*' is the only one that ever needs to be tried again, so time is bounded by the product of both lengths. */
static bool glob_matches(struct bytes glob, struct bytes text)
{
	uint32_t g = 0, t = 0, star = UINT32_MAX, again = 0;

	while (t < text.len) {
		if (g < glob.len && glob.data[g] == '*') {
			star = g++;
			again = t;
		} else if (g < glob.len && (glob.data[g] == '?' || glob.data[g] == text.data[t])) {
			g++;
			t++;
		} else if (star != UINT32_MAX) {
			g = star + 1;
			t = ++again;
		} else {
			return false;
		}
	}
	while (g < glob.len && glob.data[g] == '*')
		g++;
	return g == glob.len;
}

static bool user_matches(struct bytes glob, const struct fact_context *context)
{
	char number[16];
	int len = snprintf(number, sizeof(number), "%u", context->uid);

	return (context->user.len && glob_matches(glob, context->user)) || glob_matches(glob, bytes_make(number, (size_t)len));
}

static uint64_t match_exe(const struct filter *filter, struct bytes exe)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < filter->count; i++) {
		if (filter->rules[i].field == FILTER_EXE && glob_matches(filter->rules[i].glob, exe))
			bits |= UINT64_C(1) << i;
	}
	return bits;
}

static enum filter_action decide(const struct filter *filter, const struct fact_context *context, uint64_t exe_rules)
{
	for (size_t i = 0; i < filter->count; i++) {
		const struct filter_rule *rule = &filter->rules[i];
		bool matches = false;

		if (rule->field == FILTER_EXE)
			matches = exe_rules >> i & 1;
		else if (rule->field == FILTER_USER)
			matches = user_matches(rule->glob, context);
		else
			matches = glob_matches(rule->glob, context->cgroup);
		if (matches)
			return rule->action;
	}
	return FILTER_KEEP;
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

int filter_create(struct filter **ret, const struct filter_rule *rules, size_t count)
{
	struct filter *filter;

	if (count > FILTER_RULES_MAX)
		return -E2BIG;
	filter = calloc(1, sizeof(*filter));
	if (!filter)
		return -ENOMEM;
	filter->rules = rules;
	filter->count = count;
	*ret = filter;
	return 0;
}

void filter_destroy(struct filter *filter)
{
	if (!filter)
		return;
	told_finish(&filter->told);
	free(filter);
}

/* ---- facts ----------------------------------------------------------------------------------------------------- */

static uint64_t exe_rules_of(const struct filter *filter, const struct told_slot *slot, const struct fact *fact)
{
	const struct told_slot *creator;

	if (fact->type == FACT_EXEC || (fact->type == FACT_SNAPSHOT && fact->flags & FACT_EXE_KNOWN))
		return match_exe(filter, fact->exe);
	if (slot || fact->type != FACT_FORK)
		return slot ? slot->exe_rules : 0;
	creator = told_find(&filter->told, fact->creator.tgid ? fact->creator : fact->parent);
	return creator ? creator->exe_rules : 0;
}

/* The process is looked at as a whole: an image may be hidden, the end of a life that has begun for others may not; and who is left out of a
 * snapshot would be taken for dead. */
static bool stays_here(const struct filter *filter, const struct told_slot *slot, const struct fact *fact, enum filter_action action)
{
	if (fact->type == FACT_EXEC)
		return action != FILTER_KEEP;
	if (slot)
		return !slot->sent && (action == FILTER_DROP || fact->type == FACT_EXIT);
	return action == FILTER_DROP && !(fact->type == FACT_EXIT && filter->told.overflowed);
}

static void take_image_out(struct fact *fact)
{
	fact->exe = fact->script = fact->interpreter = fact->cwd = fact->argv = fact->environ_ = BYTES_NULL;
	fact->argv_bytes = fact->exe_inode = fact->exe_ctime_ns = 0;
	fact->exe_dev = fact->exe_mode = fact->exe_nlink = 0;
	fact->flags &= ~IMAGE_FLAGS;
}

static void count(struct left_out *left_out, uint64_t time_ns)
{
	left_out->total++;
	if (left_out->waiting++ == 0)
		left_out->first_ns = left_out->last_ns = time_ns;
	if (time_ns < left_out->first_ns)
		left_out->first_ns = time_ns;
	if (time_ns > left_out->last_ns)
		left_out->last_ns = time_ns;
}

static void remember(struct filter *filter, const struct fact *fact, uint64_t exe_rules, bool sent)
{
	const struct told_slot slot = {.start_ns = fact->self.start_ns, .seen_ns = fact->time_ns, .exe_rules = exe_rules,
				       .tgid = fact->self.tgid, .sent = sent};

	if (fact->type == FACT_EXIT || fact->flags & FACT_ZOMBIE)
		told_remove(&filter->told, fact->self.tgid);
	else
		told_put(&filter->told, &slot);
}

int filter_apply(struct filter *filter, struct fact *fact)
{
	const struct told_slot *slot = told_find(&filter->told, fact->self);
	uint64_t exe_rules = exe_rules_of(filter, slot, fact);
	enum filter_action action = decide(filter, fact->context, exe_rules);
	bool out, in_part;

	if (fact->self.tgid == 0 || fact->type >= FILTER_TYPES)
		return 0; /* no process: for others to refuse */
	out = stays_here(filter, slot, fact, action);
	in_part = !out && fact->type == FACT_SNAPSHOT && action != FILTER_KEEP;
	remember(filter, fact, exe_rules, !out || (slot && slot->sent));
	if (in_part)
		take_image_out(fact);
	if (out || in_part)
		count(&filter->left_out[fact->type], fact->time_ns);
	return out ? FILTER_E_OUT : 0;
}

void filter_snapshot(struct filter *filter, const struct snapshot_mark *mark)
{
	told_sweep(&filter->told, mark->begin_ns);
}

/* ---- what was left out ----------------------------------------------------------------------------------------- */

bool filter_take_gap(struct filter *filter, uint64_t now_ns, bool all, struct gap *ret)
{
	for (uint32_t type = FACT_FORK; type < FILTER_TYPES; type++) {
		struct left_out *left_out = &filter->left_out[type];

		if (!left_out->waiting || (!all && now_ns < left_out->first_ns + FILTER_GAP_NS))
			continue;
		*ret = (struct gap){.type = type, .reason = GAP_FILTERED, .from_ns = left_out->first_ns, .to_ns = left_out->last_ns,
				    .count = left_out->waiting};
		left_out->waiting = 0;
		return true;
	}
	return false;
}

uint64_t filter_count(const struct filter *filter, enum fact_type type)
{
	return filter->left_out[type].total;
}
