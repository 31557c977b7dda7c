/* SPDX-License-Identifier: Apache-2.0 */
/* A storm of short lives: N processes are born and die, one after the other in each of W workers, and the time for it
 * is printed.
 *
 *   storm fork|exec|vfork|spawn LIVES [WORKERS [PROGRAM]]
 *
 * fork: fork + exit. exec: fork + exec of PROGRAM + exit. vfork: the same by vfork. spawn: by posix_spawn. PROGRAM is
 * 'noop' beside this program unless given. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIVES_MAX 100000000ul
#define WORKERS_MAX 256ul

static char *program;
static char *const no_environment[] = {NULL};

static pid_t live_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid;
}

static pid_t live_exec(void)
{
	char *arguments[] = {program, NULL};
	pid_t pid = fork();

	if (pid == 0) {
		(void)execve(program, arguments, no_environment);
		_exit(127);
	}
	return pid;
}

static pid_t live_vfork(void)
{
	char *arguments[] = {program, NULL};
	pid_t pid = vfork();

	if (pid == 0) {
		(void)execve(program, arguments, no_environment);
		_exit(127);
	}
	return pid;
}

static pid_t live_spawn(void)
{
	char *arguments[] = {program, NULL};
	pid_t pid;
	int r = posix_spawn(&pid, program, NULL, NULL, arguments, no_environment);

	if (r == 0)
		return pid;
	errno = r;
	return -1;
}

static const struct {
	const char *name;
	pid_t (*live)(void);
} modes[] = {{"fork", live_fork}, {"exec", live_exec}, {"vfork", live_vfork}, {"spawn", live_spawn}};

/* One worker's share, from the moment on that start is closed at the other end. */
static int work(pid_t (*live)(void), unsigned long lives, int start)
{
	char byte;

	(void)!read(start, &byte, 1);
	for (unsigned long i = 0; i < lives; i++) {
		pid_t pid = live();
		int status;

		if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
			fprintf(stderr, "storm: life %lu of worker %d failed: %s\n", i, getpid(),
				pid < 0 ? strerror(errno) : "bad exit");
			return 1;
		}
	}
	return 0;
}

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int storm(const char *name, pid_t (*live)(void), unsigned long lives, unsigned long workers)
{
	int start[2], failed = 0, status;
	double begin, seconds;

	if (pipe2(start, O_CLOEXEC) < 0)
		return 1;
	for (unsigned long w = 0; w < workers; w++) {
		pid_t pid = fork();

		if (pid < 0) {
			perror("storm: fork of a worker");
			failed = 1;
			break;
		}
		if (pid == 0) {
			(void)close(start[1]);
			_exit(work(live, lives / workers + (w < lives % workers), start[0]));
		}
	}
	begin = now();
	(void)close(start[1]);
	while (wait(&status) > 0)
		failed |= status != 0;
	seconds = now() - begin;
	if (!failed)
		printf("mode=%s lives=%lu workers=%lu seconds=%.4f lives_per_s=%.0f us_per_life=%.2f\n", name, lives,
		       workers, seconds, (double)lives / seconds, seconds / (double)lives * 1e6);
	return failed;
}

static unsigned long parse(const char *text, unsigned long max)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	return *text < '0' || *text > '9' || *end || number > max ? 0 : number;
}

static char *beside(const char *name)
{
	char self[PATH_MAX], *path = NULL;
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (len < 0)
		return NULL;
	self[len] = '\0';
	return asprintf(&path, "%s/%s", dirname(self), name) < 0 ? NULL : path;
}

int main(int argc, char **argv)
{
	unsigned long lives = argc > 2 ? parse(argv[2], LIVES_MAX) : 0,
		      workers = argc > 3 ? parse(argv[3], WORKERS_MAX) : 1;

	program = argc > 4 ? argv[4] : beside("noop");
	for (size_t i = 0; argc > 1 && i < sizeof(modes) / sizeof(*modes); i++)
		if (!strcmp(argv[1], modes[i].name) && lives && workers && program)
			return storm(modes[i].name, modes[i].live, lives, workers);
	fputs("usage: storm fork|exec|vfork|spawn LIVES [WORKERS [PROGRAM]]\n", stderr);
	return 2;
}
