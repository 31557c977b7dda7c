/* SPDX-License-Identifier: Apache-2.0 */
/* Adds up what a run of lost batches contained, as far as it can still be read, into one gap. */
#ifndef CANOPY_SENSOR_SPOOL_LOSS_H
#define CANOPY_SENSOR_SPOOL_LOSS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "canopy/fact.h"

struct loss {
	uint64_t batches;
	uint64_t facts;          /* counted */
	uint64_t from_ns, to_ns; /* of the facts of boot; from_ns > to_ns: none */
	struct boot_id boot;     /* of the newest batch that is in it */
	bool timed, uncounted;   /* boot and times hold; some batch could not be read */
};

#define LOSS_NULL ((struct loss){0})

/* A batch with its bytes. Facts and what its own gaps count are lost with it. */
void loss_add_batch(struct loss *loss, const uint8_t *batch, size_t len);
/* Batches that cannot be read. */
void loss_add_unknown(struct loss *loss, uint64_t batches);
/* Facts lost between the end of the batch before and the beginning of the batch after; either may be NULL. */
void loss_set_neighbours(struct loss *loss, const uint8_t *before, size_t before_len, const uint8_t *after,
			 size_t after_len);
/* As a gap; now is the boot of the batch that will carry it: times of another boot mean nothing there and become 0. */
struct gap loss_gap(const struct loss *loss, enum gap_reason reason, const struct boot_id *now);

#endif
