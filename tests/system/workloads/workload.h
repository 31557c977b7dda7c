/* SPDX-License-Identifier: Apache-2.0 */
/* What the workloads share. Each is one small program that does one thing to the process table and says on stdout, as
 * NAME=PID lines, which processes were which, so that a test knows what to expect of whom. */
#ifndef CANOPY_TESTS_SYSTEM_WORKLOADS_WORKLOAD_H
#define CANOPY_TESTS_SYSTEM_WORKLOADS_WORKLOAD_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKLOAD_FAILED 99 /* exit code when the workload itself could not do its thing */

static inline _Noreturn void fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	_exit(WORKLOAD_FAILED);
}

/* One write, so that the lines of several processes never mix, and nothing is left to be written twice after a fork. */
static inline void say(const char *name, long pid)
{
	char line[64];
	int len = snprintf(line, sizeof(line), "%s=%ld\n", name, pid);

	if (write(STDOUT_FILENO, line, (size_t)len) != len)
		fail("write");
}

static inline void pause_ms(long ms)
{
	struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

/* Ends this thread alone; the C library's exit would end the process. */
static inline _Noreturn void exit_thread(int code)
{
	for (;;)
		(void)syscall(SYS_exit, code);
}

/* The leader is a zombie of its thread group once its exit is over. */
static inline int leader_is_gone(void)
{
	char text[512] = "", path[64];
	FILE *file;
	char *close;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/stat", getpid());
	file = fopen(path, "re");
	if (!file)
		fail(path);
	(void)fread(text, 1, sizeof(text) - 1, file);
	(void)fclose(file);
	close = strrchr(text, ')');
	return close && close[1] == ' ' && (close[2] == 'Z' || close[2] == 'X');
}

static inline int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			fail("waitpid");
	return status;
}

#endif
