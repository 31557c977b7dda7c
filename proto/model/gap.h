/* SPDX-License-Identifier: Apache-2.0 */
/* The words for why facts are missing, the same in the console, the lake and the documents. */
#ifndef CANOPY_PROTO_MODEL_GAP_H
#define CANOPY_PROTO_MODEL_GAP_H

#include <stdint.h>

/* Of an enum gap_reason, "unknown" for one of a newer sensor. */
const char *gap_reason_word(uint32_t reason);

#endif
