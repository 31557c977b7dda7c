/* SPDX-License-Identifier: Apache-2.0 */
/* How long the collector's rooms take to know everything again: a journal with the lives of many hosts, of whom a million
 * processes live, is written with checkpoints on the way, then read as at a start; and what a checkpoint costs while
 * facts come.
 *
 *   bench-recovery FOLDER [LIVING [HOSTS [STORM]]]   STORM: short lives that come after the living */
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <unistd.h>
#include <uv.h>

#include "collector/ingest/apply.h"
#include "collector/ingest/checkpoint.h"
#include "collector/ingest/replay.h"
#include "tests/bench/forest/facts.h"

#define BATCH 500u
#define OFFSET 1700000000000000000ll

struct rooms {
	const char *dir;
	uv_loop_t loop;
	struct forest *forest;
	struct journal *journal;
	struct streams streams;
	struct links links;
	struct checkpoint checkpoint;
	struct batch_encoder *encoder;
	struct arena arena;
	uint64_t appended, facts;
	uint64_t slices, slices_ns, longest_ns;
	bool closed;
};

static void check(int r)
{
	if (r < 0) {
		(void)fprintf(stderr, "recovery: %s\n", strerror(-r));
		exit(EXIT_FAILURE);
	}
}

static void on_durable(void *owner, uint64_t position, int error)
{
	struct rooms *rooms = owner;
	uint64_t begin_ns = uv_hrtime(), took_ns;
	bool active = rooms->checkpoint.active;

	check(error);
	checkpoint_turn(&rooms->checkpoint, position);
	took_ns = uv_hrtime() - begin_ns;
	if (!active)
		return;
	rooms->slices++;
	rooms->slices_ns += took_ns;
	rooms->longest_ns = took_ns > rooms->longest_ns ? took_ns : rooms->longest_ns;
}

static void open_rooms(struct rooms *rooms)
{
	struct forest_options forest = FOREST_OPTIONS_DEFAULT;
	struct journal_options journal = {.dir = rooms->dir};
	struct seglog_recovery recovery;

	check(forest_create(&rooms->forest, &forest));
	check(journal_open(&rooms->journal, &rooms->loop, &journal, &recovery, NULL));
	streams_init(&rooms->streams);
	links_init(&rooms->links);
	checkpoint_init(&rooms->checkpoint, rooms->forest, rooms->journal, &rooms->streams, &rooms->links);
}

static void on_closed(void *owner)
{
	((struct rooms *)owner)->closed = true;
}

static void close_rooms(struct rooms *rooms)
{
	rooms->closed = false;
	checkpoint_finish(&rooms->checkpoint);
	journal_close(rooms->journal, on_closed, rooms);
	while (!rooms->closed)
		(void)uv_run(&rooms->loop, UV_RUN_ONCE);
	links_finish(&rooms->links);
	streams_finish(&rooms->streams);
	forest_destroy(rooms->forest);
	(void)malloc_trim(0);
}

static struct boot_id boot_of(unsigned host)
{
	struct boot_id boot = {{1}};

	memcpy(boot.octets + 4, &host, sizeof(host));
	return boot;
}

static void describe(struct rooms *rooms, unsigned host)
{
	char name[32];
	int len = snprintf(name, sizeof(name), "host-%u", host);
	struct hello hello = {.protocol_version = PROTOCOL_VERSION,
			      .boot = boot_of(host),
			      .hostname = bytes_make(name, (size_t)len),
			      .kernel = BYTES_LITERAL("6.18"),
			      .arch = BYTES_LITERAL("x86_64"),
			      .sensor_version = BYTES_LITERAL("1"),
			      .boottime_ns = 1,
			      .boottime_to_wall_ns = OFFSET};
	struct forest_host *at;

	check(forest_host_get(rooms->forest, &hello.boot, &at));
	check(forest_host_describe(rooms->forest, at, &hello));
	check(journal_append_host(rooms->journal, 1, &hello, &rooms->appended));
}

/* As ingest takes a batch. */
static void take(struct rooms *rooms, unsigned host)
{
	struct batch_id id = {.boot = boot_of(host), .stream = 7};
	uint8_t facts[BATCH / 8 + 1] = {0}, gaps[1] = {0};
	struct apply_verdict verdict = {facts, gaps};
	struct apply_counts counts = {0};
	struct stream_entry *entry;
	struct forest_host *at;
	const uint8_t *data;
	struct batch batch;
	size_t len;

	if (!batch_encoder_count(rooms->encoder))
		return;
	check(forest_host_get(rooms->forest, &id.boot, &at));
	check(streams_get(&rooms->streams, &id.boot, id.stream, &entry));
	id.seq = entry->next ? entry->next : 1;
	check(batch_encoder_finish(rooms->encoder, &id, OFFSET, &data, &len));
	arena_reset(&rooms->arena);
	check(batch_decode(&rooms->arena, data, len, &batch, NULL));
	apply_batch(rooms->forest, at, &batch, &verdict, &counts);
	check(journal_append_batch(rooms->journal, 1, bytes_make(data, len),
				   &(struct journal_verdict){facts, gaps, batch.fact_count, 0}, &rooms->appended));
	stream_take(entry, id.seq, apply_newest(&batch));
	rooms->facts += batch.fact_count;
	do
		(void)uv_run(&rooms->loop, UV_RUN_NOWAIT);
	while (journal_pending_bytes(rooms->journal) > 8u << 20);
}

static void add(struct rooms *rooms, unsigned host, struct fact fact)
{
	check(batch_encoder_add(rooms->encoder, &fact));
	free((void *)(uintptr_t)fact.argv.data);
	if (batch_encoder_count(rooms->encoder) == BATCH)
		take(rooms, host);
}

/* Short lives are 100 ms apart, so that few of them count as recent. */
static void live(struct rooms *rooms, unsigned host, unsigned first, unsigned count, bool stay)
{
	const struct process_key init = {1, 1};
	const uint64_t apart_ns = stay ? 100000ull : 100000000ull;

	for (unsigned i = first; i < first + count; i++) {
		struct process_key self = {1000000000ull + i * apart_ns, 2 + i % 4000000};

		add(rooms, host, make_fact(FACT_FORK, self, init, self.start_ns + 10, i));
		add(rooms, host, make_fact(FACT_EXEC, self, init, self.start_ns + 30000, i));
		if (!stay)
			add(rooms, host, make_fact(FACT_EXIT, self, init, self.start_ns + 60000, i));
	}
	take(rooms, host);
}

static void write_journal(struct rooms *rooms, unsigned living, unsigned hosts, unsigned storm)
{
	uint64_t begin_ns = uv_hrtime();

	for (unsigned host = 0; host < hosts; host++) {
		describe(rooms, host);
		live(rooms, host, 0, living / hosts, true);
	}
	for (unsigned host = 0; host < hosts; host++)
		live(rooms, host, living / hosts, storm / hosts, false);
	while (journal_durable(rooms->journal) < rooms->appended || rooms->checkpoint.active)
		(void)uv_run(&rooms->loop, UV_RUN_ONCE);
	printf("written_facts=%" PRIu64 " seconds=%.1f journal_mib=%.0f checkpoints=%" PRIu64 " failures=%" PRIu64
	       " newest_mib=%.0f slices=%" PRIu64 " slice_ms_mean=%.2f slice_ms_max=%.2f\n",
	       rooms->facts, (double)(uv_hrtime() - begin_ns) / 1e9, (double)journal_bytes(rooms->journal) / 1048576,
	       rooms->checkpoint.written, rooms->checkpoint.failures,
	       (double)rooms->checkpoint.newest.bytes / 1048576, rooms->slices,
	       rooms->slices ? (double)rooms->slices_ns / (double)rooms->slices / 1e6 : 0,
	       (double)rooms->longest_ns / 1e6);
}

static double rss_mib(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long pages = 0;

	if (file && fscanf(file, "%*s %ld", &pages) != 1)
		pages = 0;
	if (file)
		(void)fclose(file);
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1048576;
}

static void recover(struct rooms *rooms, const char *name, uint64_t history_bytes)
{
	uint64_t begin_ns = uv_hrtime();
	double begin_cpu = cpu();
	struct replay_counts counts;
	struct forest_stats stats;

	open_rooms(rooms);
	check(replay_journal(rooms->journal, rooms->forest, &rooms->streams, &rooms->links, history_bytes, &counts));
	forest_stats(rooms->forest, &stats);
	printf("%s_seconds=%.2f cpu_seconds=%.2f from=%" PRIu64 " restored_facts=%" PRIu64 " replayed_facts=%" PRIu64
	       " live=%" PRIu64 " hosts=%" PRIu64 " forest_mib=%.0f bytes_per_live=%.0f rss_mib=%.0f\n",
	       name, (double)(uv_hrtime() - begin_ns) / 1e9, cpu() - begin_cpu, counts.from, counts.restored,
	       counts.facts, stats.live, stats.hosts, (double)stats.bytes / 1048576,
	       (double)stats.bytes / (double)stats.live, rss_mib());
	close_rooms(rooms);
}

int main(int argc, char **argv)
{
	unsigned living = argc > 2 ? (unsigned)atoi(argv[2]) : 1000000, hosts = argc > 3 ? (unsigned)atoi(argv[3]) : 1000;
	unsigned storm = argc > 4 ? (unsigned)atoi(argv[4]) : 1000000;
	struct rooms rooms = {.dir = argc > 1 ? argv[1] : NULL};

	if (!rooms.dir || !living || !hosts || hosts > living)
		return 2;
	make_texts();
	check(uv_loop_init(&rooms.loop));
	check(batch_encoder_create(&rooms.encoder));
	open_rooms(&rooms);
	journal_on_durable(rooms.journal, on_durable, &rooms);
	checkpoint_recovered(&rooms.checkpoint, NULL);
	write_journal(&rooms, living, hosts, storm);
	close_rooms(&rooms);
	recover(&rooms, "recovery", REPLAY_HISTORY_BYTES);
	recover(&rooms, "everything", UINT64_MAX);
	batch_encoder_destroy(rooms.encoder);
	arena_finish(&rooms.arena);
	(void)uv_loop_close(&rooms.loop);
	return 0;
}
