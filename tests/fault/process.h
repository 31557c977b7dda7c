/* SPDX-License-Identifier: Apache-2.0 */
/* The real collector as a child of a fault test: started on a port and state folder of its own, killed and started
 * again, and gone when the test is, whatever happens to that. One TAP line a check. */
#ifndef CANOPY_TESTS_FAULT_PROCESS_H
#define CANOPY_TESTS_FAULT_PROCESS_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/folder.h"
#include "tests/unit/loopback.h"

#define PROCESS_WAIT_SECONDS 20 /* only a collector that hangs takes so long */

/* One for each test, so that the handler at exit finds it. */
static struct {
	const char *program;
	struct folder folder;
	char state[FOLDER_PATH_MAX * 2], log[FOLDER_PATH_MAX * 2];
	const char *more[16]; /* further arguments, NULL behind the last */
	pid_t pid;     /* 0 = not running */
	pid_t owner;   /* the test itself: a child of it that gives up cleans up nothing */
	char host[LOOPBACK_MAX];
	in_addr_t address; /* the same */
	uint16_t port; /* of the first start; later ones take it again */
} process;

static int checks, failures;

__attribute__((format(printf, 2, 3))) static inline void check(bool ok, const char *format, ...)
{
	va_list args;

	failures += !ok;
	printf("%sok %d - ", ok ? "" : "not ", ++checks);
	va_start(args, format);
	(void)vprintf(format, args);
	va_end(args);
	(void)putchar('\n');
	(void)fflush(stdout);
}

__attribute__((noreturn)) static inline void give_up(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

static inline void process_kill(void)
{
	if (process.pid <= 0)
		return;
	(void)kill(process.pid, SIGKILL);
	(void)waitpid(process.pid, NULL, 0);
	process.pid = 0;
}

static inline void process_clean_up(void)
{
	struct folder nested;

	if (getpid() != process.owner)
		return;
	process_kill();
	/* as many shards as the machine has cores */
	for (unsigned i = 1; i < 64; i++) {
		(void)snprintf(nested.path, sizeof(nested.path), "%.480s/state/shard-%u/journal", process.folder.path, i);
		folder_remove(&nested);
		(void)snprintf(nested.path, sizeof(nested.path), "%.480s/state/shard-%u", process.folder.path, i);
		folder_remove(&nested);
	}
	(void)snprintf(nested.path, sizeof(nested.path), "%.480s/state/journal", process.folder.path);
	folder_remove(&nested);
	(void)snprintf(nested.path, sizeof(nested.path), "%.480s/state", process.folder.path);
	folder_remove(&nested);
	folder_remove(&process.folder);
}

static inline void process_init(const char *program)
{
	(void)signal(SIGPIPE, SIG_IGN); /* as in the programs: libuv writes to a collector that has been killed */
	process.program = program;
	process.owner = getpid();
	process.address = loopback_own(process.host);
	if (folder_make(&process.folder) < 0)
		give_up("cannot make a folder");
	folder_file(&process.folder, "state", process.state);
	folder_file(&process.folder, "log", process.log);
	(void)atexit(process_clean_up);
}

static inline void process_exec(void)
{
	char listen[32], http[32];
	int fd = open(process.log, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fd >= 0)
		(void)dup2(fd, STDERR_FILENO);
	(void)snprintf(listen, sizeof(listen), "%s:%u", process.host, process.port);
	(void)snprintf(http, sizeof(http), "%s:0", process.host);
	char *arguments[32] = {(char *)(uintptr_t)process.program, (char *)"--listen", listen, (char *)"--http",
			       http,                             (char *)"--state",  process.state};

	for (unsigned i = 0; i < 16 && process.more[i]; i++)
		arguments[7 + i] = (char *)(uintptr_t)process.more[i];
	(void)execv(process.program, arguments);
	_exit(127);
}

static inline bool process_read_port(void)
{
	char path[FOLDER_PATH_MAX * 2 + 16];
	unsigned port = 0;
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/listen", process.state);
	file = fopen(path, "r");
	if (!file)
		return false;
	if (fscanf(file, "%*[0-9.]:%u", &port) != 1)
		port = 0;
	(void)fclose(file);
	process.port = (uint16_t)port;
	return port != 0;
}

/* Returns once it listens. */
static inline void process_start(void)
{
	char path[FOLDER_PATH_MAX * 2 + 16];
	time_t end = time(NULL) + PROCESS_WAIT_SECONDS;

	(void)snprintf(path, sizeof(path), "%s/listen", process.state);
	(void)unlink(path); /* of one that was killed */
	process.pid = fork();
	if (process.pid < 0)
		give_up("fork");
	if (process.pid == 0)
		process_exec();
	while (!process_read_port()) {
		if (waitpid(process.pid, NULL, WNOHANG) == process.pid) {
			process.pid = 0;
			give_up("the collector did not start");
		}
		if (time(NULL) > end)
			give_up("the collector does not listen");
		(void)usleep(10000);
	}
}

/* Asks it to stop; true when it ends by itself with exit code 0. */
static inline bool process_stop(void)
{
	time_t end = time(NULL) + PROCESS_WAIT_SECONDS;
	int status = 0;
	pid_t gone = 0;

	(void)kill(process.pid, SIGTERM);
	while (gone == 0 && time(NULL) <= end) {
		gone = waitpid(process.pid, &status, WNOHANG);
		(void)usleep(10000);
	}
	if (gone == process.pid)
		process.pid = 0;
	return gone > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

#endif
