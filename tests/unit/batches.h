/* SPDX-License-Identifier: Apache-2.0 */
/* Small batches through the real encoder, for tests of the rooms that store them. */
#ifndef CANOPY_TESTS_BATCHES_H
#define CANOPY_TESTS_BATCHES_H

#include <stdlib.h>
#include <string.h>

#include "proto/batch/encoder.h"

#define BATCHES_STEP_NS 10u /* between two facts of a batch */

struct batches {
	struct batch_encoder *encoder;
	struct boot_id boot;
	uint64_t stream;
};

static inline int batches_init(struct batches *batches, uint8_t boot, uint64_t stream)
{
	memset(&batches->boot, boot, sizeof(batches->boot));
	batches->stream = stream;
	return batch_encoder_create(&batches->encoder);
}

static inline void batches_finish(struct batches *batches)
{
	batch_encoder_destroy(batches->encoder);
	batches->encoder = NULL;
}

/* A batch of count forks, the first at from_ns. Borrowed until the next one; NULL on failure. */
static inline const uint8_t *batches_make(struct batches *batches, uint64_t seq, unsigned count, uint64_t from_ns,
					  size_t *ret_len)
{
	struct batch_id id = {.boot = batches->boot, .stream = batches->stream, .seq = seq};
	struct fact_context context = {.loginuid = FACT_ID_UNKNOWN, .session = FACT_ID_UNKNOWN};
	const uint8_t *data;

	for (unsigned i = 0; i < count; i++) {
		uint64_t now_ns = from_ns + (uint64_t)i * BATCHES_STEP_NS;
		struct fact fact = {
		    .type = FACT_FORK,
		    .time_ns = now_ns,
		    .self = {now_ns, 1000 + i},
		    .parent = {1, 1},
		    .creator = {1, 1},
		    .tid = 1000 + i,
		    .comm = BYTES_LITERAL("sh"),
		    .context = &context,
		};

		if (batch_encoder_add(batches->encoder, &fact) != 0)
			return NULL;
	}
	return batch_encoder_finish(batches->encoder, &id, 0, &data, ret_len) == 0 ? data : NULL;
}

#endif
