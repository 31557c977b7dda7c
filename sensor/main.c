/* SPDX-License-Identifier: Apache-2.0 */
/* canopy-sensor: arguments in, exit code out. */
#include <stdlib.h>

#include "canopy/log.h"
#include "sensor/check.h"
#include "sensor/options.h"
#include "sensor/sensor.h"
#include "sensor/standalone.h"

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
	if (options.check)
		r = check_run(&options);
	else
		r = options.print == PRINT_NONE ? sensor_run(&options) : standalone_run(&options);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
