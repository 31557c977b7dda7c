/* SPDX-License-Identifier: Apache-2.0 */
/* Where connections and batches belong when several loops share the work. A listener that is alone has no route: all is
 * its own. */
#ifndef CANOPY_COLLECTOR_LISTEN_ROUTE_H
#define CANOPY_COLLECTOR_LISTEN_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "canopy/identity.h"
#include "collector/ingest/ingest.h"
#include "collector/shard/mailbox.h"
#include "proto/stream/stream.h"
#include "proto/wire/frame.h"

struct session;

/* A connection whose Hello named a boot of another loop, on its way there. */
struct passage {
	struct post post;
	struct stream_passage stream;
	uint8_t *data; /* owned: what was read, from the Hello on */
	size_t len;
	uint8_t key[16]; /* of the peer's address, under which the census counts it */
	char name[ADDRESS_TEXT_MAX];
};

/* What the relays of one loop may hold together, whether or not their sessions are still there: two of the largest batches,
 * or thousands of usual ones, which a fleet brings that was started anew while a disk was full. */
#define RELAY_BYTES_MAX ((size_t)32 << 20)

/* One batch of a boot that another loop owns, which a sensor brings in a session of this one: a spool that outlived a
 * reboot first sends what it holds of the boot before. It goes when all batches of the session before it are durable, and the
 * session waits until it is back: so an ack never speaks for a batch that is not durable. */
struct relay {
	struct post post;
	struct session *session; /* of the loop that it came from, which alone reads this; NULL when it is closed */
	size_t from;             /* shard that it goes back to */
	struct boot_id boot;
	uint64_t stream, seq;
	struct speaker speaker; /* owned: the sensor that brings it */
	int64_t now_ns;
	uint8_t *data; /* owned */
	size_t len;
	int result; /* 0: durable; INGEST_E_REFUSED: refusal says why */
	struct ingest_refusal refusal;
};

/* Takes stream off its loop with what reader holds from that place on. Errors: -ENOMEM, as stream_release. */
int passage_create(struct passage **ret, struct stream *stream, const struct frame_reader *reader, size_t from);
/* Puts back what was read. Errors: -ENOMEM. */
int passage_unpack(const struct passage *passage, struct frame_reader *reader);
/* Frees it; the connection is cut unless it was adopted. */
void passage_drop(struct passage *passage);

/* Copies batch and speaker. NULL without memory. */
struct relay *relay_create(const struct batch_id *id, struct bytes batch, struct session *session,
			   const struct speaker *speaker, int64_t now_ns);
void relay_destroy(struct relay *relay);

static inline size_t relay_cost(size_t len)
{
	return sizeof(struct relay) + len;
}

struct route {
	/* Whether sessions and batches of this boot belong here. */
	bool (*is_ours)(void *owner, const struct boot_id *boot);
	/* Takes it to where boot belongs; it is consumed. */
	void (*move)(void *owner, const struct boot_id *boot, struct passage *passage);
	/* Whether there is room for a relay of this cost, which then is counted until it is back or dismissed. */
	bool (*admit)(void *owner, size_t cost);
	void (*dismiss)(void *owner, size_t cost);
	/* Takes it there and back, to session_relayed; it is consumed meanwhile. */
	void (*relay)(void *owner, struct relay *relay);
	/* A session has begun. */
	void (*joined)(void *owner, const struct hello *hello);
	/* Between two pieces of work: others may look at the shard now. */
	void (*breathe)(void *owner);
	void *owner;
};

#endif
