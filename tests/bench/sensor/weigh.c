/* SPDX-License-Identifier: Apache-2.0 */
/* What the facts in a sensor's spool weigh: as they stand there, and as frames on the wire without compression, by zlib at
 * its level 1 and by zstd, each by itself and by the help of the frame before it. Batches of a snapshot are left out. The spool is only read; its owner may be at work.
 *
 *   weigh SPOOL */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/batch/decoder.h"
#include "proto/seglog/audit.h"
#include "proto/seglog/format.h"
#include "proto/wire/compressor.h"
#include "proto/wire/message.h"

enum { PLAIN, ZLIB, ZSTD, ZLIB_PREVIOUS, ZSTD_PREVIOUS, FORMS };

struct weight {
	struct compressor *compressors[FORMS]; /* none for PLAIN */
	unsigned long long batches, facts, spool, frames[FORMS];
};

static const char *const names[FORMS] = {"plain", "zlib", "zstd", "zlib_previous", "zstd_previous"};
static const uint32_t accepted[FORMS] = {0, COMPRESSION_ZLIB, COMPRESSION_ZSTD, COMPRESSION_ZLIB | COMPRESSION_PREVIOUS,
					 COMPRESSION_ZSTD | COMPRESSION_PREVIOUS};

static int add_frames(struct weight *weight, struct bytes batch)
{
	const struct message message = {.type = MESSAGE_BATCH, .batch = batch};

	for (unsigned form = 0; form < FORMS; form++) {
		uint8_t *frame;
		size_t len;
		int r = message_encode_with(&message, weight->compressors[form], &frame, &len);

		if (r < 0)
			return r;
		weight->frames[form] += len;
		free(frame);
	}
	return 0;
}

static size_t live_facts(const struct batch *batch)
{
	size_t count = 0;

	for (size_t i = 0; i < batch->fact_count; i++)
		count += batch->facts[i].type != FACT_SNAPSHOT;
	return count == batch->fact_count ? count : 0;
}

static int on_record(void *owner, uint64_t segment, uint64_t offset, const struct seglog_record *record)
{
	struct weight *weight = owner;
	struct arena arena = ARENA_NULL;
	struct batch batch;
	size_t facts;
	int r = batch_decode(&arena, (const uint8_t *)record->payload.data, record->payload.len, &batch, NULL);

	facts = r < 0 ? 0 : live_facts(&batch);
	arena_finish(&arena);
	if (r < 0 || facts == 0)
		return r;
	weight->batches++;
	weight->facts += facts;
	weight->spool += format_record_bytes(record->payload.len);
	return add_frames(weight, record->payload);
}

static void on_begin(void *owner, uint32_t kind, uint64_t id)
{
}

/* What is being written just now is none of ours to judge. */
static int on_finding(void *owner, const struct audit_finding *finding)
{
	return 0;
}

static void report(const struct weight *weight)
{
	double facts = (double)weight->facts;

	printf("batches=%llu facts=%llu spool=%.1f", weight->batches, weight->facts, (double)weight->spool / facts);
	for (unsigned form = 0; form < FORMS; form++)
		printf(" %s=%.1f", names[form], (double)weight->frames[form] / facts);
	putchar('\n');
}

int main(int argc, char **argv)
{
	struct weight weight = {0};
	const struct audit_events events = {.owner = &weight, .begin = on_begin, .record = on_record, .finding = on_finding};
	struct audit_result result;
	char *why = NULL;
	int r;

	if (argc != 2) {
		fputs("usage: weigh SPOOL\n", stderr);
		return 2;
	}
	for (unsigned form = ZLIB; form < FORMS; form++)
		compressor_choose(&weight.compressors[form], accepted[form]);
	r = seglog_audit(argv[1], &events, &result, &why);
	if (r == 0 && weight.facts)
		report(&weight);
	else
		fprintf(stderr, "weigh: %s: %s\n", argv[1], why ? why : r < 0 ? strerror(-r) : "no facts");
	free(why);
	for (unsigned form = ZLIB; form < FORMS; form++)
		compressor_destroy(weight.compressors[form]);
	return r == 0 && weight.facts ? 0 : 1;
}
