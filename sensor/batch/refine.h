/* SPDX-License-Identifier: Apache-2.0 */
/* A kernel record becomes the fact that may leave the host: users are named, filters decide, variables are chosen, secrets are hidden. The one place
 * for all of it, so that no way out of the sensor can pass it by. */
#ifndef CANOPY_SENSOR_BATCH_REFINE_H
#define CANOPY_SENSOR_BATCH_REFINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "canopy/event.h"
#include "canopy/fact.h"
#include "sensor/batch/environ.h"
#include "sensor/batch/filter.h"
#include "sensor/batch/redact.h"

struct refine_options {
	bool redact;
	struct bytes secrets[REDACT_NAMES_MAX]; /* names beside the built-in ones */
	size_t secret_count;
	struct filter_rule filters[FILTER_RULES_MAX];
	size_t filter_count;
	struct bytes environ_names[ENVIRON_NAMES_MAX]; /* variables that are told */
	size_t environ_count;
};

struct refiner;

/* The options are borrowed for the life of the refiner. Errors: -ENOMEM. */
int refiner_create(struct refiner **ret, const struct refine_options *options);
void refiner_destroy(struct refiner *refiner); /* takes NULL */

/* Fills *context and *ret, which borrow from event and refiner until the next call. Returns 0, REFINE_E_FILTERED (a filter keeps it here; it is
 * counted), or -EBADMSG (a record that is none). */
enum { REFINE_E_FILTERED = 1 };
int refiner_event(struct refiner *refiner, const struct event *event, struct fact_context *context, struct fact *ret);

/* As filter_snapshot and filter_take_gap. */
void refiner_snapshot(struct refiner *refiner, const struct snapshot_mark *mark);
bool refiner_take_gap(struct refiner *refiner, uint64_t now_ns, bool all, struct gap *ret);

bool refiner_take_late(struct refiner *refiner); /* as users_take_late */

uint64_t refiner_redacted(const struct refiner *refiner);                       /* places hidden so far */
uint64_t refiner_filtered(const struct refiner *refiner, enum fact_type type); /* as filter_count */

#endif
