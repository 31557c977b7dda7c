/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/listen/route.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int passage_create(struct passage **ret, struct stream *stream, const struct frame_reader *reader, size_t from)
{
	struct passage *passage = calloc(1, sizeof(*passage));
	int r = -ENOMEM;

	if (passage) {
		passage->len = reader->end - from;
		passage->data = malloc(passage->len);
	}
	if (passage && passage->data) {
		memcpy(passage->data, reader->buffer + from, passage->len);
		r = stream_release(stream, &passage->stream);
	}
	if (r < 0) {
		if (passage)
			free(passage->data);
		free(passage);
		return r;
	}
	*ret = passage;
	return 0;
}

int passage_unpack(const struct passage *passage, struct frame_reader *reader)
{
	const uint8_t *data = passage->data;
	size_t len = passage->len;

	while (len > 0) {
		uint8_t *at;
		size_t room;
		int r = frame_reader_space(reader, &at, &room);

		if (r < 0)
			return r;
		room = room < len ? room : len;
		memcpy(at, data, room);
		frame_reader_filled(reader, room);
		data += room;
		len -= room;
	}
	return 0;
}

void passage_drop(struct passage *passage)
{
	stream_passage_drop(&passage->stream);
	free(passage->data);
	free(passage);
}

struct relay *relay_create(const struct batch_id *id, struct bytes batch, struct session *session,
			   const struct speaker *speaker, int64_t now_ns)
{
	struct relay *relay = calloc(1, sizeof(*relay));
	uint8_t *data = malloc(batch.len);

	if (!relay || !data || speaker_copy(&relay->speaker, speaker) < 0) {
		free(relay);
		free(data);
		return NULL;
	}
	memcpy(data, batch.data, batch.len);
	relay->session = session;
	relay->boot = id->boot;
	relay->stream = id->stream;
	relay->seq = id->seq;
	relay->now_ns = now_ns;
	relay->data = data;
	relay->len = batch.len;
	return relay;
}

void relay_destroy(struct relay *relay)
{
	speaker_finish(&relay->speaker);
	free(relay->data);
	free(relay);
}
