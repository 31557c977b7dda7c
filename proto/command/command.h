/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of a program as a table, one row an option: from it come the parsing, the text of --help and every refusal, which names the
 * option, the value and the remedy. */
#ifndef CANOPY_PROTO_COMMAND_COMMAND_H
#define CANOPY_PROTO_COMMAND_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COMMAND_OPTIONS_MAX 64u /* rows of a table */

enum command_kind {
	COMMAND_TAKE,    /* take() decides; no member */
	COMMAND_SET,     /* a bool becomes true */
	COMMAND_CLEAR,   /* a bool becomes false */
	COMMAND_TEXT,    /* a const char * borrows the value from argv */
	COMMAND_SIZE,    /* an uint64_t of bytes, min to max */
	COMMAND_LEVEL,   /* sets log_level (canopy/log.h) */
	COMMAND_HELP,    /* prints the help */
	COMMAND_VERSION, /* prints name and version */
};

struct command;

struct command_option {
	const char *name;  /* the long form */
	char letter;       /* the short form, 0 = none */
	bool may_be_alone; /* the value may be left out; take() is then given NULL */
	bool zero;         /* COMMAND_SIZE: 0 stands for 'no bound' and passes below min */
	const char *value; /* as the help calls it, NULL = takes none */
	const char *help;  /* one paragraph; wrapped as the terminal asks for */
	enum command_kind kind;
	size_t member;     /* COMMAND_MEMBER() of the program's options */
	uint64_t min, max; /* COMMAND_SIZE; max 0 = as far as 63 bits go */
	/* Into the program's options. Returns 0 or what command_refuse() returned. */
	int (*take)(const struct command *command, const char *text, void *options);
};

struct command {
	const char *program;
	const char *head; /* of the help, before the options: usage and purpose */
	const char *tail; /* and behind them */
	const struct command_option *options; /* ends with a row without name */
};

/* Offset of a member whose type is checked when compiling. */
#define COMMAND_MEMBER(options, member, type) _Generic(((options *)0)->member, type: offsetof(options, member))

/* The rows that every program ends with. */
#define COMMAND_COMMON                                                                                                                     \
	{.name = "log-level", .letter = 'l', .value = "LEVEL", .kind = COMMAND_LEVEL, .help = "error, warning, info (default) or debug"},  \
	{.name = "help", .letter = 'h', .kind = COMMAND_HELP, .help = "this text"},                                                        \
	{.name = "version", .letter = 'V', .kind = COMMAND_VERSION, .help = "the version"},                                                \
	{.name = NULL}

enum {
	COMMAND_E_DONE = 1, /* --help or --version was answered on stdout */
};

/* Fills options, in which the defaults stand already. Returns 0, COMMAND_E_DONE, or -EINVAL after a message on stderr; options may then be filled
 * in part. */
int command_parse(const struct command *command, int argc, char **argv, void *options);

/* One line on stderr that names program, option ("--tag"), value (NULL = none was given) and remedy. Returns -EINVAL. */
int command_refuse(const struct command *command, const char *option, const char *value, const char *remedy);

#endif
