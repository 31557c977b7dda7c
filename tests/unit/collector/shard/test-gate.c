/* SPDX-License-Identifier: Apache-2.0 */
/* A worker that never rests and one who wants to look: both get on, never at the same time. And posts from other threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "canopy/log.h"
#include "collector/shard/gate.h"
#include "collector/shard/mailbox.h"

enum log_level log_level = LOG_LEVEL_ERROR;

#define LOOKS 50u
#define POSTS 1000u

struct bench {
	struct gate gate;
	uint64_t a, b; /* equal whenever the gate is open */
	atomic_bool enough;
};

static void work(void *argument)
{
	struct bench *bench = argument;

	gate_work(&bench->gate);
	while (!atomic_load(&bench->enough)) {
		bench->a++;
		bench->b++;
		gate_breathe(&bench->gate);
	}
	gate_rest(&bench->gate);
}

static void a_busy_worker_lets_in_who_waits(void **state)
{
	struct bench bench = {.a = 0};
	uint64_t seen = 0;
	uv_thread_t worker;

	(void)state;
	assert_int_equal(gate_init(&bench.gate), 0);
	assert_int_equal(uv_thread_create(&worker, work, &bench), 0);
	for (unsigned i = 0; i < LOOKS || seen == 0; i++) { /* until the worker has begun */
		gate_enter(&bench.gate);
		assert_int_equal(bench.a, bench.b);
		assert_true(bench.a >= seen);
		seen = bench.a;
		gate_leave(&bench.gate);
	}
	atomic_store(&bench.enough, true);
	(void)uv_thread_join(&worker);
	assert_true(bench.a > 0);
	gate_finish(&bench.gate);
}

static void no_gate_is_an_open_one(void **state)
{
	(void)state;
	gate_enter(NULL);
	gate_leave(NULL);
}

struct letter {
	struct post post;
	unsigned number;
};

struct reader {
	struct mailbox mailbox;
	struct letter letters[POSTS];
	unsigned next;
	bool closed;
};

static void on_closed(void *owner)
{
	((struct reader *)owner)->closed = true;
}

static void read_letter(struct post *post, void *owner)
{
	struct letter *letter = (struct letter *)(void *)post; /* its first member */
	struct reader *reader = owner;

	assert_int_equal(letter->number, reader->next);
	reader->next++;
}

static void write_letters(void *argument)
{
	struct reader *reader = argument;

	for (unsigned i = 0; i < POSTS; i++) {
		reader->letters[i] = (struct letter){{.deliver = read_letter}, i};
		mailbox_send(&reader->mailbox, &reader->letters[i].post);
	}
}

static void posts_come_in_order(void **state)
{
	static struct reader reader;
	uv_thread_t writer;
	uv_loop_t loop;

	(void)state;
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(mailbox_init(&reader.mailbox, &loop, &reader), 0);
	assert_int_equal(uv_thread_create(&writer, write_letters, &reader), 0);
	while (reader.next < POSTS)
		(void)uv_run(&loop, UV_RUN_ONCE);
	(void)uv_thread_join(&writer);
	mailbox_close(&reader.mailbox, on_closed);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	assert_true(reader.closed);
	assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_busy_worker_lets_in_who_waits),
	    cmocka_unit_test(no_gate_is_an_open_one),
	    cmocka_unit_test(posts_come_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
