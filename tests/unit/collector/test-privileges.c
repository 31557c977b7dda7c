/* SPDX-License-Identifier: Apache-2.0 */
/* What a process can still do afterwards, tried in a child: works as any user. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/privileges.h"

static void *nothing(void *argument)
{
	return argument;
}

/* The number of the first thing that went otherwise than it should; 0 = none. */
static int try_all(void)
{
	char *const arguments[] = {(char *)"/bin/true", NULL};
	const char *what;
	pthread_t thread;
	int fd;

	if (privileges_drop(&what) < 0)
		return 1;
	if (execv("/bin/true", arguments) != -1 || errno != EPERM)
		return 2;
	if (fork() != -1 || errno != EPERM)
		return 3;
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != -1 || errno != EPERM)
		return 4;
	if (mount("none", "/mnt", "tmpfs", 0, NULL) != -1 || errno != EPERM)
		return 5;
	if (syscall(SYS_bpf, 0, NULL, 0) != -1 || errno != EPERM)
		return 6;
	if (socket(AF_PACKET, SOCK_RAW, 0) != -1 || errno != EPERM)
		return 7;
	if (setuid(0) != -1 && geteuid() != 0)
		return 8;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || listen(fd, 1) < 0)
		return 9;
	(void)close(fd);
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd < 0 || write(fd, "x", 1) != 1)
		return 10;
	if (pthread_create(&thread, NULL, nothing, NULL) != 0 || pthread_join(thread, NULL) != 0)
		return 11;
	return 0;
}

static void only_what_is_needed_is_left(void **state)
{
	int status;
	pid_t child = fork();

	(void)state;
	assert_true(child >= 0);
	if (child == 0)
		_exit(try_all());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void refused(const char *user, int error, const char *says)
{
	char *why = NULL;

	assert_int_equal(privileges_become(user, "/nonexistent/state", &why), error);
	assert_non_null(why);
	assert_non_null(strstr(why, says));
	free(why);
}

static void users_that_will_not_do(void **state)
{
	(void)state;
	refused("no-such-user", -ENOENT, "there is no user 'no-such-user'");
	refused("root", -EINVAL, "is root");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_what_is_needed_is_left),
	    cmocka_unit_test(users_that_will_not_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
