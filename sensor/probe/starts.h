/* SPDX-License-Identifier: Apache-2.0 */
/* A process is told under one start time for its whole life, though two sources tell it: the kernel side to the nanosecond, /proc to a tick.
 *
 * The rule: where there is no iterator, each start time is rounded down to its tick, live ones too, so that the lists of this sensor, the facts between
 * them and those of the sensor after it agree; a pid that is used twice within a tick is then one process. Where there is one, only those that it left out
 * and that nobody named are told by /proc: under their rounded time from then on. */
#ifndef CANOPY_SENSOR_PROBE_STARTS_H
#define CANOPY_SENSOR_PROBE_STARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "canopy/event.h"
#include "canopy/identity.h"
#include "sensor/probe/known.h"

/* Of those that an iterator left out; one machine was seen to leave out pid 1. Those beyond are told under both times. */
#define STARTS_MAX 4096u

struct starts {
	bool all;               /* there is no iterator */
	uint64_t tick_ns;
	int64_t offset_ns;      /* what this time namespace adds, which /proc adds before it rounds */
	struct known rounded;   /* told so */
};

void starts_init(struct starts *starts, bool all, uint64_t tick_ns, int64_t offset_ns);
void starts_finish(struct starts *starts); /* takes a zeroed one */

/* A record that was built from /proc is about to be told. */
void starts_note(struct starts *starts, struct process_key key);

/* The record as it is to be told: itself, or its copy in buffer, of at least EVENT_SIZE_MAX bytes. */
const struct event *starts_settle(const struct starts *starts, const struct event *event, void *buffer);

#endif
