/* SPDX-License-Identifier: Apache-2.0 */
/* What a confined sensor cannot do. Each call is made in a child twice, with arguments that change nothing: before, where the kernel's own answer is another
 * one, and behind the filter, where it is EPERM. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/capability.h>

#include "sensor/confine.h"

#define BPF(command) SYS_bpf, {command, 0, 0}

static const struct {
	const char *what;
	long number;
	long arguments[3];
} refused[] = {
	{"execve", SYS_execve, {0, 0, 0}},
	{"execveat", SYS_execveat, {-1, 0, 0}},
	{"a new process", SYS_clone, {CLONE_SIGHAND, 0, 0}}, /* the kernel wants CLONE_VM with it */
	{"ptrace", SYS_ptrace, {-1, 0, 0}},
	{"process_vm_readv", SYS_process_vm_readv, {0, 0, 0}},
	{"process_vm_writev", SYS_process_vm_writev, {0, 0, 0}},
	{"kill", SYS_kill, {0, 0, 0}},
	{"BPF_PROG_LOAD", BPF(BPF_PROG_LOAD)},
	{"BPF_MAP_CREATE", BPF(BPF_MAP_CREATE)},
	{"BPF_RAW_TRACEPOINT_OPEN", BPF(BPF_RAW_TRACEPOINT_OPEN)},
	{"BPF_LINK_CREATE", BPF(BPF_LINK_CREATE)},
	{"BPF_LINK_UPDATE", BPF(BPF_LINK_UPDATE)},
	{"BPF_PROG_ATTACH", BPF(BPF_PROG_ATTACH)},
	{"BPF_PROG_GET_FD_BY_ID", BPF(BPF_PROG_GET_FD_BY_ID)},
	{"BPF_MAP_GET_FD_BY_ID", BPF(BPF_MAP_GET_FD_BY_ID)},
	{"BPF_OBJ_PIN", BPF(BPF_OBJ_PIN)},
	{"a packet socket", SYS_socket, {AF_PACKET, -1, 0}},
	{"an alg socket", SYS_socket, {AF_ALG, -1, 0}},
	{"a vsock socket", SYS_socket, {AF_VSOCK, -1, 0}},
	{"a key socket", SYS_socket, {AF_KEY, -1, 0}},
	{"listen", SYS_listen, {-1, 0, 0}},
	{"accept4", SYS_accept4, {-1, 0, 0}},
	{"mount", SYS_mount, {0, 0, 0}},
	{"umount2", SYS_umount2, {0, -1, 0}},
	{"pivot_root", SYS_pivot_root, {0, 0, 0}},
	{"chroot", SYS_chroot, {0, 0, 0}},
	{"unshare", SYS_unshare, {CLONE_PARENT, 0, 0}},
	{"setns", SYS_setns, {-1, 0, 0}},
	{"finit_module", SYS_finit_module, {-1, 0, -1}},
	{"init_module", SYS_init_module, {0, 0, 0}},
	{"delete_module", SYS_delete_module, {0, 0, 0}},
	{"perf_event_open", SYS_perf_event_open, {0, 0, 0}},
	{"setuid", SYS_setuid, {-1, 0, 0}},
	{"setgid", SYS_setgid, {-1, 0, 0}},
	{"capset", SYS_capset, {0, 0, 0}},
	{"fchmodat", SYS_fchmodat, {-1, 0, 0}},
	{"fchownat", SYS_fchownat, {-1, 0, 0}},
	{"linkat", SYS_linkat, {-1, 0, -1}},
	{"symlinkat", SYS_symlinkat, {0, -1, 0}},
	{"mknodat", SYS_mknodat, {-1, 0, 0}},
	{"setxattr", SYS_setxattr, {0, 0, 0}},
	{"memfd_create", SYS_memfd_create, {0, -1, 0}},
	{"io_uring_setup", SYS_io_uring_setup, {0, 0, 0}},
	{"open_by_handle_at", SYS_open_by_handle_at, {-1, 0, 0}},
	{"add_key", SYS_add_key, {0, 0, 0}},
	{"sethostname", SYS_sethostname, {0, -1, 0}},
	{"clock_settime", SYS_clock_settime, {-1, 0, 0}},
	{"reboot", SYS_reboot, {0, 0, 0}}, /* without its magic */
	{"personality", SYS_personality, {-1, 0, 0}}, /* asks */
};
#define REFUSED (sizeof(refused) / sizeof(refused[0]))

static int answer(size_t i)
{
	const long *arguments = refused[i].arguments;

	return syscall(refused[i].number, arguments[0], arguments[1], arguments[2], 0, 0, 0) < 0 ? errno : 0;
}

static bool opens(int family)
{
	int fd = socket(family, SOCK_DGRAM, 0);

	return fd >= 0 && close(fd) == 0;
}

/* In a child, since there is no way back. Writes what is wrong to out. */
static void try_calls(FILE *out)
{
	int before[REFUSED];
	unsigned told_apart = 0;
	bool inet = opens(AF_INET);
	int r;

	for (size_t i = 0; i < REFUSED; i++)
		before[i] = answer(i);
	r = confine_calls();
	if (r < 0)
		(void)fprintf(out, "no filter: %s\n", strerror(-r));
	for (size_t i = 0; i < REFUSED; i++) {
		int after = answer(i);

		if (after != EPERM)
			(void)fprintf(out, "%s: %s\n", refused[i].what, strerror(after));
		told_apart += before[i] != EPERM;
	}
	/* without privileges the kernel itself refuses some of them */
	if (told_apart < REFUSED / 2)
		(void)fprintf(out, "only %u of %zu calls can be told apart\n", told_apart, REFUSED);
	if (opens(AF_INET) != inet || !opens(AF_UNIX))
		(void)fprintf(out, "sockets of the internet and of name servers are refused, too\n");
	if (syscall(SYS_clone3, NULL, 0) == 0 || errno != ENOSYS)
		(void)fprintf(out, "clone3: %s, but libc is to fall back to clone\n", strerror(errno));
}

static void check_in_child(void (*what)(FILE *out))
{
	char said[4096];
	int ends[2];
	size_t len;
	FILE *in;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		FILE *out = fdopen(ends[1], "w");

		what(out);
		(void)fprintf(out, "end\n");
		(void)fflush(out);
		_exit(0);
	}
	assert_true(child > 0);
	(void)close(ends[1]);
	in = fdopen(ends[0], "r");
	assert_non_null(in);
	len = fread(said, 1, sizeof(said) - 1, in);
	(void)fclose(in);
	said[len] = '\0';
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_string_equal(said, "end\n");
}

static void calls_are_refused(void **state)
{
	(void)state;
	check_in_child(try_calls);
}

static uint64_t effective(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};

	(void)syscall(SYS_capget, &header, data);
	return (uint64_t)data[1].effective << 32 | data[0].effective;
}

#define BIT(capability) (UINT64_C(1) << (capability))
#define KEPT (BIT(39 /* CAP_BPF */) | BIT(CAP_SYS_PTRACE))

static void try_capabilities(FILE *out, bool environ_, uint64_t had, uint64_t expected)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{(uint32_t)had, (uint32_t)had, 0}, {(uint32_t)(had >> 32), (uint32_t)(had >> 32), 0}};
	const char *what = NULL;
	int r;

	if (syscall(SYS_capset, &header, data) < 0)
		(void)fprintf(out, "capset: %s\n", strerror(errno));
	r = confine(environ_, &what);
	if (r < 0)
		(void)fprintf(out, "%s: %s\n", what, strerror(-r));
	/* capget is not in the filter: /proc tells it */
	if (r == 0) {
		char text[4096], *at;
		FILE *status = fopen("/proc/self/status", "re");
		size_t len = status ? fread(text, 1, sizeof(text) - 1, status) : 0;

		text[len] = '\0';
		at = strstr(text, "CapEff:");
		if (!at || strtoull(at + 7, NULL, 16) != expected)
			(void)fprintf(out, "%.24s is left, expected %016llx\n", at ? at : "nothing", (unsigned long long)expected);
	}
}

static uint64_t all; /* of this process, when the test began */

static void try_plain(FILE *out)
{
	try_capabilities(out, false, all, all & KEPT);
}

static void try_environ(FILE *out)
{
	try_capabilities(out, true, all, all & (KEPT | BIT(CAP_DAC_READ_SEARCH)));
}

static void try_few(FILE *out)
{
	try_capabilities(out, true, all & ~BIT(CAP_SYS_PTRACE) & ~BIT(CAP_SETPCAP), all & (BIT(39) | BIT(CAP_DAC_READ_SEARCH)));
}

/* Whoever has less than what is kept keeps what it has of it. */
static void capabilities_are_given_up(void **state)
{
	(void)state;
	all = effective();
	check_in_child(try_plain);
	check_in_child(try_environ);
	check_in_child(try_few);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(calls_are_refused), cmocka_unit_test(capabilities_are_given_up)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
