/* SPDX-License-Identifier: Apache-2.0 */
/* A process that borrows its parent's memory, as vfork's child does, and ends at once: where only the process counts, copying the memory would take nearly
 * all of the time. */
#ifndef CANOPY_TESTS_SYSTEM_WORKLOADS_CLONE_AND_END_H
#define CANOPY_TESTS_SYSTEM_WORKLOADS_CLONE_AND_END_H

#include <linux/sched.h>
#include <sys/syscall.h>

/* args: with CLONE_VM and CLONE_VFORK. The child ends without a look at the stack, which is its parent's as well. Returns what clone3 does, -errno on
 * failure. */
static inline long clone_and_end(struct clone_args *args, int code)
{
	long r;

#if defined(__x86_64__)
	register long exit_code __asm__("r12") = code;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "mov %%r12, %%rdi\n\t"
			 "mov %[exit_group], %%eax\n\t"
			 "syscall\n"
			 "1:"
			 : "=a"(r)
			 : "a"(SYS_clone3), "D"(args), "S"(sizeof(*args)), "r"(exit_code), [exit_group] "i"(SYS_exit_group)
			 : "rcx", "r11", "memory", "cc");
#elif defined(__aarch64__)
	register long number __asm__("x8") = SYS_clone3;
	register long x0 __asm__("x0") = (long)args;
	register long x1 __asm__("x1") = sizeof(*args);
	register long exit_code __asm__("x20") = code;

	__asm__ volatile("svc #0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x0, x20\n\t"
			 "mov x8, %[exit_group]\n\t"
			 "svc #0\n"
			 "1:"
			 : "+r"(x0), "+r"(number)
			 : "r"(x1), "r"(exit_code), [exit_group] "i"(SYS_exit_group)
			 : "memory", "cc");
	r = x0;
#else
#error "how does a child of clone3 end here without a stack?"
#endif
	return r;
}

#endif
