/* SPDX-License-Identifier: Apache-2.0 */
/* Batches that our encoder would not write: by protobuf-c, changed in one place each, and by hand. Each is refused with
 * a reason that names the place, or read where canopy.proto allows it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/batch/decoder.h"
#include "proto/batch/encoder.h"
#include "proto/canopy.pb-c.h"
#include "tests/unit/proto/batch/facts.h"

static const struct batch_id id = {.boot = {{0xb0}}, .stream = 5, .seq = 6};

/* A valid batch of fork, exec, exit, snapshot as protobuf-c sees it, to be changed by a test. */
struct fixture {
	struct batch_encoder *encoder;
	Canopy__V1__Batch *batch;
	struct arena arena;
	const char *why;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	const uint8_t *data;
	size_t len;

	if (!fixture || batch_encoder_create(&fixture->encoder) < 0)
		return -1;
	for (unsigned i = 0; i < 4; i++) {
		struct fact fact = facts_plain((enum fact_type)(FACT_FORK + i), 7000000000u + i);

		if (batch_encoder_add(fixture->encoder, &fact) != 0)
			return -1;
	}
	if (batch_encoder_finish(fixture->encoder, &id, 0, &data, &len) < 0)
		return -1;
	fixture->batch = canopy__v1__batch__unpack(NULL, len, data);
	*state = fixture;
	return fixture->batch ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	canopy__v1__batch__free_unpacked(fixture->batch, NULL);
	batch_encoder_destroy(fixture->encoder);
	arena_finish(&fixture->arena);
	free(fixture);
	return 0;
}

static int decode_bytes(struct fixture *fixture, const void *data, size_t len, struct batch *ret)
{
	uint8_t *exact = malloc(len ? len : 1); /* so that a sanitizer sees a read beyond */
	int r;

	assert_non_null(exact);
	if (len)
		memcpy(exact, data, len);
	fixture->why = NULL;
	r = batch_decode(&fixture->arena, exact, len, ret, &fixture->why);
	free(exact);
	return r;
}

static int decode(struct fixture *fixture, struct batch *ret)
{
	size_t len = canopy__v1__batch__get_packed_size(fixture->batch);
	uint8_t *data = malloc(len);
	int r;

	assert_non_null(data);
	assert_int_equal(canopy__v1__batch__pack(fixture->batch, data), len);
	r = decode_bytes(fixture, data, len, ret);
	free(data);
	return r;
}

static void expect_bad(struct fixture *fixture, const char *reason)
{
	struct batch got = {.fact_count = 12345};

	assert_int_equal(decode(fixture, &got), -EBADMSG);
	assert_non_null(fixture->why);
	if (!strstr(fixture->why, reason))
		fail_msg("'%s' does not say '%s'", fixture->why, reason);
	assert_int_equal(got.fact_count, 12345);
}

static void test_untouched_batch(void **state)
{
	struct batch got;

	assert_int_equal(decode(*state, &got), 0);
	assert_int_equal(got.fact_count, 4);
	assert_int_equal(got.facts[3].type, FACT_SNAPSHOT);
	assert_ptr_equal(got.facts[0].context, got.facts[3].context);
}

static void test_identity(void **state)
{
	struct fixture *fixture = *state;

	fixture->batch->boot_id.len = 15;
	expect_bad(fixture, "boot_id");
	fixture->batch->boot_id.len = 0;
	expect_bad(fixture, "boot_id");
}

/* Changes one element, expects the refusal, changes it back. */
#define BREAK(array, index, value, reason) \
	do { \
		uint64_t before = array[index]; \
		array[index] = value; \
		expect_bad(fixture, reason); \
		array[index] = before; \
	} while (0)

static void test_indexes(void **state)
{
	struct fixture *fixture = *state;
	Canopy__V1__Batch *batch = fixture->batch;
	uint32_t strings = (uint32_t)batch->n_strings;

	BREAK(batch->events->process, 1, 3, "events.process");
	BREAK(batch->events->process, 1, UINT32_MAX, "events.process");
	BREAK(batch->events->process, 3, 0, "events.process of event 3");
	BREAK(batch->events->parent, 0, 3, "events.parent");
	BREAK(batch->events->context, 2, 2, "events.context");
	BREAK(batch->events->job, 2, 2, "events.job");
	BREAK(batch->events->comm, 3, strings + 1, "events.comm");
	BREAK(batch->events->image, 0, 2, "events.image");
	BREAK(batch->events->cwd, 1, strings + 1, "events.cwd");
	BREAK(batch->events->argv_item, 3, strings + 1, "events.argv_item");
	BREAK(batch->images->exe, 0, strings + 1, "images.exe");
	BREAK(batch->contexts->cgroup, 0, strings + 1, "contexts.cgroup");
	BREAK(batch->contexts->user, 0, UINT32_MAX, "contexts.user");
	BREAK(batch->processes->tgid, 0, 0, "processes.tgid");
	BREAK(batch->processes->ns_tgid, 0, UINT64_MAX, "processes.ns_tgid");
}

static void test_creator_bound(void **state)
{
	struct fixture *fixture = *state;
	uint32_t creator[4] = {1, 2, 3, 0};
	struct batch got;

	fixture->batch->events->n_creator = 4;
	fixture->batch->events->creator = creator;
	assert_int_equal(decode(fixture, &got), 0);
	assert_int_equal(got.facts[0].creator.tgid, 0);
	assert_int_equal(got.facts[1].creator.tgid, 1);
	assert_int_equal(got.facts[2].creator.tgid, 100);
	assert_int_equal(got.facts[3].creator.tgid, got.facts[3].parent.tgid);
	creator[0] = 4;
	expect_bad(fixture, "events.creator");
	fixture->batch->events->n_creator = 0;
	fixture->batch->events->creator = NULL;
}

static void test_types(void **state)
{
	struct fixture *fixture = *state;
	uint32_t *type = fixture->batch->events->type;
	struct batch got;

	BREAK(type, 0, 0, "events.type");
	type[0] = 77; /* a fact of a newer protocol is left out, and what it says of nobody is its own affair */
	fixture->batch->events->process[0] = 0;
	assert_int_equal(decode(fixture, &got), 0);
	assert_int_equal(got.fact_count, 3);
	assert_int_equal(got.facts[0].type, FACT_EXEC);
	assert_int_equal(got.facts[0].time_ns, 7000000001u);
	type[0] = FACT_EXIT; /* one exit more than its columns have */
	fixture->batch->events->process[0] = 2;
	expect_bad(fixture, "events.exit_status");
}

#define SHORTEN(message, column, reason) \
	do { \
		message->n_##column--; \
		expect_bad(fixture, reason); \
		message->n_##column++; \
	} while (0)

static void test_column_lengths(void **state)
{
	struct fixture *fixture = *state;
	Canopy__V1__Events *events = fixture->batch->events;

	SHORTEN(events, type, "events");
	SHORTEN(events, process, "events.process");
	SHORTEN(events, flags, "events.flags");
	SHORTEN(events, image, "events.image");
	SHORTEN(events, argc, "events.argc");
	SHORTEN(events, argv_item, "events.argv_item");
	SHORTEN(fixture->batch->processes, start_delta_ns, "processes.start_delta");
	events->argc[0]++;
	expect_bad(fixture, "events.argv_item");
	events->argc[0] = UINT32_MAX;
	expect_bad(fixture, "events.argv_item");
	events->argc[0] = 2;
}

/* Elements that are all zero need no column: two empty variables. */
static void test_lists_of_empty_strings(void **state)
{
	struct fixture *fixture = *state;
	uint32_t counts[2] = {2, 0};
	struct batch got;

	fixture->batch->events->environ_count = counts;
	fixture->batch->events->n_environ_count = 2;
	assert_int_equal(decode(fixture, &got), 0);
	assert_int_equal(got.facts[1].environ_.len, 2);
	assert_memory_equal(got.facts[1].environ_.data, "\0\0", 2);
	counts[1] = UINT32_MAX;
	assert_int_equal(decode(fixture, &got), -E2BIG);
	fixture->batch->events->environ_count = NULL;
	fixture->batch->events->n_environ_count = 0;
}

static void test_open_lists_have_an_element(void **state)
{
	struct fixture *fixture = *state;
	protobuf_c_boolean open[2] = {true, false};

	fixture->batch->events->argv_open = open;
	fixture->batch->events->n_argv_open = 2;
	assert_int_equal(decode(fixture, &(struct batch){0}), 0);
	fixture->batch->events->argc[0] = 0;
	fixture->batch->events->argc[1] = 4;
	expect_bad(fixture, "argv_open");
	fixture->batch->events->argv_open = NULL;
	fixture->batch->events->n_argv_open = 0;
}

static void test_exit_status(void **state)
{
	static const struct {
		uint32_t status;
		int code;
		unsigned signal;
		bool core;
	} good[] = {{0, 0, 0, false}, {0xff00, 255, 0, false}, {9, -1, 9, false}, {0x8b, -1, 11, true},
		    {0xffff, -1, 0, false}, {0x7f, -1, 127, false}};
	static const uint32_t bad[] = {0x80, 0x10000, 0x109, 0x18b, UINT32_MAX, 0xff80};
	struct fixture *fixture = *state;
	uint32_t *status = fixture->batch->events->exit_status;
	struct batch got;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		*status = good[i].status;
		assert_int_equal(decode(fixture, &got), 0);
		assert_int_equal(got.facts[2].exit.code, good[i].code);
		assert_int_equal(got.facts[2].exit.signal, good[i].signal);
		assert_int_equal(got.facts[2].exit.core, good[i].core);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		BREAK(status, 0, bad[i], "exit_status");
}

/* Row 0, which is not stored, and columns that are not there. */
static void test_nothing_known(void **state)
{
	struct fixture *fixture = *state;
	Canopy__V1__Events *events = fixture->batch->events;
	struct batch got;

	events->n_parent = events->n_context = events->n_job = events->n_comm = events->n_image = events->n_cwd = 0;
	assert_int_equal(decode(fixture, &got), 0);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(got.facts[i].parent.tgid, 0);
		assert_int_equal(got.facts[i].creator.tgid, 0);
		assert_int_equal(got.facts[i].pgid, 0);
		assert_int_equal(got.facts[i].comm.len, 0);
		assert_int_equal(got.facts[i].exe.len, 0);
		assert_int_equal(got.facts[i].context->uid, FACT_ID_UNKNOWN);
		assert_int_equal(got.facts[i].context->session, FACT_ID_UNKNOWN);
		assert_int_equal(got.facts[i].context->ns_mnt, 0);
	}
}

/* boot_id of zeros, then what the test is about. */
#define HEAD "\x0a\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

struct raw {
	const char *data;
	size_t len;
	int result;
	const char *why;
};
#define RAW(literal, result, why) {HEAD literal, sizeof(HEAD literal) - 1, result, why}

static void test_bytes_by_hand(void **state)
{
	static const struct raw cases[] = {
		RAW("", 0, NULL),
		RAW("\x72\x01x\xf8\x07\x05", 0, NULL),                                /* unknown fields */
		RAW("\x5a\x00", 0, NULL),                                             /* Events without a column */
		RAW("\x5a\x03\x0a\x01\x01", -EBADMSG, "events.process"),              /* a fork of nobody */
		RAW("\x3a\x03\x0a\x01\x05\x5a\x06\x0a\x01\x01\x1a\x01\x01", 0, NULL), /* a fork of process 5 */
		RAW("\x5a\x06\x0a\x01\x01\x1a\x01\x01\x3a\x03\x0a\x01\x05", 0, NULL), /* the same in another order */
		/* an index longer than needed */
		RAW("\x3a\x03\x0a\x01\x05\x5a\x08\x0a\x01\x01\x1a\x03\x81\x80\x00", 0, NULL),
		RAW("\x3a\x03\x0a\x01\x05\x3a\x03\x0a\x01\x05", -EBADMSG, "twice"),
		RAW("\x3a\x06\x0a\x01\x05\x0a\x01\x05", -EBADMSG, "twice, field 1"),
		RAW("\x3a\x02\x08\x05", -EBADMSG, "not packed, field 1"),
		RAW("\x3a\x03\x0a\x01\x85", -EBADMSG, "tgid ends within"),
		RAW("\x3a\x04\x0a\x02\x05\x85", -EBADMSG, "tgid ends within"),
		RAW("\x3a\x07\x0a\x05\xff\xff\xff\xff\x0f", 0, NULL), /* 2^32 - 1 */
		RAW("\x3a\x07\x0a\x05\xff\xff\xff\xff\x1f", -EBADMSG, "tgid holds a value of too many bits"),
		RAW("\x3a\x08\x0a\x06\xff\xff\xff\xff\x8f\x00", -EBADMSG, "too many bits"),
		RAW("\x3a\x0f\x0a\x01\x05\x12\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 0, NULL), /* 2^64 - 1 */
		RAW("\x3a\x0f\x0a\x01\x05\x12\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x03", -EBADMSG, "start_delta"),
		RAW("\x3a\x10\x0a\x01\x05\x12\x0b\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", -EBADMSG,
		    "start_delta"),
		RAW("\x3a\x06\x0a\x01\x05\x1a\x01\x02", -EBADMSG, "start_unknown"),
		RAW("\x3a\x02\x0a\x05", -EBADMSG, "processes is not a valid"),
		RAW("\x38\x05", -EBADMSG, "type"),     /* processes as a number */
		RAW("\x1a\x01\x05", -EBADMSG, "type"), /* seq as bytes */
		RAW("\x32\x05x", -EBADMSG, "protobuf"),
		RAW("\x62\x02\x08\x05\x6a\x00", 0, NULL),
		RAW("\x62\x03\x0a\x01\x05", -EBADMSG, "gaps: field 1"),
		RAW("\x62\x06\x08\xff\xff\xff\xff\x1f", -EBADMSG, "gaps: type"),
		RAW("\x6a\x01\x08", -EBADMSG, "snapshots"),
	};
	struct batch_id peeked;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *fixture = *state;
		struct batch got;
		int r = decode_bytes(fixture, cases[i].data, cases[i].len, &got);

		if (r != cases[i].result || (r < 0 && !strstr(fixture->why, cases[i].why)))
			fail_msg("case %zu: %d %s", i, r, fixture->why ? fixture->why : "");
	}
	assert_int_equal(batch_peek((const uint8_t *)HEAD "\x18\x07", 20, &peeked), 0);
	assert_int_equal(peeked.seq, 7);
	assert_int_equal(peeked.stream, 0);
	assert_int_equal(batch_peek((const uint8_t *)"\x18\x07", 2, &peeked), -EBADMSG);
	assert_int_equal(batch_peek(NULL, 0, &peeked), -EBADMSG);
}

static void test_every_prefix(void **state)
{
	struct fixture *fixture = *state;
	size_t len = canopy__v1__batch__get_packed_size(fixture->batch);
	uint8_t *data = malloc(len);

	assert_non_null(data);
	(void)canopy__v1__batch__pack(fixture->batch, data);
	for (size_t i = 0; i < len; i++) {
		struct batch got;
		int r = decode_bytes(fixture, data, i, &got);

		assert_true(r == 0 || r == -EBADMSG);
		assert_true(r == 0 || fixture->why);
	}
	free(data);
}

/* One string of a megabyte in a hundred thousand arguments would be 100 GB. */
static void test_argv_bomb(void **state)
{
	struct fixture *fixture = *state;
	Canopy__V1__Events *events = fixture->batch->events;
	uint32_t count = 100000, *items = malloc(count * sizeof(*items)), *before = events->argv_item;
	ProtobufCBinaryData string = fixture->batch->strings[0];

	assert_non_null(items);
	for (uint32_t i = 0; i < count; i++)
		items[i] = 1;
	fixture->batch->strings[0] = (ProtobufCBinaryData){1000000, calloc(1, 1000000)};
	events->argv_item = items;
	events->n_argv_item = count;
	events->argc[0] = count - 2;
	assert_int_equal(decode(fixture, &(struct batch){0}), -E2BIG);
	assert_in_range(fixture->arena.allocated, 1, 8u * 1024 * 1024);
	free(fixture->batch->strings[0].data);
	fixture->batch->strings[0] = string;
	events->argv_item = before;
	events->n_argv_item = 4;
	free(items);
}

static uint8_t *put_length(uint8_t *at, size_t len)
{
	for (; len > 0x7f; len >>= 7)
		*at++ = (uint8_t)(len | 0x80);
	*at++ = (uint8_t)len;
	return at;
}

/* Types without end, and empty strings without end. */
static void test_bounds(void **state)
{
	struct fixture *fixture = *state;
	size_t count = 16u * 1024 * 1024;
	uint8_t *data = malloc(count + 64), *at;

	assert_non_null(data);
	memcpy(data, HEAD, sizeof(HEAD) - 1);
	at = data + sizeof(HEAD) - 1;
	*at++ = 0x5a;
	at = put_length(at, BATCH_DECODED_EVENTS_MAX + 1 + 4);
	*at++ = 0x0a;
	at = put_length(at, BATCH_DECODED_EVENTS_MAX + 1);
	memset(at, 77, BATCH_DECODED_EVENTS_MAX + 1);
	at += BATCH_DECODED_EVENTS_MAX + 1;
	assert_int_equal(decode_bytes(fixture, data, (size_t)(at - data), &(struct batch){0}), -E2BIG);

	at = data + sizeof(HEAD) - 1;
	for (size_t i = 0; i < count / 2; i++, at += 2)
		memcpy(at, "\x32", 2);
	assert_int_equal(decode_bytes(fixture, data, (size_t)(at - data), &(struct batch){0}), -E2BIG);
	free(data);
}

static void test_arena_limit(void **state)
{
	struct fixture *fixture = *state;

	fixture->arena.limit = 100;
	assert_int_equal(decode(fixture, &(struct batch){0}), -ENOMEM);
	assert_null(fixture->why);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_untouched_batch),
		TEST(test_identity),
		TEST(test_indexes),
		TEST(test_creator_bound),
		TEST(test_types),
		TEST(test_column_lengths),
		TEST(test_lists_of_empty_strings),
		TEST(test_open_lists_have_an_element),
		TEST(test_exit_status),
		TEST(test_nothing_known),
		TEST(test_bytes_by_hand),
		TEST(test_every_prefix),
		TEST(test_argv_bomb),
		TEST(test_bounds),
		TEST(test_arena_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
