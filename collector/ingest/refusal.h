/* SPDX-License-Identifier: Apache-2.0 */
/* Why a peer is refused, as a sentence that an operator can act on. */
#ifndef CANOPY_COLLECTOR_INGEST_REFUSAL_H
#define CANOPY_COLLECTOR_INGEST_REFUSAL_H

#include "collector/ingest/ingest.h"

/* Both return INGEST_E_REFUSED. retry_after_ms 0 = the sensor's own backoff. */
__attribute__((format(printf, 4, 5))) int refusal_make(struct ingest_refusal *ret, enum reject_code code,
						       uint32_t retry_after_ms, const char *format, ...);
int refusal_memory(struct ingest_refusal *ret);

#endif
