/* SPDX-License-Identifier: Apache-2.0 */
/* Many sensors in one process: each connection is a host boot of its own that sends lives (fork, exec, exit) as fast as
 * the collector acknowledges them. Batches are encoded before the clock starts, so that what is measured is the
 * collector.
 *
 *   load ADDR:PORT HOSTS LIVES */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "proto/batch/encoder.h"
#include "proto/wire/frame.h"
#include "proto/wire/message.h"
#include "tests/context.h"

#define HOSTS_MAX 1000ul
#define LIVES_MAX 100000000ul
#define FACTS_PER_LIFE 3u
#define SILENCE_MS 30000 /* a collector that says nothing for so long has failed the run */

struct frame {
	uint8_t *data; /* owned */
	size_t len;
};

struct host {
	pthread_t thread;
	struct boot_id boot;
	uint64_t stream;
	unsigned long lives;
	int fd;
	struct frame *frames;
	size_t frame_count, frame_capacity;
	uint64_t bytes, facts, paces; /* paces: how often it was told to slow down; it does not */
	bool failed;
};

static const char *address, *port;
static pthread_barrier_t ready;

/* ---- what is sent ---------------------------------------------------------------------------------------------- */

static const struct {
	const char *exe, *comm, *argv;
	uint32_t argv_len;
} programs[] = {
#define PROGRAM(exe, comm, argv)                                                                                       \
	{                                                                                                              \
		exe, comm, argv, sizeof(argv) - 1                                                                      \
	}
	PROGRAM("/usr/bin/dash", "sh", "/bin/sh\0-c\0make -j8 all\0"),
	PROGRAM("/usr/bin/x86_64-linux-gnu-gcc-12", "gcc",
		"gcc\0-O2\0-g\0-Wall\0-Iinclude\0-c\0src/main.c\0-o\0build/main.o\0"),
	PROGRAM("/usr/lib/gcc/x86_64-linux-gnu/12/cc1", "cc1", "cc1\0-quiet\0src/main.c\0-o\0/tmp/cc3kQk2s.s\0"),
	PROGRAM("/usr/bin/cat", "cat", "cat\0/proc/loadavg\0"),
	PROGRAM("/usr/bin/git", "git", "git\0rev-parse\0--show-toplevel\0"),
	PROGRAM("/usr/bin/sed", "sed", "sed\0-e\0s/a/b/\0config.status\0"),
};
#define PROGRAMS (sizeof(programs) / sizeof(*programs))

static const struct fact_context context = {
	CONTEXT_BUILDER,
	.cgroup_id = 4242,
	.nodename = {"builder-1", 9},
};

#define ARGV_MAX 256
#define PARENTS 50u

/* Numbers without a pattern (splitmix64), so that zlib finds no more to save than in what real hosts say. */
static uint64_t noise(unsigned long life, unsigned salt)
{
	uint64_t z = (life * 64 + salt + 1) * 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static void add_image(struct fact *fact, unsigned program, unsigned long life, char argv[ARGV_MAX])
{
	size_t len = programs[program].argv_len;

	memcpy(argv, programs[program].argv, len);
	len += (size_t)snprintf(argv + len, ARGV_MAX - len, "src/module-%u/unit-%x.c", (unsigned)(life / 40),
				(unsigned)noise(life, 4) & 0xffff) +
	       1;
	fact->flags = FACT_EXE_KNOWN | FACT_ARGV_KNOWN | FACT_CWD_KNOWN;
	fact->exe = bytes_from_string(programs[program].exe);
	fact->argv = bytes_make(argv, len);
	fact->argv_bytes = len;
	fact->cwd = BYTES_LITERAL("/home/builder/project");
	fact->exe_inode = 100000 + program;
	fact->exe_dev = 8 << 20 | 1;
	fact->exe_mode = 0100755;
	fact->exe_nlink = 1;
	fact->exe_ctime_ns = 1600000000000000000ull;
}

/* Fact number which (0 fork, 1 exec, 2 exit) of one life; argv holds what it points to. */
static struct fact fact_of(unsigned long life, unsigned which, char argv[ARGV_MAX])
{
	unsigned program = (unsigned)(noise(life, 0) % PROGRAMS);
	uint64_t start = 1000000000ull + life * 250000 + noise(life, 1) % 200000;
	uint32_t tgid = 2000 + (uint32_t)(life % 4000000), parent = 900 + (uint32_t)(life / 40 % PARENTS);
	struct fact fact = {
		.type = (enum fact_type)(FACT_FORK + which),
		.time_ns = start + 1000 + which * 90000 + noise(life, 2 + which) % 40000,
		.self = {start, tgid},
		.parent = {500000000 + parent, parent},
		.creator = {500000000 + parent, parent},
		.tid = tgid,
		.ns_tgid = tgid,
		.pgid = parent,
		.sid = 900,
		.exec_seq = which > 0,
		.comm = bytes_from_string(which ? programs[program].comm : "make"),
		.context = &context,
	};

	if (which == 1)
		add_image(&fact, program, life, argv);
	else if (which == 2)
		fact.exit = (struct fact_exit){.code = noise(life, 5) % 20 == 0,
					       .utime_ns = noise(life, 6) % 3000000,
					       .stime_ns = noise(life, 7) % 3000000,
					       .max_rss_bytes = 4096 * (300 + noise(life, 8) % 3000),
					       .read_bytes = UINT64_MAX,
					       .written_bytes = UINT64_MAX};
	return fact;
}

static int add_frame(struct host *host, struct batch_encoder *encoder)
{
	struct batch_id id = {host->boot, host->stream, host->frame_count + 1};
	struct message message = {.type = MESSAGE_BATCH};
	const uint8_t *data;
	size_t len;
	struct frame *frame;
	int r = batch_encoder_finish(encoder, &id, 1700000000000000000ll, &data, &len);

	if (r < 0)
		return r;
	if (host->frame_count == host->frame_capacity) {
		host->frame_capacity = host->frame_capacity ? host->frame_capacity * 2 : 64;
		host->frames = realloc(host->frames, host->frame_capacity * sizeof(*host->frames));
		if (!host->frames)
			return -ENOMEM;
	}
	frame = &host->frames[host->frame_count];
	message.batch = bytes_make(data, len);
	r = message_encode(&message, true, &frame->data, &frame->len);
	if (r < 0)
		return r;
	host->frame_count++;
	host->bytes += frame->len;
	return 0;
}

static int encode_lives(struct host *host)
{
	struct batch_encoder *encoder;
	char argv[ARGV_MAX];
	int r = batch_encoder_create(&encoder);

	for (unsigned long i = 0; r >= 0 && i < host->lives * FACTS_PER_LIFE; i++) {
		struct fact fact = fact_of(i / FACTS_PER_LIFE, i % FACTS_PER_LIFE, argv);

		r = batch_encoder_add(encoder, &fact);
		if (r == BATCH_E_FULL) {
			r = add_frame(host, encoder);
			if (!r)
				r = batch_encoder_add(encoder, &fact);
		}
		host->facts++;
	}
	if (r >= 0)
		r = add_frame(host, encoder);
	batch_encoder_destroy(encoder);
	return r;
}

/* ---- the session ----------------------------------------------------------------------------------------------- */

static int dial(void)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
	int fd, one = 1;

	if (getaddrinfo(address, port, &hints, &list) != 0)
		return -1;
	fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, list->ai_addr, list->ai_addrlen) < 0) {
		(void)close(fd);
		fd = -1;
	}
	if (fd >= 0)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	freeaddrinfo(list);
	return fd;
}

static int send_all(int fd, const uint8_t *data, size_t len)
{
	while (len) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int say_hello(const struct host *host)
{
	struct message message = {.type = MESSAGE_HELLO};
	char name[32];
	uint8_t *frame;
	size_t len;
	int r;

	(void)snprintf(name, sizeof(name), "load-%02x%02x%02x", host->boot.octets[0], host->boot.octets[1],
		       host->boot.octets[2]);
	message.hello = (struct hello){
		.protocol_version = PROTOCOL_VERSION,
		.boot = host->boot,
		.hostname = bytes_from_string(name),
		.kernel = BYTES_LITERAL("6.1.0"),
		.arch = BYTES_LITERAL("x86_64"),
		.sensor_version = BYTES_LITERAL("bench"),
		.stream = host->stream,
		.first_unacked_seq = 1,
		.boottime_to_wall_ns = 1700000000000000000ll,
		.boottime_ns = 1000000000,
	};
	r = message_encode(&message, false, &frame, &len);
	if (r < 0)
		return r;
	r = send_all(host->fd, frame, len);
	free(frame);
	return r;
}

/* Takes what the collector says; updates window and acknowledged. */
static int hear(struct host *host, struct frame_reader *reader, struct arena *arena, uint64_t *window, uint64_t *acked)
{
	struct pollfd wait = {.fd = host->fd, .events = POLLIN};
	const uint8_t *data;
	uint8_t *at;
	size_t len;
	ssize_t n;
	int r;

	if (poll(&wait, 1, SILENCE_MS) != 1)
		return -ETIMEDOUT;
	r = frame_reader_space(reader, &at, &len);
	if (r < 0)
		return r;
	n = recv(host->fd, at, len, 0);
	if (n <= 0)
		return n < 0 ? -errno : -ECONNRESET;
	frame_reader_filled(reader, (size_t)n);
	while ((r = frame_reader_next(reader, &data, &len)) == 0) {
		struct message message;

		arena_reset(arena);
		r = message_decode_collector(arena, data, len, &message, NULL);
		if (r < 0)
			return r;
		if (r == 0 && message.type == MESSAGE_WELCOME)
			*window = message.welcome.window_batches;
		else if (r == 0 && message.type == MESSAGE_ACK)
			*acked = message.ack.seq;
		else if (r == 0 && message.type == MESSAGE_PACE)
			host->paces += message.pace.batches_per_second > 0;
		else if (r == 0 && message.type == MESSAGE_REJECT)
			return fprintf(stderr, "load: rejected: %.*s\n", (int)message.reject.reason.len,
				       message.reject.reason.data),
			       -EPROTO;
	}
	return r < 0 ? r : 0;
}

static int talk(struct host *host)
{
	struct frame_reader reader;
	struct arena arena = ARENA_NULL;
	uint64_t window = 0, acked = 0, sent = 0;
	int r = say_hello(host);

	frame_reader_init(&reader, FRAME_BYTES_MAX);
	while (!r && acked < host->frame_count) {
		while (!r && sent < host->frame_count && sent - acked < window) {
			r = send_all(host->fd, host->frames[sent].data, host->frames[sent].len);
			sent++;
		}
		if (!r)
			r = hear(host, &reader, &arena, &window, &acked);
	}
	frame_reader_finish(&reader);
	arena_finish(&arena);
	return r;
}

static void *run_host(void *argument)
{
	struct host *host = argument;
	int r = encode_lives(host);

	host->fd = dial();
	if (r >= 0 && host->fd < 0)
		r = -errno;
	(void)pthread_barrier_wait(&ready);
	if (r >= 0)
		r = talk(host);
	if (r < 0)
		fprintf(stderr, "load: %s:%s: %s\n", address, port, strerror(-r));
	host->failed = r < 0;
	if (host->fd >= 0)
		(void)close(host->fd);
	for (size_t i = 0; i < host->frame_count; i++)
		free(host->frames[i].data);
	free(host->frames);
	return NULL;
}

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int run(struct host *hosts, unsigned long count, unsigned long lives)
{
	uint64_t facts = 0, bytes = 0, batches = 0, paces = 0;
	double begin, seconds;
	bool failed = false;

	(void)pthread_barrier_init(&ready, NULL, (unsigned)count + 1);
	for (unsigned long i = 0; i < count; i++) {
		hosts[i].lives = lives / count + (i < lives % count);
		if (getrandom(&hosts[i].boot, sizeof(hosts[i].boot), 0) < 0 || getrandom(&hosts[i].stream, 8, 0) < 0 ||
		    pthread_create(&hosts[i].thread, NULL, run_host, &hosts[i]) != 0) {
			perror("load: starting a host");
			exit(1);
		}
	}
	(void)pthread_barrier_wait(&ready);
	begin = now();
	for (unsigned long i = 0; i < count; i++) {
		(void)pthread_join(hosts[i].thread, NULL);
		facts += hosts[i].facts;
		bytes += hosts[i].bytes;
		batches += hosts[i].frame_count;
		paces += hosts[i].paces;
		failed |= hosts[i].failed;
	}
	seconds = now() - begin;
	if (!failed)
		printf("hosts=%lu facts=%llu batches=%llu seconds=%.3f facts_per_s=%.0f bytes_per_fact=%.1f paces=%llu\n", count,
		       (unsigned long long)facts, (unsigned long long)batches, seconds, (double)facts / seconds,
		       (double)bytes / (double)facts, (unsigned long long)paces);
	return failed;
}

int main(int argc, char **argv)
{
	char *colon = argc == 4 ? strrchr(argv[1], ':') : NULL;
	unsigned long count = colon ? strtoul(argv[2], NULL, 10) : 0, lives = colon ? strtoul(argv[3], NULL, 10) : 0;
	struct host *hosts;
	int r;

	if (!colon || !count || count > HOSTS_MAX || lives < count || lives > LIVES_MAX) {
		fputs("usage: load ADDR:PORT HOSTS LIVES\n", stderr);
		return 2;
	}
	*colon = '\0';
	address = argv[1];
	port = colon + 1;
	hosts = calloc(count, sizeof(*hosts));
	if (!hosts)
		return 1;
	r = run(hosts, count, lives);
	free(hosts);
	return r;
}
