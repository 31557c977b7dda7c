/* SPDX-License-Identifier: Apache-2.0 */
/* A kernel record in the form that every room shares. */
#ifndef CANOPY_SENSOR_BATCH_CONVERT_H
#define CANOPY_SENSOR_BATCH_CONVERT_H

#include "canopy/event.h"
#include "canopy/fact.h"

/* Fills *context and *ret; both borrow their strings from the record, and *ret points to *context. The user name stays empty: the
 * kernel knows none, and the environment, of which only a selection may go further (event_environ). Errors: -EBADMSG when sizes and type of the record do not fit together; outputs are then untouched. */
int convert_event(const struct event *event, struct fact_context *context, struct fact *ret);

/* The environment that a record carries, borrowed from it; only for a record that convert_event has taken. */
struct bytes event_environ(const struct event *event);

#endif
