/* SPDX-License-Identifier: Apache-2.0 */
/* What the console may ask the rest of the collector, in one struct that collector.c fills: the console reads, it
 * changes nothing. */
#ifndef CANOPY_COLLECTOR_CONSOLE_FLEET_H
#define CANOPY_COLLECTOR_CONSOLE_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "canopy/identity.h"
#include "collector/forest/forest.h"
#include "collector/journal/journal.h"
#include "proto/stream/tls-context.h"
#include "proto/wire/message.h"

/* Live side of one host boot: what its sensors' sessions say. */
struct fleet_link {
	bool connected;               /* at least one session is streaming */
	uint32_t sessions;            /* streaming now */
	bool catching_up;             /* the sensor has more batches queued than its window */
	bool goodbye; /* the newest session of its sensor ended with a Goodbye, and none has come since */
	bool heard;                   /* heartbeat holds knowledge */
	struct heartbeat heartbeat;   /* newest */
	int64_t heard_wall_ns; /* the collector's clock when anything last came; INT64_MIN = not in this life of the
				  collector */
	int64_t skew_ns;              /* host's wall clock minus ours, when last heard */
	int64_t lag_ns;               /* our wall clock minus the newest heartbeat's or fact's time; -1 = unknown */
	uint64_t sequence_gaps;
};

struct fleet_ingest_stats {
	uint64_t sessions;            /* open connections of sensors */
	uint64_t sessions_total, rejects_total;
	uint64_t batches_new, batches_duplicate;
	uint64_t facts_new[5], facts_known[5];
	uint64_t bytes_received;
	uint64_t frames_bad;
	uint64_t foreign_total;       /* Hellos that the certificate did not fit, or of a boot that is another machine's */
	uint64_t securing;            /* TLS handshakes under way */
	uint64_t sequence_gaps;
	/* ingest latency, received frame to durable: histogram of seconds, upper bounds of fleet_latency_bounds, last
	 * one +Inf */
	uint64_t latency_counts[12];
	double latency_sum;
};
extern const double fleet_latency_bounds[11];

/* A sink of the lake, for the metrics. */
struct fleet_sink {
	const char *name;             /* such as 'ndjson:/var/lake'; unlike any other sink's */
	uint64_t lag_records;         /* journal positions behind */
	uint64_t lag_bytes;
	uint64_t failures_total;
	uint64_t rows_total;
};

/* TLS of both ports. */
struct fleet_tls {
	struct tls_counts sensors, console;
	int64_t expiry;               /* of the collector's certificate, seconds since the epoch; INT64_MAX = no TLS */
};

struct fleet {
	uv_loop_t *loop;
	struct forest *forest;
	struct journal *journal;
	int64_t started_wall_ns;
	void *owner;                  /* handed to the functions below */
	void (*link)(void *owner, const struct boot_id *boot, struct fleet_link *ret);
	void (*ingest)(void *owner, struct fleet_ingest_stats *ret);
	size_t (*sinks)(void *owner, struct fleet_sink *ret, size_t max);
	bool (*ready)(void *owner, const char **ret_why); /* false: ret_why tells what is missing */
	/* Reads certificates, revocations and tokens again; a failure leaves a malloc'ed sentence. NULL = there are none. */
	int (*reload)(void *owner, char **ret_why);
	void (*tls)(void *owner, struct fleet_tls *ret); /* NULL = no TLS */
};

#endif
