/* SPDX-License-Identifier: Apache-2.0 */
/* What the codec costs: codec [LIVES] [ROUNDS]. Facts of a make-like build (a shell of make forks, a driver is
 * executed, it forks the compiler proper and the assembler, all of them exit) are encoded, compressed, inflated and
 * decoded as sensor and collector do. Prints the best round of each step, in ns an event, and the bytes an event. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "canopy/arena.h"
#include "proto/batch/decoder.h"
#include "proto/batch/encoder.h"
#include "proto/wire/frame.h"
#include "proto/wire/message.h"
#include "tests/context.h"

#define LIVES_DEFAULT 60000u
#define ROUNDS_DEFAULT 7u
#define FACTS_PER_LIFE 3u

struct build {
	struct arena arena;
	struct fact *facts;
	size_t count;
	uint64_t random;
	uint64_t now_ns;
	uint32_t next_tgid;
};

struct packet {
	uint8_t *data;
	size_t len;
};

struct packets {
	struct packet *packets;
	size_t count;
	size_t bytes;
};

static const struct fact_context contexts[] = {
	{CONTEXT_BUILDER, .cgroup_id = 8123, .nodename = {"ci-7", 4}},
	{.loginuid = FACT_ID_UNKNOWN,
	 .session = FACT_ID_UNKNOWN,
	 .cap_effective = 0x1ffffffffff,
	 .cap_permitted = 0x1ffffffffff,
	 .ns_mnt = 4026532231u,
	 .ns_pid = 4026532233u,
	 .ns_net = 4026532235u,
	 .ns_user = 4026531837u,
	 .ns_uts = 4026532232u,
	 .ns_ipc = 4026532234u,
	 .ns_cgroup = 4026532236u,
	 .cgroup_id = 99123,
	 .cgroup = {"/system.slice/docker-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope", 91},
	 .user = {"root", 4},
	 .nodename = {"0123456789ab", 12}},
};

static uint64_t next(struct build *build)
{
	uint64_t x = build->random += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 32) * UINT64_C(0xd6e8feb86659fd93);
	return x ^ x >> 32;
}

static void die(const char *what)
{
	fprintf(stderr, "codec: %s\n", what);
	exit(1);
}

/* The arguments of format, in which a blank ends one, as the kernel keeps them. */
static struct bytes arguments(struct build *build, const char *format, unsigned file)
{
	char text[2048];
	int len = snprintf(text, sizeof(text), format, file, file, file);
	struct bytes copy = arena_copy(&build->arena, bytes_make(text, (size_t)len));
	char *at = (char *)(uintptr_t)copy.data;

	if (!at)
		die("out of memory");
	for (uint32_t i = 0; i < copy.len; i++) {
		if (at[i] == ' ')
			at[i] = '\0';
		else if (at[i] == '\x01')
			at[i] = ' '; /* within one argument */
	}
	copy.len++; /* the NUL that arena_copy put behind */
	return copy;
}

struct program {
	const char *comm, *exe, *argv;
};

#define FLAGS "-Wall -Wextra -O2 -g -std=gnu11 -D_GNU_SOURCE -DHAVE_CONFIG_H -Iinclude -I../include -Ilib/core"

static const struct program programs[] = {
	{"sh", "/usr/bin/dash", "/bin/sh -c gcc\x01" FLAGS "\x01-c\x01-o\x01obj/file%u.o\x01src/file%u.c"},
	{"gcc", "/usr/bin/x86_64-linux-gnu-gcc-12",
	 "gcc " FLAGS " -MMD -MF obj/file%u.d -c -o obj/file%u.o src/file%u.c"},
	{"cc1", "/usr/lib/gcc/x86_64-linux-gnu/12/cc1",
	 "/usr/lib/gcc/x86_64-linux-gnu/12/cc1 -quiet -I include -I ../include -imultiarch x86_64-linux-gnu -MMD "
	 "obj/file%u.d "
	 "-D _GNU_SOURCE src/file%u.c -quiet -dumpdir obj/ -dumpbase file.c -dumpbase-ext .c -mtune=generic "
	 "-march=x86-64 -g "
	 "-O2 -Wall -Wextra -std=gnu11 -fasynchronous-unwind-tables -o /tmp/cc%u.s"},
	{"as", "/usr/bin/x86_64-linux-gnu-as", "as -I include -I ../include --64 -o obj/file%u.o /tmp/cc%u.s"},
	{"rm", "/usr/bin/rm", "rm -f obj/file%u.tmp"},
	{"git", "/usr/bin/git", "git rev-parse --short HEAD"},
	{"sed", "/usr/bin/sed", "sed -e s/@N@/%u/ config.h.in"},
	{"sleep", "/usr/bin/sleep", "sleep 1"},
};
#define PROGRAMS (sizeof(programs) / sizeof(programs[0]))

static void add_life(struct build *build, unsigned number)
{
	const struct program *program = &programs[number % PROGRAMS];
	struct process_key parent = {1000000000u + number / 64 * 7777, 900 + number / 64};
	struct process_key self = {build->now_ns, build->next_tgid};
	struct fact base = {
		.self = self,
		.parent = parent,
		.creator = parent,
		.tid = self.tgid,
		.ns_tgid = self.tgid,
		.pgid = parent.tgid,
		.sid = 880,
		.tty = 34816,
		.context = &contexts[number / 1024 % 2],
	};
	struct fact *fact = &build->facts[build->count];

	build->next_tgid += 1 + (uint32_t)(next(build) % 3);
	for (unsigned i = 0; i < FACTS_PER_LIFE; i++)
		fact[i] = base;
	fact[0].type = FACT_FORK;
	fact[0].time_ns = build->now_ns;
	fact[0].comm = BYTES_LITERAL("make");
	fact[1].type = FACT_EXEC;
	fact[1].flags = FACT_EXE_KNOWN | FACT_ARGV_KNOWN | FACT_CWD_KNOWN;
	fact[1].time_ns = build->now_ns += 300000 + next(build) % 200000;
	fact[1].comm = bytes_from_string(program->comm);
	fact[1].exec_seq = 1;
	fact[1].exe = bytes_from_string(program->exe);
	fact[1].cwd = BYTES_LITERAL("/home/builder/project/build");
	fact[1].argv = arguments(build, program->argv, number / PROGRAMS);
	fact[1].argv_bytes = fact[1].argv.len;
	fact[1].exe_inode = 131072 + number % PROGRAMS * 977;
	fact[1].exe_dev = 8u << 20 | 1;
	fact[1].exe_mode = 0100755;
	fact[1].exe_nlink = 1;
	fact[1].exe_ctime_ns = 1700000000123456789u + number % PROGRAMS;
	fact[2].type = FACT_EXIT;
	fact[2].time_ns = build->now_ns += 500000 + next(build) % 20000000;
	fact[2].comm = fact[1].comm;
	fact[2].exec_seq = 1;
	fact[2].exit = (struct fact_exit){
		.code = next(build) % 50 == 0, .utime_ns = next(build) % 20000000, .stime_ns = next(build) % 4000000,
		.max_rss_bytes = (400 + next(build) % 9000) * 4096, .read_bytes = next(build) % 4 * 4096,
		.written_bytes = next(build) % 8 * 4096,
	};
	build->now_ns += next(build) % 100000;
	build->count += FACTS_PER_LIFE;
}

/* Lives overlap: facts of neighbours are mixed as several cores would. */
static void mix(struct build *build)
{
	for (size_t i = 0; i + 8 < build->count; i++) {
		size_t other = i + next(build) % 8;
		struct fact fact = build->facts[i];

		build->facts[i] = build->facts[other];
		build->facts[other] = fact;
	}
}

static void keep(struct packets *packets, const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len);

	if (!copy)
		die("out of memory");
	memcpy(copy, data, len);
	packets->packets[packets->count++] = (struct packet){copy, len};
	packets->bytes += len;
}

static void forget(struct packets *packets)
{
	for (size_t i = 0; i < packets->count; i++)
		free(packets->packets[i].data);
	packets->count = packets->bytes = 0;
}

static uint64_t clock_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void close_batch(struct batch_encoder *encoder, uint64_t seq, struct packets *batches)
{
	const struct batch_id id = {{{1, 2, 3}}, 0x1234567890abcdef, seq};
	const uint8_t *data;
	size_t len;

	if (batch_encoder_finish(encoder, &id, 1700000000000000000, &data, &len) < 0)
		die("a batch could not be finished");
	keep(batches, data, len);
}

static void encode(const struct build *build, struct batch_encoder *encoder, struct packets *batches)
{
	for (size_t i = 0; i < build->count; i++) {
		int r = batch_encoder_add(encoder, &build->facts[i]);

		if (r == BATCH_E_FULL) {
			close_batch(encoder, batches->count + 1, batches);
			r = batch_encoder_add(encoder, &build->facts[i]);
		}
		if (r != 0)
			die("a fact was refused");
	}
	close_batch(encoder, batches->count + 1, batches);
}

static void deflate_all(const struct packets *batches, struct packets *frames)
{
	for (size_t i = 0; i < batches->count; i++) {
		const struct packet *batch = &batches->packets[i];
		const struct message message = {.type = MESSAGE_BATCH, .batch = bytes_make(batch->data, batch->len)};
		struct packet frame;

		if (message_encode(&message, true, &frame.data, &frame.len) < 0)
			die("a batch could not be framed");
		frames->packets[frames->count++] = frame;
		frames->bytes += frame.len;
	}
}

static void inflate_all(const struct packets *frames)
{
	struct frame_reader reader;

	frame_reader_init(&reader, FRAME_BYTES_MAX);
	for (size_t i = 0; i < frames->count; i++) {
		const struct packet *frame = &frames->packets[i];
		const uint8_t *message;
		size_t len = 0;

		for (size_t at = 0; at < frame->len; at += len) {
			uint8_t *to;

			if (frame_reader_space(&reader, &to, &len) < 0)
				die("out of memory");
			len = len < frame->len - at ? len : frame->len - at;
			memcpy(to, frame->data + at, len);
			frame_reader_filled(&reader, len);
		}
		if (frame_reader_next(&reader, &message, &len) != 0 ||
		    frame_reader_next(&reader, &message, &len) != FRAME_E_MORE)
			die("a frame did not come back");
	}
	frame_reader_finish(&reader);
}

static size_t decode(const struct packets *batches, struct arena *arena)
{
	size_t facts = 0;

	for (size_t i = 0; i < batches->count; i++) {
		struct batch batch;
		const char *why = "out of memory";

		if (batch_decode(arena, batches->packets[i].data, batches->packets[i].len, &batch, &why) < 0)
			die(why);
		facts += batch.fact_count;
		arena_reset(arena);
	}
	return facts;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void run(const struct build *build, unsigned rounds)
{
	size_t capacity = build->count / 100 + 16;
	struct packets batches = {calloc(capacity, sizeof(struct packet)), 0, 0};
	struct packets frames = {calloc(capacity, sizeof(struct packet)), 0, 0};
	struct arena arena = ARENA_NULL;
	struct batch_encoder *encoder;
	uint64_t best[4] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
	double count = (double)build->count;

	if (!batches.packets || !frames.packets || batch_encoder_create(&encoder) < 0)
		die("out of memory");
	for (unsigned i = 0; i < rounds; i++) {
		uint64_t at[5];

		forget(&batches);
		forget(&frames);
		at[0] = clock_ns();
		encode(build, encoder, &batches);
		at[1] = clock_ns();
		deflate_all(&batches, &frames);
		at[2] = clock_ns();
		inflate_all(&frames);
		at[3] = clock_ns();
		if (decode(&batches, &arena) != build->count)
			die("facts were lost");
		at[4] = clock_ns();
		for (unsigned step = 0; step < 4; step++)
			best[step] = least(best[step], at[step + 1] - at[step]);
	}
	printf("events=%zu batches=%zu bytes_raw=%.1f bytes_zlib=%.1f encode_ns=%.1f deflate_ns=%.1f inflate_ns=%.1f "
	       "decode_ns=%.1f\n",
	       build->count, batches.count, (double)batches.bytes / count, (double)frames.bytes / count,
	       (double)best[0] / count, (double)best[1] / count, (double)best[2] / count, (double)best[3] / count);
	forget(&batches);
	forget(&frames);
	free(batches.packets);
	free(frames.packets);
	batch_encoder_destroy(encoder);
	arena_finish(&arena);
}

int main(int argc, char **argv)
{
	unsigned lives = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : LIVES_DEFAULT;
	unsigned rounds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : ROUNDS_DEFAULT;
	struct build build = {.random = 1, .now_ns = UINT64_C(86400000000000), .next_tgid = 20000};

	if (lives == 0 || rounds == 0)
		return fprintf(stderr, "usage: codec [LIVES] [ROUNDS]\n"), 2;
	build.facts = calloc((size_t)lives * FACTS_PER_LIFE, sizeof(*build.facts));
	if (!build.facts)
		die("out of memory");
	for (unsigned i = 0; i < lives; i++)
		add_life(&build, i);
	mix(&build);
	run(&build, rounds);
	free(build.facts);
	arena_finish(&build.arena);
	return 0;
}
