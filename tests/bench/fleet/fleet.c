/* SPDX-License-Identifier: Apache-2.0 */
/* A fleet of sensors in one process, on one loop of epoll: each connection is a host boot with a history of its own and
 * speaks the real protocol. Batches are encoded before the clock starts, so that what is measured is the collector.
 * Prints KEY=VALUE words on one line; options.c has the usage. */
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "need.h"
#include "member.h"
#include "sorted.h"

#define PATIENCE_NS 300000000000ull /* a collector that needs longer than that for anything has failed the run */
#define TICK_NS 5000000ull
#define WAIT_NS 200000000ull /* where nothing is due */

struct fleet {
	struct options options;
	struct crew crew;
	struct member *members; /* owned */
	bool ended;             /* stdin is at its end */
};

/* One round of waiting; all_ns: how long at most. */
static void turn(struct fleet *fleet, uint64_t all_ns)
{
	struct timespec all = {.tv_sec = (time_t)(all_ns / 1000000000), .tv_nsec = (long)(all_ns % 1000000000)};
	struct epoll_event events[256];
	int n = epoll_pwait2(fleet->crew.poller, events, 256, &all, NULL);
	char byte;

	if (n < 0 && errno != EINTR)
		die("epoll", errno);
	for (int i = 0; i < n; i++)
		if (events[i].data.ptr)
			member_serve(events[i].data.ptr, events[i].events);
		else
			fleet->ended = read(STDIN_FILENO, &byte, 1) <= 0;
}

static bool all_welcome(const struct fleet *fleet)
{
	return fleet->crew.streaming == fleet->options.hosts;
}

static bool all_acked(const struct fleet *fleet)
{
	for (unsigned long i = 0; i < fleet->options.hosts; i++) {
		const struct member *member = &fleet->members[i];

		if (fleet->options.json ? member->sent < member->granted : member->acked < member->granted)
			return false;
	}
	return true;
}

static void tick_first(struct fleet *fleet, unsigned long count)
{
	uint64_t now = now_ns();

	for (unsigned long i = 0; i < count; i++)
		member_tick(&fleet->members[i], now);
}

static void wait_for(struct fleet *fleet, bool (*done)(const struct fleet *fleet), const char *what)
{
	uint64_t deadline = now_ns() + PATIENCE_NS;

	while (!done(fleet)) {
		if (now_ns() > deadline)
			die(what, ETIMEDOUT);
		turn(fleet, fleet->options.hold ? TICK_NS : WAIT_NS);
		if (fleet->options.hold) /* a large one takes longer than a sensor may be silent */
			tick_first(fleet, fleet->options.hosts);
	}
}

/* As fast as it goes, or batch after batch by the clock, one host after the other. */
static void send_all(struct fleet *fleet)
{
	const struct options *o = &fleet->options;
	uint64_t begin = now_ns(), sent = 0, due = 0;
	bool more = o->rate > 0;

	for (unsigned long i = 0; !o->rate && i < o->hosts; i++)
		member_grant(&fleet->members[i], fleet->members[i].frames.count);
	for (unsigned long i = 0; more; i = (i + 1) % o->hosts) {
		struct member *member = &fleet->members[i];

		if (i == 0)
			more = false;
		if (member->granted == member->frames.count)
			continue;
		more = true;
		due = begin + (uint64_t)((double)sent++ * (double)o->batch * 1e9 / (double)o->rate);
		do /* also when it is late: acks have to be seen when they come */
			turn(fleet, due > now_ns() ? due - now_ns() : 0);
		while (now_ns() < due);
		member_grant(member, member->granted + 1);
	}
	wait_for(fleet, all_acked, "acks");
}

/* ---- figures ------------------------------------------------------------------------------------------------- */

/* begin_ns: of all of them; 0 = of each since it was lost, and of all since the first of them was. */
static void print_welcomes(const struct fleet *fleet, const char *name, uint64_t begin_ns)
{
	unsigned long hosts = fleet->options.hosts;
	uint64_t *times = need_memory(calloc(hosts, sizeof(*times))), first = begin_ns ? begin_ns : UINT64_MAX,
		 last = 0;

	for (unsigned long i = 0; i < hosts; i++) {
		const struct member *member = &fleet->members[i];
		uint64_t from = begin_ns ? begin_ns : member->lost_ns;

		times[i] = member->welcome_ns - from;
		first = from < first ? from : first;
		last = member->welcome_ns > last ? member->welcome_ns : last;
	}
	sort_times(times, hosts);
	printf("%s_seconds=%.3f %s_p50_ms=%.2f %s_p99_ms=%.2f ", name, (double)(last - first) / 1e9, name,
	       percentile(times, hosts, 0.5), name, percentile(times, hosts, 0.99));
	free(times);
}

static void print_figures(struct fleet *fleet, double seconds)
{
	uint64_t events = 0, bytes = 0, batches = 0, beats = 0, beat_bytes = 0;
	struct crew *crew = &fleet->crew;
	double each;

	for (unsigned long i = 0; i < fleet->options.hosts; i++) {
		const struct frames *frames = &fleet->members[i].frames;

		events += frames->events;
		bytes += frames->bytes;
		batches += frames->count - frames->resident;
		beats += frames->beats;
		beat_bytes += frames->beat_bytes;
	}
	each = 1 / (double)(events ? events : 1);
	sort_times(crew->latencies, crew->latency_count);
	printf("hosts=%lu events=%llu batches=%llu bytes_per_event=%.1f beats=%llu beat_bytes_per_event=%.1f ",
	       fleet->options.hosts, (unsigned long long)events, (unsigned long long)batches, (double)bytes * each,
	       (unsigned long long)beats, (double)beat_bytes * each);
	if (seconds > 0)
		printf("seconds=%.3f events_per_s=%.0f ack_p50_ms=%.3f ack_p99_ms=%.3f ack_max_ms=%.3f", seconds,
		       (double)events / seconds, percentile(crew->latencies, crew->latency_count, 0.5),
		       percentile(crew->latencies, crew->latency_count, 0.99),
		       percentile(crew->latencies, crew->latency_count, 1));
	puts("");
	(void)fflush(stdout);
}

/* ---- the run ------------------------------------------------------------------------------------------------- */

static void prepare(struct fleet *fleet)
{
	const struct options *o = &fleet->options;

	fleet->members = need_memory(calloc(o->hosts, sizeof(*fleet->members)));
	for (unsigned long i = 0; i < o->hosts; i++) {
		struct member *member = &fleet->members[i];

		member->crew = &fleet->crew;
		member->host = (uint32_t)i;
		member->line = LINE_NULL;
		member->random = o->seed;
		frames_make(&member->frames, o, member->host, o->events / o->hosts + (i < o->events % o->hosts));
		fleet->crew.latency_capacity += member->frames.count;
	}
	fleet->crew.latencies = need_memory(calloc(fleet->crew.latency_capacity + 1, sizeof(*fleet->crew.latencies)));
}

static void connect_all(struct fleet *fleet)
{
	unsigned long most = fleet->options.dialing ? fleet->options.dialing : fleet->options.hosts;
	uint64_t begin = now_ns();

	for (unsigned long i = 0; i < fleet->options.hosts; i++) {
		member_dial(&fleet->members[i]);
		if (i % 64 == 63)
			turn(fleet, 0);
		while (i + 1 - fleet->crew.streaming >= most && i + 1 < fleet->options.hosts) {
			turn(fleet, TICK_NS);
			tick_first(fleet, i + 1);
		}
	}
	wait_for(fleet, all_welcome, "welcome");
	if (fleet->options.json)
		return;
	print_welcomes(fleet, "welcome", begin);
	printf("attempts=%llu ", (unsigned long long)fleet->crew.attempts);
}

static void send_residents(struct fleet *fleet)
{
	for (unsigned long i = 0; i < fleet->options.hosts; i++)
		member_grant(&fleet->members[i], fleet->members[i].frames.resident);
	wait_for(fleet, all_acked, "acks");
	fleet->crew.latency_count = 0;
}

static void print_return(struct fleet *fleet)
{
	struct crew *crew = &fleet->crew;

	print_welcomes(fleet, "return", 0);
	printf("attempts=%llu refused=%llu snapshots_wanted=%llu\n", (unsigned long long)crew->attempts,
	       (unsigned long long)crew->refused, (unsigned long long)crew->snapshots_wanted);
	(void)fflush(stdout);
	crew->attempts = crew->refused = crew->snapshots_wanted = 0;
}

/* Idle sensors until the end of stdin. Each time that all had gone and all are back it says how long that took. */
static void hold(struct fleet *fleet)
{
	struct epoll_event event = {.events = EPOLLIN};
	bool all_gone = false;

	fleet->crew.attempts = fleet->crew.refused = fleet->crew.snapshots_wanted = 0;
	if (epoll_ctl(fleet->crew.poller, EPOLL_CTL_ADD, STDIN_FILENO, &event) < 0)
		die("stdin must be a pipe to hold", errno);
	puts("holding");
	(void)fflush(stdout);
	while (!fleet->ended) {
		turn(fleet, TICK_NS);
		tick_first(fleet, fleet->options.hosts);
		all_gone |= fleet->crew.streaming == 0;
		if (all_gone && all_welcome(fleet)) {
			print_return(fleet);
			all_gone = false;
		}
	}
}

/* Of all threads of the process, those that have ended included (CPUCLOCK_SCHED of include/linux/posix-timers.h). */
static uint64_t cpu_ns(unsigned long pid)
{
	struct timespec time;

	if (clock_gettime((clockid_t)(~(unsigned)pid << 3 | 2), &time) < 0)
		die("the clock of the process", errno);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* So that whoever needs memory next gets what the machine has. A virtual one hands what is free back to its host after two seconds (free page
 * reporting) and has to ask for each page of it again: here 0.3 GB/s then, 14 else. */
static void touch_memory(unsigned long mib)
{
	size_t size = mib << 20;
	volatile char *memory;

	if (!size)
		return;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		die("memory", errno);
	(void)madvise((void *)memory, size, MADV_HUGEPAGE);
	for (size_t at = 0; at < size; at += 4096)
		memory[at] = 1;
	(void)munmap((void *)memory, size);
}

static void print_beginning(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	printf("began=%lld.%06ld ", (long long)now.tv_sec, now.tv_nsec / 1000);
}

static void run(struct fleet *fleet)
{
	unsigned long clock = fleet->options.clock;
	uint64_t begin, cpu = 0;

	connect_all(fleet);
	send_residents(fleet);
	touch_memory(fleet->options.touch);
	print_beginning();
	if (clock)
		cpu = cpu_ns(clock);
	begin = now_ns();
	send_all(fleet);
	if (clock)
		printf("cpu_ns=%llu ", (unsigned long long)(cpu_ns(clock) - cpu));
	print_figures(fleet, (double)(now_ns() - begin) / 1e9);
	if (fleet->options.hold)
		hold(fleet);
}

static void print_all(struct fleet *fleet)
{
	for (unsigned long i = 0; fleet->options.json && i < fleet->options.hosts; i++) {
		const struct frames *frames = &fleet->members[i].frames;

		for (size_t n = 0; n < frames->count; n++)
			(void)fwrite(frames->list[n].data, 1, frames->list[n].len, stdout);
	}
	if (!fleet->options.json)
		print_figures(fleet, 0);
}

static struct tls_context *open_tls(const char *folder, unsigned number)
{
	char ca[4096], cert[4096], key[4096], *why = NULL;
	struct tls_options options = {.side = TLS_CLIENT, .ca = ca, .cert = cert, .key = key};
	struct tls_context *context;
	int r;

	(void)snprintf(ca, sizeof(ca), "%s/ca.pem", folder);
	(void)snprintf(cert, sizeof(cert), "%s/fleet-%u.pem", folder, number);
	(void)snprintf(key, sizeof(key), "%s/fleet-%u.key", folder, number);
	r = tls_context_create(&context, &options, &why);
	need(r, why ? why : folder);
	return context;
}

int main(int argc, char **argv)
{
	struct rlimit limit = {.rlim_cur = 0};
	struct fleet fleet = {.crew = {.poller = -1}};

	if (!options_parse(&fleet.options, argc, argv))
		return 2;
	(void)getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	fleet.crew.options = &fleet.options;
	fleet.crew.holding = fleet.options.hold;
	for (unsigned i = 0; fleet.options.tls && i < FLEET_CERTIFICATES; i++)
		fleet.crew.tls[i] = open_tls(fleet.options.tls, i);
	fleet.crew.poller = epoll_create1(EPOLL_CLOEXEC);
	if (fleet.crew.poller < 0)
		die("epoll", errno);
	prepare(&fleet);
	if (fleet.options.target)
		run(&fleet);
	else
		print_all(&fleet);
	return 0;
}
