/* SPDX-License-Identifier: Apache-2.0 */
/* Counts the connections of all listeners together, in all and by address. Any thread may use it: a connection is
 * counted once when it comes and once when it goes, so a mutex costs nothing. */
#ifndef CANOPY_COLLECTOR_LISTEN_CENSUS_H
#define CANOPY_COLLECTOR_LISTEN_CENSUS_H

#include <stdint.h>
#include <uv.h>

#include "collector/ingest/index.h"

struct census {
	uv_mutex_t mutex;
	struct index addresses; /* of struct census_address, owned */
	uint32_t connections;
};

/* Errors: -ENOMEM, -EAGAIN. */
int census_init(struct census *census);
void census_finish(struct census *census);

/* One more of the address; *ret_address and *ret_connections: with it, UINT32_MAX for an address that there is no memory
 * to count. */
void census_come(struct census *census, const uint8_t key[16], uint32_t *ret_address, uint32_t *ret_connections);
void census_go(struct census *census, const uint8_t key[16]);

#endif
