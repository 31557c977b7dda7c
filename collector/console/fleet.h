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
#include "collector/shard/gate.h"
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
	uint64_t contradictions;      /* facts or batches of another machine with the same boot id, kept out */
	uint64_t refused;             /* peers and batches that claimed this boot and are another machine's */
};

struct fleet_ingest_stats {
	uint64_t sessions;            /* open connections of sensors */
	uint64_t sessions_total, rejects_total;
	uint64_t batches_new, batches_duplicate;
	uint64_t batches_relayed; /* of a boot that another shard than that of the session owns */
	uint64_t facts_new[5], facts_known[5];
	uint64_t bytes_received;
	uint64_t frames_bad;
	uint64_t foreign_total;       /* Hellos that the certificate did not fit, or of a boot that is another machine's */
	uint64_t securing;            /* TLS handshakes under way */
	uint64_t sequence_gaps;
	uint64_t hosts_forgotten;     /* host boots that were over and made room, or that retention left nothing of */
	uint64_t checkpoints, checkpoint_failures; /* written to the end since the start; given up, and tried again later */
	uint64_t shards_paced, pace;  /* shards that slow their sensors down; batches a second that those take together */
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

/* The host boots of one shard. */
struct fleet_shard {
	struct forest *forest;
	struct journal *journal;
	struct gate *gate; /* NULL: they live on the reader's own thread */
};
#define FLEET_SHARDS_MAX 64u

struct fleet {
	uv_loop_t *loop;
	struct fleet_shard shards[FLEET_SHARDS_MAX];
	size_t shard_count;
	int64_t started_wall_ns;
	void *owner;                  /* handed to the functions below */
	/* Which shard a boot belongs to; NULL: there is but one. From anywhere. */
	size_t (*shard_of)(void *owner, const struct boot_id *boot);
	/* Inside (see below). */
	void (*link)(void *owner, const struct boot_id *boot, struct fleet_link *ret);
	/* Outside. */
	void (*ingest)(void *owner, struct fleet_ingest_stats *ret);
	size_t (*sinks)(void *owner, struct fleet_sink *ret, size_t max);
	bool (*ready)(void *owner, const char **ret_why); /* false: ret_why tells what is missing */
	/* Reads certificates, revocations and tokens again; a failure leaves a malloc'ed sentence. NULL = there are none. */
	int (*reload)(void *owner, char **ret_why);
	void (*tls)(void *owner, struct fleet_tls *ret); /* NULL = no TLS */
};

/* ---- reading while the shards work ---------------------------------------------------------------------------- */

/* Forests and journals may be read only inside, and what is borrowed from them ends with it. Between enter and leave no
 * shard works: whoever is inside leaves after API_SLICE_NS (2 ms), so a shard stands still for at most that and the
 * time that the slowest one takes to make way, which is GATE_TURN_NS (2 ms) and one batch; after that it works for 2 ms
 * at least. enter_shard stops this one alone; never both kinds at a time. */
void fleet_enter(const struct fleet *fleet);
void fleet_leave(const struct fleet *fleet);
void fleet_enter_shard(const struct fleet *fleet, size_t shard);
void fleet_leave_shard(const struct fleet *fleet, size_t shard);

/* Inside. NULL: not known. */
struct forest_host *fleet_host_find(const struct fleet *fleet, const struct boot_id *boot);
size_t fleet_shard_of(const struct fleet *fleet, const struct boot_id *boot);

/* A place among the host boots that stays when their forests change. */
struct fleet_place {
	struct boot_id boot;
	uint32_t name_len;
	char name[HELLO_HOSTNAME_MAX];
};
void fleet_place_of(const struct forest_host *host, struct fleet_place *ret);

/* All host boots by name, then boot id, as one forest would list them. Inside; a walk ends with it and can be begun
 * again behind a place (NULL: from the first). */
struct fleet_walk {
	const struct fleet *fleet;
	struct forest_host *next[FLEET_SHARDS_MAX]; /* of each shard */
	struct fleet_walk_key {
		struct bytes name;
		const struct boot_id *boot;
	} keys[FLEET_SHARDS_MAX];
};
void fleet_walk_begin(struct fleet_walk *walk, const struct fleet *fleet, const struct fleet_place *behind);
/* NULL at the end. */
struct forest_host *fleet_walk_next(struct fleet_walk *walk);

/* Outside: calls fn inside for each host boot in that order, and goes outside in between so that no shard waits for the
 * whole of it. */
void fleet_each_host(const struct fleet *fleet, void (*fn)(void *owner, struct forest_host *host), void *owner);

#endif
