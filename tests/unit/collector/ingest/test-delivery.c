/* SPDX-License-Identifier: Apache-2.0 */
/* A real spool, real ingest, journal and forest, and between them a link that does what it likes: it cuts connections,
 * delivers late what an older one still carries, brings batches twice and over several connections in any order; and either side dies (its files
 * as they are, copied away under it) and comes back. Whatever happens, a batch that the spool was told to forget is in
 * the journal, and at the end each batch is there once and each fact is new to the forest once. CANOPY_SEED=N runs one
 * history only. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/ingest/ingest.h"
#include "sensor/spool/spool.h"
#include "tests/unit/batches.h"
#include "tests/unit/folder.h"
#include "tests/unit/loop.h"

#define HISTORIES 300
#define STEPS 500
#define LINKS 3       /* connections that are alive at a time; the newest is the sensor's */
#define QUEUE_MAX 64  /* batches on their way over one */
#define SEQS_MAX 2000 /* a history stays below */
#define FACTS_MAX 4u
#define SEGMENT_BYTES 3000u
#define NOW 1700000000000000000ll

struct parcel {
	uint64_t seq;
	uint8_t *data; /* owned */
	size_t len;
};

struct link_ {
	bool open;
	struct ingest_peer *peer; /* NULL when it was refused or cut */
	struct parcel queue[QUEUE_MAX];
	size_t count;
	uint64_t end; /* number behind the newest batch that went in; a sensor leaves none out */
	uint64_t ack; /* said by the collector and not yet heard; 0 = none */
};

struct world {
	uv_loop_t loop;
	uint64_t random;
	struct folder spool_folder, journal_folder;
	struct spool *spool;
	struct forest *forest;
	struct journal *journal;
	struct ingest *ingest;
	struct arena arena;
	struct batches batches;
	struct link_ links[LINKS];
	size_t newest; /* index */
	uint64_t next; /* that the sensor sends next, over the newest */
	uint64_t forgotten; /* the spool was told so */
	uint64_t facts;
	bool calm; /* the end: the link behaves */
	bool closed;
};

static uint32_t draw(struct world *w, uint32_t below)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return (uint32_t)((w->random * 2685821657736338717u) >> 33) % below;
}

static void on_closed(void *owner)
{
	((struct world *)owner)->closed = true;
}

static bool is_closed(void *owner)
{
	return ((struct world *)owner)->closed;
}

/* ---- the collector ------------------------------------------------------------------------------------------- */

static void on_acked(void *owner, uint64_t seq)
{
	struct link_ *link = owner;

	assert_true(seq > link->ack);
	link->ack = seq;
}

static void on_paused(void *owner, bool paused)
{
}

static void on_refused(void *owner, const struct ingest_refusal *refusal)
{
	((struct link_ *)owner)->peer = NULL;
}

static const struct ingest_peer_events events = {.acked = on_acked, .paused = on_paused, .refused = on_refused};

static void open_collector(struct world *w)
{
	struct forest_options forest = FOREST_OPTIONS_DEFAULT;
	struct journal_options journal = {.dir = w->journal_folder.path, .segment_bytes = SEGMENT_BYTES};
	struct replay_counts counts;
	char *why = NULL;

	assert_int_equal(forest_create(&w->forest, &forest), 0);
	if (journal_open(&w->journal, &w->loop, &journal, NULL, &why) < 0)
		fail_msg("%s", why ? why : "no reason");
	assert_int_equal(ingest_create(&w->ingest, w->forest, w->journal), 0);
	assert_int_equal(ingest_recover(w->ingest, &counts), 0);
	assert_int_equal(counts.holes, 0);
}

static void close_collector(struct world *w)
{
	ingest_destroy(w->ingest);
	w->closed = false;
	journal_close(w->journal, on_closed, w);
	assert_true(loop_until(&w->loop, is_closed, w));
	forest_destroy(w->forest);
}

/* ---- the spool ----------------------------------------------------------------------------------------------- */

static void open_spool(struct world *w)
{
	struct spool_options options = {.dir = w->spool_folder.path, .segment_bytes = SEGMENT_BYTES, .sync_interval_ms = 1};
	char *why = NULL;

	if (spool_open(&w->spool, &w->loop, &options, NULL, &why) < 0)
		fail_msg("%s", why ? why : "no reason");
	w->batches.stream = spool_stream(w->spool);
}

static void close_spool(struct world *w)
{
	w->closed = false;
	spool_close(w->spool, on_closed, w);
	assert_true(loop_until(&w->loop, is_closed, w));
}

static void append(struct world *w)
{
	uint64_t seq = spool_next_seq(w->spool);
	unsigned count = 1 + (unsigned)(seq % FACTS_MAX);
	struct gap gap;
	bool dropped;
	size_t len;
	const uint8_t *data;

	assert_true(seq < SEQS_MAX);
	data = batches_make(&w->batches, seq, count, seq * 1000000, &len);
	assert_non_null(data);
	assert_int_equal(spool_append(w->spool, data, len, &gap, &dropped), 0);
	assert_false(dropped);
	w->facts += count;
}

/* ---- the link ------------------------------------------------------------------------------------------------ */

static void cut(struct world *w, size_t i)
{
	struct link_ *link = &w->links[i];

	ingest_leave(link->peer);
	for (size_t k = 0; k < link->count; k++)
		free(link->queue[k].data);
	*link = (struct link_){0};
}

static void forget(struct world *w, uint64_t seq)
{
	spool_ack(w->spool, seq);
	if (seq > w->forgotten)
		w->forgotten = seq;
}

static void connect_anew(struct world *w)
{
	struct hello hello = {.protocol_version = PROTOCOL_VERSION,
			      .boot = w->batches.boot,
			      .hostname = BYTES_LITERAL("model"),
			      .stream = w->batches.stream,
			      .first_unacked_seq = spool_first_unacked(w->spool)};
	struct ingest_refusal refusal;
	struct welcome welcome;
	struct link_ *link;

	w->newest = (w->newest + 1) % LINKS;
	cut(w, w->newest);
	link = &w->links[w->newest];
	assert_int_equal(ingest_join(w->ingest, &hello, NULL, &events, link, NOW, &link->peer, &welcome, &refusal), 0);
	link->open = true;
	assert_true(welcome.resume_seq >= hello.first_unacked_seq);
	assert_true(welcome.resume_seq <= spool_next_seq(w->spool));
	if (welcome.resume_seq > hello.first_unacked_seq)
		forget(w, welcome.resume_seq - 1);
	w->next = link->end = welcome.resume_seq;
}

static void carry(struct link_ *link, uint64_t seq, const void *data, size_t len)
{
	struct parcel parcel = {seq, malloc(len), len};

	if (!link->open || link->count == QUEUE_MAX || seq != link->end) {
		free(parcel.data);
		return;
	}
	assert_non_null(parcel.data);
	memcpy(parcel.data, data, len);
	link->queue[link->count++] = parcel;
	link->end = seq + 1;
}

static void send_next(struct world *w)
{
	struct link_ *link = &w->links[w->newest];
	struct bytes data;
	uint64_t seq;

	if (!link->open || w->next >= spool_first_unacked(w->spool) + INGEST_WINDOW_BATCHES || spool_read(w->spool, w->next, &data, &seq) != 0)
		return;
	carry(link, seq, data.data, data.len);
	w->next = link->end; /* the same again when there was no room */
	if (!w->calm && draw(w, 3) == 0) /* and over an older one as well, which may be behind or ahead of this one */
		carry(&w->links[draw(w, LINKS)], seq, data.data, data.len);
}

static void deliver(struct world *w, size_t i)
{
	struct link_ *link = &w->links[i];
	struct ingest_refusal refusal;
	struct parcel parcel;

	if (link->count == 0)
		return;
	parcel = link->queue[0];
	link->count--;
	memmove(link->queue, link->queue + 1, link->count * sizeof(*link->queue));
	arena_reset(&w->arena);
	if (link->peer && ingest_batch(link->peer, &w->arena, bytes_make(parcel.data, parcel.len), NOW, &refusal) != 0) {
		ingest_leave(link->peer); /* out of order: told so, and cut off */
		link->peer = NULL;
	}
	free(parcel.data);
}

static void hear_ack(struct world *w)
{
	struct link_ *link = &w->links[w->newest];

	if (link->ack && link->ack < w->next)
		forget(w, link->ack);
}

/* ---- deaths -------------------------------------------------------------------------------------------------- */

static void copy_file(const struct folder *folder, const char *name, struct folder *copy)
{
	char from[FOLDER_PATH_MAX * 2], buffer[4096];
	ssize_t n;
	int fd;

	folder_file(folder, name, from);
	fd = open(from, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && (n = read(fd, buffer, sizeof(buffer))) > 0)
		assert_int_equal(folder_append(copy, name, buffer, (size_t)n), 0);
	if (fd >= 0)
		(void)close(fd);
}

static int newest_first(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*b)->d_name, (*a)->d_name);
}

/* The files as they are at this moment, in a new folder. A commit may be under way: the newest segment is copied first, so that none that is
 * copied holds more than those before it, as it is on a disk. */
static void copy_away(struct folder *folder)
{
	struct dirent **entries;
	int count = scandir(folder->path, &entries, NULL, newest_first);
	struct folder copy;

	assert_int_equal(folder_make(&copy), 0);
	assert_true(count > 0);
	for (int i = 0; i < count; i++) {
		if (entries[i]->d_name[0] != '.' && strcmp(entries[i]->d_name, "lock") != 0)
			copy_file(folder, entries[i]->d_name, &copy);
		free(entries[i]);
	}
	free(entries);
	*folder = copy;
}

static void kill_collector(struct world *w)
{
	struct folder old = w->journal_folder;

	copy_away(&w->journal_folder);
	for (size_t i = 0; i < LINKS; i++)
		cut(w, i);
	close_collector(w);
	folder_remove(&old);
	open_collector(w);
}

static void kill_sensor(struct world *w)
{
	struct folder old = w->spool_folder;
	uint64_t next = spool_next_seq(w->spool);

	copy_away(&w->spool_folder);
	for (size_t i = 0; i < LINKS; i++)
		w->links[i].open = false; /* what is on its way still arrives */
	close_spool(w);
	folder_remove(&old);
	open_spool(w);
	assert_int_equal(spool_next_seq(w->spool), next);
}

/* ---- histories ----------------------------------------------------------------------------------------------- */

static void step(struct world *w)
{
	uint32_t what = draw(w, 100);

	if (what < 20)
		append(w);
	else if (what < 45)
		send_next(w);
	else if (what < 70)
		deliver(w, draw(w, LINKS));
	else if (what < 80)
		hear_ack(w);
	else if (what < 93)
		(void)uv_run(&w->loop, UV_RUN_NOWAIT);
	else if (what < 96)
		connect_anew(w);
	else if (what < 98)
		cut(w, draw(w, LINKS));
	else if (draw(w, 4) == 0)
		kill_collector(w);
	else if (draw(w, 4) == 0)
		kill_sensor(w);
}

static bool all_is_acked(void *owner)
{
	struct world *w = owner;

	for (unsigned i = 0; i < INGEST_WINDOW_BATCHES; i++) {
		send_next(w);
		deliver(w, w->newest);
		hear_ack(w);
	}
	return spool_batches(w->spool) == 0;
}

static void check_journal(struct world *w)
{
	uint64_t last = spool_next_seq(w->spool) - 1, found = 0;
	struct journal_reader *reader;
	struct journal_entry entry;

	assert_true(w->forgotten <= last);
	assert_int_equal(journal_reader_open(&reader, w->journal, 1), 0);
	for (;;) {
		int r;

		arena_reset(&w->arena);
		r = journal_reader_next(reader, &w->arena, &entry);
		if (r == JOURNAL_E_END)
			break;
		assert_int_equal(r, 0);
		if (entry.type == JOURNAL_BATCH)
			assert_int_equal(entry.batch.id.seq, ++found); /* each once, in order */
	}
	journal_reader_close(reader);
	assert_int_equal(found, last);
}

static void check_forest(struct world *w)
{
	struct forest_stats stats;

	forest_stats(w->forest, &stats);
	assert_int_equal(stats.facts_new[FACT_FORK], w->facts);
	assert_int_equal(stats.facts_known[FACT_FORK], 0);
}

static void one_history(uint64_t seed)
{
	struct world w = {.random = seed * 2654435761u + 1};

	print_message("# seed %llu\n", (unsigned long long)seed); /* the last one is the one that failed */
	assert_int_equal(uv_loop_init(&w.loop), 0);
	assert_int_equal(folder_make(&w.spool_folder), 0);
	assert_int_equal(folder_make(&w.journal_folder), 0);
	assert_int_equal(batches_init(&w.batches, 5, 0), 0);
	open_collector(&w);
	open_spool(&w);
	for (int i = 0; i < STEPS; i++)
		step(&w);
	append(&w);
	w.calm = true;
	for (size_t i = 0; i < LINKS; i++)
		cut(&w, i);
	connect_anew(&w);
	assert_true(loop_until(&w.loop, all_is_acked, &w));
	for (size_t i = 0; i < LINKS; i++)
		cut(&w, i);
	check_journal(&w);
	kill_collector(&w); /* and what the forest makes of the journal alone */
	check_forest(&w);
	close_spool(&w);
	close_collector(&w);
	batches_finish(&w.batches);
	arena_finish(&w.arena);
	folder_remove(&w.spool_folder);
	folder_remove(&w.journal_folder);
	assert_true(loop_finish(&w.loop));
}

static void whatever_the_link_does_each_batch_arrives_once(void **state)
{
	const char *seed = getenv("CANOPY_SEED");

	if (seed) {
		one_history(strtoull(seed, NULL, 10));
		return;
	}
	for (uint64_t i = 1; i <= HISTORIES; i++)
		one_history(i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(whatever_the_link_does_each_batch_arrives_once)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
