/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments and variables that anyone may give a process, and a further name of secrets. Parts of the input: the name, the arguments,
 * the variables. A secret under that name, in each of the forms that are promised and between whatever else there is, must not come
 * out; nothing else may be lost, and hiding twice is hiding once. */
#include <ctype.h>
#include <stdio.h>

#include "sensor/batch/redact.h"
#include "tests/fuzz/input.h"

#define SECRET "S3cr3tS3cr3t"
#define MASK "***"

struct list {
	char *data;
	size_t len;
};

static void add(struct list *list, const void *data, size_t len)
{
	list->data = realloc(list->data, list->len + len + 1);
	must(list->data != NULL);
	if (len)
		memcpy(list->data + list->len, data, len);
	list->len += len;
}

static struct bytes next(struct bytes *list)
{
	const char *end = memchr(list->data, '\0', list->len);
	uint32_t len = end ? (uint32_t)(end - list->data) : list->len;
	struct bytes item = bytes_make(list->data, len);

	*list = bytes_make(list->data + len + (end != NULL), list->len - len - (end != NULL));
	return item;
}

/* As many as before, each the same or with something hidden in it. */
static void check_items(struct bytes before, struct bytes after)
{
	while (before.len && after.len) {
		struct bytes a = next(&before), b = next(&after);

		must(bytes_equal(a, b) || holds(b, BYTES_LITERAL(MASK)));
	}
	must(before.len == 0 && after.len == 0);
}

static bool is_quoted(struct bytes list)
{
	for (uint32_t i = 0; i < list.len; i++)
		if (strchr("'\"`\\", list.data[i]) && list.data[i])
			return true;
	return false;
}

/* A URL in an item that was cut: where the first run hides the path as well, the second one finds the text cut before it and hides all. */
static bool is_cut_url(struct bytes list)
{
	return list.len && list.data[list.len - 1] != '\0' && holds(list, BYTES_LITERAL("://"));
}

static bool may_hide_more(struct bytes list)
{
	return is_quoted(list) || is_cut_url(list);
}

/* One more run over what a run has left changes nothing. Of quotes that do not match one may have been hidden, which gives others another
 * meaning: then more may be hidden, and nothing else. */
static void check_again(struct redactor *redactor, const struct fact *fact, bool more)
{
	struct list argv = {0}, environ_ = {0};
	struct fact again = *fact;

	add(&argv, fact->argv.data, fact->argv.len);
	add(&environ_, fact->environ_.data, fact->environ_.len);
	again.argv = bytes_make(argv.data, argv.len);
	again.environ_ = bytes_make(environ_.data, environ_.len);
	must(redactor_apply(redactor, &again) >= 0);
	must(more || bytes_equal(again.argv, bytes_make(argv.data, argv.len)));
	must(more || bytes_equal(again.environ_, bytes_make(environ_.data, environ_.len)));
	check_items(bytes_make(argv.data, argv.len), again.argv);
	check_items(bytes_make(environ_.data, environ_.len), again.environ_);
	must(again.argv_bytes == fact->argv_bytes);
	free(argv.data);
	free(environ_.data);
}

static void check(struct redactor *redactor, struct bytes argv, struct bytes environ_)
{
	struct fact fact = {.argv = argv, .environ_ = environ_, .argv_bytes = argv.len};
	uint64_t count = redactor_count(redactor);
	int hidden = redactor_apply(redactor, &fact);

	must(hidden >= 0 && redactor_count(redactor) == count + (uint64_t)hidden);
	must((hidden > 0) == !!(fact.flags & FACT_REDACTED) && fact.argv_bytes >= argv.len && fact.argv_bytes >= fact.argv.len);
	if (hidden == 0)
		must(bytes_equal(fact.argv, argv) && bytes_equal(fact.environ_, environ_));
	check_items(argv, fact.argv);
	check_items(environ_, fact.environ_);
	must(!holds(fact.argv, BYTES_LITERAL(SECRET)) && !holds(fact.environ_, BYTES_LITERAL(SECRET)));
	check_again(redactor, &fact, may_hide_more(argv) || may_hide_more(environ_));
}

/* A name as options have them; 'n' in front keeps it from being a 'no-…', which takes no value. */
static void make_name(struct bytes bytes, char name[32])
{
	size_t len = 0;

	name[len++] = 'x';
	for (uint32_t i = 0; i < bytes.len && len < 31; i++)
		if (isalnum((unsigned char)bytes.data[i]) || bytes.data[i] == '-' || bytes.data[i] == '_')
			name[len++] = bytes.data[i];
	name[len] = '\0';
}

/* Each form with its secret; first, last and between what the input has. */
static void add_forms(struct list *argv, const char *name, bool upper)
{
	char text[768];
	int n = snprintf(text, sizeof(text),
			 "--%s" "%c" SECRET "%c" "--%s=" SECRET "%c" "%s=" SECRET "%c" "%s: " SECRET "%c" "http://u:" SECRET "@host/x%c"
			 "https://" SECRET "@host/%c" "http://h/?a=b&%s=" SECRET "&c%c" "{\"%s\": \"" SECRET "\", \"a\": 1}%c"
			 "sh -c 'cmd --%s " SECRET " x'%c",
			 name, 0, 0, name, 0, name, 0, name, 0, 0, 0, name, 0, name, 0, name, 0);

	for (int i = 0; upper && i < n - 20; i++)
		if (text[i] == name[0])
			text[i] = (char)toupper((unsigned char)text[i]);
	add(argv, text, (size_t)n);
}

static void check_secrets(struct redactor *redactor, const char *name, struct bytes argv, struct bytes environ_)
{
	struct list list = {0}, variables = {0};
	char text[128];
	int n = snprintf(text, sizeof(text), "%s=" SECRET, name);

	add_forms(&list, name, false);
	add(&list, argv.data, argv.len);
	if (argv.len && argv.data[argv.len - 1] != '\0')
		add(&list, "", 1);
	add_forms(&list, name, true);
	add(&variables, text, (size_t)n + 1);
	add(&variables, environ_.data, environ_.len);
	check(redactor, bytes_make(list.data, list.len), bytes_make(variables.data, variables.len));
	free(list.data);
	free(variables.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct bytes wanted = input_part(&input), argv = input_part(&input), environ_ = input_part(&input), known;
	struct redactor *redactor;
	char name[32];

	make_name(wanted, name);
	known = bytes_from_string(name);
	if (holds(argv, BYTES_LITERAL(SECRET)) || holds(environ_, BYTES_LITERAL(SECRET)) || holds(known, BYTES_LITERAL(SECRET)))
		return 0; /* in no promised form, perhaps */
	must(redactor_create(&redactor, &known, 1) == 0);
	check(redactor, argv, environ_);
	check_secrets(redactor, name, argv, environ_);
	redactor_destroy(redactor);
	return 0;
}
