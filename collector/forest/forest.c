/* SPDX-License-Identifier: Apache-2.0 */
/* The hosts of the forest, what is applied to them, and how memory is given back. */
#include <errno.h>
#include <stdlib.h>

#include "collector/forest/host.h"
#include "collector/forest/internal.h"

RB_HEAD(host_order, forest_host);

static int host_order_compare(const struct forest_host *a, const struct forest_host *b)
{
	int order = bytes_compare(a->hostname, b->hostname);

	return order ? order : memcmp(a->boot.octets, b->boot.octets, BOOT_ID_BYTES);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wsign-compare"
RB_GENERATE_STATIC(host_order, forest_host, order, host_order_compare)
#pragma GCC diagnostic pop

#define HOST_BUCKETS 4096u /* boots are few and live long: chains stay short up to tens of thousands */

struct forest {
	struct forest_options options;
	struct forest_host *buckets[HOST_BUCKETS];
	struct host_order hosts;
	size_t host_count;
	struct text_table texts;
	struct arena scratch;
	struct forest_node *exited_first, *exited_last; /* evictable: ended and without children */
	size_t exited_bytes;
	uint64_t evicted;
	uint64_t facts_new[5], facts_known[5];
};

struct text_table *forest_texts(struct forest *forest)
{
	return &forest->texts;
}

int forest_create(struct forest **ret, const struct forest_options *options)
{
	struct forest *forest = calloc(1, sizeof(*forest));

	if (!forest)
		return -ENOMEM;
	forest->options = *options;
	RB_INIT(&forest->hosts);
	*ret = forest;
	return 0;
}

void forest_destroy(struct forest *forest)
{
	if (!forest)
		return;
	for (size_t i = 0; i < HOST_BUCKETS; i++) {
		while (forest->buckets[i]) {
			struct forest_host *next = forest->buckets[i]->hash_next;

			host_destroy(&forest->texts, forest->buckets[i]);
			forest->buckets[i] = next;
		}
	}
	text_table_finish(&forest->texts);
	arena_finish(&forest->scratch);
	free(forest);
}

/* ---- hosts ----------------------------------------------------------------------------------------------------- */

static struct forest_host **host_bucket(const struct forest *forest, const struct boot_id *boot)
{
	uint32_t word;

	memcpy(&word, boot->octets, sizeof(word));
	return (struct forest_host **)&forest->buckets[word * 2654435761u >> 20];
}

struct forest_host *forest_host_find(const struct forest *forest, const struct boot_id *boot)
{
	struct forest_host *host = *host_bucket(forest, boot);

	while (host && !boot_id_equal(&host->boot, boot))
		host = host->hash_next;
	return host;
}

int forest_host_get(struct forest *forest, const struct boot_id *boot, struct forest_host **ret)
{
	struct forest_host *host = forest_host_find(forest, boot), **at = host_bucket(forest, boot);
	int r;

	if (host) {
		*ret = host;
		return 0;
	}
	if (forest->host_count >= forest->options.hosts_max)
		return -ENOSPC;
	r = host_create(forest, boot, &host);
	if (r < 0)
		return r;
	host->hash_next = *at;
	*at = host;
	(void)host_order_RB_INSERT(&forest->hosts, host);
	forest->host_count++;
	*ret = host;
	return 0;
}

struct forest_host *forest_host_next(const struct forest *forest, const struct forest_host *after)
{
	if (!after)
		return host_order_RB_MINMAX((struct host_order *)&forest->hosts, -1);
	return host_order_RB_NEXT((struct forest_host *)after);
}

/* A boot is over when a later boot of the same machine began after this one was last heard of. Machines that run at the same time with one
 * machine id are clones, and stay apart. */
static bool is_over(const struct forest *forest, const struct forest_host *host)
{
	const struct forest_host *other;

	if (!host->machine_id_known || host->last_seen_wall_ns == INT64_MIN)
		return false;
	for (other = forest_host_next(forest, NULL); other; other = forest_host_next(forest, other)) {
		if (other != host && other->machine_id_known && memcmp(other->machine_id, host->machine_id, 16) == 0 &&
		    other->offset_at_ns && other->offset_ns > host->last_seen_wall_ns)
			return true;
	}
	return false;
}

/* Called when a host was described: the only moment at which machines and boots are tied to each other. */
static void close_old_boots(struct forest *forest)
{
	struct forest_host *host;

	for (host = forest_host_next(forest, NULL); host; host = forest_host_next(forest, host)) {
		bool over = is_over(forest, host);

		if (over != host->rebooted) {
			host->rebooted = over;
			host_recount(host);
		}
	}
}

static int copy_description(struct forest_host *host, struct arena *arena, const struct hello *hello)
{
	host->hostname = arena_copy(arena, hello->hostname);
	host->kernel = arena_copy(arena, hello->kernel);
	host->arch = arena_copy(arena, hello->arch);
	host->sensor_version = arena_copy(arena, hello->sensor_version);
	host->tags = arena_zalloc(arena, 2 * hello->tag_count + 1, sizeof(*host->tags));
	if (!host->hostname.data || !host->kernel.data || !host->arch.data || !host->sensor_version.data || !host->tags)
		return -ENOMEM;
	for (size_t i = 0; i < hello->tag_count; i++) {
		host->tags[2 * i] = arena_copy(arena, hello->tags[i].key);
		host->tags[2 * i + 1] = arena_copy(arena, hello->tags[i].value);
		if (!host->tags[2 * i].data || !host->tags[2 * i + 1].data)
			return -ENOMEM;
	}
	host->tag_count = hello->tag_count;
	return 0;
}

int forest_host_describe(struct forest *forest, struct forest_host *host, const struct hello *hello)
{
	struct arena fresh = ARENA_NULL;
	struct forest_host copy = *host;

	host_heard(host, hello->boottime_ns, hello->boottime_to_wall_ns);
	if (hello->boottime_ns < host->described_ns)
		return 0;
	if (copy_description(&copy, &fresh, hello) < 0) {
		arena_finish(&fresh);
		return -ENOMEM;
	}
	(void)host_order_RB_REMOVE(&forest->hosts, host);
	arena_finish(&host->description);
	host->description = fresh;
	host->hostname = copy.hostname;
	host->kernel = copy.kernel;
	host->arch = copy.arch;
	host->sensor_version = copy.sensor_version;
	host->tags = copy.tags;
	host->tag_count = copy.tag_count;
	host->described_ns = hello->boottime_ns;
	memcpy(host->machine_id, hello->machine_id, sizeof(host->machine_id));
	host->machine_id_known = hello->machine_id_known;
	(void)host_order_RB_INSERT(&forest->hosts, host);
	close_old_boots(forest);
	return 0;
}

/* ---- eviction -------------------------------------------------------------------------------------------------- */

static bool listed(const struct forest *forest, const struct forest_node *node)
{
	return node->exited_prev || node->exited_next || forest->exited_first == node;
}

static void list_exited(struct forest *forest, struct forest_node *node)
{
	if (listed(forest, node) || node->child_count || node_state(node) == PROCESS_LIVE)
		return;
	node->exited_prev = forest->exited_last;
	node->exited_next = NULL;
	*(forest->exited_last ? &forest->exited_last->exited_next : &forest->exited_first) = node;
	forest->exited_last = node;
	forest->exited_bytes += node_bytes(node);
}

static void unlist_exited(struct forest *forest, struct forest_node *node)
{
	if (!listed(forest, node))
		return;
	*(node->exited_prev ? &node->exited_prev->exited_next : &forest->exited_first) = node->exited_next;
	*(node->exited_next ? &node->exited_next->exited_prev : &forest->exited_last) = node->exited_prev;
	node->exited_prev = node->exited_next = NULL;
	forest->exited_bytes -= node_bytes(node);
}

static uint64_t end_of(const struct forest_node *node)
{
	return node->end ? node->end->time_ns : node->alive_ns;
}

static bool too_old(const struct forest *forest, const struct forest_node *node)
{
	uint64_t end = end_of(node);

	return forest->options.exited_keep_ns && node->host->last_fact_ns > end &&
	       node->host->last_fact_ns - end > forest->options.exited_keep_ns;
}

static void evict_one(struct forest *forest, struct forest_node *node)
{
	struct forest_host *host = node->host;
	struct forest_node *parent = node->parent;

	unlist_exited(forest, node);
	if (end_of(node) > host->horizon_ns)
		host->horizon_ns = end_of(node);
	host_node_remove(host, node);
	node_destroy(&forest->texts, node);
	host->evicted++;
	forest->evicted++;
	if (parent)
		list_exited(forest, parent);
}

size_t forest_evict(struct forest *forest)
{
	size_t count = 0;

	while (forest->exited_first &&
	       (forest->exited_bytes > forest->options.exited_bytes_max || too_old(forest, forest->exited_first))) {
		evict_one(forest, forest->exited_first);
		count++;
	}
	return count;
}

/* ---- applying -------------------------------------------------------------------------------------------------- */

static bool has_parent(const struct forest_node *node, struct process_key key)
{
	/* a parent is never younger than its child: whoever says so would make a circle */
	return key.tgid && key.start_ns && key_compare(key, node->key) < 0;
}

/* Ties the node to its creation parent, which is made when nobody has spoken of it yet. */
static int tie_parent(struct forest *forest, struct forest_node *node)
{
	struct process_key key = node->birth.parent;
	struct forest_node *parent;
	int r;

	if (node->parent && process_key_equal(node->parent->key, key))
		return 0;
	node_unlink(node);
	if (!has_parent(node, key))
		return 0;
	r = host_node_get(node->host, key, forest->options.nodes_per_host_max, &parent);
	if (r < 0)
		return r;
	unlist_exited(forest, parent);
	node_link(parent, node);
	return 0;
}

/* Any fact of a child but its exit (which may be read after the parent's) shows that its parent was alive then. */
static int witness_parent(struct forest *forest, struct forest_node *node, const struct fact *fact)
{
	struct forest_node *parent;
	int r;

	if (!has_parent(node, fact->parent))
		return 0;
	r = host_node_get(node->host, fact->parent, forest->options.nodes_per_host_max, &parent);
	if (r < 0 || fact->type == FACT_EXIT || fact->time_ns <= parent->alive_ns)
		return r;
	parent->alive_ns = fact->time_ns;
	node_recount(parent);
	return 0;
}

static int apply_known_host(struct forest *forest, struct forest_host *host, const struct fact *fact, int64_t offset_ns, bool *ret_new)
{
	struct forest_node *node = host_node_find(host, fact->self);
	int r;

	if (!node && fact->time_ns <= host->horizon_ns && fact->self.start_ns <= host->horizon_ns)
		return 0; /* of a process that was evicted */
	r = host_node_get(host, fact->self, forest->options.nodes_per_host_max, &node);
	if (r < 0)
		return r;
	unlist_exited(forest, node);
	r = node_join(&forest->texts, &forest->scratch, node, fact, offset_ns, ret_new);
	if (r == 0)
		r = tie_parent(forest, node);
	if (r == 0)
		r = witness_parent(forest, node, fact);
	node_recount(node);
	list_exited(forest, node);
	return r;
}

int forest_apply(struct forest *forest, struct forest_host *host, const struct fact *fact, int64_t offset_ns, bool *ret_new)
{
	bool news = false;
	int r;

	if (!fact->self.tgid || fact->type < FACT_FORK || fact->type > FACT_SNAPSHOT)
		return -EINVAL;
	r = apply_known_host(forest, host, fact, offset_ns, &news);
	if (r < 0)
		return r;
	if (fact->time_ns > host->last_fact_ns)
		host->last_fact_ns = fact->time_ns;
	host_heard(host, fact->time_ns, offset_ns);
	host->facts[fact->type] += news;
	(news ? forest->facts_new : forest->facts_known)[fact->type]++;
	*ret_new = news;
	return 0;
}

static bool same_gap(const struct gap *a, const struct gap *b)
{
	return a->type == b->type && a->reason == b->reason && a->from_ns == b->from_ns && a->to_ns == b->to_ns && a->count == b->count;
}

int forest_apply_gap(struct forest *forest, struct forest_host *host, const struct gap *gap, bool *ret_new)
{
	(void)forest;
	for (size_t i = 0; i < host->gap_count; i++) {
		if (same_gap(&host->gaps[i].gap, gap)) {
			*ret_new = false;
			return 0;
		}
	}
	if (host->gap_count == FOREST_GAPS_MAX)
		memmove(host->gaps, host->gaps + 1, --host->gap_count * sizeof(host->gaps[0]));
	host->gaps[host->gap_count++] = (struct forest_gap){*gap, host->offset_ns};
	if (gap->reason != GAP_FILTERED)
		host->lost[gap->type <= FACT_SNAPSHOT ? gap->type : 0] += gap->count;
	*ret_new = true;
	return 0;
}

int forest_apply_snapshot(struct forest *forest, struct forest_host *host, const struct snapshot_mark *mark)
{
	(void)forest;
	if (mark->begin_ns <= host->mark_ns)
		return 0;
	host->mark_ns = mark->begin_ns;
	host_recount(host);
	return 0;
}

/* ---- asking ---------------------------------------------------------------------------------------------------- */

struct forest_node *forest_find(const struct forest_host *host, struct process_key key)
{
	return host_node_find(host, key);
}

struct forest_node *forest_find_pid(const struct forest_host *host, uint32_t tgid)
{
	return host_node_newest(host, tgid);
}

static bool boot_matches(const struct forest_host *host, const struct process_ref *ref)
{
	uint8_t half = ref->boot_nibbles / 2;

	if (!ref->boot_nibbles)
		return bytes_equal(host->hostname, ref->host);
	if (memcmp(host->boot.octets, ref->boot_prefix, half) != 0)
		return false;
	return !(ref->boot_nibbles & 1) || (host->boot.octets[half] ^ ref->boot_prefix[half]) < 16;
}

/* By host name the newest boot that knows the pid answers; by boot prefix only one boot may match. */
struct forest_node *forest_resolve(const struct forest *forest, const struct process_ref *ref, bool *ret_ambiguous)
{
	struct forest_node *found = NULL;
	struct forest_host *host;

	*ret_ambiguous = false;
	for (host = forest_host_next(forest, NULL); host; host = forest_host_next(forest, host)) {
		struct forest_node *node;

		if (!boot_matches(host, ref))
			continue;
		node = ref->key.start_ns ? host_node_find(host, ref->key) : host_node_newest(host, ref->key.tgid);
		if (!node)
			continue;
		if (found && ref->boot_nibbles) {
			*ret_ambiguous = true;
			return NULL;
		}
		if (!found || host->last_seen_wall_ns > found->host->last_seen_wall_ns)
			found = node;
	}
	return found;
}

void forest_stats(const struct forest *forest, struct forest_stats *ret)
{
	const struct forest_host *host;

	*ret = (struct forest_stats){.hosts = forest->host_count, .bytes = sizeof(*forest) + forest->texts.bytes, .evicted = forest->evicted};
	for (host = forest_host_next(forest, NULL); host; host = forest_host_next(forest, host)) {
		ret->live += host->states[PROCESS_LIVE];
		ret->exited += host->states[PROCESS_EXITED];
		ret->unknown += host->states[PROCESS_UNKNOWN];
		ret->bytes += host_bytes(host) + host->node_count * sizeof(struct forest_node);
	}
	memcpy(ret->facts_new, forest->facts_new, sizeof(ret->facts_new));
	memcpy(ret->facts_known, forest->facts_known, sizeof(ret->facts_known));
}
