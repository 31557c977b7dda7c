/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a filter in tokens. */
#ifndef CANOPY_COLLECTOR_CONSOLE_FILTER_LEXER_H
#define CANOPY_COLLECTOR_CONSOLE_FILTER_LEXER_H

#include "canopy/arena.h"
#include "canopy/bytes.h"

enum token_type {
	TOKEN_END,
	TOKEN_WORD,
	TOKEN_STRING, /* quoted */
	TOKEN_SIGN,   /* = == != < <= > >= && || ! ( ) , */
};

struct token {
	enum token_type type;
	struct bytes text;  /* as it counts: quotes and escapes are resolved */
	uint32_t at, end;   /* byte offsets in the filter */
};

/* Where a token is read. A value may hold signs that end a word elsewhere: --password=x, a!b, <defunct>. */
enum lexer_mode {
	LEXER_WORD,
	LEXER_VALUE,
	LEXER_PATTERN, /* as a value, and of the backslashes in quotes only the one before the quote is resolved: regex
			  has its own */
};

struct lexer {
	struct bytes text;
	uint32_t at;
	struct arena *arena; /* for strings whose escapes were resolved */
};

/* Reads the next token. Errors: -EINVAL (*ret_why; ret->at tells where), -ENOMEM. */
int lexer_next(struct lexer *lexer, enum lexer_mode mode, struct token *ret, const char **ret_why);

#endif
