/* SPDX-License-Identifier: Apache-2.0 */
/* A host boot of few processes costs some 8 KiB, most of it the first chunk of nodes. */
#include "collector/forest/host.h"

#include <errno.h>
#include <string.h>

#include "collector/forest/core.h"
#include "collector/forest/machine.h"
#include "collector/forest/place.h"
#include "collector/forest/vague.h"

int host_create(struct forest_host **ret, struct forest *forest, const struct boot_id *boot)
{
	struct memory *memory = &forest->pool.memory;
	struct forest_host *host = memory_zalloc(memory, sizeof(*host));

	if (!host)
		return -ENOMEM;
	if (registry_init(&host->registry, memory, forest->pool.seed) < 0) {
		memory_free(memory, host, sizeof(*host));
		return -ENOMEM;
	}
	host->forest = forest;
	host->pool = &forest->pool;
	host->boot = *boot;
	*ret = host;
	return 0;
}

static void release_nodes(struct forest_host *host)
{
	for (uint32_t i = 0; i < host->slab.count; i++) {
		struct slab_chunk *chunk = host->slab.chunks[i];

		for (uint32_t slot = 0; chunk && slot < SLAB_CHUNK_NODES; slot++) {
			if (!(chunk->free & 1u << slot))
				node_release(&chunk->nodes[slot], host->pool);
		}
	}
}

void host_destroy(struct forest_host *host)
{
	struct memory *memory;

	if (!host)
		return;
	memory = &host->pool->memory;
	release_nodes(host);
	slab_finish(&host->slab, memory);
	registry_finish(&host->registry, memory);
	timeline_finish(&host->timeline, memory);
	gaps_finish(&host->gaps, memory);
	gaps_finish(&host->filtered, memory);
	eras_finish(&host->eras, memory);
	description_destroy(host->description, memory);
	memory_free(memory, host, sizeof(*host));
}

/* Sums may exceed every clock when a peer sends nonsense: they wrap instead of being undefined. */
static int64_t add_offset(uint64_t boottime_ns, int64_t offset_ns)
{
	return (int64_t)(boottime_ns + (uint64_t)offset_ns);
}

int64_t host_wall(const struct forest_host *host, uint64_t boottime_ns)
{
	return host->clock_known ? add_offset(boottime_ns, host->offset_ns) : INT64_MIN;
}

int64_t host_offset(const struct forest_host *host, uint8_t era)
{
	return era == ERA_OTHER || era >= host->eras.count ? host->offset_ns : host->eras.items[era].offset_ns;
}

int64_t host_wall_at(const struct forest_host *host, uint64_t boottime_ns, uint8_t era)
{
	if (era == ERA_OTHER || era >= host->eras.count)
		return host_wall(host, boottime_ns);
	return add_offset(boottime_ns, host->eras.items[era].offset_ns);
}

void host_heard(struct forest_host *host, uint64_t boottime_ns, int64_t offset_ns)
{
	if (host->clock_known &&
	    (boottime_ns < host->clock_ns || (boottime_ns == host->clock_ns && offset_ns <= host->offset_ns)))
		return;
	host->clock_known = true;
	host->clock_ns = boottime_ns;
	host->offset_ns = offset_ns;
	machine_mark(host->machine);
}

void host_note(struct forest_host *host, uint64_t time_ns, uint8_t era)
{
	if (!host->fact_known || time_ns < host->first_fact_ns) {
		host->first_fact_ns = time_ns;
		host->first_fact_era = era;
	}
	if (time_ns > host->last_fact_ns)
		host->last_fact_ns = time_ns;
	host->fact_known = true;
}

int64_t host_last_seen(const struct forest_host *host)
{
	return host_wall(host, host->clock_ns);
}

struct bytes host_name(const struct forest_host *host)
{
	return host->description ? host->description->hostname : BYTES_NULL;
}

int host_compare(const struct forest_host *a, const struct forest_host *b)
{
	int order = bytes_compare(host_name(a), host_name(b));

	return order ? order : memcmp(a->boot.octets, b->boot.octets, BOOT_ID_BYTES);
}

void host_refresh(struct forest_host *host)
{
	if (host->machine)
		machine_look(host->machine);
	if (host->vague_count && host->vague_dirty)
		vague_resolve(host);
}

int host_add_node(struct forest_host *host, struct process_key key, struct forest_node **ret)
{
	struct memory *memory = &host->pool->memory;
	struct forest_node *node;

	if (host->slab.used >= host->forest->options.nodes_per_host_max ||
	    host->forest->node_count >= host->forest->options.nodes_max)
		return -ENOSPC;
	node = slab_alloc(&host->slab, memory, host);
	if (!node)
		return -ENOMEM;
	if (timeline_reserve(&host->timeline, memory, &host->slab, key) < 0) {
		slab_free(&host->slab, memory, node);
		return -ENOMEM;
	}
	node->start_ns = key.start_ns;
	node->tgid = key.tgid;
	registry_add(&host->registry, &host->slab, memory, node);
	timeline_add(&host->timeline, &host->slab, node);
	host->forest->node_count++;
	host->states[PROCESS_UNKNOWN]++;
	host->vague_dirty = true;
	if (key_compare(key, host->newest) > 0)
		host->newest = key;
	*ret = node;
	return 0;
}

void host_remove_node(struct forest_host *host, struct forest_node *node)
{
	struct memory *memory = &host->pool->memory;

	place_leave(host, node);
	host->forest->node_count--;
	host->states[node->state]--;
	host->vague_count -= node->flags & NODE_VAGUE ? 1 : 0;
	host->vague_dirty = true;
	timeline_remove(&host->timeline, memory, &host->slab, node);
	registry_remove(&host->registry, &host->slab, node);
	node_release(node, host->pool);
	slab_free(&host->slab, memory, node);
}

void host_touch(struct forest_host *host)
{
	if (host->touched)
		return;
	host->touched = true;
	host->touched_next = host->forest->touched;
	host->forest->touched = host;
}

bool host_is_buried(const struct forest_host *host, struct process_key key)
{
	return !host_find(host, key) && graves_have(&host->forest->graves, host->intern.hash, key);
}
