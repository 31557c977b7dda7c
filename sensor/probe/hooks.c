// SPDX-License-Identifier: Apache-2.0
#include "sensor/probe/hooks.h"

#include <bpf/libbpf.h>

#include "canopy.skel.h"

struct bpf_program *hooks_program(const struct canopy_bpf *skeleton, struct hook_form form, int hook)
{
	struct bpf_program *const by_mode[][HOOKS] = {
		[PROBE_TYPED] = {skeleton->progs.typed_fork, skeleton->progs.typed_exec, skeleton->progs.typed_exit},
		[PROBE_PLAIN] = {skeleton->progs.plain_fork, skeleton->progs.plain_exec, skeleton->progs.plain_exit},
	};
	const struct {
		struct bpf_program *program;
		uint32_t copy;
	} steady[HOOKS] = {{skeleton->progs.steady_fork, 0}, {skeleton->progs.steady_exec, 1}, {skeleton->progs.steady_exit, 0}};

	return form.steady && form.copy == steady[hook].copy ? steady[hook].program : by_mode[form.mode][hook];
}

void hooks_choose(struct canopy_bpf *skeleton, struct hook_form form, bool iterator)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, skeleton->obj)
		(void)bpf_program__set_autoload(program, false);
	for (int i = 0; i < HOOKS; i++)
		(void)bpf_program__set_autoload(hooks_program(skeleton, form, i), true);
	(void)bpf_program__set_autoload(skeleton->progs.note_exec, form.steady && form.copy == 1);
	(void)bpf_program__set_autoload(skeleton->progs.snapshot, iterator);
}
