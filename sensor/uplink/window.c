/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of numbers that only grow; see window.h. */
#include "sensor/uplink/window.h"

#include <assert.h>

void window_init(struct window *window, uint32_t granted)
{
	window->start = window->count = 0;
	window->limit = granted < WINDOW_MAX ? granted : WINDOW_MAX;
	if (window->limit == 0)
		window->limit = 1;
}

bool window_is_full(const struct window *window)
{
	return window->count >= window->limit;
}

void window_add(struct window *window, uint64_t seq)
{
	assert(!window_is_full(window));
	window->seqs[(window->start + window->count++) % WINDOW_MAX] = seq;
}

void window_ack(struct window *window, uint64_t seq)
{
	while (window->count > 0 && window->seqs[window->start] <= seq) {
		window->start = (window->start + 1) % WINDOW_MAX;
		window->count--;
	}
}
