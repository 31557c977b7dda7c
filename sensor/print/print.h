/* SPDX-License-Identifier: Apache-2.0 */
/* Facts as lines of text, for a sensor that stands alone (--print). Everything that came from a process is escaped: a line holds no
 * control character and is valid UTF-8, whatever argv holds. */
#ifndef CANOPY_SENSOR_PRINT_PRINT_H
#define CANOPY_SENSOR_PRINT_PRINT_H

#include <stdint.h>

#include "canopy/fact.h"
#include "proto/model/json.h"

enum print_format {
	PRINT_NONE = 0,
	PRINT_CLASSIC, /* [FORK] pid=… ppid=… comm=… */
	PRINT_JSON,    /* one object a line, fields as in the console's interface plus "type" and "time" */
};

/* What every line of one host has in common. */
struct print_host {
	struct bytes hostname;
	struct boot_id boot;
	struct bytes machine_id; /* 32 hex digits, empty = unknown */
	const struct bytes *tags; /* key, value, … */
	size_t tag_count;
	int64_t boottime_to_wall_ns;
};

/* Appends one line with its newline to out. Check out->failed for lack of memory. */
void print_fact(struct json *out, enum print_format format, const struct print_host *host, const struct fact *fact);
/* Losses are lines too: [LOST] type=exec count=12 reason=ring-full. */
void print_gap(struct json *out, enum print_format format, const struct print_host *host, const struct gap *gap);

#endif
