/* SPDX-License-Identifier: Apache-2.0 */
#include "life.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char *const no_environment[] = {NULL};

static bool reap(pid_t pid)
{
	int status;

	if (pid > 0 && waitpid(pid, &status, 0) == pid && status == 0)
		return true;
	fprintf(stderr, "life: one of process %d failed: %s\n", getpid(), pid < 0 ? strerror(errno) : "bad exit");
	return false;
}

static bool live_fork(const struct life *life)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return reap(pid);
}

static bool live_exec(const struct life *life)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)execve(life->program, life->arguments, no_environment);
		_exit(127);
	}
	return reap(pid);
}

static bool live_vfork(const struct life *life)
{
	pid_t pid = vfork();

	if (pid == 0) {
		(void)execve(life->program, life->arguments, no_environment);
		_exit(127);
	}
	return reap(pid);
}

static bool live_spawn(const struct life *life)
{
	pid_t pid = -1;

	errno = posix_spawn(&pid, life->program, NULL, NULL, life->arguments, no_environment);
	return reap(errno ? -1 : pid);
}

static const struct {
	const char *name;
	bool (*end)(const struct life *life);
} ways[] = {{"fork", live_fork}, {"exec", live_exec}, {"vfork", live_vfork}, {"spawn", live_spawn}};

static char *beside(const char *name)
{
	char self[PATH_MAX], *path = NULL;
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (len < 0)
		return NULL;
	self[len] = '\0';
	return asprintf(&path, "%s/%s", dirname(self), name) < 0 ? NULL : path;
}

static char *repeated(unsigned long bytes)
{
	char *text = malloc(bytes + 1);

	if (text) {
		memset(text, 'a', bytes);
		text[bytes] = '\0';
	}
	return text;
}

bool life_init(struct life *life, const char *way, const char *program, unsigned long argument_bytes)
{
	*life = (struct life){.program = program ? strdup(program) : beside("noop")};
	life->arguments[0] = life->program;
	if (argument_bytes)
		life->arguments[1] = repeated(argument_bytes);
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (!strcmp(way, ways[i].name)) {
			life->name = ways[i].name;
			life->end = ways[i].end;
		}
	return life->end && life->program && (!argument_bytes || life->arguments[1]);
}

void life_pin(unsigned long number)
{
	cpu_set_t all, one;

	if (sched_getaffinity(0, sizeof(all), &all) < 0)
		return; /* more CPUs than a set holds: it runs where it likes */
	number %= (unsigned long)CPU_COUNT(&all);
	CPU_ZERO(&one);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &all) && number-- == 0) {
			CPU_SET(cpu, &one);
			break;
		}
	(void)sched_setaffinity(0, sizeof(one), &one);
}
