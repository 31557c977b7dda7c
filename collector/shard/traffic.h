/* SPDX-License-Identifier: Apache-2.0 */
/* What goes from shard to shard: connections whose Hello names a boot of another one, and batches of a boot that another
 * one owns. On the thread of the shard that is given. */
#ifndef CANOPY_COLLECTOR_SHARD_TRAFFIC_H
#define CANOPY_COLLECTOR_SHARD_TRAFFIC_H

#include "collector/shard/shard.h"

/* The route of the shard's listener. */
void traffic_route(struct shard *shard, struct route *ret);
/* Forgets what other shards wait for: nobody waits any more. */
void traffic_end(struct shard *shard);

#endif
