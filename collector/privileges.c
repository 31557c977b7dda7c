/* SPDX-License-Identifier: Apache-2.0 */
/* The user comes first, since changing it needs a capability, then the rest. systemd's unit does the same from outside;
 * whoever starts the program by hand gets it all the same. */
#include "collector/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/confine/confine.h"

__attribute__((format(printf, 3, 4))) static int fail(char **ret_why, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (vasprintf(ret_why, format, args) < 0)
		*ret_why = NULL;
	va_end(args);
	return error;
}

/* Only the last folder: what stands above it is the administrator's. */
static int make_state(const char *state, const struct passwd *user, char **ret_why)
{
	if (mkdir(state, 0700) < 0)
		return 0; /* it is there, or state_prepare says what is wrong with it */
	if (lchown(state, user->pw_uid, user->pw_gid) == 0)
		return 0;
	return fail(ret_why, -errno, "cannot give the state folder %s to %s: %s", state, user->pw_name, strerror(errno));
}

int privileges_become(const char *name, const char *state, char **ret_why)
{
	const struct passwd *user;
	int r;

	errno = 0;
	user = getpwnam(name);
	if (!user)
		return fail(ret_why, -ENOENT, "there is no user '%s'; 'useradd --system %s' makes one, --user names another one", name, name);
	if (user->pw_uid == 0)
		return fail(ret_why, -EINVAL, "--user '%s' is root; name another one", name);
	if (geteuid() == user->pw_uid)
		return 0;
	if (geteuid() != 0)
		return fail(ret_why, -EPERM, "only root can become '%s'; start as root, or as '%s' without --user", name, name);
	r = make_state(state, user, ret_why);
	if (r < 0)
		return r;
	if (initgroups(user->pw_name, user->pw_gid) < 0 || setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
	    setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0)
		return fail(ret_why, -errno, "cannot become '%s': %s", name, strerror(errno));
	return 0;
}

/* Beyond what every program on a loop needs: listening, and files that are given away, moved, linked and stamped. */
static const int allowed[] = {
	SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(listen), SCMP_SYS(socketpair), SCMP_SYS(dup2), SCMP_SYS(dup3), SCMP_SYS(pipe),
	SCMP_SYS(fchmod), SCMP_SYS(fchmodat), SCMP_SYS(chmod), SCMP_SYS(link), SCMP_SYS(linkat), SCMP_SYS(symlink), SCMP_SYS(symlinkat),
	SCMP_SYS(rmdir), SCMP_SYS(truncate), SCMP_SYS(utimensat), SCMP_SYS(sync_file_range), SCMP_SYS(syncfs), SCMP_SYS(copy_file_range),
	SCMP_SYS(sendfile), SCMP_SYS(splice), SCMP_SYS(readahead), SCMP_SYS(pwritev2), SCMP_SYS(preadv2), SCMP_SYS(getdents), SCMP_SYS(chdir),
	SCMP_SYS(getrlimit), SCMP_SYS(setrlimit), SCMP_SYS(sched_setaffinity), SCMP_SYS(sched_getparam), SCMP_SYS(sched_getscheduler),
	SCMP_SYS(sched_get_priority_max), SCMP_SYS(sched_get_priority_min), SCMP_SYS(getcpu), SCMP_SYS(times), SCMP_SYS(getgroups),
	SCMP_SYS(getresuid), SCMP_SYS(getresgid), SCMP_SYS(getpgrp), SCMP_SYS(getpgid), SCMP_SYS(getsid), SCMP_SYS(signalfd4),
	SCMP_SYS(rt_sigpending), SCMP_SYS(rt_sigsuspend), SCMP_SYS(pause), SCMP_SYS(alarm), SCMP_SYS(setitimer), SCMP_SYS(memfd_create),
	SCMP_SYS(msync), SCMP_SYS(mincore), SCMP_SYS(mlock), SCMP_SYS(munlock), SCMP_SYS(inotify_init1), SCMP_SYS(inotify_add_watch),
	SCMP_SYS(inotify_rm_watch), SCMP_SYS(timerfd_gettime), SCMP_SYS(kill),
};

/* prctl(2): the names of threads. */
static const uint64_t prctl_options[] = {PR_SET_NAME, PR_GET_NAME, PR_SET_VMA};

static int filter_calls(void)
{
	scmp_filter_ctx filter = confine_filter();
	int r;

	if (!filter)
		return -ENOMEM;
	r = confine_allow(filter, allowed, sizeof(allowed) / sizeof(allowed[0]));
	if (r == 0)
		r = confine_allow_values(filter, SCMP_SYS(prctl), prctl_options, sizeof(prctl_options) / sizeof(prctl_options[0]));
	if (r == 0)
		r = confine_load(filter);
	seccomp_release(filter);
	return r;
}

int privileges_drop(const char **ret_what)
{
	int r = confine_capabilities(NULL, 0);

	if (r < 0) {
		*ret_what = "dropping capabilities";
		return r;
	}
	r = filter_calls();
	if (r < 0)
		*ret_what = "loading the seccomp filter (a kernel with CONFIG_SECCOMP_FILTER is needed)";
	return r;
}
