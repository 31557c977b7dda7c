/* SPDX-License-Identifier: Apache-2.0 */
/* The pager gets LESS=FRX unless the user has set something: leave at once when it fits on a screen, pass colours, keep
 * the screen. While it runs it owns the keyboard, so an interrupt is its business; and when its reader leaves early, a
 * write fails instead of killing. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/console/cli/pager.h"

static const char *choose(void)
{
	const char *command = getenv("CANOPY_PAGER");

	if (!command)
		command = getenv("PAGER");
	if (!command)
		command = access("/usr/bin/less", X_OK) == 0 || access("/bin/less", X_OK) == 0 ? "less" : "";
	return *command && strcmp(command, "cat") != 0 ? command : NULL;
}

_Noreturn static void run_pager(const char *command, int input)
{
	(void)setenv("LESS", "FRX", 0);
	(void)setenv("LV", "-c", 0);
	if (dup2(input, STDIN_FILENO) < 0)
		_exit(127);
	(void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

void pager_start(struct pager *ret)
{
	const char *command = choose();
	int ends[2];
	pid_t pid;

	*ret = (struct pager){0};
	if (!command || pipe2(ends, O_CLOEXEC) < 0)
		return;
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0)
		run_pager(command, ends[0]);
	(void)close(ends[0]);
	if (pid > 0 && dup2(ends[1], STDOUT_FILENO) >= 0) {
		ret->pid = pid;
		/* notes would otherwise be written across the pager's screen */
		if (isatty(STDERR_FILENO))
			ret->took_errors = dup2(ends[1], STDERR_FILENO) >= 0;
		(void)signal(SIGPIPE, SIG_IGN);
		(void)signal(SIGINT, SIG_IGN);
	}
	(void)close(ends[1]);
}

void pager_finish(struct pager *pager)
{
	if (!pager->pid)
		return;
	(void)fflush(stdout);
	(void)close(STDOUT_FILENO);
	if (pager->took_errors)
		(void)close(STDERR_FILENO);
	while (waitpid(pager->pid, NULL, 0) < 0 && errno == EINTR)
		;
	pager->pid = 0;
}
