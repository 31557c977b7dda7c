/* SPDX-License-Identifier: Apache-2.0 */
/* Batches go through the sensor's own encoder and, compressed, through the compressor that its uplink has for each
 * connection. A heartbeat is told in between every UPLINK_HEARTBEAT_MS of the host's time if that is wanted, since no
 * message behind it can be told by those before it. */
#include "frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "history.h"
#include "json.h"
#include "need.h"
#include "proto/batch/encoder.h"
#include "proto/wire/message.h"
#include "sensor/uplink/uplink.h"

struct making {
	const struct options *options;
	uint32_t host;
	struct frames *frames;
	struct batch_encoder *encoder;
	struct compressor *compressor; /* NULL = as it is */
	struct history *history;
	uint64_t begin_ns, beat_ns; /* boottime of the batch's first fact, and of the next heartbeat */
};

struct boot_id frames_boot(const struct options *options, uint32_t host)
{
	struct boot_id boot = {{0xf1, 0xee, 0x70}};

	memcpy(boot.octets + 4, &options->seed, 8);
	memcpy(boot.octets + 12, &host, 4);
	return boot;
}

static void keep(struct frames *frames, uint8_t *data, size_t len)
{
	if (frames->count == frames->capacity) {
		frames->capacity = frames->capacity ? 2 * frames->capacity : 8;
		frames->list = need_memory(reallocarray(frames->list, frames->capacity, sizeof(*frames->list)));
	}
	frames->list[frames->count++] = (struct frame){data, len};
}

/* The heartbeats that are due are told as one: an idle sensor's others stand alone and change nothing. */
static size_t tell_beat(struct making *m, uint8_t **ret)
{
	struct message message = {.type = MESSAGE_HEARTBEAT};
	size_t len;

	if (!m->options->beats || m->begin_ns < m->beat_ns)
		return 0;
	m->beat_ns = m->begin_ns + UPLINK_HEARTBEAT_MS * 1000000ull;
	message.heartbeat = (struct heartbeat){.boottime_ns = m->begin_ns,
					       .boottime_to_wall_ns = FRAMES_OFFSET_NS,
					       .queue_bytes = 4096,
					       .queue_batches = 1,
					       .facts_fork = m->frames->events / 3,
					       .facts_exec = m->frames->events / 3,
					       .facts_exit = m->frames->events / 3,
					       .cpu_ns = m->begin_ns / 500,
					       .rss_bytes = 8 << 20,
					       .last_fact_ns = m->begin_ns};
	need(message_encode_with(&message, m->compressor, ret, &len), "heartbeat");
	m->frames->beats++;
	m->frames->beat_bytes += len;
	return len;
}

static void close_batch(struct making *m)
{
	struct batch_id id = {frames_boot(m->options, m->host), 1 + m->host, m->frames->count + 1};
	struct message message = {.type = MESSAGE_BATCH};
	uint8_t *beat = NULL, *frame;
	size_t beat_len, len;
	const uint8_t *data;

	if (batch_encoder_count(m->encoder) == 0)
		return;
	beat_len = tell_beat(m, &beat);
	need(batch_encoder_finish(m->encoder, &id, FRAMES_OFFSET_NS, &data, &len), "batch");
	message.batch = bytes_make(data, len);
	need(message_encode_with(&message, m->compressor, &frame, &len), "frame");
	m->frames->bytes += len;
	if (beat) {
		beat = need_memory(realloc(beat, beat_len + len));
		memcpy(beat + beat_len, frame, len);
		free(frame);
		frame = beat;
	}
	keep(m->frames, frame, beat_len + len);
}

static void add(struct making *m, const struct fact *fact)
{
	if (batch_encoder_count(m->encoder) >= m->options->batch)
		close_batch(m);
	if (batch_encoder_add(m->encoder, fact) == BATCH_E_FULL) {
		close_batch(m);
		need(batch_encoder_add(m->encoder, fact), "fact");
	}
	if (batch_encoder_count(m->encoder) == 1)
		m->begin_ns = fact->time_ns;
}

static void make_residents(struct making *m)
{
	struct fact fact;

	for (uint32_t n = 0; n < m->options->resident; n++) {
		for (unsigned which = 0; which < 2; which++) {
			history_resident(m->history, n, which, &fact);
			add(m, &fact);
		}
	}
	close_batch(m);
	m->frames->resident = m->frames->count;
	m->frames->bytes = m->frames->beats = m->frames->beat_bytes = 0;
}

static void make_batches(struct making *m, uint64_t share)
{
	struct fact fact;

	for (; m->frames->events < share; m->frames->events++) {
		history_next(m->history, &fact);
		add(m, &fact);
	}
	close_batch(m);
}

/* Lines in pieces of the size of a batch, so that both kinds are sent alike. */
static void make_lines(struct making *m, uint64_t share)
{
	struct fact fact;

	while (m->frames->events < share) {
		uint64_t left = share - m->frames->events, count = left < m->options->batch ? left : m->options->batch;
		uint8_t *data = need_memory(malloc(count * JSON_LINE_MAX));
		size_t len = 0;

		for (uint64_t i = 0; i < count; i++) {
			history_next(m->history, &fact);
			len += json_line(m->host, &fact, m->options->json == 2, (char *)data + len);
		}
		keep(m->frames, need_memory(realloc(data, len)), len);
		m->frames->bytes += len;
		m->frames->events += count;
	}
}

static void start(struct making *m)
{
	uint32_t kinds = (m->options->zstd ? COMPRESSION_ZSTD : COMPRESSION_ZLIB) |
			 (m->options->previous ? COMPRESSION_PREVIOUS : 0);

	need(batch_encoder_create(&m->encoder), "encoder");
	if (m->options->zlib || m->options->zstd)
		need(compressor_create(&m->compressor, kinds), "compressor");
	m->history = need_memory(malloc(sizeof(*m->history)));
	history_init(m->history, m->options->seed, m->host);
}

void frames_make(struct frames *ret, const struct options *options, uint32_t host, uint64_t share)
{
	struct making m = {.options = options, .host = host, .frames = ret};

	*ret = (struct frames){0};
	start(&m);
	make_residents(&m);
	if (options->json)
		make_lines(&m, share);
	else
		make_batches(&m, share);
	free(m.history);
	compressor_destroy(m.compressor);
	batch_encoder_destroy(m.encoder);
}

void frames_free(struct frames *frames, size_t n)
{
	free(frames->list[n].data);
	frames->list[n].data = NULL;
}
