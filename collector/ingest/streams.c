/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers alone decide what is a duplicate; the checksums of the newest batches tell a batch that is sent again from
 * another one that claims its number, which is how two machines resumed from one memory snapshot show themselves. */
#include "collector/ingest/streams.h"

#include <errno.h>
#include <stdlib.h>

struct stream_key {
	struct boot_id boot;
	uint64_t stream;
};
_Static_assert(sizeof(struct stream_key) == BOOT_ID_BYTES + 8, "hashed as bytes: no padding");

void streams_init(struct streams *streams)
{
	index_init(&streams->entries);
	index_init(&streams->boots);
}

void streams_finish(struct streams *streams)
{
	struct index_node *node;

	while ((node = index_pop(&streams->entries)))
		free(index_entry(node, struct stream_entry, node));
	while ((node = index_pop(&streams->boots)))
		free(index_entry(node, struct stream_boot, node));
	index_finish(&streams->entries);
	index_finish(&streams->boots);
}

static uint64_t hash_stream(const struct streams *streams, const struct boot_id *boot, uint64_t stream)
{
	struct stream_key key = {*boot, stream};

	return index_hash(&streams->entries, &key, sizeof(key));
}

struct stream_entry *streams_find(const struct streams *streams, const struct boot_id *boot, uint64_t stream)
{
	struct index_node *node = index_first(&streams->entries, hash_stream(streams, boot, stream));

	for (; node; node = index_next(node)) {
		struct stream_entry *entry = index_entry(node, struct stream_entry, node);

		if (entry->stream == stream && boot_id_equal(&entry->of->boot, boot))
			return entry;
	}
	return NULL;
}

static struct stream_boot *find_boot(const struct streams *streams, const struct boot_id *id)
{
	struct index_node *node = index_first(&streams->boots, index_hash(&streams->boots, id->octets, BOOT_ID_BYTES));

	for (; node; node = index_next(node)) {
		struct stream_boot *boot = index_entry(node, struct stream_boot, node);

		if (boot_id_equal(&boot->boot, id))
			return boot;
	}
	return NULL;
}

static int get_boot(struct streams *streams, const struct boot_id *id, struct stream_boot **ret)
{
	uint64_t hash = index_hash(&streams->boots, id->octets, BOOT_ID_BYTES);
	struct stream_boot *boot = find_boot(streams, id);

	if (boot) {
		*ret = boot;
		return 0;
	}
	boot = calloc(1, sizeof(*boot));
	if (!boot)
		return -ENOMEM;
	boot->boot = *id;
	TAILQ_INIT(&boot->by_use);
	if (index_insert(&streams->boots, &boot->node, hash) < 0) {
		free(boot);
		return -ENOMEM;
	}
	*ret = boot;
	return 0;
}

/* What an evicted stream costs is knowledge of what it had sent; were it sent again, the join would still know the
 * facts. */
static int make_room(struct streams *streams, struct stream_boot *boot)
{
	struct stream_entry *entry;

	if (boot->count < STREAMS_PER_BOOT_MAX)
		return 0;
	TAILQ_FOREACH(entry, &boot->by_use, by_use)
	{
		if (entry->users > 0)
			continue;
		TAILQ_REMOVE(&boot->by_use, entry, by_use);
		index_remove(&streams->entries, &entry->node);
		boot->count--;
		free(entry);
		return 0;
	}
	return -ENOSPC;
}

static int add_stream(struct streams *streams, struct stream_boot *boot, uint64_t stream, struct stream_entry **ret)
{
	struct stream_entry *entry;
	int r = make_room(streams, boot);

	if (r < 0)
		return r;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->of = boot;
	entry->stream = stream;
	r = index_insert(&streams->entries, &entry->node, hash_stream(streams, &boot->boot, stream));
	if (r < 0) {
		free(entry);
		return r;
	}
	TAILQ_INSERT_TAIL(&boot->by_use, entry, by_use);
	boot->count++;
	*ret = entry;
	return 0;
}

int streams_get(struct streams *streams, const struct boot_id *boot_id, uint64_t stream, struct stream_entry **ret)
{
	struct stream_entry *entry = streams_find(streams, boot_id, stream);
	struct stream_boot *boot;
	int r;

	if (!entry) {
		r = get_boot(streams, boot_id, &boot);
		return r < 0 ? r : add_stream(streams, boot, stream, ret);
	}
	TAILQ_REMOVE(&entry->of->by_use, entry, by_use);
	TAILQ_INSERT_TAIL(&entry->of->by_use, entry, by_use);
	*ret = entry;
	return 0;
}

bool streams_in_use(const struct streams *streams, const struct boot_id *id)
{
	const struct stream_boot *boot = find_boot(streams, id);
	const struct stream_entry *entry;

	if (!boot)
		return false;
	TAILQ_FOREACH(entry, &boot->by_use, by_use)
	{
		if (entry->users > 0)
			return true;
	}
	return false;
}

void streams_forget(struct streams *streams, const struct boot_id *id)
{
	struct stream_boot *boot = find_boot(streams, id);
	struct stream_entry *entry;

	if (!boot)
		return;
	while ((entry = TAILQ_FIRST(&boot->by_use))) {
		TAILQ_REMOVE(&boot->by_use, entry, by_use);
		index_remove(&streams->entries, &entry->node);
		free(entry);
	}
	index_remove(&streams->boots, &boot->node);
	free(boot);
}

enum stream_verdict stream_judge(const struct stream_entry *entry, uint64_t seq, uint32_t checksum)
{
	size_t slot = seq % STREAM_CHECKSUMS;

	if (entry->next == 0 || seq == entry->next)
		return STREAM_NEW;
	if (seq > entry->next)
		return STREAM_GAP;
	if (entry->contents[slot].seq == seq && entry->contents[slot].checksum != checksum)
		return STREAM_CONFLICT;
	return STREAM_DUPLICATE;
}

void stream_take(struct stream_entry *entry, uint64_t seq, uint64_t newest_ns)
{
	if (entry->next == 0)
		entry->first = seq;
	if (seq >= entry->next)
		entry->next = seq + 1;
	if (newest_ns > entry->last_ns)
		entry->last_ns = newest_ns;
}

void stream_remember(struct stream_entry *entry, uint64_t seq, uint32_t checksum)
{
	entry->contents[seq % STREAM_CHECKSUMS].seq = seq;
	entry->contents[seq % STREAM_CHECKSUMS].checksum = checksum;
}

int streams_save(const struct streams *streams, const struct boot_id *boot, struct arena *arena,
		 struct boot_state *state)
{
	const struct stream_boot *of = find_boot(streams, boot);
	struct state_stream *saved = arena_zalloc(arena, of ? of->count + 1u : 1u, sizeof(*saved));
	const struct stream_entry *entry;
	size_t count = 0;

	if (!saved)
		return -ENOMEM;
	if (of) {
		TAILQ_FOREACH(entry, &of->by_use, by_use)
		{
			if (entry->next) /* something was taken */
				saved[count++] =
				    (struct state_stream){entry->stream, entry->first, entry->next, entry->last_ns};
		}
	}
	state->streams = saved;
	state->stream_count = count;
	return 0;
}

int streams_restore(struct streams *streams, const struct boot_state *state)
{
	for (size_t i = 0; i < state->stream_count; i++) {
		const struct state_stream *saved = &state->streams[i];
		struct stream_entry *entry;
		int r;

		if (saved->next_seq == 0 || saved->next_seq > STREAM_SEQ_MAX)
			continue;
		r = streams_get(streams, &state->boot, saved->stream, &entry);
		if (r < 0)
			return r;
		stream_take(entry, saved->next_seq - 1, saved->newest_ns);
		entry->first = saved->first_seq;
		entry->durable = entry->next - 1;
	}
	return 0;
}
