// SPDX-License-Identifier: Apache-2.0
/* What the kernel side costs the processes that it watches: nanoseconds a run of each BPF program, over a storm of
 * fork + exec + exit lives. The kernel counts while a descriptor of BPF_ENABLE_STATS is open, so that nothing stays switched on.
 *
 * usage: bpf-runtime [--plain] [--twice] [LIVES [PROGRAM [ARGUMENT…]]] */
#include <errno.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "sensor/probe/probe.h"

#define LIVES_DEFAULT 5000
#define DRAIN_EVERY 64 /* lives; the reader of this bench is the storm itself */

extern char **environ;

static uint32_t newest_program(void)
{
	uint32_t id = 0;

	while (bpf_prog_get_next_id(id, &id) == 0)
		;
	return id;
}

static int live(char **argv)
{
	pid_t pid;
	int status, r = posix_spawn(&pid, argv[0], NULL, NULL, argv, environ);

	if (r != 0)
		return -r;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

static int storm(struct probe *probe, unsigned lives, char **argv)
{
	for (unsigned i = 0; i < lives; i++) {
		int r = live(argv);

		if (r < 0)
			return r;
		if (i % DRAIN_EVERY == 0)
			(void)probe_drain(probe);
	}
	return 0;
}

/* Returns the nanoseconds a run of one program, 0 when it is none of ours or never ran. */
static double report(uint32_t id)
{
	struct bpf_prog_info info = {0};
	uint32_t size = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);
	double ns;

	if (fd < 0)
		return 0;
	if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		info.run_cnt = 0;
	(void)close(fd);
	if (info.run_cnt == 0)
		return 0;
	ns = (double)info.run_time_ns / (double)info.run_cnt;
	printf("%-16s %8.0f ns/run %10llu runs\n", info.name, ns, (unsigned long long)info.run_cnt);
	return ns;
}

static void report_all(uint32_t before)
{
	double life = 0;
	uint32_t id = before;

	while (bpf_prog_get_next_id(id, &id) == 0)
		life += report(id);
	printf("%-16s %8.0f ns, fork + exec + exit\n", "life", life);
}

int main(int argc, char **argv)
{
	static char program[] = "/bin/true";
	static char *just_program[] = {program, NULL};
	struct probe_options options = PROBE_OPTIONS_DEFAULT;
	const struct probe_sink sink = {0};
	uint32_t before = newest_program();
	struct probe *probe;
	char *why = NULL;
	unsigned lives;
	int stats, r;

	if (argc > 1 && strcmp(argv[1], "--plain") == 0) {
		options.force_raw_tracepoint = true;
		argv++, argc--;
	}
	if (argc > 1 && strcmp(argv[1], "--twice") == 0) {
		options.force_second_copy = true;
		argv++, argc--;
	}
	lives = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : LIVES_DEFAULT;
	r = probe_open(&probe, &options, &sink, &why);
	if (r < 0) {
		fprintf(stderr, "bpf-runtime: %s\n", why ? why : strerror(-r));
		free(why);
		return 77; /* skipped */
	}
	stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	r = stats < 0 ? -errno : storm(probe, lives, argc > 2 ? argv + 2 : just_program);
	if (r == 0) {
		struct probe_stats counts;

		report_all(before);
		probe_stats(probe, &counts);
		printf("%-16s %8" PRIu64 " runs by the kernel, %" PRIu64 " of them made by the second copy\n", "skipped",
		       counts.recursion_misses + counts.rescued, counts.rescued);
	} else {
		fprintf(stderr, "bpf-runtime: %s\n", strerror(-r));
	}
	if (stats >= 0)
		(void)close(stats);
	probe_close(probe);
	return r == 0 ? 0 : 1;
}
