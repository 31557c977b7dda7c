/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/model/gap.h"

#include "canopy/fact.h"

static const char *const words[] = {
    [GAP_RING_FULL] = "ring_full",         [GAP_RECURSION] = "recursion",     [GAP_MAP_FAILED] = "map_failed",
    [GAP_SPOOL_DROPPED] = "spool_dropped", [GAP_SENSOR_DOWN] = "sensor_down", [GAP_SEQUENCE] = "sequence",
    [GAP_SPOOL_DAMAGED] = "spool_damaged", [GAP_FILTERED] = "filtered",       [GAP_FOREST_FULL] = "forest_full",
};

const char *gap_reason_word(uint32_t reason)
{
	return reason < sizeof(words) / sizeof(words[0]) && words[reason] ? words[reason] : "unknown";
}
