/* SPDX-License-Identifier: Apache-2.0 */
/* The variables that somebody asked for, out of a whole environment; nothing else of it goes further. */
#ifndef CANOPY_SENSOR_BATCH_ENVIRON_H
#define CANOPY_SENSOR_BATCH_ENVIRON_H

#include <stddef.h>

#include "canopy/bytes.h"

#define ENVIRON_NAMES_MAX 16u

/* Copies the entries NAME=VALUE whose NAME is one of names from list (each ended by a NUL; the last one may be cut) to the buffer at to, of
 * at least list.len bytes, and returns them. Letter case counts, as it does for the programs themselves. */
struct bytes environ_pick(struct bytes list, const struct bytes *names, size_t count, char *to);

#endif
