/* SPDX-License-Identifier: Apache-2.0 */
/* Counts the connections of all listeners together, in all and by address, there also those whose TLS handshake is under
 * way. Any thread may use it: a connection is counted when it comes, has shaken hands and goes, so a mutex costs nothing. */
#ifndef CANOPY_COLLECTOR_LISTEN_CENSUS_H
#define CANOPY_COLLECTOR_LISTEN_CENSUS_H

#include <stdbool.h>
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

struct census_counts {
	uint32_t of_address, of_all;
	uint32_t securing; /* of the address: TLS handshakes under way */
};

/* One more of the address, securing: with a handshake to come, until census_secured. *ret counts it in; of_address is UINT32_MAX
 * when there is no memory to count the address. */
void census_come(struct census *census, const uint8_t key[16], bool securing, struct census_counts *ret);
/* The handshake of one that came with securing is over, whichever way; before census_go. */
void census_secured(struct census *census, const uint8_t key[16]);
void census_go(struct census *census, const uint8_t key[16]);

#endif
