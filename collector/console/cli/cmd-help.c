/* SPDX-License-Identifier: Apache-2.0 */
/* canopy help: of the program, of a command, of filters and of fields. */
#include <string.h>

#include "collector/console/cli/command.h"
#include "collector/console/cli/context.h"
#include "proto/model/field.h"

static const char filter_text[] =
	"A filter picks processes. It is sent to the collector as it is; several words\n"
	"are joined with blanks, so quotes are needed only for what the shell would\n"
	"take.\n"
	"\n"
	"  canopy ps curl                         a bare word: in file or command line\n"
	"  canopy ps proc.name = sshd\n"
	"  canopy ps 'proc.exitcode > 0 and user.name != root'\n"
	"  canopy ps 'proc.cmdline contains \"--token\"'\n"
	"  canopy tree 'proc.exepath startswith /usr/local/ or proc.duration < 100ms'\n"
	"  canopy ps 'proc.name in (bash, sh, dash) and not host.name = web-1'\n"
	"\n"
	"Operators: = == != < <= > >= contains icontains startswith endswith glob in\n"
	"           exists regex, joined by and or not ( ), also && || !\n"
	"Values:    words, \"strings\", numbers, durations (100ms 2h), sizes (4k), times\n"
	"Families:  host.tag.KEY  proc.aname[N]  proc.apid[N]  proc.aexepath[N]\n"
	"           proc.acmdline[N] (no N: any ancestor)  quality.KEY  proc.env[NAME]\n"
	"\n"
	"Fields:\n";

static int help_filter(void)
{
	size_t count;
	const struct field *fields = field_table(&count);

	(void)fputs(filter_text, stdout);
	for (size_t i = 0; i < count; i++)
		(void)printf("  %-24s %s\n", fields[i].name, fields[i].meaning);
	return EXIT_OK;
}

static void list_columns(const struct column *column)
{
	for (; column->name; column++)
		(void)printf("  %-18s %-11s %s%s\n", column->name, column->heading, column->alias ? "also " : "",
			     column->alias ? column->alias : "");
}

static int help_fields(void)
{
	(void)fputs(
		"Columns for --fields, with their headings.\n\nOf processes (ps, tree, lineage) and events (tail):\n",
		stdout);
	list_columns(column_process_table());
	(void)fputs("\nOf hosts:\n", stdout);
	list_columns(column_host_table());
	return EXIT_OK;
}

int cmd_help(struct context *context)
{
	const char *topic = context->options.word_count ? context->options.words[0] : NULL;
	const struct command *command;

	if (topic && strcmp(topic, "filter") == 0)
		return help_filter();
	if (topic && strcmp(topic, "fields") == 0)
		return help_fields();
	command = topic ? command_find(topic) : NULL;
	if (topic && !command) {
		message("there is no help on '%s'", topic);
		message_more("'canopy help' names the commands; there are also 'help filter' and 'help fields'");
		return EXIT_USAGE;
	}
	options_help(command, stdout);
	return EXIT_OK;
}
