/* SPDX-License-Identifier: Apache-2.0 */
/* What every monitor is measured under: short lives, one after the other in each of some workers, and what one life
 * took. Time by the clock (us_per_life) tells what a user waits; CPU time of the workload itself (cpu_us_per_life) tells
 * what the hooks add to it, and is bent far less by whatever else the machine does.
 *
 *   workload [-w WORKERS] [-c] [-r LIVES_PER_SECOND] [-a ARGV_BYTES] [-p PROGRAM] fork|exec|vfork|spawn LIVES
 *
 * fork: fork + exit. exec: fork + exec of PROGRAM + exit. vfork: the same by vfork. spawn: by posix_spawn. PROGRAM is
 * 'noop' beside this program unless given; -c keeps each worker and its children on a CPU of its own. -a gives it one argument of so many bytes. -r spreads the lives evenly
 * over time, all workers together; without it they follow each other as fast as they can. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "life.h"

#define LIVES_MAX 100000000ul
#define WORKERS_MAX 256ul
#define RATE_MAX 10000000ul
#define WARM_LIVES 50ul /* before the clock starts: page tables, slabs, the program's pages */

struct plan {
	struct life life;
	unsigned long lives, workers;
	bool pinned;
	unsigned long rate; /* lives a second of all workers; 0 = as fast as they can */
};

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds_of(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* Of this process and of all that it has waited for. */
static double cpu_seconds(void)
{
	struct rusage self, children;

	(void)getrusage(RUSAGE_SELF, &self);
	(void)getrusage(RUSAGE_CHILDREN, &children);
	return seconds_of(self.ru_utime) + seconds_of(self.ru_stime) + seconds_of(children.ru_utime) +
	       seconds_of(children.ru_stime);
}

/* Until the life of this number is due; one that is late begins at once. */
static void wait_for_turn(double begin, double interval, unsigned long number)
{
	double due = begin + interval * (double)number;
	struct timespec t = {(time_t)due, (long)((due - (double)(time_t)due) * 1e9)};

	(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* The two meeting points of parent and workers: a worker writes a byte when it is warm, and begins when the parent closes
 * the way in. */
struct gates {
	int warm[2], start[2];
};

static int work(const struct plan *plan, unsigned long lives, const struct gates *gates, double *ret_cpu)
{
	double interval = plan->rate ? (double)plan->workers / (double)plan->rate : 0, begin, cpu;
	char byte = 0;

	for (unsigned long i = 0; i < WARM_LIVES; i++)
		if (!life_live(&plan->life))
			return 1;
	(void)!write(gates->warm[1], &byte, 1);
	(void)!read(gates->start[0], &byte, 1);
	begin = now();
	cpu = cpu_seconds();
	for (unsigned long i = 0; i < lives; i++) {
		if (plan->rate)
			wait_for_turn(begin, interval, i);
		if (!life_live(&plan->life))
			return 1;
	}
	*ret_cpu = cpu_seconds() - cpu;
	return 0;
}

static bool start_worker(const struct plan *plan, unsigned long number, const struct gates *gates, double *ret_cpu)
{
	unsigned long share = plan->lives / plan->workers + (number < plan->lives % plan->workers);
	pid_t pid = fork();

	if (pid == 0) {
		(void)close(gates->start[1]);
		(void)close(gates->warm[0]);
		if (plan->pinned)
			life_pin(number);
		_exit(work(plan, share, gates, ret_cpu));
	}
	if (pid < 0)
		perror("workload: fork of a worker");
	return pid > 0;
}

/* Starts all workers, and waits until each is warm or has failed. */
static bool start_workers(const struct plan *plan, struct gates *gates, double *cpu)
{
	bool failed = pipe2(gates->warm, O_CLOEXEC) < 0 || pipe2(gates->start, O_CLOEXEC) < 0;
	unsigned long warm = 0;
	char byte;

	for (unsigned long i = 0; i < plan->workers && !failed; i++)
		failed = !start_worker(plan, i, gates, &cpu[i]);
	(void)close(gates->warm[1]);
	(void)close(gates->start[0]);
	while (read(gates->warm[0], &byte, 1) == 1)
		if (++warm == plan->workers)
			break;
	return !failed;
}

static void report(const struct plan *plan, double seconds, const double *cpu)
{
	double lives = (double)plan->lives, cpu_sum = 0;

	for (unsigned long i = 0; i < plan->workers; i++)
		cpu_sum += cpu[i];
	printf("mode=%s lives=%lu workers=%lu seconds=%.4f lives_per_s=%.0f us_per_life=%.2f cpu_us_per_life=%.2f\n",
	       plan->life.name, plan->lives, plan->workers, seconds, lives / seconds, seconds / lives * 1e6,
	       cpu_sum / lives * 1e6);
}

static int perform(const struct plan *plan)
{
	double *cpu = mmap(NULL, WORKERS_MAX * sizeof(*cpu), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct gates gates = {{-1, -1}, {-1, -1}};
	double begin;
	bool failed;
	int status;

	if (cpu == MAP_FAILED)
		return 1;
	failed = !start_workers(plan, &gates, cpu);
	begin = now();
	(void)close(gates.start[1]);
	while (wait(&status) > 0)
		failed |= status != 0;
	if (!failed)
		report(plan, now() - begin, cpu);
	return failed;
}

static unsigned long parse(const char *text, unsigned long max)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	return *text < '0' || *text > '9' || *end || number > max ? 0 : number;
}

static int usage(void)
{
	fputs("usage: workload [-w WORKERS] [-c] [-r LIVES_PER_SECOND] [-a ARGV_BYTES] [-p PROGRAM] fork|exec|vfork|spawn LIVES\n",
	      stderr);
	return 2;
}

int main(int argc, char **argv)
{
	unsigned long argument = 0;
	const char *program = NULL;
	struct plan plan = {.workers = 1};
	int option;

	while ((option = getopt(argc, argv, "w:cr:a:p:")) != -1) {
		if (option == 'w')
			plan.workers = parse(optarg, WORKERS_MAX);
		else if (option == 'c')
			plan.pinned = true;
		else if (option == 'p')
			program = optarg;
		else if (option == 'r' && (plan.rate = parse(optarg, RATE_MAX)) != 0)
			continue;
		else if (option == 'a' && (argument = parse(optarg, LIFE_ARGUMENT_MAX)) != 0)
			continue;
		else
			return usage();
	}
	if (argc - optind == 2)
		plan.lives = parse(argv[optind + 1], LIVES_MAX);
	if (!plan.lives || !plan.workers || !life_init(&plan.life, argv[optind], program, argument))
		return usage();
	return perform(&plan);
}
