/* SPDX-License-Identifier: Apache-2.0 */
/* Exit codes: 0 ended as asked, 1 failed, 2 wrong usage. */
#include <stdlib.h>

#include "canopy/log.h"
#include "collector/collector.h"
#include "collector/options.h"

#define EXIT_USAGE 2

enum log_level log_level = LOG_LEVEL_INFO;

int main(int argc, char **argv)
{
	struct collector_options options;
	int r = collector_options_parse(argc, argv, &options);

	if (r == OPTIONS_E_DONE)
		return EXIT_SUCCESS;
	if (r < 0)
		return EXIT_USAGE;
	return collector_run(&options) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
