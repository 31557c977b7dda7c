/* SPDX-License-Identifier: Apache-2.0 */
/* Processes stand in a hash table by tgid (a person and the kernel ask by it; the few that shared a pid are one chain) and in a red-black
 * tree by start, which is the order of every list that is shown. */
#include <errno.h>
#include <stdlib.h>

#include "collector/forest/host.h"
#include "collector/forest/internal.h"

#define BUCKETS_MIN 64u

int node_order_compare(const struct forest_node *a, const struct forest_node *b)
{
	return key_compare(a->key, b->key);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wsign-compare"
RB_GENERATE(node_order, forest_node, order, node_order_compare)
#pragma GCC diagnostic pop

int host_create(struct forest *forest, const struct boot_id *boot, struct forest_host **ret)
{
	struct forest_host *host = calloc(1, sizeof(*host));

	if (!host)
		return -ENOMEM;
	host->buckets = calloc(BUCKETS_MIN, sizeof(*host->buckets));
	if (!host->buckets) {
		free(host);
		return -ENOMEM;
	}
	host->bucket_count = BUCKETS_MIN;
	host->forest = forest;
	host->boot = *boot;
	host->first_seen_wall_ns = host->last_seen_wall_ns = INT64_MIN;
	RB_INIT(&host->nodes);
	*ret = host;
	return 0;
}

void host_destroy(struct text_table *texts, struct forest_host *host)
{
	for (size_t i = 0; i < host->bucket_count; i++) {
		while (host->buckets[i]) {
			struct forest_node *next = host->buckets[i]->hash_next;

			node_destroy(texts, host->buckets[i]);
			host->buckets[i] = next;
		}
	}
	arena_finish(&host->description);
	free(host->buckets);
	free(host);
}

static struct forest_node **bucket(const struct forest_host *host, uint32_t tgid)
{
	return &host->buckets[(tgid * 2654435761u >> 7) & (host->bucket_count - 1)];
}

static int grow(struct forest_host *host)
{
	struct forest_node **old = host->buckets, **buckets = calloc(host->bucket_count * 2, sizeof(*buckets));
	size_t old_count = host->bucket_count;

	if (!buckets)
		return -ENOMEM;
	host->buckets = buckets;
	host->bucket_count *= 2;
	for (size_t i = 0; i < old_count; i++) {
		while (old[i]) {
			struct forest_node *node = old[i], **at = bucket(host, node->key.tgid);

			old[i] = node->hash_next;
			node->hash_next = *at;
			*at = node;
		}
	}
	free(old);
	return 0;
}

struct forest_node *host_node_find(const struct forest_host *host, struct process_key key)
{
	struct forest_node *node = *bucket(host, key.tgid);

	while (node && !process_key_equal(node->key, key))
		node = node->hash_next;
	return node;
}

int host_node_get(struct forest_host *host, struct process_key key, uint32_t nodes_max, struct forest_node **ret)
{
	struct forest_node *node = host_node_find(host, key), **at;

	if (node) {
		*ret = node;
		return 0;
	}
	if (host->node_count >= nodes_max)
		return -ENOSPC;
	if (host->node_count >= host->bucket_count && grow(host) < 0)
		return -ENOMEM;
	node = node_create(host, key);
	if (!node)
		return -ENOMEM;
	at = bucket(host, key.tgid);
	node->hash_next = *at;
	*at = node;
	(void)node_order_RB_INSERT(&host->nodes, node);
	host->node_count++;
	node_recount(node);
	*ret = node;
	return 0;
}

void host_node_remove(struct forest_host *host, struct forest_node *node)
{
	struct forest_node **at = bucket(host, node->key.tgid);

	while (*at != node)
		at = &(*at)->hash_next;
	*at = node->hash_next;
	(void)node_order_RB_REMOVE(&host->nodes, node);
	node_unlink(node);
	host->states[node->counted - 1]--;
	host->node_count--;
}

size_t host_bytes(const struct forest_host *host)
{
	return sizeof(*host) + host->bucket_count * sizeof(*host->buckets) + host->description.allocated;
}

uint32_t node_lost_quality(const struct forest_node *node)
{
	const struct forest_host *host = node->host;

	if (node->end)
		return 0;
	if (host->rebooted)
		return QUALITY_HOST_REBOOTED;
	if (node->zombie || (host->mark_ns && node->key.start_ns < host->mark_ns && node->alive_ns < host->mark_ns))
		return QUALITY_EXIT_UNKNOWN;
	return 0;
}

enum process_state node_state(const struct forest_node *node)
{
	if (node->end)
		return PROCESS_EXITED;
	return node_lost_quality(node) ? PROCESS_UNKNOWN : PROCESS_LIVE;
}

void node_recount(struct forest_node *node)
{
	enum process_state state = node_state(node);

	if (node->counted == (uint8_t)state + 1)
		return;
	if (node->counted)
		node->host->states[node->counted - 1]--;
	node->host->states[state]++;
	node->counted = (uint8_t)(state + 1);
}

void host_recount(struct forest_host *host)
{
	struct forest_node *node;

	RB_FOREACH(node, node_order, &host->nodes)
		node_recount(node);
}

void host_heard(struct forest_host *host, uint64_t boottime_ns, int64_t offset_ns)
{
	int64_t wall = (int64_t)boottime_ns + offset_ns;

	if (boottime_ns > host->offset_at_ns || (boottime_ns == host->offset_at_ns && offset_ns > host->offset_ns)) {
		host->offset_at_ns = boottime_ns;
		host->offset_ns = offset_ns;
	}
	if (host->first_seen_wall_ns == INT64_MIN || wall < host->first_seen_wall_ns)
		host->first_seen_wall_ns = wall;
	if (wall > host->last_seen_wall_ns)
		host->last_seen_wall_ns = wall;
}

struct forest_node *host_node_newest(const struct forest_host *host, uint32_t tgid)
{
	struct forest_node *newest = NULL;

	for (struct forest_node *node = *bucket(host, tgid); node; node = node->hash_next) {
		if (node->key.tgid == tgid && (!newest || node->key.start_ns > newest->key.start_ns))
			newest = node;
	}
	return newest;
}
