/* SPDX-License-Identifier: GPL-2.0-only */
/* The cgroup: its id, and its path below the root of its hierarchy. Where controllers are on hierarchies of their own (cgroup v1), container
 * runtimes and systemd put processes into that of pids; the default hierarchy may then not know of containers at all. */
#ifndef CANOPY_BPF_CGROUP_H
#define CANOPY_BPF_CGROUP_H

#include "maps.bpf.h"

#define CGROUP_NAME_MAX 256 /* NAME_MAX and the NUL */

INLINE struct kernfs_node *kernfs_parent(enum way way, struct kernfs_node *node, bool renamed)
{
	struct kernfs_node___v5 *older = (void *)node;

	return renamed ? GET(way, node, __parent) : GET(way, older, parent);
}

/* Notes the names from the leaf upwards, and how many there are below the root. */
INLINE void collect_names(enum way way, struct draft *draft, struct kernfs_node *node, bool renamed)
{
	for (uint32_t depth = 0; depth < CGROUP_DEPTH_MAX; depth++) {
		struct kernfs_node *parent = kernfs_parent(way, node, renamed);

		draft->depth = depth;
		if (!parent)
			return;
		draft->names[depth] = GET(way, node, name);
		node = parent;
	}
	draft->depth = CGROUP_DEPTH_MAX;
	if (kernfs_parent(way, node, renamed))
		draft->event.flags |= EVENT_CGROUP_TRUNCATED;
}

INLINE void append_name(struct draft *draft, uint32_t room, const char *name)
{
	uint64_t at = draft->at;
	char *to = (char *)&draft->event;
	long bytes;

	PIN(at);
	if (at > sizeof(struct event) + EVENT_CGROUP_MAX - CGROUP_NAME_MAX - 1 || at > room - CGROUP_NAME_MAX - 1) {
		draft->event.flags |= EVENT_CGROUP_TRUNCATED;
		return;
	}
	to[at] = '/';
	bytes = bpf_probe_read_kernel_str(to + at + 1, CGROUP_NAME_MAX, name);
	if (bytes > 0)
		draft->at = at + bytes; /* the NUL is overwritten by what follows */
}

/* The node in the hierarchy of the pids controller; NULL where that is the default one, and in its root, which says nothing. */
INLINE struct kernfs_node *own_hierarchy(struct css_set *set, struct cgroup *in_default)
{
	uint64_t place = (uint64_t)set + bpf_core_field_offset(struct css_set, subsys);
	struct cgroup_subsys_state *state = NULL;
	struct kernfs_node *node;
	struct cgroup *cgroup;

	if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, pids_cgrp_id))
		return NULL;
	place += bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id) * sizeof(state);
	(void)bpf_probe_read_kernel(&state, sizeof(state), (const void *)place);
	cgroup = GET(PROBED, state, cgroup);
	if (GET(PROBED, cgroup, root) == GET(PROBED, in_default, root))
		return NULL;
	node = GET(PROBED, cgroup, kn);
	if (bpf_core_field_exists(node->__parent))
		return kernfs_parent(PROBED, node, true) ? node : NULL;
	return kernfs_parent(PROBED, node, false) ? node : NULL;
}

/* Decided here: inside the loop the compiler would look up both offsets ahead of it, and one never exists. */
INLINE void collect(enum way way, struct draft *draft, struct kernfs_node *node)
{
	draft->event.cgroup_id = GET(way, node, id);
	if (bpf_core_field_exists(node->__parent))
		collect_names(way, draft, node, true);
	else
		collect_names(way, draft, node, false);
}

INLINE void fill_cgroup(enum way way, struct draft *draft, uint32_t room, struct task_struct *task)
{
	struct css_set *set = GET(way, task, cgroups);
	struct cgroup *cgroup = GET(way, set, dfl_cgrp);
	struct kernfs_node *node = GET(way, cgroup, kn), *own = cgroup_v1 ? own_hierarchy(set, cgroup) : NULL;
	uint32_t depth, begin = draft->at;

	if (!node)
		return;
	if (cgroup_v1 && own)
		collect(PROBED, draft, own);
	else
		collect(way, draft, node);
	depth = draft->depth;
	for (uint32_t i = 0; i < CGROUP_DEPTH_MAX; i++) {
		uint32_t level = depth - 1 - i;

		if (i >= depth)
			break;
		append_name(draft, room, draft->names[level & (CGROUP_DEPTH_MAX - 1)]);
	}
	if (depth == 0) {
		((char *)&draft->event)[sizeof(struct event)] = '/';
		draft->at = begin + 1;
	}
	draft->event.string_bytes[EVENT_CGROUP] = draft->at - begin;
}

#endif
