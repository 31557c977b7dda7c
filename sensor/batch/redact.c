/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over the arguments, no regular expressions: names are looked at where options, assignments and headers have them. A first look for the few
 * bytes without which nothing can match ('=', ':', or a leading '-') keeps the common argument list untouched and uncopied. */
#include "sensor/batch/redact.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define MASK "***"
#define NAME_MAX_BYTES 128u /* a longer name is no name of an option */

/* In the form that names are compared in: lower case, '-' for '_'. Each matches as a whole and as the end of a longer name. */
static const char *const secret_names[] = {"password", "passwd",     "passphrase", "secret",      "token",       "api-key",
					   "apikey",   "access-key", "secret-key", "private-key", "credentials", "authorization"};
/* These are also parts of harmless words: they match only as a whole or behind a '-'. */
static const char *const secret_words[] = {"pass", "pwd", "auth"};

struct text {
	char *data; /* owned */
	size_t len, capacity;
};

struct redactor {
	const struct bytes *names;
	size_t name_count;
	struct text argv, environ_; /* as rewritten */
	struct text *out;           /* the one being rewritten */
	uint64_t count;
};

int redactor_create(struct redactor **ret, const struct bytes *names, size_t count)
{
	struct redactor *redactor;

	if (count > REDACT_NAMES_MAX)
		return -E2BIG;
	redactor = calloc(1, sizeof(*redactor));
	if (!redactor)
		return -ENOMEM;
	redactor->names = names;
	redactor->name_count = count;
	*ret = redactor;
	return 0;
}

void redactor_destroy(struct redactor *redactor)
{
	if (!redactor)
		return;
	free(redactor->argv.data);
	free(redactor->environ_.data);
	free(redactor);
}

uint64_t redactor_count(const struct redactor *redactor)
{
	return redactor->count;
}

/* ---- names ----------------------------------------------------------------------------------------------------- */

static char fold(char c)
{
	return c == '_' ? '-' : (char)tolower((unsigned char)c);
}

static bool ends_with(struct bytes name, struct bytes end)
{
	if (end.len == 0 || name.len < end.len)
		return false;
	for (uint32_t i = 0; i < end.len; i++) {
		if (fold(name.data[name.len - end.len + i]) != fold(end.data[i]))
			return false;
	}
	return true;
}

static bool is_word(struct bytes name, struct bytes word)
{
	return ends_with(name, word) && (name.len == word.len || fold(name.data[name.len - word.len - 1]) == '-');
}

static bool is_secret(const struct redactor *redactor, struct bytes name)
{
	if (name.len == 0 || name.len > NAME_MAX_BYTES)
		return false;
	if (name.len > 3 && (memcmp(name.data, "no-", 3) == 0 || memcmp(name.data, "no_", 3) == 0))
		return false; /* --no-password takes no value */
	for (size_t i = 0; i < sizeof(secret_names) / sizeof(secret_names[0]); i++) {
		if (ends_with(name, bytes_from_string(secret_names[i])))
			return true;
	}
	for (size_t i = 0; i < sizeof(secret_words) / sizeof(secret_words[0]); i++) {
		if (is_word(name, bytes_from_string(secret_words[i])))
			return true;
	}
	for (size_t i = 0; i < redactor->name_count; i++) {
		if (ends_with(name, redactor->names[i]))
			return true;
	}
	return false;
}

/* ---- where a secret begins ------------------------------------------------------------------------------------- */

static bool name_byte(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '.';
}

static struct bytes without_dashes(struct bytes arg)
{
	while (arg.len && arg.data[0] == '-')
		arg = bytes_make(arg.data + 1, arg.len - 1);
	return arg;
}

/* Length of the name that the argument begins with, dashes included. */
static uint32_t name_end(struct bytes arg)
{
	uint32_t at = 0;

	while (at < arg.len && name_byte(arg.data[at]))
		at++;
	return at;
}

/* NAME=VALUE and NAME: VALUE: the offset of VALUE, or 0. */
static uint32_t value_of_name(const struct redactor *redactor, struct bytes arg)
{
	uint32_t at = name_end(arg);

	if (at == arg.len || (arg.data[at] != '=' && arg.data[at] != ':'))
		return 0;
	if (!is_secret(redactor, without_dashes(bytes_make(arg.data, at))))
		return 0;
	at++;
	while (at < arg.len && arg.data[at] == ' ')
		at++;
	return at < arg.len ? at : 0;
}

/* scheme://user:PASSWORD@host: *ret_end behind PASSWORD, and its offset or 0. */
static uint32_t value_of_url(struct bytes arg, uint32_t *ret_end)
{
	uint32_t colon = 0;

	for (uint32_t at = 0; at + 3 <= arg.len; at++) {
		if (memcmp(arg.data + at, "://", 3) != 0)
			continue;
		for (at += 3; at < arg.len && !strchr("/?# \t", arg.data[at] ? arg.data[at] : '/'); at++) {
			if (arg.data[at] == ':' && !colon)
				colon = at + 1;
			if (arg.data[at] == '@' && colon)
				*ret_end = at; /* the last one before the path: passwords may hold '@' */
		}
		return *ret_end > colon ? colon : 0;
	}
	return 0;
}

/* --password VALUE: the value is the next argument. */
static bool announces_secret(const struct redactor *redactor, struct bytes arg)
{
	return arg.len > 2 && arg.data[0] == '-' && name_end(arg) == arg.len && is_secret(redactor, without_dashes(arg));
}

/* ---- rewriting ------------------------------------------------------------------------------------------------- */

static bool worth_a_look(struct bytes argv)
{
	return argv.len && (memchr(argv.data, '=', argv.len) || memchr(argv.data, ':', argv.len) || memchr(argv.data, '-', argv.len));
}

/* The worst case: every argument is one byte and hidden. */
static int reserve(struct text *text, size_t original)
{
	size_t need = original * sizeof(MASK);
	char *data;

	text->len = 0;
	if (need <= text->capacity)
		return 0;
	data = realloc(text->data, need);
	if (!data)
		return -ENOMEM;
	text->data = data;
	text->capacity = need;
	return 0;
}

static void put(struct redactor *redactor, const char *data, size_t len)
{
	memcpy(redactor->out->data + redactor->out->len, data, len);
	redactor->out->len += len;
}

/* Appends arg with [from, to) hidden. */
static void put_hidden(struct redactor *redactor, struct bytes arg, uint32_t from, uint32_t to)
{
	put(redactor, arg.data, from);
	put(redactor, MASK, sizeof(MASK) - 1);
	put(redactor, arg.data + to, arg.len - to);
}

/* One word without blanks. Returns the number of places that were hidden. */
static int put_word(struct redactor *redactor, struct bytes word, bool announced)
{
	uint32_t from, to = word.len;

	if (announced && word.len && word.data[0] != '-') {
		put_hidden(redactor, word, 0, word.len);
		return 1;
	}
	from = value_of_name(redactor, word);
	if (!from) {
		to = 0;
		from = value_of_url(word, &to);
	}
	if (from)
		put_hidden(redactor, word, from, to);
	else
		put(redactor, word.data, word.len);
	return from != 0;
}

/* An argument with blanks in it may be a command line itself (sh -c): word by word. */
static int put_words(struct redactor *redactor, struct bytes arg)
{
	bool announced = false;
	int hidden = 0;

	for (uint32_t at = 0; at < arg.len;) {
		uint32_t end = at;

		while (end < arg.len && !isspace((unsigned char)arg.data[end]))
			end++;
		if (end > at) {
			struct bytes word = bytes_make(arg.data + at, end - at);

			hidden += put_word(redactor, word, announced);
			announced = announces_secret(redactor, word);
		}
		if (end < arg.len)
			put(redactor, arg.data + end++, 1);
		at = end;
	}
	return hidden;
}

static bool has_blank(struct bytes arg)
{
	return memchr(arg.data, ' ', arg.len) || memchr(arg.data, '\n', arg.len) || memchr(arg.data, '\t', arg.len);
}

/* A value that stands behind its name in the same argument, or was announced by the argument before, is hidden with the blanks in it. */
static int put_argument(struct redactor *redactor, struct bytes arg, bool announced)
{
	if (arg.len && has_blank(arg) && !(announced && arg.data[0] != '-') && !value_of_name(redactor, arg))
		return put_words(redactor, arg);
	return put_word(redactor, arg, announced);
}

/* *list is replaced when something in it was hidden. chained: an argument may announce that the next one is secret. */
static int rewrite(struct redactor *redactor, struct text *out, struct bytes *list, bool chained)
{
	bool announced = false;
	int hidden = 0;

	if (reserve(out, list->len) < 0) {
		*list = BYTES_NULL;
		return -ENOMEM;
	}
	redactor->out = out;
	for (uint32_t at = 0; at < list->len;) {
		const char *end = memchr(list->data + at, '\0', list->len - at);
		uint32_t len = end ? (uint32_t)(end - list->data) - at : list->len - at;
		struct bytes arg = bytes_make(list->data + at, len);

		hidden += put_argument(redactor, arg, announced);
		announced = chained && announces_secret(redactor, arg);
		if (end)
			put(redactor, "", 1);
		at += len + 1;
	}
	if (hidden)
		*list = bytes_make(out->data, out->len);
	return hidden;
}

int redactor_apply(struct redactor *redactor, struct fact *fact)
{
	int in_argv = worth_a_look(fact->argv) ? rewrite(redactor, &redactor->argv, &fact->argv, true) : 0;
	int in_environ = fact->environ_.len ? rewrite(redactor, &redactor->environ_, &fact->environ_, false) : 0;

	if (in_argv || in_environ)
		fact->flags |= FACT_REDACTED;
	if (in_argv < 0)
		fact->flags |= FACT_ARGV_TRUNCATED;
	if (fact->argv_bytes < fact->argv.len)
		fact->argv_bytes = fact->argv.len;
	redactor->count += (uint64_t)(in_argv > 0 ? in_argv : 0) + (uint64_t)(in_environ > 0 ? in_environ : 0);
	return in_argv < 0 || in_environ < 0 ? -ENOMEM : in_argv + in_environ;
}
