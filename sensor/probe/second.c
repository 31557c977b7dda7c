// SPDX-License-Identifier: Apache-2.0
/* The same object is opened once more, with the maps of the first and one constant different. Only its links outlive the attachment: they hold
 * the programs, which hold the maps, and the object's memory is given back. */
#include "sensor/probe/second.h"

#include <errno.h>

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

static struct bpf_program *hook(const struct canopy_bpf *copy, enum probe_mode mode, int i)
{
	struct bpf_program *const hooks[][SECOND_HOOKS] = {
		[PROBE_TYPED] = {copy->progs.typed_fork, copy->progs.typed_exec, copy->progs.typed_exit},
		[PROBE_PLAIN] = {copy->progs.plain_fork, copy->progs.plain_exec, copy->progs.plain_exit},
	};

	return hooks[mode][i];
}

int second_load(struct second *second, const struct canopy_bpf *first, enum probe_mode mode)
{
	struct canopy_bpf *copy = canopy_bpf__open();
	struct bpf_program *program;
	int r = copy ? share_maps(copy, first) : -errno;

	if (!copy)
		return r;
	*copy->rodata = *first->rodata;
	copy->rodata->copy = 1;
	bpf_object__for_each_program(program, copy->obj)
		(void)bpf_program__set_autoload(program, false);
	for (int i = 0; i < SECOND_HOOKS; i++)
		(void)bpf_program__set_autoload(hook(copy, mode, i), true);
	if (r == 0)
		r = canopy_bpf__load(copy);
	if (r < 0) {
		canopy_bpf__destroy(copy);
		return r;
	}
	second->skeleton = copy;
	return 0;
}

int second_attach(struct second *second, enum probe_mode mode)
{
	int r = 0;

	for (int i = 0; r == 0 && i < SECOND_HOOKS; i++) {
		second->links[i] = bpf_program__attach(hook(second->skeleton, mode, i));
		if (!second->links[i])
			r = -errno;
	}
	canopy_bpf__destroy(second->skeleton);
	second->skeleton = NULL;
	if (r < 0)
		second_detach(second);
	return r;
}

void second_detach(struct second *second)
{
	for (int i = 0; i < SECOND_HOOKS; i++)
		(void)bpf_link__destroy(second->links[i]); /* takes NULL */
	canopy_bpf__destroy(second->skeleton); /* takes NULL */
	*second = (struct second){0};
}
