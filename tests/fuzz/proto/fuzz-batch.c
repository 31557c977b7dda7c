/* SPDX-License-Identifier: Apache-2.0 */
/* A batch as anyone may write it. Every byte that an accepted batch points to is touched, and its facts must go through
 * our encoder and come back the same: what the decoder lets pass is what facts can be. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/batch/decoder.h"
#include "proto/batch/encoder.h"
#include "tests/unit/proto/batch/facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARENA_MAX (16u * 1024u * 1024u)
#define LIST_MAX 100000u /* longer ones the encoder may cut */

static volatile uint8_t sink;

static void touch(struct bytes bytes)
{
	uint8_t sum = 0;

	for (uint32_t i = 0; i < bytes.len; i++)
		sum ^= (uint8_t)bytes.data[i];
	sink = (uint8_t)(sink ^ sum);
}

static int is_small(const struct fact *fact)
{
	const struct bytes all[] = {fact->exe, fact->script, fact->interpreter, fact->cwd, fact->argv, fact->environ_,
				    fact->comm, fact->context->cgroup, fact->context->user, fact->context->nodename};
	uint64_t sum = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		touch(all[i]);
		sum += all[i].len;
	}
	return sum < LIST_MAX / 10;
}

/* Encodes facts from first on, as many as one batch takes, and compares. Returns how many that were. */
static size_t check_some(struct batch_encoder *encoder, const struct batch *batch, size_t first)
{
	struct arena arena = ARENA_NULL;
	struct batch again;
	const uint8_t *data;
	size_t len, count = 0;

	while (first + count < batch->fact_count) {
		const struct fact *fact = &batch->facts[first + count];
		int r;

		if (!is_small(fact))
			break;
		r = batch_encoder_add(encoder, fact);
		if (r == BATCH_E_FULL && count > 0)
			break;
		if (r != 0)
			abort();
		count++;
	}
	if (count == 0)
		return 1;
	if (batch_encoder_finish(encoder, &batch->id, batch->boottime_to_wall_ns, &data, &len) < 0 ||
	    len > BATCH_BYTES_MAX || batch_decode(&arena, data, len, &again, NULL) < 0 || again.fact_count != count)
		abort();
	for (size_t i = 0; i < count; i++) {
		if (facts_difference(&batch->facts[first + i], &again.facts[i]))
			abort();
	}
	arena_finish(&arena);
	return count;
}

static void check(const struct batch *batch)
{
	struct batch_encoder *encoder;

	if (batch_encoder_create(&encoder) < 0)
		abort();
	for (size_t i = 0; i < batch->fact_count;)
		i += check_some(encoder, batch, i);
	batch_encoder_destroy(encoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = {.limit = ARENA_MAX};
	struct batch_id id;
	struct batch batch;
	const char *why = NULL;
	int r = batch_decode(&arena, data, size, &batch, &why);

	if (r == -EBADMSG && !why)
		abort();
	if (r == 0) {
		if (batch_peek(data, size, &id) < 0 || memcmp(&id, &batch.id, sizeof(id)) != 0)
			abort();
		check(&batch);
	}
	arena_finish(&arena);
	return 0;
}
