/* SPDX-License-Identifier: Apache-2.0 */
/* Writing JSON (RFC 8259) into a growing buffer, and the process object of the interface. Integers keep all 64 bits.
 * Bytes that are not UTF-8 are written as \xHH (with the backslash escaped, so that the JSON is valid), control
 * characters (C0, DEL and C1, which drive terminals) as \u00XX. */
#ifndef CANOPY_PROTO_MODEL_JSON_H
#define CANOPY_PROTO_MODEL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "canopy/bytes.h"
#include "proto/model/process.h"

/* A buffer that grows; after a failed allocation it stays failed and drops what is added. */
struct json {
	char *data; /* owned, not NUL-terminated */
	size_t len, capacity;
	bool failed;
	bool comma; /* the next value needs one before it */
};

#define JSON_EMPTY ((struct json){0})
#ifndef JANSSON_H
#define JSON_NULL JSON_EMPTY
#endif
void json_finish(struct json *json);
void json_reset(struct json *json); /* keeps the memory */

/* libjansson, which the command line reads with, has functions of these two names (as symbols they would take each
 * other's place at run time) and its own JSON_NULL. Include jansson.h before this header, as the order of headers has
 * it anyway. */
#define json_string json_put_string
#define json_null json_put_null

/* Makes room for need more bytes; false when memory ran out (now or earlier). */
bool json_grow_(struct json *json, size_t need);
static inline bool json_reserve(struct json *json, size_t need)
{
	return json->capacity - json->len >= need || json_grow_(json, need);
}

/* Appended as it is, e.g. a newline between documents; touches no comma. */
static inline void json_raw(struct json *json, const char *text, size_t len)
{
	if (!json_reserve(json, len))
		return;
	memcpy(json->data + json->len, text, len);
	json->len += len;
}

/* key is ours: ASCII without anything to escape. Inline, so that a constant key becomes a few stores. */
static inline void json_key(struct json *json, const char *key)
{
	size_t len = strlen(key);
	char *p;

	if (!json_reserve(json, len + 4))
		return;
	p = json->data + json->len;
	if (json->comma)
		*p++ = ',';
	*p++ = '"';
	memcpy(p, key, len);
	p += len;
	*p++ = '"';
	*p++ = ':';
	json->len = (size_t)(p - json->data);
	json->comma = false;
}

void json_object_begin(struct json *json);
void json_object_end(struct json *json);
void json_array_begin(struct json *json);
void json_array_end(struct json *json);
void json_string(struct json *json, struct bytes value);
void json_text(struct json *json, const char *value); /* a C string; NULL = null */
void json_base64(struct json *json, struct bytes value);
void json_hex64(struct json *json, uint64_t value); /* a string of 16 hex digits */
void json_int(struct json *json, int64_t value);
void json_uint(struct json *json, uint64_t value);
void json_double(struct json *json, double value); /* finite; otherwise null */
void json_bool(struct json *json, bool value);
void json_null(struct json *json);
void json_time(struct json *json, int64_t wall_ns); /* RFC 3339 with nine digits and Z; INT64_MIN = null */

/* The text of json_time without quotes; TIME_TEXT_LEN bytes, no NUL. wall_ns is not INT64_MIN. */
#define TIME_TEXT_LEN 30u
void time_format(int64_t wall_ns, char out[TIME_TEXT_LEN]);

/* true when the whole of value is UTF-8 (RFC 3629) */
bool json_is_utf8(struct bytes value);

/* The members of a process (without the braces), in the order of the interface's description; and the whole object.
 * A string that is not UTF-8 has its bytes in base64 beside it, as NAME_raw (argv_raw: an array, one an argument; env_raw: an object, one a
 * variable). */
void json_process_members(struct json *json, const struct process_view *process);
void json_process(struct json *json, const struct process_view *process);

#endif
