/* SPDX-License-Identifier: Apache-2.0 */
/* Facts in, the bytes of one self-contained Batch out (message Batch of canopy.proto). No I/O. */
#ifndef CANOPY_PROTO_BATCH_ENCODER_H
#define CANOPY_PROTO_BATCH_ENCODER_H

#include <stddef.h>
#include <stdint.h>

#include "canopy/fact.h"

/* A batch is closed at whichever bound comes first; the encoder then answers BATCH_E_FULL. */
#define BATCH_EVENTS_MAX 500u /* columns pay off from some hundred events on; more adds delay, not density */
#define BATCH_BYTES_MAX (1024u * 1024u)    /* a frame must fit the receiver's bound with room to spare */

enum {
	BATCH_E_FULL = 1, /* nothing was added: encode what there is and add the fact to the next batch */
};

struct batch_encoder;

/* Outputs: *ret is owned by the caller until batch_encoder_destroy. Errors: -ENOMEM. */
int batch_encoder_create(struct batch_encoder **ret);
void batch_encoder_destroy(struct batch_encoder *encoder);

/* Copies all that it needs from the fact. Returns 0, BATCH_E_FULL, -EINVAL (a fact without identity, type or
 * context: our own bug or a broken kernel record) or -ENOMEM; on any of these the batch is as it was before. A single
 * fact that exceeds BATCH_BYTES_MAX on its own has its argv cut to fit. */
int batch_encoder_add(struct batch_encoder *encoder, const struct fact *fact);
int batch_encoder_add_gap(struct batch_encoder *encoder, const struct gap *gap);
int batch_encoder_add_snapshot(struct batch_encoder *encoder, const struct snapshot_mark *mark);

/* Facts + gaps + marks that the batch holds. */
size_t batch_encoder_count(const struct batch_encoder *encoder);
/* An estimate from above of the encoded size in bytes. */
size_t batch_encoder_bytes(const struct batch_encoder *encoder);

struct batch_id {
	struct boot_id boot;
	uint64_t stream;
	uint64_t seq;
};

/* Writes the batch and empties the encoder for the next one. *ret_data is owned by the encoder and valid until its next
 * call. Errors: -ENODATA (empty), -ENOMEM (the batch is kept). */
int batch_encoder_finish(struct batch_encoder *encoder, const struct batch_id *id, int64_t boottime_to_wall_ns,
			 const uint8_t **ret_data, size_t *ret_len);

#endif
