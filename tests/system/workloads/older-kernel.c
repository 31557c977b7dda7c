/* SPDX-License-Identifier: Apache-2.0 */
/* To be preloaded: makes the kernel look like one that lacks what the sensor needs. OLDER_KERNEL says what: 'release=R' (uname tells R, and no
 * BPF ring buffer), 'preemptible' (uname tells 7.0), 'no-kprobe' and 'no-perf' (that, and perf events of kprobes, or all of
 * them, are not allowed), 'no-ring' (no BPF ring buffer alone), 'no-bpf' (no bpf system call), 'no-typed' and 'no-iterator' (tracing programs of that kind are refused), 'refused' (not allowed),
 * 'no-seccomp' (no filters of system calls). */
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/perf_event.h>

#define SYSCALL_ARGUMENTS 6
#define PRCTL_ARGUMENTS 4

static const char *missing(void)
{
	const char *what = getenv("OLDER_KERNEL");

	return what ? what : "";
}

int uname(struct utsname *ret)
{
	int (*real)(struct utsname *) = (int (*)(struct utsname *))dlsym(RTLD_NEXT, "uname");
	int r = real(ret);

	if (r == 0 && strncmp(missing(), "release=", 8) == 0)
		(void)snprintf(ret->release, sizeof(ret->release), "%s", missing() + 8);
	if (r == 0 && (strcmp(missing(), "preemptible") == 0 || strcmp(missing(), "no-kprobe") == 0 || strcmp(missing(), "no-perf") == 0))
		(void)snprintf(ret->release, sizeof(ret->release), "7.0.0");
	return r;
}

static int refusal(long command, const union bpf_attr *attr)
{
	const char *what = missing();

	if (strcmp(what, "no-bpf") == 0)
		return ENOSYS;
	if (strcmp(what, "refused") == 0)
		return EPERM;
	if (command == BPF_MAP_CREATE && attr->map_type == BPF_MAP_TYPE_RINGBUF)
		return strcmp(what, "no-ring") == 0 || strncmp(what, "release=", 8) == 0 ? EINVAL : 0;
	if (command != BPF_PROG_LOAD || attr->prog_type != BPF_PROG_TYPE_TRACING)
		return 0;
	if (strcmp(what, "no-typed") == 0 && attr->expected_attach_type == BPF_TRACE_RAW_TP)
		return EINVAL;
	return strcmp(what, "no-iterator") == 0 && attr->expected_attach_type == BPF_TRACE_ITER ? EINVAL : 0;
}

static int perf_refusal(const struct perf_event_attr *attr)
{
	if (strcmp(missing(), "no-kprobe") == 0)
		return attr->type != PERF_TYPE_TRACEPOINT ? EPERM : 0;
	return strcmp(missing(), "no-perf") == 0 ? EPERM : 0;
}

/* The other way to a filter. */
int prctl(int option, ...)
{
	int (*real)(int, ...) = (int (*)(int, ...))dlsym(RTLD_NEXT, "prctl");
	unsigned long arguments[PRCTL_ARGUMENTS];
	va_list args;

	va_start(args, option);
	for (int i = 0; i < PRCTL_ARGUMENTS; i++)
		arguments[i] = va_arg(args, unsigned long);
	va_end(args);
	if (option == PR_SET_SECCOMP && strcmp(missing(), "no-seccomp") == 0) {
		errno = EINVAL;
		return -1;
	}
	return real(option, arguments[0], arguments[1], arguments[2], arguments[3]);
}

/* libbpf has no other way to the kernel than this function of libc. */
long syscall(long number, ...)
{
	long (*real)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	long arguments[SYSCALL_ARGUMENTS];
	va_list args;
	int error;

	va_start(args, number);
	for (int i = 0; i < SYSCALL_ARGUMENTS; i++)
		arguments[i] = va_arg(args, long);
	va_end(args);
	error = number == SYS_bpf ? refusal(arguments[0], (const union bpf_attr *)arguments[1]) : 0;
	if (number == SYS_perf_event_open)
		error = perf_refusal((const struct perf_event_attr *)arguments[0]);
	if (number == SYS_seccomp && strcmp(missing(), "no-seccomp") == 0)
		error = ENOSYS;
	if (error) {
		errno = error;
		return -1;
	}
	return real(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}
