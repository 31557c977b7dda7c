/* SPDX-License-Identifier: Apache-2.0 */
/* The way of the data on a host, one room after the other:
 *
 *   probe    the kernel's ring -> records
 *   batch    records -> self-contained batches
 *   spool    batches -> disk, until they are acknowledged
 *   uplink   batches -> frames to the collector
 *
 * They are built from the end (a fact must have somewhere to go when the hooks are attached) and stopped from the beginning, so that at
 * the end everything that the kernel has told is in the spool. Everything runs on one loop. */
#include "sensor/sensor.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "canopy/failpoint.h"
#include "canopy/folder.h"
#include "canopy/log.h"
#include "sensor/batch/batch.h"
#include "sensor/batch/clock.h"
#include "sensor/confine.h"
#include "sensor/downtime.h"
#include "sensor/footprint.h"
#include "sensor/health.h"
#include "sensor/identity.h"
#include "sensor/probe/probe.h"
#include "sensor/secure.h"
#include "sensor/spool/spool.h"
#include "sensor/surroundings.h"
#include "sensor/uplink/uplink.h"

#define WATCH_INTERVAL_MS 2000u /* how often it is noted that this boot is watched: the error of a gap's beginning */
#define WATCH_REST_MS UPLINK_REST_MS(UPLINK_HEARTBEAT_MS) /* the same at rest, when nothing has come since the note before */
#define SPOOL_HERE "."          /* see enter_spool */
#define NAMES_AGAIN_NS 60000000000u /* between two lists of what lives for the sake of late names */
#define DRAIN_MS 3000u          /* at the end, for the collector to acknowledge what is on its way */

struct sensor {
	const struct sensor_options *options;
	struct host_identity identity;
	struct clock clock;
	struct downtime downtime;
	struct hello hello;
	struct spool *spool;
	struct uplink *uplink;
	struct refiner *refiner;
	struct batcher *batcher;
	struct probe *probe;
	uv_loop_t loop;
	struct tls_context *tls; /* NULL = in the clear */
	uv_signal_t signals[3];
	uv_timer_t watch;
	uint64_t watched_until_ns; /* by the sensor before this one; 0 = nobody or not known */
	uint64_t last_fact_ns;
	uint64_t noted_fact_ns;   /* last_fact_ns at the last note */
	bool resting;             /* nothing had come between the last two */
	struct heartbeat figures; /* of what only facts change */
	uint64_t named_ns;     /* when what lives was last told again for its names' sake */
	bool names_late;
	uint64_t snapshot_seq; /* the newest snapshot stands in batches from here on */
	uint64_t unbatched_facts[EVENT_TYPES]; /* given up for lack of memory since the last look */
	uint64_t unbatched_since_ns;
	int spool_error; /* as last logged */
	bool stopping;
};

/* ---- probe -> batch ------------------------------------------------------------------------------------------ */

static void on_watch(uv_timer_t *timer);

static void watch_in(struct sensor *sensor, uint64_t ms)
{
	if (!sensor->stopping)
		(void)uv_timer_start(&sensor->watch, on_watch, ms, 0);
}

/* The rest is over. */
static void wake(struct sensor *sensor)
{
	if (sensor->resting)
		watch_in(sensor, WATCH_INTERVAL_MS);
	sensor->resting = false;
}

static void on_event(void *owner, const struct event *event)
{
	struct sensor *sensor = owner;

	FAILPOINT("sensor-event");
	wake(sensor);
	if (batcher_add_event(sensor->batcher, event) == 0) {
		sensor->last_fact_ns = event->time_ns;
		return;
	}
	sensor->unbatched_facts[event->type]++;
	if (sensor->unbatched_since_ns == 0)
		sensor->unbatched_since_ns = event->time_ns;
}

/* The probe has let facts gather already: to hold them any longer would only cost latency, and a timer. */
static void on_drained(void *owner)
{
	(void)batcher_flush(((struct sensor *)owner)->batcher); /* without memory its timer tries again */
}

static void on_gap(void *owner, const struct gap *gap)
{
	struct sensor *sensor = owner;

	wake(sensor);
	log_warning("event=lost type=%u count=%llu reason=%u", gap->type, (unsigned long long)gap->count, gap->reason);
	(void)batcher_add_gap(sensor->batcher, gap);
}

static void on_snapshot(void *owner, const struct snapshot_mark *mark)
{
	struct sensor *sensor = owner;

	refiner_snapshot(sensor->refiner, mark);
	(void)batcher_add_snapshot(sensor->batcher, mark);
}

/* ---- batch -> spool ------------------------------------------------------------------------------------------ */

static void on_next_id(void *owner, struct batch_id *ret)
{
	struct sensor *sensor = owner;

	*ret = (struct batch_id){
		.boot = sensor->identity.boot,
		.stream = spool_stream(sensor->spool),
		.seq = spool_next_seq(sensor->spool),
	};
}

/* A spool that fails refuses every batch: said once. */
static void tell_spool(struct sensor *sensor)
{
	int error = spool_error(sensor->spool);

	if (error == sensor->spool_error)
		return;
	sensor->spool_error = error;
	if (error < 0)
		log_error("object=--spool value=\"%s\" error=\"%s\" remedy=\"see to the disk, and to owner and mode of the folder; it is tried "
			  "again by itself\"",
			  LOG_TEXT(sensor->options->spool_dir), strerror(-error));
	else
		log_info("event=spool-works dir=\"%s\"", LOG_TEXT(sensor->options->spool_dir));
}

static void on_batch(void *owner, const struct batch_id *id, const uint8_t *data, size_t len)
{
	struct sensor *sensor = owner;
	struct gap dropped = {0};
	bool was_dropped = false;
	int r;

	FAILPOINT("sensor-before-spool");
	r = spool_append(sensor->spool, data, len, &dropped, &was_dropped);
	FAILPOINT("sensor-after-spool");
	tell_spool(sensor);
	if (was_dropped) {
		log_warning("event=spool-dropped count=%llu reason=%u", (unsigned long long)dropped.count, dropped.reason);
		(void)batcher_add_gap(sensor->batcher, &dropped);
	}
	if (r < 0)
		log_error("object=spool value=%llu error=\"%s\"", (unsigned long long)id->seq, strerror(-r));
}

/* ---- spool -> uplink ----------------------------------------------------------------------------------------- */

static void on_append(void *owner)
{
	struct sensor *sensor = owner;

	uplink_kick(sensor->uplink);
}

static uint64_t source_first_unacked(void *owner)
{
	return spool_first_unacked(((struct sensor *)owner)->spool);
}

static uint64_t source_next_seq(void *owner)
{
	return spool_next_seq(((struct sensor *)owner)->spool);
}

static int source_read(void *owner, uint64_t seq, struct bytes *ret, uint64_t *ret_seq)
{
	int r = spool_read(((struct sensor *)owner)->spool, seq, ret, ret_seq);

	return r == SPOOL_E_END ? UPLINK_E_END : r;
}

static void source_ack(void *owner, uint64_t seq)
{
	spool_ack(((struct sensor *)owner)->spool, seq);
}

/* A collector that misses facts cannot know what lives. What the last snapshot said is on its way when it stands in a batch that this
 * collector is still to get. */
static void source_resync(void *owner, uint64_t resume_seq)
{
	struct sensor *sensor = owner;

	if (sensor->stopping || resume_seq <= sensor->snapshot_seq)
		return;
	sensor->snapshot_seq = spool_next_seq(sensor->spool);
	log_info("event=resync resume_seq=%llu", (unsigned long long)resume_seq);
	(void)probe_snapshot(sensor->probe); /* a loss is told as a gap, and the probe tries again */
}

/* What the spool still held of the old stream is counted and told as dropped: most of it has arrived before the folder was set back. */
static uint64_t source_renew(void *owner)
{
	struct sensor *sensor = owner;
	int r = sensor->stopping ? -ESHUTDOWN : spool_renew(sensor->spool);

	if (r < 0) {
		log_warning("object=spool error=\"%s\" remedy=\"tried again with the next connection\"", strerror(-r));
		return 0;
	}
	sensor->hello.stream = spool_stream(sensor->spool);
	log_warning("event=stream-renewed stream=%016llx", (unsigned long long)sensor->hello.stream);
	sensor->snapshot_seq = spool_next_seq(sensor->spool);
	(void)probe_snapshot(sensor->probe); /* a loss is told as a gap, and the probe tries again */
	return sensor->hello.stream;
}

/* What takes a dozen system calls to learn, and is the same as before at rest. */
static void read_figures(struct sensor *sensor)
{
	struct probe_stats stats;

	probe_stats(sensor->probe, &stats);
	sensor->figures = (struct heartbeat){
		.facts_fork = stats.received[FACT_FORK],
		.facts_exec = stats.received[FACT_EXEC],
		.facts_exit = stats.received[FACT_EXIT],
		.lost_fork = stats.lost[FACT_FORK],
		.lost_exec = stats.lost[FACT_EXEC],
		.lost_exit = stats.lost[FACT_EXIT],
		.rss_bytes = health_rss_bytes(),
		.redacted = refiner_redacted(sensor->refiner),
		.filtered_fork = refiner_filtered(sensor->refiner, FACT_FORK),
		.filtered_exec = refiner_filtered(sensor->refiner, FACT_EXEC),
		.filtered_exit = refiner_filtered(sensor->refiner, FACT_EXIT),
		.filtered_snapshot = refiner_filtered(sensor->refiner, FACT_SNAPSHOT),
	};
}

/* The note that this boot is watched goes along: one wake-up for both. Not from within, since it may tell facts. */
static void source_heartbeat(void *owner, struct heartbeat *ret)
{
	struct sensor *sensor = owner;

	if (!sensor->resting)
		read_figures(sensor);
	*ret = sensor->figures;
	ret->boottime_ns = clock_boottime(&sensor->clock);
	ret->boottime_to_wall_ns = clock_boottime_to_wall(&sensor->clock);
	ret->queue_bytes = spool_bytes(sensor->spool);
	ret->queue_batches = spool_batches(sensor->spool);
	ret->spool_dropped_batches = spool_dropped_batches(sensor->spool);
	ret->cpu_ns = health_cpu_ns();
	ret->last_fact_ns = sensor->last_fact_ns;
	watch_in(sensor, 0);
}

/* ---- while it runs ------------------------------------------------------------------------------------------- */

static void tell_unbatched(struct sensor *sensor)
{
	struct gap gap = {.reason = GAP_MAP_FAILED, .from_ns = sensor->unbatched_since_ns, .to_ns = clock_boottime(&sensor->clock)};
	bool all = true;

	if (sensor->unbatched_since_ns == 0)
		return;
	for (gap.type = EVENT_FORK; gap.type < EVENT_TYPES; gap.type++) {
		gap.count = sensor->unbatched_facts[gap.type];
		if (gap.count && batcher_add_gap(sensor->batcher, &gap) == 0)
			sensor->unbatched_facts[gap.type] = 0;
		all = all && sensor->unbatched_facts[gap.type] == 0;
	}
	if (all)
		sensor->unbatched_since_ns = 0;
}

/* What a filter keeps here is no loss, but never silent. */
static void tell_filtered(struct sensor *sensor, bool all)
{
	struct gap gap;

	while (refiner_take_gap(sensor->refiner, clock_boottime(&sensor->clock), all, &gap))
		(void)batcher_add_gap(sensor->batcher, &gap);
}

/* A name that the directory gave too late for the first facts of its processes reaches those that live by another list of them. */
static void tell_names(struct sensor *sensor)
{
	uint64_t now = clock_boottime(&sensor->clock);

	sensor->names_late |= refiner_take_late(sensor->refiner);
	if (!sensor->names_late || now - sensor->named_ns < NAMES_AGAIN_NS)
		return;
	sensor->names_late = false;
	sensor->named_ns = now;
	log_info("event=resync why=\"late names of users\"");
	(void)probe_snapshot(sensor->probe); /* a loss is told as a gap, and the probe tries again */
}

static void on_watch(uv_timer_t *timer)
{
	struct sensor *sensor = timer->data;

	sensor->resting = sensor->last_fact_ns == sensor->noted_fact_ns;
	sensor->noted_fact_ns = sensor->last_fact_ns;
	watch_in(sensor, sensor->resting ? WATCH_REST_MS : WATCH_INTERVAL_MS);
	tell_names(sensor);
	tell_unbatched(sensor);
	tell_filtered(sensor, false);
	secure_refresh(sensor->tls, false);
	(void)downtime_write(&sensor->downtime, clock_boottime(&sensor->clock));
}

/* What happened while no sensor looked is a gap like any other. */
static void tell_downtime(struct sensor *sensor, uint64_t attached_ns)
{
	struct gap gap = {.reason = GAP_SENSOR_DOWN, .from_ns = sensor->watched_until_ns, .to_ns = attached_ns};

	if (sensor->watched_until_ns && sensor->watched_until_ns < attached_ns)
		on_gap(sensor, &gap);
}

/* ---- the end: rooms stop in the order of the data's way ------------------------------------------------------ */

static void on_spool_closed(void *owner)
{
	struct sensor *sensor = owner;

	sensor->spool = NULL;
	for (unsigned i = 0; i < 3; i++)
		uv_close((uv_handle_t *)&sensor->signals[i], NULL);
}

static void close_spool(void *owner)
{
	struct sensor *sensor = owner;

	sensor->uplink = NULL;
	if (sensor->spool)
		spool_close(sensor->spool, on_spool_closed, sensor);
	else
		on_spool_closed(sensor);
}

static void stop_uplink(void *owner)
{
	struct sensor *sensor = owner;

	sensor->batcher = NULL;
	if (sensor->uplink)
		uplink_stop(sensor->uplink, DRAIN_MS, close_spool, sensor);
	else
		close_spool(sensor);
}

static void close_batcher(void *owner)
{
	struct sensor *sensor = owner;

	if (sensor->probe) {
		(void)probe_drain(sensor->probe);
		(void)downtime_write(&sensor->downtime, clock_boottime(&sensor->clock));
	}
	if (!sensor->batcher) {
		stop_uplink(sensor);
		return;
	}
	tell_unbatched(sensor);
	tell_filtered(sensor, true);
	(void)batcher_flush(sensor->batcher);
	batcher_close(sensor->batcher, stop_uplink, sensor);
}

static void stop(struct sensor *sensor)
{
	if (sensor->stopping)
		return;
	sensor->stopping = true;
	uv_close((uv_handle_t *)&sensor->watch, NULL);
	if (sensor->probe)
		probe_stop(sensor->probe, close_batcher, sensor);
	else
		close_batcher(sensor);
}

/* SIGHUP reads certificates again. Of the others the first drains, a second one ends at once: what is in the spool is safe either way. */
static void on_signal(uv_signal_t *handle, int number)
{
	struct sensor *sensor = handle->data;

	if (number == SIGHUP) {
		secure_refresh(sensor->tls, true);
		return;
	}
	if (sensor->stopping)
		_exit(EXIT_FAILURE);
	log_info("event=stopping signal=%s", number == SIGTERM ? "SIGTERM" : "SIGINT");
	stop(sensor);
}

/* ---- the beginning: rooms are built from the end of the way -------------------------------------------------- */

static int read_identity(struct sensor *sensor)
{
	int r = host_identity_read(&sensor->identity);

	if (r < 0)
		log_error("object=/proc/sys/kernel/random/boot_id error=\"%s\" remedy=\"mount /proc\"", strerror(-r));
	return r;
}

/* Whoever else could write there decides what this host is said to have done. */
static int judge_spool(const char *dir)
{
	static const char *const errors[] = {[FOLDER_E_LINK] = "it is a link that another user has made",
					     [FOLDER_E_FOREIGN] = "it belongs to another user",
					     [FOLDER_E_OPEN] = "others can write it"};
	static const char *const remedies[] = {[FOLDER_E_LINK] = "name the folder itself",
					       [FOLDER_E_FOREIGN] = "chown it to the user that runs the sensor, or choose another folder",
					       [FOLDER_E_OPEN] = "chmod go-w it, or choose another folder"};
	struct stat status;
	int fault = folder_judge_path(dir);

	if (fault == 0)
		fault = stat(SPOOL_HERE, &status) < 0 ? FOLDER_E_FOREIGN : folder_judge(&status);
	if (fault == 0)
		return 0;
	log_error("object=--spool value=\"%s\" error=\"%s\" remedy=\"%s\"", LOG_TEXT(dir), errors[fault], remedies[fault]);
	return -EPERM;
}

/* The spool is the sensor's working folder: once confined it may not be able to walk the way there again. */
static int enter_spool(const char *dir)
{
	if ((mkdir(dir, 0700) < 0 && errno != EEXIST) || chdir(dir) < 0) {
		int r = -errno;

		log_error("object=--spool value=\"%s\" error=\"%s\" remedy=\"give a folder whose parent exists and that root may write\"",
			  LOG_TEXT(dir), 			  strerror(-r));
		return r;
	}
	return judge_spool(dir);
}

static int open_spool(struct sensor *sensor)
{
	const char *dir = sensor->options->spool_dir;
	struct spool_options options = {.dir = SPOOL_HERE, .max_bytes = sensor->options->spool_bytes};
	struct seglog_recovery found;
	char *why = NULL;
	int r = enter_spool(dir);

	if (r < 0)
		return r;
	r = spool_open(&sensor->spool, &sensor->loop, &options, &found, &why);
	if (r < 0) {
		log_error("object=--spool value=\"%s\" error=\"%s\"", LOG_TEXT(dir), LOG_TEXT(why ? why : strerror(-r)));
	} else {
		log_info("event=spool-open dir=\"%s\" batches=%llu torn_bytes=%llu holes=%llu", LOG_TEXT(dir),
			 (unsigned long long)spool_batches(sensor->spool), (unsigned long long)found.torn_bytes,
			 (unsigned long long)found.holes);
		r = downtime_open(&sensor->downtime, SPOOL_HERE, &sensor->identity.boot, &sensor->watched_until_ns);
		if (r < 0)
			log_warning("object=\"%s/" DOWNTIME_FILE "\" error=\"%s\" remedy=\"remove it; until then no gap tells that no sensor "
				    "ran\"", LOG_TEXT(dir), strerror(-r));
		r = 0;
	}
	free(why);
	return r;
}

static int create_uplink(struct sensor *sensor)
{
	const struct host_identity *identity = &sensor->identity;
	struct uplink_options options = {.collector_count = sensor->options->collector_count,
					 .compress = sensor->options->compress,
					 .tls = sensor->tls};
	struct uplink_source source = {sensor,     source_first_unacked, source_next_seq, source_read,
				       source_ack, source_resync,        source_renew,    source_heartbeat};

	memcpy(options.collectors, sensor->options->collectors, sizeof(options.collectors));
	sensor->hello = (struct hello){
		.protocol_version = PROTOCOL_VERSION,
		.boot = identity->boot,
		.machine_id_known = identity->machine_id_known,
		.hostname = bytes_from_string(identity->uname.nodename),
		.kernel = bytes_from_string(identity->uname.release),
		.arch = bytes_from_string(identity->uname.machine),
		.sensor_version = BYTES_LITERAL(CANOPY_VERSION),
		.tags = sensor->options->tags,
		.tag_count = sensor->options->tag_count,
		.stream = spool_stream(sensor->spool),
	};
	memcpy(sensor->hello.machine_id, identity->machine_id, sizeof(sensor->hello.machine_id));
	return uplink_create(&sensor->uplink, &sensor->loop, &options, &sensor->hello, &source);
}

static int create_batcher(struct sensor *sensor)
{
	struct batcher_options options = {0};
	struct batcher_sink sink = {.owner = sensor, .next_id = on_next_id, .closed = on_batch};
	int r = refiner_create(&sensor->refiner, &sensor->options->refine);

	if (r < 0)
		return r;
	options.refiner = sensor->refiner;
	options.clock = &sensor->clock;
	return batcher_create(&sensor->batcher, &sensor->loop, &options, &sink);
}

static int open_probe(struct sensor *sensor)
{
	struct probe_options options = PROBE_OPTIONS_DEFAULT;
	struct probe_sink sink = {.owner = sensor, .event = on_event, .gap = on_gap, .snapshot = on_snapshot, .drained = on_drained};
	struct probe_stats stats;
	char *why = NULL;
	int r;

	options.ring_bytes = (size_t)sensor->options->ring_bytes;
	options.argv_max = (uint32_t)sensor->options->argv_max;
	options.environ_ = sensor->options->refine.environ_count != 0;
	options.force_raw_tracepoint = sensor->options->raw_tracepoint;
	options.force_proc_snapshot = sensor->options->proc_snapshot;
	options.force_found_ends = sensor->options->find_ends;
	r = probe_open(&sensor->probe, &options, &sink, &why);
	if (r < 0) {
		log_error("%s", why ? why : strerror(-r));
		free(why);
		return r;
	}
	probe_stats(sensor->probe, &stats);
	log_info("event=attached hooks=%s snapshot=%s ring_bytes=%zu", stats.mode == PROBE_TYPED ? "typed" : "plain",
		 stats.iterator ? "iterator" : "procfs", stats.ring_bytes);
	if (!surroundings_proc())
		log_warning(SURROUNDINGS_NO_PROC);
	return 0;
}

/* A sensor that cannot give up its privileges still tells the truth, so this is a warning. */
static void give_up_privileges(const struct sensor *sensor)
{
	const char *what = NULL;
	int r = sensor->options->confine ? confine(sensor->options->refine.environ_count != 0, &what) : 0;

	if (r < 0)
		log_warning("event=unconfined object=\"%s\" error=\"%s\"", what, strerror(-r));
	else
		log_info("event=%s", sensor->options->confine ? "confined" : "unconfined why=--no-confine");
}

static int start(struct sensor *sensor)
{
	int r = secure_open(&sensor->tls, sensor->options);

	if (r == 0)
		r = open_spool(sensor);
	if (r == 0)
		r = create_uplink(sensor);
	if (r == 0)
		r = create_batcher(sensor);
	(void)footprint_shed(); /* loading takes the kernel's BTF into memory, twice for a moment: the peak of a sensor's life */
	if (r == 0)
		r = open_probe(sensor);
	if (r < 0)
		return r;
	tell_downtime(sensor, clock_boottime(&sensor->clock));
	spool_on_append(sensor->spool, on_append, sensor);
	r = probe_run(sensor->probe, &sensor->loop);
	if (r < 0)
		return r;
	give_up_privileges(sensor);
	sensor->snapshot_seq = spool_next_seq(sensor->spool);
	(void)probe_snapshot(sensor->probe); /* a loss is told as a gap, and the probe tries again */
	(void)footprint_shed(); /* what verifying and listing took is not needed again */
	uv_update_time(&sensor->loop);       /* verifying and listing took a while: the uplink's limits begin now */
	uplink_start(sensor->uplink);
	return 0;
}

static void start_handles(struct sensor *sensor)
{
	static const int numbers[3] = {SIGTERM, SIGINT, SIGHUP};

	for (unsigned i = 0; i < 3; i++) {
		(void)uv_signal_init(&sensor->loop, &sensor->signals[i]);
		sensor->signals[i].data = sensor;
		(void)uv_signal_start(&sensor->signals[i], on_signal, numbers[i]);
	}
	(void)uv_timer_init(&sensor->loop, &sensor->watch);
	sensor->watch.data = sensor;
	watch_in(sensor, WATCH_INTERVAL_MS);
}

int sensor_run(const struct sensor_options *options)
{
	struct sensor sensor = {.options = options, .downtime = DOWNTIME_NULL};
	int r = read_identity(&sensor);

	if (r < 0)
		return r;
	clock_init(&sensor.clock);
	(void)signal(SIGPIPE, SIG_IGN);
	r = uv_loop_init(&sensor.loop);
	if (r < 0) {
		log_error("object=loop error=\"%s\"", uv_strerror(r));
		return r;
	}
	start_handles(&sensor);
	r = start(&sensor);
	if (r < 0)
		stop(&sensor);
	(void)uv_run(&sensor.loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&sensor.loop);
	probe_close(sensor.probe);
	refiner_destroy(sensor.refiner);
	downtime_close(&sensor.downtime);
	tls_context_unref(sensor.tls);
	if (r == 0)
		log_info("event=stopped");
	return r;
}
