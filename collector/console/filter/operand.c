/* SPDX-License-Identifier: Apache-2.0 */
/* Names are looked up in the field table; the families with a key or an index are resolved here, since the table has
 * one row for each. */
#include "collector/console/filter/operand.h"

#include <errno.h>
#include <signal.h>

#include "collector/console/filter/match.h"
#include "proto/model/when.h"

#define TAG_PREFIX "host.tag."
#define QUALITY_PREFIX "quality."
#define ENV_PREFIX "proc.env["

/* A word that begins so is meant as a field, even when it is none. */
static const char *const prefixes[] = {"proc.", "user.", "host.", "container.", "cgroup.", QUALITY_PREFIX};

/* An ancestor's field is the field of that name of a process. */
static const struct {
	const char *name, *own;
} ancestors[] = {
	{"proc.aname", "proc.name"},
	{"proc.apid", "proc.pid"},
	{"proc.aexepath", "proc.exepath"},
	{"proc.acmdline", "proc.cmdline"},
};

/* ---- did you mean -------------------------------------------------------------------------------------------- */

#define NAME_MAX_ 32u /* no field name is longer */

static uint32_t least(uint32_t a, uint32_t b, uint32_t c)
{
	uint32_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Levenshtein's distance, one row at a time. */
static uint32_t distance(struct bytes a, struct bytes b)
{
	uint32_t row[NAME_MAX_ + 1];

	for (uint32_t i = 0; i <= b.len; i++)
		row[i] = i;
	for (uint32_t i = 0; i < a.len; i++) {
		uint32_t diagonal = row[0];

		row[0] = i + 1;
		for (uint32_t k = 0; k < b.len; k++) {
			uint32_t above = row[k + 1];

			row[k + 1] = least(above + 1, row[k] + 1, diagonal + (a.data[i] != b.data[k]));
			diagonal = above;
		}
	}
	return row[b.len];
}

static const char *nearest_field(struct bytes name)
{
	uint32_t best = 4; /* farther is guessing */
	const char *found = NULL;
	size_t count;
	const struct field *fields = field_table(&count);

	if (name.len > NAME_MAX_)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		struct bytes candidate = bytes_from_string(fields[i].name);
		uint32_t d = candidate.len > NAME_MAX_ ? best : distance(name, candidate);

		if (d < best) {
			best = d;
			found = fields[i].name;
		}
	}
	return found;
}

/* ---- names --------------------------------------------------------------------------------------------------- */

static bool looks_like_field(struct bytes name)
{
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (match_startswith(name, bytes_from_string(prefixes[i])))
			return true;
	return false;
}

static struct bytes behind(struct bytes name, size_t prefix)
{
	return bytes_make(name.data + prefix, name.len - prefix);
}

static int resolve_quality(struct bytes key, struct filter_operand *ret, const char **ret_why)
{
	for (size_t i = 0; i < PROCESS_QUALITY_WORDS; i++) {
		if (!bytes_equal(key, bytes_from_string(process_quality_words[i].text)))
			continue;
		*ret = (struct filter_operand){
		    .source = FILTER_QUALITY, .type = FIELD_BOOL, .bit = process_quality_words[i].bit};
		return 0;
	}
	*ret_why = "is no quality; there are seeded, exec_lost, placeholder, exit_unknown, host_rebooted";
	return -EINVAL;
}

/* [n] */
static int parse_index(struct bytes text, uint32_t *ret)
{
	uint32_t value = 0;

	if (text.len < 3 || text.len > 6 || text.data[0] != '[' || text.data[text.len - 1] != ']')
		return -EINVAL;
	for (uint32_t i = 1; i + 1 < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return -EINVAL;
		value = value * 10 + (uint32_t)(text.data[i] - '0');
	}
	if (value > FILTER_INDEX_MAX)
		return -EINVAL;
	*ret = value;
	return 0;
}

/* 0, -EINVAL, or OPERAND_E_NOT_A_FIELD when it is none of the family. */
static int resolve_ancestor(struct bytes name, struct filter_operand *ret, const char **ret_why)
{
	for (size_t i = 0; i < sizeof(ancestors) / sizeof(ancestors[0]); i++) {
		struct bytes family = bytes_from_string(ancestors[i].name);
		struct filter_operand operand = {.source = FILTER_ANCESTOR, .any = name.len == family.len};

		if (!match_startswith(name, family) || (!operand.any && name.data[family.len] != '['))
			continue;
		if (!operand.any && parse_index(behind(name, family.len), &operand.index) < 0) {
			*ret_why = "wants an index from 0 to 1024, as in proc.aname[1] for the parent";
			return -EINVAL;
		}
		operand.field = field_find(bytes_from_string(ancestors[i].own));
		operand.type = operand.field->type;
		*ret = operand;
		return 0;
	}
	return OPERAND_E_NOT_A_FIELD;
}

/* NAME] */
static int resolve_env(struct bytes rest, struct filter_operand *ret, const char **ret_why)
{
	if (rest.len < 2 || rest.data[rest.len - 1] != ']') {
		*ret_why = "wants the name of a variable, as in proc.env[LANG]";
		return -EINVAL;
	}
	*ret = (struct filter_operand){.source = FILTER_ENV, .type = FIELD_STRING, .key = bytes_make(rest.data, rest.len - 1)};
	return 0;
}

int operand_resolve(struct bytes name, struct filter_operand *ret, const char **ret_why, const char **ret_nearest)
{
	int r;

	*ret_nearest = NULL;
	r = resolve_ancestor(name, ret, ret_why);
	if (r != OPERAND_E_NOT_A_FIELD)
		return r;
	if (match_startswith(name, BYTES_LITERAL(TAG_PREFIX)) && name.len > sizeof(TAG_PREFIX) - 1) {
		*ret = (struct filter_operand){
		    .source = FILTER_TAG, .type = FIELD_STRING, .key = behind(name, sizeof(TAG_PREFIX) - 1)};
		return 0;
	}
	if (match_startswith(name, BYTES_LITERAL(ENV_PREFIX)))
		return resolve_env(behind(name, sizeof(ENV_PREFIX) - 1), ret, ret_why);
	if (match_startswith(name, BYTES_LITERAL(QUALITY_PREFIX)))
		return resolve_quality(behind(name, sizeof(QUALITY_PREFIX) - 1), ret, ret_why);
	*ret = (struct filter_operand){.source = FILTER_OWN, .field = field_find(name)};
	if (ret->field) {
		ret->type = ret->field->type;
		return 0;
	}
	*ret_why = "is not a field";
	*ret_nearest = nearest_field(name);
	return looks_like_field(name) ? -EINVAL : OPERAND_E_NOT_A_FIELD;
}

/* ---- values -------------------------------------------------------------------------------------------------- */

/* KILL or SIGKILL */
static int signal_number(struct bytes text, int64_t *ret)
{
	if (match_startswith(text, BYTES_LITERAL("SIG")))
		text = behind(text, 3);
	for (int number = 1; number < NSIG; number++) {
		const char *name = sigabbrev_np(number);

		if (!name || !bytes_equal(text, bytes_from_string(name)))
			continue;
		*ret = number;
		return 0;
	}
	return -EINVAL;
}

static int number_value(const struct filter_operand *operand, struct bytes text, int64_t *ret, const char **ret_why)
{
	int r = size_parse(text, ret);

	*ret_why = r == -ERANGE ? "wants a number of at most 63 bits" : "wants a number";
	if (r < 0 && operand->field && strcmp(operand->field->name, "proc.signal") == 0) {
		r = signal_number(text, ret);
		*ret_why = "wants the number or name of a signal";
	}
	return r < 0 ? -EINVAL : 0;
}

static int bool_value(struct bytes text, bool *ret, const char **ret_why)
{
	static const char *const words[2][3] = {{"false", "no", "0"}, {"true", "yes", "1"}};

	for (int truth = 0; truth < 2; truth++)
		for (int i = 0; i < 3; i++)
			if (bytes_equal(text, bytes_from_string(words[truth][i]))) {
				*ret = truth;
				return 0;
			}
	*ret_why = "wants true or false";
	return -EINVAL;
}

int operand_value(const struct filter_operand *operand, struct bytes text, int64_t now_wall_ns, struct field_value *ret,
		  const char **ret_why)
{
	struct field_value value = {.known = true};
	int r = 0;

	switch (operand->type) {
	case FIELD_STRING:
		value.string = text;
		break;
	case FIELD_NUMBER:
		r = number_value(operand, text, &value.number, ret_why);
		break;
	case FIELD_BOOL:
		r = bool_value(text, &value.truth, ret_why);
		break;
	case FIELD_TIME:
		r = when_parse(text, now_wall_ns, 0, &value.number);
		*ret_why = "wants a time, such as '10m ago', yesterday or 2026-11-22T12:00:00Z";
		break;
	case FIELD_DURATION:
		r = duration_parse(text, &value.number);
		*ret_why = "wants a duration, such as 100ms, 1.5s or 2h";
		break;
	}
	if (r < 0)
		return -EINVAL;
	*ret = value;
	return 0;
}

bool operand_takes(const struct filter_operand *operand, enum filter_op op, const char **ret_why)
{
	bool string = operand->type == FIELD_STRING, ordered = !string && operand->type != FIELD_BOOL;

	if (op == FILTER_EQ || op == FILTER_NE || op == FILTER_IN || op == FILTER_EXISTS)
		return true;
	if (op == FILTER_LT || op == FILTER_LE || op == FILTER_GT || op == FILTER_GE) {
		*ret_why = "compares numbers, times and durations";
		return ordered;
	}
	*ret_why = "is for text";
	return string;
}
