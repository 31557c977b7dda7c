/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/console/api/incomplete.h"

#include <inttypes.h>
#include <stdio.h>

void incomplete_begin(struct incomplete *incomplete, struct json *json)
{
	*incomplete = (struct incomplete){.json = json};
	json_key(json, "incomplete");
	json_array_begin(json);
}

void incomplete_end(struct incomplete *incomplete)
{
	char message[64];

	if (incomplete->left_out) {
		(void)snprintf(message, sizeof(message), "%u more such notes are left out", incomplete->left_out);
		incomplete->written = 0;
		incomplete_note(incomplete, NULL, "more", message);
	}
	json_array_end(incomplete->json);
}

void incomplete_note(struct incomplete *incomplete, const struct host_look *look, const char *reason,
		     const char *message)
{
	struct json *json = incomplete->json;
	char boot[BOOT_ID_TEXT];

	if (incomplete->written == INCOMPLETE_MAX) {
		incomplete->left_out++;
		return;
	}
	incomplete->written++;
	if (look)
		boot_id_format(&look->info.boot, boot);
	json_object_begin(json);
	json_key(json, "host");
	if (look && look->info.hostname.len)
		json_string(json, look->info.hostname);
	else
		json_null(json);
	json_key(json, "boot_id");
	json_text(json, look ? boot : NULL);
	json_key(json, "reason");
	json_text(json, reason);
	json_key(json, "message");
	json_text(json, message);
	json_object_end(json);
}

static void note_gaps(struct incomplete *incomplete, const struct host_look *look, int64_t since, int64_t until)
{
	uint64_t count = 0, unknown = 0, gaps = 0;
	char message[160];

	for (size_t i = 0; i < look->info.gap_count; i++) {
		const struct forest_gap *gap = &look->info.gaps[i];

		if ((int64_t)gap->gap.to_ns + gap->boottime_to_wall_ns < since ||
		    (int64_t)gap->gap.from_ns + gap->boottime_to_wall_ns > until)
			continue;
		gaps++;
		count += gap->gap.count;
		unknown += gap->gap.count == 0;
	}
	if (!gaps)
		return;
	if (unknown)
		(void)snprintf(message, sizeof(message),
			       "at least %" PRIu64 " facts and an unknown number more were lost in %" PRIu64 " gaps",
			       count, gaps);
	else
		(void)snprintf(message, sizeof(message), "%" PRIu64 " facts were lost in %" PRIu64 " gaps", count,
			       gaps);
	incomplete_note(incomplete, look, "gap", message);
}

/* "not heard since 2026-11-22T12:01:07Z" */
static void note_silent(struct incomplete *incomplete, const struct host_look *look)
{
	char time[TIME_TEXT_LEN], message[160];

	if (look->link.heard_wall_ns == INT64_MIN) {
		incomplete_note(incomplete, look, "silent",
				"its sensor has not been heard since this collector started");
		return;
	}
	time_format(look->link.heard_wall_ns, time);
	(void)snprintf(message, sizeof(message), "its sensor has not been heard since %.19sZ", time);
	incomplete_note(incomplete, look, "silent", message);
}

void incomplete_host(struct incomplete *incomplete, const struct host_look *look, int64_t since, int64_t until)
{
	char message[160];

	if (look->state == HOST_SILENT)
		note_silent(incomplete, look);
	if (look->state == HOST_CATCHING_UP)
		incomplete_note(incomplete, look, "catching_up",
				"its sensor is sending what has piled up: the newest facts are still to come");
	note_gaps(incomplete, look, since, until);
	if (look->info.evicted) {
		(void)snprintf(message, sizeof(message), "%" PRIu64 " exited processes are no longer held in memory",
			       look->info.evicted);
		incomplete_note(incomplete, look, "evicted", message);
	}
}
