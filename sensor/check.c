/* SPDX-License-Identifier: Apache-2.0 */
/* The only honest way to know whether a kernel takes the programs is to hand them over. */
#include "sensor/check.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "sensor/probe/probe.h"

static void line(const char *what, const char *state, const char *consequence)
{
	(void)printf("%-10s %-12s %s\n", what, state, consequence);
}

static void tell_kernel(void)
{
	struct utsname name;

	if (uname(&name) == 0)
		(void)printf("%-10s %-12s %s\n", "kernel", name.release, name.machine);
	if (access("/sys/kernel/btf/vmlinux", R_OK) == 0)
		line("btf", "yes", "/sys/kernel/btf/vmlinux");
	else
		line("btf", "no", "the sensor cannot run: a kernel built with CONFIG_DEBUG_INFO_BTF=y is needed");
}

static void tell_probe(const struct probe_stats *stats)
{
	if (stats->mode == PROBE_TYPED)
		line("hooks", "typed", "fork, exec and exit by tp_btf");
	else
		line("hooks", "plain", "degraded: fork, exec and exit by raw_tracepoint, each event costs the kernel more");
	if (stats->iterator)
		line("snapshot", "iterator", "exact identities of what runs already");
	else
		line("snapshot", "procfs", "degraded: what ran before is read from /proc; start times are exact to 10 ms only");
	(void)printf("%-10s %-12zu bytes of ring between kernel and sensor\n", "ring", stats->ring_bytes);
}

int check_run(const struct sensor_options *options)
{
	struct probe_options probe_options = PROBE_OPTIONS_DEFAULT;
	struct probe_sink sink = {0};
	struct probe_stats stats;
	struct probe *probe = NULL;
	char *why = NULL;
	int r;

	probe_options.ring_bytes = (size_t)options->ring_bytes;
	probe_options.argv_max = (uint32_t)options->argv_max;
	probe_options.force_raw_tracepoint = options->raw_tracepoint;
	probe_options.force_proc_snapshot = options->proc_snapshot;
	tell_kernel();
	r = probe_open(&probe, &probe_options, &sink, &why);
	if (r < 0) {
		line("result", "unusable", why ? why : strerror(-r));
	} else {
		probe_stats(probe, &stats);
		tell_probe(&stats);
		line("result", "usable", stats.mode == PROBE_TYPED && stats.iterator ? "nothing is degraded" : "degraded as said above");
	}
	probe_close(probe);
	free(why);
	return r;
}
