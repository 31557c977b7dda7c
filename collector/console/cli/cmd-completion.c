/* SPDX-License-Identifier: Apache-2.0 */
/* canopy completion SHELL: written from the tables of commands, options and fields, so that it never falls behind. */
#include <string.h>

#include "collector/console/cli/command.h"
#include "collector/console/cli/context.h"
#include "proto/model/field.h"

static bool takes(const struct command *command, unsigned id)
{
	return option_info((enum option_id)id)->global || command->options >> id & 1;
}

static void print_commands(void)
{
	for (const struct command *command = command_table(); command->name; command++)
		(void)printf("%s%s", command == command_table() ? "" : " ", command->name);
}

static void print_fields(void)
{
	size_t count;
	const struct field *fields = field_table(&count);

	for (size_t i = 0; i < count; i++)
		(void)printf("%s%s", i ? " " : "", fields[i].name);
}

static void print_columns(void)
{
	for (const struct column *column = column_process_table(); column->name; column++)
		(void)printf("%s ", column->name);
}

/* ---- bash, and zsh through its bashcompinit -------------------------------------------------------------------- */

static void print_options(const struct command *command)
{
	for (unsigned id = 0; id < OPTION_COUNT; id++)
		if (takes(command, id))
			(void)printf(" --%s", option_info((enum option_id)id)->name);
}

static void print_bash(void)
{
	(void)fputs(
		"_canopy()\n{\n"
		"\tlocal current=\"${COMP_WORDS[COMP_CWORD]}\" before=\"${COMP_WORDS[COMP_CWORD-1]}\" command= word\n"
		"\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n\t\tcase \"$word\" in\n\t\t",
		stdout);
	for (const struct command *command = command_table(); command->name; command++)
		(void)printf("%s%s", command == command_table() ? "" : "|", command->name);
	(void)fputs(
		") command=$word; break ;;\n\t\tesac\n\tdone\n\tcase \"$before\" in\n"
		"\t--color) COMPREPLY=($(compgen -W 'auto always never' -- \"$current\")); return ;;\n"
		"\t-o|--output) COMPREPLY=($(compgen -W 'table wide json ndjson csv' -- \"$current\")); return ;;\n"
		"\t-H|--host) COMPREPLY=($(compgen -W \"$(canopy hosts -o csv --fields host 2>/dev/null | "
		"tail -n +2)\" -- "
		"\"$current\")); return ;;\n"
		"\t--cursor|--token-file) COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n"
		"\t--fields) COMPREPLY=($(compgen -W '",
		stdout);
	print_columns();
	(void)fputs("' -- \"$current\")); return ;;\n\tesac\n\tcase \"$command\" in\n\t'') COMPREPLY=($(compgen -W '",
		    stdout);
	print_commands();
	(void)fputs("' -- \"$current\")) ;;\n", stdout);
	for (const struct command *command = command_table(); command->name; command++) {
		(void)printf("\t%s) COMPREPLY=($(compgen -W '", command->name);
		if (command->words_max == WORDS_ANY)
			print_fields();
		else if (strcmp(command->name, "completion") == 0)
			(void)fputs("bash zsh fish", stdout);
		else if (strcmp(command->name, "help") == 0)
			print_commands();
		print_options(command);
		(void)fputs("' -- \"$current\")) ;;\n", stdout);
	}
	(void)fputs("\tesac\n}\ncomplete -F _canopy canopy\n", stdout);
}

static void print_zsh(void)
{
	(void)fputs("autoload -Uz bashcompinit && bashcompinit\n", stdout);
	print_bash();
}

/* ---- fish ------------------------------------------------------------------------------------------------------ */

/* A string in single quotes of fish. */
static void print_quoted(const char *string)
{
	(void)putchar('\'');
	for (; *string; string++) {
		if (*string == '\'' || *string == '\\')
			(void)putchar('\\');
		(void)putchar(*string);
	}
	(void)putchar('\'');
}

static void print_fish_option(const char *condition, unsigned id)
{
	const struct option_info *info = option_info((enum option_id)id);

	(void)printf("complete -c canopy %s%s -l %s", condition, info->argument ? " -x" : "", info->name);
	if (info->letter)
		(void)printf(" -s %c", info->letter);
	if (id == OPTION_OUTPUT)
		(void)fputs(" -a 'table wide json ndjson csv'", stdout);
	else if (id == OPTION_COLOR)
		(void)fputs(" -a 'auto always never'", stdout);
	(void)fputs(" -d ", stdout);
	print_quoted(info->help);
	(void)putchar('\n');
}

static void print_fish(void)
{
	char condition[80];

	(void)fputs("complete -c canopy -f\n", stdout);
	for (unsigned id = 0; id < OPTION_COUNT; id++)
		if (option_info((enum option_id)id)->global)
			print_fish_option("", id);
	for (const struct command *command = command_table(); command->name; command++) {
		(void)printf("complete -c canopy -n __fish_use_subcommand -a %s -d ", command->name);
		print_quoted(command->summary);
		(void)putchar('\n');
		(void)snprintf(condition, sizeof(condition), "-n '__fish_seen_subcommand_from %s'", command->name);
		for (unsigned id = 0; id < OPTION_COUNT; id++)
			if (command->options >> id & 1)
				print_fish_option(condition, id);
		if (command->words_max == WORDS_ANY) {
			(void)printf("complete -c canopy %s -a '", condition);
			print_fields();
			(void)fputs("'\n", stdout);
		}
	}
}

int cmd_completion(struct context *context)
{
	const char *shell = context->options.words[0];

	if (strcmp(shell, "bash") == 0)
		print_bash();
	else if (strcmp(shell, "zsh") == 0)
		print_zsh();
	else if (strcmp(shell, "fish") == 0)
		print_fish();
	else {
		message("completion is there for bash, zsh and fish, not for '%s'", shell);
		return EXIT_USAGE;
	}
	return EXIT_OK;
}
