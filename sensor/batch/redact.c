/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over the arguments, no regular expressions; secret.c says where secrets stand. A first look for the few bytes without which nothing can
 * match ('=', ':', or '-') keeps the common argument list untouched and uncopied. */
#include "sensor/batch/redact.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "sensor/batch/secret.h"

#define MASK "***"

struct text {
	char *data; /* owned */
	size_t len, capacity;
};

struct redactor {
	struct secret_names names;
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
	redactor->names = (struct secret_names){names, count};
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

static bool holds(struct bytes text, char c)
{
	return memchr(text.data, c, text.len) != NULL;
}

static bool worth_a_look(struct bytes argv)
{
	return argv.len && (holds(argv, '=') || holds(argv, ':') || holds(argv, '-'));
}

/* By itself, without the argument before it: an option that its value stands behind has a blank between them. */
static bool worth_a_scan(struct bytes arg)
{
	return arg.len && (holds(arg, '=') || holds(arg, ':') || holds(arg, ' ') || holds(arg, '\n') || holds(arg, '\t'));
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

/* Returns the number of places that were hidden. */
static int put_argument(struct redactor *redactor, struct bytes arg, bool announced, bool cut)
{
	struct secret_scan scan = {.names = &redactor->names, .text = arg, .cut = cut};
	uint32_t copied = 0, from, to;
	int hidden = 0;

	if (announced && arg.len && arg.data[0] != '-') {
		put(redactor, MASK, sizeof(MASK) - 1);
		return 1;
	}
	for (bool more = worth_a_scan(arg); more && secret_next(&scan, &from, &to); copied = to, hidden++) {
		put(redactor, arg.data + copied, from - copied);
		put(redactor, MASK, sizeof(MASK) - 1);
	}
	if (copied < arg.len)
		put(redactor, arg.data + copied, arg.len - copied);
	return hidden;
}

/* How a list of strings is read. */
struct manner {
	bool chained; /* one may announce that the next one is secret */
	bool cut;     /* one without a NUL at its end was cut at a bound */
};

/* *list is replaced when something in it was hidden. */
static int rewrite(struct redactor *redactor, struct text *out, struct bytes *list, struct manner manner)
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

		hidden += put_argument(redactor, arg, announced, manner.cut && !end);
		announced = manner.chained && secret_announced(&redactor->names, arg);
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
	struct manner arguments = {.chained = true, .cut = fact->flags & FACT_ARGV_TRUNCATED}, variables = {.cut = true};
	int in_argv = worth_a_look(fact->argv) ? rewrite(redactor, &redactor->argv, &fact->argv, arguments) : 0;
	int in_environ = fact->environ_.len ? rewrite(redactor, &redactor->environ_, &fact->environ_, variables) : 0;

	if (in_argv || in_environ)
		fact->flags |= FACT_REDACTED;
	if (in_argv < 0)
		fact->flags |= FACT_ARGV_TRUNCATED;
	if (fact->argv_bytes < fact->argv.len)
		fact->argv_bytes = fact->argv.len;
	redactor->count += (uint64_t)(in_argv > 0 ? in_argv : 0) + (uint64_t)(in_environ > 0 ? in_environ : 0);
	return in_argv < 0 || in_environ < 0 ? -ENOMEM : in_argv + in_environ;
}
