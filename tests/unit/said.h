/* SPDX-License-Identifier: Apache-2.0 */
/* What a parser of command lines writes to stdout or stderr goes to a pipe here and stands in said[] afterwards. Include after cmocka.h. */
#ifndef CANOPY_TESTS_UNIT_SAID_H
#define CANOPY_TESTS_UNIT_SAID_H

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SAID_ARGS_MAX 160
#define SAID_ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static char said[16384]; /* less than a pipe holds */

/* Calls parse(argc, argv, into) with name and args, which end with NULL, and returns what it returned. */
static int said_by(int stream, int (*parse)(int argc, char **argv, void *into), void *into, const char *const *args)
{
	char *argv[SAID_ARGS_MAX] = {(char *)"program"};
	int argc = 1, pipes[2], saved, r;
	ssize_t len;

	while (*args && argc < SAID_ARGS_MAX - 1)
		argv[argc++] = (char *)*args++;
	assert_null(*args);
	assert_int_equal(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
	(void)fflush(NULL);
	saved = dup(stream);
	assert_int_equal(dup2(pipes[1], stream), stream);
	r = parse(argc, argv, into);
	(void)fflush(NULL);
	assert_int_equal(dup2(saved, stream), stream);
	(void)close(saved);
	(void)close(pipes[1]);
	len = read(pipes[0], said, sizeof(said) - 1);
	said[len > 0 ? len : 0] = '\0';
	(void)close(pipes[0]);
	return r;
}

static inline void assert_said(const char *part)
{
	if (!strstr(said, part))
		fail_msg("'%s' does not say '%s'", said, part);
}

/* Help is for terminals of 80 columns. */
static inline void assert_said_fits(void)
{
	for (const char *line = said; *line;) {
		size_t len = strcspn(line, "\n");

		if (len > 80)
			fail_msg("longer than 80 columns: '%.*s'", (int)len, line);
		line += len + (line[len] == '\n');
	}
}

#endif
