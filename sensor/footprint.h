/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that starting has touched and running does not need. */
#ifndef CANOPY_SENSOR_FOOTPRINT_H
#define CANOPY_SENSOR_FOOTPRINT_H

#include <stddef.h>

/* Gives back the resident pages of program and libraries that hold code and constants; what is needed of them comes back from the page cache.
 * Returns the bytes of those mappings. */
size_t footprint_shed(void);

#endif
