/* SPDX-License-Identifier: Apache-2.0 */
/* canopy-sensor: arguments in, exit code out. */
#include <stdlib.h>

#include "canopy/log.h"
#include "sensor/options.h"
#include "sensor/sensor.h"

#define EXIT_USAGE 2

enum log_level log_level = LOG_LEVEL_INFO;

int main(int argc, char **argv)
{
	struct sensor_options options;
	int r = sensor_options_parse(argc, argv, &options);

	if (r == OPTIONS_E_DONE)
		return EXIT_SUCCESS;
	if (r < 0)
		return EXIT_USAGE;
	return sensor_run(&options) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
