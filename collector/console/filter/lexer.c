/* SPDX-License-Identifier: Apache-2.0 */
/* Words end where something else can begin; what that is depends on the place, so the parser says what it expects. */
#include "collector/console/filter/lexer.h"

#include <errno.h>
#include <stdbool.h>

static const char *const signs[] = {"==", "!=", "<=", ">=", "&&", "||", "=", "<", ">", "!", "(", ")", ","};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool starts_with(struct bytes rest, const char *sign)
{
	size_t len = strlen(sign);

	return rest.len >= len && memcmp(rest.data, sign, len) == 0;
}

static struct bytes rest_of(const struct lexer *lexer, uint32_t at)
{
	return bytes_make(lexer->text.data + at, lexer->text.len - at);
}

static bool ends_word(const struct lexer *lexer, uint32_t at, enum lexer_mode mode)
{
	struct bytes rest = rest_of(lexer, at);
	char c = rest.data[0];

	if (is_blank(c) || c == '(' || c == ')' || c == ',' || c == '"' || c == '\'')
		return true;
	if (starts_with(rest, "&&") || starts_with(rest, "||"))
		return true;
	return mode == LEXER_WORD && (c == '=' || c == '<' || c == '>' || starts_with(rest, "!="));
}

static bool take_sign(struct lexer *lexer, enum lexer_mode mode, struct token *token)
{
	struct bytes rest = rest_of(lexer, lexer->at);

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		if (!starts_with(rest, signs[i]) || (mode != LEXER_WORD && !ends_word(lexer, lexer->at, mode)))
			continue;
		token->type = TOKEN_SIGN;
		token->text = bytes_from_string(signs[i]);
		lexer->at += token->text.len;
		return true;
	}
	return false;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reads one escape at 'at' (a backslash) into *out; returns the bytes taken. */
static uint32_t take_escape(struct bytes text, uint32_t at, enum lexer_mode mode, char quote, char *out)
{
	char next = at + 1 < text.len ? text.data[at + 1] : '\0';
	int high, low;

	*out = '\\';
	if (next == quote || (next == '\\' && mode != LEXER_PATTERN)) {
		*out = next;
		return 2;
	}
	if (next != 'x' || mode == LEXER_PATTERN || text.len - at < 4)
		return 1;
	high = hex_digit(text.data[at + 2]);
	low = hex_digit(text.data[at + 3]);
	if (high < 0 || low < 0)
		return 1;
	*out = (char)(high << 4 | low);
	return 4;
}

/* In a pattern a pair of backslashes stays a pair, but its second one does not escape the quote behind it. */
static int take_string(struct lexer *lexer, enum lexer_mode mode, struct token *token, const char **ret_why)
{
	char quote = lexer->text.data[lexer->at++];
	char *copy = arena_alloc_aligned(lexer->arena, rest_of(lexer, lexer->at).len + 1, 1), *out = copy;

	if (!copy)
		return -ENOMEM;
	while (lexer->at < lexer->text.len && lexer->text.data[lexer->at] != quote) {
		if (lexer->text.data[lexer->at] != '\\') {
			*out++ = lexer->text.data[lexer->at++];
		} else if (mode == LEXER_PATTERN && starts_with(rest_of(lexer, lexer->at), "\\\\")) {
			*out++ = '\\';
			*out++ = '\\';
			lexer->at += 2;
		} else {
			lexer->at += take_escape(lexer->text, lexer->at, mode, quote, out++);
		}
	}
	if (lexer->at == lexer->text.len) {
		*ret_why = "the quote is not closed";
		return -EINVAL;
	}
	lexer->at++;
	token->type = TOKEN_STRING;
	token->text = bytes_make(copy, (size_t)(out - copy));
	return 0;
}

static void take_word(struct lexer *lexer, enum lexer_mode mode, struct token *token)
{
	uint32_t from = lexer->at;

	while (lexer->at < lexer->text.len && !ends_word(lexer, lexer->at, mode))
		lexer->at++;
	token->type = TOKEN_WORD;
	token->text = bytes_make(lexer->text.data + from, lexer->at - from);
}

int lexer_next(struct lexer *lexer, enum lexer_mode mode, struct token *ret, const char **ret_why)
{
	int r = 0;

	while (lexer->at < lexer->text.len && is_blank(lexer->text.data[lexer->at]))
		lexer->at++;
	*ret = (struct token){.type = TOKEN_END, .at = lexer->at};
	if (lexer->at < lexer->text.len) {
		char c = lexer->text.data[lexer->at];

		if (c == '"' || c == '\'')
			r = take_string(lexer, mode, ret, ret_why);
		else if (!take_sign(lexer, mode, ret))
			take_word(lexer, mode, ret);
	}
	ret->end = lexer->at;
	return r;
}
