/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/shard/prefault.h"

static void run(uv_work_t *work)
{
	struct prefault *prefault = work->data;

	prefault->region = forest_prefault();
}

static void done(uv_work_t *work, int status)
{
	struct prefault *prefault = work->data;

	(void)status; /* never cancelled */
	forest_keep_region(prefault->forest, prefault->region);
	prefault->busy = false;
}

void prefault_turn(struct prefault *prefault, uv_loop_t *loop, struct forest *forest)
{
	if (prefault->busy || !forest_wants_region(forest))
		return;
	prefault->busy = true;
	prefault->forest = forest;
	prefault->work.data = prefault;
	(void)uv_queue_work(loop, &prefault->work, run, done); /* refuses only a missing callback */
}
