// SPDX-License-Identifier: Apache-2.0
/* Types are asked, not versions, since distributions bring features to older kernels. */
#include "sensor/probe/features.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

static const struct btf_type *type_named(const struct btf *btf, const char *name, uint32_t kind)
{
	int id = btf__find_by_name_kind(btf, name, kind);

	return id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;
}

/* A member of the structure itself or of one that stands in it without a name. */
static bool has_member(const struct btf *btf, const struct btf_type *type, const char *name, unsigned depth)
{
	const struct btf_member *members = type && btf_is_composite(type) ? btf_members(type) : NULL;
	unsigned count = members ? btf_vlen(type) : 0;

	for (unsigned i = 0; i < count; i++) {
		const char *here = btf__name_by_offset(btf, members[i].name_off);

		if (here && strcmp(here, name) == 0)
			return true;
		if ((!here || !*here) && depth > 0 && has_member(btf, btf__type_by_id(btf, members[i].type), name, depth - 1))
			return true;
	}
	return false;
}

static bool struct_has(const struct btf *btf, const char *type, const char *member)
{
	return has_member(btf, type_named(btf, type, BTF_KIND_STRUCT), member, 2);
}

/* One parameter more than the tracepoint has is its own data. */
static bool exit_tells_group_dead(const struct btf *btf)
{
	const struct btf_type *type = type_named(btf, "btf_trace_sched_process_exit", BTF_KIND_TYPEDEF);

	if (type)
		type = btf__type_by_id(btf, type->type);
	if (type && btf_is_ptr(type))
		type = btf__type_by_id(btf, type->type);
	return type && btf_is_func_proto(type) && btf_vlen(type) >= 3;
}

/* a46023d5616e put tracepoints under SRCU instead of a section without preemption; no type tells of it. */
static bool is_preemptible(void)
{
	struct utsname name;
	int major = 0;

	return uname(&name) == 0 && sscanf(name.release, "%d", &major) == 1 && major >= 7;
}

void features_read(struct features *ret)
{
	struct btf *btf = access(FEATURES_BTF, R_OK) == 0 ? btf__load_vmlinux_btf() : NULL;

	*ret = (struct features){.btf = btf, .preemptible = is_preemptible()};
	if (!btf)
		return;
	ret->group_dead = exit_tells_group_dead(btf);
	ret->audit = struct_has(btf, "task_struct", "loginuid") && struct_has(btf, "task_struct", "sessionid");
	ret->io = struct_has(btf, "task_io_accounting", "read_bytes");
	ret->time_ns = struct_has(btf, "time_namespace", "ns");
	btf__free(btf);
}

bool features_has_ring(void)
{
	return libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL) == 1;
}
