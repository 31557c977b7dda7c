/* SPDX-License-Identifier: Apache-2.0 */
/* Times, durations and sizes as a person writes them. No I/O and no clock: 'now' is an argument. */
#ifndef CANOPY_PROTO_MODEL_WHEN_H
#define CANOPY_PROTO_MODEL_WHEN_H

#include <stdint.h>

#include "canopy/bytes.h"

/* A moment, as journalctl takes it: RFC 3339; YYYY-MM-DD, with ' ' or 'T' and HH:MM[:SS[.fraction]], with 'Z' or an
 * offset; HH:MM[:SS] of today; now, today, yesterday, tomorrow; 'DURATION ago', -DURATION, +DURATION; @SECONDS since
 * 1970. Without an offset it is offset_seconds east of UTC. now_wall_ns and *ret: ns since 1970. Errors: -EINVAL,
 * -ERANGE (no int64 of ns). */
int when_parse(struct bytes text, int64_t now_wall_ns, int32_t offset_seconds, int64_t *ret);

/* A duration: numbers with ns, us, ms, s, m, h, d, w or their long names (2h30m, '1.5 s'); a number alone is ns. Errors
 * as above. */
int duration_parse(struct bytes text, int64_t *ret_ns);

/* A whole number, with k, m, g or t (either case, also as KiB) as powers of 1024; may be negative, may be hex (0x).
 * Errors as above. */
int size_parse(struct bytes text, int64_t *ret);

#endif
