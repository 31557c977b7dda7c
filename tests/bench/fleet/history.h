/* SPDX-License-Identifier: Apache-2.0 */
/* What happens on one host: builds, web requests, cron, sessions of people, services. Deterministic by seed and host,
 * endless, in the order of time; programs, arguments and lifetimes are drawn from skewed distributions, as those of
 * real hosts are. */
#ifndef CANOPY_TESTS_BENCH_FLEET_HISTORY_H
#define CANOPY_TESTS_BENCH_FLEET_HISTORY_H

#include <stdint.h>

#include "canopy/fact.h"

#define HISTORY_RUNNING_MAX 1024u /* processes of a host that are to do something yet; residents do not count */

enum history_source {
	HISTORY_WORK, /* what the host is for: builds, web requests, probes of containers */
	HISTORY_CRON,
	HISTORY_PEOPLE,
	HISTORY_SERVICES,
	HISTORY_SOURCES,
};

enum history_context {
	HISTORY_OF_SYSTEM,
	HISTORY_OF_CRON,
	HISTORY_OF_PERSON,
	HISTORY_OF_WEB,
	HISTORY_OF_CONTAINER,
	HISTORY_CONTEXTS,
};

struct history_process {
	uint64_t start_ns, next_ns, exit_ns;
	struct process_key parent;
	uint32_t tgid, group, salt; /* salt: tells its arguments from those of others */
	uint16_t program;
	uint8_t image, context, step; /* step: the next fact, 0 fork, 1 exec, 2 exit */
};

struct history {
	uint64_t random;
	uint64_t now_ns; /* of the last fact */
	uint64_t due_ns[HISTORY_SOURCES];
	uint32_t next_tgid, count;
	uint8_t trade;                  /* what the host is for */
	struct process_key make, shell; /* of the build and the session that are on */
	uint64_t build_ends_ns, session_ends_ns;
	uint32_t units, project;                          /* of the build: units so far, and where */
	struct history_process heap[HISTORY_RUNNING_MAX]; /* by next_ns */
	struct fact_context contexts[HISTORY_CONTEXTS];
	char argv[1024], cwd[64], cgroup[HISTORY_CONTEXTS][64];
};

void history_init(struct history *history, uint64_t seed, uint32_t host);
/* The next fact; what it points to lives until the next call. */
void history_next(struct history *history, struct fact *ret);
/* A process that was there before and stays: fact number 0 (fork) or 1 (exec) of the n-th. */
void history_resident(struct history *history, uint32_t n, unsigned which, struct fact *ret);

#endif
