/* SPDX-License-Identifier: Apache-2.0 */
/* A shard: a thread with a loop of its own, and on it all that the collector does for the host boots that the shard
 * owns: sessions, ingest, journal, forest. Shards share nothing but the listening socket and the counts of connections.
 *
 * Everything here is called on the thread that made the shards (the main loop's). What lies in the shard is touched by
 * its own thread alone, or by whoever has entered its gate. */
#ifndef CANOPY_COLLECTOR_SHARD_SHARD_H
#define CANOPY_COLLECTOR_SHARD_SHARD_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "collector/forest/forest.h"
#include "collector/ingest/ingest.h"
#include "collector/journal/journal.h"
#include "collector/listen/listener.h"
#include "collector/listen/route.h"
#include "collector/shard/gate.h"
#include "collector/shard/mailbox.h"
#include "collector/shard/prefault.h"

#define SHARDS_MAX 64u /* cores beyond it are left to the disk and the console */

/* Called on the main loop. */
struct shard_events {
	void (*grown)(void *owner, size_t shard);             /* more of its journal has become durable */
	void (*failed)(void *owner, size_t shard, int error); /* its journal has stopped */
	void (*deaf)(void *owner);                            /* its listener is closed, after shard_stop_listening */
	void (*idle)(void *owner);                            /* after shard_end_errands */
	void (*gone)(void *owner);                            /* the thread has ended, after shard_close */
};

struct shards;

struct shard_options {
	struct shards *set; /* all of them; borrowed */
	size_t number;
	const char *state;      /* of the collector; borrowed */
	uint64_t retain_bytes;  /* of its journal; 0 = no bound */
	uint64_t exited_bytes;  /* of its forest */
	uint64_t processes_max; /* likewise */
	bool strict;            /* peers prove who they are (ingest_require_machines) */
	const struct shard_events *events;
	void *owner;
};

struct shard {
	size_t number;
	struct gate gate;
	uv_loop_t loop;
	struct mailbox mailbox; /* of posts from other shards */
	struct forest *forest;
	struct journal *journal;
	struct ingest *ingest;
	struct listener *listener;
	char dir[PATH_MAX]; /* holds journal/ and lake/ */
	/* how opening went: to be read after shard_wait */
	struct seglog_recovery recovery;
	struct replay_counts counts;
	uint64_t recovery_ms;
	char *why; /* owned */
	/* the rest is the shard's own */
	struct shard_options options;
	struct route route;             /* for its listener */
	struct arena arena;             /* of the relay that is being served */
	LIST_HEAD(, errand) errands;    /* relays of other shards that wait for the disk */
	size_t relay_bytes;             /* of relays that its own sessions made and that are not back */
	bool closing;                   /* other shards' batches are not taken any more */
	struct prefault prefault;
	struct post deafen, end, close; /* what the main loop asks for */
	uv_thread_t thread;
	uv_sem_t opened;
	int result; /* of opening */
	uv_async_t report; /* on the main loop */
	atomic_bool grown, deaf, idle, gone;
	atomic_int failed;
};

/* How many shards the state folder holds; 0 for a new one. */
size_t shard_count_held(const char *state);

/* Starts the thread, which opens the journal and recovers. Errors: -ENOMEM, -errno; *ret_why (may be NULL) as in
 * journal_open. */
int shard_create(struct shard **ret, uv_loop_t *main_loop, const struct shard_options *options, char **ret_why);
/* Blocks until the shard has recovered and works. Errors as journal_open and ingest_recover, shard->why then tells more
 * or is NULL; the shard is to be closed like any other. */
int shard_wait(struct shard *shard);

/* Accepts connections on the shard's loop; the caller is inside the gates of all shards, and nobody is connected yet.
 * first: the listener of another shard whose socket is shared, or NULL. Errors and *ret_why as listener_create. */
int shard_listen(struct shard *shard, const struct listener_options *options, struct shard *first, char **ret_why);
/* Tells every sensor to come back later; deaf is called afterwards, also when it does not listen. */
void shard_stop_listening(struct shard *shard);
/* No listener of any shard is left. end_errands, for all shards before the first is closed: takes nothing more from other
 * shards and sends them nothing any more. close: makes durable what is appended and ends the thread; gone is called
 * afterwards. The forest stays until shard_destroy. */
void shard_end_errands(struct shard *shard);
void shard_close(struct shard *shard);
/* After gone. Takes NULL. */
void shard_destroy(struct shard *shard);

#endif
