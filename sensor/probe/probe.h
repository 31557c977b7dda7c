/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's process events, as a stream of records.
 *
 * Life: probe_open() loads and attaches, so that from its return on the ring gathers; probe_run() makes a loop drain it;
 * probe_snapshot() lists what runs already. probe_stop() takes it off the loop, probe_close() detaches and frees. One thread. */
#ifndef CANOPY_SENSOR_PROBE_PROBE_H
#define CANOPY_SENSOR_PROBE_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "canopy/event.h"
#include "canopy/fact.h"

struct probe;

struct probe_options {
	size_t ring_bytes;          /* rounded up to a power of two of at least PROBE_RING_MIN */
	uint32_t argv_max;          /* bytes of argv kept, at most EVENT_ARGV_MAX */
	bool environ_;              /* records carry the environment, up to EVENT_ENVIRON_MAX */
	uint32_t cache_entries;     /* processes that the kernel side remembers; more are repaired from the task */
	bool force_raw_tracepoint;  /* do not try the typed form */
	bool force_proc_snapshot;   /* do not try the task iterator */
	bool force_second_copy;     /* attach each hook twice where the kernel does not call for it, too */
	bool force_found_ends;      /* find the last thread of a process where the kernel tells it, too */
};

#define PROBE_RING_MIN ((size_t)64 * 1024)
/* 8 MiB lost nothing under storms where 2 MiB lost 5 % to a starved reader; it counts twice in RSS. */
#define PROBE_OPTIONS_DEFAULT                                                                                          \
	((struct probe_options){                                                                                       \
		.ring_bytes = (size_t)8 * 1024 * 1024, .argv_max = EVENT_ARGV_MAX, .cache_entries = 32768})

/* Who takes what the kernel says. Each pointer is borrowed for the time of the call. None may call probe_close() or
 * probe_snapshot(); probe_stop() is allowed. Members may be NULL. */
struct probe_sink {
	void *owner;
	void (*event)(void *owner, const struct event *event);
	void (*gap)(void *owner, const struct gap *gap);
	void (*snapshot)(void *owner, const struct snapshot_mark *mark);
	void (*drained)(void *owner); /* the ring has been read to its end, or a snapshot is complete */
};

enum probe_mode {
	PROBE_TYPED, /* tp_btf */
	PROBE_PLAIN, /* raw_tp */
};

struct probe_stats {
	uint64_t received[EVENT_TYPES];  /* records handed to the sink, by enum event_type */
	uint64_t submitted[EVENT_TYPES]; /* records that the kernel side put into the ring */
	uint64_t lost[EVENT_TYPES];      /* records that found the ring full, or no memory to be built in */
	/* Runs of a hook that the kernel skipped and that no second copy made, all hooks; from above, since the end of a mere thread would
	 * have told nothing. */
	uint64_t recursion_misses;
	uint64_t rescued;                /* runs that the second copy made instead of the first */
	uint64_t snapshots;              /* completed */
	size_t ring_bytes;               /* size of the ring */
	size_t ring_used_bytes;          /* of it not yet consumed */
	enum probe_mode mode;
	bool iterator; /* snapshots come from the task iterator */
	bool ends_told; /* the kernel says which thread is the last of its process */
	bool preemptible; /* the kernel may skip a run of a hook */
	bool doubled;  /* each hook has a second copy for such runs */
	bool steady;   /* one of the copies cannot be preempted */
};

/* Loads and attaches the kernel side. The sink is copied. On failure *ret_why (may be passed as NULL) is a sentence for a person, naming
 * what is wrong and the remedy, to be freed by the caller; *ret is untouched.
 * Errors: -EPERM (not root), -EOPNOTSUPP (no BTF, kernel too old or without BPF), -ENOMEM, what the kernel answered otherwise. */
int probe_open(struct probe **ret, const struct probe_options *options, const struct probe_sink *sink, char **ret_why);

/* Drains the ring in the loop from now on: waits for the ring, then pauses so that events gather, then drains. After a loss it
 * tells the sink the gap and takes a snapshot, not more often than each few seconds.
 * Errors: libuv's negative errno; nothing is registered then. */
int probe_run(struct probe *probe, uv_loop_t *loop);

/* Hands what the ring holds to the sink at once, then what was lost as gaps; for users without a loop and before a tear-down.
 * Returns the number of records, or a negative errno. */
int probe_drain(struct probe *probe);

/* Lists every process now: events of type EVENT_SNAPSHOT, live events in between as they come, then one mark. When snapshot records
 * were lost there is a gap and no mark: -EAGAIN, and a running probe tries again by itself. */
int probe_snapshot(struct probe *probe);

void probe_stats(const struct probe *probe, struct probe_stats *ret);

/* Closes the handles in the loop; done (may be NULL) runs when they are closed, at once when the probe was not running. Events
 * gather in the ring meanwhile. */
void probe_stop(struct probe *probe, void (*done)(void *owner), void *owner);

/* Detaches and frees. The probe must not be running: after probe_stop's done, or without probe_run. Takes NULL. */
void probe_close(struct probe *probe);

#endif
