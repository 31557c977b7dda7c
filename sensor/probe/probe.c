// SPDX-License-Identifier: Apache-2.0
/* The reader of the ring.
 *
 * Waking a reader costs the process that forks about 16 us an event when each event wakes it, so the reader coalesces: it waits for
 * the ring by epoll, then leaves it alone for some milliseconds, drains it and waits again. While the ring holds anything unread the
 * kernel stays silent by itself. As long as drains bring much it does not even wait: another pause follows at once, which saves the
 * wake-up and the system calls of waiting. A drain is bounded, so that a storm does not keep the loop from its other work. */
#include "sensor/probe/probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sensor/probe/known.h"
#include "sensor/probe/losses.h"
#include "sensor/probe/procscan.h"
#include "sensor/probe/program.h"
#include "sensor/probe/ring.h"
#include "sensor/probe/starts.h"

#define PROBE_PAUSE_MS 20        /* events gather this long; adds to latency, divides the wake-ups, batches and acknowledgements */
#define PROBE_BUSY_MIN 8         /* records of a drain from which on the next ones are not waited for */
#define PROBE_DRAIN_MAX 4096     /* records a turn of the loop */
#define PROBE_CHECK_MS 1000      /* from events to the look for losses */
#define PROBE_LAST_LOOK_US 20000 /* behind the one before, at the end */
#define PROBE_RESYNC_NS 5000000000u /* between two snapshots that the probe takes by itself */
#define PROBE_ITERATE_BYTES 64   /* the iterator writes a byte a process: so many between two drains */
#define PROBE_HANDLES 3

struct probe {
	struct program program;
	struct probe_options options;
	struct probe_sink sink;
	struct ring *ring;
	struct losses losses;
	struct procscan scan;
	uint64_t received[EVENT_TYPES];
	uint64_t snapshots;

	unsigned budget;        /* records left in this drain */
	struct known known;     /* during a snapshot */
	struct starts starts;   /* under which start times processes are told */
	bool in_snapshot;
	bool resync;            /* a loss was seen: the live set is not to be trusted */
	uint64_t snapshot_ns;   /* boottime at which the last one began */
	void *buffer;           /* EVENT_SIZE_MAX bytes: a record that user space completes */

	uv_poll_t poll;
	uv_timer_t pause, check;
	unsigned open_handles;
	bool running;
	void (*stopped)(void *owner);
	void *stopped_owner;
};

static void deliver(struct probe *probe, const struct event *event)
{
	probe->received[event->type]++;
	if (probe->sink.event)
		probe->sink.event(probe->sink.owner, event);
}

/* During a snapshot: who has a record of its own needs none from /proc, and whoever is named tells its exact start. */
static void note(struct probe *probe, const struct event *event)
{
	const struct process_key self = {.start_ns = event->start_ns, .tgid = event->tgid};
	const struct process_key parent = {.start_ns = event->parent_start_ns, .tgid = event->parent_tgid};
	const struct known_slot *slot = known_find(&probe->known, parent.tgid);

	/* Without memory for it a process is at worst listed twice, which is harmless. */
	(void)known_add(&probe->known, self, true);
	if (!slot || slot->key.start_ns != parent.start_ns)
		(void)known_add(&probe->known, parent, false);
}

/* Arguments and file of another process are out of the kernel side's reach, and the ring is read-only: the record is copied. */
static const struct event *complete(struct probe *probe, const struct event *event)
{
	struct event *copy = probe->buffer;

	if (event != copy) /* it may have been settled already */
		memcpy(copy, event, event->size);
	if (!(copy->flags & (EVENT_ZOMBIE | EVENT_ARGV_KNOWN)))
		procscan_add_argv(&probe->scan, copy, probe->options.argv_max);
	return copy;
}

static int on_record(void *owner, const void *data, size_t size)
{
	struct probe *probe = owner;
	const struct event *event = data;

	if (size < sizeof(*event) || event->size > size || event->size > EVENT_SIZE_MAX || event->type >= EVENT_TYPES)
		return 0; /* not ours: only another build of the kernel side could have written it */
	event = starts_settle(&probe->starts, event, probe->buffer);
	if (probe->in_snapshot)
		note(probe, event);
	deliver(probe, event->type == EVENT_SNAPSHOT ? complete(probe, event) : event);
	return --probe->budget > 0 ? 0 : -EAGAIN;
}

/* Returns 0 when the ring is empty, -EAGAIN when the bound was reached before. */
static int drain(struct probe *probe, unsigned budget)
{
	int r;

	probe->budget = budget;
	r = ring_consume(probe->ring, on_record, probe);
	if (r >= 0 && probe->sink.drained && !probe->in_snapshot)
		probe->sink.drained(probe->sink.owner);
	return r < 0 ? r : 0;
}

static int look(struct probe *probe, bool last)
{
	return losses_collect(&probe->losses, &probe->program, procscan_now(&probe->scan), last, &probe->sink);
}

/* Losses that no later look could find: the counts go with the maps. */
int probe_drain(struct probe *probe)
{
	int r = drain(probe, INT32_MAX), told = look(probe, false), last = 0;

	if (told >= 0 && losses_suspected(&probe->losses)) {
		(void)usleep(PROBE_LAST_LOOK_US);
		r = drain(probe, probe->budget); /* what was rescued meanwhile */
		last = look(probe, true);
	}
	told = last < 0 ? last : told + last;
	if (r < 0 || told < 0)
		return r < 0 ? r : told;
	probe->resync |= told > 0;
	return (int)(INT32_MAX - probe->budget);
}

static int open_reader(struct probe *probe, const struct probe_options *options, const struct probe_sink *sink)
{
	probe->options = *options;
	if (probe->options.argv_max > EVENT_ARGV_MAX)
		probe->options.argv_max = EVENT_ARGV_MAX;
	probe->sink = *sink;
	procscan_init(&probe->scan);
	probe->scan.environ_ = options->environ_;
	starts_init(&probe->starts, !probe->program.iterator, probe->scan.tick_ns, probe->scan.boottime_offset);
	probe->losses.looked_ns = procscan_now(&probe->scan);
	probe->buffer = malloc(EVENT_SIZE_MAX);
	if (!probe->buffer)
		return -ENOMEM;
	return ring_create(&probe->ring, program_ring_fd(&probe->program), program_ring_bytes(&probe->program));
}

int probe_open(struct probe **ret, const struct probe_options *options, const struct probe_sink *sink, char **ret_why)
{
	struct probe *probe = calloc(1, sizeof(*probe));
	int r;

	if (!probe)
		return -ENOMEM;
	r = program_init(&probe->program, options, ret_why);
	if (r == 0) {
		r = open_reader(probe, options, sink);
		if (r < 0 && ret_why)
			*ret_why = strdup("no memory to map the ring: lower its size or raise the limit of locked memory");
	}
	if (r < 0) {
		probe_close(probe);
		return r;
	}
	*ret = probe;
	return 0;
}

void probe_close(struct probe *probe)
{
	if (!probe)
		return;
	ring_destroy(probe->ring);
	program_finish(&probe->program);
	procscan_finish(&probe->scan);
	known_finish(&probe->known);
	starts_finish(&probe->starts);
	free(probe->buffer);
	free(probe);
}

/* ---- snapshot ---- */

static int iterate(struct probe *probe)
{
	char marks[PROBE_ITERATE_BYTES];
	int fd = program_iterate(&probe->program);
	ssize_t n;

	if (fd < 0)
		return fd;
	do {
		n = read(fd, marks, sizeof(marks));
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			n = 1;
		(void)drain(probe, INT32_MAX);
	} while (n > 0);
	n = n < 0 ? -errno : 0;
	(void)close(fd);
	return (int)n;
}

static void tell_scanned(struct probe *probe, const struct event *event)
{
	starts_note(&probe->starts, (struct process_key){.start_ns = event->start_ns, .tgid = event->tgid});
	note(probe, event);
	deliver(probe, event);
}

/* What the iterator left out (pid 1 on a 6.18 machine), or everything where there is none. Whoever began after the snapshot did
 * has a fork record. */
static void scan_rest(struct probe *probe, uint64_t begin_ns)
{
	uint32_t tgid;

	procscan_rewind(&probe->scan);
	while ((tgid = procscan_next(&probe->scan)) != 0) {
		const struct known_slot *slot = known_find(&probe->known, tgid);

		if (slot && slot->listed)
			continue;
		if (procscan_read(&probe->scan, tgid, probe->options.argv_max, begin_ns, &probe->known, probe->buffer) != 0)
			continue;
		tell_scanned(probe, probe->buffer);
	}
}

static int count_unlisted(struct probe *probe, uint64_t *ret)
{
	struct event_count count;
	int r = program_count(&probe->program, EVENT_SNAPSHOT, &count);

	if (r == 0)
		*ret = count.lost + count.failed;
	return r;
}

/* Begins with an empty ring: the first pass of the iterator writes its records before anyone drains. Whose record was lost is not one
 * that the iterator left out: /proc would tell him again, under a rounded start and without his ordinal. */
static int take_snapshot(struct probe *probe, uint64_t begin_ns)
{
	uint64_t before = 0, after = 0;
	int r = count_unlisted(probe, &before);

	if (r < 0)
		return r;
	(void)drain(probe, INT32_MAX);
	if (probe->program.iterator)
		r = iterate(probe);
	(void)drain(probe, INT32_MAX);
	if (r < 0 && r != -EOPNOTSUPP)
		return r;
	r = count_unlisted(probe, &after);
	if (r < 0 || after != before)
		return r < 0 ? r : -EAGAIN;
	scan_rest(probe, begin_ns);
	return 0;
}

int probe_snapshot(struct probe *probe)
{
	struct snapshot_mark mark = {.begin_ns = procscan_now(&probe->scan)};
	int r;

	probe->snapshot_ns = mark.begin_ns;
	probe->in_snapshot = true;
	r = take_snapshot(probe, mark.begin_ns);
	probe->in_snapshot = false;
	known_finish(&probe->known);
	probe->resync = r < 0;
	if (r < 0)
		return r;
	mark.end_ns = procscan_now(&probe->scan);
	probe->snapshots++;
	if (probe->sink.snapshot)
		probe->sink.snapshot(probe->sink.owner, &mark);
	if (probe->sink.drained)
		probe->sink.drained(probe->sink.owner);
	return 0;
}

/* ---- in the loop ---- */

static void on_pause_over(uv_timer_t *timer);
static void on_check(uv_timer_t *timer);

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct probe *probe = poll->data;

	(void)uv_poll_stop(poll);
	(void)uv_timer_start(&probe->pause, on_pause_over, PROBE_PAUSE_MS, 0);
}

static void on_pause_over(uv_timer_t *timer)
{
	struct probe *probe = timer->data;

	int r = drain(probe, PROBE_DRAIN_MAX);

	if (!probe->running)
		return; /* the sink has stopped us */
	if (!uv_is_active((uv_handle_t *)&probe->check))
		(void)uv_timer_start(&probe->check, on_check, PROBE_CHECK_MS, 0);
	if (r == -EAGAIN)
		(void)uv_timer_start(timer, on_pause_over, 0, 0); /* let the loop turn once */
	else if (PROBE_DRAIN_MAX - probe->budget >= PROBE_BUSY_MIN)
		(void)uv_timer_start(timer, on_pause_over, PROBE_PAUSE_MS, 0);
	else
		(void)uv_poll_start(&probe->poll, UV_READABLE, on_readable);
}

static void on_check(uv_timer_t *timer)
{
	struct probe *probe = timer->data;
	uint64_t now = procscan_now(&probe->scan);

	if (look(probe, false) != 0)
		probe->resync = true;
	if (!probe->running || !(probe->resync || losses_suspected(&probe->losses)))
		return;
	if (probe->resync && now - probe->snapshot_ns >= PROBE_RESYNC_NS)
		(void)probe_snapshot(probe);
	if (!probe->running)
		return;
	/* Losses during the snapshot, a snapshot not taken yet and what may still be rescued are looked at again. */
	(void)uv_timer_start(timer, on_check, PROBE_CHECK_MS, 0);
}

static void on_closed(uv_handle_t *handle)
{
	struct probe *probe = handle->data;

	if (--probe->open_handles == 0 && probe->stopped)
		probe->stopped(probe->stopped_owner);
}

int probe_run(struct probe *probe, uv_loop_t *loop)
{
	int r = uv_poll_init(loop, &probe->poll, program_ring_fd(&probe->program));

	if (r < 0)
		return r;
	(void)uv_timer_init(loop, &probe->pause); /* cannot fail */
	(void)uv_timer_init(loop, &probe->check);
	probe->poll.data = probe->pause.data = probe->check.data = probe;
	probe->open_handles = PROBE_HANDLES;
	probe->running = true;
	/* What gathered since probe_open() would not wake anyone. */
	(void)uv_timer_start(&probe->pause, on_pause_over, 0, 0);
	return 0;
}

void probe_stop(struct probe *probe, void (*done)(void *owner), void *owner)
{
	if (!probe->running) {
		if (done)
			done(owner);
		return;
	}
	probe->running = false;
	probe->stopped = done;
	probe->stopped_owner = owner;
	uv_close((uv_handle_t *)&probe->poll, on_closed);
	uv_close((uv_handle_t *)&probe->pause, on_closed);
	uv_close((uv_handle_t *)&probe->check, on_closed);
}

void probe_stats(const struct probe *probe, struct probe_stats *ret)
{
	*ret = (struct probe_stats){
		.snapshots = probe->snapshots,
		.mode = probe->program.form.mode,
		.iterator = probe->program.iterator,
		.ends_told = probe->program.features.group_dead,
		.preemptible = probe->program.features.preemptible,
		.doubled = probe->program.doubled,
		.steady = program_is_steady(&probe->program),
	};
	ret->ring_bytes = ring_size(probe->ring);
	ret->ring_used_bytes = ring_used(probe->ring);
	for (enum event_type type = EVENT_FORK; type < EVENT_TYPES; type++) {
		struct event_count count = {0};

		(void)program_count(&probe->program, type, &count);
		ret->received[type] = probe->received[type];
		ret->submitted[type] = count.submitted;
		ret->lost[type] = count.lost + count.failed;
		ret->rescued += count.rescued;
		ret->recursion_misses += losses_missed(&probe->losses, &probe->program, type);
	}
}
