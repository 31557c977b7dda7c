/* SPDX-License-Identifier: Apache-2.0 */
/* Execs and exits alone are evidence: the kernel dates them in its hook. A snapshot is dated by whoever took it, and a pid has been
 * seen in other hands after 617 microseconds. */
#include "collector/ingest/clones.h"

bool clones_contradict(const struct forest_host *host, const struct batch *batch)
{
	for (size_t i = 0; i < batch->fact_count; i++) {
		const struct fact *fact = &batch->facts[i];
		const struct forest_node *newest;
		uint64_t newest_ns;

		if (fact->type != FACT_EXEC && fact->type != FACT_EXIT)
			continue;
		newest = forest_find_pid(host, fact->self.tgid);
		newest_ns = newest ? forest_node_key(newest).start_ns : 0;
		if (newest_ns > fact->self.start_ns && newest_ns < fact->time_ns)
			return true;
	}
	return false;
}

bool clones_is_outcast(const struct clones *clones, uint64_t stream)
{
	for (unsigned i = 0; i < clones->count && i < CLONES_OUTCASTS_MAX; i++)
		if (clones->outcasts[i] == stream)
			return true;
	return false;
}

void clones_cast_out(struct clones *clones, uint64_t stream)
{
	clones->contradictions++;
	if (!clones_is_outcast(clones, stream))
		clones->outcasts[clones->count++ % CLONES_OUTCASTS_MAX] = stream;
}
