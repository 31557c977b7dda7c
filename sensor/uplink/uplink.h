/* SPDX-License-Identifier: Apache-2.0 */
/* Brings batches from the spool to the collector and its acks back, for ever: connects, says hello, streams with a
 * window in flight, backs off and tries again. A batch leaves the spool only after the collector has it on disk. With
 * several collectors it goes on to the next one when one fails, and back to a better one once that listens again.
 *
 * One thread, the loop's. */
#ifndef CANOPY_SENSOR_UPLINK_UPLINK_H
#define CANOPY_SENSOR_UPLINK_UPLINK_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "canopy/bytes.h"
#include "proto/wire/message.h"
#include "sensor/uplink/channel.h"
#include "sensor/uplink/peers.h"

#define UPLINK_CONNECT_MS 10000u /* for resolution and connection */
#define UPLINK_WELCOME_MS 10000u /* from Hello to Welcome; a collector that recovers does not listen yet */
#define UPLINK_STALL_MS 60000u   /* batches are in flight and no ack comes: far beyond a slow disk */
#define UPLINK_HEARTBEAT_MS 2000u
/* The same at rest, when nothing was sent since the one before: seldom enough to cost nothing, and twice in what the
 * console calls silent. */
#define UPLINK_REST_MS(heartbeat_ms) ((heartbeat_ms) / 2 * 5)
#define UPLINK_STABLE_MS 10000u            /* a connection this old was of use: the backoff begins anew after it */
#define UPLINK_GOODBYE_MS 1000u            /* from Goodbye to the collector's end */
#define UPLINK_RETURN_MS 300000u           /* about how often a better collector is asked whether it is back */
#define UPLINK_MOVE_MS 10000u              /* for the batches in flight to be acknowledged before a move */
#define UPLINK_QUEUE_MAX ((size_t)4 << 20) /* bytes not yet taken by the kernel: bounds memory over a slow link */
#define UPLINK_ERROR_MAX CHANNEL_WHY_MAX

struct uplink;

enum { UPLINK_E_END = 1 };

/* Where batches come from: the spool, bound by sensor.c. */
struct uplink_source {
	void *owner;
	uint64_t (*first_unacked)(void *owner); /* the oldest batch held, or next_seq when there is none */
	uint64_t (*next_seq)(void *owner);      /* the number that the next batch will get */
	/* The next batch at or behind seq. *ret is borrowed until the next call. 0, UPLINK_E_END or -errno. */
	int (*read)(void *owner, uint64_t seq, struct bytes *ret, uint64_t *ret_seq);
	void (*ack)(void *owner, uint64_t seq); /* everything up to seq is durable at the collector */
	/* A collector misses facts of this host: all that lives is to be told again, unless that stands in batches from
	 * resume_seq on anyway. May be NULL. */
	void (*resync)(void *owner, uint64_t resume_seq);
	/* The collector has more of this stream than was ever made here: begins a new stream, numbered from 1 on, and
	 * returns it; 0 when that cannot be now. May be NULL. */
	uint64_t (*renew)(void *owner);
	/* Fills all but reconnects. */
	void (*heartbeat)(void *owner, struct heartbeat *ret);
};

struct uplink_options {
	struct address collectors[PEERS_MAX]; /* best first */
	size_t collector_count;               /* at least 1 */
	struct tls_context *tls;              /* NULL = in the clear; borrowed */
	bool compress;                        /* zstd on the wire where the collector takes it, or else zlib */
	/* For tests; 0 = the bounds above. */
	uint32_t welcome_ms, stall_ms, heartbeat_ms, return_ms;
};

struct uplink_stats {
	const char *state;                 /* one word, such as 'streaming' */
	bool connected;                    /* the collector has said Welcome */
	const char *collector;             /* host of the one that is in use or tried; borrowed */
	uint64_t reconnects;               /* connections after the first */
	uint64_t batches_sent, bytes_sent; /* bytes of batches as they went over the wire, headers included */
	const char *error;                 /* last sentence of what went wrong, "" = nothing; borrowed */
};

/* hello: strings and tags are borrowed for the life of the uplink; first_unacked_seq and clocks are filled in anew for
 * each connection. Errors: -ENOMEM. */
int uplink_create(struct uplink **ret, uv_loop_t *loop, const struct uplink_options *options, const struct hello *hello,
		  const struct uplink_source *source);
void uplink_start(struct uplink *uplink);
/* The source has a new batch. */
void uplink_kick(struct uplink *uplink);
/* Sends what is left for at most drain_ms, says Goodbye and frees the uplink; stopped is called on the loop, last of
 * all. While the collector is out of reach nothing is waited for: the spool keeps what it has. Takes NULL, then stopped
 * is not called. */
void uplink_stop(struct uplink *uplink, uint32_t drain_ms, void (*stopped)(void *owner), void *owner);
void uplink_stats(const struct uplink *uplink, struct uplink_stats *ret);

#endif
