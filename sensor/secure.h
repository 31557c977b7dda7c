/* SPDX-License-Identifier: Apache-2.0 */
/* The sensor's certificate and whom it trusts: read at start, and again when the files change. */
#ifndef CANOPY_SENSOR_SECURE_H
#define CANOPY_SENSOR_SECURE_H

#include <stdbool.h>

#include "proto/stream/tls-context.h"
#include "sensor/options.h"

/* *ret is NULL when no TLS is asked for. Paths are taken from where the sensor stands now. Errors as tls_context_create,
 * logged. */
int secure_open(struct tls_context **ret, const struct sensor_options *options);
/* Looks whether a file has changed (always reads them when forced), and logs what came of it. Takes NULL. */
void secure_refresh(struct tls_context *context, bool forced);

#endif
