/* SPDX-License-Identifier: Apache-2.0 */
/* A message as a peer may send it. The first byte of the input chooses who speaks. What is accepted must be accepted
 * once more after our own encoder wrote it, and say the same. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/wire/frame.h"
#include "proto/wire/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARENA_MAX (4u * 1024u * 1024u)

static int decode(struct arena *arena, int sensor, const uint8_t *data, size_t len, struct message *ret)
{
	const char *why = NULL;
	int r = sensor ? message_decode_sensor(arena, data, len, ret, &why)
		       : message_decode_collector(arena, data, len, ret, &why);

	if (r < 0 && !arena->limit)
		abort();
	if ((r == -EBADMSG) != (why != NULL && *why != '\0'))
		abort();
	return r;
}

static void same(int equal)
{
	if (!equal)
		abort();
}

static void compare_hello(const struct hello *a, const struct hello *b)
{
	same(a->protocol_version == b->protocol_version && a->stream == b->stream &&
	     a->first_unacked_seq == b->first_unacked_seq && a->boottime_to_wall_ns == b->boottime_to_wall_ns &&
	     a->boottime_ns == b->boottime_ns && a->machine_id_known == b->machine_id_known);
	same(boot_id_equal(&a->boot, &b->boot) && memcmp(a->machine_id, b->machine_id, sizeof(a->machine_id)) == 0);
	same(bytes_equal(a->hostname, b->hostname) && bytes_equal(a->kernel, b->kernel) &&
	     bytes_equal(a->arch, b->arch) && bytes_equal(a->sensor_version, b->sensor_version));
	same(a->tag_count == b->tag_count && a->tag_count <= HELLO_TAGS_MAX);
	for (size_t i = 0; i < a->tag_count; i++)
		same(bytes_equal(a->tags[i].key, b->tags[i].key) && bytes_equal(a->tags[i].value, b->tags[i].value));
}

static void compare(const struct message *a, const struct message *b)
{
	same(a->type == b->type);
	switch (a->type) {
	case MESSAGE_HELLO:
		compare_hello(&a->hello, &b->hello);
		break;
	case MESSAGE_BATCH:
		same(bytes_equal(a->batch, b->batch));
		break;
	case MESSAGE_HEARTBEAT:
		same(memcmp(&a->heartbeat, &b->heartbeat, sizeof(a->heartbeat)) == 0);
		break;
	case MESSAGE_GOODBYE:
		same(bytes_equal(a->goodbye.reason, b->goodbye.reason));
		break;
	case MESSAGE_WELCOME:
		same(a->welcome.resume_seq == b->welcome.resume_seq &&
		     a->welcome.window_batches == b->welcome.window_batches &&
		     a->welcome.protocol_version == b->welcome.protocol_version &&
		     a->welcome.max_frame_bytes == b->welcome.max_frame_bytes &&
		     a->welcome.reconnect_ms == b->welcome.reconnect_ms &&
		     a->welcome.snapshot_wanted == b->welcome.snapshot_wanted &&
		     bytes_equal(a->welcome.collector_version, b->welcome.collector_version));
		break;
	case MESSAGE_ACK:
		same(a->ack.seq == b->ack.seq);
		break;
	case MESSAGE_PACE:
		same(a->pace.batches_per_second == b->pace.batches_per_second &&
		     a->pace.reconnect_ms == b->pace.reconnect_ms &&
		     bytes_equal(a->pace.reason, b->pace.reason));
		break;
	case MESSAGE_REJECT:
		same(a->reject.code == b->reject.code && a->reject.retry_after_ms == b->reject.retry_after_ms &&
		     bytes_equal(a->reject.reason, b->reject.reason));
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = {.limit = ARENA_MAX};
	struct message first, second;
	uint8_t *frame;
	size_t len;
	int sensor;

	if (size == 0 || size > FRAME_BYTES_MAX)
		return 0;
	sensor = data[0] & 1;
	if (decode(&arena, sensor, data + 1, size - 1, &first) == 0) {
		same(message_encode(&first, false, &frame, &len) == 0);
		same(decode(&arena, sensor, frame + FRAME_HEADER_BYTES, len - FRAME_HEADER_BYTES, &second) == 0);
		compare(&first, &second);
		free(frame);
	}
	arena_finish(&arena);
	return 0;
}
