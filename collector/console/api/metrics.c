/* SPDX-License-Identifier: Apache-2.0 */
/* One piece a family, since all samples of a family must stand together. What a heartbeat carries is shown for each
 * host, or as sums where hosts are too many to be labels. No label ever holds a pid or a command line: their number has
 * no bound. */
#include "collector/console/api/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "collector/console/api/api.h"
#include "collector/console/api/stats.h"
#include "collector/console/api/usage.h"
#include "proto/model/gap.h"

/* ---- writing ------------------------------------------------------------------------------------------------- */

static void put(struct json *out, const char *text)
{
	json_raw(out, text, strlen(text));
}

static void head(struct json *out, const char *name, const char *type, const char *help)
{
	put(out, "# HELP ");
	put(out, name);
	put(out, " ");
	put(out, help);
	put(out, "\n# TYPE ");
	put(out, name);
	put(out, " ");
	put(out, type);
	put(out, "\n");
}

static void value_uint(struct json *out, uint64_t value)
{
	out->comma = false;
	put(out, " ");
	json_uint(out, value);
	out->comma = false;
	put(out, "\n");
}

static void value_double(struct json *out, double value)
{
	char text[40];

	(void)snprintf(text, sizeof(text), " %.15g\n", value);
	for (char *p = text; *p; p++)
		if (*p == ',')
			*p = '.'; /* the decimal point of whatever locale is set */
	put(out, text);
}

/* name or name{label="value"} where label is given */
static void sample(struct json *out, const char *name, const char *label, const char *value)
{
	put(out, name);
	if (!label)
		return;
	put(out, "{");
	put(out, label);
	put(out, "=\"");
	put(out, value);
	put(out, "\"}");
}

static void single(struct json *out, const char *name, const char *type, const char *help, uint64_t value)
{
	head(out, name, type, help);
	sample(out, name, NULL, NULL);
	value_uint(out, value);
}

static void single_double(struct json *out, const char *name, const char *type, const char *help, double value)
{
	head(out, name, type, help);
	sample(out, name, NULL, NULL);
	value_double(out, value);
}

/* ---- the collector ------------------------------------------------------------------------------------------- */

static void events(struct json *out, const struct fleet_ingest_stats *stats)
{
	static const char name[] = "canopy_collector_events_total";

	head(out, name, "counter", "Facts received, by type, and whether they said something new.");
	for (unsigned type = FACT_FORK; type <= FACT_SNAPSHOT; type++) {
		for (unsigned known = 0; known < 2; known++) {
			char labels[64];

			(void)snprintf(labels, sizeof(labels), "{type=\"%s\",result=\"%s\"}", host_fact_word(type),
				       known ? "duplicate" : "new");
			put(out, name);
			put(out, labels);
			value_uint(out, known ? stats->facts_known[type] : stats->facts_new[type]);
		}
	}
}

static void latency(struct json *out, const struct fleet_ingest_stats *stats)
{
	static const char bucket[] = "canopy_collector_ingest_latency_seconds_bucket";
	size_t bounds = sizeof(stats->latency_counts) / sizeof(stats->latency_counts[0]) - 1;
	uint64_t count = 0;

	head(out, "canopy_collector_ingest_latency_seconds", "histogram",
	     "Time from a batch received to durable in the journal.");
	for (size_t i = 0; i <= bounds; i++) {
		char bound[32] = "+Inf";

		if (i < bounds)
			(void)snprintf(bound, sizeof(bound), "%.9g", fleet_latency_bounds[i]);
		for (char *p = bound; *p; p++)
			if (*p == ',')
				*p = '.';
		count += stats->latency_counts[i];
		sample(out, bucket, "le", bound);
		value_uint(out, count);
	}
	put(out, "canopy_collector_ingest_latency_seconds_sum");
	value_double(out, stats->latency_sum);
	put(out, "canopy_collector_ingest_latency_seconds_count");
	value_uint(out, count);
}

static void ingest(struct json *out, const struct fleet *fleet)
{
	struct fleet_ingest_stats stats = {0};

	fleet->ingest(fleet->owner, &stats);
	events(out, &stats);
	latency(out, &stats);
	single(out, "canopy_collector_sessions", "gauge", "Sensors connected now.", stats.sessions);
	single(out, "canopy_collector_sessions_total", "counter", "Sensors that have connected.", stats.sessions_total);
	single(out, "canopy_collector_rejects_total", "counter", "Sensors that were turned away.", stats.rejects_total);
	single(out, "canopy_collector_foreign_total", "counter", "Peers and batches that spoke for a host that is not theirs.",
	       stats.foreign_total);
	single(out, "canopy_collector_tls_handshakes", "gauge", "TLS handshakes of sensors under way.", stats.securing);
	single(out, "canopy_collector_received_bytes_total", "counter", "Bytes received from sensors.",
	       stats.bytes_received);
	single(out, "canopy_collector_batches_relayed_total", "counter", "Batches that one shard took for another one.",
	       stats.batches_relayed);
	single(out, "canopy_collector_bad_frames_total", "counter", "Frames that broke the protocol.",
	       stats.frames_bad);
	single(out, "canopy_collector_sequence_gap_events_total", "counter", "Jumps seen in the numbers of batches.",
	       stats.sequence_gaps);
	single(out, "canopy_collector_checkpoints_total", "counter", "Checkpoints of the journal that were completed.",
	       stats.checkpoints);
	single(out, "canopy_collector_checkpoint_failures_total", "counter",
	       "Checkpoints that were given up, to be tried again.", stats.checkpoint_failures);
	single(out, "canopy_collector_hosts_forgotten_total", "counter",
	       "Host boots that were over and made room for others, or of which retention left nothing.", stats.hosts_forgotten);
	single(out, "canopy_collector_shards_paced", "gauge", "Shards that slow their sensors down.", stats.shards_paced);
	single(out, "canopy_collector_pace_batches_per_second", "gauge", "Batches a second that those shards take together.",
	       stats.pace);
	head(out, "canopy_collector_batches_total", "counter", "Batches received, by result.");
	sample(out, "canopy_collector_batches_total", "result", "new");
	value_uint(out, stats.batches_new);
	sample(out, "canopy_collector_batches_total", "result", "duplicate");
	value_uint(out, stats.batches_duplicate);
}

/* Two labels. */
static void handshakes(struct json *out, const char *port, const struct tls_counts *counts)
{
	static const char name[] = "canopy_collector_tls_handshakes_total";
	static const char *const results[] = {"full", "resumed", "failed"};
	const uint64_t values[] = {counts->full, counts->resumed, counts->failed};

	for (unsigned i = 0; i < 3; i++) {
		put(out, name);
		put(out, "{port=\"");
		put(out, port);
		put(out, "\",result=\"");
		put(out, results[i]);
		put(out, "\"}");
		value_uint(out, values[i]);
	}
}

static void tls(struct json *out, const struct fleet *fleet)
{
	struct fleet_tls tls = {.expiry = INT64_MAX};

	if (fleet->tls)
		fleet->tls(fleet->owner, &tls);
	if (tls.expiry == INT64_MAX)
		return;
	head(out, "canopy_collector_tls_handshakes_total", "counter", "TLS handshakes, by port and result.");
	handshakes(out, "sensors", &tls.sensors);
	handshakes(out, "console", &tls.console);
	single(out, "canopy_collector_tls_reload_failures_total", "counter", "Changed certificate files that could not be used.",
	       tls.sensors.reload_failures + tls.console.reload_failures);
	single(out, "canopy_collector_tls_certificate_expiry_seconds", "gauge", "When the collector's certificate ends, since 1970.",
	       (uint64_t)tls.expiry);
}

static void forest(struct json *out, const struct fleet *fleet)
{
	static const char name[] = "canopy_collector_forest_processes";
	struct forest_stats stats;

	stats_forest(fleet, &stats);
	head(out, name, "gauge", "Processes held, by state.");
	sample(out, name, "state", "live");
	value_uint(out, stats.live);
	sample(out, name, "state", "exited");
	value_uint(out, stats.exited);
	sample(out, name, "state", "unknown");
	value_uint(out, stats.unknown);
	single(out, "canopy_collector_forest_bytes", "gauge", "Memory of the forest.", stats.bytes);
	single(out, "canopy_collector_evicted_total", "counter", "Exited processes that were dropped from memory.",
	       stats.evicted);
}

static void hosts(struct json *out, const struct fleet *fleet)
{
	static const char *const states[HOST_STATES] = {"live", "catching_up", "silent", "rebooted", "gone"};
	static const char name[] = "canopy_collector_hosts";
	uint64_t counts[HOST_STATES];

	stats_count_hosts(fleet, counts);
	head(out, name, "gauge", "Host boots, by state.");
	for (unsigned i = 0; i < HOST_STATES; i++) {
		sample(out, name, "state", states[i]);
		value_uint(out, counts[i]);
	}
}

static void journal(struct json *out, const struct fleet *fleet)
{
	struct stats_journal stats;

	stats_journals(fleet, &stats);
	head(out, "canopy_collector_journal_fsync_seconds", "summary", "Time of group commits of the journal.");
	put(out, "canopy_collector_journal_fsync_seconds_sum");
	value_double(out, (double)stats.commit_ns / 1e9);
	put(out, "canopy_collector_journal_fsync_seconds_count");
	value_uint(out, stats.commits);
	single(out, "canopy_collector_journal_bytes", "gauge", "Bytes of the journal on disk.", stats.bytes);
	single(out, "canopy_collector_journal_pending_bytes", "gauge", "Bytes that are not durable yet.",
	       stats.pending_bytes);
	single(out, "canopy_collector_shards", "gauge", "Shards that the hosts are spread over.", fleet->shard_count);
}

static void sinks(struct json *out, const struct fleet *fleet)
{
	static const struct {
		const char *name, *type, *help;
		size_t offset;
	} families[] = {
	    {"canopy_collector_sink_lag_bytes", "gauge", "Bytes of the journal that a sink has still to write.",
	     offsetof(struct fleet_sink, lag_bytes)},
	    {"canopy_collector_sink_lag_records", "gauge", "Records of the journal that a sink has still to write.",
	     offsetof(struct fleet_sink, lag_records)},
	    {"canopy_collector_sink_failures_total", "counter", "Failures of a sink.",
	     offsetof(struct fleet_sink, failures_total)},
	    {"canopy_collector_sink_rows_total", "counter", "Rows written by a sink.",
	     offsetof(struct fleet_sink, rows_total)},
	};
	struct fleet_sink found[STATS_SINKS_MAX];
	size_t count = fleet->sinks(fleet->owner, found, STATS_SINKS_MAX);

	for (size_t f = 0; count > 0 && f < sizeof(families) / sizeof(families[0]); f++) {
		head(out, families[f].name, families[f].type, families[f].help);
		for (size_t i = 0; i < count; i++) {
			uint64_t value;

			memcpy(&value, (const char *)&found[i] + families[f].offset, sizeof(value));
			sample(out, families[f].name, "sink", found[i].name);
			value_uint(out, value);
		}
	}
}

static void process(struct json *out, const struct api *api)
{
	struct server_stats server = {0};
	struct usage usage;

	usage_read(&usage);
	if (api->server)
		server_stats(api->server, &server);
	single(out, "canopy_collector_console_requests_total", "counter", "Requests to the console.",
	       server.requests_total);
	single(out, "canopy_collector_console_unauthorized_total", "counter", "Requests without a token that counts.",
	       server.unauthorized_total);
	single(out, "canopy_collector_console_connections", "gauge", "Connections of the console.", server.connections);
	single(out, "canopy_collector_console_followers", "gauge", "Followers of the events.", api->follower_count);
	head(out, "canopy_collector_build_info", "gauge", "Version of the collector; always 1.");
	sample(out, "canopy_collector_build_info", "version", CANOPY_VERSION);
	value_uint(out, 1);
	single_double(out, "process_cpu_seconds_total", "counter", "CPU time, user and system.", usage.cpu_seconds);
	single(out, "process_resident_memory_bytes", "gauge", "Resident memory.", usage.resident_bytes);
	single(out, "process_virtual_memory_bytes", "gauge", "Virtual memory.", usage.virtual_bytes);
	single(out, "process_open_fds", "gauge", "Open file descriptors.", usage.open_fds);
	single(out, "process_max_fds", "gauge", "Bound of open file descriptors.", usage.max_fds);
	single_double(out, "process_start_time_seconds", "gauge", "When the collector started, since 1970.",
		      (double)api->fleet->started_wall_ns / 1e9);
}

/* ---- the sensors --------------------------------------------------------------------------------------------- */

/* A figure of a host. false: not known. */
typedef bool (*figure_fn)(const struct host_look *look, double *ret);

#define HEARTBEAT_FIGURE(name, field, scale) \
	static bool name(const struct host_look *look, double *ret) \
	{ \
		*ret = (double)look->link.heartbeat.field * (scale); \
		return look->link.heard; \
	}

HEARTBEAT_FIGURE(facts_fork, facts_fork, 1)
HEARTBEAT_FIGURE(facts_exec, facts_exec, 1)
HEARTBEAT_FIGURE(facts_exit, facts_exit, 1)
HEARTBEAT_FIGURE(lost_fork, lost_fork, 1)
HEARTBEAT_FIGURE(lost_exec, lost_exec, 1)
HEARTBEAT_FIGURE(lost_exit, lost_exit, 1)
HEARTBEAT_FIGURE(spool_bytes, queue_bytes, 1)
HEARTBEAT_FIGURE(unacked, queue_batches, 1)
HEARTBEAT_FIGURE(spool_dropped, spool_dropped_batches, 1)
HEARTBEAT_FIGURE(cpu, cpu_ns, 1e-9)
HEARTBEAT_FIGURE(rss, rss_bytes, 1)
HEARTBEAT_FIGURE(reconnects, reconnects, 1)
HEARTBEAT_FIGURE(redacted, redacted, 1)
HEARTBEAT_FIGURE(filtered_fork, filtered_fork, 1)
HEARTBEAT_FIGURE(filtered_exec, filtered_exec, 1)
HEARTBEAT_FIGURE(filtered_exit, filtered_exit, 1)
HEARTBEAT_FIGURE(filtered_snapshot, filtered_snapshot, 1)

static bool lag(const struct host_look *look, double *ret)
{
	*ret = (double)look->link.lag_ns / 1e9;
	return look->link.lag_ns >= 0 && look->state <= HOST_SILENT;
}

static bool skew(const struct host_look *look, double *ret)
{
	*ret = (double)look->link.skew_ns / 1e9;
	return look->link.heard && look->state <= HOST_SILENT;
}

/* Rows of one family stand together; each has its head at the first. label NULL: the family has one row. In sums a lag
 * is the largest. */
static const struct {
	const char *name, *type, *help, *label;
	figure_fn figure;
	bool largest;
} figures[] = {
    {"canopy_collector_host_lag_seconds", "gauge",
     "How far what is known of a host is behind; without hosts the largest.", NULL, lag, true},
    {"canopy_collector_host_clock_skew_seconds", "gauge", "Clock of a host minus ours; without hosts the largest.",
     NULL, skew, true},
    {"canopy_sensor_events_total", "counter", "Facts that left the kernel's ring, by type.", "fork", facts_fork, false},
    {"canopy_sensor_events_total", "counter", NULL, "exec", facts_exec, false},
    {"canopy_sensor_events_total", "counter", NULL, "exit", facts_exit, false},
    {"canopy_sensor_ring_lost_total", "counter", "Facts lost in the kernel, by type.", "fork", lost_fork, false},
    {"canopy_sensor_ring_lost_total", "counter", NULL, "exec", lost_exec, false},
    {"canopy_sensor_ring_lost_total", "counter", NULL, "exit", lost_exit, false},
    {"canopy_sensor_filtered_total", "counter", "Facts that a filter of the host left out, by type.", "fork",
     filtered_fork, false},
    {"canopy_sensor_filtered_total", "counter", NULL, "exec", filtered_exec, false},
    {"canopy_sensor_filtered_total", "counter", NULL, "exit", filtered_exit, false},
    {"canopy_sensor_filtered_total", "counter", NULL, "snapshot", filtered_snapshot, false},
    {"canopy_sensor_redacted_total", "counter", "Secrets that were hidden on the host.", NULL, redacted, false},
    {"canopy_sensor_spool_bytes", "gauge", "Bytes that wait in the spool.", NULL, spool_bytes, false},
    {"canopy_sensor_spool_dropped_total", "counter", "Batches that a full spool dropped.", NULL, spool_dropped, false},
    {"canopy_sensor_unacked_batches", "gauge", "Batches that are not acknowledged.", NULL, unacked, false},
    {"canopy_sensor_reconnects_total", "counter", "Connections made anew.", NULL, reconnects, false},
    {"canopy_sensor_cpu_seconds_total", "counter", "CPU time of the sensor.", NULL, cpu, false},
    {"canopy_sensor_resident_memory_bytes", "gauge", "Resident memory of the sensor.", NULL, rss, false},
};
#define FIGURES (sizeof(figures) / sizeof(figures[0]))

static void put_escaped(struct json *out, struct bytes text)
{
	for (uint32_t i = 0; i < text.len; i++) {
		if (text.data[i] == '\n') {
			put(out, "\\n");
			continue;
		}
		if (text.data[i] == '"' || text.data[i] == '\\')
			put(out, "\\");
		json_raw(out, &text.data[i], 1);
	}
}

/* A host name may come again with another boot: both make the label. */
static void figure_of_host(struct json *out, size_t row, const struct host_look *look, double value)
{
	char boot[BOOT_ID_TEXT];

	boot_id_format(&look->info.boot, boot);
	put(out, figures[row].name);
	put(out, "{host=\"");
	put_escaped(out, look->info.hostname);
	put(out, "\",boot_id=\"");
	put(out, boot);
	if (figures[row].label) {
		put(out, "\",type=\"");
		put(out, figures[row].label);
	}
	put(out, "\"}");
	value_double(out, value);
}

struct telling {
	struct json *out;
	const struct api *api;
	size_t row;
	double total;
};

static void figure_host(void *owner, struct forest_host *host)
{
	struct telling *telling = owner;
	size_t row = telling->row;
	struct host_look look;
	double value;

	host_look(telling->api->fleet, host, api_now(), &look);
	if (!figures[row].figure(&look, &value))
		return;
	if (!telling->api->options.metrics_without_hosts)
		figure_of_host(telling->out, row, &look, value);
	else if (!figures[row].largest)
		telling->total += value;
	else if (value > telling->total || -value > telling->total)
		telling->total = value < 0 ? -value : value;
}

static void figure(struct json *out, const struct api *api, size_t row)
{
	struct telling telling = {.out = out, .api = api, .row = row};

	if (figures[row].help)
		head(out, figures[row].name, figures[row].type, figures[row].help);
	fleet_each_host(api->fleet, figure_host, &telling);
	if (!api->options.metrics_without_hosts)
		return;
	sample(out, figures[row].name, figures[row].label ? "type" : NULL, figures[row].label);
	value_double(out, telling.total);
}

/* ---- losses -------------------------------------------------------------------------------------------------- */

/* What gaps say was lost, whoever said so: the sensors' counts of their rings are but a part of it. Series of a host begin with its first loss, so that most
 * hosts have none; the sums are always there. */
struct losses {
	const struct api *api;
	struct json *out;
	struct forest_losses sum;
	bool gaps; /* the family of gaps, not that of facts */
};

#define LOST "canopy_collector_lost_total"
#define GAPS "canopy_collector_gaps_total"

/* look NULL: a sum. type NULL: of the family that has none. */
static void loss(struct json *out, const struct host_look *look, const char *type, const char *reason, uint64_t value)
{
	char boot[BOOT_ID_TEXT];

	put(out, type ? LOST "{" : GAPS "{");
	if (look) {
		boot_id_format(&look->info.boot, boot);
		put(out, "host=\"");
		put_escaped(out, look->info.hostname);
		put(out, "\",boot_id=\"");
		put(out, boot);
		put(out, "\",");
	}
	if (type) {
		put(out, "type=\"");
		put(out, type);
		put(out, "\",");
	}
	put(out, "reason=\"");
	put(out, reason);
	put(out, "\"}");
	value_uint(out, value);
}

static void losses_of(struct json *out, const struct host_look *look, const struct forest_losses *found, bool gaps)
{
	for (uint32_t reason = 0; reason < FOREST_GAP_REASONS; reason++) {
		const char *word = gap_reason_word(reason);

		if (reason == GAP_FILTERED)
			continue; /* no loss */
		if (gaps && (found->gaps[reason] || !look))
			loss(out, look, NULL, word, found->gaps[reason]);
		for (uint32_t type = 0; !gaps && type <= FACT_SNAPSHOT; type++)
			if (found->facts[type][reason] || !look)
				loss(out, look, type ? host_fact_word(type) : "unknown", word, found->facts[type][reason]);
	}
}

/* What is lost by gaps that are no longer remembered was so for a reason that is not known any more. */
static struct forest_losses losses_known(const struct forest_host_info *info)
{
	struct forest_losses found = {0};

	if (info->losses)
		found = *info->losses;
	for (uint32_t type = 0; type <= FACT_SNAPSHOT; type++) {
		uint64_t known = 0;

		for (uint32_t reason = 0; reason < FOREST_GAP_REASONS; reason++)
			known += found.facts[type][reason];
		if (info->lost[type] > known)
			found.facts[type][0] += info->lost[type] - known;
	}
	return found;
}

static void losses_host(void *owner, struct forest_host *host)
{
	struct losses *losses = owner;
	struct forest_losses found;
	struct host_look look;

	host_look(losses->api->fleet, host, api_now(), &look);
	found = losses_known(&look.info);
	if (!losses->api->options.metrics_without_hosts) {
		losses_of(losses->out, &look, &found, losses->gaps);
		return;
	}
	for (uint32_t reason = 0; reason < FOREST_GAP_REASONS; reason++) {
		losses->sum.gaps[reason] += found.gaps[reason];
		for (uint32_t type = 0; type <= FACT_SNAPSHOT; type++)
			losses->sum.facts[type][reason] += found.facts[type][reason];
	}
}

static void losses(struct json *out, const struct api *api, bool gaps)
{
	struct losses all = {.out = out, .api = api, .gaps = gaps};

	if (gaps)
		head(out, GAPS, "counter", "Gaps in what is known of hosts, by reason; of some it is not known how much they hold.");
	else
		head(out, LOST, "counter", "Facts known to be lost on their way here, by type and reason.");
	fleet_each_host(api->fleet, losses_host, &all);
	if (api->options.metrics_without_hosts)
		losses_of(out, NULL, &all.sum, gaps);
}

/* ---- body ---------------------------------------------------------------------------------------------------- */

struct metrics_body {
	struct body body;
	struct api *api;
	size_t row; /* 0: the collector's own; then figures[row - 1]; then lost facts, and gaps */
};

static int metrics_produce(struct body *body, struct json *out)
{
	struct metrics_body *metrics = (struct metrics_body *)(void *)body;
	const struct fleet *fleet = metrics->api->fleet;

	if (metrics->row == 0) {
		hosts(out, fleet);
		ingest(out, fleet);
		tls(out, fleet);
		forest(out, fleet);
		journal(out, fleet);
		sinks(out, fleet);
		process(out, metrics->api);
	} else if (metrics->row <= FIGURES) {
		figure(out, metrics->api, metrics->row - 1);
	} else {
		losses(out, metrics->api, metrics->row == FIGURES + 2);
	}
	return metrics->row++ == FIGURES + 2 ? BODY_DONE : BODY_MORE;
}

static void metrics_destroy(struct body *body)
{
	free(body);
}

static const struct body_type metrics_type = {.produce = metrics_produce, .destroy = metrics_destroy};

void metrics_show(struct api *api, struct connection *connection, const struct request *request)
{
	struct metrics_body *metrics = calloc(1, sizeof(*metrics));

	(void)request;
	if (!metrics) {
		api_fail_errno(connection, -ENOMEM);
		return;
	}
	*metrics = (struct metrics_body){.body.type = &metrics_type, .api = api};
	connection_stream(connection, RESPONSE_METRICS, &metrics->body);
}
