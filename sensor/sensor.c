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
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <uv.h>

#include "canopy/log.h"
#include "proto/stream/address.h"
#include "sensor/batch/batch.h"
#include "sensor/batch/clock.h"
#include "sensor/downtime.h"
#include "sensor/identity.h"
#include "sensor/probe/probe.h"
#include "sensor/sensor.h"
#include "sensor/spool/spool.h"
#include "sensor/uplink/uplink.h"

#define WATCH_INTERVAL_MS 2000 /* how often it is noted that this boot is watched: the error of a gap's beginning */
#define DRAIN_MS 3000          /* at the end, for the collector to acknowledge what is on its way */

struct sensor {
	const struct sensor_options *options;
	struct host_identity identity;
	struct hello hello;
	struct spool *spool;
	struct uplink *uplink;
	struct batcher *batcher;
	struct probe *probe;
	uv_loop_t loop;
	uv_signal_t signals[2];
	uv_timer_t watch;
	unsigned handles; /* of the three above that are open */
	uint64_t last_fact_ns;
	int failed;       /* -errno of what ended the run */
	bool stopping;
};

static uint64_t boottime_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- the end of a run: rooms stop in the order of the data's way --------------------------------------------- */

static void on_spool_closed(void *owner)
{
	struct sensor *sensor = owner;

	sensor->spool = NULL;
	for (unsigned i = 0; i < 2; i++)
		uv_close((uv_handle_t *)&sensor->signals[i], NULL);
}

static void on_uplink_stopped(void *owner)
{
	struct sensor *sensor = owner;

	sensor->uplink = NULL;
	spool_close(sensor->spool, on_spool_closed, sensor);
}

static void on_batcher_closed(void *owner)
{
	struct sensor *sensor = owner;

	sensor->batcher = NULL;
	(void)downtime_write(sensor->options->spool_dir, &sensor->identity.boot, boottime_now());
	uplink_stop(sensor->uplink, DRAIN_MS, on_uplink_stopped, sensor);
}

static void on_probe_stopped(void *owner)
{
	struct sensor *sensor = owner;

	(void)probe_drain(sensor->probe);
	(void)batcher_flush(sensor->batcher);
	batcher_close(sensor->batcher, on_batcher_closed, sensor);
}

static void stop(struct sensor *sensor, int failed)
{
	if (sensor->stopping)
		return;
	sensor->stopping = true;
	sensor->failed = failed;
	uv_close((uv_handle_t *)&sensor->watch, NULL);
	probe_stop(sensor->probe, on_probe_stopped, sensor);
}

/* The first signal drains, a second one ends at once: what is in the spool is safe either way. */
static void on_signal(uv_signal_t *handle, int number)
{
	struct sensor *sensor = handle->data;

	if (sensor->stopping)
		_exit(EXIT_FAILURE);
	log_info("event=stopping signal=%s", number == SIGTERM ? "SIGTERM" : "SIGINT");
	stop(sensor, 0);
}

/* ---- probe -> batch ------------------------------------------------------------------------------------------ */

static void on_event(void *owner, const struct event *event)
{
	struct sensor *sensor = owner;
	int r = batcher_add_event(sensor->batcher, event);

	sensor->last_fact_ns = event->time_ns;
	if (r < 0)
		sensor->refused_facts++;
}

static void on_gap(void *owner, const struct gap *gap)
{
	struct sensor *sensor = owner;

	log_warning("event=lost type=%u count=%llu reason=%u", gap->type, (unsigned long long)gap->count, gap->reason);
	(void)batcher_add_gap(sensor->batcher, gap);
}

static void on_snapshot(void *owner, const struct snapshot_mark *mark)
{
	struct sensor *sensor = owner;

	(void)batcher_add_snapshot(sensor->batcher, mark);
}

/* ---- batch -> spool ------------------------------------------------------------------------------------------ */

static int on_next_id(void *owner, struct batch_id *ret)
{
	struct sensor *sensor = owner;

	*ret = (struct batch_id){
		.boot = sensor->identity.boot,
		.stream = spool_stream(sensor->spool),
		.seq = spool_next_seq(sensor->spool),
	};
	return 0;
}

static int on_batch(void *owner, const struct batch_id *id, const uint8_t *data, size_t len)
{
	struct sensor *sensor = owner;
	struct gap dropped;
	bool was_dropped = false;
	int r = spool_append(sensor->spool, data, len, &dropped, &was_dropped);

	(void)id;
	if (was_dropped) {
		log_warning("event=spool-dropped count=%llu reason=%u", (unsigned long long)dropped.count, dropped.reason);
		(void)batcher_add_gap(sensor->batcher, &dropped);
	}
	if (r < 0)
		log_error("object=spool error=\"%s\" lost=batch", strerror(-r));
	return r;
}
