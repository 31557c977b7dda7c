/* SPDX-License-Identifier: Apache-2.0 */
/* Messages as plain structs. The outer oneof is scanned by hand, so that a Batch (most of all bytes) is neither copied
 * nor unpacked here; the small messages go through protobuf-c with the caller's arena as its allocator. Of a oneof that
 * stands several times the last one wins. */
#include "proto/wire/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/canopy.pb-c.h"
#include "proto/model/utf8.h"
#include "proto/wire/frame.h"
#include "proto/wire/scan.h"

/* Every message but Batch; a Hello with all its tags stays below half of it. Bounds what unpacking can cost. */
#define CONTROL_BYTES_MAX 65536u
#define REASON_MAX 1024u /* longer reasons are no sentences */

struct decode {
	struct arena *arena;
	ProtobufCAllocator allocator;
	bool no_memory;
	const char *why;
};

static void *arena_allocate(void *data, size_t size)
{
	struct decode *decode = data;
	void *p = arena_alloc(decode->arena, size);

	decode->no_memory |= !p;
	return p;
}

static void arena_no_free(void *data, void *p)
{
	(void)data;
	(void)p;
}

static int bad(struct decode *decode, const char *why)
{
	decode->why = why;
	return -EBADMSG;
}

static int unpack_failed(struct decode *decode, const char *why)
{
	return decode->no_memory ? -ENOMEM : bad(decode, why);
}

static bool text_valid(struct bytes text, size_t max)
{
	return text.len <= max && (text.len == 0 || utf8_valid(text.data, text.len));
}

/* Takes a string that protobuf-c allocated in the arena. */
static bool take_text(const char *from, size_t max, struct bytes *ret)
{
	*ret = bytes_from_string(from);
	return text_valid(*ret, max);
}

static int take_tags(struct decode *decode, const Canopy__V1__Hello *from, struct hello *ret)
{
	struct tag *tags = arena_zalloc(decode->arena, from->n_tags, sizeof(*tags));

	if (from->n_tags > HELLO_TAGS_MAX)
		return bad(decode, "Hello.tags: more than 64");
	if (!tags)
		return -ENOMEM;
	for (size_t i = 0; i < from->n_tags; i++) {
		if (!take_text(from->tags[i]->key, HELLO_TAG_KEY_MAX, &tags[i].key) || tags[i].key.len == 0)
			return bad(decode, "Hello.tags: a key is empty, longer than 63 bytes or not UTF-8");
		if (!take_text(from->tags[i]->value, HELLO_TAG_VALUE_MAX, &tags[i].value))
			return bad(decode, "Hello.tags: a value is longer than 255 bytes or not UTF-8");
	}
	ret->tags = tags;
	ret->tag_count = from->n_tags;
	return 0;
}

static int take_identity(struct decode *decode, const Canopy__V1__Hello *from, struct hello *ret)
{
	if (from->boot_id.len != BOOT_ID_BYTES)
		return bad(decode, "Hello.boot_id: not 16 bytes");
	memcpy(ret->boot.octets, from->boot_id.data, BOOT_ID_BYTES);
	if (from->machine_id.len != 0 && from->machine_id.len != sizeof(ret->machine_id))
		return bad(decode, "Hello.machine_id: neither empty nor 16 bytes");
	ret->machine_id_known = from->machine_id.len != 0;
	if (ret->machine_id_known)
		memcpy(ret->machine_id, from->machine_id.data, sizeof(ret->machine_id));
	if (!take_text(from->hostname, HELLO_HOSTNAME_MAX, &ret->hostname))
		return bad(decode, "Hello.hostname: longer than 255 bytes or not UTF-8");
	if (!take_text(from->kernel, HELLO_TEXT_MAX, &ret->kernel) ||
	    !take_text(from->arch, HELLO_TEXT_MAX, &ret->arch) ||
	    !take_text(from->sensor_version, HELLO_TEXT_MAX, &ret->sensor_version))
		return bad(decode, "Hello: kernel, arch or sensor_version is longer than 255 bytes or not UTF-8");
	return 0;
}

static int decode_hello(struct decode *decode, struct scan body, struct message *ret)
{
	Canopy__V1__Hello *from = canopy__v1__hello__unpack(&decode->allocator, scan_left(&body), body.at);
	struct hello *hello = &ret->hello;
	int r;

	if (!from)
		return unpack_failed(decode, "Hello: not a valid protobuf message");
	hello->protocol_version = from->protocol_version;
	hello->stream = from->stream;
	hello->first_unacked_seq = from->first_unacked_seq;
	hello->boottime_to_wall_ns = from->boottime_to_wall_ns;
	hello->boottime_ns = from->boottime_ns;
	r = take_identity(decode, from, hello);
	return r < 0 ? r : take_tags(decode, from, hello);
}

static int decode_heartbeat(struct decode *decode, struct scan body, struct message *ret)
{
	Canopy__V1__Heartbeat *from = canopy__v1__heartbeat__unpack(&decode->allocator, scan_left(&body), body.at);

	if (!from)
		return unpack_failed(decode, "Heartbeat: not a valid protobuf message");
	ret->heartbeat = (struct heartbeat){
		.boottime_ns = from->boottime_ns, .boottime_to_wall_ns = from->boottime_to_wall_ns,
		.queue_bytes = from->queue_bytes, .queue_batches = from->queue_batches,
		.facts_fork = from->facts_fork, .facts_exec = from->facts_exec, .facts_exit = from->facts_exit,
		.lost_fork = from->lost_fork, .lost_exec = from->lost_exec, .lost_exit = from->lost_exit,
		.spool_dropped_batches = from->spool_dropped_batches,
		.cpu_ns = from->cpu_ns, .rss_bytes = from->rss_bytes,
		.last_fact_ns = from->last_fact_ns, .reconnects = from->reconnects, .redacted = from->redacted,
		.filtered_fork = from->filtered_fork, .filtered_exec = from->filtered_exec,
		.filtered_exit = from->filtered_exit, .filtered_snapshot = from->filtered_snapshot,
	};
	return 0;
}

static int decode_goodbye(struct decode *decode, struct scan body, struct message *ret)
{
	Canopy__V1__Goodbye *from = canopy__v1__goodbye__unpack(&decode->allocator, scan_left(&body), body.at);

	if (!from)
		return unpack_failed(decode, "Goodbye: not a valid protobuf message");
	if (!take_text(from->reason, REASON_MAX, &ret->goodbye.reason))
		return bad(decode, "Goodbye.reason: longer than 1024 bytes or not UTF-8");
	return 0;
}

static int decode_welcome(struct decode *decode, struct scan body, struct message *ret)
{
	Canopy__V1__Welcome *from = canopy__v1__welcome__unpack(&decode->allocator, scan_left(&body), body.at);

	if (!from)
		return unpack_failed(decode, "Welcome: not a valid protobuf message");
	ret->welcome = (struct welcome){
		.protocol_version = from->protocol_version, .resume_seq = from->resume_seq,
		.window_batches = from->window_batches, .max_frame_bytes = from->max_frame_bytes,
		.reconnect_ms = from->reconnect_ms, .snapshot_wanted = from->snapshot_wanted,
		.compressions = from->compressions,
	};
	if (!take_text(from->collector_version, HELLO_TEXT_MAX, &ret->welcome.collector_version))
		return bad(decode, "Welcome.collector_version: longer than 255 bytes or not UTF-8");
	return 0;
}

static int decode_ack(struct decode *decode, struct scan body, struct message *ret)
{
	Canopy__V1__Ack *from = canopy__v1__ack__unpack(&decode->allocator, scan_left(&body), body.at);

	if (!from)
		return unpack_failed(decode, "Ack: not a valid protobuf message");
	ret->ack.seq = from->seq;
	return 0;
}

static int decode_pace(struct decode *decode, struct scan body, struct message *ret)
{
	Canopy__V1__Pace *from = canopy__v1__pace__unpack(&decode->allocator, scan_left(&body), body.at);

	if (!from)
		return unpack_failed(decode, "Pace: not a valid protobuf message");
	ret->pace.batches_per_second = from->batches_per_second;
	ret->pace.reconnect_ms = from->reconnect_ms;
	if (!take_text(from->reason, REASON_MAX, &ret->pace.reason))
		return bad(decode, "Pace.reason: longer than 1024 bytes or not UTF-8");
	return 0;
}

/* A code of a newer collector is kept as its number: the reason tells it to people. */
static int decode_reject(struct decode *decode, struct scan body, struct message *ret)
{
	Canopy__V1__Reject *from = canopy__v1__reject__unpack(&decode->allocator, scan_left(&body), body.at);

	if (!from)
		return unpack_failed(decode, "Reject: not a valid protobuf message");
	ret->reject.code = (enum reject_code)from->code;
	ret->reject.retry_after_ms = from->retry_after_ms;
	if (!take_text(from->reason, REASON_MAX, &ret->reject.reason))
		return bad(decode, "Reject.reason: longer than 1024 bytes or not UTF-8");
	return 0;
}

static int decode_batch(struct decode *decode, struct scan body, struct message *ret)
{
	(void)decode;
	ret->batch = bytes_make(body.at, scan_left(&body));
	return 0;
}

/* One member of the oneof; a direction's table is indexed by field number. */
struct member {
	enum message_type type;
	int (*decode)(struct decode *decode, struct scan body, struct message *ret);
};

#define MEMBERS 5u

static const struct member sensor_members[MEMBERS] = {
	[CANOPY__V1__SENSOR_MESSAGE__MESSAGE_HELLO] = {MESSAGE_HELLO, decode_hello},
	[CANOPY__V1__SENSOR_MESSAGE__MESSAGE_BATCH] = {MESSAGE_BATCH, decode_batch},
	[CANOPY__V1__SENSOR_MESSAGE__MESSAGE_HEARTBEAT] = {MESSAGE_HEARTBEAT, decode_heartbeat},
	[CANOPY__V1__SENSOR_MESSAGE__MESSAGE_GOODBYE] = {MESSAGE_GOODBYE, decode_goodbye},
};

static const struct member collector_members[MEMBERS] = {
	[CANOPY__V1__COLLECTOR_MESSAGE__MESSAGE_WELCOME] = {MESSAGE_WELCOME, decode_welcome},
	[CANOPY__V1__COLLECTOR_MESSAGE__MESSAGE_ACK] = {MESSAGE_ACK, decode_ack},
	[CANOPY__V1__COLLECTOR_MESSAGE__MESSAGE_PACE] = {MESSAGE_PACE, decode_pace},
	[CANOPY__V1__COLLECTOR_MESSAGE__MESSAGE_REJECT] = {MESSAGE_REJECT, decode_reject},
};

/* Finds the member that wins. Returns 0, MESSAGE_E_UNKNOWN (nothing but fields of a newer version) or -EBADMSG. */
static int scan_outer(struct decode *decode, struct scan outer, const struct member *members,
		      const struct member **ret_member, struct scan *ret_body)
{
	const struct member *found = NULL;

	if (scan_left(&outer) == 0)
		return bad(decode, "the message is empty");
	while (scan_left(&outer) > 0) {
		struct scan_field field;

		if (scan_next(&outer, &field) < 0)
			return bad(decode, "not a valid protobuf message");
		if (field.number >= MEMBERS)
			continue;
		if (field.wire != SCAN_BYTES)
			return bad(decode, "a member of the oneof is not a message");
		found = &members[field.number];
		*ret_body = field.bytes;
	}
	*ret_member = found;
	return found ? 0 : MESSAGE_E_UNKNOWN;
}

static int decode_message(struct decode *decode, const struct member *members, struct scan outer, struct message *ret)
{
	struct message message = {0};
	const struct member *member;
	struct scan body;
	int r = scan_outer(decode, outer, members, &member, &body);

	if (r != 0)
		return r;
	message.type = member->type;
	if (message.type != MESSAGE_BATCH && scan_left(&body) > CONTROL_BYTES_MAX)
		return bad(decode, "a message other than Batch is longer than 65536 bytes");
	r = member->decode(decode, body, &message);
	if (r == 0)
		*ret = message;
	return r;
}

static int decode_any(struct arena *arena, const struct member *members, const uint8_t *data, size_t len,
		      struct message *ret, const char **ret_why)
{
	struct decode decode = {.arena = arena, .allocator = {arena_allocate, arena_no_free, NULL}};
	int r;

	decode.allocator.allocator_data = &decode;
	r = decode_message(&decode, members, scan_make(data, len), ret);
	if (r == -EBADMSG && ret_why)
		*ret_why = decode.why;
	return r;
}

int message_decode_sensor(struct arena *arena, const uint8_t *data, size_t len, struct message *ret,
			  const char **ret_why)
{
	return decode_any(arena, sensor_members, data, len, ret, ret_why);
}

int message_decode_collector(struct arena *arena, const uint8_t *data, size_t len, struct message *ret,
			     const char **ret_why)
{
	return decode_any(arena, collector_members, data, len, ret, ret_why);
}

/* What protobuf-c needs beside the plain struct while it packs: C strings, so texts are copied into the arena. */
struct encode {
	struct arena arena;
	Canopy__V1__SensorMessage sensor;
	Canopy__V1__CollectorMessage collector;
	ProtobufCMessage *outer;
};

static int put_text(struct encode *encode, struct bytes text, size_t max, char **ret)
{
	struct bytes copy;

	if (!text_valid(text, max) || (text.len && memchr(text.data, 0, text.len)))
		return -EINVAL;
	copy = arena_copy(&encode->arena, text);
	if (!copy.data)
		return -ENOMEM;
	*ret = (char *)(uintptr_t)copy.data;
	return 0;
}

static int put_tags(struct encode *encode, const struct hello *hello, Canopy__V1__Hello *ret)
{
	Canopy__V1__Tag *tags = arena_zalloc(&encode->arena, hello->tag_count, sizeof(*tags));
	Canopy__V1__Tag **pointers = arena_zalloc(&encode->arena, hello->tag_count, sizeof(*pointers));
	int r = 0;

	if (hello->tag_count > HELLO_TAGS_MAX)
		return -EINVAL;
	if (!tags || !pointers)
		return -ENOMEM;
	for (size_t i = 0; i < hello->tag_count && r == 0; i++) {
		canopy__v1__tag__init(&tags[i]);
		pointers[i] = &tags[i];
		r = put_text(encode, hello->tags[i].key, HELLO_TAG_KEY_MAX, &tags[i].key);
		if (r == 0)
			r = put_text(encode, hello->tags[i].value, HELLO_TAG_VALUE_MAX, &tags[i].value);
	}
	ret->n_tags = hello->tag_count;
	ret->tags = pointers;
	return r;
}

static int put_hello_texts(struct encode *encode, const struct hello *hello, Canopy__V1__Hello *ret)
{
	int r = put_text(encode, hello->hostname, HELLO_HOSTNAME_MAX, &ret->hostname);

	if (r == 0)
		r = put_text(encode, hello->kernel, HELLO_TEXT_MAX, &ret->kernel);
	if (r == 0)
		r = put_text(encode, hello->arch, HELLO_TEXT_MAX, &ret->arch);
	if (r == 0)
		r = put_text(encode, hello->sensor_version, HELLO_TEXT_MAX, &ret->sensor_version);
	return r == 0 ? put_tags(encode, hello, ret) : r;
}

static int put_hello(struct encode *encode, const struct message *message)
{
	const struct hello *hello = &message->hello;
	Canopy__V1__Hello *to = arena_alloc(&encode->arena, sizeof(*to));

	if (!to)
		return -ENOMEM;
	canopy__v1__hello__init(to);
	to->protocol_version = hello->protocol_version;
	to->boot_id = (ProtobufCBinaryData){BOOT_ID_BYTES, (uint8_t *)(uintptr_t)hello->boot.octets};
	if (hello->machine_id_known)
		to->machine_id =
			(ProtobufCBinaryData){sizeof(hello->machine_id), (uint8_t *)(uintptr_t)hello->machine_id};
	to->stream = hello->stream;
	to->first_unacked_seq = hello->first_unacked_seq;
	to->boottime_to_wall_ns = hello->boottime_to_wall_ns;
	to->boottime_ns = hello->boottime_ns;
	encode->sensor.message_case = CANOPY__V1__SENSOR_MESSAGE__MESSAGE_HELLO;
	encode->sensor.hello = to;
	return put_hello_texts(encode, hello, to);
}

static int put_heartbeat(struct encode *encode, const struct message *message)
{
	const struct heartbeat *from = &message->heartbeat;
	Canopy__V1__Heartbeat *to = arena_alloc(&encode->arena, sizeof(*to));

	if (!to)
		return -ENOMEM;
	canopy__v1__heartbeat__init(to);
	to->boottime_ns = from->boottime_ns;
	to->boottime_to_wall_ns = from->boottime_to_wall_ns;
	to->queue_bytes = from->queue_bytes;
	to->queue_batches = from->queue_batches;
	to->facts_fork = from->facts_fork;
	to->facts_exec = from->facts_exec;
	to->facts_exit = from->facts_exit;
	to->lost_fork = from->lost_fork;
	to->lost_exec = from->lost_exec;
	to->lost_exit = from->lost_exit;
	to->spool_dropped_batches = from->spool_dropped_batches;
	to->cpu_ns = from->cpu_ns;
	to->rss_bytes = from->rss_bytes;
	to->last_fact_ns = from->last_fact_ns;
	to->reconnects = from->reconnects;
	to->redacted = from->redacted;
	to->filtered_fork = from->filtered_fork;
	to->filtered_exec = from->filtered_exec;
	to->filtered_exit = from->filtered_exit;
	to->filtered_snapshot = from->filtered_snapshot;
	encode->sensor.message_case = CANOPY__V1__SENSOR_MESSAGE__MESSAGE_HEARTBEAT;
	encode->sensor.heartbeat = to;
	return 0;
}

static int put_goodbye(struct encode *encode, const struct message *message)
{
	Canopy__V1__Goodbye *to = arena_alloc(&encode->arena, sizeof(*to));

	if (!to)
		return -ENOMEM;
	canopy__v1__goodbye__init(to);
	encode->sensor.message_case = CANOPY__V1__SENSOR_MESSAGE__MESSAGE_GOODBYE;
	encode->sensor.goodbye = to;
	return put_text(encode, message->goodbye.reason, REASON_MAX, &to->reason);
}

static int put_welcome(struct encode *encode, const struct message *message)
{
	const struct welcome *from = &message->welcome;
	Canopy__V1__Welcome *to = arena_alloc(&encode->arena, sizeof(*to));

	if (!to)
		return -ENOMEM;
	canopy__v1__welcome__init(to);
	to->protocol_version = from->protocol_version;
	to->resume_seq = from->resume_seq;
	to->window_batches = from->window_batches;
	to->max_frame_bytes = from->max_frame_bytes;
	to->reconnect_ms = from->reconnect_ms;
	to->snapshot_wanted = from->snapshot_wanted;
	to->compressions = from->compressions;
	encode->collector.message_case = CANOPY__V1__COLLECTOR_MESSAGE__MESSAGE_WELCOME;
	encode->collector.welcome = to;
	return put_text(encode, from->collector_version, HELLO_TEXT_MAX, &to->collector_version);
}

static int put_ack(struct encode *encode, const struct message *message)
{
	Canopy__V1__Ack *to = arena_alloc(&encode->arena, sizeof(*to));

	if (!to)
		return -ENOMEM;
	canopy__v1__ack__init(to);
	to->seq = message->ack.seq;
	encode->collector.message_case = CANOPY__V1__COLLECTOR_MESSAGE__MESSAGE_ACK;
	encode->collector.ack = to;
	return 0;
}

static int put_pace(struct encode *encode, const struct message *message)
{
	Canopy__V1__Pace *to = arena_alloc(&encode->arena, sizeof(*to));

	if (!to)
		return -ENOMEM;
	canopy__v1__pace__init(to);
	to->batches_per_second = message->pace.batches_per_second;
	to->reconnect_ms = message->pace.reconnect_ms;
	encode->collector.message_case = CANOPY__V1__COLLECTOR_MESSAGE__MESSAGE_PACE;
	encode->collector.pace = to;
	return put_text(encode, message->pace.reason, REASON_MAX, &to->reason);
}

static int put_reject(struct encode *encode, const struct message *message)
{
	Canopy__V1__Reject *to = arena_alloc(&encode->arena, sizeof(*to));

	if (!to)
		return -ENOMEM;
	canopy__v1__reject__init(to);
	to->code = (Canopy__V1__Reject__Code)message->reject.code;
	to->retry_after_ms = message->reject.retry_after_ms;
	encode->collector.message_case = CANOPY__V1__COLLECTOR_MESSAGE__MESSAGE_REJECT;
	encode->collector.reject = to;
	return put_text(encode, message->reject.reason, REASON_MAX, &to->reason);
}

static int put_message(struct encode *encode, const struct message *message)
{
	static int (*const put[])(struct encode *, const struct message *) = {
		[MESSAGE_HELLO] = put_hello, [MESSAGE_HEARTBEAT] = put_heartbeat, [MESSAGE_GOODBYE] = put_goodbye,
		[MESSAGE_WELCOME] = put_welcome, [MESSAGE_ACK] = put_ack, [MESSAGE_PACE] = put_pace,
		[MESSAGE_REJECT] = put_reject,
	};

	canopy__v1__sensor_message__init(&encode->sensor);
	canopy__v1__collector_message__init(&encode->collector);
	encode->outer = message->type >= MESSAGE_WELCOME ? &encode->collector.base : &encode->sensor.base;
	if ((unsigned)message->type >= sizeof(put) / sizeof(put[0]) || !put[message->type])
		return -EINVAL;
	return put[message->type](encode, message);
}

static int encode_control(const struct message *message, uint8_t **ret_frame, size_t *ret_len)
{
	struct encode encode = {.arena = ARENA_NULL};
	uint8_t *packed;
	size_t len;
	int r = put_message(&encode, message);

	if (r == 0) {
		len = protobuf_c_message_get_packed_size(encode.outer);
		packed = arena_alloc(&encode.arena, len);
		r = packed ? 0 : -ENOMEM;
	}
	if (r == 0) {
		struct bytes part = bytes_make(packed, protobuf_c_message_pack(encode.outer, packed));

		r = frame_encode(&part, 1, false, ret_frame, ret_len);
	}
	arena_finish(&encode.arena);
	return r;
}

/* The outer message around a Batch is a tag and a length: written here, so that the bytes are copied once, into the
 * frame. */
static int encode_batch(struct bytes batch, struct compressor *compressor, uint8_t **ret_frame, size_t *ret_len)
{
	uint8_t head[1 + SCAN_VARINT_BYTES_MAX] = {CANOPY__V1__SENSOR_MESSAGE__MESSAGE_BATCH << 3 | SCAN_BYTES};
	size_t at = 1;
	struct bytes parts[2] = {{NULL, 0}, batch};

	for (uint32_t len = batch.len;; len >>= 7) {
		head[at++] = (uint8_t)((len & 0x7f) | (len > 0x7f ? 0x80 : 0));
		if (len <= 0x7f)
			break;
	}
	parts[0] = bytes_make(head, at);
	return frame_encode_with(parts, 2, compressor, ret_frame, ret_len);
}

int message_encode_with(const struct message *message, struct compressor *compressor, uint8_t **ret_frame, size_t *ret_len)
{
	if (message->type == MESSAGE_BATCH)
		return encode_batch(message->batch, compressor, ret_frame, ret_len);
	if (compressor)
		compressor_forget(compressor); /* nothing in it is worth the receiver's memory */
	return encode_control(message, ret_frame, ret_len);
}

int message_encode(const struct message *message, bool compress, uint8_t **ret_frame, size_t *ret_len)
{
	struct compressor *compressor = NULL;
	int r;

	if (compress && message->type == MESSAGE_BATCH)
		(void)compressor_create(&compressor, COMPRESSION_ZLIB); /* without memory it goes as it is */
	r = message_encode_with(message, compressor, ret_frame, ret_len);
	compressor_destroy(compressor);
	return r;
}
