/* SPDX-License-Identifier: Apache-2.0 */
/* Rules as somebody may write them, and facts in the order of a kernel. Parts of the input: up to eight rules, a newline each; names
 * (executables, users, cgroups), a newline each; then facts of three bytes. The outcome is compared with a plain reading of the rules,
 * and whoever has begun for others must end for them. */
#include "sensor/batch/filter.h"
#include "tests/fuzz/input.h"

#define RULES 8u
#define NAMES 8u
#define PROCESSES 4u
#define SECOND UINT64_C(1000000000)
#define FACT_BYTES 3u

struct run {
	struct filter_rule rules[RULES];
	size_t rule_count;
	struct bytes names[NAMES];
	struct filter *filter;
	struct {
		uint64_t start_ns; /* 0 = not known */
		uint64_t seen_ns;
		bool told;
	} processes[PROCESSES];
	uint64_t now_ns, left_out, in_gaps;
};

/* As the manual says it, by trying everything. */
static bool glob(struct bytes pattern, struct bytes text)
{
	if (pattern.len == 0)
		return text.len == 0;
	if (pattern.data[0] == '*')
		return glob(bytes_make(pattern.data + 1, pattern.len - 1), text) ||
		       (text.len && glob(pattern, bytes_make(text.data + 1, text.len - 1)));
	return text.len && (pattern.data[0] == '?' || pattern.data[0] == text.data[0]) &&
	       glob(bytes_make(pattern.data + 1, pattern.len - 1), bytes_make(text.data + 1, text.len - 1));
}

/* Of the first rule that matches an exec, whose executable is in it. */
static enum filter_action expected(const struct run *run, const struct fact *fact)
{
	char number[2] = {(char)('0' + fact->context->uid), '\0'};

	for (size_t i = 0; i < run->rule_count; i++) {
		const struct filter_rule *rule = &run->rules[i];
		struct bytes user = fact->context->user;
		bool matches;

		if (rule->field == FILTER_EXE)
			matches = glob(rule->glob, fact->exe);
		else if (rule->field == FILTER_CGROUP)
			matches = glob(rule->glob, fact->context->cgroup);
		else
			matches = (user.len && glob(rule->glob, user)) || glob(rule->glob, bytes_from_string(number));
		if (matches)
			return rule->action;
	}
	return FILTER_KEEP;
}

static void make_fact(struct run *run, const uint8_t *from, struct fact_context *context, struct fact *ret)
{
	unsigned number = from[1] % PROCESSES;

	*context = (struct fact_context){
		.uid = from[2] >> 6, .user = run->names[from[2] & 7], .cgroup = run->names[from[2] >> 3 & 7]};
	*ret = (struct fact){
		.type = (enum fact_type)(FACT_FORK + from[0] % 4),
		.flags = FACT_CWD_KNOWN | (from[0] & 4 ? FACT_EXE_KNOWN : 0) | (from[0] & 8 ? FACT_ZOMBIE : 0),
		.time_ns = run->now_ns,
		.self = {.tgid = number + 1, .start_ns = run->processes[number].start_ns},
		.creator = {.tgid = (from[1] >> 4) % PROCESSES + 1},
		.exe = run->names[from[1] >> 2 & 7],
		.context = context,
	};
	if (ret->type == FACT_FORK || ret->self.start_ns == 0) /* a life of its own */
		ret->self.start_ns = run->now_ns;
	ret->creator.start_ns = run->processes[ret->creator.tgid - 1].start_ns;
	if (ret->type != FACT_SNAPSHOT)
		ret->flags &= ~(uint32_t)FACT_ZOMBIE;
}

static void apply(struct run *run, const uint8_t *from)
{
	struct fact_context context;
	struct fact fact;
	unsigned number = from[1] % PROCESSES;
	bool known, in_part;
	int r;

	make_fact(run, from, &context, &fact);
	known = run->processes[number].start_ns == fact.self.start_ns;
	r = filter_apply(run->filter, &fact);
	must(r == 0 || r == FILTER_E_OUT);
	if (fact.type == FACT_EXEC)
		must((r == 0) == (expected(run, &fact) == FILTER_KEEP));
	in_part = r == 0 && !(fact.flags & FACT_CWD_KNOWN); /* its image was taken out */
	must(!in_part || (fact.type == FACT_SNAPSHOT && fact.exe.len == 0 && !(fact.flags & FACT_EXE_KNOWN)));
	if (known && run->processes[number].told)
		must(r == 0 || fact.type == FACT_EXEC);
	run->left_out += r == FILTER_E_OUT || in_part;
	run->processes[number].told = r == 0 || (known && run->processes[number].told);
	run->processes[number].seen_ns = run->now_ns;
	run->processes[number].start_ns = fact.type == FACT_EXIT || fact.flags & FACT_ZOMBIE ? 0 : fact.self.start_ns;
}

static void take_gaps(struct run *run, bool all)
{
	struct gap gap;

	while (filter_take_gap(run->filter, run->now_ns, all, &gap)) {
		must(gap.reason == GAP_FILTERED && gap.count && gap.from_ns <= gap.to_ns && gap.to_ns <= run->now_ns);
		run->in_gaps += gap.count;
	}
}

static void take_snapshot(struct run *run)
{
	struct snapshot_mark mark = {.begin_ns = run->now_ns - 3 * SECOND, .end_ns = run->now_ns};

	filter_snapshot(run->filter, &mark);
	for (unsigned i = 0; i < PROCESSES; i++)
		if (run->processes[i].seen_ns < mark.begin_ns)
			run->processes[i].start_ns = 0;
}

static void read_rules(struct run *run, char *text)
{
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line && run->rule_count < RULES; line = strtok_r(NULL, "\n", &rest)) {
		const char *why = NULL;

		if (filter_rule_parse(line, &run->rules[run->rule_count], &why) == 0)
			must(run->rules[run->rule_count++].glob.len > 0);
		else
			must(why && *why);
	}
}

static void read_names(struct run *run, char *text)
{
	char *rest = NULL;
	size_t count = 0;

	for (char *line = strtok_r(text, "\n", &rest); line && count < NAMES; line = strtok_r(NULL, "\n", &rest))
		run->names[count++] = bytes_from_string(line);
}

/* Trying everything takes exponential time. */
static bool is_small(const struct run *run)
{
	for (size_t i = 0; i < run->rule_count; i++) {
		unsigned stars = 0;

		for (uint32_t at = 0; at < run->rules[i].glob.len; at++)
			stars += run->rules[i].glob.data[at] == '*';
		if (stars > 4)
			return false;
	}
	for (size_t i = 0; i < NAMES; i++)
		if (run->names[i].len > 40)
			return false;
	return true;
}

static void play(struct run *run, struct input *input)
{
	uint64_t counted = 0;

	must(filter_create(&run->filter, run->rules, run->rule_count) == 0);
	for (; input->left >= FACT_BYTES; input->at += FACT_BYTES, input->left -= FACT_BYTES) {
		run->now_ns += SECOND;
		apply(run, input->at);
		if ((input->at[0] & 0xf0) == 0xf0)
			take_snapshot(run);
		take_gaps(run, false);
	}
	take_gaps(run, true);
	for (int type = FACT_FORK; type <= FACT_SNAPSHOT; type++)
		counted += filter_count(run->filter, (enum fact_type)type);
	must(counted == run->in_gaps && counted == run->left_out);
	filter_destroy(run->filter);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct run run = {.now_ns = 1000 * SECOND};
	char *rules = input_string(input_part(&input)), *names = input_string(input_part(&input));

	read_rules(&run, rules);
	read_names(&run, names);
	if (is_small(&run) && input.left < 300)
		play(&run, &input);
	free(rules);
	free(names);
	return 0;
}
