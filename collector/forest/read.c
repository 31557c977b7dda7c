/* SPDX-License-Identifier: Apache-2.0 */
/* Finding and walking. Reading first brings up to date what is looked up lazily (host_refresh), which nobody can see
 * otherwise. */
#include "collector/forest/core.h"
#include "collector/forest/family.h"

struct forest_node *forest_find(const struct forest_host *host, struct process_key key)
{
	return host_find(host, key);
}

/* A process that lives and has the pid is the newest that had it; otherwise all are asked, the youngest first. */
struct forest_node *forest_find_pid(const struct forest_host *host, uint32_t tgid)
{
	struct forest_node *found = NULL, *node;

	for (node = host_node(host, host->places[PLACE_LIVE].first); node; node = host_node(host, node->place_next)) {
		if (node->tgid == tgid && (!found || node->start_ns > found->start_ns))
			found = node;
	}
	node = timeline_newest(&host->timeline, &host->slab, tgid, found ? found->start_ns : 0);
	return node ? node : found;
}

struct forest_node *forest_node_next(const struct forest_host *host, const struct forest_node *after)
{
	if (!after)
		return timeline_at(&host->timeline, &host->slab, (struct process_key){0});
	return timeline_after((struct timeline *)&host->timeline, &host->slab, node_key(after));
}

struct forest_node *forest_node_at(const struct forest_host *host, struct process_key key)
{
	return timeline_at(&host->timeline, &host->slab, key);
}

struct forest_node *forest_parent(const struct forest_node *node)
{
	struct forest_host *host = slab_host_of(node);

	host_refresh(host);
	return host_node(host, node->parent);
}

struct forest_node *forest_child_first(const struct forest_node *node)
{
	struct forest_host *host = slab_host_of(node);

	host_refresh(host);
	family_sort(host, (struct forest_node *)node);
	return host_node(host, node->child_first);
}

struct forest_node *forest_child_next(const struct forest_node *child)
{
	return host_node(slab_host_of(child), child->sibling_next);
}

struct forest_host *forest_node_host(const struct forest_node *node)
{
	return slab_host_of(node);
}

struct process_key forest_node_key(const struct forest_node *node)
{
	return node_key(node);
}

/* ---- references -------------------------------------------------------------------------------------------------- */

static bool boot_matches(const struct forest_host *host, const struct process_ref *ref)
{
	unsigned whole = ref->boot_nibbles / 2;

	if (!ref->boot_nibbles)
		return bytes_equal(host_name(host), ref->host);
	if (memcmp(host->boot.octets, ref->boot_prefix, whole) != 0)
		return false;
	return !(ref->boot_nibbles & 1) || (host->boot.octets[whole] ^ ref->boot_prefix[whole]) < 16;
}

static struct forest_node *find_ref(struct forest_host *host, const struct process_ref *ref)
{
	if (!boot_matches(host, ref))
		return NULL;
	return ref->key.start_ns ? host_find(host, ref->key) : forest_find_pid(host, ref->key.tgid);
}

/* A boot that runs goes before those of the same name that are over; two that run, or two that are over, are ambiguous.
 */
struct forest_node *forest_resolve(const struct forest *forest, const struct process_ref *ref, bool *ret_ambiguous)
{
	struct forest_node *found[2] = {NULL, NULL}; /* by whether the boot is over */
	bool many[2] = {false, false};
	unsigned over;

	for (uint32_t i = 0; i < forest->host_count; i++) {
		struct forest_host *host = forest->ordered[i];
		struct forest_node *node = find_ref(host, ref);

		if (!node)
			continue;
		host_refresh(host);
		many[host->rebooted] |= found[host->rebooted] != NULL;
		found[host->rebooted] = node;
	}
	over = found[0] ? 0 : 1;
	*ret_ambiguous = many[over];
	return many[over] ? NULL : found[over];
}
