/* SPDX-License-Identifier: Apache-2.0 */
/* Times as people type and read them. A moment is wall clock, nanoseconds since 1970 (int64_t); a zone is the process's
 * own (TZ), chosen once by timefmt_zone. */
#ifndef CANOPY_CONSOLE_CLI_TIMEFMT_H
#define CANOPY_CONSOLE_CLI_TIMEFMT_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/console/cli/text.h"

#define NS_PER_SECOND INT64_C(1000000000)

int64_t timefmt_now(void);

/* Makes a zone of the system's database (UTC, Europe/Berlin; 'local' = as it is) that of the process. Returns 0 or
 * -ENOENT. */
int timefmt_zone(const char *name);

/* A moment as journalctl takes it, relative to now: 'now', 'today', 'yesterday', 'tomorrow', '10m ago', '1h 30min ago',
 * '-10m', '+10m',
 * '[Mon] 2026-11-22 [12:01[:07[.123]]] [UTC|Z|+02:00]', '2026-11-22T12:01:07.123456789Z', '12:01', '@1795348867', or a
 * bare count of seconds since 1970 of at least nine digits. Returns 0 or -EINVAL. */
int timefmt_parse(const char *text, int64_t now, int64_t *ret);

/* A span such as '100ms', '10m', '1h 30min', '2 days'; a number without a unit is seconds. Returns 0 or -EINVAL. */
int timefmt_parse_span(const char *text, int64_t *ret);

/* 2026-11-22T12:01:07.123456789Z: what the interface takes. */
void timefmt_add_rfc3339(struct text *out, int64_t moment);
/* 2026-11-22 12:01:07.123, in the zone of the process. */
void timefmt_add_full(struct text *out, int64_t moment);
/* For narrow columns: 12:01:07 for today, 'Nov 21 12:01' within half a year, 2025-11-21 otherwise. */
void timefmt_add_short(struct text *out, int64_t moment, int64_t now);
/* 12:01:07.123 */
void timefmt_add_clock(struct text *out, int64_t moment);
/* At most six columns: 850us 1.2ms 350ms 1.5s 42s 3m05s 2h14m 3d04h 412d. */
void timefmt_add_span(struct text *out, int64_t span);

#endif
