/* SPDX-License-Identifier: Apache-2.0 */
/* Thompson's construction and simulation: the pattern becomes a small program, all of whose threads step through the
 * text together.
 *
 * Why our own: POSIX regexec backtracks (glibc) and can be made to take exponential time by whoever may write a filter;
 * PCRE2 does so too; RE2 is C++ and Debian has no C binding of it; Hyperscan is for x86 alone. What a filter needs of
 * it are these few hundred lines.
 *
 * Jumps are relative, so that a piece of program can be copied ({m,n}) and moved (to put a split before it) as it is.
 * Characters are code points; a byte that is not UTF-8 counts as U+FFFD, as in RE2. */
#include "collector/console/filter/regex.h"

#include <errno.h>

#include "proto/model/utf8.h"

enum op {
	OP_CHAR,
	OP_ANY, /* but newline */
	OP_CLASS,
	OP_SPLIT, /* a thread at at + x and one at at + y */
	OP_JUMP,  /* at + x */
	OP_BEGIN,
	OP_END,
	OP_BOUNDARY,
	OP_NO_BOUNDARY,
	OP_MATCH,
};

struct range {
	uint32_t low, high;
};

struct class {
	struct range *ranges;
	uint32_t count;
	bool negated;
};

struct instruction {
	enum op op;
	int32_t x, y;
	uint32_t c;
	const struct class *class;
};

/* Threads of one step: each instruction at most once. */
struct threads {
	uint16_t *at;
	uint32_t count;
};

struct regex {
	struct instruction *program;
	uint32_t length;
	bool fold;              /* (?i): ASCII letters match either case */
	struct threads now, next;
	uint32_t *seen;         /* step in which an instruction was last added */
	uint16_t *stack;
	uint32_t step;
};

struct compiler {
	struct arena *arena;
	struct bytes pattern;
	uint32_t at;
	struct instruction program[REGEX_PROGRAM_MAX];
	struct instruction piece[REGEX_PROGRAM_MAX]; /* what is being repeated */
	uint32_t length;
	uint32_t depth;
	const char *why;
};

/* ---- emitting ------------------------------------------------------------------------------------------------ */

static int fail(struct compiler *c, const char *why)
{
	c->why = why;
	return -EINVAL;
}

static int emit(struct compiler *c, struct instruction instruction)
{
	if (c->length == REGEX_PROGRAM_MAX)
		return fail(c, "the expression is too large");
	c->program[c->length++] = instruction;
	return 0;
}

/* Puts an instruction before what begins at at. */
static int insert(struct compiler *c, uint32_t at, struct instruction instruction)
{
	if (c->length == REGEX_PROGRAM_MAX)
		return fail(c, "the expression is too large");
	memmove(&c->program[at + 1], &c->program[at], (c->length - at) * sizeof(c->program[0]));
	c->program[at] = instruction;
	c->length++;
	return 0;
}

/* Appends a copy of the first length instructions of the piece. */
static int append_piece(struct compiler *c, uint32_t length)
{
	if (length > REGEX_PROGRAM_MAX - c->length)
		return fail(c, "the expression is too large");
	memcpy(&c->program[c->length], c->piece, length * sizeof(c->piece[0]));
	c->length += length;
	return 0;
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

static bool at_end(const struct compiler *c)
{
	return c->at == c->pattern.len;
}

static char peek(const struct compiler *c)
{
	return at_end(c) ? '\0' : c->pattern.data[c->at];
}

static bool take(struct compiler *c, char wanted)
{
	if (at_end(c) || c->pattern.data[c->at] != wanted)
		return false;
	c->at++;
	return true;
}

static uint32_t decode(const char *data, size_t len, size_t *ret_size)
{
	const uint8_t *p = (const uint8_t *)data;

	*ret_size = utf8_sequence(data, len);
	switch (*ret_size) {
	case 1:
		return p[0];
	case 2:
		return (uint32_t)(p[0] & 31) << 6 | (p[1] & 63);
	case 3:
		return (uint32_t)(p[0] & 15) << 12 | (uint32_t)(p[1] & 63) << 6 | (p[2] & 63);
	case 4:
		return (uint32_t)(p[0] & 7) << 18 | (uint32_t)(p[1] & 63) << 12 | (uint32_t)(p[2] & 63) << 6 |
		       (p[3] & 63);
	default:
		*ret_size = 1;
		return 0xfffd;
	}
}

static uint32_t take_char(struct compiler *c)
{
	size_t size;
	uint32_t code = decode(c->pattern.data + c->at, c->pattern.len - c->at, &size);

	c->at += (uint32_t)size;
	return code;
}

/* ---- classes ------------------------------------------------------------------------------------------------- */

static const struct range digits[] = {{'0', '9'}};
static const struct range words[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
static const struct range blanks[] = {{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}}; /* RE2's \s: no vertical tab */

static const struct {
	char letter;
	const struct range *ranges;
	uint32_t count;
} shorthands[] = {{'d', digits, 1}, {'w', words, 4}, {'s', blanks, 3}};

static bool in_ranges(const struct range *ranges, uint32_t count, uint32_t code)
{
	for (uint32_t i = 0; i < count; i++)
		if (code >= ranges[i].low && code <= ranges[i].high)
			return true;
	return false;
}

#define CLASS_RANGES_MAX 256u

struct class_builder {
	struct range ranges[CLASS_RANGES_MAX];
	uint32_t count;
};

static int add_range(struct compiler *c, struct class_builder *b, uint32_t low, uint32_t high)
{
	if (b->count == CLASS_RANGES_MAX)
		return fail(c, "the class is too large");
	b->ranges[b->count++] = (struct range){low, high};
	return 0;
}

/* Adds \d \w \s, or for the capital letters what lies between their ranges (which are sorted). *ret_found: letter was
 * one of them. */
static int add_shorthand(struct compiler *c, struct class_builder *b, char letter, bool *ret_found)
{
	uint32_t from = 0;
	int r = 0;

	*ret_found = false;
	for (size_t i = 0; i < sizeof(shorthands) / sizeof(shorthands[0]); i++) {
		if (shorthands[i].letter != (letter | 0x20))
			continue;
		*ret_found = true;
		for (uint32_t k = 0; r == 0 && k < shorthands[i].count; k++) {
			struct range range = shorthands[i].ranges[k];

			r = letter & 0x20 ? add_range(c, b, range.low, range.high)
					  : add_range(c, b, from, range.low - 1);
			from = range.high + 1;
		}
		if (r == 0 && !(letter & 0x20))
			r = add_range(c, b, from, 0x10ffff);
	}
	return r;
}

static int emit_class(struct compiler *c, const struct class_builder *b, bool negated)
{
	struct class *class = arena_alloc(c->arena, sizeof(*class));
	struct range *ranges = arena_alloc(c->arena, (b->count ? b->count : 1) * sizeof(*ranges));

	if (!class || !ranges)
		return -ENOMEM;
	memcpy(ranges, b->ranges, b->count * sizeof(*ranges));
	*class = (struct class){.ranges = ranges, .count = b->count, .negated = negated};
	return emit(c, (struct instruction){.op = OP_CLASS, .class = class});
}

static int hex_digit(char digit)
{
	char lower = (char)(digit | 0x20);

	if (digit >= '0' && digit <= '9')
		return digit - '0';
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* What a backslash and this letter stand for as one character; the letter has been taken. */
static int escaped_char(struct compiler *c, char letter, uint32_t *ret)
{
	static const char letters[] = "nrtfva", values[] = "\n\r\t\f\v\a";
	const char *known = memchr(letters, letter, sizeof(letters) - 1);
	bool is_word = in_ranges(words, 4, (uint8_t)letter);

	if (known) {
		*ret = (uint32_t)values[known - letters];
		return 0;
	}
	if (letter == 'x') {
		int high = hex_digit(peek(c)),
		    low = high >= 0 && c->pattern.len - c->at > 1 ? hex_digit(c->pattern.data[c->at + 1]) : -1;

		if (low < 0)
			return fail(c, "\\x wants two hex digits");
		c->at += 2;
		*ret = (uint32_t)(high << 4 | low);
		return 0;
	}
	if (is_word || (uint8_t)letter >= 0x80)
		return fail(c, "this escape is not known");
	*ret = (uint8_t)letter;
	return 0;
}

/* One character of a class or a shorthand in it (*ret_single false). */
static int class_item(struct compiler *c, struct class_builder *b, uint32_t *ret, bool *ret_single)
{
	bool found;
	char letter;
	int r;

	*ret_single = true;
	if (!take(c, '\\')) {
		*ret = take_char(c);
		return 0;
	}
	if (at_end(c))
		return fail(c, "a backslash stands at the end");
	letter = c->pattern.data[c->at++];
	r = add_shorthand(c, b, letter, &found);
	*ret_single = !found;
	return r < 0 || found ? r : escaped_char(c, letter, ret);
}

static int parse_class(struct compiler *c)
{
	struct class_builder b = {.count = 0};
	bool negated = take(c, '^'), first = true;

	for (;; first = false) {
		uint32_t low, high;
		bool single;
		int r;

		if (at_end(c))
			return fail(c, "the class has no closing ]");
		if (!first && take(c, ']'))
			return emit_class(c, &b, negated);
		r = class_item(c, &b, &low, &single);
		if (r < 0)
			return r;
		if (!single)
			continue;
		high = low;
		if (c->pattern.len - c->at > 1 && peek(c) == '-' && c->pattern.data[c->at + 1] != ']') {
			c->at++;
			r = class_item(c, &b, &high, &single);
			if (r < 0)
				return r;
			if (!single || high < low)
				return fail(c, "the range of the class is not in order");
		}
		r = add_range(c, &b, low, high);
		if (r < 0)
			return r;
	}
}

/* ---- grammar ------------------------------------------------------------------------------------------------- */

static int parse_alternatives(struct compiler *c);

static int parse_escape(struct compiler *c)
{
	struct class_builder b = {.count = 0};
	uint32_t code;
	bool found;
	char letter;
	int r;

	if (at_end(c))
		return fail(c, "a backslash stands at the end");
	letter = c->pattern.data[c->at++];
	if (letter == 'b' || letter == 'B')
		return emit(c, (struct instruction){.op = letter == 'b' ? OP_BOUNDARY : OP_NO_BOUNDARY});
	if (letter == 'A' || letter == 'z')
		return emit(c, (struct instruction){.op = letter == 'A' ? OP_BEGIN : OP_END});
	r = add_shorthand(c, &b, letter, &found);
	if (r == 0 && found)
		return emit_class(c, &b, false);
	if (r == 0)
		r = escaped_char(c, letter, &code);
	return r < 0 ? r : emit(c, (struct instruction){.op = OP_CHAR, .c = code});
}

static int parse_group(struct compiler *c)
{
	int r;

	if (take(c, '?') && !take(c, ':'))
		return fail(c, "only (?: is known of the forms (?…, and (?i) at the beginning");
	if (++c->depth > REGEX_DEPTH_MAX)
		return fail(c, "the groups are nested too deep");
	r = parse_alternatives(c);
	if (r < 0)
		return r;
	c->depth--;
	return take(c, ')') ? 0 : fail(c, "the group has no closing )");
}

static int parse_atom(struct compiler *c)
{
	char next = peek(c);

	switch (next) {
	case '(':
		c->at++;
		return parse_group(c);
	case '[':
		c->at++;
		return parse_class(c);
	case '\\':
		c->at++;
		return parse_escape(c);
	case '.':
		c->at++;
		return emit(c, (struct instruction){.op = OP_ANY});
	case '^':
	case '$':
		c->at++;
		return emit(c, (struct instruction){.op = next == '^' ? OP_BEGIN : OP_END});
	case '*':
	case '+':
	case '?':
		return fail(c, "there is nothing to repeat");
	default:
		return emit(c, (struct instruction){.op = OP_CHAR, .c = take_char(c)});
	}
}

static bool take_count(struct compiler *c, uint32_t *ret)
{
	uint32_t from = c->at, value = 0;

	for (; !at_end(c) && peek(c) >= '0' && peek(c) <= '9'; c->at++)
		if (value <= REGEX_REPEAT_MAX)
			value = value * 10 + (uint32_t)(peek(c) - '0');
	*ret = value;
	return c->at > from;
}

/* {m}, {m,} or {m,n}; anything else leaves the brace as a character. high UINT32_MAX = without end. */
static bool take_bounds(struct compiler *c, uint32_t *ret_low, uint32_t *ret_high)
{
	uint32_t from = c->at;

	if (take(c, '{') && take_count(c, ret_low)) {
		*ret_high = *ret_low;
		if (take(c, ',') && !take_count(c, ret_high))
			*ret_high = UINT32_MAX;
		if (take(c, '}'))
			return true;
	}
	c->at = from;
	return false;
}

static int make_star(struct compiler *c, uint32_t from)
{
	int32_t length = (int32_t)(c->length - from);
	int r = insert(c, from, (struct instruction){.op = OP_SPLIT, .x = 1, .y = length + 2});

	return r < 0 ? r : emit(c, (struct instruction){.op = OP_JUMP, .x = -(length + 1)});
}

static int make_optional(struct compiler *c, uint32_t from)
{
	return insert(c, from, (struct instruction){.op = OP_SPLIT, .x = 1, .y = (int32_t)(c->length - from) + 1});
}

/* The atom stands once from 'from' on: it is taken off and put down low times, then as a star or as optional pieces. */
static int make_repeat(struct compiler *c, uint32_t from, uint32_t low, uint32_t high)
{
	uint32_t length = c->length - from;
	int r = 0;

	if (low > REGEX_REPEAT_MAX || (high != UINT32_MAX && (high > REGEX_REPEAT_MAX || high < low)))
		return fail(c, "the repetition is out of bounds");
	memcpy(c->piece, &c->program[from], length * sizeof(c->piece[0]));
	c->length = from;
	for (uint32_t i = 0; r == 0 && i < low; i++)
		r = append_piece(c, length);
	from = c->length;
	if (r == 0 && high == UINT32_MAX) {
		r = append_piece(c, length);
		return r < 0 ? r : make_star(c, from);
	}
	for (uint32_t i = low; r == 0 && i < high; i++) {
		from = c->length;
		r = append_piece(c, length);
		if (r == 0)
			r = make_optional(c, from);
	}
	return r;
}

/* Everything that may follow an atom. */
static int parse_repeats(struct compiler *c, uint32_t from)
{
	for (;;) {
		uint32_t low, high;
		int r;

		if (take(c, '*'))
			r = make_star(c, from);
		else if (take(c, '+'))
			r = make_repeat(c, from, 1, UINT32_MAX);
		else if (take(c, '?'))
			r = make_optional(c, from);
		else if (take_bounds(c, &low, &high))
			r = make_repeat(c, from, low, high);
		else
			return 0;
		if (r < 0)
			return r;
		(void)take(c, '?'); /* lazy: which of the ways through the text was taken does not matter */
	}
}

static int parse_sequence(struct compiler *c)
{
	while (!at_end(c) && peek(c) != '|' && peek(c) != ')') {
		uint32_t from = c->length;
		int r = parse_atom(c);

		if (r == 0)
			r = parse_repeats(c, from);
		if (r < 0)
			return r;
	}
	return 0;
}

/* a|b|c as ((a|b)|c): split, left, jump, right */
static int parse_alternatives(struct compiler *c)
{
	uint32_t from = c->length;
	int r = parse_sequence(c);

	while (r == 0 && take(c, '|')) {
		uint32_t jump = c->length + 1;

		r = insert(c, from, (struct instruction){.op = OP_SPLIT, .x = 1, .y = (int32_t)(jump + 1 - from)});
		if (r == 0)
			r = emit(c, (struct instruction){.op = OP_JUMP});
		if (r == 0)
			r = parse_sequence(c);
		if (r == 0)
			c->program[jump].x = (int32_t)(c->length - jump);
	}
	return r;
}

static int parse_pattern(struct compiler *c)
{
	int r = parse_alternatives(c);

	if (r == 0 && !at_end(c))
		r = fail(c, "there is a ) without its (");
	return r < 0 ? r : emit(c, (struct instruction){.op = OP_MATCH});
}

static int finish(struct compiler *c, bool fold, struct regex **ret)
{
	struct regex *regex = arena_zalloc(c->arena, 1, sizeof(*regex));
	size_t length = c->length;

	if (!regex)
		return -ENOMEM;
	regex->program = arena_alloc(c->arena, length * sizeof(*regex->program));
	regex->now.at = arena_alloc(c->arena, length * sizeof(uint16_t));
	regex->next.at = arena_alloc(c->arena, length * sizeof(uint16_t));
	regex->seen = arena_zalloc(c->arena, length, sizeof(uint32_t));
	regex->stack = arena_alloc(c->arena, length * sizeof(uint16_t));
	if (!regex->program || !regex->now.at || !regex->next.at || !regex->seen || !regex->stack)
		return -ENOMEM;
	memcpy(regex->program, c->program, length * sizeof(*regex->program));
	regex->length = c->length;
	regex->fold = fold;
	*ret = regex;
	return 0;
}

int regex_compile(struct regex **ret, struct arena *arena, struct bytes pattern, const char **ret_why, uint32_t *ret_at)
{
	struct compiler *c = calloc(1, sizeof(*c)); /* too large for a stack */
	bool fold;
	int r;

	if (!c)
		return -ENOMEM;
	c->arena = arena;
	c->pattern = pattern;
	fold = pattern.len >= 4 && memcmp(pattern.data, "(?i)", 4) == 0;
	c->at = fold ? 4 : 0;
	r = parse_pattern(c);
	if (r == 0)
		r = finish(c, fold, ret);
	if (r == -EINVAL) {
		*ret_why = c->why;
		*ret_at = c->at;
	}
	free(c);
	return r;
}

/* ---- matching ------------------------------------------------------------------------------------------------ */

/* Where the text stands between two characters. */
struct place {
	bool begin, end, word_before, word_behind;
};

static bool holds(enum op op, const struct place *place)
{
	switch (op) {
	case OP_BEGIN:
		return place->begin;
	case OP_END:
		return place->end;
	case OP_BOUNDARY:
		return place->word_before != place->word_behind;
	default:
		return place->word_before == place->word_behind;
	}
}

static void push(struct regex *regex, uint32_t *depth, int64_t at)
{
	if (regex->seen[at] == regex->step)
		return;
	regex->seen[at] = regex->step;
	regex->stack[(*depth)++] = (uint16_t)at;
}

/* Adds the thread at 'at' and all that it reaches without a character. Each instruction is pushed once a step: the
 * stack cannot overflow. */
static void add(struct regex *regex, struct threads *threads, uint32_t from, const struct place *place)
{
	uint32_t depth = 0;

	push(regex, &depth, from);
	while (depth > 0) {
		uint32_t at = regex->stack[--depth];
		const struct instruction *i = &regex->program[at];

		switch (i->op) {
		case OP_SPLIT:
			push(regex, &depth, (int64_t)at + i->y);
			push(regex, &depth, (int64_t)at + i->x);
			break;
		case OP_JUMP:
			push(regex, &depth, (int64_t)at + i->x);
			break;
		case OP_BEGIN:
		case OP_END:
		case OP_BOUNDARY:
		case OP_NO_BOUNDARY:
			if (holds(i->op, place))
				push(regex, &depth, (int64_t)at + 1);
			break;
		default:
			threads->at[threads->count++] = (uint16_t)at;
			break;
		}
	}
}

static uint32_t other_case(uint32_t code)
{
	bool letter = (code | 0x20) >= 'a' && (code | 0x20) <= 'z';

	return letter ? code ^ 0x20 : code;
}

static bool accepts_exactly(const struct instruction *i, uint32_t code)
{
	switch (i->op) {
	case OP_CHAR:
		return code == i->c;
	case OP_ANY:
		return code != '\n';
	case OP_CLASS:
		return in_ranges(i->class->ranges, i->class->count, code);
	default:
		return false;
	}
}

static bool accepts(const struct regex *regex, const struct instruction *i, uint32_t code)
{
	bool yes = accepts_exactly(i, code) || (regex->fold && accepts_exactly(i, other_case(code)));

	return i->op == OP_CLASS && i->class->negated ? !yes : yes;
}

static void next_step(struct regex *regex)
{
	if (++regex->step == 0) { /* wrapped: old marks would look new */
		memset(regex->seen, 0, regex->length * sizeof(*regex->seen));
		regex->step = 1;
	}
}

static bool is_word_at(struct bytes text, uint32_t at)
{
	return at < text.len && in_ranges(words, 4, (uint8_t)text.data[at]);
}

static struct place place_at(struct bytes text, uint32_t at)
{
	return (struct place){.begin = at == 0,
			      .end = at == text.len,
			      .word_before = at > 0 && is_word_at(text, at - 1),
			      .word_behind = is_word_at(text, at)};
}

bool regex_match(struct regex *regex, struct bytes text)
{
	struct place place = place_at(text, 0);
	uint32_t at = 0;

	next_step(regex);
	regex->now.count = 0;
	add(regex, &regex->now, 0, &place);
	while (at < text.len && regex->now.count > 0) {
		struct threads swap = regex->now;
		size_t size;
		uint32_t code = decode(text.data + at, text.len - at, &size);

		at += (uint32_t)size;
		place = place_at(text, at);
		next_step(regex);
		regex->next.count = 0;
		for (uint32_t i = 0; i < regex->now.count; i++)
			if (accepts(regex, &regex->program[regex->now.at[i]], code))
				add(regex, &regex->next, regex->now.at[i] + 1u, &place);
		regex->now = regex->next;
		regex->next = swap;
	}
	for (uint32_t i = 0; at == text.len && i < regex->now.count; i++)
		if (regex->program[regex->now.at[i]].op == OP_MATCH)
			return true;
	return false;
}
