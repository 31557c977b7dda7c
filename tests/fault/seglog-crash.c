/* SPDX-License-Identifier: Apache-2.0 */
/* What seglog-crash.sh kills: 'write' appends and commits for ever a bounded number of rounds, and says on stdout what
 * has been reported as committed, one line 'FIRST LAST' each time (write(2): nothing is buffered in a process that
 * dies). 'check FIRST LAST' opens what is left and expects every record of [FIRST, LAST] to be there, right, and
 * appending to go on. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/seglog/seglog.h"

#define SEGMENT_BYTES 4096u
#define ROUNDS 60
#define KEEP_RECORDS 150u
#define PAYLOAD_MAX 200u

static struct seglog *open_log(const char *dir, struct seglog_recovery *ret)
{
	struct seglog_options options = {
	    .dir = dir, .kind = SEGLOG_JOURNAL, .segment_bytes = SEGMENT_BYTES, .verify = true};
	struct seglog *log;
	char *why = NULL;

	if (seglog_open(&log, &options, ret, &why) < 0) {
		fprintf(stderr, "cannot open: %s\n", why ? why : "no memory");
		exit(1);
	}
	return log;
}

static size_t payload(uint64_t number, char *data)
{
	size_t len = 20 + (size_t)(number * 13 % (PAYLOAD_MAX - 20));

	memset(data, 'A' + (int)(number % 26), len);
	(void)snprintf(data, len, "%" PRIu64, number);
	return len;
}

static int append(struct seglog *log, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		char data[PAYLOAD_MAX];
		struct bytes part = bytes_make(data, payload(seglog_next(log), data));
		uint64_t number;
		int r = seglog_append(log, 1, &part, 1, &number);

		if (r < 0)
			return r;
	}
	return 0;
}

static void tell(uint64_t first, uint64_t last)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "%" PRIu64 " %" PRIu64 "\n", first, last);

	if (write(STDOUT_FILENO, line, (size_t)n) != n)
		exit(1);
}

/* Commits with and without sync, syncs apart, trims: every path on which a point stands. */
static int write_rounds(const char *dir)
{
	struct seglog *log = open_log(dir, NULL);

	for (unsigned round = 0; round < ROUNDS; round++) {
		struct seglog_sync *sync;
		uint64_t durable;

		if (append(log, 1 + round % 9) < 0 || seglog_commit(log, round % 2, &durable) < 0)
			return 1;
		tell(seglog_first(log), durable);
		if (round % 5 == 0 && seglog_sync_begin(log, &sync) == 0) {
			seglog_sync_run(sync);
			if (seglog_sync_finish(log, sync) < 0)
				return 1;
		}
		if (durable > KEEP_RECORDS) {
			/* What is being trimmed may be gone or not when the end comes: it is no longer promised. */
			tell(durable - KEEP_RECORDS, durable);
			if (seglog_trim(log, durable - KEEP_RECORDS, NULL) < 0)
				return 1;
		}
	}
	seglog_close(log);
	return 0;
}

static bool read_all(struct seglog *log, uint64_t first, uint64_t last)
{
	struct seglog_reader *reader;
	struct seglog_record record;
	bool right = seglog_reader_open(&reader, log, first) == 0;

	for (uint64_t number = first; right && number <= last; number++) {
		char data[PAYLOAD_MAX];
		int r = seglog_reader_next(reader, &record);

		right = r == 0 && record.number == number && record.payload.len == payload(number, data) &&
			memcmp(record.payload.data, data, record.payload.len) == 0;
		if (!right)
			fprintf(stderr, "record %" PRIu64 ": result %d, found %" PRIu64 "\n", number, r, record.number);
	}
	seglog_reader_close(reader);
	return right;
}

static int check(const char *dir, uint64_t first, uint64_t last)
{
	struct seglog_recovery recovery;
	struct seglog *log = open_log(dir, &recovery);
	bool right = recovery.holes == 0 && recovery.first <= first && recovery.next > last;
	uint64_t durable = 0;

	if (!right)
		fprintf(stderr,
			"promised %" PRIu64 " to %" PRIu64 ", recovered %" PRIu64 " to %" PRIu64 " with %" PRIu64
			" holes\n",
			first, last, recovery.first, recovery.next - 1, recovery.holes);
	right = right && append(log, 50) == 0 && seglog_commit(log, true, &durable) == 0;
	right = right && durable == recovery.next + 49 && read_all(log, recovery.first, durable);
	seglog_close(log);
	return right ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "write") == 0)
		return write_rounds(argv[2]);
	if (argc == 5 && strcmp(argv[1], "check") == 0)
		return check(argv[2], strtoull(argv[3], NULL, 10), strtoull(argv[4], NULL, 10));
	fprintf(stderr, "usage: %s write DIR | check DIR FIRST LAST\n", argv[0]);
	return 2;
}
