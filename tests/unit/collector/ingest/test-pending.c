/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/ingest/pending.h"

static void push(struct pending *pending, uint64_t position, void *peer)
{
	struct ticket ticket = {.position = position, .peer = peer, .seq = position};

	assert_int_equal(pending_reserve(pending), 0);
	pending_push(pending, &ticket);
}

static void gives_out_what_is_durable_in_order(void **state)
{
	struct pending pending = {0};
	struct ticket ticket;
	uint64_t pushed = 0, popped = 0;

	(void)state;
	/* Three in, two out: the ring wraps around and grows while it is wrapped. */
	for (int round = 0; round < 500; round++) {
		for (int i = 0; i < 3; i++)
			push(&pending, ++pushed, NULL);
		for (int i = 0; i < 2; i++) {
			assert_true(pending_pop(&pending, pushed, &ticket));
			assert_int_equal(ticket.position, ++popped);
		}
	}
	assert_false(pending_pop(&pending, popped, &ticket)); /* the next one is not durable */
	while (pending_pop(&pending, UINT64_MAX, &ticket))
		assert_int_equal(ticket.position, ++popped);
	assert_int_equal(popped, pushed);
	pending_finish(&pending);
}

static void forgets_a_peer_not_its_tickets(void **state)
{
	struct pending pending = {0};
	struct ticket ticket;
	int one, two;

	(void)state;
	push(&pending, 1, &one);
	push(&pending, 2, &two);
	push(&pending, 3, &one);
	pending_forget(&pending, (struct ingest_peer *)(void *)&one);
	assert_true(pending_pop(&pending, 9, &ticket));
	assert_null(ticket.peer);
	assert_true(pending_pop(&pending, 9, &ticket));
	assert_ptr_equal(ticket.peer, &two);
	assert_true(pending_pop(&pending, 9, &ticket));
	assert_null(ticket.peer);
	pending_finish(&pending);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(gives_out_what_is_durable_in_order),
	    cmocka_unit_test(forgets_a_peer_not_its_tickets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
