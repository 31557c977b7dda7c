/* SPDX-License-Identifier: Apache-2.0 */
/* The loop is run in steps without waiting, and the gate is open while the thread waits for the loop's descriptor. So
 * everything that happens on the loop happens inside the gate, and whoever is inside may use the loop's handles; waking
 * the loop makes it look at them.
 *
 * Shard 0 lives in the state folder itself, as the whole collector did when it was one: such a folder opens as it is.
 * The others live in STATE/shard-N. */
#include "collector/shard/shard.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "canopy/durable.h"
#include "collector/shard/traffic.h"

/* Beside the ended ones of a checkpoint (two budgets: those in it, and those who ended while it was written) it has the dead ancestors of the living. */
#define HELD_ANCESTORS_BYTES (64ull << 20)

/* ---- folders ------------------------------------------------------------------------------------------------- */

static int folder_of(const char *state, size_t number, char ret[PATH_MAX])
{
	int len = number ? snprintf(ret, PATH_MAX, "%s/shard-%zu", state, number) : snprintf(ret, PATH_MAX, "%s", state);

	return len >= PATH_MAX ? -ENAMETOOLONG : 0;
}

size_t shard_count_held(const char *state)
{
	char dir[PATH_MAX], journal[PATH_MAX + 16];
	size_t count = 0;

	for (size_t i = 0; i < SHARDS_MAX && folder_of(state, i, dir) == 0; i++) {
		(void)snprintf(journal, sizeof(journal), "%s/journal", dir);
		if (access(journal, F_OK) == 0)
			count = i + 1;
	}
	return count;
}

static int make_folder(const char *dir, char **ret_why)
{
	int r = durable_mkdir(dir, 0700);

	if (r < 0 && ret_why && asprintf(ret_why, "cannot make the folder %s: %s; give the state folder to this user or make room",
				dir, strerror(-r)) < 0)
		*ret_why = NULL;
	return r;
}

/* ---- reports to the main loop -------------------------------------------------------------------------------- */

static void on_report_closed(uv_handle_t *handle)
{
	struct shard *shard = handle->data;

	shard->options.events->gone(shard->options.owner);
}

static void on_report(uv_async_t *async)
{
	struct shard *shard = async->data;
	const struct shard_events *events = shard->options.events;
	void *owner = shard->options.owner;
	int error = atomic_exchange(&shard->failed, 0);

	if (error)
		events->failed(owner, shard->number, error);
	if (atomic_exchange(&shard->grown, false))
		events->grown(owner, shard->number);
	if (atomic_exchange(&shard->deaf, false))
		events->deaf(owner);
	if (atomic_exchange(&shard->idle, false))
		events->idle(owner);
	if (atomic_exchange(&shard->gone, false)) {
		(void)uv_thread_join(&shard->thread);
		uv_close((uv_handle_t *)&shard->report, on_report_closed);
	}
}

static void report(struct shard *shard, atomic_bool *what)
{
	/* Set already: the main loop has not looked since, and will. */
	if (!atomic_exchange(what, true))
		(void)uv_async_send(&shard->report);
}

static void on_durable(void *owner, uint64_t position, int error)
{
	struct shard *shard = owner;

	(void)position;
	if (!error) {
		/* Under load a region that is touched just before it is filled is still in the CPU's caches. */
		if (journal_pending_bytes(shard->journal) == 0)
			prefault_turn(&shard->prefault, &shard->loop, shard->forest);
		report(shard, &shard->grown);
		return;
	}
	atomic_store(&shard->failed, error);
	(void)uv_async_send(&shard->report);
}

/* ---- the thread ---------------------------------------------------------------------------------------------- */

/* Journals are cut so that retention can work by whole segments also where the share of one shard is small. */
static uint64_t segment_bytes(uint64_t retain_bytes)
{
	return retain_bytes && retain_bytes / 2 < JOURNAL_SEGMENT_BYTES ? retain_bytes / 2 : 0;
}

static int open_journal(struct shard *shard)
{
	struct journal_options options = {.retain_bytes = shard->options.retain_bytes,
					  .segment_bytes = segment_bytes(shard->options.retain_bytes)};
	char dir[PATH_MAX];

	if (snprintf(dir, sizeof(dir), "%s/journal", shard->dir) >= (int)sizeof(dir))
		return -ENAMETOOLONG;
	options.dir = dir;
	return journal_open(&shard->journal, &shard->loop, &options, &shard->recovery, &shard->why);
}

/* One host boot that tells of processes without end leaves half of the room to the others. */
static struct forest_options forest_options(const struct shard_options *given)
{
	struct forest_options options = FOREST_OPTIONS_DEFAULT;

	options.exited_bytes_max = given->exited_bytes;
	options.held_bytes_max = 2 * given->exited_bytes + HELD_ANCESTORS_BYTES;
	options.nodes_max = given->processes_max;
	if (options.nodes_per_host_max > options.nodes_max / 2)
		options.nodes_per_host_max = (uint32_t)(options.nodes_max / 2);
	return options;
}

static int open_all(struct shard *shard)
{
	const struct forest_options forest = forest_options(&shard->options);
	uint64_t begin_ns = uv_hrtime();
	int r;

	r = forest_create(&shard->forest, &forest);
	if (r == 0)
		r = open_journal(shard);
	if (r < 0)
		return r;
	r = ingest_create(&shard->ingest, shard->forest, shard->journal);
	/* Behind the ingest's own: acks go out before the main loop is woken, which may take the CPU from this thread. */
	journal_on_durable(shard->journal, on_durable, shard);
	if (r == 0 && shard->options.strict)
		ingest_require_machines(shard->ingest);
	if (r == 0)
		r = ingest_recover(shard->ingest, &shard->counts);
	shard->recovery_ms = (uv_hrtime() - begin_ns) / 1000000;
	return r;
}

static void wait_for(uv_loop_t *loop, int timeout_ms)
{
	struct pollfd fd = {.fd = uv_backend_fd(loop), .events = POLLIN};

	if (timeout_ms != 0)
		(void)poll(&fd, 1, timeout_ms);
}

static void work(struct shard *shard)
{
	gate_work(&shard->gate);
	while (uv_run(&shard->loop, UV_RUN_NOWAIT)) {
		int timeout_ms = uv_backend_timeout(&shard->loop);

		gate_rest(&shard->gate);
		wait_for(&shard->loop, timeout_ms);
		gate_work(&shard->gate);
	}
	gate_rest(&shard->gate);
}

static void run(void *argument)
{
	struct shard *shard = argument;
	char name[16];

	(void)snprintf(name, sizeof(name), "shard-%zu", shard->number);
	(void)pthread_setname_np(pthread_self(), name);
	shard->result = open_all(shard);
	uv_sem_post(&shard->opened);
	work(shard);
	report(shard, &shard->gone);
}

/* ---- life ---------------------------------------------------------------------------------------------------- */

static int init_loop(struct shard *shard)
{
	int r = gate_init(&shard->gate);

	if (r < 0)
		return r;
	r = uv_loop_init(&shard->loop);
	if (r < 0) {
		gate_finish(&shard->gate);
		return r;
	}
	r = mailbox_init(&shard->mailbox, &shard->loop, shard);
	if (r == 0)
		r = uv_sem_init(&shard->opened, 0);
	return r;
}

static int start(struct shard *shard, uv_loop_t *main_loop)
{
	int r = init_loop(shard);

	if (r == 0)
		r = uv_async_init(main_loop, &shard->report, on_report);
	if (r < 0)
		return r; /* out of descriptors at start: the program ends */
	shard->report.data = shard;
	r = uv_thread_create(&shard->thread, run, shard);
	if (r < 0)
		uv_close((uv_handle_t *)&shard->report, NULL);
	return r;
}

int shard_create(struct shard **ret, uv_loop_t *main_loop, const struct shard_options *options, char **ret_why)
{
	struct shard *shard = calloc(1, sizeof(*shard));
	int r;

	if (!shard)
		return -ENOMEM;
	shard->number = options->number;
	shard->options = *options;
	LIST_INIT(&shard->errands);
	traffic_route(shard, &shard->route);
	r = folder_of(options->state, options->number, shard->dir);
	if (r == 0)
		r = make_folder(shard->dir, ret_why);
	if (r < 0) {
		free(shard);
		return r;
	}
	r = start(shard, main_loop);
	if (r < 0)
		return r; /* handles of it may be on the loop: it stays */
	*ret = shard;
	return 0;
}

int shard_wait(struct shard *shard)
{
	uv_sem_wait(&shard->opened);
	return shard->result;
}

/* The loop has to learn of its new handles. */
int shard_listen(struct shard *shard, const struct listener_options *options, struct shard *first, char **ret_why)
{
	struct listener_options own = *options;
	int r;

	own.ingest = shard->ingest;
	r = first ? listener_share(&shard->listener, &shard->loop, &own, first->listener)
		  : listener_create(&shard->listener, &shard->loop, &own, ret_why);
	mailbox_wake(&shard->mailbox);
	return r;
}

static void on_deaf(void *owner)
{
	struct shard *shard = owner;

	report(shard, &shard->deaf);
}

static void deafen(struct post *post, void *owner)
{
	struct shard *shard = owner;
	struct listener *listener = shard->listener;

	(void)post;
	shard->listener = NULL;
	if (listener)
		listener_close(listener, on_deaf, shard);
	else
		on_deaf(shard);
}

void shard_stop_listening(struct shard *shard)
{
	shard->deafen.deliver = deafen;
	mailbox_send(&shard->mailbox, &shard->deafen);
}

static void end_errands(struct post *post, void *owner)
{
	struct shard *shard = owner;

	(void)post;
	shard->closing = true;
	traffic_end(shard);
	report(shard, &shard->idle);
}

void shard_end_errands(struct shard *shard)
{
	shard->end.deliver = end_errands;
	mailbox_send(&shard->mailbox, &shard->end);
}

static void on_mailbox_closed(void *owner)
{
	(void)owner; /* the loop has nothing left: the thread ends */
}

static void on_journal_closed(void *owner)
{
	struct shard *shard = owner;

	shard->journal = NULL;
	mailbox_close(&shard->mailbox, on_mailbox_closed);
}

static void close_all(struct post *post, void *owner)
{
	struct shard *shard = owner;

	(void)post;
	ingest_destroy(shard->ingest);
	shard->ingest = NULL;
	if (shard->journal)
		journal_close(shard->journal, on_journal_closed, shard);
	else
		mailbox_close(&shard->mailbox, on_mailbox_closed);
}

void shard_close(struct shard *shard)
{
	shard->close.deliver = close_all;
	mailbox_send(&shard->mailbox, &shard->close);
}

void shard_destroy(struct shard *shard)
{
	if (!shard)
		return;
	(void)uv_loop_close(&shard->loop);
	uv_sem_destroy(&shard->opened);
	gate_finish(&shard->gate);
	arena_finish(&shard->arena);
	forest_destroy(shard->forest);
	free(shard->why);
	free(shard);
}
