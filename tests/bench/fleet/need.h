/* SPDX-License-Identifier: Apache-2.0 */
/* A bench that cannot go on says why and ends; no measurement is better than half a one. */
#ifndef CANOPY_TESTS_BENCH_FLEET_NEED_H
#define CANOPY_TESTS_BENCH_FLEET_NEED_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline _Noreturn void die(const char *what, int error)
{
	fprintf(stderr, "fleet: %s: %s\n", what, strerror(error));
	exit(1);
}

/* r: 0 or more, or -errno. */
static inline void need(int r, const char *what)
{
	if (r < 0)
		die(what, -r);
}

static inline void *need_memory(void *memory)
{
	if (!memory)
		die("memory", ENOMEM);
	return memory;
}

static inline uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

#endif
