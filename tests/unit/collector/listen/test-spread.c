/* SPDX-License-Identifier: Apache-2.0 */
/* A fleet that came one sensor after the other loses its collector at one moment: each waits within the time that the real listener told it, by the real
 * sensor's backoff. */
#include "sensor/uplink/backoff.h"
#include "tests/unit/collector/listen/rig.h"

enum log_level log_level = LOG_LEVEL_ERROR;

#define PEERS 400u
#define SHARDS 25u /* so the listener is told: its peers stand for ten thousand sensors */
#define FLEET (PEERS * SHARDS)
#define EVEN_MS (FLEET * SESSION_RECONNECT_MS)
#define BIN_MS 100u
#define BINS (EVEN_MS / BIN_MS)

static const struct listener_options one_of_many = {.listeners = SHARDS};

/* xorshift64*: the same fleet each time. */
static uint64_t draw(uint64_t *random)
{
	*random ^= *random >> 12;
	*random ^= *random << 25;
	*random ^= *random >> 27;
	return *random * 2685821657736338717u;
}

/* The most attempts that fall into one tenth of a second. */
static uint32_t busiest(struct peer *const *peers)
{
	uint32_t bins[BINS] = {0}, most = 0;
	uint64_t random = 88172645463325252u;

	for (uint32_t i = 0; i < FLEET; i++) {
		struct backoff backoff = {0};
		uint32_t bin;

		backoff_spread(&backoff, peers[i % PEERS]->reconnect_ms);
		bin = (backoff_next(&backoff, draw(&random), 0) - 1) / BIN_MS;
		assert_true(bin < BINS);
		bins[bin]++;
		most = bins[bin] > most ? bins[bin] : most;
	}
	return most;
}

/* What still lacks less than an eighth is not told anew. */
static bool knows_them_all(void *owner)
{
	return ((struct peer *)owner)->reconnect_ms >= EVEN_MS / 9 * 8;
}

static void a_fleet_that_came_bit_by_bit_goes_and_comes_back_evenly(void **state)
{
	static struct peer *peers[PEERS];
	struct rig *rig = *state;

	listen_with(rig, &one_of_many);
	for (unsigned i = 0; i < PEERS; i++)
		peers[i] = peer_join(rig);
	for (unsigned i = 0; i < PEERS; i++)
		assert_true(loop_until(&rig->loop, knows_them_all, peers[i]));
	assert_in_range(busiest(peers), FLEET / BINS, 2 * FLEET / BINS);
	for (unsigned i = 0; i < PEERS; i++)
		peer_close(peers[i]);
}

static void a_few_are_told_nothing_more(void **state)
{
	struct rig *rig = *state;
	struct peer *peers[2];

	listen_with(rig, &plain);
	for (unsigned i = 0; i < 2; i++)
		peers[i] = peer_join(rig);
	say_batch(peers[1], 1);
	assert_true(loop_until(&rig->loop, was_acked, peers[1]));
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(peers[i]->paces, 0);
		peer_close(peers[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_fleet_that_came_bit_by_bit_goes_and_comes_back_evenly),
	    TEST(a_few_are_told_nothing_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
