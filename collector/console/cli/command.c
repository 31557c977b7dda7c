/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands: what each one takes and says of itself. */
#include "collector/console/cli/command.h"
#include "collector/console/cli/options.h"

#define TAKES(id) (UINT32_C(1) << OPTION_##id)
#define LISTS (TAKES(OUTPUT) | TAKES(FIELDS))

static const struct command commands[] = {
	{"hosts", "", "Hosts, and how fresh and whole the picture of each is",
	 "STATE is live, catching up, silent, rebooted or gone; LAG how old the newest\n"
	 "word of the host is; QUEUE what waits there to be sent; LOST how many facts are\n"
	 "known to be lost; SKEW how far its clock is from the collector's.\n",
	 LISTS, 0, 0, cmd_hosts},
	{"tree", "[FILTER]", "The forest: processes under their parents, host by host",
	 "Branches that lead to a match stay. '?' stands before a process of which only\n"
	 "others have spoken, '!' where an exec was lost. [memfd:NAME], [deleted],\n"
	 "[setuid], [setgid] and [filecap] tell of the program's file what its arguments\n"
	 "may hide. The last line says how many hosts are current. With --live, or as\n"
	 "'canopy top', it stays on the screen.\n",
	 LISTS | TAKES(HOST) | TAKES(DEPTH) | TAKES(EXITED) | TAKES(CHILDREN) | TAKES(LIVE), 0, WORDS_ANY, cmd_tree},
	{"ps", "[FILTER]", "Processes as a list, alive and ended",
	 "Without a filter: everything the collector keeps, by start. -o wide shows more\n"
	 "and cuts nothing, -o ndjson writes one JSON object a line.\n",
	 LISTS | TAKES(HOST) | TAKES(SINCE) | TAKES(UNTIL) | TAKES(LIMIT) | TAKES(SORT) | TAKES(ALIVE) | TAKES(EXITED),
	 0, WORDS_ANY, cmd_ps},
	{"show", "ID", "Everything about one process",
	 "ID is what -o wide prints, or HOST:PID, or a PID where only one host is there.\n", TAKES(OUTPUT), 1, 1,
	 cmd_show},
	{"lineage", "ID", "A process and its ancestors, dead ones too, root first",
	 "ID is what -o wide prints, or HOST:PID, or a PID where only one host is there.\n"
	 "EXEC is when the program that is shown was started.\n",
	 LISTS, 1, 1, cmd_lineage},
	{"tail", "[FILTER]", "Events as they happen: fork, exec, exit, and gaps",
	 "Lost connections are taken up again where they broke. With --cursor the place\n"
	 "in the stream is kept in a file, and the next run continues behind it.\n",
	 LISTS | TAKES(HOST) | TAKES(LIMIT) | TAKES(CURSOR), 0, WORDS_ANY, cmd_tail},
	{"top", "[FILTER]", "The forest live on the terminal",
	 "q quits; j k, arrows and page keys scroll, g G go to either end; x shows the\n"
	 "ended ones too; space pauses. Those that just ended stay, dimmed, for a few\n"
	 "seconds.\n",
	 TAKES(HOST) | TAKES(EXITED) | TAKES(DEPTH) | TAKES(CHILDREN), 0, WORDS_ANY, cmd_top},
	{"stats", "", "Figures of the collector itself", "", TAKES(OUTPUT), 0, 0, cmd_stats},
	{"pki", "WORD", "Certificates for sensors and collectors",
	 "  canopy pki init                      make it\n"
	 "  canopy pki collector NAME [NAME...]  for a collector; NAME is also a number\n"
	 "  canopy pki sensor NAME               for the host of that name\n"
	 "  canopy pki revoke NAME|SERIAL...     trust it no more\n"
	 "  canopy pki list                      what was signed\n"
	 "It needs no collector. Whatever exists already is not made again.\n",
	 TAKES(DIR) | TAKES(DAYS) | TAKES(MACHINE_ID), 1, WORDS_ANY, cmd_pki},
	{"verify", "PATH", "Audit a journal or a spool for holes, damage and order",
	 "PATH is a collector's --state folder, a journal in it, or a sensor's --spool,\n"
	 "on this machine. It is only read, and may be in use. Each finding names file,\n"
	 "offset, the batches that are lost by boot, stream and number, what to do.\n"
	 "Exit codes: 0 sound, 1 damaged, 2 no such log, 3 it cannot be read.\n",
	 TAKES(OUTPUT) | TAKES(JSON), 1, 1, cmd_verify},
	{"version", "", "Versions of this program and of the collector", "", 0, 0, 0, cmd_version},
	{"completion", "SHELL", "Completion script for bash, zsh or fish",
	 "  bash: source <(canopy completion bash)\n"
	 "  zsh:  source <(canopy completion zsh)\n"
	 "  fish: canopy completion fish | source\n",
	 0, 1, 1, cmd_completion},
	{"help", "[TOPIC]", "Help on a command, on 'filter' or on 'fields'", "", 0, 0, 1, cmd_help},
	{0},
};

const struct command *command_table(void)
{
	return commands;
}
