/* SPDX-License-Identifier: Apache-2.0 */
/* How long it takes from an exec on this host until whoever follows the collector's events sees it: follows
 * /api/v1/events, spawns a program with an argument that never was before, and waits until that argument comes by.
 *
 *   latency ADDR:PORT ROUNDS PROGRAM */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS_MAX 100000ul
#define TAIL_BYTES 65536 /* what is kept of the stream: longer than any event with a marker */
#define ROUND_MS 10000   /* an event that is not there by then is lost */
#define PAUSE_NS 7000000 /* between rounds, so that they meet every phase of the sensor's own pauses */

static char tail[2 * TAIL_BYTES + 1];
static size_t tail_len;

static int dial(const char *address, const char *port)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
	int fd;

	if (getaddrinfo(address, port, &hints, &list) != 0)
		return -1;
	fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, list->ai_addr, list->ai_addrlen) < 0) {
		(void)close(fd);
		fd = -1;
	}
	freeaddrinfo(list);
	return fd;
}

static double now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Reads until text has come by. */
static int wait_for(int fd, const char *text, double until)
{
	while (!strstr(tail, text)) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		double left = until - now_ms();
		ssize_t n;

		if (left <= 0 || poll(&wait, 1, (int)left + 1) <= 0)
			return -ETIMEDOUT;
		if (tail_len > TAIL_BYTES) {
			memmove(tail, tail + tail_len - TAIL_BYTES, TAIL_BYTES);
			tail_len = TAIL_BYTES;
		}
		n = recv(fd, tail + tail_len, 2 * TAIL_BYTES - tail_len, 0);
		if (n <= 0)
			return -ECONNRESET;
		for (ssize_t i = 0; i < n; i++) /* strstr ends at a NUL */
			if (!tail[tail_len + (size_t)i])
				tail[tail_len + (size_t)i] = ' ';
		tail_len += (size_t)n;
		tail[tail_len] = '\0';
	}
	return 0;
}

static int follow(int fd, const char *address)
{
	char request[512];
	int len = snprintf(request, sizeof(request),
			   "GET /api/v1/events HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\n\r\n", address);

	if (send(fd, request, (size_t)len, MSG_NOSIGNAL) != len)
		return -1;
	return wait_for(fd, "\r\n\r\n", now_ms() + ROUND_MS);
}

static int one_round(int fd, char *program, unsigned long number, double *ret_ms)
{
	char marker[64];
	char *arguments[] = {program, marker, NULL};
	double begin;
	pid_t pid;
	int r;

	(void)snprintf(marker, sizeof(marker), "canopy-mark-%d-%lu-", getpid(), number);
	begin = now_ms();
	r = posix_spawn(&pid, program, NULL, NULL, arguments, (char *[]){NULL});
	if (r)
		return -r;
	r = wait_for(fd, marker, begin + ROUND_MS);
	*ret_ms = now_ms() - begin;
	(void)waitpid(pid, NULL, 0);
	return r;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int run(int fd, char *program, unsigned long rounds, double *ms)
{
	const struct timespec pause = {0, PAUSE_NS};

	for (unsigned long i = 0; i < rounds; i++) {
		int r = one_round(fd, program, i, &ms[i]);

		if (r < 0) {
			fprintf(stderr, "latency: round %lu: %s\n", i, strerror(-r));
			return 1;
		}
		(void)nanosleep(&pause, NULL);
	}
	qsort(ms, rounds, sizeof(*ms), compare);
	printf("rounds=%lu p50_ms=%.2f p90_ms=%.2f p99_ms=%.2f max_ms=%.2f\n", rounds, ms[rounds / 2],
	       ms[rounds * 90 / 100], ms[rounds * 99 / 100], ms[rounds - 1]);
	return 0;
}

int main(int argc, char **argv)
{
	char *colon = argc == 4 ? strrchr(argv[1], ':') : NULL;
	unsigned long rounds = colon ? strtoul(argv[2], NULL, 10) : 0;
	double *ms;
	int fd, r;

	if (!colon || !rounds || rounds > ROUNDS_MAX) {
		fputs("usage: latency ADDR:PORT ROUNDS PROGRAM\n", stderr);
		return 2;
	}
	*colon = '\0';
	ms = calloc(rounds, sizeof(*ms));
	fd = ms ? dial(argv[1], colon + 1) : -1;
	if (fd < 0 || follow(fd, argv[1]) < 0) {
		fprintf(stderr, "latency: cannot follow the events of %s:%s\n", argv[1], colon + 1);
		free(ms);
		return 1;
	}
	r = run(fd, argv[3], rounds, ms);
	(void)close(fd);
	free(ms);
	return r;
}
