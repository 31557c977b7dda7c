/* SPDX-License-Identifier: Apache-2.0 */
/* canopy: the command line of the console. Reads the arguments, prepares what every command needs, and runs it. */
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/console/cli/command.h"
#include "collector/console/cli/context.h"
#include "collector/console/cli/pager.h"
#include "collector/console/cli/timefmt.h"

/* Commands whose output is a text of bounded length, made to be read. */
static bool wants_pager(const struct context *context)
{
	const struct command *command = context->options.command;

	return context->options.pager && context->terminal.is_terminal && command && command->run != cmd_tail &&
	       command->run != cmd_top && command->run != cmd_version && command->run != cmd_completion &&
	       !context->options.live;
}

static int run_command(struct context *context)
{
	const struct command *command = context->options.command;
	struct pager pager = {0};
	int code;

	if (wants_pager(context))
		pager_start(&pager);
	code = command ? command->run(context) : cmd_top(context);
	/* what was written may only now turn out not to have arrived; with a pager that left early that is no failure
	 */
	if (fflush(stdout) != 0 && !pager.pid && code == EXIT_OK) {
		message("cannot write the output: %s", strerror(errno));
		code = EXIT_SERVER;
	}
	pager_finish(&pager);
	return code;
}

static int prepare(struct context *context, struct text *problem)
{
	const char *zone = context->options.zone;

	if (zone && timefmt_zone(zone) < 0) {
		message("--tz does not know '%s': a zone reads UTC or Europe/Berlin", zone);
		return EXIT_USAGE;
	}
	terminal_detect(&context->terminal, context->options.color);
	context->now = timefmt_now();
	if (client_init(&context->client, context->options.server, context->options.token_file,
			context->options.ca, problem) < 0) {
		message("%s", text_string(problem));
		return EXIT_USAGE;
	}
	return 0;
}

static int run(struct context *context, struct text *problem)
{
	int code;

	if (context->options.version) {
		(void)printf("canopy %s\n", CANOPY_VERSION);
		return EXIT_OK;
	}
	if (context->options.help) {
		options_help(context->options.command, stdout);
		return EXIT_OK;
	}
	code = prepare(context, problem);
	if (!code)
		code = run_command(context);
	client_finish(&context->client);
	return code;
}

int main(int argc, char **argv)
{
	struct text problem = TEXT_NULL, hint = TEXT_NULL;
	struct context context = {0};
	int err, code = EXIT_USAGE;

	(void)setlocale(LC_CTYPE, "");
	err = options_parse(&context.options, argc, argv, &problem, &hint);
	if (err) {
		message("%s", problem.len ? text_string(&problem) : strerror(-err));
		if (hint.len)
			message_more("%s", text_string(&hint));
	} else {
		text_reset(&problem);
		code = run(&context, &problem);
		options_finish(&context.options);
	}
	text_finish(&problem);
	text_finish(&hint);
	return code;
}
