/* SPDX-License-Identifier: Apache-2.0 */
/* The worked examples of docs/protocol.md are what the encoders really write: in the page each stands in a code block
 * behind a line '<!-- example NAME -->', as lines of hex digits with words to the right of them. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/batch/encoder.h"
#include "proto/wire/message.h"
#include "tests/unit/proto/batch/protocol-path.h"

#define EXAMPLE_MAX 2048u
#define WORDS_COLUMN 52u /* hex digits stand left of it */

static const struct boot_id boot = {
	{0xb0, 0xb1, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xbb, 0xbc, 0xbd, 0xbe, 0xbf}};

static size_t read_digits(const char *line, uint8_t *ret, size_t at)
{
	char digits[3] = "";
	unsigned have = 0;

	for (size_t i = 0; i < WORDS_COLUMN && line[i] && line[i] != '\n'; i++) {
		if (line[i] == ' ')
			continue;
		assert_true(isxdigit((unsigned char)line[i]));
		digits[have++] = line[i];
		if (have == 2) {
			assert_true(at < EXAMPLE_MAX);
			ret[at++] = (uint8_t)strtoul(digits, NULL, 16);
			have = 0;
		}
	}
	assert_int_equal(have, 0);
	return at;
}

/* The bytes of the example as the page has them. */
static size_t read_page(const char *name, uint8_t *ret)
{
	FILE *page = fopen(PROTOCOL_PAGE, "r");
	char line[512], marker[64];
	size_t len = 0;
	int inside = 0; /* 1: behind the marker, 2: in the block */

	assert_non_null(page);
	(void)snprintf(marker, sizeof(marker), "<!-- example %s -->\n", name);
	while (fgets(line, sizeof(line), page)) {
		if (inside == 0)
			inside = strcmp(line, marker) == 0;
		else if (strncmp(line, "```", 3) == 0 && ++inside == 3)
			break;
		else if (inside == 2 && line[0] != '`')
			len = read_digits(line, ret, len);
	}
	(void)fclose(page);
	return len;
}

static void compare(const char *name, const uint8_t *data, size_t len)
{
	uint8_t page[EXAMPLE_MAX];
	size_t page_len = read_page(name, page);

	if (page_len == len && memcmp(page, data, len) == 0)
		return;
	printf("# %s is really:", name);
	for (size_t i = 0; i < len; i++)
		printf("%s%02x", i % 16 ? " " : "\n# ", data[i]);
	printf("\n");
	fail_msg("docs/protocol.md has %zu bytes of example %s, the encoder %zu", page_len, name, len);
}

static void compare_message(const char *name, const struct message *message)
{
	uint8_t *frame;
	size_t len;

	assert_int_equal(message_encode(message, false, &frame, &len), 0);
	compare(name, frame, len);
	free(frame);
}

static void test_hello(void **state)
{
	const struct message hello = {.type = MESSAGE_HELLO,
				      .hello = {.protocol_version = 1,
						.boot = boot,
						.hostname = BYTES_LITERAL("web-1"),
						.kernel = BYTES_LITERAL("6.1.0"),
						.arch = BYTES_LITERAL("x86_64"),
						.sensor_version = BYTES_LITERAL("9.9"),
						.stream = 0x0102030405060708,
						.first_unacked_seq = 1,
						.boottime_to_wall_ns = 1700000000000000000,
						.boottime_ns = 6010000000}};

	(void)state;
	compare_message("hello", &hello);
}

static void test_welcome_and_ack(void **state)
{
	(void)state;
	compare_message("welcome", &(struct message){.type = MESSAGE_WELCOME,
						     .welcome = {1, 1, 32, 4194304, BYTES_LITERAL("9.9")}});
	compare_message("ack", &(struct message){.type = MESSAGE_ACK, .ack = {1}});
}

static void test_batch(void **state)
{
	static const struct fact_context context = {
		.uid = 1000,
		.gid = 1000,
		.euid = 1000,
		.egid = 1000,
		.suid = 1000,
		.sgid = 1000,
		.fsuid = 1000,
		.fsgid = 1000,
		.loginuid = FACT_ID_UNKNOWN,
		.session = FACT_ID_UNKNOWN,
		.cgroup = {"/user", 5},
		.user = {"al", 2},
	};
	const struct process_key bash = {5000000000, 100}, ls = {6000000000, 101};
	const struct fact facts[] = {
		{.type = FACT_FORK,
		 .time_ns = 6000000000,
		 .self = ls,
		 .parent = bash,
		 .creator = bash,
		 .tid = 101,
		 .ns_tgid = 101,
		 .pgid = 101,
		 .sid = 100,
		 .comm = {"bash", 4},
		 .context = &context},
		{.type = FACT_EXEC,
		 .time_ns = 6001000000,
		 .self = ls,
		 .parent = bash,
		 .creator = bash,
		 .tid = 101,
		 .ns_tgid = 101,
		 .pgid = 101,
		 .sid = 100,
		 .comm = {"ls", 2},
		 .context = &context,
		 .exec_seq = 1,
		 .flags = FACT_EXE_KNOWN | FACT_ARGV_KNOWN | FACT_CWD_KNOWN,
		 .exe = {"/bin/ls", 7},
		 .cwd = {"/tmp", 4},
		 .argv = {"ls\0-l\0", 6},
		 .argv_bytes = 6,
		 .exe_inode = 77,
		 .exe_mode = 0100755,
		 .exe_nlink = 1},
		{.type = FACT_EXIT,
		 .time_ns = 6003000000,
		 .self = ls,
		 .parent = bash,
		 .tid = 101,
		 .ns_tgid = 101,
		 .pgid = 101,
		 .sid = 100,
		 .comm = {"ls", 2},
		 .context = &context,
		 .exec_seq = 1,
		 .exit = {.code = 2, .utime_ns = 1000, .read_bytes = UINT64_MAX, .written_bytes = UINT64_MAX}},
	};
	const struct batch_id id = {boot, 0x0102030405060708, 1};
	struct batch_encoder *encoder;
	const uint8_t *data;
	size_t len;

	(void)state;
	assert_int_equal(batch_encoder_create(&encoder), 0);
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
		assert_int_equal(batch_encoder_add(encoder, &facts[i]), 0);
	assert_int_equal(batch_encoder_finish(encoder, &id, 1700000000000000000, &data, &len), 0);
	compare_message("batch", &(struct message){.type = MESSAGE_BATCH, .batch = bytes_make(data, len)});
	batch_encoder_destroy(encoder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hello),
		cmocka_unit_test(test_welcome_and_ack),
		cmocka_unit_test(test_batch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
