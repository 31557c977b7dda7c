/* SPDX-License-Identifier: Apache-2.0 */
/* The only honest way to know whether a kernel takes the programs is to hand them over. */
#include "sensor/check.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "sensor/probe/features.h"
#include "sensor/probe/probe.h"
#include "sensor/surroundings.h"

static void line(const char *what, const char *state, const char *consequence)
{
	(void)printf("%-10s %-12s %s\n", what, state, consequence);
}

static void tell_kernel(const struct features *features)
{
	struct utsname name;

	if (uname(&name) == 0)
		line("kernel", name.release, name.machine);
	if (features->btf)
		line("btf", "yes", FEATURES_BTF);
	else
		line("btf", "no", "the sensor cannot run: a kernel built with CONFIG_DEBUG_INFO_BTF=y is needed");
}

/* Returns whether anything is degraded. What a kernel was built without is not: it has nothing to tell there. */
static bool tell_hooks(const struct probe_stats *stats)
{
	if (stats->mode == PROBE_TYPED)
		line("hooks", "typed", "fork, exec and exit by tp_btf");
	else
		line("hooks", "plain", "degraded: fork, exec and exit by raw_tracepoint, each event costs the kernel more");
	if (!stats->preemptible)
		line("skipped", "never", "a hook cannot be preempted");
	else if (stats->doubled && stats->steady)
		line("skipped", "caught", "a hook that preempts itself is skipped; a second copy, which nothing preempts, tells what it missed");
	else if (stats->doubled)
		line("skipped", "rescued", "degraded: without tracefs and perf events the second copy of a hook is skipped at times as well; counted");
	else
		line("skipped", "counted", "degraded: what a hook misses that preempts itself is lost, and told as a gap");
	if (stats->ends_told)
		line("ends", "told", "the kernel says which thread is the last");
	else
		line("ends", "found", "the last thread is found by the count of live ones, told once");
	return stats->mode != PROBE_TYPED || (stats->preemptible && !(stats->doubled && stats->steady));
}

static bool tell_snapshot(const struct probe_stats *stats)
{
	if (stats->iterator)
		line("snapshot", "iterator", "exact identities of what runs already");
	else
		line("snapshot", "procfs", "degraded: what ran before is read from /proc; start times are exact to 10 ms only");
	return !stats->iterator;
}

static void tell_fields(const struct features *features)
{
	line("audit", features->audit ? "yes" : "no", features->audit ? "login uid and session" : "not told: login uid and session");
	line("io", features->io ? "yes" : "no", features->io ? "bytes read and written" : "not told: bytes read and written");
	line("time-ns", features->time_ns ? "yes" : "no", features->time_ns ? "time namespaces" : "not told: time namespace");
}

static bool tell_proc(void)
{
	bool usable = surroundings_proc();

	if (usable)
		line("proc", "yes", "/proc shows the processes of the initial pid namespace");
	else
		line("proc", "no", "degraded: /proc is not that of the initial pid namespace; what ran before is told without arguments, or not at all");
	return !usable;
}

static bool tell_confine(const struct sensor_options *options)
{
	const char *what = NULL;
	char text[200];
	int r = options->confine ? surroundings_confine(options->refine.environ_count != 0, &what) : 0;

	(void)snprintf(text, sizeof(text), "degraded: privileges are kept; %s: %s", what ? what : "", strerror(-r));
	if (!options->confine)
		line("confine", "off", "privileges are kept, as asked (--no-confine)");
	else if (r < 0)
		line("confine", "no", text);
	else
		line("confine", "yes", "privileges are given up once attached, system calls are filtered");
	return r < 0;
}

static bool tell_probe(const struct probe_stats *stats, const struct features *features)
{
	char size[24];
	bool degraded = tell_hooks(stats);

	degraded = tell_snapshot(stats) || degraded;
	tell_fields(features);
	(void)snprintf(size, sizeof(size), "%zu", stats->ring_bytes);
	line("ring", size, "bytes between kernel and sensor");
	return degraded;
}

int check_run(const struct sensor_options *options)
{
	struct probe_options probe_options = PROBE_OPTIONS_DEFAULT;
	struct probe_sink sink = {0};
	struct features features;
	struct probe_stats stats;
	struct probe *probe = NULL;
	char *why = NULL;
	bool degraded;
	int r;

	probe_options.ring_bytes = (size_t)options->ring_bytes;
	probe_options.argv_max = (uint32_t)options->argv_max;
	probe_options.environ_ = options->refine.environ_count != 0;
	probe_options.force_raw_tracepoint = options->raw_tracepoint;
	probe_options.force_proc_snapshot = options->proc_snapshot;
	probe_options.force_found_ends = options->find_ends;
	features_read(&features);
	tell_kernel(&features);
	r = probe_open(&probe, &probe_options, &sink, &why);
	if (r < 0) {
		line("result", "unusable", why ? why : strerror(-r));
	} else {
		probe_stats(probe, &stats);
		degraded = tell_probe(&stats, &features);
		degraded = tell_proc() || degraded;
		degraded = tell_confine(options) || degraded;
		line("result", "usable", degraded ? "degraded as said above" : "nothing is degraded");
	}
	probe_close(probe);
	free(why);
	return r;
}
