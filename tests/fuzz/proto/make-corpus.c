/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the corpora of the frame, message, batch and state fuzzers with the real encoders: make-corpus tests/fuzz/corpus.
 * For developers, after the format has changed; what it writes is kept in the repository. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/batch/encoder.h"
#include "proto/wire/frame.h"
#include "proto/wire/message.h"
#include "proto/wire/state.h"
#include "tests/unit/proto/batch/facts.h"

static const char *folder;

static void save(const char *fuzzer, const char *name, const uint8_t *head, size_t head_len, const uint8_t *data,
		 size_t len)
{
	char path[4096];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s/%s", folder, fuzzer, name);
	file = fopen(path, "wb");
	if (!file || fwrite(head, 1, head_len, file) != head_len || fwrite(data, 1, len, file) != len ||
	    fclose(file) != 0) {
		perror(path);
		exit(1);
	}
}

static void save_zstd(const char *name, const struct message *message)
{
	struct compressor *compressor;
	char path[64];
	uint8_t piece = 7, *frame;
	size_t len;

	(void)snprintf(path, sizeof(path), "%s-zstd", name);
	if (compressor_create(&compressor, COMPRESSION_ZSTD) < 0 || message_encode_with(message, compressor, &frame, &len) < 0)
		abort();
	save("frame", path, &piece, 1, frame, len);
	free(frame);
	compressor_destroy(compressor);
}

/* The same batch three times on one connection: the second and the third one by the help of those before. */
static void save_chain(const char *name, const char *kind, uint32_t accepted, const struct message *message)
{
	struct compressor *compressor;
	uint8_t stream[65536], piece = 11;
	size_t at = 0;
	char path[64];

	(void)snprintf(path, sizeof(path), "%s-%s-chain", name, kind);
	if (compressor_create(&compressor, accepted | COMPRESSION_PREVIOUS) < 0)
		abort();
	for (unsigned i = 0; i < 3; i++) {
		uint8_t *frame;
		size_t len;

		if (message_encode_with(message, compressor, &frame, &len) < 0 || len > sizeof(stream) - at)
			abort();
		memcpy(stream + at, frame, len);
		at += len;
		free(frame);
	}
	save("frame", path, &piece, 1, stream, at);
	compressor_destroy(compressor);
}

/* The message with its direction in front, and its frame, plain and compressed, with the size of pieces in front. */
static void save_message(const char *name, const struct message *message)
{
	uint8_t sensor = message->type < MESSAGE_WELCOME, piece = 5;
	uint8_t *frame;
	size_t len;

	if (message_encode(message, true, &frame, &len) < 0)
		abort();
	save("frame", name, &piece, 1, frame, len);
	free(frame);
	if (message->type == MESSAGE_BATCH) {
		save_zstd(name, message);
		save_chain(name, "zlib", COMPRESSION_ZLIB, message);
		save_chain(name, "zstd", COMPRESSION_ZSTD, message);
	}
	if (message_encode(message, false, &frame, &len) < 0)
		abort();
	save("message", name, &sensor, 1, frame + FRAME_HEADER_BYTES, len - FRAME_HEADER_BYTES);
	free(frame);
}

static void save_messages(void)
{
	static const struct tag tags[] = {{{"site", 4}, {"zurich", 6}}, {{"role", 4}, {"", 0}}};
	const struct message messages[] = {
		{.type = MESSAGE_HELLO,
		 .hello = {1,
			   {{1, 2, 3}},
			   {4, 5, 6},
			   true,
			   {"web-1", 5},
			   {"6.1.0", 5},
			   {"x86_64", 6},
			   {"0.1.0", 5},
			   tags,
			   2,
			   UINT64_MAX,
			   77,
			   -3,
			   1ull << 40}},
		{.type = MESSAGE_HEARTBEAT, .heartbeat = {1, -2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}},
		{.type = MESSAGE_GOODBYE, .goodbye = {{"SIGTERM", 7}}},
		{.type = MESSAGE_WELCOME, .welcome = {1, 2, 3, 4, {"0.1.0", 5}, 6, true}},
		{.type = MESSAGE_ACK, .ack = {1000}},
		{.type = MESSAGE_PACE, .pace = {10, {"journal behind", 14}}},
		{.type = MESSAGE_REJECT, .reject = {REJECT_LIMIT, {"too many hosts", 14}, 5000}},
	};
	static const char *const names[] = {"hello", "heartbeat", "goodbye", "welcome", "ack", "pace", "reject"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		save_message(names[i], &messages[i]);
}

static void save_batch(struct batch_encoder *encoder, const char *name)
{
	const struct batch_id id = {{{0xb0, 0x07}}, 5, 6};
	const uint8_t *data;
	size_t len;

	if (batch_encoder_finish(encoder, &id, 1700000000000000000, &data, &len) < 0)
		abort();
	save("batch", name, NULL, 0, data, len);
	save_message(name, &(struct message){.type = MESSAGE_BATCH, .batch = bytes_make(data, len)});
}

static void save_random(struct batch_encoder *encoder, uint64_t seed)
{
	struct random random = {.state = seed};
	struct arena arena = ARENA_NULL;
	char name[32];

	while (batch_encoder_count(encoder) < 2 + seed && batch_encoder_bytes(encoder) < 6000) {
		struct fact fact;

		facts_random(&random, &arena, &fact);
		if (fact.argv.len + fact.environ_.len < 300 && fact.exe.len + fact.cwd.len < 300 &&
		    batch_encoder_add(encoder, &fact) != 0)
			abort();
	}
	(void)snprintf(name, sizeof(name), "random-%02u", (unsigned)seed);
	save_batch(encoder, name);
	arena_finish(&arena);
}

static void save_batches(void)
{
	struct batch_encoder *encoder;

	if (batch_encoder_create(&encoder) < 0)
		abort();
	for (unsigned i = 0; i < 4; i++) {
		struct fact fact = facts_plain((enum fact_type)(FACT_FORK + i), 5000000000u + i);

		if (batch_encoder_add(encoder, &fact) != 0)
			abort();
	}
	save_batch(encoder, "plain");
	if (batch_encoder_add_gap(encoder, &(struct gap){FACT_EXEC, GAP_RING_FULL, 10, 20, 30}) != 0 ||
	    batch_encoder_add_snapshot(encoder, &(struct snapshot_mark){40, 50}) != 0)
		abort();
	save_batch(encoder, "gap");
	for (uint64_t seed = 1; seed <= 12; seed++)
		save_random(encoder, seed);
	batch_encoder_destroy(encoder);
}

static void save_state(const char *name, const struct boot_state *state)
{
	struct arena arena = ARENA_NULL;
	struct bytes body;

	if (boot_state_encode(state, &arena, &body) < 0)
		abort();
	save("state", name, NULL, 0, (const uint8_t *)body.data, body.len);
	arena_finish(&arena);
}

static void save_states(void)
{
	static const struct state_era eras[] = {{5, -7}, {9, INT64_MAX}};
	static const struct gap gaps[] = {{FACT_EXEC, GAP_FOREST_FULL, 1, 2, 3}, {0, GAP_SEQUENCE, 0, UINT64_MAX, 0}};
	static const struct state_stream streams[] = {{UINT64_MAX, 1, 8, 9}, {4, 5, 6, 7}};
	struct boot_state state = {.boot = {{1, 2, 3}}};

	save_state("empty", &state);
	state.eras = eras, state.era_count = 2;
	state.gaps = gaps, state.gap_count = 2;
	state.streams = streams, state.stream_count = 2;
	save_state("lists", &state);
	for (int i = 0; i < 5; i++)
		state.facts[i] = (uint64_t)i, state.lost[i] = UINT64_MAX >> i;
	state.evicted = 10, state.horizon_ns = 11, state.snapshot_ns = 12, state.clock_known = true, state.clock_ns = 13;
	state.fact_known = true, state.first_fact_ns = 14, state.last_fact_ns = 15, state.sequence_gaps = 17;
	state.boottime_to_wall_ns = INT64_MIN, state.first_fact_to_wall_ns = -1;
	save_state("full", &state);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return fprintf(stderr, "usage: make-corpus CORPUS-DIR\n"), 2;
	folder = argv[1];
	save_messages();
	save_batches();
	save_states();
	return 0;
}
