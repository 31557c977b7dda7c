/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a sensor may speak for the host that its Hello names. No I/O. */
#ifndef CANOPY_COLLECTOR_LISTEN_IDENTITY_H
#define CANOPY_COLLECTOR_LISTEN_IDENTITY_H

#include "collector/ingest/ingest.h"
#include "proto/stream/certificate.h"

/* certificate: verified; NULL = none was shown. Returns 0 or INGEST_E_REFUSED. */
int identity_check(const struct certificate *certificate, const struct hello *hello, struct ingest_refusal *ret);

#endif
