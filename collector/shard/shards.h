/* SPDX-License-Identifier: Apache-2.0 */
/* All shards of a collector: opened and recovered side by side, fed from one listening socket, closed together. On the
 * main loop's thread. */
#ifndef CANOPY_COLLECTOR_SHARD_SHARDS_H
#define CANOPY_COLLECTOR_SHARD_SHARDS_H

#include "collector/listen/census.h"
#include "collector/shard/placement.h"
#include "collector/shard/shard.h"

struct shards_events {
	void (*grown)(void *owner, size_t shard); /* as in struct shard_events */
	void (*failed)(void *owner, size_t shard, int error);
};

struct shards_options {
	const char *state;     /* borrowed, as all below */
	size_t count;          /* wanted; a state folder that holds more keeps its number */
	uint64_t retain_bytes; /* of all journals together; 0 = no bound */
	uint64_t exited_bytes; /* of all forests together */
	uint64_t processes_max; /* likewise */
	bool strict;           /* peers prove who they are */
	const struct shards_events *events;
	void *owner;
};

/* Its address must not change from shards_open on. */
struct shards {
	struct shard *all[SHARDS_MAX]; /* owned */
	size_t count;
	struct placement placement;
	struct census census;
	bool counting; /* census is initialised */
	const struct shards_events *events;
	void *owner;
	size_t waiting; /* for so many shards, while they are closed */
	void (*told)(void *owner);
	void *told_owner;
	void (*closed)(void *owner);
	void *closed_owner;
};

/* Opens and recovers all shards; blocks. Errors and *ret_why as journal_open and ingest_recover; what was opened is to
 * be closed. */
int shards_open(struct shards *shards, uv_loop_t *loop, const struct shards_options *options, char **ret_why);
/* Accepts connections. options: address, http and what else is the same for all. Errors as listener_create. */
int shards_listen(struct shards *shards, const struct listener_options *options, char **ret_why);
/* The address that is listened on; text has ADDRESS_TEXT_MAX bytes. */
void shards_address(const struct shards *shards, char *text);

/* deaf is called on the loop when no connection is left. */
void shards_stop_listening(struct shards *shards, void (*deaf)(void *owner), void *owner);
/* After stop_listening. closed is called on the loop when everything is durable and every thread has ended; all memory
 * is then freed. */
void shards_close(struct shards *shards, void (*closed)(void *owner), void *owner);

static inline struct shard *shards_of(const struct shards *shards, const struct boot_id *boot)
{
	return shards->all[placement_of(&shards->placement, boot)];
}

#endif
