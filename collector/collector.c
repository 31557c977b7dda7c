/* SPDX-License-Identifier: Apache-2.0 */
/* The way of the data in the collector, one room after the other:
 *
 *   listen    sockets -> sessions -> messages                   \
 *   ingest    messages -> validated batches, each taken once     | in each shard, on its own loop and thread,
 *   journal   batches -> disk; the ack travels back from here    | for the host boots that it owns
 *   forest    facts -> processes                                /
 *   lake, console   read what journals and forests hold, on the main loop
 *
 * They are built from the end, so that nothing is accepted that has nowhere to go, and torn down in reverse: no new
 * data, then what reads, then what keeps. Disk work goes to the thread pool that the loops share.
 */
#include "collector/collector.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <sched.h>
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
#include "collector/privileges.h"
#include "collector/secure.h"
#include "collector/shard/shards.h"
#include "collector/state.h"

/* A sanitizer looks for leaks by ptrace, which a confined collector has given up: a build with one is for tests. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#else
#define SANITIZED false
#endif
#define HEAP_BLOCK_MAX (256 * 1024) /* a busy sensor's frames are smaller; larger blocks are mapped one by one */
#define HEAP_SLACK (4 * 1024 * 1024)
#define POOL_THREADS 4u        /* for lakes and whatever else asks the disk, beside the shards' commits */
#define WATCH_INTERVAL_MS 1000 /* how soon the log tells that the collector is not ready any more, or again */

struct collector {
	const struct collector_options *options;
	uv_loop_t loop;
	uv_signal_t signals[3];
	struct secure secure;
	struct shards shards;
	struct lake **lakes; /* owned; for each lake one of each shard */
	size_t lake_count;
	struct fleet fleet;
	struct console *console;
	char http[ADDRESS_TEXT_MAX]; /* where the console answers */
	bool listening;
	uv_timer_t watch;
	bool ready; /* as last logged */
	bool stopping;
	bool owner; /* of the state folder: the journals are open */
	int failed; /* -errno of what went wrong for good */
};

static int64_t wall_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- what the console may ask -------------------------------------------------------------------------------- */

static size_t fleet_place(void *owner, const struct boot_id *boot)
{
	return placement_of(&((struct collector *)owner)->shards.placement, boot);
}

static void fleet_link(void *owner, const struct boot_id *boot, struct fleet_link *ret)
{
	ingest_link(shards_of(&((struct collector *)owner)->shards, boot)->ingest, boot, wall_now(), ret);
}

static void fleet_ingest(void *owner, struct fleet_ingest_stats *ret)
{
	struct shards *shards = &((struct collector *)owner)->shards;

	*ret = (struct fleet_ingest_stats){0};
	for (size_t i = 0; i < shards->count; i++) {
		struct shard *shard = shards->all[i];

		gate_enter(&shard->gate);
		ingest_stats(shard->ingest, ret);
		if (shard->listener)
			listener_stats(shard->listener, ret);
		gate_leave(&shard->gate);
	}
}

static size_t fleet_sinks(void *owner, struct fleet_sink *ret, size_t max)
{
	struct collector *collector = owner;
	size_t shards = collector->shards.count, count = 0;
	struct fleet_sink one;

	for (size_t i = 0; i < collector->lake_count && count + (i % shards == 0) <= max; i++) {
		if (lake_sinks(collector->lakes[i], &one, 1) == 0)
			continue;
		if (i % shards == 0) {
			ret[count++] = one;
			continue;
		}
		ret[count - 1].lag_records += one.lag_records;
		ret[count - 1].lag_bytes += one.lag_bytes;
		ret[count - 1].failures_total += one.failures_total;
		ret[count - 1].rows_total += one.rows_total;
	}
	return count;
}

static bool fleet_ready(void *owner, const char **ret_why)
{
	struct collector *collector = owner;
	bool ready = true;

	if (collector->stopping) {
		*ret_why = "the collector is shutting down";
		return false;
	}
	if (!collector->listening) {
		*ret_why = "the collector does not listen for sensors yet";
		return false;
	}
	for (size_t i = 0; ready && i < collector->shards.count; i++) {
		struct shard *shard = collector->shards.all[i];

		gate_enter(&shard->gate);
		ready = ingest_ready(shard->ingest, ret_why);
		gate_leave(&shard->gate);
	}
	return ready;
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
	struct console *console = collector->console;

	if (collector->listening) {
		collector->listening = false;
		shards_stop_listening(&collector->shards, tear_down, collector);
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
	if (collector->shards.count > 0) {
		shards_close(&collector->shards, tear_down, collector);
		return;
	}
	uv_close((uv_handle_t *)&collector->watch, NULL);
	for (unsigned i = 0; i < 3; i++)
		uv_close((uv_handle_t *)&collector->signals[i], NULL);
}

static void stop(struct collector *collector)
{
	collector->stopping = true;
	if (collector->owner) { /* otherwise the folder may be that of a collector that runs */
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
		log_warning("event=not-ready reason=\"%s\"", LOG_TEXT(why));
	collector->ready = ready;
}

static void start_watch(struct collector *collector)
{
	(void)uv_timer_init(&collector->loop, &collector->watch);
	collector->watch.data = collector;
	(void)uv_timer_start(&collector->watch, on_watch, 0, WATCH_INTERVAL_MS);
}

static void on_grown(void *owner, size_t shard)
{
	struct collector *collector = owner;

	if (collector->console)
		console_wake(collector->console);
	for (size_t i = shard; i < collector->lake_count; i += collector->shards.count)
		lake_wake(collector->lakes[i]);
}

static void on_failed(void *owner, size_t shard, int error)
{
	struct collector *collector = owner;

	collector->failed = error;
	log_error("object=journal dir=%s/journal error=\"%s\" remedy=\"sensors are refused and keep their batches; see "
		  "to the disk, then restart\"",
		  collector->shards.all[shard]->dir, strerror(-error));
}

static const struct shards_events shards_events = {.grown = on_grown, .failed = on_failed};

static void log_damage(const struct shard *shard)
{
	const struct seglog_recovery *recovery = &shard->recovery;

	if (recovery->torn_bytes > 0 || recovery->holes > 0)
		log_warning("event=journal-damaged dir=%s/journal torn_bytes=%" PRIu64 " holes=%" PRIu64
			    " lost_records=%" PRIu64
			    " remedy=\"a torn tail is what a crash leaves; for holes look at the disk\"",
			    shard->dir, recovery->torn_bytes, recovery->holes, recovery->lost_records);
}

/* Shards recover side by side: the time is that of the slowest. */
static void log_recovery(const struct shards *shards)
{
	struct replay_counts sum = {0};
	uint64_t ms = 0;

	for (size_t i = 0; i < shards->count; i++) {
		const struct shard *shard = shards->all[i];

		log_damage(shard);
		sum.batches += shard->counts.batches;
		sum.facts += shard->counts.facts;
		sum.hosts += shard->counts.hosts;
		sum.holes += shard->counts.holes;
		sum.refused += shard->counts.refused;
		sum.restored += shard->counts.restored;
		ms = shard->recovery_ms > ms ? shard->recovery_ms : ms;
	}
	log_info("event=recovered batches=%" PRIu64 " facts=%" PRIu64 " hosts=%" PRIu64 " restored=%" PRIu64
		 " shards=%zu ms=%" PRIu64,
		 sum.batches, sum.facts, sum.hosts, sum.restored, shards->count, ms);
	if (sum.holes > 0 || sum.refused > 0)
		log_warning(
		    "event=recovered-incomplete holes=%" PRIu64 " facts_without_room=%" PRIu64
		    " remedy=\"holes: the disk has lost parts of the journal; room: raise --processes-max, or give the collector more memory\"",
		    sum.holes, sum.refused);
}

/* As many as this process may run on. */
static size_t core_count(void)
{
	cpu_set_t set;
	int count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return count < 1 ? 1 : (size_t)count < SHARDS_MAX ? (size_t)count : SHARDS_MAX;
}

/* Commits of all shards may wait for the disk at the same time, beside the lakes' work; libuv's own number is four. */
static void widen_pool(size_t shards)
{
	char size[16];

	(void)snprintf(size, sizeof(size), "%zu", shards + POOL_THREADS);
	(void)setenv("UV_THREADPOOL_SIZE", size, 0);
}

static int build_shards(struct collector *collector, char **ret_why)
{
	const struct collector_options *given = collector->options;
	struct shards_options options = {.state = given->state,
					 .count = given->shards ? given->shards : core_count(),
					 .retain_bytes = given->retain_bytes,
					 .exited_bytes = given->exited_bytes,
					 .processes_max = given->processes_max,
					 .strict = collector->secure.sensors,
					 .events = &shards_events,
					 .owner = collector};
	int r;

	widen_pool(options.count);
	r = shards_open(&collector->shards, &collector->loop, &options, ret_why);
	if (r < 0)
		return r;
	collector->owner = true;
	state_remove(given->state, "http"); /* of a collector that was killed; the journals' locks say that it is gone */
	state_remove(given->state, "listen");
	log_recovery(&collector->shards);
	if (given->shards && given->shards < collector->shards.count)
		log_info("event=shards count=%zu asked=%u reason=\"the state folder holds so many\"",
			 collector->shards.count, given->shards);
	return 0;
}

static int build_lake(struct collector *collector, const char *spec, char **ret_why)
{
	for (size_t i = 0; i < collector->shards.count; i++) {
		int r = lake_create(&collector->lakes[collector->lake_count], &collector->loop, spec,
				    collector->shards.all[i]->dir, &collector->fleet.shards[i], ret_why);

		if (r < 0)
			return r;
		collector->lake_count++;
	}
	return 0;
}

static int build_lakes(struct collector *collector, char **ret_why)
{
	size_t count = collector->options->lake_count;
	int r = 0;

	if (count == 0)
		return 0;
	collector->lakes = calloc(count * collector->shards.count, sizeof(*collector->lakes));
	if (!collector->lakes)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = build_lake(collector, collector->options->lakes[i], ret_why);
	return r;
}

static void fill_fleet(struct collector *collector)
{
	collector->fleet = (struct fleet){
	    .loop = &collector->loop,
	    .shard_count = collector->shards.count,
	    .started_wall_ns = wall_now(),
	    .owner = collector,
	    .shard_of = fleet_place,
	    .link = fleet_link,
	    .ingest = fleet_ingest,
	    .sinks = fleet_sinks,
	    .ready = fleet_ready,
	    .reload = fleet_reload,
	    .tls = fleet_tls,
	};
	for (size_t i = 0; i < collector->shards.count; i++) {
		struct shard *shard = collector->shards.all[i];

		collector->fleet.shards[i] = (struct fleet_shard){shard->forest, shard->journal, &shard->gate};
	}
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
	    .address = collector->options->listen, .tls = collector->secure.sensors, .http = collector->http};
	char address[ADDRESS_TEXT_MAX];
	int r;

	collector->listening = true;
	r = shards_listen(&collector->shards, &options, ret_why);
	if (r < 0)
		return r;
	shards_address(&collector->shards, address);
	r = announce(collector, "listen", address, ret_why);
	/* Last of all: who has seen DIR/http can use everything. */
	return r < 0 ? r : announce(collector, "http", collector->http, ret_why);
}

/* A collector that cannot give up its privileges still works, so that alone is a warning. */
static int give_up_privileges(const struct collector_options *options, char **ret_why)
{
	const char *what = NULL;
	int r = options->user ? privileges_become(options->user, options->state, ret_why) : 0;

	if (r < 0)
		return r;
	if (geteuid() == 0)
		log_warning("event=runs-as-root remedy=\"give --user NAME, or start it as a user of its own\"");
	r = options->confine && !SANITIZED ? privileges_drop(&what) : 0;
	if (r < 0)
		log_warning("event=unconfined object=\"%s\" error=\"%s\"", what, strerror(-r));
	else
		log_info("event=%s", !options->confine ? "unconfined why=--no-confine" :
				     SANITIZED         ? "unconfined why=sanitizer" :
							 "confined");
	return 0;
}

static int build(struct collector *collector, char **ret_why)
{
	int r = give_up_privileges(collector->options, ret_why);

	if (r == 0)
		r = state_prepare(collector->options->state, ret_why);
	if (r == 0)
		r = secure_open(&collector->secure, collector->options, ret_why);
	if (r == 0)
		r = build_shards(collector, ret_why);
	if (r < 0)
		return r;
	fill_fleet(collector);
	r = build_lakes(collector, ret_why);
	if (r == 0)
		r = build_console(collector, ret_why);
	if (r == 0)
		r = build_listener(collector, ret_why);
	return r;
}

/* What strangers made large goes back to the kernel when it is freed, so that the bounds on it bound what is resident. By default
 * glibc raises this threshold to the largest block that was ever freed, and keeps such blocks from then on, with holes of half
 * their size from growing. The heaps of the shards keep some slack at their end instead of giving it back in each turn. */
static void bound_heap(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, HEAP_BLOCK_MAX);
	(void)mallopt(M_TRIM_THRESHOLD, HEAP_SLACK);
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
	bound_heap();
	raise_descriptor_limit();
	start_signals(&collector);
	start_watch(&collector);
	r = build(&collector, &why);
	if (r < 0) {
		log_error("event=cannot-start error=\"%s\"", LOG_TEXT(why ? why : strerror(-r)));
		collector.failed = r;
		stop(&collector);
	}
	free(why);
	(void)uv_run(&collector.loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&collector.loop);
	secure_finish(&collector.secure);
	free(collector.lakes);
	if (collector.failed == 0) /* otherwise the last line is the one that says why */
		log_info("event=stopped");
	return collector.failed;
}
