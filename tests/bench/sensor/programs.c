/* SPDX-License-Identifier: Apache-2.0 */
/* What the BPF programs of some processes cost while a command runs: runs, nanoseconds a run and in all, as the kernel
 * itself counts them. That figure does not depend on the load of the machine as wall time does. Programs are found by the
 * descriptors that the processes hold, so that those of others stay out. The kernel counts while a descriptor of
 * BPF_ENABLE_STATS is open: however this program ends, nothing stays switched on.
 *
 *   programs PID[,PID…] COMMAND [ARGUMENT…]
 *
 * The command's output goes to stdout first, then a line a program, and one for all. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>

#define PROGRAMS_MAX 256u

struct program {
	uint32_t id;
	int fd;
	uint64_t runs, ns, missed; /* before the command */
};

struct programs {
	struct program items[PROGRAMS_MAX];
	unsigned count;
};

extern char **environ;

static bool look(const struct program *program, struct bpf_prog_info *ret)
{
	uint32_t size = sizeof(*ret);

	memset(ret, 0, sizeof(*ret));
	return bpf_obj_get_info_by_fd(program->fd, ret, &size) == 0;
}

static void add_program(struct programs *programs, uint32_t id)
{
	struct program *program = &programs->items[programs->count];
	struct bpf_prog_info info;

	for (unsigned i = 0; i < programs->count; i++)
		if (programs->items[i].id == id)
			return;
	if (programs->count == PROGRAMS_MAX)
		return;
	program->id = id;
	program->fd = bpf_prog_get_fd_by_id(id);
	if (program->fd < 0 || !look(program, &info))
		return;
	program->runs = info.run_cnt;
	program->ns = info.run_time_ns;
	program->missed = info.recursion_misses;
	programs->count++;
}

/* A descriptor of a program, or of a link or event that runs one, names it in fdinfo. */
static void add_descriptor(struct programs *programs, const char *path)
{
	FILE *file = fopen(path, "re");
	char line[256];
	uint32_t id;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "prog_id: %u", &id) == 1)
			add_program(programs, id);
	if (file)
		(void)fclose(file);
}

static int add_process(struct programs *programs, const char *pid)
{
	char path[512];
	struct dirent *entry;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%.20s/fdinfo", pid);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%.20s/fdinfo/%s", pid, entry->d_name);
		add_descriptor(programs, path);
	}
	(void)closedir(dir);
	return 0;
}

static int run(char **argv)
{
	pid_t pid;
	int status, r = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);

	if (r != 0)
		return -r;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return status == 0 ? 0 : -ECANCELED;
}

static void report(const struct programs *programs)
{
	uint64_t all = 0, missed = 0;

	for (unsigned i = 0; i < programs->count; i++) {
		const struct program *program = &programs->items[i];
		struct bpf_prog_info info;
		uint64_t runs, ns;

		if (!look(program, &info) || info.run_cnt <= program->runs)
			continue;
		runs = info.run_cnt - program->runs;
		ns = info.run_time_ns - program->ns;
		missed += info.recursion_misses - program->missed;
		all += ns;
		printf("program=%s runs=%llu ns_per_run=%.0f\n", info.name, (unsigned long long)runs, (double)ns / (double)runs);
	}
	printf("programs_ns=%llu programs_missed=%llu\n", (unsigned long long)all, (unsigned long long)missed);
}

int main(int argc, char **argv)
{
	static struct programs programs;
	int stats, r = 0;

	if (argc < 3) {
		fputs("usage: programs PID[,PID…] COMMAND [ARGUMENT…]\n", stderr);
		return 2;
	}
	for (char *pid = strtok(argv[1], ","); pid && r == 0; pid = strtok(NULL, ","))
		r = add_process(&programs, pid);
	stats = r == 0 ? bpf_enable_stats(BPF_STATS_RUN_TIME) : -1;
	if (r == 0 && stats < 0)
		r = -errno;
	if (r == 0)
		r = run(argv + 2);
	if (r == 0)
		report(&programs);
	else
		fprintf(stderr, "programs: %s\n", strerror(-r));
	if (stats >= 0)
		(void)close(stats);
	return r == 0 ? 0 : 1;
}
