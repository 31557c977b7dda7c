/* SPDX-License-Identifier: Apache-2.0 */
/* Notices when a host changes its state, which nobody reports: silence is the absence of a report. Works only while
 * somebody wants to know. */
#ifndef CANOPY_COLLECTOR_CONSOLE_API_WATCH_H
#define CANOPY_COLLECTOR_CONSOLE_API_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "canopy/identity.h"

#define WATCH_INTERVAL_MS 1000u
#define WATCH_CHANGES_MAX                                                                                              \
	1024u /* remembered for those who are behind; whoever misses some sees the states of now in /api/v1/hosts */

struct fleet;

struct watch_change {
	struct boot_id boot;
};

struct watch {
	uv_timer_t timer;
	const struct fleet *fleet;
	struct watch_seen *seen;   /* owned: by boot id, what each host's state was */
	size_t seen_count;
	struct watch_change changes[WATCH_CHANGES_MAX]; /* a ring: change n stands at n % WATCH_CHANGES_MAX */
	uint64_t change_count;     /* ever */
	void (*changed)(void *owner);
	void *owner;
};

/* changed is called on the loop when change_count has grown. */
void watch_init(struct watch *watch, const struct fleet *fleet, void (*changed)(void *owner), void *owner);
void watch_start(struct watch *watch); /* may be called again */
void watch_stop(struct watch *watch);
/* Closes the timer; closed gets the handle, whose data is the watch's owner. */
void watch_finish(struct watch *watch, uv_close_cb closed);

#endif
