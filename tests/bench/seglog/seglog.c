/* SPDX-License-Identifier: Apache-2.0 */
/* What a durable commit costs, by the way the file is written, and what the log itself reaches. 'seglog DIR [ROUNDS]';
 * DIR must lie on the disk that matters. Ways are interleaved commit by commit, so that a disk that has a bad minute
 * has it for all of them; printed are medians. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proto/seglog/crc32c.h"
#include "proto/seglog/seglog.h"

#define FILE_BYTES (64u << 20)
#define RECORD_BYTES (32u * 1024u)
#define SIZES 4
#define WAYS 6
#define ROUNDS_DEFAULT 200

static const size_t sizes[SIZES] = {4096, 32768, 131072, 1048576};

/* A way to have bytes durable in a file. */
static const struct way {
	const char *name;
	int flags;
	bool reserve; /* fallocate */
	bool zero;    /* written with zeros and synced beforehand, as a recycled file is */
} ways[WAYS] = {
    {"append, fdatasync", 0, false, false},   {"append, O_DSYNC", O_DSYNC, false, false},
    {"fallocate, fdatasync", 0, true, false}, {"fallocate, O_DSYNC", O_DSYNC, true, false},
    {"overwrite, fdatasync", 0, false, true}, {"overwrite, O_DSYNC", O_DSYNC, false, true},
};

static void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static uint64_t quantile(uint64_t *values, size_t count, unsigned percent)
{
	qsort(values, count, sizeof(*values), by_value);
	return values[(count - 1) * percent / 100];
}

static void fill_zeros(int fd)
{
	static const uint8_t zeros[1 << 20];

	for (off_t at = 0; at < FILE_BYTES; at += (off_t)sizeof(zeros))
		if (pwrite(fd, zeros, sizeof(zeros), at) != (ssize_t)sizeof(zeros))
			die("write");
	if (fsync(fd) < 0)
		die("fsync");
}

static int open_way(const char *dir, size_t i)
{
	char path[4096];
	int fd;

	if (snprintf(path, sizeof(path), "%s/way-%zu", dir, i) >= (int)sizeof(path))
		die("path too long");
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		die(path);
	if (ways[i].zero)
		fill_zeros(fd);
	if (ways[i].reserve && fallocate(fd, 0, 0, FILE_BYTES) < 0)
		die("fallocate");
	if (fsync(fd) < 0)
		die("fsync");
	if (ways[i].flags) {
		(void)close(fd);
		fd = open(path, O_RDWR | O_CLOEXEC | ways[i].flags);
		if (fd < 0)
			die(path);
	}
	(void)unlink(path);
	return fd;
}

static uint64_t commit_once(int fd, const struct way *way, const uint8_t *data, size_t len, off_t at)
{
	uint64_t begin = now();

	if (pwrite(fd, data, len, at) != (ssize_t)len)
		die("write");
	if (!way->flags && fdatasync(fd) < 0)
		die("fdatasync");
	return now() - begin;
}

static void compare_ways(const char *dir, size_t size, size_t rounds, const uint8_t *data)
{
	uint64_t *times[WAYS], base = 0;
	int fds[WAYS];
	off_t at = 0;

	if (rounds * size > FILE_BYTES)
		rounds = FILE_BYTES / size;
	for (size_t i = 0; i < WAYS; i++) {
		fds[i] = open_way(dir, i);
		times[i] = calloc(rounds, sizeof(uint64_t));
		if (!times[i])
			die("memory");
	}
	for (size_t round = 0; round < rounds; round++, at += (off_t)size)
		for (size_t k = 0; k < WAYS; k++) {
			size_t i = round & 1 ? WAYS - 1 - k : k;

			times[i][round] = commit_once(fds[i], &ways[i], data, size, at);
		}
	for (size_t i = 0; i < WAYS; i++) {
		uint64_t median = quantile(times[i], rounds, 50);

		base = i == 0 ? median : base;
		printf("%7zu  %-22s %8.1f us  p95 %8.1f us  x%.2f\n", size, ways[i].name, (double)median / 1e3,
		       (double)quantile(times[i], rounds, 95) / 1e3, (double)median / (double)base);
		free(times[i]);
		(void)close(fds[i]);
	}
}

static struct seglog *open_log(const char *dir)
{
	struct seglog_options options = {
	    .dir = dir, .kind = SEGLOG_JOURNAL, .segment_bytes = FILE_BYTES, .verify = true};
	struct seglog *log;
	char *why = NULL;

	if (seglog_open(&log, &options, NULL, &why) < 0) {
		fprintf(stderr, "%s\n", why ? why : "no memory");
		exit(1);
	}
	return log;
}

static void run_log(const char *dir, size_t group, size_t rounds, const uint8_t *data)
{
	struct seglog *log = open_log(dir);
	uint64_t *times = calloc(rounds, sizeof(*times)), begin = now();
	size_t record = group < RECORD_BYTES ? group : RECORD_BYTES;

	if (!times)
		die("memory");
	for (size_t round = 0; round < rounds; round++) {
		uint64_t start = now(), number;
		struct bytes part = bytes_make(data, record);

		for (size_t sum = 0; sum < group; sum += record)
			if (seglog_append(log, 1, &part, 1, &number) < 0)
				die("seglog_append");
		if (seglog_commit(log, true, NULL) < 0)
			die("seglog_commit");
		times[round] = now() - start;
	}
	begin = now() - begin;
	printf("%7zu  log, records of %5zu    %8.1f us  p95 %8.1f us  %7.0f commits/s  %6.1f MB/s\n", group, record,
	       (double)quantile(times, rounds, 50) / 1e3, (double)quantile(times, rounds, 95) / 1e3,
	       (double)rounds * 1e9 / (double)begin, (double)(rounds * group) * 1e3 / (double)begin);
	free(times);
	seglog_close(log);
}

static void run_reading(const char *dir)
{
	uint64_t begin = now(), bytes = 0, opened;
	struct seglog *log = open_log(dir);
	struct seglog_reader *reader;
	struct seglog_record record;

	opened = now();
	if (seglog_reader_open(&reader, log, 1) < 0)
		die("seglog_reader_open");
	while (seglog_reader_next(reader, &record) == 0)
		bytes += record.payload.len;
	printf("recovery with every record verified: %.0f MB/s; reading: %.0f MB/s (%.0f MB, page cache)\n",
	       (double)seglog_bytes(log) * 1e3 / (double)(opened - begin),
	       (double)bytes * 1e3 / (double)(now() - opened), (double)bytes / 1e6);
	seglog_reader_close(reader);
	(void)seglog_trim(log, UINT64_MAX, NULL);
	seglog_close(log);
}

static void run_crc(const uint8_t *data)
{
	uint64_t begin = now(), middle;
	uint32_t sum = 0;

	for (int i = 0; i < 200; i++)
		sum = crc32c(sum, data, 1 << 20);
	middle = now();
	for (int i = 0; i < 200; i++)
		sum = crc32c_portable(sum, data, 1 << 20);
	printf("crc32c: %.1f GB/s, portable %.1f GB/s (%08x)\n", 200 * 1048.576e3 / (double)(middle - begin),
	       200 * 1048.576e3 / (double)(now() - middle), sum);
}

int main(int argc, char **argv)
{
	size_t rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : ROUNDS_DEFAULT;
	uint8_t *data = malloc(1 << 20);
	char dir[4096], command[8192];

	if (argc < 2 || !data || rounds == 0) {
		fprintf(stderr, "usage: %s DIR [ROUNDS]\n", argv[0]);
		return 2;
	}
	for (uint32_t i = 0, x = 1; i < 1 << 20; i++)
		data[i] = (uint8_t)((x = x * 1664525 + 1013904223) >> 24);
	if (snprintf(dir, sizeof(dir), "%s/canopy-bench-XXXXXX", argv[1]) >= (int)sizeof(dir) || !mkdtemp(dir))
		die(dir);
	printf("  bytes  way                       median                        against the first\n");
	for (size_t i = 0; i < SIZES; i++)
		compare_ways(dir, sizes[i], rounds, data);
	for (size_t i = 0; i < SIZES; i++)
		run_log(dir, sizes[i], rounds, data);
	run_reading(dir);
	run_crc(data);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command) == 0 ? 0 : 1;
}
