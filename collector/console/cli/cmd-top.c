/* SPDX-License-Identifier: Apache-2.0 */
/* canopy top: the forest live on the terminal. */
#include "collector/console/cli/command.h"
#include "collector/console/cli/context.h"

int cmd_top(struct context *context)
{
	message("the live view needs a terminal; 'canopy tree' draws one picture, 'canopy tail' prints events as they come");
	return EXIT_USAGE;
}
