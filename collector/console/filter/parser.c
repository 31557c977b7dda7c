/* SPDX-License-Identifier: Apache-2.0 */
/* Recursive descent with one token of lookahead. 'and' and 'or' make nodes with a list of children, so that only
 * parentheses and nots nest, and those are bounded. */
#include "collector/console/filter/parser.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include "collector/console/filter/lexer.h"
#include "collector/console/filter/operand.h"
#include "proto/model/utf8.h"

struct parser {
	struct lexer lexer;
	struct token token; /* the next one, read as LEXER_WORD */
	struct arena *arena;
	struct filter_error *error;
	int64_t now;
	uint32_t depth;
};

/* ---- errors -------------------------------------------------------------------------------------------------- */

#define SHOWN_MAX 40u /* bytes of the user's text in a message */

/* Text for a message: cut, and without anything that a terminal would obey. */
static void show(struct bytes text, char out[SHOWN_MAX + 4])
{
	uint32_t at = 0, len = 0;

	while (at < text.len && len < SHOWN_MAX - 4) {
		size_t size = utf8_sequence(text.data + at, text.len - at);
		uint8_t c = (uint8_t)text.data[at];
		bool control = c < 0x20 || c == 0x7f || (c == 0xc2 && size == 2 && (uint8_t)text.data[at + 1] < 0xa0);

		if (size == 0 || control) {
			out[len++] = '?';
			at += size ? (uint32_t)size : 1;
			continue;
		}
		memcpy(out + len, text.data + at, size);
		len += (uint32_t)size;
		at += (uint32_t)size;
	}
	(void)strcpy(out + len, at < text.len ? "..." : "");
}

/* Column of a byte offset: characters before it, and one. */
static uint32_t column_of(const struct parser *p, uint32_t at)
{
	uint32_t column = 1;

	for (uint32_t i = 0; i < at && i < p->lexer.text.len; i++)
		column += ((uint8_t)p->lexer.text.data[i] & 0xc0) != 0x80;
	return column;
}

__attribute__((format(printf, 4, 5)))
static int fail(struct parser *p, uint32_t at, const char *hint, const char *format, ...)
{
	va_list args;

	p->error->column = column_of(p, at);
	va_start(args, format);
	(void)vsnprintf(p->error->message, sizeof(p->error->message), format, args);
	va_end(args);
	(void)snprintf(p->error->hint, sizeof(p->error->hint), "%s", hint);
	return -EINVAL;
}

static int fail_at_token(struct parser *p, const struct token *token, const char *hint, const char *what)
{
	char shown[SHOWN_MAX + 4];

	if (token->type == TOKEN_END)
		return fail(p, token->at, hint, "the filter ends where %s", what);
	show(token->text, shown);
	return fail(p, token->at, hint, "'%s' stands where %s", shown, what);
}

/* ---- tokens -------------------------------------------------------------------------------------------------- */

static int read_token(struct parser *p, enum lexer_mode mode, struct token *ret)
{
	const char *why = NULL;
	int r = lexer_next(&p->lexer, mode, ret, &why);

	return r == -EINVAL ? fail(p, ret->at, "end it with the quote that it began with", "%s", why) : r;
}

static int advance(struct parser *p)
{
	return read_token(p, LEXER_WORD, &p->token);
}

/* Reads again, as another mode has it, what stands behind the last token that was consumed. */
static int reread(struct parser *p, uint32_t at, enum lexer_mode mode)
{
	p->lexer.at = at;
	return read_token(p, mode, &p->token);
}

static bool is_sign(const struct token *token, const char *sign)
{
	return token->type == TOKEN_SIGN && bytes_equal(token->text, bytes_from_string(sign));
}

/* and, And, AND */
static bool is_word(const struct token *token, const char *word)
{
	return token->type == TOKEN_WORD && token->text.len == strlen(word) &&
	       strncasecmp(token->text.data, word, token->text.len) == 0;
}

static const struct {
	const char *text;
	enum filter_op op;
	enum token_type type;
} operators[] = {
    {"=", FILTER_EQ, TOKEN_SIGN},
    {"==", FILTER_EQ, TOKEN_SIGN},
    {"!=", FILTER_NE, TOKEN_SIGN},
    {"<", FILTER_LT, TOKEN_SIGN},
    {"<=", FILTER_LE, TOKEN_SIGN},
    {">", FILTER_GT, TOKEN_SIGN},
    {">=", FILTER_GE, TOKEN_SIGN},
    {"contains", FILTER_CONTAINS, TOKEN_WORD},
    {"icontains", FILTER_ICONTAINS, TOKEN_WORD},
    {"startswith", FILTER_STARTSWITH, TOKEN_WORD},
    {"endswith", FILTER_ENDSWITH, TOKEN_WORD},
    {"glob", FILTER_GLOB, TOKEN_WORD},
    {"regex", FILTER_REGEX, TOKEN_WORD},
    {"in", FILTER_IN, TOKEN_WORD},
    {"exists", FILTER_EXISTS, TOKEN_WORD},
};

static const char *find_operator(const struct token *token, enum filter_op *ret)
{
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		if (token->type != operators[i].type || !bytes_equal(token->text, bytes_from_string(operators[i].text)))
			continue;
		*ret = operators[i].op;
		return operators[i].text;
	}
	return NULL;
}

static int new_node(struct parser *p, enum filter_kind kind, struct filter_node **ret)
{
	struct filter_node *node = arena_zalloc(p->arena, 1, sizeof(*node));

	if (!node)
		return -ENOMEM;
	node->kind = kind;
	*ret = node;
	return 0;
}

/* ---- values -------------------------------------------------------------------------------------------------- */

static int fail_value(struct parser *p, const struct token *token, struct bytes field, const char *why)
{
	char shown[SHOWN_MAX + 4], name[SHOWN_MAX + 4];

	show(token->text, shown);
	show(field, name);
	return fail(p, token->at, "", "%s %s, '%s' is none", name, why, shown);
}

/* Times and durations may go over several words ('10m ago', '2026-11-22 12:00'): as many as make sense together.
 * p->token is the first one; behind it stands the token after the value. */
#define VALUE_WORDS_MAX 6u /* 1 hour 30 minutes ago, and one */

static int take_long_value(struct parser *p, const struct filter_operand *operand, struct bytes name,
			   struct field_value *ret)
{
	struct token first = p->token;
	uint32_t end = first.end;
	const char *why = NULL;
	bool found = operand_value(operand, first.text, p->now, ret, &why) == 0;
	int r = advance(p);

	for (uint32_t i = 1; r == 0 && first.type == TOKEN_WORD && i < VALUE_WORDS_MAX && p->token.type == TOKEN_WORD;
	     i++) {
		struct bytes text = bytes_make(p->lexer.text.data + first.at, p->token.end - first.at);

		if (operand_value(operand, text, p->now, ret, &why) == 0) {
			found = true;
			end = p->token.end;
		}
		r = advance(p);
	}
	if (r < 0)
		return r;
	return found ? reread(p, end, LEXER_WORD) : fail_value(p, &first, name, why);
}

static int take_value(struct parser *p, const struct filter_operand *operand, struct bytes name,
		      struct field_value *ret)
{
	const char *why = NULL;
	struct token token = p->token;

	if (token.type != TOKEN_WORD && token.type != TOKEN_STRING)
		return fail_at_token(p, &token, "put text with signs or blanks into quotes", "a value is expected");
	if (operand->type == FIELD_TIME || operand->type == FIELD_DURATION)
		return take_long_value(p, operand, name, ret);
	if (operand_value(operand, token.text, p->now, ret, &why) < 0)
		return fail_value(p, &token, name, why);
	return advance(p);
}

static int take_regex(struct parser *p, struct filter_condition *condition)
{
	struct token token = p->token;
	const char *why = NULL;
	uint32_t at = 0;
	int r;

	if (token.type != TOKEN_WORD && token.type != TOKEN_STRING)
		return fail_at_token(p, &token, "put the expression into quotes", "an expression is expected");
	r = regex_compile(&condition->regex, p->arena, token.text, &why, &at);
	if (r == -EINVAL)
		return fail(p, token.at + (token.type == TOKEN_STRING) + at,
			    "the syntax is RE2's, without look-around and back references",
			    "in the regular expression: %s", why);
	return r < 0 ? r : advance(p);
}

/* ( value { , value } ); p->token is the bracket */
static int take_list(struct parser *p, struct filter_condition *condition, struct bytes name)
{
	uint32_t capacity = 0, from = p->token.end;

	if (!is_sign(&p->token, "("))
		return fail_at_token(p, &p->token, "write a list as in (bash, zsh)",
				     "a list in parentheses is expected");
	for (;;) {
		int r = reread(p, from, LEXER_VALUE);

		if (r == 0 && condition->value_count == capacity) {
			struct field_value *values = arena_alloc(p->arena, (capacity * 2 + 4) * sizeof(*values));

			if (!values)
				return -ENOMEM;
			if (capacity)
				memcpy(values, condition->values, capacity * sizeof(*values));
			condition->values = values;
			capacity = capacity * 2 + 4;
		}
		if (r == 0)
			r = take_value(p, &condition->operand, name, &condition->values[condition->value_count]);
		if (r < 0)
			return r;
		condition->value_count++;
		from = p->token.end;
		if (is_sign(&p->token, ")"))
			return advance(p);
		if (!is_sign(&p->token, ","))
			return fail_at_token(p, &p->token, "", "',' or ')' is expected");
	}
}

/* ---- conditions ---------------------------------------------------------------------------------------------- */

static int take_right_side(struct parser *p, struct filter_condition *condition, struct bytes name, uint32_t from)
{
	int r;

	if (condition->op == FILTER_EXISTS)
		return advance(p);
	r = reread(p, from, condition->op == FILTER_REGEX ? LEXER_PATTERN : LEXER_VALUE);
	if (r < 0)
		return r;
	if (condition->op == FILTER_REGEX)
		return take_regex(p, condition);
	if (condition->op == FILTER_IN)
		return take_list(p, condition, name);
	condition->values = arena_alloc(p->arena, sizeof(*condition->values));
	condition->value_count = 1;
	return condition->values ? take_value(p, &condition->operand, name, condition->values) : -ENOMEM;
}

static int fail_field(struct parser *p, const struct token *name, const char *why, const char *nearest)
{
	char shown[SHOWN_MAX + 4], hint[100] = "to look for it as text, put it into quotes";

	show(name->text, shown);
	if (nearest)
		(void)snprintf(hint, sizeof(hint), "did you mean %s?", nearest);
	return fail(p, name->at, hint, "%s %s", shown, why);
}

/* field operator value: p->token is the operator */
static int parse_condition(struct parser *p, const struct token *name, enum filter_op op, const char *sign,
			   struct filter_node **ret)
{
	struct filter_condition *condition;
	const char *why = NULL, *nearest = NULL;
	char shown[SHOWN_MAX + 4];
	int r = new_node(p, FILTER_CONDITION, ret);

	if (r < 0)
		return r;
	condition = &(*ret)->condition;
	condition->op = op;
	r = operand_resolve(name->text, &condition->operand, &why, &nearest);
	if (r != 0)
		return fail_field(p, name, why ? why : "is not a field", nearest);
	show(name->text, shown);
	if (!operand_takes(&condition->operand, op, &why))
		return fail(p, p->token.at, "", "%s %s, %s is not", sign, why, shown);
	return take_right_side(p, condition, name->text, p->token.end);
}

/* A word without an operator behind it: a field that is true or false, or text to look for. */
static int parse_bare(struct parser *p, const struct token *word, struct filter_node **ret)
{
	struct filter_operand operand;
	const char *why = NULL, *nearest = NULL;
	char shown[SHOWN_MAX + 4];
	int r = OPERAND_E_NOT_A_FIELD;

	if (word->type == TOKEN_WORD)
		r = operand_resolve(word->text, &operand, &why, &nearest);
	if (r < 0)
		return fail_field(p, word, why, nearest);
	show(word->text, shown);
	if (r == 0 && operand.type != FIELD_BOOL)
		return fail(p, word->end, "such as = and a value, or exists", "%s needs an operator", shown);
	if (new_node(p, r == 0 ? FILTER_CONDITION : FILTER_WORD, ret) < 0)
		return -ENOMEM;
	if (r != 0) {
		(*ret)->word = word->text;
		return 0;
	}
	(*ret)->condition = (struct filter_condition){.operand = operand, .op = FILTER_EQ, .value_count = 1};
	(*ret)->condition.values = arena_alloc(p->arena, sizeof(struct field_value));
	if (!(*ret)->condition.values)
		return -ENOMEM;
	*(*ret)->condition.values = (struct field_value){.known = true, .truth = true};
	return 0;
}

static int parse_or(struct parser *p, struct filter_node **ret);

static int parse_not(struct parser *p, struct filter_node **ret);

static int parse_parentheses(struct parser *p, struct filter_node **ret)
{
	uint32_t at = p->token.at;
	int r = advance(p);

	if (r == 0)
		r = parse_or(p, ret);
	if (r < 0)
		return r;
	if (!is_sign(&p->token, ")"))
		return fail(p, at, "close it with )", "the parenthesis is not closed");
	return advance(p);
}

static int parse_unary(struct parser *p, struct filter_node **ret)
{
	struct token word = p->token;
	enum filter_op op;
	const char *sign;
	int r;

	if (is_sign(&word, "(") || is_sign(&word, "!") || is_word(&word, "not")) {
		if (++p->depth > FILTER_DEPTH_MAX)
			return fail(p, word.at, "", "more than %u parentheses and nots are nested", FILTER_DEPTH_MAX);
		r = is_sign(&word, "(") ? parse_parentheses(p, ret) : parse_not(p, ret);
		p->depth--;
		return r;
	}
	if ((word.type != TOKEN_WORD && word.type != TOKEN_STRING) || is_word(&word, "and") || is_word(&word, "or"))
		return fail_at_token(p, &word, "such as proc.name = bash, or a word to look for",
				     "a condition is expected");
	r = advance(p);
	if (r < 0)
		return r;
	sign = find_operator(&p->token, &op);
	return sign && word.type == TOKEN_WORD ? parse_condition(p, &word, op, sign, ret) : parse_bare(p, &word, ret);
}

static int parse_not(struct parser *p, struct filter_node **ret)
{
	struct filter_node *child;
	int r = advance(p);

	if (r == 0)
		r = parse_unary(p, &child);
	if (r == 0)
		r = new_node(p, FILTER_NOT, ret);
	if (r == 0)
		(*ret)->children = child;
	return r;
}

typedef int (*parse_fn)(struct parser *p, struct filter_node **ret);

/* part { word part }: one node over all parts when there are several */
static int parse_chain(struct parser *p, parse_fn part, const char *word, const char *sign, enum filter_kind kind,
		       struct filter_node **ret)
{
	struct filter_node *first, *last;
	int r = part(p, &first);

	if (r < 0)
		return r;
	if (!is_word(&p->token, word) && !is_sign(&p->token, sign)) {
		*ret = first;
		return 0;
	}
	r = new_node(p, kind, ret);
	last = first;
	while (r == 0 && (is_word(&p->token, word) || is_sign(&p->token, sign))) {
		r = advance(p);
		if (r == 0)
			r = part(p, &last->next);
		last = r == 0 ? last->next : last;
	}
	if (r == 0)
		(*ret)->children = first;
	return r;
}

static int parse_and(struct parser *p, struct filter_node **ret)
{
	return parse_chain(p, parse_unary, "and", "&&", FILTER_AND, ret);
}

static int parse_or(struct parser *p, struct filter_node **ret)
{
	return parse_chain(p, parse_and, "or", "||", FILTER_OR, ret);
}

int parser_run(struct filter *filter, struct bytes text, int64_t now_wall_ns, struct filter_error *ret_error)
{
	struct parser p = {.lexer = {.text = text, .arena = &filter->arena},
			   .arena = &filter->arena,
			   .error = ret_error,
			   .now = now_wall_ns};
	int r = advance(&p);

	if (r < 0 || p.token.type == TOKEN_END)
		return r;
	r = parse_or(&p, &filter->root);
	if (r == 0 && p.token.type != TOKEN_END)
		r = fail_at_token(&p, &p.token, "join conditions by and, or; put text with blanks into quotes",
				  "and, or, or the end is expected");
	return r;
}
