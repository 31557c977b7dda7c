/* SPDX-License-Identifier: Apache-2.0 */
/* Everything goes through protobuf-c with the caller's arena: a host boot is written once a checkpoint, speed does not
 * matter here. */
#include "proto/wire/state.h"

#include <errno.h>
#include <string.h>

#include "proto/canopy.pb-c.h"

#define TYPES 5u /* elements of facts and lost */

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static int put_eras(struct arena *arena, const struct boot_state *from, Canopy__V1__HostState *to)
{
	to->era_since_ns = arena_zalloc(arena, from->era_count + 1, sizeof(uint64_t));
	to->era_to_wall_ns = arena_zalloc(arena, from->era_count + 1, sizeof(int64_t));
	if (!to->era_since_ns || !to->era_to_wall_ns)
		return -ENOMEM;
	for (size_t i = 0; i < from->era_count; i++) {
		to->era_since_ns[i] = from->eras[i].since_ns;
		to->era_to_wall_ns[i] = from->eras[i].boottime_to_wall_ns;
	}
	to->n_era_since_ns = to->n_era_to_wall_ns = from->era_count;
	return 0;
}

static int put_gaps(struct arena *arena, const struct boot_state *from, Canopy__V1__HostState *to)
{
	Canopy__V1__Gap *gaps = arena_zalloc(arena, from->gap_count + 1, sizeof(*gaps));

	to->gaps = arena_zalloc(arena, from->gap_count + 1, sizeof(*to->gaps));
	if (!gaps || !to->gaps)
		return -ENOMEM;
	for (size_t i = 0; i < from->gap_count; i++) {
		canopy__v1__gap__init(&gaps[i]);
		gaps[i].type = from->gaps[i].type;
		gaps[i].reason = (Canopy__V1__Gap__Reason)from->gaps[i].reason;
		gaps[i].from_ns = from->gaps[i].from_ns;
		gaps[i].to_ns = from->gaps[i].to_ns;
		gaps[i].count = from->gaps[i].count;
		to->gaps[i] = &gaps[i];
	}
	to->n_gaps = from->gap_count;
	return 0;
}

static int put_streams(struct arena *arena, const struct boot_state *from, Canopy__V1__HostState *to)
{
	Canopy__V1__StreamState *streams = arena_zalloc(arena, from->stream_count + 1, sizeof(*streams));

	to->streams = arena_zalloc(arena, from->stream_count + 1, sizeof(*to->streams));
	if (!streams || !to->streams)
		return -ENOMEM;
	for (size_t i = 0; i < from->stream_count; i++) {
		canopy__v1__stream_state__init(&streams[i]);
		streams[i].stream = from->streams[i].stream;
		streams[i].first_seq = from->streams[i].first_seq;
		streams[i].next_seq = from->streams[i].next_seq;
		streams[i].newest_ns = from->streams[i].newest_ns;
		to->streams[i] = &streams[i];
	}
	to->n_streams = from->stream_count;
	return 0;
}

static void put_numbers(const struct boot_state *from, Canopy__V1__HostState *to)
{
	to->boot_id = (ProtobufCBinaryData){BOOT_ID_BYTES, (uint8_t *)(uintptr_t)from->boot.octets};
	to->facts = (uint64_t *)(uintptr_t)from->facts;
	to->lost = (uint64_t *)(uintptr_t)from->lost;
	to->n_facts = to->n_lost = TYPES;
	to->evicted = from->evicted;
	to->horizon_ns = from->horizon_ns;
	to->snapshot_ns = from->snapshot_ns;
	to->clock_known = from->clock_known;
	to->clock_ns = from->clock_ns;
	to->boottime_to_wall_ns = from->boottime_to_wall_ns;
	to->fact_known = from->fact_known;
	to->first_fact_ns = from->first_fact_ns;
	to->first_fact_to_wall_ns = from->first_fact_to_wall_ns;
	to->last_fact_ns = from->last_fact_ns;
	to->sequence_gaps = from->sequence_gaps;
	to->seen_wall_ns = from->seen_wall_ns;
	to->last_record = from->last_record;
}

int boot_state_encode(const struct boot_state *state, struct arena *arena, struct bytes *ret)
{
	Canopy__V1__HostState to = CANOPY__V1__HOST_STATE__INIT;
	uint8_t *data;
	size_t len;

	if (state->era_count > STATE_ERAS_MAX || state->gap_count > STATE_GAPS_MAX ||
	    state->stream_count > STATE_STREAMS_MAX)
		return -EINVAL;
	put_numbers(state, &to);
	if (put_eras(arena, state, &to) < 0 || put_gaps(arena, state, &to) < 0 || put_streams(arena, state, &to) < 0)
		return -ENOMEM;
	len = canopy__v1__host_state__get_packed_size(&to);
	data = arena_alloc(arena, len);
	if (!data)
		return -ENOMEM;
	(void)canopy__v1__host_state__pack(&to, data);
	*ret = bytes_make(data, len);
	return 0;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

struct decode {
	struct arena *arena;
	bool no_memory;
};

static void *allocate(void *data, size_t size)
{
	struct decode *decode = data;
	void *p = arena_alloc(decode->arena, size);

	decode->no_memory |= !p;
	return p;
}

static void no_free(void *data, void *p)
{
	(void)data;
	(void)p;
}

static void take_counts(const uint64_t *from, size_t count, uint64_t to[TYPES])
{
	for (size_t i = 0; i < count && i < TYPES; i++)
		to[i] = from[i];
}

static void take_numbers(const Canopy__V1__HostState *from, struct boot_state *to)
{
	memcpy(to->boot.octets, from->boot_id.data, BOOT_ID_BYTES);
	take_counts(from->facts, from->n_facts, to->facts);
	take_counts(from->lost, from->n_lost, to->lost);
	to->evicted = from->evicted;
	to->horizon_ns = from->horizon_ns;
	to->snapshot_ns = from->snapshot_ns;
	to->clock_known = from->clock_known;
	to->clock_ns = from->clock_ns;
	to->boottime_to_wall_ns = from->boottime_to_wall_ns;
	to->fact_known = from->fact_known;
	to->first_fact_ns = from->first_fact_ns;
	to->first_fact_to_wall_ns = from->first_fact_to_wall_ns;
	to->last_fact_ns = from->last_fact_ns;
	to->sequence_gaps = from->sequence_gaps;
	to->seen_wall_ns = from->seen_wall_ns;
	to->last_record = from->last_record;
	to->era_count = from->n_era_since_ns;
	to->gap_count = from->n_gaps;
	to->stream_count = from->n_streams;
}

static int take_lists(struct arena *arena, const Canopy__V1__HostState *from, struct boot_state *to)
{
	struct state_era *eras = arena_zalloc(arena, to->era_count + 1, sizeof(*eras));
	struct gap *gaps = arena_zalloc(arena, to->gap_count + 1, sizeof(*gaps));
	struct state_stream *streams = arena_zalloc(arena, to->stream_count + 1, sizeof(*streams));

	if (!eras || !gaps || !streams)
		return -ENOMEM;
	for (size_t i = 0; i < to->era_count; i++)
		eras[i] = (struct state_era){from->era_since_ns[i], from->era_to_wall_ns[i]};
	for (size_t i = 0; i < to->gap_count; i++)
		gaps[i] = (struct gap){from->gaps[i]->type, (uint32_t)from->gaps[i]->reason, from->gaps[i]->from_ns,
				       from->gaps[i]->to_ns, from->gaps[i]->count};
	for (size_t i = 0; i < to->stream_count; i++)
		streams[i] = (struct state_stream){from->streams[i]->stream, from->streams[i]->first_seq,
						   from->streams[i]->next_seq, from->streams[i]->newest_ns};
	to->eras = eras;
	to->gaps = gaps;
	to->streams = streams;
	return 0;
}

int boot_state_decode(struct arena *arena, const uint8_t *data, size_t len, struct boot_state *ret)
{
	struct decode decode = {.arena = arena};
	ProtobufCAllocator allocator = {allocate, no_free, &decode};
	Canopy__V1__HostState *from = canopy__v1__host_state__unpack(&allocator, len, data);
	struct boot_state state = {0};

	if (!from)
		return decode.no_memory ? -ENOMEM : -EBADMSG;
	if (from->boot_id.len != BOOT_ID_BYTES || from->n_era_since_ns != from->n_era_to_wall_ns ||
	    from->n_era_since_ns > STATE_ERAS_MAX || from->n_gaps > STATE_GAPS_MAX ||
	    from->n_streams > STATE_STREAMS_MAX)
		return -EBADMSG;
	take_numbers(from, &state);
	if (take_lists(arena, from, &state) < 0)
		return -ENOMEM;
	*ret = state;
	return 0;
}
