// SPDX-License-Identifier: Apache-2.0
/* The same object is opened once more, with the maps of the first and one constant different. Only its links outlive the attachment: they hold
 * the programs, which hold the maps, and the object's memory is given back. */
#include "sensor/probe/second.h"

#include <errno.h>
#include <stdbool.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "canopy.skel.h"

/* Every map but the constants, in which the copies differ. */
static int share_maps(struct canopy_bpf *copy, const struct canopy_bpf *first)
{
	struct bpf_map *map, *of_first;
	int r = 0;

	bpf_object__for_each_map(map, copy->obj)
	{
		if (map == copy->maps.rodata)
			continue;
		of_first = bpf_object__find_map_by_name(first->obj, bpf_map__name(map));
		r = of_first ? bpf_map__reuse_fd(map, bpf_map__fd(of_first)) : -ENOENT;
		if (r < 0)
			return r;
	}
	return r;
}

static int load(struct canopy_bpf *copy, const struct canopy_bpf *first, struct bpf_program *const programs[SECOND_HOOKS])
{
	struct bpf_program *program;
	int r = share_maps(copy, first);

	*copy->rodata = *first->rodata;
	copy->rodata->copy = 1;
	bpf_object__for_each_program(program, copy->obj)
	{
		bool wanted = false;

		for (int i = 0; i < SECOND_HOOKS; i++)
			wanted = wanted || program == programs[i];
		(void)bpf_program__set_autoload(program, wanted);
	}
	return r < 0 ? r : canopy_bpf__load(copy);
}

int second_attach(struct second *second, const struct canopy_bpf *first, enum probe_mode mode)
{
	struct canopy_bpf *copy = canopy_bpf__open();
	int r = copy ? 0 : -errno;

	if (r < 0)
		return r;
	struct bpf_program *const programs[][SECOND_HOOKS] = {
		[PROBE_TYPED] = {copy->progs.typed_fork, copy->progs.typed_exec, copy->progs.typed_exit},
		[PROBE_PLAIN] = {copy->progs.plain_fork, copy->progs.plain_exec, copy->progs.plain_exit},
	};
	r = load(copy, first, programs[mode]);
	for (int i = 0; r == 0 && i < SECOND_HOOKS; i++) {
		second->links[i] = bpf_program__attach(programs[mode][i]);
		if (!second->links[i])
			r = -errno;
	}
	canopy_bpf__destroy(copy);
	if (r < 0)
		second_detach(second);
	return r;
}

void second_detach(struct second *second)
{
	for (int i = 0; i < SECOND_HOOKS; i++)
		(void)bpf_link__destroy(second->links[i]); /* takes NULL */
	*second = (struct second){0};
}
