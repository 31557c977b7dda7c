/* SPDX-License-Identifier: Apache-2.0 */
/* Growing a forest from a history, and showing everything that can be seen of it as text. */
#ifndef TEST_FOREST_GROW_H
#define TEST_FOREST_GROW_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "collector/forest/forest.h"
#include "proto/model/json.h"
#include "tests/unit/collector/forest/check.h"
#include "tests/unit/collector/forest/history.h"

static inline struct boot_id grow_boot(unsigned host)
{
	return (struct boot_id){{(uint8_t)(host + 1)}};
}

/* Errors: as the calls. */
static inline int grow_try(struct forest *forest, const struct item *item)
{
	struct boot_id boot = grow_boot(item->host);
	struct forest_host *host;
	bool news;
	int r = forest_host_get(forest, &boot, &host);

	if (r < 0)
		return r;
	switch (item->type) {
	case ITEM_FACT:
		return forest_apply(forest, host, &item->fact, item->offset, &news);
	case ITEM_GAP:
		return forest_apply_gap(forest, host, &item->gap, &news);
	case ITEM_MARK:
		return forest_apply_snapshot(forest, host, &item->mark);
	default:
		return forest_host_describe(forest, host, &item->hello);
	}
}

static inline void grow_dump_node(struct json *out, const struct forest_node *node)
{
	struct arena arena = ARENA_NULL;
	struct process_view view;

	assert_int_equal(forest_view(node, 0, &arena, &view), 0);
	json_process(out, &view);
	out->comma = false;
	json_raw(out, "\n ", 2);
	json_uint(out, view.depth);
	json_uint(out, view.child_count);
	json_uint(out, view.now_ns);
	for (size_t i = 0; i < view.image_count; i++) {
		json_uint(out, view.images[i].time_ns);
		json_uint(out, view.images[i].flags);
	}
	out->comma = false;
	for (struct forest_node *child = forest_child_first(node); child; child = forest_child_next(child)) {
		json_raw(out, " ", 1);
		json_uint(out, forest_node_key(child).start_ns);
		out->comma = false;
	}
	json_raw(out, "\n", 1);
	arena_finish(&arena);
}

static inline void grow_dump_host_info(struct json *out, const struct forest_host *host)
{
	struct forest_host_info info;
	uint64_t numbers[10];

	forest_host_info(host, &info);
	memcpy(numbers,
	       (uint64_t[]){info.live, info.exited, info.facts[1], info.facts[2], info.facts[3], info.facts[4],
			    info.lost[2], info.last_fact_ns, (uint64_t)info.first_seen_wall_ns,
			    (uint64_t)info.last_seen_wall_ns},
	       sizeof(numbers));
	json_string(out, info.hostname);
	json_bool(out, info.rebooted);
	for (unsigned i = 0; i < 10; i++)
		json_uint(out, numbers[i]);
	for (size_t i = 0; i < info.gap_count; i++)
		json_uint(out, info.gaps[i].gap.from_ns + info.gaps[i].gap.count +
				   (uint64_t)info.gaps[i].boottime_to_wall_ns);
	out->comma = false;
	json_raw(out, "\n", 1);
}

static inline void grow_dump_host(struct json *out, const struct forest_host *host)
{
	grow_dump_host_info(out, host);
	for (struct forest_node *node = forest_node_next(host, NULL); node; node = forest_node_next(host, node))
		grow_dump_node(out, node);
}

/* Everything that can be seen of the forest, as text. */
static inline struct json grow_dump(const struct forest *forest)
{
	struct json out = JSON_NULL;

	for (struct forest_host *host = forest_host_next(forest, NULL); host; host = forest_host_next(forest, host))
		grow_dump_host(&out, host);
	assert_false(out.failed);
	return out;
}

static inline void grow_expect_same(const struct json *a, const struct json *b, uint64_t seed)
{
	size_t i = 0, line = 0, from;

	if (a->len == b->len && memcmp(a->data, b->data, a->len) == 0)
		return;
	while (i < a->len && i < b->len && a->data[i] == b->data[i]) {
		line = a->data[i] == '\n' ? i + 1 : line;
		i++;
	}
	from = i - line > 400 ? i - 400 : line;
	print_error("seed %llu, at byte %zu:\n  %.*s\n  %.*s\n", (unsigned long long)seed, i, (int)(i - from + 160), a->data + from,
		    (int)(i - from + 160), b->data + from);
	fail();
}

/* What can be seen of those who live, and of the living among the children of each, as text. */
static inline struct json grow_dump_living(const struct forest *forest)
{
	struct json out = JSON_NULL;

	for (struct forest_host *host = forest_host_next(forest, NULL); host; host = forest_host_next(forest, host)) {
		for (struct forest_node *node = forest_node_next(host, NULL); node; node = forest_node_next(host, node)) {
			struct arena arena = ARENA_NULL;
			struct process_view view;

			assert_int_equal(forest_view(node, 1, &arena, &view), 0);
			if (node->place == PLACE_LIVE || node->place == PLACE_KEPT) {
				json_process(&out, &view);
				out.comma = false;
				json_raw(&out, "\n", 1);
			}
			arena_finish(&arena);
		}
	}
	assert_false(out.failed);
	return out;
}

/* As if a fact had come for the host since the last eviction. */
static inline void grow_touch(struct forest *forest, struct forest_host *host)
{
	if (host->touched)
		return;
	host->touched = true;
	host->touched_next = forest->touched;
	forest->touched = host;
}

#endif
