/* SPDX-License-Identifier: Apache-2.0 */
/* A whole process that lies: each file and link of its folder in /proc is a part of the input. The folder is one of our own, so that
 * what runs is the scan itself. Its record must be one that the next room takes, and every string in it a piece of the file it is from. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sensor/batch/convert.h"
#include "sensor/probe/procscan.h"
#include "tests/fuzz/input.h"

#define TGID 7u

static const char *const file_names[] = {"stat", "status", "cgroup", "cmdline", "environ", "loginuid", "sessionid"};
enum { STAT, STATUS, CGROUP, CMDLINE, ENVIRON, LOGINUID, SESSIONID, FILES };
static const char *const link_names[] = {"exe", "cwd", "root"};
enum { EXE, CWD, ROOT, LINKS };

static struct {
	char path[64];
	int process, files[FILES]; /* descriptors */
	DIR *proc;
} folder;

static void remove_folder(void)
{
	for (int i = 0; i < FILES; i++)
		(void)unlinkat(folder.process, file_names[i], 0);
	for (int i = 0; i < LINKS; i++)
		(void)unlinkat(folder.process, link_names[i], 0);
	(void)unlinkat(dirfd(folder.proc), "7", AT_REMOVEDIR);
	(void)rmdir(folder.path);
}

/* In memory where there is such a file system: it is written anew for each input. */
static void make_folder(void)
{
	strcpy(folder.path, "/dev/shm/canopy-fuzz-XXXXXX");
	if (!mkdtemp(folder.path)) {
		strcpy(folder.path, "/tmp/canopy-fuzz-XXXXXX");
		must(mkdtemp(folder.path) != NULL);
	}
	folder.proc = opendir(folder.path);
	must(folder.proc != NULL && mkdirat(dirfd(folder.proc), "7", 0700) == 0);
	folder.process = openat(dirfd(folder.proc), "7", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(folder.process >= 0 && atexit(remove_folder) == 0);
	for (int i = 0; i < FILES; i++) {
		folder.files[i] = openat(folder.process, file_names[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		must(folder.files[i] >= 0);
	}
}

static void fill_folder(const struct bytes files[FILES], const struct bytes links[LINKS])
{
	for (int i = 0; i < FILES; i++) {
		must(ftruncate(folder.files[i], 0) == 0);
		must(pwrite(folder.files[i], files[i].data, files[i].len, 0) == (ssize_t)files[i].len);
	}
	for (int i = 0; i < LINKS; i++) {
		char *to = input_string(links[i]);

		(void)unlinkat(folder.process, link_names[i], 0);
		if (*to) /* one that is too long is none */
			(void)symlinkat(to, folder.process, link_names[i]);
		free(to);
	}
}

static bool begins(struct bytes whole, struct bytes part)
{
	return part.len <= whole.len && (part.len == 0 || memcmp(whole.data, part.data, part.len) == 0);
}

static void check_strings(const struct event *event, const struct fact *fact, uint32_t argv_max, const struct bytes files[FILES],
			  const struct bytes links[LINKS])
{
	must(begins(files[CMDLINE], fact->argv) && begins(files[ENVIRON], event_environ(event)));
	must(holds(files[CGROUP], fact->context->cgroup) && holds(files[STAT], fact->comm));
	must(holds(links[EXE], fact->exe) && holds(links[CWD], fact->cwd));
	must(fact->context->cgroup.len <= EVENT_CGROUP_MAX && fact->comm.len < EVENT_COMM_BYTES);
	must(fact->argv_bytes >= fact->argv.len);
	must(!(fact->flags & FACT_ARGV_TRUNCATED) == (fact->argv_bytes == fact->argv.len));
	must((fact->flags & FACT_ARGV_KNOWN) || fact->argv.len == 0);
	must(!(fact->flags & FACT_ARGV_KNOWN) || files[CMDLINE].len <= argv_max || fact->flags & FACT_ARGV_TRUNCATED);
}

static void check(const struct procscan *scan, struct event *event, uint32_t argv_max, const struct bytes files[FILES],
		  const struct bytes links[LINKS])
{
	struct event *second = malloc(EVENT_SIZE_MAX);
	struct fact_context context;
	struct known known = KNOWN_NULL;
	struct fact fact;

	must(convert_event(event, &context, &fact) == 0 && fact.argv.len <= argv_max);
	must(scan->environ_ || event_environ(event).len == 0);
	check_strings(event, &fact, argv_max, files, links);
	/* A record without arguments that gets them afterwards says the same. */
	must(second && procscan_read(scan, TGID, 0, UINT64_MAX, &known, second) == 0 && second->string_bytes[EVENT_ARGV] == 0);
	procscan_add_argv(scan, second, argv_max);
	must(convert_event(second, &context, &fact) == 0);
	check_strings(second, &fact, argv_max, files, links);
	if (second->flags & EVENT_ARGV_KNOWN) {
		second->time_ns = event->time_ns;
		second->exe_ctime_ns = event->exe_ctime_ns; /* a link may lead to a folder that others use */
		second->exe_nlink = event->exe_nlink;
		must(second->size == event->size && memcmp(second, event, event->size) == 0);
	}
	free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t argv_most[] = {EVENT_ARGV_MAX, 4096, 64, 1};
	struct input input = {data, size};
	uint8_t mode = input_byte(&input);
	struct procscan scan = {.tick_ns = 10000000, .environ_ = mode & 4};
	struct event *event = malloc(EVENT_SIZE_MAX);
	struct known known = KNOWN_NULL;
	struct bytes files[FILES], links[LINKS];

	if (!folder.proc)
		make_folder();
	scan.proc = folder.proc;
	scan.boottime_offset = mode & 8 ? INT64_C(-1000000007) * (mode >> 4) : 0;
	for (int i = 0; i < FILES; i++)
		files[i] = input_part(&input);
	for (int i = 0; i < LINKS; i++)
		links[i] = input_part(&input);
	fill_folder(files, links);
	must(event != NULL);
	if (procscan_read(&scan, TGID, argv_most[mode & 3], UINT64_MAX, &known, event) == 0)
		check(&scan, event, argv_most[mode & 3], files, links);
	free(event);
	return 0;
}
