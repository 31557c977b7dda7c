/* SPDX-License-Identifier: Apache-2.0 */
/* What the sensor's hooks add to a life by the clock, resolved far below what two runs of a machine differ by: short bursts of
 * lives without, with, with and without the hooks, over and over, with attaching and detaching in between (the programs stay
 * loaded). Whatever drifts more slowly than a block of four bursts falls out of its difference.
 *
 * A thread reads the ring as the sensor does: waits for it, lets records gather, drains it.
 *
 *   bursts [-n BLOCKS] [-l LIVES] [-a ARGV_BYTES] [-r] [-0] fork|exec|vfork|spawn
 *
 * -r: the plain form of the hooks. -0: attaches nothing, which tells the noise of the method. Prints, for each block, what a life took without, and what the hooks added to it by the
 * clock and in CPU time of this process and its children, in microseconds. */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "canopy.skel.h"
#include "life.h"
#include "sensor/probe/program.h"
#include "sensor/probe/ring.h"

#define BLOCKS_DEFAULT 200ul
#define LIVES_DEFAULT 100ul  /* some 15 ms: shorter than what else happens on a machine lasts */
#define WARM_LIVES 10ul      /* after attaching: the code and the data of the programs come into the caches */
#define GATHER_NS 20000000   /* as long as the sensor lets records gather */
#define BUSY_MIN 8           /* records from which on it does not wait for the next ones, as the sensor */
#define NUMBER_MAX 1000000ul

struct reader {
	pthread_t thread;
	struct ring *ring;
	int fd;
	volatile bool over;
};

static int count(void *owner, const void *data, size_t len)
{
	++*(unsigned long *)owner;
	return 0;
}

static void *read_ring(void *argument)
{
	const struct timespec gather = {0, GATHER_NS};
	struct epoll_event event = {.events = EPOLLIN};
	struct reader *reader = argument;
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	unsigned long got = 0;

	(void)epoll_ctl(epoll, EPOLL_CTL_ADD, reader->fd, &event);
	while (!reader->over) {
		if (got < BUSY_MIN && epoll_wait(epoll, &event, 1, 100) <= 0)
			continue;
		got = 0;
		(void)nanosleep(&gather, NULL);
		(void)ring_consume(reader->ring, count, &got);
	}
	(void)close(epoll);
	return NULL;
}

static int reader_start(struct reader *reader, const struct program *program)
{
	int r;

	reader->fd = program_ring_fd(program);
	r = ring_create(&reader->ring, reader->fd, program_ring_bytes(program));
	return r < 0 ? r : -pthread_create(&reader->thread, NULL, read_ring, reader);
}

static void reader_stop(struct reader *reader)
{
	reader->over = true;
	(void)pthread_join(reader->thread, NULL);
	ring_destroy(reader->ring);
}

/* ---- one burst --------------------------------------------------------------------------------------------------- */

struct cost {
	double wall, cpu; /* us a life */
};

static double now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double cpu_us_of(int who)
{
	struct rusage usage;

	(void)getrusage(who, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* Of this thread, not of the reader's. */
static double cpu_us(void)
{
	return cpu_us_of(RUSAGE_THREAD) + cpu_us_of(RUSAGE_CHILDREN);
}

static bool burst(const struct life *life, unsigned long lives, struct cost *ret)
{
	double wall, cpu;

	for (unsigned long i = 0; i < WARM_LIVES; i++)
		if (!life_live(life))
			return false;
	wall = now_us();
	cpu = cpu_us();
	for (unsigned long i = 0; i < lives; i++)
		if (!life_live(life))
			return false;
	ret->wall = (now_us() - wall) / (double)lives;
	ret->cpu = (cpu_us() - cpu) / (double)lives;
	return true;
}

struct plan {
	struct probe_options probe;
	struct life life;
	unsigned long blocks, lives, argument;
	bool attach;
};

static bool block(const struct plan *plan, struct program *program)
{
	const struct life *life = &plan->life;
	unsigned long lives = plan->lives;
	struct cost without[2], with[2];

	if (!burst(life, lives, &without[0]) || (plan->attach && canopy_bpf__attach(program->skeleton) < 0))
		return false;
	if (!burst(life, lives, &with[0]) || !burst(life, lives, &with[1]))
		return false;
	canopy_bpf__detach(program->skeleton);
	if (!burst(life, lives, &without[1]))
		return false;
	printf("%.2f %.2f %.2f\n", (without[0].wall + without[1].wall) / 2,
	       (with[0].wall + with[1].wall - without[0].wall - without[1].wall) / 2,
	       (with[0].cpu + with[1].cpu - without[0].cpu - without[1].cpu) / 2);
	return true;
}

static int measure(const struct plan *plan)
{
	struct program program = PROGRAM_NULL;
	struct reader reader = {0};
	char *why = NULL;
	bool good = true;

	if (program_init(&program, &plan->probe, &why) < 0 || reader_start(&reader, &program) < 0) {
		fprintf(stderr, "bursts: %s\n", why ? why : "no reader of the ring");
		free(why);
		program_finish(&program);
		return 1;
	}
	if (program.doubled) {
		fprintf(stderr, "bursts: this kernel has each hook attached twice; one of them alone cannot be taken away and put back\n");
		reader_stop(&reader);
		program_finish(&program);
		return 77;
	}
	canopy_bpf__detach(program.skeleton);
	life_pin(0); /* not the reader, which has begun */
	for (unsigned long i = 0; i < plan->blocks && good; i++)
		good = block(plan, &program);
	reader_stop(&reader);
	program_finish(&program);
	return good ? 0 : 1;
}

static unsigned long parse(const char *text)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	return *text < '0' || *text > '9' || *end || number > NUMBER_MAX ? 0 : number;
}

static bool read_arguments(int argc, char **argv, struct plan *plan)
{
	bool good = true;
	int option;

	while ((option = getopt(argc, argv, "n:l:a:r0")) != -1)
		switch (option) {
		case 'n':
			good = (plan->blocks = parse(optarg)) != 0 && good;
			break;
		case 'l':
			good = (plan->lives = parse(optarg)) != 0 && good;
			break;
		case 'a':
			good = (plan->argument = parse(optarg)) != 0 && plan->argument <= LIFE_ARGUMENT_MAX && good;
			break;
		case 'r':
			plan->probe.force_raw_tracepoint = true;
			break;
		case '0':
			plan->attach = false;
			break;
		default:
			good = false;
		}
	return good && argc - optind == 1 && life_init(&plan->life, argv[optind], NULL, plan->argument);
}

int main(int argc, char **argv)
{
	struct plan plan = {
		.probe = PROBE_OPTIONS_DEFAULT, .blocks = BLOCKS_DEFAULT, .lives = LIVES_DEFAULT, .attach = true};

	if (!read_arguments(argc, argv, &plan)) {
		fputs("usage: bursts [-n BLOCKS] [-l LIVES] [-a ARGV_BYTES] [-r] [-0] fork|exec|vfork|spawn\n", stderr);
		return 2;
	}
	return measure(&plan);
}
