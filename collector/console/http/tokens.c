/* SPDX-License-Identifier: Apache-2.0 */
/* Digests are compared, all of them and each to its end: neither the time nor a memory dump tells a token. */
#include "collector/console/http/tokens.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/stream/pem-file.h"

struct tokens {
	char *path; /* owned */
	struct pem_stamp stamp;
	struct token_list list;
};

/* ---- parsing ------------------------------------------------------------------------------------------------- */

static int fail(const char *why, const char **ret_why)
{
	*ret_why = why;
	return -EINVAL;
}

/* RFC 6750: what a header can carry. */
static bool is_token(struct bytes text)
{
	for (uint32_t i = 0; i < text.len; i++) {
		char c = text.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-._~+/=", c))))
			return false;
	}
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct bytes take_word(struct bytes *line)
{
	struct bytes word;
	uint32_t len = 0;

	while (line->len && is_blank(*line->data))
		*line = bytes_make(line->data + 1, line->len - 1);
	while (len < line->len && !is_blank(line->data[len]))
		len++;
	word = bytes_make(line->data, len);
	*line = bytes_make(line->data + len, line->len - len);
	return word;
}

static int digest(struct bytes token, unsigned char *ret)
{
	unsigned len;

	return EVP_Digest(token.data, token.len, ret, &len, EVP_sha256(), NULL) == 1 ? 0 : -ENOMEM;
}

static bool is_known(const struct token_list *list, const struct token *token)
{
	for (size_t i = 0; i < list->count; i++)
		if (CRYPTO_memcmp(list->list[i].digest, token->digest, sizeof(token->digest)) == 0)
			return true;
	return false;
}

static int parse_line(struct bytes line, struct token_list *list, const char **ret_why)
{
	struct bytes role = take_word(&line), text = take_word(&line);
	struct token token = {0};

	if (role.len == 0 || role.data[0] == '#')
		return 0;
	if (bytes_equal(role, BYTES_LITERAL("read")))
		token.role = TOKEN_READ;
	else if (bytes_equal(role, BYTES_LITERAL("admin")))
		token.role = TOKEN_ADMIN;
	else
		return fail("begins with no role; write 'read TOKEN' or 'admin TOKEN'", ret_why);
	if (text.len < TOKEN_MIN || text.len > TOKEN_MAX)
		return fail("the token has not 20 to 256 characters; 'openssl rand -hex 32' makes one", ret_why);
	if (!is_token(text))
		return fail("the token has characters that no header can carry; use letters, digits and -._~+/=", ret_why);
	if (list->count == TOKENS_MAX)
		return fail("there are more than 256 tokens", ret_why);
	if (digest(text, token.digest) < 0)
		return -ENOMEM;
	if (is_known(list, &token))
		return fail("the token stands in the file twice", ret_why);
	list->list[list->count++] = token;
	return 0;
}

int token_list_parse(const char *data, size_t len, struct token_list *ret, unsigned *ret_line, const char **ret_why)
{
	const char *end = data + len;
	unsigned number = 0;
	int r = 0;

	ret->count = 0;
	while (r == 0 && data < end) {
		const char *newline = memchr(data, '\n', (size_t)(end - data));
		const char *stop = newline ? newline : end;

		number++;
		r = parse_line(bytes_make(data, (size_t)(stop - data)), ret, ret_why);
		data = stop + 1;
	}
	if (r == 0 && ret->count == 0)
		r = fail("the file holds no token; write a line 'read TOKEN'", ret_why);
	*ret_line = number;
	return r;
}

enum token_role token_list_judge(const struct token_list *list, struct bytes token)
{
	enum token_role role = TOKEN_NONE;
	unsigned char own[32];

	if (token.len == 0 || token.len > TOKEN_MAX || digest(token, own) < 0)
		return TOKEN_NONE;
	for (size_t i = 0; i < list->count; i++)
		if (CRYPTO_memcmp(list->list[i].digest, own, sizeof(own)) == 0)
			role = list->list[i].role;
	return role;
}

/* ---- the file ------------------------------------------------------------------------------------------------ */

static int load(struct tokens *tokens, char **ret_why)
{
	struct token_list list;
	const char *why = "unreadable";
	unsigned line = 0;
	char *data;
	size_t len;
	int r;

	pem_file_stamp(tokens->path, &tokens->stamp);
	r = pem_file_read(tokens->path, "token file", PEM_SECRET, TOKENS_FILE_MAX, &data, &len, ret_why);
	if (r < 0)
		return r;
	r = token_list_parse(data, len, &list, &line, &why);
	pem_file_free(data, len);
	if (r == 0)
		tokens->list = list;
	else if (ret_why && asprintf(ret_why, "the token file %s, line %u: %s", tokens->path, line, why) < 0)
		*ret_why = NULL;
	return r;
}

int tokens_open(struct tokens **ret, const char *path, char **ret_why)
{
	struct tokens *tokens = calloc(1, sizeof(*tokens));
	int r = -ENOMEM;

	if (!tokens)
		return -ENOMEM;
	tokens->path = strdup(path);
	if (tokens->path)
		r = load(tokens, ret_why);
	if (r < 0)
		tokens_close(tokens);
	else
		*ret = tokens;
	return r;
}

void tokens_close(struct tokens *tokens)
{
	if (!tokens)
		return;
	free(tokens->path);
	free(tokens);
}

int tokens_reload(struct tokens *tokens, char **ret_why)
{
	return load(tokens, ret_why);
}

int tokens_refresh(struct tokens *tokens, char **ret_why)
{
	struct pem_stamp stamp;

	pem_file_stamp(tokens->path, &stamp);
	return memcmp(&stamp, &tokens->stamp, sizeof(stamp)) == 0 ? TOKENS_E_SAME : load(tokens, ret_why);
}

enum token_role tokens_judge(const struct tokens *tokens, struct bytes token)
{
	return token_list_judge(&tokens->list, token);
}
