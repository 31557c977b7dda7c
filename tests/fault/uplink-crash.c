/* SPDX-License-Identifier: Apache-2.0 */
/* Never lost, never twice: a real uplink brings numbered batches to the real collector, which is killed by SIGKILL
 * again and again on the way. At the end everything is acknowledged, and a collector that starts from the journal finds
 * every batch and every fact exactly once.
 *
 *   uplink-crash COLLECTOR */
#include <uv.h>

#include "canopy/log.h"
#include "sensor/uplink/uplink.h"
#include "tests/fault/process.h"
#include "tests/unit/batches.h"
#include "tests/unit/loop.h"

enum log_level log_level = LOG_LEVEL_ERROR;

#define BATCHES 1000u
#define FACTS 10u /* a batch */
#define CRASHES 8u

static struct batches batches;
static uint64_t first = 1, wanted;
static uv_loop_t loop;
static bool stopped;

static uint64_t first_unacked(void *owner)
{
	(void)owner;
	return first;
}

static uint64_t next_seq(void *owner)
{
	(void)owner;
	return BATCHES + 1;
}

/* The same bytes each time, as a spool has them. */
static int read_batch(void *owner, uint64_t seq, struct bytes *ret, uint64_t *ret_seq)
{
	const uint8_t *data;
	size_t len;

	(void)owner;
	if (seq > BATCHES)
		return UPLINK_E_END;
	data = batches_make(&batches, seq, FACTS, seq * 1000000, &len);
	if (!data)
		return -ENOMEM;
	*ret = bytes_make(data, len);
	*ret_seq = seq;
	return 0;
}

static void ack(void *owner, uint64_t seq)
{
	(void)owner;
	if (seq >= first)
		first = seq + 1;
}

static void heartbeat(void *owner, struct heartbeat *ret)
{
	(void)owner;
	ret->boottime_ns = 1;
}

static bool is_acked(void *owner)
{
	(void)owner;
	return first > wanted;
}

static bool is_stopped(void *owner)
{
	(void)owner;
	return stopped;
}

static void on_stopped(void *owner)
{
	(void)owner;
	stopped = true;
}

static struct uplink *start_uplink(void)
{
	struct uplink_source source = {NULL, first_unacked, next_seq, read_batch, ack, NULL, NULL, heartbeat};
	struct uplink_options options = {
	    .collectors = {{.port = process.port}}, .collector_count = 1, .compress = true};
	struct hello hello = {
	    .boot = batches.boot, .stream = batches.stream, .hostname = BYTES_LITERAL("crash"), .first_unacked_seq = 1};
	struct uplink *uplink;

	(void)snprintf(options.collectors[0].host, sizeof(options.collectors[0].host), "%s", process.host);
	if (uplink_create(&uplink, &loop, &options, &hello, &source) < 0)
		give_up("uplink_create");
	uplink_start(uplink);
	return uplink;
}

/* What the collector said at its start about what it found. */
static bool recovered_exactly(char *line, size_t size)
{
	unsigned long found = 0, facts = 0;
	FILE *file = fopen(process.log, "r");
	const char *at = NULL;

	while (file && !at && fgets(line, (int)size, file))
		at = strstr(line, "event=recovered batches=");
	if (file)
		(void)fclose(file);
	line[strcspn(line, "\n")] = '\0';
	return at && sscanf(at, "event=recovered batches=%lu facts=%lu", &found, &facts) == 2 && found == BATCHES &&
	       facts == BATCHES * FACTS;
}

int main(int argc, char **argv)
{
	struct uplink *uplink;
	char line[256] = "";

	if (argc != 2)
		return fprintf(stderr, "usage: %s COLLECTOR\n", argv[0]), 2;
	if (uv_loop_init(&loop) < 0 || batches_init(&batches, 7, 77) < 0)
		give_up("memory");
	process_init(argv[1]);
	process_start();
	uplink = start_uplink();
	for (unsigned i = 1; i <= CRASHES; i++) {
		wanted = (uint64_t)BATCHES * i / (CRASHES + 1);
		check(loop_until(&loop, is_acked, NULL), "batch %llu is acknowledged, then the collector is killed",
		      (unsigned long long)wanted);
		process_kill();
		process_start();
	}
	wanted = BATCHES;
	check(loop_until(&loop, is_acked, NULL), "every batch is acknowledged");
	uplink_stop(uplink, 1000, on_stopped, NULL);
	check(loop_until(&loop, is_stopped, NULL), "the uplink stops");
	check(process_stop(), "the collector stops");
	process_start();
	check(recovered_exactly(line, sizeof(line)), "every batch and fact is there exactly once (%s)", line);
	check(process_stop(), "the collector stops again");
	batches_finish(&batches);
	check(loop_finish(&loop), "nothing is left on the loop");
	printf("1..%d\n", checks);
	return failures > 0;
}
