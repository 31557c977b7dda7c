/* SPDX-License-Identifier: Apache-2.0 */
/* What the sensor needs beyond any program on a loop: BPF, to read maps and to iterate. */
#include "sensor/confine.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/capability.h>

#include "proto/confine/confine.h"

#ifndef CAP_BPF
#define CAP_BPF 39
#endif

/* bpf(2): reading a map, beginning an iteration, asking what a program has counted. */
static const uint64_t bpf_commands[] = {BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM, BPF_MAP_GET_NEXT_KEY, 
					BPF_MAP_LOOKUP_BATCH, BPF_OBJ_GET_INFO_BY_FD, BPF_ITER_CREATE};

int confine_calls(void)
{
	scmp_filter_ctx filter = confine_filter();
	int r;

	if (!filter)
		return -ENOMEM;
	r = confine_allow_values(filter, SCMP_SYS(bpf), bpf_commands, sizeof(bpf_commands) / sizeof(bpf_commands[0]));
	if (r == 0)
		r = confine_load(filter);
	seccomp_release(filter);
	return r;
}

int confine(bool environ_, const char **ret_what)
{
	static const unsigned kept[] = {CAP_SYS_PTRACE, CAP_BPF, CAP_DAC_READ_SEARCH}; /* the last one for the environment alone */
	int r = confine_capabilities(kept, sizeof(kept) / sizeof(kept[0]) - !environ_);

	if (r < 0) {
		*ret_what = "dropping capabilities";
		return r;
	}
	r = confine_calls();
	if (r < 0)
		*ret_what = "loading the seccomp filter (a kernel with CONFIG_SECCOMP_FILTER is needed)";
	return r;
}
