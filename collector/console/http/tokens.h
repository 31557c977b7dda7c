/* SPDX-License-Identifier: Apache-2.0 */
/* Who may ask the console: a file of bearer tokens, each with a role. A line is 'read TOKEN [NAME]' or 'admin TOKEN [NAME]';
 * empty lines and those that begin with '#' are skipped. */
#ifndef CANOPY_COLLECTOR_CONSOLE_HTTP_TOKENS_H
#define CANOPY_COLLECTOR_CONSOLE_HTTP_TOKENS_H

#include <stddef.h>

#include "canopy/bytes.h"

#define TOKENS_MAX 256u       /* people, scrapers, programs: not a fleet */
#define TOKEN_MIN 20u         /* characters: 120 bits in base64 */
#define TOKEN_MAX 256u
#define TOKENS_FILE_MAX (128u << 10)

enum token_role {
	TOKEN_NONE, /* not one of ours */
	TOKEN_READ,
	TOKEN_ADMIN, /* reads, and may have files read again */
};

/* What is kept of a token is its digest: the file is the only place where it stands. */
struct token {
	enum token_role role;
	unsigned char digest[32];
};

struct token_list {
	struct token list[TOKENS_MAX];
	size_t count;
};

/* No I/O. Returns 0, or -EINVAL with *ret_line (from 1) and *ret_why, a static sentence; -ENOMEM. *ret is then not to be
 * used. */
int token_list_parse(const char *data, size_t len, struct token_list *ret, unsigned *ret_line, const char **ret_why);
/* How long it takes does not depend on which token it is, or how much of one is right. */
enum token_role token_list_judge(const struct token_list *list, struct bytes token);

/* A list from a file. */
struct tokens;

/* Errors: -EACCES (others may read or write the file), -EINVAL, -errno, -ENOMEM; *ret_why (may be NULL) is then a
 * malloc'ed sentence that names file, line and remedy, freed by the caller. */
int tokens_open(struct tokens **ret, const char *path, char **ret_why);
void tokens_close(struct tokens *tokens); /* takes NULL */
/* Reads the file again. Errors as tokens_open, then those of before go on to count. */
int tokens_reload(struct tokens *tokens, char **ret_why);
enum {
	TOKENS_E_SAME = 1, /* the file has not changed since it was last looked at */
};
int tokens_refresh(struct tokens *tokens, char **ret_why);
enum token_role tokens_judge(const struct tokens *tokens, struct bytes token);

#endif
