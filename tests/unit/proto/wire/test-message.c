/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/wire/frame.h"
#include "proto/wire/message.h"

static struct arena arena;
static const char *why;

static int setup(void **state)
{
	(void)state;
	arena = ARENA_NULL;
	why = NULL;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_finish(&arena);
	return 0;
}

/* Encodes, takes the frame's header off and decodes. The frame is kept by the arena, as what is decoded may borrow from
 * it. */
static void round_trip(const struct message *message, struct message *ret)
{
	uint8_t *frame, *copy;
	size_t len;
	int r;

	assert_int_equal(message_encode(message, false, &frame, &len), 0);
	copy = arena_alloc(&arena, len);
	assert_non_null(copy);
	memcpy(copy, frame, len);
	free(frame);
	assert_int_equal(copy[0], 0);
	assert_int_equal((size_t)copy[1] << 24 | copy[2] << 16 | copy[3] << 8 | copy[4], len - FRAME_HEADER_BYTES);
	copy += FRAME_HEADER_BYTES;
	len -= FRAME_HEADER_BYTES;
	if (message->type < MESSAGE_WELCOME)
		r = message_decode_sensor(&arena, copy, len, ret, &why);
	else
		r = message_decode_collector(&arena, copy, len, ret, &why);
	if (r)
		fail_msg("%d %s", r, why ? why : "");
	assert_int_equal(ret->type, message->type);
}

static void assert_text(struct bytes text, const char *expected)
{
	assert_int_equal(text.len, strlen(expected));
	assert_memory_equal(text.data, expected, text.len);
}

static struct message sample_hello(void)
{
	static const struct tag tags[] = {{{"site", 4}, {"z\xc3\xbcrich", 7}}, {{"empty", 5}, {"", 0}}};

	return (struct message){
		.type = MESSAGE_HELLO,
		.hello = {
			.protocol_version = 1, .boot = {{9, 8, 7}}, .machine_id = {1, 2, 3}, .machine_id_known = true,
			.hostname = {"web-1", 5}, .kernel = {"6.1.0-25-amd64", 14}, .arch = {"x86_64", 6},
			.sensor_version = {"0.1.0", 5}, .tags = tags, .tag_count = 2, .stream = UINT64_MAX,
			.first_unacked_seq = 77, .boottime_to_wall_ns = -3, .boottime_ns = 1ull << 63,
		},
	};
}

static void test_hello(void **state)
{
	struct message sent = sample_hello(), got;

	(void)state;
	round_trip(&sent, &got);
	assert_int_equal(got.hello.protocol_version, 1);
	assert_memory_equal(&got.hello.boot, &sent.hello.boot, sizeof(sent.hello.boot));
	assert_true(got.hello.machine_id_known);
	assert_memory_equal(got.hello.machine_id, sent.hello.machine_id, 16);
	assert_text(got.hello.hostname, "web-1");
	assert_text(got.hello.kernel, "6.1.0-25-amd64");
	assert_text(got.hello.arch, "x86_64");
	assert_text(got.hello.sensor_version, "0.1.0");
	assert_int_equal(got.hello.tag_count, 2);
	assert_text(got.hello.tags[0].key, "site");
	assert_text(got.hello.tags[0].value, "z\xc3\xbcrich");
	assert_text(got.hello.tags[1].key, "empty");
	assert_text(got.hello.tags[1].value, "");
	assert_int_equal(got.hello.stream, UINT64_MAX);
	assert_int_equal(got.hello.first_unacked_seq, 77);
	assert_int_equal(got.hello.boottime_to_wall_ns, -3);
	assert_int_equal(got.hello.boottime_ns, 1ull << 63);
}

static void test_hello_without_machine_and_tags(void **state)
{
	struct message sent = {.type = MESSAGE_HELLO, .hello = {.protocol_version = 1}}, got;

	(void)state;
	round_trip(&sent, &got);
	assert_false(got.hello.machine_id_known);
	assert_int_equal(got.hello.tag_count, 0);
	assert_int_equal(got.hello.hostname.len, 0);
}

static void test_largest_hello(void **state)
{
	static char text[256];
	struct message sent = sample_hello(), got;
	struct tag tags[HELLO_TAGS_MAX + 1];
	uint8_t *frame;
	size_t len;

	(void)state;
	memset(text, 'x', sizeof(text));
	for (unsigned i = 0; i <= HELLO_TAGS_MAX; i++)
		tags[i] = (struct tag){{text, HELLO_TAG_KEY_MAX}, {text, HELLO_TAG_VALUE_MAX}};
	sent.hello.hostname = bytes_make(text, HELLO_HOSTNAME_MAX);
	sent.hello.kernel = sent.hello.arch = sent.hello.sensor_version = bytes_make(text, HELLO_TEXT_MAX);
	sent.hello.tags = tags;
	sent.hello.tag_count = HELLO_TAGS_MAX;
	round_trip(&sent, &got);
	assert_int_equal(got.hello.tag_count, HELLO_TAGS_MAX);
	assert_int_equal(got.hello.tags[63].value.len, HELLO_TAG_VALUE_MAX);

	sent.hello.tag_count = HELLO_TAGS_MAX + 1;
	assert_int_equal(message_encode(&sent, false, &frame, &len), -EINVAL);
	sent.hello.tag_count = 1;
	tags[0].value.len = HELLO_TAG_VALUE_MAX + 1;
	assert_int_equal(message_encode(&sent, false, &frame, &len), -EINVAL);
	sent.hello.tag_count = 0;
	sent.hello.hostname.len = HELLO_HOSTNAME_MAX + 1;
	assert_int_equal(message_encode(&sent, false, &frame, &len), -EINVAL);
	sent.hello.hostname = (struct bytes){"a\0b", 3};
	assert_int_equal(message_encode(&sent, false, &frame, &len), -EINVAL);
	sent.hello.hostname = (struct bytes){"\xff", 1};
	assert_int_equal(message_encode(&sent, false, &frame, &len), -EINVAL);
	sent.type = (enum message_type)99;
	assert_int_equal(message_encode(&sent, false, &frame, &len), -EINVAL);
}

static void test_heartbeat(void **state)
{
	struct message sent = {.type = MESSAGE_HEARTBEAT}, got;

	(void)state;
	sent.heartbeat = (struct heartbeat){1, -2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, UINT64_MAX};
	round_trip(&sent, &got);
	assert_memory_equal(&got.heartbeat, &sent.heartbeat, sizeof(sent.heartbeat));
}

static void test_collector_messages(void **state)
{
	struct message got;

	(void)state;
	round_trip(&(struct message){.type = MESSAGE_WELCOME, .welcome = {1, 2, 3, 4, {"0.1.0", 5}, 6, true, 2}}, &got);
	assert_int_equal(got.welcome.protocol_version, 1);
	assert_int_equal(got.welcome.resume_seq, 2);
	assert_int_equal(got.welcome.window_batches, 3);
	assert_int_equal(got.welcome.max_frame_bytes, 4);
	assert_text(got.welcome.collector_version, "0.1.0");
	assert_int_equal(got.welcome.reconnect_ms, 6);
	assert_true(got.welcome.snapshot_wanted);
	assert_int_equal(got.welcome.compressions, COMPRESSION_ZSTD);
	round_trip(&(struct message){.type = MESSAGE_ACK, .ack = {UINT64_MAX}}, &got);
	assert_int_equal(got.ack.seq, UINT64_MAX);
	round_trip(&(struct message){.type = MESSAGE_PACE, .pace = {10, {"journal behind", 14}, 7}}, &got);
	assert_int_equal(got.pace.batches_per_second, 10);
	assert_int_equal(got.pace.reconnect_ms, 7);
	assert_text(got.pace.reason, "journal behind");
	round_trip(&(struct message){.type = MESSAGE_REJECT, .reject = {REJECT_LIMIT, {"too many hosts", 14}, 5000}},
		   &got);
	assert_int_equal(got.reject.code, REJECT_LIMIT);
	assert_text(got.reject.reason, "too many hosts");
	assert_int_equal(got.reject.retry_after_ms, 5000);
}

static void test_goodbye(void **state)
{
	struct message got;

	(void)state;
	round_trip(&(struct message){.type = MESSAGE_GOODBYE, .goodbye = {{"SIGTERM", 7}}}, &got);
	assert_text(got.goodbye.reason, "SIGTERM");
}

static void test_batch_is_handed_through(void **state)
{
	static char bytes[300000];
	static const size_t lengths[] = {0, 1, 127, 128, 16383, 16384, sizeof(bytes)};
	struct message got;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 31 >> 3);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		round_trip(&(struct message){.type = MESSAGE_BATCH, .batch = bytes_make(bytes, lengths[i])}, &got);
		assert_int_equal(got.batch.len, lengths[i]);
		assert_memory_equal(got.batch.data, bytes, lengths[i]);
	}
}

static void test_batch_is_compressed(void **state)
{
	static char zeros[100000];
	uint8_t *frame;
	size_t len;

	(void)state;
	assert_int_equal(
		message_encode(&(struct message){.type = MESSAGE_BATCH, .batch = bytes_make(zeros, sizeof(zeros))},
			       true, &frame, &len),
		0);
	assert_int_equal(frame[0], 1);
	assert_true(len < 1000);
	free(frame);
}

/* Bytes written by hand, and what the decoder says. */
struct raw {
	const char *data;
	size_t len;
	int result;
	const char *why; /* a part of the reason */
};
#define RAW(literal, result, why) {literal, sizeof(literal) - 1, result, why}

static void test_outer_message(void **state)
{
	static const struct raw cases[] = {
		RAW("", -EBADMSG, "empty"),
		RAW("\x32\x00", MESSAGE_E_UNKNOWN, NULL),          /* member 6 of a newer protocol */
		RAW("\x38\x05\x22\x00", 0, NULL),                  /* unknown number, then Goodbye */
		RAW("\x12\x01x\x22\x00", 0, NULL),                 /* Batch, then Goodbye: the last one wins */
		RAW("\x22\x00\xfd\x01\x01\x02\x03\x04", 0, NULL),  /* an unknown fixed32 behind */
		RAW("\x20\x01", -EBADMSG, "not a message"),        /* Goodbye as a number */
		RAW("\x22", -EBADMSG, "protobuf"),                 /* no length */
		RAW("\x22\x05hell", -EBADMSG, "protobuf"),         /* length beyond the end */
		RAW("\x22\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", -EBADMSG, "protobuf"),
		RAW("\x22\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", -EBADMSG, "protobuf"),
		RAW("\x02\x00", -EBADMSG, "protobuf"),             /* field number 0 */
		RAW("\x23\x24", -EBADMSG, "protobuf"),             /* a group */
		RAW("\x22\x03\x0a\x05x", -EBADMSG, "Goodbye"),     /* broken inside */
		RAW("\x22\x03\x0a\x01\xff", -EBADMSG, "Goodbye.reason"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct message got = {0};

		why = NULL;
		assert_int_equal(
			message_decode_sensor(&arena, (const uint8_t *)cases[i].data, cases[i].len, &got, &why),
			cases[i].result);
		assert_int_equal(got.type, cases[i].result == 0 ? MESSAGE_GOODBYE : 0);
		if (cases[i].why)
			assert_non_null(strstr(why, cases[i].why));
	}
}

static void test_last_batch_wins(void **state)
{
	struct message got;

	(void)state;
	assert_int_equal(message_decode_sensor(&arena, (const uint8_t *)"\x12\x01x\x12\x02yz", 7, &got, NULL), 0);
	assert_text(got.batch, "yz");
}

/* The text field of a Goodbye, right and wrong by RFC 3629. */
static void test_utf8(void **state)
{
	static const struct raw cases[] = {
		RAW("a\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 0, NULL),
		RAW("\x80", -EBADMSG, NULL),
		RAW("\xc1\xbf", -EBADMSG, NULL),         /* overlong */
		RAW("\xe0\x9f\xbf", -EBADMSG, NULL),     /* overlong */
		RAW("\xf0\x8f\xbf\xbf", -EBADMSG, NULL), /* overlong */
		RAW("\xed\xa0\x80", -EBADMSG, NULL),     /* surrogate */
		RAW("\xf4\x90\x80\x80", -EBADMSG, NULL), /* beyond U+10FFFF */
		RAW("\xf8\x88\x80\x80\x80", -EBADMSG, NULL),
		RAW("\xe2\x82", -EBADMSG, NULL),         /* cut off */
		RAW("\xe2(\xa1", -EBADMSG, NULL),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t data[64] = {0x22, (uint8_t)(cases[i].len + 2), 0x0a, (uint8_t)cases[i].len};
		struct message got;

		memcpy(data + 4, cases[i].data, cases[i].len);
		assert_int_equal(message_decode_sensor(&arena, data, cases[i].len + 4, &got, NULL), cases[i].result);
	}
}

static void expect_bad_hello(struct message sent, const char *reason)
{
	uint8_t *frame;
	struct message got;
	size_t len;

	/* encoded valid, broken in the bytes: the encoder refuses what the decoder is to be tried with */
	assert_int_equal(message_encode(&sent, false, &frame, &len), 0);
	for (size_t i = 0; i + 1 < len; i++) {
		if (frame[i] == 0x12 && frame[i + 1] == 16)
			frame[i + 1] = 15; /* boot_id of 15 bytes; what follows no longer parses or is unknown */
	}
	assert_int_equal(
		message_decode_sensor(&arena, frame + FRAME_HEADER_BYTES, len - FRAME_HEADER_BYTES, &got, &why),
		-EBADMSG);
	assert_non_null(strstr(why, reason));
	free(frame);
}

static void test_bad_hello(void **state)
{
	static uint8_t large[70000] = {0x0a, 0xec, 0xa2, 0x04};
	struct message got;

	(void)state;
	expect_bad_hello(sample_hello(), "Hello");
	/* no boot id at all */
	assert_int_equal(message_decode_sensor(&arena, (const uint8_t *)"\x0a\x02\x08\x01", 4, &got, &why), -EBADMSG);
	assert_non_null(strstr(why, "boot_id"));
	/* a Hello of 70,000 bytes */
	assert_int_equal(message_decode_sensor(&arena, large, sizeof(large), &got, &why), -EBADMSG);
	assert_non_null(strstr(why, "longer"));
}

static void test_too_many_tags(void **state)
{
	uint8_t data[4 + 18 + 65 * 5] = {0x0a, 0xd7, 0x02, 0x12, 16};
	struct message got;

	(void)state;
	for (unsigned i = 0; i < 65; i++)
		memcpy(data + 3 + 18 + i * 5, "\x42\x03\x0a\x01k", 5);
	assert_int_equal(message_decode_sensor(&arena, data, 3 + 18 + 65 * 5, &got, &why), -EBADMSG);
	assert_non_null(strstr(why, "64"));
}

static void test_arena_limit(void **state)
{
	struct message sent = sample_hello(), got;
	uint8_t *frame;
	size_t len;

	(void)state;
	assert_int_equal(message_encode(&sent, false, &frame, &len), 0);
	arena.limit = 100;
	assert_int_equal(
		message_decode_sensor(&arena, frame + FRAME_HEADER_BYTES, len - FRAME_HEADER_BYTES, &got, &why),
		-ENOMEM);
	free(frame);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_hello),
		TEST(test_hello_without_machine_and_tags),
		TEST(test_largest_hello),
		TEST(test_heartbeat),
		TEST(test_collector_messages),
		TEST(test_goodbye),
		TEST(test_batch_is_handed_through),
		TEST(test_batch_is_compressed),
		TEST(test_outer_message),
		TEST(test_last_batch_wins),
		TEST(test_utf8),
		TEST(test_bad_hello),
		TEST(test_too_many_tags),
		TEST(test_arena_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
