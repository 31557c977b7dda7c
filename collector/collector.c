/* SPDX-License-Identifier: Apache-2.0 */
/* The way of the data in the collector, one room after the other:
 *
 *   listen    sockets -> sessions -> messages
 *   ingest    messages -> validated batches, each taken once
 *   journal   batches -> disk; the ack travels back from here
 *   forest    facts -> processes
 *   lake, console   read what journal and forest hold
 *
 * They are built from the end, so that nothing is accepted that has nowhere to go, and torn down in reverse: no new
 * data, then what reads, then what keeps. Everything runs on one loop; only disk work goes to the loop's thread pool.
 */
#include "collector/collector.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "canopy/log.h"
#include "collector/console/console.h"
#include "collector/console/fleet.h"
#include "collector/forest/forest.h"
#include "collector/ingest/ingest.h"
#include "collector/journal/journal.h"
#include "collector/lake/lake.h"
#include "collector/listen/listener.h"
#include "collector/secure.h"
#include "collector/state.h"

#define WATCH_INTERVAL_MS 1000 /* how soon the log tells that the collector is not ready any more, or again */

struct collector {
	const struct collector_options *options;
	uv_loop_t loop;
	uv_signal_t signals[3];
	struct secure secure;
	struct forest *forest;
	struct journal *journal;
	struct ingest *ingest;
	struct lake *lakes[COLLECTOR_LAKES_MAX];
	size_t lake_count;
	struct fleet fleet;
	struct console *console;
	char http[ADDRESS_TEXT_MAX]; /* where the console answers */
	struct listener *listener;
	uv_timer_t watch;
	bool ready; /* as last logged */
	bool stopping;
	int failed; /* -errno of what went wrong for good */
};

static int64_t wall_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- what the console may ask -------------------------------------------------------------------------------- */

static void fleet_link(void *owner, const struct boot_id *boot, struct fleet_link *ret)
{
	ingest_link(((struct collector *)owner)->ingest, boot, wall_now(), ret);
}

static void fleet_ingest(void *owner, struct fleet_ingest_stats *ret)
{
	struct collector *collector = owner;

	*ret = (struct fleet_ingest_stats){0};
	ingest_stats(collector->ingest, ret);
	if (collector->listener)
		listener_stats(collector->listener, ret);
}

static size_t fleet_sinks(void *owner, struct fleet_sink *ret, size_t max)
{
	struct collector *collector = owner;
	size_t count = 0;

	for (size_t i = 0; i < collector->lake_count; i++)
		count += lake_sinks(collector->lakes[i], ret + count, max - count);
	return count;
}

static bool fleet_ready(void *owner, const char **ret_why)
{
	struct collector *collector = owner;

	if (collector->stopping) {
		*ret_why = "the collector is shutting down";
		return false;
	}
	if (!collector->listener) {
		*ret_why = "the collector does not listen for sensors yet";
		return false;
	}
	return ingest_ready(collector->ingest, ret_why);
}

static int fleet_reload(void *owner, char **ret_why)
{
	return secure_reload(&((struct collector *)owner)->secure, ret_why);
}

static void fleet_tls(void *owner, struct fleet_tls *ret)
{
	struct secure *secure = &((struct collector *)owner)->secure;

	*ret = (struct fleet_tls){.expiry = INT64_MAX};
	if (secure->sensors)
		tls_context_counts(secure->sensors, &ret->sensors);
	if (secure->console)
		tls_context_counts(secure->console, &ret->console);
	if (secure->sensors || secure->console)
		ret->expiry = tls_context_expiry(secure->sensors ? secure->sensors : secure->console);
}

/* ---- the end: in reverse order of building, each room calls back when it is gone ----------------------------- */

static void tear_down(void *owner)
{
	struct collector *collector = owner;
	struct listener *listener = collector->listener;
	struct console *console = collector->console;
	struct journal *journal = collector->journal;

	if (listener) {
		collector->listener = NULL;
		listener_close(listener, tear_down, collector);
		return;
	}
	if (console) {
		collector->console = NULL;
		console_close(console, tear_down, collector);
		return;
	}
	if (collector->lake_count > 0) {
		lake_close(collector->lakes[--collector->lake_count], tear_down, collector);
		return;
	}
	ingest_destroy(collector->ingest);
	collector->ingest = NULL;
	if (journal) {
		collector->journal = NULL;
		journal_close(journal, tear_down, collector);
		return;
	}
	forest_destroy(collector->forest);
	collector->forest = NULL;
	uv_close((uv_handle_t *)&collector->watch, NULL);
	for (unsigned i = 0; i < 3; i++)
		uv_close((uv_handle_t *)&collector->signals[i], NULL);
}

static void stop(struct collector *collector)
{
	collector->stopping = true;
	if (collector->journal) { /* otherwise the folder may be that of a collector that runs */
		state_remove(collector->options->state, "http");
		state_remove(collector->options->state, "listen");
	}
	tear_down(collector);
}

/* SIGHUP reads certificates and tokens again. Of the others the first drains, a second one ends at once: what was acknowledged is on disk either way. */
static void on_signal(uv_signal_t *handle, int number)
{
	struct collector *collector = handle->data;

	if (number == SIGHUP) {
		(void)secure_reload(&collector->secure, NULL);
		return;
	}
	if (collector->stopping)
		_exit(EXIT_FAILURE);
	log_info("event=stopping signal=%s", number == SIGTERM ? "SIGTERM" : "SIGINT");
	stop(collector);
}

/* ---- the beginning ------------------------------------------------------------------------------------------- */

/* Each sensor and each reader is a descriptor; the hard limit is what the administrator allows. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void start_signals(struct collector *collector)
{
	static const int numbers[3] = {SIGTERM, SIGINT, SIGHUP};

	(void)signal(SIGPIPE, SIG_IGN);
	for (unsigned i = 0; i < 3; i++) {
		(void)uv_signal_init(&collector->loop, &collector->signals[i]);
		collector->signals[i].data = collector;
		(void)uv_signal_start(&collector->signals[i], on_signal, numbers[i]);
	}
}

/* A full disk is no event of its own: the journal waits and goes on by itself. */
static void on_watch(uv_timer_t *timer)
{
	struct collector *collector = timer->data;
	const char *why = "";
	bool ready;

	if (collector->stopping)
		return;
	secure_refresh(&collector->secure);
	ready = fleet_ready(collector, &why);
	if (ready && !collector->ready)
		log_info("event=ready");
	else if (!ready && collector->ready)
		log_warning("event=not-ready reason=\"%s\"", why);
	collector->ready = ready;
}

static void start_watch(struct collector *collector)
{
	(void)uv_timer_init(&collector->loop, &collector->watch);
	collector->watch.data = collector;
	(void)uv_timer_start(&collector->watch, on_watch, 0, WATCH_INTERVAL_MS);
}

static void on_durable(void *owner, uint64_t position, int error)
{
	struct collector *collector = owner;

	(void)position;
	if (!error)
		return;
	collector->failed = error;
	log_error("object=journal dir=%s/journal error=\"%s\" remedy=\"sensors are refused and keep their batches; see "
		  "to the disk, then restart\"",
		  collector->options->state, strerror(-error));
}

static int build_journal(struct collector *collector, char **ret_why)
{
	struct journal_options options = {.retain_bytes = collector->options->retain_bytes};
	struct seglog_recovery recovery;
	char dir[PATH_MAX];
	int r;

	if (snprintf(dir, sizeof(dir), "%s/journal", collector->options->state) >= (int)sizeof(dir))
		return -ENAMETOOLONG;
	options.dir = dir;
	r = journal_open(&collector->journal, &collector->loop, &options, &recovery, ret_why);
	if (r < 0)
		return r;
	state_remove(collector->options->state,
		     "http"); /* of a collector that was killed; the journal's lock says that it is gone */
	state_remove(collector->options->state, "listen");
	journal_on_durable(collector->journal, on_durable, collector);
	if (recovery.torn_bytes > 0 || recovery.holes > 0)
		log_warning("event=journal-damaged torn_bytes=%" PRIu64 " holes=%" PRIu64 " lost_records=%" PRIu64
			    " remedy=\"a torn tail is what a crash leaves; for holes look at the disk\"",
			    recovery.torn_bytes, recovery.holes, recovery.lost_records);
	return 0;
}

static int recover(struct collector *collector)
{
	uint64_t begin_ns = uv_hrtime();
	struct replay_counts counts;
	int r = ingest_recover(collector->ingest, &counts);

	if (r < 0)
		return r;
	log_info("event=recovered batches=%" PRIu64 " facts=%" PRIu64 " hosts=%" PRIu64 " ms=%" PRIu64, counts.batches,
		 counts.facts, counts.hosts, (uv_hrtime() - begin_ns) / 1000000);
	if (counts.holes > 0 || counts.refused > 0)
		log_warning(
		    "event=recovered-incomplete holes=%" PRIu64 " facts_without_room=%" PRIu64
		    " remedy=\"holes: the disk has lost parts of the journal; room: give the collector more memory\"",
		    counts.holes, counts.refused);
	return 0;
}

static int build_lakes(struct collector *collector, char **ret_why)
{
	for (size_t i = 0; i < collector->options->lake_count; i++) {
		int r = lake_create(&collector->lakes[i], &collector->loop, collector->options->lakes[i],
				    collector->options->state, collector->journal, collector->forest, ret_why);

		if (r < 0)
			return r;
		collector->lake_count++;
	}
	return 0;
}

static void fill_fleet(struct collector *collector)
{
	collector->fleet = (struct fleet){
	    .loop = &collector->loop,
	    .forest = collector->forest,
	    .journal = collector->journal,
	    .started_wall_ns = wall_now(),
	    .owner = collector,
	    .link = fleet_link,
	    .ingest = fleet_ingest,
	    .sinks = fleet_sinks,
	    .ready = fleet_ready,
	    .reload = fleet_reload,
	    .tls = fleet_tls,
	};
}

/* Tells tests and scripts where a port is that the kernel chose. */
static int announce(struct collector *collector, const char *name, const char *address, char **ret_why)
{
	int r = state_write(collector->options->state, name, address);

	if (r < 0 && asprintf(ret_why, "cannot write %s/%s: %s; make room or give the folder to this user",
			      collector->options->state, name, strerror(-r)) < 0)
		*ret_why = NULL;
	if (r == 0)
		log_info("event=listening for=%s address=%s", strcmp(name, "http") == 0 ? "console" : "sensors",
			 address);
	return r;
}

static int build_console(struct collector *collector, char **ret_why)
{
	struct console_options options = {
	    .server = {.address = collector->options->http, .insecure = collector->options->insecure || collector->options->http_insecure,
		       .tls = collector->secure.console,
		       .tokens = collector->secure.tokens}};
	int r = console_create(&collector->console, &options, &collector->fleet, ret_why);

	if (r == 0)
		console_address(collector->console, collector->http, sizeof(collector->http));
	return r;
}

static int build_listener(struct collector *collector, char **ret_why)
{
	struct listener_options options = {
	    .address = collector->options->listen, .ingest = collector->ingest, .tls = collector->secure.sensors, .http = collector->http};
	char address[ADDRESS_TEXT_MAX];
	int r = listener_create(&collector->listener, &collector->loop, &options, ret_why);

	if (r < 0)
		return r;
	listener_address(collector->listener, address);
	r = announce(collector, "listen", address, ret_why);
	/* Last of all: who has seen DIR/http can use everything. */
	return r < 0 ? r : announce(collector, "http", collector->http, ret_why);
}

static int build(struct collector *collector, char **ret_why)
{
	struct forest_options forest = FOREST_OPTIONS_DEFAULT;
	int r = state_prepare(collector->options->state, ret_why);

	if (r == 0)
		r = secure_open(&collector->secure, collector->options, ret_why);
	if (r < 0)
		return r;
	forest.exited_bytes_max = collector->options->exited_bytes;
	r = forest_create(&collector->forest, &forest);
	if (r == 0)
		r = build_journal(collector, ret_why);
	if (r == 0)
		r = ingest_create(&collector->ingest, collector->forest, collector->journal);
	if (r == 0)
		r = recover(collector);
	if (r == 0)
		r = build_lakes(collector, ret_why);
	if (r == 0) {
		fill_fleet(collector);
		r = build_console(collector, ret_why);
	}
	if (r == 0)
		r = build_listener(collector, ret_why);
	return r;
}

int collector_run(const struct collector_options *options)
{
	struct collector collector = {.options = options};
	char *why = NULL;
	int r = uv_loop_init(&collector.loop);

	if (r < 0) {
		log_error("object=loop error=\"%s\"", strerror(-r));
		return r;
	}
	raise_descriptor_limit();
	start_signals(&collector);
	start_watch(&collector);
	r = build(&collector, &why);
	if (r < 0) {
		log_error("event=cannot-start error=\"%s\"", why ? why : strerror(-r));
		collector.failed = r;
		stop(&collector);
	}
	free(why);
	(void)uv_run(&collector.loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&collector.loop);
	secure_finish(&collector.secure);
	if (collector.failed == 0) /* otherwise the last line is the one that says why */
		log_info("event=stopped");
	return collector.failed;
}
