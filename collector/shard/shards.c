/* SPDX-License-Identifier: Apache-2.0 */
/* Closing goes in steps that all shards take together, since until the last listener is closed any shard may send
 * something to any other one. A shard that was never opened is passed over. */
#include "collector/shard/shards.h"

#include <errno.h>
#include <stdlib.h>

/* ---- reports ------------------------------------------------------------------------------------------------- */

static void on_grown(void *owner, size_t shard)
{
	struct shards *shards = owner;

	shards->events->grown(shards->owner, shard);
}

static void on_failed(void *owner, size_t shard, int error)
{
	struct shards *shards = owner;

	shards->events->failed(shards->owner, shard, error);
}

static void on_step(void *owner)
{
	struct shards *shards = owner;

	if (--shards->waiting == 0)
		shards->told(shards->told_owner);
}

static const struct shard_events shard_events = {
    .grown = on_grown, .failed = on_failed, .deaf = on_step, .idle = on_step, .gone = on_step};

/* ---- opening ------------------------------------------------------------------------------------------------- */

static int start(struct shards *shards, uv_loop_t *loop, const struct shards_options *options, char **ret_why)
{
	size_t held = shard_count_held(options->state), count = options->count > held ? options->count : held;
	struct shard_options shard = {.set = shards,
				      .state = options->state,
				      .strict = options->strict,
				      .retain_bytes = options->retain_bytes / count,
				      .exited_bytes = options->exited_bytes / count,
				      .processes_max = options->processes_max / count,
				      .events = &shard_events,
				      .owner = shards};

	placement_init(&shards->placement, count);
	while (shards->count < count) {
		int r;

		shard.number = shards->count;
		r = shard_create(&shards->all[shards->count], loop, &shard, ret_why);
		if (r < 0)
			return r;
		shards->count++;
	}
	return 0;
}

/* The first failure is told; the others are waited for all the same. */
static int wait_for_all(struct shards *shards, char **ret_why)
{
	int result = 0;

	for (size_t i = 0; i < shards->count; i++) {
		int r = shard_wait(shards->all[i]);

		if (r == 0 || result < 0)
			continue;
		result = r;
		*ret_why = shards->all[i]->why;
		shards->all[i]->why = NULL;
	}
	return result;
}

/* Boots of one machine may lie in several shards. */
static void tell_others(struct shards *shards, const struct shard *shard, const struct forest_host_info *info)
{
	for (size_t i = 0; info->machine_id_known && i < shards->count; i++)
		if (shards->all[i] != shard)
			(void)forest_machine_elsewhere(shards->all[i]->forest, info->machine_id, info->boottime_to_wall_ns);
}

static int place_hosts(struct shards *shards, struct shard *shard)
{
	struct forest_host *host = NULL;
	struct forest_host_info info;
	int r = 0;

	while (r == 0 && (host = forest_host_next(shard->forest, host))) {
		forest_host_info(host, &info);
		r = placement_add(&shards->placement, &info.boot, shard->number);
		tell_others(shards, shard, &info);
	}
	return r;
}

static void enter_all(struct shards *shards)
{
	for (size_t i = 0; i < shards->count; i++)
		gate_enter(&shards->all[i]->gate);
}

static void leave_all(struct shards *shards)
{
	for (size_t i = 0; i < shards->count; i++)
		gate_leave(&shards->all[i]->gate);
}

/* Nobody is connected yet: the threads wait. */
static int place_all_hosts(struct shards *shards)
{
	int r = 0;

	enter_all(shards);
	for (size_t i = 0; r == 0 && i < shards->count; i++)
		r = place_hosts(shards, shards->all[i]);
	leave_all(shards);
	return r;
}

int shards_open(struct shards *shards, uv_loop_t *loop, const struct shards_options *options, char **ret_why)
{
	char *second = NULL; /* of another failure than the first */
	int r, waited;

	*shards = (struct shards){.events = options->events, .owner = options->owner};
	r = census_init(&shards->census);
	if (r < 0)
		return r;
	shards->counting = true;
	r = start(shards, loop, options, ret_why);
	waited = wait_for_all(shards, r == 0 ? ret_why : &second);
	free(second);
	if (r == 0)
		r = waited;
	if (r == 0)
		r = place_all_hosts(shards);
	placement_seal(&shards->placement);
	return r;
}

int shards_listen(struct shards *shards, const struct listener_options *options, char **ret_why)
{
	struct listener_options own = *options;
	int r = 0;

	own.census = &shards->census;
	own.listeners = (uint32_t)shards->count;
	/* None accepts before all can take what belongs to them. */
	enter_all(shards);
	for (size_t i = 0; r == 0 && i < shards->count; i++) {
		own.route = &shards->all[i]->route;
		r = shard_listen(shards->all[i], &own, i ? shards->all[0] : NULL, ret_why);
	}
	leave_all(shards);
	return r;
}

void shards_address(const struct shards *shards, char *text)
{
	gate_enter(&shards->all[0]->gate);
	listener_address(shards->all[0]->listener, text);
	gate_leave(&shards->all[0]->gate);
}

/* ---- closing ------------------------------------------------------------------------------------------------- */

static void step(struct shards *shards, void (*ask)(struct shard *shard), void (*told)(void *owner), void *owner)
{
	shards->told = told;
	shards->told_owner = owner;
	shards->waiting = shards->count;
	if (shards->count == 0) {
		told(owner);
		return;
	}
	for (size_t i = 0; i < shards->count; i++)
		ask(shards->all[i]);
}

void shards_stop_listening(struct shards *shards, void (*deaf)(void *owner), void *owner)
{
	step(shards, shard_stop_listening, deaf, owner);
}

static void on_gone(void *owner)
{
	struct shards *shards = owner;

	while (shards->count > 0)
		shard_destroy(shards->all[--shards->count]);
	placement_finish(&shards->placement);
	if (shards->counting)
		census_finish(&shards->census);
	shards->counting = false;
	shards->closed(shards->closed_owner);
}

static void on_idle(void *owner)
{
	step(owner, shard_close, on_gone, owner);
}

void shards_close(struct shards *shards, void (*closed)(void *owner), void *owner)
{
	shards->closed = closed;
	shards->closed_owner = owner;
	step(shards, shard_end_errands, on_idle, shards);
}
