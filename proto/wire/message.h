/* SPDX-License-Identifier: Apache-2.0 */
/* The messages of canopy.proto as plain structs, so that nobody outside proto/ sees generated code. No I/O. */
#ifndef CANOPY_PROTO_WIRE_MESSAGE_H
#define CANOPY_PROTO_WIRE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "canopy/arena.h"
#include "canopy/bytes.h"
#include "canopy/identity.h"
#include "proto/wire/compressor.h"

#define PROTOCOL_VERSION 1u
#define PROTOCOL_VERSION_MIN 1u /* the oldest that is still spoken */

#define HELLO_TAGS_MAX 64u
#define HELLO_TAG_KEY_MAX 63u
#define HELLO_TAG_VALUE_MAX 255u
#define HELLO_HOSTNAME_MAX 255u
#define HELLO_TEXT_MAX 255u /* kernel, arch, version */

enum message_type {
	MESSAGE_HELLO = 1,
	MESSAGE_BATCH,
	MESSAGE_HEARTBEAT,
	MESSAGE_GOODBYE,
	MESSAGE_WELCOME,
	MESSAGE_ACK,
	MESSAGE_PACE,
	MESSAGE_REJECT,
};

enum reject_code {
	REJECT_UNSPECIFIED = 0,
	REJECT_PROTOCOL_VERSION = 1,
	REJECT_BAD_FRAME = 2,
	REJECT_BAD_MESSAGE = 3,
	REJECT_BAD_ORDER = 4,
	REJECT_LIMIT = 5,
	REJECT_IDENTITY = 6,
	REJECT_UNAVAILABLE = 7,
};

struct tag {
	struct bytes key, value; /* UTF-8 */
};

struct hello {
	uint32_t protocol_version;
	struct boot_id boot;
	uint8_t machine_id[16];
	bool machine_id_known;
	struct bytes hostname, kernel, arch, sensor_version; /* UTF-8 */
	const struct tag *tags;
	size_t tag_count;
	uint64_t stream;
	uint64_t first_unacked_seq;
	int64_t boottime_to_wall_ns;
	uint64_t boottime_ns;
};

struct heartbeat {
	uint64_t boottime_ns;
	int64_t boottime_to_wall_ns;
	uint64_t queue_bytes, queue_batches;
	uint64_t facts_fork, facts_exec, facts_exit;
	uint64_t lost_fork, lost_exec, lost_exit;
	uint64_t spool_dropped_batches;
	uint64_t cpu_ns, rss_bytes;
	uint64_t last_fact_ns;
	uint64_t reconnects;
	uint64_t redacted; /* places hidden */
	uint64_t filtered_fork, filtered_exec, filtered_exit, filtered_snapshot;
};

struct welcome {
	uint32_t protocol_version;
	uint64_t resume_seq;
	uint32_t window_batches;
	uint32_t max_frame_bytes;
	struct bytes collector_version;
	uint32_t reconnect_ms; /* 0 = not said */
	bool snapshot_wanted;
	uint32_t compressions; /* bits of enum compression that the collector takes beside zlib */
};

struct message {
	enum message_type type;
	union {
		struct hello hello;
		struct bytes batch; /* the octets of the Batch, borrowed from the input; see proto/batch/decoder.h */
		struct heartbeat heartbeat;
		struct {
			struct bytes reason;
		} goodbye;
		struct welcome welcome;
		struct {
			uint64_t seq;
		} ack;
		struct {
			uint32_t batches_per_second;
			struct bytes reason;
			uint32_t reconnect_ms; /* 0 = as said before */
		} pace;
		struct {
			enum reject_code code;
			struct bytes reason;
			uint32_t retry_after_ms;
		} reject;
	};
};

/* Decodes one SensorMessage or CollectorMessage into *ret; strings live in the arena, a batch's bytes in data.
 * Lengths and UTF-8 of the text fields are checked. Returns 0, -EBADMSG (*ret_why, may be NULL, names what), -ENOMEM,
 * or MESSAGE_E_UNKNOWN for a message of a newer protocol that can be skipped. */
enum { MESSAGE_E_UNKNOWN = 1 };
int message_decode_sensor(struct arena *arena, const uint8_t *data, size_t len, struct message *ret,
			  const char **ret_why);
int message_decode_collector(struct arena *arena, const uint8_t *data, size_t len, struct message *ret,
			     const char **ret_why);

/* Encodes message as one whole frame (proto/wire/frame.h), malloc'ed, freed by the caller. Batches are compressed where it pays and there is a
 * compressor, which then takes the frames for those of one connection, in this order: one that is not sent ends it. Errors: -ENOMEM, -EMSGSIZE, -EINVAL (a field over its bound). */
int message_encode_with(const struct message *message, struct compressor *compressor, uint8_t **ret_frame, size_t *ret_len);
/* The same for a message now and then: a batch by zlib made for it alone, if compress says so. */
int message_encode(const struct message *message, bool compress, uint8_t **ret_frame, size_t *ret_len);

#endif
