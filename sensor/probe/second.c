// SPDX-License-Identifier: Apache-2.0
/* The same object is opened once more, with the maps of the first and one constant different. Only its links outlive the attachment: they hold
 * the programs, which hold the maps, and the object's memory is given back. */
#include "sensor/probe/second.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

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

int second_load(struct second *second, const struct canopy_bpf *first, struct hook_form form)
{
	struct canopy_bpf *copy = canopy_bpf__open();
	int r = copy ? share_maps(copy, first) : -errno;

	if (!copy)
		return r;
	form.copy = 1;
	*copy->rodata = *first->rodata;
	copy->rodata->copy = form.copy;
	hooks_choose(copy, form, false);
	if (r == 0)
		r = canopy_bpf__load(copy);
	if (r < 0) {
		canopy_bpf__destroy(copy);
		return r;
	}
	*second = (struct second){.skeleton = copy, .form = form};
	return 0;
}

/* Without it, or kprobes, the sensor works as well, unless others trace execs by way of perf before it does. */
static void attach_note(struct second *second)
{
	struct bpf_link **link = &second->links[HOOKS];

	if (second->form.steady)
		*link = bpf_program__attach(second->skeleton->progs.note_exec);
	second->execs_noted = *link;
}

int second_attach(struct second *second)
{
	const struct bpf_program *exec = hooks_program(second->skeleton, second->form, EVENT_EXEC - EVENT_FORK);
	int r = 0;

	attach_note(second);
	second->exec_fd = fcntl(bpf_program__fd(exec), F_DUPFD_CLOEXEC, 3);
	if (second->exec_fd < 0)
		r = -errno;
	for (int i = 0; r == 0 && i < HOOKS; i++) {
		second->links[i] = bpf_program__attach(hooks_program(second->skeleton, second->form, i));
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
	for (size_t i = 0; i < sizeof(second->links) / sizeof(*second->links); i++)
		(void)bpf_link__destroy(second->links[i]); /* takes NULL */
	canopy_bpf__destroy(second->skeleton); /* takes NULL */
	if (second->exec_fd > 0)
		(void)close(second->exec_fd);
	*second = (struct second){0};
}
