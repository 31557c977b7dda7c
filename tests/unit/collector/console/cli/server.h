/* SPDX-License-Identifier: Apache-2.0 */
/* A server for tests: a child process on a loopback port of the kernel's choice that gives one prepared answer a
 * connection and keeps what it was asked. It dies with its parent, and is ended by its pid. */
#ifndef CANOPY_TEST_CLI_SERVER_H
#define CANOPY_TEST_CLI_SERVER_H

#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

struct server {
	pid_t pid;
	int requests;        /* reading end: the heads of all requests, one behind the other */
	char url[64];
};

static inline void serve_one(int listener, int log, const char *answer)
{
	int connection = accept(listener, NULL, NULL);
	char head[4096];
	size_t len = 0;

	while (len < sizeof(head) - 1) {
		ssize_t got = read(connection, head + len, sizeof(head) - 1 - len);

		if (got <= 0)
			break;
		len += (size_t)got;
		head[len] = '\0';
		if (strstr(head, "\r\n\r\n"))
			break;
	}
	if (write(log, head, len) < 0 || write(connection, answer, strlen(answer)) < 0)
		_exit(1);
	(void)close(connection);
}

static inline void server_start(struct server *server, const char *const *answers)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), ends[2];
	socklen_t len = sizeof(address);

	assert_true(listener >= 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 8), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
	assert_int_equal(pipe(ends), 0);
	(void)snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%u", ntohs(address.sin_port));
	server->pid = fork();
	assert_true(server->pid >= 0);
	if (server->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)close(ends[0]);
		for (; *answers; answers++)
			serve_one(listener, ends[1], *answers);
		_exit(0);
	}
	(void)close(ends[1]);
	(void)close(listener);
	server->requests = ends[0];
}

/* Ends the server and returns everything it was asked, to be freed. */
static inline char *server_end(struct server *server, bool kill_it)
{
	char *log = calloc(1, 16384);
	size_t len = 0;
	ssize_t got;

	if (kill_it)
		(void)kill(server->pid, SIGKILL);
	assert_non_null(log);
	while ((got = read(server->requests, log + len, 16383 - len)) > 0)
		len += (size_t)got;
	(void)close(server->requests);
	(void)waitpid(server->pid, NULL, 0);
	return log;
}

#endif
