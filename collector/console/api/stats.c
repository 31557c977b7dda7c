/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/console/api/stats.h"

#include "collector/console/api/api.h"
#include "collector/console/api/usage.h"

struct count {
	const struct fleet *fleet;
	uint64_t *states;
};

static void count_host(void *owner, struct forest_host *host)
{
	const struct count *count = owner;
	struct host_look look;

	host_look(count->fleet, host, api_now(), &look);
	count->states[look.state]++;
}

void stats_count_hosts(const struct fleet *fleet, uint64_t ret[HOST_STATES])
{
	struct count count = {fleet, ret};

	memset(ret, 0, HOST_STATES * sizeof(*ret));
	fleet_each_host(fleet, count_host, &count);
}

void stats_forest(const struct fleet *fleet, struct forest_stats *ret)
{
	struct forest_stats stats;

	*ret = (struct forest_stats){0};
	for (size_t i = 0; i < fleet->shard_count; i++) {
		fleet_enter_shard(fleet, i);
		forest_stats(fleet->shards[i].forest, &stats);
		fleet_leave_shard(fleet, i);
		ret->hosts += stats.hosts;
		ret->live += stats.live;
		ret->exited += stats.exited;
		ret->unknown += stats.unknown;
		ret->bytes += stats.bytes;
		ret->evicted += stats.evicted;
	}
}

void stats_journal(const struct fleet *fleet, size_t shard, struct stats_journal *ret)
{
	const struct journal *journal = fleet->shards[shard].journal;

	fleet_enter_shard(fleet, shard);
	*ret = (struct stats_journal){.first = journal_first(journal),
				      .durable = journal_durable(journal),
				      .bytes = journal_bytes(journal),
				      .pending_bytes = journal_pending_bytes(journal)};
	journal_commit_stats(journal, &ret->commits, &ret->commit_ns);
	fleet_leave_shard(fleet, shard);
}

/* Positions of several journals have no sum. */
void stats_journals(const struct fleet *fleet, struct stats_journal *ret)
{
	struct stats_journal one;

	*ret = (struct stats_journal){0};
	for (size_t i = 0; i < fleet->shard_count; i++) {
		stats_journal(fleet, i, &one);
		ret->bytes += one.bytes;
		ret->pending_bytes += one.pending_bytes;
		ret->commits += one.commits;
		ret->commit_ns += one.commit_ns;
	}
}

static void member(struct json *json, const char *key, uint64_t value)
{
	json_key(json, key);
	json_uint(json, value);
}

static void group(struct json *json, const char *key)
{
	json_key(json, key);
	json_object_begin(json);
}

static void write_hosts(struct json *json, const struct fleet *fleet)
{
	static const char *const keys[HOST_STATES] = {"live", "catching_up", "silent", "rebooted", "gone"};
	uint64_t counts[HOST_STATES];

	stats_count_hosts(fleet, counts);
	group(json, "hosts");
	for (unsigned i = 0; i < HOST_STATES; i++)
		member(json, keys[i], counts[i]);
	json_object_end(json);
}

static void write_facts(struct json *json, const char *key, const uint64_t facts[5])
{
	group(json, key);
	for (unsigned type = FACT_FORK; type <= FACT_SNAPSHOT; type++)
		member(json, host_fact_word(type), facts[type]);
	json_object_end(json);
}

static void write_forest(struct json *json, const struct fleet *fleet)
{
	struct forest_stats stats;

	stats_forest(fleet, &stats);
	group(json, "processes");
	member(json, "live", stats.live);
	member(json, "exited", stats.exited);
	member(json, "unknown", stats.unknown);
	member(json, "evicted_total", stats.evicted);
	json_object_end(json);
	member(json, "forest_bytes", stats.bytes);
}

static void write_ingest(struct json *json, const struct fleet *fleet)
{
	struct fleet_ingest_stats stats = {0};
	uint64_t count = 0;

	fleet->ingest(fleet->owner, &stats);
	for (size_t i = 0; i < sizeof(stats.latency_counts) / sizeof(stats.latency_counts[0]); i++)
		count += stats.latency_counts[i];
	group(json, "ingest");
	member(json, "sessions", stats.sessions);
	member(json, "sessions_total", stats.sessions_total);
	member(json, "rejects_total", stats.rejects_total);
	member(json, "batches_new_total", stats.batches_new);
	member(json, "batches_duplicate_total", stats.batches_duplicate);
	write_facts(json, "facts_new_total", stats.facts_new);
	write_facts(json, "facts_known_total", stats.facts_known);
	member(json, "received_bytes_total", stats.bytes_received);
	member(json, "bad_frames_total", stats.frames_bad);
	member(json, "sequence_gaps_total", stats.sequence_gaps);
	member(json, "hosts_forgotten_total", stats.hosts_forgotten);
	member(json, "shards_paced", stats.shards_paced);
	member(json, "pace_batches_per_second", stats.pace);
	json_key(json, "latency_mean_seconds");
	if (count)
		json_double(json, stats.latency_sum / (double)count);
	else
		json_null(json);
	json_object_end(json);
}

static void write_journal(struct json *json, const struct fleet *fleet)
{
	struct stats_journal sum, one;

	stats_journals(fleet, &sum);
	group(json, "journal");
	member(json, "bytes", sum.bytes);
	member(json, "pending_bytes", sum.pending_bytes);
	member(json, "commits_total", sum.commits);
	json_key(json, "commit_mean_seconds");
	if (sum.commits)
		json_double(json, (double)sum.commit_ns / 1e9 / (double)sum.commits);
	else
		json_null(json);
	json_key(json, "shards");
	json_array_begin(json);
	for (size_t i = 0; i < fleet->shard_count; i++) {
		stats_journal(fleet, i, &one);
		json_object_begin(json);
		member(json, "first", one.first);
		member(json, "durable", one.durable);
		member(json, "bytes", one.bytes);
		member(json, "pending_bytes", one.pending_bytes);
		json_object_end(json);
	}
	json_array_end(json);
	json_object_end(json);
}

static void write_sinks(struct json *json, const struct fleet *fleet)
{
	struct fleet_sink sinks[STATS_SINKS_MAX];
	size_t count = fleet->sinks(fleet->owner, sinks, STATS_SINKS_MAX);

	json_key(json, "lake");
	json_array_begin(json);
	for (size_t i = 0; i < count; i++) {
		json_object_begin(json);
		json_key(json, "sink");
		json_text(json, sinks[i].name);
		member(json, "lag_records", sinks[i].lag_records);
		member(json, "lag_bytes", sinks[i].lag_bytes);
		member(json, "failures_total", sinks[i].failures_total);
		member(json, "rows_total", sinks[i].rows_total);
		json_object_end(json);
	}
	json_array_end(json);
}

static void write_console(struct json *json, const struct api *api)
{
	struct server_stats server = {0};

	if (api->server)
		server_stats(api->server, &server);
	group(json, "console");
	member(json, "connections", server.connections);
	member(json, "connections_total", server.connections_total);
	member(json, "connections_refused_total", server.refused_total);
	member(json, "requests_total", server.requests_total);
	member(json, "followers", api->follower_count);
	json_object_end(json);
}

static void write_process(struct json *json)
{
	struct usage usage;

	usage_read(&usage);
	group(json, "process");
	json_key(json, "cpu_seconds");
	json_double(json, usage.cpu_seconds);
	member(json, "resident_bytes", usage.resident_bytes);
	member(json, "open_fds", usage.open_fds);
	member(json, "max_fds", usage.max_fds);
	json_object_end(json);
}

void stats_show(struct api *api, struct connection *connection, const struct request *request)
{
	const struct fleet *fleet = api->fleet;
	struct json body = JSON_EMPTY;

	(void)request;
	json_object_begin(&body);
	json_key(&body, "version");
	json_text(&body, CANOPY_VERSION);
	json_key(&body, "started");
	json_time(&body, fleet->started_wall_ns);
	json_key(&body, "uptime_seconds");
	json_double(&body, (double)(api_now() - fleet->started_wall_ns) / 1e9);
	write_hosts(&body, fleet);
	write_forest(&body, fleet);
	write_ingest(&body, fleet);
	write_journal(&body, fleet);
	write_sinks(&body, fleet);
	write_console(&body, api);
	write_process(&body);
	json_object_end(&body);
	json_raw(&body, "\n", 1);
	connection_answer(connection, 200, RESPONSE_JSON, NULL, &body);
}
