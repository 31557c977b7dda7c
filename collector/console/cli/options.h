/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: which commands there are, which options each one takes, and what was given. */
#ifndef CANOPY_CONSOLE_CLI_OPTIONS_H
#define CANOPY_CONSOLE_CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "collector/console/cli/color.h"
#include "collector/console/cli/text.h"

enum option_id {
	OPTION_SERVER,
	OPTION_TOKEN_FILE,
	OPTION_COLOR,
	OPTION_NO_PAGER,
	OPTION_TZ,
	OPTION_STRICT,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_OUTPUT,
	OPTION_FIELDS,
	OPTION_HOST,
	OPTION_SINCE,
	OPTION_UNTIL,
	OPTION_LIMIT,
	OPTION_SORT,
	OPTION_CURSOR,
	OPTION_EXITED,
	OPTION_ALIVE,
	OPTION_CHILDREN,
	OPTION_DEPTH,
	OPTION_LIVE,
	OPTION_JSON,
	OPTION_CA,
	OPTION_DIR,
	OPTION_DAYS,
	OPTION_MACHINE_ID,
	OPTION_COUNT,
};

enum output_format {
	OUTPUT_TABLE,
	OUTPUT_WIDE,
	OUTPUT_JSON,
	OUTPUT_NDJSON,
	OUTPUT_CSV,
};

struct context;

struct command {
	const char *name;
	const char *arguments;   /* for the usage line; empty = none */
	const char *summary;     /* one line */
	const char *text;        /* what --help says beyond it, lines of at most 80 columns */
	uint32_t options;        /* 1 << enum option_id of those that it takes beyond the global ones */
	unsigned words_min, words_max;
	/* Returns the exit code and has said on stderr why. */
	int (*run)(struct context *context);
};
#define WORDS_ANY 1000000u

/* Every pointer but filter is borrowed from argv. NULL = not given. */
struct options {
	const struct command *command;  /* NULL: none was named */
	uint32_t given;                 /* 1 << enum option_id */
	const char *server, *token_file, *zone, *fields, *host, *since, *until, *sort, *cursor, *ca, *dir, *machine_id;
	enum color_mode color;
	enum output_format output;
	uint64_t limit;                 /* 0 = none */
	uint64_t days;                  /* 0 = not given */
	int64_t depth;                  /* -1 = all */
	bool pager, strict, exited, alive, children, live, json, help, version;
	char **words;                   /* what stands behind the command */
	unsigned word_count;
	struct text filter;             /* the words joined with blanks; owned */
};

/* Parses. *problem is what is wrong, a line without the program's name, and *hint a second one or empty.
 * Returns 0, -EINVAL or -ENOMEM. */
int options_parse(struct options *ret, int argc, char **argv, struct text *problem, struct text *hint);
void options_finish(struct options *options);

bool options_given(const struct options *options, enum option_id id);

/* The table of commands, ended by one without a name. */
const struct command *command_table(void);
const struct command *command_find(const char *name);

/* --help of a command, or of the program when command is NULL. */
void options_help(const struct command *command, FILE *out);

/* For completion: name ("output"), letter ('o' or 0), whether it wants an argument, and one line; NULL behind the last
 * one. */
struct option_info {
	const char *name;
	char letter;
	const char *argument;    /* its name in help; NULL = none */
	const char *help;
	bool global;
};
const struct option_info *option_info(enum option_id id);

#endif
