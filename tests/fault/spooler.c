/* SPDX-License-Identifier: Apache-2.0 */
/* A sensor whose facts are known beforehand: the real spool and the real uplink, fed with batches whose content follows
 * from their number. Killed and started again it goes on where its spool ends, as a sensor does. Ends with 0 once
 * everything is acknowledged.
 *
 *   spooler DIR BATCHES FACTS BOOT ADDR:PORT...
 *
 * CANOPY_SPOOLER_LOG in the environment names a file that tells what a power loss must not take: a line 'appended N MS' for each batch, with
 * the time of the loop, the same with 'sent' and 'acked'.
 *
 * CANOPY_SPOOLER_LIMIT names a file with a number: no more batches than that are made until it says a greater one, so that a test decides what
 * is still to come when something happens, however slow the machine is.
 *
 * Fact i of batch n is the fork of pid 1000 + (n - 1) * FACTS + i by pid 1. BOOT: one byte, of which the boot id is made. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "canopy/log.h"
#include "proto/batch/encoder.h"
#include "sensor/spool/spool.h"
#include "sensor/uplink/uplink.h"

#define SEGMENT_BYTES 4096u /* many seals and trims */
#define EVERY_MS 2u         /* a batch: a run then sees several commits of each kind */
#define PAUSE_MS 20u        /* after the spool has refused a batch */
#define PID_FIRST 1000u
#define STEP_NS 1000u

enum log_level log_level = LOG_LEVEL_WARNING;

static struct {
	uv_loop_t loop;
	uv_timer_t timer; /* the next batch */
	struct spool *spool;
	struct uplink *uplink;
	struct batch_encoder *encoder;
	struct boot_id boot;
	uint64_t batches, facts;
	const char *limit_path; /* NULL = none */
	uint64_t limit;
	bool stopping;
	int log; /* -1 = none */
} spooler;

static void tell(const char *what, uint64_t seq, uint64_t ms)
{
	if (spooler.log >= 0)
		(void)dprintf(spooler.log, "%s %llu %llu\n", what, (unsigned long long)seq, (unsigned long long)ms);
}

/* ---- batches ------------------------------------------------------------------------------------------------- */

static int add_fact(uint64_t number)
{
	static const struct fact_context context = {.loginuid = FACT_ID_UNKNOWN, .session = FACT_ID_UNKNOWN};
	uint64_t now_ns = 1000000000u + number * STEP_NS;
	struct fact fact = {
	    .type = FACT_FORK,
	    .time_ns = now_ns,
	    .self = {now_ns, (uint32_t)(PID_FIRST + number)},
	    .parent = {1, 1},
	    .creator = {1, 1},
	    .tid = (uint32_t)(PID_FIRST + number),
	    .comm = BYTES_LITERAL("sh"),
	    .context = &context,
	};

	return batch_encoder_add(spooler.encoder, &fact);
}

static int append(uint64_t seq)
{
	struct batch_id id = {.boot = spooler.boot, .stream = spool_stream(spooler.spool), .seq = seq};
	const uint8_t *data;
	struct gap gap;
	bool dropped;
	size_t len;
	int r = 0;

	/* What an allocation that failed has left out is added now. */
	for (uint64_t i = batch_encoder_count(spooler.encoder); r == 0 && i < spooler.facts; i++)
		r = add_fact((seq - 1) * spooler.facts + i);
	if (r == 0)
		r = batch_encoder_finish(spooler.encoder, &id, 0, &data, &len);
	if (r == 0)
		r = spool_append(spooler.spool, data, len, &gap, &dropped);
	if (r == 0)
		tell("appended", seq, uv_now(&spooler.loop));
	return r;
}

static void on_spool_closed(void *owner)
{
	uv_close((uv_handle_t *)&spooler.timer, NULL);
}

static void on_uplink_stopped(void *owner)
{
	spool_close(spooler.spool, on_spool_closed, NULL);
}

static void stop_when_done(void)
{
	if (spooler.stopping || spool_next_seq(spooler.spool) <= spooler.batches || spool_batches(spooler.spool) > 0)
		return;
	spooler.stopping = true;
	(void)uv_timer_stop(&spooler.timer);
	uplink_stop(spooler.uplink, 1000, on_uplink_stopped, NULL);
}

static bool is_allowed(uint64_t seq)
{
	FILE *file = spooler.limit_path && seq > spooler.limit ? fopen(spooler.limit_path, "re") : NULL;
	unsigned long long limit;

	if (file) {
		if (fscanf(file, "%llu", &limit) == 1)
			spooler.limit = limit;
		(void)fclose(file);
	}
	return !spooler.limit_path || seq <= spooler.limit;
}

static void on_timer(uv_timer_t *timer)
{
	uint64_t seq = spool_next_seq(spooler.spool);
	bool due = seq <= spooler.batches && is_allowed(seq);
	int r = due ? append(seq) : 0;

	/* A batch that was refused, or met an allocation that failed, is offered again. */
	(void)uv_timer_start(timer, on_timer, r || !due ? PAUSE_MS : EVERY_MS, 0);
	stop_when_done();
}

/* ---- the uplink's source ------------------------------------------------------------------------------------- */

static uint64_t first_unacked(void *owner)
{
	return spool_first_unacked(spooler.spool);
}

static uint64_t next_seq(void *owner)
{
	return spool_next_seq(spooler.spool);
}

static int read_batch(void *owner, uint64_t seq, struct bytes *ret, uint64_t *ret_seq)
{
	int r = spool_read(spooler.spool, seq, ret, ret_seq);

	if (r == 0)
		tell("sent", *ret_seq, uv_now(&spooler.loop));
	return r == SPOOL_E_END ? UPLINK_E_END : r;
}

static void ack(void *owner, uint64_t seq)
{
	tell("acked", seq, uv_now(&spooler.loop));
	spool_ack(spooler.spool, seq);
}

static uint64_t renew(void *owner)
{
	return spool_renew(spooler.spool) == 0 ? spool_stream(spooler.spool) : 0;
}

static void heartbeat(void *owner, struct heartbeat *ret)
{
	ret->boottime_ns = 1;
}

static void on_append(void *owner)
{
	uplink_kick(spooler.uplink);
}

/* ---- life ---------------------------------------------------------------------------------------------------- */

static int open_rooms(const char *dir, char **addresses, int count)
{
	struct spool_options spool_options = {
	    .dir = dir, .segment_bytes = SEGMENT_BYTES, .sync_interval_ms = 20, .revive_interval_ms = 20};
	struct uplink_options uplink_options = {.compress = true};
	struct uplink_source source = {NULL, first_unacked, next_seq, read_batch, ack, NULL, renew, heartbeat};
	struct hello hello = {.boot = spooler.boot, .hostname = BYTES_LITERAL("spooler")};
	const char *why;
	int r = batch_encoder_create(&spooler.encoder);

	for (int i = 0; r == 0 && i < count; i++)
		r = address_parse(addresses[i], &uplink_options.collectors[uplink_options.collector_count++], &why);
	if (r == 0)
		r = spool_open(&spooler.spool, &spooler.loop, &spool_options, NULL, NULL);
	if (r < 0)
		return r;
	hello.stream = spool_stream(spooler.spool);
	r = uplink_create(&spooler.uplink, &spooler.loop, &uplink_options, &hello, &source);
	if (r < 0)
		return r;
	spool_on_append(spooler.spool, on_append, NULL);
	return 0;
}

int main(int argc, char **argv)
{
	int r;

	if (argc < 6 || argc - 5 > (int)PEERS_MAX)
		return fprintf(stderr, "usage: %s DIR BATCHES FACTS BOOT ADDR:PORT...\n", argv[0]), 2;
	(void)signal(SIGPIPE, SIG_IGN);
	spooler.batches = strtoull(argv[2], NULL, 10);
	spooler.facts = strtoull(argv[3], NULL, 10);
	spooler.log = getenv("CANOPY_SPOOLER_LOG")
			  ? open(getenv("CANOPY_SPOOLER_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
	spooler.limit_path = getenv("CANOPY_SPOOLER_LIMIT");
	memset(&spooler.boot, atoi(argv[4]), sizeof(spooler.boot));
	r = uv_loop_init(&spooler.loop);
	if (r == 0)
		r = uv_timer_init(&spooler.loop, &spooler.timer);
	if (r == 0)
		r = open_rooms(argv[1], argv + 5, argc - 5);
	if (r < 0)
		return fprintf(stderr, "spooler: %s\n", strerror(-r)), 1;
	uplink_start(spooler.uplink);
	(void)uv_timer_start(&spooler.timer, on_timer, 0, 0);
	(void)uv_run(&spooler.loop, UV_RUN_DEFAULT);
	batch_encoder_destroy(spooler.encoder);
	return uv_loop_close(&spooler.loop) == 0 ? 0 : 1;
}
