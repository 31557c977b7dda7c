/* SPDX-License-Identifier: Apache-2.0 */
/* One host's session, as a sensor has it: away -> connecting -> greeting -> streaming, and back to away when the
 * connection breaks, with a sensor's own backoff. Where nothing is to be held a connection that breaks ends the bench.
 */
#ifndef CANOPY_TESTS_BENCH_FLEET_MEMBER_H
#define CANOPY_TESTS_BENCH_FLEET_MEMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "canopy/arena.h"
#include "frames.h"
#include "line.h"
#include "proto/wire/frame.h"
#include "sensor/uplink/backoff.h"
#include "sensor/uplink/window.h"

enum member_state {
	MEMBER_AWAY,
	MEMBER_CONNECTING,
	MEMBER_GREETING,
	MEMBER_STREAMING,
};

/* What all of them have in common. */
struct crew {
	const struct options *options;
	int poller;
	struct tls_context *tls[FLEET_CERTIFICATES]; /* NULL = plain; hosts share them in turn */
	struct arena arena;                          /* of the message that is being served */
	uint64_t *latencies;                         /* ns, of acknowledged frames; owned */
	size_t latency_count, latency_capacity;
	unsigned long streaming;                      /* so many are */
	bool holding;                                 /* connections may break, as those of sensors may */
	uint64_t attempts, refused, snapshots_wanted; /* since the last look */
};

struct member {
	struct crew *crew; /* borrowed */
	uint32_t host;
	enum member_state state;
	struct line line;
	struct frames frames;
	size_t granted;       /* frames that may go */
	size_t sent, written; /* frames begun; bytes of the last of them that were taken */
	uint64_t acked, window;
	uint64_t sent_ns[WINDOW_MAX];
	struct frame_reader reader;
	struct backoff backoff;
	uint64_t random;
	uint64_t welcome_ns, lost_ns; /* the last ones */
	uint64_t due_ns;              /* of the next heartbeat, or attempt, or when the attempt has failed */
	bool writable;
};

void member_dial(struct member *member);
/* What epoll says of it. */
void member_serve(struct member *member, uint32_t events);
void member_grant(struct member *member, size_t frames);
/* Heartbeats, attempts and time limits, while connections are held. */
void member_tick(struct member *member, uint64_t now);

#endif
