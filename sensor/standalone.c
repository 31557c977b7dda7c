/* SPDX-License-Identifier: Apache-2.0 */
/* Probe to stdout. Lines gather while the ring is drained and are written in one go when it is empty; a reader that is slower than the
 * kernel makes the ring overflow, which is counted and printed like any other loss. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "canopy/log.h"
#include "sensor/batch/clock.h"
#include "sensor/batch/refine.h"
#include "sensor/confine.h"
#include "sensor/identity.h"
#include "sensor/probe/probe.h"
#include "sensor/standalone.h"
#include "sensor/surroundings.h"

#define FLUSH_BYTES ((size_t)64 * 1024) /* written before the ring is empty when this much has gathered */

struct standalone {
	const struct sensor_options *options;
	struct host_identity identity;
	struct clock clock;
	struct print_host host;
	struct bytes tags[2 * HELLO_TAGS_MAX];
	struct json out;
	struct refiner *refiner;
	struct probe *probe;
	uv_loop_t loop;
	uv_signal_t signals[2];
	int failed; /* -errno of what ended the run */
	bool stopping;
};

static void on_closed(void *owner)
{
	(void)owner;
}

static void stop(struct standalone *standalone)
{
	if (standalone->stopping)
		return;
	standalone->stopping = true;
	for (unsigned i = 0; i < 2; i++)
		uv_close((uv_handle_t *)&standalone->signals[i], NULL);
	probe_stop(standalone->probe, on_closed, standalone);
}

static void on_signal(uv_signal_t *handle, int number)
{
	(void)number;
	stop(handle->data);
}

static int write_all(const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(STDOUT_FILENO, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static void flush(struct standalone *standalone)
{
	int r = standalone->out.failed ? -ENOMEM : write_all(standalone->out.data, standalone->out.len);

	json_reset(&standalone->out);
	if (r == 0 || standalone->stopping)
		return;
	if (r != -EPIPE) {
		log_error("object=stdout error=\"%s\"", strerror(-r));
		standalone->failed = r;
	}
	stop(standalone);
}

static void on_event(void *owner, const struct event *event)
{
	struct standalone *standalone = owner;
	struct fact_context context;
	struct fact fact;

	if (refiner_event(standalone->refiner, event, &context, &fact) != 0)
		return;
	print_fact(&standalone->out, standalone->options->print, &standalone->host, &fact);
	if (standalone->out.len >= FLUSH_BYTES)
		flush(standalone);
}

static void on_gap(void *owner, const struct gap *gap)
{
	struct standalone *standalone = owner;

	print_gap(&standalone->out, standalone->options->print, &standalone->host, gap);
}

static void on_snapshot(void *owner, const struct snapshot_mark *mark)
{
	struct standalone *standalone = owner;

	refiner_snapshot(standalone->refiner, mark);
}

static void tell_filtered(struct standalone *standalone, bool all)
{
	struct gap gap;

	while (refiner_take_gap(standalone->refiner, clock_boottime(&standalone->clock), all, &gap))
		on_gap(standalone, &gap);
}

static void on_drained(void *owner)
{
	struct standalone *standalone = owner;

	tell_filtered(standalone, false);
	standalone->host.boottime_to_wall_ns = clock_boottime_to_wall(&standalone->clock);
	if (standalone->out.len)
		flush(standalone);
}

static void describe_host(struct standalone *standalone)
{
	const struct sensor_options *options = standalone->options;

	for (size_t i = 0; i < options->tag_count; i++) {
		standalone->tags[2 * i] = options->tags[i].key;
		standalone->tags[2 * i + 1] = options->tags[i].value;
	}
	standalone->host = (struct print_host){
		.hostname = bytes_from_string(standalone->identity.uname.nodename),
		.boot = standalone->identity.boot,
		.machine_id = bytes_from_string(standalone->identity.machine_id_hex),
		.tags = standalone->tags,
		.tag_count = options->tag_count,
		.boottime_to_wall_ns = clock_boottime_to_wall(&standalone->clock),
	};
}

static int open_probe(struct standalone *standalone)
{
	struct probe_options options = PROBE_OPTIONS_DEFAULT;
	struct probe_sink sink = {.owner = standalone, .event = on_event, .gap = on_gap, .snapshot = on_snapshot, .drained = on_drained};
	char *why = NULL;
	int r;

	options.ring_bytes = (size_t)standalone->options->ring_bytes;
	options.argv_max = (uint32_t)standalone->options->argv_max;
	options.environ_ = standalone->options->refine.environ_count != 0;
	options.force_raw_tracepoint = standalone->options->raw_tracepoint;
	options.force_proc_snapshot = standalone->options->proc_snapshot;
	options.force_found_ends = standalone->options->find_ends;
	r = probe_open(&standalone->probe, &options, &sink, &why);
	if (r < 0)
		log_error("%s", why ? why : strerror(-r));
	else if (!surroundings_proc())
		log_warning(SURROUNDINGS_NO_PROC);
	free(why);
	return r;
}

/* A sensor that cannot give up its privileges still tells the truth, so this is a warning. */
static void give_up_privileges(const struct standalone *standalone)
{
	const char *what = NULL;
	int r = standalone->options->confine ? confine(standalone->options->refine.environ_count != 0, &what) : 0;

	if (r < 0)
		log_warning("event=unconfined object=\"%s\" error=\"%s\"", what, strerror(-r));
}

static int start_signals(struct standalone *standalone)
{
	static const int numbers[2] = {SIGTERM, SIGINT};

	for (unsigned i = 0; i < 2; i++) {
		(void)uv_signal_init(&standalone->loop, &standalone->signals[i]);
		standalone->signals[i].data = standalone;
		(void)uv_signal_start(&standalone->signals[i], on_signal, numbers[i]);
	}
	return 0;
}

/* The snapshot comes first in the output, so that a reader knows the parents of what follows. */
static int run_loop(struct standalone *standalone)
{
	int r = uv_loop_init(&standalone->loop);

	if (r < 0)
		return r;
	(void)start_signals(standalone);
	r = probe_run(standalone->probe, &standalone->loop);
	if (r == 0)
		give_up_privileges(standalone); /* before a record is read */
	if (r == 0 && standalone->options->print == PRINT_JSON)
		(void)probe_snapshot(standalone->probe); /* a loss is told as a gap, and tried again by the probe */
	if (r < 0)
		stop(standalone);
	else
		on_drained(standalone);
	(void)uv_run(&standalone->loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&standalone->loop);
	(void)probe_drain(standalone->probe); /* what nobody drains, and the counts of what was lost, go with the probe */
	tell_filtered(standalone, true);
	if (standalone->out.len)
		flush(standalone);
	return r < 0 ? r : standalone->failed;
}

int standalone_run(const struct sensor_options *options)
{
	struct standalone standalone = {.options = options};
	int r = host_identity_read(&standalone.identity);

	if (r < 0) {
		log_error("object=/proc/sys/kernel/random/boot_id error=\"%s\"", strerror(-r));
		return r;
	}
	clock_init(&standalone.clock);
	(void)signal(SIGPIPE, SIG_IGN);
	describe_host(&standalone);
	r = refiner_create(&standalone.refiner, &options->refine);
	if (r == 0)
		r = open_probe(&standalone);
	if (r == 0)
		r = run_loop(&standalone);
	probe_close(standalone.probe);
	refiner_destroy(standalone.refiner);
	json_finish(&standalone.out);
	return r;
}
