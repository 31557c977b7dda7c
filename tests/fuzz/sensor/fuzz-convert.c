/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a record of the kernel side. Bit 0 of the first byte lets the record's size be made right, so that the fuzzer need
 * not add up lengths. What is taken borrows from the record alone, goes through the encoder and comes back the same. */
#include <errno.h>

#include "proto/batch/decoder.h"
#include "sensor/batch/convert.h"
#include "sensor/batch/environ.h"
#include "tests/fuzz/input.h"
#include "tests/unit/proto/batch/facts.h"

static void check_borrowed(const struct event *event, const struct fact *fact)
{
	const struct bytes all[] = {fact->exe,  fact->script, fact->interpreter, fact->cwd,
				    fact->argv, fact->comm,   fact->context->cgroup, fact->context->nodename};
	struct bytes record = bytes_make(event, event->size);

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		must(is_within(all[i], record));
	must(is_within(event_environ(event), record) && fact->environ_.len == 0 && fact->context->user.len == 0);
	must(event_environ(event).data == fact->argv.data + fact->argv.len);
	must(fact->comm.len < EVENT_COMM_BYTES && !memchr(fact->comm.data, '\0', fact->comm.len));
}

static void check_exit(const struct event *event, const struct fact_exit *exit)
{
	must(exit->signal <= 127 && exit->code >= -1 && exit->code <= 255 && (exit->code == -1) == (exit->signal != 0));
	if (event->runtime_ns && event->utime_ns + event->stime_ns >= event->stime_ns) /* no overflow */
		must(exit->utime_ns + exit->stime_ns == event->runtime_ns && exit->stime_ns <= event->runtime_ns);
}

/* Only variables that were asked for, each one whole. */
static void check_environ(const struct event *event)
{
	static const struct bytes names[] = {BYTES_LITERAL("PATH"), BYTES_LITERAL("A")};
	struct bytes list = event_environ(event), picked;
	char *to = malloc(list.len + 1u);

	must(to != NULL);
	picked = environ_pick(list, names, 2, to);
	must(picked.len <= list.len);
	for (uint32_t at = 0; at < picked.len;) {
		size_t len = strnlen(picked.data + at, picked.len - at);

		must((len >= 5 && memcmp(picked.data + at, "PATH=", 5) == 0) || (len >= 2 && memcmp(picked.data + at, "A=", 2) == 0));
		must(holds(list, bytes_make(picked.data + at, len)));
		at += (uint32_t)len + 1;
	}
	free(to);
}

static void check_wire(const struct fact *fact)
{
	const struct batch_id id = {{{1}}, 2, 3};
	static struct batch_encoder *encoder; /* making one takes longer than all of the rest */
	struct arena arena = ARENA_NULL;
	struct batch batch;
	const uint8_t *data;
	size_t len;

	must(encoder || batch_encoder_create(&encoder) == 0);
	if (batch_encoder_add(encoder, fact) == 0) {
		must(batch_encoder_finish(encoder, &id, 0, &data, &len) == 0);
		must(batch_decode(&arena, data, len, &batch, NULL) == 0 && batch.fact_count == 1);
		must(batch.facts[0].type == fact->type && process_key_equal(batch.facts[0].self, fact->self));
		must(bytes_equal(batch.facts[0].argv, fact->type == FACT_EXEC || fact->type == FACT_SNAPSHOT ? fact->argv : BYTES_NULL) ||
		     !(fact->flags & FACT_ARGV_KNOWN));
	}
	arena_finish(&arena);
}

static void make_right(struct event *event, size_t size)
{
	uint64_t sum = sizeof(*event);

	for (int i = 0; i < EVENT_STRINGS; i++) {
		uint64_t left = size - sum;

		if (event->string_bytes[i] > left)
			event->string_bytes[i] = (uint32_t)left;
		sum += event->string_bytes[i];
	}
	event->size = (uint32_t)sum;
	event->type = event->type % EVENT_TYPES;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fact_context context, context_before;
	struct fact fact, fact_before;
	struct event *event;

	if (size < 1 + sizeof(*event) || size > 1 + EVENT_SIZE_MAX)
		return 0;
	event = malloc(size - 1);
	must(event != NULL);
	memcpy(event, data + 1, size - 1);
	if (data[0] & 1)
		make_right(event, size - 1);
	memset(&fact, 0x5a, sizeof(fact));
	memset(&context, 0x5a, sizeof(context));
	memcpy(&fact_before, &fact, sizeof(fact));
	memcpy(&context_before, &context, sizeof(context));
	if (event->size > size - 1) { /* the ring tells the length of a record, and its reader compares */
		free(event);
		return 0;
	}
	if (convert_event(event, &context, &fact) < 0) {
		must(memcmp(&fact, &fact_before, sizeof(fact)) == 0 && memcmp(&context, &context_before, sizeof(context)) == 0);
	} else {
		check_borrowed(event, &fact);
		if (fact.type == FACT_EXIT)
			check_exit(event, &fact.exit);
		check_environ(event);
		check_wire(&fact);
	}
	free(event);
	return 0;
}
