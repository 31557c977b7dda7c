/* SPDX-License-Identifier: Apache-2.0 */
/* What happens on one host: builds, cron, a web server, sessions of people. Deterministic by seed and host, endless, in the order of
 * time; programs, arguments and lifetimes are drawn from skewed distributions, as those of real hosts are. */
#ifndef CANOPY_TESTS_BENCH_FLEET_HISTORY_H
#define CANOPY_TESTS_BENCH_FLEET_HISTORY_H

#include <stdint.h>

#include "canopy/fact.h"

#define HISTORY_RUNNING_MAX 512u /* processes of a host that are to do something yet; those that stay for good do not count */

struct history_process {
	uint64_t start_ns, next_ns, exit_ns;
	struct process_key parent;
	uint32_t tgid, program;
	uint8_t kind, step; /* step: the next fact, 0 fork, 1 exec, 2 exit */
};

struct history {
	uint64_t random;
	uint64_t now_ns;
	uint32_t next_tgid, count;
	uint64_t burst_ends_ns, quiet_ends_ns;
	uint8_t trade; /* what the host is for */
	struct history_process heap[HISTORY_RUNNING_MAX]; /* by next_ns */
	struct fact_context contexts[4];
	char argv[1024], cwd[64], cgroup[4][64];
};

void history_init(struct history *history, uint64_t seed, uint32_t host);
/* The next fact; what it points to lives until the next call. */
void history_next(struct history *history, struct fact *ret);
/* A process that was there before and stays: fact number 0 (fork) or 1 (exec) of the n-th. */
void history_resident(struct history *history, uint32_t n, unsigned which, struct fact *ret);

#endif
