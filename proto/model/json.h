/* SPDX-License-Identifier: Apache-2.0 */
/* Writing JSON (RFC 8259) into a growing buffer, and the process object of the interface. Integers keep all 64 bits. Bytes that are
 * not UTF-8 are written as \xHH (with the backslash escaped, so that the JSON is valid), control characters as \u00XX. */
#ifndef CANOPY_PROTO_MODEL_JSON_H
#define CANOPY_PROTO_MODEL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "canopy/bytes.h"
#include "proto/model/process.h"

/* A buffer that grows; after a failed allocation it stays failed and drops what is added. */
struct json {
	char *data; /* owned, not NUL-terminated */
	size_t len, capacity;
	bool failed;
	bool comma; /* the next value needs one before it */
};

#define JSON_NULL ((struct json){0})
void json_finish(struct json *json);
void json_reset(struct json *json); /* keeps the memory */

void json_object_begin(struct json *json);
void json_object_end(struct json *json);
void json_array_begin(struct json *json);
void json_array_end(struct json *json);
void json_key(struct json *json, const char *key); /* key is ours: ASCII without anything to escape */
void json_string(struct json *json, struct bytes value);
void json_int(struct json *json, int64_t value);
void json_uint(struct json *json, uint64_t value);
void json_double(struct json *json, double value); /* finite; otherwise null */
void json_bool(struct json *json, bool value);
void json_null(struct json *json);
void json_time(struct json *json, int64_t wall_ns); /* RFC 3339 with nine digits and Z; INT64_MIN = null */
void json_raw(struct json *json, const char *text, size_t len); /* appended as it is, e.g. a newline between documents */

/* true when the whole of value is UTF-8 (RFC 3629) */
bool json_is_utf8(struct bytes value);

/* The members of a process (without the braces), in the order of the interface's description; and the whole object. */
void json_process_members(struct json *json, const struct process_view *process);
void json_process(struct json *json, const struct process_view *process);

#endif
