// SPDX-License-Identifier: Apache-2.0
/* The object holds each hook twice, typed and plain. The typed form is tried first since it costs less than half; whatever
 * refuses it, the plain one is tried before giving up. What differs between kernels is decided here, from the kernel's own BTF, and
 * handed over as constants before the load. */
#include "sensor/probe/program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "canopy.skel.h"
#include "sensor/footprint.h"
#include "sensor/probe/procfs.h"

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0; /* a refused attempt is no news; the last one is told by its error */
}

static bool has_cgroup_v1(void)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	char text[4096]; /* a dozen lines */
	size_t len = file ? fread(text, 1, sizeof(text), file) : 0;

	if (file)
		(void)fclose(file);
	return procfs_has_cgroup_v1(bytes_make(text, len));
}

static uint32_t ring_bytes(const struct probe_options *options)
{
	uint32_t size = PROBE_RING_MIN;

	while (size < options->ring_bytes && size < (1u << 30))
		size *= 2;
	return size;
}

/* Entries that depend on this machine: for each copy of the hooks drafts of its own, and marks where there are two. */
static int size_maps(struct program *program, uint32_t ring, uint32_t cache_entries)
{
	const struct canopy_bpf *skeleton = program->skeleton;
	uint32_t copies = program->doubled ? EVENT_COPIES : 1;
	const struct {
		struct bpf_map *map;
		uint32_t entries;
	} sizes[] = {
		{skeleton->maps.ring, ring},
		{skeleton->maps.proc_cache, cache_entries},
		{skeleton->maps.large_drafts, copies * (uint32_t)program->cpus + 1},
		{skeleton->maps.small_drafts, bpf_map__max_entries(skeleton->maps.small_drafts) / EVENT_COPIES * copies},
		{skeleton->maps.marks, program->doubled ? bpf_map__max_entries(skeleton->maps.marks) : 1},
		{skeleton->maps.noted, program->doubled ? bpf_map__max_entries(skeleton->maps.noted) : 1},
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(sizes) / sizeof(*sizes); i++)
		r = bpf_map__set_max_entries(sizes[i].map, sizes[i].entries);
	return r;
}

static int configure(struct program *program, const struct probe_options *options)
{
	struct canopy_bpf *skeleton = program->skeleton;
	uint32_t ring = ring_bytes(options);

	skeleton->rodata->argv_max = options->argv_max < EVENT_ARGV_MAX ? options->argv_max : EVENT_ARGV_MAX;
	skeleton->rodata->environ_max = options->environ_ ? EVENT_ENVIRON_MAX : 0;
	skeleton->rodata->page_bytes = (uint32_t)sysconf(_SC_PAGESIZE);
	skeleton->rodata->wake_bytes = ring / 4;
	skeleton->rodata->snapshot_slot = (uint32_t)program->cpus;
	skeleton->rodata->cgroup_v1 = has_cgroup_v1();
	skeleton->rodata->exit_tells_group_dead = program->features.group_dead;
	skeleton->bss->loss_epoch = 1; /* counts begin with 0: the first loss sees that its epoch is new, and dates it */
	skeleton->rodata->counts_from_sight = !program->iterator;
	skeleton->rodata->doubled = program->doubled;
	return size_maps(program, ring, options->cache_entries);
}

static int attempt(struct program *program, const struct probe_options *options)
{
	int r;

	program->skeleton = canopy_bpf__open();
	if (!program->skeleton)
		return -errno;
	hooks_choose(program->skeleton, program->form, program->iterator);
	r = configure(program, options);
	(void)footprint_shed(); /* what opening touched: behind it the kernel's BTF is in memory twice for a moment */
	if (r == 0)
		r = canopy_bpf__load(program->skeleton);
	/* Without it the sensor works as well, but that what the kernel skips is lost, and counted. */
	if (r == 0 && program->doubled && second_load(&program->second, program->skeleton, program->form) < 0)
		program->doubled = false;
	if (r == 0)
		r = canopy_bpf__attach(program->skeleton);
	if (r < 0) {
		program_finish(program);
		return r;
	}
	if (program->doubled && second_attach(&program->second) < 0)
		program->doubled = false;
	program->skeleton->bss->execs_noted = program->second.execs_noted;
	return 0;
}

__attribute__((format(printf, 3, 4)))
static int because(char **ret_why, int error, const char *format, ...)
{
	char *why = NULL;
	va_list args;

	if (!ret_why)
		return error;
	va_start(args, format);
	if (vasprintf(&why, format, args) >= 0)
		*ret_why = why;
	va_end(args);
	return error;
}

/* What is missing, in the order in which it rules out all that follows. */
static int explain(char **ret_why, int error)
{
	struct utsname name = {0};
	int major = 0, minor = 0;

	(void)uname(&name);
	if (sscanf(name.release, "%d.%d", &major, &minor) == 2 && (major < 5 || (major == 5 && minor < 10)))
		return because(ret_why, -EOPNOTSUPP,
			       "kernel %s is too old for the sensor's BPF programs: boot 5.10 or later", name.release);
	if (error == -ENOSYS)
		return because(ret_why, -EOPNOTSUPP,
			       "kernel %s has no bpf system call: boot a kernel built with CONFIG_BPF_SYSCALL=y", name.release);
	if (access(FEATURES_BTF, R_OK) < 0)
		return because(ret_why, -EOPNOTSUPP,
			       "kernel %s has no type information (" FEATURES_BTF "): boot a kernel built with "
			       "CONFIG_DEBUG_INFO_BTF=y", name.release);
	if (error == -EPERM || error == -EACCES)
		return because(ret_why, -EPERM,
			       "the kernel does not let this process (uid %u) load BPF programs: run as root or with CAP_BPF and "
			       "CAP_PERFMON, and not under lockdown=confidentiality", geteuid());
	if (!features_has_ring())
		return because(ret_why, -EOPNOTSUPP,
			       "kernel %s has no BPF ring buffer: boot 5.10 or later as its maker built it", name.release);
	return because(ret_why, error, "kernel %s refused the sensor's BPF programs: %s; see the kernel's log (dmesg) and report it",
		       name.release, strerror(-error));
}

/* From the best form to the most modest: steady hooks (where hooks are doubled), typed ones and the iterator can each be refused by a policy of its
 * own. */
static const struct form {
	struct hook_form hooks;
	bool iterator;
} forms[] = {
	{{PROBE_TYPED, true}, true},  {{PROBE_TYPED, false}, true},  {{PROBE_PLAIN, true}, true},  {{PROBE_PLAIN, false}, true},
	{{PROBE_TYPED, true}, false}, {{PROBE_TYPED, false}, false}, {{PROBE_PLAIN, true}, false}, {{PROBE_PLAIN, false}, false},
};

static bool applies(const struct form *form, const struct probe_options *options, bool doubled)
{
	return (doubled || !form->hooks.steady) && !(options->force_raw_tracepoint && form->hooks.mode == PROBE_TYPED) &&
	       !(options->force_proc_snapshot && form->iterator);
}

int program_init(struct program *program, const struct probe_options *options, char **ret_why)
{
	libbpf_print_fn_t before = libbpf_set_print(quiet);
	int cpus = libbpf_num_possible_cpus();
	struct features features;
	bool doubled, steady = false;
	int r = -EOPNOTSUPP;

	features_read(&features);
	doubled = options->force_second_copy || features.preemptible;
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms) && r < 0 && (r != -EPERM || steady); i++) {
		if (!applies(&forms[i], options, doubled))
			continue;
		steady = forms[i].hooks.steady; /* perf may be what is not allowed */
		*program = (struct program){
			.form = forms[i].hooks, .iterator = forms[i].iterator, .cpus = cpus, .features = features, .doubled = doubled};
		program->features.group_dead = features.group_dead && !options->force_found_ends;
		r = cpus < 0 ? cpus : attempt(program, options);
	}
	r = r < 0 ? explain(ret_why, r) : 0;
	(void)libbpf_set_print(before);
	return r;
}

void program_finish(struct program *program)
{
	second_detach(&program->second);
	canopy_bpf__destroy(program->skeleton);
	*program = PROGRAM_NULL;
}

int program_ring_fd(const struct program *program)
{
	return bpf_map__fd(program->skeleton->maps.ring);
}

size_t program_ring_bytes(const struct program *program)
{
	return bpf_map__max_entries(program->skeleton->maps.ring);
}

int program_iterate(const struct program *program)
{
	int fd;

	if (!program->iterator)
		return -EOPNOTSUPP;
	fd = bpf_iter_create(bpf_link__fd(program->skeleton->links.snapshot));
	return fd < 0 ? -errno : fd;
}

static void add_count(struct event_count *sum, const struct event_count *count, uint64_t epoch)
{
	sum->submitted += count->submitted;
	sum->lost += count->lost;
	sum->failed += count->failed;
	sum->rescued += count->rescued;
	if (count->lost + count->failed == 0 || count->epoch != epoch)
		return;
	if (sum->first_ns == 0 || count->first_ns < sum->first_ns)
		sum->first_ns = count->first_ns;
	if (count->last_ns > sum->last_ns)
		sum->last_ns = count->last_ns;
}

int program_count(const struct program *program, enum event_type type, struct event_count *ret)
{
	struct event_count *values = calloc((size_t)program->cpus, sizeof(*values));
	struct event_count sum = {0};
	int r = 0;

	if (!values)
		return -ENOMEM;
	for (uint32_t row = type; r == 0 && row < EVENT_COPIES * EVENT_TYPES; row += EVENT_TYPES) {
		if (bpf_map_lookup_elem(bpf_map__fd(program->skeleton->maps.counts), &row, values) < 0)
			r = -errno;
		for (int i = 0; r == 0 && i < program->cpus; i++)
			add_count(&sum, &values[i], program->skeleton->bss->loss_epoch);
	}
	free(values);
	if (r == 0)
		*ret = sum;
	return r;
}

void program_next_epoch(struct program *program)
{
	program->skeleton->bss->loss_epoch++;
}

/* As is_first() of the kernel side has it. */
static int first_fd(const struct program *program, enum event_type type)
{
	if (type == EVENT_EXEC && program->second.execs_noted && program->skeleton->bss->called_first)
		return program->second.exec_fd;
	return bpf_program__fd(hooks_program(program->skeleton, program->form, (int)(type - EVENT_FORK)));
}

static uint64_t skipped_runs(const struct program *program, enum event_type type)
{
	struct bpf_prog_info info = {0};
	uint32_t size = sizeof(info);

	/* Before 5.12 the kernel does not count them. */
	return bpf_obj_get_info_by_fd(first_fd(program, type), &info, &size) < 0 ? 0 : info.recursion_misses;
}

struct skips program_skips(const struct program *program, enum event_type type)
{
	struct event_count count = {0};
	struct skips skips = {0};

	if (type < EVENT_FORK || type > EVENT_EXIT)
		return skips;
	skips.skipped = skipped_runs(program, type);
	if (program->doubled)
		(void)program_count(program, type, &count);
	skips.rescued = count.rescued;
	return skips;
}

bool program_is_steady(const struct program *program)
{
	return program->form.steady && (program->second.execs_noted || !program->skeleton->bss->called_first);
}
