/* SPDX-License-Identifier: Apache-2.0 */
/* One short life of a process, in the ways there are. */
#ifndef CANOPY_BENCH_LIFE_H
#define CANOPY_BENCH_LIFE_H

#include <stdbool.h>

#define LIFE_ARGUMENT_MAX 131071ul /* the kernel's bound of one argument, less its NUL */

struct life {
	const char *name;
	bool (*end)(const struct life *life); /* begins one and waits for its end; false after a message on stderr */
	char *program;
	char *arguments[3];
};

/* way: fork, exec, vfork or spawn. program: what is executed, NULL = 'noop' beside this program. argument_bytes: length of its one argument,
 * 0 = none. Returns false when there is no such way or no memory. What it takes lives as long as the process. */
bool life_init(struct life *life, const char *way, const char *program, unsigned long argument_bytes);

static inline bool life_live(const struct life *life)
{
	return life->end(life);
}

/* Keeps this thread on one of the CPUs that it may use, the number counting around. A parent and its child that share a CPU need no wake-up of another one,
 * whose price varies more than all that is measured here. */
void life_pin(unsigned long number);

#endif
