/* SPDX-License-Identifier: Apache-2.0 */
/* One connection to a collector at a time: messages in and out. It knows nothing of what they mean, and decides nothing:
 * what is wrong is a sentence for the user of it.
 *
 * One thread, the loop's. */
#ifndef CANOPY_SENSOR_UPLINK_CHANNEL_H
#define CANOPY_SENSOR_UPLINK_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "canopy/arena.h"
#include "proto/stream/stream.h"
#include "proto/wire/frame.h"
#include "proto/wire/message.h"
#include "sensor/uplink/peers.h"

#define CHANNEL_WHY_MAX 896u          /* fits what TLS has to say, with the address before it */
#define CHANNEL_FRAME_IN_MAX 65536u   /* of the collector's messages, which are small */

struct channel_events {
	void (*connected)(void *owner);
	void (*message)(void *owner, const struct message *message); /* borrowed for the call */
	void (*drained)(void *owner);                                /* all that was sent is with the kernel */
	/* Of no use any more; the owner closes it. Any of these callbacks may close it, and connect it anew. */
	void (*broken)(void *owner, const char *why);
};

struct channel {
	uv_loop_t *loop;
	const struct channel_events *events;
	void *owner;
	void (*closed)(void *owner);
	const char *host; /* borrowed from the peers */
	uint16_t port;
	struct stream *stream; /* owned, NULL while there is no connection */
	struct frame_reader reader;
	struct arena arena;            /* of the message that is being served */
	struct compressor *compressor; /* owned; NULL = batches go as they are */
	uint32_t frame_max;            /* bytes that the collector takes */
	bool reached;                  /* the connection came about */
};

/* closed: called once for each connection that channel_close has ended. */
void channel_init(struct channel *channel, uv_loop_t *loop, const struct channel_events *events, void (*closed)(void *owner),
	       void *owner);
void channel_finish(struct channel *channel); /* closed before, and closed has been called */

/* Connects to one of the peer's addresses. tls: NULL = in the clear; borrowed. Errors: -errno; it is to be closed
 * nevertheless. */
int channel_connect(struct channel *channel, const struct peer *peer, struct tls_context *tls);
/* Returns whether there was a connection: then closed follows. */
bool channel_close(struct channel *channel);

/* The first message may be served from within. Errors: -errno. */
int channel_listen(struct channel *channel);
enum { CHANNEL_E_TOO_LONG = 1 }; /* a batch is over frame_max; *ret_len is set */

/* Sends, compressed where that was agreed upon. *ret_len: bytes of the frame. Returns 0, CHANNEL_E_TOO_LONG or the -errno
 * of what failed. */
int channel_send(struct channel *channel, const struct message *message, size_t *ret_len);
/* Says that nothing more will be sent. */
void channel_end(struct channel *channel);
size_t channel_queued(const struct channel *channel); /* bytes not yet taken by the kernel */

#endif
