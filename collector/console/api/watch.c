/* SPDX-License-Identifier: Apache-2.0 */
/* Once a second the states of all hosts are listed, sorted by boot id, and compared with the last list. */
#include "collector/console/api/watch.h"

#include <stdlib.h>

#include "collector/console/api/api.h"
#include "collector/console/api/host.h"

struct watch_seen {
	struct boot_id boot;
	enum host_state state;
};

static int by_boot(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct boot_id)); /* it is the first member */
}

static void remember(struct watch *watch, const struct boot_id *boot)
{
	watch->changes[watch->change_count++ % WATCH_CHANGES_MAX].boot = *boot;
}

struct list {
	const struct fleet *fleet;
	struct watch_seen *seen; /* owned */
	size_t count, capacity;
	bool failed;
};

static void list_host(void *owner, struct forest_host *host)
{
	struct list *list = owner;
	struct host_look look;

	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 64;
		struct watch_seen *larger = reallocarray(list->seen, capacity, sizeof(*larger));

		if (!larger) {
			list->failed = true;
			return;
		}
		list->seen = larger;
		list->capacity = capacity;
	}
	host_look(list->fleet, host, api_now(), &look);
	list->seen[list->count++] = (struct watch_seen){look.info.boot, look.state};
}

/* All hosts now; NULL without memory. */
static struct watch_seen *list_hosts(const struct fleet *fleet, size_t *ret_count)
{
	struct list list = {.fleet = fleet};

	fleet_each_host(fleet, list_host, &list);
	if (list.failed) {
		free(list.seen);
		return NULL;
	}
	if (list.count)
		qsort(list.seen, list.count, sizeof(*list.seen), by_boot);
	*ret_count = list.count;
	return list.seen;
}

static void compare(struct watch *watch, bool report)
{
	uint64_t before = watch->change_count;
	size_t count = 0;
	struct watch_seen *seen = list_hosts(watch->fleet, &count);

	for (size_t i = 0; report && i < count; i++) {
		const struct watch_seen *was =
		    watch->seen_count ? bsearch(&seen[i], watch->seen, watch->seen_count, sizeof(*seen), by_boot)
				      : NULL;

		if (was && was->state != seen[i].state) /* a new host is told of by the journal */
			remember(watch, &seen[i].boot);
	}
	free(watch->seen);
	watch->seen = seen;
	watch->seen_count = count;
	if (watch->change_count != before)
		watch->changed(watch->owner);
}

static void on_timer(uv_timer_t *timer)
{
	compare((struct watch *)(void *)timer, true);
}

void watch_init(struct watch *watch, const struct fleet *fleet, void (*changed)(void *owner), void *owner)
{
	*watch = (struct watch){.fleet = fleet, .changed = changed, .owner = owner};
	(void)uv_timer_init(fleet->loop, &watch->timer); /* never fails */
	watch->timer.data = owner;
}

void watch_start(struct watch *watch)
{
	if (uv_is_active((uv_handle_t *)&watch->timer))
		return;
	compare(watch, false);
	(void)uv_timer_start(&watch->timer, on_timer, WATCH_INTERVAL_MS, WATCH_INTERVAL_MS);
}

void watch_stop(struct watch *watch)
{
	(void)uv_timer_stop(&watch->timer);
}

void watch_finish(struct watch *watch, uv_close_cb closed)
{
	free(watch->seen);
	watch->seen = NULL;
	watch->seen_count = 0;
	uv_close((uv_handle_t *)&watch->timer, closed);
}
