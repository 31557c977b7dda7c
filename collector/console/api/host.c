/* SPDX-License-Identifier: Apache-2.0 */
/* A state is derived when it is asked for: nothing here can go stale. */
#include "collector/console/api/host.h"

#include <stdlib.h>
#include <strings.h>

#include "collector/console/api/api.h"
#include "proto/model/gap.h"

const char *const host_state_words[HOST_STATES] = {"live", "catching up", "silent", "rebooted", "gone"};

static const char *const fact_words[] = {
	[FACT_FORK] = "fork", [FACT_EXEC] = "exec", [FACT_EXIT] = "exit", [FACT_SNAPSHOT] = "snapshot",
};

const char *host_fact_word(uint32_t type)
{
	return type < sizeof(fact_words) / sizeof(fact_words[0]) ? fact_words[type] : NULL;
}

static enum host_state state_of(const struct host_look *look, int64_t now_ns)
{
	bool recent =
	    look->link.heard_wall_ns != INT64_MIN && now_ns - look->link.heard_wall_ns <= HOST_SILENT_AFTER_NS;

	if (look->info.rebooted)
		return HOST_REBOOTED;
	if (look->link.goodbye && !look->link.connected)
		return HOST_GONE;
	if (!recent)
		return HOST_SILENT;
	return look->link.catching_up ? HOST_CATCHING_UP : HOST_LIVE;
}

/* Its wall clock is ours and the skew; its boottime is that and what its newest heartbeat says about the two. Never
 * before its newest fact. */
static uint64_t boottime_now(const struct host_look *look, int64_t now_ns)
{
	const struct fleet_link *link = &look->link;
	int64_t boottime;

	if (!link->connected || !link->heard || __builtin_add_overflow(now_ns, link->skew_ns, &boottime) ||
	    __builtin_sub_overflow(boottime, link->heartbeat.boottime_to_wall_ns, &boottime) || boottime < 0)
		return 0;
	return (uint64_t)boottime > look->info.last_fact_ns ? (uint64_t)boottime : look->info.last_fact_ns;
}

void host_look(const struct fleet *fleet, struct forest_host *host, int64_t now_ns, struct host_look *ret)
{
	struct host_look look = {.host = host, .link = {.heard_wall_ns = INT64_MIN, .lag_ns = -1}};

	forest_host_info(host, &look.info);
	fleet->link(fleet->owner, &look.info.boot, &look.link);
	look.state = state_of(&look, now_ns);
	look.now_ns = boottime_now(&look, now_ns);
	*ret = look;
}

bool host_is_named(const struct forest_host_info *info, struct bytes text)
{
	char boot[BOOT_ID_TEXT];

	if (bytes_equal(info->hostname, text))
		return true;
	boot_id_format(&info->boot, boot);
	return text.len >= PROCESS_REF_BOOT_MIN && text.len < BOOT_ID_TEXT &&
	       strncasecmp(boot, text.data, text.len) == 0;
}

struct process_view host_as_view(const struct forest_host_info *info)
{
	return (struct process_view){.host = info->hostname,
				     .boot = info->boot,
				     .tags = info->tags,
				     .tag_count = info->tag_count,
				     .start_wall_ns = INT64_MIN};
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

static void member_text(struct json *json, const char *key, struct bytes value)
{
	json_key(json, key);
	if (value.len)
		json_string(json, value);
	else
		json_null(json);
}

static void member_seconds(struct json *json, const char *key, int64_t ns, bool known)
{
	json_key(json, key);
	if (known)
		json_double(json, (double)ns / 1e9);
	else
		json_null(json);
}

static void write_identity(struct json *json, const struct host_look *look)
{
	const struct forest_host_info *info = &look->info;
	char boot[BOOT_ID_TEXT], machine[BOOT_ID_TEXT];
	struct boot_id machine_id;

	boot_id_format(&info->boot, boot);
	memcpy(machine_id.octets, info->machine_id, sizeof(machine_id.octets));
	boot_id_format(&machine_id, machine);
	member_text(json, "host", info->hostname);
	json_key(json, "boot_id");
	json_text(json, boot);
	json_key(json, "machine_id");
	json_text(json, info->machine_id_known ? machine : NULL);
	json_key(json, "state");
	json_text(json, host_state_words[look->state]);
	member_text(json, "kernel", info->kernel);
	member_text(json, "arch", info->arch);
	member_text(json, "version", info->sensor_version);
}

/* Keys come from the host: they are escaped like any string. */
static void write_tags(struct json *json, const struct forest_host_info *info)
{
	json_key(json, "tags");
	json_object_begin(json);
	for (size_t i = 0; i < info->tag_count; i++) {
		json_string(json, info->tags[2 * i]);
		json_raw(json, ":", 1);
		json->comma = false;
		json_string(json, info->tags[2 * i + 1]);
	}
	json_object_end(json);
}

static void write_lost(struct json *json, const struct forest_host_info *info)
{
	json_key(json, "lost");
	json_object_begin(json);
	json_key(json, "fork");
	json_uint(json, info->lost[FACT_FORK]);
	json_key(json, "exec");
	json_uint(json, info->lost[FACT_EXEC]);
	json_key(json, "exit");
	json_uint(json, info->lost[FACT_EXIT]);
	json_key(json, "unknown");
	json_uint(json, info->lost[0] + info->lost[FACT_SNAPSHOT]);
	json_object_end(json);
}

static void write_gaps(struct json *json, const char *key, const struct forest_gap *gaps, size_t count)
{
	json_key(json, key);
	json_array_begin(json);
	for (size_t i = 0; i < count; i++) {
		const struct forest_gap *gap = &gaps[i];

		json_object_begin(json);
		json_key(json, "from");
		json_time(json, (int64_t)gap->gap.from_ns + gap->boottime_to_wall_ns);
		json_key(json, "to");
		json_time(json, (int64_t)gap->gap.to_ns + gap->boottime_to_wall_ns);
		json_key(json, "type");
		json_text(json, host_fact_word(gap->gap.type));
		json_key(json, "count");
		if (gap->gap.count)
			json_uint(json, gap->gap.count);
		else
			json_null(json);
		json_key(json, "reason");
		json_text(json, gap_reason_word(gap->gap.reason));
		json_object_end(json);
	}
	json_array_end(json);
}

static void write_figures(struct json *json, const struct host_look *look)
{
	const struct forest_host_info *info = &look->info;
	uint64_t events = 0;

	for (unsigned type = 0; type < 5; type++)
		events += info->facts[type];
	json_key(json, "live");
	json_uint(json, info->live);
	json_key(json, "exited");
	json_uint(json, info->exited);
	json_key(json, "evicted");
	json_uint(json, info->evicted);
	json_key(json, "events_total");
	json_uint(json, events);
	json_key(json, "first_seen");
	json_time(json, info->first_seen_wall_ns);
	json_key(json, "last_seen");
	json_time(json, info->last_seen_wall_ns);
}

void host_write_members(struct json *json, const struct host_look *look)
{
	const struct fleet_link *link = &look->link;

	write_identity(json, look);
	write_tags(json, &look->info);
	member_seconds(json, "lag_seconds", link->lag_ns, link->lag_ns >= 0);
	json_key(json, "queue_bytes");
	if (link->heard)
		json_uint(json, link->heartbeat.queue_bytes);
	else
		json_null(json);
	write_lost(json, &look->info);
	write_gaps(json, "gaps", look->info.gaps, look->info.gap_count);
	write_gaps(json, "filtered", look->info.filtered, look->info.filtered_count);
	json_key(json, "contradictions");
	json_uint(json, link->contradictions);
	json_key(json, "refused");
	json_uint(json, link->refused);
	member_seconds(json, "skew_seconds", link->skew_ns, link->heard);
	write_figures(json, look);
}

void host_write(struct json *json, const struct host_look *look)
{
	json_object_begin(json);
	host_write_members(json, look);
	json_object_end(json);
}

/* ---- GET /api/v1/hosts --------------------------------------------------------------------------------------- */

struct hosts_body {
	struct body body;
	struct api *api;
	struct fleet_place place; /* of the last one written */
	bool begun;
};

static int hosts_produce(struct body *body, struct json *out)
{
	struct hosts_body *hosts = (struct hosts_body *)(void *)body;
	const struct fleet *fleet = hosts->api->fleet;
	uint64_t deadline;
	struct forest_host *host;
	struct fleet_walk walk;
	struct host_look look;

	if (!hosts->begun) {
		json_object_begin(out);
		json_key(out, "hosts");
		json_array_begin(out);
	}
	fleet_enter(fleet);
	deadline = uv_hrtime() + API_SLICE_NS;
	fleet_walk_begin(&walk, fleet, hosts->begun ? &hosts->place : NULL);
	hosts->begun = true;
	while ((host = fleet_walk_next(&walk))) {
		host_look(fleet, host, api_now(), &look);
		host_write(out, &look);
		fleet_place_of(host, &hosts->place);
		if (out->len >= CONNECTION_PIECE || uv_hrtime() > deadline)
			break;
	}
	fleet_leave(fleet);
	if (host)
		return BODY_MORE;
	json_array_end(out);
	json_object_end(out);
	json_raw(out, "\n", 1);
	return BODY_DONE;
}

static void hosts_destroy(struct body *body)
{
	free(body);
}

static const struct body_type hosts_type = {.produce = hosts_produce, .destroy = hosts_destroy};

void hosts_list(struct api *api, struct connection *connection, const struct request *request)
{
	struct hosts_body *hosts = calloc(1, sizeof(*hosts));

	(void)request;
	if (!hosts) {
		api_fail_errno(connection, -ENOMEM);
		return;
	}
	*hosts = (struct hosts_body){.body.type = &hosts_type, .api = api};
	connection_stream(connection, RESPONSE_JSON, &hosts->body);
}
