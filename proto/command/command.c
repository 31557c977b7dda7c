/* SPDX-License-Identifier: Apache-2.0 */
/* getopt_long does the splitting: users know its manners (--name=value, clustered letters, '--'). Its tables are made from the program's own for the
 * time of the call. Help is wrapped here and not in the tables, so that a changed sentence needs no counting. */
#include "proto/command/command.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "canopy/argument.h"
#include "canopy/log.h"

#define HELP_COLUMNS 80u
#define HELP_INDENT 29u      /* where the text begins; a longer name pushes it to the next line */
#define LONG_FIRST 0x100     /* what getopt_long answers for row 0: beyond any letter */
#define LETTERS_MAX (COMMAND_OPTIONS_MAX * 3u + 1u) /* each with up to two colons */

struct tables {
	struct option longs[COMMAND_OPTIONS_MAX + 1];
	char letters[LETTERS_MAX];
};

static void build_tables(const struct command *command, struct tables *ret)
{
	char *letter = ret->letters;
	unsigned i = 0;

	for (const struct command_option *row = command->options; row->name; row++, i++) {
		int has = !row->value ? no_argument : row->may_be_alone ? optional_argument : required_argument;

		assert(i < COMMAND_OPTIONS_MAX);
		ret->longs[i] = (struct option){row->name, has, NULL, LONG_FIRST + (int)i};
		if (!row->letter)
			continue;
		*letter++ = row->letter;
		for (; has > 0; has--)
			*letter++ = ':';
	}
	ret->longs[i] = (struct option){0};
	*letter = '\0';
}

static const struct command_option *find(const struct command *command, int answer)
{
	const struct command_option *row = command->options;

	if (answer >= LONG_FIRST)
		return &row[answer - LONG_FIRST];
	while (row->name && row->letter != answer)
		row++;
	return row->name ? row : NULL;
}

/* ---- help ---- */

static void print_wrapped(const char *text)
{
	size_t column = HELP_INDENT;

	while (*text) {
		size_t len = strcspn(text, " ");

		if (column > HELP_INDENT && column + 1 + len > HELP_COLUMNS) {
			(void)printf("\n%*s", (int)HELP_INDENT, "");
			column = HELP_INDENT;
		}
		column += (size_t)printf("%s%.*s", column > HELP_INDENT ? " " : "", (int)len, text);
		text += len + (text[len] == ' ');
	}
	(void)putchar('\n');
}

static void print_option(const struct command_option *row)
{
	const char *const open = !row->value ? "" : row->may_be_alone ? "[=" : " ";
	const char letter[] = {row->letter ? '-' : ' ', row->letter ? row->letter : ' ', row->letter ? ',' : ' ', '\0'};
	int width = printf("  %s --%s%s%s%s", letter, row->name, open, row->value ? row->value : "",
			   row->value && row->may_be_alone ? "]" : "");

	if (width + 2 > (int)HELP_INDENT) {
		(void)putchar('\n');
		width = 0;
	}
	(void)printf("%*s", (int)HELP_INDENT - width, "");
	print_wrapped(row->help);
}

static int print_help(const struct command *command)
{
	(void)printf("%s\n", command->head);
	for (const struct command_option *row = command->options; row->name; row++)
		print_option(row);
	(void)printf("\n%s", command->tail);
	return COMMAND_E_DONE;
}

/* ---- values ---- */

int command_refuse(const struct command *command, const char *option, const char *value, const char *remedy)
{
	if (value)
		(void)fprintf(stderr, "%s: %s '%s': %s\n", command->program, option, value, remedy);
	else
		(void)fprintf(stderr, "%s: %s %s\n", command->program, option, remedy);
	return -EINVAL;
}

/* As a user would write it. */
static void format_size(char *to, size_t size, uint64_t bytes)
{
	static const char units[] = "\0KMG";
	unsigned unit = 0;

	while (unit < 3 && bytes && bytes % 1024 == 0) {
		bytes /= 1024;
		unit++;
	}
	(void)snprintf(to, size, "%llu%.1s", (unsigned long long)bytes, units + unit);
}

static int refuse_size(const struct command *command, const struct command_option *row, const char *option, const char *text)
{
	char remedy[128], min[24], max[24];
	size_t len;

	format_size(min, sizeof(min), row->min);
	format_size(max, sizeof(max), row->max);
	if (row->max)
		len = (size_t)snprintf(remedy, sizeof(remedy), "give a size from %s to %s, such as %s", min, max, min);
	else
		len = (size_t)snprintf(remedy, sizeof(remedy), "give a size of at least %s, such as 512M or 16G", min);
	(void)snprintf(remedy + len, sizeof(remedy) - len, "%s", row->zero ? ", or 0 for no bound" : "");
	return command_refuse(command, option, text, remedy);
}

static int take_size(const struct command *command, const struct command_option *row, const char *option, const char *text, uint64_t *ret)
{
	const uint64_t max = row->max ? row->max : INT64_MAX;
	uint64_t size;

	if (!argument_size(text, &size) || size > max || (size < row->min && !(row->zero && size == 0)))
		return refuse_size(command, row, option, text);
	*ret = size;
	return 0;
}

static int take(const struct command *command, const struct command_option *row, const char *text, void *options)
{
	void *member = (char *)options + row->member;
	char option[64];

	(void)snprintf(option, sizeof(option), "--%s", row->name);
	switch (row->kind) {
	case COMMAND_TAKE:
		return row->take(command, text, options);
	case COMMAND_SET:
	case COMMAND_CLEAR:
		*(bool *)member = row->kind == COMMAND_SET;
		return 0;
	case COMMAND_TEXT:
		*(const char **)member = text;
		return 0;
	case COMMAND_SIZE:
		return take_size(command, row, option, text, member);
	case COMMAND_LEVEL:
		return argument_log_level(text, &log_level) ? 0
							    : command_refuse(command, option, text, "give error, warning, info or debug");
	case COMMAND_HELP:
		return print_help(command);
	case COMMAND_VERSION:
		(void)printf("%s %s\n", command->program, CANOPY_VERSION);
		return COMMAND_E_DONE;
	}
	return -EINVAL;
}

int command_parse(const struct command *command, int argc, char **argv, void *options)
{
	const struct command_option *row;
	struct tables tables;
	int answer, r = 0;

	build_tables(command, &tables);
	optind = 0; /* glibc's way to begin anew, whatever was parsed before */
	while (r == 0 && (answer = getopt_long(argc, argv, tables.letters, tables.longs, NULL)) >= 0) {
		row = answer == '?' ? NULL : find(command, answer);
		if (row) {
			r = take(command, row, optarg, options);
		} else { /* getopt_long has said what is wrong */
			(void)fprintf(stderr, "%s: see '%s --help'\n", command->program, command->program);
			r = -EINVAL;
		}
	}
	if (r == 0 && optind < argc) {
		char remedy[96];

		(void)snprintf(remedy, sizeof(remedy), "every argument belongs to an option; see '%s --help'", command->program);
		r = command_refuse(command, "argument", argv[optind], remedy);
	}
	return r;
}
