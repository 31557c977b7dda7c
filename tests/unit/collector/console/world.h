/* SPDX-License-Identifier: Apache-2.0 */
/* A small fleet for tests of the routes: a real forest, a real journal in a folder of its own, a console on loopback;
 * only what sessions would say is made up. */
#ifndef CANOPY_TESTS_UNIT_COLLECTOR_CONSOLE_WORLD_H
#define CANOPY_TESTS_UNIT_COLLECTOR_CONSOLE_WORLD_H

#include <jansson.h>

#include "collector/console/console.h"

#define WORLD_HOSTS 8
#define WORLD_SECOND 1000000000ll
#define WORLD_EPOCH 1795348800000000000ll /* wall clock at boottime 0 of every host: 2026-11-22T12:00:00Z */

struct world {
	uv_loop_t loop;
	char dir[64];
	struct forest *forest;
	struct journal *journal;
	struct fleet fleet;
	struct console *console;
	char address[64];
	struct fleet_link links[WORLD_HOSTS]; /* by the first octet of the boot id */
	uint64_t seq;
	uint64_t durable, appended;
	bool all_durable, closed;
	bool ready;
	struct fact_context context;
};

/* options may be NULL */
void world_init(struct world *w, const struct console_options *options);
void world_finish(struct world *w);

struct boot_id world_boot(unsigned number);
/* A host with this name, live. Described in the forest and the journal. */
void world_host(struct world *w, unsigned number, const char *name);

/* Facts of process pid, which starts at second start; at: second at which it is said. */
struct fact world_fork(struct world *w, uint32_t pid, uint32_t start, uint32_t ppid, uint32_t pstart, const char *comm);
struct fact world_exec(struct world *w, uint32_t pid, uint32_t start, uint32_t at, uint32_t seq, const char *exe,
		       const char *argv, size_t argv_len);
struct fact world_exit(struct world *w, uint32_t pid, uint32_t start, uint32_t at, int code);
/* As the collector does it: joined, appended with the verdict, and waited for until durable. gap may be NULL. */
void world_add(struct world *w, unsigned host, const struct fact *facts, size_t count, const struct gap *gap);

/* GET; fails the test unless the status is as expected and the body is JSON. */
json_t *world_get(struct world *w, const char *path, int status);
/* The pids of the objects in answer[name], joined by blanks. */
const char *world_pids(const json_t *answer, const char *name);

#endif
