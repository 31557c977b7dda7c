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
