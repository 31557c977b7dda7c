/* SPDX-License-Identifier: Apache-2.0 */
/* A binary heap; an exit moves its host by one comparison, since it changes the sum by little. */
#include "collector/forest/heap.h"

static void put(struct forest *forest, uint32_t at, struct forest_host *host)
{
	forest->heap[at] = host;
	host->heap_at = at;
}

static void sift_up(struct forest *forest, struct forest_host *host)
{
	uint32_t at = host->heap_at;

	while (at > 0 && forest->heap[(at - 1) / 2]->spent_bytes < host->spent_bytes) {
		put(forest, at, forest->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	put(forest, at, host);
}

static void sift_down(struct forest *forest, struct forest_host *host)
{
	uint32_t at = host->heap_at, child;

	while ((child = 2 * at + 1) < forest->host_count) {
		if (child + 1 < forest->host_count &&
		    forest->heap[child + 1]->spent_bytes > forest->heap[child]->spent_bytes)
			child++;
		if (forest->heap[child]->spent_bytes <= host->spent_bytes)
			break;
		put(forest, at, forest->heap[child]);
		at = child;
	}
	put(forest, at, host);
}

void heap_add(struct forest *forest, struct forest_host *host)
{
	put(forest, forest->host_count - 1, host);
	sift_up(forest, host);
}

void heap_remove(struct forest *forest, struct forest_host *host)
{
	struct forest_host *last = forest->heap[forest->host_count];

	if (last == host)
		return;
	put(forest, host->heap_at, last);
	heap_update(forest, last);
}

void heap_update(struct forest *forest, struct forest_host *host)
{
	uint32_t at = host->heap_at;

	if (at > 0 && forest->heap[(at - 1) / 2]->spent_bytes < host->spent_bytes)
		sift_up(forest, host);
	else
		sift_down(forest, host);
}
