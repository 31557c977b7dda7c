/* SPDX-License-Identifier: Apache-2.0 */
/* The way into the data lake: follows the journal with a durable cursor of its own and brings each fact that was new to
 * the forest to a sink, once. Nobody waits for it; when the sink is slow or out of reach it lags, and says so by its
 * figures. */
#ifndef CANOPY_COLLECTOR_LAKE_LAKE_H
#define CANOPY_COLLECTOR_LAKE_LAKE_H

#include <stddef.h>
#include <uv.h>

#include "collector/console/fleet.h"

struct lake;

#define LAKE_INTERVAL_MS (5u * 60u * 1000u) /* how long a row waits for its file to be completed, at most */
#define LAKE_FILE_BYTES (64ull << 20)       /* compressed size at which a file is completed before that */
#define LAKE_INTERVAL_MS_MIN 100u           /* below it a lake would hold more files than rows */
#define LAKE_FILE_BYTES_MIN 4096ull

/* spec: 'ndjson:DIR' or 'ndjson:DIR?interval=30s&bytes=16M' (interval in ms, s, m or h; bytes with k, M or G).
 * state_dir: the shard's state folder, in which a folder 'lake' is made for the cursor. source: the shard whose journal
 * is followed; journal and forest must outlive the lake, and the forest must already hold what the journal holds. Lakes
 * of several shards may have one folder: their files have names of their own. Work begins by itself. A folder that is out of reach is no error
 * here: it is logged and tried again. Errors: -EINVAL (spec), -ENOMEM, or the errno of making state_dir/lake; *ret_why
 * (may be NULL) is then a sentence that the caller frees. */
int lake_create(struct lake **ret, uv_loop_t *loop, const char *spec, const char *state_dir, const struct fleet_shard *source,
		char **ret_why);

/* The journal has grown. On the lake's loop. */
void lake_wake(struct lake *lake);

/* Figures for the metrics: at most max sinks, their number is returned. Names live as long as the lake. */
size_t lake_sinks(const struct lake *lake, struct fleet_sink *ret, size_t max);

/* Completes the files with everything that is durable in the journal now; done is called on the loop when they stand in
 * the lake, or when that failed (fleet_sink.failures_total then grew, and it will be tried again). One flush at a time:
 * -EBUSY. */
int lake_flush(struct lake *lake, void (*done)(void *owner), void *owner);

/* Brings what the journal holds into the lake for at most LAKE_CLOSE_MS, completes the files and frees everything;
 * closed is called on the loop. What was not reached comes after the next start. The journal must stay open until then.
 */
void lake_close(struct lake *lake, void (*closed)(void *owner), void *owner);
#define LAKE_CLOSE_MS 5000u

#endif
